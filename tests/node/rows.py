"""Rows of caseload files: invented people whose numbers pass the 11-proof."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache

from raakvlak_node.case import COLUMNS, Case, parse

TODAY = date(2026, 3, 2)
Columns = dict[str, str]


@cache
def bsn(place: int) -> str:
    """A number that passes the 11-proof; another one for every place."""
    head = f"{10_000_000 + 7 * place:08}"
    check = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), head, strict=True)) % 11
    return bsn(place + 500_000) if check == 10 else f"{head}{check}"


def row(place: int = 1, **columns: str) -> Columns:
    """The columns of a right row, with those that a test sets."""
    given = {
        "case_ref": f"ZK-{place:05}",
        "bsn": bsn(place),
        "birth_date": "2012-05-17",
        "function": "mentor",
        "worker_name": "Anneke Zoutkeet",
        "worker_phone": "0118-555019",
        "since": "2026-01-05",
    }
    return given | columns


def case(reference: str, bsn: str, **columns: str) -> Case:
    """A case with a worker who can be called."""
    given = {"case_ref": reference, "bsn": bsn, "function": "mentor", "worker_phone": "0118-000001"}
    return parse(given | {"since": "2026-01-05"} | columns, today=TODAY, adults=True)


def table(rows: Iterable[Mapping[str, str]], header: Sequence[str] = COLUMNS, *, end: str = "\r\n") -> bytes:
    """A caseload file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, restval="", lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
