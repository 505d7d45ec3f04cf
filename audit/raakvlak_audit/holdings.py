"""What an index's database may hold: every table and column, its type and why it is there. Stands here a second time,
apart from the index's own schema, so that what is added there is found by whoever runs this. No I/O but the queries.

DESIGN §4: of an involvement its digest, member, epoch, month of removal, visibility, position in the log and salt.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

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
    },
    "epoch": {"number": "INTEGER", "pepper_check": "BLOB"},
    "covenant": {"version": "INTEGER", "hash": "BLOB"},
    "statement": {"holder": "TEXT", "day": "TEXT", "hash": "BLOB"},
    "witness": {"id": "TEXT", "size": "INTEGER", "note": "BLOB", "at": "INTEGER"},
    "_sqlite_migrations": {"id": "INTEGER", "migration_set": "TEXT", "name": "TEXT", "applied_at": "TEXT"},
}

INDICES: Final = frozenset(
    {"delivery_of_row", "waiting_letter", "statement_of_day", "idx__sqlite_migrations_migration_set_name"}
)

_BYTES: Final[Mapping[tuple[str, str], str]] = {
    ("row", "digest"): "length(digest) = 16",
    ("row", "salt"): "length(salt) = 32",
    ("leaf", "entry"): "length(entry) BETWEEN 9 AND 37",
    ("delivery", "digest"): "length(digest) = 16",
    ("delivery", "match_id"): "length(match_id) = 16",
    ("event", "match_id"): "length(match_id) IN (0, 16)",
    # An own reference, or a letter of one of the three sizes with its two locks: no more than the largest.
    ("event", "content"): "length(content) <= 17000",
    ("member", "id"): "length(id) BETWEEN 1 AND 63",
    ("last_write", "request_hash"): "length(request_hash) IN (0, 32)",
    # A reference and a flag for each of at most 10,000 items.
    ("last_write", "answer"): "length(answer) <= 250000",
    ("epoch", "pepper_check"): "length(pepper_check) = 32",
    ("covenant", "hash"): "length(hash) = 32",
    ("statement", "holder"): "length(holder) <= 255",
    ("statement", "day"): "length(day) IN (0, 10)",
    ("statement", "hash"): "length(hash) = 32",
    ("witness", "id"): "length(id) BETWEEN 1 AND 63",
    ("witness", "note"): "length(note) <= 65536",
    ("_sqlite_migrations", "name"): "length(name) <= 64",
    ("_sqlite_migrations", "migration_set"): "length(migration_set) <= 64",
    ("_sqlite_migrations", "applied_at"): "length(applied_at) <= 40",
}
_NUMBERS: Final[Mapping[tuple[str, str], int]] = {
    ("row", "epoch"): 2**32,
    ("row", "removal_month"): 2**16,
    ("row", "visibility"): 3,
    ("event", "kind"): 5,
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
            yield Stranger(str(name), "", "virtual table" if "virtual" in sql.lower() else "table")
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


def misfits(connection: sqlite3.Connection) -> Iterator[Stranger]:
    """Values that are of another type or larger than what belongs there, counted by column."""
    for table, columns in ALLOWED.items():
        tests = []
        for column, type in columns.items():
            fits = f"typeof({column}) = '{_TYPES[type]}'"
            if (table, column) in _BYTES:
                fits += f" AND {_BYTES[table, column]}"
            if (table, column) in _NUMBERS:
                fits += f" AND {column} >= 0 AND {column} < {_NUMBERS[table, column]}"
            tests.append(f"coalesce(sum(NOT ({fits})), 0)")
        counts = connection.execute(f"SELECT {', '.join(tests)} FROM {table}").fetchone()  # noqa: S608
        for column, count in zip(columns, counts, strict=True):
            if count:
                yield Stranger(table, column, "value", int(count))
