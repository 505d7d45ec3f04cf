"""An operator who tampers with its own database, and an officer who has nothing but a copy of it, the log and a command.

The database is that of a real federation whose members have matches and have withdrawn some rows; the officer has followed
the log over HTTPS. Each attack is what a person with the database's password would do.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.covenants import make_covenant
from tests.federation import case, federation

CHILD, MOTHER, OTHER, GONE = "123456782", "111222333", "999999990", "100000009"


@dataclass(frozen=True)
class Scene:
    """A federation's database, an older copy of it, and the officer's folder; as they were when the officer looked."""

    database: Path
    older: Path
    officer: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("operator")
    sandbox = make_covenant()
    (folder / "covenant").write_bytes(sandbox.file)
    with federation(folder, sandbox) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["school"].put_case(case("S-2", GONE))
        running.nodes["town"].put_case(case("T-1", CHILD, parent_bsn_1=MOTHER))
        running.nodes["town"].put_case(case("T-2", OTHER))
        running.settle()
        older = _copied(running.index.path, folder / "older.db")
        running.nodes["school"].drop_case("S-2")
        running.settle()
        running.index.publish_log()
        officer = folder / "officer"
        audit("init", str(officer), "--covenant", str(folder / "covenant"), "--pin", sandbox.pin.hex(),
              "--log", running.index.log_address)  # fmt: skip
        assert audit("follow", "--folder", str(officer))[0] == 0
        return Scene(_copied(running.index.path, folder / "taken.db"), older, officer)


def _copied(store: Path, copy: Path) -> Path:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


def audit(*arguments: str) -> tuple[int, str]:
    program = [sys.executable, "-c", "from raakvlak_audit.cli import main; main()"]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout or done.returncode == 0, done.stderr
    return done.returncode, done.stdout


def found(scene: Scene, tmp_path: Path, *statements: tuple[str, tuple[Any, ...]]) -> dict[str, str]:
    """What is wrong by the officer's report, by check, after these statements were run on the database."""
    database = Path(shutil.copy(scene.database, tmp_path / "store.db"))
    with closing(sqlite3.connect(database)) as connection:
        for statement, values in statements:
            connection.execute(statement, values)
        connection.commit()
    return report(scene, database)


def report(scene: Scene, database: Path) -> dict[str, str]:
    code, printed = audit("index", str(database), "--folder", str(scene.officer), "--json")
    checks = json.loads(printed)["checks"]
    wrong = {each["id"]: " ".join(said["text"] for said in each["found"]) for each in checks if each["verdict"] == "wrong"}
    assert (code == 1) == bool(wrong)
    return wrong


def test_the_database_as_it_was_is_in_order(scene: Scene, tmp_path: Path) -> None:
    assert found(scene, tmp_path) == {}


def test_a_row_slipped_in(scene: Scene, tmp_path: Path) -> None:
    row = "INSERT INTO row SELECT ?, 2, epoch, removal_month, visibility, (SELECT max(position) FROM leaf), ? FROM row LIMIT 1"
    wrong = found(scene, tmp_path, (row, (os.urandom(16), os.urandom(32))))
    assert wrong.keys() == {"rows"} and "slipped into the database" in wrong["rows"]


def test_a_row_kept_that_was_withdrawn(scene: Scene, tmp_path: Path) -> None:
    """The operator keeps row and salt of what the log says is gone."""
    with closing(sqlite3.connect(scene.older)) as older, closing(sqlite3.connect(scene.database)) as now:
        rows = set(older.execute("SELECT * FROM row")) - set(now.execute("SELECT * FROM row"))
    (kept,) = rows
    wrong = found(scene, tmp_path, ("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", kept))
    assert wrong.keys() == {"rows"} and "was removed: it was kept" in wrong["rows"]


def test_a_row_deleted(scene: Scene, tmp_path: Path) -> None:
    wrong = found(scene, tmp_path, ("DELETE FROM row WHERE digest NOT IN (SELECT digest FROM delivery)", ()))
    assert wrong.keys() == {"rows"} and "has no row" in wrong["rows"]


