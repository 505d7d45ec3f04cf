"""E-mail notices: who hears what when, that a mail tells nothing of anybody, and that none is lost, or lost unseen."""

import io
import json
import os
import re
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from raakvlak_local.authority import Authority
from raakvlak_node import courier, mailing, notice_text
from raakvlak_node.access import Actor
from raakvlak_node.commands import working
from raakvlak_node.commands.mail import mail as mail_command
from raakvlak_node.mailing import Round, deliver
from raakvlak_node.node import Node
from raakvlak_node.notice_text import MAX_REFERENCES, Kind
from raakvlak_node.notices import QUIET_SECONDS, SETTLE_SECONDS, Notices, Preference, morning_after
from raakvlak_node.outbox import Outbox
from raakvlak_node.people import People, Role, User
from raakvlak_node.serve import _telling
from raakvlak_node.settings import Mail, Pages, Settings
from raakvlak_node.wording import Language
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.party import settings as toml
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop
from tests.federation import Clock
from tests.node.post import PASSWORD, USER, Post, post
from tests.node.rows import bsn, case
from tests.node.test_access import invoked, member_folder
from tests.node.test_cli import run as run_program
from tests.node.test_store import files
from tests.node.test_webhooks import server_context

ADMIN = Actor.command("beheer")
LINK = "https://raakvlak.school.example/today"
SENDER = "raakvlak@school.example"
ILSE, NOOR, TEAM = "ilse.quist@school.example", "noor@school.example", "zorgteam@school.example"


@pytest.fixture
def server() -> Iterator[Post]:
    with post() as found:
        yield found


@pytest.fixture
def mail(server: Post) -> Mail:
    return Mail(f"127.0.0.1:{server.port}", SENDER, "none")


@pytest.fixture
def people(node: Node) -> People:
    return People(node.store, os.urandom)


@pytest.fixture
def notices(node: Node, mail: Mail) -> Notices:
    return Notices(node.store, mail)


@pytest.fixture
def ilse(people: People, clock: Clock) -> User:
    return people.add_user("Ilse Quist", ILSE, [Role.CASE_WORKER], [], "nl", ADMIN, clock())


def add_case(node: Node, reference: str, email: str = ILSE, place: int = 1) -> bytes:
    node.put_case(case(reference, bsn(place), worker_name="Ilse Quist", worker_email=email))
    return node.store.case_handle(reference)


Go = Callable[..., Round]


@pytest.fixture
def go(node: Node, notices: Notices, people: People, mail: Mail, clock: Clock) -> Go:
    """What has settled is gathered, and one round delivered, with the longest jitter."""

    def run(seconds: float = SETTLE_SECONDS) -> Round:
        clock.pass_(seconds=seconds)
        notices.gather(people, LINK, clock())
        return deliver(Outbox(node.store), mail, clock, lambda: 1.0)

    return run


def queued(node: Node, mail: Mail, clock: Clock, *to: str) -> Outbox:
    """Mails that wait, one to each of these."""
    outbox = Outbox(node.store)
    for place, each in enumerate(to):
        id = f"{place:032x}@{mail.domain}"
        outbox.put(id, each, notice_text.trial_mail(each, mail.sender, id, "nl", clock()), int(clock().timestamp()))
    return outbox


def rounds(outbox: Outbox, mail: Mail, clock: Clock) -> Round:
    return deliver(outbox, mail, clock, lambda: 0.0)


# --- what a mail says -------------------------------------------------------------------------------------------------


