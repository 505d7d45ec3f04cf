"""Members that call a real index over mutual TLS, each with its own keys and numbers."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from raakvlak_protocol import publication, token
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TokenKeys
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.covenants import Sandbox
from tests.federation import Clock, IndexThreads

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["Index"]
SECONDS = 20.0
EPOCH = 1

Change = Callable[[pb.PublishRequest], object]


def person(name: str) -> TokenKeys:
    """What the VOPRF would give for an invented person."""
    return token.expand(SecretBytes(hashlib.sha512(name.encode()).digest()))


def persons(*names: str) -> list[TokenKeys]:
    return [person(name) for name in names]


class Member:
    """A node as the index sees it. `change` breaks a request after it was signed."""

    def __init__(self, sandbox: Sandbox, id: str, address: str) -> None:
        self.sandbox = sandbox
        self.id = id
        self.generation = 0
        self.sequence = 0
        self.hash = sandbox.covenant.hash
        self.remote = Remote(address, DESCRIPTOR, sandbox.credentials(sandbox.member(id)), sandbox.index)

    def open(self) -> pb.OpenReply:
        reply = self.remote.call("Open", pb.OpenRequest(covenant_hash=self.hash), pb.OpenReply, timeout_seconds=SECONDS)
        self.generation, self.sequence = reply.generation, reply.last_sequence
        return reply

    def signed(
        self,
        people: Sequence[TokenKeys],
        *,
        visibility: Visibility = Visibility.DIRECT,
        sequence: int = 0,
        generation: int = 0,
        epoch: int = EPOCH,
    ) -> pb.PublishRequest:
        """The next publication, or one of other numbers, in which everything holds together."""
        write = Write(self.sandbox.payload.id, epoch, self.id, generation or self.generation, sequence or self.sequence + 1)
        tokens = [each.token.reveal() for each in people]
        statement = publication.publish_statement(write, visibility, tokens)
        return pb.PublishRequest(
            covenant_hash=self.hash,
            epoch=epoch,
            generation=write.generation,
            sequence=write.sequence,
            visibility=pb.Visibility.Name(visibility),
            tokens=tokens,
            token_signatures=publication.sign_tokens(people, write, visibility),
            member_signature=publication.sign(self.sandbox.signing_seeds[self.id], statement),
        )

    def sign_again(self, request: pb.PublishRequest) -> None:
        """The member's own signature over what a test has put into the request."""
        write = Write(self.sandbox.payload.id, request.epoch, self.id, request.generation, request.sequence)
        statement = publication.publish_statement(write, Visibility(request.visibility), list(request.tokens))
        request.member_signature = publication.sign(self.sandbox.signing_seeds[self.id], statement)

    def send(self, request: pb.PublishRequest) -> pb.PublishReply:
        reply = self.remote.call("Publish", request, pb.PublishReply, timeout_seconds=SECONDS)
        self.sequence = request.sequence
        return reply

    def publish(self, *names: str, visibility: Visibility = Visibility.DIRECT) -> pb.PublishReply:
        return self.send(self.signed(persons(*names), visibility=visibility))

    def withdraw(self, references: Sequence[bytes]) -> list[bool]:
        write = Write(self.sandbox.payload.id, EPOCH, self.id, self.generation, self.sequence + 1)
        statement = publication.withdraw_statement(write, references)
        request = pb.WithdrawRequest(
            covenant_hash=self.hash,
            epoch=EPOCH,
            generation=write.generation,
            sequence=write.sequence,
            references=references,
            member_signature=publication.sign(self.sandbox.signing_seeds[self.id], statement),
        )
        reply = self.remote.call("Withdraw", request, pb.WithdrawReply, timeout_seconds=SECONDS)
        self.sequence += 1
        return list(reply.was_there)

    @contextmanager
    def watching(self, after: int = 0) -> Iterator[Iterator[pb.EventBatch]]:
        request = pb.WatchRequest(covenant_hash=self.hash, generation=self.generation, after=after)
        stream = self.remote.stream("Watch", request, pb.EventBatch, timeout_seconds=SECONDS)
        try:
            yield stream
        finally:
            stream.cancel()

    def batches(self, after: int = 0) -> list[pb.EventBatch]:
        """What waits, until the index says that it is all."""
        found = []
        with self.watching(after) as stream:
            for batch in stream:
                found.append(batch)
                last = batch.events[-1].number if batch.events else after
                if last >= batch.newest:
                    break
                after = last
        return found

    def events(self, after: int = 0) -> list[pb.Event]:
        return [event for batch in self.batches(after) for event in batch.events]

    def kinds(self, after: int = 0) -> list[str | None]:
        return [event.WhichOneof("what") for event in self.events(after)]

    def matches(self) -> list[pb.Match]:
        return [event.match for event in self.events() if event.HasField("match")]

    def acknowledge(self, up_to: int) -> int:
        request = pb.AcknowledgeRequest(covenant_hash=self.hash, generation=self.generation, up_to=up_to)
        return int(self.remote.call("Acknowledge", request, pb.AcknowledgeReply, timeout_seconds=SECONDS).waiting)

    def mediations(self) -> list[pb.Mediation]:
        return [event.mediation for event in self.events() if event.HasField("mediation")]

    def post(self, match_id: bytes, number: int = 1, ciphertext: bytes = bytes(1024), *, to: str = "") -> bool:
        request = pb.PostLetterRequest(
            covenant_hash=self.hash,
            generation=self.generation,
            match_id=match_id,
            number=number,
            ciphertext=ciphertext,
            to=to,
        )
        reply = self.remote.call("PostLetter", request, pb.PostLetterReply, timeout_seconds=SECONDS)
        return bool(reply.match_live)

    def inventory(self) -> list[pb.InventoryRow]:
        request = pb.InventoryRequest(covenant_hash=self.hash)
        stream = self.remote.stream("Inventory", request, pb.InventoryBatch, timeout_seconds=SECONDS)
        return [row for batch in stream for row in batch.rows]

    def replay(self) -> list[pb.Match]:
        request = pb.ReplayRequest(covenant_hash=self.hash, generation=self.generation)
        stream = self.remote.stream("Replay", request, pb.ReplayBatch, timeout_seconds=SECONDS)
        return [match for batch in stream for match in batch.matches]

    def before(self) -> list[pb.Mediation]:
        """What is before this coordinator now, by a replay."""
        request = pb.ReplayRequest(covenant_hash=self.hash, generation=self.generation)
        stream = self.remote.stream("Replay", request, pb.ReplayBatch, timeout_seconds=SECONDS)
        return [each for batch in stream for each in batch.mediations]


