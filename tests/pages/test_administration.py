"""The administrator's overview, backups, and cases that are nobody's: counts and words alone, and what to do."""

import json
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from raakvlak_node import backups
from raakvlak_node.access import AccessLog, Event, Result
from raakvlak_node.case import Case
from raakvlak_node.doctor import Finding
from raakvlak_node.node import LETTER_SECRET, SIGNING_SEED, VAULT_KEY, Node
from raakvlak_node.pages import administration_watch, unassigned
from raakvlak_node.pages.administration_watch import Checker, Counter
from raakvlak_node.pages.administration_words import said, shown
from raakvlak_node.pages.unassigned import UNASSIGNED
from raakvlak_node.people import Role, User
from raakvlak_node.promises import Promises
from raakvlak_node.reconcile import restore
from raakvlak_node.settings import Backup
from raakvlak_node.store import Store
from raakvlak_protocol.party import sealed
from raakvlak_protocol.party.look import look
from tests.federation import Clock
from tests.node.conftest import NodeOf
from tests.node.rows import bsn, case
from tests.pages.site import ADMIN, Site, Visitor

BACKUP = "/administration/backup"
OUT = "marie@elsewhere.example"
SECRET = "Zoutkeet-Geheim"
"""The function in a case, which is not the administrator's to see."""


@pytest.fixture
def rianne(site: Site) -> User:
    return site.user("root@school.example", Role.ADMINISTRATOR, name="Rianne Root")


@pytest.fixture
def visitor(site: Site, rianne: User) -> Visitor:
    return site.visit(rianne)


def overview(site: Site, visitor: Visitor) -> str:
    """What can be read there, with everything counted as it stands now."""
    site.node.clock.pass_(seconds=61)  # type: ignore[attr-defined]
    visitor.go("/administration")
    assert site.app._app.state.house.kept[Counter].wait(20)
    visitor.go("/administration")
    return visitor.text()


def known(site: Site, reference: str, place: int = 1, **columns: str) -> Case:
    put = case(reference, bsn(place), **{"worker_email": OUT, "worker_name": "Marie Uit", "function": SECRET} | columns)
    site.node.put_case(put)
    return put


def stored(site: Site, reference: str) -> Case:
    found = site.node.store.case(site.node.store.case_handle(reference))
    assert found is not None
    return found


# --- the overview -----------------------------------------------------------------------------------------------------


def test_who_is_no_administrator_sees_none_of_it(site: Site) -> None:
    visitor = site.visit(site.user("all@school.example", *(set(Role) - {Role.ADMINISTRATOR})))
    for path in ("/administration", "/administration?check=now", BACKUP, UNASSIGNED):
        assert visitor.open(path).status_code == 403, path
    refused = [each.reason for each in AccessLog(site.node.store).lines(0, 100) if each.outcome is Result.REFUSED]
    assert refused == ["GET /administration", "GET /administration", f"GET {BACKUP}", f"GET {UNASSIGNED}"]


def test_everything_is_told_in_counts_and_no_case(site: Site, visitor: Visitor) -> None:
    known(site, "ZK-77001")
    text = overview(site, visitor)
    assert "One case is nobody's here" in text
    assert not {"ZK-77001", OUT, "Marie", SECRET, bsn(1)} & set(re.split(r"[\s<>\"]+", visitor.page))
    assert "Counted just now." in text


def test_counts_are_told_with_their_age_and_made_anew_when_old(site: Site, visitor: Visitor, clock: Clock) -> None:
    overview(site, visitor)
    known(site, "ZK-1")
    clock.pass_(seconds=40)
    visitor.go("/administration")
    assert "Counted 40 seconds ago." in visitor.text() and "nobody's here 0 now" in visitor.text()
    assert "nobody's here 1 now" in overview(site, visitor)


