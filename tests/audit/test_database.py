"""The operator's database is read and never written."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from raakvlak_audit.database import backup_day, live_rows, read_only
from raakvlak_index import schema
from raakvlak_protocol.errors import Malformed, Unavailable


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A real store with three rows of two members, and one of a member that is not in its table."""
    path = tmp_path / "store.db"
    schema.create_store(path)
    with closing(schema.open_for_writing(path)) as connection:
        connection.execute("INSERT INTO member VALUES (1, 'school', 1, 0, 0, 0, 0), (2, 'town', 1, 0, 0, 0, 0)")
        for number, (member, epoch) in enumerate([(1, 1), (1, 1), (2, 1), (2, 2), (9, 1)]):
            connection.execute(
                "INSERT INTO row VALUES (?, ?, ?, 320, 1, ?, ?)", (bytes([number]) * 16, member, epoch, number, bytes(32))
            )
    return path


def test_rows_are_counted_per_member_and_epoch(store: Path) -> None:
    with read_only(store) as connection:
        assert live_rows(connection) == {("school", 1): 2, ("town", 1): 1, ("town", 2): 1, ("?", 1): 1}
        assert backup_day(connection) is None


def test_a_live_store_is_read_with_its_log_and_not_written(store: Path) -> None:
    with closing(schema.open_for_writing(store)) as writer:
        writer.execute("DELETE FROM row WHERE member = 9")
        assert store.with_name("store.db-wal").stat().st_size > 0
        with read_only(store) as connection:
            assert ("?", 1) not in live_rows(connection)
            with pytest.raises(sqlite3.OperationalError):
                connection.execute("DELETE FROM row")
                connection.commit()


def test_reading_a_copy_leaves_no_trace(store: Path) -> None:
    before = {path.name: path.read_bytes() for path in store.parent.iterdir()}
    with read_only(store) as connection:
        live_rows(connection)
    assert {path.name: path.read_bytes() for path in store.parent.iterdir()} == before


def test_a_backup_says_its_day(store: Path) -> None:
    for days, day in [(20_514, date(2026, 3, 2)), (-1, None), (2**31 - 1, None)]:
        with closing(sqlite3.connect(store)) as connection:
            connection.execute(f"PRAGMA user_version = {days}")
        with read_only(store) as connection:
            assert backup_day(connection) == day


def test_what_is_no_database_is_told(tmp_path: Path, store: Path) -> None:
    with pytest.raises(Unavailable, match="can't be read now"), read_only(tmp_path / "none") as connection:
        live_rows(connection)
    other = tmp_path / "other"
    other.write_bytes(b"no database at all" * 1000)
    with pytest.raises(Malformed, match="no database"), read_only(other) as connection:
        live_rows(connection)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(Unavailable, match="no such table"), read_only(empty) as connection:
        live_rows(connection)
