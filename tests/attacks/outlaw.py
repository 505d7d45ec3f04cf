"""A member with software of its own, or whoever stole its keys: every field of a write is its to choose."""

import hmac
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from raakvlak_protocol import publication
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token, TokenKeys
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.covenants import Sandbox, public_key
from tests.party.servers import INDEX, remote

SECONDS = 20.0


class Outlaw:
    """Speaks to the index as a member does; signs what it likes, and may send what others signed."""

    def __init__(self, sandbox: Sandbox, member: str, index: Remote) -> None:
        self.sandbox = sandbox
        self.member = member
        self.seed = sandbox.signing_seeds[member]
        self.generation = 0
        self.sequence = 0
        self._index = index

    def open(self) -> pb.OpenReply:
        """Begins a generation and learns the last sequence."""
        request = pb.OpenRequest(covenant_hash=self.sandbox.covenant.hash)
        reply = self._index.call("Open", request, pb.OpenReply, timeout_seconds=SECONDS)
        self.generation, self.sequence = reply.generation, reply.last_sequence
        return reply

    def write(self, *, epoch: int = 1, generation: int | None = None, sequence: int | None = None) -> Write:
        """The next write, but for what is said to be otherwise."""
        return Write(
            self.sandbox.payload.id,
            epoch,
            self.member,
            self.generation if generation is None else generation,
            self.sequence + 1 if sequence is None else sequence,
        )

    def publication(
        self, keys: Sequence[TokenKeys], write: Write | None = None, visibility: Visibility = Visibility.DIRECT
    ) -> pb.PublishRequest:
        """A request as an honest member makes it."""
        write = write or self.write()
        tokens = [each.token.reveal() for each in keys]
        return pb.PublishRequest(
            covenant_hash=self.sandbox.covenant.hash,
            epoch=write.epoch,
            generation=write.generation,
            sequence=write.sequence,
            visibility=pb.Visibility.Name(visibility),
            tokens=tokens,
            token_signatures=publication.sign_tokens(keys, write, visibility),
            member_signature=self.signed(write, tokens, visibility),
        )

    def signed(self, write: Write, tokens: Sequence[bytes], visibility: Visibility = Visibility.DIRECT) -> bytes:
        """The member's signature under whatever it wants to publish."""
        return publication.sign(self.seed, publication.publish_statement(write, visibility, tokens))

    def withdrawal(self, references: Sequence[bytes], write: Write | None = None) -> pb.WithdrawRequest:
        write = write or self.write()
        return pb.WithdrawRequest(
            covenant_hash=self.sandbox.covenant.hash,
            epoch=write.epoch,
            generation=write.generation,
            sequence=write.sequence,
            references=references,
            member_signature=publication.sign(self.seed, publication.withdraw_statement(write, references)),
        )

    def publish(self, request: pb.PublishRequest) -> pb.PublishReply:
        reply = self._index.call("Publish", request, pb.PublishReply, timeout_seconds=SECONDS)
        self.sequence = request.sequence
        return reply

    def withdraw(self, request: pb.WithdrawRequest) -> pb.WithdrawReply:
        reply = self._index.call("Withdraw", request, pb.WithdrawReply, timeout_seconds=SECONDS)
        self.sequence = request.sequence
        return reply

    def post(self, match_id: bytes, number: int, ciphertext: bytes) -> bool:
        """Whether the index says that the match is live."""
        request = pb.PostLetterRequest(
            covenant_hash=self.sandbox.covenant.hash,
            generation=self.generation,
            match_id=match_id,
            number=number,
            ciphertext=ciphertext,
        )
        return self._index.call("PostLetter", request, pb.PostLetterReply, timeout_seconds=SECONDS).match_live


@contextmanager
def outlaw(sandbox: Sandbox, member: str, index: str) -> Iterator[Outlaw]:
    """One that has opened its generation at the index of this address."""
    own = sandbox.credentials(sandbox.member(member))
    with remote(sandbox, index, credentials=own, server=sandbox.index, descriptor=INDEX) as client:
        acting = Outlaw(sandbox, member, client)
        acting.open()
        yield acting


def seeded(seed: bytes) -> TokenKeys:
    """A key pair from 32 bytes of anybody's choice, in a token's place."""
    secret = SecretBytes(seed)
    return TokenKeys(Token(public_key(secret)), secret, SecretBytes(os.urandom(32)))


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a store holds, by table."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(store.execute(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608


def digest(pepper: bytes, token: bytes) -> bytes:
    """Under what a token's rows are kept (PROTOCOL §5.4), for whoever has the pepper."""
    return hmac.digest(pepper, b"row" + token, "sha256")[:16]
