"""The privacy officer: access log, ledger, subject reports, objections. A citizen service number is nowhere told again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from raakvlak_node import access
from raakvlak_node.access import AccessLog, Actor, Event, Line, Result
from raakvlak_node.node import Node
from raakvlak_node.pages import privacy_log
from raakvlak_node.people import Role
from raakvlak_node.promises import Promises
from raakvlak_protocol.identifier import Bsn
from tests.federation import case, federation
from tests.node.conftest import NodeOf
from tests.pages.site import Forms, Site, Visitor

CHILD, MOTHER, STRANGER, WRONG = "123456782", "999990019", "111222333", "123456789"
EVIL = "<img src=x onerror=alert(1)> =cmd|' /C calc'!A0"
OFFICER = "officer@own.example"
PATHS = (
    "/privacy", "/privacy/log", "/privacy/ledger", "/privacy/subjects", "/privacy/objections", "/privacy/objections/new",
    "/privacy/erasure",
)  # fmt: skip


@pytest.fixture
def officer(site: Site) -> Visitor:
    site.node.put_case(case("S-1", CHILD, birth_date="2009-01-05", parent_bsn_1=MOTHER))
    site.node.put_case(case("S-2", MOTHER, birth_date="1980-05-05"))
    return site.visit(site.user(OFFICER, Role.PRIVACY_OFFICER))


def lines(site: Site) -> list[Line]:
    return AccessLog(site.node.store).lines(0, 10_000)


def wrote(node: Node, reference: str = "", who: str = "ilse@own.example", event: Event = Event.READ, reason: str = "") -> None:
    with node.store.transaction():
        AccessLog(node.store, node.random).write(
            Actor.page(who, "case-worker"), event, node.clock(), case=reference, kind="picture", reason=reason
        )


def untold(site: Site, *answers: httpx.Response, numbers: tuple[str, ...] = (CHILD, MOTHER, STRANGER, WRONG)) -> None:
    """No number stands in an answer, where it leads, the access log or the node's log."""
    said = "\n".join(f"{each.text}\n{each.headers}\n{each.url}" for each in answers)
    said += "\n".join(str(each.record()) for each in lines(site)) + repr(site.log)
    assert [each for each in numbers if each in said] == []


# --- who may ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.PRIVACY_OFFICER])
def test_the_privacy_pages_are_for_the_privacy_officer_alone(site: Site, role: Role) -> None:
    visitor = site.visit(site.user("somebody@own.example", role))
    before = len(lines(site))
    for path in (*PATHS, f"/privacy/objections/{'0' * 16}"):
        assert visitor.open(path).status_code == 403
    for path in ("/privacy/log/export", "/privacy/subjects", "/privacy/objections/new", "/privacy/erasure"):
        assert visitor.post(path, {"bsn": [CHILD]}).status_code == 403
    refused = lines(site)[before:]
    assert len(refused) == len(PATHS) + 5 and {each.outcome for each in refused} == {Result.REFUSED}
    untold(site)


def test_every_page_opens_in_both_languages_and_says_so_in_the_log(site: Site, officer: Visitor) -> None:
    for path in PATHS:
        officer.go(path)
        assert "style=" not in officer.page and "<script>" not in officer.page
    dutch = site.visit(site.user("fg@own.example", Role.PRIVACY_OFFICER), "nl")
    for path in PATHS:
        dutch.go(path)
    assert "Iemand wissen" in dutch.text()
    told = [(each.event, each.kind) for each in lines(site) if each.actor.id == OFFICER]
    assert told == [(Event.READ, "report"), (Event.READ, "log"), (Event.READ, "ledger")]


def test_the_overview_tells_what_waits(site: Site, officer: Visitor) -> None:
    officer.go("/privacy")
    assert "No objection waits" in officer.text()
    node = site.node
    received = node.today(node.clock()) - timedelta(days=50)
    node.standing().object(Bsn.parse(MOTHER), "no", received, Actor.command("x"), node.clock())
    Promises(node.store).add_alarm("two_histories", f"the index {EVIL}", "", int(node.clock().timestamp()))
    officer.go("/privacy")
    assert "An objection is past its day" in officer.text() and "Publishing has stopped" in officer.text()
    assert EVIL in officer.text() and EVIL not in officer.page


