"""What a coordinator asks about a confidential case, and what is answered at the page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.mediating import Mediating
from tests.pages.site import Visitor
from tests.pages.story import CHILD, Story, story

ASKED = "May the school hear of it?\n<script>alert(1)</script>"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path) as made:
        made.put("police", "P-1", CHILD, made.ruud, confidential="yes")
        made.put("school", "S-1", CHILD, made.ilse)
        made.settle()
        desk = Mediating(made.running.nodes["coordinator"])
        (heard,) = desk.matches()
        desk.ask(heard.id, "police", "Kim Prins", "0118-000009", "", ASKED, Actor.command("kim"), made.running.clock())
        made.settle()
        yield made


def asked(story: Story) -> tuple[Visitor, str]:
    """The page of who was asked, and the question's number."""
    ruud = story.visit("police", story.ruud)
    ruud.go("/questions")
    (question,) = Mediating(story.running.nodes["police"]).questions()
    return ruud, question.id


def test_a_question_stands_on_today_and_is_answered_with_a_release(told: Story) -> None:
    ruud, id = asked(told)
    page = ruud.go("/today")
    assert "The coordinator asks about P-1." in page and 'href="/questions"' in page
    page = ruud.go("/questions")
    assert "May the school hear of it?\n&lt;script&gt;" in page and "<script>alert" not in page
    assert "Kim Prins" in page and "tel:0118000009" in page
    page = ruud.done(ruud.send(f"/questions/{id}", **{f"release_{id}": "yes", f"text_{id}": "the parents agreed"}))
    assert "The other organisation hears today that you are involved" in page
    assert "the parents agreed" in page and "Nobody asks you anything." in page
    assert told.sites["police"].woken == 1
    told.settle()
    assert "The police knows this client too." in told.visit("school", told.ilse).go("/today")


def test_a_question_is_answered_with_no(told: Story) -> None:
    ruud, id = asked(told)
    page = ruud.done(ruud.send(f"/questions/{id}", **{f"release_{id}": "no", f"text_{id}": "not now"}))
    assert "It stays between you and The coordinator" in page
    told.settle()
    assert "Nothing needs you today." in told.visit("school", told.ilse).go("/today")
    (heard,) = Mediating(told.running.nodes["coordinator"]).matches()
    assert [(each.released, each.answer) for each in heard.asked] == [(False, "not now")]
    assert ruud.post(f"/questions/{id}", ruud.form("/sign-out").fields).status_code == 404


def test_an_answer_without_a_choice_or_a_reason_is_asked_again(told: Story) -> None:
    ruud, id = asked(told)
    assert ruud.send(f"/questions/{id}", **{f"text_{id}": "because"}).status_code == 422
    assert f'id="f-release_{id}-error"' in ruud.page and "because</textarea>" in ruud.page
    assert ruud.send(f"/questions/{id}", **{f"release_{id}": "yes", f"text_{id}": " "}).status_code == 422
    assert f'id="f-text_{id}-error"' in ruud.page
    assert ruud.send(f"/questions/{id}", **{f"release_{id}": "perhaps", f"text_{id}": "x"}).status_code == 422
    (question,) = Mediating(told.running.nodes["police"]).questions()
    assert question.asked.answered is None


def test_of_several_cases_somebody_says_which(told: Story) -> None:
    told.put("police", "P-2", CHILD, told.ruud, confidential="yes")
    told.settle()
    ruud, id = asked(told)
    fields = {f"release_{id}": "yes", f"text_{id}": "fine"}
    assert ruud.send(f"/questions/{id}", **fields).status_code == 422
    assert f'id="f-case_{id}-error"' in ruud.page
    handle = told.running.nodes["police"].store.case_handle("P-2").hex()
    ruud.done(ruud.send(f"/questions/{id}", **fields, **{f"case_{id}": handle}))
    node = told.running.nodes["police"]
    assert node.standing().released(node.store.case_handle("P-2"))
    assert not node.standing().released(node.store.case_handle("P-1"))


def test_a_question_about_another_s_case_is_not_there(told: Story) -> None:
    _, id = asked(told)
    other = told.visit("police", told.sites["police"].user("other@police.example"))
    assert "Nobody asks you anything." in other.go("/questions")
    assert "asks about" not in other.go("/today")
    token = other.form("/sign-out").fields
    answer = other.post(f"/questions/{id}", token | {f"release_{id}": ["yes"], f"text_{id}": ["x"]})
    page = other.page
    gone = other.post("/questions/" + "0" * 32, token)
    assert (answer.status_code, page) == (gone.status_code, other.page)
    assert answer.status_code == 404
    (question,) = Mediating(told.running.nodes["police"]).questions()
    assert question.asked.answered is None
