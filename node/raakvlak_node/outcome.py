"""How the follow-up goes, in numbers: of the matches that began in a month, how many came how far.

Counts per month, kind of the other organisation and kind of match; no case, no person, no organisation. They stay here:
nothing sends them anywhere. A pair is counted once for each milestone, under the month in which its match began, whenever
it reaches it; the numbers of a month therefore still rise afterwards. They outlive the pair (`forget`), which they can't
lead back to.

A small number may still tell somebody about a family that they know of: what goes to others is rounded first, or joined.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from raakvlak_node.store import Store
from raakvlak_node.wording import Language
from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.relation import MatchKind

HOME: Final = ZoneInfo("Europe/Amsterdam")

_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Milestone(StrEnum):
    """How far a pair came; MATCHES is that it began."""

    MATCHES = "matches"
    ACKNOWLEDGED_IN_TIME = "acknowledged_in_time"
    ACKNOWLEDGED_LATE = "acknowledged_late"
    CONTACTED = "contacted"
    ALREADY_IN_CONTACT = "already_in_contact"
    AGREED = "agreed"
    EVALUATED = "evaluated"
    ESCALATED = "escalated"
    CLOSED = "closed"


# A pair is acknowledged once, in time or late: whichever comes first is what counts.
_MARKS: Final = {Milestone.ACKNOWLEDGED_IN_TIME: "acknowledged", Milestone.ACKNOWLEDGED_LATE: "acknowledged"}


@dataclass(frozen=True, slots=True)
class Row:
    """The matches of a month ("2026-03") with one kind of organisation; every milestone has its count."""

    month: str
    other_kind: str
    match_kind: MatchKind
    counts: Mapping[Milestone, int]

    def record(self) -> dict[str, Any]:
        kinds = {"month": self.month, "other_kind": self.other_kind, "match_kind": str(self.match_kind)}
        return kinds | {str(each): self.counts[each] for each in Milestone}


class Outcome:
    """The verbs, on a node's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def count(self, pair: bytes, month: str, other_kind: str, match_kind: MatchKind, milestone: Milestone) -> bool:
        """Counts that the pair (handle) reached the milestone, within the caller's transaction; False where it was counted
        before. `month` is `month_of` the second at which its match began, `other_kind` the other member's.

        Raises Malformed for what is no month or kind: nothing else ever stands in the table.
        """
        if other_kind not in KINDS:
            raise Malformed("no such kind of member", field="other_kind")
        key = (parse_month(month), other_kind, str(match_kind), str(milestone))
        with self._store.transaction():
            mark = (pair, _MARKS.get(milestone, str(milestone)), str(milestone), str(match_kind))
            if self._run("INSERT OR IGNORE INTO outcome_mark VALUES (?, ?, ?, ?)", mark).rowcount == 0:
                return False
            self._add(key, 1)
        return True

    def _add(self, key: tuple[str, str, str, str], count: int) -> None:
        self._run(
            "INSERT INTO outcome VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count", (*key, count)
        )

    def recount(self, pair: bytes, month: str, other_kind: str, match_kind: MatchKind) -> None:
        """The pair has turned out to be of this kind: what it was counted for as another is counted as this one."""
        marks = self._run(
            "SELECT milestone, match_kind FROM outcome_mark WHERE pair = ? AND match_kind <> ?", (pair, str(match_kind))
        ).fetchall()
        for milestone, before in marks:
            self._add((month, other_kind, before, milestone), -1)
            self._add((month, other_kind, str(match_kind), milestone), 1)
        self._run("UPDATE outcome_mark SET match_kind = ? WHERE pair = ?", (str(match_kind), pair))

    def forget(self, pair: bytes) -> None:
        """Forgets what the pair was counted for; the counts stay."""
        self._run("DELETE FROM outcome_mark WHERE pair = ?", (pair,))

    def table(self, first: str = "", last: str = "") -> list[Row]:
        """The rows of the months from `first` to `last`, both included and each open where it is empty, in order."""
        rows = self._run(
            "SELECT month, other_kind, match_kind, milestone, count FROM outcome"
            " WHERE count > 0 AND month >= ? AND (? = '' OR month <= ?) ORDER BY month, other_kind, match_kind",
            (first, last, last),
        )
        found: dict[tuple[str, str, str], dict[Milestone, int]] = {}
        for month, other_kind, match_kind, milestone, count in rows:
            found.setdefault((month, other_kind, match_kind), {})[Milestone(milestone)] = count
        return [
            Row(month, other_kind, MatchKind(match_kind), _whole(counts))
            for (month, other_kind, match_kind), counts in found.items()
        ]


