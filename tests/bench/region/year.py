"""The year itself: a queue of moments at which nodes walk, letters come and people do something, in order of time.

Time is Unix seconds. A letter is posted at its sender's next walk and read at its receiver's next one after that; some
nodes walk at each quarter hour, schools once in the night. A node that is off does nothing until it is on again.
"""

import hashlib
import heapq
import itertools
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from raakvlak_node import workdays
from raakvlak_node.workdays import ZONE, local_day
from raakvlak_protocol.act import Pair
from raakvlak_protocol.covenant import COORDINATOR
from raakvlak_protocol.follow_up_content import PairContact
from tests.bench.region.matches import MEMBERS, YEAR, Region
from tests.bench.region.node import Node, Sent, Told
from tests.bench.region.people import People
from tests.bench.region.rules import Rules
from tests.bench.region.staff import Chance, Presence, Staff
from tests.bench.region.tally import Tally

QUARTER: Final = 900
NIGHTLY: Final = "education"
"""Kind of which the nodes walk once, at NIGHT; a school has no administrator who looks after a server by day."""
NIGHT: Final = 6 * 3600
WAITS_DAYS: Final = 30
"""After which the index drops a letter and its sender posts it again."""
_DAY: Final = timedelta(days=1)
_FIRST: Final = date(YEAR, 1, 1)
_END: Final = date(YEAR + 1, 1, 1)


def second(day: date, after_midnight: int) -> int:
    """The Unix second of a time of day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) + after_midnight


class Year:
    """One run under `rules`; `run` may be called once."""

    def __init__(self, region: Region, rules: Rules, staff: Staff, seed: int) -> None:
        self.region, self.rules, self.staff = region, rules, staff
        self.chance = Chance(seed)
        self.presence = Presence(staff, self.chance, YEAR)
        self.covenant = rules.covenant(region.sandbox.covenant)
        self.now = second(_FIRST, 0)
        self.nodes = {member: self._node(member) for member in MEMBERS}
        self.desk = next(each for each, kind in MEMBERS.items() if kind == COORDINATOR)
        self.tally = Tally(list(self.nodes), region.sandbox.covenant.follow_up)
        self.people = People(self)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._entered = 0
        self._posting: set[str] = set()
        self._last = second(_END, 0)

    @property
    def today(self) -> date:
        return local_day(self.now)

    def run(self) -> Tally:
        """The year, day for day; then the letters that are under way are delivered and both sides compared."""
        self._begin()
        for each in range((_END - _FIRST).days):
            day = _FIRST + each * _DAY
            self.at(second(day, NIGHT + QUARTER), partial(self._keep_terms, day))
            if workdays.is_working(day):
                self.at(second(day, 9 * 3600), self.people.desk_day)
            if day.isoweekday() == 5:
                self.at(second(day, 18 * 3600), self._week)
        while self._queue and self._queue[0][0] < self._last:
            self._step()
        self.tally.close(self.nodes, self.desk)
        self.people.stop()
        while self._queue:
            self._step()
        self.tally.compare(self.nodes)
        return self.tally

    def at(self, moment: int, what: Callable[[], None]) -> None:
        """To be done at a second, after all that was entered for it before."""
        self._entered += 1
        heapq.heappush(self._queue, (moment, self._entered, what))

    def _step(self) -> None:
        self.now, _, what = heapq.heappop(self._queue)
        what()

    # --- nodes ----------------------------------------------------------------------------------------------------------

    def _node(self, member: str) -> Node:
        def contact(pair: Pair, side: str) -> PairContact:
            case = self.region.cases[pair.party(side)]
            return PairContact(pair.party(side), case.worker_name, case.function, case.worker_phone, case.worker_email)

        counter = itertools.count()
        return Node(
            member,
            self.covenant,
            self.rules.in_force(self.covenant),
            self.region.sandbox.signing_seeds[member],
            lambda: hashlib.sha256(f"{member} {next(counter)}".encode()).digest(),
            contact,
        )

    def is_off(self, member: str, day: date) -> bool:
        """Whether a node is off on a day."""
        if not self.rules.network or day >= _END:
            return False
        migrates = member == self.staff.absent_member and day.month == 3
        return migrates or self.chance.whether(self.staff.nodes_down, "off", member, day)

    def next_walk(self, member: str, after: int) -> int:
        """The second of a node's next walk after another second."""
        if not self.rules.network:
            return after + 1
        day, nightly = local_day(after), MEMBERS[member] == NIGHTLY
        while True:
            moment = second(day, NIGHT) if nightly else max(second(day, 0), after + QUARTER - after % QUARTER)
            if moment > after and not self.is_off(member, day) and local_day(moment) == day:
                return moment
            day += _DAY

    def _begin(self) -> None:
        """Each match is shown at a side once both have walked: for the proof letters, then for the cards."""
        for encounter in self.region.encounters:
            found = second(encounter.on, 12 * 3600)
            for member in encounter.pair.members:
                other = encounter.pair.opposite(member).member
                shown = self.next_walk(member, self.next_walk(other, self.next_walk(member, found)))
                self.at(shown, partial(self._show, encounter.pair, member))
        for posted in self.region.posted:
            self.tally.posted(posted.on, posted.sender, posted.bytes)
        self.people.begin()

    def _show(self, pair: Pair, member: str) -> None:
        if pair not in self.nodes[member].held:  # Else the other side has written before.
            self.nodes[member].begin(pair, self.today)
        self.tally.began(pair, self.today)
        self.people.new_match(pair, member)

    def changed(self, member: str) -> None:
        """A node has something to post."""
        if member not in self._posting and self.nodes[member].waiting:
            self._posting.add(member)
            self.at(self.next_walk(member, self.now), partial(self._post, member))

    def _post(self, member: str) -> None:
        self._posting.discard(member)
        for sent in self.nodes[member].write():
            arrives = self.next_walk(sent.receiver, self.now)
            again = (arrives - self.now) // (WAITS_DAYS * 86_400)
            for nth in range(1 + again):
                self.tally.posted(self.today + nth * WAITS_DAYS * _DAY, member, sent.bytes, sent.pair)
            self.at(arrives, partial(self._take, sent))

    def _take(self, sent: Sent) -> None:
        node = self.nodes[sent.receiver]
        before = node.held[sent.pair].standing.phase if sent.pair in node.held else None
        if not node.take(sent, self.today):
            return
        self.changed(sent.receiver)
        if sent.receiver == self.desk:
            self.people.desk_letter(sent.pair)
        elif node.held[sent.pair].standing.phase is not before:
            self.people.letter(sent.pair, sent.receiver, sent.sender == self.desk)

    def _keep_terms(self, day: date) -> None:
        if day >= _END:
            return
        for member, node in self.nodes.items():
            if self.is_off(member, day):
                continue  # What it has on its agenda waits.
            for held in node.on_agenda(day):
                told = node.keep_term(held, day, self.now, remind=self.rules.reminders, escalate=self.rules.escalation)
                for each, term in told:
                    self.tally.told(held.pair, each, term, day)
                    if each is not Told.ESCALATED:
                        self.people.reminder(held.pair, member)
            self.changed(member)

    def _week(self) -> None:
        self.tally.week(self.today, self.nodes[self.desk])
