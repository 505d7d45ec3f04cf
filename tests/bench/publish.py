"""The index taking in publications, as it really runs: one process, mutual TLS, every signature verified, fsync.

Rows per second of wall time, over the slower of the two parts by itself on the same cores: Ed25519 verification (a
process for each core) and SQLite (insert and match, in batches of the same size, on the same disk). And the memory of
the process at 100,000 rows and at 1,000,000. The members sign beforehand, and their queues are emptied between the
rounds, so that neither takes time from what is measured.
"""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import Message
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from raakvlak_protocol import publication
from raakvlak_protocol.party.peer import Remote
from raakvlak_protocol.publication import SIGNATURE_BYTES, Visibility, Write
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.bench.measure import ROUNDS, Result, interleaved, median, peak_megabytes, resident_megabytes, talk
from tests.covenants import Sandbox, make_covenant

MEMBERS: Final = {"school": "education", "town": "municipality", "care": "youth_care", "clinic": "health"}
DESCRIPTOR: Final = pb.DESCRIPTOR.services_by_name["Index"]
EPOCH: Final = 1
ITEMS: Final = 5_000
"""Tokens in a request, as a node sends them."""
SHARED: Final = 10
"""One token in so many stands at another member already."""
FEW_ROWS: Final = 100_000
MANY_ROWS: Final = 1_000_000
SPEED_GOAL: Final = 0.8
SPEED_FLOOR: Final = 0.5
MAX_MEGABYTES: Final = 256.0
FLAT: Final = 0.8
"""Memory is flat while the few rows' share of what the many take is at least this."""
CALL_SECONDS: Final = 120.0
VERIFY_SECONDS: Final = 0.5
CORES: Final = os.cpu_count() or 1

R = TypeVar("R", bound=Message)


