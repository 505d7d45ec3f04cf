"""What coordinators ask about cases that nobody else hears of, and what somebody answers."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node.access import Event
from raakvlak_node.mediating import Mediating, Question
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.scope import Scope
from raakvlak_node.workdays import moment
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.text import MAX_WRITTEN_CHARACTERS

routes: Final = APIRouter()

ANSWERED: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
class Mine:
    """A question about cases of this user: (handle, reference) of each."""

    question: Question
    cases: list[tuple[str, str]]

    @property
    def id(self) -> str:
        return self.question.id


def questions_for(own: Node, scope: Scope, *, answered: bool = False) -> list[Mine]:
    """What coordinators ask about the cases in a scope, oldest first."""
    found = []
    for each in Mediating(own).questions(answered=answered):
        cases = [(own.store.case_handle(case), case) for case in each.cases]
        mine = [(handle.hex(), case) for handle, case in cases if scope.holds(handle)]
        if mine:
            found.append(Mine(each, mine))
    return found


@routes.get("/questions")
def show(page: At) -> Response:
    """All of them, and what was answered lately."""
    with page.node() as own:
        return _page(page, own, None)


@routes.post("/questions/{match}")
def answer(page: At, match: str, form: Filled) -> Response:
    """Releases the case, or says why not."""
    words = page.words
    with page.node() as own:
        found = next((each for each in questions_for(own, page.scope(own)) if each.id == match), None)
        if found is None:
            page.refused(own, "match")
            raise Gone
        choice = form.one_of(f"release_{match}", ("yes", "no"))
        text = form.text(f"text_{match}", MAX_WRITTEN_CHARACTERS, required=True, lines=True)
        mine = dict(found.cases)
        handle = form.one_of(f"case_{match}", mine) if len(mine) > 1 else next(iter(mine))
        if not form.ok:
            return _page(page, own, form, status=422)
        try:
            Mediating(own).answer(match, choice == "yes", text, page.actor, page.now, case=mine[handle])
        except Malformed as error:
            form.reject(f"text_{match}", words.refusal(error.message))
            return _page(page, own, form, status=422)
        except Refused as error:
            form.reject(f"release_{match}", words.refusal(error.message))
            return _page(page, own, form, status=409)
        coordinator = own.name_of(found.question.asked.party)
    page.wake()
    if choice == "yes":
        said = words("You have released it. The other organisation hears today that you are involved, and can call you.")
    else:
        said = words("It stays between you and %(coordinator)s, who reads your answer today.", coordinator=coordinator)
    return page.see("/questions", said)


def _page(page: Page, own: Node, form: Form | None, status: int = 200) -> Response:
    all = questions_for(own, page.scope(own), answered=True)
    waiting = [each for each in all if each.question.asked.answered is None]
    answered = [each for each in all if each.question.asked.answered is not None][-ANSWERED:]
    if all:
        page.note(own, Event.SEARCH, "case")
    return page.html(
        "questions.html",
        status,
        title=page.words("Questions of coordinators"),
        form=form or Form({}, page.words),
        waiting=[(each, own.name_of(each.question.asked.party), moment(each.question.asked.asked)) for each in waiting],
        answered=[(each, own.name_of(each.question.asked.party), _answered(each)) for each in reversed(answered)],
    )


def _answered(mine: Mine) -> object:
    at = mine.question.asked.answered
    return None if at is None else moment(at)
