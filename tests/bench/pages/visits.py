"""Who opens which pages of a busy node: every page that can be asked for with GET, by somebody whose work it is."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from raakvlak_node import pages
from raakvlak_node.node import Node
from raakvlak_node.pages.scope import Scope
from raakvlak_node.people import People, Role, User
from raakvlak_node.people.user import folded
from tests.bench.pages import busy

LEFT_OUT: Final = frozenset(
    {
        # Not pages of their own: they lead elsewhere, or are files.
        "/",
        "/static/{name:path}",
        "/sign-in/organisation",
        "/sign-in/organisation/back",
        "/outcome.csv",
        "/import/{job}/rejected.csv",
        # One step of signing in, behind a link or a password that was right.
        "/sign-in/code",
        "/welcome/{token}",
        # A coordinator's own node: this one has cases.
        "/desk/matches/{match}",
        # Is there once a file was sent in, which the bench does apart.
        "/import/{job}",
    }
)
EMPTY: Final = "an empty page"
"""Says that there is nothing there, to somebody who is signed in: all of what stands around each page, and nothing in it."""
MOST: Final = 64


@dataclass(frozen=True)
class Visit:
    """A page under a name, of a route, opened by somebody at these paths in turn."""

    name: str
    route: str
    who: str
    paths: Sequence[str]


def visits(node: Node) -> list[Visit]:
    """All of them; raises AssertionError where a page is forgotten, or cannot be measured because nothing is there."""
    found = [each for each in _Made(node).all() if each.route in _routes() | {EMPTY}]
    forgotten = _routes() - LEFT_OUT - {each.route for each in found}
    assert not forgotten, f"these pages are not measured: {sorted(forgotten)}"
    nowhere = [each.name for each in found if not each.paths]
    assert not nowhere, f"there is nothing to open: {nowhere}"
    return found


def _routes() -> set[str]:
    return {path for method, path in pages.acts() if method == "GET"}


def reader(role: Role) -> str:
    """The address of the user with this role; a case worker is the first one, with cases of his own."""
    return busy.email(0) if role is Role.CASE_WORKER else f"{role}@care.example"


class _Made:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._people = People(node.store, node.random)
        self._scope = Scope(node.store, self._people.workers(self._user(Role.CASE_WORKER)))

    def _user(self, role: Role) -> User:
        found = self._people.by_email(folded(reader(role)))
        assert found is not None
        return found

    def _all(self, sql: str, *values: Any) -> list[Any]:
        return self._node.store.database.execute(sql, values).fetchall()

    def _hex(self, sql: str, *values: Any) -> list[str]:
        return [bytes(row[0]).hex() for row in self._all(f"{sql} LIMIT {MOST}", *values)]

    def all(self) -> list[Visit]:
        return [*self._guest(), *self._casework(), *self._lead(), *self._officer(), *self._administrator()]

    def _guest(self) -> Iterable[Visit]:
        yield Visit("sign-in", "/sign-in", "", ["/sign-in"])

    def _casework(self) -> Iterable[Visit]:
        who = reader(Role.CASE_WORKER)
        team = f"worker IN ({self._scope.among})"
        mine = self._hex(f"SELECT handle FROM own_case WHERE {team} ORDER BY fingerprint", *self._scope.workers)  # noqa: S608
        yield Visit(EMPTY, EMPTY, who, ["/nothing-here"])
        yield Visit("today", "/today", who, ["/today"])
        yield Visit("today of the team", "/today", who, ["/today?of=team"])
        yield Visit("today, one group", "/today", who, [f"/today?of=team&show={each}" for each in ("new", "late", "going-on")])
        yield Visit("cases", "/cases", who, ["/cases"])
        yield Visit("cases, searched", "/cases", who, [f"/cases?q=2026-{number}" for number in range(0, 8 * MOST, 8)])
        yield Visit("a new case", "/cases/new", who, ["/cases/new"])
        for organisations in busy.AROUND:
            some = self._hex(
                f"SELECT handle FROM own_case JOIN pair ON own_case = own_case.handle WHERE {team} AND ended IS NULL"  # noqa: S608
                " GROUP BY own_case.handle HAVING count(*) = ? ORDER BY fingerprint".replace("handle FROM", "own_case FROM"),
                *self._scope.workers, organisations,
            )  # fmt: skip
            yield Visit(f"client picture, {organisations} around", "/cases/{case}", who, [f"/cases/{each}" for each in some])
        for page in ("change", "hand-over", "end", "release"):
            yield Visit(f"a case: {page}", f"/cases/{{case}}/{page}", who, [f"/cases/{each}/{page}" for each in mine])
        pairs = self._hex(
            f"SELECT pair.handle FROM pair JOIN own_case ON own_case.handle = own_case WHERE {team} AND ended IS NULL"  # noqa: S608
            " ORDER BY pair.handle",
            *self._scope.workers,
        )
        contacts = self._hex(
            f"SELECT pair.handle FROM pair JOIN own_case ON own_case.handle = own_case WHERE {team} AND ended IS NULL"  # noqa: S608
            " AND phase IN ('in_contact', 'agreed') ORDER BY pair.handle",
            *self._scope.workers,
        )
        yield Visit("follow-up", "/follow-ups/{follow_up}", who, [f"/follow-ups/{each}" for each in pairs])
        agree = [f"/follow-ups/{each}/agreement" for each in contacts]
        yield Visit("an agreement", "/follow-ups/{follow_up}/agreement", who, agree)
        yield Visit("questions", "/questions", who, ["/questions"])
        yield Visit("me", "/me", who, ["/me"])
        for page in ("confirm", "password", "app"):
            yield Visit(f"me: {page}", f"/me/{page}", who, [f"/me/{page}"])

    def _lead(self) -> Iterable[Visit]:
        who = reader(Role.TEAM_LEAD)
        yield Visit("today of a lead", "/today", who, ["/today?of=team"])
        yield Visit("cases of a lead", "/cases", who, ["/cases"])
        yield Visit("outcome", "/outcome", who, ["/outcome"])
        yield Visit("desk", "/desk", reader(Role.COORDINATOR), ["/desk"])

    def _officer(self) -> Iterable[Visit]:
        who, log = reader(Role.PRIVACY_OFFICER), "/privacy/log"
        cases = [busy.reference(number) for number in range(0, 8 * MOST, 8)]
        objections = self._hex("SELECT id FROM objection")
        yield Visit("privacy", "/privacy", who, ["/privacy"])
        yield Visit("access log", log, who, [log])
        yield Visit("access log of a case", log, who, [f"{log}?case={each}" for each in cases])
        yield Visit("access log of somebody", log, who, [f"{log}?who={busy.email(number)}" for number in range(8)])
        yield Visit("ledger", "/privacy/ledger", who, ["/privacy/ledger", "/privacy/ledger?before=2000"])
        yield Visit("subject reports", "/privacy/subjects", who, ["/privacy/subjects"])
        yield Visit("objections", "/privacy/objections", who, ["/privacy/objections"])
        yield Visit("a new objection", "/privacy/objections/new", who, ["/privacy/objections/new"])
        one = [f"/privacy/objections/{each}" for each in objections]
        yield Visit("an objection", "/privacy/objections/{objection}", who, one)
        yield Visit("erasure", "/privacy/erasure", who, ["/privacy/erasure"])

    def _administrator(self) -> Iterable[Visit]:
        who, part = reader(Role.ADMINISTRATOR), "/administration"
        users, teams = self._hex("SELECT id FROM user"), self._hex("SELECT id FROM team")
        yield Visit("import", "/import", who, ["/import"])
        for path in ("", "/backup", "/unassigned", "/people", "/people/new", "/teams", "/teams/new"):
            yield Visit(f"administration{path.replace('/', ' ')}", part + path, who, [part + path])
        yield Visit("a user", f"{part}/people/{{user}}", who, [f"{part}/people/{each}" for each in users])
        yield Visit("a team", f"{part}/teams/{{team}}", who, [f"{part}/teams/{each}" for each in teams])


def in_turn(visit: Visit) -> "itertools.cycle[str]":
    return itertools.cycle(visit.paths)
