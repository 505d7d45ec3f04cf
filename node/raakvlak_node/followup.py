"""The rules of the follow-up of a pair of cases: where it stands, who may do what, and by when (PROTOCOL §19).

`fold` reads the records of a pair in the one order that they have for everybody, so that whoever holds the same records
finds the same `Standing`, however they came. What was not allowed at its place has no effect: it crossed with something
that came to stand before it. `allowed` and `fold` ask the same table, so that what is offered is what will count.

Signatures under agreements follow on no act: they stand among the acts by the second that they bear. `moment` gives a new
record a second behind all that its author holds; then clocks that differ change nothing, but where two things crossed.
Whoever dates an act back to before a signature has it read as one that crossed with that, no more.

Nothing here reads a clock, a store or the network. What depends on the day, or on this node alone, is asked apart:
`phase_on`, `due`, `reminder`, `ended`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum, StrEnum
from typing import Final

from raakvlak_node import workdays
from raakvlak_node.workdays import local_day
from raakvlak_protocol.act import NOTHING, Act, ActKind, Agreement, Cause, Pair, Party, Signature, Written, following, in_order
from raakvlak_protocol.covenant import Covenant, FollowUpTerms
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused


class Signing(Enum):
    """The one thing to do that is not an act."""

    SIGN = 0


SIGN: Final = Signing.SIGN
"""To sign the newest proposal."""
Move = ActKind | Signing
"""What can be done about a match."""
MAX_AHEAD: Final = 24 * 3600
"""Seconds that another's clock may be ahead and still be followed."""


class Phase(StrEnum):
    """Where a follow-up stands. EVALUATION_DUE depends on the day; WITHDRAWN and EXPIRED on this node alone."""

    SIGNALLED = "signalled"
    ACKNOWLEDGED = "acknowledged"
    IN_CONTACT = "in_contact"
    ALREADY_IN_CONTACT = "already_in_contact"
    AGREED = "agreed"
    EVALUATION_DUE = "evaluation_due"
    ESCALATED = "escalated"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Term(StrEnum):
    """What the covenant sets a term to."""

    ACKNOWLEDGE = "acknowledge"
    CONTACT = "contact"
    AGREEMENT = "agreement"
    EVALUATION = "evaluation"


class Turn(StrEnum):
    """What a side is to do next about a match. WAIT: it is for somebody else now."""

    ACKNOWLEDGE = "acknowledge"
    CALL = "call"
    SIGN = "sign"
    AGREE = "agree"
    EVALUATE = "evaluate"
    WAIT = "wait"


def waits_for_others(turn: str, due_term: str) -> bool:
    """Whether what is due is not this side's: it waits, or has seen the match and the other side has not."""
    return turn == Turn.WAIT or (turn == Turn.CALL and due_term == Term.ACKNOWLEDGE)


class Reminder(StrEnum):
    """Where today lies by a term: within the days before it, on its last day, or past it."""

    BEFORE = "before"
    ON = "on"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Records:
    """What is held of a pair, all of it verified. Texts and agreements are by their hashes; a coordinator lacks those that
    were not released."""

    pair: Pair
    acts: Sequence[Act]
    texts: Mapping[bytes, Written]
    agreements: Mapping[bytes, Agreement]
    signatures: Sequence[Signature]


