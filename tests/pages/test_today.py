"""What needs somebody today: what stands there, in which order, and for whom."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.case import Case
from raakvlak_node.followup import Turn
from raakvlak_node.pages.today import SHOWN
from raakvlak_node.people import Role
from raakvlak_protocol.act import Pair, Party
from raakvlak_protocol.relation import MatchKind
from raakvlak_protocol.term import start_of
from tests.federation import case
from tests.pages.site import Site
from tests.pages.story import CHILD, Story, step, story


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path) as made:
        made.match()
        yield made


def turn(story: Story, member: str) -> str:
    rows = story.running.nodes[member].store.database.execute("SELECT turn FROM pair").fetchall()
    (found,) = [row[0] for row in rows]
    return str(found)


def headings(page: str) -> list[str]:
    """The groups on the page."""
    return [part.split('"')[0] for part in page.split('id="group-')[1:]]


def test_what_is_asked_moves_from_one_to_the_other(told: Story) -> None:
    assert (turn(told, "school"), turn(told, "youth-team")) == (Turn.ACKNOWLEDGE, Turn.ACKNOWLEDGE)
    told.does("school", told.ilse, "acknowledged")
    assert (turn(told, "school"), turn(told, "youth-team")) == (Turn.CALL, Turn.ACKNOWLEDGE)
    told.does("youth-team", told.jan, "contacted")
    assert (turn(told, "school"), turn(told, "youth-team")) == (Turn.AGREE, Turn.AGREE)
    ilse, path = told.visit("school", told.ilse), told.path("school") + "/agreement"
    ilse.go(path)
    ilse.done(ilse.send(path, **told.agreement()))
    told.settle()
    assert (turn(told, "school"), turn(told, "youth-team")) == (Turn.WAIT, Turn.SIGN)
    jan = told.visit("youth-team", told.jan)
    jan.go(told.path("youth-team"))
    jan.done(jan.send(told.path("youth-team") + "/sign"))
    told.settle()
    assert (turn(told, "school"), turn(told, "youth-team")) == (Turn.EVALUATE, Turn.EVALUATE)
    told.does("school", told.ilse, "escalated", text="stuck")
    assert (turn(told, "school"), turn(told, "youth-team"), turn(told, "coordinator")) == (Turn.WAIT, Turn.WAIT, "")
    kim = told.visit("coordinator", told.kim)
    kim.go(told.path("coordinator"))
    kim.done(step(kim, told.path("coordinator"), "closed", text="done"))
    told.settle()
    assert (turn(told, "school"), turn(told, "youth-team")) == ("", "")


def test_a_contact_that_the_other_side_notes_is_still_to_be_seen(told: Story) -> None:
    told.does("youth-team", told.jan, "contacted")
    assert turn(told, "school") == Turn.ACKNOWLEDGE


def test_a_new_match_stands_there_with_its_one_act_until_it_was_done(told: Story) -> None:
    ilse = told.visit("school", told.ilse)
    page = ilse.go("/")
    assert headings(page) == ["new"]
    assert "The youth-team knows this client too." in page and "one thing needs you" in page
    assert f'href="{told.path("school")}"' in page and "Look and call" in page and "S-1" in page
    told.does("school", told.ilse, "already_in_contact")
    assert "Nothing needs you today." in ilse.go("/today")
    assert "Nothing needs you today." in told.visit("youth-team", told.jan).go("/today")


def test_what_is_late_comes_before_what_is_new(told: Story) -> None:
    told.does("school", told.ilse, "acknowledged")
    assert headings(told.visit("school", told.ilse).go("/today")) == ["going-on"]
    told.passes(4)
    # Whoever has seen it is not late because the other has not.
    assert headings(told.visit("school", told.ilse).go("/today")) == ["going-on"]
    told.passes(5)
    told.put("police", "P-1", CHILD, told.ruud)
    told.settle()
    page = told.visit("youth-team", told.jan).go("/today")
    assert headings(page) == ["late", "new"] and "days late" in page


def test_terms_that_pass_bring_it_before_the_coordinator_and_say_so(told: Story) -> None:
    for _ in range(6):
        told.passes(5)
    page = told.visit("school", told.ilse).go("/today")
    assert headings(page) == ["escalated"]
    assert "The term has passed" in told.visit("school", told.ilse).go(told.path("school"))


def test_own_cases_first_and_the_team_s_behind_a_switch(told: Story) -> None:
    site = told.sites["school"]
    node = site.node
    team = site.people.add_team("Year 1", "", Actor.command("root"), node.clock())
    noor = site.user("noor@school.example", teams=[team.id])
    stranger = site.user("stranger@school.example")
    ilse = site.people.change_user(
        told.ilse.id, told.ilse.changed, teams=[team.id], actor=Actor.command("root"), now=node.clock()
    )  # fmt: skip
    visitor = site.visit(noor)
    assert headings(visitor.go("/today")) == headings(visitor.go("/today?of=team")) == ["new"]
    page = visitor.go("/today?of=mine")
    assert "Nothing needs you today." in page and "See what your team has to do" in page
    assert headings(site.visit(ilse).go("/today")) == ["new"]
    page = site.visit(stranger).go("/today?of=team")
    assert headings(page) == [] and "S-1" not in page
    assert "There are no cases in your name yet." in page


def test_an_unknown_switch_or_group_is_no_error(told: Story) -> None:
    ilse = told.visit("school", told.ilse)
    assert headings(ilse.go("/today?of=everybody&show=nothing&after=-5")) == ["new"]
    assert headings(ilse.go("/today?show=new&after=999999999")) == ["new"]
    assert ilse.open("/today?after=x").status_code == 404


# --- many, at one node ------------------------------------------------------------------------------------------------


def put(site: Site, number: int, worker: str) -> bytes:
    made: Case = case(f"S-{number}", CHILD, worker_email=worker)
    site.node.put_case(made)
    return site.node.store.case_handle(made.reference)


def pair(
    site: Site, own: bytes, number: int, turn: str, due: str = "", phase: str = "signalled", term: str = "acknowledge"
) -> None:
    """A match of a case as it was when it was last looked at."""
    pairs = site.node.follow_ups().pairs
    found = Pair.of(Party("school", f"S-{number}"), Party("town", f"T-{number}-{turn}"))
    pairs.carry(number.to_bytes(16, "big"), {found: (own, MatchKind.FAMILY)}, int(site.node.clock().timestamp()))
    pairs.set_standing(pairs.handle(found), phase, term, due, turn)


def test_a_long_group_is_shown_in_part_with_a_way_to_the_rest(site: Site) -> None:
    noor = site.user("noor@school.example")
    for number in range(SHOWN + 3):
        pair(site, put(site, number, noor.email), number, "acknowledge", "2026-03-05")
    visitor = site.visit(noor)
    page = visitor.go("/today")
    assert page.count('class="rv-entry ') == SHOWN and f"{SHOWN + 3} things need you" in page
    assert "/today?of=mine&amp;show=new" in page
    page = visitor.go("/today?of=mine&show=new")
    assert page.count('class="rv-entry ') == SHOWN
    page = visitor.go(f"/today?of=mine&show=new&after={SHOWN}")
    assert page.count('class="rv-entry ') == 3


def test_every_group_in_its_order_and_each_match_in_one(site: Site) -> None:
    noor = site.user("noor@school.example")
    today = site.node.today(site.node.clock())
    near, far = (today + timedelta(days=1)).isoformat(), (today + timedelta(days=60)).isoformat()
    past = (today - timedelta(days=1)).isoformat()
    kinds = [
        ("agree", past, "in_contact", "agreement"),
        ("sign", near, "in_contact", "agreement"),
        ("acknowledge", near, "signalled", "acknowledge"),
        ("call", near, "acknowledged", "contact"),
        ("evaluate", near, "agreed", "evaluation"),
        ("wait", "", "escalated", ""),
        ("agree", far, "in_contact", "agreement"),
        ("evaluate", far, "agreed", "evaluation"),
        ("wait", past, "in_contact", "agreement"),
        ("", "", "already_in_contact", ""),
    ]
    for number, (turn, due, phase, term) in enumerate(kinds):
        pair(site, put(site, number, noor.email), number, turn, due, phase, term)
    page = site.visit(noor).go("/today")
    assert headings(page) == ["late", "sign", "new", "soon", "evaluate", "escalated", "going-on"]
    assert page.count('class="rv-entry ') == 7


def test_a_case_whose_term_ends_stands_there(told: Story) -> None:
    node = told.running.nodes["school"]
    over = start_of(node.store.lapses(node.store.case_handle("S-1")) or 0).date()
    told.passes((over - told.today).days - 10)
    page = told.visit("school", told.ilse).go("/today")
    assert "terms" in headings(page) and "The term of case S-1 ends." in page
    told.passes(31)
    page = told.visit("school", told.ilse).go("/today")
    assert "Nobody hears of case S-1 any more." in page
    assert "Report it anew" in told.visit("school", told.ilse).go(told.picture("school", "S-1"))


def test_others_have_no_today(site: Site) -> None:
    for role in (Role.ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.COORDINATOR):
        assert site.visit(site.user(f"{role}@school.example", role)).open("/today").status_code == 403
