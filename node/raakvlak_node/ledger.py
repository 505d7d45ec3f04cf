"""The ledger of all that leaves this node: a line stands durably in the store before its bytes are sent (DESIGN §6).

Complete by construction: every client of another party is made with `Ledger.sending` as its observer, and asks it before
each request, each attempt anew. So the ledger may say that something left which then did not, and never too little.
What crosses below a request (the TLS handshake with this node's certificate, TCP) has no lines.

The messages lie sealed in the store. A line about a person's token, its reference or the letters of its matches loses
its message in the transaction that forgets the token (`Store.forget_unneeded`); every other one, and whatever is older
than the covenant's retention, when that has passed (`Store.forget_lines`). The chain stays.

A store that was put back from a backup goes on from the lines that it holds: the next export does not continue one that
was made after the backup, and whoever kept that one's head sees it. The node must then say when it was restored.
"""

import hashlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from raakvlak_node.store import LedgerLine, Store
from raakvlak_protocol import ledger
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.encoding import u64
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.ledger import SALT_BYTES, Head, Header, Line
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2

DAY_SECONDS: Final = 86_400
CHUNK_LINES: Final = 1_000


@dataclass(slots=True)
class _Request:
    """One that waits for its lines. Whoever holds the lock writes the lines of all that wait, in one transaction."""

    server: Identity
    path: str
    message: Message | None
    stored: bool = False
    failed: RaakvlakError | None = None


class Ledger:
    """Writes the lines. Threads may share it; while they do, whoever owns the store leaves it alone."""

    def __init__(
        self, store: Store, covenant: Covenant, member: str, clock: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._covenant = covenant
        self._begin = Head.begin(covenant.id, member)
        self._clock = clock
        self._random = random
        self._lock = Lock()
        self._waiting: deque[_Request] = deque()
        self._day = 0
        self._said: set[bytes] = set()

    def sending(self, server: Identity, path: str, message: Message | None) -> None:
        """Returns when the request's lines are durable. `message` is None for a request without a body.

        Raises Unavailable or Refused, and the request must not be sent, where they can't be stored.
        """
        own = _Request(server, path, message)
        self._waiting.append(own)
        with self._lock:
            if not own.stored and own.failed is None:
                self._store_waiting()
        if own.failed is not None:
            raise own.failed

    def _store_waiting(self) -> None:
        requests = [self._waiting.popleft() for _ in range(len(self._waiting))]
        failed: RaakvlakError | None = None
        try:
            self._append(requests)
        except RaakvlakError as error:
            failed = error
        except sqlite3.Error as error:
            failed = Unavailable(f"the ledger can't be written, so that nothing is sent: {error}")
        except BaseException:
            failed = Refused("the ledger could not be written, so that nothing was sent")
            raise
        finally:
            for each in requests:
                each.stored, each.failed = failed is None, failed

    def _append(self, requests: Sequence[_Request]) -> None:
        now = int(self._clock().timestamp())
        if now // DAY_SECONDS != self._day:
            self._day, self._said = now // DAY_SECONDS, set()
        said: set[bytes] = set()
        messages: list[tuple[ledger.Message, bytes | None]] = []
        for each in requests:
            found = self._messages(each, now)
            if isinstance(found[0][0], ledger.Call):
                mark = _mark(each)
                if mark in self._said or mark in said:
                    continue
                said.add(mark)
            messages += found
        if messages:
            self._write(messages, now)
        self._said |= said

    def _write(self, messages: Sequence[tuple[ledger.Message, bytes | None]], now: int) -> None:
        if self._store.in_transaction:
            raise Refused("a request can't leave from within a transaction: its lines would not be durable yet")
        with self._store.transaction():
            head = self._store.ledger_head() or self._begin
            lines = []
            for message, person in messages:
                raw, salt = message.encode(), self._random(SALT_BYTES)
                commitment = ledger.commitment(salt, raw)
                head = head.then(commitment)
                sealed = self._store.vault.seal(salt + raw, "ledger", u64(head.lines))
                lines.append(LedgerLine(head.lines, head.hash, commitment, now, person, sealed))
            self._store.add_lines(lines)

    def _messages(self, each: _Request, now: int) -> list[tuple[ledger.Message, bytes | None]]:
        """What the lines of one request say, each with the person whom it is about, where it is about one."""
        match each.message:
            case index_pb2.PublishRequest() as request:
                return self._published(request, now)
            case index_pb2.WithdrawRequest() as request:
                return [
                    (
                        ledger.Withdrawal(now, request.epoch, request.generation, request.sequence, reference),
                        self._store.person_of(reference, request.epoch),
                    )
                    for reference in request.references
                ]
            case index_pb2.PostLetterRequest() as request:
                match = self._store.match(request.match_id)
                size, hash = len(request.ciphertext), hashlib.sha256(request.ciphertext).digest()
                posting = ledger.Posting(now, request.generation, request.match_id, request.to, request.number, size, hash)
                return [(posting, None if match is None else match.person)]
            case keyholder_pb2.EvaluateRequest() as request:
                elements = request.blinded_elements
                hash = ledger.evaluation_hash(self._covenant.id, request.namespace, request.epoch, elements)
                count = len(elements)
                return [(ledger.Evaluation(now, each.server.id, request.namespace, request.epoch, count, hash), None)]
            case _:
                size = 0 if each.message is None else each.message.ByteSize()
                server = each.server
                return [(ledger.Call(now, server.role, server.id, each.path, size, _numbers(each.message)), None)]

    def _published(self, request: index_pb2.PublishRequest, now: int) -> list[tuple[ledger.Message, bytes | None]]:
        """The write in flight says which person each token stands for; without it no message could be erased later."""
        write = self._store.in_flight()
        stored = write is not None and (write.kind, write.sequence, len(write.items))
        if write is None or stored != ("publish", request.sequence, len(request.tokens)):
            raise Refused("a publication that the store does not hold as in flight can't leave")
        return [
            (
                ledger.Publication(now, request.epoch, request.generation, request.sequence, int(request.visibility), token),
                person,
            )
            for token, person in zip(request.tokens, write.items, strict=True)
        ]


def _numbers(message: Message | None) -> tuple[tuple[int, int], ...]:
    """The fields of a request as numbers (PROTOCOL §13): nothing of what they hold but integers."""
    if message is None:
        return ()
    found: list[tuple[int, int]] = []
    for field, value in message.ListFields():
        found.append((field.number, _number(field, value)))
    return tuple(sorted(found))


def _number(field: FieldDescriptor, value: object) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Message):
        return value.ByteSize()
    return len(value)  # type: ignore[arg-type]  # bytes, or a repeated field


