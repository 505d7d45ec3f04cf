"""Mails that wait for being taken by the mail server: composed, sealed, each with the id that it keeps in every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from raakvlak_node.store import Store

GIVEN_UP: Final = "mails_given_up"
"""The number that counts mails that were not taken in time."""
REFUSED: Final = "mails_refused"
"""The number that counts mails that the server refused for good: as a rule an address that is not there."""
TROUBLE: Final = "mail_trouble"
"""The remark that says why the last attempt failed; empty where it did not."""


@dataclass(frozen=True, slots=True, repr=False)
class Waiting:
    """A mail that waits. `queued` and `due` are Unix seconds; `attempts` counts those made."""

    number: int
    to: str
    content: bytes
    queued: int
    due: int
    attempts: int


class Outbox:
    """The verbs, on a node's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def put(self, id: str, to: str, content: bytes, now: int) -> None:
        """Within the caller's transaction. `id` is the mail's own."""
        sealed = self._store.vault.seal(to.encode() + b"\n" + content, "mail", id)
        self._run("INSERT INTO mail (id, sealed, queued, due, attempts) VALUES (?, ?, ?, ?, 0)", (id, sealed, now, now))

    def due(self, now: int, most: int) -> list[Waiting]:
        """What is to be sent by now, in the order in which it became due."""
        rows = self._run(
            "SELECT number, id, sealed, queued, due, attempts FROM mail WHERE due <= ? ORDER BY due, number LIMIT ?",
            (now, most),
        )
        return [Waiting(row[0], *self._opened(row[1], row[2]), *row[3:]) for row in rows.fetchall()]

    def _opened(self, id: str, sealed: bytes) -> tuple[str, bytes]:
        to, _, content = self._store.vault.open(sealed, "mail", id).reveal().partition(b"\n")
        return to.decode(), content

    def settle(
        self,
        taken: Sequence[Waiting],
        postponed: Mapping[int, int],
        refused: Sequence[Waiting],
        given_up: Sequence[Waiting],
        trouble: str,
    ) -> None:
        """What came of a round, in one transaction. `postponed` says when each is due again, by its number."""
        with self._store.transaction():
            for each in (*taken, *refused, *given_up):
                self._run("DELETE FROM mail WHERE number = ?", (each.number,))
            for number, due in postponed.items():
                self._run("UPDATE mail SET due = ?, attempts = attempts + 1 WHERE number = ?", (due, number))
            self._count(REFUSED, len(refused))
            self._count(GIVEN_UP, len(given_up))
            self._store.set_remark(TROUBLE, trouble)

    def give_up(self, queued_before: int) -> int:
        """Gives up what was tried, and has waited since before this Unix second; returns how many."""
        with self._store.transaction():
            count = int(self._run("DELETE FROM mail WHERE attempts > 0 AND queued < ?", (queued_before,)).rowcount)
            self._count(GIVEN_UP, count)
        return count

    def note(self, trouble: str) -> None:
        """Why nothing could be sent at all; nothing counts as an attempt."""
        if self._store.remark(TROUBLE) != trouble:
            self._store.set_remark(TROUBLE, trouble)

    def _count(self, name: str, count: int) -> None:
        if count:
            self._store.set_number(name, self._store.number(name) + count)

    def counts(self) -> dict[str, Any]:
        """For `status`."""
        (waiting,) = self._run("SELECT count(*) FROM mail").fetchone()
        return {
            "mails_waiting": waiting,
            "mails_given_up": self._store.number(GIVEN_UP),
            "mails_refused": self._store.number(REFUSED),
            "mail_trouble": self._store.remark(TROUBLE),
        }
