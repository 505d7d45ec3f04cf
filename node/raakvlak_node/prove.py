"""Proving: that every own publication and removal stands in the log as promised, under a checkpoint that goes on from the
one trusted last and is cosigned as the covenant asks (DESIGN §6).

Of each own row the index is asked what opens its leaf; the leaf is computed from that and from what this node published,
and must be the one at that position. Of each receipt the leaves at its positions must be the promised ones; so a row
that was withdrawn before it was proven is proven too, and a removal needs nothing else. What lies beyond the trusted
size waits. The log is also read on from where the last look ended: no own row may have been removed there that this node
had neither withdrawn nor let lapse. What a node can't see is whether the digest in its row's leaf is that of its own
token: only the index has the pepper. A row of which it gives another's digest never meets its match, which is what
canaries are for.

    Unavailable, Malformed, Refused    the log is behind, out of reach or unreadable: it waits; from the third day on a
                                       person is told, and publishing goes on. A receipt whose positions the log does
                                       not reach for so long is told in the same way: it is late, and not a lie yet
    Evidence                           an alarm: publishing stops, the evidence is kept (`alarm`)

Salts are forgotten as soon as they were used: the store keeps a position and that it is proven.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from raakvlak_node.alarm import Alarms
from raakvlak_node.node import Node
from raakvlak_node.promises import SEEN, TROUBLE, TRUSTED, OwnRow, Promise, Promises
from raakvlak_node.publish import CHUNK_ITEMS, MAX_NUMBER, Publisher
from raakvlak_protocol import covenant as covenants
from raakvlak_protocol import entry, evidence, follow
from raakvlak_protocol import receipt as receipts
from raakvlak_protocol.errors import Evidence, Malformed, Refused, Unavailable
from raakvlak_protocol.evidence import Document, Expected, Opening, RemovedUnasked, Unverifiable, WrongOpening
from raakvlak_protocol.follow import Behind, Fetch, Followed, Signed
from raakvlak_protocol.note import MAX_NOTE_BYTES
from raakvlak_protocol.party.web import Missing, Site
from raakvlak_protocol.term import month_of, removal_month
from raakvlak_protocol.tile import MAX_TILE_BYTES, TILE_WIDTH, TiledLog, verified_entries
from raakvlak_protocol.v1 import index_pb2 as pb

FOLLOW_SECONDS: Final = 3600
"""Between two looks at the log when nothing was published; in a sandbox every walk looks."""
MAX_AHEAD: Final = 1_000_000
"""A receipt for a position so far behind the newest checkpoint is no promise: it would never fall due."""
REMOVED_BYTES: Final = len(entry.removed(0))
READ_ENTRIES: Final = 2**17
"""Of the log that are read for removals in one walk, 9 MB with their hashes; the next walk goes on."""
LOOKED: Final = "log_looked"
"""The number that holds when the log was looked at last, Unix seconds."""

Log = Callable[..., None]


class WrongAnswer(Evidence):
    """Something that does not fit, with its document."""

    def __init__(self, message: str, document: Document) -> None:
        super().__init__(message)
        self.document = document


class Prover:
    """One node's look at the log; `fetch` reads a path of the index's HTTPS side."""

    def __init__(self, node: Node, publisher: Publisher, promises: Promises, alarms: Alarms, fetch: Fetch, log: Log) -> None:
        self._node = node
        self._store = node.store
        self._covenant = node.covenant
        self._publisher = publisher
        self._promises = promises
        self._alarms = alarms
        self._fetch = fetch
        self._log = log
        self._newest = b""

    def run(self, *, published: bool) -> int:
        """Proves what can be proven now, if it is time; returns how many rows that are. Raises nothing of ours: what is
        wrong stands in the store afterwards, as an alarm or as trouble."""
        now = self._node.clock()
        if self._alarms.open() or not self._is_time(now, published=published):
            return 0
        self._store.set_number(LOOKED, int(now.timestamp()))
        count, trouble = 0, ""
        try:
            count = self._prove(now)
        except WrongAnswer as error:
            self._alarms.ring(error.message, error.document, now)
        except Evidence as error:
            self._alarms.ring(error.message, Unverifiable(self._newest, _printable(error.message)), now)
        except (Unavailable, Malformed, Refused) as error:
            trouble = error.message
        self._tell(trouble, now)
        return count

    def _is_time(self, now: datetime, *, published: bool) -> bool:
        return published or self._covenant.sandbox or now.timestamp() - self._store.number(LOOKED) >= FOLLOW_SECONDS

    def _prove(self, now: datetime) -> int:
        followed = self._followed()
        promises = [each for each in self._promises.all(self._covenant.id, self._node.member.id) if not each.kept]
        self._demand_due_some_day(promises, followed)
        if followed.trusted is None:
            raise Unavailable(
                f"no checkpoint of the log is cosigned by {self._covenant.witness_threshold} witnesses yet: ask them to run "
                "'raakvlak-audit witness'"
            )
        size = followed.trusted.size
        for promise in promises:
            if promise.receipt.first_position + promise.receipt.count <= size:
                self._demand_kept(promise, followed)
        count = 0
        # A row is removed by the index's clock, which may be ahead of ours.
        month = month_of(now + timedelta(days=1))
        while rows := self._promises.unproven(size, month, CHUNK_ITEMS):
            count += self._prove_rows(rows, followed, size, now)
        self._promises.forget_kept()
        self._demand_standing(followed, size, month)
        if count:
            self._log("proven", rows=count, size=size)
        return count

    # --- the log ------------------------------------------------------------------------------------------------------

    def _followed(self) -> Followed:
        """From the checkpoint trusted last to the newest, and kept durably. Witnesses' first: the newest is at least as
        far."""
        witnessed = {}
        for witness in self._covenant.witnesses:
            try:
                witnessed[witness] = self._fetch(f"checkpoint/{witness}")
            except Missing:
                continue
        self._newest = newest = self._fetch("checkpoint")
        trusted, seen = self._kept(TRUSTED), self._kept(SEEN)
        earlier = [each.raw for each in (trusted, seen) if each is not None] + list(witnessed.values())
        try:
            followed = follow.follow(self._covenant, trusted, newest, witnessed, self._fetch)
            if seen is not None:
                self._demand_goes_on(seen, followed)
        except Evidence as error:
            raise self._convicted(earlier, newest) or error from None
        self._promises.keep_notes(None if followed.trusted is None else followed.trusted.raw, newest)
        return followed

    def _kept(self, which: str) -> Signed | None:
        raw = self._promises.note(which)
        return None if raw is None else follow.read(self._covenant, raw)

    def _demand_goes_on(self, seen: Signed, followed: Followed) -> None:
        """A checkpoint that no witness has cosigned is not trusted; but it was signed, and must be kept too."""
        if seen.size > followed.newest.size:
            raise Behind(f"the log shows {followed.newest.size} entries and has shown {seen.size}: look again later")
        follow.demand_beginning(seen, followed.newest, followed.log, self._covenant)

    def _convicted(self, earlier: Sequence[bytes], newest: bytes) -> WrongAnswer | None:
        """The first of the earlier notes that the newest contradicts so that it shows to anybody."""
        for note in earlier:
            try:
                size = follow.read(self._covenant, newest).size
                log = TiledLog(self._fetch, size)
                found = evidence.rewritten(note, newest, log, self._covenant.log_key)
                return WrongAnswer(found.finding(self._covenant.log_key).shows, found)
            except (Malformed, Evidence):
                continue
        return None

    # --- receipts -----------------------------------------------------------------------------------------------------

    def _demand_due_some_day(self, promises: Sequence[Promise], followed: Followed) -> None:
        for receipt in (each.receipt for each in promises):
            if receipt.first_position > followed.newest.size + MAX_AHEAD:
                raise Evidence(
                    f"a receipt promises entries from position {receipt.first_position} on, and the log has "
                    f"{followed.newest.size}: nobody will see whether it is kept"
                )

    def _demand_kept(self, promise: Promise, followed: Followed) -> None:
        """Returns when the leaves at the receipt's positions are the promised ones, and marks it as kept."""
        receipt = promise.receipt
        first, last = receipt.first_position, receipt.first_position + receipt.count
        entries = list(verified_entries(followed.log, first, last, followed.root))
        if receipts.hash_of(entries) != receipt.entries_hash:
            key = self._covenant.log_key
            found = evidence.broken_receipt(receipt, promise.signature, followed.newest.raw, followed.log, key)
            raise WrongAnswer(found.finding(key).shows, found)
        self._promises.mark_kept(promise)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _prove_rows(self, rows: Sequence[OwnRow], followed: Followed, size: int, now: datetime) -> int:
        """Proves rows of one epoch, or finds where they stand when that is beyond the trusted size. Returns how many are
        proven; raises WrongAnswer at the first that is wrong."""
        openings = self._openings(rows)
        promised = _Promised(self._promises.all(self._covenant.id, self._node.member.id))
        # A day for clocks that differ: on the first of a month the index may not have removed yet what lapses.
        earliest = month_of(now - timedelta(days=1)) + 1
        # Rows of before may stand for the longer term that an earlier version allowed.
        longest = covenants.longest_retention(self._node.folder.covenant.read_bytes())
        months = earliest, removal_month(now, longest) + 1
        told: list[tuple[OwnRow, Opening, Expected]] = []
        for row, opening in zip(rows, openings, strict=True):
            expected = self._expected(row, opening, promised, months)
            wrong = expected.promise_broken(opening)
            if opening is None or wrong:
                raise self._wrong(row, expected, opening, followed, wrong)
            told.append((row, opening, expected))
        with self._store.transaction():
            taken = [each for each in told if each[0].position is None and not self._promises.place(each[0], each[1].position)]
        for row, opening, expected in taken[:1]:
            raise self._wrong(row, expected, opening, followed, "the index gave the opening of another own row")
        opened = [each for each in told if each[1].position < size]
        self._demand_leaves(opened, followed)
        with self._store.transaction():
            for row, opening, _ in opened:
                self._promises.prove(row, opening.removal_month)
        return len(opened)

    def _demand_leaves(self, opened: Sequence[tuple[OwnRow, Opening, Expected]], followed: Followed) -> None:
        """Returns when each opening opens the leaf at its position; a bundle of leaves is read and verified at once."""
        in_order = sorted(opened, key=lambda each: each[1].position)
        for _, bundle in groupby(in_order, key=lambda each: each[1].position // TILE_WIDTH):
            together = list(bundle)
            first, last = together[0][1].position, together[-1][1].position + 1
            entries = list(verified_entries(followed.log, first, last, followed.root))
            for row, opening, expected in together:
                if opening.leaf(self._node.member.id, row.epoch) != entries[opening.position - first]:
                    wrong = f"what the index gave does not open the leaf at position {opening.position} of the log"
                    raise self._wrong(row, expected, opening, followed, wrong)

    def _openings(self, rows: Sequence[OwnRow]) -> list[Opening | None]:
        request = pb.OpeningsRequest(
            covenant_hash=self._covenant.hash, epoch=rows[0].epoch, references=[each.reference for each in rows]
        )
        reply = self._publisher.call("Openings", request, pb.OpeningsReply)
        if len(reply.openings) != len(rows):
            raise Malformed("the index answered with more or fewer openings than it was asked for")
        return [_opening(each) for each in reply.openings]

    def _expected(self, row: OwnRow, opening: Opening | None, promised: "_Promised", months: tuple[int, int]) -> Expected:
        """What was promised with the row's publication, where that is known; else the months that are possible at all."""
        position = row.position if opening is None or row.position is not None else opening.position
        month = None if position is None else promised.month_at(position)
        return Expected(row.position, *(months if month is None else (month, month)), row.visibility)

    def _wrong(self, row: OwnRow, expected: Expected, opening: Opening | None, followed: Followed, wrong: str) -> WrongAnswer:
        """The opening with the leaf that stands in its place, as far as there is one."""
        entry, proof = b"", tuple[bytes, ...]()
        if opening is not None and opening.position < followed.log.size:
            entry = followed.log.verified_entry(opening.position, followed.root)
            proof = tuple(followed.log.tree.inclusion_proof(opening.position))
        key = self._covenant.log_key
        note = evidence.alone(followed.newest.raw, key)
        document = WrongOpening(self._node.member.id, row.epoch, row.reference, expected, opening, note, entry, proof)
        return WrongAnswer(wrong, document)

    # --- removals -----------------------------------------------------------------------------------------------------

    def _demand_standing(self, followed: Followed, size: int, month: int) -> None:
        """Reads on in the log and raises WrongAnswer at the removal of an own row that is to stand beyond `month`.

        What this node withdrew is no row of its own any more when this is called: the store forgets a row with the index's
        answer, or at the next Open. So do rows that went because this node was silent (`reconcile`).
        """
        first = self._promises.read_from(size)
        last = min(size, first + READ_ENTRIES)
        if first >= last:
            return
        for place, leaf in enumerate(verified_entries(followed.log, first, last, followed.root), first):
            if leaf[0] != entry.Kind.REMOVED or len(leaf) != REMOVED_BYTES:
                continue  # What is no entry at all is for officers, and must not keep this from reading on.
            position = entry.parse(leaf).number
            removal_month = self._promises.month_of_row_at(position) if position <= MAX_NUMBER else None
            if removal_month is not None and removal_month > month:
                raise self._removed(position, removal_month, place, followed)
        self._promises.keep_read(last)
        if last < size:
            self._log("log_unread", entries=size - last)

    def _removed(self, position: int, removal_month: int, place: int, followed: Followed) -> WrongAnswer:
        key = self._covenant.log_key
        note, proof = evidence.alone(followed.newest.raw, key), tuple(followed.log.tree.inclusion_proof(place))
        document = RemovedUnasked(self._node.member.id, position, removal_month, place, note, proof)
        return WrongAnswer(f"the log ends the own row at position {position}, which was not withdrawn", document)

    # --- telling ------------------------------------------------------------------------------------------------------

    def _tell(self, trouble: str, now: datetime) -> None:
        """Keeps what is in the way, and logs it when it changes; while something is overdue, each time."""
        if trouble != self._store.remark(TROUBLE):
            self._store.set_remark(TROUBLE, trouble)
            if trouble:
                self._log("log_not_followed", reason=trouble)
        rows, hours = self._promises.waiting()[0], self._promises.overdue_hours(now)
        if hours:
            self._log("proof_overdue", rows=rows, hours=hours)


@contextmanager
def log_of(node: Node) -> Iterator[Fetch | None]:
    """Reads the index's HTTPS side; None where the settings name no address. Each request stands in the ledger first."""
    if not node.settings.log:
        yield None
        return
    index = node.covenant.index
    with Site(node.settings.log, index, node.credentials.roots) as site:

        def fetch(path: str) -> bytes:
            node.ledger.sending(index, f"GET /{path}", None)
            return site.get(f"/{path}", limit=MAX_TILE_BYTES if path.startswith("tile/") else MAX_NOTE_BYTES)

        yield fetch


def _opening(told: pb.Opening) -> Opening | None:
    if not told.salt and not told.digest:
        return None
    if told.position > MAX_NUMBER:
        raise Evidence("the index says that a row stands at a position that no log reaches")
    # What is too long or negative stays wrong, and finds room in a file of evidence.
    return Opening(told.position, told.salt[:64], told.digest[:64], told.removal_month, max(told.visibility, 0))


class _Promised:
    """The months of removal that receipts promised, by position."""

    def __init__(self, promises: Sequence[Promise]) -> None:
        self._promises = promises
        self._firsts = [each.receipt.first_position for each in promises]

    def month_at(self, position: int) -> int | None:
        place = bisect_right(self._firsts, position) - 1
        if place < 0 or position >= self._firsts[place] + self._promises[place].receipt.count:
            return None
        return self._promises[place].removal_month


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[: evidence.MAX_TEXT]
