"""What is counted while a year runs, and the figures that come of it.

`untouched`: nobody has done anything about a match, neither a worker at either side nor the coordinator; what a node does
by itself does not count. The yardstick is one for all runs: the covenant's own terms, whatever a run makes of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Any, Final

from raakvlak_node import workdays
from raakvlak_node.followup import Phase, Term
from raakvlak_node.workdays import local_day
from raakvlak_protocol.act import Act, Pair
from raakvlak_protocol.covenant import FollowUpTerms
from tests.bench.region.matches import YEAR
from tests.bench.region.node import Node, Told

_FAR: Final = date.max
_LAST: Final = date(YEAR, 12, 31)


@dataclass
class Course:
    """How one match went; days on which something was first so, `date.max` for never."""

    began: date
    touched: date = _FAR
    contacted: date = _FAR
    already: date = _FAR
    agreed: date = _FAR
    evaluated: date = _FAR
    closed: date = _FAR
    causes: set[str] = field(default_factory=set)
    stuck: dict[Term, bool] = field(default_factory=dict)
    """The terms for which a node called in the coordinator, and whether nobody had touched the match when it first did."""

    @property
    def met(self) -> date:
        """In contact, now or already."""
        return min(self.contacted, self.already)


@dataclass
class Tally:
    """Of one run. `terms` is the yardstick."""

    members: list[str]
    terms: FollowUpTerms
    courses: dict[Pair, Course] = field(default_factory=dict)
    letters: Counter[tuple[date, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[date, str]] = field(default_factory=Counter)
    about_pairs: Counter[str] = field(default_factory=Counter)
    reminders: Counter[str] = field(default_factory=Counter)
    desk: list[tuple[date, int, int]] = field(default_factory=list)
    phases: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    folded: int = 0
    differing: int = 0
    pairs_of_busiest: int = 0

    # --- while it runs ------------------------------------------------------------------------------------------------------

    def began(self, pair: Pair, day: date) -> None:
        """A match is shown at one of its sides."""
        self.courses.setdefault(pair, Course(day))

    def touched(self, pair: Pair, now: int) -> None:
        """Somebody has done something about it."""
        course = self.courses[pair]
        course.touched = min(course.touched, local_day(now))

    def reached(self, pair: Pair, milestone: str, now: int) -> None:
        """It has come so far: contacted, already, agreed, evaluated, closed."""
        self.touched(pair, now)
        course = self.courses[pair]
        name = "already" if milestone == "found already in contact" else milestone
        setattr(course, name, min(getattr(course, name), local_day(now)))

    def escalated(self, pair: Pair, cause: str) -> None:
        self.courses[pair].causes.add(cause)

    def told(self, pair: Pair, told: Told, term: Term, day: date) -> None:
        """A node has reminded, or called in the coordinator, by itself."""
        if told is Told.ESCALATED:
            self.courses[pair].stuck.setdefault(term, self.courses[pair].touched > day)
            self.escalated(pair, "term")
            return
        self.reminders["given"] += 1
        self.reminders["of what only others were to do"] += told is Told.REMINDED_FOR_OTHERS
        self.reminders["about a match that somebody had touched"] += self.courses[pair].touched <= day

    def posted(self, day: date, sender: str, size: int, pair: Pair | None = None) -> None:
        """A letter was posted: about a pair, or a proof or card."""
        if day <= _LAST:
            self.letters[day, sender] += 1
            self.bytes[day, sender] += size
            kind = "follow-up" if pair is not None else "proof or card"
            self.about_pairs[f"{kind} letters"] += 1
            self.about_pairs[f"{kind} bytes"] += size
            self.about_pairs[f"of {size} bytes"] += 1

    def week(self, day: date, desk: Node) -> None:
        """The coordinator's load: (day, waiting for it, open with it)."""
        standings = [each.standing for each in desk.held.values()]
        waiting = sum(each.phase is Phase.ESCALATED for each in standings)
        self.desk.append((day, waiting, sum(each.coordinated for each in standings)))

    def close(self, nodes: Mapping[str, Node], desk: str) -> None:
        """The year is over: where the matches stand, each as one of its sides sees it."""
        for member, node in nodes.items():
            self.folded += node.folded
            if member == desk:
                continue
            self.pairs_of_busiest = max(self.pairs_of_busiest, len(node.held))
            for held in node.held.values():
                if held.pair.one.member == member:
                    self.phases[str(held.standing.phase)] += 1

    def compare(self, nodes: Mapping[str, Node]) -> None:
        """All letters have come: both sides of each pair must stand alike."""
        for pair in self.courses:
            one, other = (nodes[member].held[pair].standing for member in pair.members)
            self.differing += one != other
            for step in one.steps:
                self.records["acts" if isinstance(step.record, Act) else "signatures"] += 1
                self.records["crossed"] += not step.counted

    # --- figures ------------------------------------------------------------------------------------------------------------

    def _due(self, days: int) -> dict[Pair, date]:
        """The last day in time of each match of which that lies within the year."""
        found = {pair: workdays.after(course.began, days) for pair, course in self.courses.items()}
        return {pair: on for pair, on in found.items() if on <= _LAST}

    def weekly(self) -> list[tuple[date, float]]:
        """On each Friday, of the matches whose contact term has passed, the share that nobody has touched."""
        due = self._due(self.terms.contact_days)
        shares = []
        for day, _, _ in self.desk:
            past = [pair for pair, on in due.items() if on < day]
            if past:
                shares.append((day, sum(self.courses[pair].touched > day for pair in past) / len(past)))
        return shares

    def weekly_of_open(self) -> list[tuple[date, float]]:
        """The same as a share of all matches that are open then, old and new."""
        due = self._due(self.terms.contact_days)
        shares = []
        for day, _, _ in self.desk:
            open_ = [pair for pair, course in self.courses.items() if course.began <= day < course.closed]
            stuck = sum(due.get(pair, _FAR) < day < self.courses[pair].touched for pair in open_)
            shares.append((day, stuck / max(1, len(open_))))
        return shares

    def figures(self) -> dict[str, Any]:
        """All that is reported of a run."""
        courses = list(self.courses.values())
        acknowledge, contact = self._due(self.terms.acknowledge_days), self._due(self.terms.contact_days)
        late_days = [min(self.courses[pair].touched, _LAST).toordinal() - on.toordinal() for pair, on in contact.items()]
        met = [self.courses[pair].met for pair in contact]
        weekly, of_open = self.weekly(), self.weekly_of_open()
        return {
            "matches": len(courses),
            "untouched_past_acknowledge_term": _share(self.courses[each].touched > on for each, on in acknowledge.items()),
            "untouched_past_contact_term": _share(self.courses[each].touched > on for each, on in contact.items()),
            "no_contact_past_contact_term": _share(self.courses[each].met > on for each, on in contact.items()),
            "untouched_past_term_mean_of_weeks": _mean(share for _, share in weekly),
            "untouched_past_term_of_open_mean_of_weeks": _mean(share for _, share in of_open),
            "untouched_at_end": weekly[-1][1] if weekly else 0.0,
            "days_untouched_past_term_per_match": _mean(max(0, each) for each in late_days),
            "in_contact_of_those_past_term": _share(each <= _LAST for each in met),
            "contacted": _share(each.contacted <= _LAST for each in courses),
            "already_in_contact": _share(each.already < each.contacted and each.already <= _LAST for each in courses),
            "agreed": _share(each.agreed <= _LAST for each in courses),
            "evaluated": _share(each.evaluated <= _LAST for each in courses),
            "closed": _share(each.closed <= _LAST for each in courses),
            "escalated": _share(bool(each.causes) for each in courses),
            "escalated_by_cause": {
                cause: _share(cause in each.causes for each in courses) for cause in ("term", "disagreement", "request")
            },
            "escalated_for_term": {str(term): _share(term in each.stuck for each in courses) for term in Term},
            "untouched_when_escalated_for_term": {
                str(term): _share(each.stuck.get(term, False) for each in courses) for term in Term
            },
            "median_working_days_to_contact": _median(
                _working_days(each.began, each.contacted) for each in courses if each.contacted <= _LAST
            ),
            "median_working_days_until_touched": _median(
                _working_days(each.began, each.touched) for each in courses if each.touched <= _LAST
            ),
            "phases_at_end": dict(sorted(self.phases.items())),
            "reminders": dict(sorted(self.reminders.items())),
            "reminders_per_match": round(self.reminders["given"] / max(1, len(courses)), 2),
            "letters": self._letters(),
            "coordinator": self._coordinator(),
            "records": dict(sorted(self.records.items())),
            "folds": self.folded,
            "pairs_that_differ_between_sides": self.differing,
        }

    def _letters(self) -> dict[str, Any]:
        sides = [each for each in self.members if any(member == each for _, member in self.letters)]
        days = 365 * max(1, len(sides))
        busiest = max(self.letters.items(), key=lambda each: each[1], default=((_LAST, ""), 0))
        matches = max(1, len(self.courses))
        return {
            "all": self.letters.total(),
            "bytes": self.bytes.total(),
            "per_organisation_and_day": round(self.letters.total() / days, 1),
            "bytes_per_organisation_and_day": round(self.bytes.total() / days),
            "per_match": round(self.letters.total() / matches, 1),
            "bytes_per_match": round(self.bytes.total() / matches),
            "follow_up_letters_per_match": round(self.about_pairs["follow-up letters"] / matches, 1),
            "busiest_day": {"day": str(busiest[0][0]), "organisation": busiest[0][1], "letters": busiest[1]},
            "of": dict(sorted(self.about_pairs.items())),
        }

    def _coordinator(self) -> dict[str, Any]:
        quarters = self.desk[12::13]
        return {
            "waiting_at_most": max((waiting for _, waiting, _ in self.desk), default=0),
            "waiting_mean": round(_mean(waiting for _, waiting, _ in self.desk), 1),
            "open_at_most": max((open_ for _, _, open_ in self.desk), default=0),
            "by_quarter": [{"day": str(day), "waiting": waiting, "open": open_} for day, waiting, open_ in quarters],
            "by_week": [[str(day), waiting, open_] for day, waiting, open_ in self.desk],
        }


def _working_days(first: date, last: date) -> int:
    days = (first + timedelta(days=each) for each in range(1, (last - first).days + 1))
    return sum(workdays.is_working(day) for day in days)


def _share(whether: Iterable[bool]) -> float:
    return _mean(float(each) for each in whether)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else 0.0


def _median(values: Iterable[int]) -> float | None:
    found = list(values)
    return float(median(found)) if found else None
