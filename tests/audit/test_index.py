"""What `raakvlak-audit index` finds: a sound database, and each way of tampering with one that an operator might try."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from raakvlak_audit.holdings import ALLOWED, strangers
from raakvlak_audit.live import LiveLog
from raakvlak_audit.officer import Officer, Settings
from raakvlak_index import schema
from raakvlak_protocol import merkle
from raakvlak_protocol.merkle import leaf_hash
from tests.bench.audit import MEMBERS, make_index
from tests.covenants import Sandbox, make_covenant

ROWS = 700
"""More than two tiles."""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant(members=MEMBERS)


@pytest.fixture(scope="module")
def made(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A database and the checkpoint over its log, as bytes."""
    path = tmp_path_factory.mktemp("index") / "store.db"
    note = make_index(sandbox, path, ROWS)
    return path.read_bytes(), note


@pytest.fixture
def database(made: tuple[bytes, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes(made[0])
    return path


@pytest.fixture
def officer(made: tuple[bytes, bytes], sandbox: Sandbox, tmp_path: Path) -> Path:
    """The folder of an officer who has followed the log to its end."""
    Officer(tmp_path / "officer").create(Settings(sandbox.payload.id), sandbox.file, sandbox.pin, made[1])
    return tmp_path / "officer"


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def audit(officer: Path, database: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and standard error of the command, run as an officer runs it."""
    program = [sys.executable, "-c", "from raakvlak_audit.cli import main; main()"]
    arguments = [*program, "index", str(database), "--folder", str(officer), "--json", *options]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["verdict"] for check in report["checks"]}


def said(report: dict[str, Any], check: str) -> str:
    return " ".join(each["text"] for found in report["checks"] if found["id"] == check for each in found["found"])


def wrong_only(officer: Path, database: Path, *checks: str) -> str:
    """What the audit says of these checks, which are the wrong ones and no others."""
    code, report, _ = audit(officer, database)
    assert code == 1 and report["verdict"] == "wrong"
    assert {id for id, verdict in verdicts(report).items() if verdict == "wrong"} == set(checks)
    return " ".join(said(report, check) for check in checks)


# --- a sound one ------------------------------------------------------------------------------------------------------


def test_a_sound_database_is_in_order(officer: Path, database: Path) -> None:
    before = database.read_bytes()
    code, report, _ = audit(officer, database)
    assert code == 0 and set(verdicts(report).values()) == {"ok"}
    assert f"{ROWS}" in said(report, "rows") and report["does_not_prove"]
    assert database.read_bytes() == before, "the audit must not write to what it reads"
    assert not database.with_name("store.db-wal").exists()


def test_the_allowed_tables_are_those_of_the_index(tmp_path: Path) -> None:
    schema.create_store(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert list(strangers(connection)) == []
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == ALLOWED.keys()


def test_a_store_that_an_index_is_writing_to_is_read_at_one_moment(officer: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE member SET last_event = 5, acknowledged = 5")
        connection.commit()
        assert database.with_name("store.db-wal").exists()
        assert audit(officer, database)[0] == 0


# --- tampering --------------------------------------------------------------------------------------------------------


def test_a_row_slipped_in_names_no_place_of_its_own(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO row SELECT ?, 1, 1, removal_month, 2, 999999, ? FROM row LIMIT 1",
                           (os.urandom(16), os.urandom(32)))  # fmt: skip
    assert "place 999,999" in wrong_only(officer, database, "rows")


def test_a_row_slipped_in_at_the_place_of_another_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO row SELECT ?, member, epoch, removal_month, 2, position, salt FROM row LIMIT 1",
                           (bytes(16),))  # fmt: skip
    found = wrong_only(officer, database, "rows")
    assert "does not open" in found or "second row" in found


def test_a_deleted_row_leaves_its_place_without_one(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        (position,) = connection.execute(
            "SELECT position FROM row WHERE digest NOT IN (SELECT digest FROM delivery) LIMIT 1"
        ).fetchone()
        connection.execute("DELETE FROM row WHERE position = ?", (position,))
    found = wrong_only(officer, database, "rows")
    assert f"place {position} has no row" in found


@pytest.mark.parametrize("column", ["removal_month = removal_month - 1", "member = 3 - member", "visibility = 2", "epoch = 2",
                                    "salt = zeroblob(32)"])  # fmt: skip
def test_a_row_that_was_changed_does_not_open_its_place(officer: Path, database: Path, column: str) -> None:
    with tampering(database) as connection:
        (position,) = connection.execute(
            "SELECT min(position) FROM row WHERE digest NOT IN (SELECT digest FROM delivery)"
        ).fetchone()
        connection.execute(f"UPDATE row SET {column} WHERE position = ?", (position,))  # noqa: S608
    assert "is not as it was published" in wrong_only(officer, database, "rows")


def test_a_term_that_was_extended_is_found_twice(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE row SET removal_month = removal_month + 12 WHERE position = (SELECT max(position) FROM row)")
    found = wrong_only(officer, database, "rows", "terms")
    assert "is not as it was published" in found and "longer than the covenant allows" in found


def test_a_match_that_was_not_told_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("DELETE FROM delivery WHERE digest = (SELECT min(digest) FROM delivery)")
    assert "A match of school and town was not told" in wrong_only(officer, database, "matches")


def test_a_match_told_without_rows_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO delivery VALUES (?, ?, 1, 2)", (os.urandom(16), os.urandom(16)))
        connection.execute("INSERT INTO delivery SELECT ?, digest, 1, 2 FROM row WHERE digest NOT IN "
                           "(SELECT digest FROM delivery) LIMIT 1", (os.urandom(16),))  # fmt: skip
    assert wrong_only(officer, database, "matches").count("no two rows stand") == 2


def test_a_match_of_a_member_that_was_silent_waits(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("DELETE FROM delivery WHERE digest = (SELECT min(digest) FROM delivery)")
        connection.execute("UPDATE member SET replay_needed = 1 WHERE id = 'town'")
    code, report, _ = audit(officer, database)
    assert code == 0 and "1 more waits" in said(report, "matches")


@pytest.mark.parametrize("statement, found", [
    ("ALTER TABLE row ADD COLUMN note TEXT", "column note that was not agreed"),
    ("CREATE TABLE person (name TEXT)", "table person that was not agreed"),
    ("CREATE TRIGGER watch AFTER INSERT ON row BEGIN SELECT 1; END", "trigger watch"),
    ("CREATE VIEW who AS SELECT * FROM row", "view who"),
    ("CREATE INDEX by_place ON row (position)", "search index by_place"),
    ("CREATE VIRTUAL TABLE search USING fts5(name)", "reads from elsewhere"),
])  # fmt: skip
def test_whatever_was_added_to_the_database_is_named(officer: Path, database: Path, statement: str, found: str) -> None:
    with tampering(database) as connection:
        connection.execute(statement)
    assert found in wrong_only(officer, database, "holdings")


def test_something_hidden_in_an_agreed_column_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO event VALUES (1, 1, 1, x'', 2, 1, 0, ?, 0)", (b"a name" * 5_000,))
    assert "column content of table event" in wrong_only(officer, database, "holdings")


def test_a_row_past_its_month_is_found(officer: Path, database: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    with tampering(database) as connection:
        # Also where the database says that it is a backup: then it is judged by that day.
        connection.execute("UPDATE row SET removal_month = 300 WHERE position = (SELECT max(position) FROM row)")
    assert "should have gone" in wrong_only(officer, database, "rows", "terms")


def test_an_old_letter_and_one_of_an_odd_size_are_found(officer: Path, database: Path) -> None:
    today = int(time.time()) // 86_400
    with tampering(database) as connection:
        connection.execute("INSERT INTO event VALUES (1, 1, 3, ?, 2, 0, 1, zeroblob(1000), ?)", (bytes(16), today - 40))
    found = wrong_only(officer, database, "letters")
    assert "longer than 30 days" in found and "none of the agreed sizes" in found


def test_rows_of_a_member_that_is_long_silent_are_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE member SET last_seen = last_seen - 100 WHERE id = 'town'")
    assert "silent for 100 days" in wrong_only(officer, database, "members")


def test_rows_in_the_name_of_a_stranger_are_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE member SET id = 'stranger' WHERE id = 'town'")
    assert "stranger, which the covenant does not name" in wrong_only(officer, database, "rows", "members", "matches")


# --- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    "UPDATE leaf SET entry = x'010000000000000000000000000000000000000000000000000000000000000000' WHERE position = 300",
    "DELETE FROM leaf WHERE position = (SELECT max(position) FROM leaf)",
    "DELETE FROM leaf WHERE position = 300",
])  # fmt: skip
def test_a_log_that_was_rewritten_is_not_the_trusted_one(officer: Path, database: Path, change: str) -> None:
    with tampering(database) as connection:
        connection.execute(change)
    code, report, _ = audit(officer, database)
    assert code == 1 and verdicts(report)["log"] == "wrong"


def test_an_old_copy_in_place_of_the_database_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("DELETE FROM leaf WHERE position >= 300")
        connection.execute("DELETE FROM row WHERE position >= 300")
        connection.execute("DELETE FROM delivery")
    code, report, _ = audit(officer, database)
    assert code == 1 and "an old copy stands in the place of the database" in said(report, "log")


def test_entries_that_nobody_has_verified_yet_are_told(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO leaf SELECT max(position) + 1, CAST(x'05' || randomblob(32) AS BLOB) FROM leaf")
    code, report, _ = audit(officer, database)
    assert code == 0 and verdicts(report)["log"] == "note" and "1 newer entry" in said(report, "log")


def test_an_unknown_kind_of_entry_is_named(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("INSERT INTO leaf SELECT max(position) + 1, CAST(x'07' || randomblob(32) AS BLOB) FROM leaf")
        (position,) = connection.execute("SELECT max(position) FROM leaf").fetchone()
    code, report, _ = audit(officer, database)
    assert code == 1 and f"Entry {position} is wrong" in said(report, "log")


def test_who_trusts_nothing_yet_is_told_to_follow_first(sandbox: Sandbox, database: Path, tmp_path: Path) -> None:
    Officer(tmp_path / "new").create(Settings(sandbox.payload.id), sandbox.file, sandbox.pin, None)
    code, report, _ = audit(tmp_path / "new", database)
    assert code == 75 and "run 'follow' first" in said(report, "log")


# --- files that are none ----------------------------------------------------------------------------------------------


def test_what_is_no_database_is_refused_in_a_sentence(officer: Path, database: Path, tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(b"a letter to the operator" * 400)
    code, _, talk = audit(officer, tmp_path / "none")
    assert code == 1 and "no database" in talk


def test_a_damaged_page_never_passes_and_never_ends_in_a_traceback(officer: Path, database: Path) -> None:
    whole = database.read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        held = [connection.execute("SELECT salt FROM row WHERE position > 300").fetchone()[0],
                connection.execute("SELECT entry FROM leaf WHERE position = 300").fetchone()[0],
                connection.execute("SELECT digest FROM delivery").fetchone()[0]]  # fmt: skip
    for place in (100, *(whole.index(each) // 4_096 * 4_096 for each in held)):
        database.write_bytes(whole[:place] + os.urandom(64) + whole[place + 64 :])
        assert audit(officer, database)[0] != 0


def test_any_byte_of_a_page_of_rows_changed_is_found(officer: Path, database: Path) -> None:
    """Every 97th byte that lies in a salt, digest or entry: whatever it held, no audit passes."""
    whole = database.read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        salts = [salt for (salt,) in connection.execute("SELECT salt FROM row ORDER BY position LIMIT 200")]
    for salt in salts[::97]:
        place = whole.index(salt) + 5
        database.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "is not as it was published" in wrong_only(officer, database, "rows")


# --- the log as it is read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 700, 1024])
def test_the_root_of_a_log_read_leaf_by_leaf_is_that_of_its_leaves(size: int) -> None:
    leaves = [b"\x05" + os.urandom(32) for _ in range(size)]
    log = LiveLog()
    log.take(leaves)
    assert log.root(size) == merkle.root(map(leaf_hash, leaves))


def test_a_removal_of_what_is_not_live_is_a_problem() -> None:
    log = LiveLog()
    log.take([b"\x01" + bytes(32), b"\x02" + bytes(8), b"\x02" + bytes(8), b"\x02" + bytes(7) + b"\x09"])
    assert [position for position, _ in log.problems] == [2, 3] and log.live == 0
