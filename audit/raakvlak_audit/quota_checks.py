"""The verdicts of `quota`: what the key holders' statements say, held against each other, the covenant and the index.

No I/O: the command reads the files, this judges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from raakvlak_audit import quota
from raakvlak_audit.quota import Account, Reach, Stated
from raakvlak_audit.report import Check, Figure, Table, Verdict
from raakvlak_audit.sentences import frame
from raakvlak_audit.sentences import quota as words
from raakvlak_audit.wording import Cell, Said
from raakvlak_protocol.covenant import Covenant, Quota
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.identifier import BSN

LAG: Final = timedelta(days=2)
"""So long after its day a statement may come into the log without anybody wondering."""


@dataclass(frozen=True, slots=True)
class File:
    """A statement's file: what it states, or what is wrong with it."""

    name: str
    hash: bytes
    stated: Stated | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """What was read of the log: the fingerprints in it, how many entries were read, until when they were cosigned."""

    hashes: frozenset[bytes]
    size: int
    until: date | None


def signatures(files: Sequence[File]) -> Check:
    """Every file is a statement of a key holder."""
    stated = [each.stated for each in files if each.stated]
    found = [words.SIGNED_WRONG(file=each.name, problem=each.problem) for each in files if not each.stated]
    verdict = Verdict.WRONG if found else Verdict.OK
    if stated:
        days = [each.day for each in stated]
        holders = len({each.holder for each in stated})
        found.append(words.SIGNED_FOUND(files=len(stated), holders=holders, first=min(days), last=max(days)))
    elif not files:
        verdict, found = Verdict.UNKNOWN, [words.SIGNED_NONE()]
    return Check("signatures", words.SIGNED_NAME(), words.SIGNED_HOW(), verdict, tuple(found))


def days(statements: Sequence[Stated], holders: Sequence[str], last: date) -> Check:
    """Every holder has stated every day from the first that anybody stated."""
    name, how = words.DAYS_NAME(), words.DAYS_HOW(last=last)
    if not statements:
        return Check("days", name, how, Verdict.UNKNOWN, (words.DAYS_NONE(),))
    first = min(each.day for each in statements)
    found = [
        words.DAYS_MISSING(holder=holder, first=begin, last=end)
        for holder in holders
        for begin, end in quota.missing_days((each.day for each in statements if each.holder == holder), first, last)
    ]
    verdict = Verdict.UNKNOWN if found else Verdict.OK
    return Check("days", name, how, verdict, tuple(found) or (words.DAYS_FOUND(),))


def counts(statements: Sequence[Stated], granted: Mapping[tuple[str, str], Quota]) -> Check:
    """The counts go on from each other and stay within what the covenant ever granted."""
    found: list[Said] = [words.COUNTS_TWO(holder=holder, day=day) for holder, day in quota.contradicting(statements)]
    found += [
        words.COUNTS_BROKEN(holder=holder, day=day, member=each.member, namespace=each.namespace, epoch=each.epoch)
        for holder, day, each in quota.not_adding_up(statements)
    ]
    found += [
        words.COUNTS_OVER(
            holder=holder, day=day, member=each.member, namespace=each.namespace, charged=charged, allowed=allowed
        )
        for holder, day, each, charged, allowed in quota.beyond_grant(statements, granted)
    ]
    name, how = words.COUNTS_NAME(), words.COUNTS_HOW()
    if not statements:
        return Check("counts", name, how, Verdict.UNKNOWN, (words.DAYS_NONE(),))
    return Check("counts", name, how, Verdict.WRONG if found else Verdict.OK, tuple(found) or (words.COUNTS_FOUND(),))


def in_log(files: Sequence[File], logged: Logged | RaakvlakError | None) -> Check:
    """Every statement's fingerprint stands in the log; absent ones are wrong once the log is cosigned well past their day.

    `logged` may be the error at which reading it stopped: not known where it can't be reached, wrong where it lies.
    """
    name, how = words.LOG_NAME(), words.LOG_HOW()
    if isinstance(logged, RaakvlakError):
        verdict = Verdict.UNKNOWN if isinstance(logged, (Unavailable, Refused)) else Verdict.WRONG
        return Check("in_log", name, how, verdict, (frame.STOPPED(message=logged.message),))
    if logged is None:
        return Check("in_log", name, how, Verdict.NOTE, (words.LOG_SKIPPED(),))
    good = [(each, each.stated) for each in files if each.stated]
    if not good:
        return Check("in_log", name, how, Verdict.UNKNOWN, (words.DAYS_NONE(),))
    found, verdict = list[Said](), Verdict.OK
    for each, stated in good:
        if each.hash in logged.hashes:
            continue
        late = logged.until is None or logged.until < stated.day + LAG
        verdict = Verdict.UNKNOWN if late and verdict is not Verdict.WRONG else Verdict.WRONG
        sentence = words.LOG_LATE if late else words.LOG_ABSENT
        found.append(sentence(file=each.name, holder=stated.holder, day=stated.day))
    return Check("in_log", name, how, verdict, tuple(found) or (words.LOG_FOUND(files=len(good), size=logged.size),))


