"""The caseload file: hostile bytes in, cases and rejected rows out, one row at a time.

UTF-8 CSV with a header (DOMAIN: "a caseload file"), with or without BOM, any line ends. The file as a whole is refused
when its header can't be trusted; a row is rejected alone, with its line, columns and reasons, and the others go on.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

from raakvlak_node.case import COLUMNS, REQUIRED_COLUMNS, Case, Reason, Rejected, parse
from raakvlak_protocol.errors import Malformed, TooLarge

MAX_FILE_BYTES: Final = 200 * 10**6
MAX_FIELD_CHARACTERS: Final = 10_000
MAX_LINE_CHARACTERS: Final = 400_000
"""More than any row's columns at their longest, so that a line that is cut here is wrong in any case."""
MAX_ROW_LINES: Final = 200
REJECTED_COLUMN: Final = "rejected"
"""Stands last in a file of rejected rows and says why; ignored when the mended file is imported."""

_EARLIER_REASON: Final = re.compile(r"line [0-9]+: .*", re.DOTALL)
_FORMULA: Final = re.compile(r"'*[\t\r\n]|['\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""By which a spreadsheet takes a cell for a formula (OWASP, CSV injection), behind any apostrophes."""
_NOT_UTF8: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row: where it began, how far into the file it ends, what stood in it, and the case or the reasons against it.

    `values` is all of it but an earlier reason, so that a rejected row can be written out whole. Where there are not as
    many as in `header`, nobody can say which column they are of; a row whose quotes are wrong is one value.
    """

    line: int
    position: int
    header: tuple[str, ...]
    values: tuple[str, ...]
    case: Case | None
    reasons: tuple[Reason, ...]

    @property
    def reference(self) -> str:
        """The case's reference, empty where it can't be read."""
        if any(reason.column in {"case_ref", "row"} for reason in self.reasons):
            return ""
        return self.values[self.header.index("case_ref")].strip()

    def __repr__(self) -> str:
        return f"Row(line {self.line})"


def size(path: Path) -> int:
    """The file's size in bytes; raises TooLarge over the limit and Malformed for what can't be read twice."""
    if not path.is_file():
        raise Malformed("the caseload is read twice, so it must be a file on disk: save it first")
    found = path.stat().st_size
    if found > MAX_FILE_BYTES:
        raise TooLarge(f"the file has {found} bytes and may have {MAX_FILE_BYTES}: split it into parts")
    return found


def rows(file: BinaryIO, *, today: date, adults: bool) -> Generator[Row, None, None]:
    """Every row of the file from its beginning. Raises Malformed when the header is not one of a caseload file."""
    file.seek(0)
    # A byte that is no UTF-8 becomes a lone surrogate, so that only its own row is rejected.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(text, file, today, adults)
    finally:
        text.detach()


def harmless(value: str) -> str:
    """The value as a cell that no spreadsheet computes: behind an apostrophe where it begins as a formula does. `rows`
    takes that one off again, so that a file of rejected rows is imported as it was meant."""
    return f"'{value}" if _FORMULA.match(value) else value


def _as_meant(value: str) -> str:
    return value[1:] if value.startswith("'") and _FORMULA.match(value) else value


def is_mended(file: BinaryIO) -> bool:
    """Whether this is a file of rejected rows: it holds a part of the caseload only."""
    file.seek(0)
    first = file.readline(MAX_LINE_CHARACTERS).decode("utf-8-sig", "replace")
    return REJECTED_COLUMN in (name.strip().strip('"') for name in first.split(","))


def _rows(text: io.TextIOWrapper, file: BinaryIO, today: date, adults: bool) -> Iterator[Row]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    while True:
        line = lines.begin()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            values = []
        if len(lines.taken) > 1 and len(values) != len(header):
            # A quote that is not closed takes the rows behind it along: only its own line is wrong.
            lines.keep_first()
            values = []
        if not values and lines.taken[0].strip():
            reason = Reason("row", "its quotes or its length are not those of a CSV row")
            broken = _as_meant(lines.taken[0].rstrip("\r\n"))
            yield Row(line, file.tell(), _without_rejected(header), (broken,), None, (reason,))
        elif any(value.strip() for value in values):
            yield _row(line, file.tell(), header, values, today, adults)


class _Lines:
    """The lines of the file, of which those behind a row's first can be put back. A line over the limit is cut, so that
    none fills the memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._put_back: deque[str] = deque()
        self._number = 0
        self.taken: list[str] = []

    def begin(self) -> int:
        """A new row begins; returns the number of its first line."""
        self.taken = []
        return self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) == MAX_ROW_LINES:
            raise csv.Error("too many lines in one row")
        line = self._put_back.popleft() if self._put_back else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._number += 1
        return line

    def _read(self) -> str:
        line = part = self._text.readline(MAX_LINE_CHARACTERS)
        while len(part) == MAX_LINE_CHARACTERS and not part.endswith(("\r", "\n")):
            part = self._text.readline(MAX_LINE_CHARACTERS)
        return line

    def keep_first(self) -> None:
        """Puts the row's lines behind its first back."""
        self._put_back.extendleft(reversed(self.taken[1:]))
        self._number -= len(self.taken) - 1
        del self.taken[1:]


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise Malformed("the file is empty: it needs a header and one row per case") from None
    except csv.Error:
        raise Malformed("the first line is no CSV header") from None
    if any("\0" in name or _NOT_UTF8.search(name) for name in header):
        raise Malformed("the file is not UTF-8: export it as 'CSV UTF-8'")
    if len(header) == 1 and re.search("[;\t]", header[0]):
        raise Malformed("the columns are separated by semicolons or tabs: export the file with commas")
    unknown = [place for place, name in enumerate(header, 1) if name not in (*COLUMNS, REJECTED_COLUMN)]
    if unknown:
        # The header's text is not repeated: in a file without one it is somebody's data.
        raise Malformed(f"column {unknown[0]} of the header is not one of: {', '.join(COLUMNS)}")
    if len(set(header)) != len(header):
        raise Malformed("a column stands twice in the header")
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if "worker_phone" not in header and "worker_email" not in header:
        missing.append("worker_phone or worker_email")
    if missing:
        raise Malformed(f"the header lacks {', '.join(missing)}")
    return header


def _row(line: int, position: int, header: list[str], values: list[str], today: date, adults: bool) -> Row:
    names = _without_rejected(header)
    kept = _values(header, values)
    if len(kept) != len(names):
        reason = Reason("row", f"has {len(kept)} columns where the header has {len(names)}")
        return Row(line, position, names, kept, None, (reason,))
    try:
        case = parse(dict(zip(names, kept, strict=True)), today=today, adults=adults)
    except Rejected as error:
        return Row(line, position, names, kept, None, error.reasons)
    return Row(line, position, names, kept, case, ())


def _values(header: list[str], values: list[str]) -> tuple[str, ...]:
    """The row's values as they were meant, without that of the column `rejected`, also where mending has moved or removed
    it."""
    values = [_as_meant(value) for value in values]
    if REJECTED_COLUMN not in header:
        return tuple(values)
    if len(values) == len(header):
        place = header.index(REJECTED_COLUMN)
        return tuple(values[:place] + values[place + 1 :])
    return tuple(values[:-1] if _EARLIER_REASON.fullmatch(values[-1]) else values)


def _without_rejected(header: list[str]) -> tuple[str, ...]:
    return tuple(name for name in header if name != REJECTED_COLUMN)
