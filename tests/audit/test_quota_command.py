"""`raakvlak-audit quota` over signed statements, a real store and a real log."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from raakvlak_index import schema
from raakvlak_protocol import checkpoint as checkpoints
from raakvlak_protocol import entry, merkle, statement, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.statement import Charged, Statement
from tests.audit.test_commands import run
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant

pytestmark = pytest.mark.slow

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
MEMBER = "school"


@dataclass(frozen=True)
class Desk:
    """An officer with statements, a copy of the store and a copy of the log."""

    path: Path
    sandbox: Sandbox

    @property
    def statements(self) -> Path:
        return self.path / "statements"

    def state(self, share: int, day: date, counts: Mapping[tuple[str, str, int], Charged]) -> Path:
        """A key holder's statement, in the folder."""
        said = Statement(self.sandbox.key_holder(share).dns_name, day, counts)
        file = self.statements / f"{share}-{day}.txt"
        file.write_bytes(statement.sign(said, self.sandbox.holder_seeds[share]))
        return file

    def publish(self, rows: int, day: date) -> Path:
        """A backup of that day with so many rows of the member."""
        path = self.path / "store.db"
        schema.create_store(path)
        with closing(schema.open_for_writing(path)) as connection:
            connection.execute("INSERT INTO member VALUES (1, ?, 1, 0, 0, 0, 0)", (MEMBER,))
            for number in range(rows):
                connection.execute(
                    "INSERT INTO row VALUES (?, 1, 1, 320, 1, ?, ?)", (number.to_bytes(16, "big"), number, bytes(32))
                )
            connection.execute(f"PRAGMA user_version = {(day - date(1970, 1, 1)).days}")
        return path

    def log(self, entries: list[bytes]) -> Path:
        """A copy of a log of fewer than 256 entries, and an officer who trusts it whole."""
        folder = self.path / "log"
        hashes = [merkle.leaf_hash(each) for each in entries]
        for path, raw in (
            (tile.hash_path(0, 0, len(entries)), b"".join(hashes)),
            (tile.entries_path(0, len(entries)), tile.encode_entries(entries)),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(raw)
        checkpoint = Checkpoint(self.sandbox.index.dns_name, len(entries), merkle.root(hashes))
        raw = checkpoints.sign(checkpoint, self.sandbox.log_seed)
        witness = self.sandbox.covenant.witnesses["witness-1"]
        seed = self.sandbox.witness_seeds["witness-1"]
        (self.path / "officer" / "checkpoint").write_bytes(checkpoints.cosign(raw, witness.key.name, seed, datetime.now(UTC)))
        return folder

    def quota(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit code and report."""
        done = run("quota", "--folder", self.path / "officer", "--statements", self.statements, "--json", *arguments)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    sandbox = make_covenant(members={MEMBER: "education", "town": "municipality"}, declared=200_000, first_load=100, daily=2000)
    (tmp_path / "given").write_bytes(sandbox.file)
    done = run("init", tmp_path / "officer", "--covenant", tmp_path / "given", "--pin", sandbox.pin.hex())
    assert done.returncode == 0, done.stderr
    desk = Desk(tmp_path, sandbox)
    desk.statements.mkdir()
    return desk


def everyone(desk: Desk, day: date, charged: Charged) -> list[Path]:
    return [desk.state(share, day, {(MEMBER, "bsn", 1): charged}) for share in SHARE_NUMBERS]


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["verdict"] for check in report["checks"]}


def test_all_is_well(desk: Desk) -> None:
    files = everyone(desk, YESTERDAY, Charged(20, 20))
    log = desk.log(
        [entry.covenant(1, desk.sandbox.pin), *(entry.statement(statement.statement_hash(each.read_bytes())) for each in files)]
    )
    code, report = desk.quota("--index", desk.publish(30, YESTERDAY), "--from-folder", log)
    assert (code, set(verdicts(report).values())) == (0, {"ok"})
    figures = {figure["id"]: figure["value"] for figure in report["figures"]}
    assert round(figures["sweep_years"]) == 83
    assert figures["list_days"] == 67


def test_a_code_more_than_evaluated_is_found(desk: Desk) -> None:
    everyone(desk, YESTERDAY, Charged(20, 20))
    code, report = desk.quota("--index", desk.publish(31, YESTERDAY))
    assert (code, verdicts(report)["bound"], verdicts(report)["in_log"]) == (1, "wrong", "note")
    assert report["checks"][4]["found"][0]["values"] == {"member": MEMBER, "epoch": 1, "rows": 31, "bound": 30}


def test_no_statement_at_all_is_not_known(desk: Desk) -> None:
    code, report = desk.quota()
    assert (code, verdicts(report)["signatures"], verdicts(report)["days"]) == (75, "unknown", "unknown")


def test_a_missing_holder_is_not_known(desk: Desk) -> None:
    everyone(desk, YESTERDAY, Charged(20, 20))[2].unlink()
    code, report = desk.quota()
    assert (code, verdicts(report)["days"]) == (75, "unknown")


def test_every_changed_byte_of_a_statement_is_found(desk: Desk) -> None:
    file = everyone(desk, YESTERDAY, Charged(20, 20))[0]
    whole = file.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        (desk.statements / f"changed-{place:03}").write_bytes(changed)
    code, report = desk.quota()
    wrong = {found["values"]["file"] for found in report["checks"][0]["found"] if "file" in found["values"]}
    assert (code, verdicts(report)["signatures"], wrong) == (1, "wrong", {f"changed-{place:03}" for place in range(len(whole))})


def test_a_statement_under_another_holders_key_is_found(desk: Desk) -> None:
    said = Statement(desk.sandbox.key_holder(1).dns_name, YESTERDAY, {})
    (desk.statements / "a").write_bytes(statement.sign(said, desk.sandbox.holder_seeds[2]))
    stranger = Statement("keyholder-9.keyholder.zeeland.raakvlak", YESTERDAY, {})
    (desk.statements / "b").write_bytes(statement.sign(stranger, desk.sandbox.holder_seeds[2]))
    _, report = desk.quota()
    told = " ".join(found["text"] for found in report["checks"][0]["found"])
    assert "not signed by the key of" in told and "names no such key holder" in told


def test_a_statement_that_the_log_does_not_have_is_not_known_yet_then_wrong(desk: Desk) -> None:
    everyone(desk, YESTERDAY, Charged(20, 20))
    log = desk.log([entry.covenant(1, desk.sandbox.pin)])
    code, report = desk.quota("--from-folder", log)
    assert (code, verdicts(report)["in_log"]) == (75, "unknown")
    everyone(desk, YESTERDAY - timedelta(days=1), Charged(20, 20))
    everyone(desk, YESTERDAY, Charged(0, 20))
    code, report = desk.quota("--from-folder", log)
    assert (code, verdicts(report)["in_log"]) == (1, "wrong")


def test_a_log_that_shows_other_entries_than_it_signed_is_no_proof(desk: Desk) -> None:
    files = everyone(desk, YESTERDAY, Charged(20, 20))
    log = desk.log([entry.covenant(1, desk.sandbox.pin)])
    other = [entry.statement(statement.statement_hash(files[0].read_bytes()))]
    (log / tile.entries_path(0, 1)).write_bytes(tile.encode_entries(other))
    code, report = desk.quota("--from-folder", log)
    assert (code, verdicts(report)["in_log"], verdicts(report)["signatures"]) == (1, "wrong", "ok")
    assert "position 0" in report["checks"][3]["found"][0]["text"]


def test_a_log_that_can_not_be_read_is_not_known_and_the_rest_is_told(desk: Desk) -> None:
    everyone(desk, YESTERDAY, Charged(20, 20))
    log = desk.log([entry.covenant(1, desk.sandbox.pin)])
    (log / tile.entries_path(0, 1)).unlink()
    code, report = desk.quota("--from-folder", log)
    assert (code, verdicts(report)["in_log"], verdicts(report)["counts"]) == (75, "unknown", "ok")
