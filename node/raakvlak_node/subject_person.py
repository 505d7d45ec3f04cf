"""One person as this node may tell of it: its numbers, the cases in which it stands, and what is left out by rule."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from raakvlak_node import tokens
from raakvlak_node.archive import Archived
from raakvlak_node.case import Case
from raakvlak_node.node import Node
from raakvlak_node.workdays import ZONE
from raakvlak_protocol.covenant import NEVER_DIRECT
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation

_SHOWN_ENDING: Final = 3
"""Digits of the number, so that nobody is handed another's report."""


@dataclass(frozen=True, slots=True, repr=False)
class Stand:
    """An own case that may be told of, what the person is in it, whether that may be published, and the month in which
    the case's term is over."""

    case: Case
    relation: Relation
    publish: bool
    until: int


class Person:
    """Answers as if the cases that are left out, and who stands only in these, were not there."""

    def __init__(self, node: Node, identifier: Bsn) -> None:
        self.node = node
        self.ending = identifier.canonical.reveal().decode()[-_SHOWN_ENDING:]
        self._open: dict[bytes, Case | None] = {}
        self.handles = self._all_numbers(node.store.person_handle(identifier))
        self.stands = self._stands()
        self.archived = self._archived()

    def run(self, sql: str, *values: Any) -> list[Any]:
        return list(self.node.store.database.execute(sql, values).fetchall())

    def case(self, own_case: bytes) -> Case | None:
        """The own case of this handle, unless it is one that is left out."""
        if own_case not in self._open:
            found = self.node.store.case(own_case)
            released = self.node.standing().released(own_case)
            self._open[own_case] = found if found is not None and self._is_direct(found, released=released) else None
        return self._open[own_case]

    def _is_direct(self, case: Case, *, released: bool) -> bool:
        """Whether others may see its matches: then the person may too."""
        visibility = tokens.visibility_of(case, self.node.covenant, self.node.member, released=released)
        return visibility is Visibility.DIRECT

    def _archived(self) -> tuple[tuple[Archived, Relation], ...]:
        """Cases in the archive in which the person stands, and as what. A release ended with its case."""
        found = []
        for each in self.node.standing().archive.all():
            if self._is_direct(each.case, released=False):
                found += [(each, relation) for relation in self._relations(each.case)]
        return tuple(found)

    def _relations(self, case: Case) -> list[Relation]:
        numbers = {
            Relation.CLIENT: (case.client, *case.former),
            Relation.PARENT: case.parents,
            Relation.CHILD: case.children,
            Relation.SIBLING: case.siblings,
        }
        store, own = self.node.store, set(self.handles)
        return [relation for relation, among in numbers.items() if own & set(map(store.person_handle, among))]

    def tells(self, reference: str) -> bool:
        """Whether the case of this reference may be told of. Of one that is gone without being archived nobody can say."""
        found = self.case(self.node.store.case_handle(reference))
        return found is not None or any(each.case.reference == reference for each, _ in self.archived)

    def may_name(self, member: str) -> bool:
        """The name of some organisations is a location."""
        found = self.node.covenant.members.get(member)
        return found is None or found.kind not in NEVER_DIRECT

    def name(self, member: str) -> str:
        found = self.node.covenant.members.get(member)
        return member if found is None else found.name

    def _all_numbers(self, person: bytes) -> tuple[bytes, ...]:
        """The person's handle, and those of its other numbers: a client's number may have changed."""
        found = {person: None}
        for row in self.run("SELECT own_case FROM involvement WHERE person = ? AND relation = 'client'", person):
            if self.case(bytes(row[0])) is not None:
                rows = self.run("SELECT person FROM involvement WHERE own_case = ? AND relation = 'client'", row[0])
                found |= {bytes(each[0]): None for each in rows}
        return tuple(sorted(found))

    def _stands(self) -> tuple[Stand, ...]:
        """Each once, though the person has more than one number."""
        found: dict[tuple[bytes, Relation], Stand] = {}
        sql = f"SELECT own_case, relation, publish, until FROM involvement WHERE person IN ({marks(self.handles)})"  # noqa: S608
        for own_case, relation, publish, until in self.run(sql, *self.handles):
            case = self.case(bytes(own_case))
            if case is not None:
                key = (bytes(own_case), Relation(relation))
                published = bool(publish) or (key in found and found[key].publish)
                found[key] = Stand(case, key[1], published, until)
        return tuple(sorted(found.values(), key=lambda each: (each.case.reference, each.relation)))


def marks(items: Iterable[object]) -> str:
    """A question mark for each value of a list in SQL."""
    return ",".join("?" for _ in items)


def day_of(seconds: int) -> date:
    """The day in the Netherlands of a Unix second."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZONE).date()
