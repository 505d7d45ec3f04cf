"""Where one begins, the files that pages are made of, and the language."""

from typing import Final

from fastapi import APIRouter, Request, Response

from raakvlak_node.pages.door import YEAR_SECONDS, At, Filled, Gone
from raakvlak_node.pages.navigation import first
from raakvlak_protocol.party.look import static
from raakvlak_protocol.party.look.words import LANGUAGES

routes: Final = APIRouter()
files: Final = APIRouter()


@routes.get("/")
def begin(page: At) -> Response:
    """The first thing that somebody has to do here."""
    return page.see("/sign-in" if page.session is None else first(page.user.roles))


@files.get("/static/{name:path}")
def asset(request: Request, name: str) -> Response:
    """A style, a script, a font; the same for everybody."""
    found = static.at(static.STATIC + name)
    if found is None:
        raise Gone
    body, headers = found.answer(request.headers.get("accept-encoding", ""))
    return Response(body, headers=headers)


@routes.post("/language")
def choose_language(page: At, form: Filled) -> Response:
    """Dutch or English, in this browser."""
    response = page.see(page.back(form.value("back")))
    language = form.value("language")
    if language in LANGUAGES:
        page.set_cookie(response, "language", language, YEAR_SECONDS)
    return response
