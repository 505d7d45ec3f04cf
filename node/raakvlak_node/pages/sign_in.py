"""Signing in and out: a password and a code, a passkey, or the organisation's own account; and the link by which somebody
comes in for the first time."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

import segno
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from raakvlak_node.node import Node
from raakvlak_node.pages.door import YEAR_SECONDS, At, Filled, Page, Turned, demand_fetched
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.oidc import BEGUN_SECONDS, NOT_BEGUN, Begun, Provider
from raakvlak_node.people.account import Accounts, Guest
from raakvlak_node.people.codes import address_of, secret_text
from raakvlak_node.people.entry import CODE_SECONDS, Entry, From, In
from raakvlak_node.people.passkeys import NotThisPasskey, Relying
from raakvlak_node.people.passwords import MAX_CHARACTERS, MIN_CHARACTERS, Weak, typed, weakness
from raakvlak_node.people.throttle import TooMany
from raakvlak_node.people.tickets import Carried
from raakvlak_node.people.user import User
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.secret import SecretBytes

MAX_CODE_CHARACTERS: Final = 64
OIDC: Final = "oidc"
BACK: Final = "/sign-in/organisation/back"

routes: Final = APIRouter()


# --- what these pages and those of one's own account share ------------------------------------------------------------


def relying(page: Page) -> Relying:
    """To what this node's passkeys are bound: the address of its pages, whatever a request says."""
    host = urlsplit(page.house.address).hostname or ""
    return Relying(host, page.house.address, f"Raakvlak {page.house.organisation}")


def entry_of(page: Page, own: Node) -> Entry:
    return Entry(own.store, own.random, relying(page))


def accounts_of(page: Page, own: Node) -> Accounts:
    return Accounts(own.store, own.random, relying(page))


def whence(page: Page) -> From:
    return From(page.cookie("devices"), page.client)


async def _sent(request: Request, page: At) -> dict[str, Any]:
    """What a script of ours sends."""
    await run_in_threadpool(demand_fetched, page)
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed("this is not what the page's own script sends")
    return found


Sent = Annotated[dict[str, Any], Depends(_sent)]


def answer_in(sent: dict[str, Any]) -> dict[str, Any]:
    """The browser's answer about a passkey."""
    found = sent.get("answer")
    return found if isinstance(found, dict) else {}


def name_in(sent: dict[str, Any]) -> str:
    """What the user calls the passkey."""
    found = sent.get("name")
    return found if isinstance(found, str) else ""


def not_taken(page: Page, error: Refused | Malformed) -> Response:
    """For a script of ours: what to say."""
    return JSONResponse({"message": page.words.refusal(error.message)}, HTTPStatus.UNPROCESSABLE_ENTITY)


