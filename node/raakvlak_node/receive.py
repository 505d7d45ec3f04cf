"""What the index tells: matches, their end, and letters from the other side (DESIGN §5).

A letter is believed only when both locks open, the sender of the match signed it, and it follows the one before. What
can't be read is put aside with its reason and blocks nothing.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import Final

from raakvlak_node.correspondence import Correspondence, Missing
from raakvlak_node.desk import Desk
from raakvlak_node.pairs import Pairs
from raakvlak_node.publish import MAX_NUMBER
from raakvlak_node.store import Match, Store
from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.covenant import COORDINATOR, Covenant
from raakvlak_protocol.errors import Evidence, Malformed, NotPermitted, RaakvlakError
from raakvlak_protocol.follow_up_content import Ask, FollowUp
from raakvlak_protocol.letter import MATCH_ID_BYTES, NO_PREVIOUS, DeskHeader, Envelope, Header
from raakvlak_protocol.letter_content import Card, Proof
from raakvlak_protocol.publication import REFERENCE_BYTES
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2 as pb

MAX_PUT_ASIDE: Final = 1_000
"""Letters that can't be read and are kept; more are told and not kept."""
MAX_EARLY: Final = 16
"""Letters of a match that wait for the one before them; as many as the index queues of one sender."""
ANY_NUMBER: Final = "any_number"
"""The remark that the next event may have any number: the matches were replayed, so that none can be missed."""


class Turn(Enum):
    """How a letter stands to the ones that came before it in its direction."""

    NEXT = auto()
    EARLY = auto()
    OLD = auto()
    BROKEN = auto()


def turn(known_number: int, known_hash: bytes | None, number: int, previous: bytes) -> Turn:
    """Whether a letter whose signature holds is the next one.

    A chain begins, or begins again after a match ended or a node was restored, with NO_PREVIOUS and a higher number
    than any before; nothing that was read once can be read again.
    """
    if number <= known_number:
        return Turn.OLD
    if previous == NO_PREVIOUS:
        return Turn.NEXT
    if number > known_number + 1:
        return Turn.EARLY
    return Turn.NEXT if previous == known_hash else Turn.BROKEN


def direct(covenant: Covenant, one: str, other: str) -> bool:
    """Whether both take part and the covenant lets them see their matches without a coordinator."""
    members = [covenant.members.get(each) for each in (one, other)]
    kinds = [member.kind for member in members if member is not None]
    return len(kinds) == len(members) and covenant.direct_for(*kinds)


