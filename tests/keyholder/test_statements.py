"""The daily statements: what they count, when they are made, that they never change, and that they reach the log."""

import asyncio
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from queue import SimpleQueue

import pytest
from fastapi import FastAPI, Request, Response

from raakvlak_keyholder import statements as daily_statements
from raakvlak_keyholder.daybook import KEPT_DAYS
from raakvlak_keyholder.events import EVENTS
from raakvlak_keyholder.quota import Account
from raakvlak_keyholder.statements import SETTLED, Statements
from raakvlak_keyholder.store import Store
from raakvlak_protocol import note, statement
from raakvlak_protocol.covenant import Quota
from raakvlak_protocol.errors import OverQuota, Refused, Unavailable
from raakvlak_protocol.party import serving as processes
from raakvlak_protocol.party import web
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Charged, Submission
from tests.covenants import Sandbox
from tests.keyholder.running import Party, elements, evaluate, serving

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
HOLDER = "keyholder-1.keyholder.zeeland.raakvlak"
SEED = SecretBytes(b"\x07" * 32)
KEY = note.key_of(HOLDER, note.ED25519, SEED)
QUOTA = Quota(declared=1000, first_load=50, daily=5)
PATIENCE = 20.0
_serial = iter(range(10**9))

BSN = Account("school", "bsn", 1)
ADDRESS = Account("school", "address", 1)
TOWN = Account("town", "bsn", 1)


def request() -> bytes:
    """The hash of a request that was never made before."""
    return next(_serial).to_bytes(32, "big")


@dataclass
class Holder:
    """A store, and the statements made from it."""

    path: Path
    store: Store
    own: Statements

    def charge(self, account: Account, count: int, now: datetime, asked: bytes | None = None) -> int:
        return self.store.charge(account, QUOTA, asked or request(), count, now).charged

    def states(self, day: date) -> Mapping[tuple[str, str, int], Charged]:
        """What the day's file says, under the holder's signature."""
        return statement.verify((self.own.folder / f"{day}.note").read_bytes(), KEY).counts


@contextmanager
def opened(folder: Path) -> Iterator[Holder]:
    path = folder / "store.db"
    if not path.exists():
        Store.create(path)
    with closing(Store(path)) as store:
        yield Holder(path, store, Statements(folder / "statements", store, KEY, SEED))


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    with opened(tmp_path) as holder:
        yield holder


def test_a_day_counts_what_was_charged_by_member_namespace_and_epoch(holder: Holder) -> None:
    for account, count in ((BSN, 7), (BSN, 3), (ADDRESS, 2), (TOWN, 4), (Account("school", "bsn", 2), 1)):
        holder.charge(account, count, MORNING)
    holder.charge(BSN, 6, MORNING + DAY)
    assert holder.own.make_due(MORNING + 2 * DAY) == [date(2026, 3, 2), date(2026, 3, 3)]
    assert holder.states(date(2026, 3, 2)) == {
        ("school", "address", 1): Charged(2, 2),
        ("school", "bsn", 1): Charged(10, 10),
        ("school", "bsn", 2): Charged(1, 1),
        ("town", "bsn", 1): Charged(4, 4),
    }
    assert holder.states(date(2026, 3, 3)) == {
        ("school", "address", 1): Charged(0, 2),
        ("school", "bsn", 1): Charged(6, 16),
        ("school", "bsn", 2): Charged(0, 1),
        ("town", "bsn", 1): Charged(0, 4),
    }


def test_what_is_not_charged_is_not_counted(holder: Holder) -> None:
    asked = request()
    assert [holder.charge(BSN, 7, MORNING, asked) for _ in range(3)] == [7, 0, 0]
    with pytest.raises(OverQuota):
        holder.charge(BSN, 1000, MORNING)
    with closing(sqlite3.connect(holder.path)) as breaker:
        breaker.execute("CREATE TRIGGER full BEFORE INSERT ON answered BEGIN SELECT raise(ABORT, 'disk full'); END")
    with pytest.raises(sqlite3.IntegrityError):
        holder.charge(BSN, 7, MORNING)
    holder.own.make_due(MORNING + DAY)
    assert holder.states(date(2026, 3, 2)) == {("school", "bsn", 1): Charged(7, 7)}