@dataclass(frozen=True, slots=True)
class Step:
    """One record at its place in the history, and the phase that it led to. One that does not count crossed with another
    that stands before it, and has no effect."""

    record: Act | Signature
    counted: bool
    phase: Phase


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done next. `on` is the last day on which it is in time; from `escalates_on` the coordinator is called
    in, None where nobody serves the two. `whose` are the members that are to act."""

    term: Term
    on: date
    escalates_on: date | None
    whose: frozenset[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the records of a pair come to.

    `coordinator` is the member that serves the two, "" where nobody does; `coordinated` whether it is involved: from when
    it was called in until the match is closed. `acknowledged` has for each side the Unix second in which somebody there
    first did something. `contacted_on` is the day of the first contact. `agreement` is the hash of what is in force,
    `proposal` of what waits for signatures, `held` whether the text of that is here; `unsigned` are those who have not
    signed the one that waits, or else the one in force (of a text that is not here only the two sides are known).
    `evaluate_on` is None where nothing is to be evaluated. While escalated, `escalated_by`, `cause` (NONE: no agreement was
    reached) and `since` tell why; `disagreed` names who found no agreement where nobody can be called in. Terms count from
    `terms_from` where they were set going again. `missing` tells that acts have come before those that they follow on:
    they wait, and stand in no step.
    """

    pair: Pair
    coordinator: str
    phase: Phase = Phase.SIGNALLED
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    contacted_on: date | None = None
    silenced: bool = False
    agreement: bytes | None = None
    agreed_on: date | None = None
    proposal: bytes | None = None
    held: bool = False
    unsigned: frozenset[Party] = frozenset()
    lead: str = ""
    evaluate_on: date | None = None
    escalated_by: str = ""
    cause: Cause | None = None
    since: date | None = None
    disagreed: str = ""
    coordinated: bool = False
    closed: bool = False
    terms_from: date | None = None
    missing: bool = False
    steps: list[Step] = field(default_factory=list)


# --- what may be done -----------------------------------------------------------------------------------------------------

_ALWAYS: Final = frozenset({ActKind.ACKNOWLEDGED, ActKind.CONTACTED, ActKind.ESCALATED})
_UNMET: Final[frozenset[Move]] = _ALWAYS | {ActKind.ALREADY_IN_CONTACT}
_TOGETHER: Final[frozenset[Move]] = _ALWAYS | {ActKind.PROPOSED, SIGN, ActKind.CLOSED}
_AGREED: Final[frozenset[Move]] = _TOGETHER | {ActKind.DISAGREED, ActKind.EVALUATED}

SIDE_MAY: Final[Mapping[Phase, frozenset[Move]]] = {
    Phase.SIGNALLED: _UNMET,
    Phase.ACKNOWLEDGED: _UNMET,
    Phase.IN_CONTACT: _TOGETHER | {ActKind.ALREADY_IN_CONTACT, ActKind.DISAGREED},
    Phase.ALREADY_IN_CONTACT: _TOGETHER | {ActKind.RESUMED},
    Phase.AGREED: _AGREED,
    Phase.EVALUATION_DUE: _AGREED,
    Phase.ESCALATED: frozenset({ActKind.CONTACTED, ActKind.PROPOSED, SIGN}),
    Phase.CLOSED: frozenset({ActKind.REOPENED}),
    Phase.WITHDRAWN: frozenset(),
    Phase.EXPIRED: frozenset(),
}
"""What a side may do in each phase, where `_fits` says so too."""

_MOVES: Final[tuple[Move, ...]] = (*ActKind, SIGN)
_OVER: Final = frozenset({Phase.CLOSED, Phase.WITHDRAWN, Phase.EXPIRED})


def allowed(standing: Standing, member: str) -> frozenset[Move]:
    """What a member may do now: a side, the coordinator that serves the two, or nobody, who may do nothing."""
    return frozenset(each for each in _MOVES if _offered(standing, each, member))


def demand(standing: Standing, move: Move, member: str) -> None:
    """Raises NotPermitted where the member is neither a side nor their coordinator, Refused where the move is not allowed
    now, saying why and what is."""
    if _offered(standing, move, member):
        return
    if member not in (*standing.pair.members, standing.coordinator):
        raise NotPermitted("only the two sides of a match and the coordinator that serves them take steps in it")
    can = [_WORDS[each] for each in _MOVES if _offered(standing, each, member)]
    listed = " or ".join(filter(None, [", ".join(can[:-1]), *can[-1:]]))
    raise Refused(f"{_why_not(standing, move, member)}: {'you can ' + listed if can else 'there is nothing for you to do now'}")


def _offered(standing: Standing, move: Move, member: str) -> bool:
    """Whether a node offers its member the move: what would count, and can be done with what is here."""
    if member not in (*standing.pair.members, standing.coordinator):
        return False
    if (move is ActKind.ESCALATED and not standing.coordinator) or (move is SIGN and not standing.held):
        return False
    return _counts(standing, move, member)


