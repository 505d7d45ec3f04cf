"""The quota's arithmetic against numbers that were worked out by hand."""

import time
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_audit import quota
from raakvlak_audit.quota import Account, Count, Stated
from raakvlak_protocol.covenant import Quota

DAY = date(2026, 3, 2)
ACCOUNT = Account("school", "bsn", 1)


def test_as_many_numbers_pass_the_11_proof_as_the_design_says() -> None:
    """Counted: for each sum of the weighted first eight digits, modulo 11, the last digit is that remainder, 10 being none."""
    remainders = [1] + [0] * 10
    for weight in (9, 8, 7, 6, 5, 4, 3, 2):
        following = [0] * 11
        for remainder, count in enumerate(remainders):
            for digit in range(10):
                following[(remainder + weight * digit) % 11] += count
        remainders = following
    assert sum(remainders[:10]) - 1 == quota.PASSING == 90_909_090


def test_two_thousand_a_day_at_two_of_three_means_83_years() -> None:
    reach = quota.reach({"town": Quota(declared=200_000, first_load=0, daily=2000)}, holders=3, threshold=2)
    assert reach.a_day == 3000
    assert reach.sweep_days == 30_304
    assert reach.sweep_days is not None
    assert round(quota.years(reach.sweep_days)) == 83
    assert (reach.list_size, reach.list_days, reach.list_days_fresh) == (200_000, 67, 67)


def test_several_members_together_divide_the_time() -> None:
    quotas = {name: Quota(200_000, 200_000, 2000) for name in ("a", "b", "c", "d")}
    together = quota.reach(quota.largest(quotas, 3), holders=3, threshold=2)
    assert together.members == ("a", "b", "c")
    assert together.a_day == 9000
    assert together.sweep_days == 10_102
    assert (together.list_days, together.list_days_fresh) == (23, 0)


def test_the_largest_are_those_with_the_largest_daily_quota() -> None:
    quotas = {"a": Quota(9, 9, 1), "b": Quota(1, 1, 5), "c": Quota(1, 1, 7), "d": Quota(1, 1, 7)}
    assert list(quota.largest(quotas, 3)) == ["c", "d", "b"]


def test_without_a_daily_quota_it_never_ends_and_an_empty_list_takes_no_time() -> None:
    reach = quota.reach({"town": Quota(declared=100, first_load=50, daily=0)}, holders=3, threshold=2)
    assert (reach.sweep_days, reach.list_days, reach.list_days_fresh) == (None, None, None)
    assert quota.days(0, Fraction(0)) == 0
    enough = quota.reach({"town": Quota(declared=75, first_load=50, daily=0)}, holders=3, threshold=2)
    assert enough.list_days_fresh == 0


@pytest.mark.parametrize(
    ("charged", "threshold", "most"),
    [
        ([100, 100, 0], 2, 100),
        # Three pairs of holders, a hundred tokens with each pair: more than any one holder has charged.
        ([200, 200, 200], 2, 300),
        ([1000, 10, 0], 2, 10),
        ([1000, 10, 5], 2, 15),
        ([2000, 2000, 2000], 2, 3000),
        ([7, 7, 7], 3, 7),
        ([7, 7, 6], 3, 6),
        ([5], 1, 5),
        ([1, 1, 1], 2, 1),
        ([0, 0, 0], 2, 0),
    ],
)
def test_the_most_tokens_by_hand(charged: list[int], threshold: int, most: int) -> None:
    assert quota.most_tokens(charged, threshold) == most


@given(st.lists(st.integers(0, 4), min_size=2, max_size=4), st.integers(1, 3))
def test_the_most_tokens_is_what_trying_every_way_gives(charged: list[int], threshold: int) -> None:
    if threshold > len(charged):
        return
    assert quota.most_tokens(charged, threshold) == _tried(tuple(charged), threshold)


def _tried(left: tuple[int, ...], threshold: int) -> int:
    """Every choice of t holders for the next token, as long as there is one."""
    reached, steps = {tuple(sorted(left))}, 0
    while True:
        reached = {
            tuple(sorted(count - (place in chosen) for place, count in enumerate(state)))
            for state in reached
            for chosen in combinations(range(len(state)), threshold)
            if all(state[place] for place in chosen)
        }
        if not reached:
            return steps
        steps += 1