def test_a_day_without_evaluations_and_days_out_of_service_are_stated_too(holder: Holder) -> None:
    assert holder.own.make_due(MORNING) == [], "the day goes on"
    assert holder.own.make_due(MORNING + 4 * DAY) == [date(2026, 3, 2 + day) for day in range(4)]
    assert all(holder.states(date(2026, 3, 2 + day)) == {} for day in range(4))
    assert holder.own.make_due(MORNING + 4 * DAY) == []


def test_a_day_is_closed_some_minutes_after_its_end(holder: Holder) -> None:
    holder.own.make_due(MORNING)
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    assert holder.own.make_due(midnight + SETTLED - timedelta(seconds=1)) == []
    holder.charge(BSN, 1, midnight - timedelta(seconds=1))
    holder.charge(BSN, 2, midnight)
    assert holder.own.make_due(midnight + SETTLED) == [date(2026, 3, 2)]
    assert holder.states(date(2026, 3, 2)) == {("school", "bsn", 1): Charged(1, 1)}


def test_statements_begin_with_the_first_day_of_service(holder: Holder) -> None:
    just_after_midnight = datetime(2026, 3, 2, 0, 1, tzinfo=UTC)
    assert holder.own.make_due(just_after_midnight) == []
    assert holder.own.make_due(just_after_midnight + SETTLED) == []
    assert holder.own.make_due(just_after_midnight + SETTLED + DAY) == [date(2026, 3, 2)]


def test_a_clock_that_was_set_back_changes_no_day_that_was_stated(holder: Holder) -> None:
    holder.charge(BSN, 1, MORNING)
    holder.own.make_due(MORNING + DAY)
    holder.charge(BSN, 2, MORNING)
    assert holder.own.make_due(MORNING + DAY) == []
    holder.own.make_due(MORNING + 2 * DAY)
    assert holder.states(date(2026, 3, 2)) == {("school", "bsn", 1): Charged(1, 1)}
    assert holder.states(date(2026, 3, 3)) == {("school", "bsn", 1): Charged(2, 3)}


def test_old_days_are_added_up_and_old_accounts_forgotten(holder: Holder) -> None:
    holder.charge(TOWN, 4, MORNING)
    for day in (0, 1, KEPT_DAYS):
        holder.charge(BSN, 5, MORNING + day * DAY)
    later = MORNING + (KEPT_DAYS + 5) * DAY
    holder.own.make_due(later)
    assert holder.states((MORNING + KEPT_DAYS * DAY).date()) == {
        ("school", "bsn", 1): Charged(5, 15),
        ("town", "bsn", 1): Charged(0, 4),
    }
    assert holder.states((later - DAY).date()) == {("school", "bsn", 1): Charged(0, 15)}
    with closing(sqlite3.connect(holder.path)) as reader:
        assert reader.execute("SELECT count(*) FROM charged").fetchone() == (2,)


# --- crashes, lost and restored stores --------------------------------------------------------------------------------


def test_a_crash_between_file_and_store_makes_the_same_file_again(holder: Holder) -> None:
    holder.charge(BSN, 3, MORNING)
    with closing(sqlite3.connect(holder.path)) as breaker:
        breaker.execute(
            "CREATE TRIGGER full BEFORE INSERT ON stated WHEN new.hash IS NOT NULL BEGIN SELECT raise(ABORT, 'x'); END"
        )
    with pytest.raises(sqlite3.IntegrityError):
        holder.own.make_due(MORNING + DAY)
    written = (holder.own.folder / "2026-03-02.note").read_bytes()
    assert holder.store.stated() == []
    with closing(sqlite3.connect(holder.path)) as breaker:
        breaker.execute("DROP TRIGGER full")
    assert holder.own.make_due(MORNING + DAY) == [date(2026, 3, 2)]
    assert (holder.own.folder / "2026-03-02.note").read_bytes() == written
    assert [each.hash for each in holder.store.stated()] == [statement.statement_hash(written)]


def test_a_file_that_can_t_be_written_leaves_the_day_open(holder: Holder) -> None:
    holder.charge(BSN, 3, MORNING)
    holder.own.folder.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists"):
        holder.own.make_due(MORNING + DAY)
    assert holder.store.stated() == []
    holder.own.folder.unlink()
    assert holder.own.make_due(MORNING + DAY) == [date(2026, 3, 2)]


