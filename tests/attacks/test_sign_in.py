"""Somebody who wants in without being let in, or wants to keep somebody else out."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from raakvlak_node.access import AccessLog
from raakvlak_node.node import Node
from raakvlak_node.people import Role, Sessions
from raakvlak_node.people.account import LINK_SECONDS, Accounts
from raakvlak_node.people.codes import secret_text
from raakvlak_node.people.entry import Entry, From
from raakvlak_node.people.passkeys import CHALLENGE_SECONDS, NotThisPasskey
from raakvlak_node.people.passwords import typed
from raakvlak_node.people.throttle import FREELY, FREELY_ADDRESS, LONGEST_SECONDS, TooMany
from raakvlak_node.store import Store
from raakvlak_protocol.errors import Refused
from tests.attacks.needles import Needle, found
from tests.authenticator import PRESENT, Authenticator
from tests.federation import Clock
from tests.node.conftest import clock, node, node_of  # noqa: F401 fixtures
from tests.node.visiting import HOST, PASSWORD, RELYING, Guest, Staff
from tests.pages.site import ADDRESS, ADMIN, Site

pytestmark = pytest.mark.slow

VICTIM = "els.visser@school.example"
WRONG = "negen natte honden blaffen"


@pytest.fixture
def site(node: Node) -> Site:  # noqa: F811
    return Site(node)


@pytest.fixture
def staff(site: Site, clock: Clock) -> Staff:  # noqa: F811
    return Staff(site, clock)


def entry_of(site: Site) -> Entry:
    return Entry(site.node.store, site.node.random, RELYING)


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_guessing_a_password_waits_longer_and_longer_and_a_restart_forgets_nothing(
    site: Site,
    staff: Staff,
    clock: Clock,  # noqa: F811
) -> None:
    staff.with_password(VICTIM)
    attacker, waits = Guest(site, "198.51.100.1"), []
    for _ in range(FREELY):
        assert attacker.password(VICTIM, WRONG).status_code == 422
    for _ in range(12):
        answer = attacker.password(VICTIM, WRONG)
        assert answer.status_code == 429
        assert "There were too many attempts." in attacker.page
        waits.append(int(answer.headers["retry-after"]))
        clock.pass_(seconds=waits[-1] - 1)
        assert attacker.password(VICTIM, WRONG).status_code == 429, "also with another form and one second too early"
        clock.pass_(seconds=1)
        site = Site(site.node.reopened())
        attacker = Guest(site, "198.51.100.1")
        assert attacker.password(VICTIM, WRONG).status_code == 422
        site.node.close()
    assert waits == sorted(waits) and waits[0] <= 4 and waits[-1] == LONGEST_SECONDS


def test_other_network_addresses_guess_in_the_same_bucket(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    for place in range(FREELY):
        assert Guest(site, f"198.51.100.{place}").password(VICTIM, WRONG).status_code == 422
    assert Guest(site, "203.0.113.9").password(VICTIM, PASSWORD).status_code == 429


def test_many_accounts_from_one_address_wait_too(site: Site) -> None:
    entry, now = entry_of(site), site.node.clock()
    buckets = [entry.throttle.buckets("password", f"w{place}@school.example", "", "198.51.100.1") for place in range(99)]
    for each in buckets[:FREELY_ADDRESS]:
        entry.throttle.count(each, now)
    with pytest.raises(TooMany):
        entry.throttle.count(buckets[-1], now)
    entry.throttle.count(entry.throttle.buckets("password", "w98@school.example", "", "198.51.100.2"), now)


def test_one_network_of_ipv6_is_one_address(site: Site) -> None:
    throttle = entry_of(site).throttle
    one = throttle.buckets("password", VICTIM, "", "2001:db8::1")
    assert one == throttle.buckets("password", VICTIM, "", "2001:db8::ffff:1")
    assert one != throttle.buckets("password", VICTIM, "", "2001:db8:0:1::1")


def test_many_guesses_at_once_get_no_more_than_one_after_the_other(site: Site, staff: Staff) -> None:
    """Each is counted before it is judged."""
    throttle, now = entry_of(site).throttle, site.node.clock()
    counted = 0
    for _ in range(50):
        try:
            throttle.count(throttle.buckets("password", VICTIM, "", "198.51.100.1"), now)
            counted += 1
        except TooMany:
            pass
    assert counted == FREELY


def test_guessing_codes_waits_too(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    staff.with_password(VICTIM)
    attacker = Guest(site, "198.51.100.1")
    assert attacker.password(VICTIM).status_code == 303
    for place in range(FREELY):
        assert attacker.code(f"{place:06}").status_code == 422
    assert attacker.code(staff.now(VICTIM)).status_code == 429


def test_whoever_guesses_from_elsewhere_does_not_keep_the_victim_out(
    site: Site,
    staff: Staff,
    clock: Clock,  # noqa: F811
) -> None:
    user, device = staff.with_passkey("jan.smit@school.example")
    staff.with_password(VICTIM)
    own = staff.signed_in(VICTIM, "192.0.2.7")
    own.open("/me")
    own.send("/sign-out")
    # From the same network address as the victim, too.
    attacker = Guest(site, "192.0.2.7")
    for _ in range(40):
        for email in (VICTIM, user.email):
            entry_of_attempt(site, email)
        clock.pass_(seconds=1)
    assert attacker.password(VICTIM, WRONG).status_code == 429
    assert own.password(VICTIM).status_code == 303
    assert own.code(staff.now(VICTIM)).status_code == 303 and own.is_in, "at the own desk"
    assert Guest(site, "192.0.2.7").passkey(device).status_code == 200, "and by passkey, wherever"
    clock.pass_(seconds=LONGEST_SECONDS)
    assert Guest(site, "203.0.113.9").password(VICTIM).status_code == 303, "and elsewhere, after a while"


def entry_of_attempt(site: Site, email: str) -> None:
    throttle = entry_of(site).throttle
    try:
        throttle.count(throttle.buckets("password", email, "", "192.0.2.7"), site.node.clock())
    except TooMany:
        return


def test_a_known_browser_is_known_for_its_own_user_alone_and_waits_as_well(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    staff.with_password("jan.smit@school.example")
    insider = staff.signed_in("jan.smit@school.example")
    for _ in range(FREELY):
        assert insider_guess(site, insider, VICTIM) == 422
    assert insider_guess(site, insider, VICTIM) == 429
    for _ in range(FREELY):
        assert insider_guess(site, insider, "jan.smit@school.example") == 422
    assert insider_guess(site, insider, "jan.smit@school.example") == 429


def insider_guess(site: Site, insider: Guest, email: str) -> int:
    guest = Guest(site)
    guest.set_cookie("devices", insider.cookie("devices"))
    return guest.password(email, WRONG).status_code


# --- who is a user ----------------------------------------------------------------------------------------------------


def test_nobody_learns_who_is_a_user(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    staff.with_passkey("jan.smit@school.example")
    staff.link("nieuw@school.example")
    pages = set()
    for email in (VICTIM, "jan.smit@school.example", "nieuw@school.example", "niemand@school.example"):
        guest = Guest(site)
        answer = guest.password(email, WRONG)
        pages.add((answer.status_code, guest.page.replace(guest.token, "").replace(email, "")))
        assert not guest.cookie("code")
    assert len(pages) == 1


def test_a_missing_user_takes_as_long_as_a_wrong_password(site: Site, staff: Staff) -> None:
    user = staff.with_password(VICTIM)
    passwords = entry_of(site).passwords

    def took(id: str | None) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            assert not passwords.check(id, typed(WRONG))
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    known, nobody = took(user.id), took(None)
    assert 0.4 < nobody / known < 2.5


def test_what_was_typed_stands_nowhere(site: Site, staff: Staff) -> None:
    """It may be a password in the wrong field."""
    staff.with_password(VICTIM)
    Guest(site).password("hunter2hunter2", WRONG)
    Guest(site).password(VICTIM, WRONG)
    lines = [each.record() for each in AccessLog(site.node.store).lines(0, 1_000)]
    refused = [each for each in lines if each["event"] == "sign-in" and each["outcome"] == "refused"]
    assert [(each["actor"], each["on_behalf_of"], each["reason"]) for each in refused] == [
        ("visitor", "", "unknown user"),
        ("visitor", VICTIM, "password"),
    ]
    assert "hunter2" not in str(lines) + str(site.log) and WRONG not in str(lines) + str(site.log)


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_code_is_taken_once(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    staff.with_password(VICTIM)
    code = staff.now(VICTIM)
    victim, attacker = Guest(site), Guest(site, "198.51.100.1")
    for each in (victim, attacker):
        assert each.password(VICTIM).status_code == 303
    assert victim.code(code).status_code == 303
    assert attacker.code(code).status_code == 422 and not attacker.is_in
    former = staff.apps[VICTIM].at(clock() - timedelta(seconds=30))
    assert attacker.code(former).status_code == 422, "nor one from before it"


def test_a_code_of_long_ago_is_none(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    staff.with_password(VICTIM)
    code = staff.now(VICTIM)
    clock.pass_(seconds=90)
    guest = Guest(site)
    guest.password(VICTIM)
    assert guest.code(code).status_code == 422


def test_a_recovery_code_is_taken_once(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    code = staff.recovery[VICTIM][3]
    first, second = Guest(site), Guest(site)
    for each in (first, second):
        each.password(VICTIM)
    assert first.code(code.upper().replace("-", " ")).status_code == 303 and first.is_in
    assert second.code(code).status_code == 422 and not second.is_in
    assert second.code(staff.recovery[VICTIM][4]).status_code == 303


@pytest.mark.parametrize("what", ["code", "recovery", "answer", "link"])
def test_of_many_at_the_same_time_one_comes_in(
    site: Site,
    staff: Staff,
    clock: Clock,  # noqa: F811
    what: str,
) -> None:
    staff.with_password(VICTIM)
    _, device = staff.with_passkey("jan.smit@school.example")
    entry, now = entry_of(site), clock()
    tickets = [entry.password(VICTIM, typed(PASSWORD), From(), now) or "" for _ in range(4)]
    answer, link = device.get(entry.passkeys.options(now)), staff.link("nieuw@school.example")
    guest = staff.accounts.guest(link, now)
    assert guest is not None
    app = pyotp.TOTP(secret_text(guest.secret))

    def try_in(ticket: str) -> bool:
        own = site.node.reopened()
        try:
            mine = Accounts(own.store, own.random, RELYING)
            match what:
                case "answer":
                    return mine.entry.passkey(answer, From(), now).token != ""
                case "link":
                    return mine.begin_with_password(link, typed(PASSWORD), app.at(now), From(), now) is not None
            code = staff.now(VICTIM) if what == "code" else staff.recovery[VICTIM][0]
            return mine.entry.code(ticket, code, From(), now) is not None
        except Refused:
            return False
        finally:
            own.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(try_in, tickets)) == [False, False, False, True]


def test_a_code_without_its_password_opens_nothing(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    guest = Guest(site)
    assert guest.open("/sign-in/code").headers["location"] == "/sign-in"
    guest.open("/sign-in")
    answer = guest.post("/sign-in/code", {"csrf": [guest.token], "code": [staff.now(VICTIM)]})
    assert answer.headers["location"] == "/sign-in" and not guest.is_in


def test_a_link_is_taken_once_and_looking_takes_nothing(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    token = staff.link(VICTIM)
    for _ in range(5):
        assert Guest(site).open(f"/welcome/{token}").status_code == 200
    device = Authenticator(ADDRESS, HOST)
    victim, attacker = Guest(site), Guest(site)
    for each in (victim, attacker):
        each.open(f"/welcome/{token}")
    options = victim.fetch(f"/welcome/{token}/passkey/options", {}).json()
    assert victim.fetch(f"/welcome/{token}/passkey", {"answer": device.create(options), "name": "laptop"}).status_code == 200
    assert attacker.send(f"/welcome/{token}", password=PASSWORD, code="000000").status_code == 404
    assert attacker.open(f"/welcome/{token}").status_code == 404
    assert victim.is_in and not attacker.is_in


def test_a_link_ends_after_a_day_and_by_a_newer_one(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    token = staff.link(VICTIM)
    user = site.people.by_email(VICTIM)
    assert user is not None
    newer = staff.accounts.link(user, ADMIN, clock())
    assert Guest(site).open(f"/welcome/{token}").status_code == 404
    clock.pass_(seconds=LINK_SECONDS)
    assert Guest(site).open(f"/welcome/{newer}").status_code == 404


def test_whoever_comes_by_a_new_link_ends_what_was_there(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    user, device = staff.with_passkey(VICTIM)
    thief = Guest(site)
    assert thief.passkey(device).status_code == 200
    token = staff.accounts.link(user, ADMIN, clock())
    assert thief.is_in, "a link that nobody used ends nothing"
    guest = Guest(site)
    guest.open(f"/welcome/{token}")
    options = guest.fetch(f"/welcome/{token}/passkey/options", {}).json()
    fresh = Authenticator(ADDRESS, HOST)
    guest.fetch(f"/welcome/{token}/passkey", {"answer": fresh.create(options), "name": "nieuw"})
    assert guest.is_in and not thief.is_in
    assert Guest(site).passkey(device).status_code == 422


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_token_that_was_laid_ready_becomes_nobodys_session(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    planted = "ab" * 32
    victim = Guest(site)
    victim.set_cookie("session", planted)
    victim.password(VICTIM)
    waiting = victim.cookie("code")
    assert victim.code(staff.now(VICTIM)).status_code == 303
    assert victim.cookie("session") not in {planted, waiting, ""}
    attacker = Guest(site, "198.51.100.1")
    for each in (planted, waiting):
        attacker.set_cookie("session", each)
        assert not attacker.is_in


def test_the_session_of_another_user_in_the_browser_ends_when_one_signs_in(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    attacker, device = staff.with_passkey("jan.smit@school.example")
    browser = Guest(site)
    browser.passkey(device)
    former = browser.cookie("session")
    browser.open("/me")
    options = browser.fetch("/sign-in/passkey/options", {}).json()
    browser.fetch("/sign-in/passkey", {"answer": device.get(options)})
    assert browser.cookie("session") != former
    assert Sessions(site.node.store, site.node.random).of(former, site.node.clock()) is None
    assert attacker.email == "jan.smit@school.example"


# --- a stolen store ---------------------------------------------------------------------------------------------------


def test_a_stolen_store_opens_nothing(site: Site, staff: Staff, clock: Clock, tmp_path: Path) -> None:  # noqa: F811
    staff.with_password(VICTIM)
    staff.with_password("beheer@school.example", Role.ADMINISTRATOR)
    user, device = staff.with_passkey("jan.smit@school.example")
    link = staff.link("nieuw@school.example")
    guest = staff.signed_in(VICTIM)
    Guest(site).password(VICTIM, WRONG)
    half = Guest(site)
    half.password("beheer@school.example")
    stolen = tmp_path / "stolen.db"
    site.node.store.backup(stolen)
    raw = stolen.read_bytes()
    known = staff.apps[VICTIM]
    numbers = device.key.public_key().public_numbers()
    secrets: list[bytes] = [
        PASSWORD.encode(), known.secret.encode(), known.byte_secret(), b"argon2", link.encode(), bytes.fromhex(link),
        *(each.replace("-", "").encode() for each in staff.recovery[VICTIM]),
        *(cookie.encode() for cookie in (guest.cookie("session"), guest.cookie("devices"), half.cookie("code"))),
        bytes.fromhex(guest.cookie("session")), bytes.fromhex(half.cookie("code")),
        device.id, numbers.x.to_bytes(32, "big"),
        b"els.visser", b"Els Visser", b"school.example", user.name.encode(), b"laptop",
    ]  # fmt: skip
    needles = {str(each): Needle((each,), (each.lower(),)) for each in secrets}
    assert found(raw, needles) == set()
    assert found(raw + PASSWORD.encode(), needles) == {str(PASSWORD.encode())}
    # Nor can the thief use what lies open in it as a token.
    open_ = Store(stolen, site.node.store.vault)
    handles = [
        bytes(row[0]).hex() for row in open_.database.execute("SELECT handle FROM session UNION SELECT handle FROM ticket")
    ]
    open_.close()
    assert len(handles) >= 3
    for handle in handles:
        thief = Guest(site)
        thief.set_cookie("session", handle)
        thief.set_cookie("code", handle)
        assert not thief.is_in
        assert thief.open("/sign-in/code").headers["location"] == "/sign-in"
        assert thief.open(f"/welcome/{handle}").status_code == 404


# --- passkeys ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_taken_once(site: Site, staff: Staff) -> None:
    _, device = staff.with_passkey(VICTIM)
    guest = Guest(site)
    guest.open("/sign-in")
    answer = device.get(guest.fetch("/sign-in/passkey/options", {}).json())
    assert guest.fetch("/sign-in/passkey", {"answer": answer}).status_code == 200
    attacker = Guest(site)
    attacker.open("/sign-in")
    assert attacker.fetch("/sign-in/passkey", {"answer": answer}).status_code == 422 and not attacker.is_in


def test_a_challenge_lasts_five_minutes_and_is_of_its_purpose(site: Site, staff: Staff, clock: Clock) -> None:  # noqa: F811
    user, device = staff.with_passkey(VICTIM)
    entry = entry_of(site)
    late = entry.passkeys.options(clock())
    registering = entry.passkeys.new_options(user, clock())
    with pytest.raises(NotThisPasskey):
        entry.passkey(device.get(registering), From(), clock())
    with pytest.raises(NotThisPasskey):
        entry.passkeys.add(user, Authenticator(ADDRESS, HOST).create(registering | entry_challenge(late)), "x", clock())
    with pytest.raises(NotThisPasskey):
        entry.passkey(device.get({"challenge": "AAAA"}), From(), clock())
    clock.pass_(seconds=CHALLENGE_SECONDS)
    with pytest.raises(NotThisPasskey):
        entry.passkey(device.get(late), From(), clock())
    assert entry.passkey(device.get(entry.passkeys.options(clock())), From(), clock()).user == user


def entry_challenge(options: dict[str, object]) -> dict[str, object]:
    return {"challenge": options["challenge"]}


@pytest.mark.parametrize(
    ("origin", "host", "flags"),
    [
        ("https://raakvlak.example.evil.example", HOST, 5),
        ("http://raakvlak.example", HOST, 5),
        ("https://raakvlak.example:8443", HOST, 5),
        (ADDRESS, "evil.example", 5),
        (ADDRESS, HOST, PRESENT),
        (ADDRESS, HOST, 0),
    ],
)
def test_a_passkey_for_another_place_or_without_its_person_is_refused(
    site: Site, staff: Staff, origin: str, host: str, flags: int
) -> None:
    _, device = staff.with_passkey(VICTIM)
    device.origin, device.host, device.flags = origin, host, flags
    guest = Guest(site)
    assert guest.passkey(device).status_code == 422 and not guest.is_in


def test_a_copied_or_foreign_key_is_refused(site: Site, staff: Staff) -> None:
    user, device = staff.with_passkey(VICTIM)
    device.count = 7
    assert Guest(site).passkey(device).status_code == 200
    device.count = 7
    assert Guest(site).passkey(device).status_code == 422, "its count did not rise: there are two of it"
    other = Authenticator(ADDRESS, HOST, id=device.id, owner=bytes.fromhex(user.id), count=9)
    assert Guest(site).passkey(other).status_code == 422, "another key under the same name"
    device.count, device.owner = 10, bytes(16)
    assert Guest(site).passkey(device).status_code == 422, "another user's name"


@pytest.mark.parametrize("answer", [{}, [], "x", {"id": 1}, {"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "!!"}}])
def test_what_is_no_answer_is_refused(site: Site, answer: object) -> None:
    guest = Guest(site)
    guest.open("/sign-in")
    assert guest.fetch("/sign-in/passkey", {"answer": answer}).status_code == 422


def test_visitors_fill_neither_the_store_nor_the_log(site: Site, staff: Staff) -> None:
    guest = Guest(site)
    guest.open("/sign-in")
    before = site.node.store.database.execute("SELECT count(*) FROM access_log").fetchone()[0]
    for _ in range(FREELY_ADDRESS + 20):
        guest.fetch("/sign-in/passkey/options", {})
        guest.fetch("/sign-in/passkey", {"answer": {}})
    count = site.node.store.database.execute("SELECT count(*) FROM access_log").fetchone()[0]
    assert count - before <= FREELY_ADDRESS
    for table in ("spent", "ticket", "session"):
        assert site.node.store.database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0  # noqa: S608


# --- other sites ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_signs_nobody_in(site: Site, staff: Staff, headers: dict[str, str]) -> None:
    """Else the victim would work in an account that the attacker reads along with."""
    staff.with_password(VICTIM)
    _, device = staff.with_passkey("jan.smit@school.example")
    guest = Guest(site)
    guest.open("/sign-in")
    answer = guest.post("/sign-in", {"csrf": [guest.token], "email": [VICTIM], "password": [PASSWORD]}, **headers)
    assert answer.status_code == 400 and not guest.cookie("code")
    guest.open("/sign-in")
    options = guest.fetch("/sign-in/passkey/options", {}).json()
    assert guest.fetch("/sign-in/passkey", {"answer": device.get(options)}, **headers).status_code == 400
    assert not guest.is_in


def test_a_form_without_this_browsers_token_signs_nobody_in(site: Site, staff: Staff) -> None:
    staff.with_password(VICTIM)
    other = Guest(site)
    other.open("/sign-in")
    for token in ("", "00" * 32, other.token):
        guest = Guest(site)
        guest.open("/sign-in")
        answer = guest.post("/sign-in", {"csrf": [token], "email": [VICTIM], "password": [PASSWORD]})
        assert answer.status_code == 400 and not guest.cookie("code")
        assert guest.fetch("/sign-in/passkey/options", {}, **{"X-Raakvlak-Form": token}).status_code == 400
