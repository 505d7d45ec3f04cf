"""The simulated year: its letters have real sizes, its two sides end alike, its rules are what differs, and it repeats."""

import json
import subprocess
import sys
from datetime import date, timedelta
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from raakvlak_node import workdays
from raakvlak_protocol.letter import MAX_CONTENT_BYTES, NO_PREVIOUS, DeskHeader, seal_once
from tests.bench.region import matches, plot, run
from tests.bench.region.matches import Region
from tests.bench.region.rules import ABLATIONS, FULL, INCUMBENT, Rules
from tests.bench.region.staff import Chance, Presence, Staff
from tests.bench.region.tally import Tally
from tests.bench.region.year import Year
from tests.covenants import make_covenant

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def region() -> Region:
    return matches.make(150)


def went(region: Region, rules: Rules, staff: Staff | None = None) -> Tally:
    return Year(region, rules, staff or Staff(), 1).run()


@pytest.mark.parametrize("length", [1, 700, 800, 3_000, 4_000, MAX_CONTENT_BYTES])
def test_a_letter_counts_for_what_it_would_weigh_sealed(length: int) -> None:
    sandbox = make_covenant()
    header = DeskHeader("zeeland", bytes(16), "school", "coordinator", 1, NO_PREVIOUS)
    key = sandbox.covenant.member("coordinator").letter_key
    sealed = seal_once(header, bytes(length), signing_seed=sandbox.signing_seeds["school"], receiver_key=key)
    assert matches.padded(bytes(length)) == len(sealed)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_year_and_both_sides_end_alike(region: Region) -> None:
    once, again = went(region, FULL), went(region, FULL)
    assert json.dumps(once.figures()) == json.dumps(again.figures())
    assert once.figures()["matches"] == len(region.encounters) > 20
    assert once.differing == 0 and once.records["acts"] > 60


@pytest.mark.slow
def test_only_what_a_rule_is_for_goes_with_it(region: Region) -> None:
    full = went(region, FULL).figures()
    assert full["reminders"]["given"] > 0 and full["escalated_by_cause"]["term"] > 0 and full["already_in_contact"] > 0
    without = {rules.name: went(region, rules).figures() for rules in ABLATIONS[:3]}
    assert without["no reminders"]["reminders"] == {}
    assert without["no escalation by term"]["escalated_by_cause"]["term"] == 0
    assert "already_in_contact" not in without["no 'already in contact'"]["phases_at_end"]
    incumbent = went(region, INCUMBENT).figures()
    assert (incumbent["reminders"], incumbent["escalated"], incumbent["coordinator"]["open_at_most"]) == ({}, 0, 0)
    assert incumbent[run.UNTOUCHED] > full[run.UNTOUCHED] and incumbent[run.CONTACT] < full[run.CONTACT]


@pytest.mark.slow
def test_where_nobody_ever_looks_only_the_coordinator_touches_a_match(region: Region) -> None:
    asleep = Staff(
        never_looks=1.0, heeds_reminder=0.0, heeds_letter=0.0, heeds_coordinator=0.0, already=0.0, coordinator_daily=10_000.0
    )
    assert went(region, INCUMBENT, asleep).figures()["untouched_past_contact_term"] == 1.0
    figures = went(region, FULL, asleep).figures()
    assert figures["untouched_past_contact_term"] == 1.0  # Escalation comes behind the term and its grace.
    assert figures["contacted"] == 0 and figures["escalated_by_cause"]["term"] > 0.9
    assert figures["untouched_at_end"] < 0.2


def test_nobody_works_on_a_holiday_and_everybody_has_leave() -> None:
    presence = Presence(Staff(), Chance(1), matches.YEAR)
    year = [date(matches.YEAR, 1, 1) + timedelta(days=each) for each in range(365)]
    worked = [day for day in year if presence.at_work("somebody", day)]
    assert date(matches.YEAR, 4, 27) not in worked and all(workdays.is_working(day) for day in worked)
    assert 180 < len(worked) < 235


@pytest.mark.slow
def test_the_command_tells_all_in_one_object_and_draws_what_can_be_read_aloud(tmp_path: Path) -> None:
    svg = tmp_path / "region.svg"
    command = [sys.executable, "-m", "tests.bench", "region", "--json", "--quick", "--cases", "200", "--plot", str(svg)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found.keys() == {"bench", "machine", "results", "region"}
    names = [FULL.name, *(each.name for each in ABLATIONS), INCUMBENT.name]
    assert list(found["region"]["years"]) == names
    assert found["region"]["most_difference"]["to_untouched_past_term"] in names
    drawn = ElementTree.fromstring(svg.read_text(encoding="utf-8"))  # noqa: S314 (our own)
    described = drawn.find("{http://www.w3.org/2000/svg}desc")
    assert described is not None and all(name in str(described.text) for name in names)


def test_the_plot_in_the_documents_was_drawn_by_this_bench() -> None:
    drawn = (ROOT / "docs" / "region.svg").read_text(encoding="utf-8")
    assert plot.draw([]).partition("</title>")[0] == drawn.partition("</title>")[0]
    assert all(escape(each.name) in drawn for each in (FULL, *ABLATIONS, INCUMBENT))
