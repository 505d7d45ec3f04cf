"""Every page that some role can open, in both languages, on a phone and a large screen, light and dark: nothing that axe-core
finds, nothing on the console, nothing to be moved sideways, one heading, no English on a Dutch page."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from raakvlak_node.pages.rights import RIGHTS
from raakvlak_node.people import Role
from raakvlak_protocol.party.look.words import Language
from tests.browser.family import Evening, begun
from tests.browser.region import Region
from tests.browser.window import COLOURS, DESKTOP, PHONE, RULES, Window

pytestmark = pytest.mark.slow

MAX_FIRST_VISIT_BYTES: Final = 200_000
NO_PAGES: Final = frozenset({"/static/{name:path}", "/outcome.csv", "/import/{job}/rejected.csv", "/sign-in/organisation"})
"""What is a file, or leads to another address."""
GUEST: Final = ""
"""Who has not signed in."""
SEEN_BY: Final[Mapping[Role, str]] = {
    Role.CASE_WORKER: "fatima",
    Role.TEAM_LEAD: "wim",
    Role.ADMINISTRATOR: "bas",
    Role.COORDINATOR: "noor",
    Role.PRIVACY_OFFICER: "greet",
}
ENGLISH: Final = re.compile(
    r"\b(the|and|with|your|you|has|have|follow-up|nobody|nothing|new|since|until|which|this)\b",
    re.IGNORECASE,
)


def who_opens(path: str) -> list[str]:
    """Somebody of each role that has the page. What everybody has is seen by whoever has all roles, and so the most links."""
    roles = RIGHTS["GET", path]
    if roles is None:
        return [GUEST]
    return ["mia"] if set(roles) == set(Role) else [SEEN_BY[each] for each in roles]


ROUTES: Final = [(who, path) for method, path in RIGHTS if method == "GET" and path not in NO_PAGES for who in who_opens(path)]
STATES: Final = [
    (GUEST, "/welcome/nothing-like-it"),
    ("fatima", "/today?of=team"),
    ("fatima", "/cases?q=2026"),
    ("fatima", "/cases?q=nothing-like-it"),
    ("fatima", "/follow-ups/{new}"),
    ("fatima", "/follow-ups/{agreed}"),
    ("fatima", "/follow-ups/{stuck}"),
    ("fatima", "/cases/{alone}"),
    ("fatima", "/cases/{hidden}"),
    ("fatima", "/cases/{hidden}/release"),
    ("fatima", "/import"),
    ("fatima", "/nothing-is-here"),
    ("ruud", "/today"),
    ("daan", "/today"),
    ("ruud", "/questions"),
    ("bas", "/import/{done}"),
    ("noor", "/desk?show=alone"),
    ("noor", "/desk?show=going-on"),
    ("greet", "/privacy/log?refused=yes"),
    ("hanna", "/privacy/objections"),
]
"""Pages in another state than that of the first table; and those that are refused or not there."""


@pytest.fixture(scope="module")
def evening(here: Region, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """A day in the region, with everything on it that a page can show."""
    return begun(here, tmp_path_factory.mktemp("files"))


def looks() -> Iterator[tuple[str, str, Language]]:
    """Each page in both languages; in Dutch for each further role, and in each further state."""
    seen = set()
    for who, path in ROUTES:
        yield who, path, "nl"
        if path not in seen:
            yield who, path, "en"
        seen.add(path)
    for who, path in STATES:
        yield who, path, "nl"


@pytest.mark.parametrize(("who", "path", "language"), list(looks()))
def test_whoever_may_open_a_page_can_read_it(evening: Evening, who: str, path: str, language: Language) -> None:
    """The structure of a page does not hang on its colours: in the dark axe looks at contrasts alone."""
    with evening.opened(who, path, language) as opened:
        for width in (DESKTOP, PHONE):
            opened.resize(width)
            assert opened.too_wide() <= 0, width
            for scheme in ("light", "dark"):
                opened.page.emulate_media(color_scheme=scheme)
                assert opened.violations(RULES if scheme == "light" else COLOURS) == [], (width, scheme)
        assert opened.page.locator("h1").count() == 1
        assert opened.page.locator("html").get_attribute("lang") == language
        if language == "nl":
            assert english(opened) == []


def english(opened: Window) -> list[str]:
    """Lines that can be read on the page and are English; but for names of columns, what people wrote, and what says in
    which language it is."""
    opened.page.evaluate("document.querySelectorAll('code, [lang]:not(html), .rv-lines').forEach(each => each.remove())")
    return [line for line in opened.page.locator("body").inner_text().splitlines() if ENGLISH.search(line)]


@pytest.mark.parametrize("path", ["/today", "/cases/{case}"])
def test_a_first_visit_is_small(evening: Evening, path: str) -> None:
    with evening.opened("fatima", path, "nl") as opened:
        opened.page.wait_for_load_state("networkidle")
        assert sum(opened.sizes.values()) <= MAX_FIRST_VISIT_BYTES, opened.sizes
        assert len(opened.sizes) > 5