def _counts(standing: Standing, move: Move, member: str) -> bool:
    """Whether the move has effect where the pair stands. Whoever is no side is its coordinator, now or then: nobody else's
    acts are taken."""
    if member not in standing.pair.members:
        involved = standing.coordinated and standing.phase not in _OVER
        return involved and (move is ActKind.CLOSED or (move is ActKind.DECIDED and standing.phase is Phase.ESCALATED))
    return move in SIDE_MAY[standing.phase] and _fits(standing, move, member)


def _fits(standing: Standing, move: Move, member: str) -> bool:
    """What the phase alone does not tell."""
    match move:
        case ActKind.ACKNOWLEDGED:
            return member not in standing.acknowledged
        case ActKind.ALREADY_IN_CONTACT:
            return standing.proposal is None
        case ActKind.PROPOSED:
            return standing.contacted_on is not None or standing.silenced
        case ActKind.DISAGREED:
            return standing.agreement is None or standing.proposal is not None
        case Signing.SIGN:
            return standing.proposal is not None and standing.pair.party(member) in standing.unsigned
    return True


_WORDS: Final[Mapping[Move, str]] = {
    ActKind.ACKNOWLEDGED: "acknowledge it",
    ActKind.CONTACTED: "note a contact",
    ActKind.ALREADY_IN_CONTACT: "say that you were already in contact",
    ActKind.RESUMED: "resume it",
    ActKind.PROPOSED: "propose an agreement",
    SIGN: "sign the proposal",
    ActKind.DISAGREED: "say that you reach no agreement",
    ActKind.ESCALATED: "call in the coordinator",
    ActKind.DECIDED: "decide who leads",
    ActKind.EVALUATED: "note an evaluation",
    ActKind.CLOSED: "close it",
    ActKind.REOPENED: "reopen it",
}

_STANDS: Final[Mapping[Phase, str]] = {
    Phase.SIGNALLED: "the two have not been in contact about this match yet",
    Phase.ACKNOWLEDGED: "the two have not been in contact about this match yet",
    Phase.IN_CONTACT: "the two are in contact and have no agreement yet",
    Phase.ALREADY_IN_CONTACT: "this match is silent, because the two were already in contact",
    Phase.AGREED: "the two have an agreement",
    Phase.EVALUATION_DUE: "the two have an agreement, which is to be evaluated",
    Phase.ESCALATED: "the coordinator has been called in and decides",
    Phase.CLOSED: "this match is closed",
    Phase.WITHDRAWN: "this match has ended, because it was withdrawn",
    Phase.EXPIRED: "this match has ended, because its term is over",
}


def _why_not(standing: Standing, move: Move, member: str) -> str:
    if standing.phase in _OVER:
        return _STANDS[standing.phase]
    if member not in standing.pair.members:
        if standing.coordinated:
            return "that is for the two sides to do" if move is not ActKind.DECIDED else "no decision is asked for now"
        return "the coordinator has not been called in"
    if move is ActKind.DECIDED:
        return "only the coordinator decides"
    if move is ActKind.ESCALATED and not standing.coordinator:
        return "the covenant names no coordinator for the two"
    if move is ActKind.ACKNOWLEDGED and member in standing.acknowledged:
        return "you have acknowledged this match already"
    if move is SIGN and standing.proposal is None:
        return "there is no proposal that waits for signatures"
    if move is SIGN and standing.pair.party(member) not in standing.unsigned:
        return "you have signed this proposal already"
    if move is SIGN and not standing.held:
        return "the text of the proposal has not come yet"
    return _STANDS[standing.phase]


def demand_day(move: Move, day: date | None, terms: FollowUpTerms, today: date) -> None:
    """Raises Malformed, naming the day that would do, where a contact lies in the future, or a day on which to evaluate
    is not ahead or further ahead than the covenant has it. For whoever is about to act or to sign."""
    if move is ActKind.CONTACTED and (day is None or day > today):
        raise Malformed("a contact has the day on which it was, today at the latest", field="day")
    if move in (ActKind.PROPOSED, SIGN) or (move is ActKind.EVALUATED and day is not None):
        latest = workdays.after(today, terms.evaluation_days)
        if day is None or not today < day <= latest:
            raise Malformed(f"the day on which to evaluate is after today, and {latest} at the latest", field="day")


