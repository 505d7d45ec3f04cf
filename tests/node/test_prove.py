"""A node that proves its rows: what it sees of an honest log, and of one that is late or can't be seen."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from raakvlak_node import doctor
from raakvlak_node.alarm import Alarms
from raakvlak_node.node import Node, open_node
from raakvlak_node.promises import FORGOTTEN, TRUSTED, Promises
from raakvlak_node.reconcile import reconcile
from raakvlak_node.store import Store
from raakvlak_node.sync import walking
from raakvlak_protocol import checkpoint, entry, evidence, follow
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.evidence import Unverifiable
from raakvlak_protocol.party.web import Site
from raakvlak_protocol.v1 import covenant_pb2
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.lying import reference
from tests.attacks.lying_log import before_the_log, entries_of, forged, read_the_log
from tests.attacks.relay import Call, before_the_index
from tests.covenants import Sandbox, make_covenant
from tests.federation import Federation, IndexThreads, case, federation
from tests.node.test_cli import covenant_with, init, join, run

CHILD, SISTER, MOTHER, UNCLE = "123456782", "111222333", "999990019", "999990032"


@contextmanager
def proving(folder: Path, sandbox: Sandbox | None = None) -> Iterator[Federation]:
    """A federation whose nodes read the log."""
    with federation(folder, sandbox) as running:
        read_the_log(running)
        yield running


def publish(running: Federation, *bsns: str) -> Node:
    """The school publishes a case for each, and walks once; the log is not published yet."""
    school = running.nodes["school"]
    for bsn in bsns:
        school.put_case(case(f"S-{bsn}", bsn))
    running.walk("school")
    return school


def prove(running: Federation) -> int:
    """The log is published, and the school looks at it."""
    running.index.publish_log()
    return running.walk("school").proven


def receipts(node: Node) -> int:
    return len(Promises(node.store).all(node.covenant.id, node.member.id))


def said(running: Federation, event: str) -> list[dict[str, object]]:
    return [fields for name, fields in running.logged if name == event]


def sound(node: Node) -> dict[str, object]:
    """What status says of the log where all is well and proven."""
    size = follow.read(node.covenant, Promises(node.store).note(TRUSTED) or b"").size
    return {"unproven": 0, "trusted_size": size, "overdue_hours": 0, "log_trouble": "", "alarm": ""}


def log_part(node: Node) -> dict[str, object]:
    status = node.status()
    return {name: status[name] for name in ("unproven", "trusted_size", "overdue_hours", "log_trouble", "alarm")}


def log_finding(node: Node) -> doctor.Finding:
    (found,) = [each for each in doctor.examine(node) if each.check == "log"]
    return found


# --- an honest log ----------------------------------------------------------------------------------------------------


def test_rows_and_removals_are_proven_and_nothing_is_kept_that_opens_them(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD, SISTER)
        assert log_part(school)["unproven"] == 2
        assert receipts(school) == 1
        assert prove(running) == 2
        assert log_part(school) == sound(school)
        assert receipts(school) == 0
        openings = _openings(school, CHILD, SISTER)
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        assert receipts(school) == 1
        running.index.publish_log()
        running.walk("school")
        assert receipts(school) == 0
        assert entries_of(running)[-1] == entry.removed(openings[0].position)
        assert log_part(school) == sound(school)
        assert log_finding(school).verdict == "good"
        assert said(running, "alarm") == []
        kept = b"".join(path.read_bytes() for path in school.folder.path.iterdir() if path.is_file())
        assert all(each.salt not in kept for each in openings)


def _openings(node: Node, *bsns: str) -> list[pb.Opening]:
    request = pb.OpeningsRequest(covenant_hash=node.covenant.hash, epoch=1, references=[reference(node, bsn) for bsn in bsns])
    with closing(node.index_remote()) as remote:
        return list(remote.call("Openings", request, pb.OpeningsReply, timeout_seconds=10).openings)


@pytest.mark.slow
def test_many_rows_in_many_bundles_are_proven_beside_another_members(tmp_path: Path) -> None:
    with proving(tmp_path, make_covenant(declared=5000, first_load=2000)) as running:
        numbers = [number for number in range(999_900_000, 999_908_000) if _is_bsn(number)][:600]
        for member, prefix in (("school", "S"), ("town", "T")):
            for number in numbers if member == "school" else numbers[:300]:
                running.nodes[member].put_case(case(f"{prefix}-{number}", str(number)))
        running.settle()
        assert prove(running) == 600
        assert log_part(running.nodes["school"]) == sound(running.nodes["school"])
        assert running.walk("town").proven == 300


def _is_bsn(number: int) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, str(number), strict=True)) % 11 == 0


def test_a_row_that_stood_already_is_proven_where_the_index_says_that_it_stands(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        prove(running)
        school.store.forget_reference(reference(school, CHILD))
        assert running.walk("school").published == 1
        assert log_part(school) == sound(school)
        assert receipts(school) == 0


def test_a_row_withdrawn_before_the_log_showed_it_is_proven_by_its_receipt(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        assert receipts(school) == 2
        prove(running)
        assert receipts(school) == 0
        assert log_part(school) == sound(school)


def test_an_answer_that_was_not_heard_is_proven_all_the_same(tmp_path: Path) -> None:
    with proving(tmp_path) as running, before_the_index(running) as between:

        def lost(call: Call) -> Iterator[bytes]:
            next(call.forward(call.request))
            yield b"\xff"  # no message: the node can't read it

        for method in ("Publish", "Withdraw"):
            between.hooks[method] = lost
            school = running.nodes["school"]
            school.put_case(case("S-1", CHILD)) if method == "Publish" else school.drop_case("S-1")
            with pytest.raises(Exception, match=r".") as heard:
                running.walk("school")
            assert heard.type.__name__ in {"Evidence", "Malformed", "Refused", "Unavailable"}
            del between.hooks[method]
            running.walk("school")
            assert receipts(school) == 1
            assert prove(running) == (method == "Publish")
            assert receipts(school) == 0
        assert said(running, "alarm") == []


def test_the_requests_stand_in_the_ledger(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        prove(running)
        lines = school.store.ledger_lines(1, 10**6)
        sealed = [(each.sealed, each.number.to_bytes(8, "big")) for each in lines if each.sealed is not None]
        opened = [school.store.vault.open(each, "ledger", number).reveal() for each, number in sealed]
        for path in (b"GET /checkpoint", b"GET /checkpoint/witness-1", b"GET /tile/0/000", b"GET /tile/entries/000"):
            assert any(path in each for each in opened), path


def test_rows_of_before_are_proven_once_the_settings_name_the_log(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school = publish(running, CHILD)
        assert log_part(school)["unproven"] == 1
        assert "names no log" in str(log_part(school)["log_trouble"])
        assert log_finding(school).verdict == "warning"
        read_the_log(running)
        assert prove(running) == 1


# --- late, or out of sight --------------------------------------------------------------------------------------------


def test_a_log_that_does_not_grow_is_told_after_two_days_and_stops_nothing(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        running.clock.pass_(hours=47)
        running.walk("school")
        assert log_part(school)["overdue_hours"] == 0
        running.clock.pass_(hours=2)
        assert publish(running, SISTER).status()["published"] == 2
        assert log_part(school)["overdue_hours"] == 49
        assert said(running, "proof_overdue")[-1] == {"rows": 2, "hours": 49}
        assert log_finding(school).verdict == "bad"
        assert said(running, "alarm") == []
        assert prove(running) == 2
        assert log_part(school) == sound(school)


def test_a_removal_that_is_never_logged_is_told_after_two_days(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        prove(running)
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        running.clock.pass_(hours=49)
        running.walk("school")
        assert log_part(school)["overdue_hours"] == 49
        assert log_part(school)["unproven"] == 0


def test_a_log_out_of_reach_is_no_lie(tmp_path: Path) -> None:
    with proving(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, CHILD)
        true = log.answer
        for answer in (_nothing, _garbage):
            log.answer = answer
            running.index.publish_log()
            running.walk("school")
            assert log_part(school)["log_trouble"]
            assert log_part(school)["alarm"] == ""
            assert log_finding(school).verdict == "warning"
        assert len(said(running, "log_not_followed")) == 2
        log.answer = true
        assert prove(running) == 1
        assert log_part(school) == sound(school)


def _nothing(path: str) -> bytes:
    raise Unavailable("the disk is gone")


def _garbage(path: str) -> bytes:
    return b"<html>maintenance</html>"


def test_an_old_copy_of_the_log_is_no_lie_and_trust_never_goes_back(tmp_path: Path) -> None:
    with proving(tmp_path) as running, before_the_log(running) as log:
        school = publish(running, CHILD)
        prove(running)
        true, old = log.answer, forged(running, entries_of(running))
        publish(running, SISTER)
        prove(running)
        stands = log_part(school)
        log.answer = old
        running.walk("school")
        assert "an old copy is served" in str(log_part(school)["log_trouble"])
        assert log_part(school) | {"log_trouble": ""} == stands
        log.answer = true
        running.walk("school")
        assert log_part(school) == stands


def test_what_no_witness_has_cosigned_waits(tmp_path: Path) -> None:
    sandbox = make_covenant(witnesses=("witness-1", "witness-2"), witness_threshold=2)
    with proving(tmp_path, sandbox) as running:
        school = publish(running, CHILD)
        assert prove(running) == 0
        assert "cosigned" in str(log_part(school)["log_trouble"])
        cosign(running, "witness-1")
        assert running.walk("school").proven == 0
        publish(running, SISTER)
        running.index.publish_log()
        cosign(running, "witness-2")
        # Both have seen the child's row, one of them the sister's.
        assert running.walk("school").proven == 1
        assert log_part(school)["unproven"] == 1
        assert log_part(school)["log_trouble"] == ""
        running.clock.pass_(hours=49)
        running.walk("school")
        assert log_part(school)["overdue_hours"] == 49
        cosign(running, "witness-1")
        assert running.walk("school").proven == 1
        assert log_part(school) == sound(school)


def cosign(running: Federation, witness: str) -> None:
    sandbox = running.sandbox
    roots = sandbox.credentials(sandbox.index).roots
    with Site(running.index.log_address, sandbox.index, roots) as site:
        newest = site.get("/checkpoint", limit=2**16)
        name = sandbox.covenant.witnesses[witness].key.name
        site.put(f"/checkpoint/{witness}", checkpoint.cosign(newest, name, sandbox.witness_seeds[witness], running.clock()))


# --- a real federation looks once an hour -----------------------------------------------------------------------------


def test_outside_a_sandbox_the_log_is_looked_at_after_publishing_and_else_once_an_hour(tmp_path: Path) -> None:
    real = make_covenant(change=_real, board_size=3, board_threshold=2, witness_threshold=1)
    with proving(tmp_path, real) as running:
        school = publish(running, CHILD)
        running.index.publish_log()
        cosign(running, "witness-1")
        assert running.walk("school").proven == 0
        running.clock.pass_(minutes=61)
        assert running.walk("school").proven == 1
        assert log_part(school) == sound(school)


def _real(payload: covenant_pb2.Covenant) -> None:
    payload.sandbox = False


# --- restored ---------------------------------------------------------------------------------------------------------


def test_a_restored_node_proves_its_rows_anew(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD, SISTER)
        prove(running)
        backup = tmp_path / "backup.db"
        school.store.backup(backup)
        # Since then one row has gone and come again, and stands elsewhere in the log.
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        publish(running, CHILD, UNCLE)
        prove(running)
        store = school.store.path
        school.close()
        for path in (store, store.with_name(store.name + "-wal"), store.with_name(store.name + "-shm")):
            path.unlink(missing_ok=True)
        shutil.copyfile(backup, store)
        restored = running.nodes["school"] = Node(
            school.folder, school.settings, school.membership, Store(store, school.store.vault), school.clock, school.random
        )
        restored.store.set_remark("reconcile", "restored from a backup")
        with walking(restored, lambda name, **fields: None) as walk:
            reconcile(restored, walk.publisher, dry_run=False)
        assert log_part(restored)["unproven"] == 2
        assert prove(running) == 2
        running.walk("school")
        assert log_part(restored) == sound(restored)
        assert receipts(restored) == 0
        assert said(running, "alarm") == []


def test_an_index_that_was_restored_is_not_accused(tmp_path: Path) -> None:
    """It has lost a write that it had acknowledged, and that no checkpoint had shown: the node drops that receipt."""
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        prove(running)
        restarted(running)
        folder = running.index.path.parent
        running.index.stop()
        shutil.copytree(folder, tmp_path / "backup")
        restarted(running, stopped=True)
        school = publish(running, SISTER)
        assert receipts(school) == 1
        running.index.stop()
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "backup", folder)
        restarted(running, stopped=True)
        school = running.nodes["school"]
        with pytest.raises(Refused, match="reconcile"):
            running.walk("school")
        for dry_run in (True, False):
            with walking(school, lambda name, **fields: None) as walk:
                found = reconcile(school, walk.publisher, dry_run=dry_run)
            assert found["lost_there_to_publish_again"] == 1
            assert found["receipts_of_lost_writes_to_drop"] == 1
        assert receipts(school) == 0
        # Another person's row now stands where the sister's was promised.
        school.drop_case(f"S-{SISTER}")
        publish(running, UNCLE)
        assert prove(running) == 1
        running.walk("school")
        assert log_part(school) == sound(school)
        assert said(running, "alarm") == []


def restarted(running: Federation, sandbox: Sandbox | None = None, *, stopped: bool = False) -> None:
    """The index runs again over what is in its folder, for a covenant's next version if one is given; all nodes know."""
    if not stopped:
        running.index.stop()
    running.sandbox = sandbox or running.sandbox
    folder, peppers = running.index.path.parent, running.index.peppers
    running.index = IndexThreads(running.sandbox, folder, running.clock, peppers=peppers)
    for member, node in running.nodes.items():
        settings = replace(node.settings, index=running.index.address, log=running.index.log_address)
        membership = replace(node.membership, covenant=running.sandbox.covenant)
        node.folder.covenant.write_bytes(running.sandbox.file)
        running.nodes[member] = replace(node, settings=settings, membership=membership)


