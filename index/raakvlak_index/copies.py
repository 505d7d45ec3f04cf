"""Backup, restore and repair of the store. The pepper is never in a copy: without it a copy finds nobody, and with the
copy alone nobody can be looked up.

A store that is older than the published log, because a backup took its place or its disk lost writes, is brought up to
the log in one transaction, whichever of the two commands does it: *every entry* that was published and is missing
enters it; *every removal* in the log is applied again, so that no row stands that was withdrawn or has lapsed since; and
*every row* that was published since, and of which only the hash is known, is marked in the log as removed. Then each
live position has one row again. What the log does not have is not brought back, and not guessed: where the store holds
another entry at a position than was published, nothing is done but to name it.

What the store does not know beyond that, and how it becomes known. *Writes since the copy*: `Open` tells each node a
lower last sequence than its own, so that it compares by `Inventory` what stands with what it published and withdrew.
*Generations since the copy*: every generation is raised by LEAP, so that none that was handed out is ever valid again
and each process must open. *Events since the copy*: their numbers were given out, so the numbers leap too; what waited
is dropped and a replay tells the current matches. *Letters in the copy*: may have been fetched long ago; they are not
delivered, their senders are told that they lapsed and post again. *What coordinators were told since the copy* is found
again by the next sweep, once they and the sides have opened. Until its node has opened, every member is suspended.
"""

import dataclasses
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_index import schema
from raakvlak_index.index import SUSPENDED_AFTER_DAYS, day_of
from raakvlak_index.log import PublishedLog, demand_same
from raakvlak_protocol import entry
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.tile import TILE_WIDTH

LEAP: Final = 1_000_000
"""More generations and more events than come between a copy and its restoring."""
MAX_AGE_DAYS: Final = 30
"""Older copies must be destroyed: erasure is complete only when the last one that knew the row has gone."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What bringing a store up to the log does, in numbers; `age_days` is a backup's."""

    entries: int
    """Published entries that the store lacked."""
    removed: int
    """Rows that stood again and were removed again."""
    lost: int
    """Rows that were published since, and are now marked as removed."""
    tiles: int = 0
    """Damaged hash tiles of the published log that were made anew from its entries."""
    age_days: int = 0


def backup(store: Path, copy: Path, now: datetime) -> int:
    """A consistent copy for its owner only, also while the index serves; how many entries of the log are in it.

    These must be published before the copy is relied on: an index that loses its store before they are goes on otherwise
    behind them, and a copy that holds other entries than were published can't be restored. Raises Refused over an
    existing file.
    """
    connection = schema.open_for_reading(store)
    try:
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        connection.close()
        raise Refused(f"{copy} exists already: name another file") from None
    try:
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("VACUUM INTO ?", (str(copy),))
        _mark(copy, day_of(now))
        _flush(copy)
        return _entries_in(copy)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    finally:
        connection.close()


def restore(
    copy: Path, store: Path, published: PublishedLog | None, now: datetime, *, replace: bool, dry_run: bool = False
) -> Mended:
    """Makes the copy the store, as the head of this module says. Without a published log nothing can be applied again.

    The caller sees to it that no index serves. Raises Refused, and leaves everything as it was, where a store stands
    and is not to be replaced, the file is no sound backup, or it does not begin as the published log does.
    """
    if store.exists() and not (replace or dry_run):
        raise Refused(f"{store} exists: its rows and letters would be lost; say --replace if that is what you want")
    tiles = published.mend(dry_run=dry_run) if published is not None else 0
    fresh = store.with_name(store.name + ".restored")
    _remove(fresh)
    try:
        shutil.copyfile(copy, fresh)
        fresh.chmod(0o600)
        mended = _made_current(fresh, copy, published, day_of(now))
        _flush(fresh)
        if not dry_run:
            for suffix in ("-wal", "-shm"):  # of the store that goes; beside the new one they would damage it
                store.with_name(store.name + suffix).unlink(missing_ok=True)
            fresh.replace(store)
            _flush(store.parent)
    finally:
        _remove(fresh)
    return dataclasses.replace(mended, tiles=tiles)


def repair(store: Path, published: PublishedLog | None, now: datetime, *, dry_run: bool = False) -> Mended:
    """Does the same to the store as it stands, for one that an older copy was put in place of, or that lost writes.

    One transaction: broken off, it has changed nothing but hash tiles that were damaged. The caller sees to it that no
    index serves.
    """
    tiles = published.mend(dry_run=dry_run) if published is not None else 0
    connection = schema.open_for_writing(store)
    with closing(connection):
        with _transaction(connection, keep=not dry_run):
            mended = _brought_up_to(connection, published)
            _leap(connection, day_of(now))
            connection.execute("PRAGMA user_version = 0")  # a live store again, where a copy was put in place by hand
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return dataclasses.replace(mended, tiles=tiles)


