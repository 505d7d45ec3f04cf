"""Tickets: random tokens for one purpose, of which the store holds only keyed handles; each is taken once, before it ends."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from raakvlak_node.store import Store
from raakvlak_node.vault import HANDLE_BYTES
from raakvlak_protocol.encoding import u64
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

Purpose = Literal["welcome", "code", "app"]
"""A link that lets somebody in; a password that was right and waits for a code; an app that waits for its first code."""

TOKEN_BYTES: Final = 32
MAX_TOKEN_CHARACTERS: Final = 2 * TOKEN_BYTES
_NONCE_BYTES: Final = 16
_MOMENT_BYTES: Final = 8
CHALLENGE_BYTES: Final = _NONCE_BYTES + _MOMENT_BYTES + HANDLE_BYTES


@dataclass(frozen=True, slots=True)
class Ticket:
    """For whom, and what was laid aside for when it is taken."""

    user_id: str
    kept: SecretBytes


class Tickets:
    """The verbs, on a node's store. `random` makes the tokens."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def make(self, purpose: Purpose, user_id: str, kept: SecretBytes, seconds: int, now: datetime) -> str:
        """A new ticket; its token. A link or an app takes the place of an earlier one of this user; of passwords that wait
        for a code there may be several, so that whoever knows one does not push out the user himself."""
        token, key, moment = self._random(TOKEN_BYTES).hex(), bytes.fromhex(user_id), int(now.timestamp())
        handle = self._handle(purpose, token)
        with self._store.transaction():
            self._run("DELETE FROM ticket WHERE ends <= ?", (moment,))
            if purpose != "code":
                self.end_all(purpose, user_id)
            sealed = self._store.vault.seal(kept.reveal(), "ticket", handle)
            self._run("INSERT INTO ticket VALUES (?, ?, ?, ?, ?)", (handle, purpose, key, sealed, moment + seconds))
        return token

    def _handle(self, purpose: Purpose, token: str) -> bytes:
        return self._store.vault.handle("ticket", purpose, token[: MAX_TOKEN_CHARACTERS + 1])

    def look(self, purpose: Purpose, token: str, now: datetime) -> Ticket | None:
        """The ticket while it lasts; looking takes nothing."""
        handle = self._handle(purpose, token)
        sql = "SELECT user, sealed FROM ticket WHERE handle = ? AND ends > ?"
        return self._opened(handle, self._run(sql, (handle, int(now.timestamp()))).fetchone())

    def take(self, purpose: Purpose, token: str, now: datetime) -> Ticket | None:
        """The same, and nobody gets it again."""
        handle = self._handle(purpose, token)
        sql = "DELETE FROM ticket WHERE handle = ? AND ends > ? RETURNING user, sealed"
        return self._opened(handle, self._run(sql, (handle, int(now.timestamp()))).fetchone())

    def _opened(self, handle: bytes, row: Any) -> Ticket | None:
        if row is None:
            return None
        return Ticket(bytes(row[0]).hex(), self._store.vault.open(row[1], "ticket", handle))

    def end_all(self, purpose: Purpose, user_id: str) -> None:
        self._run("DELETE FROM ticket WHERE purpose = ? AND user = ?", (purpose, bytes.fromhex(user_id)))


class Challenges:
    """Challenges that this node makes and takes back once. Making one writes nothing, so that visitors can fill no table
    and push nobody else's out: it bears its own end and the node's seal. The store keeps those that were taken until they
    would have ended anyway."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def make(self, purpose: str, seconds: int, now: datetime) -> bytes:
        body = self._random(_NONCE_BYTES) + u64(int(now.timestamp()) + seconds)
        return body + self._seal(purpose, body)

    def _seal(self, purpose: str, body: bytes) -> bytes:
        return self._store.vault.handle("challenge", purpose, body)

    def take(self, purpose: str, challenge: bytes, now: datetime) -> bool:
        """Whether this node made it for this purpose, it has not ended, and nobody took it before."""
        body, seal = challenge[: _NONCE_BYTES + _MOMENT_BYTES], challenge[_NONCE_BYTES + _MOMENT_BYTES :]
        ends = int.from_bytes(body[_NONCE_BYTES:], "big")
        if SecretBytes(seal) != SecretBytes(self._seal(purpose, body)) or ends <= int(now.timestamp()):
            return False
        with self._store.transaction():
            self._store.database.execute("DELETE FROM spent WHERE ends <= ?", (int(now.timestamp()),))
            handle = self._store.vault.handle("spent", challenge)
            return int(self._store.database.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (handle, ends)).rowcount) == 1


class Carried:
    """What a visitor's own browser keeps for this node, sealed: to be brought back once, and before it ends."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._vault = store.vault
        self._challenges = Challenges(store, random)

    def give(self, purpose: str, kept: SecretBytes, seconds: int, now: datetime) -> str:
        challenge = self._challenges.make(purpose, seconds, now)
        sealed = self._vault.seal(challenge + kept.reveal(), "carried", purpose)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def take(self, purpose: str, text: str, now: datetime) -> SecretBytes | None:
        """What was given, where nobody brought it back before."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            opened = self._vault.open(sealed, "carried", purpose).reveal()
        except (ValueError, Refused):
            return None
        challenge, kept = opened[:CHALLENGE_BYTES], opened[CHALLENGE_BYTES:]
        return SecretBytes(kept) if self._challenges.take(purpose, challenge, now) else None
