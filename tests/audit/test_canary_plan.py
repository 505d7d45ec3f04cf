"""Plans of test persons: how they are spread, what they show, and which file is one."""

import os
from collections import Counter
from datetime import date
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_audit import canary
from raakvlak_audit.canary import Plan, certainty, needed, parse_plan, percent, smallest_share, spread
from raakvlak_protocol.canary import MAX_CANARIES, parse_order
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import make_covenant

MADE, UNTIL = date(2026, 3, 2), date(2026, 5, 31)
KINDS = {
    "cjg": "youth_care", "hq": "coordinator", "police": "police", "refuge": "shelter", "school": "education",
    "town": "municipality",
}  # fmt: skip


@pytest.fixture(scope="module")
def covenant() -> Covenant:
    def change(payload: pb.Covenant) -> None:
        """The police and a school don't see each other's matches."""
        kept = [each for each in payload.rules.direct if {each.one, each.other} != {"police", "education"}]
        del payload.rules.direct[:]
        payload.rules.direct.extend(kept)

    return make_covenant(members=KINDS, change=change).covenant


def plan_of(covenant: Covenant, count: int) -> Plan:
    return canary.draw(covenant, canary.chosen(covenant, ()), count, MADE, UNTIL, os.urandom)


def test_who_can_take_part(covenant: Covenant) -> None:
    assert canary.chosen(covenant, ()) == ["cjg", "police", "school", "town"]
    assert canary.chosen(covenant, ("town", "cjg", "town")) == ["cjg", "town"]
    for named, message in (
        (("town", "refuge"), "refuge publish no clients"),
        (("town", "hq"), "hq publish no clients"),
        (("police", "school"), "no two see each other's matches"),
        (("town",), "no two see each other's matches"),
        (("town", "nobody"), "names no such member"),
    ):
        with pytest.raises(Refused, match=message):
            canary.chosen(covenant, named)


@pytest.mark.parametrize("count", [5, 7, 60])
def test_pairs_are_covered_evenly_by_twos(covenant: Covenant, count: int) -> None:
    plan = plan_of(covenant, count)
    covered = Counter(pair for each in plan.canaries for pair in each.pairs())
    assert set(covered) == set(canary.direct_pairs(covenant, KINDS)) and ("police", "school") not in covered
    assert max(covered.values()) - min(covered.values()) <= 1
    assert {len(each.members) for each in plan.canaries} == {2}
    assert len({each.person for each in plan.canaries}) == count


def test_fewer_test_persons_than_pairs_are_shared_by_more(covenant: Covenant) -> None:
    plan = plan_of(covenant, 2)
    assert sorted(sorted(each.members) for each in plan.canaries) == [["cjg", "police", "town"], ["cjg", "school", "town"]]


@given(st.integers(2, 9), st.integers(1, 40), st.data())
def test_every_two_of_a_set_see_each_other(members: int, count: int, data: st.DataObject) -> None:
    every = list(combinations([f"m{number}" for number in range(members)], 2))
    pairs = sorted(data.draw(st.sets(st.sampled_from(every), min_size=1)))
    sets = spread(pairs, count)
    covered = {pair for each in sets for pair in combinations(sorted(each), 2)}
    assert len(sets) == count and covered <= set(pairs)
    if count >= len(pairs):
        assert covered == set(pairs) and all(len(each) == 2 for each in sets)


def test_each_member_is_handed_its_own(covenant: Covenant) -> None:
    plan = plan_of(covenant, 12)
    for order in plan.orders():
        assert parse_order(order.encode()) == order
        assert order.canaries == frozenset(each.person for each in plan.canaries if order.member in each.members)
        assert (order.plan, order.valid_until, order.covenant_id) == (plan.id, UNTIL, "zeeland")


def test_more_than_an_order_holds_is_refused() -> None:
    covenant = make_covenant().covenant
    assert len(canary.draw(covenant, ["school", "town"], MAX_CANARIES, MADE, UNTIL, os.urandom).canaries) == MAX_CANARIES
    with pytest.raises(Refused, match="plan fewer"):
        canary.draw(covenant, ["school", "town"], MAX_CANARIES + 1, MADE, UNTIL, os.urandom)


def test_a_plan_is_read_as_written_and_not_otherwise(covenant: Covenant) -> None:
    plan = plan_of(covenant, 3)
    raw = plan.encode()
    assert parse_plan(raw) == plan
    for changed in (b"", b"[]", b"{}", raw[:-1], raw.replace(b"\n", b"\r\n"), raw.replace(b"plan/1", b"plan/2"),
                    raw.replace(b'"cjg",', b'"cjg", "cjg",'), raw.replace(b"2026-03-02", b"20260302"), b"\xff", b'"x"',
                    raw.replace(b'"members"', b'"member"'), plan.orders()[0].encode()):  # fmt: skip
        with pytest.raises(Malformed):
            parse_plan(changed)


def test_what_a_number_shows() -> None:
    assert certainty(0.5, 1) == 0.5
    assert certainty(0.05, 59) >= 0.95 > certainty(0.05, 58)
    assert (needed(0.05, 0.95), needed(0.01, 0.99), needed(0.5, 0.5)) == (59, 459, 1)
    assert (percent(0.9999), percent(1.0), percent(0.05)) == (99.9, 99.9, 5.0)


@given(st.floats(0.001, 0.9), st.floats(0.5, 0.999))
def test_needed_is_the_fewest(share: float, wanted: float) -> None:
    count = needed(share, wanted)
    assert certainty(share, count) >= wanted
    assert count == 1 or certainty(share, count - 1) < wanted


@given(st.integers(1, 500), st.floats(0.5, 0.999))
def test_the_smallest_share_has_that_certainty(count: int, wanted: float) -> None:
    assert certainty(smallest_share(count, wanted), count) == pytest.approx(wanted)


@given(st.integers(1, 200), st.data())
def test_a_fixed_number_left_out_blindly_shows_no_less(matches: int, data: st.DataObject) -> None:
    left_out, looked_at = data.draw(st.integers(0, matches)), data.draw(st.integers(0, matches))
    shows = 1 - comb(matches - left_out, looked_at) / comb(matches, looked_at)
    assert shows >= certainty(left_out / matches, looked_at) - 1e-9
