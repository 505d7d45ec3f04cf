"""The rows of an index against its log, and its matches against its rows. Rules without I/O.

Rows come in order of their digests, deliveries too, so that all rows of one person are seen together and nothing has to
be kept.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Final, Generic, Protocol, TypeVar

from raakvlak_audit.live import CLAIMED, GONE, LIVE, LiveLog
from raakvlak_protocol import entry
from raakvlak_protocol.publication import Visibility

SHOWN: Final = 20
"""Wrong rows or matches that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the database has it; `member` is the covenant's id, empty where the database names none."""

    digest: bytes
    member: str
    epoch: int
    removal_month: int
    visibility: int
    position: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """The record that two members were told of a match."""

    digest: bytes
    lower: str
    higher: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row or match that breaks a rule. `what` names the rule; `position` is the row's, -1 for a match."""

    what: str
    members: tuple[str, ...]
    position: int = -1


class Findings:
    """What was found wrong: all of it counted, the first of each kind named."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.named: list[Wrong] = []
        self.waiting: set[str] = set()
        """Members for which the database says that matches wait."""

    def add(self, what: str, members: tuple[str, ...], position: int = -1) -> None:
        self.counts[what] += 1
        if self.counts[what] <= SHOWN:
            self.named.append(Wrong(what, members, position))

    def only(self, *kinds: str) -> list[Wrong]:
        return [each for each in self.named if each.what in kinds]


class RowCheck:
    """Takes all rows, then says which live positions had none."""

    def __init__(self, log: LiveLog, month: int, retention_months: int) -> None:
        """`month` is the current one at the moment for which the database speaks."""
        self._log = log
        self._month = month
        self._last_month = month + retention_months
        self._heads: dict[tuple[str, int, int, int], bytes] = {}
        self.findings = Findings()
        self.rows: Counter[str] = Counter()

    def take(self, row: Row) -> None:
        """Judges one row by itself: does it open its leaf, is that live, is its term kept."""
        self.rows[row.member] += 1
        log, position = self._log, row.position
        if not 0 <= position < log.size or log.state[position] not in (LIVE, GONE, CLAIMED):
            self.findings.add("no_leaf", (row.member,), position)
            return
        if log.state[position] == GONE:
            self.findings.add("removed", (row.member,), position)
        elif log.state[position] == CLAIMED:
            self.findings.add("twice", (row.member,), position)
        if entry.published(row.salt, self._head(row) + row.digest)[1:] != log.commits_to(position):
            self.findings.add("not_opened", (row.member,), position)
        elif log.state[position] == LIVE:
            log.state[position] = CLAIMED
        if row.removal_month <= self._month:
            self.findings.add("overdue", (row.member,), position)
        elif row.removal_month > self._last_month:
            self.findings.add("too_long", (row.member,), position)

    def unclaimed(self) -> Iterator[int]:
        """Live positions for which no row was taken, in order."""
        position = self._log.state.find(LIVE)
        while position >= 0:
            yield position
            position = self._log.state.find(LIVE, position + 1)

    def _head(self, row: Row) -> bytes:
        key = (row.member, row.epoch, row.removal_month, row.visibility)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = entry.record_head(*key)
        return head


def check_matches(
    rows: Iterable[Row],
    deliveries: Iterable[Delivery],
    *,
    month: int,
    swept: int,
    direct: Callable[[str, str], bool],
    once: Callable[[str, str], bool],
    waits: Callable[[str], bool],
    findings: Findings,
    also: Callable[[bytes, Sequence[Row], Collection[tuple[str, str]]], None] = lambda digest, rows, told: None,
) -> Mapping[str, int]:
    """Judges the matches of rows, which it takes in order of digests, against the deliveries, in the same order.

    Every two live direct rows of two members that may see each other have exactly one delivery, and there is none other but
    of two that could see each other `once`, under an earlier covenant, or of rows that were live in `swept`, the month up to
    which the index must have removed what is due.
    Where a member `waits` (suspended, or its queue was full) the match may still have to begin. `also` is given the rows of
    each digest and the pairs that were told. Returns counts: `due` pairs, `told` ones, those that `wait`.
    """
    counts: Counter[str] = Counter(due=0, told=0, wait=0)
    told = Grouped(deliveries)
    for digest, same in groupby(rows, lambda row: row.digest):
        found = list(same)
        due = {pair for pair in _pairs(found, month) if direct(*pair)}
        allowed = {pair for pair in _pairs(found, swept) if direct(*pair) or once(*pair)}
        stray, records = told.up_to(digest)
        _judge_stray(stray, findings)
        _judge(due, allowed, records, waits, findings, counts)
        also(digest, found, {(each.lower, each.higher) for each in records})
    _judge_stray(told.rest(), findings)
    return counts


def _pairs(rows: Iterable[Row], month: int) -> Iterator[tuple[str, str]]:
    """Every two members that have a direct row that is live in the month."""
    live = {row.member for row in rows if row.visibility == Visibility.DIRECT and row.removal_month > month}
    return combinations(sorted(live), 2)


def _judge(
    due: set[tuple[str, str]],
    allowed: set[tuple[str, str]],
    records: list[Delivery],
    waits: Callable[[str], bool],
    findings: Findings,
    counts: Counter[str],
) -> None:
    told = Counter((each.lower, each.higher) for each in records)
    for pair, count in told.items():
        if pair not in allowed:
            findings.add("told_without_rows", pair)
        elif count > 1:
            findings.add("told_twice", pair)
    for pair in due - told.keys():
        if waiting := [each for each in pair if waits(each)]:
            counts["wait"] += 1
            findings.waiting.update(waiting)
        else:
            findings.add("not_told", pair)
    counts["due"] += len(due)
    counts["told"] += len(allowed & told.keys())


def _judge_stray(records: Iterable[Delivery], findings: Findings) -> None:
    for each in records:
        findings.add("told_without_rows", (each.lower, each.higher))


class _Digested(Protocol):
    @property
    def digest(self) -> bytes: ...


D = TypeVar("D", bound=_Digested)


class Grouped(Generic[D]):
    """Records in order of digests, taken as far as the rows have come."""

    def __init__(self, records: Iterable[D]) -> None:
        self._source = iter(records)
        self._next = next(self._source, None)

    def up_to(self, digest: bytes) -> tuple[list[D], list[D]]:
        """Those of smaller digests, which have no row, and those of this one."""
        return self._while(lambda each: each.digest < digest), self._while(lambda each: each.digest == digest)

    def rest(self) -> list[D]:
        return self._while(lambda each: True)

    def _while(self, belongs: Callable[[D], bool]) -> list[D]:
        taken = []
        while self._next is not None and belongs(self._next):
            taken.append(self._next)
            self._next = next(self._source, None)
        return taken
