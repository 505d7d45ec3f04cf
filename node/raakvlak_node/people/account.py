"""By what a user signs in: chosen with a link the first time, changed by himself later.

A link is for one user, for a day, for once; whoever issues it sees it once and hands it over. Whoever comes in by one begins
anew: what he signed in with before, and every session, ends with it, because a link is given to who lost those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from raakvlak_node.access import Actor, Event
from raakvlak_node.people.codes import step_of
from raakvlak_node.people.entry import Entry, From, In
from raakvlak_node.people.passkeys import Passkey, Relying
from raakvlak_node.people.passwords import hashed
from raakvlak_node.people.user import Role, User
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.secret import SecretBytes

LINK_SECONDS: Final = 24 * 3600
APP_SECONDS: Final = 15 * 60


@dataclass(frozen=True, slots=True, repr=False)
class Guest:
    """Who came with a link; `secret` is for an app of his, should he choose a password."""

    user: User
    secret: SecretBytes


class LastWay(Refused):
    """The user could sign in no more."""

    def __init__(self) -> None:
        super().__init__("this is the last way by which you sign in: add another one first")


class Accounts:
    """The verbs, on a node's store. What changes credentials ends every other session of the user."""

    def __init__(self, store: Store, random: Callable[[int], bytes], relying: Relying) -> None:
        self.entry = Entry(store, random, relying)
        self._store = store

    # --- links --------------------------------------------------------------------------------------------------------

    def link(self, user: User, actor: Actor, now: datetime) -> str:
        """The token of a new link, which ends any earlier one of this user. Raises Refused for one who is deactivated."""
        if not user.active:
            raise Refused("this user is deactivated: activate first")
        with self._store.transaction():
            token = self.entry.tickets.make("welcome", user.id, self.entry.codes.fresh(), LINK_SECONDS, now)
            self.entry.people.note(actor, Event.CREATE, f"link for {user.email}", now)
        return token

    def guest(self, token: str, now: datetime) -> Guest | None:
        """Whose link it is, while it lasts. Looking takes nothing: programs that read mail look too."""
        found = self.entry.tickets.look("welcome", token, now)
        user = None if found is None else self.entry.people.user(found.user_id)
        return None if found is None or user is None or not user.active else Guest(user, found.kept)

    def begin_with_password(
        self, token: str, password: SecretBytes, code: str, whence: From, now: datetime
    ) -> tuple[In, list[str]] | None:
        """In, with recovery codes to be shown once; None where the code is not the app's, and the link still lasts. The
        password was looked at (`weakness`). Raises Refused for a link that is over."""
        guest = self._demand(token, now)
        step = step_of(guest.secret, code, now)
        if step is None:
            return None
        hash = hashed(password)
        with self._store.transaction():
            user = self._begin_anew(token, now)
            self.entry.passwords.set(user.id, hash)
            self.entry.codes.set(user.id, guest.secret, step)
            codes = self.entry.codes.new_recovery(user.id)
            self._note(user, Event.CREATE, "password and app, by a link", now)
            return self.entry.welcomed(user, whence, now), codes

    def begin_with_passkey(self, token: str, answer: dict[str, Any], name: str, whence: From, now: datetime) -> In:
        """In, with a passkey that was made for `passkeys.new_options` of the link's user. Raises NotThisPasskey, Malformed,
        and Refused for a link that is over."""
        self._demand(token, now)
        with self._store.transaction():
            user = self._begin_anew(token, now)
            self.entry.passkeys.add(user, answer, name, now)
            self._note(user, Event.CREATE, "passkey, by a link", now)
            return self.entry.welcomed(user, whence, now)

    def _demand(self, token: str, now: datetime) -> Guest:
        guest = self.guest(token, now)
        if guest is None:
            raise Refused("this link has been used or is over: ask an administrator for another one")
        return guest

    def _begin_anew(self, token: str, now: datetime) -> User:
        """Within a transaction: takes the link, and ends all that came before it."""
        guest = self._demand(token, now)
        self.entry.tickets.take("welcome", token, now)
        self.entry.passwords.remove(guest.user.id)
        self.entry.codes.remove(guest.user.id)
        self.entry.passkeys.remove_all(guest.user.id)
        self.entry.tickets.end_all("code", guest.user.id)
        self.entry.sessions.end_all(guest.user.id)
        return guest.user

    # --- the first one ------------------------------------------------------------------------------------------------

    def first(self, name: str, email: str, actor: Actor, now: datetime, *, again: bool = False) -> str:
        """The token of a link for the first administrator. Raises Refused once there is one who can sign in, unless
        `again`: for when all of them have lost their ways in, which the access log then says."""
        people = self.entry.people
        with self._store.transaction():
            if people.administrators() and not again:
                raise Refused(
                    "there is an administrator already, who lets others in; --again makes another one, and is written down"
                )
            user = people.by_email(email)
            if user is None:
                user = people.add_user(name, email, {Role.ADMINISTRATOR}, (), "", actor, now)
            roles = user.roles | {Role.ADMINISTRATOR}
            user = people.change_user(user.id, user.changed, roles=roles, active=True, actor=actor, now=now)
            if again:
                people.note(actor, Event.UPDATE, f"administrator by the console, again: {user.email}", now)
            return self.link(user, actor, now)

    # --- one's own ----------------------------------------------------------------------------------------------------

    def change_password(self, user: User, token: str, password: SecretBytes, now: datetime) -> None:
        """Another password beside the app that there is; it was looked at (`weakness`)."""
        hash = hashed(password)
        with self._store.transaction():
            self.entry.passwords.set(user.id, hash)
            self._changed(user, token, Event.UPDATE, "password", now)

    def new_app(self, user: User, now: datetime) -> tuple[str, SecretBytes]:
        """A ticket with the secret for another app; nothing has changed until its first code."""
        secret = self.entry.codes.fresh()
        return self.entry.tickets.make("app", user.id, secret, APP_SECONDS, now), secret

    def waiting_app(self, user: User, ticket: str, now: datetime) -> SecretBytes | None:
        found = self.entry.tickets.look("app", ticket, now)
        return None if found is None or found.user_id != user.id else found.kept

    def change_app(
        self, user: User, token: str, ticket: str, code: str, password: SecretBytes | None, now: datetime
    ) -> list[str] | None:
        """The app with the ticket's secret from now on, and new recovery codes; with a password where the user had none.
        None where the code is not the app's. Raises Refused where the ticket is over."""
        secret = self.waiting_app(user, ticket, now)
        if secret is None:
            raise Refused("this took too long: begin again")
        step = step_of(secret, code, now)
        if step is None:
            return None
        hash = None if password is None else hashed(password)
        with self._store.transaction():
            if self.entry.tickets.take("app", ticket, now) is None:
                raise Refused("this took too long: begin again")
            if hash is not None:
                self.entry.passwords.set(user.id, hash)
            self.entry.codes.set(user.id, secret, step)
            codes = self.entry.codes.new_recovery(user.id)
            self._changed(user, token, Event.UPDATE, "app", now)
        return codes

    def new_recovery(self, user: User, now: datetime) -> list[str]:
        with self._store.transaction():
            self._note(user, Event.UPDATE, "recovery codes", now)
            return self.entry.codes.new_recovery(user.id)

    def add_passkey(self, user: User, token: str, answer: dict[str, Any], name: str, now: datetime) -> Passkey:
        """Raises NotThisPasskey, Malformed, Refused."""
        with self._store.transaction():
            added = self.entry.passkeys.add(user, answer, name, now)
            self._changed(user, token, Event.CREATE, f"passkey {added.name}", now)
        return added

    def remove_passkey(self, user: User, token: str, id: str, now: datetime) -> None:
        """Raises LastWay, and Malformed where he has none such."""
        with self._store.transaction():
            name = self.entry.passkeys.remove(user.id, id)
            self._demand_way(user)
            self._changed(user, token, Event.DELETE, f"passkey {name}", now)

    def remove_password(self, user: User, token: str, now: datetime) -> None:
        """And the app with it. Raises LastWay."""
        with self._store.transaction():
            self.entry.passwords.remove(user.id)
            self.entry.codes.remove(user.id)
            self._demand_way(user)
            self._changed(user, token, Event.DELETE, "password and app", now)

    def end_others(self, user: User, token: str, now: datetime) -> int:
        """Signs out everywhere else; in how many places."""
        with self._store.transaction():
            ended = self.entry.sessions.end_others(token, user.id)
            self._note(user, Event.SIGN_OUT, f"elsewhere: {ended}", now)
        return ended

    def _demand_way(self, user: User) -> None:
        if not self.entry.people.can_sign_in(user.id):
            raise LastWay

    def _changed(self, user: User, token: str, event: Event, what: str, now: datetime) -> None:
        self.entry.sessions.end_others(token, user.id)
        self._note(user, event, what, now)

    def _note(self, user: User, event: Event, what: str, now: datetime) -> None:
        self.entry.people.note(self.entry.actor(user), event, f"own account: {what}", now)