def moment(records: Records, now: int) -> int:
    """The Unix second that a new act or signature bears: the clock's, or just behind all that is held, where another's
    clock is ahead. One that is more than a day ahead is not followed."""
    held = [*(each.at for each in records.acts), *(each.at for each in records.signatures)]
    return max([now, *(at + 1 for at in held if at <= now + MAX_AHEAD)])


def place(standing: Standing, covenant_id: str) -> tuple[int, tuple[bytes, ...]]:
    """(number, after) of a new act: behind every act that stands in a step. Not behind those that wait for others: nobody
    has seen yet what they come to, and the new one would have to wait with them, for ever where the others never come."""
    return following((each.record for each in standing.steps if isinstance(each.record, Act)), covenant_id)


# --- where it stands ------------------------------------------------------------------------------------------------------


def fold(records: Records, covenant: Covenant) -> Standing:
    """Where the pair stands by these records, whatever their order, each once or more often.

    Acts and signatures suffice: without the texts the same counts, unless a side proposes what contradicts its own text.
    Of the covenant only who coordinates is read. Verifies no signature.
    """
    return _Fold(records, covenant).run()


class _Fold:
    """A walk through the records; `now` is where the pair stands behind those that were passed."""

    def __init__(self, records: Records, covenant: Covenant) -> None:
        self._covenant_id = covenant.id
        self._records = records
        self._sides = (records.pair.one, records.pair.other)
        self._proposed: dict[bytes, Act] = {}
        self._signed: dict[bytes, set[Party]] = {}
        self._unplaced = _first_of_each(records.signatures)
        self._steps: list[Step] = []
        self.now = Standing(records.pair, _coordinator(records.pair, covenant))

    def run(self) -> Standing:
        acts = {each.hash(self._covenant_id): each for each in self._records.acts}
        hashes = {id(each): hash for hash, each in acts.items()}
        passed: set[bytes] = set()
        for act in in_order(acts.values(), self._covenant_id):
            if passed.issuperset(act.after):
                passed.add(hashes[id(act)])
                self._place_signatures(act.at)
                self._take(act)
        self._place_signatures(None)
        self._steps.extend(Step(each, False, self.now.phase) for each in self._unplaced)
        return replace(self.now, missing=len(passed) < len(acts), steps=self._steps)

    def _take(self, act: Act) -> None:
        if act.kind is ActKind.EVALUATED and self.now.agreement is None:
            # Whoever evaluates has seen the agreement signed, whatever the clocks said.
            self._place_signatures(None)
        counted = _counts(self.now, act.kind, act.author) and self._is_sound(act)
        if counted:
            self._become(_acknowledged(self._after(act), act))
        self._steps.append(Step(act, counted, self.now.phase))
        if counted and act.kind is ActKind.PROPOSED:
            self._place_signatures(act.at)

    def _is_sound(self, act: Act) -> bool:
        """Whether an act that is allowed can be what it says. Each text is proposed once: that it is carried into this
        pair from both sides makes it no newer than what has replaced it."""
        if act.kind is ActKind.PROPOSED:
            text = self._records.agreements.get(act.about)
            agrees = text is None or (
                (text.evaluate_on, text.lead) == (act.day, act.lead) and set(self._sides) <= set(text.parties)
            )
            return agrees and act.about not in (NOTHING, *self._proposed) and act.day is not None and act.lead != ""
        if act.kind is ActKind.DISAGREED:
            return act.about in (NOTHING, self.now.proposal)
        return act.kind is not ActKind.EVALUATED or act.about in (NOTHING, self.now.agreement)

    def _after(self, act: Act) -> Standing:
        """Where the pair stands behind an act that counts; its phase is for `_become` to find."""
        now, day = self.now, local_day(act.at)
        match act.kind:
            case ActKind.CONTACTED:
                return replace(now, contacted_on=now.contacted_on or min(act.day or day, day))
            case ActKind.ALREADY_IN_CONTACT:
                return replace(now, silenced=True)
            case ActKind.RESUMED:
                return replace(now, silenced=False, terms_from=day)
            case ActKind.PROPOSED:
                self._proposed[act.about] = act
                contacted_on = now.contacted_on or day
                resumed_on = day if now.silenced else now.terms_from
                return replace(now, proposal=act.about, silenced=False, contacted_on=contacted_on, terms_from=resumed_on)
            case ActKind.DISAGREED if not now.coordinator:
                return replace(now, disagreed=act.author)
            case ActKind.DISAGREED | ActKind.ESCALATED:
                return replace(now, escalated_by=act.author, cause=act.cause, since=day, coordinated=True)
            case ActKind.DECIDED:
                return replace(_calmed(now), lead=act.lead or now.lead, terms_from=day)
            case ActKind.EVALUATED:
                return replace(now, evaluate_on=act.day)
            case ActKind.CLOSED:
                return replace(_calmed(now), closed=True, coordinated=False)
            case ActKind.REOPENED:
                return replace(now, closed=False, silenced=False, terms_from=day)
        return now

    def _place_signatures(self, until: int | None) -> None:
        """Takes the signatures under what was proposed so far, up to a second; all of them for None."""
        for signature in list(self._unplaced):
            if (until is None or signature.at <= until) and signature.agreement in self._proposed:
                self._unplaced.remove(signature)
                self._sign(signature)

    def _sign(self, signature: Signature) -> None:
        text = self._records.agreements.get(signature.agreement)
        of_these = signature.agreement in (self.now.proposal, self.now.agreement)
        counted = of_these and (text is None or signature.party in text.parties)
        if counted:
            signed = self._signed.setdefault(signature.agreement, set())
            signed.add(signature.party)
            if signature.agreement == self.now.proposal and signed.issuperset(self._sides):
                self._become(self._agreed(self._proposed[signature.agreement], signature))
            self._become(_acknowledged(self.now, signature))
        self._steps.append(Step(signature, counted, self.now.phase))

    def _agreed(self, proposal: Act, last: Signature) -> Standing:
        return replace(
            _calmed(self.now),
            agreement=proposal.about,
            agreed_on=local_day(max(proposal.at, last.at)),
            proposal=None,
            lead=proposal.lead,
            evaluate_on=proposal.day,
            disagreed="",
        )

    def _become(self, standing: Standing) -> None:
        asked = standing.proposal or standing.agreement
        text = None if asked is None else self._records.agreements.get(asked)
        parties = () if asked is None else self._sides if text is None else text.parties
        unsigned = frozenset(parties) - self._signed.get(asked or b"", set())
        held = standing.proposal is not None and text is not None
        self.now = replace(standing, phase=_phase(standing), unsigned=unsigned, held=held)


