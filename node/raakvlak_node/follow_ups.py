"""What people do about matches: the one place where a step is taken, judged and told of.

Commands, the API and the node's own keeping of terms come here. A step is one transaction: the record, what is to be
written to whom, the line in the access log, the message to the case system. What the rules say stands in `followup`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from raakvlak_node import followup, outcome, workdays
from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.desk import Desk
from raakvlak_node.followup import SIGN, Due, Phase, Records, Reminder, Standing
from raakvlak_node.notices import Kind, Notices, of_reminder
from raakvlak_node.outcome import Milestone, Outcome
from raakvlak_node.pairs import KEPT_DAYS, OWN_RECORDS, Known, Pairs, Record, encoded
from raakvlak_node.store import Store
from raakvlak_node.vault import handle_in
from raakvlak_node.webhooks import Webhooks
from raakvlak_protocol import act as acts
from raakvlak_protocol.act import (
    NOTHING,
    SALT_BYTES,
    Act,
    ActKind,
    Agreement,
    Cause,
    Informed,
    Party,
    Signature,
    Task,
    Written,
)
from raakvlak_protocol.covenant import COORDINATOR, Covenant
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of
from raakvlak_protocol.text import MAX_WRITTEN_CHARACTERS, shown_lines

DAY_SECONDS: Final = 86_400
_NEEDS_TEXT: Final = frozenset(
    {ActKind.DISAGREED, ActKind.ESCALATED, ActKind.DECIDED, ActKind.EVALUATED, ActKind.CLOSED, ActKind.REOPENED}
)
_MAY_HAVE_DAY: Final = frozenset({ActKind.CONTACTED, ActKind.EVALUATED})
_MILESTONES: Final = {
    ActKind.CONTACTED: Milestone.CONTACTED,
    ActKind.ALREADY_IN_CONTACT: Milestone.ALREADY_IN_CONTACT,
    ActKind.EVALUATED: Milestone.EVALUATED,
    ActKind.ESCALATED: Milestone.ESCALATED,
    ActKind.DISAGREED: Milestone.ESCALATED,
    ActKind.CLOSED: Milestone.CLOSED,
}


class Overtaken(Refused):
    """Somebody has acted since the caller looked; `since` is what was done, for showing it."""

    def __init__(self, since: list[followup.Step], changed: int) -> None:
        super().__init__("something has changed since you looked: look at what was done, then decide again")
        self.since = since
        self.changed = changed


@dataclass(frozen=True, slots=True)
class Terms:
    """What is written in an agreement before anybody has signed it."""

    lead: str
    tasks: tuple[Task, ...]
    evaluate_on: date
    parents: Informed
    youth: Informed
    because: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A pair with what its records come to today."""

    known: Known
    records: Records
    standing: Standing
    phase: Phase
    due: Due | None
    allowed: tuple[str, ...]


