"""What a node writes to the other side of a match: the proof letter at once, the contact card when relations match.

Both are functions of what the node holds now; a letter is written when it would say something else than the last one of
its kind. So a changed phone number, a case that joins or one that leaves is the next letter by itself.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Final

from raakvlak_node.case import Case
from raakvlak_node.correspondence import Correspondence
from raakvlak_node.pairs import Pairs
from raakvlak_node.publish import Publisher
from raakvlak_node.receive import direct
from raakvlak_node.store import THE_OTHER_SIDE, Match, Place, Store, Unposted
from raakvlak_protocol import letter_content
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.letter import NO_PREVIOUS
from raakvlak_protocol.letter_content import CardCase, Proof
from raakvlak_protocol.relation import Relation, matching
from raakvlak_protocol.v1 import index_pb2 as pb

QUARTER_SECONDS: Final = 15 * 60
_AT_ONCE: Final = 8
_CHUNK: Final = 200


class Writer:
    """Writes the letters that are due. They are stored, sealed, before any of them is posted."""

    def __init__(self, store: Store, covenant: Covenant, member: str, pairs: Pairs, correspondence: Correspondence) -> None:
        self._store = store
        self._covenant = covenant
        self._member = member
        self._pairs = pairs
        self._correspondence = correspondence

    def run(self, now: datetime) -> int:
        """Writes everything that is due; returns how many letters that was."""
        written = 0
        while matches := self._store.due_matches(_CHUNK):
            with self._store.transaction():
                for match in matches:
                    written += self._write(match, now)
                    self._store.settle(match.match_id)
        return written + self._correspondence.write(now)

    def _write(self, match: Match, now: datetime) -> int:
        places = self._store.places(match.person) if direct(self._covenant, self._member, match.other) else []
        # Also where nothing is shown any more: from now on not a word of such a case is written, whether or not the index
        # has taken its row away yet.
        self._correspondence.carry(match, places, now)
        if not places:
            if self._store.unposted(match.match_id):
                self._store.drop_unposted(match.match_id, THE_OTHER_SIDE)
                self._store.write_again(match.match_id)
            return 0  # The row is about to be withdrawn, or the covenant no more lets the two see each other's.
        number, previous = match.own_number, match.own_hash or NO_PREVIOUS
        contents = [
            (column, last, content, self._store.vault.handle("letter", column, content))
            for column, last, content in self._contents(match, places)
        ]
        anew = any(mark != last for _, last, _, mark in contents) and self._store.unposted(match.match_id)
        if anew:
            # What has not left yet is not true any more and never leaves: the chain begins again without it.
            self._store.drop_unposted(match.match_id, THE_OTHER_SIDE)
            self._pairs.send_again(match.match_id, match.other)
            previous = NO_PREVIOUS
        written = 0
        for column, last, content, mark in contents:
            if anew or mark != last:
                number += 1
                if column == "own_proof" and match.ask_again:
                    content = self._asking(content)
                self._store.mark_letter(match.match_id, column, mark)
                previous = self._correspondence.post_in(match, number, previous, content, now)
                written += 1
        return written

    def _contents(self, match: Match, places: list[Place]) -> Iterable[tuple[str, bytes | None, bytes]]:
        relations = frozenset(place.relation for place in places)
        yield "own_proof", match.own_proof, letter_content.encode_proof(Proof(relations))
        if match.their_proof is None:
            return
        theirs = letter_content.decode(match.their_proof.reveal())
        cases = self._card(places, theirs) if isinstance(theirs, Proof) else []
        # Of a test person the card is empty, and is sent as any other: the index counts the letters of a match.
        canary = any(place.canary for place in places) and isinstance(theirs, Proof) and _matches(places, theirs)
        if cases or canary or match.own_card is not None:
            yield "own_card", match.own_card, letter_content.encode_card(cases)

    def _asking(self, content: bytes) -> bytes:
        """The same proof, with the request to write everything again; its mark stays that of the proof alone."""
        proof = letter_content.decode(content)
        assert isinstance(proof, Proof)
        return letter_content.encode_proof(replace(proof, write_again=True))

    def _card(self, places: list[Place], theirs: Proof) -> list[CardCase]:
        """The own cases that make a match with what the other side proved, and no others."""
        shown = matching({place.relation for place in places}, theirs.relations)
        cases = []
        for handle, group in groupby(places, key=lambda place: place.own_case):
            relations = frozenset(place.relation for place in group) & shown.keys()
            case = self._store.case(handle)
            if relations and case is not None:
                cases.append(_card_case(case, relations))
        return cases


def _matches(places: list[Place], theirs: Proof) -> bool:
    return bool(matching({place.relation for place in places}, theirs.relations))


def _card_case(case: Case, relations: frozenset[Relation]) -> CardCase:
    return CardCase(
        reference=case.reference,
        relations=relations,
        name=case.worker_name,
        function=case.function,
        phone=case.worker_phone,
        email=case.worker_email,
        since=case.since,
    )


def post(store: Store, publisher: Publisher, covenant: Covenant, now: datetime) -> tuple[int, RaakvlakError | None]:
    """Posts the letters whose time has come; returns how many, and the first reason why one was not taken. In a sandbox
    their time is at once, otherwise the next quarter hour, so that the moment of a letter does not tell what it answers.

    A letter that the index does not take now stays for later and holds up no other match. A match of which the index
    says that it is over ends here too: its end may have found no room in a full queue.
    """
    seconds = int(now.timestamp())
    before = seconds + 1 if covenant.sandbox else seconds - seconds % QUARTER_SECONDS
    letters = store.letters_to_post(before)
    waiting = [list(group) for _, group in groupby(letters, key=lambda each: (each.match_id, each.party))]
    posted, refused = 0, None
    with ThreadPoolExecutor(_AT_ONCE, "post") as threads:
        for place in range(0, len(waiting), _CHUNK):
            results = list(
                threads.map(lambda letters: _post_all(publisher, covenant, letters), waiting[place : place + _CHUNK])
            )
            with store.transaction():
                for result in results:
                    refused = refused or result.refused
                    posted += len(result.taken)
                    for letter in result.taken:
                        store.posted(letter)
                    if result.over is not None:
                        _end(store, result.over)
    return posted, refused


def _end(store: Store, letter: Unposted) -> None:
    """The index says that nothing more can be written there."""
    if letter.party == THE_OTHER_SIDE:
        store.end_match(letter.match_id)
    else:
        store.drop_unposted(letter.match_id, letter.party)


@dataclass(slots=True)
class _Posted:
    """What became of one match's letters to one party."""

    taken: list[Unposted] = field(default_factory=list)
    refused: RaakvlakError | None = None
    over: Unposted | None = None


def _post_all(publisher: Publisher, covenant: Covenant, letters: list[Unposted]) -> _Posted:
    result = _Posted()
    for letter in letters:
        request = pb.PostLetterRequest(
            covenant_hash=covenant.hash,
            generation=publisher.generation,
            match_id=letter.match_id,
            number=letter.number,
            ciphertext=letter.ciphertext,
            to=letter.party,
        )
        try:
            live = publisher.call("PostLetter", request, pb.PostLetterReply).match_live
        except RaakvlakError as error:
            # The next letters of this match must not overtake this one.
            result.refused = error
            return result
        if not live:
            result.over = letter
            return result
        result.taken.append(letter)
    return result
