"""Backup and restore of the store. The pepper is never in a copy: without it a copy finds nobody, and with the copy
alone nobody can be looked up.

What a restored index does not know, and how it becomes known. *Writes since the copy*: `Open` tells each node a lower
last sequence than its own, so that it compares by `Inventory` what stands with what it published and withdrew.
*Generations since the copy*: every generation is raised by LEAP, so that none that was handed out is ever valid again
and each process must open. *Events since the copy*: their numbers were given out, so the numbers leap too; what waited
is dropped and a replay tells the current matches. *Letters in the copy*: may have been fetched long ago; they are not
delivered, their senders are told that they lapsed and post again. *Rows withdrawn since the copy* stand again until
their nodes have opened: until then every member is suspended from matching.
"""

import os
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_index import schema
from raakvlak_index.index import SUSPENDED_AFTER_DAYS, day_of
from raakvlak_protocol.errors import Refused

LEAP: Final = 1_000_000
"""More generations and more events than come between a copy and its restoring."""
MAX_AGE_DAYS: Final = 30
"""Older copies must be destroyed: erasure is complete only when the last one that knew the row has gone."""


def backup(store: Path, copy: Path, now: datetime) -> None:
    """A consistent copy for its owner only, also while the index serves. Raises Refused over an existing file."""
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
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    finally:
        connection.close()


def restore(copy: Path, store: Path, now: datetime, *, replace: bool) -> int:
    """Makes the copy the store, as the head of this module says; the copy's age in days.

    The caller sees to it that no index serves. Raises Refused, and leaves everything as it was, where a store stands
    and is not to be replaced, or the file is no sound backup.
    """
    if store.exists() and not replace:
        raise Refused(f"{store} exists: its rows and letters would be lost; say --replace if that is what you want")
    fresh = store.with_name(store.name + ".restored")
    fresh.unlink(missing_ok=True)
    try:
        shutil.copyfile(copy, fresh)
        fresh.chmod(0o600)
        age = day_of(now) - _made_current(fresh, copy, day_of(now))
        _flush(fresh)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    for suffix in ("-wal", "-shm"):  # of the store that goes; beside the new one they would damage it
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    fresh.replace(store)
    _flush(store.parent)
    return age


def _made_current(fresh: Path, copy: Path, today: int) -> int:
    """Turns a copy into a store that may serve; the day on which it was made."""
    try:
        connection = sqlite3.connect(fresh, isolation_level=None)
        try:
            schema.demand_known(connection, copy)
            (made,) = connection.execute("PRAGMA user_version").fetchone()
            if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise Refused(f"{copy} is damaged: take another backup")
            if not made:
                raise Refused(f"{copy} was not made by 'raakvlak-index backup', and may lack its last writes")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN")
            _leap(connection, today)
            connection.execute("PRAGMA user_version = 0")
            connection.execute("COMMIT")
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        raise Refused(f"{copy} is no backup of an index, or is damaged") from None
    return int(made)


def _leap(connection: sqlite3.Connection, today: int) -> None:
    letters = connection.execute("SELECT other, match_id, letter FROM event WHERE kind = 3").fetchall()
    connection.execute("DELETE FROM event")
    connection.execute(
        "UPDATE member SET generation = generation + :leap, last_event = last_event + :leap, "
        "acknowledged = last_event + :leap, replay_needed = replay_needed + 1, last_seen = :silent",
        {"leap": LEAP, "silent": today - SUSPENDED_AFTER_DAYS - 1},
    )
    for sender, match_id, letter in letters:
        connection.execute("UPDATE member SET last_event = last_event + 1 WHERE number = ?", (sender,))
        connection.execute(
            "INSERT INTO event SELECT number, last_event, 4, ?, 0, 0, ?, x'', 0 FROM member WHERE number = ?",
            (match_id, letter, sender),
        )


def _mark(copy: Path, day: int) -> None:
    """The day stands in the file itself, where no copying loses it."""
    connection = sqlite3.connect(copy, isolation_level=None)
    try:
        connection.execute(f"PRAGMA user_version = {day}")
    finally:
        connection.close()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