def _mark(each: _Request) -> bytes:
    raw = b"" if each.message is None else each.message.SerializeToString()
    return hashlib.sha256(f"{each.server.uri} {each.path} ".encode() + raw).digest()


# --- for the officer --------------------------------------------------------------------------------------------------


def export(
    store: Store, covenant: Covenant, member: str, signing_seed: SecretBytes, now: datetime
) -> Iterator[dict[str, object]]:
    """The records of an export, the header first: `ledger.encode_record` makes the file's lines of them.

    JSON lines, ASCII, no spaces (PROTOCOL §13):

        {"format": "raakvlak-ledger/1", "covenant", "member", "covenant_hash", "exported", "lines", "head", "signature"}
        {"line", "hash", "commitment", "salt", "message"}   for each line; without the last two where they were erased

    Bytes are hex; `exported` is Unix seconds; `lines` counts them, `head` is the last one's hash. Lines that are added
    meanwhile are left for the next export. Raises Refused naming the first line that does not open.
    """
    head = store.ledger_head() or Head.begin(covenant.id, member)
    yield Header(covenant.id, member, covenant.hash, int(now.timestamp()), head).signed(signing_seed).record()
    yield from (line.record() for line in _lines(store, head.lines))


def check(store: Store, covenant: Covenant, member: str, signing_seed: SecretBytes, now: datetime) -> Iterator[Line]:
    """The lines as they are recomputed from the store. Raises RaakvlakError naming the first wrong one; the ledger is
    whole when the last one has been taken."""
    signing_key = covenant.member(member).signing_key
    return ledger.verify(export(store, covenant, member, signing_seed, now), covenant.id, member, signing_key)


def _lines(store: Store, last: int) -> Iterator[Line]:
    for first in range(1, last + 1, CHUNK_LINES):
        for line in store.ledger_lines(first, min(first + CHUNK_LINES - 1, last)):
            yield opened(store, line)


def opened(store: Store, line: LedgerLine) -> Line:
    """The line with its salt and message, where these were not erased; raises Refused where it does not open."""
    found = Line(line.number, line.hash, line.commitment)
    if line.sealed is None:
        return found
    try:
        raw = store.vault.open(line.sealed, "ledger", u64(line.number)).reveal()
    except Refused as error:
        raise Refused(f"line {line.number} of the ledger: {error.message}") from None
    return replace(found, salt=raw[:SALT_BYTES], message=raw[SALT_BYTES:])