def _whole(counts: Mapping[Milestone, int]) -> Mapping[Milestone, int]:
    return MappingProxyType({each: counts.get(each, 0) for each in Milestone})


def month_of(second: int) -> str:
    """The month in the Netherlands of a Unix second: "2026-03"."""
    return f"{datetime.fromtimestamp(second, UTC).astimezone(HOME):%Y-%m}"


def parse_month(text: str) -> str:
    """A month written as YYYY-MM and not otherwise; raises Malformed."""
    if not _MONTH.fullmatch(text):
        raise Malformed("a month is written as YYYY-MM", field="month")
    return text


# --- for people and spreadsheets --------------------------------------------------------------------------------------


def as_csv(rows: Iterable[Row]) -> str:
    """A table with a header. No cell begins a formula in any spreadsheet: each is a month, a number or one of our words."""
    out = io.StringIO()
    written = csv.DictWriter(out, ["month", "other_kind", "match_kind", *Milestone], lineterminator="\r\n")
    written.writeheader()
    written.writerows(each.record() for each in rows)
    return out.getvalue()


_WORDS: Final[dict[Language, dict[str, str]]] = {
    "nl": {
        "matches": "matches",
        "acknowledged_in_time": "op tijd bevestigd",
        "acknowledged_late": "te laat bevestigd",
        "contacted": "contact gelegd",
        "already_in_contact": "had al contact",
        "agreed": "afspraken gemaakt",
        "evaluated": "geëvalueerd",
        "escalated": "opgeschaald",
        "closed": "afgesloten",
        "nothing": "In deze maanden begon geen match.",
        "total": "alle organisaties",
        "client": "zelfde cliënt",
        "family": "zelfde gezin",
        "education": "onderwijs",
        "municipality": "gemeente",
        "police": "politie",
        "justice": "justitie",
        "youth_care": "jeugdhulp",
        "health": "gezondheidszorg",
        "shelter": "opvang",
        "coordinator": "coördinator",
    },
    "en": {
        "matches": "matches",
        "acknowledged_in_time": "acknowledged in time",
        "acknowledged_late": "acknowledged late",
        "contacted": "contact made",
        "already_in_contact": "already in contact",
        "agreed": "agreements made",
        "evaluated": "evaluated",
        "escalated": "escalated",
        "closed": "closed",
        "nothing": "No match began in these months.",
        "total": "all organisations",
        "client": "same client",
        "family": "same family",
        "education": "education",
        "municipality": "municipality",
        "police": "police",
        "justice": "justice",
        "youth_care": "youth care",
        "health": "health care",
        "shelter": "shelter",
        "coordinator": "coordinator",
    },
}


def as_text(rows: Sequence[Row], language: Language) -> str:
    """The months of the rows taken together, per kind and in all: counts, and their shares of the matches."""
    words = _WORDS[language]
    if not rows:
        return words["nothing"]
    lines = [f"{min(each.month for each in rows)} – {max(each.month for each in rows)}"]
    lines += _block(words["total"], _sum(rows), words)
    for other_kind, match_kind in sorted({(each.other_kind, each.match_kind) for each in rows}):
        found = [each for each in rows if (each.other_kind, each.match_kind) == (other_kind, match_kind)]
        lines += _block(f"{words[other_kind]}, {words[match_kind]}", _sum(found), words)
    return "\n".join(lines)


def _sum(rows: Iterable[Row]) -> Mapping[Milestone, int]:
    found = list(rows)
    return {each: sum(row.counts[each] for row in found) for each in Milestone}


def _block(title: str, counts: Mapping[Milestone, int], words: Mapping[str, str]) -> list[str]:
    matches = counts[Milestone.MATCHES]
    shares = {each: f"{100 * counts[each] / matches:4.0f} %" if matches else "   –" for each in Milestone}
    lines = [f"  {words[each]:22} {counts[each]:6}  {shares[each]}" for each in Milestone if each is not Milestone.MATCHES]
    return ["", title, f"  {words[Milestone.MATCHES]:22} {matches:6}", *lines]
