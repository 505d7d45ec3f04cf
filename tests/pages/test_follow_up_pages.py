"""Stories of what people do about a match, told at their pages: from the first call to the evaluation, and all that can go
otherwise."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import AccessLog, Result
from raakvlak_node.followup import Phase
from raakvlak_node.people import Role
from tests.pages.site import Forms, Visitor
from tests.pages.story import CHILD, MOTHER, Story, step, story

NASTY = '<script>alert(1)</script>\n=HYPERLINK("http://evil.example")\n<img src=x onerror=alert(2)>{{ 7*7 }}'


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path) as made:
        made.match()
        yield made


def refusals(story: Story, member: str) -> list[str]:
    """What was refused, by the access log."""
    node = story.running.nodes[member]
    return [each.reason for each in AccessLog(node.store, node.random).lines(0, 1_000) if each.outcome is Result.REFUSED]


def test_from_a_match_to_an_evaluation_at_the_pages(told: Story) -> None:
    ilse = told.visit("school", told.ilse)
    page = ilse.go(told.path("school"))
    assert "Call Jan Maas of The youth-team" in page and 'href="tel:0118000001"' in page
    page = ilse.done(step(ilse, told.path("school"), "acknowledged"))
    assert "The youth-team hears today that you have seen it" in page
    assert told.sites["school"].woken == 1
    told.settle()
    jan = told.visit("youth-team", told.jan)
    assert "The school has seen it and will call." in jan.go(told.path("youth-team"))
    jan.done(step(jan, told.path("youth-team"), "contacted", text="We talked."))
    told.settle()
    page = ilse.go(told.path("school"))
    assert "We talked." in page and "Agree on who does what" in page
    ilse.go(told.path("school") + "/agreement")
    page = ilse.done(ilse.send(told.path("school") + "/agreement", **told.agreement()))
    assert "The youth-team gets it today, to sign" in page
    told.settle()
    page = jan.go(told.path("youth-team"))
    assert "talks with the mother every week" in page and "The school signed" in page
    page = jan.done(jan.send(told.path("youth-team") + "/sign"))
    assert "You have signed" in page
    told.settle()
    assert told.found("school").phase is told.found("youth-team").phase is Phase.AGREED
    told.passes(41)
    ilse = told.visit("school", told.ilse)
    page = ilse.go(told.path("school"))
    assert "it is time to look back" in page
    ilse.done(step(ilse, told.path("school"), "evaluated", text="goes well"))
    told.settle()
    assert "goes well" in told.visit("youth-team", told.jan).go(told.path("youth-team"))


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(told: Story) -> None:
    ilse, path = told.visit("school", told.ilse), told.path("school")
    ilse.go(path)
    tomorrow = (told.today + timedelta(days=1)).isoformat()
    answer = step(ilse, path, "contacted", day=tomorrow, text="spoke with her")
    assert answer.status_code == 422
    assert 'id="f-contacted_day-error"' in ilse.page and "spoke with her" in ilse.page and tomorrow in ilse.page
    answer = step(ilse, path, "contacted", day="soon", text="x" * 2_001)
    assert answer.status_code == 422
    assert 'id="f-contacted_day-error"' in ilse.page and 'id="f-contacted_text-error"' in ilse.page
    answer = step(ilse, path, "escalated", text="  ")
    assert answer.status_code == 422 and "Fill this in." in ilse.page
    assert told.found("school").records.acts == []
    assert told.sites["school"].woken == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "proposed", "seen": "1"},
        {"kind": "ACKNOWLEDGED", "seen": "1"},
        {"kind": "", "seen": "1"},
        {"kind": "acknowledged", "seen": "-1"},
        {"kind": "acknowledged", "seen": "9" * 40},
        {"kind": "acknowledged", "seen": "one"},
        {"kind": "acknowledged"},
    ],
)
def test_a_form_that_was_tampered_with_changes_nothing(told: Story, fields: dict[str, str]) -> None:
    ilse, path = told.visit("school", told.ilse), told.path("school")
    ilse.go(path)
    csrf = ilse.form(f"{path}/acts").fields["csrf"]
    answer = ilse.post(f"{path}/acts", {name: [value] for name, value in fields.items()} | {"csrf": csrf})
    assert answer.status_code == 422
    assert told.found("school").records.acts == []


def test_a_step_that_is_not_allowed_now_says_which_are(told: Story) -> None:
    ilse, path = told.visit("school", told.ilse), told.path("school")
    ilse.go(path)
    form = ilse.form(f"{path}/acts")
    answer = ilse.post(f"{path}/acts", form.fields | {"kind": ["closed"], "closed_text": ["nothing to do"]})
    assert answer.status_code == 409
    assert "you can acknowledge it" in ilse.page
    assert "This was not sent" in ilse.page and "nothing to do" in ilse.page


def test_who_is_second_is_shown_what_was_done_and_keeps_what_was_typed(told: Story) -> None:
    path = told.path("school")
    ilse, again = told.visit("school", told.ilse), told.visit("school", told.ilse)
    ilse.go(path)
    again.go(path)
    ilse.done(step(ilse, path, "acknowledged"))
    answer = step(again, path, "contacted", text="I called")
    assert answer.status_code == 409
    assert "Somebody was just before you" in again.page and "The school has seen it and will call." in again.page
    assert "I called" in again.page
    again.done(step(again, path, "contacted"))
    (written,) = told.found("school").records.texts.values()
    assert written.text == "I called"


def test_what_was_typed_is_not_lost_where_the_step_has_gone(told: Story) -> None:
    path = told.path("school")
    first, second = told.visit("school", told.ilse), told.visit("school", told.ilse)
    for each in (first, second):
        each.go(path)
    first.done(step(first, path, "escalated", text="please help"))
    answer = step(second, path, "already_in_contact")
    assert answer.status_code == 409
    told.settle()
    third, fourth = told.visit("school", told.ilse), told.visit("school", told.ilse)
    for each in (third, fourth):
        each.go(path)
    kim = told.visit("coordinator", told.kim)
    kim.go(told.path("coordinator"))
    kim.done(step(kim, told.path("coordinator"), "closed", text="not needed"))
    told.settle()
    answer = step(third, path, "contacted", text="a long story")
    assert answer.status_code == 409
    assert "This was not sent" in third.page and "a long story" in third.page


def test_what_others_write_is_text_and_nothing_else(told: Story) -> None:
    told.does("youth-team", told.jan, "contacted", text=NASTY)
    page = told.visit("school", told.ilse).go(told.path("school"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "onerror=alert(2)&gt;" in page and "{{ 7*7 }}" in page
    assert "<script>alert" not in page and "<img" not in page
    picture = told.visit("school", told.ilse).go(told.picture("school", "S-1"))
    assert "<script>alert" not in picture


def test_what_is_not_yours_and_what_is_not_there_say_the_same(told: Story) -> None:
    other = told.sites["school"].user("noor@school.example", Role.CASE_WORKER)
    officer = told.sites["school"].user("fg@school.example", Role.PRIVACY_OFFICER)
    path = told.path("school")
    noor = told.visit("school", other)
    foreign = noor.open(path)
    page = noor.page
    gone = noor.open("/follow-ups/" + "0" * 32)
    assert (foreign.status_code, page) == (gone.status_code, noor.page) == (404, page)
    for strange in ("/follow-ups/x", "/follow-ups/" + "0" * 31 + "G", path.upper().replace("FOLLOW-UPS", "follow-ups")):
        assert noor.open(strange).status_code == 404
    noor.go("/today")
    csrf = noor.form("/sign-out").fields["csrf"]
    for part in ("acts", "sign", "release", "agreement"):
        assert noor.post(f"{path}/{part}", {"csrf": csrf, "kind": ["acknowledged"], "seen": ["1"]}).status_code == 404
    assert told.visit("school", officer).open(path).status_code == 403
    assert told.found("school").records.acts == []
    assert "GET /follow-ups/{follow_up}" in refusals(told, "school")
    assert "POST /follow-ups/{follow_up}/acts" in refusals(told, "school")


def test_a_coordinator_decides_at_the_desk(told: Story) -> None:
    told.does("school", told.ilse, "escalated", text="we are stuck")
    kim, path = told.visit("coordinator", told.kim), told.path("coordinator")
    page = kim.go(path)
    assert "Ilse Quist" in page and "Jan Maas" in page and "Decide who leads" in page
    answer = step(kim, path, "decided", text="the school leads", lead="nobody")
    assert answer.status_code == 422 and 'id="f-decided_lead-error"' in kim.page and "the school leads" in kim.page
    kim.done(step(kim, path, "decided", lead="school"))
    told.settle()
    page = told.visit("school", told.ilse).go(told.path("school"))
    assert "The coordinator decides: The school leads." in page
    worker = told.sites["coordinator"].user("worker@cjg.example", Role.CASE_WORKER)
    assert told.visit("coordinator", worker).open(path).status_code == 404
    assert kim.open(path + "/agreement").status_code == 403


def test_a_coordinator_elsewhere_may_look_at_what_is_stuck_and_not_act(told: Story) -> None:
    coordinator = told.sites["school"].user("lead@school.example", Role.COORDINATOR)
    path = told.path("school")
    assert told.visit("school", coordinator).open(path).status_code == 404
    told.does("school", told.ilse, "escalated", text="we are stuck")
    looking = told.visit("school", coordinator)
    page = looking.go(path)
    assert "we are stuck" in page
    assert not [each for each in Forms(page).forms if each.action.startswith("/follow-ups/")]
    csrf = looking.form("/sign-out").fields["csrf"]
    answer = looking.post(f"{path}/acts", {"csrf": csrf, "kind": ["contacted"], "seen": ["1"]})
    assert answer.status_code == 403
    assert "POST /follow-ups/{follow_up}/acts" in refusals(told, "school")


# --- agreements -------------------------------------------------------------------------------------------------------


def agreement(story: Story, visitor: Visitor) -> str:
    path = story.path("school", "youth-team") + "/agreement"
    visitor.go(path)
    return path


def test_an_agreement_gets_more_rows_and_says_what_lacks(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse = told.visit("school", told.ilse)
    path = agreement(told, ilse)
    answer = ilse.send(path, **told.agreement(what_0="talks\nevery week"), more="yes")
    assert answer.status_code == 200
    assert 'name="what_3"' in ilse.page and "talks\nevery week" in ilse.page and "Fill this in" not in ilse.page
    answer = ilse.send(path, parents="not_informed", what_3="calls", evaluate_on="2020-01-01", youth="", by_3="")
    assert answer.status_code == 422
    for field in ("by_3", "youth", "because"):
        assert f'id="f-{field}-error"' in ilse.page, field
    assert "talks\nevery week" in ilse.page and 'value="2020-01-01"' in ilse.page
    late = (told.today + timedelta(days=400)).isoformat()
    answer = ilse.send(path, youth="agrees", because="not yet", by_3=told.agreement()["by_0"], evaluate_on=late)
    assert answer.status_code == 422 and 'id="f-evaluate_on-error"' in ilse.page
    assert told.found("school").records.agreements == {}
    ilse.done(ilse.send(path, evaluate_on=told.agreement()["evaluate_on"]))
    (made,) = told.found("school").records.agreements.values()
    assert [each.what for each in made.tasks] == ["talks\nevery week", "calls"] and made.because == "not yet"


def test_an_agreement_without_a_task_or_with_too_much_text_is_refused_beside_the_field(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse = told.visit("school", told.ilse)
    path = agreement(told, ilse)
    assert ilse.send(path, **told.agreement(what_0="", by_0="")).status_code == 422
    assert 'id="f-what_0-error"' in ilse.page
    most = {f"what_{n}": "é" * 2_000 for n in range(2)} | {f"by_{n}": told.agreement()["by_0"] for n in range(2)}
    assert ilse.send(path, **told.agreement(**most)).status_code == 422
    assert 'id="f-what_0-error"' in ilse.page and "8192 bytes" in ilse.page
    assert ilse.send(path, **told.agreement(), covers="0" * 32).status_code == 422


def test_one_agreement_for_several_follow_ups_of_a_case(told: Story) -> None:
    told.put("police", "P-1", MOTHER, told.ruud, child_bsns=CHILD)
    told.settle()
    for other in ("youth-team", "police"):
        told.does("school", told.ilse, "contacted", other=other)
    ilse = told.visit("school", told.ilse)
    path = agreement(told, ilse)
    (police,) = ilse.form(path).fields.keys() & {f"seen_{told.found('school', 'police').known.id}"}
    page = ilse.done(ilse.send(path, **told.agreement(), covers=police.removeprefix("seen_")))
    assert "The youth-team and The police" in page
    told.settle()
    for member, user in (("youth-team", told.jan), ("police", told.ruud)):
        visitor, sign = told.visit(member, user), told.path(member, "school")
        assert "talks with the mother every week" in visitor.go(sign)
        visitor.done(visitor.send(sign + "/sign"))
    told.settle()
    for other in ("youth-team", "police"):
        assert told.found("school", other).phase is Phase.AGREED
    page = told.visit("school", told.ilse).go(told.picture("school", "S-1"))
    assert page.count('<span class="rv-lines">talks with the mother every week') == 1


def test_an_agreement_that_was_overtaken_keeps_what_was_typed(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse = told.visit("school", told.ilse)
    path = agreement(told, ilse)
    told.does("youth-team", told.jan, "contacted", text="once more")
    answer = ilse.send(path, **told.agreement())
    assert answer.status_code == 409
    assert "Somebody was just before you" in ilse.page and "once more" in ilse.page
    assert "talks with the mother every week" in ilse.page
    ilse.done(ilse.send(path))
    assert len(told.found("school").records.agreements) == 1


def test_no_form_for_an_agreement_before_there_was_contact(told: Story) -> None:
    ilse, path = told.visit("school", told.ilse), told.path("school")
    assert "No agreement can be proposed here now." in ilse.done(ilse.open(path + "/agreement"))


def test_a_new_version_starts_from_the_one_that_there_is(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse = told.visit("school", told.ilse)
    ilse.done(ilse.send(agreement(told, ilse), **told.agreement()))
    told.settle()
    jan, path = told.visit("youth-team", told.jan), told.path("youth-team") + "/agreement"
    page = jan.go(path)
    assert "talks with the mother every week" in page and "There is an agreement already" in page
    jan.done(jan.send(path, what_0="talks with the father"))
    told.settle()
    assert "talks with the father" in told.visit("school", told.ilse).go(told.path("school"))


def test_a_signature_under_what_was_replaced_meanwhile_is_not_given(told: Story) -> None:
    told.does("school", told.ilse, "contacted")
    ilse = told.visit("school", told.ilse)
    ilse.done(ilse.send(agreement(told, ilse), **told.agreement()))
    told.settle()
    jan, path = told.visit("youth-team", told.jan), told.path("youth-team")
    jan.go(path)
    ilse.done(ilse.send(agreement(told, ilse), what_0="something else altogether"))
    told.settle()
    answer = jan.send(path + "/sign")
    assert answer.status_code == 409
    assert "something else altogether" in jan.page
    assert told.found("youth-team").phase is Phase.IN_CONTACT


def test_the_coordinator_reads_what_was_released(told: Story) -> None:
    told.does("school", told.ilse, "contacted", text="only for us two")
    told.does("school", told.ilse, "escalated", text="we are stuck")
    kim, desk = told.visit("coordinator", told.kim), told.path("coordinator")
    page = kim.go(desk)
    assert "we are stuck" in page and "only for us two" not in page and "not for you to read" in page
    ilse, path = told.visit("school", told.ilse), told.path("school")
    ilse.go(path)
    assert ilse.send(path + "/release").status_code == 422
    assert 'id="f-release_because-error"' in ilse.page
    ilse.done(ilse.send(path + "/release", release_because="the family agreed"))
    told.settle()
    assert "only for us two" in kim.go(desk)
    ilse.go(path)
    page = ilse.done(ilse.send(path + "/release", release_because="enough"))
    assert "gets nothing more to read" in page
