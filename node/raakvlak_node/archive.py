"""Cases that have ended and are kept for a while, where the covenant's profile has an archive. Nothing publishes from here,
and no picture or list of cases holds them; each goes by itself when its time is over."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from raakvlak_node.case import Case, parse
from raakvlak_node.store import Store
from raakvlak_protocol.identifier import Bsn

ID_BYTES: Final = 8
_OF_RELATIVES: Final = ("parent_bsn_1", "parent_bsn_2", "child_bsns", "sibling_bsns")


@dataclass(frozen=True, slots=True, repr=False)
class Archived:
    """A case as it was when it ended, why and when that was, and the month (since 2000-01) in which it goes."""

    id: bytes
    case: Case
    reason: str
    ended: date
    until: int

    def __repr__(self) -> str:
        return "Archived(…)"


class Archive:
    """The verbs, on a node's store."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def keep(self, case: Case, reason: str, ended: date, until: int) -> None:
        """Keeps a copy until the month `until`."""
        self._put(Archived(self._random(ID_BYTES), case, reason, ended, until))

    def _put(self, each: Archived) -> None:
        packed = json.dumps([each.case.encode().decode(), each.reason, each.ended.isoformat()]).encode()
        sealed = self._store.vault.seal(packed, "archive", each.id)
        self._run("INSERT OR REPLACE INTO archive (id, until, sealed) VALUES (?, ?, ?)", (each.id, each.until, sealed))

    def all(self) -> list[Archived]:
        """By the month in which they go, then by reference."""
        return sorted(self._each(), key=lambda each: (each.until, each.case.reference))

    def _each(self) -> Iterator[Archived]:
        for id, until, sealed in self._run("SELECT id, until, sealed FROM archive").fetchall():
            case, reason, ended = json.loads(self._store.vault.open(sealed, "archive", id).reveal())
            yield Archived(bytes(id), Case.decode(case.encode()), reason, date.fromisoformat(ended), until)

    def forget(self, month: int) -> int:
        """Destroys what was kept until this month or an earlier one; how many cases that were."""
        return int(self._run("DELETE FROM archive WHERE until <= ?", (month,)).rowcount)

    def holds(self, person: bytes) -> bool:
        """Whether the person of this handle stands in an archived case."""
        return any(
            person in map(self._handle, (case.client, *case.former, *case.parents, *case.children, *case.siblings))
            for case in (each.case for each in self._each())
        )

    def erase(self, person: bytes) -> int:
        """Destroys the cases whose client has this handle, and leaves a relative who has it out of the others; how many
        cases that touched."""
        count = 0
        for each in self.all():
            if person in map(self._handle, (each.case.client, *each.case.former)):
                self._run("DELETE FROM archive WHERE id = ?", (each.id,))
                count += 1
            elif person in map(self._handle, (*each.case.parents, *each.case.children, *each.case.siblings)):
                self._put(replace(each, case=self._without(each.case, person)))
                count += 1
        return count

    def _handle(self, number: Bsn) -> bytes:
        return self._store.person_handle(number)

    def _without(self, case: Case, person: bytes) -> Case:
        columns = dict(case.columns)
        for column in _OF_RELATIVES:
            kept = (number for number in columns[column].split() if self._handle(Bsn.parse(number)) != person)
            columns[column] = " ".join(kept)
        return parse(columns, today=date.max, adults=True).with_former(*case.former)
