"""Follow-up letters: what is written about a pair, to the other side and to a coordinator, and what is believed of those
that come (DESIGN §5).

To the other side everything goes, in the chain of a match that carries the pair. To a coordinator, under one lock, go
the steps and who has signed, whom it can call, and of what was written only what this node releases; from a coordinator
come its own steps. A letter with one wrong record is put aside whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from raakvlak_node import followup, workdays
from raakvlak_node.desk import Desk
from raakvlak_node.followup import Records
from raakvlak_node.notices import Kind, Notices
from raakvlak_node.pairs import MAX_RECORDS, Known, Pairs, Record, encoded
from raakvlak_node.store import Match, Place, Store
from raakvlak_protocol import follow_up_content, letter, letter_content
from raakvlak_protocol.act import Act, ActKind, Agreement, Pair, Party, Signature, Written
from raakvlak_protocol.covenant import COORDINATOR, Covenant
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.follow_up_content import Again, Answer, Ask, FollowUp, PairContact
from raakvlak_protocol.letter import MAX_CONTENT_BYTES, NO_PREVIOUS, DeskHeader, Header
from raakvlak_protocol.letter_content import Card, CardCase, Content
from raakvlak_protocol.relation import MatchKind, matching
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import FIRST_YEAR

DAY_SECONDS: Final = 86_400
CONTACTS: Final = "contacts"
"""The remark that says at which change, under which covenant, coordinators were last told whom to call."""


def carried(
    match: Match, places: Iterable[Place], references: Callable[[bytes], str | None], member: str
) -> dict[Pair, tuple[bytes | None, MatchKind]]:
    """The pairs that a match makes: each own case with each case on the other side's card whose relations match.
    `references` tells the reference of an own case."""
    found: dict[Pair, tuple[bytes | None, MatchKind]] = {}
    for place in places:
        own = None if place.canary else references(place.own_case)
        if own is None:
            continue
        for case in card_cases(match):
            kind = matching((place.relation,), case.relations).get(place.relation)
            if kind is None:
                continue
            pair = Pair.of(Party(member, own), Party(match.other, case.reference))
            known = found.get(pair)
            if known is None or kind is MatchKind.CLIENT:
                found[pair] = (place.own_case, kind)
    return found


def card_cases(match: Match) -> tuple[CardCase, ...]:
    """The cases on the other side's card, if it has come."""
    card = None if match.their_card is None else letter_content.decode(match.their_card.reveal())
    return card.cases if isinstance(card, Card) else ()


def judged(held: Records, said: FollowUp, covenant: Covenant, now: datetime) -> list[Record]:
    """The records of a letter that are not held yet, each behind those that it follows on. Raises Malformed or Evidence
    where any of them is wrong; then none is to be taken."""
    known = {each.hash(covenant.id): each for each in held.acts}
    fresh: list[Record] = []
    for act in sorted(said.acts, key=lambda each: each.number):
        hash = act.hash(covenant.id)
        if hash in known:
            continue
        act.verify(covenant)
        _demand_follows(act, known, now)
        known[hash] = act
        fresh.append(act)
    texts = {act.text_hash for act in known.values()}
    about = {act.about for act in known.values() if act.kind is ActKind.PROPOSED}
    agreements = dict(held.agreements)
    for written in said.texts:
        if written.hash not in texts:
            raise Malformed("a text belongs to no act", field="texts")
        fresh += [] if written.hash in held.texts else [written]
    for agreement in said.agreements:
        if agreement.hash not in about or not {said.pair.one, said.pair.other} <= set(agreement.parties):
            raise Malformed("an agreement was not proposed, or is not between these two", field="agreements")
        fresh += [] if agreement.hash in agreements else [agreement]
        agreements[agreement.hash] = agreement
    signed = {each.id for each in held.signatures}
    for signature in said.signatures:
        agreed = agreements.get(signature.agreement)
        if signature.agreement not in about or (agreed is not None and signature.party not in agreed.parties):
            raise Malformed("a signature is under no agreement of this pair, or not by one of its parties", field="signatures")
        signature.verify(covenant)
        _demand_past(signature.at, now)
        fresh += [] if signature.id in signed else [signature]
    return fresh


class Missing(Malformed):
    """A letter follows on something that has not come: the sender is to be asked for everything."""


def _demand_follows(act: Act, known: dict[bytes, Act], now: datetime) -> None:
    if not set(act.after) <= known.keys():
        raise Missing("an act follows on one that has not come", field="after")
    if act.number != 1 + max((known[each].number for each in act.after), default=0):
        raise Malformed("an act has another number than the ones before it give", field="number")
    _demand_past(act.at, now)


