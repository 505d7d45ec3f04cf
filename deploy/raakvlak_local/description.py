"""`federation.toml`: what a federation on one machine is to be, read strictly."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from raakvlak_protocol.covenant import KINDS
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identity import checked_id

_RULES: Final[dict[str, type]] = {
    "retention_months": int,
    "adult_clients": bool,
    "household_limit": int,
    "mixing_minutes": int,
}
_ORGANISATION: Final = {"id", "name", "kind", "caseload"}


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation and its caseload file."""

    id: str
    name: str
    kind: str
    caseload: Path


@dataclass(frozen=True, slots=True)
class Description:
    """The organisations, and the limits of the covenant that differ from the default."""

    organisations: tuple[Organisation, ...]
    rules: dict[str, int | bool]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What stands in the folder's federation.toml; raises Refused naming what is wrong."""
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
        rules = _rules(path, content.get("covenant", {}))
        listed = content.get("organisation", [])
        if not isinstance(listed, list):
            raise Refused(f"{path}: organisations are written as [[organisation]], with two brackets")
        organisations = tuple(_organisation(path, each) for each in listed)
        if not organisations or len({each.id for each in organisations}) != len(organisations):
            raise Refused(f"{path}: a federation has one or more [[organisation]], each with its own id")
        return cls(organisations, rules)

    @property
    def rules_toml(self) -> str:
        return "".join(f"{name} = {json.dumps(value)}\n" for name, value in self.rules.items())

    @property
    def fingerprint(self) -> str:
        """Changes when another covenant would be needed."""
        members = [(each.id, each.name, each.kind) for each in self.organisations]
        return hashlib.sha256(json.dumps([members, self.rules], sort_keys=True).encode()).hexdigest()


def _rules(path: Path, table: Any) -> dict[str, int | bool]:
    if not isinstance(table, dict):
        raise Refused(f"{path}: the limits stand under [covenant]")
    for name, value in table.items():
        if type(value) is not _RULES.get(name):
            raise Refused(f"{path}: covenant.{name} is unknown or of the wrong type; known are {', '.join(_RULES)}")
    return dict(table)


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
