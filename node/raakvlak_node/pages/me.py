"""One's own account: the language, by what one signs in, and where one is signed in. Whoever changes by what he signs in
shows first that it is he."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from raakvlak_node.node import Node
from raakvlak_node.notices import Notices, Preference
from raakvlak_node.pages.door import At, Filled, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.people import role_words
from raakvlak_node.pages.sign_in import (
    MAX_CODE_CHARACTERS,
    Sent,
    accounts_of,
    answer_in,
    confirming,
    demand_confirmed,
    enough,
    entry_of,
    name_in,
    not_taken,
    picture_of,
    too_many,
    whence,
)
from raakvlak_node.people import People
from raakvlak_node.people.account import APP_SECONDS
from raakvlak_node.people.passkeys import NotThisPasskey
from raakvlak_node.people.passwords import typed
from raakvlak_node.people.throttle import TooMany
from raakvlak_node.people.user import LANGUAGES, Overtaken
from raakvlak_node.workdays import moment
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party.look.words import Words, choose

routes: Final = APIRouter()


def how_words(words: Words) -> dict[str, str]:
    """By what somebody came in."""
    return {
        "password": words("password and code"),
        "recovery": words("password and recovery code"),
        "passkey": words("passkey"),
        "oidc": words("your organisation's account"),
        "link": words("a link"),
    }


def _shown(page: Page, own: Node, form: Form) -> dict[str, Any]:
    entry, id = entry_of(page, own), page.user.id
    assert page.session is not None
    sessions = [
        {"how": how_words(page.words).get(each.how, each.how), "began": moment(each.began), "seen": moment(each.seen),
         "here": each.id == page.session.id}
        for each in entry.sessions.of_user(id, page.now)
    ]  # fmt: skip
    passkeys = [
        {"id": each.id, "name": each.name, "added": moment(each.added), "used": each.used and moment(each.used)}
        for each in entry.passkeys.of_user(id)
    ]
    teams = [each.name for each in entry.people.teams() if each.id in page.user.teams]
    return {
        "title": page.words("Your account"),
        "form": form,
        "roles": [each for role, each in role_words(page.words).items() if role in page.user.roles],
        "teams": teams,
        "passkeys": passkeys,
        "has_password": entry.passwords.has(id),
        "codes_left": entry.codes.recovery_left(id),
        "sessions": sessions,
        "mails": own.settings.mail is not None,
    }


@routes.get("/me")
def me(page: At) -> Response:
    with page.node() as own:
        preference = Notices(own.store, own.settings.mail).preference(page.user.id)
        form = Form.of(page.words, language=page.user.language, notices=str(preference))
        return page.html("me.html", **_shown(page, own, form))


@routes.post("/me")
def change_me(page: At, form: Filled) -> Response:
    """In which language, and how one hears of what is new. A name is the administrator's to change: by it the node knows
    whose cases one sees."""
    language = form.one_of("language", LANGUAGES, required=False)
    notices = form.one_of("notices", [str(each) for each in Preference], required=False)
    with page.node() as own:
        if not form.ok:
            return page.html("me.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_shown(page, own, form))
        people = People(own.store, own.random)
        try:
            people.change_user(page.user.id, page.user.changed, language=language, actor=page.actor, now=page.now)
        except Overtaken as error:
            # Somebody has changed something else of this user: nobody but he changes his language.
            people.change_user(page.user.id, error.newer.changed, language=language, actor=page.actor, now=page.now)
        if notices:
            Notices(own.store, own.settings.mail).set_preference(page.user.id, Preference(notices), page.now)
    # In the language that was chosen now.
    words = page.house.look.words(choose(language, page.language))
    return page.see("/me", words("Saved."))


@routes.post("/me/elsewhere")
def end_elsewhere(page: At, form: Filled) -> Response:
    with page.node() as own:
        ended = accounts_of(page, own).end_others(page.user, page.token, page.now)
    if not ended:
        return page.see("/me", page.words("You are signed in nowhere else."), "info")
    return page.see("/me", page.words.plural("Signed out in one other place.", "Signed out in %(count)s other places.", ended))


# --- showing again who one is -----------------------------------------------------------------------------------------


def _confirm(page: Page, own: Node, form: Form, back: str) -> dict[str, Any]:
    entry = entry_of(page, own)
    return {
        "title": page.words("Show that it is you"),
        "form": form,
        "back": back,
        "has_password": entry.passwords.has(page.user.id),
        "has_passkey": bool(entry.passkeys.of_user(page.user.id)),
    }


@routes.get("/me/confirm")
def ask_again(page: At, back: str = "/me") -> Response:
    with page.node() as own:
        return page.html("me_confirm.html", **_confirm(page, own, Form({}, page.words), page.back(back, "/me")))


@routes.post("/me/confirm")
def confirm(page: At, form: Filled) -> Response:
    assert page.session is not None
    back, password = page.back(form.value("back"), "/me"), form.secret("password")
    code = form.text("code", MAX_CODE_CHARACTERS, required=True)
    if not password:
        form.reject("password", page.words("Fill this in."))
    with page.node() as own:
        shown = _confirm(page, own, form, back)
        try:
            if form.ok and entry_of(page, own).confirm_password(
                page.session, page.token, typed(password), code, whence(page), page.now
            ):
                return page.see(back)
        except TooMany as error:
            return too_many(page, error, "me_confirm.html", **shown)
        form.reject("password", page.words("The password or the code is not right."))
        return page.html("me_confirm.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)


@routes.post("/me/confirm/passkey")
def confirm_by_passkey(page: At, sent: Sent) -> Response:
    assert page.session is not None
    back = sent.get("back")
    with page.node() as own:
        try:
            entry_of(page, own).confirm_passkey(page.session, page.token, answer_in(sent), whence(page), page.now)
        except NotThisPasskey as error:
            return not_taken(page, error)
    return JSONResponse({"go": page.back(back if isinstance(back, str) else "", "/me")})


# --- passkeys ---------------------------------------------------------------------------------------------------------


def _unconfirmed(page: Page) -> Response | None:
    """Where a script of ours has to go first."""
    assert page.session is not None
    if page.session.is_confirmed(page.now):
        return None
    return JSONResponse({"go": confirming("/me")}, HTTPStatus.FORBIDDEN)


@routes.post("/me/passkey/options")
def new_passkey_options(page: At, sent: Sent) -> Response:
    with page.node() as own:
        return _unconfirmed(page) or JSONResponse(entry_of(page, own).passkeys.new_options(page.user, page.now))


@routes.post("/me/passkey")
def add_passkey(page: At, sent: Sent) -> Response:
    refusal = _unconfirmed(page)
    if refusal is not None:
        return refusal
    with page.node() as own:
        try:
            accounts_of(page, own).add_passkey(page.user, page.token, answer_in(sent), name_in(sent), page.now)
        except (Refused, Malformed) as error:
            return not_taken(page, error)
    page.see("/me", page.words("The passkey was added."))
    return JSONResponse({"go": "/me"})


@routes.post("/me/passkey/remove")
def remove_passkey(page: At, form: Filled) -> Response:
    demand_confirmed(page, "/me")
    with page.node() as own:
        try:
            accounts_of(page, own).remove_passkey(page.user, page.token, form.value("passkey"), page.now)
        except (Refused, Malformed) as error:
            return page.see("/me", page.words.refusal(error.message), "error")
    return page.see("/me", page.words("The passkey was removed."))


# --- password and app -------------------------------------------------------------------------------------------------


def _password(page: Page, own: Node, form: Form) -> dict[str, Any]:
    """To change a password; or where there is none, to begin with one, and an app beside it."""
    has = entry_of(page, own).passwords.has(page.user.id)
    shown = {"title": page.words("Your password"), "form": form, "has_password": has, "account": page.user.email}
    return shown if has else shown | _app_in(page, own, form)


def _app_in(page: Page, own: Node, form: Form) -> dict[str, Any]:
    """The app that a form is about, or a new one."""
    accounts, ticket = accounts_of(page, own), form.value("ticket")
    secret = accounts.waiting_app(page.user, ticket, page.now)
    if secret is None:
        ticket, secret = accounts.new_app(page.user, page.now)
    return {"ticket": ticket, "minutes": APP_SECONDS // 60} | picture_of(secret, page.user, page.house.organisation)


@routes.get("/me/password")
def ask_password(page: At) -> Response:
    demand_confirmed(page, "/me/password")
    with page.node() as own:
        return page.html("me_password.html", **_password(page, own, Form({}, page.words)))


@routes.post("/me/password")
def change_password(page: At, form: Filled) -> Response:
    demand_confirmed(page, "/me/password")
    with page.node() as own:
        accounts = accounts_of(page, own)
        if form.value("act") == "remove":
            try:
                accounts.remove_password(page.user, page.token, page.now)
            except Refused as error:
                return page.see("/me", page.words.refusal(error.message), "error")
            return page.see("/me", page.words("You sign in without a password from now on."))
        if not accounts.entry.passwords.has(page.user.id):
            return _take_app(page, own, form, "me_password.html")
        password = enough(page, form, page.user)
        if password is None:
            return page.html("me_password.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_password(page, own, form))
        accounts.change_password(page.user, page.token, password, page.now)
    return page.see("/me", page.words("Your password was changed. You were signed out everywhere else."))


@routes.get("/me/app")
def ask_app(page: At) -> Response:
    demand_confirmed(page, "/me/app")
    with page.node() as own:
        if not entry_of(page, own).passwords.has(page.user.id):
            return page.see("/me/password")
        return page.html("me_app.html", **_app(page, own, Form({}, page.words)))


def _app(page: Page, own: Node, form: Form) -> dict[str, Any]:
    return {"title": page.words("Another app"), "form": form} | _app_in(page, own, form)


@routes.post("/me/app")
def change_app(page: At, form: Filled) -> Response:
    demand_confirmed(page, "/me/app")
    with page.node() as own:
        if not entry_of(page, own).passwords.has(page.user.id):
            return page.see("/me/password")
        return _take_app(page, own, form, "me_app.html")


def _take_app(page: Page, own: Node, form: Form, template: str) -> Response:
    """An app that has shown its first code; beside it a password where there was none."""
    accounts, first = accounts_of(page, own), template == "me_password.html"
    password = enough(page, form, page.user) if first else None
    code, ticket = form.text("code", MAX_CODE_CHARACTERS, required=True), form.value("ticket")
    if accounts.waiting_app(page.user, ticket, page.now) is None:
        form.reject("code", page.words("This took too long. Take the new picture below into your app, and fill in its code."))
    codes = None
    if form.ok:
        codes = accounts.change_app(page.user, page.token, ticket, code, password, page.now)
        if codes is None:
            form.reject("code", page.words("This code is not right. Look at your app again, and take the newest one."))
    if codes is None:
        shown = _password(page, own, form) if first else _app(page, own, form)
        return page.html(template, HTTPStatus.UNPROCESSABLE_ENTITY, **shown)
    return page.html("welcome_codes.html", title=page.words("Keep these codes"), codes=codes, go="/me")


@routes.post("/me/recovery")
def new_recovery(page: At, form: Filled) -> Response:
    demand_confirmed(page, "/me")
    with page.node() as own:
        codes = accounts_of(page, own).new_recovery(page.user, page.now)
    return page.html("welcome_codes.html", title=page.words("Keep these codes"), codes=codes, go="/me")
