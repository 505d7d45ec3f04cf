"""Coming in: a password and then a code, or a passkey, or the organisation's own sign-in; and going out.

Whoever fails learns only that it failed: not whether there is such a user, nor which of the two was wrong. Every try that
was judged is a line in the access log; what was typed is not, as it may be a password in the wrong field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from raakvlak_node.access import AccessLog, Actor, Event, Result
from raakvlak_node.people.codes import Codes
from raakvlak_node.people.passkeys import NotThisPasskey, Passkeys, Relying
from raakvlak_node.people.passwords import Passwords
from raakvlak_node.people.sessions import Session, Sessions
from raakvlak_node.people.staff import People
from raakvlak_node.people.throttle import Throttle, TooMany
from raakvlak_node.people.tickets import Tickets
from raakvlak_node.people.user import MAX_USER_EMAIL_CHARACTERS, User
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

CODE_SECONDS: Final = 10 * 60
"""How long a password that was right waits for its code."""

How = Literal["password", "recovery", "passkey", "oidc", "link"]


@dataclass(frozen=True, slots=True)
class From:
    """Whence somebody tries: the cookie of browsers that are known, and the network address."""

    devices: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class In:
    """Somebody is in. `token` is the session's and `devices` the known browser's cookie; both for the browser alone."""

    user: User
    token: str
    devices: str

    def __repr__(self) -> str:
        return f"In({self.user.id})"


class NobodyVouched(Refused):
    """The organisation's own sign-in knows somebody who is no user here."""

    def __init__(self) -> None:
        super().__init__("nobody here goes by that account yet: ask an administrator to add you")


