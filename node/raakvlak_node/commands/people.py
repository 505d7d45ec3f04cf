"""Users of the pages from the console: the first administrator, and what an administrator can also do on the pages."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from raakvlak_node.access import Actor
from raakvlak_node.commands.manners import acting, actor, answer, opened, say
from raakvlak_node.node import Node
from raakvlak_node.people import People, Role, User
from raakvlak_node.settings import Pages
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party import command

if TYPE_CHECKING:
    from raakvlak_node.people.account import Accounts

COLUMNS: Final = ("name", "email", "roles", "team")
MAX_FILE_BYTES: Final = 1024 * 1024

_email = click.option("--email", required=True, help="The address by which the user signs in.")
_name = click.option("--name", required=True, help="The user's name.")
_dry = click.option("--dry-run", is_flag=True, help="Only tell what would be done.")


@click.group("user")
def user() -> None:
    """Who signs in to the pages."""


class _Undone(Exception):
    """Takes back what a dry run did."""


def _pages(node: Node) -> Pages:
    if node.settings.pages is None:
        raise Refused("settings.toml has no [pages]: give it the address by which browsers reach the pages first")
    return node.settings.pages


def _accounts(node: Node) -> "Accounts":
    # Only for a command that needs them: what passkeys stand on takes a moment to load.
    from raakvlak_node.people.account import Accounts
    from raakvlak_node.people.passkeys import Relying

    pages = _pages(node)
    return Accounts(node.store, node.random, Relying(pages.host, pages.address, f"Raakvlak {node.member.name}"))


def _demand(node: Node, email: str) -> User:
    found = People(node.store, node.random).by_email(email)
    if found is None:
        raise Refused("there is no user with this address: 'raakvlak-node user list' tells who there are")
    return found


def _linked(node: Node, token: str, as_json: bool) -> None:
    from raakvlak_node.people.account import LINK_SECONDS

    link, hours = f"{_pages(node).address}/welcome/{token}", LINK_SECONDS // 3600
    answer(as_json, {"link": link, "hours": hours}, lambda: iter((link,)))
    say(f"works once, for {hours} hours: whoever has it gets in, so hand it over safely")


@user.command("first")
@command.in_folder
@command.as_json
@acting
@_email
@_name
@click.option("--again", is_flag=True, help="Though there is an administrator, for when none can get in. It is written down.")
def first(path: Path, as_json: bool, on_behalf_of: str, email: str, name: str, again: bool) -> None:
    """Make the first administrator, and print the link by which this one comes in."""
    with opened(path) as node:
        token = _accounts(node).first(name, email, actor(on_behalf_of), node.clock(), again=again)
        _linked(node, token, as_json)


@user.command("list")
@command.in_folder
@command.as_json
def list_(path: Path, as_json: bool) -> None:
    """Show every user, with roles and teams."""
    with opened(path) as node:
        people = People(node.store, node.random)
        teams = {each.id: each.name for each in people.teams()}
        found = [_record(people, each, teams) for each in people.users()]
    answer(as_json, {"users": found}, lambda: _lines(found))


def _record(people: People, user: User, teams: dict[str, str]) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "roles": sorted(user.roles),
        "teams": sorted(teams[each] for each in user.teams),
        "active": user.active,
        "can_sign_in": user.active and people.can_sign_in(user.id),
    }


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        state = "deactivated" if not each["active"] else "active" if each["can_sign_in"] else "invited"
        teams = f", in {', '.join(each['teams'])}" if each["teams"] else ""
        yield f"{each['email']}  {each['name']}: {', '.join(each['roles'])}{teams} ({state})"


@user.command("add")
@command.in_folder
@command.as_json
@acting
@_dry
@_email
@_name
@click.option("--role", "roles", required=True, multiple=True, type=click.Choice([str(each) for each in Role]))
@click.option("--team", "teams", multiple=True, metavar="NAME", help="A team that there is; may be given again.")
def add(
    path: Path,
    as_json: bool,
    on_behalf_of: str,
    dry_run: bool,
    email: str,
    name: str,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
) -> None:
    """Add a user, and print the link by which this one comes in."""
    with opened(path) as node:
        accounts, who = _accounts(node), actor(on_behalf_of)
        people = accounts.entry.people
        known = {each.name: each.id for each in people.teams()}
        if not set(teams) <= set(known):
            raise Refused("there is no such team: an administrator makes teams on the pages")
        try:
            with node.store.transaction():
                chosen = (known[each] for each in teams)
                made = people.add_user(name, email, map(Role, roles), chosen, "", who, node.clock())
                token = accounts.link(made, who, node.clock())
                if dry_run:
                    raise _Undone
        except _Undone:
            say("this user could be added; nothing was")
            return
        _linked(node, token, as_json)


@user.command("link")
@command.in_folder
@command.as_json
@acting
@_email
def link(path: Path, as_json: bool, on_behalf_of: str, email: str) -> None:
    """Print a new link for a user who has lost every way in. With it, all that was used before ends."""
    with opened(path) as node:
        token = _accounts(node).link(_demand(node, email), actor(on_behalf_of), node.clock())
        _linked(node, token, as_json)


@user.command("deactivate")
@command.in_folder
@command.as_json
@acting
@_dry
@_email
def deactivate(path: Path, as_json: bool, on_behalf_of: str, dry_run: bool, email: str) -> None:
    """Let nobody sign in as this user any more, and sign out whoever has."""
    with opened(path) as node:
        people, found = People(node.store, node.random), _demand(node, email)
        try:
            with node.store.transaction():
                people.deactivate(found.id, found.changed, actor(on_behalf_of), node.clock())
                if dry_run:
                    raise _Undone
        except _Undone:
            say("this user could be deactivated; nothing was changed")
            return
    answer(as_json, {"email": found.email, "active": False}, lambda: iter((f"{found.email} can sign in no more",)))


@user.command("import")
@command.in_folder
@command.as_json
@acting
@_dry
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(path: Path, as_json: bool, on_behalf_of: str, dry_run: bool, file: Path) -> None:
    """Add the users of FILE, a CSV of name, email, roles (with spaces between them) and team, all or none of them.

    Who is a user already stays as he is, and a team that is not there yet is made. They come in by the organisation's own
    account; for whoever has none, 'raakvlak-node user link' makes a link.
    """
    rows = _rows(file)
    with opened(path) as node:
        people, before = People(node.store, node.random), len(People(node.store, node.random).users())
        try:
            with node.store.transaction():
                for place, row in enumerate(rows, 2):
                    _import(people, node, row, place, actor(on_behalf_of))
                added = len(people.users()) - before
                if dry_run:
                    raise _Undone
        except _Undone:
            say("nothing was added: this only told what would be")
    answer(as_json, {"added": added, "known": len(rows) - added}, lambda: iter((f"{added} added, {len(rows) - added} known",)))


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open("rb") as source:
        raw = source.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise Malformed(f"{file} has more than {MAX_FILE_BYTES} bytes")
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise Malformed(f"{file} is no CSV in UTF-8") from None
    if sorted(reader.fieldnames or ()) != sorted(COLUMNS):
        raise Malformed(f"{file} has other columns than {', '.join(COLUMNS)}")
    return rows


def _import(people: People, node: Node, row: dict[str, str], place: int, who: Actor) -> None:
    # Too few values leave None, too many stand under None.
    if None in row or None in row.values():
        raise Malformed(f"row {place} has not just {len(COLUMNS)} values")
    if people.by_email(row["email"].strip()) is not None:
        return
    named = row["team"].strip()
    teams = [each.id for each in people.teams() if each.name == named]
    try:
        if named and not teams:
            teams = [people.add_team(named, "", who, node.clock()).id]
        roles = [Role(each) for each in row["roles"].split()]
        people.add_user(row["name"], row["email"], roles, teams, "", who, node.clock())
    except Malformed as error:
        raise Malformed(f"row {place}, {error.field or 'team'}: {error.message}") from None
    except ValueError:
        raise Malformed(f"row {place}, roles: known are {', '.join(Role)}") from None
