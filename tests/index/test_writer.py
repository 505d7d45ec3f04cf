"""One thread writes; requests that wait together share a transaction and nothing else."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raakvlak_index.index import Rules
from raakvlak_index.reading import SqliteReader
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Store
from raakvlak_index.writer import Writer
from raakvlak_protocol.errors import Refused, Unavailable

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RULES = Rules({}, {})


class Counting(SqliteStore):
    """The real store, which also counts its transactions."""

    transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        Counting.transactions += 1
        with super().transaction():
            yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SqliteStore.create(tmp_path / "store.db")
    return tmp_path / "store.db"


def members(path: Path) -> list[str]:
    reader = SqliteReader(path, RULES)
    try:
        return [each["id"] for each in reader.status(NOW)["members"]]
    finally:
        reader.close()


def test_requests_that_wait_share_a_transaction_and_keep_their_own_fate(path: Path) -> None:
    writer = Writer(lambda: Counting(path, RULES), lambda touched: None)
    hold, held = threading.Event(), threading.Event()

    def first(store: Store) -> None:
        held.set()
        assert hold.wait(10)

    def admit(place: int) -> None:
        def job(store: Store) -> None:
            store.admit([f"member-{place}"], NOW)
            if place == 3:
                raise Refused("after it has written")

        writer.run(job)

    with ThreadPoolExecutor(12) as threads:
        threads.submit(writer.run, first)
        held.wait(10)
        before = Counting.transactions
        waiting = [threads.submit(admit, place) for place in range(10)]
        while writer._jobs.qsize() < 10:
            pass
        hold.set()
        failures = [each.exception(10) for each in waiting]
    writer.close()
    assert Counting.transactions == before + 1
    assert [type(each) for each in failures] == [type(None)] * 3 + [Refused] + [type(None)] * 6
    assert members(path) == [f"member-{place}" for place in range(10) if place != 3]


def test_a_program_error_in_one_request_hurts_no_other(path: Path) -> None:
    writer = Writer(lambda: SqliteStore(path, RULES), lambda touched: None)
    with pytest.raises(ZeroDivisionError):
        writer.run(lambda store: 1 // 0)
    writer.run(lambda store: store.admit(["school"], NOW))
    writer.close()
    assert members(path) == ["school"]


def test_after_closing_it_is_unavailable(path: Path) -> None:
    writer = Writer(lambda: SqliteStore(path, RULES), lambda touched: None)
    writer.close()
    with pytest.raises(Unavailable):
        writer.run(lambda store: None)


def test_it_does_not_start_without_a_store(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="missing"):
        Writer(lambda: SqliteStore(tmp_path / "none.db", RULES), lambda touched: None)


def test_the_committed_are_told_after_the_commit(path: Path) -> None:
    seen: list[list[str]] = []
    writer = Writer(lambda: SqliteStore(path, RULES), lambda touched: seen.append(members(path)))
    writer.run(lambda store: store.admit(["school"], NOW))
    writer.run(lambda store: store.open("school", NOW))
    writer.close()
    assert seen == [["school"]]