class Entry:
    """The verbs, on a node's store. `random` makes every token."""

    def __init__(self, store: Store, random: Callable[[int], bytes], relying: Relying) -> None:
        self.people = People(store, random)
        self.sessions = Sessions(store, random)
        self.passwords = Passwords(store)
        self.codes = Codes(store, random)
        self.passkeys = Passkeys(store, random, relying)
        self.tickets = Tickets(store, random)
        self.throttle = Throttle(store, random)
        self._store = store
        self._log = AccessLog(store, random)

    # --- a password, then a code --------------------------------------------------------------------------------------

    def password(self, email: str, password: SecretBytes, whence: From, now: datetime) -> str | None:
        """A ticket for the code that must follow; None where it was wrong. Raises TooMany."""
        email = email[: MAX_USER_EMAIL_CHARACTERS + 1]
        buckets = self.throttle.buckets("password", email, whence.devices, whence.client)
        self.throttle.count(buckets, now)
        user = self.people.by_email(email)
        right = self.passwords.check(None if user is None else user.id, password)
        if not right or user is None or not user.active or not self.codes.has(user.id):
            self._failed(user, "password" if user is not None else "unknown user", now)
            return None
        return self.tickets.make("code", user.id, SecretBytes(b""), CODE_SECONDS, now)

    def waits_for_code(self, ticket: str, now: datetime) -> bool:
        return self.tickets.look("code", ticket, now) is not None

    def code(self, ticket: str, code: str, whence: From, now: datetime) -> In | None:
        """In, with a code of the app or one on paper; None where it was wrong. Raises TooMany."""
        found = self.tickets.look("code", ticket, now)
        user = None if found is None else self.people.user(found.user_id)
        if user is None or not user.active:
            return None
        buckets = self.throttle.buckets("code", user.email, whence.devices, whence.client)
        self.throttle.count(buckets, now)
        with self._store.transaction():
            how = self._taken(user, code, now)
            if how is None or self.tickets.take("code", ticket, now) is None:
                self._failed(user, "code", now)
                return None
            came = self._in(user, how, whence, now)
        self.throttle.give_back(buckets)
        self.throttle.give_back(self.throttle.buckets("password", user.email, whence.devices, whence.client))
        return came

    def _taken(self, user: User, code: str, now: datetime) -> How | None:
        if self.codes.take(user.id, code, now):
            return "password"
        return "recovery" if self.codes.take_recovery(user.id, code) else None

    # --- a passkey, or the organisation's own sign-in -----------------------------------------------------------------

    def passkey(self, answer: dict[str, Any], whence: From, now: datetime) -> In:
        """In, with a passkey that answered to `passkeys.options`. Raises NotThisPasskey; nobody has to wait."""
        try:
            user = self.people.user(self.passkeys.shown(answer, now))
            if user is None or not user.active:
                raise NotThisPasskey("deactivated", "" if user is None else user.id)
        except NotThisPasskey as error:
            self._failed_passkey(error, whence, now)
            raise
        with self._store.transaction():
            return self._in(user, "passkey", whence, now)

    def _failed_passkey(self, error: NotThisPasskey, whence: From, now: datetime) -> None:
        self._failed_from(whence, self.people.user(error.user_id), f"passkey: {error.why}", now)

    def _failed_from(self, whence: From, user: User | None, why: str, now: datetime) -> None:
        """A line for each failure that was not waited for, and no more from one address than there may be wrong passwords:
        nobody fills the log."""
        try:
            self.throttle.count((self.throttle.unwaited(whence.client),), now)
        except TooMany:
            return
        self._failed(user, why, now)

    def vouched(self, subject: str, email: str, whence: From, now: datetime) -> In:
        """In, because the organisation's own sign-in says so of the user whom it calls `subject`. The first time this is
        whoever has this verified `email` (empty: none is known) and was not vouched for under another name. Raises
        NobodyVouched."""
        with self._store.transaction():
            user = self.people.by_subject(subject)
            if user is None:
                known = self.people.by_email(email) if email else None
                if known is not None and known.active and not known.subject:
                    user = self.people.set_subject(known.id, subject, self.actor(known), now)
            if user is not None and user.active:
                return self._in(user, "oidc", whence, now)
        self._failed_from(whence, user, "oidc: no such user, or not active", now)
        raise NobodyVouched

    def welcomed(self, user: User, whence: From, now: datetime) -> In:
        """In, by a link, with what he has just chosen to sign in with."""
        return self._in(user, "link", whence, now)

    def _in(self, user: User, how: How, whence: From, now: datetime) -> In:
        token = self.sessions.begin(user.id, how, now)
        self._log.write(self.actor(user), Event.SIGN_IN, now, kind="account", reason=how)
        return In(user, token, self.throttle.devices_with(whence.devices, user.email))

    def _failed(self, user: User | None, why: str, now: datetime) -> None:
        actor = Actor.visitor("" if user is None else user.email)
        self._log.write(actor, Event.SIGN_IN, now, outcome=Result.REFUSED, kind="account", reason=why)

    # --- who is in already --------------------------------------------------------------------------------------------

    def confirm_password(
        self, session: Session, token: str, password: SecretBytes, code: str, whence: From, now: datetime
    ) -> bool:
        """Whether the one who is in has shown both again. Raises TooMany."""
        buckets = self.throttle.buckets("password", session.user.email, whence.devices, whence.client)
        self.throttle.count(buckets, now)
        right = self.passwords.check(session.user.id, password)
        with self._store.transaction():
            if not right or self._taken(session.user, code, now) is None:
                self._failed(session.user, "confirmation", now)
                return False
            self.sessions.confirm(token, now)
        self.throttle.give_back(buckets)
        return True

    def confirm_passkey(self, session: Session, token: str, answer: dict[str, Any], whence: From, now: datetime) -> None:
        """The one who is in shows a passkey of his own again. Raises NotThisPasskey."""
        try:
            if self.passkeys.shown(answer, now) != session.user.id:
                raise NotThisPasskey("another user's", session.user.id)
        except NotThisPasskey as error:
            self._failed_passkey(error, whence, now)
            raise
        self.sessions.confirm(token, now)

    def out(self, session: Session, token: str, now: datetime) -> None:
        """Signs out here."""
        with self._store.transaction():
            self.sessions.end(token)
            self._log.write(self.actor(session.user), Event.SIGN_OUT, now, kind="account")

    def actor(self, user: User) -> Actor:
        """The user, in no particular one of his roles: for what concerns only himself."""
        return Actor.page(user.email, str(sorted(user.roles)[0]))