# --- the access log ---------------------------------------------------------------------------------------------------------


def test_the_log_is_told_newest_first_and_escaped(site: Site, officer: Visitor) -> None:
    wrote(site.node, "S-1", reason=f"first {EVIL}")
    wrote(site.node, "S-2", reason="second")
    officer.go("/privacy/log")
    text = officer.text()
    assert text.index("second") < text.index("first") and "ilse@own.example" in text
    assert EVIL in text and EVIL not in officer.page
    last = lines(site)[-1]
    assert (last.event, last.kind, last.actor.id) == (Event.READ, "log", OFFICER)


def test_the_log_is_paged_by_number(site: Site, officer: Visitor) -> None:
    for number in range(privacy_log.SHOWN + 7):
        wrote(site.node, reason=f"n{number:03}")
    officer.go("/privacy/log")
    seen = [word for word in officer.text().split() if word.startswith("n0")]
    (older,) = [each for each in Forms(officer.page).links if "before=" in each]
    officer.go(older)
    seen += [word for word in officer.text().split() if word.startswith("n0")]
    assert seen == [f"n{number:03}" for number in reversed(range(privacy_log.SHOWN + 7))]
    for wrong in ("-1", "0", "9" * 15, "9" * 18):
        assert officer.open(f"/privacy/log?before={wrong}").status_code == 200
    assert officer.open("/privacy/log?before=x").status_code == 404


@pytest.mark.parametrize(
    "query,told",
    [
        ("case=S-1", {"a", "b"}),
        ("case=S-3", set()),
        ("who=JAN", {"b"}),
        ("event=update", {"b"}),
        ("kind=log", set()),
        ("refused=yes", {"c"}),
        ("case=S-1&who=ilse", {"a"}),
        ("who=nobody", set()),
    ],
)
def test_the_log_is_searched(site: Site, officer: Visitor, query: str, told: set[str]) -> None:
    wrote(site.node, "S-1", reason="reason-a")
    wrote(site.node, "S-1", who="Jan@own.example", event=Event.UPDATE, reason="reason-b")
    node = site.node
    AccessLog(node.store, node.random).write(
        Actor.page("ilse@own.example", "case-worker"), Event.READ, node.clock(), outcome=Result.REFUSED, reason="reason-c"
    )
    node.drop_case("S-1")  # Its lines are still found.
    officer.go(f"/privacy/log?{query}")
    assert {each[-1] for each in officer.text().split() if each.startswith("reason-")} == told


def test_days_are_found_without_opening_what_lies_before_and_behind(
    site: Site, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy_log, "SCANNED", 4)
    node = site.node
    days = []
    for day in range(6):
        days.append(node.today(node.clock()).isoformat())
        for number in range(3):
            wrote(node, "S-1", reason=f"day-{day}-{number}")
        node.clock.pass_(days=1)  # type: ignore[attr-defined]
    officer = site.visit(site.user("second@own.example", Role.PRIVACY_OFFICER))
    for query in (f"first={days[2]}&last={days[2]}", f"first={days[2]}&last={days[2]}&case=S-1"):
        officer.go(f"/privacy/log?{query}")
        assert [each for each in officer.text().split() if each.startswith("day-")] == ["day-2-2", "day-2-1", "day-2-0"]
    officer.go(f"/privacy/log?last={days[0]}")
    assert [each for each in officer.text().split() if each.startswith("day-")] == ["day-0-2", "day-0-1", "day-0-0"]
    officer.go("/privacy/log?first=2031-01-01")
    assert "No line is like that." in officer.text()


def test_a_search_says_where_it_stopped_and_goes_on_from_there(
    site: Site, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy_log, "SCANNED", 10)
    wrote(site.node, "S-1", who="rare@own.example", reason="needle")
    for _ in range(25):
        wrote(site.node, "S-1")
    for query in ("who=rare", "who=rare&case=S-1"):
        path, pages = f"/privacy/log?{query}", 0
        while "needle" not in officer.text() or pages == 0:
            officer.go(path)
            pages += 1
            assert pages < 6
            if "needle" not in officer.text():
                assert "10 lines were looked through" in officer.text()
                (path,) = [each for each in Forms(officer.page).links if "before=" in each]
        assert pages == 3
        officer.go("/privacy")


