"""Who is let in, and what every page needs: who asks, in which role, in which language, which cases are theirs, and the
access log.

A request is refused before any handler runs: for another host than ours, for a body too large, for a form that another
site sent or that bears no token of this browser, for a page that another role has. What somebody who is signed in was
refused stands in the access log.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from raakvlak_node.access import AccessLog, Actor, Event, Kind, Result
from raakvlak_node.case import Case
from raakvlak_node.node import Node
from raakvlak_node.pages.forms import MAX_FIELDS, MAX_VALUE_CHARACTERS, Form
from raakvlak_node.pages.rights import RIGHTS
from raakvlak_node.pages.scope import Scope
from raakvlak_node.people import People, Sessions
from raakvlak_node.people.sessions import Session
from raakvlak_node.people.user import Role, User
from raakvlak_node.vault import handle_in
from raakvlak_protocol.party.events import error_fields
from raakvlak_protocol.party.look import Look
from raakvlak_protocol.party.look.words import Language, Words, choose

T = TypeVar("T")

GUEST_BYTES: Final = 32
YEAR_SECONDS: Final = 365 * 86_400
_PATH: Final = re.compile(r"/(?!/)[A-Za-z0-9/._-]{0,200}(?:\?[A-Za-z0-9=&%._+-]{0,200})?")

_FORM: Final = re.compile(
    r"application/x-www-form-urlencoded(?:; ?charset=utf-8)?|multipart/form-data; ?boundary=[0-9a-z'()+_,./:=?\" -]{1,80}", re.I
)


class Turned(HTTPException):
    """A request that is not answered with a page of its own. `go` is where to go instead."""

    def __init__(self, status: HTTPStatus, *, go: str = "", retry_seconds: int = 0) -> None:
        super().__init__(status, headers={"Retry-After": str(retry_seconds)} if retry_seconds else None)
        self.go = go


class Gone(Turned):
    """What is not there, and what is not yours: the two say the same thing."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class House:
    """What all pages of a node share. `own_node` gives the node with a store of this thread's own; `wake` tells the sync
    loop that there is work; `address` is the origin by which browsers reach the pages."""

    own_node: Callable[[], AbstractContextManager[Node]]
    wake: Callable[[], None]
    look: Look
    organisation: str
    member: str
    kind: str
    address: str
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    log: Callable[..., None]
    kept: dict[type, Any] = field(default_factory=dict)

    def failed(self, error: Exception, doing: str) -> None:
        """Writes down what went wrong beside all requests."""
        self.log("error", **error_fields(error, doing))

    def one(self, kind: type[T], make: Callable[[], T]) -> T:
        """The one of its kind that pages keep for the life of the program, made where it is first asked for."""
        if kind not in self.kept:
            self.kept.setdefault(kind, make())
        found: T = self.kept[kind]
        return found

    @property
    def secure(self) -> bool:
        return self.address.startswith("https://")

    def cookie(self, name: str) -> str:
        """A cookie's full name: of this organisation, as cookies don't tell ports apart; and by the browser's word not set
        by another host."""
        return f"{'__Host-' if self.secure else ''}raakvlak-{self.member}-{name}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page after an act says about it."""

    kind: str
    text: str