def bound(statements: Sequence[Stated], rows: Mapping[tuple[str, int], int] | None, covenant: Covenant, copied: date) -> Check:
    """No member has more rows than its evaluations can have made.

    `copied` is the day of the rows. More than the statements account for is wrong as soon as even full quotas on the days
    that are not stated could not explain it; before that it is not known.
    """
    name, how = words.BOUND_NAME(), words.BOUND_HOW(threshold=covenant.key_threshold)
    if rows is None:
        return Check("bound", name, how, Verdict.NOTE, (words.BOUND_SKIPPED(),))
    if not rows:
        return Check("bound", name, how, Verdict.OK, (words.BOUND_EMPTY(),))
    holders = sorted(covenant.key_holders)
    charged = quota.totals(statements, holders)
    possible = quota.bounds(charged, covenant.key_threshold)
    at_most = quota.bounds(_at_most(charged, statements, covenant, copied), covenant.key_threshold)
    found, verdict = list[Said](), Verdict.OK
    for (member, epoch), count in sorted(rows.items()):
        limit = possible.get((member, epoch), 0)
        if count > at_most.get((member, epoch), 0):
            verdict = Verdict.WRONG
            found.append(words.BOUND_OVER(member=member, epoch=epoch, rows=count, bound=limit))
        elif count > limit:
            verdict = Verdict.UNKNOWN if verdict is Verdict.OK else verdict
            found.append(words.BOUND_UNKNOWN(member=member, epoch=epoch, rows=count, bound=limit, day=copied))
    members, total = len({member for member, _ in rows}), sum(rows.values())
    table = _bound_table(rows, charged, possible, holders)
    fine = words.BOUND_FOUND(members=members, rows=total)
    return Check("bound", name, how, verdict, tuple(found) or (fine,), (table,))


def bursts(statements: Sequence[Stated], covenant: Covenant) -> Check:
    """Days on which a member had far more evaluated than usual. Never wrong by itself: something to ask about."""
    holders, threshold = sorted(covenant.key_holders), covenant.key_threshold
    rows: list[tuple[Cell, ...]] = []
    first_loads = 0
    for member in sorted({account.member for stated in statements for account in stated.counts}):
        by_day = quota.tokens_by_day(statements, member, holders, threshold)
        quotas = covenant.members[member].quotas if member in covenant.members else {}
        daily = quota.reach(dict(quotas), len(holders), threshold).a_day
        for burst in quota.bursts(by_day, daily, _first_load_days(statements, member, quotas)):
            first_loads += burst.first_load
            because = words.FIRST_LOAD() if burst.first_load else words.NOTHING()
            rows.append((member, burst.day, burst.tokens, burst.usual, because))
    name, how = words.BURSTS_NAME(), words.BURSTS_HOW(least=quota.BURST_LEAST, factor=quota.BURST_FACTOR)
    if not statements:
        return Check("bursts", name, how, Verdict.UNKNOWN, (words.DAYS_NONE(),))
    if not rows:
        return Check("bursts", name, how, Verdict.OK, (words.BURSTS_NONE(),))
    found = [words.BURSTS_FIRST(count=first_loads)] if first_loads else []
    found += [words.BURSTS_OTHER(count=len(rows) - first_loads)] if len(rows) > first_loads else []
    headings = (words.MEMBER(), words.DAY(), words.TOKENS(), words.USUAL(), words.EXPLAINED())
    verdict = Verdict.NOTE if len(rows) > first_loads else Verdict.OK
    return Check("bursts", name, how, verdict, tuple(found), (Table(headings, tuple(rows)),))


def reaches(covenant: Covenant, together: int) -> tuple[tuple[Figure, ...], tuple[Table, ...]]:
    """The figures by which a quota is judged, for each namespace in which anybody has one."""
    holders, threshold = len(covenant.key_holders), covenant.key_threshold
    figures: tuple[Figure, ...] = ()
    tables = []
    for namespace in sorted(
        {name for member in covenant.members.values() for name in member.quotas}, key=lambda each: each != BSN
    ):
        quotas = {member.id: member.quotas[namespace] for member in covenant.members.values() if namespace in member.quotas}
        each = [quota.reach({member: own}, holders, threshold) for member, own in sorted(quotas.items())]
        pool = quota.largest(quotas, together)
        pooled = quota.reach(pool, holders, threshold) if len(pool) > 1 else None
        tables.append(_reach_table(namespace, [*each, pooled] if pooled else each))
        if namespace == BSN:
            figures = _figures(each, pooled, holders, threshold)
    return figures, tuple(tables)


