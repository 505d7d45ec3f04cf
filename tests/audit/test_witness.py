"""`witness`: cosigns what it verified, remembers it first, and never signs two histories."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raakvlak_audit.commands.witness import hand_in
from raakvlak_audit.officer import Officer
from raakvlak_audit.report import Verdict
from raakvlak_audit.source import opened
from raakvlak_audit.witness import COSIGNED, Witness
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import evidence, follow, note
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Evidence, Refused, Unavailable
from raakvlak_protocol.party import serving
from tests.audit.logs import cosigned_by, leaves, look, officer, publish, said, verdicts
from tests.audit.test_commands import run
from tests.covenants import NOW, Sandbox, make_covenant
from tests.federation import case, federation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(witness_threshold=1)


@pytest.fixture
def one(tmp_path: Path, sandbox: Sandbox) -> Officer:
    return officer(tmp_path / "witness", sandbox, witness="witness-1")


def signed(covenant: Covenant, log: Path) -> follow.Signed:
    return follow.read(covenant, (log / "checkpoint").read_bytes())


def witness(at: Officer, log: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return run("witness", "--folder", at.path, "--from-folder", log, "--no-hand-in", *arguments)


def test_it_cosigns_exactly_what_it_read(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    done = witness(one, log)
    kept_note = (one.path / COSIGNED).read_bytes()
    # No witness had signed when it looked, which it says; the note is for handing over.
    assert (done.returncode, kept_note.decode() in done.stdout) == (75, True)
    covenant = sandbox.covenant
    assert checkpoints.cosigned(kept_note, covenant.witnesses["witness-1"].key) is not None
    assert follow.read(covenant, kept_note).checkpoint == signed(covenant, log).checkpoint
    (log / "checkpoint.witness-1").write_bytes(kept_note)
    again = witness(one, log, "--json")
    report = json.loads(again.stdout)
    assert (again.returncode, report["verdict"]) == (0, "ok")
    assert {each["id"]: each["verdict"] for each in report["checks"]}["handed_in"] == "note"


def test_it_refuses_to_cosign_a_fork_and_keeps_the_evidence(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    witness(one, publish(tmp_path / "log", sandbox, leaves(sandbox, 300)))
    before = (one.path / COSIGNED).read_bytes()
    done = witness(one, publish(tmp_path / "fork", sandbox, leaves(sandbox, 400, "other")))
    assert (done.returncode, "Nothing was cosigned" in done.stdout) == (1, True)
    assert (one.path / COSIGNED).read_bytes() == before
    (kept,) = (one.path / "evidence").iterdir()
    assert evidence.check(kept.read_bytes(), sandbox.covenant.log_key).convicts


@pytest.mark.parametrize("lost", ["positions", "checkpoint"])
def test_it_remembers_by_its_own_note_alone(one: Officer, sandbox: Sandbox, tmp_path: Path, lost: str) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    witness(one, log)
    shutil.copy(one.path / COSIGNED, log / "checkpoint.witness-1")
    witness(one, log)
    (one.path / lost).unlink()
    fork = publish(tmp_path / "fork", sandbox, leaves(sandbox, 400, "other"))
    assert witness(one, fork).returncode == 1
    assert follow.read(sandbox.covenant, (one.path / COSIGNED).read_bytes()).size == 300


def test_it_learns_what_it_cosigned_from_the_index_where_it_forgot(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    witness(one, log)
    other = publish(tmp_path / "other", sandbox, leaves(sandbox, 400, "other"))
    shutil.copy(one.path / COSIGNED, other / "checkpoint.witness-1")
    restored = officer(tmp_path / "restored", sandbox, witness="witness-1")
    assert witness(restored, other).returncode == 1
    assert not (restored.path / COSIGNED).exists()


def test_it_never_cosigns_less_than_before(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    witness(one, publish(tmp_path / "log", sandbox, leaves(sandbox, 300)))
    before = (one.path / COSIGNED).read_bytes()
    done = witness(one, publish(tmp_path / "old", sandbox, leaves(sandbox, 200)))
    assert (done.returncode, (one.path / COSIGNED).read_bytes()) == (75, before)


def test_signing_itself_refuses_whatever_was_verified(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    own = Witness.of(one, sandbox.covenant)
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    first = own.cosign(signed(sandbox.covenant, log), NOW)
    for name, size in (("less", 200), ("same", 300)):
        fork = publish(tmp_path / name, sandbox, leaves(sandbox, size, "other"))
        with pytest.raises(Evidence, match="do not continue"):
            own.cosign(signed(sandbox.covenant, fork), NOW)
    assert own.last() == first
    assert own.cosign(signed(sandbox.covenant, log), NOW) == first


def test_a_note_full_of_strange_lines_does_not_spoil_what_it_remembers(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    """As many lines as a note may bear, so that one more makes it unreadable."""
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    full = note.parse((log / "checkpoint").read_bytes())
    for number in range(note.MAX_SIGNATURES - 1):
        full = full.with_line(note.Line(f"stranger-{number}", os.urandom(4), os.urandom(64)))
    (log / "checkpoint").write_bytes(full.encode())
    witness(one, log)
    witness_line = (one.path / COSIGNED).read_bytes()
    assert len(note.parse(witness_line).lines) == 2
    assert witness(one, log).returncode == 75, "the same as the first time: nothing of it was handed in"


def test_a_changed_memory_is_refused(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    own = Witness.of(one, sandbox.covenant)
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    own.cosign(signed(sandbox.covenant, log), NOW)
    good = own.file.read_bytes()
    # The log's own note without our line, too: we would forget that we signed.
    for raw in (b"", good[:-1], good.replace(b"\n300\n", b"\n200\n"), (log / "checkpoint").read_bytes()):
        own.file.write_bytes(raw)
        with pytest.raises(Refused, match="not what this witness cosigned"):
            own.last()
        assert witness(one, log).returncode == 1


def test_what_cannot_be_remembered_is_not_cosigned(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    own = Witness.of(one, sandbox.covenant)
    own.file.mkdir()
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 30))
    with pytest.raises(Refused):
        own.cosign(signed(sandbox.covenant, log), NOW)


def test_bad_entries_are_not_cosigned_and_late_witnesses_are_no_reason(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, [*leaves(sandbox, 100), b"\x06" + bytes(32)])
    assert witness(one, log).returncode == 1
    assert not (one.path / COSIGNED).exists()
    late = publish(tmp_path / "late", sandbox, leaves(sandbox, 100))
    cosigned_by(late, sandbox, "witness-1", hours_ago=24 * 365)
    publish(late, sandbox, leaves(sandbox, 120))
    other = officer(tmp_path / "other", sandbox, witness="witness-1")
    done = witness(other, late)
    assert (done.returncode, "Enough witnesses cosigned last on" in " ".join(done.stdout.split())) == (1, True)
    assert follow.read(sandbox.covenant, (other.path / COSIGNED).read_bytes()).size == 120


def test_only_one_witness_works_in_a_folder(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 30))
    with serving.only_one(one.path / "witness.lock", "witness"):
        done = witness(one, log)
    assert (done.returncode, "another raakvlak-audit witness" in done.stderr) == (75, True)
    assert not (one.path / COSIGNED).exists()


def test_who_is_no_witness_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 30))
    done = witness(officer(tmp_path / "officer", sandbox), log)
    assert (done.returncode, "no witness" in done.stderr) == (1, True)
    other = make_covenant(witness_threshold=0, witnesses=("someone-else",))
    stranger = officer(tmp_path / "stranger", sandbox, witness="witness-1")
    stranger.covenant_file.write_bytes(other.file)
    stranger.pin_file.write_text(other.pin.hex() + "\n")
    with pytest.raises(Refused, match="does not name witness"):
        Witness.of(stranger, other.covenant)


def test_what_the_index_answers_is_the_verdict() -> None:
    def refusing(note: bytes) -> None:
        raise Refused("index says no")

    def gone(note: bytes) -> None:
        raise Unavailable("not now")

    assert [hand_in(each, b"").verdict for each in (refusing, gone, lambda note: None)] == [
        Verdict.WRONG,
        Verdict.UNKNOWN,
        Verdict.OK,
    ]


# --- over real HTTPS --------------------------------------------------------------------------------------------------


def test_a_federations_log_is_followed_and_cosigned_over_https(sandbox: Sandbox, tmp_path: Path) -> None:
    with federation(tmp_path / "federation", sandbox) as running:
        address = running.index.log_address
        watcher = officer(tmp_path / "watcher", sandbox, witness="witness-1", log=address)
        dpo = officer(tmp_path / "dpo", sandbox, log=address)
        running.nodes["school"].put_case(case("S-1", "123456782"))
        running.settle()
        running.index.publish_log()
        early = run("follow", "--folder", dpo.path, "--json")
        assert (early.returncode, json.loads(early.stdout)["verdict"]) == (75, "unknown")  # no witness yet
        # The witness crashes between saving and handing in.
        own = Witness.of(watcher, sandbox.covenant)
        with opened(sandbox.covenant, address, None) as source:
            own.cosign(follow.read(sandbox.covenant, source.fetch("checkpoint")), running.clock())
        assert run("follow", "--folder", dpo.path).returncode == 75
        # Run again, and twice, it hands in.
        for _ in range(2):
            done = run("witness", "--folder", watcher.path, "--json")
            checks = {each["id"]: each["verdict"] for each in json.loads(done.stdout)["checks"]}
            assert (checks["cosigned"], checks["handed_in"]) == ("ok", "ok"), done.stdout
        done = run("follow", "--folder", dpo.path, "--json")
        figures = {each["id"]: each["value"] for each in json.loads(done.stdout)["figures"]}
        assert (done.returncode, figures["live"], figures["trusted"] == figures["size"]) == (0, 1, True)
        fork = publish(tmp_path / "fork", sandbox, leaves(sandbox, 2, "other"))
        convicted = run("follow", "--folder", dpo.path, "--also", fork / "checkpoint")
        assert (convicted.returncode, "was shown another log than you" in convicted.stdout) == (1, True)
        running.nodes["school"].put_case(case("S-2", "111222333"))
        running.settle()
        running.index.publish_log()
        waiting = run("follow", "--folder", dpo.path)
        assert (waiting.returncode, "not trusted yet" in waiting.stdout) == (0, True)
    assert run("follow", "--folder", dpo.path).returncode == 75


def test_it_goes_on_until_it_is_asked_to_end(sandbox: Sandbox, tmp_path: Path) -> None:
    with federation(tmp_path / "federation", sandbox) as running:
        running.index.publish_log()
        watcher = officer(tmp_path / "watcher", sandbox, witness="witness-1", log=running.index.log_address)
        command = [sys.executable, "-c", "from raakvlak_audit.cli import main; main()", "witness", "--every", "1", "--json"]
        looping = subprocess.Popen(
            [*command, "--folder", str(watcher.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "LANG": "C.UTF-8"},
        )  # fmt: skip
        assert looping.stdout is not None
        try:
            report = json.loads(looping.stdout.readline())
            assert {each["id"]: each["verdict"] for each in report["checks"]}["handed_in"] == "ok"
            assert looping.poll() is None
            busy = run("witness", "--folder", watcher.path)
            assert (busy.returncode, "another raakvlak-audit witness" in busy.stderr) == (75, True)
            began = time.monotonic()
            looping.send_signal(signal.SIGTERM)
            assert looping.wait(20) == 0
            assert time.monotonic() - began < 20
        finally:
            looping.kill()
            looping.wait()
            looping.stdout.close()


def test_an_index_that_lies_over_https_is_named_by_the_look(sandbox: Sandbox, tmp_path: Path) -> None:
    with federation(tmp_path / "federation", sandbox) as running:
        running.index.publish_log()
        watcher = officer(tmp_path / "watcher", sandbox, log=running.index.log_address)
        entries = running.index.published / "entries"
        raw = bytearray(entries.read_bytes())
        raw[-1] ^= 1
        entries.write_bytes(raw)
        with opened(sandbox.covenant, running.index.log_address, None) as source:
            looked = look(watcher, sandbox, source)
        size = looked.positions.read
        assert verdicts(looked)["entries"] is Verdict.WRONG
        assert "position" in said(looked, "entries")
        assert size == 0
        raw[-1] ^= 1
        entries.write_bytes(raw)
