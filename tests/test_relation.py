"""DESIGN §5's table, line by line, and nothing beside it."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_protocol.relation import MatchKind, Relation, match_kind, matching

SOME = settings(deadline=None)

CLIENT, PARENT, CHILD, SIBLING, ADDRESS = Relation

TABLE = {
    (CLIENT, CLIENT): MatchKind.CLIENT,
    (CLIENT, PARENT): MatchKind.FAMILY,
    (CLIENT, CHILD): MatchKind.FAMILY,
    (CLIENT, SIBLING): MatchKind.FAMILY,
    (PARENT, PARENT): MatchKind.FAMILY,
    (CHILD, CHILD): MatchKind.FAMILY,
    (SIBLING, SIBLING): MatchKind.FAMILY,
    (SIBLING, CHILD): MatchKind.FAMILY,
    (ADDRESS, ADDRESS): MatchKind.FAMILY,
    (PARENT, SIBLING): None,  # an uncle
    (PARENT, CHILD): None,  # a grandparent
}
# An address is no person: under its own namespace it can't share a token with one.
TABLE |= {(ADDRESS, other): None for other in (CLIENT, PARENT, CHILD, SIBLING)}

some = st.sets(st.sampled_from(Relation))


@pytest.mark.parametrize(("own", "other"), list(product(Relation, repeat=2)))
def test_the_table(own: Relation, other: Relation) -> None:
    expected = TABLE[(own, other)] if (own, other) in TABLE else TABLE[(other, own)]
    assert match_kind(own, other) is expected


def test_the_table_is_whole() -> None:
    assert {frozenset(pair) for pair in TABLE} == {frozenset(pair) for pair in product(Relation, repeat=2)}


@SOME
@given(some, some)
def test_matching_is_the_table_over_sets(own: set[Relation], others: set[Relation]) -> None:
    found = matching(own, others)
    for mine in Relation:
        kinds = {match_kind(mine, theirs) for theirs in others} - {None} if mine in own else set()
        assert found.get(mine) == (MatchKind.CLIENT if MatchKind.CLIENT in kinds else next(iter(kinds), None))


@SOME
@given(some, some)
def test_a_match_is_one_for_both_sides_or_for_neither(own: set[Relation], others: set[Relation]) -> None:
    here, there = matching(own, others), matching(others, own)
    assert bool(here) is bool(there)
    assert (MatchKind.CLIENT in here.values()) is (MatchKind.CLIENT in there.values())


@SOME
@given(some, some)
def test_matching_reads_iterators_once(own: set[Relation], others: set[Relation]) -> None:
    assert matching(iter(own), iter(others)) == matching(own, others)