def _coordinator(pair: Pair, covenant: Covenant) -> str:
    """Who serves the two; nobody where one of them has left the covenant, whose history is read all the same."""
    found = covenant.coordinator_between(*pair.members)
    return "" if found is None else found.id


def _first_of_each(signatures: Iterable[Signature]) -> list[Signature]:
    """In order of time, of each party under each agreement the first only: a restored node may have signed again."""
    first: dict[tuple[bytes, Party], Signature] = {}
    for each in sorted(signatures, key=lambda each: (each.at, each.id, each.signature)):
        first.setdefault((each.agreement, each.party), each)
    return list(first.values())


def _acknowledged(standing: Standing, record: Act | Signature) -> Standing:
    """Whoever does something has looked at the match; a node that calls in the coordinator by itself has not."""
    author = record.author if isinstance(record, Act) else record.party.member
    by_itself = isinstance(record, Act) and record.cause is Cause.TERM
    if by_itself or author not in standing.pair.members or author in standing.acknowledged:
        return standing
    return replace(standing, acknowledged={**standing.acknowledged, author: record.at})


def _calmed(standing: Standing) -> Standing:
    """No longer escalated. That the coordinator is involved remains."""
    return replace(standing, escalated_by="", cause=None, since=None)


def _phase(standing: Standing) -> Phase:
    if standing.closed:
        return Phase.CLOSED
    if standing.since is not None:
        return Phase.ESCALATED
    if standing.silenced:
        return Phase.ALREADY_IN_CONTACT
    if standing.agreement is not None:
        return Phase.AGREED
    if standing.contacted_on is not None:
        return Phase.IN_CONTACT
    return Phase.ACKNOWLEDGED if len(standing.acknowledged) == 2 else Phase.SIGNALLED


