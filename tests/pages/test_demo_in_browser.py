"""`raakvlak-local run`, as somebody who tries it meets it: in a browser on the same machine, signing in by clicking people."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from raakvlak_local import population
from raakvlak_local.course import SPOKEN, STUCK
from tests.party.test_look_page import Scheme, violations
from tests.require import require

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
READY_SECONDS: Final = 240
FIRST: Final = {
    "case-worker": "/today",
    "team-lead": "/today",
    "coordinator": "/desk",
    "privacy-officer": "/privacy",
    "administrator": "/administration",
}
"""On which page somebody in a role comes in."""

Told = dict[str, Any]
"""What the command prints of its pages."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A small federation that runs until it is interrupted, as by Ctrl-C; then it ends in order."""
    folder = tmp_path_factory.mktemp("demo")
    program = str(Path(sys.executable).with_name("raakvlak-local"))
    _populate(folder)
    with (folder / "said").open("w+") as said, subprocess.Popen(
        [program, "run", str(folder), "--json"], stdout=subprocess.PIPE, stderr=said, text=True
    ) as running:  # fmt: skip
        assert running.stdout is not None
        try:
            line = running.stdout.readline()
            assert line, (folder / "said").read_text()
            yield json.loads(line)["pages"]
            assert running.poll() is None, "it ended by itself"
        finally:
            running.send_signal(signal.SIGINT)
            rest = running.stdout.read()
            assert (running.wait(READY_SECONDS), rest) == (0, ""), (folder / "said").read_text()
    assert json.loads((folder / "data" / "processes.json").read_text()) == []


def _populate(folder: Path) -> None:
    """With a family of which enough cases match for one to be before the coordinator: whom a seed gives differs by the day."""
    for seed in range(1, 100):
        population.write(folder, cases=90, organisations=3, seed=seed, today=datetime.now(UTC).date())
        with (folder / "showcase.csv").open(newline="") as shown, (folder / "truth.csv").open(newline="") as truth:
            family = {(row["node"], row["case_ref"]) for row in csv.DictReader(shown)}
            ends = [((row["node"], row["case_ref"]), (row["other"], row["reference"])) for row in csv.DictReader(truth)]
        if sum(set(each) <= family for each in ends) // 2 > 3:
            return
    pytest.fail("no seed gives such a family")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    require(program is not None, f"a browser: {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(locale="en-GB") as context:
        yield context


def at(demo: Told, node: str) -> Told:
    found: Told = next(each for each in demo["organisations"] if each["id"] == node)
    return found


def person(organisation: Told, role: str) -> Told:
    found: Told = next(each for each in organisation["people"] if each["role"] == role)
    return found


def console(context: BrowserContext) -> list[str]:
    """What the browser complains of, as it goes on."""
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    return said


def signed_in(context: BrowserContext, organisation: Told, name: str) -> Page:
    """By clicks alone: the button, then whom to be."""
    page = context.new_page()
    page.goto(organisation["address"])
    page.get_by_role("link", name="Sign in with sandbox-account").click()
    expect(page.get_by_text("Nobody on this page exists")).to_be_visible()
    with page.expect_response(lambda answer: answer.url.startswith(organisation["address"]) and answer.status == 200):
        page.get_by_role("button", name=name).click()
    page.wait_for_url(f"{organisation['address']}/*")
    return page


def test_everybody_comes_in_by_a_click_each_on_his_own_page(demo: Told, browser: Browser) -> None:
    assert {each["role"] for organisation in demo["organisations"] for each in organisation["people"]} == set(FIRST)
    for organisation in demo["organisations"]:
        for each in organisation["people"]:
            with browser.new_context(locale="en-GB") as context:
                wrong = console(context)
                page = signed_in(context, organisation, each["name"])
                assert page.url == organisation["address"] + FIRST[each["role"]], each["role"]
                expect(page.get_by_text(each["name"], exact=True).first).to_be_attached()
                assert wrong == [], each["role"]


def test_one_browser_is_in_at_all_organisations_at_once(demo: Told, context: BrowserContext) -> None:
    for organisation in demo["organisations"]:
        signed_in(context, organisation, organisation["people"][0]["name"])
    for organisation in demo["organisations"]:
        page = context.new_page()
        page.goto(organisation["address"])
        assert page.url == organisation["address"] + FIRST[organisation["people"][0]["role"]]


def test_the_overview_names_everybody_and_leads_to_their_pages(demo: Told, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(demo["sign_in"])
    for organisation in demo["organisations"]:
        section = page.locator("section", has=page.get_by_role("heading", name=organisation["name"], exact=True))
        for each in organisation["people"]:
            expect(section.get_by_text(each["name"], exact=True)).to_be_visible()
    page.get_by_role("link", name="Open the pages").first.click()
    expect(page.get_by_role("button", name=demo["organisations"][0]["people"][0]["name"])).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_sandboxs_own_pages(demo: Told, browser: Browser, scheme: Scheme) -> None:
    with browser.new_context(locale="nl-NL", color_scheme=scheme, viewport={"width": 360, "height": 800}) as context:
        page = context.new_page()
        said = console(context)
        page.goto(demo["sign_in"])
        assert violations(page) == []
        page.get_by_role("link", name="Open de pagina's").first.click()
        expect(page.get_by_text("Niemand op deze pagina bestaat")).to_be_visible()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert said == []


def test_the_coordinator_finds_what_is_stuck(demo: Told, context: BrowserContext) -> None:
    organisation = demo["organisations"][-1]
    page = signed_in(context, organisation, person(organisation, "coordinator")["name"])
    expect(page.get_by_text(STUCK)).to_be_visible()


def test_the_family_is_in_the_middle_of_a_follow_up(demo: Told, context: BrowserContext) -> None:
    """And the one for whom the agreement waits signs it: the demo's own last step is the visitor's first."""
    begin = demo["begin"]
    page = signed_in(context, at(demo, begin["node"]), begin["name"])
    waiting = page.get_by_role("link", name="waits for your signature")
    expect(waiting).to_have_count(1)
    waiting.click()
    expect(page.get_by_text(SPOKEN)).to_be_visible()
    page.get_by_role("link", name=begin["case_ref"]).first.click()
    expect(page.locator("svg.rv-d").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(begin["case_ref"])
    page.go_back()
    page.get_by_role("button", name="Sign").first.click()
    expect(page.get_by_text("has signed").first).to_be_attached()
    page.goto(at(demo, begin["node"])["address"] + "/today")
    expect(page.get_by_role("link", name="waits for your signature")).to_have_count(0)
