"""Users, teams, credentials and sessions on the store, without pages."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import argon2
import pyotp
import pytest

from raakvlak_node.access import AccessLog, Actor
from raakvlak_node.node import Node
from raakvlak_node.people import LastAdministrator, Overtaken, People, Role, Sessions, User
from raakvlak_node.people import passwords as password_rules
from raakvlak_node.people.account import Accounts, LastWay
from raakvlak_node.people.codes import Codes, address_of, secret_text, step_of
from raakvlak_node.people.entry import Entry, From, NobodyVouched
from raakvlak_node.people.passwords import Passwords, Weak, hashed, typed, weakness
from raakvlak_node.people.throttle import FORGET_SECONDS, LONGEST_SECONDS, Bucket, Throttle, TooMany
from raakvlak_node.people.tickets import Carried, Challenges, Tickets
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.secret import SecretBytes
from tests.authenticator import Authenticator
from tests.federation import Clock
from tests.node.rows import bsn, case
from tests.node.test_cli import DONE, FAILED, folder, joined, run  # noqa: F401 fixtures
from tests.node.visiting import HOST, PASSWORD, RELYING
from tests.pages.site import ADDRESS

CONSOLE = Actor.command("beheer")
EMAIL = "els.visser@school.example"


@pytest.fixture
def people(node: Node) -> People:
    return People(node.store, node.random)


@pytest.fixture
def accounts(node: Node) -> Accounts:
    return Accounts(node.store, node.random, RELYING)


@pytest.fixture
def add(people: People, clock: Clock) -> Callable[..., User]:
    def user(email: str, *roles: Role, name: str = "Els Visser", teams: tuple[str, ...] = ()) -> User:
        return people.add_user(name, email, roles or (Role.CASE_WORKER,), teams, "nl", CONSOLE, clock())

    return user


# --- users and teams --------------------------------------------------------------------------------------------------


def test_a_user_is_found_by_id_by_address_and_by_subject(people: People, add: Callable[..., User], clock: Clock) -> None:
    user = add(EMAIL, Role.CASE_WORKER, Role.TEAM_LEAD)
    assert people.user(user.id) == user == people.by_email(" Els.VISSER@school.example")
    tied = people.set_subject(user.id, "abc", CONSOLE, clock())
    assert people.by_subject("abc") == tied and tied.changed == 2
    assert people.by_subject("") is None is people.by_subject("abd")
    for id in ("", "00" * 16, user.id.upper(), "zz" * 16, user.id[:-1]):
        assert people.user(id) is None
    assert EMAIL not in repr(user) and "Visser" not in repr(user)
    other = add("jan@school.example", name="Jan")
    with pytest.raises(Refused, match="another user"):
        people.set_subject(other.id, "abc", CONSOLE, clock())


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 101}),
        ("name", {"name": "a\u202eb"}),
        ("email", {"email": "els"}),
        ("email", {"email": "els@"}),
        ("email", {"email": "els@a.example, b@c.example"}),
        ("email", {"email": f"{'x' * 90}@school.example"}),
        ("email", {"email": "JAN@school.example"}),
        ("roles", {"roles": ()}),
        ("teams", {"teams": ("00" * 16,)}),
        ("language", {"language": "de"}),
    ],
)
def test_wrong_fields_are_named_and_store_nothing(
    people: People, add: Callable[..., User], clock: Clock, field: str, changes: dict[str, object]
) -> None:
    add("jan@school.example")
    given = {"name": "Els", "email": EMAIL, "roles": (Role.CASE_WORKER,), "teams": (), "language": ""} | changes
    with pytest.raises(Malformed) as caught:
        people.add_user(**given, actor=CONSOLE, now=clock())  # type: ignore[arg-type]
    assert caught.value.field == field
    assert len(people.users()) == 1 and AccessLog(people.store).head().number == 1


def test_the_second_of_two_changes_nothing_and_gets_the_newer_one(
    people: People, add: Callable[..., User], clock: Clock
) -> None:
    user = add(EMAIL)
    newer = people.change_user(user.id, 1, name="Els de Visser", actor=CONSOLE, now=clock())
    with pytest.raises(Overtaken) as caught:
        people.change_user(user.id, 1, email="e@school.example", actor=CONSOLE, now=clock())
    assert caught.value.newer == newer == people.user(user.id)
    assert people.change_user(user.id, 2, name="Els de Visser", actor=CONSOLE, now=clock()).changed == 2, "no change"


def test_every_change_is_in_the_access_log(people: People, add: Callable[..., User], clock: Clock) -> None:
    team = people.add_team("Noord", "", CONSOLE, clock())
    user = add(EMAIL, teams=(team.id,))
    people.change_user(user.id, 1, roles=[Role.TEAM_LEAD], teams=[], actor=CONSOLE, now=clock())
    people.change_team(team.id, 1, "Oost", "", CONSOLE, clock())
    people.remove_team(team.id, CONSOLE, clock())
    lines = AccessLog(people.store).lines(0, 100)
    assert {each.kind for each in lines} == {"account"}
    assert [(str(each.event), each.reason) for each in lines] == [
        ("create", "team Noord"),
        ("create", f"user {EMAIL}; Els Visser; case-worker; Noord"),
        ("update", f"user {EMAIL}: roles from case-worker to team-lead; teams from Noord to none"),
        ("update", "team Noord: Oost"),
        ("delete", "team Oost"),
    ]


def test_a_case_worker_sees_the_own_cases_and_those_of_the_own_teams(
    people: People, node: Node, add: Callable[..., User], clock: Clock
) -> None:
    team = people.add_team("Noord", "noord@school.example", CONSOLE, clock())
    user = add(EMAIL, teams=(team.id,))
    colleague = add("jan@school.example", name="Jan Smit", teams=(team.id,))
    add("piet@school.example", name="Piet")
    lone = add("ans@school.example", name="Ans")
    handle = node.store.worker_handle
    own = {handle(email=EMAIL), handle(name="Els Visser")}
    colleagues = {handle(email="jan@school.example"), handle(name="Jan Smit")}
    assert set(people.workers(user)) == own | colleagues | {handle(email="noord@school.example")}
    assert set(people.workers(lone)) == {handle(email="ans@school.example"), handle(name="Ans")}
    people.deactivate(colleague.id, 1, CONSOLE, clock())
    assert set(people.workers(user)) >= colleagues, "the cases of who has gone stay the team's"
    node.put_case(case("ZK-1", bsn(1), worker_email="JAN@school.example"))
    (found,) = node.store.database.execute("SELECT worker FROM own_case").fetchone()
    assert bytes(found) in people.workers(user)
    for role in (Role.ADMINISTRATOR, Role.COORDINATOR, Role.PRIVACY_OFFICER):
        changed = people.user(user.id)
        assert changed is not None
        changed = people.change_user(user.id, changed.changed, roles=[role], actor=CONSOLE, now=clock())
        assert people.workers(changed) == ()


def test_the_last_administrator_who_can_sign_in_stays(
    people: People, accounts: Accounts, add: Callable[..., User], clock: Clock
) -> None:
    one = add(EMAIL, Role.ADMINISTRATOR)
    two = add("jan@school.example", Role.ADMINISTRATOR)
    people.change_user(two.id, 1, roles=[Role.CASE_WORKER], actor=CONSOLE, now=clock())
    assert people.administrators() == 0, "nobody can sign in yet, so that nobody is the last one"
    accounts.entry.passwords.set(one.id, hashed(typed(PASSWORD)))
    for change in ({"roles": [Role.CASE_WORKER]}, {"active": False}):
        with pytest.raises(LastAdministrator):
            people.change_user(one.id, 1, **change, actor=CONSOLE, now=clock())
    assert people.user(one.id) == one
    two = people.change_user(two.id, 2, roles=[Role.ADMINISTRATOR], actor=CONSOLE, now=clock())
    people.set_subject(two.id, "abc", CONSOLE, clock())
    people.deactivate(one.id, 1, CONSOLE, clock())
    with pytest.raises(LastAdministrator):
        people.set_subject(two.id, "", CONSOLE, clock())


# --- passwords --------------------------------------------------------------------------------------------------------

ABOUT = ("Els Visser", EMAIL, "Scholengroep De Brug")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elf tekens!", Weak.SHORT),
        ("é" * 5 + "abc", Weak.SHORT),
        ("x9" * 65, Weak.LONG),
        ("mooi raakvlak dat", Weak.NAMED),
        ("mijn ELS.VISSER!", Weak.NAMED),
        ("de heer visser 1", Weak.NAMED),
        ("fietsen scholengroep", Weak.NAMED),
        ("aaaaaaaaaaaaaaaa", Weak.REPEATED),
        ("abcabcabcabcabca", Weak.REPEATED),
        ("123456789012", Weak.OBVIOUS),
        ("210987654321", Weak.OBVIOUS),
        ("qwertyuiopasdf", Weak.OBVIOUS),
        ("Welkom123456!", Weak.OBVIOUS),
        ("Wachtwoord2026", Weak.OBVIOUS),
        ("112211221222", Weak.OBVIOUS),
        (PASSWORD, None),
        ("correct paard batterij", None),
        ("ⅷ↯µ 漢字かな交じり文", None),
        ("x9" * 64, Weak.REPEATED),
    ],
)
def test_passwords_are_long_and_not_what_others_try_first(password: str, why: Weak | None) -> None:
    assert weakness(typed(password), ABOUT) is why


def test_a_password_is_the_same_however_its_characters_are_written(node: Node) -> None:
    passwords, id = Passwords(node.store), "11" * 16
    passwords.set(id, hashed(typed("een cafe\u0301 vol ganzen")))
    assert passwords.check(id, typed("een caf\u00e9 vol ganzen"))
    assert not passwords.check(id, typed("een cafe vol ganzen"))
    assert not passwords.check("22" * 16, typed("een café vol ganzen"))


def test_a_password_that_was_hashed_otherwise_is_hashed_anew(node: Node) -> None:
    passwords, id = Passwords(node.store), "11" * 16
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(typed(PASSWORD).reveal())
    passwords.set(id, SecretBytes(weak.encode()))

    def stored() -> bytes:
        (sealed,) = node.store.database.execute("SELECT sealed FROM password").fetchone()
        return node.store.vault.open(sealed, "password", bytes.fromhex(id)).reveal()

    assert not passwords.check(id, typed("iets heel anders"))
    assert stored() == weak.encode()
    assert passwords.check(id, typed(PASSWORD))
    assert b"m=65536,t=3,p=4" in stored() and passwords.check(id, typed(PASSWORD))


def test_nobodys_hash_is_made_as_everybody_elses_is() -> None:
    nobody, own = (argon2.extract_parameters(each) for each in (password_rules._NOBODY, hashed(typed("x")).reveal().decode()))
    assert nobody == own


# --- codes ------------------------------------------------------------------------------------------------------------


def test_an_app_and_this_node_agree(clock: Clock) -> None:
    # RFC 6238, appendix B, with six of its eight digits.
    secret = SecretBytes(b"12345678901234567890")
    now = clock().replace(year=1970, month=1, day=1, hour=0, minute=0, second=59)
    assert step_of(secret, "287082", now) == 1
    assert step_of(secret, "287 082", now) == 1
    assert step_of(secret, "287082", now + timedelta(seconds=30)) == 1
    for code in ("287083", "", "28708", "2870822", "२८७०८२", "28708x", "-87082"):
        assert step_of(secret, code, now) is None
    assert step_of(secret, "287082", now + timedelta(seconds=61)) is None
    app = pyotp.parse_uri(address_of(secret, EMAIL, "De Brug: Noord"))
    assert isinstance(app, pyotp.TOTP) and app.at(now) == "287082" and app.name == EMAIL
    assert secret_text(secret) not in repr(secret)


def test_codes_go_one_way(node: Node, clock: Clock) -> None:
    codes, id = Codes(node.store, node.random), "11" * 16
    secret = codes.fresh()
    app = pyotp.TOTP(secret_text(secret))
    codes.set(id, secret, 0)
    now = clock()
    assert codes.take(id, app.at(now + timedelta(seconds=30)), now), "a phone that is ahead"
    assert not codes.take(id, app.at(now), now)
    assert not codes.take(id, app.at(now + timedelta(seconds=30)), now + timedelta(seconds=30))
    assert codes.take(id, app.at(now + timedelta(seconds=60)), now + timedelta(seconds=30))


def test_new_recovery_codes_end_the_former_ones(node: Node) -> None:
    codes, id, other = Codes(node.store, node.random), "11" * 16, "22" * 16
    former = codes.new_recovery(id)
    fresh = codes.new_recovery(id)
    assert len(set(former + fresh)) == 20 and codes.recovery_left(id) == 10
    assert not codes.take_recovery(id, former[0]) and not codes.take_recovery(other, fresh[0])
    assert codes.take_recovery(id, f" {fresh[0].upper()} ") and codes.recovery_left(id) == 9


# --- tickets, challenges, attempts ------------------------------------------------------------------------------------


def test_a_ticket_is_for_one_purpose_and_taken_once(node: Node, clock: Clock) -> None:
    tickets, id = Tickets(node.store, node.random), "11" * 16
    token = tickets.make("app", id, SecretBytes(b"geheim"), 60, clock())
    assert tickets.look("welcome", token, clock()) is None is tickets.take("code", token, clock())
    found = tickets.look("app", token, clock())
    assert found is not None and found.kept.reveal() == b"geheim" and found.user_id == id
    assert tickets.look("app", token, clock() + timedelta(seconds=60)) is None
    assert tickets.take("app", token, clock()) == found
    assert tickets.take("app", token, clock()) is None
    assert tickets.look("app", "x" * 100_000, clock()) is None


def test_what_a_browser_carries_is_ours_and_comes_back_once(node: Node, clock: Clock) -> None:
    carried = Carried(node.store, node.random)
    text = carried.give("oidc", SecretBytes(b"state"), 60, clock())
    for wrong in ("", "x", "é", text[:-2], "A" + text[1:], text + "A"):
        assert carried.take("oidc", wrong, clock()) is None
    assert carried.take("other", text, clock()) is None
    assert carried.take("oidc", text, clock() + timedelta(seconds=60)) is None
    assert carried.take("oidc", text, clock()) == SecretBytes(b"state")
    assert carried.take("oidc", text, clock()) is None


def test_spent_challenges_are_forgotten_when_they_would_have_ended(node: Node, clock: Clock) -> None:
    challenges = Challenges(node.store, node.random)
    for _ in range(3):
        assert challenges.take("x", challenges.make("x", 60, clock()), clock())
    clock.pass_(seconds=60)
    assert challenges.take("x", challenges.make("x", 60, clock()), clock())
    assert node.store.database.execute("SELECT count(*) FROM spent").fetchone()[0] == 1


def test_whoever_waits_long_enough_begins_anew(node: Node, clock: Clock) -> None:
    throttle, bucket = Throttle(node.store, node.random), Bucket(b"x" * 16, freely=2)
    for _ in range(2):
        throttle.count([bucket], clock())
    with pytest.raises(TooMany) as caught:
        throttle.count([bucket], clock())
    assert caught.value.seconds == 2
    clock.pass_(seconds=2)
    throttle.count([bucket], clock())
    clock.pass_(seconds=FORGET_SECONDS)
    for _ in range(2):
        throttle.count([bucket], clock())
    clock.pass_(days=-3650)
    with pytest.raises(TooMany) as caught:
        throttle.count([bucket], clock())
    assert caught.value.seconds <= LONGEST_SECONDS, "a clock that was set back shuts nobody out"


def test_who_was_right_gets_the_attempt_back(node: Node, clock: Clock) -> None:
    throttle, bucket = Throttle(node.store, node.random), Bucket(b"x" * 16, freely=2)
    for _ in range(20):
        throttle.count([bucket], clock())
        throttle.give_back([bucket])


def test_a_store_from_before_gets_the_tables(node: Node) -> None:
    tables = {row[0] for row in node.store.database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"user", "team", "session", "passkey", "attempt"} <= tables
    with pytest.raises(sqlite3.IntegrityError):
        node.store.database.execute("INSERT INTO session VALUES ('text', x'00', '', 0, 0, 0, NULL)")


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_the_last_way_in_stays(accounts: Accounts, people: People, add: Callable[..., User], clock: Clock) -> None:
    user = add(EMAIL)
    device = Authenticator(ADDRESS, HOST)
    token = accounts.link(user, CONSOLE, clock())
    answer = device.create(accounts.entry.passkeys.new_options(user, clock()))
    came = accounts.begin_with_passkey(token, answer, "laptop", From(), clock())
    (passkey,) = accounts.entry.passkeys.of_user(user.id)
    with pytest.raises(LastWay):
        accounts.remove_passkey(user, came.token, passkey.id, clock())
    with pytest.raises(Malformed):
        accounts.remove_passkey(user, came.token, "00" * 16, clock())
    people.set_subject(user.id, "abc", CONSOLE, clock())
    accounts.remove_passkey(user, came.token, passkey.id, clock())
    assert accounts.entry.passkeys.of_user(user.id) == []


def test_a_failed_answer_uses_no_link_up(accounts: Accounts, add: Callable[..., User], clock: Clock) -> None:
    user = add(EMAIL)
    token = accounts.link(user, CONSOLE, clock())
    accounts.entry.passwords.set(user.id, hashed(typed(PASSWORD)))
    wrong = Authenticator("https://evil.example", HOST)
    answer = wrong.create(accounts.entry.passkeys.new_options(user, clock()))
    with pytest.raises(Refused):
        accounts.begin_with_passkey(token, answer, "laptop", From(), clock())
    assert accounts.guest(token, clock()) is not None
    assert accounts.entry.passwords.has(user.id), "nothing of before has ended"
    assert accounts.begin_with_password(token, typed(PASSWORD), "000000", From(), clock()) is None
    assert accounts.guest(token, clock()) is not None


def test_only_an_active_user_has_a_link(accounts: Accounts, people: People, add: Callable[..., User], clock: Clock) -> None:
    user = add(EMAIL)
    token = accounts.link(user, CONSOLE, clock())
    user = people.deactivate(user.id, 1, CONSOLE, clock())
    assert accounts.guest(token, clock()) is None
    with pytest.raises(Refused, match="deactivated"):
        accounts.link(user, CONSOLE, clock())


def test_a_session_of_who_is_deactivated_is_none(people: People, node: Node, add: Callable[..., User], clock: Clock) -> None:
    user, sessions = add(EMAIL), Sessions(node.store, node.random)
    token = sessions.begin(user.id, "password", clock())
    found = sessions.of(token, clock())
    assert found is not None and found.user == user and len(found.csrf) == 32
    assert sessions.of(token.upper(), clock()) is None is sessions.of("", clock())
    people.deactivate(user.id, 1, CONSOLE, clock())
    assert sessions.of(token, clock()) is None
    people.change_user(user.id, 2, active=True, actor=CONSOLE, now=clock())
    assert sessions.of(token, clock()) is None, "it has ended for good"


# --- the organisation's own sign-in -----------------------------------------------------------------------------------


def test_whom_the_organisation_vouches_for_was_made_a_user_by_an_administrator(
    node: Node, people: People, add: Callable[..., User], clock: Clock
) -> None:
    entry = Entry(node.store, node.random, RELYING)
    with pytest.raises(NobodyVouched):
        entry.vouched("abc", EMAIL, From(), clock())
    user = add(EMAIL)
    with pytest.raises(NobodyVouched):
        entry.vouched("abc", "", From(), clock())
    assert entry.vouched("abc", EMAIL, From(), clock()).user.subject == "abc"
    assert entry.vouched("abc", "anders@school.example", From(), clock()).user.id == user.id
    with pytest.raises(NobodyVouched):
        entry.vouched("abd", EMAIL, From(), clock())
    known = people.user(user.id)
    assert known is not None
    people.deactivate(user.id, known.changed, CONSOLE, clock())
    with pytest.raises(NobodyVouched):
        entry.vouched("abc", EMAIL, From(), clock())


# --- the console ------------------------------------------------------------------------------------------------------


def with_pages(folder: Path) -> Path:  # noqa: F811
    with (folder / "settings.toml").open("a") as file:
        file.write(f'\n[pages]\naddress = "{ADDRESS}"\n')
    return folder


@pytest.mark.slow
def test_the_first_administrator_comes_by_a_link_from_the_console(folder: Path) -> None:  # noqa: F811
    assert "has no [pages]" in run("user", "first", "--email", EMAIL, "--name", "Els", folder=folder).failed(FAILED)
    with_pages(folder)
    made = run("user", "first", "--email", EMAIL, "--name", "Els Visser", folder=folder)
    assert made.code == DONE and made.out.startswith(f"{ADDRESS}/welcome/")
    again = run("user", "first", "--json", "--email", EMAIL, "--name", "Els Visser", folder=folder)
    assert again.code == DONE, "nobody has come in yet: another link"
    users = run("user", "list", "--json", folder=folder).json["users"]
    assert isinstance(users, list) and [(each["roles"], each["can_sign_in"]) for each in users] == [(["administrator"], False)]
    added = run("user", "add", "--dry-run", "--email", "a@b.example", "--name", "A", "--role", "coordinator", folder=folder)
    assert added.code == DONE and added.out == ""
    run("user", "add", "--email", "a@b.example", "--name", "A", "--role", "coordinator", folder=folder)
    assert "a@b.example  A: coordinator (invited)" in run("user", "list", folder=folder).out
    assert run("user", "link", "--email", "a@b.example", folder=folder).out.startswith(f"{ADDRESS}/welcome/")
    run("user", "deactivate", "--email", "a@b.example", folder=folder)
    assert "(deactivated)" in run("user", "list", folder=folder).out
    assert "no user with this address" in run("user", "link", "--email", "c@b.example", folder=folder).failed(FAILED)


def test_there_is_one_first_administrator(accounts: Accounts, people: People, clock: Clock) -> None:
    token = accounts.first("Els", EMAIL, CONSOLE, clock())
    guest = accounts.guest(token, clock())
    assert guest is not None
    code = pyotp.TOTP(secret_text(guest.secret)).at(clock())
    accounts.begin_with_password(token, typed(PASSWORD), code, From(), clock())
    with pytest.raises(Refused, match="--again"):
        accounts.first("Jan", "jan@school.example", CONSOLE, clock())
    accounts.first("Jan", "jan@school.example", CONSOLE, clock(), again=True)
    assert "administrator by the console, again: jan@school.example" in [
        each.reason for each in AccessLog(people.store).lines(0, 100)
    ]
