"""Which persons and addresses of a case may become tokens, and who is told of their matches: the covenant's rules, pure
(DESIGN §2, DOMAIN)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from raakvlak_node.case import Case
from raakvlak_protocol.covenant import NEVER_DIRECT, Covenant, Member
from raakvlak_protocol.identifier import Identifier
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation

_OF_AN_ADULT: Final = frozenset({Relation.CLIENT, Relation.CHILD, Relation.ADDRESS})
_NOTHING: Final[frozenset[Relation]] = frozenset()


class Stance(Enum):
    """How a person's own objection stands at this node."""

    NONE = "none"
    SUSPENDED = "suspended"
    """It waits for a decision: nothing of the person is published."""
    ENDED = "ended"
    """It was upheld, or the person's data were to be erased: the person stands in no case any more."""


def unopposed(identifier: Identifier) -> Stance:
    """Nobody has objected."""
    return Stance.NONE


@dataclass(frozen=True, slots=True)
class Involvement:
    """A person or address of a case, what it is to the client, in which place (parent 1, parent 2 …), and who is told of
    its matches: nobody where `visibility` is None, because then it is not published. An address is also bound by the
    household limit, which only the whole caseload can tell."""

    identifier: Identifier
    relation: Relation
    place: int
    visibility: Visibility | None

    @property
    def publish(self) -> bool:
        return self.visibility is not None


def visibility_of(case: Case, covenant: Covenant, member: Member, *, released: bool) -> Visibility | None:
    """Who is told of the case's matches. A confidential case that is not released, a protected one, and every case of a
    shelter go through the coordinator; None where the covenant has none for this kind of organisation."""
    if member.kind in NEVER_DIRECT or case.protected or (case.confidential and not released):
        return Visibility.COORDINATOR if covenant.coordinated(member.kind) else None
    return Visibility.DIRECT


def involvements(
    case: Case,
    covenant: Covenant,
    member: Member,
    today: date,
    *,
    released: bool = False,
    lapsed: bool = False,
    stance: Callable[[Identifier], Stance] = unopposed,
) -> list[Involvement]:
    """Everybody in the case, in the order of its columns, but for whoever is not to stand in it any more.

    A case whose term is over publishes nothing, and neither does one whose client has objected; a relative who has
    objected is kept back alone. The address of a protected case or a shelter is the location itself and never published.
    Of an adult client's relatives only children are published, and nothing at all where the covenant has no adult clients.
    """
    visibility = visibility_of(case, covenant, member, released=released)
    allowed = _NOTHING if lapsed or visibility is None else covenant.may_publish(member.kind)
    if case.protected or member.kind in NEVER_DIRECT:
        allowed -= {Relation.ADDRESS}
    if case.adult(today):
        allowed &= _OF_AN_ADULT if covenant.adult_clients else _NOTHING
    if any(stance(number) is not Stance.NONE for number in (case.client, *case.former)):
        allowed = _NOTHING
    found = []
    for relation, place, identifier in _everybody(case):
        said = stance(identifier)
        shown = visibility if relation in allowed and said is Stance.NONE else None
        if said is not Stance.ENDED:
            found.append(Involvement(identifier, relation, place, shown))
    return found


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
