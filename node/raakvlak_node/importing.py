"""From a caseload file to the store: all rows are validated first, then the right ones are stored and the wrong ones told.

Each row is stored in its own right and knows whether it is new, so that an import that was cut off is resumed by
running it again, and a file that was imported before changes nothing and renews no term.
"""

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from raakvlak_node import caseload
from raakvlak_node.case import Reason
from raakvlak_node.caseload import REJECTED_COLUMN, Row
from raakvlak_node.node import BsnChange, BsnDiffers, Node, Stored

_CHUNK_ROWS: Final = 500

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
    missing: list[str] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    rejected_file: Path | None = None

    @property
    def accepted(self) -> int:
        return self.new + self.changed + self.unchanged


class Import:
    """One import of one file. `ask` is called with the line of a client whose BSN differs, where nothing was said."""

    def __init__(
        self,
        node: Node,
        *,
        dry_run: bool = False,
        withdraw_missing: bool = False,
        bsn_changes: BsnChange | None = None,
        ask: Ask = lambda line: None,
        progress: Progress = lambda position: None,
    ) -> None:
        self._node = node
        self._withdraw_missing = withdraw_missing
        self._bsn_changes: BsnChange | None = bsn_changes
        self._ask = ask
        self._progress = progress
        self._today = node.today(node.clock())
        self._report = Report(dry_run)
        self._wrong: dict[int, tuple[Reason, ...]] = {}
        self._answers: dict[int, BsnChange] = {}

    def run(self, file: BinaryIO, rejected_to: Path) -> Report:
        """Imports the file. The rejected rows go to a file that only its owner can read, told in the report; with
        `dry_run` nothing is written anywhere. Raises Malformed, before anything is stored, when the header is wrong."""
        seen = self._validate(file)
        self._apply(file)
        self._find_missing(seen)
        self._report.rejected = [RejectedRow(line, reasons) for line, reasons in sorted(self._wrong.items())]
        if self._wrong and not self._report.dry_run:
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
            reference = row.columns.get("case_ref", "").strip()
            handle = self._node.store.case_handle(reference.encode("utf-8", "replace").decode())
            if row.case is None:
                self._wrong[row.line] = row.reasons
            elif handle in first:
                self._wrong[row.line] = (Reason("case_ref", f"stands in line {first[handle]} already, which is kept"),)
            else:
                self._preview(row, handle)
            if row.line not in self._wrong:
                first[handle] = row.line
            present.add(handle)
        return present

    def _preview(self, row: Row, handle: bytes) -> None:
        """Finds a client whose BSN differs, before anything is stored."""
        before = self._node.store.case(handle)
        if before is None or row.case is None:
            return
        if before.client != row.case.client and self._bsn_changes is None:
            said = None if self._report.dry_run else self._ask(row.line)
            if said is None:
                self._wrong[row.line] = BsnDiffers().reasons
            else:
                self._answers[row.line] = said

    def _apply(self, file: BinaryIO) -> None:
        pending: list[Row] = []
        for row in self._rows(file):
            self._progress(row.position)
            if row.case is not None and row.line not in self._wrong:
                pending.append(row)
            if len(pending) >= _CHUNK_ROWS:
                self._store(pending)
                pending = []
        self._store(pending)

    def _store(self, rows: list[Row]) -> None:
        # If we were to crash after this chunk, the next run finds its rows unchanged and goes on behind them.
        with self._node.store.transaction():
            for row in rows:
                self._count(self._dry(row) if self._report.dry_run else self._put(row))

    def _put(self, row: Row) -> Stored:
        assert row.case is not None
        return self._node.put_case(row.case, self._answers.get(row.line, self._bsn_changes))

    def _dry(self, row: Row) -> Stored:
        assert row.case is not None
        return self._node.preview_case(row.case, self._answers.get(row.line, self._bsn_changes))

    def _count(self, what: Stored) -> None:
        setattr(self._report, what, getattr(self._report, what) + 1)

    def _find_missing(self, seen: set[bytes]) -> None:
        store = self._node.store
        missing = [handle for handle in store.case_handles() if handle not in seen]
        for handle in missing:
            case = store.case(handle)
            if case is not None:
                self._report.missing.append(case.reference)
            if self._withdraw_missing and not self._report.dry_run and store.drop_case(handle):
                self._report.withdrawn += 1
        self._report.missing.sort()

    def _write_rejected(self, file: BinaryIO, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            header: list[str] = []
            writer = csv.writer(out)
            for row in self._rows(file):
                if row.line not in self._wrong:
                    continue
                if not header:
                    header = list(row.columns) or ["case_ref"]
                    writer.writerow([*header, REJECTED_COLUMN])
                reasons = "; ".join(f"{each.column}: {each.message}" for each in self._wrong[row.line])
                writer.writerow([*(row.columns.get(name, "") for name in header), f"line {row.line}: {reasons}"])


def rejected_name(source: Path, now: datetime) -> str:
    """The name of the file of rejected rows, which never replaces an earlier one."""
    return f"{source.stem}-rejected-{now:%Y%m%d-%H%M%S-%f}.csv"
