"""The second proof beside a password: codes of an authenticator app (TOTP, RFC 6238), and codes on paper for when the
telephone is lost. Each is taken once."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import pyotp

from raakvlak_node.store import Store
from raakvlak_protocol.secret import SecretBytes

SECRET_BYTES: Final = 20
"""As RFC 4226, section 4, recommends."""
STEP_SECONDS: Final = 30
DIGITS: Final = 6
WINDOW: Final = 1
"""Steps before and after this one: clocks differ, and typing takes a while."""
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
GROUP: Final = 4


def secret_text(secret: SecretBytes) -> str:
    """As it is typed into an app that can't take a picture."""
    return base64.b32encode(secret.reveal()).decode()


def address_of(secret: SecretBytes, email: str, organisation: str) -> str:
    """What the picture holds (otpauth://)."""
    app = pyotp.TOTP(secret_text(secret), digits=DIGITS, interval=STEP_SECONDS)
    return str(app.provisioning_uri(name=email, issuer_name=f"Raakvlak {organisation}".replace(":", " ")))


def step_of(secret: SecretBytes, code: str, now: datetime) -> int | None:
    """The step whose code this is, the newest first; None where it is none near now."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    app = pyotp.TOTP(secret_text(secret), digits=DIGITS, interval=STEP_SECONDS)
    step = int(now.timestamp()) // STEP_SECONDS
    near = range(step + WINDOW, step - WINDOW - 1, -1)
    found = [each for each in near if pyotp.utils.strings_equal(digits, app.generate_otp(each))]
    return found[0] if found else None


class Codes:
    """The verbs, on a node's store. `random` makes secrets and recovery codes."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def fresh(self) -> SecretBytes:
        """A secret for an app, which counts once a code of it was shown."""
        return SecretBytes(self._random(SECRET_BYTES))

    def has(self, user_id: str) -> bool:
        return self._run("SELECT 1 FROM totp WHERE user = ?", (bytes.fromhex(user_id),)).fetchone() is not None

    def set(self, user_id: str, secret: SecretBytes, step: int) -> None:
        """The user's app from now on; `step` is that of the code which showed that the app has the secret."""
        key = bytes.fromhex(user_id)
        sealed = self._store.vault.seal(secret.reveal(), "totp", key)
        self._run(
            "INSERT INTO totp VALUES (?, ?, ?) ON CONFLICT (user) DO UPDATE SET sealed = excluded.sealed, step = excluded.step",
            (key, sealed, step),
        )

    def take(self, user_id: str, code: str, now: datetime) -> bool:
        """Whether it is a code of now, and no code of its step or a later one was taken before."""
        key = bytes.fromhex(user_id)
        row = self._run("SELECT sealed FROM totp WHERE user = ?", (key,)).fetchone()
        if row is None:
            return False
        step = step_of(self._store.vault.open(row[0], "totp", key), code, now)
        if step is None:
            return False
        # One statement: of two that bring the same code at the same time, one is late.
        taken = self._run("UPDATE totp SET step = ? WHERE user = ? AND step < ?", (step, key, step))
        return int(taken.rowcount) == 1

    def remove(self, user_id: str) -> None:
        """Without an app there is nothing to recover."""
        for table in ("totp", "recovery_code"):
            self._run(f"DELETE FROM {table} WHERE user = ?", (bytes.fromhex(user_id),))  # noqa: S608 one of two constants

    # --- on paper -----------------------------------------------------------------------------------------------------

    def new_recovery(self, user_id: str) -> list[str]:
        """Ten codes in place of whatever there was. They are shown once; the store keeps keyed handles."""
        key = bytes.fromhex(user_id)
        codes = [base64.b32encode(self._random(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
        with self._store.transaction():
            self._run("DELETE FROM recovery_code WHERE user = ?", (key,))
            for each in codes:
                self._run("INSERT INTO recovery_code VALUES (?, ?)", (key, self._handle(key, each)))
        return ["-".join(each[place : place + GROUP] for place in range(0, len(each), GROUP)) for each in codes]

    def recovery_left(self, user_id: str) -> int:
        found = self._run("SELECT count(*) FROM recovery_code WHERE user = ?", (bytes.fromhex(user_id),))
        return int(found.fetchone()[0])

    def take_recovery(self, user_id: str, code: str) -> bool:
        """Whether it is one of the user's, which it then is no more. Capitals, spaces and dashes don't matter."""
        key = bytes.fromhex(user_id)
        plain = "".join(each for each in code.lower() if each.isalnum())
        taken = self._run("DELETE FROM recovery_code WHERE user = ? AND code = ?", (key, self._handle(key, plain)))
        return int(taken.rowcount) == 1

    def _handle(self, key: bytes, code: str) -> bytes:
        return self._store.vault.handle("recovery", key, code)
