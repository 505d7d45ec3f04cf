"""The commands as an operator gives them, in processes of their own."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raakvlak_index import copies
from raakvlak_index.cli import Party as Index
from raakvlak_index.settings import Settings
from raakvlak_protocol import checkpoint, merkle, note
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.party import membership, settings
from raakvlak_protocol.party.membership import Folder
from raakvlak_protocol.party.sealed import KeyFile
from raakvlak_protocol.party.web import Site
from raakvlak_protocol.secret import SecretBytes
from tests.covenants import Sandbox, make_covenant, public_key
from tests.index.members import persons
from tests.index.running import Party, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def party(sandbox: Sandbox, tmp_path: Path) -> Party:
    return Party(sandbox, tmp_path / "index").complete()


def test_init_makes_everything_once_and_for_its_owner_only(party: Party) -> None:
    assert party.folder.stat().st_mode & 0o777 == 0o700
    for name in ("store.db", "pepper.sealed", "secrets.sealed"):
        assert (party.folder / name).stat().st_mode & 0o777 == 0o600
    entry = (party.folder / "entry.toml").read_text()
    assert re.fullmatch(r'\[index\]\nid = "index"\nname = "The index"\nlog_key = "[0-9a-f]{64}"\n', entry)
    again = party.refused(
        "init", "--covenant", "zeeland", "--id", "index", "--name", "x", "--key-file", str(party.key_file),
        "--listen", "127.0.0.1:0", "--log", "127.0.0.1:0",
    )  # fmt: skip
    assert again.startswith("raakvlak-index: ")
    assert "exists already" in again


def test_the_entry_names_the_log_key_that_lies_sealed(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path / "index")
    entry = party.done(
        "init", "--covenant", "zeeland", "--id", "index", "--name", "x", "--key-file", str(party.key_file),
        "--listen", "127.0.0.1:0", "--log", "127.0.0.1:0",
    )  # fmt: skip
    seed = membership.secrets_of(Folder(party.folder), sandbox.index, KeyFile(party.key_file))["log_key"]
    assert tomllib.loads(entry)["index"]["log_key"] == public_key(seed).hex()
    everything = b"".join(path.read_bytes() for path in party.folder.rglob("*") if path.is_file())
    assert seed.reveal() not in everything
    assert seed.reveal().hex().encode() not in everything


def test_a_log_key_that_the_covenant_does_not_know_is_refused(party: Party, sandbox: Sandbox) -> None:
    """Another sandbox's seed stands where this covenant's should: as after restoring the wrong secrets."""
    make_covenant().hand_over(party.folder, sandbox.index)
    assert "is not the one that covenant zeeland gives the index" in party.refused("serve")
    sandbox.hand_over(party.folder, sandbox.index)
    with serving(party) as running:
        assert running.stop() == 0


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
        old, kept = school.publish("anna", "dirk").references
        town.publish("anna", "dirk")
        ended, match = school.matches()
        if school.post(ended.match_id, 1) and ended.reference != old:
            ended, match = match, ended
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
    before = (party.folder / "store.db").read_bytes()
    told = party.command("restore", str(copy), "--dry-run").stderr
    assert "3 published entries were missing, 1 rows that stood again are removed, 2 rows are lost" in told
    assert "nothing was changed" in told
    assert (party.folder / "store.db").read_bytes() == before
    assert told.splitlines()[0] == party.command("restore", str(copy), "--replace").stderr.splitlines()[0]
    assert not list(party.folder.glob("*.restored*"))
    with serving(party) as running, running.member("school") as school, running.member("town") as town:
        assert school.generation > generation + 1_000, "none of those that were handed out is valid again"
        assert school.sequence == 1, "lower than the node's own: it must reconcile"
        assert [row.reference for row in school.inventory()] == [kept], "what was withdrawn does not stand again"
        first = school.batches(2)[0]
        assert first.replay_needed
        assert first.events[0].number > copies.LEAP
        assert [event.letter_lapsed.match_id for event in first.events] == [match.match_id]
        assert town.batches(2)[0].replay_needed
        assert [each.match_id for each in school.replay()] == [match.match_id]
        assert [each.match_id for each in town.replay()] == [match.match_id]
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


# --- the store and what was published of it ---------------------------------------------------------------------------


def with_published(party: Party, *names: str) -> bytes:
    """A copy of the store from before the school published these, which the log has shown."""
    before = party.folder.parent / "before.db"
    party.done("backup", str(before))
    with serving(party) as running, running.member("school") as school:
        school.publish(*names)
        assert running.stop() == 0
    return before.read_bytes()


def put_by_hand(party: Party, store: bytes) -> None:
    for suffix in ("-wal", "-shm"):
        (party.folder / f"store.db{suffix}").unlink(missing_ok=True)
    (party.folder / "store.db").write_bytes(store)


def test_an_old_copy_put_in_place_by_hand_is_refused_and_repaired(party: Party) -> None:
    old = with_published(party, "anna", "bert")
    put_by_hand(party, old)
    said = party.refused("serve")
    assert "an old copy was put in its place" in said
    assert "raakvlak-index repair" in said
    (alarm,) = party.status()["alarms"]
    assert "run 'raakvlak-index repair'" in alarm
    told = party.command("repair", "--dry-run").stderr
    assert "2 rows are lost and marked as removed" in told
    assert "nothing was changed" in told
    assert "raakvlak-index repair" in party.refused("serve")
    result = party.command("repair")
    assert result.returncode == 0
    assert "have every node look" in result.stderr
    with serving(party) as running, running.member("school") as school:
        assert school.sequence == 0, "lower than the node's own: it reconciles"
        assert school.inventory() == []
        assert not any(school.publish("anna", "bert").already_there)
        assert party.command("repair").returncode == 75, "while it serves"
        running.stop()
    found = party.status()
    # Covenant and epoch, two rows, their removals, two rows.
    assert (found["rows"], found["log"]["size"], found["log"]["published"], found["alarms"]) == (2, 8, 8, [])


def test_status_tells_the_hash_by_which_officers_pin_a_checkpoint(party: Party) -> None:
    with serving(party) as running, running.member("school") as school:
        school.publish("anna")
        sandbox = party.sandbox
        with Site(running.log_address, sandbox.index, sandbox.covenant.roots_pem) as site:
            while party.status()["log"]["published"] < 3:
                pass
            raw = site.get("/checkpoint", limit=65_536)
            name, seed = sandbox.covenant.witnesses["witness-1"].key.name, sandbox.witness_seeds["witness-1"]
            site.put("/checkpoint/witness-1", checkpoint.cosign(raw, name, seed, datetime.now(UTC)))
    found = party.status()["log"]
    assert found["hash"] == hashlib.sha256(note.parse(raw).text.encode()).hexdigest()
    assert found["witnesses"] == [{"id": "witness-1", "size": 3, "hours": 0}]
    words = party.done("status")
    assert f"log: 3 entries, 3 published, checkpoint hash {found['hash']}" in words
    assert "witness witness-1: cosigned 3 entries 0 hours ago" in words


def test_a_lost_log_is_published_anew_only_when_told_and_with_a_warning(party: Party) -> None:
    with_published(party, "anna")
    assert "is not lost" in party.refused("repair", "--log-lost")
    shutil.rmtree(party.folder / "log")
    assert "repair --log-lost" in party.refused("serve")
    party.refused("repair")
    assert not (party.folder / "log").exists()
    result = party.command("repair", "--log-lost")
    assert result.returncode == 0
    assert "a log of 3 entries was published anew" in result.stderr
    assert "tell the compliance officers now" in result.stderr
    with serving(party) as running, running.member("school") as school:
        assert len(school.inventory()) == 1
        running.stop()


def test_a_log_of_another_key_is_no_start(party: Party) -> None:
    name = party.sandbox.covenant.log_key.name
    foreign = checkpoint.sign(Checkpoint(name, 0, merkle.EMPTY_ROOT), SecretBytes(bytes(32)))
    (party.folder / "log" / "checkpoint").write_bytes(foreign)
    assert "is not this index's" in party.refused("serve")


def test_an_index_beside_which_another_publishes_stops(party: Party) -> None:
    """A copy of the whole folder on another machine, with the same log folder, say."""
    seed = party.sandbox.log_seed
    with serving(party) as running, running.member("school") as school:
        school.publish("anna")
        shown = Checkpoint(party.sandbox.covenant.log_key.name, 99, bytes(32))
        (party.folder / "log" / "checkpoint").write_bytes(checkpoint.sign(shown, seed))
        assert running.process.wait(20) == 1
    assert "another process publishes" in party.log.read_text().splitlines()[-1]
    assert "99 were published" in party.refused("serve")
    assert "99 entries of the log were published and the store holds 3" in party.status()["alarms"][0]


def test_what_is_committed_and_not_published_is_an_alarm(party: Party) -> None:
    """As a loss of power between the two leaves it."""
    shutil.copytree(party.folder / "log", party.folder.parent / "log-before")
    with_published(party, "anna")
    shutil.rmtree(party.folder / "log")
    shutil.copytree(party.folder.parent / "log-before", party.folder / "log")
    found = party.status()
    assert (found["log"]["size"], found["log"]["published"]) == (3, 0)
    (alarm,) = found["alarms"]
    assert "3 entries of the log are committed and not published: start 'serve'" in alarm
    with serving(party) as running:
        running.stop()
    found = party.status()
    assert (found["log"]["published"], found["alarms"]) == (3, [])


def test_the_log_may_lie_on_another_disk(sandbox: Sandbox, tmp_path: Path) -> None:
    party = Party(sandbox, tmp_path / "index")
    party.done(
        "init", "--covenant", "zeeland", "--id", "index", "--name", "x", "--key-file", str(party.key_file),
        "--listen", "127.0.0.1:0", "--log", "127.0.0.1:0", "--log-folder", str(tmp_path / "elsewhere"),
    )  # fmt: skip
    assert (tmp_path / "elsewhere" / "checkpoint").exists()
    assert not (tmp_path / "index" / "log").exists()
    assert party.status()["log"]["published"] == 0
