"""From a caseload file to the store: all rows are validated first, then the right ones are stored, the wrong ones told.

Each row is stored in its own right and knows whether it is new, so that an import that was cut off is resumed by
running it again, and a file that was imported before changes nothing and renews no term.
"""

import csv
import filecmp
import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from raakvlak_node import caseload
from raakvlak_node.case import Case, Reason, Rejected
from raakvlak_node.caseload import REJECTED_COLUMN, Row, harmless
from raakvlak_node.node import BsnChange, BsnDiffers, Node, Stored
from raakvlak_protocol.errors import Refused

CHUNK_ROWS: Final = 500
"""So many rows are stored in one transaction."""

Ask = Callable[[int], BsnChange | None]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not taken: its line in the file and every reason, without any value of it."""

    line: int
    reasons: tuple[Reason, ...]


@dataclass
class Report:
    """What an import did, or with `dry_run` would do."""

    dry_run: bool
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    nameless: int = 0
    """Rows whose case reference can't be read; while there are any, no missing case is withdrawn."""
    missing: list[str] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    rejected_file: Path | None = None

    @property
    def accepted(self) -> int:
        return self.new + self.changed + self.unchanged


class Import:
    """One import of one file. `ask` is called with the line of a client whose BSN differs, where nothing was said.
    `keep_rejected` writes the rejected rows of a dry run too; `chunk_rows` is how many rows are stored in one transaction:
    fewer where others are at work in the same store."""

    def __init__(
        self,
        node: Node,
        *,
        dry_run: bool = False,
        keep_rejected: bool = False,
        chunk_rows: int = CHUNK_ROWS,
        withdraw_missing: bool = False,
        bsn_changes: BsnChange | None = None,
        ask: Ask = lambda line: None,
        progress: Progress = lambda position: None,
    ) -> None:
        self._node = node
        self._chunk_rows = chunk_rows
        self._writes_rejected = keep_rejected or not dry_run
        self._withdraw_missing = withdraw_missing
        self._bsn_changes: BsnChange | None = bsn_changes
        self._ask = ask
        self._progress = progress
        self._today = node.today(node.clock())
        self._report = Report(dry_run)
        self._wrong: dict[int, tuple[Reason, ...]] = {}
        self._answers: dict[int, BsnChange] = {}

    def run(self, file: BinaryIO, rejected_to: Path) -> Report:
        """Imports the file. The rejected rows go to a file that only its owner can read, told in the report. With `dry_run`
        nothing is stored, nor are they written unless they are to be kept. Raises Malformed, before anything is stored, when
        the header is wrong."""
        # Before the file is read, so that a case that another command stores meanwhile is not taken for missing.
        known = self._node.store.case_handles()
        seen = self._validate(file)
        if self._wrong and self._writes_rejected and rejected_to.exists():
            raise Refused(f"{rejected_to} exists already: choose another place for the rejected rows; nothing was imported")
        self._apply(file)
        self._find_missing([handle for handle in known if handle not in seen])
        self._report.rejected = [RejectedRow(line, reasons) for line, reasons in sorted(self._wrong.items())]
        if self._wrong and self._writes_rejected:
            self._report.rejected_file = rejected_to
            self._write_rejected(file, rejected_to)
        return self._report

    def _rows(self, file: BinaryIO) -> Iterator[Row]:
        return caseload.rows(file, today=self._today, adults=self._node.covenant.adult_clients)

    def _validate(self, file: BinaryIO) -> set[bytes]:
        """Finds every wrong row; returns the handles of all references in the file, of wrong rows too."""
        first: dict[bytes, int] = {}
        present: set[bytes] = set()
        for row in self._rows(file):
            self._progress(row.position)
            self._report.nameless += not row.reference
            handle = self._node.store.case_handle(row.reference)
            reasons = row.reasons
            if handle in first:
                reasons += (
                    Reason(
                        "case_ref",
                        f"stands in line {first[handle]} already, which is kept: give this row its own reference or delete it",
                    ),
                )
            if row.case is not None and not reasons:
                reasons = self._preview(row, row.case, handle)
            if reasons:
                self._wrong[row.line] = reasons
            else:
                first[handle] = row.line
            present.add(handle)
        return present

    def _preview(self, row: Row, case: Case, handle: bytes) -> tuple[Reason, ...]:
        """Finds a client whose BSN differs, or who is not to be reported, before anything is stored."""
        try:
            self._node.standing().demand_reportable(case)
        except Rejected as error:
            return error.reasons
        before = self._node.store.case(handle)
        if before is None or before.client == case.client or self._bsn_changes is not None:
            return ()
        said = None if self._report.dry_run else self._ask(row.line)
        if said is None:
            return BsnDiffers().reasons
        self._answers[row.line] = said
        return ()

    def _apply(self, file: BinaryIO) -> None:
        pending: list[Row] = []
        for row in self._rows(file):
            self._progress(row.position)
            if row.case is not None and row.line not in self._wrong:
                pending.append(row)
            if len(pending) >= self._chunk_rows:
                self._store(pending)
                pending = []
        self._store(pending)

    def _store(self, rows: list[Row]) -> None:
        if self._report.dry_run:
            for row in rows:
                self._count(self._dry(row))
            return
        # If we were to crash after this chunk, the next run finds its rows unchanged and goes on behind them.
        with self._node.store.transaction():
            for row in rows:
                try:
                    self._count(self._put(row))
                except Rejected as error:
                    # Another command has stored the case, or taken a decision, since the rows were validated.
                    self._wrong[row.line] = error.reasons

    def _put(self, row: Row) -> Stored:
        assert row.case is not None
        return self._node.put_case(row.case, self._answers.get(row.line, self._bsn_changes))

    def _dry(self, row: Row) -> Stored:
        assert row.case is not None
        return self._node.preview_case(row.case, self._bsn_changes)

    def _count(self, what: Stored) -> None:
        setattr(self._report, what, getattr(self._report, what) + 1)

    def _find_missing(self, missing: list[bytes]) -> None:
        store = self._node.store
        # A row whose reference can't be read may be that of a missing case.
        withdraw = self._withdraw_missing and not self._report.nameless and not self._report.dry_run
        for handle in missing:
            case = store.case(handle)
            if case is not None:
                self._report.missing.append(case.reference)
            if withdraw and store.drop_case(handle):
                self._report.withdrawn += 1
        self._report.missing.sort()

    def _write_rejected(self, file: BinaryIO, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            writer = csv.writer(out)
            wrong = (row for row in self._rows(file) if row.line in self._wrong)
            for place, row in enumerate(wrong):
                if not place:
                    writer.writerow([*row.header, REJECTED_COLUMN])
                reasons = "; ".join(f"{each.column}: {each.message}" for each in self._wrong[row.line])
                writer.writerow([*map(harmless, row.values), f"line {row.line}: {reasons}"])


def kept_once(written: Path, source: Path) -> Path:
    """An earlier file of rejected rows of the same source that says just the same, in place of one more copy of it."""
    for earlier in sorted(written.parent.glob(f"{glob.escape(source.stem)}-rejected-*.csv")):
        if earlier != written and filecmp.cmp(earlier, written, shallow=False):
            written.unlink()
            return earlier
    return written


def rejected_name(source: Path, now: datetime) -> str:
    """The name of the file of rejected rows, which never replaces an earlier one."""
    return f"{source.stem}-rejected-{now:%Y%m%d-%H%M%S-%f}.csv"
