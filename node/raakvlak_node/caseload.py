"""The caseload file: hostile bytes in, cases and rejected rows out, one row at a time.

UTF-8 CSV with a header (DOMAIN: "a caseload file"), with or without BOM, any line ends. The file as a whole is refused
when its header can't be trusted; a row is rejected alone, with its line, columns and reasons, and the others go on.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

from raakvlak_node.case import COLUMNS, REQUIRED_COLUMNS, Case, Reason, Rejected, parse
from raakvlak_protocol.errors import Malformed, TooLarge

MAX_FILE_BYTES: Final = 200 * 10**6
MAX_FIELD_CHARACTERS: Final = 10_000
REJECTED_COLUMN: Final = "rejected"
"""Stands last in a file of rejected rows and says why; ignored when the mended file is imported."""


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One row: where it began, how far into the file it ends, its columns, and the case or the reasons against it."""

    line: int
    position: int
    columns: dict[str, str]
    case: Case | None
    reasons: tuple[Reason, ...]

    def __repr__(self) -> str:
        return f"Row(line {self.line})"


def size(path: Path) -> int:
    """The file's size in bytes; raises TooLarge over the limit."""
    found = path.stat().st_size
    if found > MAX_FILE_BYTES:
        raise TooLarge(f"the file has {found} bytes and may have {MAX_FILE_BYTES}: split it into parts")
    return found


def rows(file: BinaryIO, *, today: date, adults: bool) -> Iterator[Row]:
    """Every row of the file from its beginning. Raises Malformed when the header is not one of a caseload file."""
    file.seek(0)
    # A byte that is no UTF-8 becomes a lone surrogate, so that only its own row is rejected.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(text, file, today, adults)
    finally:
        text.detach()


def _rows(text: io.TextIOWrapper, file: BinaryIO, today: date, adults: bool) -> Iterator[Row]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(text, strict=True)
    header = _header(reader)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, file.tell(), {}, None, (Reason("row", "its quotes or its length are not those of a CSV row"),))
            continue
        if values and any(values):
            yield _row(line, file.tell(), header, values, today, adults)


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except StopIteration:
        raise Malformed("the file is empty: it needs a header and one row per case") from None
    except csv.Error:
        raise Malformed("the first line is no CSV header") from None
    if len(header) == 1 and ";" in header[0]:
        raise Malformed("the columns are separated by semicolons: export the file with commas")
    if REJECTED_COLUMN in header[-1:]:
        header[-1] = REJECTED_COLUMN
    known = [name for name in header if name != REJECTED_COLUMN]
    unknown = [place for place, name in enumerate(header, 1) if name not in (*COLUMNS, REJECTED_COLUMN)]
    if unknown:
        # The header's text is not repeated: in a file without one it is somebody's data.
        raise Malformed(f"column {unknown[0]} of the header is not one of: {', '.join(COLUMNS)}")
    if len(set(header)) != len(header):
        raise Malformed("a column stands twice in the header")
    missing = [name for name in REQUIRED_COLUMNS if name not in known]
    if "worker_phone" not in known and "worker_email" not in known:
        missing.append("worker_phone or worker_email")
    if missing:
        raise Malformed(f"the header lacks {', '.join(missing)}")
    return header


def _row(line: int, position: int, header: list[str], values: list[str], today: date, adults: bool) -> Row:
    columns = dict(zip(header, values, strict=False))
    columns.pop(REJECTED_COLUMN, None)
    if len(values) != len(header):
        reason = Reason("row", f"has {len(values)} columns where the header has {len(header)}")
        return Row(line, position, columns, None, (reason,))
    broken = [name for name, value in columns.items() if not _is_unicode(value)]
    if broken:
        return Row(line, position, columns, None, tuple(Reason(name, "is not UTF-8") for name in broken))
    try:
        return Row(line, position, columns, parse(columns, today=today, adults=adults), ())
    except Rejected as error:
        return Row(line, position, columns, None, error.reasons)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