class Receiver:
    """Applies events to the store. `tell` hears of every letter that is put aside: sender and reason."""

    def __init__(
        self,
        store: Store,
        covenant: Covenant,
        member: str,
        letter_secret: SecretBytes,
        tell: Callable[[str, str], None],
        correspondence: Correspondence,
    ) -> None:
        self._correspondence = correspondence
        self._pairs = Pairs(store, covenant.id)
        self._desk = Desk(store)
        self._store = store
        self._covenant = covenant
        self._member = member
        self._secret = letter_secret
        self._tell = tell

    def take(self, batch: pb.EventBatch, now: datetime) -> int:
        """Stores what a batch tells, all or nothing, and how far it went; returns the number of new events.

        Raises Evidence when the index left a number out.
        """
        with self._store.transaction():
            last = self._store.number("last_event")
            if batch.events and self._store.remark(ANY_NUMBER):
                last = batch.events[0].number - 1
                self._store.set_remark(ANY_NUMBER, "")
            fresh = [event for event in batch.events if event.number > last]
            if fresh and fresh[-1].number > MAX_NUMBER:
                raise Evidence("the index told a number that no queue reaches", party=self._covenant.index.id)
            for event in fresh:
                if event.number != last + 1:
                    raise Evidence(f"the index left out event {last + 1} of this node", party=self._covenant.index.id)
                self._apply(event, now)
                last = event.number
            self._store.set_number("last_event", last)
        return len(fresh)

    def begin(self, match: pb.Match, now: int) -> None:
        """A match of an own row; one of a row that was withdrawn meanwhile is left, and so is one with a member whose
        matches this one may not see directly: what the index tells does not change the covenant."""
        if len(match.match_id) != MATCH_ID_BYTES or len(match.reference) != REFERENCE_BYTES:
            raise Evidence("the index told a match that is not of its form", party=self._covenant.index.id)
        person = self._store.person_of(match.reference, match.epoch)
        if person is not None and match.other != self._member and direct(self._covenant, self._member, match.other):
            self._store.begin_match(match.match_id, person, match.epoch, match.other, now)

    def bring(self, told: pb.Mediation, now: int) -> None:
        """A match that is before this coordinator."""
        references = (told.one_reference, told.other_reference)
        if len(told.match_id) != MATCH_ID_BYTES or any(len(each) not in {0, REFERENCE_BYTES} for each in references):
            raise Evidence("the index told a match that is not of its form", party=self._covenant.index.id)
        serving = self._covenant.coordinator_between(told.one, told.other)
        if serving is not None and serving.id == self._member:
            self._desk.begin(told, now)

    def _apply(self, event: pb.Event, now: datetime) -> None:
        what = event.WhichOneof("what")
        if what == "match":
            self.begin(event.match, int(now.timestamp()))
        elif what == "match_ended":
            self._store.end_match(event.match_ended.match_id)
            self._desk.end(event.match_ended.match_id)
        elif what == "mediation":
            self.bring(event.mediation, int(now.timestamp()))
        elif what == "letter_lapsed":
            self._lapsed(event.letter_lapsed.match_id, event.letter_lapsed.to)
        elif what == "letter":
            self._letter(event.letter.match_id, event.letter.sender, event.letter.ciphertext, now)

    def _lapsed(self, match_id: bytes, party: str) -> None:
        """Not the same letter again: what it said a month ago may be true no more. `party` did not fetch it."""
        if self._under_one_lock(party):
            self._correspondence.write_desk_again(match_id, party)
        else:
            self._write_again(match_id)

    def _write_again(self, match_id: bytes) -> None:
        """Everything of the match anew, in a new chain."""
        match = self._store.match(match_id)
        if match is not None:
            self._store.write_again(match_id)
            self._pairs.send_again(match_id, match.other)

    def _letter(self, match_id: bytes, sender: str, ciphertext: bytes, now: datetime) -> None:
        try:
            if self._under_one_lock(sender):
                self._read_desk(match_id, sender, ciphertext, now)
            else:
                self._read(match_id, ciphertext, now)
        except RaakvlakError as error:
            known = sender if sender in self._covenant.members else "an unknown sender"
            if self._store.letter_counts()["unreadable"] < MAX_PUT_ASIDE:
                self._store.put_aside(match_id, known, ciphertext, int(now.timestamp()), error.message)
            self._tell(known, error.message)

    def _under_one_lock(self, sender: str) -> bool:
        kinds = {self._covenant.members[each].kind for each in (sender, self._member) if each in self._covenant.members}
        return COORDINATOR in kinds

    def _read_desk(self, match_id: bytes, sender: str, ciphertext: bytes, now: datetime) -> None:
        """A letter to or from a coordinator."""
        envelope = letter.take_off_first_lock(ciphertext, self._secret)
        if envelope.match_id != match_id:
            raise Malformed("the letter is for another match than the index says")
        header = DeskHeader(self._covenant.id, match_id, sender, self._member, envelope.number, envelope.previous)
        content = letter.read_desk_letter(envelope, header, self._covenant.member(sender).signing_key)
        over = self._store.match(match_id) is None and self._store.match_known(match_id)
        if over and not isinstance(letter_content.decode(content), Ask):
            # It crossed with the end of the match. A question did not: a match that both sides knew goes on with the
            # coordinator alone, under the same number, where a case became confidential or its release was taken back.
            return
        chain, hash = self._desk.chain(match_id, sender), letter.letter_hash(header, content)
        match turn(chain.their_number, chain.their_hash, header.number, header.previous):
            case Turn.OLD:
                if header.number == chain.their_number and hash != chain.their_hash:
                    raise Evidence("the sender signed two letters with one number", party=sender)
                return
            case Turn.BROKEN:
                raise Evidence("the letter does not follow on the one before it", party=sender)
            case Turn.EARLY:
                # As after a restore: it comes again, with what went before.
                self._ask_again(match_id, sender, "a letter came before the one that it follows", now)
                return
            case Turn.NEXT:
                self._desk.count_theirs(match_id, sender, header.number, hash)
        if header.previous == NO_PREVIOUS and chain.their_number:
            self._correspondence.say_again_at_desk(match_id, sender)
        try:
            self._correspondence.take_desk_letter(match_id, sender, letter_content.decode(content), now)
        except Missing as missing:
            self._ask_again(match_id, sender, missing.message, now)

    def _ask_again(self, match_id: bytes, sender: str, reason: str, now: datetime) -> None:
        self._tell(sender, f"{reason}; it was asked for everything again")
        self._correspondence.ask_again(match_id, sender, now)

    def _read(self, match_id: bytes, ciphertext: bytes, now: datetime) -> None:
        envelope = letter.take_off_first_lock(ciphertext, self._secret)
        if envelope.match_id != match_id:
            raise Malformed("the letter is for another match than the index says")
        match = self._store.match(match_id)
        if match is None:
            if self._store.match_known(match_id):
                return  # It crossed with the end of the match.
            raise Malformed("the letter is for a match that the index has not told")
        header, content = self._opened(match, envelope)
        self._follow(match, header, content, ciphertext, now)

    def _opened(self, match: Match, envelope: Envelope) -> tuple[Header, bytes]:
        sender = self._covenant.members.get(match.other)
        if sender is None:
            raise NotPermitted("the letter is from one who takes part no more")
        keys = self._store.token_keys(match.person, match.epoch)
        header = Header(
            covenant_id=self._covenant.id,
            epoch=match.epoch,
            token=keys.token,
            match_id=match.match_id,
            sender=match.other,
            receiver=self._member,
            number=envelope.number,
            previous=envelope.previous,
        )
        return header, letter.take_off_second_lock(envelope, header, keys.letter_key, sender.signing_key)

    def _follow(self, match: Match, header: Header, content: bytes, ciphertext: bytes, now: datetime) -> None:
        hash = letter.letter_hash(header, content)
        match turn(match.their_number, match.their_hash, header.number, header.previous):
            case Turn.OLD:
                if header.number == match.their_number and hash != match.their_hash:
                    raise Evidence("the sender signed two letters with one number", party=match.other)
            case Turn.BROKEN:
                raise Evidence("the letter does not follow on the one before it", party=match.other)
            case Turn.EARLY:
                if self._store.early_letters(match.match_id) >= MAX_EARLY:
                    raise Malformed("too many letters have come before the one that they follow")
                self._store.keep_early(match.match_id, header.number, ciphertext)
            case Turn.NEXT:
                try:
                    self._keep(match, header, hash, content, now)
                finally:
                    following = self._store.take_early(match.match_id, header.number + 1)
                    if following is not None:
                        self._letter(match.match_id, match.other, following, now)

    def _keep(self, match: Match, header: Header, hash: bytes, content: bytes, now: datetime) -> None:
        # The chain goes on even where a later version wrote what this one can't read.
        self._store.count_their_letter(match.match_id, header.number, hash)
        if header.previous == NO_PREVIOUS and match.their_number:
            self._store.say_again(match.match_id)
            self._pairs.send_again(match.match_id, match.other)
        match letter_content.decode(content):
            case Proof(write_again=again):
                self._store.keep_their_letter(match.match_id, "their_proof", content)
                if again:
                    self._write_again(match.match_id)
            case Card():
                self._store.keep_their_letter(match.match_id, "their_card", content)
                fresh = self._store.match(match.match_id)
                if fresh is not None:
                    # Before what it says about the cases on the card.
                    self._correspondence.carry(fresh, self._store.places(fresh.person), now)
            case FollowUp() as said:
                try:
                    self._correspondence.take(match, said, now)
                except Missing as missing:
                    self._tell(match.other, f"{missing.message}; it was asked for everything again")
                    self._correspondence.ask_other_side_again(match.match_id, now)
            case _:
                raise Malformed("a letter between the two sides that only a coordinator writes, or is written")
