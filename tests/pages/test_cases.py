"""The cases of a case worker, by hand: found, made, changed, handed over, renewed, ended and released."""

import re
import time
from datetime import timedelta

import pytest

from raakvlak_node.access import AccessLog, Event, Line, Result
from raakvlak_node.case import Case
from raakvlak_node.pages.case_list import ROWS
from raakvlak_node.people import Role, User
from raakvlak_protocol.term import start_of
from tests.federation import Clock
from tests.node.conftest import NodeOf
from tests.node.rows import bsn, case
from tests.pages.site import ADMIN, Forms, Site, Visitor

ANNEKE = "anneke@school.example"


def anneke(site: Site) -> User:
    return site.user(ANNEKE, name="Anneke Zoutkeet")


def known(site: Site, reference: str, place: int = 1, **columns: str) -> str:
    """A case of Anneke's in the store; its number on a path."""
    site.node.put_case(case(reference, bsn(place), **{"worker_email": ANNEKE, "worker_name": "Anneke Zoutkeet"} | columns))
    return site.node.store.case_handle(reference).hex()


def stored(site: Site, reference: str) -> Case:
    found = site.node.store.case(site.node.store.case_handle(reference))
    assert found is not None
    return found


def lines(site: Site) -> list[Line]:
    return list(AccessLog(site.node.store).lines(0, 1_000))


def told(site: Site, event: Event) -> list[tuple[str, str, Result]]:
    return [(each.actor.id, each.case, each.outcome) for each in lines(site) if each.event is event]


def message(visitor: Visitor, field: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'id="f-{field}-error">(.*?)</p>', visitor.page, re.DOTALL)
    shown = re.sub(r'<span class="rv-sr">.*?</span>', "", found[1]) if found else ""
    return re.sub(r"<[^>]+>|\s+", " ", shown).strip()


def links(visitor: Visitor) -> list[str]:
    return [each for each in Forms(visitor.page).links if re.fullmatch("/cases/[0-9a-f]{32}", each)]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_shows_my_cases_and_those_of_my_team_the_last_changed_first(site: Site, clock: Clock) -> None:
    team = site.people.add_team("North", "", ADMIN, clock())
    one = site.user(ANNEKE, name="Anneke Zoutkeet", teams=[team.id])
    site.user("bart@school.example", teams=[team.id])
    first = known(site, "A-1", 1)
    clock.pass_(hours=1)
    second = known(site, "A-2", 2, worker_email="bart@school.example", worker_name="Bart")
    known(site, "A-3", 3, worker_email="other@school.example")
    visitor = site.visit(one)
    visitor.go("/cases")
    assert links(visitor) == [f"/cases/{second}", f"/cases/{first}"]
    assert "2 cases, yours or of your team" in visitor.text()
    assert "A-3" not in visitor.page
    assert told(site, Event.SEARCH) == [(ANNEKE, "", Result.DONE)]


def test_marks_tell_what_presses(site: Site, clock: Clock) -> None:
    user = anneke(site)
    known(site, "A-1", 1, confidential="yes")
    known(site, "A-2", 2, protected="yes")
    handle = known(site, "A-3", 3)
    visitor = site.visit(user)
    visitor.go("/cases")
    assert "confidential" in visitor.text()
    assert "protected" in visitor.text()
    assert "renew by" not in visitor.text()
    lapses = site.node.store.lapses(bytes.fromhex(handle))
    assert lapses is not None
    clock.now = start_of(lapses) - timedelta(days=10)
    visitor = site.visit(user)
    visitor.go("/cases")
    assert "renew by" in visitor.text()
    clock.now = start_of(lapses) + timedelta(days=1)
    visitor = site.visit(user)
    visitor.go("/cases")
    assert "term is over" in visitor.text()


