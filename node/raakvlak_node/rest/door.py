"""Who is let in, and what every route needs: a node of its own thread, and the access log."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from raakvlak_node.access import AccessLog, Actor, Event, Kind
from raakvlak_node.node import Node
from raakvlak_node.rest.manners import Answer, route_of
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS, iso_date

USER_HEADER: Final = "Raakvlak-User"

_bearer = HTTPBearer(auto_error=False, description="an access token made by 'raakvlak-node token new'")
_user = Header(
    alias=USER_HEADER,
    description="the user of the case system for whom this is done; the access log keeps it beside the token's name",
)


@dataclass(frozen=True, slots=True)
class Door:
    """`own_node` gives the node with a store of this thread's own; `wake` tells the sync loop that there is work."""

    own_node: Callable[[], AbstractContextManager[Node]]
    wake: Callable[[], None]


async def _door(request: Request) -> Door:
    found = request.app.state.door
    assert isinstance(found, Door)
    return found


At = Annotated[Door, Depends(_door)]


def _caller(
    request: Request,
    door: At,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    user: Annotated[str, _user] = "",
) -> Actor:
    with door.own_node() as own:
        name = own.caller_of(own.store, given.credentials) if given else None
    if name is None:
        raise Answer(HTTPStatus.UNAUTHORIZED, "an access token is needed: 'raakvlak-node token new NAME' makes one")
    request.state.caller = name
    if request.query_params.keys() - request.app.state.queries[request.method, route_of(request)]:
        # A name that is misspelt would otherwise ask for more than was meant.
        raise Malformed("there is no query parameter of that name here", field="an unknown field")
    try:
        return Actor.rest(name, _utf8(user))
    except Malformed as error:
        raise Malformed(error.message, field=USER_HEADER) from None


Caller = Annotated[Actor, Depends(_caller)]
"""Who acts: the system that holds the access token, on behalf of the user whom it names. Without one nobody gets in."""


def _utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Malformed("is not UTF-8", field=USER_HEADER) from None


def note(own: Node, actor: Actor, event: Event, kind: Kind, case: str = "") -> None:
    """A line in the access log, within the transaction of what it tells of."""
    AccessLog(own.store, own.random).write(actor, event, own.clock(), kind=kind, case=case)


def reference(text: str) -> str:
    """A case reference as it stands on a path."""
    text = text.strip()
    if "\ufffd" in text:
        raise Malformed("a case reference is UTF-8", field="case_ref")
    if not 1 <= len(text) <= MAX_REFERENCE_CHARACTERS:
        raise Malformed(f"a case reference has 1 to {MAX_REFERENCE_CHARACTERS} characters", field="case_ref")
    return text


def no_such_case() -> Answer:
    return Answer(HTTPStatus.NOT_FOUND, "this node has no case of that reference")


def _day(given: Any) -> Any:
    """A date as JSON gives it: YYYY-MM-DD and not otherwise."""
    if isinstance(given, date):
        return given
    try:
        return iso_date(given, "day")
    except (Malformed, TypeError):
        raise PydanticCustomError("date_form", "a date is written as YYYY-MM-DD") from None


Day = Annotated[date, BeforeValidator(_day)]
