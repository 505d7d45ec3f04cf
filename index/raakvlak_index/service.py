"""The calls of the index: who asks was decided before, here it is verified, written, and told.

Unary calls run in worker threads. A publication's signatures are verified by two more threads, while the one writer
carries out what was verified before; so both cores work and the event loop only moves bytes. Each reply to a write is
made without a look at the matches and goes out after the commit. What the time of an answer tells about a match, its
event tells the caller at the same moment; of a match that is not told to the caller nothing is done before the answer, or
because of it: a sweep finds it later (`mediation`).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from typing import Final, TypeVar

import grpc

from raakvlak_index import index
from raakvlak_index.index import Rules
from raakvlak_index.store import (
    CurrentMatch,
    CurrentMediation,
    Done,
    Event,
    Kind,
    Opening,
    Publication,
    Reader,
    Row,
    Store,
    Waiting,
    Withdrawal,
)
from raakvlak_index.streams import Streams
from raakvlak_index.writer import Writer
from raakvlak_protocol import entry, publication, term
from raakvlak_protocol import receipt as receipts
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, RaakvlakError, Refused, Stale
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.letter import SIZES
from raakvlak_protocol.party import peer
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.publication import MAX_ITEMS, REFERENCE_BYTES, SIGNATURE_BYTES, Visibility, Write
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TOKEN_BYTES
from raakvlak_protocol.v1 import index_pb2 as pb

DESCRIPTOR: Final = pb.DESCRIPTOR.services_by_name["Index"]
MAX_BATCH_EVENTS: Final = 100
MAX_BATCH_BYTES: Final = 2**20
PAGE: Final = 5_000
"""Rows or matches in one message of Inventory and Replay."""
CALL_THREADS: Final = 8
VERIFY_THREADS: Final = 2
READ_THREADS: Final = 2
_VERIFY_TOGETHER: Final = 250
_SMALL: Final = 4_096
_LIMITS: Final = {
    # Two or three bytes of framing for each item, and room for the other fields.
    "Open": _SMALL,
    "Publish": MAX_ITEMS * (TOKEN_BYTES + SIGNATURE_BYTES + 6) + _SMALL,
    "Withdraw": MAX_ITEMS * (REFERENCE_BYTES + 4) + _SMALL,
    "Acknowledge": _SMALL,
    "PostLetter": max(SIZES) + _SMALL,
    "Openings": MAX_ITEMS * (REFERENCE_BYTES + 4) + _SMALL,
}

T = TypeVar("T")


class Readers:
    """Threads that read, each with a connection of its own."""

    def __init__(self, open_reader: Callable[[], Reader]) -> None:
        self._open = open_reader
        self._own = threading.local()
        self._opened: list[Reader] = []
        self._threads = ThreadPoolExecutor(READ_THREADS, "reader")

    async def read(self, query: Callable[[Reader], T]) -> T:
        """What the query returns, without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)

    def wait(self, query: Callable[[Reader], T]) -> T:
        """The same for a thread that may wait."""
        return self._threads.submit(self._run, query).result()

    def close(self) -> None:
        self._threads.shutdown()
        for each in self._opened:
            each.close()

    def _run(self, query: Callable[[Reader], T]) -> T:
        if not hasattr(self._own, "reader"):
            self._own.reader = self._open()
            self._opened.append(self._own.reader)
        return query(self._own.reader)


class QueueAlarm:
    """Logs once when a member's queue passes the alarm, and again only after it was below it."""

    def __init__(self, rules: Rules, log: Log) -> None:
        self._rules = rules
        self._log = log
        self._alarmed: set[str] = set()

    def look(self, member: str, waiting: int) -> None:
        if waiting < self._rules.alarm_at:
            self._alarmed.discard(member)
        elif member not in self._alarmed:
            self._alarmed.add(member)
            self._log("alarm", member=member, waiting=waiting, limit=self._rules.event_cap)