def test_a_case_is_found_by_its_reference_or_the_end_of_it_and_by_nothing_else(site: Site) -> None:
    user = anneke(site)
    mine = known(site, "SCH-2026-0014", 1)
    known(site, "SCH-2026-0015", 2)
    known(site, "YT-2026-0014", 3, worker_email="other@school.example")
    visitor = site.visit(user)
    for text in ("SCH-2026-0014", "2026-014", "14", " sch 2026 14 "):
        assert visitor.client.get("/cases", params={"q": text}).text.count("/cases/" + mine) == 1
        visitor.page = visitor.client.get("/cases", params={"q": text}).text
        assert links(visitor) == [f"/cases/{mine}"]
    for text in ("SCH", "2026", bsn(1), "%", "'", "<script>alert(1)</script>", "=1+1", "é" * 500):
        answer = visitor.client.get("/cases", params={"q": text})
        assert answer.status_code == 200
        assert "No case of yours has this reference" in answer.text
        assert "<script>alert" not in answer.text
    # A number of a person that was typed there is written down nowhere.
    assert not any(bsn(1) in each.reason for each in lines(site))


def test_htmx_gets_the_list_alone(site: Site) -> None:
    user = anneke(site)
    mine = known(site, "A-1")
    answer = site.visit(user).open("/cases?q=A-1", **{"HX-Request": "true"})
    assert f"/cases/{mine}" in answer.text
    assert "<html" not in answer.text


def test_pages_of_the_list_follow_on_each_other_without_gap(site: Site, clock: Clock) -> None:
    user = anneke(site)
    with site.node.store.transaction():
        for place in range(2 * ROWS + 5):
            known(site, f"A-{place}", place + 1)
            clock.pass_(seconds=place % 2)  # some of the same second
    visitor = site.visit(user)
    seen, path, back = [], "/cases", ""
    while path:
        visitor.go(path)
        seen.append(links(visitor))
        older = [each for each in Forms(visitor.page).links if each.startswith("/cases?older=")]
        newer = [each for each in Forms(visitor.page).links if each.startswith("/cases?newer=")]
        path, back = older[0] if older else "", newer[0] if newer else ""
    assert [len(each) for each in seen] == [ROWS, ROWS, 5]
    assert len({each for page in seen for each in page}) == 2 * ROWS + 5
    visitor.go(back)
    assert links(visitor) == seen[1]
    for cursor in ("x", "1-", "-" + "0" * 32, "9" * 99, "1-" + "g" * 32):
        visitor.go(f"/cases?older={cursor}")
        assert links(visitor) == seen[0]


def test_the_list_costs_the_same_however_many_cases_there_are(site: Site) -> None:
    user = anneke(site)
    visitor = site.visit(user)

    def best() -> float:
        visitor.go("/cases")
        times = []
        for _ in range(5):
            begin = time.process_time()
            visitor.go("/cases")
            times.append(time.process_time() - begin)
        return min(times)

    with site.node.store.transaction():
        for place in range(ROWS + 1):
            known(site, f"A-{place}", place + 1)
    few = best()
    row = site.node.store.database.execute("SELECT * FROM own_case LIMIT 1").fetchone()
    with site.node.store.transaction():
        # Rows that are never opened: the same case under other handles, changed earlier.
        site.node.store.database.conn.executemany(
            "INSERT INTO own_case SELECT ?, sealed, fingerprint, withheld, 1, lapses, reminded, worker"
            " FROM own_case WHERE handle = ?",
            [(place.to_bytes(16, "big"), bytes(row["handle"])) for place in range(20_000)],
        )
    many = best()
    assert many < 2 * few + 0.01, (few, many)


# --- a new case -------------------------------------------------------------------------------------------------------