def test_a_term_extended(scene: Scene, tmp_path: Path) -> None:
    wrong = found(scene, tmp_path, ("UPDATE row SET removal_month = removal_month + 24", ()))
    assert wrong.keys() == {"rows", "terms"}
    assert "not as it was published" in wrong["rows"] and "longer than the covenant allows" in wrong["terms"]


def test_a_match_not_delivered(scene: Scene, tmp_path: Path) -> None:
    wrong = found(scene, tmp_path, ("DELETE FROM delivery WHERE digest = (SELECT min(digest) FROM delivery)", ()))
    assert wrong.keys() == {"matches"} and "was not told to them" in wrong["matches"]


def test_a_match_delivered_without_rows(scene: Scene, tmp_path: Path) -> None:
    match = "INSERT INTO delivery SELECT ?, digest, 1, 2 FROM row WHERE digest NOT IN (SELECT digest FROM delivery) LIMIT 1"
    wrong = found(scene, tmp_path, (match, (os.urandom(16),)))
    assert wrong.keys() == {"matches"} and "no two rows stand" in wrong["matches"]


def test_an_extra_column(scene: Scene, tmp_path: Path) -> None:
    wrong = found(scene, tmp_path, ("ALTER TABLE row ADD COLUMN published_on TEXT", ()))
    assert wrong.keys() == {"holdings"} and "column published_on that was not agreed" in wrong["holdings"]


def test_an_old_copy_in_place_of_the_database(scene: Scene) -> None:
    wrong = report(scene, scene.older)
    assert "log" in wrong and "an old copy stands in the place of the database" in wrong["log"]


def test_the_log_in_the_database_rewritten(scene: Scene, tmp_path: Path) -> None:
    """The operator takes a removal out of the log, and puts another leaf in its place."""
    wrong = found(scene, tmp_path, ("UPDATE leaf SET entry = ? WHERE substr(entry, 1, 1) = x'02'", (b"\x05" + bytes(32),)))
    assert "not the log that you trust" in wrong["log"]


def test_a_row_deleted_with_a_removal_that_nobody_else_is_shown(scene: Scene, tmp_path: Path) -> None:
    """The index is out of reach when the officer looks: what it wrote behind the trusted entries is believed in nothing."""
    database = Path(shutil.copy(scene.database, tmp_path / "store.db"))
    with closing(sqlite3.connect(database)) as connection:
        (place,) = connection.execute("SELECT position FROM row WHERE digest NOT IN (SELECT digest FROM delivery)").fetchone()
        connection.execute("DELETE FROM row WHERE position = ?", (place,))
        connection.execute("INSERT INTO leaf SELECT max(position) + 1, ? FROM leaf", (b"\x02" + place.to_bytes(8, "big"),))
        connection.commit()
    assert _unknown(scene, database) == {"log"}


def test_all_matches_kept_back_by_an_excuse(scene: Scene, tmp_path: Path) -> None:
    database = Path(shutil.copy(scene.database, tmp_path / "store.db"))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM delivery")
        connection.execute("UPDATE member SET replay_needed = 1")
        connection.commit()
    assert _unknown(scene, database) == {"matches"}


def _unknown(scene: Scene, database: Path) -> set[str]:
    """The checks of which nothing can be said; the command then does not end well."""
    code, printed = audit("index", str(database), "--folder", str(scene.officer), "--json")
    assert code == 75
    return {each["id"] for each in json.loads(printed)["checks"] if each["verdict"] == "unknown"}


def test_a_backup_that_says_to_be_of_another_day(scene: Scene, tmp_path: Path) -> None:
    wrong = found(scene, tmp_path, (f"PRAGMA user_version = {2**31 - 1}", ()))
    assert wrong.keys() == {"moment"} and "a day that does not exist" in wrong["moment"]
