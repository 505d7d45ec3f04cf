"""The links on top of every page: what somebody in these roles can do here, most wanted first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raakvlak_node.pages.rights import RIGHTS
from raakvlak_node.people.user import Role

if TYPE_CHECKING:
    from raakvlak_node.pages.door import Page


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the navigation; `current` marks the part in which the page stands."""

    href: str
    label: str
    icon: str
    current: bool
    count: int = 0


def links(page: "Page") -> list[Link]:
    """For the user of this page."""
    words = page.words
    all = [
        ("/today", words("Today"), "today"),
        ("/cases", words("Cases"), "cases"),
        ("/questions", words("Questions"), "question"),
        ("/desk", words("Desk"), "desk"),
        ("/outcome", words("Outcome"), "outcome"),
        ("/privacy", words("Privacy"), "privacy"),
        ("/import", words("Import"), "import"),
        ("/administration", words("Administration"), "administration"),
    ]
    return [Link(href, label, icon, _within(page.route, href)) for href, label, icon in all if allowed(page.user.roles, href)]


def allowed(roles: frozenset[Role], path: str) -> bool:
    wanted = RIGHTS["GET", path]
    return wanted is None or bool(roles & set(wanted))


def _within(route: str, href: str) -> bool:
    part = "/today" if route.startswith("/follow-ups/") else route
    return part == href or part.startswith((href + "/", href + "."))


def first(roles: frozenset[Role]) -> str:
    """Where somebody begins."""
    order = ("/today", "/desk", "/privacy", "/administration")
    return next(each for each in order if allowed(roles, each))
