"""What comes to the coordinator's desk, in browsers: a term that passed, and a match of which nobody else hears."""

import pytest

from tests.browser.region import BROTHER, LOTTE, Region
from tests.browser.window import PHONE

pytestmark = pytest.mark.slow


def test_a_term_that_passes_comes_to_the_desk_and_both_sides_read_what_is_decided(apart: Region) -> None:
    apart.put("fatima", "2026-014", LOTTE)
    apart.put("sanne", "J-88", LOTTE)
    apart.settle()
    for _ in range(24):
        apart.passes(1)
    with apart.visit("noor") as opened:
        opened.lands("/desk")
        opened.sees("De Wissel", "Jeugdteam Schouwen", "Fatima Bakker", "0111-234502")
        opened.press("Decide who leads")
        opened.lands("/follow-ups/*")
        opened.press("Decide")
        opened.sees("Fill this in.")
        opened.fill(decided_lead="youth-team", decided_text="Het jeugdteam belt vandaag nog.")
        opened.press("Decide")
        opened.sees("Het jeugdteam belt vandaag nog.")
        opened.go("/desk")
        opened.sees("Nothing is stuck.")
    apart.settle()
    for who, member, other in (("fatima", "school", "youth-team"), ("sanne", "youth-team", "school")):
        with apart.visit(who, apart.follow_up(member, other), width=PHONE, language="en") as opened:
            opened.sees("Het jeugdteam belt vandaag nog.", "Lead: Jeugdteam Schouwen")


def test_a_confidential_involvement_is_known_to_the_coordinator_alone_until_it_is_released(apart: Region) -> None:
    apart.put("ruud", "P-7", BROTHER, confidential="yes")
    apart.settle()
    apart.put("fatima", "2026-014", LOTTE, sibling_bsns=BROTHER)
    apart.settle()
    for who, path in (("fatima", apart.picture("school", "2026-014")), ("ruud", apart.picture("police", "P-7"))):
        with apart.visit(who, path) as opened:
            opened.sees("Nobody else is known to be involved with this family.")
            opened.misses("Politie Zeeland" if who == "fatima" else "De Wissel")
    with apart.visit("noor", "/desk?show=alone", language="en") as opened:
        opened.main.locator("a[href^='/desk/matches/']").click()
        opened.sees("Only you hear of this match")
        opened.fill(text="May we tell that you are involved?", name="Noor de Wit", phone="", email="")
        opened.press("Send the question")
        opened.sees("Fill in a phone number or an e-mail address, so that they can reach you.")
        opened.fill(phone="0111-234500")
        opened.press("Send the question")
        opened.sees("no answer yet")
    apart.settle()
    with apart.visit("ruud") as opened:
        opened.lands("/today")
        opened.main.get_by_role("link", name="CJG Schouwen").first.click()
        opened.lands("/questions")
        opened.sees("May we tell that you are involved?")
        release, answer = (opened.main.locator(f"[name^={name}_]").first for name in ("release", "text"))
        release.check()
        answer.fill("The family agreed.")
        opened.press("Answer")
    apart.settle()
    with apart.visit("noor", "/desk?show=alone") as opened:
        opened.misses("Only you hear of this match")
    with apart.visit("fatima", "/today") as opened:
        opened.main.get_by_role("link", name="Politie Zeeland").first.click()
        opened.sees("Ruud Bos", "0118-234504")