def run(*, quick: bool) -> list[Result]:
    """Speed, memory and its growth; `quick` only shows that they can be made."""
    rounds, items, few, many = (1, 200, 1_600, 3_200) if quick else (ROUNDS, ITEMS, FEW_ROWS, MANY_ROWS)
    sandbox = make_covenant(members=MEMBERS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Not forked: gRPC's threads would not survive it.
        processes = stack.enter_context(ProcessPoolExecutor(CORES, mp_context=get_context("spawn")))
        index = stack.enter_context(serving(sandbox, folder))
        members = stack.enter_context(Members(sandbox, index.address, items, processes))
        alone = stack.enter_context(Alone(folder / "alone.db", few, items, processes))
        talk(f"index: to {few:,} rows, {items:,} in a request, {len(MEMBERS)} members at once")
        members.fill(few)
        memory_few = resident_megabytes(index.process.pid)
        talk("index: publishing, against verification alone and SQLite alone")
        measured = interleaved(rounds, alone.slower, members.publish)
        talk(f"index: to {many:,} rows")
        members.fill(many)
        memory_many, peak = resident_megabytes(index.process.pid), peak_megabytes(index.process.pid)
    ratio = memory_few / memory_many
    return [
        median("index: publish", "rows per second", measured, floor=SPEED_FLOOR, goal=SPEED_GOAL),
        Result(f"index: most memory up to {many:,} rows", peak, "MB", MAX_MEGABYTES, MAX_MEGABYTES / peak, 1.0, 1.0),
        Result(f"index: memory at {many:,} rows, at {few:,}", memory_many, "MB", memory_few, ratio, FLAT, 1.0),
    ]


# --- the index's process ----------------------------------------------------------------------------------------------


@dataclass
class Serving:
    process: "subprocess.Popen[str]"
    address: str


@contextmanager
def serving(sandbox: Sandbox, folder: Path) -> Iterator[Serving]:
    """`raakvlak-index serve` from its readiness line until the block ends; everything of it lies below `folder`."""
    own, issued, covenant = folder / "index", folder / "issued.pem", folder / "covenant"
    _command(
        "init", "--folder", str(own), "--covenant", sandbox.payload.id, "--id", sandbox.index.id, "--name", "The index",
        "--key-file", str(folder / "index.key"), "--listen", "127.0.0.1:0", "--log", "127.0.0.1:0",
    )  # fmt: skip
    sandbox.hand_over(own, sandbox.index)
    request = (own / "request.pem").read_bytes()
    issued.write_bytes(sandbox.authority.issue(request, sandbox.index, datetime.now(UTC)))
    covenant.write_bytes(sandbox.file)
    _command(
        "join", "--folder", str(own), "--certificate", str(issued), "--covenant", str(covenant),
        "--pin", sandbox.pin.hex(),
    )  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*_PROGRAM, "serve", "--folder", str(own)], stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        yield Serving(process, json.loads(line)["address"])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _command(*arguments: str) -> None:
    done = subprocess.run([*_PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


_PROGRAM: Final = [sys.executable, "-c", "from raakvlak_index.cli import main; main()"]


# --- the members ------------------------------------------------------------------------------------------------------


class Members:
    """All members of the sandbox, each with its connection and what it publishes next."""

    def __init__(self, sandbox: Sandbox, address: str, items: int, processes: Executor) -> None:
        self._sandbox = sandbox
        self._items = items
        self._processes = processes
        self._remotes = {
            member: Remote(address, DESCRIPTOR, sandbox.credentials(sandbox.member(member)), sandbox.index)
            for member in MEMBERS
        }
        self._threads = ThreadPoolExecutor(len(MEMBERS))
        self._generations: dict[str, int] = {}
        self._fetched = dict.fromkeys(MEMBERS, 0)
        self._rounds = 0

    def __enter__(self) -> "Members":
        request = pb.OpenRequest(covenant_hash=self._sandbox.covenant.hash)
        for member in MEMBERS:
            self._generations[member] = self._call(member, "Open", request, pb.OpenReply).generation
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        for remote in self._remotes.values():
            remote.close()

    def fill(self, rows: int) -> None:
        """Publishes until so many rows stand."""
        while self._rounds * self._items * len(MEMBERS) < rows:
            self.publish()

    def publish(self) -> float:
        """One request of every member, all at once; rows per second of wall time, from the first byte that is sent."""
        requests = self._signed()
        began = time.monotonic()
        replies = list(self._threads.map(self._send, MEMBERS, requests))
        spent = time.monotonic() - began
        assert all(len(reply.references) == self._items and not any(reply.already_there) for reply in replies)
        for member in MEMBERS:
            self._fetch_events(member)
        return self._items * len(MEMBERS) / spent

    def _signed(self) -> list[pb.PublishRequest]:
        """The next request of every member, signed by the processes."""
        self._rounds += 1
        pending = []
        for place, member in enumerate(MEMBERS):
            write = Write(self._sandbox.payload.id, EPOCH, member, self._generations[member], self._rounds)
            pending.append((write, self._processes.submit(sign, numbers(self._rounds, place, self._items), write)))
        return [self._request(write, *signed.result()) for write, signed in pending]

    def _request(self, write: Write, tokens: list[bytes], signatures: list[bytes]) -> pb.PublishRequest:
        statement = publication.publish_statement(write, Visibility.DIRECT, tokens)
        return pb.PublishRequest(
            covenant_hash=self._sandbox.covenant.hash,
            epoch=write.epoch,
            generation=write.generation,
            sequence=write.sequence,
            visibility=pb.DIRECT,
            tokens=tokens,
            token_signatures=signatures,
            member_signature=publication.sign(self._sandbox.signing_seeds[write.member], statement),
        )

    def _send(self, member: str, request: pb.PublishRequest) -> pb.PublishReply:
        return self._call(member, "Publish", request, pb.PublishReply)

    def _fetch_events(self, member: str) -> None:
        """Empties the member's queue, which must hold both sides' matches of the last round."""
        hash, generation, before = self._sandbox.covenant.hash, self._generations[member], self._fetched[member]
        expected = before + (2 * (self._items // SHARED) if self._rounds > 1 else 0)
        request = pb.WatchRequest(covenant_hash=hash, generation=generation, after=before)
        remote = self._remotes[member]
        stream = remote.stream("Watch", request, pb.EventBatch, timeout_seconds=CALL_SECONDS)
        while self._fetched[member] < expected:
            for event in next(stream).events:
                assert event.WhichOneof("what") == "match"
                self._fetched[member] = event.number
        stream.cancel()
        acknowledge = pb.AcknowledgeRequest(covenant_hash=hash, generation=generation, up_to=self._fetched[member])
        assert self._call(member, "Acknowledge", acknowledge, pb.AcknowledgeReply).waiting == 0

    def _call(self, member: str, method: str, request: Message, reply: type[R]) -> R:
        return self._remotes[member].call(method, request, reply, timeout_seconds=CALL_SECONDS)


def numbers(round: int, place: int, items: int) -> list[int]:
    """The numbers of the tokens that a member publishes in a round: new ones, and a few of those that its neighbour
    published in the round before."""
    shared = items // SHARED if round > 1 else 0
    first = (round * len(MEMBERS) + place) * items
    neighbours = ((round - 1) * len(MEMBERS) + (place + 1) % len(MEMBERS)) * items
    return [*range(first + shared, first + items), *range(neighbours + items - shared, neighbours + items)]


def sign(chosen: Sequence[int], write: Write) -> tuple[list[bytes], list[bytes]]:
    """The tokens of these numbers, and their signatures for a direct publication; in a process of its own."""
    statement = publication.token_statement(write, Visibility.DIRECT)
    tokens, signatures = [], []
    for number in chosen:
        token, secret = crypto_sign_seed_keypair(hashlib.sha256(b"bench %d" % number).digest())
        tokens.append(token)
        signatures.append(crypto_sign(statement, secret)[:SIGNATURE_BYTES])
    return tokens, signatures


# --- the two parts, each alone ----------------------------------------------------------------------------------------


class Alone:
    """What of the machine's speed publishing could have at most."""

    def __init__(self, path: Path, rows: int, items: int, processes: Executor) -> None:
        """Makes a database of so many rows, as the index has them when the measuring begins."""
        self._items = items
        self._processes = processes
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._digests: list[bytes] = []
        self._batches = 0
        for _ in range(0, rows, items):
            self._insert(self._next_digests())

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def slower(self) -> float:
        """Rows per second of the slower part."""
        verified, inserted = self.verifications(), self.inserts()
        talk(f"  alone: {verified:,.0f} verifications, {inserted:,.0f} rows inserted and matched a second")
        return min(verified, inserted)

    def verifications(self) -> float:
        """Signatures verified per second by all cores together."""
        return sum(self._processes.map(verify_for, [VERIFY_SECONDS] * CORES))

    def inserts(self) -> float:
        """Rows inserted and matched per second, a transaction for each batch, as many batches as members."""
        batches = [self._next_digests() for _ in MEMBERS]
        began = time.monotonic()
        for each in batches:
            self._insert(each)
        return len(batches) * self._items / (time.monotonic() - began)

    def _next_digests(self) -> list[bytes]:
        """A batch of which one in SHARED stands already."""
        known = self._digests[: self._items // SHARED]
        self._digests = [os.urandom(16) for _ in range(self._items - len(known))]
        return known + self._digests

    def _insert(self, digests: Sequence[bytes]) -> None:
        self._batches += 1
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO given VALUES (?)", [(each,) for each in sorted(digests)])
        # Each batch is a member of its own, so that every row is new.
        for statement in _MATCH_AND_INSERT:
            self._connection.execute(statement, {"member": self._batches})
        self._connection.execute("COMMIT")


_SCHEMA: Final = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 10000;
    CREATE TABLE row (
        digest BLOB, member INTEGER, epoch INTEGER, month INTEGER, visibility INTEGER, PRIMARY KEY (digest, member)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE event (number INTEGER PRIMARY KEY, member INTEGER, other INTEGER, digest BLOB) STRICT;
    CREATE TEMPORARY TABLE given (digest BLOB);
"""
_MATCH_AND_INSERT: Final = (
    "INSERT INTO event (member, other, digest) SELECT member, :member, digest FROM given CROSS JOIN row USING (digest)"
    " UNION ALL SELECT :member, member, digest FROM given CROSS JOIN row USING (digest)",
    "INSERT INTO row SELECT digest, :member, 1, 336, 1 FROM given",
    "DELETE FROM given WHERE :member",
)


def verify_for(seconds: float) -> float:
    """Signatures verified per second by one process."""
    done, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        for token, signed in _signed_statements():
            crypto_sign_open(signed, token)
            done += 1
    return done / (time.monotonic() - began)


@lru_cache
def _signed_statements() -> list[tuple[bytes, bytes]]:
    write = Write("bench", EPOCH, "member", 1, 1)
    statement = publication.token_statement(write, Visibility.DIRECT)
    return [(token, signature + statement) for token, signature in zip(*sign(range(256), write), strict=True)]