def test_a_wrong_question_is_told_beside_its_field(site: Site, officer: Visitor) -> None:
    for query in (
        "first=yesterday", "event=nothing", "kind=<b>", "first=2026-02-01&last=2026-01-01", f"case={'x' * 65}", "who=a%00b",
    ):  # fmt: skip
        assert officer.open(f"/privacy/log?{query}").status_code == 422, query
        assert "<b>" not in officer.page and "is not right yet" in officer.text()


def test_a_number_that_was_typed_as_a_reference_does_not_get_into_the_log(site: Site, officer: Visitor) -> None:
    wrote(site.node, "S-1")
    for reference in (CHILD, "S-1"):
        officer.go(f"/privacy/log?case={reference}")
    assert [each.case for each in lines(site) if each.kind == "log"] == ["", "S-1"]
    untold(site)


def test_the_export_verifies_and_stands_in_itself(site: Site, officer: Visitor) -> None:
    for number in range(1_200):
        wrote(site.node, reason=f"{number}")
    officer.go("/privacy/log")
    answer = officer.send("/privacy/log/export")
    assert answer.headers["content-disposition"].startswith('attachment; filename="access-log-own-')
    raw = answer.content.splitlines(keepends=True)
    head = access.verify(raw)
    assert head == AccessLog(site.node.store).head()
    last = lines(site)[-1] if head.number < 10_000 else None
    assert last is not None and (last.event, last.kind, last.actor.id) == (Event.EXPORT, "log", OFFICER)
    assert officer.open("/privacy/log/export").status_code in (404, 405)


# --- the ledger -------------------------------------------------------------------------------------------------------------


