"""The counts: what each member has used, and the hashes of the requests that were charged in the last 30 days.

Trusted for the quota, which is the federation's security parameter: whoever sets these counts back hands out
evaluations. Holds no element, no identifier and no share. One statement decides and charges; the hash, and the count in
the day book, are recorded in the same transaction, which is on disk before the answer leaves. So after a crash at any
point the member either was not charged, or is known to have been and is answered again for nothing.

A store that is gone must not come back empty of charges, so that nothing but `create` makes one, and an operator who
lost or restored one has all that was granted counted as used (`exhaust`).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from raakvlak_keyholder import daybook
from raakvlak_keyholder.daybook import Counts, Stated
from raakvlak_keyholder.quota import REMEMBERED, Account, Left, Used, day_of, left, over
from raakvlak_protocol.covenant import Quota
from raakvlak_protocol.errors import Refused, Unavailable

MIGRATIONS: Final = Migrations("keyholder")

_BUSY_SECONDS: Final = 5.0

# Uses up the first load before the daily quota; the condition holds for the whole request or charges nothing.
_CHARGE: Final = """
    UPDATE used SET
        first_load = first_load + min(:count, max(:first_load - first_load, 0)),
        daily = iif(day < :today, 0, daily) + max(:count - max(:first_load - first_load, 0), 0),
        day = max(day, :today)
    WHERE member = :member AND namespace = :namespace AND epoch = :epoch
        AND :count <= max(:first_load - first_load, 0) + max(:daily - iif(day < :today, 0, daily), 0)
