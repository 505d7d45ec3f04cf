"""The operator's pages over HTTPS: sign in, look, sign out. Nothing can be changed here but the language.

    GET  /operator                  everything on one page; 303 to the next without a session
    GET  /operator/sign-in          a name and a key
    POST /operator/sign-in
    POST /operator/sign-out
    GET  /                          303 to /operator: what the head of every page links to
    POST /language                  nl or en: the form in the head of every page
    GET  /static/<hash>/<name>      what pages are made of

A session is a cookie that no script reads and no other site's request carries; a form besides must come from these pages
(Sec-Fetch-Site, or where a browser does not send it, Origin) and, within a session, hold its token. Whoever has no session
is told nothing, not even whether an operator of that name exists.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_network
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from raakvlak_index.operator.access import Access, Session
from raakvlak_index.operator.patience import Patience, plain
from raakvlak_index.operator.plot import bars
from raakvlak_index.operator.view import STEP, Office, View
from raakvlak_protocol.errors import Malformed, NotPermitted
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.look import HEADERS, HSTS, Look, look, static
from raakvlak_protocol.party.look.words import LANGUAGES, Language, Words, choose
from raakvlak_protocol.party.web import Missing

HOME: Final = "/operator"
SIGN_IN: Final = "/operator/sign-in"
SESSION: Final = "__Host-operator"
"""A browser takes a cookie of this name over TLS only, for this host and every path of it."""
LANGUAGE: Final = "operator-language"
LANGUAGE_SECONDS: Final = 365 * 24 * 3600
MAX_FORM_BYTES: Final = 4_096
MAX_FIELDS: Final = 8
MAX_VALUE: Final = 200
NOTHING: Final = "there is nothing at this path, or not by this method"


class Filled:
    """A form as it was sent, and what is wrong with it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.errors: dict[str, str] = {}

    def value(self, name: str) -> str:
        return self._values.get(name, "").strip()[:MAX_VALUE]

    def values(self, name: str) -> list[str]:
        return [self.value(name)] if name in self._values else []

    def error(self, name: str) -> str:
        return self.errors.get(name, "")

    def reject(self, name: str, message: str) -> None:
        self.errors.setdefault(name, message)

    @property
    def ok(self) -> bool:
        return not self.errors


def add(api: FastAPI, office: Office, log: Log, random: Callable[[int], bytes], networks: Sequence[str] = ()) -> None:
    """Gives the index's HTTPS side these paths; they stand in no description of it. Where `networks` are named, there is
    nothing at them for whoever asks from elsewhere."""
    door = Door(office, log, random)
    near = [ip_network(each) for each in networks]

    def demand_near(request: Request) -> None:
        if near and not any(plain(_address(request)) in each for each in near):
            raise Missing(NOTHING)

    def refused(request: Request, error: Exception) -> Awaitable[Response] | Response:
        words = door.words(request)
        return door.html(
            request,
            "message.html",
            words("Nothing was done"),
            None,
            status=HTTPStatus.FORBIDDEN,
            text=words("This form did not come from a page of this index, or from one that was open for too long."),
            go=HOME,
            go_label=words("Open the page again"),
        )

    api.include_router(_routes(door), include_in_schema=False, dependencies=[Depends(demand_near)])
    api.add_exception_handler(Foreign, refused)


class Foreign(NotPermitted):
    """A form that does not come from these pages, or from those of another session."""