def turn(standing: Standing, member: str) -> Turn | None:
    """What is asked of a side next, of the things that it may do; None where nothing is."""
    silent = standing.phase in _OVER or standing.phase is Phase.ALREADY_IN_CONTACT
    if silent or member not in standing.pair.members:
        return None
    if _offered(standing, SIGN, member):
        return Turn.SIGN
    if _offered(standing, ActKind.ACKNOWLEDGED, member):
        return Turn.ACKNOWLEDGE
    match standing.phase:
        case Phase.SIGNALLED | Phase.ACKNOWLEDGED:
            return Turn.CALL
        case Phase.IN_CONTACT:
            return Turn.AGREE if standing.proposal is None else Turn.WAIT
        case Phase.AGREED | Phase.EVALUATION_DUE:
            return None if standing.evaluate_on is None else Turn.EVALUATE
    return Turn.WAIT


# --- by when --------------------------------------------------------------------------------------------------------------


def phase_on(standing: Standing, today: date) -> Phase:
    """The phase as people see it today: an agreement is due for evaluation from the day that it names."""
    over = standing.evaluate_on is not None and standing.evaluate_on <= today
    return Phase.EVALUATION_DUE if standing.phase is Phase.AGREED and over else standing.phase


def ended(standing: Standing, expired: bool) -> Standing:
    """The pair once this node has no live match of it: expired where the term is over, withdrawn otherwise."""
    return replace(standing, phase=Phase.EXPIRED if expired else Phase.WITHDRAWN)


def due(standing: Standing, terms: FollowUpTerms, began: date) -> Due | None:
    """The next term, None where there is none. `began` is the day on which this node could first show the match: nobody
    is late with what it could not know."""
    found = [
        Due(term, on, workdays.after(on, terms.grace_days + 1) if standing.coordinator else None, whose)
        for term, on, whose in _terms(standing, terms, began)
    ]
    return min(found, key=lambda each: each.on, default=None)


def _terms(standing: Standing, terms: FollowUpTerms, began: date) -> Iterable[tuple[Term, date, frozenset[str]]]:
    """The terms that run, the one to be done first at the front."""
    both = frozenset(standing.pair.members)
    begin = max(began, standing.terms_from or began)
    match standing.phase:
        case Phase.SIGNALLED:
            yield Term.ACKNOWLEDGE, workdays.after(begin, terms.acknowledge_days), both - standing.acknowledged.keys()
            yield Term.CONTACT, workdays.after(begin, terms.contact_days), both
        case Phase.ACKNOWLEDGED:
            yield Term.CONTACT, workdays.after(begin, terms.contact_days), both
        case Phase.IN_CONTACT:
            begin = max(begin, standing.contacted_on or begin)
            signers = both & {each.member for each in standing.unsigned}
            yield Term.AGREEMENT, workdays.after(begin, terms.agreement_days), signers or both
        case Phase.AGREED | Phase.EVALUATION_DUE if standing.evaluate_on is not None:
            # Where things were set going again behind the day, it has passed already: then it is as soon as a contact is.
            passed = standing.terms_from is not None and standing.terms_from >= standing.evaluate_on
            yield Term.EVALUATION, workdays.after(begin, terms.contact_days) if passed else standing.evaluate_on, both


def acknowledge_by(began: date, terms: FollowUpTerms) -> date:
    """The last day on which somebody has looked at a match in time."""
    return workdays.after(began, terms.acknowledge_days)


def reminder(due: Due, terms: FollowUpTerms, today: date) -> Reminder | None:
    """Which reminder is due by today. It stays so until the next is: the caller gives each once."""
    if today >= due.on:
        return Reminder.ON if today == due.on else Reminder.PAST
    return Reminder.BEFORE if today >= workdays.before(due.on, terms.reminder_days) else None
