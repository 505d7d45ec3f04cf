"""The counts themselves: by the day, by the covenant, against a model, and against crashes."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_keyholder.quota import REMEMBERED, Account, Left, left
from raakvlak_keyholder.store import Store
from raakvlak_protocol.covenant import Quota
from raakvlak_protocol.errors import NotPermitted, OverQuota, Refused, Unavailable
from raakvlak_protocol.ledger import evaluation_hash

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ACCOUNT = Account("school", "bsn", 1)
QUOTA = Quota(declared=1000, first_load=20, daily=5)
_serial = iter(range(10**9))


def request() -> bytes:
    """The hash of a request that was never made before."""
    return next(_serial).to_bytes(32, "big")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Store.create(tmp_path / "store.db")
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path)) as opened:
        yield opened


def charge(store: Store, count: int, now: datetime = MORNING, granted: Quota = QUOTA) -> Left:
    return store.charge(ACCOUNT, granted, request(), count, now).left


def test_a_daily_quota_is_full_again_at_midnight_utc_and_not_saved_up(store: Store) -> None:
    charge(store, 20)
    charge(store, 2)
    evening = MORNING.replace(hour=23, minute=59, second=59)
    assert charge(store, 3, evening).daily == 0
    with pytest.raises(OverQuota) as refused:
        charge(store, 1, evening)
    assert refused.value.until == datetime(2026, 3, 3, tzinfo=UTC)
    midnight = evening + timedelta(seconds=1)
    assert charge(store, 1, midnight).daily == 4
    next_week = midnight + timedelta(days=7)
    with pytest.raises(OverQuota) as refused:
        charge(store, 6, next_week)
    assert refused.value.left == 5


def test_a_first_load_is_never_refilled_but_by_a_covenant_that_grants_more(store: Store) -> None:
    charge(store, 20)
    later = MORNING + timedelta(days=400)
    with pytest.raises(OverQuota) as refused:
        charge(store, 6, later)
    assert refused.value.left == 5
    more = Quota(declared=1000, first_load=30, daily=5)
    assert charge(store, 12, later, more) == Left(0, 3, datetime(2027, 4, 7, tzinfo=UTC))


def test_a_covenant_that_grants_less_takes_nothing_back_but_the_rest(store: Store) -> None:
    charge(store, 19)
    less = Quota(declared=10, first_load=10, daily=1)
    assert charge(store, 1, MORNING, less).total == 0
    assert store.used(ACCOUNT).first_load == 19


def test_a_clock_that_was_set_back_gives_no_second_daily_quota(store: Store) -> None:
    charge(store, 25)
    yesterday = MORNING - timedelta(days=1)
    with pytest.raises(OverQuota) as refused:
        charge(store, 1, yesterday)
    assert refused.value.until == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_member_without_a_quota_is_told_so(store: Store) -> None:
    with pytest.raises(NotPermitted, match="grants school no evaluations"):
        charge(store, 1, granted=Quota(0, 0, 0))


def test_a_request_is_remembered_for_30_days(store: Store) -> None:
    asked = request()
    assert store.charge(ACCOUNT, QUOTA, asked, 20, MORNING).charged == 20
    within = MORNING + REMEMBERED - timedelta(seconds=1)
    assert store.charge(ACCOUNT, QUOTA, asked, 20, within).charged == 0
    with pytest.raises(OverQuota):
        store.charge(ACCOUNT, QUOTA, asked, 20, MORNING + REMEMBERED)


def test_old_requests_are_forgotten_on_disk(store: Store, path: Path) -> None:
    charge(store, 1)
    charge(store, 1)
    charge(store, 1, MORNING + REMEMBERED)
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM answered").fetchone() == (1,)


def test_a_refused_request_is_not_remembered(store: Store) -> None:
    asked = request()
    charge(store, 24)
    with pytest.raises(OverQuota):
        store.charge(ACCOUNT, QUOTA, asked, 2, MORNING)
    tomorrow = MORNING + timedelta(days=1)
    assert store.charge(ACCOUNT, QUOTA, asked, 2, tomorrow).charged == 2


@dataclass
class Model:
    """The same rules, straight from their definition."""

    first_load: int = 0
    day: int = 0
    daily: int = 0

    def charge(self, granted: Quota, count: int, day: int) -> bool:
        """Whether it is charged; a refusal changes nothing, the day that counts included."""
        used_today = self.daily if self.day >= day else 0
        from_first = min(count, max(granted.first_load - self.first_load, 0))
        if count - from_first > max(granted.daily - used_today, 0):
            return False
        self.first_load += from_first
        self.day, self.daily = max(self.day, day), used_today + count - from_first
        return True


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.integers(-1, 2), st.integers(0, 25), st.integers(0, 8)),
        min_size=1,
        max_size=20,
    )
)
def test_the_statement_charges_as_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int, int]]
) -> None:
    """Any history of requests, days (backwards too) and covenant versions; refusals name what is left."""
    path = tmp_path_factory.mktemp("model") / "store.db"
    Store.create(path)
    model, now = Model(), MORNING
    with closing(Store(path)) as store:
        for count, days, first_load, daily in steps:
            now += timedelta(days=days)
            granted = Quota(1000, first_load, daily)
            before = left(granted, store.used(ACCOUNT), now)
            try:
                charge(store, count, now, granted)
                charged = True
            except OverQuota as error:
                charged = False
                assert error.left == before.total < count
            except NotPermitted:
                charged = False
                assert first_load == daily == 0
            assert charged == model.charge(granted, count, (now - datetime(1970, 1, 1, tzinfo=UTC)).days)
            used = store.used(ACCOUNT)
            assert (used.first_load, used.day, used.daily) == (model.first_load, model.day, model.daily)


def test_two_processes_stores_race_and_charge_exactly_the_quota(path: Path) -> None:
    """Eight threads over two openings of one file, as two processes would have them."""
    with closing(Store(path)) as one, closing(Store(path)) as other, ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> int:
            try:
                return (one, other)[number % 2].charge(ACCOUNT, QUOTA, request(), 2, MORNING).charged
            except OverQuota:
                return 0

        assert sum(pool.map(ask, range(60))) == 24
        assert left(QUOTA, one.used(ACCOUNT), MORNING).total == 1


def test_counts_survive_reopening(path: Path) -> None:
    asked = request()
    with closing(Store(path)) as store:
        store.charge(ACCOUNT, QUOTA, asked, 22, MORNING)
    with closing(Store(path)) as store:
        assert left(QUOTA, store.used(ACCOUNT), MORNING) == Left(0, 3, datetime(2026, 3, 3, tzinfo=UTC))
        assert store.charge(ACCOUNT, QUOTA, asked, 22, MORNING).charged == 0


def test_a_charge_that_fails_halfway_leaves_nothing(path: Path) -> None:
    """The record and the counts are one transaction: where the record can't be written, nothing was charged."""
    with closing(sqlite3.connect(path)) as breaker:
        breaker.execute("CREATE TRIGGER full BEFORE INSERT ON answered BEGIN SELECT raise(ABORT, 'disk full'); END")
    with closing(Store(path)) as store:
        with pytest.raises(sqlite3.IntegrityError, match="disk full"):
            charge(store, 3)
        assert store.used(ACCOUNT).first_load == 0
    with closing(sqlite3.connect(path)) as breaker:
        breaker.execute("DROP TRIGGER full")
    with closing(Store(path)) as store:
        assert charge(store, 3).first_load == 17