def _figures(each: Sequence[Reach], pooled: Reach | None, holders: int, threshold: int) -> tuple[Figure, ...]:
    means = words.SLOWEST_MEANS(holders=holders, threshold=threshold)
    sweeps = [one.sweep_days for one in each if one.sweep_days is not None]
    lists = [one.list_days for one in each if one.list_days is not None and one.list_size]
    found = [Figure("sweep_years", words.SLOWEST(), quota.years(min(sweeps)) if sweeps else words.NEVER(), means)]
    if pooled:
        value = words.NEVER() if pooled.sweep_days is None else quota.years(pooled.sweep_days)
        found.append(Figure("sweep_years_together", words.SLOWEST_TOGETHER(count=len(pooled.members)), value, means))
    shortest = min(lists) if lists else words.NEVER()
    return (*found, Figure("list_days", words.SHORTEST_LIST(), shortest, words.SHORTEST_LIST_MEANS()))


def _reach_table(namespace: str, reaches: Sequence[Reach]) -> Table:
    sweep = namespace == BSN
    headings = (words.WHO(), words.A_DAY(), words.LIST(), words.LIST_DAYS(), words.LIST_FRESH())
    rows: list[tuple[Cell, ...]] = []
    for each in reaches:
        together = words.TOGETHER(count=len(each.members), members=", ".join(each.members))
        who: Cell = each.members[0] if len(each.members) == 1 else together
        years: tuple[Cell, ...] = (words.NEVER() if each.sweep_days is None else quota.years(each.sweep_days),) if sweep else ()
        rows.append((who, each.a_day, each.list_size, _or_never(each.list_days), _or_never(each.list_days_fresh), *years))
    what = words.NAMESPACES[namespace]()
    title = words.REACH_TITLE(namespace=what, passing=quota.PASSING) if sweep else words.REACH_LIST(namespace=what)
    return Table((*headings, words.ALL_NUMBERS()) if sweep else headings, tuple(rows), title=title)


def _bound_table(
    rows: Mapping[tuple[str, int], int],
    charged: Mapping[Account, Mapping[str, int]],
    possible: Mapping[tuple[str, int], int],
    holders: Sequence[str],
) -> Table:
    def by(holder: str, member: str, epoch: int) -> int:
        return sum(each[holder] for account, each in charged.items() if (account.member, account.epoch) == (member, epoch))

    headings = (
        words.MEMBER(),
        words.EPOCH(),
        words.CODES(),
        words.AT_MOST(),
        *(words.CHARGED_BY(holder=each) for each in holders),
    )
    lines: tuple[tuple[Cell, ...], ...] = tuple(
        (
            member,
            epoch,
            rows.get((member, epoch), 0),
            possible.get((member, epoch), 0),
            *(by(each, member, epoch) for each in holders),
        )
        for member, epoch in sorted(rows.keys() | possible.keys())
    )
    return Table(headings, lines)


def _at_most(
    charged: Mapping[Account, Mapping[str, int]], statements: Sequence[Stated], covenant: Covenant, copied: date
) -> dict[Account, dict[str, int]]:
    """The counts if every quota had been used up on every day until `copied` that its holder has not stated."""
    newest = {
        holder: max((each.day for each in statements if each.holder == holder), default=None) for holder in covenant.key_holders
    }
    found = {}
    for member in covenant.members.values():
        for namespace, granted in member.quotas.items():
            for epoch in covenant.epochs.values():
                account = Account(member.id, namespace, epoch.number)
                known = charged.get(account, {})
                found[account] = {
                    holder: _filled(
                        known.get(holder, 0), granted, copied - (last or epoch.valid_from.date() - timedelta(days=1))
                    )
                    for holder, last in newest.items()
                }
    return found


def _or_never(days: int | None) -> Cell:
    return words.NEVER() if days is None else days


def _filled(charged: int, granted: Quota, unstated: timedelta) -> int:
    if unstated.days <= 0:
        return charged
    return charged + max(granted.first_load - charged, 0) + granted.daily * unstated.days


def _first_load_days(statements: Sequence[Stated], member: str, quotas: Mapping[str, Quota]) -> list[date]:
    """Days on which some account of the member had not yet used more than its first load before that day."""
    return [
        stated.day
        for stated in statements
        for account, count in stated.counts.items()
        if account.member == member
        and count.that_day
        and account.namespace in quotas
        and count.in_epoch - count.that_day < quotas[account.namespace].first_load
    ]
