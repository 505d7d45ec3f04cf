"""Passwords: argon2id, long rather than intricate (NIST SP 800-63B-4, 3.1.1), and never enough by themselves."""

import base64
import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import argon2

from raakvlak_node.store import Store
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.secret import SecretBytes

MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 128
AT_ONCE: Final = 2
"""Passwords that are hashed at the same time: each takes 64 MiB, and whoever floods the sign-in must not get them all."""
WAIT_SECONDS: Final = 10.0
_HASHER: Final = argon2.PasswordHasher()
"""The library's own choice, RFC 9106's second recommended option; a password that was hashed otherwise is hashed anew when
it is next given."""
_TURN: Final = threading.BoundedSemaphore(AT_ONCE)

_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertyuiopasdfghjklzxcvbnm")
_WORDS: Final = """
welkom welkomwelkom welkomterug wachtwoord mijnwachtwoord geheimwachtwoord nieuwwachtwoord geheim geheimgeheim password
mypassword passwordpassword letmein letmeinplease changeme iloveyou ikhouvanjou administrator beheerder sunshine princess
football voetbal feyenoord ajax ajaxamsterdam nederland amsterdam rotterdam lente zomer herfst winter januari februari maart
april mei juni juli augustus september oktober november december maandag dinsdag woensdag donderdag vrijdag school gemeente
politie jeugdzorg correcthorsebatterystaple
"""
_OBVIOUS: Final = frozenset(_WORDS.split())
"""What is left of the first guesses without their digits and signs."""
_LEAST_NAME: Final = 4
_MOST_REPEATED: Final = 4
"""Characters that are said again and again."""


class Weak(StrEnum):
    """Why a password is not taken."""

    SHORT = "short"
    LONG = "long"
    NAMED = "named"
    """It holds the user's name or address, or the organisation's."""
    REPEATED = "repeated"
    OBVIOUS = "obvious"


def typed(text: str) -> SecretBytes:
    """A password as it was typed, in one of the ways in which its characters can be written (NFC)."""
    return SecretBytes(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass"))


def weakness(password: SecretBytes, about: Iterable[str]) -> Weak | None:
    """What is wrong with a new password, `about` whom it is: name, address, organisation."""
    text = password.reveal().decode("utf-8", "surrogatepass")
    if len(text) < MIN_CHARACTERS:
        return Weak.SHORT
    if len(text) > MAX_CHARACTERS:
        return Weak.LONG
    small = text.casefold()
    if any(each in small for each in _names(about)):
        return Weak.NAMED
    if any(small == (small[:length] * len(small))[: len(small)] for length in range(1, _MOST_REPEATED + 1)):
        return Weak.REPEATED
    letters = re.sub(r"[\W\d_]+", "", small)
    if letters in _OBVIOUS or any(small in row * 3 or small in (row * 3)[::-1] for row in _ROWS):
        return Weak.OBVIOUS
    if not letters and len(set(small)) <= _MOST_REPEATED:
        return Weak.OBVIOUS
    return None


def _names(about: Iterable[str]) -> set[str]:
    """The words by which somebody would begin to guess."""
    found = {"raakvlak"}
    for text in about:
        small = text.strip().casefold()
        local, at, _ = small.partition("@")
        found |= {local} if at else {small, small.replace(" ", ""), *re.split(r"[\W_]+", small)}
    return {each for each in found if len(each) >= _LEAST_NAME}


class Passwords:
    """The verbs, on a node's store. Hashes lie sealed: a stolen store shows not even those."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def has(self, user_id: str) -> bool:
        return self._sealed(bytes.fromhex(user_id)) is not None

    def _sealed(self, key: bytes) -> bytes | None:
        row = self._run("SELECT sealed FROM password WHERE user = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def set(self, user_id: str, hash: SecretBytes) -> None:
        """The user's password from now on, by its `hashed`; whether it may be one is the caller's to have asked
        (`weakness`)."""
        key = bytes.fromhex(user_id)
        sealed = self._store.vault.seal(hash.reveal(), "password", key)
        self._run("INSERT INTO password VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET sealed = excluded.sealed", (key, sealed))

    def check(self, user_id: str | None, password: SecretBytes) -> bool:
        """Whether it is this user's. Takes as long for nobody, and for one who has none."""
        key = b"" if user_id is None else bytes.fromhex(user_id)
        sealed = self._sealed(key)
        known = _NOBODY if sealed is None else self._store.vault.open(sealed, "password", key).reveal().decode()
        if not _verified(known, password) or sealed is None or user_id is None:
            return False
        if _HASHER.check_needs_rehash(known):
            self.set(user_id, hashed(password))
        return True

    def remove(self, user_id: str) -> None:
        self._run("DELETE FROM password WHERE user = ?", (bytes.fromhex(user_id),))


def hashed(password: SecretBytes) -> SecretBytes:
    """What is stored of it. Takes a while and much memory: before a transaction, not in one."""
    with _Turn():
        return SecretBytes(_HASHER.hash(password.reveal()).encode())


def _verified(known: str, password: SecretBytes) -> bool:
    with _Turn():
        try:
            # What is longer than any password can be is not hashed at length.
            return _HASHER.verify(known, password.reveal()[: 4 * MAX_CHARACTERS + 1])
        except argon2.exceptions.VerifyMismatchError:
            return False


class _Turn:
    def __enter__(self) -> None:
        if not _TURN.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("too many people are signing in at this moment: try again")

    def __exit__(self, *error: object) -> None:
        _TURN.release()


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).rstrip(b"=").decode()


_NOBODY: Final = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_encoded(bytes(_HASHER.salt_len))}${_encoded(bytes(_HASHER.hash_len))}"
)
"""A hash of no known password: what is compared with for one who has none, so that nobody can tell by the time."""
