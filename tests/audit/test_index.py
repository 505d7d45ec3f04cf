"""What `raakvlak-audit index` finds: a sound database, and each way of tampering with one that an operator might try."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from raakvlak_audit.holdings import ALLOWED, BUILT, strangers
from raakvlak_audit.live import LiveLog
from raakvlak_audit.officer import Officer, Settings
from raakvlak_audit.rows import Delivery, Findings, Row, check_matches
from raakvlak_index import schema
from raakvlak_protocol import checkpoint, entry, merkle
from raakvlak_protocol.merkle import leaf_hash
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.audit.logs import publish
from tests.bench.audit import MEMBERS, make_index
from tests.covenants import Change, Sandbox, make_covenant

pytestmark = pytest.mark.slow

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
    assert code == 75 and verdicts(report)["matches"] == "unknown"
    assert "ask each of them whether it was so" in said(report, "matches") and "full: town." in said(report, "matches")


@pytest.mark.parametrize("excuse", ["replay_needed = 1", "last_seen = last_seen - 40"])
def test_matches_that_were_all_kept_back_never_pass_by_what_the_operator_writes(
    officer: Path, database: Path, excuse: str
) -> None:
    with tampering(database) as connection:
        connection.execute("DELETE FROM delivery")
        connection.execute(f"UPDATE member SET {excuse}")  # noqa: S608
    code, report, _ = audit(officer, database)
    assert code == 75 and "school, town" in said(report, "matches")


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
        connection.execute("INSERT INTO event VALUES (1, 1, 1, x'', 2, 1, 0, ?, 0, 0)", (b"a name" * 5_000,))
    assert "column content of table event" in wrong_only(officer, database, "holdings")


def test_a_row_past_its_month_is_found(officer: Path, database: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    with tampering(database) as connection:
        # Also where the database says that it is a backup: then it is judged by that day.
        connection.execute("UPDATE row SET removal_month = 300 WHERE position = (SELECT max(position) FROM row)")
    assert "should have gone" in wrong_only(officer, database, "rows", "terms")


def test_an_old_letter_and_one_of_an_odd_size_are_found(officer: Path, database: Path) -> None:
    today = int(time.time()) // 86_400
    with tampering(database) as connection:
        connection.execute("INSERT INTO event VALUES (1, 1, 3, ?, 2, 0, 1, zeroblob(1000), ?, 0)", (bytes(16), today - 40))
    found = wrong_only(officer, database, "holdings", "letters")
    assert "longer than 30 days" in found and "none of the agreed sizes" in found


def test_rows_of_a_member_that_is_long_silent_are_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE member SET last_seen = last_seen - 100 WHERE id = 'town'")
    assert "silent for 100 days" in wrong_only(officer, database, "members")


def test_rows_in_the_name_of_a_stranger_are_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE member SET id = 'stranger' WHERE id = 'town'")
    assert "stranger, which the covenant does not name" in wrong_only(officer, database, "rows", "members", "matches")


# --- what hides in it -------------------------------------------------------------------------------------------------


def test_every_description_is_that_of_the_index(tmp_path: Path) -> None:
    schema.create_store(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    assert found == BUILT


@pytest.mark.parametrize("statement", [
    "UPDATE sqlite_master SET sql = replace(sql, 'BLOB NOT NULL', 'BLOB NOT NULL /* a name */') WHERE name = 'epoch'",
    "UPDATE sqlite_master SET sql = replace(sql, 'delivery (digest)', 'delivery (digest) -- a name') "
    "WHERE name = 'delivery_of_row'",
])  # fmt: skip
def test_a_remark_in_a_description_is_found(officer: Path, database: Path, statement: str) -> None:
    with tampering(database) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement)
    assert "is built in the database in another way" in wrong_only(officer, database, "holdings")


def test_a_table_that_was_built_anew_with_places_for_row_numbers_is_found(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("ALTER TABLE delivery RENAME TO old")
        connection.execute("CREATE TABLE delivery (match_id BLOB NOT NULL PRIMARY KEY, digest BLOB NOT NULL, lower INTEGER NOT "
                           "NULL, higher INTEGER NOT NULL) STRICT")  # fmt: skip
        connection.execute("INSERT INTO delivery (rowid, match_id, digest, lower, higher) "
                           "SELECT 20261123 + lower, match_id, digest, lower, higher FROM old LIMIT 1")  # fmt: skip
        connection.execute("DROP TABLE old")
        connection.execute("CREATE INDEX delivery_of_row ON delivery (digest)")
    assert "delivery is built in the database in another way" in wrong_only(officer, database, "holdings")


TODAY = int(time.time()) // 86_400


@pytest.mark.parametrize("statement, column", [
    ("UPDATE member SET id = 'town' || char(0) || 'a name' WHERE number = 2", "id of table member"),
    ("UPDATE member SET id = CAST(x'74ff77' AS TEXT) WHERE number = 2", "id of table member"),
    ("INSERT INTO event VALUES (1, 1, 0, x'', 0, 0, 0, x'61', 0, 0)", "content of table event"),
    ("INSERT INTO event VALUES (1, 1, 2, x'', 0, 0, 0, zeroblob(16), 0, 0)", "content of table event"),
    ("INSERT INTO event VALUES (1, 1, 4, x'', 0, 0, 0, zeroblob(1024), 0, 0)", "content of table event"),
    ("INSERT INTO event VALUES (1, 1, 1, x'', 0, 0, 0, zeroblob(15), 0, 0)", "content of table event"),
    ("INSERT INTO last_write VALUES (1, 1, zeroblob(32), x'', strftime('%s') / 86400 - 3)", "request_hash of table last_write"),
    ("INSERT INTO last_write VALUES (1, 1, x'', zeroblob(100), strftime('%s') / 86400 - 3)", "answer of table last_write"),
    ("INSERT INTO statement VALUES (zeroblob(32), 'a name', '')", "holder of table statement"),
    ("INSERT INTO statement VALUES (zeroblob(32), '', 'yesterday!')", "day of table statement"),
    ("INSERT INTO witness VALUES ('witness-1', 0, 0, x'61')", "note of table witness"),
    ("INSERT INTO _sqlite_migrations VALUES (9, 'index', 'a name', '2026-01-01 10:00:00')", "name of table _sqlite_migrations"),
])  # fmt: skip
def test_whatever_hides_within_an_agreed_value_is_found(officer: Path, database: Path, statement: str, column: str) -> None:
    with tampering(database) as connection:
        connection.execute(statement)
    assert f"column {column}" in wrong_only(officer, database, "holdings")


def test_a_checkpoint_that_a_witness_cosigned_belongs_in_the_database(
    officer: Path, database: Path, made: tuple[bytes, bytes], sandbox: Sandbox
) -> None:
    name, now = sandbox.covenant.witnesses["witness-1"].key.name, datetime.now(UTC)
    note = checkpoint.cosign(made[1], name, sandbox.witness_seeds["witness-1"], now)
    with tampering(database) as connection:
        connection.execute("INSERT INTO witness VALUES ('witness-1', 1, ?, ?)", (int(now.timestamp()), note))
    assert audit(officer, database)[0] == 0


def test_a_view_without_end_in_the_place_of_a_table_is_not_read(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("DROP TABLE leaf")
        connection.execute("CREATE VIEW leaf AS WITH RECURSIVE more(position, entry) AS "
                           "(SELECT 0, x'' UNION ALL SELECT position + 1, x'' FROM more) SELECT * FROM more")  # fmt: skip
    assert "view leaf" in wrong_only(officer, database, "holdings")


# --- the day it speaks for --------------------------------------------------------------------------------------------


def marked(database: Path, mark: int) -> None:
    with tampering(database) as connection:
        connection.execute(f"PRAGMA user_version = {mark}")


def test_a_backup_is_judged_by_its_day_only_where_the_officer_says_that_it_is_one(officer: Path, database: Path) -> None:
    with tampering(database) as connection:
        connection.execute("UPDATE member SET last_seen = last_seen - 60")
    marked(database, TODAY - 59)
    code, report, _ = audit(officer, database)
    assert code == 75 and "use --backup" in said(report, "moment") and "60 days" in said(report, "members")
    code, report, _ = audit(officer, database, "--backup")
    assert code == 1 and "longer than the covenant allows" in said(report, "terms"), "rows of today in a backup of long ago"


@pytest.mark.parametrize("mark, found", [
    (2**31 - 1, "a day that does not exist"), (-(2**31), "a day that does not exist"), (TODAY + 3, "has not come yet"),
])  # fmt: skip
@pytest.mark.parametrize("option", [[], ["--backup"]])
def test_a_day_that_can_t_be_is_wrong(officer: Path, database: Path, mark: int, found: str, option: list[str]) -> None:
    marked(database, mark)
    code, report, _ = audit(officer, database, *option)
    assert code == 1 and found in said(report, "moment")


@pytest.mark.parametrize("statement", [
    "UPDATE member SET last_seen = last_seen",
    "INSERT INTO last_write VALUES (1, 1, x'', x'', strftime('%s') / 86400)",
    "INSERT INTO statement VALUES (zeroblob(32), 'keyholder-1', date())",
    "INSERT INTO witness VALUES ('witness-1', 1, CAST(strftime('%s') AS INTEGER), x'')",
])  # fmt: skip
def test_a_backup_that_says_to_be_older_than_what_is_in_it_is_wrong(officer: Path, database: Path, statement: str) -> None:
    with tampering(database) as connection:
        if "member" not in statement:
            connection.execute("UPDATE member SET last_seen = last_seen - 100")
        connection.execute(statement)
    marked(database, TODAY - 20)
    code, report, _ = audit(officer, database, "--backup")
    assert code == 1 and "newer than it says" in said(report, "moment")


def test_a_backup_that_says_to_be_older_than_the_checkpoint_that_the_officer_trusts_is_wrong(
    made: tuple[bytes, bytes], database: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    name = sandbox.covenant.witnesses["witness-1"].key.name
    note = checkpoint.cosign(made[1], name, sandbox.witness_seeds["witness-1"], datetime.now(UTC))
    Officer(tmp_path / "officer").create(Settings(sandbox.payload.id), sandbox.file, sandbox.pin, note)
    with tampering(database) as connection:
        connection.execute("UPDATE member SET last_seen = last_seen - 30")
    marked(database, TODAY - 20)
    code, report, _ = audit(tmp_path / "officer", database, "--backup")
    assert code == 1 and "newer than it says" in said(report, "moment")


# --- a covenant that changed ------------------------------------------------------------------------------------------


def officer_after(made: tuple[bytes, bytes], sandbox: Sandbox, path: Path, change: Change) -> Path:
    later = sandbox.successor(change)
    Officer(path).create(Settings(sandbox.payload.id), later.file, later.pin, made[1])
    return path


def test_rows_from_before_the_term_was_shortened_keep_their_term(
    made: tuple[bytes, bytes], sandbox: Sandbox, database: Path, tmp_path: Path
) -> None:
    def shorter(payload: pb.Covenant) -> None:
        payload.rules.retention_months = 3

    assert audit(officer_after(made, sandbox, tmp_path / "later", shorter), database)[0] == 0


@pytest.mark.parametrize("days, verdict", [(80, "note"), (100, "wrong")])
def test_rows_of_a_member_that_left_stand_for_a_while(
    made: tuple[bytes, bytes], sandbox: Sandbox, database: Path, tmp_path: Path, days: int, verdict: str
) -> None:
    def without_town(payload: pb.Covenant) -> None:
        (town,) = (each for each in payload.members if each.id == "town")
        payload.members.remove(town)
        payload.valid_from = int(time.time()) - days * 86_400

    code, report, _ = audit(officer_after(made, sandbox, tmp_path / "later", without_town), database)
    assert verdicts(report)["members"] == verdict and code == (verdict == "wrong")
    assert verdicts(report)["matches"] == "ok", "they were told while both took part"


def test_on_the_first_of_a_month_rows_and_matches_may_stand_until_the_sweep() -> None:
    """Ten past midnight, and the index removes once an hour."""
    rows = [Row(bytes(16), member, 1, 300, 1, place, bytes(32)) for place, member in enumerate(("school", "town"))]
    told = [Delivery(bytes(16), "school", "town")]

    def wrong(swept: int, deliveries: list[Delivery]) -> dict[str, int]:
        findings = Findings()
        check_matches(
            rows, deliveries, month=300, swept=swept, direct=lambda one, other: True, once=lambda one, other: False,
            waits=lambda member: False, findings=findings,
        )  # fmt: skip
        return dict(findings.counts)

    assert wrong(299, told) == wrong(299, []) == {}
    assert wrong(300, told) == {"told_without_rows": 1}


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
    assert code == 75 and verdicts(report)["log"] == "unknown" and "1 newer entry" in said(report, "log")


def leaves_of(database: Path) -> list[bytes]:
    with closing(sqlite3.connect(database)) as connection:
        return [leaf for (leaf,) in connection.execute("SELECT entry FROM leaf ORDER BY position")]


def delete_a_row(connection: sqlite3.Connection) -> None:
    """With a removal of it, written into this database alone."""
    (position,) = connection.execute("SELECT position FROM row WHERE digest NOT IN (SELECT digest FROM delivery)").fetchone()
    connection.execute("DELETE FROM row WHERE position = ?", (position,))
    connection.execute("INSERT INTO leaf SELECT max(position) + 1, ? FROM leaf", (entry.removed(position),))


def slip_in_a_row(connection: sqlite3.Connection) -> None:
    """With an entry that it opens, written into this database alone."""
    (place, month) = connection.execute("SELECT max(leaf.position) + 1, max(removal_month) FROM leaf, row").fetchone()
    digest, salt = os.urandom(16), os.urandom(32)
    leaf = entry.published(salt, entry.record("school", 1, month, Visibility.DIRECT, digest))
    connection.execute("INSERT INTO leaf VALUES (?, ?)", (place, leaf))
    connection.execute("INSERT INTO row VALUES (?, 1, 1, ?, ?, ?, ?)", (digest, month, int(Visibility.DIRECT), place, salt))


@pytest.mark.parametrize("tamper", [delete_a_row, slip_in_a_row])
def test_a_tail_that_was_written_into_the_database_alone_never_passes(
    officer: Path, database: Path, sandbox: Sandbox, tmp_path: Path, tamper: Callable[[sqlite3.Connection], None]
) -> None:
    log = publish(tmp_path / "log", sandbox, leaves_of(database))
    with tampering(database) as connection:
        tamper(connection)
    code, report, _ = audit(officer, database)
    assert code == 75 and "the published log could not be asked" in said(report, "log")
    code, report, _ = audit(officer, database, "--from-folder", str(log))
    assert code == 75 and "covered by no checkpoint" in said(report, "log"), "not published so far"
    assert "then run 'follow', then this check" in said(report, "log")
    honest = [*leaves_of(database)[:-1], b"\x05" + os.urandom(32), b"\x05" + os.urandom(32)]
    publish(log, sandbox, honest[:-1])
    code, report, _ = audit(officer, database, "--from-folder", str(log))
    assert code == 1 and "something was written into this copy alone" in said(report, "log"), "published otherwise"
    publish(log, sandbox, honest)
    code, report, _ = audit(officer, database, "--from-folder", str(log))
    assert code == 1 and "something was written into this copy alone" in said(report, "log"), "published further"


@pytest.mark.parametrize("further", [0, 1, 300])
def test_a_tail_that_was_published_is_in_order(
    officer: Path, database: Path, sandbox: Sandbox, tmp_path: Path, further: int
) -> None:
    with tampering(database) as connection:
        slip_in_a_row(connection)
    log = publish(tmp_path / "log", sandbox, leaves_of(database) + [b"\x05" + os.urandom(32) for _ in range(further)])
    code, report, _ = audit(officer, database, "--from-folder", str(log))
    assert code == 0 and verdicts(report)["log"] == "ok" and "1 newer entry is as published" in said(report, "log")


def test_a_published_log_that_does_not_go_on_from_the_trusted_one_is_wrong(
    officer: Path, database: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    with tampering(database) as connection:
        slip_in_a_row(connection)
    other = [b"\x05" + os.urandom(32), *leaves_of(database)[1:]]
    log = publish(tmp_path / "log", sandbox, other)
    code, report, _ = audit(officer, database, "--from-folder", str(log))
    assert code == 1 and "does not go on from what you trust" in said(report, "log")


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