def test_a_restored_store_states_nothing_else_of_a_day_and_then_goes_on(tmp_path: Path) -> None:
    """The store of the second day's morning comes back on the fourth day."""
    with opened(tmp_path) as holder:
        holder.charge(BSN, 10, MORNING)
        holder.own.make_due(MORNING + DAY)
        holder.charge(BSN, 1, MORNING + DAY)
    old = shutil.copy(tmp_path / "store.db", tmp_path / "old")
    with opened(tmp_path) as holder:
        holder.charge(BSN, 5, MORNING + DAY)
        holder.charge(TOWN, 4, MORNING + DAY)
        holder.own.make_due(MORNING + 3 * DAY)
        files = {path: path.read_bytes() for path in holder.own.folder.iterdir()}
        hashes = [each.hash for each in holder.store.stated()]
    for path in tmp_path.glob("store.db*"):
        path.unlink()
    shutil.copy(old, tmp_path / "store.db")
    with opened(tmp_path) as holder:
        with pytest.raises(Refused, match=r"no longer say of 2026-03-03 .* counts --start-empty, and tell the board"):
            holder.own.make_due(MORNING + 3 * DAY)
        assert holder.own.adopt() == [date(2026, 3, 3), date(2026, 3, 4)]
        assert holder.own.adopt() == []
        holder.charge(BSN, 2, MORNING + 3 * DAY)
        assert holder.own.make_due(MORNING + 4 * DAY) == [date(2026, 3, 5)]
        assert holder.states(date(2026, 3, 5)) == {("school", "bsn", 1): Charged(2, 18), ("town", "bsn", 1): Charged(0, 4)}
        assert {path: path.read_bytes() for path in files} == files
        assert [each.hash for each in holder.store.stated()][:3] == hashes


def test_a_lost_store_goes_on_from_the_files(tmp_path: Path) -> None:
    with opened(tmp_path) as holder:
        for day in range(3):
            holder.charge(BSN, 5, MORNING + day * DAY)
        holder.own.make_due(MORNING + 3 * DAY)
    for path in tmp_path.glob("store.db*"):
        path.unlink()
    with opened(tmp_path) as holder:
        assert len(holder.own.adopt()) == 3
        assert len(holder.own.waiting()) == 3, "handed in again, which does no harm"
        holder.own.make_due(MORNING + 4 * DAY)
        assert holder.states(date(2026, 3, 5)) == {("school", "bsn", 1): Charged(0, 15)}


def _another_days(folder: Path) -> None:
    (folder / "2026-03-02.note").rename(folder / "2026-03-01.note")


def _another_holders(folder: Path) -> None:
    said = statement.verify((folder / "2026-03-02.note").read_bytes(), KEY)
    (folder / "2026-03-02.note").write_bytes(statement.sign(said, SecretBytes(b"\x08" * 32)))


@pytest.mark.parametrize(
    ("change", "said"), [(_another_days, "another file's place"), (_another_holders, "2026-03-02.note: this statement is not")]
)
def test_only_own_files_are_taken_over(tmp_path: Path, change: Callable[[Path], None], said: str) -> None:
    with opened(tmp_path) as holder:
        holder.charge(BSN, 5, MORNING)
        holder.own.make_due(MORNING + DAY)
        change(holder.own.folder)
    for path in tmp_path.glob("store.db*"):
        path.unlink()
    with opened(tmp_path) as holder, pytest.raises(Refused, match=said):
        holder.own.adopt()


# --- handing in -------------------------------------------------------------------------------------------------------


@dataclass
class Taken:
    """An index's ear, which can fail before or after it has taken what is put."""

    submissions: list[Submission] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)

    def put(self, path: str, body: bytes) -> bytes:
        assert path == "/statement"
        how = self.fails.pop(0) if self.fails else ""
        if how == "before":
            raise Unavailable("index index can't be reached")
        if how == "refused":
            raise Refused("index index answered 409: another one of that day is there")
        self.submissions.append(statement.verify_submission(body, KEY))
        if how == "after":
            raise Unavailable("the connection to index index broke off")
        return b""