class House:
    """An index that runs, and the members that have opened it."""

    def __init__(
        self, sandbox: Sandbox, folder: Path, *, event_cap: int = 100_000, peppers: Mapping[int, bytes] | None = None
    ) -> None:
        self.sandbox = sandbox
        self.clock = Clock()
        self.index = IndexThreads(sandbox, folder, self.clock, event_cap=event_cap, peppers=peppers)
        self._members: dict[str, Member] = {}

    def member(self, id: str) -> Member:
        """The member with the one connection that it keeps; opened."""
        if id not in self._members:
            self._members[id] = Member(self.sandbox, id, self.index.address)
            self._members[id].open()
        return self._members[id]

    def mediate(self) -> None:
        """Tells coordinators what only they may hear, as the index does every quarter hour."""
        self.index.running.mediate()

    def stop(self) -> None:
        for each in self._members.values():
            each.remote.close()
        self.index.stop()


@contextmanager
def house(
    sandbox: Sandbox, folder: Path, *, event_cap: int = 100_000, peppers: Mapping[int, bytes] | None = None
) -> Iterator[House]:
    """With the peppers of one that was stopped, over the same folder, it goes on."""
    running = House(sandbox, folder, event_cap=event_cap, peppers=peppers)
    try:
        yield running
    finally:
        running.stop()
