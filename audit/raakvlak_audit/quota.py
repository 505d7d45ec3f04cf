"""The arithmetic of the quota: how many tokens evaluations can have made, and how long it takes to go through a list.

Pure numbers, no I/O, no words. A token needs an evaluation by each of t key holders for the same person, and which t may
differ from token to token; hence the bounds below, and hence n/t times one holder's quota a day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from statistics import median
from typing import Final

from raakvlak_protocol.covenant import Quota

PASSING: Final = 90_909_090
"""Nine-digit numbers that pass the 11-proof, 000000000 left out (DESIGN §2)."""
DAYS_A_YEAR: Final = Fraction(1461, 4)
BURST_FACTOR: Final = 5
"""A day stands out at so many times the member's own median day."""
BURST_LEAST: Final = 20
"""Fewer evaluations on a day are never a burst: a school that enrols a class is none."""


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """What a key holder counts on its own."""

    member: str
    namespace: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Count:
    """Evaluations charged on one day, and in the epoch until the end of that day."""

    that_day: int
    in_epoch: int


@dataclass(frozen=True, slots=True)
class Stated:
    """What a key holder says of one day. An account that is absent had nothing charged."""

    holder: str
    day: date
    counts: Mapping[Account, Count]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one member's quota, or several together, goes. None for never."""

    members: tuple[str, ...]
    a_day: Fraction
    """Tokens a day from the daily quotas alone."""
    at_once: Fraction
    """Tokens from first loads that nobody has used yet."""
    sweep_days: int | None
    """To make a token of every number that passes the 11-proof, by the daily quotas."""
    list_size: int
    list_days: int | None
    """To go through a list of `list_size` persons, by the daily quotas."""
    list_days_fresh: int | None
    """The same while no first load has been used."""


@dataclass(frozen=True, slots=True)
class Burst:
    """A day that stands out. `first_load` says that the first load explains it."""

    day: date
    tokens: int
    usual: Fraction
    first_load: bool


