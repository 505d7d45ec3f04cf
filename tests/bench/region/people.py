"""What case workers and coordinators do, by the assumptions of `staff`, with what they see at their own node.

Each deals with a match as with a list of things to do: look, call, come to an agreement, sign, evaluate, close. Whether
and when they begin is chance; what they may do is for the rules to say. Nobody acts on a day off, or at a node that is off.
"""

from collections import defaultdict, deque
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from raakvlak_node import followup, workdays
from raakvlak_node.followup import SIGN, Phase
from raakvlak_node.workdays import ZONE
from raakvlak_protocol.act import NOTHING, ActKind, Agreement, Cause, Informed, Pair, Task
from raakvlak_protocol.letter import SIZES
from tests.bench.region.matches import CASES
from tests.bench.region.node import Held, Node
from tests.bench.region.words import CLOSING, DECISION, DISAGREEMENT, EVALUATION, TASKS

if TYPE_CHECKING:
    from tests.bench.region.year import Year

_OPENS: Final = 34
"""The working day in quarter hours after midnight, 8:30 to 16:30."""
_CLOSES: Final = 66
_DAY: Final = timedelta(days=1)


class People:
    """Everybody who works in the region."""

    def __init__(self, year: "Year") -> None:
        self._year, self._staff, self._chance = year, year.staff, year.chance
        self._covenant = year.region.sandbox.covenant
        self._workers = dict(year.region.workers)
        self._reminders: defaultdict[str, list[date]] = defaultdict(list)
        self._counts: defaultdict[tuple[object, ...], int] = defaultdict(int)
        self._lost: defaultdict[tuple[Pair, str], int] = defaultdict(int)
        self._desk: deque[tuple[date, Pair]] = deque()
        self._queued: set[Pair] = set()
        self._hours = 0.0  # Of the coordinator's people, in pairs, not yet enough for one.
        self._stopped = False

    def begin(self) -> None:
        """Enters who leaves when."""
        for worker in sorted(set(self._workers.values())):
            day = self._year.presence.leaves_on(worker)
            if day is not None:
                self._year.at(_noon(day), partial(self._hand_over, worker))

    def stop(self) -> None:
        """From now on nobody does anything."""
        self._stopped = True

    # --- what makes somebody begin ----------------------------------------------------------------------------------------

    def new_match(self, pair: Pair, member: str) -> None:
        """A match is shown: most look at it some day."""
        staff, chance = self._staff, self._chance
        if not chance.whether(staff.never_looks, "never looks", pair, member):
            self._plan(pair, member, chance.days(staff.look_days, staff.spread, "looks", pair, member))

    def reminder(self, pair: Pair, member: str) -> None:
        """The node reminds a side."""
        recent = self._reminders[self._workers[pair.party(member)]]
        today = self._year.today
        recent[:] = [*(each for each in recent if each > today - 28 * _DAY), today]
        heeds = self._staff.heeds_reminder / (1 + (len(recent) - 1) / self._staff.weary_after)
        self._perhaps(heeds, "reminder", pair, member, urged=True)

    def letter(self, pair: Pair, member: str, from_desk: bool) -> None:
        """The other side, or the coordinator, has done something."""
        self._perhaps(self._staff.heeds_letter, "letter", pair, member, urged=from_desk)

    def _perhaps(self, share: float, why: str, pair: Pair, member: str, *, urged: bool) -> None:
        nth = self._nth(why, pair, member)
        if self._chance.whether(share, why, pair, member, nth):
            self._plan(pair, member, self._chance.among(4, why, "days", pair, member, nth), urged=urged)

    def _hand_over(self, worker: str) -> None:
        """All cases of a worker go to a successor; part of what was planned is lost. Cards say whom to call from now on."""
        parties = [party for party, each in self._workers.items() if each == worker]
        for party in parties:
            self._workers[party] = f"{worker} (successor)"
            for _ in (day for day in self._year.region.cards[party] if day <= self._year.today):
                self._year.tally.posted(self._year.today, party.member, SIZES[0])
        mine, member = set(parties), parties[0].member
        for pair in self._year.nodes[member].held:
            if pair.party(member) in mine:
                self._lost[pair, member] += self._chance.whether(self._staff.forgotten, "lost", pair, worker)

    # --- planning -----------------------------------------------------------------------------------------------------------

    def _nth(self, *what: object) -> int:
        self._counts[what] += 1
        return self._counts[what]

    def _plan(self, pair: Pair, member: str, days: int, *, urged: bool = False) -> None:
        """The worker deals with the match in so many working days, at some time of day."""
        day = workdays.after(self._year.today, days)
        quarter = _OPENS + self._chance.among(_CLOSES - _OPENS, "time", pair, member, self._nth("time", pair, member))
        moment = int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) + quarter * 900
        if moment <= self._year.now:
            moment += 86_400
        self._year.at(moment, partial(self._deal, pair, member, urged, self._lost[pair, member]))

    def _deal(self, pair: Pair, member: str, urged: bool, plan: int) -> None:
        year, day = self._year, self._year.today
        if self._stopped or plan != self._lost[pair, member]:
            return
        if year.is_off(member, day) or not year.presence.at_work(self._workers[pair.party(member)], day):
            year.at(year.now + 86_400, partial(self._deal, pair, member, urged, plan))
            return
        node = year.nodes[member]
        held = node.held.get(pair)
        if held is not None and not (held.standing.silenced or held.standing.closed):
            self._next_thing(node, held, urged)
            year.changed(member)

    # --- what there is to do ------------------------------------------------------------------------------------------------

    def _next_thing(self, node: Node, held: Held, urged: bool) -> None:
        """The next thing that is to be done, if anything is."""
        standing, member, pair = held.standing, node.member, held.pair
        may = followup.allowed(standing, member)
        known = self._know_each_other(pair)
        self._year.tally.touched(pair, self._year.now)
        if standing.contacted_on is None and known and ActKind.ALREADY_IN_CONTACT in may and self._year.rules.silence:
            node.act(held, ActKind.ALREADY_IN_CONTACT, self._year.now)
            self._year.tally.reached(pair, "already", self._year.now)
            return
        if ActKind.ACKNOWLEDGED in may:
            node.act(held, ActKind.ACKNOWLEDGED, self._year.now)
            if not urged:
                self._plan_call(pair, member)
                return
        if standing.contacted_on is None:
            if not known:  # Else there is nothing to call about.
                self._call(node, held)
        elif SIGN in may:
            self._sign(node, held)
        elif standing.agreement is None and standing.proposal is None:
            self._after_contact(node, held)
        elif followup.phase_on(standing, self._year.today) is Phase.EVALUATION_DUE:
            self._evaluate(node, held)

    def _know_each_other(self, pair: Pair) -> bool:
        return self._chance.whether(self._staff.already, "already", pair)

    def _plan_call(self, pair: Pair, member: str) -> None:
        if not self._chance.whether(self._staff.never_calls, "never calls", pair, member):
            self._plan(pair, member, self._chance.days(self._staff.call_days, self._staff.spread, "calls", pair, member))

    def _call(self, node: Node, held: Held) -> None:
        year, staff, pair, member = self._year, self._staff, held.pair, node.member
        nth = self._nth("call", pair, member)
        there = year.presence.at_work(self._workers[pair.opposite(member)], year.today)
        if there and self._chance.whether(staff.reached, "reached", pair, member, nth):
            node.act(held, ActKind.CONTACTED, year.now, day=year.today)
            year.tally.reached(pair, "contacted", year.now)
            if not self._chance.whether(staff.drops, "drops", pair):
                self._plan(pair, member, self._chance.days(staff.propose_days, staff.spread, "proposes", pair))
        elif nth % staff.patience:
            self._plan(pair, member, staff.retry_days, urged=True)
        elif ActKind.ESCALATED in followup.allowed(held.standing, member) and self._chance.whether(
            staff.asks, "asks", pair, nth
        ):
            node.act(held, ActKind.ESCALATED, year.now, cause=Cause.REQUEST, text="Viermaal gebeld, niemand bereikt.")
            year.tally.escalated(pair, "request")

    def _after_contact(self, node: Node, held: Held) -> None:
        """One talk was enough, or they agree, or not."""
        year, staff, pair = self._year, self._staff, held.pair
        may = followup.allowed(held.standing, node.member)
        drawn = self._chance.share("outcome", pair)
        if drawn < staff.enough and ActKind.CLOSED in may:
            node.act(held, ActKind.CLOSED, year.now, text=self._words(CLOSING, pair))
            year.tally.reached(pair, "closed", year.now)
        elif staff.enough <= drawn < staff.enough + staff.disagrees and ActKind.DISAGREED in may:
            if not held.standing.disagreed:
                node.act(held, ActKind.DISAGREED, year.now, text=self._words(DISAGREEMENT, pair))
                if held.standing.coordinated:
                    year.tally.escalated(pair, "disagreement")
        elif ActKind.PROPOSED in may:
            node.propose(held, self._agreement(node, pair), year.now)

    def _agreement(self, node: Node, pair: Pair) -> Agreement:
        today, chance = self._year.today, self._chance
        days = self._covenant.follow_up.evaluation_days
        own, their = node.member, pair.opposite(node.member).member
        tasks = [
            Task((own, their)[nth % 2], TASKS[chance.among(len(TASKS), "task", pair, nth)], workdays.after(today, 10 + 5 * nth))
            for nth in range(2 + chance.among(3, "tasks", pair))
        ]
        return Agreement(
            node.salt(), 1, NOTHING, (pair.one, pair.other), (own, their)[chance.among(2, "lead", pair)], tuple(tasks),
            workdays.after(today, days // 2 + chance.among(days // 2, "evaluate", pair)), Informed.AGREES, Informed.AGREES,
        )  # fmt: skip

    def _sign(self, node: Node, held: Held) -> None:
        node.sign(held, self._year.now)
        if held.standing.agreement is not None and held.standing.evaluate_on is not None:
            self._year.tally.reached(held.pair, "agreed", self._year.now)
            for member in held.pair.members:
                if self._chance.whether(self._staff.keeps_day, "keeps day", held.pair, member):
                    away = (held.standing.evaluate_on - self._year.today).days
                    late = self._chance.among(4, "evaluates", held.pair, member)
                    day = workdays.after(self._year.today + away * _DAY, late)
                    self._year.at(_noon(day), partial(self._deal, held.pair, member, True, self._lost[held.pair, member]))

    def _evaluate(self, node: Node, held: Held) -> None:
        year, pair = self._year, held.pair
        nth = self._nth("evaluated", pair)
        finished = self._chance.whether(self._staff.finished, "finished", pair, nth)
        again = None if finished else workdays.after(year.today, self._covenant.follow_up.evaluation_days // 2)
        node.act(held, ActKind.EVALUATED, year.now, day=again, text=self._words(EVALUATION, pair))
        year.tally.reached(pair, "evaluated", year.now)
        if finished:
            node.act(held, ActKind.CLOSED, year.now, text=self._words(CLOSING, pair))
            year.tally.reached(pair, "closed", year.now)

    def _words(self, among: tuple[str, ...], pair: Pair) -> str:
        return among[self._chance.among(len(among), "words", pair, self._nth("words", pair))]

    # --- the coordinator ----------------------------------------------------------------------------------------------------

    def desk_letter(self, pair: Pair) -> None:
        """The coordinator's node has taken a letter."""
        if pair not in self._queued and self._at_desk(pair).standing.phase is Phase.ESCALATED:
            self._queued.add(pair)
            self._desk.append((self._year.today, pair))

    def _at_desk(self, pair: Pair) -> Held:
        return self._year.nodes[self._year.desk].held[pair]

    def desk_day(self) -> None:
        """A working day of the coordinator's people: they take up what has waited longest."""
        year = self._year
        if self._stopped or year.is_off(year.desk, year.today):
            return
        self._hours += self._staff.coordinator_daily * len(year.region.cases) / CASES
        left = int(self._hours)
        self._hours -= left
        later: list[tuple[date, Pair]] = []
        while left and self._desk:
            since, pair = self._desk.popleft()
            if since > year.today:
                later.append((since, pair))
            elif self._at_desk(pair).standing.phase is not Phase.ESCALATED:
                self._queued.discard(pair)
            else:
                left -= 1
                if not self._take_up(pair):
                    later.append((workdays.after(year.today, 2), pair))
        self._desk.extend(later)
        year.changed(year.desk)

    def _take_up(self, pair: Pair) -> bool:
        """Calls both sides; whether it decided."""
        year, nth = self._year, self._nth("desk", pair)
        reached = [
            member
            for member in pair.members
            if year.presence.at_work(self._workers[pair.party(member)], year.today)
            and self._chance.whether(self._staff.coordinator_reaches, "desk reaches", pair, member, nth)
        ]
        if len(reached) < 2 and nth % 3:
            return False
        self._queued.discard(pair)
        node, held = year.nodes[year.desk], self._at_desk(pair)
        year.tally.touched(pair, year.now)
        if reached and self._know_each_other(pair):
            node.act(held, ActKind.CLOSED, year.now, text="Beide waren al in gesprek; niets voor ons.")
            year.tally.reached(pair, "found already in contact", year.now)
            year.tally.reached(pair, "closed", year.now)
            return True
        lead = pair.members[self._chance.among(2, "leads", pair, nth)]
        node.act(held, ActKind.DECIDED, year.now, text=self._words(DECISION, pair), lead=lead)
        for member in reached:
            if self._chance.whether(self._staff.heeds_coordinator, "heeds", pair, member, nth):
                self._plan(pair, member, 1 + self._chance.among(3, "heeds", "days", pair, member, nth), urged=True)
        return True


def _noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).timestamp())
