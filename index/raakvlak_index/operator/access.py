"""Who may see the operator's pages: operators, each with a key that was shown once, and their sessions.

A key is random and long enough that nobody guesses it, so that a plain hash is kept of it and no delay is needed to protect
it: whoever has the key is let in at once, whatever others try meanwhile. A session's token is kept as a hash too; a copy of
this file opens no page.
"""

import base64
import hashlib
import hmac
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identity import checked_id
from raakvlak_protocol.secret import SecretBytes

FILE: Final = "operators.db"
KEY_BYTES: Final = 20
TOKEN_BYTES: Final = 32
IDLE: Final = timedelta(minutes=30)
AT_MOST: Final = timedelta(hours=12)
SEEN_EVERY: Final = timedelta(minutes=1)
"""A session's last use is written no oftener."""
MAX_SESSIONS: Final = 8
"""Of one operator; the oldest ends where he begins one more."""
KEPT_DAYS: Final = 400
"""So many days' numbers of rows are kept."""
BUSY_MILLISECONDS: Final = 5_000
_KEY: Final = re.compile(r"[a-z2-7]{32}")
_TOKEN: Final = re.compile(r"[0-9a-f]{64}")

migrations: Final = Migrations("operators")


@migrations()
def create(db: Database) -> None:
    for statement in (
        "CREATE TABLE operator (id TEXT PRIMARY KEY, key_hash BLOB NOT NULL, made INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        """CREATE TABLE session (token_hash BLOB PRIMARY KEY, operator TEXT NOT NULL, began INTEGER NOT NULL,
           seen INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        # The last count of each day, of all members together.
        "CREATE TABLE day (day INTEGER PRIMARY KEY, rows INTEGER NOT NULL) STRICT",
    ):
        db.execute(statement)


@dataclass(frozen=True, slots=True)
class Operator:
    """`id` is of the form of a party's; `made` and `seen` (the last use of a live session) are UTC."""

    id: str
    made: datetime
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds now. `csrf` stands in every form of its pages."""

    operator: str
    csrf: str


class Access:
    """The file `operators.db`, made where it is missing. Threads may share it; other processes may open it too."""

    def __init__(self, path: Path) -> None:
        """Raises Refused for a file that is something else."""
        self._turn = threading.Lock()
        try:
            # Made by us, for its owner only; SQLite gives its companions the same mode.
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in (f"busy_timeout = {BUSY_MILLISECONDS}", "journal_mode = WAL", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            migrations.apply(Database(self._db))
        except sqlite3.OperationalError as error:
            raise Unavailable(f"{path} can't be opened now: check its permissions, the disk, and who else uses it") from error
        except sqlite3.DatabaseError as error:
            raise Refused(f"{path} is damaged: move it away and make the operators anew with 'operator new'") from error

    def close(self) -> None:
        with self._turn:
            self._db.close()

    # --- operators ----------------------------------------------------------------------------------------------------

    def make(self, id: str, random: Callable[[int], bytes], now: datetime) -> str:
        """A new operator's key, in groups of four characters: kept nowhere. Raises Refused for an id that is taken."""
        key = SecretBytes(random(KEY_BYTES))
        added = self._write(
            "INSERT OR IGNORE INTO operator VALUES (?, ?, ?)", (checked_id(id, "name"), _hash(b"key", key), _seconds(now))
        )
        if not added:
            raise Refused(f"there is an operator {id} already: end it first if its key is lost, or choose another name")
        text = base64.b32encode(key.reveal()).decode().lower()
        return "-".join(text[place : place + 4] for place in range(0, len(text), 4))

    def end(self, id: str) -> None:
        """Ends an operator with all its sessions; raises Refused where there is none."""
        with self._transaction() as db:
            db.execute("DELETE FROM session WHERE operator = ?", (id,))
            if not db.execute("DELETE FROM operator WHERE id = ?", (id,)).rowcount:
                raise Refused(f"there is no operator {checked_id(id, 'name')}: see 'operator list'")

    def operators(self, now: datetime) -> list[Operator]:
        """In order of their ids."""
        rows = self._read(
            "SELECT id, made, (SELECT max(seen) FROM session WHERE operator = id AND seen > ? AND began > ?) "
            "FROM operator ORDER BY id",
            _live_since(now),
        )
        return [Operator(id, _moment(made), None if seen is None else _moment(seen)) for id, made, seen in rows]

    def holds(self, id: str, key: str) -> bool:
        """Whether this is the operator's key, as it was shown or with other spaces, hyphens and case."""
        plain = re.sub(r"[\s-]", "", key).lower()
        if _KEY.fullmatch(plain) is None:
            return False
        found = self._read("SELECT key_hash FROM operator WHERE id = ?", (id,))
        given = _hash(b"key", SecretBytes(base64.b32decode(plain.upper())))
        return hmac.compare_digest(found[0][0] if found else bytes(len(given)), given)

    # --- sessions -----------------------------------------------------------------------------------------------------

    def begin(self, operator: str, random: Callable[[int], bytes], now: datetime) -> str:
        """The token of a new session of an operator whose key was shown."""
        token = random(TOKEN_BYTES)
        with self._transaction() as db:
            db.execute("DELETE FROM session WHERE seen <= ? OR began <= ?", _live_since(now))
            db.execute(
                "DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session WHERE operator = ? "
                "ORDER BY began DESC LIMIT -1 OFFSET ?)",
                (operator, MAX_SESSIONS - 1),
            )
            # Not for an operator who was ended since his key was compared.
            db.execute(
                "INSERT INTO session SELECT ?, id, ?, ? FROM operator WHERE id = ?",
                (_hash(b"session", SecretBytes(token)), _seconds(now), _seconds(now), operator),
            )
        return token.hex()

    def session(self, token: str, now: datetime) -> Session | None:
        """The session of a token, if it holds now; that it was used is written."""
        if _TOKEN.fullmatch(token) is None:
            return None
        secret = SecretBytes(bytes.fromhex(token))
        hash = _hash(b"session", secret)
        found = self._read(
            "SELECT operator, seen FROM session WHERE token_hash = ? AND seen > ? AND began > ?", (hash, *_live_since(now))
        )
        if not found:
            return None
        operator, seen = found[0]
        if now - _moment(seen) >= SEEN_EVERY:
            self._write("UPDATE session SET seen = max(seen, ?) WHERE token_hash = ?", (_seconds(now), hash))
        return Session(operator, _hash(b"csrf", secret).hex())

    def leave(self, token: str) -> None:
        """Ends the session of a token, if there is one."""
        if _TOKEN.fullmatch(token):
            self._write("DELETE FROM session WHERE token_hash = ?", (_hash(b"session", SecretBytes(bytes.fromhex(token))),))

    # --- growth -------------------------------------------------------------------------------------------------------

    def keep_day(self, day: int, rows: int) -> None:
        """The number of rows of a day (since 1970-01-01, UTC), as it was last counted; days older than KEPT_DAYS go."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO day VALUES (?, ?)", (day, rows))
            db.execute("DELETE FROM day WHERE day <= ?", (day - KEPT_DAYS,))

    def days(self, after: int) -> list[tuple[int, int]]:
        """Days behind a day with their rows, in order; a day without a count is left out."""
        return self._read("SELECT day, rows FROM day WHERE day > ? ORDER BY day", (after,))

    # --- the file -----------------------------------------------------------------------------------------------------

    def _read(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with self._turn, _translated():
            return self._db.execute(query, values).fetchall()

    def _write(self, statement: str, values: tuple[object, ...]) -> int:
        with self._turn, _translated():
            return self._db.execute(statement, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn, _translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"{FILE} can't be read or written now: look at the disk, then try again") from error


def _hash(what: bytes, secret: SecretBytes) -> bytes:
    return hashlib.sha256(b"raakvlak/v1/operator/" + what + b"\0" + secret.reveal()).digest()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _live_since(now: datetime) -> tuple[int, int]:
    """A session holds that was used after the first and began after the second."""
    return _seconds(now - IDLE), _seconds(now - AT_MOST)