def _demand_past(at: int, now: datetime) -> None:
    if at > now.timestamp() + followup.MAX_AHEAD:
        raise Malformed("a step was taken in the future: look at the clocks of both nodes", field="at")


class Correspondence:
    """Writes what is unsent and takes what comes. `settle` is told of each pair that a match begins to carry, `heard` of
    each whose records a letter has changed."""

    def __init__(
        self,
        store: Store,
        covenant: Covenant,
        member: str,
        signing_seed: SecretBytes,
        random: Callable[[int], bytes],
        settle: Callable[[bytes, datetime], None],
        heard: Callable[[bytes, datetime], None],
        notices: Notices,
    ) -> None:
        self._store = store
        self._covenant = covenant
        self._member = member
        self._seed = signing_seed
        self._random = random
        self._settle = settle
        self._heard = heard
        self._notices = notices
        self._pairs = Pairs(store, covenant.id)
        self._desk = Desk(store)

    # --- writing ----------------------------------------------------------------------------------------------------------

    def carry(self, match: Match, places: list[Place], now: datetime) -> None:
        """A match carries the pairs that its cards make, as they are now."""
        found = carried(match, places, self._reference, self._member)
        for handle in self._pairs.carry(match.match_id, found, int(now.timestamp())):
            self._settle(handle, now)

    def write(self, now: datetime) -> int:
        """Writes all that waits; how many letters that was."""
        written = 0
        for handle, party in self._pairs.to_write():
            if not self._is_for(handle, party):
                continue  # The covenant has changed; it stays unsent, for when it changes back.
            with self._store.transaction():
                written += self._write_pair(handle, party, now)
        # Whom to call can only have changed where something of a match has, or the covenant.
        state = f"{self._store.number('changed')} {self._covenant.hash.hex()}"
        if self._store.remark(CONTACTS) != state:
            for handle, coordinator in self._stale_contacts():
                with self._store.transaction():
                    written += self._write_desk_pair(handle, coordinator, now)
            self._store.set_remark(CONTACTS, state)
        return written + self._write_desk(now)

    def _write_pair(self, handle: bytes, party: str, now: datetime) -> int:
        if self._is_desk(party):
            return self._write_desk_pair(handle, party, now)
        known = self._pairs.known(handle)
        match_id = self._pairs.carrier(handle, party)
        match = None if match_id is None else self._store.match(match_id)
        if known is None or match is None or match.own_card is None:
            return 0
        written = 0
        number, previous = match.own_number, match.own_hash or NO_PREVIOUS
        for content, ids in self._letters(known, party, FollowUp(known.pair)):
            number += 1
            previous = self.post_in(match, number, previous, content, now)
            self._pairs.sent(handle, party, ids)
            written += 1
        return written

    def post_in(self, match: Match, number: int, previous: bytes, content: bytes, now: datetime) -> bytes:
        """Seals a letter of this number for the other side of a match and keeps it for being posted; its hash."""
        keys = self._store.token_keys(match.person, match.epoch)
        header = Header(
            covenant_id=self._covenant.id,
            epoch=match.epoch,
            token=keys.token,
            match_id=match.match_id,
            sender=self._member,
            receiver=match.other,
            number=number,
            previous=previous,
        )
        ciphertext = letter.seal(
            header,
            content,
            letter_key=keys.letter_key,
            signing_seed=self._seed,
            receiver_key=self._covenant.member(match.other).letter_key,
            random=self._random,
        )
        hash = letter.letter_hash(header, content)
        self._store.add_letter(match.match_id, number, hash, ciphertext, int(now.timestamp()))
        return hash

    def _stale_contacts(self) -> Iterator[tuple[bytes, str]]:
        """Pairs of which a coordinator was told to call somebody else than it should by now."""
        for coordinator in {each.coordinator for each in self._covenant.coordination} - {self._member}:
            for handle in self._pairs.linked(coordinator):
                known = self._pairs.known(handle)
                if known is None or known.ended is not None or not self._is_for(handle, coordinator):
                    continue
                if self._pairs.told(handle, coordinator) != self._mark(self._contacts(known)):
                    yield handle, coordinator

    def _write_desk_pair(self, handle: bytes, party: str, now: datetime) -> int:
        known = self._pairs.known(handle)
        match_id = self._pairs.carrier(handle, party)
        if known is None or match_id is None:
            return 0
        head = FollowUp(known.pair)
        if self._covenant.member(party).kind == COORDINATOR:
            contacts = self._contacts(known)
            head = replace(head, contacts=contacts, began=workdays.local_day(known.began))
            mark = self._mark(contacts)
        else:
            mark = b""
        letters = list(self._letters(known, party, head))
        if not letters and mark != self._pairs.told(handle, party):
            letters = [(follow_up_content.encode(head), set())]
        for content, ids in letters:
            self._desk.queue(match_id, party, content)
            self._pairs.sent(handle, party, ids)
        self._pairs.set_told(handle, party, mark)
        return 0  # Counted where they are sealed.

    def _write_desk(self, now: datetime) -> int:
        """Seals what waits for coordinators, or at one for the sides."""
        written = 0
        for match_id, party in self._desk.waiting():
            if party not in self._covenant.members:
                continue
            with self._store.transaction():
                chain = self._desk.chain(match_id, party)
                number, previous = chain.own_number, chain.own_hash or NO_PREVIOUS
                for id, content in self._desk.contents(match_id, party):
                    number += 1
                    header = DeskHeader(self._covenant.id, match_id, self._member, party, number, previous)
                    key = self._covenant.member(party).letter_key
                    ciphertext = letter.seal_once(header, content, signing_seed=self._seed, receiver_key=key)
                    previous = letter.letter_hash(header, content)
                    self._desk.written(id, match_id, party, number, previous, ciphertext, int(now.timestamp()))
                    written += 1
        return written

    def _letters(self, known: Known, party: str, head: FollowUp) -> Iterator[tuple[bytes, set[bytes]]]:
        """(content, ids) of the letters in which everything unsent goes that the party may read."""
        unsent = self._pairs.unsent(known.handle, party)
        records = self._pairs.records(known)
        waiting = [each for each in in_sequence(records) if encoded(each, self._covenant.id)[0] in unsent]
        allowed = [each for each in waiting if self._may_read(party, each, known, records)]
        kept_back = unsent - {encoded(each, self._covenant.id)[0] for each in allowed}
        self._pairs.sent(known.handle, party, kept_back)
        while allowed:
            content, taken = _packed(head, allowed)
            yield content, {encoded(each, self._covenant.id)[0] for each in allowed[:taken]}
            allowed = allowed[taken:]

    def _may_read(self, party: str, record: Record, known: Known, records: Records) -> bool:
        """Everything goes to the other side; to a coordinator the steps, the signatures, and what is released; from a
        coordinator what it did itself."""
        if not self._is_desk(party):
            return True
        own = [act for act in records.acts if act.author == self._member]
        if self._covenant.member(self._member).kind == COORDINATOR:
            # What it did follows on what the sides did, which one of them may not have heard of the other.
            written = isinstance(record, Written) and any(act.text_hash == record.hash for act in own)
            return written or isinstance(record, Act | Signature)
        match record:
            case Act() | Signature():
                return True
            case Agreement():
                return known.released
            case Written():
                written_for_it = (
                    act.kind in {ActKind.ESCALATED, ActKind.DISAGREED} for act in own if act.text_hash == record.hash
                )
                return any(written_for_it) or (known.released and any(act.text_hash == record.hash for act in own))

    def _contacts(self, known: Known) -> tuple[PairContact, ...]:
        """Whom a coordinator can call at either side, as far as this node knows."""
        own, their = known.pair.party(self._member), known.pair.opposite(self._member)
        found = []
        case = None if known.own_case is None else self._store.case(known.own_case)
        if case is not None:
            found.append(PairContact(own, case.worker_name, case.function, case.worker_phone, case.worker_email))
        for match_id in self._pairs.carrying(known.handle):
            match = self._store.match(match_id)
            for card in () if match is None else card_cases(match):
                if card.reference == their.reference:
                    found.append(PairContact(their, card.name, card.function, card.phone, card.email))
                    return tuple(found)
        return tuple(found)

    def _mark(self, contacts: tuple[PairContact, ...]) -> bytes:
        parts = [part for each in contacts for part in (each.party.member, each.name, each.function, each.phone, each.email)]
        return self._store.vault.handle("told", *parts)

    def _is_desk(self, party: str) -> bool:
        """Whether letters to the party have one lock."""
        return COORDINATOR in {self._covenant.member(each).kind for each in (party, self._member)}

    def _is_for(self, handle: bytes, party: str) -> bool:
        """Whether the covenant, as it is now, lets the party be written to about the pair: the other side, if the two may
        see their matches, and between a side and a coordinator only the one that serves the two."""
        known = self._pairs.known(handle)
        members = () if known is None else (*known.pair.members, party)
        if not members or any(each not in self._covenant.members for each in members):
            return False
        kinds = [self._covenant.member(each).kind for each in members[:2]]
        if not self._is_desk(party):
            return self._covenant.direct_for(*kinds)
        serving = self._covenant.coordinator_between(*members[:2])
        return serving is not None and serving.id in {party, self._member}

    def _reference(self, own_case: bytes) -> str | None:
        case = self._store.case(own_case)
        return None if case is None else case.reference

    # --- reading ------------------------------------------------------------------------------------------------------------

    def take(self, match: Match, said: FollowUp, now: datetime) -> None:
        """Takes a letter of the other side of a match. One about an own case that is gone crossed with its end, and is
        left. Raises Malformed or Evidence, and takes nothing."""
        if said.contacts or said.began is not None or set(said.pair.members) != {self._member, match.other}:
            raise Malformed("the letter is about a pair of other organisations")
        known = self._pairs.known(self._pairs.handle(said.pair))
        if known is None or known.ended is not None:
            if self._store.case(self._store.case_handle(said.pair.party(self._member).reference)) is None:
                return
            raise Malformed("the letter is about two cases that this match does not join")
        parties = [each for each in self._coordinators() if self._pairs.knows(known.handle, each)]
        self._add(known, said, parties, now)

    def take_from_coordinator(self, coordinator: str, said: FollowUp, now: datetime) -> None:
        """Takes what a coordinator did about a pair of this node's; one that serves other kinds is refused."""
        if self._member not in said.pair.members or said.agreements or said.contacts:
            raise Malformed("a coordinator writes of pairs of the receiver: steps, signatures, and what it wrote itself")
        serving = self._covenant.coordinator_between(*said.pair.members)
        if serving is None or serving.id != coordinator:
            raise Malformed("the covenant names another coordinator for these two organisations")
        known = self._pairs.known(self._pairs.handle(said.pair))
        if known is not None:
            self._add(known, said, [known.pair.opposite(self._member).member], now)

    def take_at_desk(self, match_id: bytes, sender: str, said: FollowUp, now: datetime) -> None:
        """At a coordinator: takes what a side tells of a pair that it brings before it."""
        mediation = self._desk.mediation(match_id)
        if mediation is not None and not mediation.direct:
            raise Malformed("the letter brings a match of which its sender does not know")
        if mediation is None or set(said.pair.members) != {mediation.one, mediation.other} or sender not in said.pair.members:
            raise Malformed("the letter is about other organisations than the match is between")
        if any(each.party not in (said.pair.one, said.pair.other) for each in said.contacts):
            raise Malformed("the letter tells whom to call of a case that is not of the pair")
        handle = self._pairs.handle(said.pair)
        began = said.began or workdays.today(now)
        if not date(FIRST_YEAR, 1, 1) <= began <= workdays.today(now) + timedelta(days=1):
            raise Malformed("a match began on a day that lies ahead, or before there were any", field="began")
        # Before anything is kept of it: one that is wrong leaves nothing behind.
        before = self._pairs.known(handle)
        nothing = Records(said.pair, (), {}, {}, ())
        judged(nothing if before is None else self._pairs.records(before), said, self._covenant, now)
        midnight = datetime.combine(began, time.min, workdays.ZONE)
        self._pairs.begin_at_desk(handle, said.pair, match_id, int(midnight.timestamp()))
        self._desk.keep_contacts(handle, sender, said.contacts)
        if not self._pairs.knows(handle, sender):
            self._pairs.link(handle, sender, match_id)
        known = self._pairs.known(handle)
        assert known is not None
        others = [each for each in said.pair.members if each != sender and self._pairs.knows(handle, each)]
        self._add(known, said, others, now)

    def take_desk_letter(self, match_id: bytes, sender: str, said: Content, now: datetime) -> None:
        """Takes a letter under one lock: at a coordinator from a side, at a side from a coordinator."""
        at_desk = self._covenant.member(self._member).kind == COORDINATOR
        match said:
            case FollowUp():
                if at_desk:
                    self.take_at_desk(match_id, sender, said, now)
                else:
                    self.take_from_coordinator(sender, said, now)
            case Ask() if not at_desk:
                self._take_ask(match_id, sender, said, now)
            case Answer() if at_desk:
                if self._desk.asked(match_id, sender) is None:
                    raise Malformed("an answer to what was not asked")
                self._desk.keep_answer(match_id, sender, said.released, said.text, int(now.timestamp()))
            case Again():
                self.write_desk_again(match_id, sender)
            case _:
                raise Malformed("a letter that has no place between a side and a coordinator")

    def _take_ask(self, match_id: bytes, coordinator: str, ask: Ask, now: datetime) -> None:
        """A coordinator asks about an own row; whether it serves this organisation is the covenant's to say."""
        kind = self._covenant.member(self._member).kind
        if not any(each.coordinator == coordinator and kind in each.kinds for each in self._covenant.coordination):
            raise Malformed("the covenant names another coordinator for this organisation")
        person = self._store.person_of(ask.reference, ask.epoch)
        if person is not None:  # Else the row was withdrawn meanwhile.
            before = self._desk.asked(match_id, coordinator)
            self._desk.keep_ask(match_id, coordinator, person, ask, int(now.timestamp()))
            if before is None or before.answered is not None or before.ask != ask:
                for own_case, _, _ in self._store.cases_of(person):
                    self._notices.queue(own_case, Kind.QUESTION, now)

    def write_desk_again(self, match_id: bytes, party: str) -> None:
        """What was written to a party under one lock may not have come: all of it again, in a new chain."""
        self._store.drop_unposted(match_id, party)
        self._desk.begin_chain_again(match_id, party)
        self.say_again_at_desk(match_id, party)

    def say_again_at_desk(self, match_id: bytes, party: str) -> None:
        """The other end has begun its chain again and may have forgotten what it read: all of it again, in this one."""
        self._pairs.send_again(match_id, party)
        asked = self._desk.asked(match_id, party)
        if asked is None:
            return
        if self._covenant.member(self._member).kind == COORDINATOR:
            if asked.answered is None:
                self._desk.queue(match_id, party, follow_up_content.encode(asked.ask))
        elif asked.released is not None:
            self._desk.queue(match_id, party, follow_up_content.encode(Answer(asked.released, asked.answer)))

    def ask_again(self, match_id: bytes, party: str, now: datetime) -> None:
        """Something that a party wrote under one lock has not come: it is asked for everything of the match, once a day at
        most."""
        if self._not_asked_today(match_id, party, now):
            self._desk.queue(match_id, party, follow_up_content.encode(Again()))

    def ask_other_side_again(self, match_id: bytes, now: datetime) -> None:
        """The same of the other side of a match, in the proof letter."""
        if self._not_asked_today(match_id, "", now):
            self._store.ask_again(match_id)

    def _not_asked_today(self, match_id: bytes, party: str, now: datetime) -> bool:
        day, name = int(now.timestamp()) // DAY_SECONDS, f"asked again {match_id.hex()} {party}"
        if self._store.number(name) == day:
            return False
        self._store.set_number(name, day)
        return True

    def ask_all_again(self) -> None:
        """After a restore: this node's coordinators, or at one the sides, are asked for what it has forgotten."""
        for mediation in self._desk.mediations():
            for side in (mediation.one, mediation.other):
                if mediation.direct or self._desk.asked(mediation.match_id, side) is not None:
                    self._desk.queue(mediation.match_id, side, follow_up_content.encode(Again()))

    def _add(self, known: Known, said: FollowUp, parties: Iterable[str], now: datetime) -> None:
        fresh = judged(self._pairs.records(known), said, self._covenant, now)
        if self._pairs.count(known.handle) + len(fresh) > MAX_RECORDS:
            raise Malformed(f"a follow-up has at most {MAX_RECORDS} records: it is to be closed and begun anew")
        if self._pairs.add(known.handle, fresh, parties):
            self._heard(known.handle, now)

    def _coordinators(self) -> list[str]:
        return [each.coordinator for each in self._covenant.coordination]


