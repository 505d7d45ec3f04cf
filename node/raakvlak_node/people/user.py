"""Users and teams: who they are, in which roles, and what can be wrong about them."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS, shown_text

ID_BYTES: Final = 16
MAX_USER_EMAIL_CHARACTERS: Final = MAX_TEXT_CHARACTERS
"""What a line of the access log takes to say who acts; longer addresses exist, and nobody has one."""
LANGUAGES: Final = ("nl", "en", "")
_EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class Role(StrEnum):
    """For what somebody uses the pages; one user may have several."""

    CASE_WORKER = "case-worker"
    TEAM_LEAD = "team-lead"
    ADMINISTRATOR = "administrator"
    COORDINATOR = "coordinator"
    PRIVACY_OFFICER = "privacy-officer"


SEES_CASES: Final = frozenset({Role.CASE_WORKER, Role.TEAM_LEAD})


@dataclass(frozen=True, slots=True, repr=False)
class User:
    """One who uses the pages. `teams` are ids of teams; `subject` is what the organisation's own sign-in calls the user,
    empty before the first time; `changed` counts the changes, from 1."""

    id: str
    name: str
    email: str
    roles: frozenset[Role]
    teams: frozenset[str] = frozenset()
    language: str = ""
    active: bool = True
    subject: str = ""
    changed: int = 1

    def __repr__(self) -> str:
        return f"User({self.id})"

    @property
    def sees_cases(self) -> bool:
        """Whether cases can be this one's: an active user in a role that opens them."""
        return self.active and bool(self.roles & SEES_CASES)

    def __post_init__(self) -> None:
        shown_text(self.name, MAX_TEXT_CHARACTERS, "name", required=True)
        checked_email(self.email)
        if not self.roles:
            raise Malformed("a user has one role at least", field="roles")
        if self.language not in LANGUAGES:
            raise Malformed("pages are in Dutch (nl) and English (en)", field="language")


@dataclass(frozen=True, slots=True, repr=False)
class Team:
    """Colleagues who see each other's cases, and those of their shared address, where they have one."""

    id: str
    name: str
    email: str = ""
    changed: int = 1

    def __repr__(self) -> str:
        return f"Team({self.id})"

    def __post_init__(self) -> None:
        shown_text(self.name, MAX_TEXT_CHARACTERS, "name", required=True)
        if self.email:
            checked_email(self.email)


class Overtaken(Refused):
    """Somebody else has changed the same thing since it was read. `newer` is what stands now; nothing was changed."""

    def __init__(self, newer: User | Team) -> None:
        super().__init__("somebody else has changed this meanwhile: look at what changed, and save again what you still want")
        self.newer = newer


class LastAdministrator(Refused):
    """Nobody would be left who can let others in."""

    def __init__(self) -> None:
        super().__init__("this is the last administrator who can sign in: make somebody else administrator first")


def checked_email(text: str) -> str:
    """Raises Malformed for what is no e-mail address, or too long a one."""
    if not _EMAIL.fullmatch(shown_text(text, MAX_USER_EMAIL_CHARACTERS, "email")):
        raise Malformed("is no e-mail address", field="email")
    return text


def folded(email: str) -> str:
    """By which an address is the same as another: without regard to capitals."""
    return unicodedata.normalize("NFC", email.strip()).casefold()
