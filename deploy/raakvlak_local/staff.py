"""Who signs in to the pages of a federation on one machine: `people.csv` beside `federation.toml`, all of them invented."""

import csv
import random
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from raakvlak_local import names
from raakvlak_local.names import Organisation
from raakvlak_local.truth import Worker
from raakvlak_protocol.covenant import COORDINATOR
from raakvlak_protocol.errors import Refused

FILE: Final = "people.csv"
ROLES: Final = ("case-worker", "team-lead", "coordinator", "privacy-officer", "administrator")
"""As the nodes call them, in the order in which they are shown."""


class Person(NamedTuple):
    """A user of one organisation's pages, with one role; `team` is empty for who shares no cases."""

    node: str
    name: str
    email: str
    role: str
    team: str


def invented(members: Iterable[Organisation], workers: Iterable[Worker], taken: Container[str]) -> list[Person]:
    """The workers, and one of each other role at each member; nobody has an address that is taken."""
    of_member: dict[str, list[Worker]] = {}
    for worker in workers:
        of_member.setdefault(worker.email.partition("@")[2].removesuffix(".example"), []).append(worker)
    made: list[Person] = []
    for member in members:
        team = names.TEAMS.get(member.kind, "")
        made += [Person(member.id, each.name, each.email, "case-worker", team) for each in of_member.get(member.id, ())]
        others = ("coordinator",) if member.kind == COORDINATOR else ("team-lead",)
        # By the member alone, so that nobody's name changes with the size of the population.
        rng = random.Random(f"raakvlak staff {member.id}")  # noqa: S311 (no secret)
        for role in (*others, "privacy-officer", "administrator"):
            made.append(_somebody(member, role, team if role == "team-lead" else "", rng, taken, made))
    return made


def _somebody(
    member: Organisation, role: str, team: str, rng: random.Random, taken: Container[str], made: Sequence[Person]
) -> Person:
    while True:
        name = f"{rng.choice(names.FIRST_NAMES)} {rng.choice(names.SURNAMES)}"
        email = names.email(name, member.id)
        if email not in taken and all(each.name != name for each in made):
            return Person(member.id, name, email, role, team)


def write(folder: Path, people: Iterable[Person]) -> None:
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Person._fields)
        writer.writerows(people)


def read(folder: Path, members: Container[str]) -> tuple[Person, ...]:
    """Who stands in the folder's people.csv; nobody where there is none. Raises Refused naming what is wrong."""
    path = folder / FILE
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True))
    except FileNotFoundError:
        return ()
    except (UnicodeDecodeError, csv.Error):
        raise Refused(f"{path} is no CSV in UTF-8") from None
    if not rows or tuple(rows[0]) != Person._fields:
        raise Refused(f"{path} must have the columns {', '.join(Person._fields)}")
    for place, row in enumerate(rows[1:], 2):
        if len(row) != len(Person._fields) or row[0] not in members or row[3] not in ROLES:
            raise Refused(f"{path}, row {place}: needs a member of federation.toml and one of the roles {', '.join(ROLES)}")
    return tuple(map(Person._make, rows[1:]))


def for_node(people: Iterable[Person], node: str, path: Path) -> None:
    """Writes the people of one member as `raakvlak-node user import` takes them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "email", "roles", "team"))
        writer.writerows((each.name, each.email, each.role, each.team) for each in people if each.node == node)