"""


@MIGRATIONS()
def counts(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE used (
            member TEXT NOT NULL,
            namespace TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            first_load INTEGER NOT NULL CHECK (first_load >= 0),
            day INTEGER NOT NULL,
            daily INTEGER NOT NULL CHECK (daily >= 0),
            PRIMARY KEY (member, namespace, epoch)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        """
        CREATE TABLE answered (
            member TEXT NOT NULL,
            request BLOB NOT NULL CHECK (length(request) = 32),
            at INTEGER NOT NULL,
            PRIMARY KEY (member, request)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX answered_at ON answered (at)")


@MIGRATIONS()
def statements(db: Database) -> None:
    for table in daybook.TABLES:
        db.execute(table)


@dataclass(frozen=True, slots=True)
class Charge:
    """What became of a request: `charged` evaluations, 0 for one that was charged before."""

    charged: int
    left: Left


class Store:
    """The counts in one SQLite file. Threads may share it: each has a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Opens the store that `create` made. Raises Refused where it is missing, damaged or of a newer version."""
        if not path.exists():
            raise Refused(
                f"counts lost: {path} is missing, and starting over would grant every quota a second time; if it can't "
                "be found, run raakvlak-keyholder counts --start-empty, which counts all that is granted as used"
            )
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        try:
            _demand_schema(self._connection(), path)
        except sqlite3.DatabaseError:
            self.close()
            raise Refused(f"{path} can't be read as a store of counts: it is damaged or another program's file") from None
        except Refused:
            self.close()
            raise

    @staticmethod
    def create(path: Path) -> None:
        """Makes a store in which nothing is used; raises Refused where one exists."""
        if path.exists():
            raise Refused(f"{path} exists already: it holds what the members have used")
        # Under another name until it is whole: a store without its tables would look like one of another program.
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        connection = _open(fresh)
        try:
            _configure(connection)
            MIGRATIONS.apply(Database(connection))
        finally:
            connection.close()
        fresh.replace(path)

    def charge(self, account: Account, granted: Quota, request: bytes, count: int, now: datetime) -> Charge:
        """Charges `count` evaluations, all or none, unless this request of this member was charged within 30 days.

        When it returns the charge is durable. Raises OverQuota or NotPermitted, and has then changed nothing.
        """
        with self._writing() as connection:
            if _is_answered(connection, account.member, request, now):
                return Charge(0, left(granted, _used(connection, account), now))
            if not _charged(connection, account, granted, count, now):
                raise over(account, granted, count, left(granted, _used(connection, account), now))
            daybook.add(connection, account, count, day_of(now))
            _remember(connection, account.member, request, now)
            return Charge(count, left(granted, _used(connection, account), now))

    def used(self, account: Account) -> Used:
        """What the account has used; nothing where it never asked."""
        return _used(self._connection(), account)

    def exhaust(self, granted: Mapping[Account, Quota], now: datetime) -> None:
        """Counts all that is granted as used: whole first loads, and today's daily quota."""
        with self._writing() as connection:
            for account, quota in granted.items():
                connection.execute(
                    """
                    INSERT INTO used VALUES (:member, :namespace, :epoch, :first_load, :today, :daily)
                    ON CONFLICT DO UPDATE SET
                        first_load = max(first_load, excluded.first_load),
                        daily = iif(day < excluded.day, excluded.daily, max(daily, excluded.daily)),
                        day = max(day, excluded.day)
                    """,
                    _parameters(account, quota, now),
                )

    def begin_statements(self, day: int) -> None:
        """Where no day was stated yet, `day` is the first, or an earlier one on which something was charged."""
        with self._writing() as connection:
            daybook.begin(connection, day)

    def close_day(self, ended: int, state: Callable[[int, Counts], bytes]) -> int | None:
        """Closes the first open day up to `ended`, and returns it; None where there is none. Days as in `quota`.

        `state` makes the day's statement durable and returns its hash, which is recorded in the same transaction as the
        day is closed: whatever it raises leaves the day open. `begin_statements` first.
        """
        with self._writing() as connection:
            day = daybook.next_day(connection)
            if day is None or day > ended:
                return None
            daybook.fold(connection, day)
            daybook.close(connection, day, state(day, daybook.counts(connection, day)))
            return day

    def stated(self) -> list[Stated]:
        """Every day that was stated, in order."""
        return daybook.stated(self._connection())

    def handed_in(self, day: int, now: datetime) -> None:
        """Records that the index took the day's hash."""
        with self._writing() as connection:
            daybook.handed_in(connection, day, int(now.timestamp()))

    def adopt(self, day: int, counts: Counts, hash: bytes) -> bool:
        """Takes over what was stated of a day before this store was lost or set back; False where it knows that day."""
        with self._writing() as connection:
            if day < (daybook.next_day(connection) or 0):
                return False
            daybook.adopt(connection, day, counts, hash)
            return True

    def close(self) -> None:
        """Closes every thread's connection; no other call may run or follow."""
        for connection in self._connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = _open(self._path)
            self._connections.append(found)
            _configure(found)
        return found

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that what it reads can't change under it.

        Raises Unavailable where the file can't be written now (in use for too long, disk full or failing): the member
        may ask again, and another key holder meanwhile.
        """
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"the counts can't be written ({error.sqlite_errorname}), so that nothing is answered: try later; if "
                "it goes on, the key holder's operator has to look at its disk"
            ) from None
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")


def _demand_schema(connection: sqlite3.Connection, path: Path) -> None:
    with closing(Database(memory=True)) as nothing:
        known = {migration.name for migration in MIGRATIONS.pending(nothing)}
    applied = {migration.name for migration in MIGRATIONS.applied(Database(connection))}
    if applied - known:
        raise Refused(f"{path} was written by a newer version of this program: install that one again")
    if not applied:
        raise Refused(f"{path} holds no counts: it is another program's file")
    MIGRATIONS.apply(Database(connection))


def _is_answered(connection: sqlite3.Connection, member: str, request: bytes, now: datetime) -> bool:
    found = connection.execute(
        "SELECT 1 FROM answered WHERE member = ? AND request = ? AND at > ?", (member, request, _oldest(now))
    )
    return found.fetchone() is not None


def _charged(connection: sqlite3.Connection, account: Account, granted: Quota, count: int, now: datetime) -> bool:
    parameters = {**_parameters(account, granted, now), "count": count}
    connection.execute("INSERT OR IGNORE INTO used VALUES (:member, :namespace, :epoch, 0, :today, 0)", parameters)
    return connection.execute(_CHARGE, parameters).rowcount == 1


def _remember(connection: sqlite3.Connection, member: str, request: bytes, now: datetime) -> None:
    connection.execute("DELETE FROM answered WHERE at <= ?", (_oldest(now),))
    connection.execute("INSERT OR REPLACE INTO answered VALUES (?, ?, ?)", (member, request, int(now.timestamp())))


def _used(connection: sqlite3.Connection, account: Account) -> Used:
    row = connection.execute(
        "SELECT first_load, day, daily FROM used WHERE member = ? AND namespace = ? AND epoch = ?",
        (account.member, account.namespace, account.epoch),
    ).fetchone()
    return Used(*row) if row else Used()


def _oldest(now: datetime) -> int:
    return int((now - REMEMBERED).timestamp())


def _parameters(account: Account, granted: Quota, now: datetime) -> dict[str, str | int]:
    return {
        "member": account.member,
        "namespace": account.namespace,
        "epoch": account.epoch,
        "first_load": granted.first_load,
        "daily": granted.daily,
        "today": day_of(now),
    }
