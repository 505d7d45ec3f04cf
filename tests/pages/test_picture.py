"""The client picture of a case: whom to call, the drawing and its table, and who may see it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raakvlak_node.access import AccessLog
from raakvlak_node.people import Role
from tests.pages.story import CHILD, MOTHER, SISTER, Story, step, story


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path) as made:
        made.match()
        yield made


def lines(story: Story, member: str) -> list[tuple[str, ...]]:
    """(who, role, event, what, outcome) of each line of the access log."""
    log = AccessLog(story.running.nodes[member].store, story.running.nodes[member].random)
    return [
        (each.actor.id, each.actor.role, str(each.event), each.kind, str(each.outcome)) for each in log.lines(0, 1_000)
    ]  # fmt: skip


def test_whom_to_call_the_drawing_and_the_same_as_a_table(told: Story) -> None:
    told.put("police", "P-1", MOTHER, told.ruud, child_bsns=CHILD, function="community officer")
    told.settle()
    page = told.visit("school", told.ilse).go(told.picture("school", "S-1"))
    assert "2 other organisations are involved with this family." in page
    assert page.count('<svg class="rv-d ') == 2 and "<table" in page
    for said in ("Jan Maas", "Ruud Bos", "community officer", "tel:0118000001", "mailto:jan@youth.example", "J-1", "P-1"):
        assert said in page, said
    assert page.count(f'href="{told.path("school", "police")}"') >= 3  # the drawing, the table, the card
    assert f'href="{told.picture("school", "S-1")}/hand-over"' in page
    for bsn in (CHILD, MOTHER):
        assert bsn not in page


def test_looking_is_in_the_access_log_and_so_is_what_was_refused(told: Story) -> None:
    path = told.picture("school", "S-1")
    told.visit("school", told.ilse).go(path)
    assert ("ilse@school.example", "case-worker", "read", "picture", "done") in lines(told, "school")
    noor = told.visit("school", told.sites["school"].user("noor@school.example", Role.TEAM_LEAD))
    answer = noor.open(path)
    page = noor.page
    gone = noor.open("/cases/" + "0" * 32)
    assert (answer.status_code, page) == (gone.status_code, noor.page)
    assert answer.status_code == 404 and "S-1" not in page
    assert ("noor@school.example", "team-lead", "read", "case", "refused") in lines(told, "school")


def test_nobody_else_is_a_calm_page(told: Story) -> None:
    told.put("school", "S-2", SISTER, told.ilse)
    told.settle()
    page = told.visit("school", told.ilse).go(told.picture("school", "S-2"))
    assert "Nobody else is known to be involved with this family." in page and '<svg class="rv-d ' in page


def test_what_happened_and_what_was_agreed_stand_there(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse, path = told.visit("school", told.ilse), told.path("school") + "/agreement"
    ilse.go(path)
    ilse.done(ilse.send(path, **told.agreement()))
    page = ilse.go(told.picture("school", "S-1"))
    assert "The school: there was contact on" in page
    assert "Proposed agreement" in page and "The youth-team still has to sign" in page


def test_a_confidential_case_says_what_that_means(told: Story) -> None:
    told.put("police", "P-1", CHILD, told.ruud, confidential="yes")
    told.settle()
    ruud, path = told.visit("police", told.ruud), told.picture("police", "P-1")
    page = ruud.go(path)
    assert "This case is confidential" in page and f'href="{path}/release"' in page
    assert "Nobody else is known" in page
    told.put("police", "P-2", SISTER, told.ruud, protected="yes")
    page = ruud.go(told.picture("police", "P-2"))
    assert "Only the coordinator hears of this case" in page and "/release" not in page
    assert "confidential" not in told.visit("school", told.ilse).go(told.picture("school", "S-1"))


def test_a_match_that_is_over_is_still_found(told: Story) -> None:
    path = told.picture("school", "S-1")
    ilse = told.visit("school", told.ilse)
    ilse.go(told.path("school"))
    ilse.done(step(ilse, told.path("school"), "acknowledged"))
    told.running.nodes["youth-team"].drop_case("J-1")
    told.settle()
    told.settle()
    page = ilse.go(path)
    assert "Matches that are over" in page and f'href="{told.path("school")}"' in page
    page = ilse.go(told.path("school"))
    assert "is no longer involved" in page and "/acts" not in page


def test_hostile_words_of_another_organisation_are_text(told: Story) -> None:
    told.put("youth-team", "<b>J-1</b>", CHILD, told.jan, function="<script>alert(1)</script>", worker_name='"><img src=x>')
    told.settle()
    page = told.visit("school", told.ilse).go(told.picture("school", "S-1"))
    assert "<script>alert" not in page and "<img" not in page and "<b>J-1" not in page
    assert "&lt;script&gt;" in page
