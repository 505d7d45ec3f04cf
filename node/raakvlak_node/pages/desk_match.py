"""A match that only this coordinator hears of: between whom it is, what one side is asked, and what it answers.

The other side must learn nothing of it: only those can be chosen who may be asked.
"""

from typing import Final

from fastapi import APIRouter, Response

from raakvlak_node import workdays
from raakvlak_node.access import Event
from raakvlak_node.desk import Asked
from raakvlak_node.mediating import Heard, Mediating
from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.workdays import moment
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
)

routes: Final = APIRouter()


@routes.get("/desk/matches/{match}")
def show_match(page: At, match: str) -> Response:
    """Between whom it is, who may be asked, and what was answered."""
    with page.node() as own:
        heard = _heard(own, match)
        page.note(own, Event.READ, "match")
        form = Form.of(page.words, name=page.user.name, email=page.user.email, member=_open(heard)[:1])
        return _match(page, own, heard, form)


@routes.post("/desk/matches/{match}")
def ask(page: At, match: str, form: Filled) -> Response:
    """Asks a side whether its involvement may be told to the other."""
    with page.node() as own:
        heard = _heard(own, match)
        member = form.one_of("member", heard.askable)
        name = form.text("name", MAX_TEXT_CHARACTERS, required=True)
        phone = form.text("phone", MAX_PHONE_CHARACTERS)
        email = form.text("email", MAX_EMAIL_CHARACTERS)
        text = form.text("text", MAX_WRITTEN_CHARACTERS, required=True, lines=True)
        if not phone and not email:
            form.reject("phone", page.words("Fill in a phone number or an e-mail address, so that they can reach you."))
        if not form.ok:
            return _match(page, own, heard, form, 422)
        try:
            Mediating(own).ask(match, member, name, phone, email, text, page.actor, page.now)
        except Malformed as error:
            form.refuse(error, "text")
            return _match(page, own, heard, form, 422)
        except Refused as error:
            form.reject("member", page.words.refusal(error.message))
            return _match(page, own, _heard(own, match), form, 409)
        asked = own.name_of(member)
    page.wake()
    return page.see(f"/desk/matches/{match}", page.words("%(organisation)s gets your question today.", organisation=asked))


def _heard(own: Node, id: str) -> Heard:
    found = next((each for each in Mediating(own).matches() if each.id == id), None)
    if found is None:
        raise Gone
    return found


def _open(heard: Heard) -> list[str]:
    """The sides that may be asked and owe no answer."""
    waiting = {each.party for each in heard.asked if each.answered is None}
    return [each for each in heard.askable if each not in waiting]


def _match(page: Page, own: Node, heard: Heard, form: Form, status: int = 200) -> Response:
    found, words = heard.mediation, page.words
    return page.html(
        "desk_match.html",
        status,
        title=words("%(one)s and %(other)s", one=own.name_of(found.one), other=own.name_of(found.other)),
        heard=heard,
        form=form,
        since=workdays.local_day(found.began),
        open=[(each, own.name_of(each)) for each in _open(heard)],
        askable=[own.name_of(each) for each in heard.askable],
        asked=[(own.name_of(each.party), each, *_moments(each)) for each in reversed(heard.asked)],
    )


def _moments(asked: Asked) -> tuple[object, object]:
    return moment(asked.asked), None if asked.answered is None else moment(asked.answered)
