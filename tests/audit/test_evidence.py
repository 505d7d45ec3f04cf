"""`evidence`: who is convicted, or why nobody is, from a file and the covenant alone."""

import json
from pathlib import Path

import pytest

from raakvlak_audit.officer import Officer
from raakvlak_audit.source import LogFolder, tiles
from raakvlak_protocol import evidence, receipt
from raakvlak_protocol.receipt import Receipt
from tests.audit.logs import leaves, officer, publication, publish
from tests.audit.test_commands import run
from tests.covenants import Sandbox, make_covenant


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@pytest.fixture
def one(tmp_path: Path, sandbox: Sandbox) -> Officer:
    return officer(tmp_path / "officer", sandbox)


def judged(at: Officer, tmp_path: Path, raw: bytes, *arguments: object) -> tuple[int, str]:
    file = tmp_path / "file.json"
    file.write_bytes(raw)
    done = run("evidence", file, "--folder", at.path, *arguments)
    return done.returncode, " ".join(done.stdout.split())


def test_a_broken_promise_convicts_the_index(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    log = publish(tmp_path / "log", sandbox, leaves(sandbox, 300))
    promised = [publication(1, "promised"), publication(2, "promised")]
    promise = Receipt("zeeland", "school", 1, 7, bytes(32), 250, 2, receipt.hash_of(promised))
    raw = evidence.encode(
        evidence.broken_receipt(
            promise,
            receipt.sign(promise, sandbox.log_seed),
            (log / "checkpoint").read_bytes(),
            tiles(LogFolder(log), 300),
            sandbox.covenant.log_key,
        )
    )
    code, text = judged(one, tmp_path, raw)
    assert (code, "It convicts the index named index" in text) == (1, True)
    assert "2 positions from 250 on" in text
    assert "Het bewijst de schuld van de index" in judged(one, tmp_path, raw, "--lang", "nl")[1]
    changed = raw.replace(b'"sequence": 7', b'"sequence": 8')
    assert changed != raw
    code, text = judged(one, tmp_path, changed)
    assert (code, "It shows nothing" in text) == (75, True)


def test_what_one_side_says_convicts_nobody(one: Officer, sandbox: Sandbox, tmp_path: Path) -> None:
    promise = Receipt("zeeland", "school", 1, 7, bytes(32), 250, 2, bytes(32))
    documents: list[evidence.Document] = [
        evidence.Unverifiable(b"\xff not a checkpoint", "the tiles do not lead to the root"),
        evidence.BadReceipt(promise, bytes(64)),
    ]
    for each in documents:
        code, text = judged(one, tmp_path, evidence.encode(each))
        assert (code, "It convicts nobody by itself" in text) == (75, True)
        assert "ask the other side" in text


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"[" * 5000, b'{"format": "raakvlak-evidence/1", "kind": "invented"}\n'])
def test_a_file_that_is_none_shows_nothing(one: Officer, tmp_path: Path, raw: bytes) -> None:
    code, text = judged(one, tmp_path, raw)
    assert (code, "It shows nothing" in text) == (75, True)


def test_machines_read_the_same(one: Officer, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(b"{}")
    done = run("evidence", tmp_path / "file.json", "--folder", one.path, "--json")
    assert json.loads(done.stdout)["verdict"] == "unknown"
