"""A node's part in the follow-up, without its store: the real rules over real records, and the letters between nodes.

What it does is what a node does: it folds the records of a pair, keeps its terms, writes what is unsent to the other side
and to the coordinator, and believes nothing that is not signed. A pair is folded again only when its records change, and
looked at again only on the days that its term names.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from typing import Final

from raakvlak_node import followup, workdays
from raakvlak_node.followup import SIGN, Due, Records, Standing, Term
from raakvlak_protocol import follow_up_content, letter_content
from raakvlak_protocol.act import NOTHING, Act, ActKind, Agreement, Cause, Pair, Signature, Written
from raakvlak_protocol.covenant import COORDINATOR, Covenant, FollowUpTerms
from raakvlak_protocol.follow_up_content import FollowUp, PairContact
from raakvlak_protocol.secret import SecretBytes
from tests.bench.region.matches import padded

Record = Act | Written | Agreement | Signature
_DAY: Final = timedelta(days=1)


class Told(Enum):
    """What the terms of a day bring about."""

    REMINDED = auto()
    REMINDED_FOR_OTHERS = auto()
    """A reminder of what others are to do."""
    ESCALATED = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter on its way; `bytes` is its padded size."""

    pair: Pair
    sender: str
    receiver: str
    content: bytes
    bytes: int


@dataclass(slots=True)
class Held:
    """What a node holds of a pair. `unsent` stands by party; `told` is who has been written to."""

    pair: Pair
    began: date
    records: Records
    standing: Standing
    acts: dict[bytes, Act] = field(default_factory=dict)
    texts: dict[bytes, Written] = field(default_factory=dict)
    agreements: dict[bytes, Agreement] = field(default_factory=dict)
    signatures: dict[bytes, Signature] = field(default_factory=dict)
    unsent: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    told: set[str] = field(default_factory=set)
    due: Due | None = None
    reminded: str = ""