def in_sequence(records: Records) -> list[Record]:
    """All records, each behind those that a reader needs to judge it."""
    told: set[bytes] = set()
    sequence: list[Record] = []
    for act in records.acts:
        sequence.append(act)
        behind: tuple[tuple[bytes, Mapping[bytes, Record]], ...] = (
            (act.text_hash, records.texts),
            (act.about, records.agreements),
        )
        for hash, among in behind:
            found = among.get(hash)
            if found is not None and hash not in told:
                told.add(hash)
                sequence.append(found)
    return [*sequence, *records.signatures]


def _packed(head: FollowUp, records: list[Record]) -> tuple[bytes, int]:
    """The content with as many of the records as one letter holds, from the first; at least one fits by its limits."""
    taken = min(len(records), follow_up_content.MAX_RECORDS - len(head.contacts))
    while True:
        some = records[:taken]
        content = follow_up_content.encode(
            replace(
                head,
                acts=tuple(each for each in some if isinstance(each, Act)),
                texts=tuple(each for each in some if isinstance(each, Written)),
                agreements=tuple(each for each in some if isinstance(each, Agreement)),
                signatures=tuple(each for each in some if isinstance(each, Signature)),
            )
        )
        if len(content) <= MAX_CONTENT_BYTES:
            return content, taken
        taken -= 1
