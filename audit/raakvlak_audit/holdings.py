"""What an index's database may hold: every table and column, its type and why it is there. Stands here a second time,
apart from the index's own schema, so that what is added there is found by whoever runs this. No I/O but the queries.

DESIGN §4: of an involvement its digest, member, epoch, month of removal, visibility, position in the log and salt; of a
match who was told, both sides or a coordinator.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from raakvlak_protocol import checkpoint, note
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.letter import SIZES
from raakvlak_protocol.note import NoteKey

ANSWER_DAYS: Final = 2
"""After so many days the index has emptied the answer to a member's last write."""
ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    "row": {
        "digest": "BLOB",
        "member": "INTEGER",
        "epoch": "INTEGER",
        "removal_month": "INTEGER",
        "visibility": "INTEGER",
        "position": "INTEGER",
        "salt": "BLOB",
    },
    "leaf": {"position": "INTEGER", "entry": "BLOB"},
    "member": {
        "number": "INTEGER",
        "id": "TEXT",
        "generation": "INTEGER",
        "last_event": "INTEGER",
        "acknowledged": "INTEGER",
        "replay_needed": "INTEGER",
        "last_seen": "INTEGER",
    },
    "last_write": {"member": "INTEGER", "sequence": "INTEGER", "request_hash": "BLOB", "answer": "BLOB", "day": "INTEGER"},
    "delivery": {"match_id": "BLOB", "digest": "BLOB", "lower": "INTEGER", "higher": "INTEGER"},
    "mediation": {
        "match_id": "BLOB",
        "digest": "BLOB",
        "lower": "INTEGER",
        "higher": "INTEGER",
        "coordinator": "INTEGER",
        "direct": "INTEGER",
        "asked": "INTEGER",
        "heard": "INTEGER",
    },
    "event": {
        "member": "INTEGER",
        "number": "INTEGER",
        "kind": "INTEGER",
        "match_id": "BLOB",
        "other": "INTEGER",
        "epoch": "INTEGER",
        "letter": "INTEGER",
        "content": "BLOB",
        "posted": "INTEGER",
        "another": "INTEGER",
    },
    "epoch": {"number": "INTEGER", "pepper_check": "BLOB"},
    "covenant": {"version": "INTEGER", "hash": "BLOB"},
    "statement": {"holder": "TEXT", "day": "TEXT", "hash": "BLOB"},
    "witness": {"id": "TEXT", "size": "INTEGER", "note": "BLOB", "at": "INTEGER"},
    "_sqlite_migrations": {"id": "INTEGER", "migration_set": "TEXT", "name": "TEXT", "applied_at": "TEXT"},
}

