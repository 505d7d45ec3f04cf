"""Our log before two verifiers that nobody here wrote: Go's golang.org/x/mod/sumdb/{note,tlog} (BSD-3-Clause), which check
Go's own checksum database, and PyPI's aics-tlog (Apache-2.0). Both accept what an index publishes, and refuse each of a
series of changes.

An index really published it: a store in SQLite, its folder beside it, tiles by the paths under which they are served.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import checkpoint, note, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.tile import TiledLog
from tests import logs
from tests.covenants import Sandbox, make_covenant
from tests.require import require

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
GO_PACKAGES = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go's libraries."""
INSTALL_SECONDS = 180
STEP_SECONDS = 60
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WITNESSES = ("one", "two")
SIZE = 1000
BEFORE = (0, 1, 2, 255, 256, 257, 512, 999)
LARGE, LARGE_BEFORE = 66_000, (65_535, 65_536, 65_537)

Answer = dict[str, Any]
Change = Callable[[Path, dict[str, Any]], object]


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The verifier, compiled against Debian's packages and nothing from a network."""
    compiler = shutil.which("go")
    sources = GO_PACKAGES / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"
    require(
        compiler is not None and sources.is_dir(),
        "Go and its sumdb packages, which verify our log: apt-get install golang-go golang-golang-x-mod-dev",
    )
    assert compiler is not None
    folder = tmp_path_factory.mktemp("go")
    settings = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    done = subprocess.run(
        [compiler, "build", "-o", str(folder / "tlog"), "main.go"],
        cwd=FOLDER / "tlog",
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return [str(folder / "tlog")]


@pytest.fixture(scope="session")
def aics() -> list[str]:
    """The verifier in its own environment, which the first test of a fresh clone makes."""
    try:
        done = subprocess.run(
            [str(FOLDER / "install-tlog")], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        require(False, f"a package index that answers within {INSTALL_SECONDS} s, for the independent verifier aics-tlog")
    else:
        require(done.returncode == 0, f"the independent verifier aics-tlog: {done.stderr[-500:]}")
    return [str(FOLDER / ".venv" / "bin" / "python"), "-I", str(FOLDER / "aics.py")]


@pytest.fixture(params=["go", "aics"])
def verifier(request: pytest.FixtureRequest) -> list[str]:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, list)
    return found


def ask(verifier: list[str], request: dict[str, Any]) -> Answer:
    done = subprocess.run(
        verifier, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=STEP_SECONDS
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return make_covenant(witnesses=WITNESSES, witness_threshold=2)


def request_of(sandbox: Sandbox, folder: Path, entries: list[bytes], before: tuple[int, ...], step: int) -> dict[str, Any]:
    """Publishes the entries, stopping at each size in `before`, and asks about all of it."""
    older = [logs.publish(folder / "index", sandbox, entries[:size]).signed.raw for size in before]
    published = logs.publish(folder / "index", sandbox, entries)
    logs.write_tree(folder / "served", published)
    raw = published.signed.raw
    for each in WITNESSES:
        raw = logs.cosigned(sandbox, raw, each, NOW)
    covenant = sandbox.covenant
    return {
        "Folder": str(folder / "served"),
        "Log": covenant.log_key.vkey,
        "Witnesses": [covenant.witnesses[each].key.vkey for each in WITNESSES],
        "Checkpoint": raw.decode(),
        "Checkpoints": [each.decode() for each in older],
        "Step": step,
    }


@pytest.fixture(scope="session")
def published(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return request_of(sandbox, tmp_path_factory.mktemp("log"), logs.leaves(SIZE), BEFORE, 1)


@pytest.fixture(scope="session")
def large(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return request_of(sandbox, tmp_path_factory.mktemp("large"), logs.leaves(LARGE), LARGE_BEFORE, 9973)


def test_the_log_is_accepted(verifier: list[str], published: dict[str, Any]) -> None:
    """Every entry proven, and that each earlier tree is its beginning."""
    answer = ask(verifier, published)
    assert answer["Error"] == ""
    head = Checkpoint.parse(note.parse(published["Checkpoint"].encode()).text)
    assert (answer["Size"], answer["Proven"]) == (SIZE, SIZE)
    assert note.decode_base64(answer["Root"]) == head.root == logs.mth([logs.leaf(each) for each in logs.leaves(SIZE)])
    assert sorted(answer["Cosigned"]) == [f"{each}.witness.zeeland.raakvlak" for each in WITNESSES]


def test_a_log_of_three_levels_is_accepted(verifier: list[str], large: dict[str, Any]) -> None:
    answer = ask(verifier, large)
    assert (answer["Error"], answer["Size"], answer["Proven"]) == ("", LARGE, 8)


def test_an_empty_log_is_accepted(verifier: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    answer = ask(verifier, request_of(sandbox, tmp_path, [], (), 1))
    assert (answer["Error"], answer["Size"], answer["Proven"]) == ("", 0, 0)


def tile_change(path: str, change: Callable[[bytes], bytes]) -> Change:
    def changed(folder: Path, request: dict[str, Any]) -> None:
        (folder / path).write_bytes(change((folder / path).read_bytes()))

    return changed


def swapped(one: str, other: str) -> Change:
    def changed(folder: Path, request: dict[str, Any]) -> None:
        first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
        (folder / one).write_bytes(second)
        (folder / other).write_bytes(first)

    return changed


def text_change(old: str, new: str) -> Change:
    def changed(folder: Path, request: dict[str, Any]) -> None:
        assert old in request["Checkpoint"]
        request["Checkpoint"] = request["Checkpoint"].replace(old, new, 1)

    return changed


def lines_change(change: Callable[[list[str]], list[str]]) -> Change:
    def changed(folder: Path, request: dict[str, Any]) -> None:
        request["Checkpoint"] = "".join(change(request["Checkpoint"].splitlines(keepends=True)))

    return changed


def flip(place: int) -> Callable[[bytes], bytes]:
    """A bit of the byte at a place, which may count from the end."""

    def changed(raw: bytes) -> bytes:
        found = bytearray(raw)
        found[place] ^= 1
        return bytes(found)

    return changed


def flipped_line(number: int) -> Change:
    def changed(lines: list[str]) -> list[str]:
        # A digit of the middle of the signature, and still base64.
        line = lines[number]
        other = "A" if line[-40] != "A" else "B"
        return [*lines[:number], line[:-40] + other + line[-39:], *lines[number + 1 :]]

    return lines_change(changed)


def exchange_entries(raw: bytes) -> bytes:
    entries = tile.parse_entries(raw, 256)
    return tile.encode_entries([entries[1], entries[0], *entries[2:]])


CHANGES: dict[str, Change] = {
    "an entry": tile_change("tile/entries/000", flip(40)),
    "the last entry": tile_change("tile/entries/003.p/232", flip(-1)),
    "an entry's length": tile_change("tile/entries/001", flip(1)),
    "two entries exchanged": tile_change("tile/entries/000", exchange_entries),
    "an entry bundle cut": tile_change("tile/entries/002", lambda raw: raw[:-1]),
    "an entry bundle with one more": tile_change("tile/entries/003.p/232", lambda raw: raw + b"\0\1x"),
    "an entry bundle missing": lambda folder, request: (folder / "tile/entries/001").unlink(),
    "two entry bundles exchanged": swapped("tile/entries/000", "tile/entries/001"),
    "a hash": tile_change("tile/0/000", flip(0)),
    "the last hash": tile_change("tile/0/003.p/232", flip(-1)),
    "a hash of the level above": tile_change("tile/1/000.p/3", flip(40)),
    "two hash tiles exchanged": swapped("tile/0/000", "tile/0/002"),
    "a hash tile missing": lambda folder, request: (folder / "tile/0/001").unlink(),
    "a hash tile cut": tile_change("tile/1/000.p/3", lambda raw: raw[:-32]),
    "the size": text_change("\n1000\n", "\n1001\n"),
    "a zero before the size": text_change("\n1000\n", "\n01000\n"),
    "the size of an earlier tree": text_change("\n1000\n", "\n999\n"),
    "the log's name": text_change("index.index.zeeland", "index.index.limburg"),
    "CR LF": lambda folder, request: request.update(Checkpoint=request["Checkpoint"].replace("\n", "\r\n")),
    "the log's signature": flipped_line(4),
    "no signature of the log": lines_change(lambda lines: lines[:4] + lines[5:]),
    "a cosignature": flipped_line(6),
    "a cosignature missing": lines_change(lambda lines: lines[:5] + lines[6:]),
    "a cosignature under another's name": text_change("— two.", "— one."),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_refused(verifier: list[str], published: dict[str, Any], tmp_path: Path, name: str) -> None:
    folder = tmp_path / "served"
    shutil.copytree(published["Folder"], folder)
    request = {**published, "Folder": str(folder)}
    CHANGES[name](folder, request)
    assert ask(verifier, request)["Error"]


def test_a_rewritten_log_is_refused(verifier: list[str], sandbox: Sandbox, published: dict[str, Any], tmp_path: Path) -> None:
    """Signed, cosigned and consistent in itself; it just does not begin with what was signed before."""
    entries = logs.leaves(SIZE)
    entries[100] = b"\5" + bytes(32)
    other = request_of(sandbox, tmp_path, entries, (), 1)
    assert ask(verifier, other)["Error"] == ""
    for size in (2, 256, 999):
        older = published["Checkpoints"][BEFORE.index(size)]
        assert bool(ask(verifier, {**other, "Checkpoints": [older]})["Error"]) == (size > 100)


def test_another_log_s_key_is_refused(verifier: list[str], published: dict[str, Any]) -> None:
    other = make_covenant().covenant.log_key.vkey
    assert ask(verifier, {**published, "Log": other})["Error"]


def test_we_accept_a_log_that_aics_made(aics: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    entries = logs.leaves(600)
    key, witness = sandbox.covenant.log_key, sandbox.covenant.witnesses["one"].key
    made = ask(
        aics,
        {
            "Folder": str(tmp_path),
            "Entries": [each.hex() for each in entries],
            "Origin": key.name,
            "LogSeed": sandbox.log_seed.reveal().hex(),
            "Witness": witness.name,
            "WitnessSeed": sandbox.witness_seeds["one"].reveal().hex(),
            "Time": int(NOW.timestamp()),
        },
    )
    assert made["Error"] == ""
    assert (NoteKey.parse(made["Log"]), NoteKey.parse(made["Witness"])) == (key, witness)
    raw = made["Checkpoint"].encode()
    head = checkpoint.verify(raw, key)
    assert checkpoint.cosigned(raw, witness) == NOW
    reading = TiledLog(lambda path: (tmp_path / path).read_bytes(), head.size)
    assert reading.tree.root() == head.root
    assert list(tile.verified_entries(reading, 0, head.size, head.root)) == entries
    # Byte for byte the checkpoint that our log would have signed, with the witness's line behind.
    assert raw.startswith(checkpoint.sign(head, sandbox.log_seed))