class FollowUps:
    """The follow-ups of a node. `random` makes salts."""

    def __init__(
        self,
        store: Store,
        covenant: Covenant,
        member: str,
        signing_seed: SecretBytes,
        random: Callable[[int], bytes],
        webhooks: Webhooks,
        notices: Notices,
    ) -> None:
        self._store = store
        self._covenant = covenant
        self._member = member
        self._seed = signing_seed
        self._random = random
        self._webhooks = webhooks
        self._notices = notices
        self._log = AccessLog(store, random)
        self._outcome = Outcome(store)
        self._desk = Desk(store)
        self.pairs = Pairs(store, covenant.id)

    # --- looking ----------------------------------------------------------------------------------------------------------

    def of(self, known: Known, now: datetime) -> FollowUp:
        """The pair as it stands."""
        records = self.pairs.records(known)
        standing = followup.fold(records, self._covenant)
        if known.ended is not None:
            standing = followup.ended(standing, expired=known.expired)
        return FollowUp(
            known,
            records,
            standing,
            followup.phase_on(standing, workdays.today(now)),
            self._due(known, standing),
            tuple(sorted(each.name.lower() for each in followup.allowed(standing, self._member))),
        )

    def find(self, id: str, now: datetime) -> FollowUp:
        """The follow-up of this id; raises Refused where there is none."""
        handle = handle_in(id)
        known = None if handle is None else self.pairs.known(handle)
        if known is None:
            raise Refused("this node has no such follow-up: 'raakvlak-node follow list' names them")
        return self.of(known, now)

    def _due(self, known: Known, standing: Standing) -> Due | None:
        if known.ended is not None or known.own_case is None:
            return None
        return followup.due(standing, self._covenant.follow_up, workdays.local_day(known.began))

    def _coordinator(self, known: Known) -> str | None:
        """Who serves the two, if anybody does."""
        serving = self._covenant.coordinator_between(*known.pair.members)
        return None if serving is None else serving.id

    def demand_seen(self, found: FollowUp, seen: int) -> None:
        """Raises Overtaken where anything of it has changed behind the number that the caller saw."""
        if seen != found.known.changed:
            fresh = self.pairs.added_after(found.known.handle, seen)
            since = [each for each in found.standing.steps if encoded(each.record, self._covenant.id)[0] in fresh]
            raise Overtaken(since, found.known.changed)

    # --- acting ------------------------------------------------------------------------------------------------------------

    def act(
        self,
        id: str,
        kind: ActKind,
        actor: Actor,
        now: datetime,
        *,
        seen: int | None = None,
        day: date | None = None,
        text: str = "",
        lead: str = "",
    ) -> FollowUp:
        """Takes a step; raises Refused, naming what can be done, where the state does not allow it, Overtaken where
        somebody else has acted since `seen`, Malformed where something is missing. Nothing is changed then."""
        if kind is ActKind.PROPOSED:
            raise Malformed("an agreement is proposed by 'propose'", field="kind")
        with self._store.transaction():
            found = self._current(id, now, seen)
            about = NOTHING
            if kind is ActKind.DISAGREED and found.standing.proposal is not None:
                about = found.standing.proposal
            followup.demand(found.standing, kind, self._member)
            followup.demand_day(kind, day, self._covenant.follow_up, workdays.today(now))
            _demand_complete(kind, day, text, lead)
            if lead:
                self._demand_lead(lead, found.known.pair.members, [found])
            cause = Cause.REQUEST if kind is ActKind.ESCALATED else Cause.NONE
            self._take(found, kind, actor, now, cause=cause, day=day, text=text, lead=lead, about=about)
        return self.find(id, now)

    def propose(self, ids: Iterable[str], terms: Terms, actor: Actor, now: datetime, *, seen: int | None = None) -> FollowUp:
        """Proposes an agreement in one follow-up, or one text in several of the same own case, and signs it. Raises as
        `act` does; with several, none is changed where one refuses."""
        ids = list(dict.fromkeys(ids))
        with self._store.transaction():
            found = [self._current(each, now, seen if len(ids) == 1 else None) for each in ids]
            if not found or len({each.known.pair.party(self._member) for each in found}) != 1:
                raise Malformed("an agreement is for follow-ups of one own case", field="follow_ups")
            for each in found:
                followup.demand(each.standing, ActKind.PROPOSED, self._member)
            self._demand_evaluation(terms.evaluate_on, now)
            parties = {party for each in found for party in (each.known.pair.one, each.known.pair.other)}
            agreement = self._agreement(found, tuple(sorted(parties)), terms)
            for each in found:
                self._propose(each, agreement, actor, now)
        return self.find(ids[0], now)

    def _demand_evaluation(self, day: date, now: datetime) -> None:
        try:
            followup.demand_day(ActKind.PROPOSED, day, self._covenant.follow_up, workdays.today(now))
        except Malformed as error:
            raise Malformed(error.message, field="evaluate_on") from None

    def sign(self, id: str, actor: Actor, now: datetime, *, seen: int | None = None) -> FollowUp:
        """Signs the agreement that waits, and carries it into every other follow-up of the own case with one of its
        parties. Raises as `act` does."""
        with self._store.transaction():
            found = self._current(id, now, seen)
            waiting = found.standing.proposal
            followup.demand(found.standing, SIGN, self._member)
            assert waiting is not None  # else nothing could be signed
            agreement = found.records.agreements[waiting]
            followup.demand_day(SIGN, agreement.evaluate_on, self._covenant.follow_up, workdays.today(now))
            own = found.known.pair.party(self._member)
            signature = self._signed(found, agreement, now)
            others = [
                each
                for each in self._pairs_of(own, now)
                if each.known.pair.opposite(self._member) in agreement.parties
                and (each.known.handle == found.known.handle or not self._is_full(each.known))
            ]
            for each in others:
                if agreement.hash not in each.records.agreements and self._allows(each, ActKind.PROPOSED):
                    self._propose(each, agreement, actor, now, signed=[*found.records.signatures])
                if agreement.hash in self.pairs.records(each.known).agreements:
                    self._add(each.known, [signature, *_under(agreement.hash, found.records.signatures)], now)
            self._note(found, actor, now, Event.UPDATE, "agreement")
        return self.find(id, now)

    def release(self, id: str, released: bool, because: str, actor: Actor, now: datetime) -> FollowUp:
        """Lets the coordinator read what this side has written and the agreements, or no more from now on."""
        shown_lines(because, MAX_WRITTEN_CHARACTERS, "because", required=True)
        with self._store.transaction():
            found = self.find(id, now)
            coordinator = self._coordinator(found.known)
            if self._is_desk:
                raise Refused("what a side has written is for that side to release")
            if coordinator is None:
                raise Refused("the covenant names no coordinator for these two organisations")
            self.pairs.set_released(found.known.handle, released)
            self.pairs.touch(found.known.handle)
            if released and self.pairs.knows(found.known.handle, coordinator):
                self.pairs.send_all(found.known.handle, coordinator)
            self._note(found, actor, now, Event.RELEASE if released else Event.WITHHOLD, "follow-up", because)
        return self.find(id, now)

    def _current(self, id: str, now: datetime, seen: int | None) -> FollowUp:
        found = self.find(id, now)
        if seen is not None:
            self.demand_seen(found, seen)
        if found.known.ended is not None:
            raise Refused("the match is over: one of the two organisations is no longer involved")
        return found

    def _take(
        self,
        found: FollowUp,
        kind: ActKind,
        actor: Actor,
        now: datetime,
        *,
        cause: Cause = Cause.NONE,
        day: date | None = None,
        text: str = "",
        lead: str = "",
        about: bytes = NOTHING,
        extra: Iterable[Record] = (),
    ) -> None:
        followup.demand(found.standing, kind, self._member)
        written = Written(self._random(SALT_BYTES), text) if text else None
        number, after = acts.following(found.records.acts, self._covenant.id)
        act = Act(
            pair=found.known.pair,
            author=self._member,
            number=number,
            after=after,
            at=followup.moment(found.records, int(now.timestamp())),
            kind=kind,
            cause=cause,
            day=day,
            lead=lead,
            about=about,
            text_hash=NOTHING if written is None else written.hash,
        ).signed(self._covenant.id, self._seed)
        self._add(found.known, [act, *([] if written is None else [written]), *extra], now)
        self._note(found, actor, now, Event.UPDATE, "follow-up")

    def _propose(
        self, found: FollowUp, agreement: Agreement, actor: Actor, now: datetime, signed: Iterable[Signature] = ()
    ) -> None:
        own = self._signed(found, agreement, now)
        extra: list[Record] = [
            agreement,
            own,
            *(each for each in signed if each.agreement == agreement.hash and each.id != own.id),
        ]
        self._take(
            found, ActKind.PROPOSED, actor, now,
            day=agreement.evaluate_on, lead=agreement.lead, about=agreement.hash, extra=extra,
        )  # fmt: skip

    def _agreement(self, found: list[FollowUp], parties: tuple[Party, ...], terms: Terms) -> Agreement:
        before = [
            each.records.agreements[hash]
            for each in found
            for hash in (each.standing.proposal, each.standing.agreement)
            if hash is not None and hash in each.records.agreements
        ]
        newest = max(before, key=lambda each: each.version, default=None)
        agreement = Agreement(
            self._random(SALT_BYTES),
            1 if newest is None else newest.version + 1,
            NOTHING if newest is None else newest.hash,
            parties,
            terms.lead,
            terms.tasks,
            terms.evaluate_on,
            terms.parents,
            terms.youth,
            terms.because,
        )
        agreement.demand_sound()
        self._demand_lead(terms.lead, [each.member for each in parties], found)
        return agreement

    def _demand_lead(self, lead: str, members: Iterable[str], found: Iterable[FollowUp]) -> None:
        may = {*members, *filter(None, (self._coordinator(each.known) for each in found))}
        if lead not in may:
            raise Malformed(f"who leads is one of the parties, or their coordinator: {', '.join(sorted(may))}", field="lead")

    def _signed(self, found: FollowUp, agreement: Agreement, now: datetime) -> Signature:
        """The own signature; the one that was given already, where there is one."""
        own = found.known.pair.party(self._member)
        given = [each for each in found.records.signatures if (each.agreement, each.party) == (agreement.hash, own)]
        fresh = Signature(agreement.hash, own, followup.moment(found.records, int(now.timestamp())))
        return given[0] if given else fresh.signed(self._covenant.id, self._seed)

    def _allows(self, found: FollowUp, kind: ActKind) -> bool:
        return found.known.ended is None and kind.name.lower() in found.allowed

    def _pairs_of(self, own: Party, now: datetime) -> list[FollowUp]:
        """The follow-ups of an own case that have not ended."""
        handle = self._store.case_handle(own.reference)
        return [self.of(each, now) for each in self.pairs.of_case(handle) if each.ended is None]

    def _add(self, known: Known, records: Iterable[Record], now: datetime) -> None:
        parties = [each for each in (*known.pair.members, self._coordinator(known)) if each not in {None, self._member}]
        told = [each for each in parties if each in known.pair.members or self.pairs.knows(known.handle, str(each))]
        if self._is_desk:
            told = [each for each in known.pair.members if self.pairs.carrying(known.handle)]
            for each in told:
                self.pairs.carrier(known.handle, each)
        records = list(records)
        closes = any(isinstance(each, Act) and each.kind is ActKind.CLOSED for each in records)
        if self._is_full(known) and not closes:
            raise Refused(f"this follow-up has reached its {OWN_RECORDS} records: close it")
        if self.pairs.add(known.handle, records, [str(each) for each in told]):
            self.settle(known.handle, now)

    def _is_full(self, known: Known) -> bool:
        """Whether nothing but its end can be added. The other side alone may bring it so far: what a node does by itself
        stops here, and does not fail."""
        return self.pairs.count(known.handle) >= OWN_RECORDS

    def _note(self, found: FollowUp, actor: Actor, now: datetime, event: Event, kind: str, reason: str = "") -> None:
        own = "" if found.known.own_case is None else found.known.pair.party(self._member).reference
        self._log.write(actor, event, now, case=own, kind=kind, reason=reason)  # type: ignore[arg-type]

    @property
    def _is_desk(self) -> bool:
        return self._covenant.member(self._member).kind == COORDINATOR

    # --- what follows of itself ----------------------------------------------------------------------------------------------

    def heard(self, handle: bytes, now: datetime) -> None:
        """The same where a letter has changed it: nobody here has done it, so whoever has the case is told by e-mail."""
        known = self.pairs.known(handle)
        self.settle(handle, now)
        if known is None or known.own_case is None or known.ended is not None:
            return
        found = self.of(known, now)
        if found.phase is Phase.ESCALATED and known.phase != Phase.ESCALATED:
            self._notices.queue(known.own_case, Kind.ESCALATED, now)
        elif SIGN.name.lower() in found.allowed:
            self._notices.queue(known.own_case, Kind.AGREEMENT, now)
        elif not found.standing.silenced:
            self._notices.queue(known.own_case, Kind.ANSWER, now)

    def settle(self, handle: bytes, now: datetime) -> None:
        """Something of a pair has changed: keeps what it comes to, brings it before the coordinator where that is due,
        counts how far it came, and tells the case system. Within the transaction of the change."""
        known = self.pairs.known(handle)
        if known is None:
            return
        found = self.of(known, now)
        due = found.due
        turn = followup.turn(found.standing, self._member) or ""
        term, on = ("", "") if due is None else (str(due.term), due.on.isoformat())
        self.pairs.set_standing(handle, str(found.phase), term, on, str(turn))
        coordinator = self._coordinator(known)
        if self._is_desk or known.own_case is None:
            return
        called_in = coordinator is not None and known.ended is None and found.standing.coordinated
        if coordinator is not None and called_in and not self.pairs.knows(handle, coordinator):
            self.pairs.carrier(handle, coordinator)
        self._pass_on(found, now)
        self._count(found)
        if str(found.phase) != known.phase:
            self._tell(found, known.phase, now)

    def _pass_on(self, found: FollowUp, now: datetime) -> None:
        """A signature under an agreement of more than two goes into every pair of the own case that has the agreement."""
        among = [each for each in found.records.agreements.values() if len(each.parties) > 2]
        if not among or found.known.own_case is None:
            return
        for other in self.pairs.of_case(found.known.own_case):
            held = self.pairs.records(other).agreements.keys() if other.handle != found.known.handle else set()
            signed = [each for each in found.records.signatures if each.agreement in held]
            if other.ended is None and signed and not self._is_full(other):
                self._add(other, signed, now)

    def _count(self, found: FollowUp) -> None:
        other = self._covenant.members.get(found.known.pair.opposite(self._member).member)
        if other is None:
            return
        month = outcome.month_of(found.known.began)
        reached = {Milestone.MATCHES}
        for step in found.standing.steps:
            if step.counted and isinstance(step.record, Act) and step.record.kind in _MILESTONES:
                reached.add(_MILESTONES[step.record.kind])
        if found.standing.agreement is not None:
            reached.add(Milestone.AGREED)
        acknowledged = found.standing.acknowledged.get(self._member)
        if acknowledged is not None:
            last = followup.acknowledge_by(workdays.local_day(found.known.began), self._covenant.follow_up)
            in_time = workdays.local_day(acknowledged) <= last
            reached.add(Milestone.ACKNOWLEDGED_IN_TIME if in_time else Milestone.ACKNOWLEDGED_LATE)
        self._outcome.recount(found.known.handle, month, other.kind, found.known.match_kind)
        for milestone in reached:
            self._outcome.count(found.known.handle, month, other.kind, found.known.match_kind, milestone)

    def _tell(self, found: FollowUp, before: str, now: datetime) -> None:
        own, their = found.known.pair.party(self._member), found.known.pair.opposite(self._member)
        about = {"case_ref": own.reference, "other": their.member, "follow_up": found.known.id}
        if not before:
            self._webhooks.queue("match.new", about | {"kind": str(found.known.match_kind)}, now)
            self._notices.queue(found.known.own_case, Kind.MATCH, now)
        elif found.phase in {Phase.WITHDRAWN, Phase.EXPIRED}:
            self._webhooks.queue("match.ended", about, now)
        elif Phase.ESCALATED in {found.phase, before}:
            self._webhooks.queue("escalation.changed", about | {"state": str(found.phase)}, now)
        elif not found.standing.silenced:
            self._webhooks.queue("letter.received", about | {"state": str(found.phase)}, now)

    def keep_terms(self, now: datetime) -> int:
        """Ends pairs without a match, erases those that ended long ago, reminds, and calls in the coordinator where a term
        has passed by more than the grace; how many it called in for."""
        escalated = 0
        with self._store.transaction():
            for each in self.pairs.end_uncarried(int(now.timestamp()), month_of(now)):
                self.settle(each.handle, now)
            self.pairs.forget_ended(int(now.timestamp()) - KEPT_DAYS * DAY_SECONDS)
            self._store.forget_numbers("asked again ", int(now.timestamp()) // DAY_SECONDS)
            self._desk.forget_asks(int(now.timestamp()) - KEPT_DAYS * DAY_SECONDS)
        today = workdays.today(now)
        until = workdays.after(today, self._covenant.follow_up.reminder_days).isoformat()
        rules = self._covenant.hash.hex()
        for handle in self.pairs.to_look_at(today.isoformat(), until, rules):
            with self._store.transaction():
                known = self.pairs.known(handle)  # Somebody may have acted since.
                if known is not None and known.ended is None:
                    self.pairs.set_looked(handle, today.isoformat(), rules)
                    escalated += self._keep_term(known, today, now)
        return escalated

    def _keep_term(self, known: Known, today: date, now: datetime) -> bool:
        found = self.of(known, now)
        self.settle(known.handle, now)
        if found.due is None:
            return False
        reminder = followup.reminder(found.due, self._covenant.follow_up, today)
        mark = f"{found.due.term}:{found.due.on}:{reminder}"
        if reminder is not None and known.reminded != mark and self._member in found.due.whose:
            own, their = known.pair.party(self._member), known.pair.opposite(self._member)
            about = {"case_ref": own.reference, "other": their.member, "follow_up": known.id}
            about |= {"term": str(found.due.term), "day": found.due.on.isoformat()}
            self._webhooks.queue("term.passed" if reminder is Reminder.PAST else "term.reminder", about, now)
            self._notices.queue(known.own_case, of_reminder(found.due.term, reminder), now)
            self.pairs.set_reminded(known.handle, mark)
        if found.due.escalates_on is None or today < found.due.escalates_on or not self._allows(found, ActKind.ESCALATED):
            return False
        if self._is_full(known):
            return False
        self._take(found, ActKind.ESCALATED, Actor.node(), now, cause=Cause.TERM)
        self._notices.queue(known.own_case, Kind.ESCALATED, now)
        return True


def _under(agreement: bytes, signatures: Iterable[Signature]) -> list[Signature]:
    return [each for each in signatures if each.agreement == agreement]


def _demand_complete(kind: ActKind, day: date | None, text: str, lead: str) -> None:
    """Returns when an act has what its kind needs and nothing that it can't have; else raises Malformed."""
    shown_lines(text, MAX_WRITTEN_CHARACTERS, "text", required=kind in _NEEDS_TEXT)
    if day is not None and kind not in _MAY_HAVE_DAY:
        raise Malformed("this step has no day", field="day")
    if (kind is ActKind.DECIDED) != bool(lead):
        raise Malformed("a coordinator's decision says who leads, and no other step does", field="lead")