def test_a_store_in_use_for_too_long_is_unavailable_and_charges_nothing(path: Path) -> None:
    with closing(Store(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        store._connection().execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="SQLITE_BUSY"):
            charge(store, 3)
        other.execute("ROLLBACK")
        assert charge(store, 3).first_load == 17


def test_the_file_is_synced_at_each_charge(store: Store, path: Path) -> None:
    connection = store._connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_exhausted_counts_leave_nothing_until_midnight_or_a_new_covenant(store: Store) -> None:
    charge(store, 3)
    store.exhaust({ACCOUNT: QUOTA}, MORNING)
    assert left(QUOTA, store.used(ACCOUNT), MORNING).total == 0
    tomorrow = MORNING + timedelta(days=1)
    assert left(QUOTA, store.used(ACCOUNT), tomorrow).total == 5
    assert left(Quota(1000, 25, 5), store.used(ACCOUNT), MORNING).first_load == 5


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE something (x)")


def _newer(path: Path) -> None:
    Store.create(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as newer:
        newer.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('keyholder', 'later', '')")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "counts lost"),
        (lambda path: path.touch(), "holds no counts"),
        (lambda path: path.write_bytes(b"not a database" * 100), "damaged"),
        (_foreign, "holds no counts"),
        (_newer, "newer version"),
    ],
    ids=["missing", "empty", "damaged", "foreign", "newer"],
)
def test_a_store_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    path = tmp_path / "store.db"
    make(path)
    with pytest.raises(Refused, match=said):
        Store(path)
    if path.exists():
        with pytest.raises(Refused):
            Store.create(path)


def test_every_part_of_a_request_makes_it_another() -> None:
    a, b = b"\x01" * 32, b"\x02" * 32
    hashes = {
        evaluation_hash("zeeland", "bsn", 1, [a, b]),
        evaluation_hash("zeeland", "bsn", 1, [b, a]),
        evaluation_hash("zeeland", "bsn", 1, [a]),
        evaluation_hash("zeeland", "bsn", 2, [a, b]),
        evaluation_hash("zeeland", "address", 1, [a, b]),
        evaluation_hash("elsewhere", "bsn", 1, [a, b]),
    }
    assert len(hashes) == 6