def test_hashes_are_handed_in_in_order_until_each_is_taken(holder: Holder) -> None:
    holder.own.make_due(MORNING)
    holder.own.make_due(MORNING + 3 * DAY)
    index = Taken(fails=["", "before"])
    with pytest.raises(Unavailable):
        list(holder.own.hand_in(index.put, MORNING + 3 * DAY))
    assert len(holder.own.waiting()) == 2
    index.fails = ["after"]
    with pytest.raises(Unavailable):
        list(holder.own.hand_in(index.put, MORNING + 3 * DAY))
    assert len(holder.own.waiting()) == 2, "taken, but we did not hear"
    assert list(holder.own.hand_in(index.put, MORNING + 3 * DAY)) == [date(2026, 3, 3), date(2026, 3, 4)]
    assert list(holder.own.hand_in(index.put, MORNING + 3 * DAY)) == []
    assert [each.day.day for each in index.submissions] == [2, 3, 3, 4]
    made = [each.hash for each in holder.store.stated()]
    assert [each.hash for each in index.submissions] == [made[0], made[1], made[1], made[2]]


def test_a_day_that_the_index_refuses_holds_up_no_other(holder: Holder) -> None:
    holder.own.make_due(MORNING)
    holder.own.make_due(MORNING + 3 * DAY)
    index = Taken(fails=["", "refused"])
    with pytest.raises(Refused, match="another one of that day"):
        list(holder.own.hand_in(index.put, MORNING + 3 * DAY))
    assert [each.day.day for each in index.submissions] == [2, 4]
    assert [daily_statements.date_of(each.day).day for each in holder.own.waiting()] == [3]


def test_a_file_that_is_gone_or_changed_is_neither_handed_in_nor_copied(holder: Holder, tmp_path: Path) -> None:
    holder.own.make_due(MORNING)
    holder.own.make_due(MORNING + 2 * DAY)
    file = holder.own.folder / "2026-03-03.note"
    content = file.read_bytes()
    index = Taken()
    for changed, said in ((None, "is missing: restore it"), (content.replace(b"03-03", b"03-04"), "was changed; restore it")):
        file.unlink(missing_ok=True)
        if changed:
            file.write_bytes(changed)
        with pytest.raises(Refused, match=said):
            list(holder.own.hand_in(index.put, MORNING + 2 * DAY))
        with pytest.raises(Refused, match=said):
            holder.own.export(tmp_path / "officer")
        assert not (tmp_path / "officer").exists()
    assert [each.day.day for each in index.submissions] == [2], "only the other day"
    file.write_bytes(content)
    assert len(list(holder.own.hand_in(index.put, MORNING + 2 * DAY))) == 1


def test_files_are_copied_for_an_officer_and_none_is_overwritten(holder: Holder, tmp_path: Path) -> None:
    holder.own.make_due(MORNING)
    holder.own.make_due(MORNING + 2 * DAY)
    officer = tmp_path / "officer"
    assert holder.own.export(officer) == 2
    holder.own.make_due(MORNING + 3 * DAY)
    assert holder.own.export(officer) == 1
    assert {path.name for path in officer.iterdir()} == {f"keyholder-1-2026-03-0{day}.note" for day in (2, 3, 4)}
    (officer / "keyholder-1-2026-03-02.note").write_bytes(b"the officer's own")
    with pytest.raises(Refused, match="there with other content: nothing was copied"):
        holder.own.export(officer)
    assert (officer / "keyholder-1-2026-03-02.note").read_bytes() == b"the officer's own"


