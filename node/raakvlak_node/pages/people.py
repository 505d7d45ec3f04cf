"""Users and teams: who comes in, in which roles, with whom they share their cases. For administrators."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Response

from raakvlak_node.node import Node
from raakvlak_node.pages.door import At, Filled, Gone, Page
from raakvlak_node.pages.forms import Form
from raakvlak_node.pages.sign_in import accounts_of, demand_confirmed
from raakvlak_node.people import LastAdministrator, Overtaken, People, Role, Team, User
from raakvlak_node.people.account import LINK_SECONDS
from raakvlak_node.people.user import LANGUAGES, MAX_USER_EMAIL_CHARACTERS
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.party.look.words import Words
from raakvlak_protocol.text import MAX_TEXT_CHARACTERS

PEOPLE: Final = "/administration/people"
TEAMS: Final = "/administration/teams"
MAX_CHANGES: Final = 1_000_000

routes: Final = APIRouter()


def role_words(words: Words) -> dict[Role, str]:
    return {
        Role.CASE_WORKER: words("case worker"),
        Role.TEAM_LEAD: words("team lead"),
        Role.ADMINISTRATOR: words("administrator"),
        Role.COORDINATOR: words("coordinator"),
        Role.PRIVACY_OFFICER: words("privacy officer"),
    }


def language_words(words: Words) -> dict[str, str]:
    return {"": words("as the browser has it"), "nl": "Nederlands", "en": "English"}


# --- users ------------------------------------------------------------------------------------------------------------


@routes.get(PEOPLE)
def people(page: At) -> Response:
    with page.node() as own:
        known = People(own.store, own.random)
        teams = {each.id: each.name for each in known.teams()}
        rows = [
            {
                "user": each,
                "roles": _roles(page, each),
                "teams": ", ".join(sorted(teams[team] for team in each.teams)),
                "state": _state(known, each),
            }
            for each in known.users()
        ]
        return page.html("people.html", title=page.words("People"), rows=rows, teams=known.teams())


def _roles(page: Page, user: User) -> str:
    return ", ".join(text for role, text in role_words(page.words).items() if role in user.roles)


def _state(known: People, user: User) -> str:
    if not user.active:
        return "deactivated"
    return "active" if known.can_sign_in(user.id) else "invited"


def _choices(page: Page, known: People) -> dict[str, Any]:
    """What the fields of a user can be, as the parts of a page take it."""
    kinds = {
        Role.CASE_WORKER: page.words("sees and does what concerns their own cases and their team's"),
        Role.TEAM_LEAD: page.words("the same, and how it goes in numbers"),
        Role.ADMINISTRATOR: page.words("imports, lets people in; opens no case"),
        Role.COORDINATOR: page.words("the desk, where this organisation coordinates"),
        Role.PRIVACY_OFFICER: page.words("the access log, what left, reports and objections; opens no case"),
    }
    roles = [(str(role), text, kinds[role]) for role, text in role_words(page.words).items()]
    return {
        "role_options": [(value, text[:1].upper() + text[1:], hint) for value, text, hint in roles],
        "team_options": [(each.id, each.name) for each in known.teams()],
        "language_options": list(language_words(page.words).items()),
    }


def _read(form: Form, known: People, words: Words) -> dict[str, Any]:
    """The fields of a user; `form` has the messages about what is wrong."""
    roles = form.some_of("roles", [str(each) for each in Role])
    if not roles and not form.error("roles"):
        form.reject("roles", words("Choose one role at least."))
    return {
        "name": form.text("name", MAX_TEXT_CHARACTERS, required=True),
        "email": form.text("email", MAX_USER_EMAIL_CHARACTERS, required=True),
        "roles": frozenset(map(Role, roles)),
        "teams": frozenset(form.some_of("teams", [each.id for each in known.teams()])),
        "language": form.one_of("language", LANGUAGES, required=False),
    }


@routes.get(f"{PEOPLE}/new")
def ask_new(page: At) -> Response:
    with page.node() as own:
        form = Form.of(page.words, language="", roles=[str(Role.CASE_WORKER)])
        return page.html("people_new.html", **_new(page, own, form))


def _new(page: Page, own: Node, form: Form) -> dict[str, Any]:
    return {"title": page.words("Somebody new"), "form": form} | _choices(page, People(own.store, own.random))


@routes.post(f"{PEOPLE}/new")
def add(page: At, form: Filled) -> Response:
    """Adds the user, and shows once the link by which he comes in."""
    with page.node() as own:
        known = People(own.store, own.random)
        fields = _read(form, known, page.words)
        if form.ok:
            try:
                with own.store.transaction():
                    user = known.add_user(**fields, actor=page.actor, now=page.now)
                    return _link(page, own, user)
            except Malformed as error:
                form.refuse(error, "name")
        return page.html("people_new.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_new(page, own, form))


def _link(page: Page, own: Node, user: User) -> Response:
    """A new link, to be handed over: it is shown this once."""
    token = accounts_of(page, own).link(user, page.actor, page.now)
    return page.html(
        "people_link.html",
        title=page.words("A link for %(name)s", name=user.name),
        link=f"{page.house.address}/welcome/{token}",
        whom=user,
        hours=LINK_SECONDS // 3600,
    )


def _form_of(page: Page, user: User) -> Form:
    roles, teams = sorted(user.roles), sorted(user.teams)
    return Form.of(
        page.words, name=user.name, email=user.email, roles=roles, teams=teams, language=user.language, seen=str(user.changed)
    )


def _demand(known: People, id: str) -> User:
    user = known.user(id)
    if user is None:
        raise Gone
    return user


def _shown(page: Page, own: Node, user: User, form: Form) -> dict[str, Any]:
    known = People(own.store, own.random)
    return {
        "title": user.name,
        "form": form,
        "whom": user,
        "seen": form.value("seen") or str(user.changed),
        "state": _state(known, user),
        "changes": [],
    } | _choices(page, known)


@routes.get(f"{PEOPLE}/{{user}}")
def one(page: At, user: str) -> Response:
    with page.node() as own:
        found = _demand(People(own.store, own.random), user)
        return page.html("people_one.html", **_shown(page, own, found, _form_of(page, found)))


@routes.post(f"{PEOPLE}/{{user}}")
def change(page: At, user: str, form: Filled) -> Response:
    acts: Mapping[str, Callable[[Page, Node, User, Form], Response]] = {
        "save": _save,
        "link": _new_link,
        "deactivate": _deactivate,
        "activate": _activate,
        "untie": _untie,
    }
    with page.node() as own:
        act = form.one_of("act", acts)
        found = _demand(People(own.store, own.random), user)
        if not act:
            return page.html("people_one.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_shown(page, own, found, form))
        return acts[act](page, own, found, form)


def _save(page: Page, own: Node, user: User, form: Form) -> Response:
    known = People(own.store, own.random)
    fields, seen = _read(form, known, page.words), form.number("seen", 1, MAX_CHANGES)
    if form.ok and seen is not None:
        try:
            known.change_user(user.id, seen, **fields, actor=page.actor, now=page.now)
            return page.see(_after(page, user), page.words("Saved."))
        except Overtaken as error:
            assert isinstance(error.newer, User)
            return _overtaken(page, own, error.newer, form)
        except LastAdministrator as error:
            form.reject("roles", page.words.refusal(error.message))
        except Malformed as error:
            form.refuse(error, "name")
    return page.html("people_one.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_shown(page, own, user, form))


def _after(page: Page, user: User) -> str:
    """Who has taken away his own role, or signed himself out by it, has another beginning."""
    return PEOPLE if page.user.id != user.id else "/"


def _overtaken(page: Page, own: Node, newer: User, form: Form) -> Response:
    """What somebody else has changed meanwhile, beside what was typed, which is kept: saved again, it counts."""
    shown = _shown(page, own, newer, form) | {"seen": str(newer.changed), "changes": _differences(page, own, newer, form)}
    return page.html("people_one.html", HTTPStatus.CONFLICT, **shown)


def _differences(page: Page, own: Node, newer: User, form: Form) -> list[tuple[str, str, str]]:
    """(field, what stands there now, what was typed) where the two differ."""
    words = page.words
    roles = {str(role): text for role, text in role_words(words).items()}
    teams = {each.id: each.name for each in People(own.store, own.random).teams()}
    languages = language_words(words)
    both = [
        (words("Name"), newer.name, form.value("name")),
        (words("E-mail address"), newer.email, form.value("email")),
        (words("Roles"), _list(roles, newer.roles), _list(roles, form.values("roles"))),
        (words("Teams"), _list(teams, newer.teams), _list(teams, form.values("teams"))),
        (words("Language"), languages[newer.language], languages.get(form.value("language"), "")),
    ]
    return [(label, now, given) for label, now, given in both if now != given]


def _list(names: Mapping[str, str], chosen: Any) -> str:
    return ", ".join(text for each, text in names.items() if each in chosen)


def _new_link(page: Page, own: Node, user: User, form: Form) -> Response:
    # A link opens another one's account.
    demand_confirmed(page, f"{PEOPLE}/{user.id}")
    try:
        return _link(page, own, user)
    except Refused as error:
        return page.see(f"{PEOPLE}/{user.id}", page.words.refusal(error.message), "error")


def _deactivate(page: Page, own: Node, user: User, form: Form) -> Response:
    return _changed(page, own, user, page.words("%(name)s can sign in no more.", name=user.name), active=False)


def _activate(page: Page, own: Node, user: User, form: Form) -> Response:
    return _changed(page, own, user, page.words("%(name)s can sign in again.", name=user.name), active=True)


def _changed(page: Page, own: Node, user: User, said: str, *, active: bool) -> Response:
    try:
        People(own.store, own.random).change_user(user.id, user.changed, active=active, actor=page.actor, now=page.now)
    except Refused as error:
        return page.see(f"{PEOPLE}/{user.id}", page.words.refusal(error.message), "error")
    return page.see(_after(page, user), said)


def _untie(page: Page, own: Node, user: User, form: Form) -> Response:
    try:
        People(own.store, own.random).set_subject(user.id, "", page.actor, page.now)
    except Refused as error:
        return page.see(f"{PEOPLE}/{user.id}", page.words.refusal(error.message), "error")
    return page.see(f"{PEOPLE}/{user.id}", page.words("The organisation's account was untied."))


# --- teams ------------------------------------------------------------------------------------------------------------


@routes.get(TEAMS)
def teams(page: At) -> Response:
    with page.node() as own:
        known = People(own.store, own.random)
        rows = [{"team": each, "members": [user.name for user in known.members(each.id)]} for each in known.teams()]
        return page.html("team_list.html", title=page.words("Teams"), rows=rows)


@routes.get(f"{TEAMS}/new")
def ask_new_team(page: At) -> Response:
    return page.html("team_new.html", title=page.words("A new team"), form=Form({}, page.words))


def _read_team(form: Form) -> tuple[str, str]:
    return form.text("name", MAX_TEXT_CHARACTERS, required=True), form.text("email", MAX_USER_EMAIL_CHARACTERS)


@routes.post(f"{TEAMS}/new")
def add_team(page: At, form: Filled) -> Response:
    name, email = _read_team(form)
    with page.node() as own:
        if form.ok:
            try:
                People(own.store, own.random).add_team(name, email, page.actor, page.now)
                return page.see(TEAMS, page.words("The team was added. Put people in it on their own pages."))
            except Malformed as error:
                form.refuse(error, "name")
    return page.html("team_new.html", HTTPStatus.UNPROCESSABLE_ENTITY, title=page.words("A new team"), form=form)


def _shown_team(own: Node, team: Team, form: Form) -> dict[str, Any]:
    members = People(own.store, own.random).members(team.id)
    seen = form.value("seen") or str(team.changed)
    return {"title": team.name, "team": team, "members": members, "form": form, "seen": seen, "changes": []}


def _demand_team(own: Node, id: str) -> Team:
    found = People(own.store, own.random).team(id)
    if found is None:
        raise Gone
    return found


@routes.get(f"{TEAMS}/{{team}}")
def one_team(page: At, team: str) -> Response:
    with page.node() as own:
        found = _demand_team(own, team)
        form = Form.of(page.words, name=found.name, email=found.email, seen=str(found.changed))
        return page.html("team_one.html", **_shown_team(own, found, form))


@routes.post(f"{TEAMS}/{{team}}")
def change_team(page: At, team: str, form: Filled) -> Response:
    with page.node() as own:
        found, known = _demand_team(own, team), People(own.store, own.random)
        if form.value("act") == "remove":
            known.remove_team(found.id, page.actor, page.now)
            return page.see(TEAMS, page.words("The team was removed. Its people stay."))
        (name, email), seen = _read_team(form), form.number("seen", 1, MAX_CHANGES)
        if form.ok and seen is not None:
            try:
                known.change_team(found.id, seen, name, email, page.actor, page.now)
                return page.see(TEAMS, page.words("Saved."))
            except Overtaken as error:
                assert isinstance(error.newer, Team)
                return _overtaken_team(page, own, error.newer, form)
            except Malformed as error:
                form.refuse(error, "name")
        return page.html("team_one.html", HTTPStatus.UNPROCESSABLE_ENTITY, **_shown_team(own, found, form))


def _overtaken_team(page: Page, own: Node, newer: Team, form: Form) -> Response:
    both = [
        (page.words("Name"), newer.name, form.value("name")),
        (page.words("Shared e-mail address"), newer.email, form.value("email")),
    ]
    changes = [each for each in both if each[1] != each[2]]
    shown = _shown_team(own, newer, form) | {"seen": str(newer.changed), "changes": changes}
    return page.html("team_one.html", HTTPStatus.CONFLICT, **shown)
