"""The tables of the embedded store, and how a connection to it behaves.

What is not here is the promise: no token, namespace, name, role, reason or day of publication. `row` is all that the
index keeps of an involvement; its salt opens the leaf at its position in the log, and is destroyed with it. `leaf` is
the log, which only ever grows. `event` holds what its receiver has not fetched yet: for a match the receiver's own
reference (its row may go before it has heard), for a letter the ciphertext and the day on which it came. `delivery` is
of matches that both sides know; `mediation` of what a coordinator was told: of a match that only it hears of, or that a
side has brought before it (`direct`). `asked` are the sides that it may write to, `heard` those that it has written to.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from raakvlak_protocol import entry
from raakvlak_protocol.errors import Refused, Unavailable

APPLICATION_ID: Final = 0x5241414B
"""Marks the file as an index's store ("RAAK")."""
WRITER_CACHE_KIB: Final = 8 * 1024
"""Small, so that memory does not grow with the rows: the system's own cache of the file holds the rest."""
READER_CACHE_KIB: Final = 2 * 1024
CHECKPOINT_PAGES: Final = 16_000
"""Pages of WAL (64 MB) after which a commit also copies them: at SQLite's 1,000 nearly every publication would."""
BUSY_MILLISECONDS: Final = 10_000

migrations: Final = Migrations("index")