class Page:
    """One request: who asks for which page, and how it is answered."""

    def __init__(self, house: House, request: Request, session: Session | None, actor_role: Role | None, route: str) -> None:
        self.house = house
        self.request = request
        self.session = session
        self.route = route
        self._role = actor_role
        self._workers: tuple[bytes, ...] | None = None
        self._guest = request.cookies.get(house.cookie("guest"), "")
        self._fresh_guest = not self._guest
        if self._fresh_guest:
            self._guest = secrets.token_urlsafe(GUEST_BYTES)

    @property
    def token(self) -> str:
        """The session's, for those who change or end it."""
        return self.cookie("session")

    # --- who ----------------------------------------------------------------------------------------------------------

    @property
    def user(self) -> User:
        """Who has signed in; not for public pages."""
        assert self.session is not None
        return self.session.user

    @property
    def actor(self) -> Actor:
        """The user in the role by which the page was opened, as the access log tells it."""
        assert self._role is not None
        return Actor.page(self.user.email, str(self._role))

    @property
    def guest(self) -> str:
        """A secret of this browser, also before anybody has signed in."""
        return self._guest

    @property
    def csrf(self) -> str:
        """What every form of this browser bears."""
        if self.session is not None:
            return self.session.csrf
        return hashlib.sha256(b"a form of nobody who signed in " + self._guest.encode()).hexdigest()

    @cached_property
    def language(self) -> Language:
        own = self.session.user.language if self.session is not None else ""
        kept = self.request.cookies.get(self.house.cookie("language"), "")
        return choose(own, kept, header=self.request.headers.get("accept-language", ""))

    @property
    def words(self) -> Words:
        return self.house.look.words(self.language)

    @cached_property
    def now(self) -> datetime:
        return self.house.clock()

    @property
    def htmx(self) -> bool:
        """Whether only the part of the page is wanted that changes."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def client(self) -> str:
        """The address of the caller, for limits alone."""
        return self.request.client.host if self.request.client is not None else ""

    # --- what ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def node(self) -> Iterator[Node]:
        """The node with a store of this thread's own."""
        with self.house.own_node() as own:
            yield own

    def wake(self) -> None:
        """Tells the sync loop that there is work."""
        self.house.wake()

    def scope(self, own: Node) -> Scope:
        """Which cases this user sees."""
        if self._workers is None:
            self._workers = People(own.store, own.random).workers(self.user)
        return Scope(own.store, self._workers)

    def case(self, own: Node, id: str) -> tuple[bytes, Case]:
        """The case with this number on a path, where it is this user's; raises Gone otherwise, and writes that down."""
        handle = handle_in(id)
        found = None if handle is None else own.store.case(handle)
        if handle is None or found is None:
            raise Gone
        if not self.scope(own).holds(handle):
            self.refused(own, "case", case=found.reference)
            raise Gone
        return handle, found

    def case_to_read(self, own: Node, id: str) -> tuple[bytes, Case]:
        """The same for a page that shows it, which the access log then says."""
        handle, found = self.case(own, id)
        self.note(own, Event.READ, "case", found.reference)
        return handle, found

    def note(self, own: Node, event: Event, kind: Kind, case: str = "", *, reason: str = "") -> None:
        """A line in the access log; where it tells of an act, within the act's transaction."""
        AccessLog(own.store, own.random).write(self.actor, event, self.now, kind=kind, case=case, reason=reason)

    def refused(self, own: Node, kind: Kind, case: str = "") -> None:
        """A line about what this user was refused; `reason` names the page, never what was asked for."""
        event = Event.READ if self.request.method == "GET" else Event.UPDATE
        actor = Actor.page(self.user.email, str(self._role or sorted(self.user.roles)[0]))
        AccessLog(own.store, own.random).write(
            actor, event, self.now, outcome=Result.REFUSED, kind=kind, case=case,
            reason=f"{self.request.method} {self.route}",
        )  # fmt: skip

    # --- the answer ---------------------------------------------------------------------------------------------------

    def html(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page of a template."""
        from raakvlak_node.pages.navigation import links

        shared: dict[str, Any] = {
            "page": self,
            "user": None if self.session is None else self.session.user,
            "csrf": self.csrf,
            "organisation": self.house.organisation,
            "form": Form({}, self.words),
            "notice": None,
            "nav": [],
        }
        if self.session is not None:
            shared["nav"] = links(self)
            shared["notice"] = self._notice(self.session)
        response = HTMLResponse(self.house.look.html(template, self.language, shared | context), status)
        return self._with_guest(response)

    def _notice(self, session: Session) -> Notice | None:
        """What was left to be said on this page, once."""
        if not session.notice:
            return None
        with self.node() as own:
            kind, _, text = Sessions(own.store, own.random).take_notice(self.token).partition("\n")
        return Notice(kind, text) if text else None

    def see(self, path: str, text: str = "", kind: str = "ok") -> Response:
        """Another page instead, which shows this notice once; kinds are those of `ui.alert`."""
        if text and self.session is not None:
            with self.node() as own:
                Sessions(own.store, own.random).set_notice(self.token, f"{kind}\n{text}")
        return self._with_guest(RedirectResponse(path, HTTPStatus.SEE_OTHER))

    def _with_guest(self, response: Response) -> Response:
        if self._fresh_guest and self.session is None:
            self.set_cookie(response, "guest", self._guest, YEAR_SECONDS)
        return response

    def cookie(self, name: str) -> str:
        return self.request.cookies.get(self.house.cookie(name), "")

    def set_cookie(self, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """A cookie that scripts can't read and other sites' forms don't bring; gone with the browser where no time is
        given."""
        response.set_cookie(
            self.house.cookie(name), value, max_age=seconds, path="/", secure=self.house.secure, httponly=True, samesite="lax"
        )

    def end_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(self.house.cookie(name), path="/", secure=self.house.secure, httponly=True, samesite="lax")

    def back(self, path: str, otherwise: str = "/") -> str:
        """A path of ours that a request named, or another."""
        return path if _PATH.fullmatch(path) else otherwise


def route_of(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))


def house_of(request: Request) -> House:
    found = request.app.state.house
    assert isinstance(found, House)
    return found


def enter(request: Request) -> Page:
    """Lets in who may open this page; every route asks this first."""
    house, route = house_of(request), route_of(request)
    session = session_of(house, request)
    wanted = RIGHTS[request.method.replace("HEAD", "GET"), route]
    if wanted is None:
        return Page(house, request, session, None, route)
    if session is None:
        back = request.url.path if request.method == "GET" else ""
        raise Turned(HTTPStatus.SEE_OTHER, go=f"/sign-in?back={back}" if back and back != "/" else "/sign-in")
    role = next((each for each in wanted if each in session.user.roles), None)
    page = Page(house, request, session, role, route)
    if role is None:
        with page.node() as own:
            page.refused(own, "node")
        raise Turned(HTTPStatus.FORBIDDEN)
    return page


def session_of(house: House, request: Request) -> Session | None:
    """The session that the request's cookie names, if it still runs."""
    token = request.cookies.get(house.cookie("session"), "")
    if not token:
        return None
    with house.own_node() as own:
        return Sessions(own.store, own.random).of(token, house.clock())


At = Annotated[Page, Depends(enter)]


async def _filled(request: Request, page: At) -> Form:
    """The form of a POST. Raises Turned where the browser did not get it from us."""
    await run_in_threadpool(demand_ours, page)
    fields = await _fields(request)
    token = (fields.get("csrf") or [""])[0]
    if not hmac.compare_digest(token.encode(), page.csrf.encode()):
        await run_in_threadpool(refuse_form, page)
    return Form(fields, page.words)


Filled = Annotated[Form, Depends(_filled)]


async def _fields(request: Request) -> dict[str, list[str]]:
    """What was sent; nothing where no browser sends it so, or a file is with it. Browsers write UTF-8 alone: what names
    other letters may hold texts that can't be written down again."""
    if not _FORM.fullmatch(request.headers.get("content-type", "")):
        return {}
    try:
        return _texts(await request.form(max_files=0, max_fields=MAX_FIELDS, max_part_size=MAX_VALUE_CHARACTERS * 4))
    except HTTPException:
        return {}


def _texts(given: FormData) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in given.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


def demand_ours(page: Page) -> None:
    """Turns away what another site's page sent."""
    headers = page.request.headers
    origin = headers.get("origin", "")
    if origin != page.house.address or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        refuse_form(page)


def refuse_form(page: Page) -> None:
    """Turns away a form that did not come from our own page."""
    if page.session is not None:
        with page.node() as own:
            page.refused(own, "node")
    raise Turned(HTTPStatus.BAD_REQUEST)


def demand_fetched(page: Page) -> None:
    """The same for what a script of ours sends (`fetch`): the header `X-Raakvlak-Form` bears the form's token."""
    demand_ours(page)
    if not hmac.compare_digest(page.request.headers.get("x-raakvlak-form", "").encode(), page.csrf.encode()):
        refuse_form(page)