def test_rows_of_before_may_stand_for_the_term_of_before(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        publish(running, CHILD)
        prove(running)
        restarted(running, running.sandbox.successor(_shorter))
        school = running.nodes["school"]
        assert school.covenant.retention_months == 6
        Promises(school.store).prove_again(int(running.clock().timestamp()))
        assert prove(running) == 1
        assert log_part(school) == sound(school)


def _shorter(payload: covenant_pb2.Covenant) -> None:
    payload.rules.retention_months = 6


# --- what is forgotten ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["unread", "alarm"])
def test_receipts_are_forgotten_after_thirty_days_whatever_became_of_them(tmp_path: Path, how: str) -> None:
    """Their hashes lead back to rows that were erased since."""
    with federation(tmp_path) as running:
        if how == "alarm":
            read_the_log(running)
        school = publish(running, CHILD)
        if how == "alarm":
            alarms = Alarms(Promises(school.store), school.folder.path, lambda name, **fields: None)
            alarms.ring("the tiles differ", Unverifiable(b"", "the tiles differ"), running.clock())
        school.drop_case(f"S-{CHILD}")
        running.walk("school")
        running.clock.pass_(days=29)
        running.walk("school")
        assert receipts(school) == 2
        running.clock.pass_(days=2)
        running.walk("school")
        assert receipts(school) == 0
        assert school.store.number(FORGOTTEN) == 2
        assert said(running, "receipts_forgotten") == [{"count": 2}]


def test_a_receipt_that_is_kept_is_not_replaced(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        promises = Promises(school.store)
        (kept,) = promises.all(school.covenant.id, "school")
        promises.keep(replace(kept.receipt, entries_hash=bytes(32)), bytes(64), None, 0)
        assert promises.all(school.covenant.id, "school") == [kept]


# --- alarms for people ------------------------------------------------------------------------------------------------


def test_an_alarm_survives_and_is_ended_by_a_person_with_a_reason(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = publish(running, CHILD)
        prove(running)
        at = running.clock().astimezone(UTC)
        alarms = Alarms(Promises(school.store), school.folder.path, lambda name, **fields: None)
        alarms.ring("the tiles differ", Unverifiable(b"", "the tiles differ"), at)
        alarms.ring("the tiles differ again", Unverifiable(b"", "again"), at)
        (alarm,) = alarms.open()
        file = alarms.path(alarm)
        assert file is not None
        assert file.name == f"{at:%Y%m%dT%H%M%SZ}-unverifiable.json"
        assert file.stat().st_mode & 0o077 == 0
        assert not evidence.check(file.read_bytes(), school.covenant.log_key).convicts
        again = running.nodes["school"] = school.reopened()
        assert publish(running, SISTER).status()["alarm"] == "the tiles differ"
        assert again.status()["published"] == 1
        assert [each.verdict for each in doctor.examine(again) if each.check == "alarm"] == ["bad"]
        for empty in ("", "  ", "two\nlines"):
            with pytest.raises(Refused):
                alarms.end(empty, at)
        alarms.end("a disk was replaced", at)
        with pytest.raises(Refused):
            alarms.end("again", at)
        running.walk("school")
        assert prove(running) == 1
        assert again.status()["published"] == 2
        assert log_part(again) == sound(again)
        assert [each.because for each in alarms.all()] == ["a disk was replaced"]
        school.close()


def test_an_alarm_rings_though_its_evidence_can_not_be_written(tmp_path: Path) -> None:
    with proving(tmp_path) as running:
        school = running.nodes["school"]
        (school.folder.path / "evidence").write_text("in the way")
        alarms = Alarms(Promises(school.store), school.folder.path, lambda name, **fields: None)
        alarms.ring("the tiles differ", Unverifiable(b"", "the tiles differ"), running.clock())
        (alarm,) = alarms.open()
        assert alarms.path(alarm) is None
        publish(running, CHILD)
        assert school.status()["published"] == 0


def test_the_store_keeps_nothing_that_opens_a_leaf(node: Node) -> None:
    with closing(sqlite3.connect(node.store.path)) as database:
        columns = {row[1] for row in database.execute("PRAGMA table_info(token)")}
    assert {"position", "unproven_since"} <= columns
    assert not {"salt", "digest"} & columns


def test_the_commands_list_alarms_and_end_them(tmp_path: Path) -> None:
    made = init(tmp_path / "node", tmp_path / "elsewhere" / "node.key", "--log", "127.0.0.1:9")
    folder = tmp_path / "node"
    assert join(folder, covenant_with(made.out)).code == 0
    assert run("evidence", folder=folder).out == "no alarm was ever raised\n"
    assert "there is no alarm" in run("resume", "--because", "why not", folder=folder).failed()
    with closing(open_node(folder)) as node:
        assert node.settings.log == "127.0.0.1:9"
        alarms = Alarms(Promises(node.store), folder, lambda name, **fields: None)
        alarms.ring("the tiles differ", Unverifiable(b"", "the tiles differ"), node.clock())
    (listed,) = json.loads(run("evidence", "--json", folder=folder).out)["alarms"]
    assert (listed["kind"], listed["message"], listed["ended"]) == ("unverifiable", "the tiles differ", "")
    assert Path(listed["file"]).is_file()
    assert "open: nothing is published" in run("evidence", folder=folder).out
    assert "the tiles differ" in run("status", folder=folder).out
    assert "--because" in run("resume", folder=folder).failed()
    assert "printable" in run("resume", "--because", " ", folder=folder).failed()
    assert run("resume", "--because", "a disk was replaced", folder=folder).code == 0
    assert "a disk was replaced" in run("evidence", folder=folder).out
    assert run("status", "--json", folder=folder).json["alarm"] == ""