@migrations()
def create(db: Database) -> None:
    for statement in (
        """CREATE TABLE row (digest BLOB NOT NULL, member INTEGER NOT NULL, epoch INTEGER NOT NULL,
           removal_month INTEGER NOT NULL, visibility INTEGER NOT NULL,
           PRIMARY KEY (digest, member)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE member (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,
           last_event INTEGER NOT NULL, acknowledged INTEGER NOT NULL, replay_needed INTEGER NOT NULL,
           last_seen INTEGER NOT NULL) STRICT""",
        # Apart from `member`, whose small rows are written with every event: an answer may hold 200 kB.
        """CREATE TABLE last_write (member INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, request_hash BLOB NOT NULL,
           answer BLOB NOT NULL) STRICT""",
        """CREATE TABLE delivery (match_id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, lower INTEGER NOT NULL,
           higher INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        "CREATE INDEX delivery_of_row ON delivery (digest)",
        """CREATE TABLE event (member INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL,
           match_id BLOB NOT NULL, other INTEGER NOT NULL, epoch INTEGER NOT NULL, letter INTEGER NOT NULL,
           content BLOB NOT NULL, posted INTEGER NOT NULL,
           PRIMARY KEY (member, number)) STRICT, WITHOUT ROWID""",
        "CREATE INDEX waiting_letter ON event (match_id, other, letter) WHERE kind = 3",
        "CREATE TABLE epoch (number INTEGER PRIMARY KEY, pepper_check BLOB NOT NULL) STRICT",
    ):
        db.execute(statement)


@migrations()
def add_log(db: Database) -> None:
    for statement in (
        "CREATE TABLE leaf (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
        "CREATE TABLE covenant (version INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
        # After a repair holder and day are empty until the key holder sends it again: a leaf tells only the hash.
        """CREATE TABLE statement (hash BLOB PRIMARY KEY, holder TEXT NOT NULL, day TEXT NOT NULL)
           STRICT, WITHOUT ROWID""",
        "CREATE UNIQUE INDEX statement_of_day ON statement (holder, day) WHERE holder <> ''",
        """CREATE TABLE witness (id TEXT PRIMARY KEY, size INTEGER NOT NULL, at INTEGER NOT NULL, note BLOB NOT NULL)
           STRICT, WITHOUT ROWID""",
        "ALTER TABLE last_write ADD COLUMN day INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE row RENAME TO row_without_leaf",
        """CREATE TABLE row (digest BLOB NOT NULL, member INTEGER NOT NULL, epoch INTEGER NOT NULL,
           removal_month INTEGER NOT NULL, visibility INTEGER NOT NULL, position INTEGER NOT NULL, salt BLOB NOT NULL,
           PRIMARY KEY (digest, member)) STRICT, WITHOUT ROWID""",
    ):
        db.execute(statement)
    _log_older_rows(db.conn)
    db.execute("DROP TABLE row_without_leaf")


@migrations()
def add_mediation(db: Database) -> None:
    for statement in (
        """CREATE TABLE mediation (match_id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, lower INTEGER NOT NULL,
           higher INTEGER NOT NULL, coordinator INTEGER NOT NULL, direct INTEGER NOT NULL, asked INTEGER NOT NULL,
           heard INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        # The second side of a match of which neither is the receiver.
        "ALTER TABLE event ADD COLUMN another INTEGER NOT NULL DEFAULT 0",
    ):
        db.execute(statement)


def _log_older_rows(connection: sqlite3.Connection) -> None:
    """Rows from before there was a log enter it in the order of their digests."""
    rows = connection.execute(
        """SELECT digest, member, epoch, removal_month, visibility, id FROM row_without_leaf JOIN member ON number = member
           ORDER BY digest, member"""
    )
    for position, (digest, number, epoch, month, visibility, member) in enumerate(rows):
        salt = os.urandom(entry.SALT_BYTES)
        leaf = entry.published(salt, entry.record(member, epoch, month, visibility, digest))
        connection.execute("INSERT INTO leaf VALUES (?, ?)", (position, leaf))
        row = (digest, number, epoch, month, visibility, position, salt)
        connection.execute("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def create_store(path: Path) -> None:
    """A new empty store, for its owner only; raises Refused over an existing one."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Refused(f"{path} exists already: this folder belongs to an index; choose another one") from None
    connection = _connection(path, WRITER_CACHE_KIB)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(connection))
    finally:
        connection.close()


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes, of one thread; brings an older schema up to date."""
    connection = _opened(path, WRITER_CACHE_KIB)
    migrations.apply(Database(connection))
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection of one thread that can't write; raises Refused where the schema is older: `serve` renews it."""
    connection = _opened(path, READER_CACHE_KIB)
    if migrations.pending(Database(connection)):
        connection.close()
        raise Refused(f"{path} was written by an older raakvlak-index: start 'serve' once, it brings the store up to date")
    connection.execute("PRAGMA query_only = ON")
    return connection


def _opened(path: Path, cache_kib: int) -> sqlite3.Connection:
    if not path.exists():
        raise Refused(
            f"the store {path} is missing: an empty one would forget every row; restore it from a backup, "
            "or run 'init' in a new folder"
        )
    try:
        connection = _connection(path, cache_kib)
        demand_known(connection, path)
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error
    return connection


def _translated(error: sqlite3.DatabaseError, path: Path) -> Exception:
    if isinstance(error, sqlite3.OperationalError):
        return Unavailable(f"{path} can't be opened now: check its permissions, the disk, and who else uses it")
    return Refused(f"{path} is no index's store, or is damaged: restore it from a backup")


def demand_known(connection: sqlite3.Connection, path: Path) -> None:
    """Returns for a store whose schema this version knows; raises Refused for another file or a newer schema."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise Refused(f"{path} is no index's store")
    applied = {each.name for each in migrations.applied(Database(connection))}
    with closing(Database(memory=True)) as nothing:
        known = {each.name for each in migrations.pending(nothing)}
    if applied - known:
        raise Refused(f"{path} was written by a newer raakvlak-index: run that version, this one would damage it")


def _connection(path: Path, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=64, check_same_thread=False)
    for pragma in (
        f"busy_timeout = {BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        # What is deleted is overwritten; in the WAL it goes with the next checkpoint, which expiry makes every hour.
        "secure_delete = ON",
        # No temporary file ever holds a row.
        "temp_store = MEMORY",
        f"cache_size = -{cache_kib}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection
