"""Browsers without scripts, two people at one form, and texts that would like to be programs."""

import pytest

from tests.browser.region import LOTTE, MOTHER, Region
from tests.browser.window import PHONE

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    '=HYPERLINK("https://evil.example","Lees dit")',
    "{{ 7*7 }} %(name)s ${7*7}",
    "javascript:alert(1)",
)
BACKWARDS = "\u202etxt.exe"
"""Would be read from right to left."""


def test_without_scripts_a_match_is_seen_called_and_agreed_on(apart: Region) -> None:
    apart.put("sanne", "J-88", LOTTE)
    with apart.visit("fatima", "/cases", width=PHONE, java_script_enabled=False) as opened:
        opened.go("/cases/new")
        opened.fill(case_ref="2026-014", bsn="123456789", function="mentor", worker_phone="0111-234501", since=apart.day(-5))
        opened.press("Store")
        assert opened.path == "/cases/new"
        assert opened.page.locator("[name=function]").input_value() == "mentor"
        opened.fill(bsn=LOTTE)
        opened.press("Store")
        apart.settle()
        opened.go("/today")
        opened.main.get_by_role("link", name="Jeugdteam Schouwen").first.click()
        opened.press("I have seen it and will call")
        opened.fill(contacted_text="Gebeld.")
        opened.press("Note the contact")
        opened.press("Make agreements")
        opened.fill(what_0="Wekelijks gesprek", by_0=apart.day(14), evaluate_on=apart.day(40))
        opened.fill(lead="school", parents="agrees", youth="agrees")
        opened.press("Sign and send")
        opened.sees("Wekelijks gesprek")
        opened.go(apart.picture("school", "2026-014"))
        opened.open("The same as a table")
        opened.sees("Who else is involved", "Sanne van den Broek")
        opened.go("/cases?q=2026-014")
        opened.sees("2026-014")
        opened.leave()


def test_the_second_to_change_a_case_sees_what_differs(apart: Region) -> None:
    apart.put("fatima", "2026-014", LOTTE)
    path = apart.picture("school", "2026-014") + "/change"
    with apart.visit("fatima", path) as first, apart.visit("fatima", path, language="en") as second:
        first.fill(worker_phone="0111-111111")
        second.fill(worker_phone="0111-222222")
        first.press("Store")
        second.press("Store")
        second.sees("Somebody else has changed this case while you were at it", "0111-111111", "0111-222222")
        assert second.page.locator("[name=worker_phone]").input_value() == "0111-222222"
        second.press("Store")
        first.go(path)
        assert first.page.locator("[name=worker_phone]").input_value() == "0111-222222"


def test_the_second_to_take_a_step_sees_the_first_and_keeps_what_was_typed(apart: Region) -> None:
    apart.put("fatima", "2026-014", LOTTE)
    apart.put("sanne", "J-88", LOTTE)
    apart.settle()
    path = apart.follow_up("school", "youth-team")
    with apart.visit("fatima", path) as first, apart.visit("fatima", path) as second:
        second.open("We have been in contact")
        second.fill(contacted_text="Dit heb ik getypt.")
        first.press("I have seen it and will call")
        second.press("Note the contact")
        second.sees("Somebody was just before you")
        assert second.page.locator("[name=contacted_text]").input_value() == "Dit heb ik getypt."


@pytest.mark.parametrize("text", HOSTILE)
def test_what_somebody_writes_is_never_run_elsewhere(hostile: Region, text: str) -> None:
    """Typed at the school, read at the youth team; the windows fail on any dialog, message or refusal."""
    path = hostile.follow_up("school", "youth-team")
    with hostile.visit("fatima", path) as opened:
        opened.open("We have been in contact")
        opened.fill(contacted_text=text)
        opened.press("Note the contact")
    hostile.settle()
    with hostile.visit("sanne", hostile.follow_up("youth-team", "school")) as opened:
        assert text in opened.main.locator(".rv-timeline").inner_text()
        opened.go(hostile.picture("youth-team", "J-88"))
    with hostile.visit("wim", "/outcome") as opened:
        opened.press("Show")


def test_what_would_turn_the_reading_round_is_refused_beside_its_field_and_kept(hostile: Region) -> None:
    with hostile.visit("sanne", hostile.follow_up("youth-team", "school")) as opened:
        opened.open("Call in the coordinator")
        opened.fill(escalated_text=BACKWARDS)
        opened.press("Call in the coordinator")
        field = opened.page.locator("[name=escalated_text]")
        assert field.input_value() == BACKWARDS
        assert field.get_attribute("aria-describedby") == "f-escalated_text-error"
        opened.sees(opened.words.refusal("holds a control character"))


@pytest.fixture(scope="module")
def hostile(here: Region) -> Region:
    """A match of cases in which every text is hostile."""
    script = "<script>alert(2)</script>"
    here.put("fatima", script, LOTTE, parent_bsn_1=MOTHER, worker_name=script, function="=cmd|' /C calc'!A0")
    here.put("sanne", "J-88", LOTTE, worker_name='"><svg onload=alert(3)>', function=script)
    here.settle()
    return here
