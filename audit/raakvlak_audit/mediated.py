"""What coordinators were told, against the rows and deliveries of an index.

Two live rows of one person that are not direct for each other belong before the coordinator that the covenant names for
the two kinds, and before nobody else; of a direct match, what one side has brought. The index tells a coordinator by a
sweep, every quarter hour, also that it is over. So what a copy shows halfway is wrong only where the rows stood long
before: where their places in the log were seen a day ago. Otherwise a second copy, an hour later, tells.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.rows import SHOWN, Findings, Grouped, Row
from raakvlak_audit.sentences import index as words
from raakvlak_audit.wording import Said
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.publication import Visibility

LOWER: Final = 1
HIGHER: Final = 2
_TOLD: Final = """
SELECT digest, coalesce(low.id, ''), coalesce(high.id, ''), coalesce(hub.id, ''), direct, asked FROM mediation
LEFT JOIN member AS low ON low.number = lower LEFT JOIN member AS high ON high.number = higher
LEFT JOIN member AS hub ON hub.number = coordinator ORDER BY digest
"""

Two = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """The record that a coordinator was told of a match, and which sides it may ask; `direct` where a side brought it."""

    digest: bytes
    lower: str
    higher: str
    coordinator: str
    direct: int
    asked: int


@dataclass(frozen=True, slots=True)
class Serving:
    """Who is called in between two members, by the covenant's versions, oldest first."""

    versions: Sequence[Covenant]

    def direct(self, one: str, other: str) -> bool:
        """Whether the two see each other's matches now."""
        newest = self.versions[-1]
        return {one, other} <= newest.members.keys() and newest.direct_for(newest.members[one].kind, newest.members[other].kind)

    def now(self, one: str, other: str) -> str:
        """The coordinator; empty where nobody is."""
        return _coordinator(self.versions[-1], one, other)

    def ever(self, one: str, other: str) -> set[str]:
        """Whoever was it under some version."""
        return {_coordinator(each, one, other) for each in self.versions} - {""}


def _coordinator(covenant: Covenant, one: str, other: str) -> str:
    if not {one, other} <= covenant.members.keys():
        return ""
    found = covenant.coordinator_for(covenant.members[one].kind, covenant.members[other].kind)
    return found.id if found else ""


class MediatedCheck:
    """Takes the rows of each digest, in order, with the pairs that were told directly; then judges what is left."""

    def __init__(
        self, told: Iterable[Told], serving: Serving, *, month: int, settled: int, waits: Callable[[str], bool]
    ) -> None:
        """`month` is the current one; rows at places before `settled` stood a day before the moment that is judged."""
        self._told = Grouped(told)
        self._serving = serving
        self._month = month
        self._settled = settled
        self._waits = waits
        self.findings = Findings()
        self.counts: Counter[str] = Counter()

    def take(self, digest: bytes, rows: Sequence[Row], delivered: Collection[Two]) -> None:
        """Judges one digest; called in order of digests."""
        stray, records = self._told.up_to(digest)
        self._judge({}, {}, frozenset(), stray)
        live = {row.member: row for row in rows if row.removal_month > self._month}
        pairs = set(combinations(sorted(live), 2)) - set(delivered)
        due = {pair: found for pair in pairs if (found := self._due(live, pair))}
        self._judge(live, due, delivered, records)

    def finish(self) -> None:
        """Judges the records behind the last row."""
        self._judge({}, {}, frozenset(), self._told.rest())

    def _due(self, live: Mapping[str, Row], pair: Two) -> tuple[str, int] | None:
        """Whom the pair belongs before, and which sides may be asked."""
        shown = [live[each].visibility == Visibility.DIRECT for each in pair]
        coordinator = self._serving.now(*pair)
        if not coordinator or (all(shown) and self._serving.direct(*pair)):
            return None
        asked = sum(side for side, direct in zip((LOWER, HIGHER), shown, strict=True) if not direct)
        return coordinator, asked or LOWER | HIGHER

    def _judge(
        self,
        live: Mapping[str, Row],
        due: Mapping[Two, tuple[str, int]],
        delivered: Collection[Two],
        records: Sequence[Told],
    ) -> None:
        told = Counter((each.lower, each.higher) for each in records)
        for each in records:
            pair = (each.lower, each.higher)
            if told[pair] > 1:
                self.findings.add("told_twice", (each.coordinator,))
            elif each.coordinator not in self._serving.ever(*pair):
                self.findings.add("told_another", (each.coordinator,))
            elif each.direct:
                self._judge_brought(each, pair in delivered)
            elif due.get(pair) == (each.coordinator, each.asked):
                self.counts["told"] += 1
            elif self._stood(live, pair):
                self.findings.add("told_wrongly", (each.coordinator,))
            else:
                self.counts["ending"] += 1
        for pair in due.keys() - told.keys():
            self._judge_untold(live, pair, due[pair][0])

    def _judge_brought(self, record: Told, delivered: bool) -> None:
        """What a side brought ends together with the match itself."""
        if not delivered or record.asked != LOWER | HIGHER:
            self.findings.add("brought_without_match", (record.coordinator,))
        elif record.coordinator == self._serving.now(record.lower, record.higher):
            self.counts["told"] += 1
        else:
            self.counts["ending"] += 1

    def _judge_untold(self, live: Mapping[str, Row], pair: Two, coordinator: str) -> None:
        if waiting := [each for each in (*pair, coordinator) if self._waits(each)]:
            self.counts["wait"] += 1
            self.findings.waiting.update(waiting)
        elif self._stood(live, pair):
            self.findings.add("not_told", (coordinator,))
        else:
            self.counts["beginning"] += 1

    def _stood(self, live: Mapping[str, Row], pair: Two) -> bool:
        """Whether both rows stand for so long that the sweep must have come by."""
        return all(each in live and live[each].position < self._settled for each in pair)


def records(connection: sqlite3.Connection) -> Iterator[Told]:
    """What the database says that coordinators were told, in order of digests."""
    return (Told(*found) for found in connection.execute(_TOLD))


def check(judged: MediatedCheck) -> Check:
    """The verdict, once everything was taken. It names coordinators and never the sides: who shares a person whom one of
    them keeps back does not belong in a report."""
    wrong: list[Said] = []
    for kind, sentence in words.WRONG_MEDIATION.items():
        named = sorted({each.members[0] for each in judged.findings.only(kind)})
        wrong += [sentence(coordinator=each or "?") for each in named]
        if judged.findings.counts[kind] > len(named):
            wrong.append(words.MORE(count=judged.findings.counts[kind]))
    found = wrong or [words.MEDIATED_FOUND(told=judged.counts["told"])]
    verdict = Verdict.WRONG if wrong else Verdict.OK
    if judged.counts["wait"] and not wrong:
        verdict = Verdict.UNKNOWN
        members = ", ".join(sorted(judged.findings.waiting)[:SHOWN])
        found = [*found, words.MATCHES_WAIT(count=judged.counts["wait"], members=members)]
    halfway = judged.counts["beginning"] + judged.counts["ending"]
    if halfway and not wrong:
        verdict = Verdict.UNKNOWN
        found = [*found, words.MEDIATED_HALFWAY(count=halfway)]
    return Check("mediated", words.MEDIATED_NAME(), words.MEDIATED_HOW(), verdict, tuple(found))