class Service:
    """What nodes may ask. `log_seed` signs receipts; `now` gives the time in UTC, `random` as many bytes as asked.

    `demand_publishing` raises Unavailable while the log can't be published: then no receipt is given.
    """

    def __init__(
        self,
        covenant: Covenant,
        rules: Rules,
        writer: Writer,
        readers: Readers,
        streams: Streams,
        log: Log,
        *,
        log_seed: SecretBytes,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        demand_publishing: Callable[[], None],
    ) -> None:
        self._covenant = covenant
        self._rules = rules
        self._writer = writer
        self._readers = readers
        self._streams = streams
        self._log = log
        self._log_seed = log_seed
        self._clock = now
        self._random = random
        self._demand_publishing = demand_publishing
        self._calls: Executor = ThreadPoolExecutor(CALL_THREADS, "call")
        self._verifiers: Executor = ThreadPoolExecutor(VERIFY_THREADS, "verify")

    def handler(self) -> grpc.GenericRpcHandler:
        """For a grpc.aio server; callers are nodes."""
        return peer.aio_service(
            DESCRIPTOR,
            self._covenant,
            Role.NODE,
            {
                "Open": self.open,
                "Publish": self.publish,
                "Withdraw": self.withdraw,
                "Acknowledge": self.acknowledge,
                "PostLetter": self.post_letter,
                "Openings": self.openings,
            },
            {"Watch": self.watch, "Inventory": self.inventory, "Replay": self.replay},
            self._calls,
            on_error=self._log.error,
            on_refusal=self._refused,
            limits=_LIMITS,
        )

    def close(self) -> None:
        """After the last call."""
        self._calls.shutdown()
        self._verifiers.shutdown()

    # --- writes -------------------------------------------------------------------------------------------------------

    def open(self, caller: Identity, request: pb.OpenRequest) -> pb.OpenReply:
        """Closes older generations of the caller: their streams end with Stale, their writes are refused."""
        now = self._now()
        standing = self._writer.run(lambda store: store.open(caller.id, now))
        self._log("opened", member=caller.id, generation=standing.generation)
        return pb.OpenReply(
            generation=standing.generation,
            last_sequence=standing.sequence,
            last_request_hash=standing.request_hash,
            last_answer=standing.answer,
        )

    def publish(self, caller: Identity, request: pb.PublishRequest) -> pb.PublishReply:
        """All or nothing. Raises Malformed naming the item, NotPermitted, Stale, Refused, or Unavailable while the log
        can't be published, and has changed nothing."""
        now = self._now()
        self._demand_publishing()
        visibility = index.demand_publishable(self._covenant, caller.id, request.visibility, request.epoch, now)
        tokens = list(request.tokens)
        write = Write(self._covenant.id, request.epoch, caller.id, request.generation, request.sequence)
        statement = self._verified_publication(caller, request, write, visibility, tokens)
        keys = self._rules.keys_of(request.epoch)
        digests = keys.digests(tokens)
        references = keys.references(caller.id, digests)
        removal_month = term.removal_month(now, self._covenant.retention_months)

        request_hash = publication.request_hash(statement)
        head = entry.record_head(caller.id, request.epoch, removal_month, visibility)
        salts = self._salts(len(digests))

        def answer(done: Done) -> bytes:
            receipt = self._receipt(write, request_hash, done)
            return pb.PublishReply(
                references=references,
                already_there=done.was_there,
                removal_month=removal_month,
                first_position=receipt.first_position,
                entries_hash=receipt.entries_hash,
                receipt=receipts.sign(receipt, self._log_seed),
            ).SerializeToString()

        verified = Publication(
            caller.id,
            request.epoch,
            request.generation,
            request.sequence,
            request_hash,
            visibility,
            digests,
            removal_month,
            salts,
            [entry.published(salt, head + digest) for salt, digest in zip(salts, digests, strict=True)],
        )
        reply = self._writer.run(lambda store: store.publish(verified, answer, now))
        self._log("published", member=caller.id, epoch=request.epoch, items=len(tokens))
        return pb.PublishReply.FromString(reply)

    def withdraw(self, caller: Identity, request: pb.WithdrawRequest) -> pb.WithdrawReply:
        """All or nothing; of a row that does not stand, `was_there` is false. Raises as `publish` does."""
        now = self._now()
        self._demand_publishing()
        references = list(request.references)
        publication.check_items(references, REFERENCE_BYTES, "reference")
        keys = self._rules.keys_of(request.epoch)
        write = Write(self._covenant.id, request.epoch, caller.id, request.generation, request.sequence)
        statement = publication.withdraw_statement(write, references)
        self._demand_member_signed(caller, statement, request.member_signature)
        request_hash = publication.request_hash(statement)

        def answer(done: Done) -> bytes:
            receipt = self._receipt(write, request_hash, done)
            return pb.WithdrawReply(
                was_there=done.was_there,
                first_position=receipt.first_position,
                entries_hash=receipt.entries_hash,
                receipt=receipts.sign(receipt, self._log_seed),
            ).SerializeToString()

        verified = Withdrawal(
            caller.id,
            request.epoch,
            request.generation,
            request.sequence,
            request_hash,
            keys.referred(caller.id, references),
        )
        reply = self._writer.run(lambda store: store.withdraw(verified, answer, now))
        self._log("withdrawn", member=caller.id, epoch=request.epoch, items=len(references))
        return pb.WithdrawReply.FromString(reply)

    def openings(self, caller: Identity, request: pb.OpeningsRequest) -> pb.OpeningsReply:
        """What opens the leaves of own rows. Of a row that does not stand, the opening is empty."""
        self._now()
        references = list(request.references)
        publication.check_items(references, REFERENCE_BYTES, "reference")
        digests = self._rules.keys_of(request.epoch).referred(caller.id, references)
        reply = pb.OpeningsReply()
        for digest, found in zip(digests, self._readers.wait(_openings(caller.id, digests)), strict=True):
            if found is None:
                reply.openings.add()
                continue
            reply.openings.add(
                position=found.position,
                salt=found.salt,
                digest=digest,
                removal_month=found.removal_month,
                visibility=pb.Visibility.Name(found.visibility),
            )
        return reply

    def acknowledge(self, caller: Identity, request: pb.AcknowledgeRequest) -> pb.AcknowledgeReply:
        now = self._now()
        waiting = self._writer.run(lambda store: store.acknowledge(caller.id, request.generation, request.up_to, now))
        return pb.AcknowledgeReply(waiting=waiting)

    def post_letter(self, caller: Identity, request: pb.PostLetterRequest) -> pb.PostLetterReply:
        now = self._now()
        index.demand_letter(request.match_id, request.number, request.ciphertext)
        index.demand_receiver(self._covenant, caller.id, request.to)
        live = self._writer.run(
            lambda store: store.post(
                caller.id, request.generation, request.match_id, request.to, request.number, request.ciphertext, now
            )
        )
        return pb.PostLetterReply(match_live=live)

    def _receipt(self, write: Write, request_hash: bytes, done: Done) -> Receipt:
        return Receipt(
            self._covenant.id,
            write.member,
            write.epoch,
            write.sequence,
            request_hash,
            done.first_position,
            len(done.leaves),
            receipts.hash_of(done.leaves),
        )

    def _salts(self, count: int) -> list[bytes]:
        drawn = self._random(count * entry.SALT_BYTES)
        return [drawn[place : place + entry.SALT_BYTES] for place in range(0, len(drawn), entry.SALT_BYTES)]

    def _verified_publication(
        self, caller: Identity, request: pb.PublishRequest, write: Write, visibility: Visibility, tokens: list[bytes]
    ) -> bytes:
        """The statement that the member signed, once every signature holds. The form first: it costs nothing."""
        publication.check_items(tokens, TOKEN_BYTES, "token")
        signatures = list(request.token_signatures)
        if len(signatures) != len(tokens):
            raise Malformed(f"there are {len(tokens)} tokens and {len(signatures)} token signatures: the request was cut off")
        statement = publication.publish_statement(write, visibility, tokens)
        chunks = [
            self._verifiers.submit(
                publication.check_tokens,
                tokens[first : first + _VERIFY_TOGETHER],
                signatures[first : first + _VERIFY_TOGETHER],
                write,
                visibility,
                first,
            )
            for first in range(0, len(tokens), _VERIFY_TOGETHER)
        ]
        try:
            for chunk in chunks:
                chunk.result()
        finally:
            for chunk in chunks:
                chunk.cancel()
        self._demand_member_signed(caller, statement, request.member_signature)
        return statement

    def _demand_member_signed(self, caller: Identity, statement: bytes, signature: bytes) -> None:
        if not publication.verified(self._covenant.member(caller.id).signing_key, statement, signature):
            raise Malformed(
                "the member's signature does not hold for this request: an item, their order or a number was changed, "
                "or the node signs with another key than the covenant names",
                field="member_signature",
            )

    # --- streams ------------------------------------------------------------------------------------------------------

    async def watch(self, caller: Identity, request: pb.WatchRequest) -> AsyncIterator[pb.EventBatch]:
        """First what waits, then what comes. Ends with Stale once a newer generation has opened."""
        now = self._now()
        gap = await self._write(lambda store: store.watch(caller.id, request.generation, request.after, now))
        after = request.after
        told: tuple[int, bool] | None = None
        with self._streams.listening(caller.id) as changed:
            while not self._streams.stopping:
                # Before the look, so that what is committed after it wakes us again.
                changed.clear()
                waiting = await self._readers.read(_events(caller.id, after))
                _demand_current(waiting, request.generation)
                replay_needed = gap or waiting.replay_needed > 0
                if waiting.events or told != (waiting.newest, replay_needed):
                    yield pb.EventBatch(
                        events=[_told(each) for each in waiting.events],
                        newest=waiting.newest,
                        replay_needed=replay_needed,
                    )
                    told = (waiting.newest, waiting.replay_needed > 0)
                    gap = False
                after = waiting.events[-1].number if waiting.events else after
                if not waiting.events or after == waiting.newest:
                    await changed.wait()

    async def inventory(self, caller: Identity, request: pb.InventoryRequest) -> AsyncIterator[pb.InventoryBatch]:
        """The caller's own rows; at least one batch."""
        self._now()
        last, rows = b"", None
        while rows is None or len(rows) == PAGE:
            rows = await self._readers.read(_inventory(caller.id, last))
            batch = pb.InventoryBatch()
            for row in rows:
                batch.rows.add(
                    reference=self._rules.keys_of(row.epoch).references(caller.id, [row.digest])[0],
                    epoch=row.epoch,
                    removal_month=row.removal_month,
                    visibility=pb.Visibility.Name(row.visibility),
                )
            last = rows[-1].digest if rows else last
            yield batch

    async def replay(self, caller: Identity, request: pb.ReplayRequest) -> AsyncIterator[pb.ReplayBatch]:
        """The caller's current matches, then those that are before it as a coordinator; at least one batch. What changes
        while it runs comes as an event too."""
        now = self._now()
        needed = await self._write(lambda store: store.begin_replay(caller.id, request.generation, now))
        newest = (await self._readers.read(_events(caller.id, 0))).newest
        last, matches = b"", None
        while matches is None or len(matches) == PAGE:
            matches = await self._readers.read(_matches(caller.id, last))
            batch = pb.ReplayBatch(newest=newest)
            for each in matches:
                batch.matches.add(match_id=each.match_id, reference=each.reference, other=each.other, epoch=each.epoch)
            last = matches[-1].match_id if matches else last
            yield batch
        last = b""
        while mediations := await self._readers.read(_mediations(caller.id, last)):
            told = [_mediation(each.match_id, each.one, each.other, each.references, each.epoch) for each in mediations]
            last = mediations[-1].match_id
            yield pb.ReplayBatch(newest=newest, mediations=told)
        if needed:
            await self._write(lambda store: store.end_replay(caller.id, needed))

    async def _write(self, job: Callable[[Store], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._calls, self._writer.run, job)

    # ------------------------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        """This moment, if the covenant is in force at it."""
        now = self._clock()
        if not self._covenant.valid_from <= now < self._covenant.valid_until:
            raise Refused("the covenant is not in force now: load the version in force")
        return now

    def _refused(self, method: str, caller: Identity | None, error: RaakvlakError) -> None:
        self._log("refused", method=method, member=caller.id if caller else "", kind=type(error).__name__)


def _demand_current(waiting: Waiting, generation: int) -> None:
    if waiting.generation != generation:
        raise Stale(
            f"generation {generation} was closed: another process or copy of this node has opened since",
            generation=waiting.generation,
        )


def _events(member: str, after: int) -> Callable[[Reader], Waiting]:
    return lambda reader: reader.events(member, after, MAX_BATCH_EVENTS, MAX_BATCH_BYTES)


def _inventory(member: str, after: bytes) -> Callable[[Reader], list[Row]]:
    return lambda reader: reader.inventory(member, after, PAGE)


def _matches(member: str, after: bytes) -> Callable[[Reader], list[CurrentMatch]]:
    return lambda reader: reader.matches(member, after, PAGE)


def _mediations(member: str, after: bytes) -> Callable[[Reader], list[CurrentMediation]]:
    return lambda reader: reader.mediations(member, after, PAGE)


def _openings(member: str, digests: Sequence[bytes]) -> Callable[[Reader], list[Opening | None]]:
    return lambda reader: reader.openings(member, digests)


def _told(event: Event) -> pb.Event:
    """As it crosses the wire; a void event has nothing but its number, and is skipped."""
    told = pb.Event(number=event.number)
    match event.kind:
        case Kind.MATCH:
            told.match.match_id, told.match.reference = event.match_id, event.content
            told.match.other, told.match.epoch = event.other, event.epoch
        case Kind.MATCH_ENDED:
            told.match_ended.match_id = event.match_id
        case Kind.LETTER:
            told.letter.match_id, told.letter.sender = event.match_id, event.other
            told.letter.number, told.letter.ciphertext = event.letter, event.content
        case Kind.LETTER_LAPSED:
            told.letter_lapsed.match_id, told.letter_lapsed.number = event.match_id, event.letter
            told.letter_lapsed.to = event.other
        case Kind.MEDIATION:
            told.mediation.CopyFrom(_mediation(event.match_id, event.other, event.another, event.content, event.epoch))
    return told


def _mediation(match_id: bytes, one: str, other: str, references: bytes, epoch: int) -> pb.Mediation:
    """As it crosses the wire, where a reference that is not told is empty; none at all where a side brought the match."""
    first, second = references[:REFERENCE_BYTES], references[REFERENCE_BYTES:]
    return pb.Mediation(
        match_id=match_id,
        one=one,
        other=other,
        one_reference=first if any(first) else b"",
        other_reference=second if any(second) else b"",
        epoch=epoch,
        direct=not references,
    )
