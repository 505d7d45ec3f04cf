"""The commands as an operator gives them, in processes of their own."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raakvlak_index import copies
from raakvlak_index.cli import Party as Index
from raakvlak_index.settings import Settings
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import settings
from raakvlak_protocol.party.membership import Folder
from tests.covenants import Sandbox
from tests.index.members import persons
from tests.index.running import Party, serving


@pytest.fixture
def party(sandbox: Sandbox, tmp_path: Path) -> Party:
    return Party(sandbox, tmp_path / "index").complete()


def test_init_makes_everything_once_and_for_its_owner_only(party: Party) -> None:
    assert party.folder.stat().st_mode & 0o777 == 0o700
    for name in ("store.db", "pepper.sealed", "secrets.sealed"):
        assert (party.folder / name).stat().st_mode & 0o777 == 0o600
    entry = (party.folder / "entry.toml").read_text()
    assert entry == '[index]\nid = "index"\nname = "The index"\n'
    again = party.refused(
        "init", "--covenant", "zeeland", "--id", "index", "--name", "x", "--key-file", str(party.key_file),
        "--listen", "127.0.0.1:0",
    )  # fmt: skip
    assert again.startswith("raakvlak-index: ")
    assert "exists already" in again


def test_it_serves_and_stops_in_order(party: Party) -> None:
    with serving(party) as running, running.member("school") as school, school.watching() as stream:
        next(stream)
        second = party.command("serve")
        assert second.returncode == 75
        assert "another raakvlak-index" in second.stderr
        assert running.stop() == 0
        assert list(stream) == []
    events = [json.loads(line)["event"] for line in party.log.read_text().splitlines()]
    assert events == ["pepper_made", "started", "opened", "stopped"]


def test_status_beside_a_server_and_without(party: Party) -> None:
    assert party.status()["rows"] == 0
    with serving(party) as running, running.member("school") as school, running.member("town") as town:
        school.publish("anna", "bert")
        town.publish("anna")
        found = party.status()
        assert (found["rows"], found["events"], found["matches"], found["letters"]) == (3, 2, 1, 0)
        assert {each["id"]: each["rows"] for each in found["members"]} == {
            "school": 2, "town": 1, "police": 0, "shelter": 0, "coordinator": 0,
        }  # fmt: skip
        assert "3 rows, 1 matches, 2 events waiting" in party.done("status")
        assert running.stop() == 0
    assert party.status()["rows"] == 3


def test_killed_after_an_answer_it_has_lost_nothing(party: Party) -> None:
    published: list[bytes] = []
    for round in range(3):
        with serving(party) as running, running.member("school") as school:
            assert school.sequence == round * 4
            for place in range(4):
                published += school.publish(*(f"person {round} {place} {number}" for number in range(50))).references
            running.kill()
    with serving(party) as running, running.member("school") as school:
        assert {row.reference for row in school.inventory()} == set(published)
        assert len(published) == 600


def test_killed_before_its_answer_was_heard_it_tells_the_answer(party: Party) -> None:
    with serving(party) as running, running.member("school") as school:
        request = school.signed(persons("anna"))
        reply = school.send(request)
        running.kill()
    with serving(party) as running, running.member("school") as school:
        assert school.open().last_answer == reply.SerializeToString()
        assert school.sequence == 1


def test_a_lost_or_wrong_pepper_is_no_start(party: Party, tmp_path: Path) -> None:
    sealed = party.folder / "pepper.sealed"
    empty = sealed.read_bytes()
    with serving(party) as running, running.member("school") as school:
        school.publish("anna")
        running.stop()
    right = sealed.read_bytes()
    sealed.unlink()
    assert "no match would ever be found again" in party.refused("serve")
    sealed.write_bytes(empty)
    lost = party.refused("serve")
    assert "the pepper of epoch 1 is lost" in lost
    assert "restore the pepper" in lost
    assert sealed.read_bytes() == empty, "no new one takes its place"
    index = Index(Folder(party.folder), settings.load(party.folder / "settings.toml", Settings))
    sealed.write_bytes(right)
    peppers = index.peppers.read()
    index.peppers.write({epoch: type(each)(os.urandom(32)) for epoch, each in peppers.items()})
    assert "is not the one" in party.refused("serve")
    sealed.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    assert "damaged" in party.refused("serve")
    sealed.write_bytes(right)
    with serving(party) as running, running.member("school") as school:
        assert len(school.inventory()) == 1


def test_a_lost_pepper_of_an_empty_store_harms_nobody(party: Party) -> None:
    empty = (party.folder / "pepper.sealed").read_bytes()
    with serving(party) as running:
        running.stop()
    (party.folder / "pepper.sealed").write_bytes(empty)
    with serving(party) as running, running.member("school") as school:
        school.publish("anna")


def test_backup_beside_a_server_and_restore(party: Party, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with serving(party) as running, running.member("school") as school, running.member("town") as town:
        old = school.publish("anna").references[0]
        town.publish("anna")
        (match,) = school.matches()
        school.post(match.match_id, 1)
        talk = party.command("backup", str(copy))
        assert talk.returncode == 0
        assert "without the pepper" in talk.stderr
        assert copy.stat().st_mode & 0o777 == 0o600
        assert "exists already" in party.refused("backup", str(copy))
        new = school.publish("bert", "carla").references
        school.withdraw([old])
        assert party.command("restore", str(copy), "--replace").returncode == 75, "while it serves"
        generation = school.generation
        running.stop()
    pepper = (party.folder / "pepper.sealed").read_bytes()
    assert pepper not in copy.read_bytes()
    assert "--replace" in party.refused("restore", str(copy))
    party.done("restore", str(copy), "--replace")
    assert not list(party.folder.glob("*.restored"))
    with serving(party) as running, running.member("school") as school, running.member("town") as town:
        assert school.generation > generation + 1_000, "none of those that were handed out is valid again"
        assert school.sequence == 1, "lower than the node's own: it must reconcile"
        assert [row.reference for row in school.inventory()] == [old]
        first = school.batches(2)[0]
        assert first.replay_needed
        assert first.events[0].number > copies.LEAP
        assert [event.WhichOneof("what") for event in first.events] == ["letter_lapsed"]
        assert town.batches(2)[0].replay_needed
        assert [each.match_id for each in school.replay()] == [match.match_id]
        assert town.replay()[0].reference != match.reference
        reply = school.publish("bert", "carla")
        assert list(reply.references) == list(new)
        assert not any(reply.already_there)


def test_restored_members_are_suspended_until_they_open(party: Party, tmp_path: Path) -> None:
    with serving(party) as running, running.member("school") as school:
        school.publish("anna")
        party.done("backup", str(tmp_path / "copy"))
        running.stop()
    party.done("restore", str(tmp_path / "copy"), "--replace")
    with serving(party) as running, running.member("town") as town:
        town.publish("anna")
        assert town.matches() == []
        with running.member("school") as school:
            assert [each.other for each in school.replay()] == ["town"]
        assert [each.other for each in town.matches()] == ["school"]


def test_what_is_no_backup_is_not_restored(party: Party, tmp_path: Path) -> None:
    for content in (b"", b"not a database at all" * 100, (party.folder / "store.db").read_bytes()):
        (tmp_path / "copy").write_bytes(content)
        before = (party.folder / "store.db").read_bytes()
        party.refused("restore", str(tmp_path / "copy"), "--replace")
        assert (party.folder / "store.db").read_bytes() == before


def test_an_old_backup_is_restored_with_a_warning(party: Party, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copies.backup(party.folder / "store.db", copy, datetime(2026, 1, 1, tzinfo=UTC))
    result = party.command("restore", str(copy), "--replace")
    assert result.returncode == 0
    assert "warning: the backup is" in result.stderr


def test_a_store_of_a_newer_version_is_refused(party: Party) -> None:
    with closing(sqlite3.connect(party.folder / "store.db")) as db, db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('index', 'of_tomorrow')")
    for command in ("serve", "status"):
        assert "newer raakvlak-index" in party.refused(command)


def test_a_missing_or_foreign_store_is_refused(party: Party) -> None:
    store = party.folder / "store.db"
    store.unlink()
    assert "would forget every row" in party.refused("serve")
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("CREATE TABLE other (x)")
    assert "no index's store" in party.refused("serve")


def test_a_setting_that_is_misspelt_is_refused(party: Party) -> None:
    with (party.folder / "settings.toml").open("a") as file:
        file.write("evnt_cap = 5\n")
    assert "evnt_cap" in party.refused("status")
    with pytest.raises(Refused):
        settings.load(party.folder / "settings.toml", Settings)
