"""Attackers of the operator's pages: strangers without a key, other sites in the operator's browser, thieves of cookies and
files, and whoever sees a picture of the page."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from raakvlak_index.operator.access import AT_MOST, FILE, IDLE
from raakvlak_protocol.publication import Visibility
from tests.covenants import Sandbox, make_covenant
from tests.index.conftest import MEMBERS
from tests.index.members import Member, house, person
from tests.index.operating import SESSION, Answer, Browser, Desk, desk

pytestmark = pytest.mark.slow

OURS = {"Sec-Fetch-Site": "same-origin"}
NUMBER = re.compile(r"\d[\d,.]*")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS)


@pytest.fixture
def office(sandbox: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    with house(sandbox, tmp_path / "index") as running:
        running.index.publish_log()
        with desk(running) as found:
            yield found


@pytest.fixture
def school(office: Desk) -> Member:
    return office.house.member("school")


@pytest.fixture
def town(office: Desk) -> Member:
    return office.house.member("town")


def shut(browser: Browser) -> None:
    """Nothing is shown but the way to the door."""
    answer = browser.get()
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/operator/sign-in", "")


# --- strangers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cookie", ["", "0" * 64, "f" * 64, "x", "0" * 63, "0" * 65, "0" * 64 + "%00", "'; DROP TABLE session; --", "é"]
)
def test_without_a_session_nothing_is_shown(office: Desk, cookie: str) -> None:
    office.signed_in()
    browser = office.browser()
    browser.cookies[SESSION] = cookie.encode("utf-8").decode("latin-1")
    shut(browser)
    sign_in = browser.get("/operator/sign-in").text
    assert not any(member in sign_in for member in office.house.sandbox.covenant.members)


def test_from_outside_the_named_networks_there_is_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    with house(sandbox, tmp_path / "index") as running:
        with desk(running, ["10.0.0.0/8", "2001:db8::/32"]) as far:
            browser = far.browser()
            nothing = browser.get("/nothing")
            for path in ("/operator", "/operator/sign-in", "/"):
                assert (browser.get(path).status, browser.get(path).body) == (404, nothing.body)
            assert browser.sign_in("anke", far.made()).status == 404
            assert browser.get("/metrics").status == 200
        with desk(running, ["10.0.0.0/8", "127.0.0.0/8"]) as near:
            assert near.signed_in("berend").get().status == 200


def test_a_guesser_hears_the_same_of_every_name_and_waits_ever_longer(office: Desk) -> None:
    key = office.made()
    guesser = office.browser()
    answers = [guesser.sign_in(name, "aaaa-" * 7 + "aaaa") for name in ("anke", "nobody", "anke", "nobody", "anke", "nobody")]
    assert [each.status for each in answers] == [422, 422, 422, 429, 429, 429]
    assert [each.headers["retry-after"] for each in answers] == [None, None, None, "1", "2", "4"]
    same = {each.text.replace("anke", "").replace("nobody", "") for each in answers[:2]}
    assert len(same) == 1, "whether there is such an operator is not told"
    operator = office.browser()
    assert operator.sign_in("anke", key).status == 303, "the right key is let in at once, from the same address too"
    assert office.house.index.log().count('"event": "operator_refused"') == 1, "one line a minute"


def test_what_was_typed_as_a_name_is_text(office: Desk) -> None:
    evil = '"><script>alert(1)</script>'
    answer = office.browser().sign_in(evil, "x")
    assert answer.status == 422
    assert "<script>alert" not in answer.body and "&lt;script&gt;alert" in answer.body


@pytest.mark.parametrize(
    "body",
    ["name=%FF&key=%FE", "&".join(f"f{number}=1" for number in range(50)), "name=" + "a" * 5000, "\xff", "%00" * 20, "{}"],
    ids=["no UTF-8", "many fields", "large", "raw bytes", "zeros", "JSON"],
)
def test_what_is_no_form_breaks_nothing(office: Desk, body: str) -> None:
    answer = office.browser().ask("POST", "/operator/sign-in", body, OURS)
    assert answer.status in (400, 422)
    assert "Traceback" not in answer.body


def test_the_public_side_tells_no_more_than_before(office: Desk, school: Member, town: Member) -> None:
    school.publish("anna", "bert")
    town.publish("anna")
    office.house.index.expire()
    office.signed_in().get()
    stranger = office.browser()
    for path in ("/metrics", "/healthz"):
        answer = stranger.get(path)
        assert answer.status == 200
        names = " ".join(line.split()[0] for line in answer.body.splitlines() if not line.startswith("#"))
        assert not re.search(r"row|match|event|waiting|operator", names)
    for path in ("/operator/view", "/operator/log", "/operators.db", "/static/operator.html", "/operator/", "/openapi.json"):
        assert stranger.get(path).status == 404


# --- other sites --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://{host}"},
        {"Origin": "https://{host}.evil.example"},
        {"X-Nothing": "of the two"},
    ],
    ids=lambda headers: " ".join(f"{name}: {value}" for name, value in headers.items()),
)
def test_a_form_of_another_site_does_nothing(office: Desk, headers: dict[str, str]) -> None:
    key, browser = office.made("berend"), office.signed_in("anke")
    csrf = browser.get().csrf
    sent = {name: value.replace("{host}", office.address) for name, value in headers.items()}
    for path, fields in (
        ("/operator/sign-out", {"csrf": csrf}),
        ("/operator/sign-in", {"name": "berend", "key": key}),
        ("/language", {"csrf": csrf, "language": "nl"}),
    ):
        answer = browser.post(path, sent, **fields)
        assert (answer.status, answer.headers["set-cookie"]) == (403, None)
    assert browser.get().status == 200, "still signed in, as the same operator"


def test_a_browser_that_sends_only_an_origin_is_believed(office: Desk) -> None:
    browser = office.browser()
    answer = browser.post("/operator/sign-in", {"Origin": f"https://{office.address}"}, name="anke", key=office.made())
    assert answer.status == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "é", "another session's"])
def test_a_form_without_its_sessions_token_does_nothing(office: Desk, csrf: str) -> None:
    browser, other = office.signed_in("anke"), office.signed_in("berend")
    given = other.get().csrf if csrf == "another session's" else csrf
    assert browser.post("/operator/sign-out", csrf=given).status == 403
    assert browser.post("/language", csrf=given, language="nl").status == 403
    assert browser.get().status == 200


def test_the_pages_change_nothing_by_a_link(office: Desk) -> None:
    browser = office.signed_in()
    for path in ("/operator/sign-out", "/language?language=nl"):
        assert browser.get(path).status == 405
    assert browser.get().status == 200
    assert browser.ask("DELETE", "/operator").status == 405


# --- thieves ------------------------------------------------------------------------------------------------------------


def test_a_cookie_is_worth_nothing_after_sign_out_idleness_or_half_a_day(office: Desk) -> None:
    browser = office.signed_in()
    stolen = office.browser()
    stolen.cookies |= browser.cookies
    assert stolen.get().status == 200
    browser.post("/operator/sign-out", csrf=browser.get().csrf)
    shut(stolen)
    again = office.signed_in("berend")
    office.house.clock.pass_(seconds=IDLE.total_seconds() + 1)
    shut(again)
    third = office.signed_in("carla")
    for _ in range(int(AT_MOST / (IDLE / 2)) + 1):
        third.get()
        office.house.clock.pass_(seconds=IDLE.total_seconds() / 2)
    shut(third)


def test_a_cookie_from_before_sign_in_is_not_the_one_after_it(office: Desk) -> None:
    """Nobody can plant a session that the operator then fills with his rights."""
    browser = office.browser()
    planted = "a" * 64
    browser.cookies[SESSION] = planted
    browser.sign_in("anke", office.made())
    assert browser.cookies[SESSION] != planted
    attacker = office.browser()
    attacker.cookies[SESSION] = planted
    shut(attacker)


def test_signing_in_again_ends_the_session_that_the_browser_had(office: Desk) -> None:
    key, browser = office.made(), office.browser()
    browser.sign_in("anke", key)
    old = office.browser()
    old.cookies |= browser.cookies
    browser.sign_in("anke", key)
    shut(old)
    assert browser.get().status == 200


def test_a_thief_of_the_file_can_not_sign_in(office: Desk) -> None:
    key, browser = office.made("berend"), office.signed_in("anke")
    with closing(sqlite3.connect(office.house.index.path.parent / FILE)) as thief:
        hashes = [each for (each,) in thief.execute("SELECT key_hash FROM operator UNION SELECT token_hash FROM session")]
        dump = "\n".join(thief.iterdump()).lower()
    assert key.replace("-", "") not in dump and browser.cookies[SESSION] not in dump
    for each in hashes:
        attacker = office.browser()
        attacker.cookies[SESSION] = each.hex()
        shut(attacker)
        assert attacker.sign_in("berend", each.hex()).status in (422, 429)


# --- whoever sees the page ----------------------------------------------------------------------------------------------


def numbers(answer: Answer) -> list[str]:
    """Every number on a page, but those of time and of the log, which everybody may read."""
    shown = answer.text.split("The log")[0]
    return NUMBER.findall(re.sub(r"\d{1,2} [A-Z][a-z]+ \d{4}(, \d\d:\d\d)?", "", shown))


def test_two_pictures_of_the_page_do_not_tell_who_matched_whom(office: Desk, school: Member, town: Member) -> None:
    browser = office.signed_in()
    town.publish("anna")
    school.publish("bert")
    office.house.index.expire()
    before = browser.get()
    school.publish("carla")
    alone = browser.get()
    school.publish("anna")
    assert town.matches(), "they met"
    matched = browser.get()
    assert numbers(before) == numbers(alone) == numbers(matched)
    assert matched.text.split("The log")[0] == before.text.split("The log")[0]


def test_the_page_tells_nothing_of_what_only_a_coordinator_hears(office: Desk, school: Member) -> None:
    browser = office.signed_in()
    police, coordinator = office.house.member("police"), office.house.member("coordinator")
    school.publish("anna")
    police.publish("bert", visibility=Visibility.COORDINATOR)
    office.house.index.expire()
    before = browser.get().text.split("The log")[0]
    police.publish("anna", visibility=Visibility.COORDINATOR)
    office.house.mediate()
    assert coordinator.mediations(), "it has heard"
    assert browser.get().text.split("The log")[0] == before
    assert "not shown" in before


def test_nothing_of_a_row_is_on_the_page(office: Desk, school: Member, town: Member) -> None:
    """Needles: tokens, references, match ids, digests, salts and leaves, as bytes are written anywhere."""
    references = school.publish("anna", "bert").references
    town.publish("anna")
    match = town.matches()[0]
    office.house.index.publish_log()
    office.house.index.expire()
    body = office.signed_in().get().body.lower()
    with closing(sqlite3.connect(office.house.index.path)) as store:
        stored = [value for row in store.execute("SELECT digest, salt FROM row") for value in row]
        stored += [leaf for (leaf,) in store.execute("SELECT entry FROM leaf")]
    needles = [*references, match.match_id, match.reference, person("anna").token.reveal(), *stored]
    assert len(needles) > 10
    for needle in needles:
        assert bytes(needle).hex() not in body
    with closing(sqlite3.connect(office.house.index.path.parent / FILE)) as kept:
        assert kept.execute("SELECT count(*) FROM day").fetchone() == (1,)
        columns = {
            name for table in ("operator", "session", "day") for _, name, *_ in kept.execute(f"PRAGMA table_info({table})")
        }
    assert columns == {"id", "key_hash", "made", "token_hash", "operator", "began", "seen", "day", "rows"}


def test_the_database_that_officers_check_has_gained_nothing(office: Desk) -> None:
    office.signed_in()
    with closing(sqlite3.connect(office.house.index.path)) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not tables & {"operator", "session", "day"}


def test_neither_page_nor_sign_in_waits_for_the_writer(office: Desk, school: Member) -> None:
    """Looking at the page reads, and what it writes stands in another file."""
    browser = office.signed_in()
    with closing(sqlite3.connect(office.house.index.path, isolation_level=None)) as locked:
        locked.execute("BEGIN IMMEDIATE")  # the writer is at work for long
        assert browser.get().status == 200
        assert office.browser().sign_in("anke", "x").status == 422
        locked.execute("ROLLBACK")
    school.publish("anna")
