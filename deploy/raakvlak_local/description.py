"""`federation.toml`: what a federation on one machine is to be, read strictly."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from raakvlak_local import staff
from raakvlak_local.staff import Person
from raakvlak_protocol.covenant import COORDINATOR, KINDS, FollowUpTerms
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import checked_id

_RULES: Final[Mapping[str, type]] = {
    "retention_months": int,
    "adult_clients": bool,
    "household_limit": int,
    "mixing_minutes": int,
    "archive_months": int,
}
_FOLLOW_UP: Final[Mapping[str, type]] = {each.name: int for each in fields(FollowUpTerms)}
_ORGANISATION: Final = {"id", "name", "kind", "caseload"}
_COORDINATOR: Final = {"id", "name", "kind"}
_SERVED: Final = tuple(kind for kind in KINDS if kind != COORDINATOR)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation and its caseload file."""

    id: str
    name: str
    kind: str
    caseload: Path


@dataclass(frozen=True, slots=True)
class Coordinator:
    """A member without cases, that is called in between any two of the kinds that it serves."""

    kind: ClassVar[str] = COORDINATOR

    id: str
    name: str
    serves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """The members, the limits and terms of the covenant that differ from the default, and who signs in to the pages.

    The order of the coordinators is that of the covenant: the first that serves both kinds counts.
    """

    organisations: tuple[Organisation, ...]
    coordinators: tuple[Coordinator, ...]
    rules: dict[str, int | bool]
    follow_up: dict[str, int | bool]
    people: tuple[Person, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What stands in the folder's federation.toml and people.csv; raises Refused naming what is wrong."""
        path = folder / "federation.toml"
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Refused(f"{path} is missing: 'raakvlak-local population {folder}' makes a folder to begin with") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Refused(f"{path} is not TOML: {error}") from None
        unknown = content.keys() - {"covenant", "organisation"}
        if unknown:
            raise Refused(f"{path}: unknown {', '.join(sorted(unknown))}; known are [covenant] and [[organisation]]")
        covenant = content.get("covenant", {})
        if not isinstance(covenant, dict):
            raise Refused(f"{path}: the limits stand under [covenant]")
        follow_up = _rules(path, covenant.pop("follow_up", {}), "covenant.follow_up", _FOLLOW_UP)
        rules = _rules(path, covenant, "covenant", _RULES)
        listed = content.get("organisation", [])
        if not isinstance(listed, list):
            raise Refused(f"{path}: organisations are written as [[organisation]], with two brackets")
        members = [_member(path, each) for each in listed]
        organisations = tuple(each for each in members if isinstance(each, Organisation))
        coordinators = tuple(each for each in members if isinstance(each, Coordinator))
        if not organisations or len({each.id for each in members}) != len(members):
            raise Refused(f"{path}: a federation has one or more [[organisation]] with a caseload, each with its own id")
        return cls(organisations, coordinators, rules, follow_up, staff.read(folder, {each.id for each in members}))

    @property
    def members(self) -> tuple[Organisation | Coordinator, ...]:
        """Everybody who has a node: first the organisations, then the coordinators."""
        return (*self.organisations, *self.coordinators)

    @property
    def rules_toml(self) -> str:
        """The tables of a covenant's draft that stand here: its rules, and who is called in."""
        parts = [_table("[rules]", self.rules), _table("[rules.follow_up]", self.follow_up)]
        parts += [
            _table("[[coordination]]", {"coordinator": each.id, "kinds": list(each.serves)}) for each in self.coordinators
        ]
        return "\n".join(parts)

    @property
    def fingerprint(self) -> str:
        """Changes when another covenant would be needed, or other users."""
        members = [(each.id, each.name, each.kind) for each in self.members]
        return hashlib.sha256(json.dumps([members, self.rules_toml, self.people], sort_keys=True).encode()).hexdigest()


def _table(heading: str, values: Mapping[str, object]) -> str:
    # JSON's spelling of a text, a number, true and false, and of a list of these is TOML's too.
    return f"{heading}\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _rules(path: Path, table: Any, place: str, known: Mapping[str, type]) -> dict[str, int | bool]:
    if not isinstance(table, dict):
        raise Refused(f"{path}: {place} is a table, written as [{place}]")
    for name, value in table.items():
        if type(value) is not known.get(name):
            raise Refused(f"{path}: {place}.{name} is unknown or of the wrong type; known are {', '.join(known)}")
    return dict(table)


def _member(path: Path, table: Any) -> Organisation | Coordinator:
    if isinstance(table, dict) and table.get("kind") == COORDINATOR:
        return _coordinator(path, table)
    return _organisation(path, table)


def _organisation(path: Path, table: Any) -> Organisation:
    complete = isinstance(table, dict) and table.keys() == _ORGANISATION
    if not complete or not all(isinstance(value, str) for value in table.values()):
        raise Refused(f"{path}: an [[organisation]] has exactly {', '.join(sorted(_ORGANISATION))}, each a text")
    if table["kind"] not in KINDS:
        raise Refused(f"{path}: organisation {checked_id(table['id'])} has an unknown kind; known are {', '.join(KINDS)}")
    caseload = path.parent / table["caseload"]
    if not caseload.is_file():
        raise Refused(f"{path}: the caseload of {checked_id(table['id'])} is missing: {caseload}")
    return Organisation(checked_id(table["id"]), table["name"], table["kind"], caseload)


def _coordinator(path: Path, table: dict[str, Any]) -> Coordinator:
    complete = table.keys() - {"serves"} == _COORDINATOR
    if not complete or not all(isinstance(table[name], str) for name in _COORDINATOR):
        raise Refused(
            f"{path}: an [[organisation]] of the kind {COORDINATOR} has exactly {', '.join(sorted(_COORDINATOR))}, each a "
            "text, no caseload, and where it does not serve all kinds, serves"
        )
    serves = table.get("serves", list(_SERVED))
    if not isinstance(serves, list) or not serves or not all(each in _SERVED for each in serves):
        raise Refused(f"{path}: {checked_id(table['id'])}.serves is a list of kinds, one or more of {', '.join(_SERVED)}")
    return Coordinator(checked_id(table["id"]), table["name"], tuple(serves))