@dataclass
class Node:
    """One member. `terms` is None where the covenant sets none; `contact` tells whom to call about an own case."""

    member: str
    covenant: Covenant
    terms: FollowUpTerms | None
    seed: SecretBytes
    salt: Callable[[], bytes]
    contact: Callable[[Pair, str], PairContact]
    held: dict[Pair, Held] = field(default_factory=dict)
    agenda: defaultdict[date, dict[Pair, None]] = field(default_factory=lambda: defaultdict(dict))
    waiting: dict[Pair, None] = field(default_factory=dict)
    folded: int = 0

    @property
    def is_desk(self) -> bool:
        return self.covenant.member(self.member).kind == COORDINATOR

    def begin(self, pair: Pair, today: date) -> Held:
        """The pair is shown here from today."""
        records = Records(pair, [], {}, {}, [])
        held = Held(pair, today, records, followup.fold(records, self.covenant))
        held.told.update(each for each in pair.members if each != self.member)
        self.held[pair] = held
        self._settle(held)
        return held

    # --- acting ---------------------------------------------------------------------------------------------------------

    def act(
        self,
        held: Held,
        kind: ActKind,
        now: int,
        *,
        cause: Cause = Cause.NONE,
        day: date | None = None,
        text: str = "",
        lead: str = "",
        about: bytes = NOTHING,
        extra: Iterable[Record] = (),
    ) -> None:
        """Takes a step; raises Refused where the rules do not allow it."""
        followup.demand(held.standing, kind, self.member)
        if self.terms is not None and kind in {ActKind.CONTACTED, ActKind.PROPOSED, ActKind.EVALUATED}:
            followup.demand_day(kind, day, self.terms, workdays.local_day(now))
        written = Written(self.salt(), text) if text else None
        number, after = followup.place(held.standing, self.covenant.id)
        text_hash = NOTHING if written is None else written.hash
        at = followup.moment(held.records, now)
        step = Act(held.pair, self.member, number, after, at, kind, cause, day, lead, about, text_hash)
        self._add(held, [step.signed(self.covenant.id, self.seed), *([written] if written else []), *extra], self.member)

    def propose(self, held: Held, agreement: Agreement, now: int) -> None:
        """Proposes an agreement and signs it."""
        extra: list[Record] = [agreement, self._signed(held, agreement.hash, now)]
        day, lead = agreement.evaluate_on, agreement.lead
        self.act(held, ActKind.PROPOSED, now, day=day, lead=lead, about=agreement.hash, extra=extra)

    def sign(self, held: Held, now: int) -> None:
        """Signs what was proposed; raises Refused where nothing is."""
        followup.demand(held.standing, SIGN, self.member)
        assert held.standing.proposal is not None
        self._add(held, [self._signed(held, held.standing.proposal, now)], self.member)

    def _signed(self, held: Held, agreement: bytes, now: int) -> Signature:
        own = held.pair.party(self.member)
        return Signature(agreement, own, followup.moment(held.records, now)).signed(self.covenant.id, self.seed)

    def on_agenda(self, today: date) -> list[Held]:
        """The pairs whose term has something to say by today, each once."""
        days = sorted(day for day in self.agenda if day <= today)
        return [self.held[pair] for pair in dict.fromkeys(pair for day in days for pair in self.agenda.pop(day))]

    def keep_term(self, held: Held, today: date, now: int, *, remind: bool, escalate: bool) -> list[tuple[Told, Term]]:
        """What a node does by itself once a day: gives each reminder once, and calls in the coordinator where a term has
        passed by more than the grace. What it did, and for which term."""
        told: list[tuple[Told, Term]] = []
        if held.due is None or self.terms is None:
            return told
        reminder = followup.reminder(held.due, self.terms, today)
        mark = f"{held.due.term}:{held.due.on}:{reminder}"
        if remind and reminder is not None and held.reminded != mark:
            held.reminded = mark
            told.append((Told.REMINDED if self.member in held.due.whose else Told.REMINDED_FOR_OTHERS, held.due.term))
        over = held.due.escalates_on is not None and today >= held.due.escalates_on
        if escalate and over and ActKind.ESCALATED in followup.allowed(held.standing, self.member):
            told.append((Told.ESCALATED, held.due.term))
            self.act(held, ActKind.ESCALATED, now, cause=Cause.TERM)
        return told

    # --- records --------------------------------------------------------------------------------------------------------

    def _add(self, held: Held, records: Iterable[Record], sender: str) -> bool:
        """Takes the records that are new; whether there were any. They are to be written to all who are told of the pair
        and have not sent them; a coordinator passes on nothing but its own."""
        fresh = [each for each in records if self._keep(held, each)]
        if sender == self.member or not self.is_desk:
            for party in sorted(held.told - {sender}):
                self._want(held, party, fresh)
        if fresh:
            self._settle(held)
        return bool(fresh)

    def _keep(self, held: Held, record: Record) -> bool:
        before = len(held.acts) + len(held.texts) + len(held.agreements) + len(held.signatures)
        match record:
            case Act():
                held.acts.setdefault(record.hash(self.covenant.id), record)
            case Written():
                held.texts.setdefault(record.hash, record)
            case Agreement():
                held.agreements.setdefault(record.hash, record)
            case Signature():
                held.signatures.setdefault(record.id, record)
        return len(held.acts) + len(held.texts) + len(held.agreements) + len(held.signatures) > before

    def _want(self, held: Held, party: str, records: Iterable[Record]) -> None:
        readable = [each for each in records if self._may_read(held, party, each)]
        if readable:
            held.unsent[party] += readable
            self.waiting[held.pair] = None

    def _may_read(self, held: Held, party: str, record: Record) -> bool:
        """Everything goes to the other side; to the coordinator steps, signatures and why it is called in."""
        if party != held.standing.coordinator or isinstance(record, Act | Signature):
            return True
        own = (each for each in held.acts.values() if each.author == self.member)
        reasons = {each.text_hash for each in own if each.kind in {ActKind.ESCALATED, ActKind.DISAGREED}}
        return isinstance(record, Written) and record.hash in reasons

    def _settle(self, held: Held) -> None:
        acts, signatures = list(held.acts.values()), list(held.signatures.values())
        held.records = Records(held.pair, acts, held.texts, held.agreements, signatures)
        held.standing = followup.fold(held.records, self.covenant)
        self.folded += 1
        coordinator = held.standing.coordinator
        if held.standing.coordinated and not self.is_desk and coordinator not in held.told:
            held.told.add(coordinator)
            self._want(held, coordinator, [*held.acts.values(), *held.texts.values(), *held.signatures.values()])
        if self.terms is not None and not self.is_desk:
            held.due = followup.due(held.standing, self.terms, held.began)
            for day in _days(held.due, self.terms):
                self.agenda[day][held.pair] = None

    # --- letters --------------------------------------------------------------------------------------------------------

    def write(self) -> Iterator[Sent]:
        """All that is unsent, a letter for each pair and party."""
        waiting, self.waiting = self.waiting, {}
        for pair in waiting:
            held = self.held[pair]
            for party, records in held.unsent.items():
                if records:
                    content = follow_up_content.encode(self._letter(held, party, records))
                    yield Sent(pair, self.member, party, content, padded(content))
            held.unsent.clear()

    def _letter(self, held: Held, party: str, records: list[Record]) -> FollowUp:
        assert len(records) <= follow_up_content.MAX_RECORDS
        to_desk = party not in held.pair.members
        return FollowUp(
            held.pair,
            tuple(each for each in records if isinstance(each, Act)),
            tuple(each for each in records if isinstance(each, Written)),
            tuple(each for each in records if isinstance(each, Agreement)),
            tuple(each for each in records if isinstance(each, Signature)),
            tuple(self.contact(held.pair, each) for each in held.pair.members) if to_desk else (),
            held.began if to_desk else None,
        )

    def take(self, sent: Sent, today: date) -> bool:
        """Takes a letter; whether it brought anything. Raises what `verify` raises: then nothing is taken."""
        said = letter_content.decode(sent.content)
        assert isinstance(said, FollowUp)
        held = self.held.get(said.pair) or self.begin(said.pair, said.began or today)
        for act in said.acts:
            if act.hash(self.covenant.id) not in held.acts:
                act.verify(self.covenant)
        for signature in said.signatures:
            if signature.id not in held.signatures:
                signature.verify(self.covenant)
        return self._add(held, (*said.acts, *said.texts, *said.agreements, *said.signatures), sent.sender)


def _days(due: Due | None, terms: FollowUpTerms) -> Iterator[date]:
    """On which days a term has something to say."""
    if due is not None:
        yield workdays.before(due.on, terms.reminder_days)
        yield due.on
        yield due.on + _DAY
        if due.escalates_on is not None:
            yield due.escalates_on
