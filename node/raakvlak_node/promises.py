"""What the store keeps of the log: the checkpoint trusted last, what the index has promised, what of it is proven, and
alarms. Every verb one short transaction, or part of its caller's.

Of an own row the store keeps its position in the log, and since when it is unproven; nothing where it is proven. Never
its salt: it would open the row's leaf after the row is erased. A receipt is kept until the leaves that it promises were
seen in the log and all rows among them are proven, or gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from raakvlak_node.store import InFlight, Store
from raakvlak_protocol import follow
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.receipt import Receipt

TRUSTED: Final = "trusted_checkpoint"
"""The remark that holds the note of the checkpoint trusted last."""
SEEN: Final = "seen_checkpoint"
"""The same of the newest one that was shown, trusted or not: two of these that differ convict the log too."""
READ: Final = "log_read"
"""The number of entries from the log's beginning among which no removal of an own row is that was not asked for."""
FORGOTTEN: Final = "receipts_forgotten"
"""The number that counts receipts that were forgotten though not all that they promise was proven."""
TROUBLE: Final = "log_trouble"
"""The remark that says why the log could not be followed at the last attempt; empty where it could."""


OVERDUE: Final = timedelta(hours=48)
"""What waits longer for being proven is an alarm for a person."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A receipt that was kept with its signature. `removal_month` is None for removals."""

    receipt: Receipt
    signature: bytes
    removal_month: int | None
    kept: bool
    """Whether its leaves were seen where it promises them."""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row at the index that is not proven to stand in the log; `position` is None until it was promised or told."""

    reference: bytes
    epoch: int
    position: int | None
    visibility: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """`raised` and `ended` are Unix seconds, `file` the evidence's name, `because` what the person wrote who ended it."""

    id: int
    raised: int
    kind: str
    message: str
    file: str
    ended: int | None
    because: str | None


