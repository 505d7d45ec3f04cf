"""The operator's pages, asked over HTTPS from an index that runs; and the operators, made on the console."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from nacl.utils import random

from raakvlak_index.index import SUSPENDED_AFTER_DAYS
from raakvlak_index.operator import plot
from raakvlak_index.operator.access import AT_MOST, FILE, IDLE, KEPT_DAYS, MAX_SESSIONS, Access
from raakvlak_index.operator.patience import FREE, LONGEST, MAX_ADDRESSES, TOLD_EVERY, Patience
from raakvlak_index.operator.view import ROOM_BYTES, Urgency
from raakvlak_index.progress import PUBLISH_LAG_SECONDS
from raakvlak_index.settings import Settings
from raakvlak_protocol import checkpoint
from raakvlak_protocol.errors import Malformed, Refused
from tests.covenants import Sandbox, make_covenant
from tests.index.conftest import MEMBERS
from tests.index.members import House, Member, house
from tests.index.operating import SESSION, Browser, Desk, desk
from tests.index.running import Party, serving

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WITNESS = "witness-1"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS, witnesses=(WITNESS, "witness-2"), witness_threshold=1)


@pytest.fixture
def office(running: House) -> Iterator[Desk]:
    running.index.publish_log()
    with desk(running) as found:
        yield found


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    found = Access(tmp_path / FILE)
    yield found
    found.close()


def cosign(running: House, witness: str = WITNESS) -> None:
    public = running.index.running.public(b"")
    name = running.sandbox.covenant.witnesses[witness].key.name
    raw = checkpoint.cosign(public.checkpoint, name, running.sandbox.witness_seeds[witness], running.clock())
    public.keep_checkpoint(witness, raw)


# --- who may look -------------------------------------------------------------------------------------------------------


def test_a_key_is_long_shown_once_and_kept_as_a_hash(access: Access, tmp_path: Path) -> None:
    key = access.make("anke", random, NOW)
    assert re.fullmatch(r"([a-z2-7]{4}-){7}[a-z2-7]{4}", key), "160 bits"
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.encode() not in stored and key.replace("-", "").encode() not in stored
    assert access.holds("anke", key)
    assert access.holds("anke", f" {key.replace('-', ' ').upper()} "), "as somebody types it"
    for name, other in (("anke", key[:-1] + ("b" if key[-1] == "a" else "a")), ("berend", key), ("anke", ""), ("", key)):
        assert not access.holds(name, other)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_name_is_of_one_operator_and_fit_for_a_log(access: Access) -> None:
    key = access.make("anke", random, NOW)
    with pytest.raises(Refused, match="there is an operator anke already"):
        access.make("anke", random, NOW)
    assert access.holds("anke", key), "and the first one's key stays"
    for name in ("", "Anke", "an ke", "a" * 64, "<b>"):
        with pytest.raises(Malformed):
            access.make(name, random, NOW)
    assert [each.id for each in access.operators(NOW)] == ["anke"]


def test_whoever_was_ended_is_out_at_once(access: Access) -> None:
    key = access.make("anke", random, NOW)
    token = access.begin("anke", random, NOW)
    assert access.session(token, NOW) is not None
    access.end("anke")
    assert access.session(token, NOW) is None
    assert not access.holds("anke", key)
    late = access.begin("anke", random, NOW)
    assert access.session(late, NOW) is None, "who was ended between the key and the session has none"
    with pytest.raises(Refused, match="there is no operator anke"):
        access.end("anke")


def test_a_session_ends_when_idle_and_at_the_end_of_the_day(access: Access) -> None:
    access.make("anke", random, NOW)
    idle = access.begin("anke", random, NOW)
    assert access.session(idle, NOW + IDLE - timedelta(seconds=1)) is not None
    assert access.session(idle, NOW + IDLE * 2 - timedelta(seconds=2)) is not None, "it was used in between"
    assert access.session(idle, NOW + IDLE * 3) is None
    busy, at = access.begin("anke", random, NOW), NOW
    while at < NOW + AT_MOST:
        assert access.session(busy, at) is not None
        at += IDLE / 2
    assert access.session(busy, at) is None


def test_sessions_of_one_operator_are_few_and_the_newest(access: Access) -> None:
    access.make("anke", random, NOW)
    tokens = [access.begin("anke", random, NOW + timedelta(seconds=each)) for each in range(MAX_SESSIONS + 2)]
    live = [access.session(token, NOW + timedelta(minutes=1)) is not None for token in tokens]
    assert live == [False, False] + [True] * MAX_SESSIONS


def test_another_process_sees_an_operator_at_once(access: Access, tmp_path: Path) -> None:
    other = Access(tmp_path / FILE)
    key = other.make("anke", random, NOW)
    other.close()
    assert access.holds("anke", key)


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    with pytest.raises(Refused, match="move it away"):
        Access(tmp_path / FILE)


def test_who_mistypes_waits_longer_each_time_and_nobody_else_does() -> None:
    patience = Patience()
    waits = [patience.wrong("192.0.2.1", NOW).total_seconds() for _ in range(FREE + 12)]
    assert waits[: FREE + 5] == [0] * FREE + [1, 2, 4, 8, 16]
    assert waits[-1] == LONGEST.total_seconds()
    assert patience.wrong("192.0.2.2", NOW) == timedelta()
    assert patience.wrong("::ffff:192.0.2.1", NOW) == LONGEST, "the same address, written for IPv6"
    patience.right("192.0.2.1")
    assert patience.wrong("192.0.2.1", NOW) == timedelta()


def test_one_line_of_ipv6_is_one_address_and_all_together_are_few() -> None:
    patience = Patience()
    for host in range(FREE):
        assert patience.wrong(f"2001:db8::{host:x}", NOW) == timedelta()
    assert patience.wrong("2001:db8::ffff:1", NOW) > timedelta()
    for network in range(MAX_ADDRESSES):
        patience.wrong(f"10.0.{network // 256}.{network % 256}", NOW)
    assert patience.wrong("2001:db8::1", NOW) == timedelta(), "forgotten, so that strangers can't fill the memory"


def test_the_log_hears_of_wrong_keys_once_a_minute() -> None:
    patience = Patience()
    told = []
    for second in range(150):
        patience.wrong("192.0.2.1", NOW + timedelta(seconds=second))
        told.append(patience.to_tell(NOW + timedelta(seconds=second)))
    every = int(TOLD_EVERY.total_seconds())
    assert [each for each in told if each] == [1, every, every]


# --- what there is to see -----------------------------------------------------------------------------------------------


def test_all_is_well_at_one_look(office: Desk, running: House, school: Member) -> None:
    school.publish(*(f"person {number}" for number in range(250)))
    running.index.publish_log()
    cosign(running)
    running.index.expire()
    found = office.signed_in().get()
    assert found.status == 200
    assert "All is well" in found.text
    assert "about 200" in found.text and "250" in found.text
    for name in ("The school", "The town"):
        assert name in found.text or name.removeprefix("The ") in found.text


def test_what_needs_somebody_stands_first_and_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    with house(sandbox, tmp_path / "index", event_cap=5) as running:
        school, town = running.member("school"), running.member("town")
        running.member("police")
        names = [f"person {number}" for number in range(6)]
        school.publish(*names)
        town.publish(*names)
        running.index.publish_log()
        with desk(running) as office:
            browser = office.signed_in()
            running.index.expire()
            full = browser.get().text
            assert "The queue of" in full and "is nearly full" in full and "must catch up" in full
            running.clock.pass_(days=SUSPENDED_AFTER_DAYS + 1)
            running.index.expire()
            kinds = [each.kind for each in running.index.running.office.look().alarms]
            assert kinds[0] == "uncosigned"
            assert set(kinds) == {"uncosigned", "suspended", "coordinator"}
            running.clock.pass_(days=60)
            running.index.expire()
            kinds = [each.kind for each in running.index.running.office.look().alarms]
            assert "suspended" not in kinds, "its rows are gone"


def test_what_holds_up_the_log_is_an_alarm_at_once(office: Desk, running: House) -> None:
    cosign(running)
    running.index.expire()
    running.index.seconds += PUBLISH_LAG_SECONDS + 1
    (alarm,) = running.index.running.office.look().alarms
    assert (alarm.kind, alarm.urgency) == ("stalled", Urgency.NOW)
    assert "writes are refused" in office.signed_in().get().text


def test_a_history_that_differs_stays_an_alarm(office: Desk, running: House) -> None:
    running.index.running.office.differs(WITNESS, 3)
    running.index.running.office.differs("nobody", 3)
    alarms = [each for each in running.index.running.office.look().alarms if each.kind == "differs"]
    assert [each.who for each in alarms] == [WITNESS]
    assert "call the compliance officers" in office.signed_in().get().text


def test_what_ends_soon_or_is_nearly_full_is_told(running: House) -> None:
    office = running.index.running.office
    running.index.publish_log()
    cosign(running)
    assert [each.kind for each in office.look().alarms] == ["uncounted"], "the sweep has not run yet"
    running.index.expire()
    office.certificate_until = running.clock() + timedelta(days=20)
    assert [(each.kind, each.urgency) for each in office.look().alarms] == [("certificate", Urgency.THIS_WEEK)]
    running.clock.pass_(days=20)
    running.index.expire()
    assert ("certificate", Urgency.NOW) in [(each.kind, each.urgency) for each in office.look().alarms]
    running.clock.pass_(hours=3)
    assert "uncounted" in {each.kind for each in office.look().alarms}


def test_a_disk_without_room_to_write_the_store_anew_is_told(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    office = running.index.running.office
    size = office.look().store_bytes
    for free, told in ((size + ROOM_BYTES, 0), (size + ROOM_BYTES - 1, 2)):
        monkeypatch.setattr(office, "_free", lambda folder, free=free: free)
        assert len([each for each in office.look().alarms if each.kind == "disk"]) == told


def test_growth_is_kept_by_the_day_and_not_for_ever(access: Access) -> None:
    for day in range(1, KEPT_DAYS + 50):
        access.keep_day(day, day * 10)
    access.keep_day(KEPT_DAYS + 49, 7)
    kept = access.days(0)
    assert len(kept) == KEPT_DAYS
    assert kept[-1] == (KEPT_DAYS + 49, 7), "the last count of a day is the day's"
    assert access.days(KEPT_DAYS + 47) == [(KEPT_DAYS + 48, (KEPT_DAYS + 48) * 10), (KEPT_DAYS + 49, 7)]


def test_growth_and_removals_as_numbers(running: House, school: Member) -> None:
    running.index.expire()
    school.publish("anna", "bert")
    running.clock.pass_(days=1)
    running.index.expire()
    view = running.index.running.office.look()
    assert [rows for _, rows in view.growth] == [0, 2]
    assert (view.rows, view.added) == (2, 2)
    (removal,) = view.removals
    assert (removal.rows, removal.overdue, removal.month.day) == (2, False, 1)
    assert removal.month > date.today() + timedelta(days=300)


def test_bars_escape_and_a_small_number_can_be_seen() -> None:
    drawn = str(plot.bars([("<b>&", 1), ("b", 1_000_000), ("", None), ("c", 0)], 'say "<hi>"'))
    assert "<b>" not in drawn and "<hi>" not in drawn and "style" not in drawn
    heights = [float(each) for each in re.findall(r'height="([\d.]+)"><title>', drawn)]
    assert heights == [plot.LEAST, plot.HEIGHT, 0.0]
    assert str(plot.bars([], "nothing")) == ""


# --- the pages ----------------------------------------------------------------------------------------------------------


def test_a_visit_from_sign_in_to_sign_out(office: Desk) -> None:
    key, browser = office.made(), office.browser()
    assert (browser.get().status, browser.get().headers["location"]) == (303, "/operator/sign-in")
    page = browser.get("/operator/sign-in")
    assert page.status == 200 and 'type="password"' in page.body and 'method="post"' in page.body
    wrong = browser.sign_in("anke", "nonsense")
    assert wrong.status == 422 and "do not belong together" in wrong.text
    assert 'value="anke"' in wrong.body and "nonsense" not in wrong.body
    entered = browser.sign_in("anke", key)
    assert (entered.status, entered.headers["location"]) == (303, "/operator")
    cookie = entered.headers["set-cookie"].lower()
    assert cookie.startswith("__host-operator=")
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
    home = browser.get()
    assert home.status == 200
    assert browser.get("/operator/sign-in").status == 303
    out = browser.post("/operator/sign-out", csrf=home.csrf)
    assert (out.status, out.headers["location"]) == (303, "/operator/sign-in")
    assert browser.get().status == 303
    log = office.house.index.log()
    assert '"event": "operator_signed_in", "level": "info", "operator": "anke"' in log
    assert '"event": "operator_signed_out", "level": "info", "operator": "anke"' in log
    assert key not in log


@pytest.mark.parametrize("path", ["/operator", "/operator/sign-in"])
def test_every_page_is_sent_under_the_policy(office: Desk, path: str) -> None:
    browser = office.signed_in() if path == "/operator" else office.browser()
    headers = browser.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
    assert headers["strict-transport-security"] and headers["x-content-type-options"] == "nosniff"
    body = browser.get(path).body
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", body)


def test_the_files_that_a_page_names_are_there(office: Desk) -> None:
    browser = office.browser()
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/operator/sign-in").body)
    assert any(each.endswith(".css") for each in named)
    for each in named:
        assert browser.get(each).status == 200
    assert browser.get("/static/0000000000000000/look.css").status == 404
    assert browser.get("/static/../../etc/passwd").status == 404


def test_dutch_by_the_browser_or_by_choice(office: Desk) -> None:
    dutch, english = office.browser("nl-NL,nl;q=0.9,en;q=0.5"), office.browser("en-GB,en;q=0.9")
    assert '<html lang="nl"' in dutch.get("/operator/sign-in").body
    assert '<html lang="en"' in english.get("/operator/sign-in").body
    assert english.post("/language", language="nl").status == 303
    page = english.get("/operator/sign-in")
    assert '<html lang="nl"' in page.body and page.headers["content-language"] == "nl"
    assert english.post("/language", language="de").status == 400
    assert english.post("/language", language="nl\r\nset-cookie: x=y").status == 400


def messages() -> set[str]:
    """Every message of the package's code and templates."""
    folder = str(files("raakvlak_index.operator"))
    found = extract_from_dir(
        folder,
        [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")],
        {"**.html": {"newstyle_gettext": "true", "trimmed": "false"}},
        {"_": None, "words": None, "plural": (1, 2), "ngettext": (1, 2)},
    )
    return {each[2] if isinstance(each[2], str) else each[2][0] for each in found}


def test_every_message_has_its_dutch_and_no_other_stands_there() -> None:
    raw = (files("raakvlak_index.operator") / "locale" / "nl" / "operator.po").read_bytes()
    catalogue = {each.id if isinstance(each.id, str) else each.id[0]: each for each in read_po(BytesIO(raw)) if each.id}
    said = messages()
    assert said - catalogue.keys() == set()
    assert catalogue.keys() - said == set()
    for message in catalogue.values():
        given: Any = message.string
        strings: list[str] = [given] if isinstance(given, str) else list(given)
        assert all(strings) and not message.fuzzy, message.id
        holes = set(re.findall(r"%\(\w+\)s", str(message.id)))
        assert all(set(re.findall(r"%\(\w+\)s", each)) == holes for each in strings), message.id


def test_a_network_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    given = {"covenant": "zeeland", "id": "index", "key_file": tmp_path, "listen": "127.0.0.1:0", "log": "127.0.0.1:0"}
    Settings(**given, operators_from=("10.0.0.0/8", "::1/128", "192.0.2.1"))  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="is no network"):
        Settings(**given, operators_from=("10.0.0.1/8",))  # type: ignore[arg-type]


# --- the commands -------------------------------------------------------------------------------------------------------


def operator(party: Party, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command about operators."""
    command = [sys.executable, "-c", "from raakvlak_index.cli import main; main()", "operator", *arguments]
    done = subprocess.run([*command, "--folder", str(party.folder)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_operators_are_made_and_ended_beside_an_index_that_serves(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path / "index").complete()
    with serving(party) as running:
        code, key, told = operator(party, "new", "anke")
        assert code == 0 and re.fullmatch(r"([a-z2-7]{4}-){7}[a-z2-7]{4}\n", key)
        assert "not shown again" in told and sandbox.index.dns_name in told and key.strip() not in told
        browser = Browser(running.log_address, sandbox.covenant.roots_pem.decode())
        assert browser.sign_in("anke", key.strip()).status == 303
        assert browser.get().status == 200
        listed = json.loads(operator(party, "list", "--json")[1])
        assert [(each["name"], each["signed_in"]) for each in listed] == [("anke", True)]
        assert operator(party, "new", "anke")[0] == 1
        assert operator(party, "end", "anke")[0] == 0
        assert browser.get().status == 303
        assert SESSION in browser.cookies
        assert operator(party, "end", "anke")[0] == 1
        assert running.stop() == 0
