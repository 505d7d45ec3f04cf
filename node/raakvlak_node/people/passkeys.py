"""Passkeys (W3C Web Authentication, level 2): discoverable, with user verification, bound to the address of the pages.

The browser signs a challenge of this node; the store holds public keys alone, sealed, so that nobody learns from it who has
which. The names of our rules are the standard's: 7.1 registering, 7.2 asserting.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import webauthn
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from raakvlak_node.people.tickets import Challenges
from raakvlak_node.people.user import User
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS, shown_text

CHALLENGE_SECONDS: Final = 5 * 60
MAX_PASSKEYS: Final = 20
"""Of one user."""
SIGN_IN: Final = "passkey"
_WRONG = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What the library raises for bytes that are no answer at all."""


@dataclass(frozen=True, slots=True)
class Relying:
    """To what passkeys are bound: `id` is a host name, `origin` the address of the pages as browsers write it."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True, repr=False)
class Passkey:
    """One of a user's; `used` is Unix seconds, None before the first time."""

    id: str
    name: str
    added: int
    used: int | None

    def __repr__(self) -> str:
        return f"Passkey({self.id[:8]})"


class NotThisPasskey(Refused):
    """An answer that is not to be believed; why, is for the log alone. `user_id` is whose passkey it claims to be, where
    there is such a user."""

    def __init__(self, why: str, user_id: str = "") -> None:
        super().__init__("this passkey was not accepted: try again, or sign in another way")
        self.why = why
        self.user_id = user_id


