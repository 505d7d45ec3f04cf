"""The users and teams of one organisation, on its node's store.

Names and addresses lie sealed and are found by keyed handles. Every change is a line in the access log, in the change's
own transaction.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.people.user import ID_BYTES, LastAdministrator, Overtaken, Role, Team, User, folded
from raakvlak_node.store import Store
from raakvlak_protocol.encoding import from_hex
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS

_CAN_SIGN_IN = (
    "(subject IS NOT NULL OR EXISTS (SELECT 1 FROM password WHERE password.user = user.id)"
    " OR EXISTS (SELECT 1 FROM passkey WHERE passkey.user = user.id))"
)
MAX_REASON = 1_900


@dataclass(frozen=True, slots=True)
class People:
    """The verbs. `random` makes the ids."""

    store: Store
    random: Callable[[int], bytes]

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self.store.database.execute(sql, values)

    def note(self, actor: Actor, event: Event, reason: str, now: datetime) -> None:
        """A line in the access log, within the transaction of what it tells of."""
        AccessLog(self.store, self.random).write(actor, event, now, kind="account", reason=reason[:MAX_REASON])

    # --- users --------------------------------------------------------------------------------------------------------

    def user(self, id: str) -> User | None:
        """The user with this id (32 hexadecimal digits); None for whatever else is given."""
        key = _key(id)
        return None if key is None else self._found("id = ?", key)

    def by_email(self, email: str) -> User | None:
        return self._found("handle = ?", self._handle(email))

    def by_subject(self, subject: str) -> User | None:
        """The user whom the organisation's own sign-in calls so."""
        return self._found("subject = ?", self.store.vault.handle("subject", subject)) if subject else None

    def users(self) -> list[User]:
        """Everybody, by name; who was deactivated too."""
        found = [self._opened(row) for row in self._run("SELECT * FROM user").fetchall()]
        return sorted(found, key=lambda each: (each.name.casefold(), each.id))

    def _handle(self, email: str) -> bytes:
        return self.store.vault.handle("user", folded(email))

    def _found(self, which: str, value: bytes) -> User | None:
        row = self._run(f"SELECT * FROM user WHERE {which}", (value,)).fetchone()  # noqa: S608 one of three constants
        return None if row is None else self._opened(row)

    def _opened(self, row: Any) -> User:
        key = bytes(row["id"])
        record = json.loads(self.store.vault.open(row["sealed"], "user", key).reveal())
        roles = frozenset(Role(each[0]) for each in self._run("SELECT role FROM user_role WHERE user = ?", (key,)))
        teams = frozenset(bytes(each[0]).hex() for each in self._run("SELECT team FROM user_team WHERE user = ?", (key,)))
        active, changed = bool(row["active"]), row["changed"]
        name, email, language, subject = (record[each] for each in ("name", "email", "language", "subject"))
        return User(key.hex(), name, email, roles, teams, language, active, subject, changed)

    def add_user(
        self,
        name: str,
        email: str,
        roles: Iterable[Role],
        teams: Iterable[str],
        language: str,
        actor: Actor,
        now: datetime,
    ) -> User:
        """A new user, who can sign in once he has a way to: see `Links`. Raises Malformed where a field is wrong or the
        address is another user's."""
        user = User(self.random(ID_BYTES).hex(), name.strip(), email.strip(), frozenset(roles), frozenset(teams), language)
        with self.store.transaction():
            self._put(user)
            self.note(actor, Event.CREATE, f"user {_described(user, self.teams())}", now)
        return user

    def change_user(
        self,
        id: str,
        seen: int,
        *,
        actor: Actor,
        now: datetime,
        name: str | None = None,
        email: str | None = None,
        roles: Iterable[Role] | None = None,
        teams: Iterable[str] | None = None,
        language: str | None = None,
        active: bool | None = None,
    ) -> User:
        """Changes what is given of the user as he was read with `changed` = `seen`. Raises Overtaken where somebody else
        was first, LastAdministrator, and Malformed. Other roles, or being deactivated, end all his sessions."""
        with self.store.transaction():
            known = self._demand(id)
            if known.changed != seen:
                raise Overtaken(known)
            wanted = replace(
                known,
                name=known.name if name is None else name.strip(),
                email=known.email if email is None else email.strip(),
                roles=known.roles if roles is None else frozenset(roles),
                teams=known.teams if teams is None else frozenset(teams),
                language=known.language if language is None else language,
                active=known.active if active is None else active,
            )
            if wanted == known:
                return known
            stored = replace(wanted, changed=known.changed + 1)
            with self._leaving_an_administrator():
                self._put(stored)
            if stored.roles != known.roles or not stored.active:
                self._end_all(stored)
            self.note(actor, Event.UPDATE, f"user {_difference(known, stored, self.teams())}", now)
        return stored

    def deactivate(self, id: str, seen: int, actor: Actor, now: datetime) -> User:
        """Nobody signs in as this user any more; who he was stays, for what the access log says of him."""
        return self.change_user(id, seen, active=False, actor=actor, now=now)

    def set_subject(self, id: str, subject: str, actor: Actor, now: datetime) -> User:
        """Whom the organisation's own sign-in calls `subject` is this user from now on; empty: nobody is. Raises Refused
        where it is another user's."""
        with self.store.transaction():
            known = self._demand(id)
            other = self.by_subject(subject)
            if other is not None and other.id != known.id:
                raise Refused("the organisation's own sign-in is tied to another user already")
            stored = replace(known, subject=subject, changed=known.changed + 1)
            with self._leaving_an_administrator():
                self._put(stored)
            what = "tied to" if subject else "untied from"
            self.note(actor, Event.UPDATE, f"user {known.email}: {what} the organisation's own sign-in", now)
        return stored

    def can_sign_in(self, id: str) -> bool:
        """Whether he has a way to sign in: a password, a passkey or the organisation's own."""
        found = self._run(f"SELECT 1 FROM user WHERE id = ? AND {_CAN_SIGN_IN}", (bytes.fromhex(id),))  # noqa: S608
        return found.fetchone() is not None

    def administrators(self) -> int:
        """How many active administrators can sign in."""
        found = self._run(
            "SELECT count(*) FROM user JOIN user_role ON user_role.user = user.id"  # noqa: S608 a constant
            f" WHERE role = ? AND active = 1 AND {_CAN_SIGN_IN}",
            (str(Role.ADMINISTRATOR),),
        )
        return int(found.fetchone()[0])

    @contextmanager
    def _leaving_an_administrator(self) -> Iterator[None]:
        """Within a transaction: what is done inside may not take away the last one who can let others in."""
        before = self.administrators()
        yield
        if before and not self.administrators():
            raise LastAdministrator

    def _demand(self, id: str) -> User:
        found = self.user(id)
        if found is None:
            raise Refused("there is no such user")
        return found

    def _put(self, user: User) -> None:
        key, handle = bytes.fromhex(user.id), self._handle(user.email)
        if self._run("SELECT 1 FROM user WHERE handle = ? AND id <> ?", (handle, key)).fetchone():
            raise Malformed("another user has this address", field="email")
        known = {each.id for each in self.teams()}
        if not user.teams <= known:
            raise Malformed("there is no such team", field="teams")
        record = {"name": user.name, "email": user.email, "language": user.language, "subject": user.subject}
        sealed = self.store.vault.seal(json.dumps(record).encode(), "user", key)
        subject = self.store.vault.handle("subject", user.subject) if user.subject else None
        self._run(
            "INSERT INTO user VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET handle = excluded.handle,"
            " subject = excluded.subject, sealed = excluded.sealed, active = excluded.active, changed = excluded.changed",
            (key, handle, subject, sealed, user.active, user.changed),
        )
        for table in ("user_role", "user_team"):
            self._run(f"DELETE FROM {table} WHERE user = ?", (key,))  # noqa: S608 one of two constants
        for role in sorted(user.roles):
            self._run("INSERT INTO user_role VALUES (?, ?)", (key, str(role)))
        for team in sorted(user.teams):
            self._run("INSERT INTO user_team VALUES (?, ?)", (key, bytes.fromhex(team)))

    def _end_all(self, user: User) -> None:
        """Ends every session of a user and, where he was deactivated, whatever would lead to one."""
        self._run("DELETE FROM session WHERE user = ?", (bytes.fromhex(user.id),))
        if not user.active:
            self._run("DELETE FROM ticket WHERE user = ?", (bytes.fromhex(user.id),))

    # --- teams --------------------------------------------------------------------------------------------------------

    def team(self, id: str) -> Team | None:
        key = _key(id)
        row = None if key is None else self._run("SELECT * FROM team WHERE id = ?", (key,)).fetchone()
        return None if row is None else self._opened_team(row)

    def teams(self) -> list[Team]:
        """Every team, by name."""
        found = [self._opened_team(row) for row in self._run("SELECT * FROM team").fetchall()]
        return sorted(found, key=lambda each: (each.name.casefold(), each.id))

    def members(self, team_id: str) -> list[User]:
        """Who is in the team, by name; who was deactivated too, because his cases stay the team's."""
        rows = self._run("SELECT user.* FROM user JOIN user_team ON user = id WHERE team = ?", (bytes.fromhex(team_id),))
        return sorted((self._opened(row) for row in rows.fetchall()), key=lambda each: (each.name.casefold(), each.id))

    def _opened_team(self, row: Any) -> Team:
        key = bytes(row["id"])
        record = json.loads(self.store.vault.open(row["sealed"], "team", key).reveal())
        return Team(key.hex(), record["name"], record["email"], row["changed"])

    def add_team(self, name: str, email: str, actor: Actor, now: datetime) -> Team:
        """A new team without anybody in it. Raises Malformed where a field is wrong or the name is another team's."""
        team = Team(self.random(ID_BYTES).hex(), name.strip(), email.strip())
        with self.store.transaction():
            self._put_team(team)
            self.note(actor, Event.CREATE, f"team {team.name}", now)
        return team

    def change_team(self, id: str, seen: int, name: str, email: str, actor: Actor, now: datetime) -> Team:
        """Changes the team as it was read with `changed` = `seen`. Raises Overtaken where somebody else was first."""
        with self.store.transaction():
            known = self._demand_team(id)
            if known.changed != seen:
                raise Overtaken(known)
            if (known.name, known.email) == (name.strip(), email.strip()):
                return known
            stored = Team(known.id, name.strip(), email.strip(), known.changed + 1)
            self._put_team(stored)
            self.note(actor, Event.UPDATE, f"team {known.name}: {stored.name} {stored.email}".strip(), now)
        return stored

    def remove_team(self, id: str, actor: Actor, now: datetime) -> None:
        """Its members see each other's cases no more, as far as this team was why."""
        with self.store.transaction():
            known = self._demand_team(id)
            self._run("DELETE FROM team WHERE id = ?", (bytes.fromhex(id),))
            self.note(actor, Event.DELETE, f"team {known.name}", now)

    def _demand_team(self, id: str) -> Team:
        found = self.team(id)
        if found is None:
            raise Refused("there is no such team")
        return found

    def _put_team(self, team: Team) -> None:
        if any(each.id != team.id and each.name.casefold() == team.name.casefold() for each in self.teams()):
            raise Malformed("another team has this name", field="name")
        key = bytes.fromhex(team.id)
        sealed = self.store.vault.seal(json.dumps({"name": team.name, "email": team.email}).encode(), "team", key)
        self._run(
            "INSERT INTO team VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed,"
            " changed = excluded.changed",
            (key, sealed, team.changed),
        )

    # --- whose cases he sees ------------------------------------------------------------------------------------------

    def workers(self, user: User) -> tuple[bytes, ...]:
        """The handles by which the store finds the cases that this user sees: his own, those of everybody in his teams,
        and those of his teams' shared addresses. None for one whose roles open no case."""
        if not user.sees_cases:
            return ()
        colleagues = [each for team in sorted(user.teams) for each in self.members(team)]
        shared = [each.email for each in map(self.team, sorted(user.teams)) if each is not None and each.email]
        handles = self.handles((user, *colleagues)) | {self.store.worker_handle(email=each) for each in shared}
        return tuple(sorted(handles))

    def handles(self, users: Iterable[User]) -> set[bytes]:
        """Under which the store finds the cases whose worker is one of these, by address or by name."""
        handle = self.store.worker_handle
        return {found for each in users for found in (handle(email=each.email), handle(name=each.name))}


def _key(id: str) -> bytes | None:
    """The bytes of an id, as they come from a URL."""
    return from_hex(id, ID_BYTES)


def _described(user: User, teams: Sequence[Team]) -> str:
    parts = [user.email, user.name[:MAX_TEXT_CHARACTERS], ", ".join(sorted(user.roles))]
    names = ", ".join(each.name for each in teams if each.id in user.teams)
    return "; ".join(part for part in (*parts, names) if part)


def _difference(known: User, stored: User, teams: Sequence[Team]) -> str:
    """What a change changed, for the access log."""
    named = {each.id: each.name for each in teams}
    pairs = (
        ("name", known.name, stored.name),
        ("e-mail", known.email, stored.email),
        ("roles", ", ".join(sorted(known.roles)), ", ".join(sorted(stored.roles))),
        ("teams", *(", ".join(sorted(named.get(each, each) for each in user.teams)) for user in (known, stored))),
        ("language", known.language, stored.language),
        ("active", "yes" if known.active else "no", "yes" if stored.active else "no"),
    )
    changes = "; ".join(
        f"{name} from {before or 'none'} to {after or 'none'}" for name, before, after in pairs if before != after
    )
    return f"{known.email}: {changes}"
