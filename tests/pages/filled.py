"""Two organisations with pages that have one of everything which a path can name: a school with a case, a follow-up, a
coordinator's question, an objection and an import; and the coordinator, who hears of a match of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from raakvlak_node import backups, import_runner
from raakvlak_node.access import AccessLog, Actor
from raakvlak_node.mediating import Mediating
from raakvlak_node.pages.rights import RIGHTS, Act
from raakvlak_node.people import Role, Sessions, User
from raakvlak_node.people.account import Accounts
from raakvlak_node.people.passkeys import Relying
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.party.look.static import address as asset_address
from tests.node.rows import bsn, row, table
from tests.pages.site import ADDRESS, ADMIN, FormFields, Site, Visitor
from tests.pages.story import CHILD, ILSE, KIM, MOTHER, SISTER, Story, story

SCHOOL: Final = "school"
COORDINATOR: Final = "coordinator"
MEMBERS: Final = (SCHOOL, COORDINATOR)
OBJECTOR: Final = bsn(77)
BY_SCRIPT: Final = ("/passkey", "/passkey/options")
"""How paths end to which a script of ours sends JSON."""
UNTOLD: Final = frozenset({"access_log", "access_person", "session", "sqlite_stat1"})
"""Tables in which a refused request may leave something: a line, and when a session was used last."""


@dataclass
class Filled:
    """The organisations, and who works there: `users` by organisation and name of the role, and "two" who has two."""

    story: Story
    users: dict[tuple[str, str], User]
    ids: dict[str, dict[str, str]]

    def site(self, member: str) -> Site:
        return self.story.sites[member]

    def path(self, member: str, pattern: str) -> str:
        """The path of a route, with what is there at this organisation in place of names."""
        for name, id in self.ids[member].items():
            pattern = pattern.replace(f"{{{name}}}", id)
        assert "{" not in pattern, pattern
        return pattern

    def visit(self, member: str, name: str) -> Visitor:
        """A browser of this user, in a session of its own; of nobody where no such user is."""
        return self.site(member).visit(self.users.get((member, name)))

    def token(self, member: str, visitor: Visitor) -> str:
        """What the forms of this browser bear."""
        node = self.site(member).node
        cookie = str(visitor.client.cookies.get(cookie_name(member, "session")) or "")
        session = Sessions(node.store, node.random).of(cookie, node.clock())
        if session is not None:
            return session.csrf
        visitor.open("/sign-in")
        return visitor.form("/language").fields["csrf"][0]

    def ask(self, member: str, visitor: Visitor, act: Act, fields: FormFields | None = None) -> httpx.Response:
        """Does what a browser does that is on the page: a form or a script's message, with this browser's token."""
        method, pattern = act
        path = self.path(member, pattern)
        if method == "GET":
            return visitor.open(path)
        token = self.token(member, visitor)
        if pattern.endswith(BY_SCRIPT):
            headers = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin", "X-Raakvlak-Form": token}
            return visitor.client.post(path, json=fields or {}, headers=headers)
        if pattern == "/import":
            files = {"csrf": (None, token), "file": ("more.csv", table([row(9)]), "text/csv")}
            return visitor.client.post(path, files=files, headers={"Origin": ADDRESS})
        return visitor.post(path, {"csrf": [token]} | (fields or {}))

    def stored(self, member: str) -> dict[str, list[tuple[Any, ...]]]:
        """All that stands in the store of an organisation, but for who looked."""
        return dump(self.site(member))

    def lines(self, member: str) -> int:
        return AccessLog(self.site(member).node.store).head().number

    def quiet(self, member: str) -> None:
        """Waits until no import and no backup is at work."""
        kept = self.site(member).app._app.state.house.kept
        for each in (import_runner.Runner, backups.Runner):
            assert each not in kept or kept[each].wait(20)


def cookie_name(member: str, name: str) -> str:
    return f"__Host-raakvlak-{member}-{name}"


def dump(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that a refused request may not touch."""
    database = site.node.store.database
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    return {
        name: [tuple(each) for each in database.execute(f"SELECT * FROM {name}").fetchall()]  # noqa: S608 own tables
        for name in names
        if name not in UNTOLD
    }


def allowed(act: Act, roles: frozenset[Role]) -> bool:
    wanted = RIGHTS[act]
    return wanted is None or bool(roles & set(wanted))


