"""The pages in which people do their work, beside the REST API on the same address.

HTML stops here: what the pages show and do goes through `node` and the modules beside it, as commands and the API do.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from raakvlak_node.caseload import MAX_FILE_BYTES
from raakvlak_node.node import Node
from raakvlak_node.pages import (
    administration,
    agreements,
    backup,
    case_form,
    cases,
    desk,
    desk_match,
    follow_ups,
    imports,
    me,
    objections,
    outcome,
    people,
    picture,
    privacy,
    privacy_log,
    questions,
    sign_in,
    start,
    subjects,
    today,
    unassigned,
)
from raakvlak_node.pages.door import House, Page, Turned, enter, house_of, route_of, session_of
from raakvlak_node.pages.guard import App, Guard, Log, Message, Receive, Send
from raakvlak_node.pages.rights import RIGHTS, Act
from raakvlak_protocol.errors import Malformed, NotPermitted, RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.party.look import look

PACKAGE: Final = "raakvlak_node.pages"
UPLOADS: Final = {"/import": MAX_FILE_BYTES + 64 * 1024}

PARTS: Final[tuple[APIRouter, ...]] = (
    start.routes,
    sign_in.routes,
    me.routes,
    people.routes,
    today.routes,
    follow_ups.routes,
    agreements.routes,
    questions.routes,
    cases.routes,
    case_form.routes,
    imports.routes,
    desk.routes,
    desk_match.routes,
    outcome.routes,
    privacy.routes,
    privacy_log.routes,
    subjects.routes,
    objections.routes,
    administration.routes,
    backup.routes,
    unassigned.routes,
    # Behind the pages at /cases/…, whose names are no numbers of cases.
    picture.routes,
)  # fmt: skip
"""What can only be asked by who was let in."""

_STATUS: Final[tuple[tuple[type[RaakvlakError], HTTPStatus], ...]] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Malformed, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (Refused, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def app(node: Node, wake: Callable[[], None], log: Log) -> App:
    """The pages of a node, whose settings have `[pages]`. `wake` tells the sync loop that there is work."""
    assert node.settings.pages is not None

    @contextmanager
    def own_node() -> Iterator[Node]:
        """The node with a store of this thread's own."""
        own = node.reopened()
        try:
            yield own
        finally:
            own.close()

    house = House(
        own_node, wake, look(PACKAGE), node.member.name, node.member.id, node.member.kind, node.settings.pages.address,
        node.clock, node.random, log,
    )  # fmt: skip
    return Guard(site_of(house), house.address, log, UPLOADS)


def beside(pages: App, api: App) -> App:
    """Both under one address: the API below /v1 and /healthz, the pages everywhere else."""

    async def either(scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        to_api = scope["type"] != "http" or path == "/healthz" or path.startswith("/v1/")
        await (api if to_api else pages)(scope, receive, send)

    return either


def site_of(house: House) -> FastAPI:
    """All pages, without the guard around them."""
    site = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    site.state.house = house
    for each in PARTS:
        site.include_router(each, dependencies=[Depends(enter)])
    site.include_router(start.files)
    _demand_rights()
    site.add_exception_handler(HTTPException, _turned)
    site.add_exception_handler(RaakvlakError, _ours)
    site.add_exception_handler(RequestValidationError, _invalid)
    return site


def acts() -> set[Act]:
    """What can be asked of these pages: method and path of every route."""
    found = [route for each in (*PARTS, start.files) for route in each.routes if isinstance(route, APIRoute)]
    return {(method, route.path) for route in found for method in route.methods or ()}


def _demand_rights() -> None:
    """Nothing can be asked for which the table says no role."""
    unknown = acts() - set(RIGHTS)
    if unknown:
        raise AssertionError(f"the table of rights lacks {sorted(unknown)}")


def _turned(request: Request, error: Exception) -> Awaitable[Response] | Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Turned) and error.go:
        return RedirectResponse(error.go, error.status_code)
    return _message(request, HTTPStatus(error.status_code), "", dict(error.headers or {}))


def _ours(request: Request, error: Exception) -> Awaitable[Response] | Response:
    assert isinstance(error, RaakvlakError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _message(request, status, error.message, {})


def _invalid(request: Request, error: Exception) -> Awaitable[Response] | Response:
    return _message(request, HTTPStatus.NOT_FOUND, "", {})


def _message(request: Request, status: HTTPStatus, refusal: str, headers: dict[str, str]) -> Response:
    """A page that says what is the matter, and where to go on."""
    house = house_of(request)
    page = Page(house, request, session_of(house, request), None, route_of(request))
    words = page.words
    titles: dict[int, tuple[str, str]] = {
        400: (words("This form can't be used any more"), words("Go back, load the page again, and send it once more.")),
        403: (words("This page is not for you"), words("Another role in your organisation has it.")),
        404: (words("This page is not here"), words("It has gone, or it is not yours to see.")),
        405: (words("This page is not here"), words("It has gone, or it is not yours to see.")),
        409: (words("That can't be done now"), ""),
        413: (words("This is too large"), words("Send less at once.")),
        422: (words("Something in it is wrong"), ""),
        429: (words("Wait a moment"), words("There were many attempts. Try again in a while.")),
        503: (words("This can't be reached now"), words("Try again in a moment; nothing was lost.")),
    }
    title, text = titles.get(status, (words("Something went wrong"), words("It was written down. Try again in a moment.")))
    said = words.refusal(refusal) if refusal else text
    response = page.html("message.html", status, title=title, text=said, go="/", go_label=words("To the start"))
    response.headers.update(headers)
    return response
