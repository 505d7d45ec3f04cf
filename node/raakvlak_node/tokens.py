"""Which persons and addresses of a case may become tokens: the covenant's rules, pure (DESIGN §2, DOMAIN)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from raakvlak_node.case import Case
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant, Member
from raakvlak_protocol.identifier import Identifier
from raakvlak_protocol.relation import Relation

_OF_AN_ADULT: Final = frozenset({Relation.CLIENT, Relation.CHILD, Relation.ADDRESS})


@dataclass(frozen=True, slots=True)
class Involvement:
    """A person or address of a case, what it is to the client, in which place (parent 1, parent 2 …), and whether it
    may be published. An address is also bound by the household limit, which only the whole caseload can tell."""

    identifier: Identifier
    relation: Relation
    place: int
    publish: bool


def involvements(case: Case, covenant: Covenant, member: Member, today: date) -> list[Involvement]:
    """Everybody in the case, in the order of its columns.

    A case marked confidential or protected, and every case of a shelter, publishes nothing: such involvement goes
    through the coordinator. Of an adult client's relatives only children are published, and nothing at all where the
    covenant has no adult clients: whoever turns 23 after the import is withdrawn.
    """
    allowed = covenant.may_publish(member.kind)
    if case.withheld or member.kind in NEVER_DIRECT:
        allowed = frozenset()
    if case.adult(today):
        allowed &= _OF_AN_ADULT if covenant.adult_clients else frozenset()
    return [Involvement(identifier, relation, place, relation in allowed) for relation, place, identifier in _everybody(case)]


def _everybody(case: Case) -> Iterator[tuple[Relation, int, Identifier]]:
    yield Relation.CLIENT, 1, case.client
    for place, former in enumerate(case.former, 2):
        yield Relation.CLIENT, place, former
    for relation, persons in (
        (Relation.PARENT, case.parents),
        (Relation.CHILD, case.children),
        (Relation.SIBLING, case.siblings),
    ):
        for place, person in enumerate(persons, 1):
            yield relation, place, person
    if case.address is not None:
        yield Relation.ADDRESS, 1, case.address