def test_a_new_case_is_stored_with_who_fills_it_in(site: Site) -> None:
    visitor = site.visit(anneke(site))
    visitor.go("/cases/new")
    form = visitor.form("/cases/new")
    assert (form.fields["worker_name"], form.fields["worker_email"]) == (["Anneke Zoutkeet"], [ANNEKE])
    answer = visitor.send(
        "/cases/new",
        case_ref="2026-014",
        bsn=bsn(1),
        since="2026-01-05",
        function="mentor",
        sibling_bsns=f"{bsn(2)}\r\n{bsn(3)}  {bsn(4)}",
        postcode="4331 ab",
        house_number="3",
    )
    handle = site.node.store.case_handle("2026-014")
    assert answer.headers["location"] == f"/cases/{handle.hex()}"
    found = stored(site, "2026-014")
    assert (len(found.siblings), found.worker_email, found.confidential) == (3, ANNEKE, False)
    assert told(site, Event.CREATE)[-1] == (ANNEKE, "2026-014", Result.DONE)
    assert site.woken == 1
    # The next new case begins with what does not change.
    visitor.go("/cases/new")
    assert visitor.form("/cases/new").fields["function"] == ["mentor"]


def test_each_wrong_field_has_its_message_and_what_was_typed_is_kept(site: Site) -> None:
    visitor = site.visit(anneke(site))
    visitor.go("/cases/new")
    answer = visitor.send(
        "/cases/new",
        case_ref="",
        bsn="123456789",
        birth_date="2090-01-01",
        parent_bsn_1="12",
        child_bsns=f"{bsn(2)} 5",
        postcode="12",
        since="31-02-2026",
        function="",
        worker_phone="call me",
        worker_email="nobody",
    )
    assert answer.status_code == 422
    wrong = {"case_ref", "bsn", "birth_date", "parent_bsn_1", "child_bsns", "postcode", "house_number", "since", "function",
             "worker_phone", "worker_email"}  # fmt: skip
    assert {name for name in wrong if message(visitor, name)} == wrong
    kept = visitor.form("/cases/new").fields
    assert (kept["bsn"], kept["since"], kept["worker_phone"]) == (["123456789"], ["31-02-2026"], ["call me"])
    assert site.node.store.case_handles() == []
    assert site.woken == 0


def test_above_the_form_each_message_names_its_field(site: Site) -> None:
    visitor = site.visit(anneke(site))
    visitor.go("/cases/new")
    visitor.send("/cases/new", case_ref="", bsn="", function="<!--errors 1-->")
    summary = visitor.page.partition("data-errors")[2].partition("</ul>")[0]
    assert re.search(r'<a class="nl-link" href="#f-bsn">BSN of the client: Fill in', summary)
    assert re.search(r'<a class="nl-link" href="#f-case_ref">Reference: Fill in', summary)
    # What somebody types is no place for it.
    assert visitor.page.count("data-errors") == 1 and "&lt;!--errors 1--&gt;" in visitor.page


def test_messages_are_in_the_users_language(site: Site) -> None:
    visitor = site.visit(site.user(ANNEKE, language="nl"))
    visitor.go("/cases/new")
    visitor.send("/cases/new", case_ref="1", bsn="", since="", function="", worker_email="", worker_phone="")
    assert message(visitor, "worker_phone").startswith("Vul een telefoonnummer of een e-mailadres in")
    assert "Nieuwe casus" in visitor.text()


def test_a_reference_that_is_in_use_says_so_whosever_it_is_and_nothing_is_overwritten(site: Site) -> None:
    user = anneke(site)
    known(site, "MINE", 1)
    known(site, "THEIRS", 2, worker_email="other@school.example")
    said = set()
    for reference in ("MINE", "THEIRS"):
        visitor = site.visit(user)
        visitor.go("/cases/new")
        answer = visitor.send("/cases/new", case_ref=reference, bsn=bsn(9), since="2026-01-05", function="mentor")
        assert answer.status_code == 422
        said.add(message(visitor, "case_ref"))
        assert stored(site, reference).client.canonical.reveal().decode() != bsn(9)
    assert len(said) == 1
    assert told(site, Event.CREATE)[-1][1] == ""  # of the user alone


