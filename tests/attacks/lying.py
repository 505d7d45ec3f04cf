"""An index that lies: the real one, behind a relay that tells each node what it likes.

The nodes get numbers without gaps, so that nothing shows but what the lie itself shows.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from raakvlak_node.node import Node
from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import BSN, Bsn
from raakvlak_protocol.letter import Envelope, Header
from raakvlak_protocol.letter_content import Card, Proof
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.relay import Call, Relay, before_the_index, honest
from tests.federation import Federation

Change = Callable[[str, pb.Event], list[pb.Event]]
"""What a member is told in place of an event that the real index has for it."""


def the_truth(member: str, event: pb.Event) -> list[pb.Event]:
    return [event]


@dataclass
class LyingIndex:
    """`told` is all that each member has been told or will be told at its next Watch, in order."""

    running: Federation
    between: Relay
    change: Change = the_truth
    told: dict[str, list[pb.Event]] = field(default_factory=dict)
    invented: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    """Matches that only this index knows, with their two sides; it carries their letters itself."""
    _real: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.between.hooks |= {
            "Watch": self._watch, "Acknowledge": self._acknowledge, "PostLetter": self._post,
        }  # fmt: skip

    # --- lies ---------------------------------------------------------------------------------------------------------

    def tell(self, member: str, *events: pb.Event) -> None:
        """These too, at the member's next Watch."""
        self.told.setdefault(member, []).extend(events)

    def invent(self, *sides: tuple[str, bytes, str], match_id: bytes = b"") -> bytes:
        """Tells each given side (member, reference, other) of a match; returns its id."""
        match_id = match_id or os.urandom(letter.MATCH_ID_BYTES)
        for member, reference, other in sides:
            self.invented.setdefault(match_id, (member, other))
            self.tell(member, pb.Event(match=pb.Match(match_id=match_id, reference=reference, other=other, epoch=1)))
        return match_id

    def deliver(self, member: str, match_id: bytes, sender: str, number: int, ciphertext: bytes) -> None:
        """A letter, or what is to pass for one."""
        told = pb.Letter(match_id=match_id, sender=sender, number=number, ciphertext=ciphertext)
        self.tell(member, pb.Event(letter=told))

    # --- what has crossed ---------------------------------------------------------------------------------------------

    def posted(self, member: str = "") -> list[pb.PostLetterRequest]:
        """Every letter that a member, or any, has handed over."""
        return [pb.PostLetterRequest.FromString(raw) for raw in self.between.requests("PostLetter", member)]

    def said(self, member: str) -> list[Proof | Card]:
        """What the member has written in matches that are live for it, read with every key that there is."""
        return [said for each in self.posted(member) if (said := self._read(member, each)) is not None]

    def _read(self, member: str, posted: pb.PostLetterRequest) -> Proof | Card | None:
        node = self.running.nodes[member]
        match = node.store.match(posted.match_id)
        if match is None:
            return None
        receiver = self.running.sandbox.letter_secrets[match.other]
        envelope = letter.take_off_first_lock(posted.ciphertext, receiver)
        keys = node.store.token_keys(match.person, match.epoch)
        header = Header(
            node.covenant.id, match.epoch, keys.token, match.match_id, member, match.other, envelope.number,
            envelope.previous,
        )  # fmt: skip
        content = letter.take_off_second_lock(envelope, header, keys.letter_key, node.member.signing_key)
        said = letter_content.decode(content)
        return said if isinstance(said, Proof | Card) else None

    # --- in the index's place -----------------------------------------------------------------------------------------

    def _watch(self, call: Call) -> Iterator[bytes]:
        """What the real index has, as `change` wants it, then what was invented; one batch, then the end."""
        member = call.caller.id
        request = pb.WatchRequest.FromString(call.request)
        after, request.after = request.after, self._real.get(member, 0)
        for raw in call.forward(request.SerializeToString()):
            batch = pb.EventBatch.FromString(raw)
            for event in batch.events:
                self._real[member] = event.number
                self.tell(member, *self.change(member, event))
            if self._real.get(member, 0) >= batch.newest:
                break
        told = self.told.setdefault(member, [])
        for number, event in enumerate(told, 1):
            told[number - 1] = _numbered(event, number)
        yield pb.EventBatch(events=told[after:], newest=len(told)).SerializeToString()

    def _acknowledge(self, call: Call) -> Iterator[bytes]:
        request = pb.AcknowledgeRequest.FromString(call.request)
        request.up_to = self._real.get(call.caller.id, 0)
        return call.forward(request.SerializeToString())

    def _post(self, call: Call) -> Iterator[bytes]:
        request = pb.PostLetterRequest.FromString(call.request)
        sides = self.invented.get(request.match_id)
        if sides is None:
            yield from honest(call)
            return
        other = sides[0] if sides[1] == call.caller.id else sides[1]
        self.deliver(other, request.match_id, call.caller.id, request.number, request.ciphertext)
        yield pb.PostLetterReply(match_live=True).SerializeToString()


def _numbered(event: pb.Event, number: int) -> pb.Event:
    again = pb.Event()
    again.CopyFrom(event)
    again.number = number
    return again


@contextmanager
def lying(running: Federation) -> Iterator[LyingIndex]:
    """In the index's place for all nodes."""
    with before_the_index(running) as between:
        yield LyingIndex(running, between)


# --- what a test knows of a node --------------------------------------------------------------------------------------


def person(node: Node, bsn: str) -> bytes:
    return node.store.vault.handle("person", BSN, Bsn.parse(bsn).canonical.reveal())


def reference(node: Node, bsn: str) -> bytes:
    """By which the index names the node's row of a person."""
    wanted = person(node, bsn)
    (found,) = [each for handle, _, each in node.store.references() if handle == wanted]
    return found


def put_aside(node: Node) -> list[str]:
    """Why letters were put aside for good, oldest first."""
    return [each["reason"] for each in node.store.unreadable()]


def reported(running: Federation) -> list[dict[str, object]]:
    """What the nodes' logs said of letters that were put aside."""
    return [fields for name, fields in running.logged if name == "letter_put_aside"]


def opens_any(node: Node, envelope: Envelope, sender: str) -> bool:
    """Whether any key that a node has opens a letter's second lock."""
    for handle, epoch, _ in node.store.references():
        keys = node.store.token_keys(handle, epoch)
        header = Header(
            node.covenant.id, epoch, keys.token, envelope.match_id, sender, node.member.id, envelope.number,
            envelope.previous,
        )  # fmt: skip
        try:
            letter.take_off_second_lock(envelope, header, keys.letter_key, node.covenant.member(sender).signing_key)
        except Malformed:
            continue
        return True
    return False