def too_many(page: Page, error: TooMany, template: str, **context: Any) -> Response:
    """The same page, with how long to wait."""
    form: Form = context["form"]
    minutes = -(-error.seconds // 60)
    form.reject(
        "",
        page.words("There were too many attempts. Wait %(count)s seconds, and try again.", count=error.seconds)
        if error.seconds < 60
        else page.words.plural(
            "There were too many attempts. Wait a minute, and try again.",
            "There were too many attempts. Wait %(count)s minutes, and try again.",
            minutes,
        ),
    )
    response = page.html(template, HTTPStatus.TOO_MANY_REQUESTS, **context)
    response.headers["Retry-After"] = str(error.seconds)
    return response


def enough(page: Page, form: Form, user: User) -> SecretBytes | None:
    """The new password in a form, where it is good enough."""
    password = typed(form.secret("password"))
    weak = weakness(password, (user.name, user.email, page.house.organisation))
    if weak is not None:
        form.reject("password", _why_weak(page.words)[weak])
        return None
    return password


def _why_weak(words: Words) -> dict[Weak, str]:
    return {
        Weak.SHORT: words(
            "Take at least %(count)s characters. A few words together are easy to remember.", count=MIN_CHARACTERS
        ),
        Weak.LONG: words("Take at most %(count)s characters.", count=MAX_CHARACTERS),
        Weak.NAMED: words("Your name, your address or your organisation's name is in it; others try those first."),
        Weak.REPEATED: words("It repeats the same characters; others try those first."),
        Weak.OBVIOUS: words("This is one of the first that others try. Take a few words that don't belong together."),
    }


def picture_of(secret: SecretBytes, user: User, organisation: str) -> dict[str, str]:
    """What an app needs: a picture (SVG), and the same to be typed, in groups of four."""
    code = segno.make(address_of(secret, user.email, organisation), error="m", micro=False)
    text = secret_text(secret)
    drawn = code.svg_inline(scale=4, border=4, dark="#000000", light="#ffffff", omitsize=False)
    return {"picture": Markup(drawn), "secret": " ".join(text[place : place + 4] for place in range(0, len(text), 4))}  # noqa: S704


def let_in(page: Page, own: Node, came: In, response: Response) -> Response:
    """The cookies of who is in. Whatever session the browser had, ends: none is ever taken over."""
    if page.session is not None:
        entry_of(page, own).sessions.end(page.token)
    page.set_cookie(response, "session", came.token)
    page.set_cookie(response, "devices", came.devices, YEAR_SECONDS)
    page.end_cookie(response, "code")
    return response


def confirming(back: str) -> str:
    """Where one shows again who one is."""
    return f"/me/confirm?back={quote(back)}"


def demand_confirmed(page: Page, back: str) -> None:
    """Raises Turned to there, unless that was just now."""
    assert page.session is not None
    if not page.session.is_confirmed(page.now):
        raise Turned(HTTPStatus.SEE_OTHER, go=confirming(back))


# --- a password, then a code ------------------------------------------------------------------------------------------


def _sign_in(page: Page, own: Node, form: Form, back: str) -> dict[str, Any]:
    oidc = own.settings.oidc
    name = None if oidc is None else oidc.name or page.words("your organisation's account")
    return {"title": page.words("Sign in"), "form": form, "back": back, "organisation_sign_in": name}


@routes.get("/sign-in")
def ask(page: At, back: str = "") -> Response:
    """Who are you?"""
    back = page.back(back)
    if page.session is not None:
        return page.see(back)
    with page.node() as own:
        return page.html("sign_in.html", **_sign_in(page, own, Form({}, page.words), back))


@routes.post("/sign-in")
def take_password(page: At, form: Filled) -> Response:
    """On to the code, or the same page with the one message for whatever was wrong."""
    back, email, password = page.back(form.value("back")), form.value("email"), form.secret("password")
    with page.node() as own:
        for name, given in (("email", email), ("password", password)):
            if not given:
                form.reject(name, page.words("Fill this in."))
        shown = _sign_in(page, own, form, back)
        if not form.ok:
            return page.html("sign_in.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)
        try:
            ticket = entry_of(page, own).password(email, typed(password), whence(page), page.now)
        except TooMany as error:
            return too_many(page, error, "sign_in.html", **shown)
        if ticket is None:
            form.reject("password", page.words("The address or the password is not right."))
            return page.html("sign_in.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)
    response = page.see(f"/sign-in/code?back={quote(back)}")
    page.set_cookie(response, "code", ticket, CODE_SECONDS)
    return response


@routes.get("/sign-in/code")
def ask_code(page: At, back: str = "") -> Response:
    with page.node() as own:
        if not entry_of(page, own).waits_for_code(page.cookie("code"), page.now):
            return page.see("/sign-in")
    return page.html(
        "sign_in_code.html", title=page.words("The code of your app"), form=Form({}, page.words), back=page.back(back)
    )


@routes.post("/sign-in/code")
def take_code(page: At, form: Filled) -> Response:
    back, code = page.back(form.value("back")), form.text("code", MAX_CODE_CHARACTERS, required=True)
    shown = {"title": page.words("The code of your app"), "form": form, "back": back}
    if not form.ok:
        return page.html("sign_in_code.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)
    with page.node() as own:
        entry = entry_of(page, own)
        try:
            came = entry.code(page.cookie("code"), code, whence(page), page.now)
        except TooMany as error:
            return too_many(page, error, "sign_in_code.html", **shown)
        if came is not None:
            return let_in(page, own, came, page.see(back))
        if not entry.waits_for_code(page.cookie("code"), page.now):
            return page.see("/sign-in")
    form.reject("code", page.words("This code is not right, or was used before. Wait for the next one."))
    return page.html("sign_in_code.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)


# --- a passkey --------------------------------------------------------------------------------------------------------


@routes.post("/sign-in/passkey/options")
def passkey_options(page: At, sent: Sent) -> Response:
    with page.node() as own:
        return JSONResponse(entry_of(page, own).passkeys.options(page.now))


@routes.post("/sign-in/passkey")
def take_passkey(page: At, sent: Sent) -> Response:
    back = sent.get("back")
    with page.node() as own:
        try:
            came = entry_of(page, own).passkey(answer_in(sent), whence(page), page.now)
        except NotThisPasskey as error:
            return not_taken(page, error)
        response = JSONResponse({"go": page.back(back if isinstance(back, str) else "")})
        return let_in(page, own, came, response)


# --- the organisation's own account -----------------------------------------------------------------------------------


def _provider(page: Page, own: Node) -> Provider | None:
    """One for the life of the program: it remembers the keys of the organisation's sign-in."""
    settings = own.settings.oidc
    if settings is None:
        return None
    return page.house.one(Provider, lambda: Provider(settings, page.house.clock, page.house.random))


def _not_vouched(page: Page, own: Node, message: str) -> Response:
    form = Form({}, page.words)
    form.reject("", page.words.refusal(message))
    return page.html("sign_in.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_sign_in(page, own, form, "/"))


@routes.get("/sign-in/organisation")
def to_organisation(page: At, back: str = "") -> Response:
    """To the organisation's own sign-in. What must come back is with this browser, sealed, and serves once."""
    with page.node() as own:
        provider = _provider(page, own)
        if provider is None:
            return page.see("/sign-in")
        try:
            begun = provider.begin(page.house.address + BACK)
        except (Malformed, Refused, Unavailable) as error:
            return _not_vouched(page, own, error.message)
        kept = json.dumps([begun.state, begun.nonce, begun.verifier, page.back(back)]).encode()
        carried = Carried(own.store, own.random).give(OIDC, SecretBytes(kept), BEGUN_SECONDS, page.now)
    response = RedirectResponse(begun.url, HTTPStatus.SEE_OTHER)
    page.set_cookie(response, "begun", carried, BEGUN_SECONDS)
    return response


@routes.get(BACK)
def from_organisation(page: At, request: Request) -> Response:
    """In, where the organisation vouches for somebody whom an administrator has made a user."""
    with page.node() as own:
        provider = _provider(page, own)
        if provider is None:
            return page.see("/sign-in")
        kept = Carried(own.store, own.random).take(OIDC, page.cookie("begun"), page.now)
        state, nonce, verifier, back = ("", "", "", "/") if kept is None else json.loads(kept.reveal())
        try:
            if kept is None:
                raise Refused(NOT_BEGUN)
            found = provider.finish(
                Begun("", state, nonce, verifier), request.query_params.multi_items(), page.house.address + BACK
            )
            own_address = found.email_verified or (own.settings.oidc is not None and own.settings.oidc.addresses_are_own)
            email = found.email if own_address else ""
            came = entry_of(page, own).vouched(found.subject, email, whence(page), page.now)
        except (Malformed, Refused, Unavailable) as error:
            response = _not_vouched(page, own, error.message)
            page.end_cookie(response, "begun")
            return response
        response = let_in(page, own, came, page.see(page.back(back)))
        page.end_cookie(response, "begun")
        return response


# --- out --------------------------------------------------------------------------------------------------------------


@routes.post("/sign-out")
def sign_out(page: At, form: Filled) -> Response:
    assert page.session is not None
    with page.node() as own:
        entry_of(page, own).out(page.session, page.token, page.now)
    response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    page.end_cookie(response, "session")
    # Nothing that this browser keeps of the pages stays with it.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


# --- the first time ---------------------------------------------------------------------------------------------------


def _welcome(page: Page, token: str, guest: Guest, form: Form) -> dict[str, Any]:
    shown = picture_of(guest.secret, guest.user, page.house.organisation)
    return {
        "title": page.words("Welcome, %(name)s", name=guest.user.name),
        "form": form,
        "token": token,
        "guest": guest.user,
    } | shown


def _over(page: Page) -> Response:
    return page.html("welcome_over.html", HTTPStatus.NOT_FOUND, title=page.words("This link is over"))


@routes.get("/welcome/{token}")
def welcome(page: At, token: str) -> Response:
    """By what will you sign in? Looking uses nothing up: programs that read mail look too."""
    with page.node() as own:
        guest = accounts_of(page, own).guest(token, page.now)
    if guest is None:
        return _over(page)
    return page.html("welcome.html", **_welcome(page, token, guest, Form({}, page.words)))


@routes.post("/welcome/{token}")
def begin_with_password(page: At, token: str, form: Filled) -> Response:
    with page.node() as own:
        accounts = accounts_of(page, own)
        guest = accounts.guest(token, page.now)
        if guest is None:
            return _over(page)
        password = enough(page, form, guest.user)
        code = form.text("code", MAX_CODE_CHARACTERS, required=True)
        begun: tuple[In, Sequence[str]] | None = None
        if form.ok and password is not None:
            begun = accounts.begin_with_password(token, password, code, whence(page), page.now)
            if begun is None:
                form.reject("code", page.words("This code is not right. Look at your app again, and take the newest one."))
        if begun is None:
            return page.html("welcome.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_welcome(page, token, guest, form))
        came, codes = begun
        response = page.html("welcome_codes.html", title=page.words("Keep these codes"), codes=codes, go="/")
        return let_in(page, own, came, response)


@routes.post("/welcome/{token}/passkey/options")
def new_passkey_options(page: At, token: str, sent: Sent) -> Response:
    with page.node() as own:
        accounts = accounts_of(page, own)
        guest = accounts.guest(token, page.now)
        if guest is None:
            return JSONResponse({"go": f"/welcome/{quote(token, safe='')}"}, HTTPStatus.NOT_FOUND)
        return JSONResponse(accounts.entry.passkeys.new_options(guest.user, page.now))


@routes.post("/welcome/{token}/passkey")
def begin_with_passkey(page: At, token: str, sent: Sent) -> Response:
    with page.node() as own:
        try:
            came = accounts_of(page, own).begin_with_passkey(token, answer_in(sent), name_in(sent), whence(page), page.now)
        except (Refused, Malformed) as error:
            return not_taken(page, error)
        return let_in(page, own, came, JSONResponse({"go": "/"}))
