"""The table role × page × act: who may open which page, and who may do what on it.

A route that does not stand here answers nobody: the program does not even start. What a role may do with one case is the
scope's to say (`door.Page.case`): a case worker opens the own cases and those of the own teams, and no others.
"""

from collections.abc import Mapping
from typing import Final

from raakvlak_node.people.user import Role

Act = tuple[str, str]
"""Method and path, with the path as its route has it."""

PUBLIC: Final = None
"""Also for who has not signed in."""
EVERYBODY: Final = tuple(Role)
"""Whoever has signed in."""
CASEWORK: Final = (Role.CASE_WORKER, Role.TEAM_LEAD)
FOLLOWING: Final = (Role.CASE_WORKER, Role.TEAM_LEAD, Role.COORDINATOR)
DESK: Final = (Role.COORDINATOR,)
COUNTING: Final = (Role.TEAM_LEAD, Role.COORDINATOR, Role.PRIVACY_OFFICER, Role.ADMINISTRATOR)
PRIVACY: Final = (Role.PRIVACY_OFFICER,)
ADMINISTRATION: Final = (Role.ADMINISTRATOR,)

RIGHTS: Final[Mapping[Act, tuple[Role, ...] | None]] = {
    ("GET", "/"): PUBLIC,
    ("GET", "/static/{name:path}"): PUBLIC,
    ("POST", "/language"): PUBLIC,
    # Signing in.
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): PUBLIC,
    ("GET", "/sign-in/code"): PUBLIC,
    ("POST", "/sign-in/code"): PUBLIC,
    ("POST", "/sign-in/passkey/options"): PUBLIC,
    ("POST", "/sign-in/passkey"): PUBLIC,
    ("GET", "/sign-in/organisation"): PUBLIC,
    ("GET", "/sign-in/organisation/back"): PUBLIC,
    ("GET", "/welcome/{token}"): PUBLIC,
    ("POST", "/welcome/{token}"): PUBLIC,
    ("POST", "/welcome/{token}/passkey/options"): PUBLIC,
    ("POST", "/welcome/{token}/passkey"): PUBLIC,
    ("POST", "/sign-out"): EVERYBODY,
    # One's own account.
    ("GET", "/me"): EVERYBODY,
    ("POST", "/me"): EVERYBODY,
    ("POST", "/me/elsewhere"): EVERYBODY,
    ("GET", "/me/confirm"): EVERYBODY,
    ("POST", "/me/confirm"): EVERYBODY,
    ("POST", "/me/confirm/passkey"): EVERYBODY,
    ("POST", "/me/passkey/options"): EVERYBODY,
    ("POST", "/me/passkey"): EVERYBODY,
    ("POST", "/me/passkey/remove"): EVERYBODY,
    ("GET", "/me/password"): EVERYBODY,
    ("POST", "/me/password"): EVERYBODY,
    ("GET", "/me/app"): EVERYBODY,
    ("POST", "/me/app"): EVERYBODY,
    ("POST", "/me/recovery"): EVERYBODY,
    # The case worker.
    ("GET", "/today"): CASEWORK,
    ("GET", "/cases"): CASEWORK,
    ("GET", "/cases/new"): CASEWORK,
    ("POST", "/cases/new"): CASEWORK,
    ("GET", "/cases/{case}"): CASEWORK,
    ("GET", "/cases/{case}/change"): CASEWORK,
    ("POST", "/cases/{case}/change"): CASEWORK,
    ("GET", "/cases/{case}/hand-over"): CASEWORK,
    ("POST", "/cases/{case}/hand-over"): CASEWORK,
    ("POST", "/cases/{case}/renew"): CASEWORK,
    ("GET", "/cases/{case}/end"): CASEWORK,
    ("POST", "/cases/{case}/end"): CASEWORK,
    ("GET", "/cases/{case}/release"): CASEWORK,
    ("POST", "/cases/{case}/release"): CASEWORK,
    ("GET", "/questions"): CASEWORK,
    ("POST", "/questions/{match}"): CASEWORK,
    # What is done about a match; a coordinator where it was called in.
    ("GET", "/follow-ups/{follow_up}"): FOLLOWING,
    ("POST", "/follow-ups/{follow_up}/acts"): FOLLOWING,
    ("GET", "/follow-ups/{follow_up}/agreement"): CASEWORK,
    ("POST", "/follow-ups/{follow_up}/agreement"): CASEWORK,
    ("POST", "/follow-ups/{follow_up}/sign"): CASEWORK,
    ("POST", "/follow-ups/{follow_up}/release"): CASEWORK,
    # The coordinator.
    ("GET", "/desk"): DESK,
    ("GET", "/desk/matches/{match}"): DESK,
    ("POST", "/desk/matches/{match}"): DESK,
    # How it goes, in numbers.
    ("GET", "/outcome"): COUNTING,
    ("GET", "/outcome.csv"): COUNTING,
    # The privacy officer.
    ("GET", "/privacy"): PRIVACY,
    ("GET", "/privacy/log"): PRIVACY,
    ("POST", "/privacy/log/export"): PRIVACY,
    ("GET", "/privacy/ledger"): PRIVACY,
    ("GET", "/privacy/subjects"): PRIVACY,
    ("POST", "/privacy/subjects"): PRIVACY,
    ("GET", "/privacy/objections"): PRIVACY,
    ("GET", "/privacy/objections/new"): PRIVACY,
    ("POST", "/privacy/objections/new"): PRIVACY,
    ("GET", "/privacy/objections/{objection}"): PRIVACY,
    ("POST", "/privacy/objections/{objection}"): PRIVACY,
    ("GET", "/privacy/erasure"): PRIVACY,
    ("POST", "/privacy/erasure"): PRIVACY,
    # The administrator.
    ("GET", "/import"): ADMINISTRATION,
    ("POST", "/import"): ADMINISTRATION,
    ("GET", "/import/{job}"): ADMINISTRATION,
    ("POST", "/import/{job}"): ADMINISTRATION,
    ("GET", "/import/{job}/rejected.csv"): ADMINISTRATION,
    ("GET", "/administration"): ADMINISTRATION,
    ("GET", "/administration/backup"): ADMINISTRATION,
    ("POST", "/administration/backup"): ADMINISTRATION,
    ("GET", "/administration/unassigned"): ADMINISTRATION,
    ("POST", "/administration/unassigned"): ADMINISTRATION,
    ("GET", "/administration/people"): ADMINISTRATION,
    ("GET", "/administration/people/new"): ADMINISTRATION,
    ("POST", "/administration/people/new"): ADMINISTRATION,
    ("GET", "/administration/people/{user}"): ADMINISTRATION,
    ("POST", "/administration/people/{user}"): ADMINISTRATION,
    ("GET", "/administration/teams"): ADMINISTRATION,
    ("GET", "/administration/teams/new"): ADMINISTRATION,
    ("POST", "/administration/teams/new"): ADMINISTRATION,
    ("GET", "/administration/teams/{team}"): ADMINISTRATION,
    ("POST", "/administration/teams/{team}"): ADMINISTRATION,
}