def test_free_text_is_text_on_every_page(site: Site) -> None:
    user = anneke(site)
    evil = '"><script>alert(1)</script>'
    handle = known(site, f"A {evil}", 1, function=f"m {evil}")
    visitor = site.visit(user)
    for path in ("/cases", *(f"/cases/{handle}/{act}" for act in ("change", "hand-over", "end", "release"))):
        visitor.go(path)
        assert "<script>alert" not in visitor.page, path
        assert "&lt;script&gt;alert" in visitor.page, path


# --- a change ---------------------------------------------------------------------------------------------------------


def test_a_change_is_stored_and_an_unchanged_case_is_not_written(site: Site) -> None:
    handle = known(site, "A-1", confidential="no", child_bsns=f"{bsn(5)} {bsn(6)}")
    visitor = site.visit(anneke(site))
    before = site.node.store.stored_fingerprint(bytes.fromhex(handle))
    visitor.go(f"/cases/{handle}/change")
    assert visitor.form(f"/cases/{handle}/change").fields["child_bsns"][0].split() == [bsn(5), bsn(6)]
    visitor.send(f"/cases/{handle}/change")
    assert site.node.store.stored_fingerprint(bytes.fromhex(handle)) == before
    assert told(site, Event.UPDATE) == []
    visitor.go(f"/cases/{handle}/change")
    answer = visitor.send(f"/cases/{handle}/change", function="teacher", protected="yes")
    assert answer.headers["location"] == f"/cases/{handle}"
    assert (stored(site, "A-1").function, stored(site, "A-1").protected) == ("teacher", True)
    assert told(site, Event.UPDATE) == [(ANNEKE, "A-1", Result.DONE)]


@pytest.mark.parametrize(("meaning", "former"), [("wrong", 0), ("changed", 1)])
def test_another_number_of_the_client_is_asked_about(site: Site, meaning: str, former: int) -> None:
    handle = known(site, "A-1", 1)
    visitor = site.visit(anneke(site))
    path = f"/cases/{handle}/change"
    visitor.go(path)
    assert "bsn_change" not in visitor.form(path).fields
    assert visitor.send(path, bsn=bsn(2), function="teacher").status_code == 422
    assert message(visitor, "bsn_change")
    kept = visitor.form(path).fields
    assert (kept["bsn"], kept["function"], kept["bsn_change"]) == ([bsn(2)], ["teacher"], [])
    assert len(stored(site, "A-1").former) == 0
    assert visitor.send(path, bsn_change="neither").status_code == 422
    assert visitor.send(path, bsn_change=meaning).status_code == 303
    found = stored(site, "A-1")
    assert (found.client.canonical.reveal().decode(), len(found.former), found.function) == (bsn(2), former, "teacher")


def test_the_second_of_two_who_change_a_case_is_shown_the_difference(site: Site) -> None:
    handle = known(site, "A-1")
    user, path = anneke(site), f"/cases/{handle}/change"
    one, other = site.visit(user), site.visit(user)
    one.go(path)
    other.go(path)
    assert one.send(path, function="teacher", postcode="4331AB", house_number="1").status_code == 303
    # A mistake in between must not hide that somebody else was first.
    assert other.send(path, function="coach", since="").status_code == 422
    answer = other.send(path, since="2026-01-05")
    assert answer.status_code == 409
    assert stored(site, "A-1").function == "teacher"
    text = other.text()
    assert "Somebody else has changed this case" in text
    assert "teacher" in text
    assert "coach" in text
    assert other.form(path).fields["function"] == ["coach"]
    assert other.send(path, postcode="4331AB", house_number="1").status_code == 303
    assert (stored(site, "A-1").function, stored(site, "A-1").address is None) == ("coach", False)


def test_the_same_form_sent_twice_is_no_conflict(site: Site) -> None:
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/change"
    visitor.go(path)
    form = visitor.form(path).fields | {"function": ["teacher"]}
    assert [visitor.post(path, form).status_code for _ in range(2)] == [303, 303]
    assert len(told(site, Event.UPDATE)) == 1


