"""Sessions: who is signed in where. The browser holds a random token, the store only its keyed handle.

A session is made when somebody has shown who he is, never before, and never taken over from what a browser brought: nobody
can lay a token ready for somebody else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from raakvlak_node.people.staff import People
from raakvlak_node.people.user import User
from raakvlak_node.store import Store

IDLE_SECONDS: Final = 60 * 60
"""After which a session that nobody used has ended (OWASP ASVS 7.3.1)."""
ABSOLUTE_SECONDS: Final = 12 * 3600
"""After which a session has ended however much it was used: a long working day (NIST SP 800-63B, AAL2)."""
CONFIRMED_SECONDS: Final = 10 * 60
"""For how long one who has shown who he is may change by what he signs in."""
SEEN_SECONDS: Final = 60
"""A use is written down once in so long, so that looking at a page does not cost a write."""
TOKEN_BYTES: Final = 32
MAX_TOKEN_CHARACTERS: Final = 2 * TOKEN_BYTES
MAX_NOTICE_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A live session. `how` says what was shown ("password", "passkey", "oidc"); moments are Unix seconds; `confirmed` is
    the last time that a credential was shown; `csrf` must come with every form; `notice` is said on the next page."""

    id: str
    """Names the session to its own user; nobody gets in by it."""
    user: User
    csrf: str
    how: str
    began: int
    seen: int
    confirmed: int
    notice: str = ""

    def __repr__(self) -> str:
        return f"Session({self.id[:8]})"

    def is_confirmed(self, now: datetime) -> bool:
        return int(now.timestamp()) - self.confirmed < CONFIRMED_SECONDS


class Sessions:
    """The verbs, on a node's store. `random` makes the tokens."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random
        self._people = People(store, random)

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def _handle(self, token: str) -> bytes:
        return self._store.vault.handle("session", token)

    def begin(self, user_id: str, how: str, now: datetime) -> str:
        """A new session of a user who has just shown who he is; its token, for the browser alone."""
        token, moment = self._random(TOKEN_BYTES).hex(), int(now.timestamp())
        with self._store.transaction():
            self.forget(now)
            self._run(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (self._handle(token), bytes.fromhex(user_id), how, moment, moment, moment),
            )
        return token

    def of(self, token: str, now: datetime) -> Session | None:
        """The session of this token while it lasts and its user may sign in."""
        if not token or len(token) > MAX_TOKEN_CHARACTERS:
            return None
        handle, moment = self._handle(token), int(now.timestamp())
        row = self._run(
            "SELECT * FROM session WHERE handle = ? AND seen > ? AND began > ?",
            (handle, moment - IDLE_SECONDS, moment - ABSOLUTE_SECONDS),
        ).fetchone()
        user = None if row is None else self._people.user(bytes(row["user"]).hex())
        if user is None or not user.active:
            return None
        if moment - row["seen"] >= SEEN_SECONDS:
            self._run("UPDATE session SET seen = max(seen, ?) WHERE handle = ?", (moment, handle))
        return self._session(row, user)

    def _session(self, row: Any, user: User) -> Session:
        handle, vault = bytes(row["handle"]), self._store.vault
        notice = "" if row["notice"] is None else vault.open(row["notice"], "notice", handle).reveal().decode()
        csrf = vault.handle("csrf", handle).hex()
        return Session(handle.hex(), user, csrf, row["how"], row["began"], row["seen"], row["confirmed"], notice)

    def of_user(self, user_id: str, now: datetime) -> list[Session]:
        """Every live session of a user, the one used last first."""
        user, moment = self._people.user(user_id), int(now.timestamp())
        if user is None:
            return []
        rows = self._run(
            "SELECT * FROM session WHERE user = ? AND seen > ? AND began > ? ORDER BY seen DESC, began DESC",
            (bytes.fromhex(user_id), moment - IDLE_SECONDS, moment - ABSOLUTE_SECONDS),
        )
        return [self._session(row, user) for row in rows.fetchall()]

    def confirm(self, token: str, now: datetime) -> None:
        """Its user has shown again who he is."""
        self._run("UPDATE session SET confirmed = ? WHERE handle = ?", (int(now.timestamp()), self._handle(token)))

    def set_notice(self, token: str, notice: str) -> None:
        """What the next page says."""
        handle = self._handle(token)
        sealed = self._store.vault.seal(notice[:MAX_NOTICE_CHARACTERS].encode(), "notice", handle)
        self._run("UPDATE session SET notice = ? WHERE handle = ?", (sealed, handle))

    def take_notice(self, token: str) -> str:
        """What was left to be said, which is said once; empty: nothing."""
        handle = self._handle(token)
        with self._store.transaction():
            row = self._run("SELECT notice FROM session WHERE handle = ? AND notice IS NOT NULL", (handle,)).fetchone()
            if row is None:
                return ""
            self._run("UPDATE session SET notice = NULL WHERE handle = ?", (handle,))
        return self._store.vault.open(row[0], "notice", handle).reveal().decode()

    def end(self, token: str) -> None:
        self._run("DELETE FROM session WHERE handle = ?", (self._handle(token),))

    def end_others(self, token: str, user_id: str) -> int:
        """Ends the user's sessions but the one of this token; how many there were."""
        ended = self._run("DELETE FROM session WHERE user = ? AND handle <> ?", (bytes.fromhex(user_id), self._handle(token)))
        return int(ended.rowcount)

    def end_all(self, user_id: str) -> None:
        self._run("DELETE FROM session WHERE user = ?", (bytes.fromhex(user_id),))

    def forget(self, now: datetime) -> None:
        """Deletes sessions that have ended by themselves."""
        moment = int(now.timestamp())
        self._run("DELETE FROM session WHERE seen <= ? OR began <= ?", (moment - IDLE_SECONDS, moment - ABSOLUTE_SECONDS))