def most_tokens(charged: Sequence[int], threshold: int) -> int:
    """The most tokens that these evaluations, one number for each key holder, can have made.

    m tokens need threshold × m evaluations, of which a holder gives at most one to each: m is possible exactly if
    sum(min(charged, m)) ≥ threshold × m. The largest such m is the smallest of the averages over the rest when the k
    largest numbers are left out, k < threshold. Equal numbers c of n holders give n × c / threshold.
    """
    ordered = sorted(charged, reverse=True)
    return min(sum(ordered[left_out:]) // (threshold - left_out) for left_out in range(threshold))


def reach(quotas: Mapping[str, Quota], holders: int, threshold: int) -> Reach:
    """How far these members' quotas in one namespace go together; the list is as long as the longest declared."""
    share = Fraction(holders, threshold)
    a_day = share * sum(each.daily for each in quotas.values())
    at_once = share * sum(each.first_load for each in quotas.values())
    size = max((each.declared for each in quotas.values()), default=0)
    return Reach(
        tuple(sorted(quotas)),
        a_day,
        at_once,
        days(PASSING, a_day),
        size,
        days(size, a_day),
        days(max(Fraction(size) - at_once, Fraction(0)), a_day),
    )


def days(numbers: int | Fraction, a_day: Fraction) -> int | None:
    """Whole days to make so many tokens; None where it never comes to an end."""
    if not numbers:
        return 0
    return ceil(numbers / a_day) if a_day else None


def years(days: int) -> Fraction:
    return Fraction(days) / DAYS_A_YEAR


def largest(quotas: Mapping[str, Quota], count: int) -> dict[str, Quota]:
    """The `count` members with the largest daily quota."""
    ordered = sorted(quotas.items(), key=lambda each: (-each[1].daily, each[0]))
    return dict(ordered[:count])


def totals(statements: Iterable[Stated], holders: Sequence[str]) -> dict[Account, dict[str, int]]:
    """Per account what each holder has charged in the epoch, by the newest statement that names the account."""
    newest: dict[Account, dict[str, int]] = {}
    for stated in sorted(statements, key=lambda each: each.day):
        for account, count in stated.counts.items():
            newest.setdefault(account, dict.fromkeys(holders, 0))[stated.holder] = count.in_epoch
    return newest


def bounds(totals: Mapping[Account, Mapping[str, int]], threshold: int) -> dict[tuple[str, int], int]:
    """Per (member, epoch) the most tokens that the evaluations in all namespaces together can have made."""
    found: dict[tuple[str, int], int] = {}
    for account, charged in totals.items():
        key = (account.member, account.epoch)
        found[key] = found.get(key, 0) + most_tokens(list(charged.values()), threshold)
    return found


def missing_days(days: Iterable[date], first: date, last: date) -> list[tuple[date, date]]:
    """The days from `first` to `last` that are not among `days`, as ranges."""
    present, ranges = set(days), list[tuple[date, date]]()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day in present:
            continue
        if ranges and ranges[-1][1] == day - timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def not_adding_up(statements: Iterable[Stated]) -> list[tuple[str, date, Account]]:
    """Where a holder's running count does not go on from its last one: less than that and the day's together, or more
    although no day between was left out."""
    statements = sorted(statements, key=lambda each: (each.holder, each.day))
    stated_days: dict[str, set[date]] = {}
    for stated in statements:
        stated_days.setdefault(stated.holder, set()).add(stated.day)
    wrong, last = [], dict[tuple[str, Account], tuple[date, int]]()
    for stated in statements:
        own = stated_days[stated.holder]
        for account, count in sorted(stated.counts.items()):
            day, total = last.get((stated.holder, account), (None, 0))
            follows = day is not None and _all_stated(own, day, stated.day)
            expected = total + count.that_day
            if count.in_epoch < expected or (follows and count.in_epoch != expected):
                wrong.append((stated.holder, stated.day, account))
            last[stated.holder, account] = (stated.day, count.in_epoch)
    return wrong


def _all_stated(own: set[date], first: date, last: date) -> bool:
    return all(first + timedelta(days=number) in own for number in range((last - first).days))


def contradicting(statements: Iterable[Stated]) -> list[tuple[str, date]]:
    """(holder, day) of which there are two statements that say different things."""
    seen: dict[tuple[str, date], Stated] = {}
    wrong = set()
    for stated in statements:
        first = seen.setdefault((stated.holder, stated.day), stated)
        if first.counts != stated.counts:
            wrong.add((stated.holder, stated.day))
    return sorted(wrong)


def beyond_grant(
    statements: Iterable[Stated], granted: Mapping[tuple[str, str], Quota]
) -> list[tuple[str, date, Account, int, int]]:
    """(holder, day, account, charged, allowed) where a holder charged more on a day than first load and daily quota allow
    together. `granted` by (member, namespace): the largest that any version of the covenant gave."""
    wrong = []
    for stated in statements:
        for account, count in stated.counts.items():
            quota = granted.get((account.member, account.namespace), Quota(0, 0, 0))
            left = max(quota.first_load - (count.in_epoch - count.that_day), 0)
            if count.that_day > left + quota.daily:
                wrong.append((stated.holder, stated.day, account, count.that_day, left + quota.daily))
    return sorted(wrong)


def tokens_by_day(statements: Iterable[Stated], member: str, holders: Sequence[str], threshold: int) -> dict[date, int]:
    """Per day the most tokens that the member's evaluations of that day can have made, all namespaces together."""
    charged: dict[date, dict[Account, dict[str, int]]] = {}
    for stated in statements:
        for account, count in stated.counts.items():
            if account.member == member:
                of_day = charged.setdefault(stated.day, {}).setdefault(account, dict.fromkeys(holders, 0))
                of_day[stated.holder] = count.that_day
    return {
        day: sum(most_tokens(list(each.values()), threshold) for each in accounts.values())
        for day, accounts in sorted(charged.items())
    }


def bursts(by_day: Mapping[date, int], daily: Fraction, first_load_days: Iterable[date] = ()) -> list[Burst]:
    """The days that are more than the daily quota allows, or far above the member's own median day with any tokens.

    `daily` is what the daily quotas give in tokens; `first_load_days` are those on which the first load was not used up.
    """
    explained = set(first_load_days)
    active = [tokens for tokens in by_day.values() if tokens]
    usual = Fraction(median(active)) if active else Fraction(0)
    return [
        Burst(day, tokens, usual, day in explained)
        for day, tokens in by_day.items()
        if tokens >= BURST_LEAST and (tokens > daily or tokens > BURST_FACTOR * usual)
    ]