def test_a_case_that_one_would_not_see_any_more_is_stored_only_when_that_is_meant(site: Site) -> None:
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/change"
    visitor.go(path)
    assert visitor.send(path, worker_email="bart@school.example").status_code == 422
    assert message(visitor, "elsewhere")
    assert stored(site, "A-1").worker_email == ANNEKE
    answer = visitor.send(path, elsewhere="yes")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert stored(site, "A-1").worker_email == "bart@school.example"
    assert visitor.open(path).status_code == 404


# --- not mine ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["change", "hand-over", "end", "release", "renew"])
def test_what_is_gone_and_what_is_not_mine_say_the_same_thing(site: Site, act: str) -> None:
    user = anneke(site)
    theirs = known(site, "THEIRS", worker_email="other@school.example")
    mine = known(site, "MINE", 2)
    visitor = site.visit(user)
    visitor.go(f"/cases/{mine}/change")
    fields = visitor.form(f"/cases/{mine}/change").fields | {"reason": ["wrong"], "act": ["release"], "because": ["x"]}
    before = stored(site, "THEIRS")
    for method in ("GET", "POST") if act != "renew" else ("POST",):
        answers = []
        for id in (theirs, "0" * 32, "x", "0" * 31, "%00", "'"):
            path = f"/cases/{id}/{act}"
            answers.append(visitor.open(path) if method == "GET" else visitor.post(path, fields))
        assert {each.status_code for each in answers} == {404}
        assert answers[0].content == answers[1].content
    assert stored(site, "THEIRS") == before
    refused = [each for each in lines(site) if each.outcome is Result.REFUSED]
    assert {(each.actor.id, each.case) for each in refused} == {(ANNEKE, "THEIRS")}


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.COORDINATOR, Role.PRIVACY_OFFICER])
def test_who_is_no_case_worker_opens_no_case(site: Site, role: Role) -> None:
    handle = known(site, "A-1")
    visitor = site.visit(site.user(ANNEKE, role))
    for path in ("/cases", "/cases/new", f"/cases/{handle}/change", f"/cases/{handle}/end"):
        assert visitor.open(path).status_code == 403
    assert len([each for each in lines(site) if each.outcome is Result.REFUSED]) == 4


# --- handed over ------------------------------------------------------------------------------------------------------


def test_a_case_is_handed_over_to_a_colleague(site: Site) -> None:
    handle = known(site, "A-1", worker_phone="0118-1")
    user = anneke(site)
    bart = site.user("bart@school.example", name="Bart Dijk")
    site.user("root@school.example", Role.ADMINISTRATOR, name="Root")
    visitor, path = site.visit(user), f"/cases/{handle}/hand-over"
    visitor.go(path)
    assert "Root" not in visitor.page
    assert visitor.send(path).status_code == 422
    assert message(visitor, "colleague")
    assert visitor.send(path, colleague=bart.id, name="Somebody").status_code == 422
    answer = visitor.send(path, colleague=bart.id, name="")
    assert answer.headers["location"] == "/cases"
    found = stored(site, "A-1")
    assert (found.worker_name, found.worker_email, found.worker_phone) == ("Bart Dijk", "bart@school.example", "")
    assert told(site, Event.UPDATE) == [(ANNEKE, "A-1", Result.DONE)]
    assert site.woken == 1
    assert "Bart Dijk has the case now" in visitor.go("/cases")


def test_a_case_is_handed_over_to_who_does_not_use_the_pages(site: Site) -> None:
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/hand-over"
    visitor.go(path)
    assert visitor.send(path, name="Kees", email="kees at home", function="").status_code == 422
    assert message(visitor, "email")
    assert message(visitor, "function")
    assert visitor.send(path, name="Kees", email="", function="coach", phone="0118-2").status_code == 303
    assert (stored(site, "A-1").worker_name, stored(site, "A-1").worker_phone) == ("Kees", "0118-2")