def test_a_mail_names_the_own_reference_what_is_new_and_where_to_look(
    node: Node, notices: Notices, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    own_case = add_case(node, "2026-014")
    notices.queue(own_case, Kind.MATCH, clock())
    notices.queue(own_case, Kind.NEAR, clock())
    assert go() == Round(taken=1)
    (got,) = server.got
    assert (got.sender, got.to) == (SENDER, ILSE)
    message = got.message
    assert message["Subject"] == "Er is iets nieuws in Raakvlak" and message["To"] == ILSE and message["From"] == SENDER
    assert message["Auto-Submitted"] == "auto-generated" and message["Content-Language"] == "nl"
    assert message["Date"].datetime == clock() and message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert re.fullmatch(r"<[0-9a-f]{32}@school\.example>", message["Message-ID"])
    assert "- 2026-014: een nieuwe match, een termijn die bijna voorbij is\n" in got.text
    assert f"Kijk op {LINK}\n" in got.text
    assert got.raw.isascii() and b"\n" not in got.raw.replace(b"\r\n", b"")
    assert go() == Round() and len(server.got) == 1
    assert notices.counts() == {
        "notices_waiting": 0, "notices_unaddressed": 0, "mails_waiting": 0, "mails_given_up": 0, "mails_refused": 0,
        "mail_trouble": "",
    }  # fmt: skip


def test_a_user_is_told_in_the_own_language(
    node: Node, notices: Notices, people: People, go: Go, server: Post, clock: Clock
) -> None:
    people.add_user("Noor", NOOR, [Role.TEAM_LEAD], [], "en", ADMIN, clock())
    notices.queue(add_case(node, "2026-014", NOOR.upper()), Kind.AGREEMENT, clock())
    go()
    (got,) = server.got
    assert got.message["Subject"] == "There is something new in Raakvlak" and got.message["Content-Language"] == "en"
    assert "about your reference:\n\n- 2026-014: an agreement to sign\n" in got.text and got.to == NOOR


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_kind_of_news_has_words_in_both_languages(language: Language) -> None:
    lines = notice_text.body([("A-1", list(Kind)), ("A-2", [Kind.MATCH])], 1, LINK, language).splitlines()
    told = lines[2].removeprefix("- A-1: ").split(", ")
    assert len(set(told)) == len(Kind) and lines[4] in {"en nog 1 andere", "and 1 more"}


def test_nothing_that_is_sent_or_logged_tells_of_anybody(node: Node, people: People, clock: Clock, tmp_path: Path) -> None:
    """With all that goes over the wire, the greeting too: the machine's name is nobody's business."""
    authority = Authority.create("gemeente", datetime.now(UTC))
    secret = tmp_path / "mail.password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    out = io.StringIO()
    log = Log("node", mailing.EVENTS, out)
    with post(starttls=server_context(authority, tmp_path), signing_in=True) as server:
        mail = Mail(f"localhost:{server.port}", SENDER, "starttls", USER, secret, tmp_path / "ca.pem")
        notices = Notices(node.store, mail)
        people.add_user("Ilse Quist", ILSE, [Role.CASE_WORKER], [], "nl", ADMIN, clock())
        people.add_user("Noor Zoutkeet", NOOR, [Role.CASE_WORKER], [], "nl", ADMIN, clock())
        for place, worker in enumerate((ILSE, NOOR)):
            for kind in Kind:
                notices.queue(add_case(node, f"2026-01{place}", worker, place), kind, clock())
        clock.pass_(seconds=SETTLE_SECONDS)
        server.answer = lambda stage, address: f"550 {address} is not here" if address == NOOR else ""
        settings = replace(node.settings, mail=mail, pages=Pages(LINK.removesuffix("/today")))
        stop = Stop()
        thread = threading.Thread(
            target=mailing.Courier(node.another_store, settings, log, stop, random=os.urandom, clock=clock).run
        )
        thread.start()
        _until(lambda: "mails_refused" in out.getvalue())
        stop.request()
        thread.join(10)
        assert server.signed_in and len(server.got) == 1 and not thread.is_alive()
        said = bytes(server.wire) + b"".join(each.text.encode() for each in server.got)
    assert b"ehlo school.example" in said.lower()
    for needle in (bsn(0), bsn(1), "Quist", "Zoutkeet", "0118", "town", "mentor", "2012", PASSWORD, os.uname().nodename):
        assert needle.encode() not in said, needle
    for needle in (ILSE, NOOR, "2026-01", USER, PASSWORD, "is not here"):
        assert needle not in out.getvalue(), needle
    assert "(550)" in out.getvalue() and "(550)" in notices.counts()["mail_trouble"]


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("2026-014", True),
        ("SCH-123456789", True),
        ("123456782", False),
        ("dossier 123456782/2", False),
        ("1234.56.782", False),
        ("111.222.333 x", False),
        ("2026-00014", True),
        ("20260003", True),
        ("1123456782", True),
        ("1234567820123", True),
    ],
)
def test_a_reference_that_may_be_a_citizen_service_number_stands_in_no_mail(reference: str, told: bool) -> None:
    text = notice_text.body([(reference, [Kind.MATCH])], 0, LINK, "nl")
    assert (reference in text) is told and ("burgerservicenummer" in text) is not told and "een nieuwe match" in text