class Door:
    """Who asks, in which language, and how they are answered."""

    def __init__(self, office: Office, log: Log, random: Callable[[int], bytes]) -> None:
        self.office = office
        self.log = log
        self.random = random
        self.patience = Patience()
        self._look: Look = look("raakvlak_index.operator")

    @property
    def access(self) -> Access:
        return self.office.access

    def session(self, request: Request) -> Session | None:
        return self.access.session(request.cookies.get(SESSION, ""), self.office.now())

    def words(self, request: Request) -> Words:
        return self._look.words(_language(request))

    def html(
        self,
        request: Request,
        template: str,
        title: str,
        session: Session | None,
        *,
        status: int = HTTPStatus.OK,
        **context: Any,
    ) -> Response:
        language, words = _language(request), self.words(request)
        shown: dict[str, Any] = {
            "title": title,
            "user": None,
            "nav": _parts(words) if session else [],
            "notice": None,
            "organisation": self.office.operator,
            "operator": session.operator if session else "",
            "csrf": session.csrf if session else "",
            "step": STEP,
            "form": Filled({}),
        }
        content = self._look.html(template, language, shown | context)
        return HTMLResponse(content, status, {**_headers(), "Content-Language": language, "Vary": "Accept-Language, Cookie"})

    def demand_ours(self, request: Request, form: Filled, session: Session | None) -> None:
        """Raises Foreign for a form that does not come from these pages, or from another session's."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
        ours = site == "same-origin" if site is not None else origin == f"https://{request.headers.get('host', '')}"
        if ours and (session is None or hmac.compare_digest(form.value("csrf").encode(), session.csrf.encode())):
            return
        self.patience.wrong(_address(request), self.office.now())
        self._tell_refusals()
        raise Foreign("this form does not come from a page of this index, or from an older one: open the page again")

    def _tell_refusals(self) -> None:
        if tries := self.patience.to_tell(self.office.now()):
            self.log("operator_refused", tries=tries)

    def let_in(self, request: Request, operator: str) -> Response:
        """A new session, in place of what the browser had."""
        self.access.leave(request.cookies.get(SESSION, ""))
        token = self.access.begin(operator, self.random, self.office.now())
        self.patience.right(_address(request))
        self.log("operator_signed_in", operator=operator)
        return _with_cookie(_see(HOME), SESSION, token)

    def turn_away(self, request: Request, form: Filled) -> Response:
        """The same page with what was wrong; how long to wait where it was not the first time."""
        now, words = self.office.now(), self.words(request)
        wait = int(self.patience.wrong(_address(request), now).total_seconds())
        self._tell_refusals()
        form.reject("key", words("This name and key do not belong together. Look at both, and type or paste the key again."))
        if wait:
            form.reject("", words.plural("Wait %(count)s second first.", "Wait %(count)s seconds first.", wait))
        status = HTTPStatus.TOO_MANY_REQUESTS if wait else HTTPStatus.UNPROCESSABLE_ENTITY
        answer = self.html(request, "sign_in.html", words("Sign in"), None, status=status, form=form)
        if wait:
            answer.headers["Retry-After"] = str(wait)
        return answer


async def _form(request: Request) -> Filled:
    """Raises Malformed for what no form of ours sends."""
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise Malformed("this form is too large")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise Malformed("this is no form of these pages") from None
    return Filled(dict(pairs))


Form = Annotated[Filled, Depends(_form)]


def _routes(door: Door) -> APIRouter:
    routes = APIRouter()

    @routes.get(HOME)
    def home(request: Request) -> Response:
        session = door.session(request)
        if session is None:
            return _see(SIGN_IN)
        view, words = door.office.look(), door.words(request)
        return door.html(request, "operator.html", words("The index"), session, view=view, plot=_growth(view, words))

    @routes.get("/")
    def start(request: Request) -> Response:
        return _see(HOME)

    @routes.get(SIGN_IN)
    def sign_in(request: Request) -> Response:
        if door.session(request):
            return _see(HOME)
        words = door.words(request)
        return door.html(request, "sign_in.html", words("Sign in"), None)

    @routes.post(SIGN_IN)
    def try_key(request: Request, form: Form) -> Response:
        door.demand_ours(request, form, None)
        name = form.value("name").lower()
        if door.access.holds(name, form.value("key")):
            return door.let_in(request, name)
        return door.turn_away(request, form)

    @routes.post("/operator/sign-out")
    def sign_out(request: Request, form: Form) -> Response:
        session = door.session(request)
        door.demand_ours(request, form, session)
        door.access.leave(request.cookies.get(SESSION, ""))
        if session:
            door.log("operator_signed_out", operator=session.operator)
        return _with_cookie(_see(SIGN_IN), SESSION, "", 0)

    @routes.post("/language")
    def language(request: Request, form: Form) -> Response:
        door.demand_ours(request, form, door.session(request))
        if form.value("language") not in LANGUAGES:
            raise Malformed("these pages are in nl and en")
        return _with_cookie(_see(HOME), LANGUAGE, form.value("language"), LANGUAGE_SECONDS)

    @routes.get("/static/{name:path}")
    def asset(request: Request) -> Response:
        found = static.at(request.url.path)
        if found is None:
            raise Missing(NOTHING)
        body, headers = found.answer(request.headers.get("accept-encoding", ""))
        return Response(body, headers=headers)

    return routes


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the navigation, to a part of the page."""

    href: str
    label: str
    icon: str
    current: bool = False
    count: int = 0


def _parts(words: Words) -> list[Link]:
    return [
        Link("#members", words("Members"), "people"),
        Link("#rows", words("Growth"), "outcome"),
        Link("#removals", words("Removals"), "clock"),
        Link("#log", words("Log"), "history"),
    ]


def _growth(view: View, words: Words) -> str:
    """A bar for each day from the first that was counted to the last."""
    counted = dict(view.growth)
    first = view.growth[0][0] if view.growth else view.now.date()
    days = [first + timedelta(days=place) for place in range((max(counted, default=first) - first).days + 1)]
    numbers = [
        (f"{words.short_day(day)}: {words.number(counted[day])}" if day in counted else "", counted.get(day)) for day in days
    ]
    return bars(numbers, words("Rows at the end of each day"))


def _language(request: Request) -> Language:
    return choose(request.cookies.get(LANGUAGE, ""), header=request.headers.get("accept-language", ""))


def _headers() -> dict[str, str]:
    return {**HEADERS, "Strict-Transport-Security": HSTS}


def _see(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, _headers())


def _with_cookie(answer: Response, name: str, value: str, seconds: int | None = None) -> Response:
    """For so many seconds, or until the browser is closed."""
    answer.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