def test_the_ledger_tells_what_left_and_no_token(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = Site(running.nodes["school"])
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-1", CHILD))
        running.settle()
        node = school.node
        visitor = school.visit(school.user(OFFICER, Role.PRIVACY_OFFICER))
        visitor.go("/privacy/ledger")
        text, head = visitor.text(), node.store.ledger_head()
        assert head is not None and head.hash.hex() in text
        for said in ("Involvement made known", "Sealed letter", "The town", "Key holder 1", "The index"):
            assert said in text
        rows = node.store.database.execute("SELECT person, epoch, reference FROM token").fetchall()
        secret = [bytes(row[2]).hex() for row in rows]
        secret += [node.store.token_keys(bytes(row[0]), row[1]).token.reveal().hex() for row in rows]
        secret += [match.match_id.hex() for match in node.store.live_matches()]
        assert len(secret) == 5 and not any(each in visitor.page for each in secret)
        visitor.go("/privacy")
        assert "The town, " in visitor.text() and "bytes" in visitor.text()
        node.drop_case("S-1")
        running.settle()
        visitor.go("/privacy/ledger")
        assert "Destroyed: what was said is gone" in visitor.text()
        assert visitor.open("/privacy/ledger?before=x").status_code == 404
        for before in ("1", "2", "-3", "99999999999999999"):
            assert visitor.open(f"/privacy/ledger?before={before}").status_code == 200


# --- subject reports --------------------------------------------------------------------------------------------------------


def test_a_report_is_shown_or_taken_and_the_number_is_told_nowhere(site: Site, officer: Visitor) -> None:
    officer.go("/privacy/subjects")
    form = {"bsn": " 9999.900.19 ", "asked_by": "subject"}
    shown = officer.send("/privacy/subjects", language="en", how="show", **form)
    assert shown.status_code == 200 and "What does The own know about you?" in shown.text
    assert "style-src 'sha256-" in shown.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
    officer.go("/privacy/subjects")
    page = officer.send("/privacy/subjects", how="page", **form)
    officer.go("/privacy/subjects")
    data = officer.send("/privacy/subjects", how="data", **form)
    assert page.headers["content-disposition"] == 'attachment; filename="report.html"' and '<html lang="nl">' in page.text
    assert data.json()["number_ends_with"] == MOTHER[-3:]
    told = [each for each in lines(site) if each.event is Event.EXPORT]
    assert [(each.kind, each.outcome, each.actor.role) for each in told] == [("person", Result.DONE, "privacy-officer")] * 3
    untold(site, shown, page, data)


def test_who_may_not_ask_is_refused_beside_the_field_and_written_down(site: Site, officer: Visitor) -> None:
    answers = []
    for given, said in (
        ({"bsn": MOTHER, "asked_by": "parent"}, "from 16 the youth"),
        ({"bsn": MOTHER, "asked_by": "subject", "birth_date": "1999-01-01"}, "another one than the case has"),
        ({"bsn": STRANGER, "asked_by": "subject"}, "birth date for certain"),
        ({"bsn": WRONG, "asked_by": "subject"}, "11-proof"),
        ({"bsn": "", "asked_by": "subject"}, "Fill in the citizen service number."),
        ({"bsn": "12345678" * 4, "asked_by": "subject"}, "nine digits"),
        ({"bsn": MOTHER, "asked_by": "neighbour"}, "Choose one of these."),
        ({"bsn": MOTHER, "asked_by": "subject", "birth_date": "soon"}, "This is not a day"),
        ({"bsn": MOTHER, "asked_by": "subject", "language": "de"}, "Choose one of these."),
    ):
        officer.go("/privacy/subjects")
        answer = officer.send("/privacy/subjects", how="show", **given)
        answers.append(answer)
        assert answer.status_code == 422 and said in officer.text(), given
    assert [each.outcome for each in lines(site) if each.kind == "person"] == [Result.REFUSED] * 3
    untold(site, *answers)


def test_the_police_are_told_that_another_law_applies(node_of: NodeOf) -> None:
    site = Site(node_of("police"))
    visitor = site.visit(site.user(OFFICER, Role.PRIVACY_OFFICER))
    visitor.go("/privacy/subjects")
    assert "the Wpg applies" in visitor.text()


# --- objections -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def objected(officer: Visitor) -> Iterator[Visitor]:
    officer.go("/privacy/objections/new")
    officer.done(
        officer.send("/privacy/objections/new", bsn=MOTHER, received="2026-01-02", because=f"we were never asked {EVIL}")
    )
    yield officer


def test_an_objection_suspends_and_is_shown_with_what_a_decision_does(site: Site, objected: Visitor) -> None:
    text = objected.text()
    assert "Noted." in text and f"we were never asked {EVIL}" in text and EVIL not in objected.page
    assert "S-1" in text and "Parent 1" in text and "Their case is destroyed at once" in text
    assert objected.path.startswith("/privacy/objections/") and site.woken == 1
    wanted = "SELECT count(*) FROM involvement WHERE person = ? AND publish > 0"
    person = site.node.store.person_handle(Bsn.parse(MOTHER))
    assert site.node.store.database.execute(wanted, (person,)).fetchone()[0] == 0
    listed = objected.open("/privacy/objections")
    assert "One objection waits for your decision." in objected.text() and "we were never" not in listed.text
    assert [(each.event, each.outcome) for each in lines(site) if each.kind == "person"] == [
        (Event.UPDATE, Result.DONE), (Event.READ, Result.DONE), (Event.SEARCH, Result.DONE)
    ]  # fmt: skip
    untold(site, listed, objected.open("/privacy"))


def test_upheld_it_erases_and_a_second_decision_is_told_so(site: Site, objected: Visitor) -> None:
    path = objected.path
    other = site.visit(site.user("second@own.example", Role.PRIVACY_OFFICER))
    other.go(path)
    objected.go(path)
    objected.done(objected.send(path, upheld="yes", because="they are right"))
    assert "Upheld." in objected.text() and "they are right" in objected.text()
    assert site.node.store.case(site.node.store.case_handle("S-2")) is None
    assert site.node.store.case(site.node.store.case_handle("S-1")) is not None
    assert other.send(path, upheld="no", because="it stands").status_code == 409
    assert "was decided on" in other.text() and "they are right" in other.text()
    untold(site)


def test_rejected_it_stands_again(site: Site, objected: Visitor) -> None:
    objected.done(objected.send(objected.path, upheld="no", because="the risk is grave"))
    assert "Rejected." in objected.text() and "a court" in objected.text()
    assert site.node.store.case(site.node.store.case_handle("S-2")) is not None


def test_a_decision_wants_a_choice_and_grounds(site: Site, objected: Visitor) -> None:
    path = objected.path
    for given, said in (
        ({"because": "kept as typed"}, "Choose one of these."),
        ({"upheld": "yes", "because": ""}, "Fill this in."),
        ({"upheld": "perhaps", "because": "x"}, "Choose one of these."),
        ({"upheld": "no", "because": f"her number is {MOTHER}"}, "Leave the citizen service number out"),
        ({"upheld": "no", "because": "x" * 2_001}, "at most 2000 characters"),
    ):
        objected.go(path)
        assert objected.send(path, **given).status_code == 422 and said in objected.text(), given
        if given["because"].startswith("kept"):
            assert "kept as typed" in objected.page
    assert [each.upheld for each in site.node.standing().objections.all()] == [None]
    assert not any(MOTHER in str(each.record()) for each in lines(site))


def test_what_is_wrong_with_an_objection_is_told_beside_its_field(site: Site, officer: Visitor) -> None:
    answers = []
    tomorrow = (site.node.today(site.node.clock()) + timedelta(days=1)).isoformat()
    for given, said in (
        ({"bsn": WRONG, "because": "kept as typed", "received": "2026-01-02"}, "11-proof"),
        ({"bsn": MOTHER, "because": "", "received": "2026-01-02"}, "Fill this in."),
        ({"bsn": MOTHER, "because": "x", "received": ""}, "Choose a day."),
        ({"bsn": MOTHER, "because": "x", "received": "31-02-2026"}, "not a day"),
        ({"bsn": MOTHER, "because": "x", "received": tomorrow}, "lies in the future"),
        ({"bsn": STRANGER, "because": "x", "received": "2026-01-02"}, "nothing to object to"),
    ):
        officer.go("/privacy/objections/new")
        answer = officer.send("/privacy/objections/new", **given)
        answers.append(answer)
        assert answer.status_code == 422 and said in officer.text(), given
    assert "kept as typed" in answers[0].text
    assert site.node.standing().objections.all() == []
    assert [(each.kind, each.outcome) for each in lines(site) if each.actor.id == OFFICER] == [("person", Result.REFUSED)]
    untold(site, *answers)


def test_a_person_objects_once_at_a_time(site: Site, objected: Visitor) -> None:
    objected.go("/privacy/objections/new")
    assert objected.send("/privacy/objections/new", bsn=MOTHER, received="2026-01-02", because="again").status_code == 422
    assert "waits for a decision already" in objected.text()


@pytest.mark.parametrize("id", ["0" * 16, "x", "0" * 15, "Å", "new2"])
def test_an_objection_that_is_not_there_is_gone(site: Site, officer: Visitor, id: str) -> None:
    officer.go("/privacy/objections")
    token = officer.form("/sign-out").fields["csrf"]
    assert officer.open(f"/privacy/objections/{id}").status_code == 404
    fields = {"csrf": token, "upheld": ["yes"], "because": ["x"]}
    assert officer.post(f"/privacy/objections/{id}", fields).status_code == 404


# --- erasure ----------------------------------------------------------------------------------------------------------------


def test_erasure_destroys_and_is_told_without_the_number(site: Site, officer: Visitor) -> None:
    officer.go("/privacy/erasure")
    sent = officer.send("/privacy/erasure", bsn=CHILD, because="granted by letter", sure="yes")
    page = officer.done(sent)
    assert "Erased." in officer.text() and "granted by letter" in page
    assert site.node.store.case(site.node.store.case_handle("S-1")) is None
    assert site.woken == 1
    untold(site, sent, officer.open(officer.path), officer.open("/privacy/objections"), officer.open("/privacy/log"))


def test_erasure_wants_a_person_a_reason_and_to_be_sure(site: Site, officer: Visitor) -> None:
    answers = []
    for given, said in (
        ({"bsn": CHILD, "because": "kept as typed"}, "Tick this first"),
        ({"bsn": CHILD, "because": "", "sure": "yes"}, "Fill this in."),
        ({"bsn": WRONG, "because": "x", "sure": "yes"}, "11-proof"),
        ({"bsn": STRANGER, "because": "x", "sure": "yes"}, "nothing to erase"),
        ({"bsn": CHILD, "because": "x", "sure": "on"}, "Tick this first"),
    ):
        officer.go("/privacy/erasure")
        answer = officer.send("/privacy/erasure", **given)
        answers.append(answer)
        assert answer.status_code == 422 and said in officer.text(), given
    assert "kept as typed" in answers[0].text
    assert site.node.store.case_counts()[0] == 2 and site.woken == 0
    untold(site, *answers)
