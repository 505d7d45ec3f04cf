"""What is told of a federation that runs: where its pages are, and how to sign in as whom; as data, and on one screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from raakvlak_local.course import Course, Place
from raakvlak_local.federation import ACCOUNT, Federation
from raakvlak_local.staff import ROLES

_ROLES: Final[Mapping[str, str]] = {each: each.replace("-", " ") for each in ROLES}
_PEOPLE_A_LINE: Final = 2


def pages(federation: Federation, family: Sequence[Place]) -> dict[str, Any]:
    """The addresses of everything that somebody may open, and the people of each organisation."""
    index = federation.index
    return {
        "sign_in": federation.sign_in if federation.people else "",
        "organisations": [
            {
                "id": each.id,
                "name": each.name,
                "address": federation.pages(each),
                "people": [
                    {"name": person.name, "email": person.email, "role": person.role, "team": person.team}
                    for person in sorted(federation.people, key=lambda person: ROLES.index(person.role))
                    if person.node == each.id
                ],
                "family": [place.case_ref for place in family if place.node == each.id],
                "rest": f"{federation.rest(each)[0]}/v1",
                "token_file": str(federation.layout.keys / f"node-{each.id}.token"),
            }
            for each in federation.members
        ],
        "begin": _begin(federation, family),
        "operator": {
            "address": federation.operator,
            "hosts": f"127.0.0.1 {index.identity.dns_name}",
            "authority": str(federation.layout.board / "ca.pem"),
            "new_key": f"raakvlak-index operator new your-name --folder {_short(index.folder)}",
        },
        "officer": {"reports": str(federation.officer.reports), "follow": f"--folder {_short(federation.officer.folder)}"},
    }


def _begin(federation: Federation, family: Sequence[Place]) -> dict[str, str] | None:
    """For whom an agreement waits to be signed: the best place to begin."""
    waits = Course.of(federation, family).waits
    if waits is None:
        return None
    name = next(each.name for each in federation.people if each.email == waits.worker)
    return {"node": waits.node, "name": name, "case_ref": waits.case_ref}


def _short(path: Path) -> str:
    """As it is shorter to type, where that is below the folder in which we run."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def shown(found: Mapping[str, Any], *, stays: bool) -> str:
    """The screen at the end of a start; of a run that stops, only how long it took."""
    if not stays:
        return f"{found['seconds']} s in all"
    known = found["pages"]
    lines = [*_heading(found), ""]
    for each in known["organisations"]:
        lines += [*_organisation(each), ""]
    operator, tokens = known["operator"], Path(known["organisations"][0]["token_file"]).parent
    lines += [
        f"The index operator: {operator['address']}",
        f"  a key: .venv/bin/{operator['new_key']}",
        f"  in a browser profile of its own, with the line '{operator['hosts']}' in the hosts file and",
        f"  {_short(Path(operator['authority']))} as an authority (docs/operating.md)",
        f"The officer's reports: {_short(Path(known['officer']['reports']))}, made by a start with --exit; the log, always:",
        f"  .venv/bin/raakvlak-audit follow {known['officer']['follow']}",
        f"REST: the same addresses and /v1; access tokens in {_short(tokens)}/",
        "",
        f"Started in {found['seconds']} s. Everything runs until you stop it: Ctrl-C.",
    ]
    return "\n".join(lines)


def _heading(found: Mapping[str, Any]) -> list[str]:
    known = found["pages"]
    cases = sum(each["cases"] for each in found["organisations"])
    opened = [f"\nRaakvlak is open: {len(found['organisations'])} organisations, {cases:,} invented cases"]
    if not known["sign_in"]:
        return [*opened, "No people.csv, so nobody can sign in yet: raakvlak-node user first --help"]
    lines = [
        *opened,
        f"Open an address, click 'Sign in with {ACCOUNT}' and then whom you want to be: there is no password.",
        f"Everybody on one page: {known['sign_in']}",
    ]
    if known["begin"]:
        place = next(each for each in known["organisations"] if each["id"] == known["begin"]["node"])
        lines += [
            "",
            f"Begin here: {place['address']} as {known['begin']['name']}. An agreement about one family waits for a signature.",
        ]
    return lines


def _organisation(each: Mapping[str, Any]) -> list[str]:
    family = f"   the family: {', '.join(each['family'])}" if each["family"] else ""
    people = [f"{_ROLES[person['role']]} {person['name']}" for person in each["people"]]
    parts = [people[at : at + _PEOPLE_A_LINE] for at in range(0, len(people), _PEOPLE_A_LINE)]
    return [f"{each['name']}: {each['address']}{family}", *(f"  {' · '.join(part)}" for part in parts)]
