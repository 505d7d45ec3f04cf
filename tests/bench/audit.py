"""An officer audits an index of a million rows: `raakvlak-audit index`, as it is run, on a database as it is written.

Wall time and peak memory of the whole command, against the limits that an officer's patience and a laptop set. A tenth
of the leaves were removed again, and a tenth of the rows have a match.
"""

import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from raakvlak_audit.live import LiveLog
from raakvlak_audit.officer import Officer, Settings
from raakvlak_index import schema
from raakvlak_protocol import checkpoint, entry
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.term import month_of
from tests.bench.measure import Result, talk
from tests.covenants import Sandbox, make_covenant

ROWS: Final = 1_000_000
QUICK_ROWS: Final = 20_000
MAX_SECONDS: Final = 60.0
MAX_MEGABYTES: Final = 512.0
SHARED: Final = 10
"""One person in so many has rows of both members, and a match."""
REMOVED: Final = 10
"""One leaf in so many was removed again."""
MEMBERS: Final = {"school": "education", "town": "municipality"}


def run(*, quick: bool) -> list[Result]:
    """Seconds and megabytes; `quick` only shows that they can be made."""
    rows = QUICK_ROWS if quick else ROWS
    sandbox = make_covenant(members=MEMBERS)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        talk(f"audit: making an index of {rows:,} rows")
        database = folder / "store.db"
        note = make_index(sandbox, database, rows)
        Officer(folder / "officer").create(Settings(sandbox.payload.id), sandbox.file, sandbox.pin, note)
        talk("audit: auditing it")
        seconds, megabytes = _audited(folder / "officer", database, rows)
    return [
        Result(f"audit: index of {rows:,} rows", seconds, "s", MAX_SECONDS, MAX_SECONDS / seconds, 1.0, 1.0),
        Result(f"audit: memory for {rows:,} rows", megabytes, "MB", MAX_MEGABYTES, MAX_MEGABYTES / megabytes, 1.0, 1.0),
    ]


def make_index(sandbox: Sandbox, path: Path, rows: int) -> bytes:
    """A database as an index leaves it after `rows` live rows, and the log's checkpoint over all of it."""
    schema.create_store(path)
    log = LiveLog()
    month = month_of(datetime.now(UTC)) + sandbox.covenant.retention_months
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        today = int(time.time()) // 86_400
        for number, member in enumerate(MEMBERS, 1):
            connection.execute("INSERT INTO member VALUES (?, ?, 1, 0, 0, 0, ?)", (number, member, today))
        connection.execute("INSERT INTO covenant VALUES (?, ?)", (sandbox.covenant.version, sandbox.covenant.hash))
        made = _rows(rows, month, log)
        connection.executemany("INSERT INTO leaf VALUES (?, ?)", _taken(log, made, sandbox, connection))
        told = connection.execute("SELECT digest FROM row GROUP BY digest HAVING count(*) = 2").fetchall()
        connection.executemany("INSERT INTO delivery VALUES (?, ?, 1, 2)", ((os.urandom(16), digest) for (digest,) in told))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    origin = sandbox.covenant.log_key.name
    return checkpoint.sign(Checkpoint(origin, log.size, log.root(log.size)), sandbox.log_seed)


Row = tuple[bytes, int, int, int, int, int, bytes]


def _rows(count: int, month: int, log: LiveLog) -> Iterator[tuple[bytes, Row | None]]:
    """Leaves with the row of each, None where it tells of none; `log` has taken the leaves before."""
    heads = {number: entry.record_head(member, 1, month, Visibility.DIRECT) for number, member in enumerate(MEMBERS, 1)}
    made = 0
    while made < count:
        digest = os.urandom(16)
        for number in (1, 2) if made % SHARED == 0 else (1 + made % 2,):
            salt, position = os.urandom(32), log.size
            leaf = entry.published(salt, heads[number] + digest)
            if made % REMOVED == 1:
                yield leaf, None
                yield entry.removed(position), None
                salt, position = os.urandom(32), log.size
                leaf = entry.published(salt, heads[number] + digest)
            yield leaf, (digest, number, 1, month, int(Visibility.DIRECT), position, salt)
            made += 1


def _taken(
    log: LiveLog, made: Iterator[tuple[bytes, Row | None]], sandbox: Sandbox, connection: sqlite3.Connection
) -> Iterator[tuple[int, bytes]]:
    first = entry.covenant(sandbox.covenant.version, sandbox.covenant.hash)
    rows = []
    for leaf, row in itertools.chain([(first, None)], made):
        position = log.size
        log.take([leaf])
        if row is not None:
            rows.append(row)
        yield position, leaf
    rows.sort()
    connection.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


_PROGRAM: Final = """
import pathlib
from raakvlak_audit.cli import main
try:
    main()
finally:
    # Not what the parent is told: that would count the parent's own memory too, from before the program was loaded.
    pathlib.Path(STATUS).write_text(pathlib.Path("/proc/self/status").read_text())
"""


def _audited(officer: Path, database: Path, rows: int) -> tuple[float, float]:
    """Seconds and peak megabytes of the command, which must find all in order."""
    status = officer.parent / "status"
    began = time.monotonic()
    program = [sys.executable, "-c", _PROGRAM.replace("STATUS", repr(str(status)))]
    done = subprocess.run(
        [*program, "index", str(database), "--folder", str(officer), "--json"], stdout=subprocess.PIPE, check=False
    )
    seconds = time.monotonic() - began
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["verdict"] == "ok", report
    assert ("rows", rows) in {(each["id"], each["value"]) for each in report["figures"]}
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert peak is not None
    return seconds, int(peak[1]) / 1024
