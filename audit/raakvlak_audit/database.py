"""The operator's database, opened so that nothing in it can change."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from raakvlak_protocol.errors import Malformed, Unavailable

_MOST_DAYS: Final = 1_000_000
"""Some 2,700 years: a larger number is no day."""


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can't write. A file without a write-ahead log beside it is read as it lies there, without locks or
    helper files; one with such a log is a live store, or a copy of one, and is read together with it.

    Raises Unavailable where it can't be opened or is busy, Malformed where it is no database or is damaged.
    """
    live = path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'' if live else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("PRAGMA query_only = ON")
            # A text that is none is something to report, not a reason to break off.
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield connection
    except sqlite3.OperationalError as error:
        raise Unavailable(f"{path} can't be read now ({error}): ask the operator for a backup of it") from None
    except sqlite3.DatabaseError:
        raise Malformed(f"{path} is no database of an index, or is damaged") from None


def live_rows(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """How many rows each (member, epoch) has; every row is one distinct token."""
    rows = connection.execute(
        "SELECT member.id, row.epoch, count(*) FROM row LEFT JOIN member ON member.number = row.member GROUP BY 1, 2"
    )
    return {(member or "?", epoch): count for member, epoch, count in rows}


def backup_day(connection: sqlite3.Connection) -> date | None:
    """The day on which a backup was made, which the index writes into it; None for a live store."""
    days = int(connection.execute("PRAGMA user_version").fetchone()[0])
    return date(1970, 1, 1) + timedelta(days=days) if 0 < days < _MOST_DAYS else None
