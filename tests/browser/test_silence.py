"""Who knows each other already is not bothered, and who objects disappears; in browsers."""

import pytest

from tests.browser.region import LOTTE, Region
from tests.browser.window import PHONE, fill

pytestmark = pytest.mark.slow


def test_who_was_in_contact_already_hears_no_more_of_it(apart: Region) -> None:
    apart.put("fatima", "2026-014", LOTTE)
    apart.put("sanne", "J-88", LOTTE)
    apart.settle()
    with apart.visit("fatima", apart.follow_up("school", "youth-team"), width=PHONE) as opened:
        opened.open("We were in contact already")
        opened.press("We were in contact already")
        opened.sees("Take it up again")
        opened.go("/today")
        opened.sees("Nothing needs you today.")
    apart.settle()
    for _ in range(12):
        apart.passes(3)
    for who in ("fatima", "sanne"):
        with apart.visit(who, language="en") as opened:
            opened.lands("/today")
            opened.sees("Nothing needs you today.")
    with apart.visit("noor", "/desk", language="en") as opened:
        opened.sees("Nothing is stuck.")


def test_an_objection_that_is_upheld_takes_the_person_away(apart: Region) -> None:
    apart.put("fatima", "2026-014", LOTTE)
    apart.put("sanne", "J-88", LOTTE)
    apart.settle()
    path = apart.picture("school", "2026-014")
    with apart.visit("greet") as opened:
        opened.lands("/privacy")
        opened.go("/privacy/objections/new")
        opened.fill(bsn="123456789", because="We willen dit niet.")
        opened.press("Note the objection")
        assert opened.path == "/privacy/objections/new"
        assert opened.page.locator("[name=because]").input_value() == "We willen dit niet."
        opened.fill(bsn=LOTTE)
        opened.press("Note the objection")
        opened.sees("We willen dit niet.", "2026-014")
        assert LOTTE not in opened.page.content()
        apart.settle()
        with apart.visit("sanne", apart.picture("youth-team", "J-88")) as other:
            other.sees("Nobody else is known to be involved with this family.")
        opened.press("Decide")
        opened.sees("Fill this in.")
        fill(opened.main, upheld="yes", because="Het weegt zwaarder.")
        opened.press("Decide")
        opened.sees("Het weegt zwaarder.")
        opened.go("/privacy/log")
        opened.sees("greet@school.example")
    apart.settle()
    with apart.visit("fatima", path) as opened:
        opened.misses("2026-014")
        assert opened.page.get_by_role("heading", level=1).inner_text() == opened.words("This page is not here")
