"""The assumptions: how people and nodes behave. Each has a name, a unit and the reason for its default.

Nobody has measured them. What is known is one region's record of its older system in a year: about 60 % of matches were
followed up, and the most frequent reason for not calling was "already in contact". The first six are chosen so that the
simulation without terms, reminders or a coordinator comes to that; the others are what practice makes plausible.

Every draw depends on the seed and on what it is for, and on nothing that happened: so runs under different rules meet
the same people, in the same mood, and what differs between them is the rules.
"""

import hashlib
import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import NormalDist
from typing import Final

from raakvlak_node import workdays

_NORMAL: Final = NormalDist()
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Staff:
    """Shares are between 0 and 1; days are working days, the median of a log-normal with `spread` (standard deviation of
    the logarithm), so that a few take very long."""

    already: float = 0.22
    """Share of matches whose two sides know of each other. The most frequent reason for not calling: more than half of
    the 40 % that were not followed up."""
    never_looks: float = 0.30
    """Share of sides that never look at a new match unless reminded. With the next one: 18 % that nobody calls about."""
    never_calls: float = 0.25
    """Share of those who have looked, that do not call unless reminded."""
    look_days: float = 4.0
    """Until somebody looks who does so by themselves: case workers open such a list about once a week."""
    call_days: float = 3.0
    """From looking to the first attempt to call."""
    spread: float = 1.0
    """Of both: one in six takes longer than e times the median."""

    reached: float = 0.6
    """Share of calls that are answered, of those to somebody who is at work."""
    retry_days: int = 2
    """Until the next attempt."""
    patience: int = 4
    """Attempts after which the coordinator is asked for help, or the attempts end."""
    asks: float = 0.5
    """Share of those who then ask; the others give up until reminded."""

    heeds_reminder: float = 0.35
    """Share of reminders on which somebody acts within three days, where reminders are few: two in three are clicked
    away."""
    weary_after: float = 10.0
    """Reminders in four weeks at which the share above is halved: whoever is told too often stops reading."""
    heeds_letter: float = 0.5
    """Share of steps of the other side on which somebody looks at the match within a few days."""
    heeds_coordinator: float = 0.9
    """Share of those whom the coordinator has spoken, that act within three days."""

    enough: float = 0.35
    """Share of contacts after which one talk was enough and the match is closed."""
    disagrees: float = 0.05
    """Share of contacts in which no agreement is found."""
    drops: float = 0.25
    """Share of contacts after which nobody proposes anything unless reminded."""
    propose_days: float = 6.0
    """From the contact to the proposal: parents are asked first."""
    keeps_day: float = 0.5
    """Share of evaluations that are held within a few days after their day without a reminder."""
    finished: float = 0.5
    """Share of evaluations after which the match is closed."""

    sick: float = 0.05
    """Share of working days on which a worker is ill; of the order of the Dutch mean."""
    leaves: float = 0.15
    """Share of workers who leave in the year; of the order that Dutch youth care knows."""
    forgotten: float = 0.5
    """Share of what was planned that is lost when a case is handed over."""

    coordinator_daily: float = 8.0
    """Pairs that the coordinator's people take up in a working day, for 20,000 cases: four of them, two pairs each. In a
    smaller region so many fewer."""
    coordinator_reaches: float = 0.7
    """Share of sides that a coordinator gets hold of in an attempt; at the third it decides with whom it has."""

    nodes_down: float = 0.01
    """Share of days on which a node is off, the whole day."""
    absent_member: str = "gemeente-westerkreek"
    """Whose node is off for all of March: a migration that went wrong."""


@dataclass(frozen=True)
class Chance:
    """Draws by what they are for."""

    seed: int

    def share(self, *purpose: object) -> float:
        """Evenly from 0 up to 1."""
        drawn = hashlib.blake2b(repr((self.seed, *purpose)).encode(), digest_size=7).digest()
        return int.from_bytes(drawn, "big") / 2**56

    def whether(self, share: float, *purpose: object) -> bool:
        return self.share(*purpose) < share

    def among(self, count: int, *purpose: object) -> int:
        """From 0 up to `count`."""
        return int(self.share(*purpose) * count)

    def days(self, median: float, spread: float, *purpose: object) -> int:
        """Log-normal, to the nearest whole day."""
        return round(median * math.exp(spread * _NORMAL.inv_cdf(max(self.share(*purpose), 1e-9))))


@dataclass
class Presence:
    """Who is at work on which day: holidays that everybody has, leave, illness."""

    staff: Staff
    chance: Chance
    year: int
    _leave: dict[str, list[tuple[date, date]]] = field(default_factory=dict)

    def at_work(self, worker: str, day: date) -> bool:
        return (
            workdays.is_working(day)
            and not any(first <= day <= last for first, last in self._leave_of(worker))
            and not self.chance.whether(self.staff.sick, "sick", worker, day)
        )

    def next_at_work(self, worker: str, day: date) -> date:
        """The day itself, or the first one after it on which the worker is there."""
        while not self.at_work(worker, day):
            day += _DAY
        return day

    def leaves_on(self, worker: str) -> date | None:
        """On which day a worker leaves in this year, if so."""
        if not self.chance.whether(self.staff.leaves, "leaves", worker):
            return None
        return date(self.year, 1, 1) + timedelta(days=self.chance.among(365, "leaves on", worker))

    def _leave_of(self, worker: str) -> list[tuple[date, date]]:
        """Three weeks in the six of the summer holidays, a week in May or October, half of all between the years."""
        if worker not in self._leave:
            summer = date(self.year, 7, 11) + 7 * _DAY * self.chance.among(4, "summer", worker)
            week = date(self.year, 5, 2) if self.chance.whether(0.5, "week", worker) else date(self.year, 10, 17)
            found = [(summer, summer + 22 * _DAY), (week, week + 8 * _DAY)]
            if self.chance.whether(0.5, "between the years", worker):
                found.append((date(self.year, 12, 19), date(self.year, 12, 31)))
            self._leave[worker] = found
        return self._leave[worker]