class Promises:
    """The verbs, on a node's store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def note(self, which: str) -> bytes | None:
        """The note kept as TRUSTED or SEEN."""
        return self._store.remark(which).encode() or None

    def keep_notes(self, trusted: bytes | None, seen: bytes) -> None:
        """Durable when it returns. Its caller has seen to it that neither goes back."""
        with self._store.transaction():
            if trusted is not None:
                self._store.set_remark(TRUSTED, trusted.decode())
            self._store.set_remark(SEEN, seen.decode())

    # --- promises -----------------------------------------------------------------------------------------------------

    def keep(self, receipt: Receipt, signature: bytes, removal_month: int | None, now: int) -> None:
        """Keeps a verified receipt; one for nothing promises nothing. One that is kept is never replaced: after a restore
        the receipts of sequences that come again are dropped first (`drop_after`)."""
        if receipt.count:
            self._run(
                "INSERT OR IGNORE INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    receipt.sequence, receipt.epoch, receipt.request_hash, receipt.first_position, receipt.count,
                    receipt.entries_hash, signature, removal_month, now,
                ),
            )  # fmt: skip

    def stand(self, write: InFlight, positions: Sequence[int | None], now: int) -> None:
        """The persons of a publication have rows, at these positions as far as they were promised, and unproven."""
        for person, position in zip(write.items, positions, strict=True):
            self._run(
                "UPDATE token SET position = ?, unproven_since = ? WHERE person = ? AND epoch = ?",
                (position, now, person, write.epoch),
            )
        self._read_again_from(min((each for each in positions if each is not None), default=None))

    def position_of(self, reference: bytes, epoch: int) -> int | None:
        found = self._run("SELECT position FROM token WHERE reference = ? AND epoch = ?", (reference, epoch)).fetchone()
        return None if found is None else found[0]

    def all(self, covenant_id: str, member: str) -> list[Promise]:
        """Every receipt that is kept, in order of positions."""
        rows = self._run(
            "SELECT epoch, sequence, request_hash, first_position, count, entries_hash, signature, removal_month, kept"
            " FROM receipt ORDER BY first_position"
        ).fetchall()
        return [_promise(covenant_id, member, *row) for row in rows]

    def mark_kept(self, promise: Promise) -> None:
        """Its leaves stand in the log."""
        self._run("UPDATE receipt SET kept = 1 WHERE sequence = ?", (promise.receipt.sequence,))

    def forget_kept(self) -> None:
        """Forgets receipts of which all is proven."""
        self._run(
            "DELETE FROM receipt WHERE kept = 1 AND NOT EXISTS (SELECT 1 FROM token WHERE unproven_since IS NOT NULL"
            " AND position >= first_position AND position < first_position + count)"
        )

    def count_after(self, sequence: int) -> int:
        """How many receipts are of writes behind this one."""
        return int(self._run("SELECT count(*) FROM receipt WHERE sequence > ?", (sequence,)).fetchone()[0])

    def drop_after(self, sequence: int) -> None:
        """Drops the receipts of writes behind this one, which the index has lost."""
        self._run("DELETE FROM receipt WHERE sequence > ?", (sequence,))

    def forget_received(self, before: int) -> int:
        """Forgets receipts from before this moment (Unix seconds) whatever has become of them, because their hashes lead
        back to rows that may be gone by now; returns how many, and counts them under FORGOTTEN."""
        with self._store.transaction():
            count = int(self._run("DELETE FROM receipt WHERE received < ?", (before,)).rowcount)
            if count:
                self._store.set_number(FORGOTTEN, self._store.number(FORGOTTEN) + count)
        return count

    # --- removals -----------------------------------------------------------------------------------------------------

    def read_from(self, size: int) -> int:
        """The first entry that is still to be read for removals of own rows; `size` or more where there is none. A
        removal stands behind its row, so that nothing before the first own row is ever read."""
        (first,) = self._run("SELECT min(position) FROM token WHERE position IS NOT NULL").fetchone()
        return max(self._store.number(READ), size if first is None else first + 1)

    def keep_read(self, size: int) -> None:
        self._store.set_number(READ, size)

    def _read_again_from(self, position: int | None) -> None:
        """An own row stands here: what follows in the log may have been read when nobody knew that."""
        if position is not None:
            self._run("UPDATE number SET value = ? WHERE name = ? AND value > ?", (position + 1, READ, position + 1))

    def month_of_row_at(self, position: int) -> int | None:
        """The month of removal of the own row that stands there; None where none does."""
        found = self._run("SELECT removal_month FROM token WHERE position = ?", (position,)).fetchone()
        return None if found is None else found[0]

    # --- rows ---------------------------------------------------------------------------------------------------------

    def unproven(self, size: int, month: int, most: int) -> list[OwnRow]:
        """Rows whose leaves lie within the first `size` or nobody knows where, of one epoch, in order of position; none
        that is removed in `month` or before."""
        rows = self._run(
            "SELECT reference, epoch, position, visibility FROM token WHERE unproven_since IS NOT NULL"
            " AND reference IS NOT NULL"
            " AND removal_month > ? AND coalesce(position < ?, 1) ORDER BY epoch, position LIMIT ?",
            (month, size, most),
        ).fetchall()
        return [OwnRow(bytes(row[0]), row[1], row[2], row[3]) for row in rows if row[1] == rows[0][1]]

    def place(self, row: OwnRow, position: int) -> bool:
        """Keeps where the index says that a row stands; False where another own row stands there already."""
        taken = self._run("SELECT 1 FROM token WHERE position = ? AND reference <> ?", (position, row.reference)).fetchone()
        if taken:
            return False
        self._run("UPDATE token SET position = ? WHERE reference = ? AND epoch = ?", (position, row.reference, row.epoch))
        self._read_again_from(position)
        return True

    def prove(self, row: OwnRow, removal_month: int) -> None:
        """The row stands in the log; it goes in that month, if the node did not want it to go earlier."""
        self._run(
            "UPDATE token SET unproven_since = NULL, removal_month = min(removal_month, ?) WHERE reference = ? AND epoch = ?",
            (removal_month, row.reference, row.epoch),
        )

    def prove_again(self, now: int) -> None:
        """Every row is to be proven anew, wherever the index says that it stands."""
        self._run(
            "UPDATE token SET position = NULL, unproven_since = coalesce(unproven_since, ?) WHERE reference IS NOT NULL", (now,)
        )

    def waiting(self) -> tuple[int, int | None]:
        """(rows that are not proven, since when the oldest of them or of the receipts waits)."""
        rows, row_since = self._run(
            "SELECT count(*), min(unproven_since) FROM token WHERE unproven_since IS NOT NULL"
        ).fetchone()
        (receipt_since,) = self._run("SELECT min(received) FROM receipt WHERE kept = 0").fetchone()
        since = [each for each in (row_since, receipt_since) if each is not None]
        return rows, min(since, default=None)

    def overdue_hours(self, now: datetime) -> int:
        """For how many hours the oldest row or receipt has waited for being proven; 0 below OVERDUE."""
        _, since = self.waiting()
        waited = timedelta(0) if since is None else now - datetime.fromtimestamp(since, UTC)
        return int(waited / timedelta(hours=1)) if waited > OVERDUE else 0

    # --- alarms -------------------------------------------------------------------------------------------------------

    def add_alarm(self, kind: str, message: str, file: str, now: int) -> None:
        self._run("INSERT INTO alarm (raised, kind, message, file) VALUES (?, ?, ?, ?)", (now, kind, message, file))

    def alarms(self) -> list[Alarm]:
        """Every alarm there ever was, oldest first."""
        rows = self._run("SELECT id, raised, kind, message, file, ended, because FROM alarm ORDER BY id").fetchall()
        return [Alarm(*row) for row in rows]

    def open_alarms(self) -> list[Alarm]:
        return [each for each in self.alarms() if each.ended is None]

    def end_alarms(self, because: str, now: int) -> None:
        """A person has looked. All is to be proven anew, against the log as it is shown from here on."""
        with self._store.transaction():
            rewritten = any(each.kind == "rewritten" for each in self.open_alarms())
            self._run("UPDATE alarm SET ended = ?, because = ? WHERE ended IS NULL", (now, because))
            self._run("DELETE FROM receipt")
            self.prove_again(now)
            self.keep_read(0)
            if rewritten:
                # What was trusted can never be followed to what is shown now; the evidence keeps both.
                self._store.set_remark(TRUSTED, "")
                self._store.set_remark(SEEN, "")


def _promise(
    covenant_id: str,
    member: str,
    epoch: int,
    sequence: int,
    request_hash: bytes,
    first_position: int,
    count: int,
    entries_hash: bytes,
    signature: bytes,
    removal_month: int | None,
    kept: int,
) -> Promise:
    receipt = Receipt(covenant_id, member, epoch, sequence, bytes(request_hash), first_position, count, bytes(entries_hash))
    return Promise(receipt, bytes(signature), removal_month, kept == 1)


def standing(store: Store, covenant: Covenant, now: datetime, *, followed: bool) -> dict[str, Any]:
    """How it stands with the log, for people: texts are empty where nothing is wrong. `followed` says whether the
    settings name the log at all."""
    promises = Promises(store)
    trusted = promises.note(TRUSTED)
    trouble = store.remark(TROUBLE) if followed else "nothing that the index promises is verified: settings.toml names no log"
    return {
        "unproven": promises.waiting()[0],
        "trusted_size": follow.read(covenant, trusted).size if trusted else 0,
        "overdue_hours": promises.overdue_hours(now) if followed else 0,
        "log_trouble": trouble,
        "alarm": "; ".join(each.message for each in promises.open_alarms()),
    }