class Passkeys:
    """The verbs, on a node's store."""

    def __init__(self, store: Store, random: Callable[[int], bytes], relying: Relying) -> None:
        self._store = store
        self._relying = relying
        self._challenges = Challenges(store, random)

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def of_user(self, user_id: str) -> list[Passkey]:
        """In the order in which they were added."""
        rows = self._run("SELECT * FROM passkey WHERE user = ? ORDER BY added, handle", (bytes.fromhex(user_id),))
        return [
            Passkey(bytes(row["handle"]).hex(), self._record(row)["name"], row["added"], row["used"]) for row in rows.fetchall()
        ]

    def _record(self, row: Any) -> dict[str, Any]:
        opened = self._store.vault.open(row["sealed"], "passkey", bytes(row["handle"]))
        found = json.loads(opened.reveal())
        assert isinstance(found, dict)
        return found

    # --- registering --------------------------------------------------------------------------------------------------

    def new_options(self, user: User, now: datetime) -> dict[str, Any]:
        """What a browser needs to make a passkey for this user (PublicKeyCredentialCreationOptions, in JSON)."""
        rows = self._run("SELECT * FROM passkey WHERE user = ?", (bytes.fromhex(user.id),)).fetchall()
        options = webauthn.generate_registration_options(
            rp_id=self._relying.id,
            rp_name=self._relying.name,
            user_id=bytes.fromhex(user.id),
            user_name=user.email,
            user_display_name=user.name,
            challenge=self._challenges.make(_registering(user), CHALLENGE_SECONDS, now),
            timeout=CHALLENGE_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(bytes.fromhex(self._record(row)["id"])) for row in rows],
        )
        return _json(webauthn.options_to_json(options))

    def add(self, user: User, answer: dict[str, Any], name: str, now: datetime) -> Passkey:
        """Adds the passkey that the browser made. Raises NotThisPasskey, and Malformed for its name."""
        shown_text(name.strip(), MAX_TEXT_CHARACTERS, "name", required=True)
        challenge = _challenge_in(answer)
        try:
            found = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._relying.id,
                expected_origin=self._relying.origin,
                require_user_verification=True,
            )
        except _WRONG as error:
            raise NotThisPasskey(type(error).__name__, user.id) from None
        self._take(_registering(user), challenge, user.id, now)
        handle, key, moment = self._handle(found.credential_id), bytes.fromhex(user.id), int(now.timestamp())
        if len(self.of_user(user.id)) >= MAX_PASSKEYS:
            raise Refused(f"a user has at most {MAX_PASSKEYS} passkeys: remove one first")
        record = {"name": name.strip(), "id": found.credential_id.hex(), "key": found.credential_public_key.hex()}
        sealed = self._store.vault.seal(json.dumps(record).encode(), "passkey", handle)
        added = self._run(
            "INSERT OR IGNORE INTO passkey VALUES (?, ?, ?, ?, ?, NULL)", (handle, key, sealed, found.sign_count, moment)
        )
        if added.rowcount != 1:
            raise NotThisPasskey("registered already", user.id)
        return Passkey(handle.hex(), name.strip(), moment, None)

    def remove(self, user_id: str, id: str) -> str:
        """Removes one of the user's; its name. Raises Malformed where he has none such."""
        for each in self.of_user(user_id):
            if each.id == id:
                self._run("DELETE FROM passkey WHERE handle = ?", (bytes.fromhex(id),))
                return each.name
        raise Malformed("there is no such passkey", field="passkey")

    def remove_all(self, user_id: str) -> None:
        self._run("DELETE FROM passkey WHERE user = ?", (bytes.fromhex(user_id),))

    # --- signing in ---------------------------------------------------------------------------------------------------

    def options(self, now: datetime) -> dict[str, Any]:
        """What a browser needs to offer the passkeys that it has (PublicKeyCredentialRequestOptions, in JSON). The same for
        everybody: it names no user."""
        options = webauthn.generate_authentication_options(
            rp_id=self._relying.id,
            challenge=self._challenges.make(SIGN_IN, CHALLENGE_SECONDS, now),
            timeout=CHALLENGE_SECONDS * 1000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _json(webauthn.options_to_json(options))

    def shown(self, answer: dict[str, Any], now: datetime) -> str:
        """The id of the user whose passkey answered. Raises NotThisPasskey."""
        challenge = _challenge_in(answer)
        row = self._asserting(answer)
        user_id = bytes(row["user"]).hex()
        try:
            found = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._relying.id,
                expected_origin=self._relying.origin,
                credential_public_key=bytes.fromhex(self._record(row)["key"]),
                credential_current_sign_count=row["sign_count"],
                require_user_verification=True,
            )
        except _WRONG as error:
            raise NotThisPasskey(type(error).__name__, user_id) from None
        self._take(SIGN_IN, challenge, user_id, now)
        # 7.2, step 21: a count that does not rise may be a copy of the key. Zero on both sides: it does not count.
        used = self._run(
            "UPDATE passkey SET sign_count = ?, used = ? WHERE handle = ? AND (sign_count < ? OR sign_count = 0 AND ? = 0)",
            (found.new_sign_count, int(now.timestamp()), bytes(row["handle"]), found.new_sign_count, found.new_sign_count),
        )
        if used.rowcount != 1:
            raise NotThisPasskey("its count did not rise", user_id)
        return user_id

    def _asserting(self, answer: dict[str, Any]) -> Any:
        """The passkey that an answer names; 7.2, step 6: where it names a user too, it is that user's."""
        try:
            handle = self._handle(base64url_to_bytes(answer["id"]))
            named = answer["response"].get("userHandle") or ""
            owner = base64url_to_bytes(named) if named else None
        except _WRONG:
            raise NotThisPasskey("unreadable") from None
        row = self._run("SELECT * FROM passkey WHERE handle = ?", (handle,)).fetchone()
        if row is None or (owner is not None and owner != bytes(row["user"])):
            raise NotThisPasskey("unknown")
        return row

    def _take(self, purpose: str, challenge: bytes, user_id: str, now: datetime) -> None:
        """After the signature: what nobody has signed writes nothing."""
        if not self._challenges.take(purpose, challenge, now):
            raise NotThisPasskey("another challenge than ours, or one that has ended or was answered before", user_id)

    def _handle(self, credential_id: bytes) -> bytes:
        return self._store.vault.handle("passkey", credential_id)


def _challenge_in(answer: dict[str, Any]) -> bytes:
    """To which the browser answered."""
    try:
        return bytes(parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).challenge)
    except _WRONG:
        raise NotThisPasskey("unreadable") from None


def _registering(user: User) -> str:
    return f"passkey of {user.id}"


def _json(text: str) -> dict[str, Any]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found
