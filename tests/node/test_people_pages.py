"""Signing in, one's own account, users and teams, as a browser without scripts meets them."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pyotp
import pytest

from raakvlak_node.access import AccessLog
from raakvlak_node.node import Node
from raakvlak_node.people import Role, Sessions
from raakvlak_node.people.codes import RECOVERY_CODES
from raakvlak_node.people.sessions import ABSOLUTE_SECONDS, CONFIRMED_SECONDS, IDLE_SECONDS
from tests.authenticator import Authenticator
from tests.federation import Clock
from tests.node.visiting import HOST, PASSWORD, Guest, Staff
from tests.oidc_provider import FATIMA, NOOR, Person, providing, settings_for, signed_in
from tests.pages.site import ADDRESS, ADMIN, Site

EMAIL = "els.visser@school.example"
OTHER = "jan.smit@school.example"


@pytest.fixture
def site(node: Node) -> Site:
    return Site(node)


@pytest.fixture
def staff(site: Site, clock: Clock) -> Staff:
    return Staff(site, clock)


def events(site: Site) -> list[tuple[str, str, str, str]]:
    """(event, outcome, who, why) of the access log."""
    lines = AccessLog(site.node.store).lines(0, 1_000)
    return [(str(each.event), str(each.outcome), each.actor.on_behalf_of or each.actor.id, each.reason) for each in lines]


# --- coming in --------------------------------------------------------------------------------------------------------


def test_somebody_comes_in_by_a_link_and_then_by_password_and_code(site: Site, staff: Staff, clock: Clock) -> None:
    token, guest = staff.link(EMAIL), Guest(site)
    page = guest.go(f"/welcome/{token}")
    assert '<path class="qrline"' in page and " style=" not in page
    kept = staff.accounts.guest(token, clock())
    assert kept is not None
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert secret is not None
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    answer = guest.send(f"/welcome/{token}", password=PASSWORD, code=app.at(clock()))
    assert answer.status_code == 200
    codes = re.findall(r"<code>([a-z2-7-]+)</code>", guest.page)
    assert len(codes) == RECOVERY_CODES
    assert guest.is_in
    clock.pass_(seconds=60)
    again = Guest(site)
    assert again.password(EMAIL).headers["location"].startswith("/sign-in/code")
    assert not again.is_in, "a password alone signs nobody in"
    answer = again.code(app.at(clock()))
    assert answer.status_code == 303 and again.is_in
    assert [each[0:2] for each in events(site)][-1] == ("sign-in", "done")


def test_what_is_wrong_stands_beside_its_field_in_the_users_language(site: Site, staff: Staff) -> None:
    token, guest = staff.link(EMAIL), Guest(site, language="nl")
    guest.go(f"/welcome/{token}")
    answer = guest.send(f"/welcome/{token}", password="kort", code="")
    assert answer.status_code == 422
    assert "Neem minstens 12 tekens." in guest.page and "Vul dit in." in guest.page
    assert "kort" not in guest.page, "a password is never shown again"
    answer = guest.send(f"/welcome/{token}", password="els.visser 2026!", code="000000")
    assert "dat proberen anderen het eerst" in guest.page
    guest.open("/sign-in")
    assert guest.send("/sign-in", email="", password="").status_code == 422
    assert guest.page.count("Vul dit in.") == 4


def test_somebody_signs_in_with_a_passkey_and_may_have_several(site: Site, staff: Staff, clock: Clock) -> None:
    token, device, guest = staff.link(EMAIL), Authenticator(ADDRESS, HOST), Guest(site)
    guest.go(f"/welcome/{token}")
    options = guest.fetch(f"/welcome/{token}/passkey/options", {}).json()
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    answer = guest.fetch(f"/welcome/{token}/passkey", {"answer": device.create(options), "name": "laptop"})
    assert answer.json() == {"go": "/"} and guest.is_in
    other = Guest(site)
    assert other.passkey(device).json() == {"go": "/"} and other.is_in
    second = Authenticator(ADDRESS, HOST)
    options = other.fetch("/me/passkey/options", {}).json()
    assert [each["type"] for each in options["excludeCredentials"]] == ["public-key"]
    assert other.fetch("/me/passkey", {"answer": second.create(options), "name": "telefoon"}).json() == {"go": "/me"}
    assert "The passkey was added." in other.go("/me") and "telefoon" in other.page
    assert not guest.is_in, "whoever changes by what he signs in is signed out everywhere else"
    assert "The passkey was removed." in other.done(other.send("/me/passkey/remove"))
    refused = other.done(other.send("/me/passkey/remove"))
    assert "this is the last way by which you sign in" in refused


def test_who_wanted_a_page_comes_there_after_signing_in(site: Site, staff: Staff, clock: Clock) -> None:
    staff.with_password(EMAIL)
    guest = Guest(site)
    assert guest.open("/me").headers["location"] == "/sign-in?back=/me"
    guest.open("/sign-in?back=/me")
    answer = guest.send("/sign-in", email=EMAIL.upper(), password=PASSWORD)
    guest.open(answer.headers["location"])
    assert guest.send("/sign-in/code", code=staff.now(EMAIL)).headers["location"] == "/me"
    for evil in ("//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        other = Guest(site)
        assert "evil" not in other.client.get("/sign-in", params={"back": evil}).text


def test_a_session_ends_by_idling_and_however_it_is_used(site: Site, staff: Staff, clock: Clock) -> None:
    staff.with_password(EMAIL)
    guest = staff.signed_in(EMAIL)
    clock.pass_(seconds=IDLE_SECONDS - 61)
    assert guest.is_in
    clock.pass_(seconds=IDLE_SECONDS)
    assert not guest.is_in
    guest = staff.signed_in(EMAIL)
    for _ in range(ABSOLUTE_SECONDS // (IDLE_SECONDS // 2) - 1):
        clock.pass_(seconds=IDLE_SECONDS // 2)
        assert guest.is_in
    clock.pass_(seconds=IDLE_SECONDS // 2)
    assert not guest.is_in


def test_signing_out_ends_the_session_itself(site: Site, staff: Staff) -> None:
    staff.with_password(EMAIL)
    guest = staff.signed_in(EMAIL)
    token = guest.cookie("session")
    guest.open("/me")
    assert guest.send("/sign-out").headers["location"] == "/sign-in"
    guest.set_cookie("session", token)
    assert not guest.is_in
    assert events(site)[-1][:2] == ("sign-out", "done")


@pytest.mark.slow
def test_somebody_comes_in_with_the_organisations_own_account(node: Node, clock: Clock, tmp_path: Path) -> None:
    clock.now = datetime.now(UTC)
    with providing(f"{ADDRESS}/sign-in/organisation/back") as provider:
        site = Site(replace(node, settings=replace(node.settings, oidc=settings_for(provider, tmp_path))))
        guest = Guest(site)
        assert "Sign in with School account" in guest.go("/sign-in")
        assert back_with(guest, FATIMA).status_code == 422 and not guest.is_in
        assert "nobody here goes by that account yet" in guest.page
        user = site.user(FATIMA.email)
        assert back_with(guest, FATIMA).headers["location"] == "/me" and guest.is_in
        assert [each.subject != "" for each in site.people.users()] == [True]
        site.user(NOOR.email)
        other = Guest(site)
        assert back_with(other, NOOR).status_code == 422 and not other.is_in, "an address that nobody has verified"
        # What was begun in one browser is not finished in another, nor twice in its own.
        begun = other.open("/sign-in/organisation")
        params = urlencode(signed_in(begun.headers["location"], FATIMA))
        assert Guest(site).open(f"/sign-in/organisation/back?{params}").status_code == 422
        kept = other.cookie("begun")
        assert other.open(f"/sign-in/organisation/back?{params}").status_code == 303 and other.is_in
        other.set_cookie("begun", kept)
        assert other.open(f"/sign-in/organisation/back?{params}").status_code == 422
        site.people.deactivate(user.id, 2, ADMIN, clock())
        assert back_with(Guest(site), FATIMA).status_code == 422


def back_with(guest: Guest, person: Person) -> httpx.Response:
    begun = guest.open("/sign-in/organisation?back=/me")
    params = urlencode(signed_in(begun.headers["location"], person))
    return guest.open(f"/sign-in/organisation/back?{params}")


# --- one's own account ------------------------------------------------------------------------------------------------


def test_what_one_signs_in_with_changes_only_for_who_has_just_shown_himself(site: Site, staff: Staff, clock: Clock) -> None:
    staff.with_password(EMAIL)
    guest = staff.signed_in(EMAIL)
    elsewhere = staff.signed_in(EMAIL)
    clock.pass_(seconds=CONFIRMED_SECONDS)
    assert guest.open("/me/password").headers["location"] == "/me/confirm?back=/me/password"
    assert guest.open("/me/app").headers["location"] == "/me/confirm?back=/me/app"
    guest.open("/me/confirm?back=/me/password")
    assert guest.fetch("/me/passkey/options", {}).json() == {"go": "/me/confirm?back=/me"}
    assert guest.post("/me/recovery", {"csrf": [guest.token]}).headers["location"].startswith("/me/confirm")
    guest.open("/me/confirm?back=/me/password")
    assert guest.send("/me/confirm", password="iets heel anders", code=staff.now(EMAIL)).status_code == 422
    assert guest.send("/me/confirm", password=PASSWORD, code=staff.now(EMAIL)).headers["location"] == "/me/password"
    guest.go("/me/password")
    fresh = "zeven stille fietsen zingen"
    assert "Your password was changed." in guest.done(guest.send("/me/password", password=fresh))
    assert not elsewhere.is_in and guest.is_in
    clock.pass_(seconds=60)
    after = Guest(site)
    assert after.password(EMAIL).status_code == 422
    assert after.password(EMAIL, fresh).status_code == 303


def test_another_app_counts_from_its_first_code_on(site: Site, staff: Staff, clock: Clock) -> None:
    staff.with_password(EMAIL)
    guest, former = staff.signed_in(EMAIL), staff.apps[EMAIL]
    page = guest.go("/me/app")
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert secret is not None
    assert guest.send("/me/app", code=former.at(clock())).status_code == 422
    assert secret[1] in guest.page, "the picture that was taken in already still counts"
    staff.apps[EMAIL] = type(former)(secret[1].replace(" ", ""))
    assert guest.send("/me/app", code=staff.now(EMAIL)).status_code == 200
    clock.pass_(seconds=60)
    other = Guest(site)
    other.password(EMAIL)
    assert other.code(former.at(clock())).status_code == 422
    assert other.code(staff.now(EMAIL)).status_code == 303


def test_signing_out_elsewhere(site: Site, staff: Staff) -> None:
    staff.with_password(EMAIL)
    here, there = staff.signed_in(EMAIL), staff.signed_in(EMAIL)
    here.go("/me")
    assert "Signed out in one other place." in here.done(here.send("/me/elsewhere"))
    assert here.is_in and not there.is_in


def test_ones_language_is_the_pages_and_ones_name_is_not_ones_own_to_change(site: Site, staff: Staff) -> None:
    user = staff.with_password(EMAIL)
    guest = staff.signed_in(EMAIL)
    guest.go("/me")
    assert "Opgeslagen." in guest.done(guest.send("/me", language="nl", name="Iemand anders"))
    stored = site.people.user(user.id)
    assert stored is not None and (stored.language, stored.name) == ("nl", user.name)


# --- users and teams --------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(site: Site, staff: Staff) -> Guest:
    staff.with_password("beheer@school.example", Role.ADMINISTRATOR)
    return staff.signed_in("beheer@school.example")


def fields(**changes: object) -> dict[str, object]:
    return {"name": "Jan Smit", "email": OTHER, "roles": ["case-worker"], "teams": [], "language": "nl"} | changes


def test_an_administrator_adds_somebody_who_comes_in_by_the_link(site: Site, admin: Guest) -> None:
    admin.go("/administration/people/new")
    assert admin.send("/administration/people/new", **fields()).status_code == 200  # type: ignore[arg-type]
    link = re.search(rf"<code>{ADDRESS}(/welcome/[0-9a-f]+)</code>", admin.page)
    assert link is not None
    assert "invited" in admin.go("/administration/people")
    assert Guest(site).open(link[1]).status_code == 200
    assert "Jan Smit" in admin.page and link[1] not in admin.page


def test_wrong_fields_of_a_user_are_named_and_kept(admin: Guest) -> None:
    admin.go("/administration/people/new")
    answer = admin.send("/administration/people/new", **fields(email="geen adres", roles=[]))  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert "Choose one role at least." in admin.page and "geen adres" in admin.page and "Jan Smit" in admin.page
    answer = admin.send("/administration/people/new", **fields(email="Beheer@School.example"))  # type: ignore[arg-type]
    assert answer.status_code == 422 and "another user has this address" in admin.page


def test_the_second_of_two_is_shown_what_the_first_one_changed(site: Site, admin: Guest, staff: Staff, clock: Clock) -> None:
    user = site.user(OTHER, name="Jan Smit")
    path = f"/administration/people/{user.id}"
    admin.go(path)
    second = staff.signed_in("beheer@school.example")
    second.go(path)
    admin.done(admin.send(path, **fields(name="Jan de Smit")))  # type: ignore[arg-type]
    answer = second.send(path, **fields(email="jan@school.example", roles=["team-lead"]))  # type: ignore[arg-type]
    assert answer.status_code == 409
    assert "Somebody else has changed this meanwhile" in second.page and "Jan de Smit" in second.page
    assert "jan@school.example" in second.page
    second.done(second.send(path))
    stored = site.people.user(user.id)
    assert stored is not None
    assert (stored.name, stored.email, stored.roles) == ("Jan Smit", "jan@school.example", frozenset({Role.TEAM_LEAD}))


def test_the_last_administrator_stays(site: Site, admin: Guest) -> None:
    user = site.people.by_email("beheer@school.example")
    assert user is not None
    path = f"/administration/people/{user.id}"
    admin.go(path)
    assert admin.send(path, roles=["case-worker"]).status_code == 422
    assert "this is the last administrator who can sign in" in admin.page
    admin.go(path)
    assert "this is the last administrator" in admin.done(admin.post(path, {"csrf": [admin.token], "act": ["deactivate"]}))
    assert site.people.user(user.id) == user


def test_other_roles_and_being_deactivated_end_every_session(site: Site, admin: Guest, staff: Staff) -> None:
    user = staff.with_password(EMAIL)
    path = f"/administration/people/{user.id}"
    guest = staff.signed_in(EMAIL)
    admin.go(path)
    admin.done(admin.send(path, roles=["team-lead"]))
    assert not guest.is_in
    guest = staff.signed_in(EMAIL)
    admin.go(path)
    admin.done(admin.post(path, {"csrf": [admin.token], "act": ["deactivate"]}))
    assert not guest.is_in
    assert Guest(site).password(EMAIL).status_code == 422


def test_a_new_link_wants_an_administrator_who_has_just_shown_himself(
    site: Site, admin: Guest, staff: Staff, clock: Clock
) -> None:
    user = staff.with_password(EMAIL)
    path = f"/administration/people/{user.id}"
    clock.pass_(seconds=CONFIRMED_SECONDS)
    admin.go(path)
    answer = admin.post(path, {"csrf": [admin.token], "act": ["link"]})
    assert answer.headers["location"] == f"/me/confirm?back={path}"


def test_teams_are_made_changed_and_removed(site: Site, admin: Guest) -> None:
    admin.go("/administration/teams/new")
    admin.done(admin.send("/administration/teams/new", name="Wijkteam Noord", email="noord@school.example"))
    (team,) = site.people.teams()
    user = site.user(OTHER, name="Jan Smit", teams=[team.id])
    assert "Jan Smit" in admin.go(f"/administration/teams/{team.id}")
    admin.send(f"/administration/teams/{team.id}", name="", email="")
    assert "Fill this in." in admin.page
    admin.done(admin.send(f"/administration/teams/{team.id}", name="Wijkteam Oost", email=""))
    assert [(each.name, each.email) for each in site.people.teams()] == [("Wijkteam Oost", "")]
    path = f"/administration/teams/{team.id}"
    admin.go(path)
    admin.done(admin.post(path, {"csrf": [admin.token], "act": ["remove"]}))
    assert site.people.teams() == []
    stored = site.people.user(user.id)
    assert stored is not None and not stored.teams


def test_who_is_not_there_is_gone(admin: Guest) -> None:
    for path in ("people", "teams"):
        for id in ("00" * 16, "x", "%00", "A" * 32):
            assert admin.open(f"/administration/{path}/{id}").status_code == 404


def test_a_notice_is_said_once(site: Site, staff: Staff) -> None:
    staff.with_password(EMAIL)
    guest = staff.signed_in(EMAIL)
    Sessions(site.node.store, site.node.random).set_notice(guest.cookie("session"), "ok\nHet is gelukt.")
    assert "Het is gelukt." in guest.go("/me")
    assert "Het is gelukt." not in guest.go("/me")