@pytest.mark.parametrize(
    "to",
    ["a@b.nl\r\nBcc: c@d.nl", "a@b.nl, c@d.nl", "Ilse <a@b.nl>", "nobody", "", "a@b.nl\n", "@", "a b@c.nl"],
)
def test_what_is_no_address_makes_no_mail(to: str) -> None:
    with pytest.raises(Malformed):
        notice_text.trial_mail(to, SENDER, "1@school.example", "nl", datetime.now(UTC))


def test_a_reference_is_text_in_the_body_and_nothing_else() -> None:
    text = notice_text.body([("Subject: x .", [Kind.MATCH]), ("<b>&", [Kind.MATCH])], 0, LINK, "nl")
    raw = notice_text.mail(ILSE, SENDER, "1@school.example", text, "nl", datetime.now(UTC))
    assert raw.count(b"Subject:") == 2 and raw.split(b"\r\n\r\n", 1)[0].count(b"Subject:") == 1


# --- who, and when ----------------------------------------------------------------------------------------------------


def test_a_flood_is_one_mail_with_ten_references(
    node: Node, notices: Notices, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    for place in range(MAX_REFERENCES + 213):
        notices.queue(add_case(node, f"2026-{place:04}", place=place), Kind.MATCH, clock())
        notices.queue(node.store.case_handle(f"2026-{place:04}"), Kind.MATCH, clock())
    assert go() == Round(taken=1)
    (got,) = server.got
    assert got.text.count("- 2026-") == MAX_REFERENCES and "en nog 213 andere\n" in got.text
    assert "2026-0009" in got.text and "2026-0010" not in got.text
    assert notices.counts()["notices_waiting"] == 0


def test_what_comes_within_a_quarter_of_an_hour_is_one_mail(
    node: Node, notices: Notices, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    notices.queue(add_case(node, "A-1"), Kind.MATCH, clock())
    assert go(SETTLE_SECONDS - 1) == Round()
    assert go(1).taken == 1
    for place in (2, 3):
        notices.queue(add_case(node, f"A-{place}", place=place), Kind.ANSWER, clock())
        assert go() == Round()
    assert go(QUIET_SECONDS - 2 * SETTLE_SECONDS - 1) == Round()
    assert go(1).taken == 1
    assert [re.findall("A-[0-9]", each.text) for each in server.got] == [["A-1"], ["A-2", "A-3"]]
    notices.queue(node.store.case_handle("A-1"), Kind.ANSWER, clock())
    assert (go().taken, go(QUIET_SECONDS).taken) == (0, 1)


@pytest.mark.parametrize(
    ("moment", "morning"),
    [
        ("2026-03-02T06:59:59+00:00", "2026-03-02T07:00:00+00:00"),
        ("2026-03-02T07:00:00+00:00", "2026-03-03T07:00:00+00:00"),
        ("2026-03-06T09:00:00+00:00", "2026-03-09T07:00:00+00:00"),  # Friday → Monday
        ("2026-03-07T05:00:00+00:00", "2026-03-09T07:00:00+00:00"),  # Saturday morning
        ("2026-03-27T09:00:00+00:00", "2026-03-30T06:00:00+00:00"),  # over the change of the clock
        ("2026-04-02T09:00:00+00:00", "2026-04-07T06:00:00+00:00"),  # Good Friday, Easter Monday
    ],
)
def test_a_daily_mail_goes_at_eight_on_working_days(moment: str, morning: str) -> None:
    found = morning_after(int(datetime.fromisoformat(moment).timestamp()))
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(morning)


def test_a_user_may_be_told_once_a_day_or_not_at_all(
    node: Node, notices: Notices, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    assert notices.preference(ilse.id) is Preference.AT_ONCE
    notices.set_preference(ilse.id, Preference.DAILY, clock())
    for place in (1, 2):
        notices.queue(add_case(node, f"A-{place}", place=place), Kind.MATCH, clock())
        assert go(3600) == Round()
    clock.now = datetime(2026, 3, 3, 6, 59, 55, tzinfo=UTC)
    notices.queue(add_case(node, "A-3", place=3), Kind.MATCH, clock())
    assert (go(3).taken, go(2).taken, go(10).taken) == (0, 1, 0)
    assert re.findall("A-[0-9]", server.got[0].text) == ["A-1", "A-2"]
    clock.now = datetime(2026, 3, 4, 7, tzinfo=UTC)
    assert go(0).taken == 1 and "A-3" in server.got[1].text
    notices.queue(node.store.case_handle("A-1"), Kind.ANSWER, clock())
    assert go() == Round()
    notices.set_preference(ilse.id, Preference.AT_ONCE, clock())
    assert (go(0).taken, go(QUIET_SECONDS).taken) == (0, 1)
    notices.set_preference(ilse.id, Preference.OFF, clock())
    notices.queue(node.store.case_handle("A-1"), Kind.ANSWER, clock())
    assert go(86_400) == Round()
    assert (notices.counts()["notices_waiting"], notices.counts()["notices_unaddressed"]) == (0, 0)
    assert len(server.got) == 3


def test_a_team_hears_of_the_cases_of_its_shared_address(
    node: Node, notices: Notices, people: People, go: Go, server: Post, clock: Clock
) -> None:
    people.add_team("Zorgteam", TEAM, ADMIN, clock())
    notices.queue(add_case(node, "A-1", TEAM), Kind.MATCH, clock())
    assert go().taken == 1
    assert server.got[0].to == TEAM and "hele team" in server.got[0].text


def test_who_opens_no_case_is_told_of_none_and_what_nobody_hears_is_counted(
    node: Node, notices: Notices, people: People, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    people.add_user("Noor", NOOR, [Role.ADMINISTRATOR, Role.PRIVACY_OFFICER], [], "", ADMIN, clock())
    node.put_case(case("A-4", bsn(4), worker_name="Ilse Quist"))
    notices.queue(add_case(node, "A-1", NOOR), Kind.MATCH, clock())
    notices.queue(add_case(node, "A-2", "iemand@elders.example", 2), Kind.MATCH, clock())
    notices.queue(node.store.case_handle("A-4"), Kind.MATCH, clock())
    people.deactivate(ilse.id, ilse.changed, ADMIN, clock())
    notices.queue(add_case(node, "A-3", ILSE, 3), Kind.MATCH, clock())
    assert go() == Round() and server.got == []
    assert (notices.counts()["notices_waiting"], notices.counts()["notices_unaddressed"]) == (0, 4)


def test_a_case_that_went_to_a_colleague_or_ended_is_told_to_nobody_else(
    node: Node, notices: Notices, people: People, ilse: User, go: Go, server: Post, clock: Clock
) -> None:
    people.add_user("Noor", NOOR, [Role.CASE_WORKER], [], "", ADMIN, clock())
    for place in (1, 2):
        notices.queue(add_case(node, f"A-{place}", place=place), Kind.MATCH, clock())
    add_case(node, "A-1", NOOR)
    node.drop_case("A-2")
    assert go().taken == 1 and notices.counts()["notices_unaddressed"] == 0
    assert server.got[0].to == NOOR and "A-2" not in server.got[0].text


def test_without_a_mail_server_nothing_is_queued(node: Node, people: People, clock: Clock) -> None:
    notices = Notices(node.store, None)
    notices.queue(add_case(node, "A-1"), Kind.MATCH, clock())
    assert notices.counts()["notices_waiting"] == 0 and notices.gather(people, LINK, clock()) == 0


def test_what_waits_lies_sealed_and_goes_with_its_transaction(
    node: Node, notices: Notices, people: People, ilse: User, clock: Clock
) -> None:
    notices.queue(add_case(node, "DOSSIER-77123"), Kind.MATCH, clock())

    def fail() -> None:
        with node.store.transaction():
            notices.queue(add_case(node, "DOSSIER-77124"), Kind.MATCH, clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert notices.counts()["notices_waiting"] == 1
    clock.pass_(seconds=SETTLE_SECONDS)
    assert notices.gather(people, LINK, clock()) == 1 and notices.counts()["mails_waiting"] == 1
    stolen = files(node.store)
    assert b"@school.example" in stolen  # of the mail's id
    assert b"DOSSIER-77123" not in stolen and b"ilse.quist" not in stolen and b"nieuwe match" not in stolen


def test_what_comes_while_a_mail_is_made_is_told_in_the_next(
    node: Node, notices: Notices, people: People, ilse: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_case = add_case(node, "A-1")
    notices.queue(own_case, Kind.MATCH, clock())
    found = people.users()

    class Meanwhile(People):
        def users(self) -> list[User]:
            notices.queue(own_case, Kind.MATCH, clock())
            return found

    clock.pass_(seconds=SETTLE_SECONDS)
    assert notices.gather(Meanwhile(node.store, os.urandom), LINK, clock()) == 1
    assert notices.counts()["notices_waiting"] == 1


def test_what_is_new_is_told_or_waits_still_where_the_store_fails(
    node: Node, notices: Notices, people: People, ilse: User, go: Go, clock: Clock
) -> None:
    for place in (1, 2):
        notices.queue(add_case(node, f"A-{place}", place=place), Kind.MATCH, clock())
    clock.pass_(seconds=SETTLE_SECONDS)
    node.store.database.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON mail BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        notices.gather(people, LINK, clock())
    node.store.database.execute("DROP TRIGGER full")
    assert (notices.counts()["notices_waiting"], notices.counts()["mails_waiting"]) == (2, 0)
    assert go().taken == 1  # and nobody counts as told before


# --- when a server does not take it ---------------------------------------------------------------------------------------


def test_not_now_is_tried_again_with_the_same_bytes(node: Node, mail: Mail, server: Post, clock: Clock) -> None:
    outbox = queued(node, mail, clock, ILSE)
    server.answer = lambda stage, address: "450 greylisted" if stage == "RCPT" else ""
    assert rounds(outbox, mail, clock) == Round(failed=1, reason="the mail server does not take an address now (450)")
    server.answer = lambda stage, address: "451 disk full" if stage == "DATA" else ""
    clock.pass_(seconds=4)
    assert rounds(outbox, mail, clock) == Round()
    clock.pass_(seconds=1)
    assert "(451)" in rounds(outbox, mail, clock).reason
    server.answer = lambda stage, address: ""
    clock.pass_(seconds=300)
    assert rounds(outbox, mail, clock) == Round(taken=1)
    assert outbox.counts()["mail_trouble"] == "" and server.got[0].message["Message-ID"] == f"<{0:032x}@school.example>"


def test_an_address_that_is_refused_for_good_holds_up_no_other(node: Node, mail: Mail, server: Post, clock: Clock) -> None:
    outbox = queued(node, mail, clock, NOOR, ILSE, TEAM)
    server.answer = lambda stage, address: {NOOR: "550 nobody here", TEAM: "554 spam"}.get(address, "") if (
        stage == ("RCPT" if address == NOOR else "DATA")) else ""  # fmt: skip
    found = rounds(outbox, mail, clock)
    assert (found.taken, found.refused, found.failed) == (1, 2, 0)
    assert [each.to for each in server.got] == [ILSE]
    counts = outbox.counts()
    assert (counts["mails_waiting"], counts["mails_refused"], counts["mails_given_up"]) == (0, 2, 0)
    assert counts["mail_trouble"] == "the mail server refused a mail for good (554)"


def test_a_server_that_hangs_up_may_have_taken_it_and_gets_the_same_again(
    node: Node, mail: Mail, server: Post, clock: Clock
) -> None:
    outbox = queued(node, mail, clock, ILSE, NOOR)
    server.answer = lambda stage, address: "hang up" if stage == "DATA" else ""
    found = rounds(outbox, mail, clock)
    assert (found.failed, found.pause) == (1, courier.ILL_SECONDS) and "ended the connection" in found.reason
    server.answer = lambda stage, address: ""
    clock.pass_(seconds=10)
    assert rounds(outbox, mail, clock) == Round(taken=2)
    assert [each.to for each in server.got] == [ILSE, NOOR, ILSE]
    assert server.got[0].raw == server.got[2].raw


def test_a_server_that_asks_for_less_is_left_alone(node: Node, mail: Mail, server: Post, clock: Clock) -> None:
    outbox = queued(node, mail, clock, ILSE, NOOR)
    server.answer = lambda stage, address: "421 too busy" if stage == "RCPT" else ""
    found = rounds(outbox, mail, clock)
    assert (found.failed, found.pause, found.taken) == (1, courier.ILL_SECONDS, 0) and "(421)" in found.reason


def test_a_server_that_was_gone_gets_it_when_it_is_back(node: Node, clock: Clock) -> None:
    with post() as gone:
        mail = Mail(f"127.0.0.1:{gone.port}", SENDER, "none")
    outbox = queued(node, mail, clock, ILSE, NOOR)
    found = rounds(outbox, mail, clock)
    assert found == Round(failed=1, pause=courier.ILL_SECONDS, reason="the mail server could not be reached")
    assert outbox.counts()["mail_trouble"] == found.reason
    clock.pass_(seconds=60)
    with post(port=gone.port) as back:
        assert rounds(outbox, mail, clock) == Round(taken=2)
        assert {each.to for each in back.got} == {ILSE, NOOR}


def test_a_mail_that_is_never_taken_is_given_up_and_counted(node: Node, mail: Mail, server: Post, clock: Clock) -> None:
    outbox = queued(node, mail, clock, ILSE)
    server.answer = lambda stage, address: "450 later"
    tried = 0
    for delay in (0, *courier.DELAYS):
        clock.pass_(seconds=int(delay))
        tried += rounds(outbox, mail, clock).failed
    assert tried == len(courier.DELAYS) + 1
    assert (outbox.counts()["mails_waiting"], outbox.counts()["mails_given_up"]) == (0, 1)
    outbox = queued(node, mail, clock, NOOR)
    rounds(outbox, mail, clock)
    clock.pass_(seconds=courier.LONGEST_SECONDS + 1)
    assert rounds(outbox, mail, clock) == Round(given_up=1)
    assert outbox.counts()["mails_given_up"] == 2


def test_a_server_that_says_nothing_is_given_up_on_in_time(
    node: Node, mail: Mail, server: Post, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        deaf = replace(mail, server=f"127.0.0.1:{listening.getsockname()[1]}")
        outbox, began = queued(node, mail, clock, ILSE), time.monotonic()
        assert "did not answer" in rounds(outbox, deaf, clock).reason
    assert time.monotonic() - began < 5


def test_what_was_taken_and_not_noted_comes_again_with_the_same_id(node: Node, mail: Mail, server: Post, clock: Clock) -> None:
    """Succeeded, and we did not hear: the store could not be written."""
    outbox = queued(node, mail, clock, ILSE)
    node.store.database.execute("CREATE TEMP TRIGGER full BEFORE DELETE ON mail BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        rounds(outbox, mail, clock)
    node.store.database.execute("DROP TRIGGER full")
    assert rounds(outbox, mail, clock) == Round(taken=1)
    first, second = server.got
    assert first.raw == second.raw and first.message["Message-ID"]


def test_what_was_taken_is_not_sent_again_when_the_process_ends_in_the_middle(
    node: Node, mail: Mail, server: Post, clock: Clock
) -> None:
    outbox = queued(node, mail, clock, ILSE, NOOR, TEAM)
    calls = 0

    def jitter() -> float:
        nonlocal calls
        calls += 1
        if calls == 3:  # behind the second mail that was noted
            raise KeyboardInterrupt
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        deliver(outbox, mail, clock, jitter)
    assert rounds(outbox, mail, clock).taken == 1
    assert [each.to for each in server.got] == [ILSE, NOOR, TEAM, TEAM]


# --- TLS and signing in -----------------------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> Authority:
    return Authority.create("gemeente", datetime.now(UTC))


@pytest.fixture
def context(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return server_context(authority, tmp_path)


def secret_file(folder: Path, text: str = PASSWORD + "\n") -> Path:
    path = folder / "mail.password"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_goes_only_to_a_server_that_is_vouched_for(
    node: Node, clock: Clock, context: ssl.SSLContext, tmp_path: Path, security: str
) -> None:
    kind = {security: context}
    with post(**kind) as server:  # type: ignore[arg-type]
        known = Mail(f"localhost:{server.port}", SENDER, security, authorities=tmp_path / "ca.pem")
        unknown = replace(known, authorities=None)
        other_name = replace(known, server=f"127.0.0.1:{server.port}")
        outbox = queued(node, known, clock, ILSE)
        for wrong in (unknown, other_name):
            found = rounds(outbox, wrong, clock)
            assert found.failed == 1 and "certificate does not hold" in found.reason
            assert "certificate does not hold" in mailing.reach(wrong)
            clock.pass_(hours=1)
        assert server.got == [] and b"mail from" not in bytes(server.wire).lower()
        assert mailing.reach(known) == ""
        assert rounds(outbox, known, clock) == Round(taken=1) and len(server.got) == 1


def test_where_starttls_is_taken_away_nothing_is_sent_in_the_clear(node: Node, clock: Clock, tmp_path: Path) -> None:
    with post(signing_in=True) as server:
        mail = Mail(f"localhost:{server.port}", SENDER, "starttls", USER, secret_file(tmp_path))
        found = rounds(queued(node, mail, clock, ILSE), mail, clock)
        assert "offers no STARTTLS" in found.reason and server.got == []
        assert bytes(server.wire).lower().split() == [b"ehlo", b"school.example"]


def test_tls_towards_a_server_without_it_says_which_port_is_which(node: Node, clock: Clock) -> None:
    with post() as server:
        mail = Mail(f"localhost:{server.port}", SENDER, "tls")
        assert "does not speak TLS on this port" in rounds(queued(node, mail, clock, ILSE), mail, clock).reason


def test_this_program_signs_in_and_says_when_it_may_not(
    node: Node, clock: Clock, context: ssl.SSLContext, tmp_path: Path
) -> None:
    with post(starttls=context, signing_in=True) as server:
        path = secret_file(tmp_path)
        mail = Mail(f"localhost:{server.port}", SENDER, "starttls", USER, path, tmp_path / "ca.pem")
        outbox = queued(node, mail, clock, ILSE)
        anonymous = replace(mail, user="", password_file=None)
        assert "mail.sender (530)" in rounds(outbox, anonymous, clock).reason
        clock.pass_(hours=1)
        secret_file(tmp_path, "een ander")
        assert "refuses mail.user or its password (535)" in rounds(outbox, mail, clock).reason
        clock.pass_(hours=1)
        path.chmod(0o640)
        with pytest.raises(Refused, match="chmod 600"):
            rounds(outbox, mail, clock)
        assert "chmod 600" in outbox.counts()["mail_trouble"]
        secret_file(tmp_path)
        assert rounds(outbox, mail, clock) == Round(taken=1) and server.signed_in == 1


@pytest.mark.parametrize("text", ["", "\n", "twee\nregels\n", "tab\tin", "é", "x" * 600])
def test_what_is_no_password_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    mail = Mail("mail.example:465", SENDER, user="u", password_file=secret_file(tmp_path, text))
    with pytest.raises(Refused, match="one line") as caught:
        mailing.password_in(mail)
    assert not text.strip() or text.strip() not in str(caught.value)


# --- settings, test mail, courier -------------------------------------------------------------------------------------------


def settings_with(folder: Path, text: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(f'covenant = "c"\nid = "own"\nindex = "127.0.0.1:1"\nkey_file = "k"\n{text}\n[key_holders]\nk-1 = "h:2"\n')
    return toml.load(path, Settings)


def test_settings_name_the_server(tmp_path: Path) -> None:
    text = f'[mail]\nserver = "[::1]:587"\nsender = "{SENDER}"\nsecurity = "starttls"\nuser = "u"\npassword_file = "p"'
    found = settings_with(tmp_path, text).mail
    assert found == Mail("[::1]:587", SENDER, "starttls", "u", tmp_path / "p")
    assert found is not None and found.address == ("::1", "587") and found.domain == "school.example"
    assert settings_with(tmp_path, "").mail is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"server": "mail.example"},
        {"server": ":25"},
        {"server": "mail.example:0"},
        {"server": "mail.example:٣"},
        {"sender": "Raakvlak <a@b.nl>"},
        {"sender": "nobody"},
        {"sender": "a@b.nl\nBcc: c@d.nl"},
        {"security": "none"},
        {"security": "ssl"},
        {"user": "u"},
        {"password_file": "p"},
    ],
)
def test_settings_that_would_not_do_are_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    given = {"server": "mail.example:465", "sender": SENDER} | wrong
    with pytest.raises(Refused, match="mail"):
        settings_with(tmp_path, "[mail]\n" + "\n".join(f"{name} = {json.dumps(text)}" for name, text in given.items()))


def test_serving_is_refused_where_no_mail_could_be_sent(node: Node, tmp_path: Path) -> None:
    pages = Pages("https://raakvlak.school.example")
    mail = Mail("mail.example:465", SENDER)
    mailing.demand_ready(node.settings)
    mailing.demand_ready(replace(node.settings, mail=mail, pages=pages))
    with pytest.raises(Refused, match="no \\[pages\\]"):
        mailing.demand_ready(replace(node.settings, mail=mail))
    with pytest.raises(Refused, match="missing"):
        wrong = replace(mail, user="u", password_file=tmp_path / "none")
        mailing.demand_ready(replace(node.settings, mail=wrong, pages=pages))
    with pytest.raises(Refused, match=r"mail\.authorities"):
        wrong = replace(mail, authorities=tmp_path / "none.pem")
        mailing.demand_ready(replace(node.settings, mail=wrong, pages=pages))


def test_a_test_mail_tells_of_nothing_and_says_what_goes_wrong(mail: Mail, server: Post, clock: Clock) -> None:
    assert mailing.send_trial(mail, ILSE, "nl", os.urandom, clock()).taken
    assert mailing.send_trial(mail, "café@school.example", "en", os.urandom, clock()).taken
    assert [each.to for each in server.got] == [ILSE, "café@school.example"]
    assert "testmail" in server.got[0].text and "It has arrived" in server.got[1].text
    server.answer = lambda stage, address: "550 nobody"
    assert mailing.send_trial(mail, ILSE, "nl", os.urandom, clock()).refused
    assert mailing.send_trial(replace(mail, server="127.0.0.1:1"), ILSE, "nl", os.urandom, clock()).ill


def test_an_administrator_tries_the_server_and_is_told_what_to_mend(server: Post, tmp_path: Path) -> None:
    folder = member_folder(tmp_path)
    text = (folder / "settings.toml").read_text()

    def run(*arguments: str) -> str:
        return invoked(mail_command, folder, "test", "--to", ILSE, *arguments)

    def verdicts() -> list[tuple[str, str]]:
        # Nothing else of a federation runs here, which doctor says too.
        found = json.loads(CliRunner().invoke(working.doctor, ["--json", "--folder", str(folder)]).stdout)["findings"]
        return [(each["verdict"], each["finding"]) for each in found if each["check"] == "mail"]

    def write(port: int, pages: str = '[pages]\naddress = "http://localhost:8000"\n') -> None:
        mail = f'[mail]\nserver = "127.0.0.1:{port}"\nsender = "{SENDER}"\nsecurity = "none"\n'
        (folder / "settings.toml").write_text(f"{text}\n{pages}{mail}")

    with pytest.raises(Refused, match=r"no \[mail\]"):
        run()
    assert verdicts() == []
    write(server.port)
    assert json.loads(run("--json", "--lang", "en")) == {"taken": True} and "It has arrived" in server.got[0].text
    with pytest.raises(Refused, match="not an e-mail address"):
        invoked(mail_command, folder, "test", "--to", "Ilse <a@b.nl>")
    assert verdicts() == [("good", "0 mails wait, 0 were given up, 0 refused")]
    server.answer = lambda stage, address: "550 nobody"
    with pytest.raises(Refused, match="550"):
        run()
    write(server.port, pages="")
    ((verdict, finding),) = verdicts()
    assert verdict == "bad" and "no [pages]" in finding
    assert "no [pages]" in run_program("serve", folder=folder).failed()
    write(1)
    ((verdict, finding),) = verdicts()
    assert verdict == "bad" and "could not be reached" in finding
    with pytest.raises(Unavailable, match="could not be reached"):
        run()
    assert len(server.got) == 1


def test_the_courier_delivers_what_comes_while_it_runs_and_outlives_what_goes_wrong(
    node: Node, people: People, clock: Clock, mail: Mail, server: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(courier, "ILL_SECONDS", 0.02)
    people.add_user("Ilse Quist", ILSE, [Role.CASE_WORKER], [], "", ADMIN, clock())
    settings = replace(node.settings, mail=mail, pages=Pages(LINK.removesuffix("/today")))
    notices, out, stop = Notices(node.store, mail), io.StringIO(), Stop()
    broken = [True]

    def random(count: int) -> bytes:
        if broken:
            raise RuntimeError(ILSE)
        return os.urandom(count)

    log = Log("node", mailing.EVENTS, out)
    thread = threading.Thread(target=mailing.Courier(node.another_store, settings, log, stop, random=random, clock=clock).run)
    thread.start()
    try:
        notices.queue(add_case(node, "A-1"), Kind.MATCH, clock() - timedelta(seconds=SETTLE_SECONDS))
        _until(lambda: '"error"' in out.getvalue())
        broken.clear()
        _until(lambda: len(server.got) == 1)
        _until(lambda: notices.counts()["mails_waiting"] == 0)
    finally:
        stop.request()
        thread.join(10)
    assert not thread.is_alive() and LINK in server.got[0].text
    assert "mails_delivered" in out.getvalue() and ILSE not in out.getvalue() and "A-1" not in out.getvalue()


def test_serving_delivers_mail_beside_all_else(
    node: Node, people: People, clock: Clock, mail: Mail, server: Post, ilse: User
) -> None:
    serving = replace(node, settings=replace(node.settings, mail=mail, pages=Pages(LINK.removesuffix("/today"))))
    serving.notices().queue(add_case(node, "A-1"), Kind.MATCH, clock() - timedelta(seconds=SETTLE_SECONDS))
    with _telling(serving, Log("node", mailing.EVENTS, io.StringIO()), Stop()):
        _until(lambda: len(server.got) == 1)
    assert "mail" not in {each.name for each in threading.enumerate()}


def _until(done: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < 10
        time.sleep(0.01)
