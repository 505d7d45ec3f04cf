"""`raakvlak-audit` as an officer runs it: what it takes on trust, what it refuses, what its exit code tells."""

import hashlib
import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from raakvlak_audit.officer import Officer, Settings
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import note
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Evidence, Refused
from raakvlak_protocol.party import settings
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import NOW, Sandbox, make_covenant, public_key


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@dataclass(frozen=True)
class Given:
    """What an officer was handed: files, and their fingerprints by another way."""

    folder: Path
    sandbox: Sandbox

    @property
    def covenant(self) -> Path:
        path = self.folder / "given.raakvlak"
        path.write_bytes(self.sandbox.file)
        return path

    def checkpoint(self, size: int = 7, root: bytes = bytes(32)) -> tuple[Path, str]:
        checkpoint = Checkpoint(self.sandbox.index.dns_name, size, root)
        path = self.folder / f"checkpoint-{size}"
        path.write_bytes(checkpoints.sign(checkpoint, self.sandbox.log_seed))
        return path, hashlib.sha256(checkpoint.text.encode()).hexdigest()

    @property
    def officer(self) -> Path:
        return self.folder / "officer"

    def init(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return run("init", self.officer, "--covenant", self.covenant, "--pin", self.sandbox.pin.hex(), *arguments)


@pytest.fixture
def given(tmp_path: Path, sandbox: Sandbox) -> Given:
    return Given(tmp_path, sandbox)


def run(*arguments: object, lang: str = "C.UTF-8") -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-c", "from raakvlak_audit.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"LANG": lang, "COLUMNS": "80"},
    )
    assert "Traceback" not in done.stderr
    return done


def test_init_pins_a_covenant_and_a_checkpoint(given: Given) -> None:
    file, fingerprint = given.checkpoint()
    done = given.init("--checkpoint", file, "--checkpoint-hash", fingerprint, "--log", "log.example:443")
    assert done.returncode == 0, done.stderr
    assert "The log is trusted up to 7 entries." in done.stdout
    officer = Officer(given.officer)
    covenant = officer.covenant(NOW)
    assert (covenant.hash, officer.settings()) == (given.sandbox.pin, Settings("zeeland", "log.example:443"))
    assert officer.trusted(covenant) == Checkpoint(given.sandbox.index.dns_name, 7, bytes(32))
    assert {path.stat().st_mode & 0o077 for path in given.officer.iterdir()} == {0}
    again = given.init()
    assert (again.returncode, "officer's folder already" in again.stderr) == (1, True)


def test_without_a_checkpoint_that_is_said(given: Given) -> None:
    done = given.init("--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"], found["covenant_hash"]) == (0, "ok", given.sandbox.pin.hex())
    assert {check["id"]: check["verdict"] for check in found["checks"]} == {
        "covenant_pinned": "ok",
        "follow_up_terms": "ok",
        "coordination": "ok",
        "checkpoint_pinned": "note",
    }
    assert Officer(given.officer).trusted(given.sandbox.covenant) is None


def test_what_does_not_match_its_fingerprint_is_refused_and_leaves_nothing(given: Given) -> None:
    file, fingerprint = given.checkpoint()
    _, other = given.checkpoint(8)
    for arguments, words in [
        (("--checkpoint", file, "--checkpoint-hash", other), "not the checkpoint whose hash was given"),
        (("--checkpoint", file, "--checkpoint-hash", fingerprint[:-1]), "64 hexadecimal digits"),
        (("--checkpoint", file), "--checkpoint and --checkpoint-hash go together"),
        (("--checkpoint", given.covenant, "--checkpoint-hash", fingerprint), "note"),
        (("--pin", "00" * 32), "not the covenant that was pinned"),
        (("--witness", "witness-1"), "--witness and --key-file go together"),
    ]:
        done = given.init(*arguments)
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert not given.officer.exists()


def test_a_checkpoint_by_another_key_is_refused(given: Given) -> None:
    file, fingerprint = given.checkpoint()
    text = note.parse(file.read_bytes()).text
    file.write_bytes(note.signed(text, given.sandbox.index.dns_name, given.sandbox.holder_seeds[1]).encode())
    done = given.init("--checkpoint", file, "--checkpoint-hash", fingerprint)
    assert (done.returncode, "not signed" in done.stderr) == (1, True)