def test_a_hand_over_of_what_somebody_else_has_changed_is_asked_again(site: Site) -> None:
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/hand-over"
    visitor.go(path)
    known(site, "A-1", function="teacher")
    assert visitor.send(path, name="Kees", phone="0118-2").status_code == 409
    assert visitor.form(path).fields["name"] == ["Kees"]
    assert stored(site, "A-1").worker_name == "Anneke Zoutkeet"
    assert visitor.send(path).status_code == 303


# --- term, end and release --------------------------------------------------------------------------------------------


def test_a_case_is_renewed_in_the_last_months_of_its_term_only(site: Site, clock: Clock) -> None:
    handle = known(site, "A-1")
    user, path = anneke(site), f"/cases/{handle}/renew"
    visitor = site.visit(user)
    visitor.go(f"/cases/{handle}/change")
    fields = {"csrf": visitor.form(f"/cases/{handle}/change").fields["csrf"]}
    lapses = site.node.store.lapses(bytes.fromhex(handle))
    assert lapses is not None
    assert visitor.post(path, fields).status_code == 303
    assert site.node.store.lapses(bytes.fromhex(handle)) == lapses
    clock.now = start_of(lapses) - timedelta(days=10)
    visitor = site.visit(user)
    visitor.go(f"/cases/{handle}/change")
    fields = {"csrf": visitor.form(f"/cases/{handle}/change").fields["csrf"]}
    assert visitor.post(path, fields).headers["location"] == f"/cases/{handle}"
    assert (site.node.store.lapses(bytes.fromhex(handle)) or 0) > lapses
    assert site.woken == 1


def test_a_case_ends_for_a_reason(site: Site) -> None:
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/end"
    visitor.go(path)
    assert visitor.form(path).fields["reason"] == []
    assert visitor.send(path).status_code == 422
    assert message(visitor, "reason")
    for wrong in ("lapsed", "objection", "age", "nonsense"):
        assert visitor.send(path, reason=wrong).status_code == 422
    answer = visitor.send(path, reason="risk-gone")
    assert answer.headers["location"] == "/cases"
    assert site.node.store.case_handles() == []
    assert told(site, Event.DELETE) == [(ANNEKE, "A-1", Result.DONE)]
    assert visitor.open(path).status_code == 404


def test_what_may_be_archived_says_so_and_is(node_of: NodeOf) -> None:
    site = Site(node_of(archive_months=60))
    handle = known(site, "A-1")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/end"
    visitor.go(path)
    assert "A copy goes to the archive" in visitor.text()
    visitor.done(visitor.send(path, reason="risk-gone"))
    assert len(site.node.standing().archive.all()) == 1


def test_a_confidential_case_is_released_and_that_is_taken_back(site: Site) -> None:
    handle = known(site, "A-1", confidential="yes")
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/release"
    visitor.go(path)
    assert visitor.send(path, because="  ").status_code == 422
    assert message(visitor, "because")
    assert visitor.send(path, because="the parents agree").status_code == 303
    assert site.node.standing().released(bytes.fromhex(handle))
    assert [each.reason for each in lines(site) if each.event is Event.RELEASE] == ["the parents agree"]
    visitor.go(path)
    assert visitor.form(path).fields["act"] == ["withhold"]
    # From a page that was open elsewhere: it is released already.
    assert visitor.send(path, act="release", because="again").status_code == 422
    assert visitor.send(path, act="withhold", because="no more").status_code == 303
    assert not site.node.standing().released(bytes.fromhex(handle))


@pytest.mark.parametrize("yes", ["yes", ""])
def test_what_can_not_be_released_has_no_form_for_it(site: Site, yes: str) -> None:
    handle = known(site, "A-1", protected=yes, confidential=yes)
    visitor, path = site.visit(anneke(site)), f"/cases/{handle}/release"
    visitor.go(path)
    assert path not in [each.action for each in Forms(visitor.page).forms]
    csrf = visitor.form("/sign-out").fields["csrf"]
    assert visitor.post(path, {"csrf": csrf, "act": ["release"], "because": ["x"]}).status_code == 422
    assert not site.node.standing().released(bytes.fromhex(handle))
