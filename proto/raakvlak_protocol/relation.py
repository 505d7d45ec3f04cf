"""What a person or address is to a case's client, and which pairs of relations make a match (DESIGN §5)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Relation(StrEnum):
    """The shared person or address, seen from a case."""

    CLIENT = "client"
    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    ADDRESS = "address"


class MatchKind(StrEnum):
    """What two organisations have in common: the client, or the family."""

    CLIENT = "client"
    FAMILY = "family"


_FAMILY: Final = frozenset(
    frozenset(pair)
    for pair in (
        (Relation.CLIENT, Relation.PARENT),
        (Relation.CLIENT, Relation.CHILD),
        (Relation.CLIENT, Relation.SIBLING),
        (Relation.PARENT,),
        (Relation.CHILD,),
        (Relation.SIBLING,),
        (Relation.SIBLING, Relation.CHILD),
        (Relation.ADDRESS,),
    )
)


def match_kind(own: Relation, other: Relation) -> MatchKind | None:
    """The match that one shared person or address makes between two cases, or None.

    Symmetric. Uncles (parent with sibling) and grandparents (parent with child) are none.
    """
    if own is other is Relation.CLIENT:
        return MatchKind.CLIENT
    return MatchKind.FAMILY if frozenset((own, other)) in _FAMILY else None


def matching(own: Iterable[Relation], others: Iterable[Relation]) -> dict[Relation, MatchKind]:
    """The own relations that match any of the other side's, each with the strongest match that it makes."""
    found: dict[Relation, MatchKind] = {}
    others = tuple(others)
    for mine in own:
        kinds = {match_kind(mine, theirs) for theirs in others} - {None}
        if kinds:
            found[mine] = MatchKind.CLIENT if MatchKind.CLIENT in kinds else MatchKind.FAMILY
    return found
