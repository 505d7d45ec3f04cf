"""What a node writes to the index, so that it is carried out exactly once (DESIGN §4).

Each write has the next sequence of this member. It is stored before it is sent; whatever becomes of the answer, the
index's next Open tells the last sequence and the last answer, and from these it is certain whether the write was done.

With each answer comes a receipt: the index's promise, signed by its log, which leaves stand where (`prove` sees to it that
they do). A receipt that does not hold rings an alarm and stops nothing else: the write was carried out all the same.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from raakvlak_node.alarm import Alarms
from raakvlak_node.promises import Promises
from raakvlak_node.store import InFlight, Store
from raakvlak_protocol import entry, publication
from raakvlak_protocol import receipt as receipts
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Malformed, Refused
from raakvlak_protocol.evidence import BadReceipt
from raakvlak_protocol.merkle import HASH_BYTES
from raakvlak_protocol.party.peer import Remote, Stream
from raakvlak_protocol.publication import REFERENCE_BYTES, SIGNATURE_BYTES, Visibility, Write
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import removal_month
from raakvlak_protocol.v1 import index_pb2 as pb

CALL_SECONDS: Final = 60.0
STREAM_SECONDS: Final = 600.0
CHUNK_ITEMS: Final = 5_000
UNKNOWN_ROWS: Final = "unknown_rows"
"""The remark that says that rows may stand at the index of which this store knows no reference."""
MAX_NUMBER: Final = 2**63 - 1
"""The largest number that the store can keep; no series of one a write or event comes near it."""

M = TypeVar("M", bound=Message)


class Publisher:
    """The node's side of the index. After any failed call, `open` before the next write."""

    def __init__(
        self,
        store: Store,
        covenant: Covenant,
        member: str,
        signing_seed: SecretBytes,
        index: Remote,
        clock: Callable[[], datetime],
        promises: Promises,
        alarms: Alarms,
    ) -> None:
        self._store = store
        self._promises = promises
        self._alarms = alarms
        self._covenant = covenant
        self._member = member
        self._seed = signing_seed
        self._index = index
        self._clock = clock
        self._generation = 0
        self.last_sequence = 0
        """What the index said at Open was this member's last write."""

    def call(self, method: str, request: Message, reply: type[M]) -> M:
        return self._index.call(method, request, reply, timeout_seconds=CALL_SECONDS)

    def stream(self, method: str, request: Message, reply: type[M]) -> Stream[M]:
        return self._index.stream(method, request, reply, timeout_seconds=STREAM_SECONDS)

    def watch(self, after: int, timeout_seconds: float | None = None) -> Stream[pb.EventBatch]:
        """The events behind `after`, without an end."""
        request = pb.WatchRequest(covenant_hash=self._covenant.hash, generation=self._generation, after=after)
        return self._index.stream("Watch", request, pb.EventBatch, timeout_seconds=timeout_seconds)

    @property
    def generation(self) -> int:
        return self._generation

    def open(self) -> None:
        """Begins a generation and settles the write that was in flight, if there was one.

        Raises Refused, and marks the store as one that a person must reconcile, when index and node disagree on what
        was written: one of the two was restored from a backup, or another copy of this node is at work.
        """
        reply = self.call("Open", pb.OpenRequest(covenant_hash=self._covenant.hash), pb.OpenReply)
        if max(reply.generation, reply.last_sequence) > MAX_NUMBER:
            raise self._evidence("told a number at Open that no series reaches")
        self._generation = reply.generation
        self.last_sequence = reply.last_sequence
        pending = self._store.in_flight()
        if pending and reply.last_sequence == pending.sequence and reply.last_request_hash == pending.request_hash:
            self._settle(pending, reply.last_answer)
        elif pending and reply.last_sequence == pending.sequence and not reply.last_request_hash:
            # Carried out days ago: the index has destroyed how it answered, so that nothing leads back to rows that are
            # gone. So nobody can say by which references what it published stands, which may be wanted no more, or not so.
            with self._store.transaction():
                self._store.set_number("last_sequence", pending.sequence)
                self._store.drop_write()
                self._store.set_remark(UNKNOWN_ROWS, "yes" if pending.kind == "publish" else "")
        elif pending and reply.last_sequence == pending.sequence - 1:
            # It never arrived: what it held is still to be published or withdrawn, and will be signed anew.
            self._store.drop_write()
        elif pending or reply.last_sequence != self._store.number("last_sequence"):
            self._store.set_remark(
                "reconcile",
                f"the index's last write of this node is {reply.last_sequence}, the store's {self._last_sequence()}",
            )
        self.demand_reconciled()
        if self._store.remark(UNKNOWN_ROWS):
            self._withdraw_unknown()

    def _withdraw_unknown(self) -> None:
        """Withdraws what stands at the index and this store knows nothing of; what is wanted of it is published anew."""
        request = pb.InventoryRequest(covenant_hash=self._covenant.hash)
        known = {reference for _, _, reference in self._store.references()}
        unknown: dict[int, list[bytes]] = defaultdict(list)
        for batch in self.stream("Inventory", request, pb.InventoryBatch):
            for row in batch.rows:
                if row.reference not in known:
                    unknown[row.epoch].append(row.reference)
        for epoch, references in unknown.items():
            for place in range(0, len(references), CHUNK_ITEMS):
                self.withdraw(references[place : place + CHUNK_ITEMS], epoch)
        self._store.set_remark(UNKNOWN_ROWS, "")

    def demand_reconciled(self) -> None:
        """Returns when a person need not look first."""
        reason = self._store.remark("reconcile")
        if reason:
            raise Refused(
                f"nothing is published until a person has reconciled this node with the index: {reason}; "
                "run 'raakvlak-node reconcile --dry-run' to see what differs, then 'raakvlak-node reconcile'"
            )

    def _last_sequence(self) -> int:
        return self._store.number("last_sequence")

    def _write(self, epoch: int) -> Write:
        return Write(self._covenant.id, epoch, self._member, self._generation, self._last_sequence() + 1)

    def publish(self, persons: Sequence[bytes], epoch: int, visibility: Visibility) -> None:
        """Publishes the tokens of 1 to CHUNK_ITEMS persons with one visibility, all or none."""
        keys = [self._store.token_keys(person, epoch) for person in persons]
        write = self._write(epoch)
        tokens = [each.token.reveal() for each in keys]
        statement = publication.publish_statement(write, visibility, tokens)
        request = pb.PublishRequest(
            covenant_hash=self._covenant.hash,
            epoch=epoch,
            generation=write.generation,
            sequence=write.sequence,
            visibility=pb.Visibility.Name(visibility),
            tokens=tokens,
            token_signatures=publication.sign_tokens(keys, write, visibility),
            member_signature=publication.sign(self._seed, statement),
        )
        in_flight = self._begin("publish", write, statement, persons, visibility)
        self._finish_publish(in_flight, self.call("Publish", request, pb.PublishReply), fresh=True)

    def withdraw(self, references: Sequence[bytes], epoch: int) -> None:
        """Withdraws 1 to CHUNK_ITEMS own rows, all or none. Needs no token."""
        write = self._write(epoch)
        statement = publication.withdraw_statement(write, references)
        request = pb.WithdrawRequest(
            covenant_hash=self._covenant.hash,
            epoch=epoch,
            generation=write.generation,
            sequence=write.sequence,
            references=references,
            member_signature=publication.sign(self._seed, statement),
        )
        in_flight = self._begin("withdraw", write, statement, references)
        self._finish_withdraw(in_flight, self.call("Withdraw", request, pb.WithdrawReply))

    def _begin(
        self,
        kind: str,
        write: Write,
        statement: bytes,
        items: Sequence[bytes],
        visibility: Visibility = Visibility.DIRECT,
    ) -> InFlight:
        in_flight = InFlight(
            kind,
            write.epoch,
            write.generation,
            write.sequence,
            publication.request_hash(statement),
            tuple(items),
            visibility,
        )
        # If we were to crash after this, Open tells whether the index did it.
        self._store.begin_write(in_flight)
        return in_flight

    def _settle(self, pending: InFlight, answer: bytes) -> None:
        try:
            if pending.kind == "withdraw":
                self._finish_withdraw(pending, pb.WithdrawReply.FromString(answer))
            else:
                self._finish_publish(pending, pb.PublishReply.FromString(answer), fresh=False)
        except DecodeError:
            raise Malformed("the index's last answer is not readable") from None

    def _finish_publish(self, write: InFlight, reply: pb.PublishReply, *, fresh: bool) -> None:
        references = list(reply.references)
        # A month of margin, for clocks that differ. An answer of long ago may speak of rows that are gone by now.
        expected = removal_month(self._clock(), self._covenant.retention_months)
        if reply.removal_month > expected + 1 or (fresh and reply.removal_month < expected - 1):
            raise self._evidence("removes rows in another month than the covenant says")
        if len(references) != len(write.items) or any(len(each) != REFERENCE_BYTES for each in references):
            raise self._evidence("answered a publication with other references than one for each token")
        if len(set(references)) != len(references) or any(map(self._names_another, references, write.items)):
            raise self._evidence("answered a publication with one reference for two tokens")
        is_new = [not there for there in reply.already_there] if len(reply.already_there) == len(references) else []
        receipt = self._receipt(write, reply, sum(is_new))
        now = int(self._clock().timestamp())
        with self._store.transaction():
            self._store.finish_publish(write, references, reply.removal_month)
            positions: list[int | None] = [None] * len(references)
            if self._holds(receipt, reply.receipt, [] if is_new and not receipt.count else None, complete=bool(is_new)):
                self._promises.keep(receipt, reply.receipt, reply.removal_month, now)
                promised = iter(range(receipt.first_position, receipt.first_position + receipt.count))
                positions = [next(promised) if new else None for new in is_new]
            self._promises.stand(write, positions, now)

    def _finish_withdraw(self, write: InFlight, reply: pb.WithdrawReply) -> None:
        """The rows are gone, whatever comes with the answer. What is promised is compared with the positions of these
        rows, where all are known; a row that this store never had, as after a restore, has none."""
        complete = len(reply.was_there) == len(write.items)
        removed = [item for item, there in zip(write.items, reply.was_there, strict=False) if there]
        receipt = self._receipt(write, reply, len(removed))
        known = [self._promises.position_of(item, write.epoch) for item in removed]
        positions = [each for each in known if each is not None]
        with self._store.transaction():
            self._store.finish_withdraw(write)
            if self._holds(receipt, reply.receipt, positions if len(positions) == len(known) else None, complete=complete):
                self._promises.keep(receipt, reply.receipt, None, int(self._clock().timestamp()))

    def _receipt(self, write: InFlight, reply: pb.PublishReply | pb.WithdrawReply, count: int) -> Receipt:
        """What the index must have signed, with the positions and leaves that it names."""
        return Receipt(
            self._covenant.id,
            self._member,
            write.epoch,
            write.sequence,
            write.request_hash,
            min(reply.first_position, MAX_NUMBER),
            count,
            # What is too long stays wrong, and finds room in a file of evidence.
            reply.entries_hash[: HASH_BYTES + 1],
        )

    def _holds(self, receipt: Receipt, signature: bytes, removed: Sequence[int] | None, *, complete: bool) -> bool:
        """Whether the receipt is the log's promise of this; rings the alarm where it is not. `removed` are the positions
        whose removals alone it may promise, None where that is not known; `complete` says whether the answer spoke of
        every item."""
        expected = None if removed is None else receipts.hash_of([entry.removed(each) for each in removed])
        try:
            if not complete or receipt.first_position + receipt.count > MAX_NUMBER:
                raise self._evidence("answered a write with more or fewer items than it had, or a position that no log reaches")
            receipts.verify(receipt, signature, self._covenant.log_key)
            if expected not in (None, receipt.entries_hash):
                raise self._evidence("promises to log other removals than it was asked for")
        except Evidence as error:
            document = BadReceipt(receipt, signature[: SIGNATURE_BYTES + 1], tuple(removed or ()))
            self._alarms.ring(error.message, document, self._clock())
            return False
        return True

    def _names_another(self, reference: bytes, person: bytes) -> bool:
        """Whether a row of someone else goes by this reference already."""
        holders = (self._store.person_of(reference, epoch) for epoch in self._covenant.epochs)
        return any(holder not in (None, person) for holder in holders)

    def _evidence(self, what: str) -> Evidence:
        return Evidence(f"the index {what}", party=self._covenant.index.id)