def _made_current(fresh: Path, copy: Path, published: PublishedLog | None, today: int) -> Mended:
    """Turns a copy into a store that may serve."""
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            schema.demand_known(connection, copy)
            (made,) = connection.execute("PRAGMA user_version").fetchone()
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise Refused(f"{copy} is damaged: take another backup")
            if not made:
                raise Refused(f"{copy} was not made by 'raakvlak-index backup', and may lack its last writes")
        with closing(schema.open_for_writing(fresh)) as connection:
            with _transaction(connection, keep=True):
                mended = _brought_up_to(connection, published)
                _leap(connection, today)
                connection.execute("PRAGMA user_version = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        raise Refused(f"{copy} is no backup of an index, or is damaged") from None
    return dataclasses.replace(mended, age_days=today - int(made))


# --- up to the log ----------------------------------------------------------------------------------------------------


def _brought_up_to(db: sqlite3.Connection, published: PublishedLog | None) -> Mended:
    """Raises Refused naming the first position at which the store holds another entry than was published."""
    (size,) = db.execute("SELECT coalesce(max(position) + 1, 0) FROM leaf").fetchone()
    missing = 0
    if published is not None:
        _demand_beginning(db, published, min(size, published.size))
        missing = max(0, published.size - size)
        db.executemany("INSERT INTO leaf VALUES (?, ?)", enumerate(published.published(size), size))
        _follow(db, size)
    live = _live_positions(db, size + missing)
    gone = [
        (digest, member)
        for digest, member, position in db.execute("SELECT digest, member, position FROM row")
        if not (position < len(live) and live[position])
    ]
    _remove_rows(db, gone)
    for (position,) in db.execute("SELECT position FROM row"):
        live[position] = 0
    lost = [position for position, lives in enumerate(live) if lives]
    end = size + missing
    db.executemany("INSERT INTO leaf VALUES (?, ?)", enumerate(map(entry.removed, lost), end))
    return Mended(missing, len(gone), len(lost))


def _demand_beginning(db: sqlite3.Connection, published: PublishedLog, size: int) -> None:
    shown = published.published(0)
    for first in range(0, size, TILE_WIDTH):
        count = min(TILE_WIDTH, size - first)
        rows = db.execute("SELECT entry FROM leaf WHERE position >= ? ORDER BY position LIMIT ?", (first, count))
        demand_same([leaf for (leaf,) in rows], [next(shown) for _ in range(count)], first)


def _follow(db: sqlite3.Connection, size: int) -> None:
    """What the entries from a position on say of covenant, epochs and statements."""
    for (leaf,) in db.execute("SELECT entry FROM leaf WHERE position >= ? ORDER BY position", (size,)).fetchall():
        said = entry.parse(leaf)
        match said.kind:
            case Kind.COVENANT:
                db.execute("INSERT OR REPLACE INTO covenant VALUES (?, ?)", (said.number, said.hash))
            case Kind.EPOCH:
                db.execute("INSERT OR REPLACE INTO epoch VALUES (?, ?)", (said.number, said.hash))
            case Kind.STATEMENT:
                db.execute("INSERT OR IGNORE INTO statement VALUES (?, '', '')", (said.hash,))
            case _:
                pass


def _live_positions(db: sqlite3.Connection, size: int) -> bytearray:
    """For each of `size` positions, 1 where a row was published and not removed, else 0. A byte each: there may be tens
    of millions."""
    live = bytearray(size)
    for position, leaf in db.execute("SELECT position, entry FROM leaf ORDER BY position"):
        if leaf[0] == Kind.PUBLISHED:
            live[position] = 1
        elif leaf[0] == Kind.REMOVED:
            # One that names no earlier position removes nothing: its own is never live.
            live[min(int.from_bytes(leaf[1:], "big"), position)] = 0
    return live


def _remove_rows(db: sqlite3.Connection, rows: list[tuple[bytes, int]]) -> None:
    """With their matches. Nobody is told by an event: every member is told by a replay."""
    db.executemany("DELETE FROM row WHERE digest = ? AND member = ?", rows)
    for digest, member in rows:
        ended = db.execute(
            "DELETE FROM delivery WHERE digest = ? AND ? IN (lower, higher) RETURNING match_id", (digest, member)
        ).fetchall()
        # Letters of a match that is gone do not lapse: their senders are not to post them again.
        db.executemany("DELETE FROM event WHERE match_id = ?", ended)
    ended = db.execute(
        "DELETE FROM mediation WHERE NOT EXISTS (SELECT 1 FROM row WHERE digest = mediation.digest AND member = lower) "
        "OR NOT EXISTS (SELECT 1 FROM row WHERE digest = mediation.digest AND member = higher) RETURNING match_id"
    ).fetchall()
    db.executemany("DELETE FROM event WHERE match_id = ?", ended)


def _leap(connection: sqlite3.Connection, today: int) -> None:
    letters = connection.execute("SELECT other, match_id, letter, member FROM event WHERE kind = 3").fetchall()
    connection.execute("DELETE FROM event")
    connection.execute(
        "UPDATE member SET generation = generation + :leap, last_event = last_event + :leap, "
        "acknowledged = last_event + :leap, replay_needed = replay_needed + 1, last_seen = min(last_seen, :silent)",
        {"leap": LEAP, "silent": today - SUSPENDED_AFTER_DAYS - 1},
    )
    for sender, match_id, letter, receiver in letters:
        connection.execute("UPDATE member SET last_event = last_event + 1 WHERE number = ?", (sender,))
        connection.execute(
            "INSERT INTO event SELECT number, last_event, 4, ?, ?, 0, ?, x'', 0, 0 FROM member WHERE number = ?",
            (match_id, receiver, letter, sender),
        )


# ----------------------------------------------------------------------------------------------------------------------


@contextmanager
def _transaction(connection: sqlite3.Connection, *, keep: bool) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT" if keep else "ROLLBACK")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _mark(copy: Path, day: int) -> None:
    """The day stands in the file itself, where no copying loses it."""
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        connection.execute(f"PRAGMA user_version = {day}")
    finally:
        connection.close()


def _remove(store: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def _entries_in(copy: Path) -> int:
    connection = sqlite3.connect(copy)
    try:
        return int(connection.execute("SELECT coalesce(max(position) + 1, 0) FROM leaf").fetchone()[0])
    finally:
        connection.close()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
