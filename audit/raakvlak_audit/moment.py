"""For which moment a database speaks. Terms and silences are counted from it, so that the operator may not choose it.

A database that the index works with speaks for now. A backup speaks for the day that the index wrote into it; that day
may not lie after today, nor before anything that the file itself, or the officer's own checkpoint, shows to be later.
"""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from raakvlak_audit.database import backup_day
from raakvlak_audit.report import Check, Verdict
from raakvlak_audit.sentences import index as words

EPOCH: Final = date(1970, 1, 1)
_SLACK: Final = timedelta(days=1)
"""A backup that is begun just before midnight may hold what came just after; and a witness has its own clock."""
_LATEST_DAY: Final = """
SELECT max(last) FROM (SELECT max(last_seen) AS last FROM member UNION ALL SELECT max(day) FROM last_write
UNION ALL SELECT max(posted) FROM event UNION ALL SELECT max(at) / 86400 FROM witness)
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment by which a database is judged, the day of the backup that it says to be, and the check of that."""

    then: datetime
    day: date | None
    check: Check


def moment(connection: sqlite3.Connection, now: datetime, *, backup: bool, seen: datetime | None) -> Moment:
    """`seen` is when the officer's trusted checkpoint was cosigned, where all of it is in the database. The database's tables
    were found as agreed."""
    mark, day = int(connection.execute("PRAGMA user_version").fetchone()[0]), backup_day(connection)
    then = min(now, datetime.combine(day, time.min, UTC)) if backup and day else now
    verdict, found = Verdict.OK, words.MOMENT_BACKUP(day=day) if backup and day else words.MOMENT_NOW()
    latest = _latest(connection, seen)
    if mark and day is None:
        verdict, found = Verdict.WRONG, words.MOMENT_NO_DAY()
    elif day and day > now.date() + _SLACK:
        verdict, found = Verdict.WRONG, words.MOMENT_TO_COME(day=day)
    elif latest and latest > then.date() + _SLACK:
        verdict, found = Verdict.WRONG, words.MOMENT_TOO_EARLY(day=then.date(), latest=latest)
    elif day and not backup:
        verdict, found = Verdict.UNKNOWN, words.MOMENT_SAY_BACKUP(day=day)
    return Moment(then, day, Check("moment", words.MOMENT_NAME(), words.MOMENT_HOW(), verdict, (found,)))


def _latest(connection: sqlite3.Connection, seen: datetime | None) -> date | None:
    """The latest day that something in the database names, or the officer knows."""
    (number,) = connection.execute(_LATEST_DAY).fetchone()
    (stated,) = connection.execute("SELECT max(day) FROM statement").fetchone()
    # A value beyond any calendar is one that does not belong there: 'holdings' names it, or it counts as far ahead.
    days = [EPOCH + timedelta(days=min(number, 1_000_000))] if number and number > 0 else []
    if stated:
        with suppress(ValueError):
            days.append(date.fromisoformat(stated))
    return max([*days, *([seen.date()] if seen else [])], default=None)