def test_a_page_does_not_wait_for_counts(site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, real = threading.Event(), administration_watch.counts

    def slow(own: Node) -> dict[str, object]:
        assert goes_on.wait(20)
        return real(own)

    monkeypatch.setattr(administration_watch, "counts", slow)
    visitor.go("/administration")
    assert "This is being counted" in visitor.text()
    assert 'hx-trigger="every 1s"' in visitor.page
    goes_on.set()
    assert site.app._app.state.house.kept[Counter].wait(20)
    visitor.go("/administration")
    assert "Counted just now." in visitor.text()
    assert 'hx-trigger="every 1s"' not in visitor.page


def test_one_thing_comes_first_and_what_does_not_work_before_what_is_due(site: Site, visitor: Visitor, clock: Clock) -> None:
    site.node.store.set_remark("reconcile", "restored from a backup on 2026-03-02")
    Promises(site.node.store).add_alarm(
        "rewritten", "the log was rewritten", "20260302-rewritten.json", int(clock().timestamp())
    )
    text = overview(site, visitor)
    first, rest = text.index("Publishing has stopped"), text.index("must otherwise agree with the index")
    assert text.index("First this") < first < text.index("After that") < rest
    assert "evidence/20260302-rewritten.json" in text and "raakvlak-node resume --because" in text
    assert "raakvlak-node reconcile --dry-run" in text


@pytest.mark.parametrize(
    ("left", "told"),
    [(40, None), (29, "ends in 29 days"), (1, "ends in one day"), (-1, "has expired")],
)
def test_the_end_of_the_certificate_is_told_in_time(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch, left: int, told: str | None
) -> None:
    from raakvlak_node.pages import administration

    ends = clock() + timedelta(days=left, hours=1)
    monkeypatch.setattr(administration, "_ends", lambda certificate: ends)
    visitor = site.visit(site.user("root@school.example", Role.ADMINISTRATOR))
    visitor.go("/administration")
    assert ("The certificate" in visitor.text()) is (told is not None)
    assert told is None or f"The certificate {told}" in visitor.text()


def test_what_waits_for_quota_is_told(site: Site, visitor: Visitor) -> None:
    site.node.store.set_remark("quota", "key holder one: the quota is used up")
    known(site, "ZK-1")
    text = overview(site, visitor)
    assert "Today's quota at the key holders is used up" in text
    assert "One person waits" in text and "the quota is used up" in text


def test_users_without_a_way_in_are_counted(site: Site, visitor: Visitor) -> None:
    user = site.user("new@school.example")
    assert "2 users can't sign in yet" in overview(site, visitor)  # nor can Rianne, who came in by the test's own door
    site.people.set_subject(user.id, "sub-1", ADMIN, site.node.clock())
    assert "One user can't sign in yet" in overview(site, visitor)


def test_a_backup_is_asked_for_until_one_was_made_and_when_it_is_old(site: Site, visitor: Visitor, clock: Clock) -> None:
    assert "No backup was made yet" not in overview(site, visitor)  # there is nothing to lose
    known(site, "ZK-1")
    assert "No backup was made yet" in overview(site, visitor)
    made(site, visitor)
    assert "backup was made yet" not in overview(site, visitor)
    clock.pass_(days=8)
    assert "The last backup is of" in overview(site, site.visit(site.people.users()[0]))


def test_the_overview_is_in_dutch_too(site: Site, rianne: User) -> None:
    site.node.store.set_remark("reconcile", "restored from a backup on 2026-03-02")
    known(site, "ZK-1")
    visitor = site.visit(rianne, "nl")
    text = overview(site, visitor)
    assert "Eerst dit" in text and "Eén casus is hier van niemand" in text
    assert visitor.go(BACKUP) and "Maak nu een back-up" in visitor.text()
    assert visitor.go(UNASSIGNED) and "Medewerker, zoals in het zaaksysteem" in visitor.text()


def test_a_look_asks_everybody_at_once_and_says_what_to_do(site: Site, rianne: User, node_of: NodeOf) -> None:
    """Nobody is there: the settings name no key holder, and nothing listens where the index is to be."""
    visitor = site.visit(rianne, "nl")
    assert "Kijk of ze antwoorden" in visitor.go("/administration")
    answer = visitor.open("/administration?check=now")
    assert (answer.status_code, answer.headers["location"]) == (303, "/administration")
    assert site.app._app.state.house.kept[Checker].wait(20)
    visitor.go("/administration")
    text = visitor.text()
    assert "Sleutelhouder keyholder-1" in text and "zet het adres in settings.toml" in text
    assert "index op 127.0.0.1:1 is niet bereikbaar" in text
    assert re.search(r"0 van [23] bruikbaar, 2 zijn nodig", text), text
    assert "Bekeken: zojuist." in text


def test_who_is_silent_is_told_so_and_a_second_look_waits_for_the_first(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, asked = threading.Event(), []

    def silent(own: Node) -> Iterator[Finding]:
        asked.append(own)
        assert goes_on.wait(20)
        yield Finding("index", "good", "reachable and serving")

    monkeypatch.setattr(administration_watch, "outside", lambda node: [("index", silent)])
    monkeypatch.setattr(administration_watch, "LOOK_SECONDS", 5.0)
    monkeypatch.setattr("raakvlak_node.pages.administration.ANSWER_SECONDS", 0.01)
    visitor.go("/administration?check=now")
    visitor.go("/administration?check=now")
    assert "One has not answered yet" in visitor.text()
    assert len(asked) == 1
    checker = site.app._app.state.house.kept[Checker]
    checker._ends = 0.0  # its time is over
    visitor.go("/administration")
    assert "did not answer within 5 s" in visitor.text()
    goes_on.set()


def test_a_check_that_breaks_says_so_and_the_log_says_where(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(own: Node) -> Iterator[Finding]:
        raise ZeroDivisionError("something that nobody needs to read")

    monkeypatch.setattr(administration_watch, "outside", lambda node: [("index", broken)])
    visitor.go("/administration?check=now")
    assert "could not be looked at: ZeroDivisionError" in visitor.text() and "see the node's log" in visitor.text()
    (error,) = [fields for name, fields in site.log if name == "error"]
    assert str(error["place"]).startswith("pages/test_administration.py:") and error["message"] == ""


def test_findings_are_said_in_dutch() -> None:
    words = look("raakvlak_node.pages").words("nl")
    found = Finding("quota of bsn at key holder noord", "warning", "1 of 2 left of the first load, 3 of 4 left today", "")
    told = shown(words, found)
    assert told.check == "Quotum van bsn bij sleutelhouder noord"
    assert told.finding == "nog 1 van 2 over voor het begin, en vandaag nog 3 van 4"
    assert (told.tone, told.verdict, told.advice) == ("due", "kijk ernaar", "")
    assert said(words, "what nobody knows: x") == "what nobody knows: x"


def test_every_sentence_about_what_is_outside_has_a_form() -> None:
    """Of `doctor`, as it is written there."""
    import ast

    from raakvlak_node import doctor
    from raakvlak_node.pages.administration_words import _forms

    forms = {re.sub(r"%\(\w+\)s", "{}", each) for each in _forms(lambda message: message)}
    tree = ast.parse(Path(doctor.__file__).read_text(encoding="utf-8"))
    names = {"_key_holder", "_clock", "_quota", "_enough", "_index", "_webhook", "_mail"}
    sentences = set()
    for function in (each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name in names):
        for each in ast.walk(function):
            if isinstance(each, ast.JoinedStr):
                text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in each.values)  # type: ignore[misc]
                sentences.add(text)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str) and len(each.value.split()) > 3:
                sentences.add(each.value)
    docstrings = {ast.get_docstring(each) for each in tree.body if isinstance(each, ast.FunctionDef)}
    # Parts of f-strings are told whole, and names are put together of others.
    whole = {each for each in sentences - docstrings if not any(each in other and each != other for other in sentences)}
    composed = {"clock against {}", "quota of {} at {}", "{}: {}"}
    assert {each for each in whole if each not in forms and each not in composed and f"{each}: {{}}" not in forms} == set()


# --- backups ----------------------------------------------------------------------------------------------------------


def made(site: Site, visitor: Visitor) -> Path:
    """Makes a backup by the page; where it lies."""
    visitor.go(BACKUP)
    visitor.done(visitor.send(BACKUP))
    assert site.app._app.state.house.kept[backups.Runner].wait(20)
    visitor.go(BACKUP)
    last = backups.last(site.node.store)
    assert last is not None, visitor.text()
    return Path(last.path)


def as_on_a_machine(node: Node) -> None:
    """What of a node lies beside its store."""
    key_file = node.folder.path / "own.key"
    sealed.new_key_file(key_file)
    secrets = {name: node.membership.secrets[name].reveal().hex() for name in (SIGNING_SEED, LETTER_SECRET, VAULT_KEY)}
    label = f"secrets {node.membership.identity.dns_name}"
    sealed.seal(node.folder.secrets, json.dumps(secrets).encode(), sealed.KeyFile(key_file), label=label)
    lines = {"covenant": node.settings.covenant, "id": node.settings.id, "index": node.settings.index, "key_file": "own.key"}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
    node.folder.settings.write_text(f"{text}[key_holders]\n")


def test_a_backup_that_was_made_by_the_page_is_put_back(site: Site, visitor: Visitor, clock: Clock) -> None:
    known(site, "ZK-1")
    file = made(site, visitor)
    assert file == site.node.folder.path.absolute() / "backups" / backups.name_at(clock())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.name in visitor.text() and [each.name for each in file.parent.iterdir()] == [file.name]
    site.node.drop_case("ZK-1")
    as_on_a_machine(site.node)
    restore(site.node.folder.path, file, replace=True)
    back = Store(site.node.store.path, site.node.store.vault)
    try:
        assert back.case(back.case_handle("ZK-1")) == case(
            "ZK-1", bsn(1), worker_email=OUT, worker_name="Marie Uit", function=SECRET
        )
        assert back.remark("reconcile").startswith("restored from a backup")
    finally:
        back.close()


def test_a_backup_holds_the_sealed_store_and_no_secret_and_is_written_down(site: Site, visitor: Visitor) -> None:
    known(site, "ZK-77001")
    raw = made(site, visitor).read_bytes()
    for each in ("ZK-77001", SECRET, OUT, bsn(1)):
        assert each.encode() not in raw
    for name in (SIGNING_SEED, LETTER_SECRET, VAULT_KEY):
        assert site.node.membership.secrets[name].reveal() not in raw
    lines = [each for each in AccessLog(site.node.store).lines(0, 100) if each.kind == "backup"]
    assert [(each.event, each.actor.id, each.actor.role) for each in lines] == [
        (Event.EXPORT, "root@school.example", "administrator")
    ]


def test_backups_lie_where_the_settings_say(node_of: NodeOf, tmp_path: Path) -> None:
    node = node_of()
    site = Site(replace(node, settings=replace(node.settings, backup=Backup(tmp_path / "elsewhere"))))
    visitor = site.visit(site.user("root@school.example", Role.ADMINISTRATOR))
    assert made(site, visitor).parent == tmp_path / "elsewhere"
    assert str(tmp_path / "elsewhere") in visitor.text()


def test_one_backup_is_made_at_a_time(site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, real = threading.Event(), Store.backup

    def slow(store: Store, path: Path) -> None:
        assert goes_on.wait(20)
        real(store, path)

    monkeypatch.setattr(Store, "backup", slow)
    visitor.go(BACKUP)
    form = visitor.form(BACKUP).fields
    visitor.done(visitor.send(BACKUP))
    assert "A backup is being made" in visitor.text() and "Make a backup now" not in visitor.text()
    assert visitor.post(BACKUP, form).status_code == 409
    assert "a backup is being made already" in visitor.text()
    goes_on.set()
    assert site.app._app.state.house.kept[backups.Runner].wait(20)
    visitor.go(BACKUP)
    assert len(backups.copies(backups.folder(site.node))) == 1
    assert "Make a backup now" in visitor.text()


def test_a_disk_that_refuses_is_told_and_leaves_nothing(site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(store: Store, path: Path) -> None:
        path.write_bytes(b"a beginning")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "backup", full)
    visitor.go(BACKUP)
    visitor.send(BACKUP)
    assert site.app._app.state.house.kept[backups.Runner].wait(20)
    visitor.go(BACKUP)
    assert "The backup failed" in visitor.text() and "database or disk is full" in visitor.text()
    assert "No backup was made yet." in visitor.text()
    assert list(backups.folder(site.node).iterdir()) == []


def test_a_folder_that_is_none_and_a_disk_without_room_are_refused(
    site: Site, rianne: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = site.visit(rianne, "nl")
    place = backups.folder(site.node)
    place.write_text("a file")
    visitor.go(BACKUP)
    assert visitor.send(BACKUP).status_code == 409
    assert "er is niet te schrijven in" in visitor.text()
    place.unlink()
    monkeypatch.setattr(backups, "SPARE_BYTES", 10**18)
    visitor.go(BACKUP)
    visitor.send(BACKUP)
    assert site.app._app.state.house.kept[backups.Runner].wait(20)
    visitor.go(BACKUP)
    assert "is te weinig ruimte" in visitor.text()
    assert list(place.iterdir()) == []


def test_what_was_broken_off_is_no_backup_and_goes_with_the_next(site: Site, visitor: Visitor, clock: Clock) -> None:
    place = backups.folder(site.node)
    place.mkdir()
    left = place / f"{backups.name_at(clock() - timedelta(days=1))}.part"
    left.write_bytes(b"half")
    (place / "notes.txt").write_text("of the administrator")
    visitor.go(BACKUP)
    assert "None lies there." in visitor.text()
    file = made(site, visitor)
    assert {each.name for each in place.iterdir()} == {file.name, "notes.txt"}


def test_an_old_copy_is_to_be_destroyed_and_no_file_comes_by_the_browser(site: Site, visitor: Visitor, clock: Clock) -> None:
    file = made(site, visitor)
    then = (clock() - timedelta(days=31)).timestamp()
    os.utime(file, (then, then))
    visitor.go(BACKUP)
    assert "to be destroyed" in visitor.text()
    assert visitor.open(f"{BACKUP}/{file.name}").status_code == 404
    assert visitor.open(f"{BACKUP}?file={file.name}").headers["content-type"].startswith("text/html")


# --- cases that are nobody's ------------------------------------------------------------------------------------------


def test_whose_cases_are_nobodys(site: Site, visitor: Visitor) -> None:
    """Users who see cases and teams' addresses are somebody; who was deactivated, or sees no case, is not."""
    site.user("anneke@school.example", name="Anneke Zoutkeet")
    gone = site.user("gone@school.example")
    site.people.deactivate(gone.id, gone.changed, ADMIN, site.node.clock())
    site.people.add_team("Team Noord", "noord@school.example", ADMIN, site.node.clock())
    known(site, "ZK-1", 1, worker_email="Anneke@School.example")
    known(site, "ZK-2", 2, worker_email="", worker_phone="0118-555019", worker_name="anneke  zoutkeet")
    known(site, "ZK-3", 3, worker_email="noord@school.example")
    known(site, "ZK-4", 4, worker_email="gone@school.example")
    known(site, "ZK-5", 5, worker_email="root@school.example")
    known(site, "ZK-6", 6, worker_email="", worker_phone="0118-555019", worker_name="")
    known(site, "ZK-7", 7)
    visitor.go(UNASSIGNED)
    assert set(re.findall(r"ZK-\d", visitor.page)) == {"ZK-4", "ZK-5", "ZK-6", "ZK-7"}
    assert "4 cases have a worker who can't see them here." in visitor.text()
    assert "nobody is named" in visitor.text() and "Marie Uit" in visitor.text() and OUT in visitor.text()
    assert SECRET not in visitor.page and "0118-555019" not in visitor.page and bsn(7) not in visitor.page
    searched = [each for each in AccessLog(site.node.store).lines(0, 100) if each.event is Event.SEARCH]
    assert [(each.actor.id, each.kind, each.case) for each in searched] == [("root@school.example", "case", "")]


def test_cases_are_handed_over_with_what_they_were_and_without_the_other_ones_phone(site: Site, visitor: Visitor) -> None:
    anneke = site.user("anneke@school.example", name="Anneke Zoutkeet")
    for place in (1, 2, 3):
        known(site, f"ZK-{place}", place, worker_phone="0118-000009")
    ids = {f"ZK-{place}": site.node.store.case_handle(f"ZK-{place}").hex() for place in (1, 2, 3)}
    visitor.go(UNASSIGNED)
    visitor.done(visitor.send(UNASSIGNED, colleague=anneke.id, case=[ids["ZK-1"], ids["ZK-2"]], act="ticked"))
    assert "Anneke Zoutkeet has 2 cases more." in visitor.text()
    assert set(re.findall(r"ZK-\d", visitor.page)) == {"ZK-3"}
    handed = stored(site, "ZK-1")
    assert (handed.worker_name, handed.worker_email, handed.worker_phone) == ("Anneke Zoutkeet", anneke.email, "")
    assert handed.function == SECRET and stored(site, "ZK-3").worker_email == OUT
    assert site.woken == 1
    updates = [each for each in AccessLog(site.node.store).lines(0, 100) if each.event is Event.UPDATE]
    assert sorted((each.actor.role, each.case) for each in updates) == [("administrator", "ZK-1"), ("administrator", "ZK-2")]
    assert "ZK-1" in site.visit(anneke).go("/cases")
    visitor.done(visitor.send(UNASSIGNED, colleague=anneke.id, phone="0118-555019", act="all"))
    assert stored(site, "ZK-3").worker_phone == "0118-555019"
    assert "No case waits for somebody" in visitor.text()


def test_wrong_input_is_told_beside_its_field_and_changes_nothing(site: Site, visitor: Visitor) -> None:
    anneke = site.user("anneke@school.example")
    lead = site.user("officer@school.example", Role.PRIVACY_OFFICER)
    known(site, "ZK-1")
    id = site.node.store.case_handle("ZK-1").hex()
    visitor.go(UNASSIGNED)
    assert visitor.send(UNASSIGNED, colleague=anneke.id, act="ticked").status_code == 422
    assert "Tick the cases that you hand over." in visitor.text()
    assert visitor.send(UNASSIGNED, colleague="", case=[id], act="ticked").status_code == 422
    assert "Choose one of these." in visitor.text() and visitor.form(UNASSIGNED).fields["case"] == [id]
    for wrong in (lead.id, "0" * 32, "x"):
        assert visitor.send(UNASSIGNED, colleague=wrong, case=[id], act="ticked").status_code == 422
    assert visitor.send(UNASSIGNED, colleague=anneke.id, case=["zz", "<b>"], act="ticked").status_code == 422
    assert visitor.send(UNASSIGNED, colleague=anneke.id, case=[id], phone="call me", act="ticked").status_code == 422
    assert re.search(r'id="f-phone-error"', visitor.page) and visitor.form(UNASSIGNED).fields["phone"] == ["call me"]
    many = [f"{number:032x}" for number in range(unassigned.ROWS + 1)]
    assert visitor.send(UNASSIGNED, colleague=anneke.id, case=many, phone="", act="ticked").status_code == 422
    assert "one page of cases at a time" in visitor.text()
    assert stored(site, "ZK-1").worker_email == OUT and site.woken == 0


def test_a_case_that_is_somebodys_by_now_is_left_alone(site: Site, visitor: Visitor) -> None:
    """Two administrators at once, and one who sends what no page offered."""
    anneke, bart = site.user("anneke@school.example"), site.user("bart@school.example")
    known(site, "ZK-1", 1)
    known(site, "ZK-2", 2)
    known(site, "ZK-3", 3, worker_email=bart.email)
    visitor.go(UNASSIGNED)
    other = site.visit(site.user("second@school.example", Role.ADMINISTRATOR))
    other.go(UNASSIGNED)
    ids = [site.node.store.case_handle(f"ZK-{place}").hex() for place in (1, 2, 3)]
    other.done(other.send(UNASSIGNED, colleague=bart.id, case=ids[:1], act="ticked"))
    visitor.done(visitor.send(UNASSIGNED, colleague=anneke.id, case=ids, act="ticked"))
    assert "has one case more." in visitor.text() and "2 cases were somebody's already." in visitor.text()
    assert [stored(site, f"ZK-{place}").worker_email for place in (1, 2, 3)] == [bart.email, anneke.email, bart.email]


def test_the_list_goes_on_page_by_page(site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unassigned, "ROWS", 4)
    anneke = site.user("anneke@school.example")
    for place in range(10):
        known(site, f"ZK-{place}", place + 1, worker_email=f"w{place % 3}@elsewhere.example")
    known(site, "XX-1", 50, worker_email=anneke.email)
    seen: list[str] = []
    path = UNASSIGNED
    for _ in range(3):
        visitor.go(path)
        rows = re.findall(r"<span>(\w\w-\d)</span>", visitor.page)
        assert 0 < len(rows) <= 4
        seen += rows
        path = next((each.replace("&amp;", "&") for each in re.findall(r'href="([^"]+)" rel="next"', visitor.page)), "")
    assert path == "" and sorted(seen) == [f"ZK-{place}" for place in range(10)]
    for wrong in ("x", "-1-zz", "0" * 300):
        assert "ZK-" in visitor.go(f"{UNASSIGNED}?after={wrong}")


def test_where_nobody_could_take_them_over_somebody_is_let_in_first(site: Site, visitor: Visitor) -> None:
    known(site, "ZK-1")
    visitor.go(UNASSIGNED)
    assert "Hand over" not in visitor.text() and "Let somebody in" in visitor.text()
    site.user(OUT)
    visitor.go(UNASSIGNED)
    assert "Every case has somebody here who sees it." in visitor.text()


def test_scripts_in_what_the_case_system_says_stay_text(site: Site, visitor: Visitor) -> None:
    known(site, "ZK-<b>1", worker_name="<script>alert(1)</script>")
    visitor.go(UNASSIGNED)
    assert "<script>alert" not in visitor.page and "<b>1" not in visitor.page
    assert "<script>alert(1)</script>" in visitor.text()
