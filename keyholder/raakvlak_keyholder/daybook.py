"""The day book: what each account was charged on each day (UTC), for the daily statements.

The store writes it in the transaction that charges the quota, so that the two can't disagree. A day that was stated is
closed: a charge by a clock that was set back counts on the first day that is still open. Days older than 25 months are
added up into one; an account that was last charged before then is forgotten.

Days are numbers since 1970-01-01, as in `quota`. All functions work on the connection of the store's transaction.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from raakvlak_keyholder.quota import Account
from raakvlak_protocol.statement import Charged

KEPT_DAYS: Final = 762
"""25 months: a month longer than any involvement lasts, so that whoever may still have rows is still counted."""

Counts = Mapping[Account, Charged]

TABLES: Final = (
    """
    CREATE TABLE charged (
        member TEXT NOT NULL,
        namespace TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        day INTEGER NOT NULL,
        count INTEGER NOT NULL CHECK (count > 0),
        PRIMARY KEY (member, namespace, epoch, day)
    ) STRICT, WITHOUT ROWID
    """,
    # The first row has no hash: it is the day before the first that is stated.
    """
    CREATE TABLE stated (
        day INTEGER PRIMARY KEY,
        hash BLOB CHECK (length(hash) = 32),
        handed_in INTEGER
    ) STRICT
    """,
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A day whose statement was made; `hash` is its file's, `handed_in` when the index took it (Unix seconds)."""

    day: int
    hash: bytes
    handed_in: int | None


def add(connection: sqlite3.Connection, account: Account, count: int, day: int) -> None:
    """Counts a charge on `day`, or on the first open day after it where that one is closed."""
    _put(connection, account, max(day, next_day(connection) or 0), count)


def begin(connection: sqlite3.Connection, day: int) -> None:
    """Where nothing was stated yet, statements begin with `day`, or with an earlier one on which there was a charge."""
    connection.execute(
        """
        INSERT INTO stated SELECT min(?, (SELECT coalesce(min(day), ?) FROM charged)) - 1, NULL, NULL
        WHERE NOT EXISTS (SELECT 1 FROM stated)
        """,
        (day, day),
    )


def next_day(connection: sqlite3.Connection) -> int | None:
    """The first day that is not closed; None before `begin`."""
    found: int | None = connection.execute("SELECT max(day) + 1 FROM stated").fetchone()[0]
    return found


def counts(connection: sqlite3.Connection, day: int) -> Counts:
    """What is stated of a day: every account that was charged by then, with that day's count and its total."""
    rows = connection.execute(
        """
        SELECT member, namespace, epoch, sum(iif(day = :day, count, 0)), sum(count) FROM charged
        WHERE day <= :day GROUP BY member, namespace, epoch
        """,
        {"day": day},
    )
    return {Account(*row[:3]): Charged(*row[3:]) for row in rows}


def close(connection: sqlite3.Connection, day: int, hash: bytes) -> None:
    """No charge counts on `day` any more."""
    connection.execute("INSERT INTO stated VALUES (?, ?, NULL)", (day, hash))


def fold(connection: sqlite3.Connection, day: int) -> None:
    """Leaves no day older than 25 months before `day`. Done before a day is counted, so that it is the same at each try."""
    oldest = day - KEPT_DAYS
    connection.execute(
        """
        DELETE FROM charged WHERE (member, namespace, epoch) IN
            (SELECT member, namespace, epoch FROM charged GROUP BY member, namespace, epoch HAVING max(day) < ?)
        """,
        (oldest,),
    )
    old = connection.execute(
        "SELECT member, namespace, epoch, sum(count) FROM charged WHERE day < ? GROUP BY member, namespace, epoch", (oldest,)
    ).fetchall()
    connection.execute("DELETE FROM charged WHERE day < ?", (oldest,))
    for member, namespace, epoch, count in old:
        _put(connection, Account(member, namespace, epoch), oldest, count)


def adopt(connection: sqlite3.Connection, day: int, stated: Counts, hash: bytes) -> None:
    """Takes over what this key holder stated of a day before its counts were lost or set back, and closes the day."""
    connection.execute("DELETE FROM charged WHERE day = ?", (day,))
    known = counts(connection, day)
    for account, charged in stated.items():
        before = charged.total - charged.day - (known[account].total if account in known else 0)
        for on, count in ((day - 1, before), (day, charged.day)):
            if count > 0:
                _put(connection, account, on, count)
    close(connection, day, hash)


def _put(connection: sqlite3.Connection, account: Account, day: int, count: int) -> None:
    connection.execute(
        "INSERT INTO charged VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (account.member, account.namespace, account.epoch, day, count),
    )


def stated(connection: sqlite3.Connection) -> list[Stated]:
    """Every day that was stated, in order."""
    rows = connection.execute("SELECT day, hash, handed_in FROM stated WHERE hash IS NOT NULL ORDER BY day")
    return [Stated(*row) for row in rows]


def handed_in(connection: sqlite3.Connection, day: int, at: int) -> None:
    """The index has taken the day's hash."""
    connection.execute("UPDATE stated SET handed_in = ? WHERE day = ?", (at, day))