def test_bounds_add_up_over_namespaces_and_keep_epochs_apart() -> None:
    statements = [
        _stated(
            "one",
            1,
            {ACCOUNT: Count(10, 10), Account("school", "address", 1): Count(4, 4), Account("school", "bsn", 2): Count(3, 3)},
        ),
        _stated("two", 1, {ACCOUNT: Count(6, 6), Account("school", "address", 1): Count(5, 5)}),
        _stated("two", 2, {ACCOUNT: Count(2, 8)}),
    ]
    totals = quota.totals(statements, ["one", "two", "three"])
    assert totals[ACCOUNT] == {"one": 10, "two": 8, "three": 0}
    assert quota.bounds(totals, 2) == {("school", 1): 12, ("school", 2): 0}


def test_missing_days_are_told_as_ranges() -> None:
    present = [DAY, DAY + timedelta(days=3), DAY + timedelta(days=5)]
    ranges = quota.missing_days(present, DAY, DAY + timedelta(days=7))
    assert [((begin - DAY).days, (end - DAY).days) for begin, end in ranges] == [(1, 2), (4, 4), (6, 7)]
    assert quota.missing_days(present, DAY, DAY - timedelta(days=1)) == []


def test_counts_go_on_from_each_other() -> None:
    good = [_stated("one", 0, {ACCOUNT: Count(5, 5)}), _stated("one", 1, {}), _stated("one", 2, {ACCOUNT: Count(2, 7)})]
    assert quota.not_adding_up(good) == []
    assert quota.not_adding_up([good[0], _stated("one", 3, {ACCOUNT: Count(2, 20)})]) == [], "days between are missing"


@pytest.mark.parametrize("count", [Count(2, 6), Count(2, 8), Count(0, 4)])
def test_counts_that_were_lost_or_added_are_found(count: Count) -> None:
    statements = [_stated("one", 0, {ACCOUNT: Count(5, 5)}), _stated("one", 1, {}), _stated("one", 2, {ACCOUNT: count})]
    assert quota.not_adding_up(statements) == [("one", DAY + timedelta(days=2), ACCOUNT)]


def test_two_statements_of_one_day_must_say_the_same() -> None:
    one, other = _stated("one", 0, {ACCOUNT: Count(5, 5)}), _stated("one", 0, {ACCOUNT: Count(4, 4)})
    assert quota.contradicting([one, one, _stated("two", 0, {})]) == []
    assert quota.contradicting([one, other]) == [("one", DAY)]


def test_a_day_may_hold_the_rest_of_the_first_load_and_the_daily_quota() -> None:
    granted = {("school", "bsn"): Quota(declared=100, first_load=100, daily=10)}
    assert quota.beyond_grant([_stated("one", 0, {ACCOUNT: Count(50, 110)})], granted) == []
    assert quota.beyond_grant([_stated("one", 0, {ACCOUNT: Count(51, 111)})], granted) == [("one", DAY, ACCOUNT, 51, 50)]
    assert quota.beyond_grant([_stated("one", 0, {ACCOUNT: Count(11, 200)})], granted) == [("one", DAY, ACCOUNT, 11, 10)]
    assert quota.beyond_grant([_stated("one", 0, {ACCOUNT: Count(1, 1)})], {}) == [("one", DAY, ACCOUNT, 1, 0)]


def test_bursts_stand_out_against_the_quota_and_the_own_median() -> None:
    by_day = {DAY + timedelta(days=number): 3 for number in range(9)}
    by_day |= {DAY + timedelta(days=10): 400, DAY + timedelta(days=11): 40, DAY + timedelta(days=12): 14}
    found = quota.bursts(by_day, Fraction(100), [DAY + timedelta(days=10)])
    assert [(burst.day - DAY, burst.tokens, int(burst.usual), burst.first_load) for burst in found] == [
        (timedelta(days=10), 400, 3, True),
        (timedelta(days=11), 40, 3, False),
    ]


def test_tokens_by_day_take_the_holders_together() -> None:
    statements = [
        _stated(holder, 0, {ACCOUNT: Count(20, 20), Account("town", "bsn", 1): Count(9, 9)})
        for holder in ("one", "two", "three")
    ]
    assert quota.tokens_by_day(statements, "school", ["one", "two", "three"], 2) == {DAY: 30}


def _stated(holder: str, day: int, counts: dict[Account, Count]) -> Stated:
    return Stated(holder, DAY + timedelta(days=day), counts)


def test_statements_of_many_years_add_up_in_a_moment() -> None:
    days = 20_000
    stated = [Stated("keyholder-1", DAY + timedelta(days=day), {ACCOUNT: Count(1, day + 1)}) for day in range(days)]
    began = time.process_time()
    assert quota.not_adding_up(stated) == []
    assert time.process_time() - began < 5