def test_a_serving_key_holder_tries_again_until_the_index_takes_it(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_statements, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(daily_statements, "RETRY", timedelta(0))
    holder.charge(BSN, 1, MORNING)
    index, lines = Taken(fails=["before", "before", "after"]), StringIO()
    with daily_statements.daily(
        holder.own, index.put, Log("keyholder-1", EVENTS, lines), now=lambda: MORNING + DAY, grace_seconds=5
    ):
        until = time.monotonic() + PATIENCE
        while holder.own.waiting() and time.monotonic() < until:
            time.sleep(0.01)
    assert [each.day.day for each in index.submissions] == [2, 2]
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert events == ["statement_made", *["statements_wait"] * 3, "statement_handed_in"]
    assert not any(thread.name == "statements" for thread in threading.enumerate()), "stopped in order"


# --- the whole program ------------------------------------------------------------------------------------------------


@contextmanager
def log_of(sandbox: Sandbox, folder: Path) -> Iterator[tuple[str, SimpleQueue[bytes]]]:
    """An HTTPS server under the index's certificate that takes what is put; yields its address."""
    taken: SimpleQueue[bytes] = SimpleQueue()
    ready: SimpleQueue[int] = SimpleQueue()
    stop = processes.Stop()
    app = FastAPI(openapi_url=None)

    @app.put("/statement")
    async def put(request: Request) -> Response:
        taken.put(await request.body())
        return Response(b"")

    async def serve() -> None:
        async with web.serving(
            app, sandbox.credentials(sandbox.index), "127.0.0.1:0", folder=folder, max_body_bytes=4096, grace_seconds=5,
            on_error=lambda error: None,
        ) as port:  # fmt: skip
            ready.put(port)
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield f"127.0.0.1:{ready.get(timeout=PATIENCE)}", taken
    finally:
        stop.request()
        thread.join(PATIENCE)


def worked_yesterday(party: Party) -> date:
    """The key holder's store has a charge of yesterday, which nobody stated yet."""
    yesterday = datetime.now(UTC) - DAY
    with closing(Store(party.folder / "store.db")) as store:
        store.charge(BSN, QUOTA, request(), 3, yesterday)
    return yesterday.date()


def listed(party: Party, *arguments: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(party.done("statements", "--json", *arguments))["statements"]
    return found


def settled() -> None:
    """In the first minutes of a day yesterday is not closed yet."""
    if (now := datetime.now(UTC)).time() < (datetime.min + SETTLED).time():
        time.sleep(((now.replace(hour=0, minute=0, second=0) + SETTLED) - now).total_seconds() + 1)


def test_serving_makes_and_hands_in_what_is_due(party: Party, sandbox: Sandbox, tmp_path: Path) -> None:
    settled()
    day = worked_yesterday(party)
    key = sandbox.covenant.key_holders["keyholder-1"].signing_key
    with log_of(sandbox, tmp_path) as (address, taken):
        with (party.folder / "settings.toml").open("a") as settings:
            settings.write(f'log = "{address}"\n')
        with serving(party) as running, running.called_by("school") as remote:
            handed_in = statement.verify_submission(taken.get(timeout=PATIENCE), key)
            evaluate(remote, sandbox, elements(2))
            assert running.stop() == 0
    raw = (party.folder / "statements" / f"{day}.note").read_bytes()
    assert (handed_in.day, handed_in.hash) == (day, statement.statement_hash(raw))
    assert statement.verify(raw, key).counts == {("school", "bsn", 1): Charged(3, 3)}
    (line,) = listed(party)
    assert (line["day"], line["hash"]) == (day.isoformat(), handed_in.hash.hex())


def test_by_hand(party: Party, sandbox: Sandbox, tmp_path: Path) -> None:
    settled()
    day = worked_yesterday(party)
    first = party.command("statements")
    assert first.returncode == 0
    assert first.stdout.startswith(f"{day} ")
    assert first.stdout.endswith(" not handed in\n")
    assert "the settings name no log" in first.stderr
    assert "the settings name no log" in party.command("status").stderr
    assert json.loads(party.done("status", "--json"))["statements_waiting"] == 1
    assert "add log =" in party.command("statements", "--hand-in").stderr
    settings = party.folder / "settings.toml"
    plain = settings.read_text()
    with log_of(sandbox, tmp_path) as (address, taken):
        settings.write_text(plain + f'log = "{address}"\n')
        (line,) = listed(party, "--hand-in", "--export", str(tmp_path / "officer"))
        assert line["handed_in"]
        assert taken.qsize() == 1
        (line,) = listed(party, "--hand-in")
        assert taken.qsize() == 1, "taken once"
    assert [path.name for path in (tmp_path / "officer").iterdir()] == [f"keyholder-1-{day}.note"]
    unreachable = party.command("statements", "--hand-in")
    assert unreachable.returncode == 0, "nothing waits"


def test_it_does_not_serve_when_the_counts_were_set_back(party: Party) -> None:
    settled()
    shutil.copy(party.folder / "store.db", party.folder.parent / "old")
    day = worked_yesterday(party)
    party.done("statements")
    for path in party.folder.glob("store.db*"):
        path.unlink()
    shutil.copy(party.folder.parent / "old", party.folder / "store.db")
    with closing(Store(party.folder / "store.db")) as store:
        store.charge(TOWN, QUOTA, request(), 1, datetime.now(UTC) - DAY)
    refused = party.command("serve")
    assert refused.returncode == 1
    assert f"the counts no longer say of {day}" in refused.stderr
    assert "totals go on from the statements of 1 days" in party.command("counts", "--start-empty").stderr
    with serving(party) as running:
        assert running.stop() == 0