def test_a_witness_makes_its_key_before_the_covenant_and_is_named_after(tmp_path: Path) -> None:
    folder, key = tmp_path / "officer", tmp_path / "keys" / "witness.key"
    make = (
        "witness-key",
        folder,
        "--covenant-id",
        "zeeland",
        "--witness",
        "provincie",
        "--name",
        'De "Provincie"',
        "--key-file",
        key,
    )
    first, again = run(*make), run(*make)
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    entry = tomllib.loads(first.stdout)["witness"][0]
    assert (entry["id"], entry["name"]) == ("provincie", 'De "Provincie"')

    def named(payload: pb.Covenant) -> None:
        payload.witnesses.add(id="provincie", name="De Provincie", key=bytes.fromhex(entry["key"]))

    given = Given(tmp_path, make_covenant(change=named))
    done = given.init("--witness", "provincie", "--key-file", key, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["checks"][2]["verdict"] == "ok"
    officer = Officer(folder)
    assert public_key(officer.witness_seed()).hex() == entry["key"]
    assert settings.load(officer.settings_file, Settings) == officer.settings()


def test_a_witness_that_is_not_named_yet_gets_its_entry(given: Given) -> None:
    done = given.init("--witness", "provincie", "--name", "De Provincie", "--key-file", given.folder / "witness.key")
    assert done.returncode == 0, done.stderr
    entry = (given.officer / "entry.toml").read_text()
    assert entry in done.stdout
    assert tomllib.loads(entry)["witness"][0]["name"] == "De Provincie"


def test_another_key_than_the_covenants_is_refused(given: Given) -> None:
    done = given.init("--witness", "witness-1", "--key-file", given.folder / "witness.key")
    assert (done.returncode, "names another key for witness witness-1" in done.stderr) == (1, True)


def test_a_newer_covenant_is_taken_and_never_an_older_one(given: Given) -> None:
    given.init()

    def leave(payload: pb.Covenant) -> None:
        payload.members.pop()
        payload.ClearField("coordination")

    newer = given.sandbox.successor(leave)
    file = given.folder / "newer"
    file.write_bytes(newer.file)
    done = run("covenant", file, "--folder", given.officer, "--lang", "nl")
    assert (done.returncode, "Geen lid meer: coordinator." in done.stdout) == (0, True), done.stderr
    assert Officer(given.officer).covenant(NOW).version == 2
    older = run("covenant", given.covenant, "--folder", given.officer)
    assert (older.returncode, "version 2 of the covenant is held already" in older.stderr) == (1, True)
    assert Officer(given.officer).covenant(NOW).version == 2


def test_what_is_trusted_never_goes_back_or_aside(given: Given) -> None:
    file, fingerprint = given.checkpoint()
    given.init("--checkpoint", file, "--checkpoint-hash", fingerprint)
    officer, covenant = Officer(given.officer), given.sandbox.covenant
    officer.trust(given.checkpoint(9)[0].read_bytes(), covenant)
    with pytest.raises(Refused, match="up to 9 entries and this checkpoint has 7"):
        officer.trust(file.read_bytes(), covenant)
    with pytest.raises(Evidence, match="two histories"):
        officer.trust(given.checkpoint(9, bytes([1]) * 32)[0].read_bytes(), covenant)
    assert (trusted := officer.trusted(covenant)) is not None
    assert (trusted.size, trusted.root) == (9, bytes(32))


def test_contract_needs_no_folder_and_shows_the_covenants_rules_in_one(given: Given) -> None:
    bare = run("contract", "--folder", given.folder, "--json")
    assert bare.returncode == 0, bare.stderr
    assert json.loads(bare.stdout)["verdict"] == "ok"
    given.init()
    page = given.folder / "contract.html"
    done = run("contract", "--folder", given.officer, "--report", page, lang="nl_NL.UTF-8")
    assert (done.returncode, "Niemand kan worden opgezocht" in done.stdout) == (0, True), done.stderr
    assert str(page) in done.stderr
    text = page.read_text().replace("<wbr>", "")
    assert '<html lang="nl">' in text
    assert "PublishRequest.token_signatures" in text
    assert "Wat elke soort organisatie van het convenant mag publiceren" in text


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    done = run("covenant", __file__, "--folder", tmp_path)
    assert (done.returncode, "is no officer's folder" in done.stderr) == (1, True)


def test_a_fingerprint_may_be_written_in_capitals_and_an_address_must_be_one(given: Given) -> None:
    pin = given.sandbox.pin.hex().upper()
    (given.folder / "covenant").write_bytes(given.sandbox.file)
    arguments = ("init", given.folder / "capital", "--covenant", given.folder / "covenant", "--pin", pin)
    wrong = run(*arguments, "--log", "localhost")
    assert (wrong.returncode, "host:port" in wrong.stderr) == (1, True)
    assert not (given.folder / "capital").exists(), "the same command can be given again"
    assert run(*arguments, "--log", "localhost:8443").returncode == 0