@contextmanager
def filled(folder: Path) -> Iterator[Filled]:
    with story(folder) as made:
        users = {(member, name): user for member in MEMBERS for name, user in _users(made, member).items()}
        _happens(made, users[SCHOOL, Role.ADMINISTRATOR])
        yield Filled(made, users, {member: _ids(made, member, users[member, Role.ADMINISTRATOR]) for member in MEMBERS})


def _users(made: Story, member: str) -> Mapping[str, User]:
    """Somebody of each role; whoever sees cases is in one team with the others who do."""
    site = made.sites[member]
    team = site.people.add_team("Team", "", ADMIN, site.node.clock())
    known = {Role.CASE_WORKER: made.ilse} if member == SCHOOL else {Role.COORDINATOR: made.kim}
    found: dict[str, User] = {}
    for role in Role:
        user = known.get(role) or site.user(f"{role}@{member}.example", role)
        found[str(role)] = site.people.change_user(user.id, user.changed, teams=[team.id], actor=ADMIN, now=site.node.clock())
    two = (Role.TEAM_LEAD, Role.PRIVACY_OFFICER) if member == SCHOOL else (Role.COORDINATOR, Role.ADMINISTRATOR)
    found["two"] = site.user(f"two@{member}.example", *two, teams=[team.id])
    return found


def _happens(made: Story, administrator: User) -> None:
    """A match that was escalated, a confidential one of which a coordinator asks, and a person who objects."""
    made.match()
    made.put("school", "S-2", SISTER, made.ilse, confidential="yes")
    made.put("youth-team", "J-2", SISTER, made.jan)
    made.put("school", "S-3", OBJECTOR, made.ilse)
    made.settle()
    desk = Mediating(made.running.nodes["coordinator"])
    (heard,) = desk.matches()
    clock = made.running.clock
    desk.ask(heard.id, "school", "Kim Prins", "0118-000009", "", "May they hear of it?", Actor.command("kim"), clock())
    made.settle()
    school, path = made.sites["school"].node, made.path("school", "youth-team")
    visitor = made.visit("school", made.ilse)
    visitor.go(path)
    (form,) = [each for each in _forms(visitor) if each["kind"] == ["escalated"]]
    visitor.done(visitor.post(f"{path}/acts", form | {"escalated_text": ["we need you"]}))
    made.settle()
    school.standing().object(Bsn.parse(OBJECTOR), "asked by letter", made.today - timedelta(days=1), ADMIN, clock())


def _forms(visitor: Visitor) -> list[FormFields]:
    from tests.pages.site import Forms

    return [each.fields for each in Forms(visitor.page).forms if "kind" in each.fields]


def _ids(made: Story, member: str, administrator: User) -> dict[str, str]:
    """What the names on paths can be at this organisation; what is not there stands for what is not."""
    site = made.sites[member]
    node, nowhere = site.node, "00" * 32
    relying = Relying("raakvlak.example", ADDRESS, "Raakvlak")
    guest = site.user(f"new@{member}.example", Role.PRIVACY_OFFICER)
    found = {
        "name:path": asset_address("look.css").removeprefix("/static/"),
        "token": Accounts(node.store, node.random, relying).link(guest, ADMIN, node.clock()),
        "case": node.store.case_handle("S-1").hex(),
        "follow_up": made.path(member).rpartition("/")[2],
        "match": nowhere[:32],
        "objection": nowhere[:32],
        "job": nowhere[:32],
        "user": guest.id,
        "team": site.people.teams()[0].id,
    }
    if member == COORDINATOR:
        return found | {"match": Mediating(node).matches()[0].id}
    visitor = site.visit(administrator)
    visitor.go("/import")
    sent = visitor.send("/import", files={"file": ("caseload.csv", table([row(1), row(2, since="soon")]), "text/csv")})
    assert site.app._app.state.house.kept[import_runner.Runner].wait(20)
    return found | {
        "match": Mediating(node).questions()[0].id,
        "objection": node.standing().objections.all()[0].id,
        "job": sent.headers["location"].rpartition("/")[2],
    }


__all__ = ["CHILD", "COORDINATOR", "ILSE", "KIM", "MEMBERS", "MOTHER", "SCHOOL", "Filled", "allowed", "dump", "filled"]