BUILT: Final[Mapping[str, str]] = {
    "_sqlite_migrations": (
        'CREATE TABLE "_sqlite_migrations" (\n'
        '   "id" INTEGER PRIMARY KEY,\n'
        '   "migration_set" TEXT,\n'
        '   "name" TEXT,\n'
        '   "applied_at" TEXT\n'
        ")"
    ),
    "covenant": "CREATE TABLE covenant (version INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
    "delivery": (
        "CREATE TABLE delivery (match_id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, lower INTEGER NOT NULL,\n"
        "           higher INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    ),
    "epoch": "CREATE TABLE epoch (number INTEGER PRIMARY KEY, pepper_check BLOB NOT NULL) STRICT",
    "event": (
        "CREATE TABLE event (member INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL,\n"
        "           match_id BLOB NOT NULL, other INTEGER NOT NULL, epoch INTEGER NOT NULL, letter INTEGER NOT NULL,\n"
        "           content BLOB NOT NULL, posted INTEGER NOT NULL, another INTEGER NOT NULL DEFAULT 0,\n"
        "           PRIMARY KEY (member, number)) STRICT, WITHOUT ROWID"
    ),
    "last_write": (
        "CREATE TABLE last_write (member INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, request_hash BLOB NOT NULL,\n"
        "           answer BLOB NOT NULL, day INTEGER NOT NULL DEFAULT 0) STRICT"
    ),
    "leaf": "CREATE TABLE leaf (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
    "member": (
        "CREATE TABLE member (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,\n"
        "           last_event INTEGER NOT NULL, acknowledged INTEGER NOT NULL, replay_needed INTEGER NOT NULL,\n"
        "           last_seen INTEGER NOT NULL) STRICT"
    ),
    "mediation": (
        "CREATE TABLE mediation (match_id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, lower INTEGER NOT NULL,\n"
        "           higher INTEGER NOT NULL, coordinator INTEGER NOT NULL, direct INTEGER NOT NULL, "
        "asked INTEGER NOT NULL,\n"
        "           heard INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    ),
    "row": (
        "CREATE TABLE row (digest BLOB NOT NULL, member INTEGER NOT NULL, epoch INTEGER NOT NULL,\n"
        "           removal_month INTEGER NOT NULL, visibility INTEGER NOT NULL, position INTEGER NOT NULL, "
        "salt BLOB NOT NULL,\n"
        "           PRIMARY KEY (digest, member)) STRICT, WITHOUT ROWID"
    ),
    "statement": (
        "CREATE TABLE statement (hash BLOB PRIMARY KEY, holder TEXT NOT NULL, day TEXT NOT NULL)\n"
        "           STRICT, WITHOUT ROWID"
    ),
    "witness": (
        "CREATE TABLE witness (id TEXT PRIMARY KEY, size INTEGER NOT NULL, at INTEGER NOT NULL, note BLOB NOT NULL)\n"
        "           STRICT, WITHOUT ROWID"
    ),
    "delivery_of_row": "CREATE INDEX delivery_of_row ON delivery (digest)",
    "idx__sqlite_migrations_migration_set_name": (
        'CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"\n    ON "_sqlite_migrations" ("migration_set", "name")'
    ),
    "statement_of_day": "CREATE UNIQUE INDEX statement_of_day ON statement (holder, day) WHERE holder <> ''",
    "waiting_letter": "CREATE INDEX waiting_letter ON event (match_id, other, letter) WHERE kind = 3",
}
"""How each table and search index is described in the database, to the letter: a description may hold remarks, and a table
that is built otherwise has places that its columns don't show."""
INDICES: Final = frozenset(BUILT.keys() - ALLOWED.keys())

_BYTES: Final[Mapping[tuple[str, str], str]] = {
    ("row", "digest"): "length(digest) = 16",
    ("row", "salt"): "length(salt) = 32",
    ("leaf", "entry"): "length(entry) BETWEEN 9 AND 37",
    ("delivery", "digest"): "length(digest) = 16",
    ("delivery", "match_id"): "length(match_id) = 16",
    ("mediation", "digest"): "length(digest) = 16",
    ("mediation", "match_id"): "length(match_id) = 16",
    ("event", "match_id"): "length(match_id) IN (0, 16)",
    # For a match the receiver's own reference, for a letter one of the three sizes; for a coordinator the references of
    # the sides that it may ask, or none; nothing for all others.
    ("event", "content"): f"CASE kind WHEN 1 THEN length(content) = 16 WHEN 3 THEN length(content) IN {SIZES} "
    "WHEN 5 THEN length(content) IN (0, 32) ELSE content = x'' END",
    ("last_write", "request_hash"): "length(request_hash) IN (0, 32)",
    # A reference and a flag for each of at most 10,000 items.
    ("last_write", "answer"): "length(answer) <= 250000",
    ("epoch", "pepper_check"): "length(pepper_check) = 32",
    ("covenant", "hash"): "length(hash) = 32",
    ("statement", "hash"): "length(hash) = 32",
    ("witness", "note"): "length(note) <= 65536",
}
_TEXTS: Final[Mapping[tuple[str, str], re.Pattern[bytes]]] = {
    ("member", "id"): re.compile(rb"[a-z0-9][a-z0-9-]{0,62}"),
    # Both are empty after a repair, until the key holder sends the statement again.
    ("statement", "holder"): re.compile(rb"(?:[a-z0-9][a-z0-9-]{0,62})?"),
    ("statement", "day"): re.compile(rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2})?"),
    ("witness", "id"): re.compile(rb"[a-z0-9][a-z0-9-]{0,62}"),
    ("_sqlite_migrations", "migration_set"): re.compile(rb"index"),
    ("_sqlite_migrations", "name"): re.compile(rb"create|add_log|add_mediation"),
    ("_sqlite_migrations", "applied_at"): re.compile(
        rb"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:\+00:00|Z)?"
    ),
}
"""What a text may be, whole, as bytes: SQLite's own functions look no further than the first zero byte."""
_NUMBERS: Final[Mapping[tuple[str, str], int]] = {
    ("row", "epoch"): 2**32,
    ("row", "removal_month"): 2**16,
    ("row", "visibility"): 3,
    ("mediation", "direct"): 2,
    ("mediation", "asked"): 4,
    ("mediation", "heard"): 4,
    ("event", "kind"): 6,
    ("event", "epoch"): 2**32,
    ("event", "posted"): 2**20,
    ("member", "last_seen"): 2**20,
    ("last_write", "day"): 2**20,
}
"""A number must be below this; one that may be larger could carry something else within it."""
_TYPES: Final = {"BLOB": "blob", "INTEGER": "integer", "TEXT": "text"}


@dataclass(frozen=True, slots=True)
class Stranger:
    """Something that must not be there: `table` and `column` name the place, `what` says which rule it breaks."""

    table: str
    column: str
    what: str
    count: int = 1


def strangers(connection: sqlite3.Connection) -> Iterator[Stranger]:
    """Every table, column, trigger, view or index that is not allowed, and every allowed one that is missing."""
    found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name").fetchall()
    tables = {str(name) for kind, name, _ in found if kind == "table"}
    for kind, name, sql in found:
        own = str(name).startswith("sqlite_autoindex_")
        if kind in ("trigger", "view") or (kind == "index" and name not in INDICES and not own):
            yield Stranger(str(name), "", str(kind))
        if kind == "table" and name not in ALLOWED:
            yield Stranger(str(name), "", "virtual table" if _virtual(sql) else "table")
        if _virtual(sql) and name in ALLOWED:
            yield Stranger(str(name), "", "virtual table")
        if kind == "index" and name in INDICES and sql != BUILT[name]:
            yield Stranger(str(name), "", "built")
    sqls = {str(name): str(sql) for kind, name, sql in found if kind == "table"}
    for table, columns in ALLOWED.items():
        if table not in tables:
            yield Stranger(table, "", "missing")
            continue
        there = {str(each[1]): str(each[2]) for each in connection.execute(f"PRAGMA table_xinfo({table})")}
        for column in there.keys() - columns.keys():
            yield Stranger(table, column, "column")
        for column, type in columns.items():
            if column not in there:
                yield Stranger(table, column, "missing")
            elif there[column] != type:
                yield Stranger(table, column, "type")
        if there == columns and sqls[table] != BUILT[table]:
            yield Stranger(table, "", "built")


def _virtual(sql: str) -> bool:
    return "virtual" in sql.lower()


def misfits(connection: sqlite3.Connection, today: int) -> Iterator[Stranger]:
    """Values that are of another type, size or form than what belongs there, counted by column. `today` is the day, since
    1970, for which the database speaks."""
    for table, columns in ALLOWED.items():
        tests = []
        for column, type in columns.items():
            fits = f"typeof({column}) = '{_TYPES[type]}'"
            if (table, column) in _BYTES:
                fits += f" AND {_BYTES[table, column]}"
            if column in ("request_hash", "answer"):
                fits += f" AND ({column} = x'' OR day >= {int(today) - ANSWER_DAYS})"
            if (table, column) in _NUMBERS:
                fits += f" AND {column} >= 0 AND {column} < {_NUMBERS[table, column]}"
            tests.append(f"coalesce(sum(NOT ({fits})), 0)")
        counts = connection.execute(f"SELECT {', '.join(tests)} FROM {table}").fetchone()  # noqa: S608
        for column, count in zip(columns, counts, strict=True):
            if count:
                yield Stranger(table, column, "value", int(count))
    for (table, column), form in _TEXTS.items():
        values = connection.execute(f"SELECT CAST({column} AS BLOB) FROM {table}")  # noqa: S608
        if count := sum(value is not None and not form.fullmatch(value) for (value,) in values):
            yield Stranger(table, column, "value", count)


def notes(connection: sqlite3.Connection, log_key: NoteKey, witnesses: Mapping[str, NoteKey]) -> Iterator[Stranger]:
    """Kept checkpoints that are not what the log signed and this witness cosigned, with nobody else's lines in them."""
    wrong = sum(
        not _kept(str(id), bytes(raw), log_key, witnesses) for id, raw in connection.execute("SELECT id, note FROM witness")
    )
    if wrong:
        yield Stranger("witness", "note", "value", wrong)


def _kept(id: str, raw: bytes, log_key: NoteKey, witnesses: Mapping[str, NoteKey]) -> bool:
    try:
        checkpoint.verify(raw, log_key)
        names = {line.name for line in note.parse(raw).lines}
        known = {log_key.name, *(each.name for each in witnesses.values())}
        return id in witnesses and checkpoint.cosigned(raw, witnesses[id]) is not None and names <= known
    except RaakvlakError:
        return False
