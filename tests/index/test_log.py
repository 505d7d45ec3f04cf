"""The published log beside its store: random histories against an oracle, and every write of it cut off at every place."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from raakvlak_index import copies
from raakvlak_index.index import Rules
from raakvlak_index.log import PublishedLog
from raakvlak_index.reading import SqliteReader
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Done, Publication, Withdrawal
from raakvlak_protocol import entry, merkle
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of
from tests.index.test_store_contract import NOW, PARTNERS, PEPPER, digest

ORIGIN = "index.index.zeeland.raakvlak"
SEED = SecretBytes(bytes(range(32)))
MEMBERS = ("school", "town")
RULES = Rules({1: PEPPER}, PARTNERS)

Row = tuple[str, bytes]
"""Member and digest."""


def answer(done: Done) -> bytes:
    return bytes(done.was_there)


@dataclass
class Desk:
    """A store with its published log, as one index has them; `again` is what a crash leaves."""

    folder: Path
    now_days: int = 0
    months: dict[Row, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.exists():
            SqliteStore.create(self.path)
            PublishedLog.create(self.folder / "log", ORIGIN, SEED)
        self._open()
        with self.store.transaction():
            self.store.admit(MEMBERS, NOW)
            self.store.keep_covenant(1, bytes(32))
            self.store.keep_check(1, PEPPER.check())

    def _open(self) -> None:
        self.store = SqliteStore(self.path, RULES)
        self.log = PublishedLog(self.folder / "log", ORIGIN, SEED)
        with self.reader() as reader:
            self.log.demand_continued(reader)

    @property
    def path(self) -> Path:
        return self.folder / "store.db"

    @contextmanager
    def reader(self) -> Iterator[SqliteReader]:
        with closing(SqliteReader(self.path, RULES)) as reader:
            yield reader

    def publish(self, member: str, names: list[str], months: int = 24) -> None:
        now = NOW + timedelta(days=self.now_days)
        month = month_of(now) + months
        digests = [digest(name) for name in names]
        salts = [os.urandom(entry.SALT_BYTES) for _ in names]
        head = entry.record_head(member, 1, month, Visibility.DIRECT)
        leaves = [entry.published(salt, head + each) for salt, each in zip(salts, digests, strict=True)]
        with self.store.transaction():
            open = self.store.open(member, now)
            write = Publication(
                member, 1, open.generation, open.sequence + 1, os.urandom(32), Visibility.DIRECT, digests, month, salts, leaves
            )
            self.store.publish(write, answer, now)

    def withdraw(self, member: str, names: list[str]) -> None:
        now = NOW + timedelta(days=self.now_days)
        with self.store.transaction():
            open = self.store.open(member, now)
            digests = [digest(name) for name in names]
            self.store.withdraw(Withdrawal(member, 1, open.generation, open.sequence + 1, os.urandom(32), digests), answer, now)

    def expire(self) -> None:
        now = NOW + timedelta(days=self.now_days)
        with self.reader() as reader, self.store.transaction():
            self.store.remove(reader.due(month_of(now), None, 10_000), now)

    def show(self) -> None:
        with self.reader() as reader:
            while self.log.extend(reader):
                pass

    def again(self) -> None:
        self.store.close()
        self._open()

    def rows(self) -> dict[Row, tuple[int, int, int, bytes]]:
        """(position, month, visibility, salt) by row."""
        found = self.store._db.execute(
            "SELECT id, digest, position, removal_month, visibility, salt FROM row JOIN member ON number = member"
        )
        return {(id, own): rest for id, own, *rest in found}

    def leaves(self) -> list[bytes]:
        with self.reader() as reader:
            return reader.leaves(0, 10**9)

    def demand_whole(self) -> None:
        """Live positions and rows are one to one, and each row opens its leaf."""
        leaves = self.leaves()
        live = {position for position, leaf in enumerate(leaves) if leaf[0] == Kind.PUBLISHED}
        for leaf in leaves:
            if leaf[0] == Kind.REMOVED:
                live.remove(entry.parse(leaf).number)
        rows = self.rows()
        assert sorted(position for position, *_ in rows.values()) == sorted(live)
        for (member, own), (position, month, visibility, salt) in rows.items():
            assert leaves[position] == entry.published(salt, entry.record(member, 1, month, visibility, own))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.store.close()


# --- random histories -------------------------------------------------------------------------------------------------

_NAMES = st.lists(st.sampled_from([f"person {number}" for number in range(6)]), min_size=1, max_size=4, unique=True)
_MEMBERS = st.sampled_from(MEMBERS)


class Histories(RuleBasedStateMachine):
    """What may happen to an index in its life. The oracle knows the rows that stand, and what the world was shown."""

    copies_made = Bundle("copies_made")

    @initialize()
    def begin(self) -> None:
        self._folder = TemporaryDirectory()
        self.desk = Desk(Path(self._folder.name))
        self.rows: dict[Row, int] = {}
        self.shown: list[bytes] = []
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.store.close()
            self._folder.cleanup()

    @property
    def month(self) -> int:
        return month_of(NOW + timedelta(days=self.desk.now_days))

    @rule(member=_MEMBERS, names=_NAMES, months=st.sampled_from([1, 24]))
    def publish(self, member: str, names: list[str], months: int) -> None:
        self.desk.publish(member, names, months)
        for name in names:
            row = (member, digest(name))
            if self.rows.get(row, 0) <= self.month:
                self.rows[row] = self.month + months

    @rule(member=_MEMBERS)
    def publish_many(self, member: str) -> None:
        self.publish(member, [f"n{self.made}.{number}" for number in range(300)], 24)
        self.made += 1

    @rule(member=_MEMBERS, names=_NAMES)
    def withdraw(self, member: str, names: list[str]) -> None:
        self.desk.withdraw(member, names)
        for name in names:
            self.rows.pop((member, digest(name)), None)

    @rule()
    def a_month_passes(self) -> None:
        self.desk.now_days += 31
        self.desk.expire()
        self.rows = {row: month for row, month in self.rows.items() if month > self.month}

    @rule()
    def show(self) -> None:
        self.desk.show()

    @rule()
    def crash(self) -> None:
        self.desk.again()

    @rule(write=st.integers(0, 8), persisted=st.booleans())
    def crash_while_showing(self, write: int, persisted: bool) -> None:
        with failing_disk(write, persisted=persisted):
            try:
                self.desk.show()
            except Unavailable:
                self.desk.again()

    @rule(target=copies_made)
    def back_up(self) -> tuple[Path, dict[Row, int]]:
        path = self.desk.folder / f"copy-{self.made}"
        self.made += 1
        entries = copies.backup(self.desk.path, path, NOW)
        self.desk.show()  # as the command waits for it
        assert self.desk.log.size >= entries
        return path, {row: position for row, (position, *_) in self.desk.rows().items()}

    @rule(copy=copies_made, by_hand=st.booleans())
    def an_old_copy_takes_its_place(self, copy: tuple[Path, dict[Row, int]], by_hand: bool) -> None:
        path, positions = copy
        self.desk.store.close()
        now = NOW + timedelta(days=self.desk.now_days)
        if by_hand:
            for suffix in ("-wal", "-shm"):
                Path(f"{self.desk.path}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(path, self.desk.path)
            with self.desk.reader() as reader:
                if reader.log_size() < self.desk.log.size:
                    with pytest.raises(Refused, match=r"an old copy was put in its place.*repair"):
                        self.desk.log.demand_continued(reader)
            copies.repair(self.desk.path, self.desk.log, now)
        else:
            copies.restore(path, self.desk.path, self.desk.log, now, replace=True)
        removed = {entry.parse(leaf).number for leaf in self.shown if leaf[0] == Kind.REMOVED}
        self.desk._open()
        months = {row: month for row, (_, month, *_) in self.desk.rows().items()}
        assert months.keys() == {row for row, position in positions.items() if position not in removed}
        self.rows = months

    @invariant()
    def the_log_is_whole(self) -> None:
        if not hasattr(self, "desk"):
            return
        self.desk.demand_whole()
        assert {row: month for row, (_, month, *_) in self.desk.rows().items()} == self.rows
        leaves = self.desk.leaves()
        log = PublishedLog(self.desk.folder / "log", ORIGIN, SEED)
        now_shown = list(log.published(0))
        assert len(now_shown) == log.size >= len(self.shown), "checkpoints only grow"
        assert now_shown[: len(self.shown)] == self.shown, "what was shown stays"
        assert leaves[: log.size] == now_shown
        assert log.signed.checkpoint.root == merkle.root(map(merkle.leaf_hash, now_shown)) == log.root_at(log.size)
        self.shown = now_shown


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestHistories = Histories.TestCase


# --- each write cut off -----------------------------------------------------------------------------------------------


@contextmanager
def failing_disk(write: int, *, persisted: bool) -> Iterator[None]:
    """The disk refuses the write (or flush) with this number and all after it; with `persisted` the refused one is on
    the disk all the same."""
    really = {"pwrite": os.pwrite, "fsync": os.fsync}
    done = 0

    def refusing(name: str) -> Callable[..., int]:
        def call(*arguments: object) -> int:
            nonlocal done
            done += 1
            if done <= write:
                return really[name](*arguments)  # type: ignore[operator, no-any-return]
            if done == write + 1 and persisted:
                really[name](*arguments)  # type: ignore[operator]
            raise OSError(28, "No space left on device")

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in really:
            patch.setattr(os, name, refusing(name))
        yield


@pytest.mark.parametrize("persisted", [False, True])
def test_whichever_write_fails_the_next_attempt_publishes_the_same(desk: Desk, tmp_path: Path, persisted: bool) -> None:
    desk.publish("school", [f"early {number}" for number in range(200)])
    desk.show()
    desk.publish("school", [f"late {number}" for number in range(400)])
    leaves = desk.leaves()
    root = merkle.root(map(merkle.leaf_hash, leaves))
    before = desk.log.size
    failed = 0
    for write in range(100):
        folder = tmp_path / f"log-{write}"
        shutil.copytree(tmp_path / "log", folder)
        log = PublishedLog(folder, ORIGIN, SEED)
        with desk.reader() as reader:
            try:
                with failing_disk(write, persisted=persisted):
                    log.extend(reader)
                break
            except Unavailable:
                failed += 1
            assert log.size == before, "served is only what is known to be on the disk"
            assert log.root_at(before) == log.signed.checkpoint.root
            # Killed here, and started again: what is found is the last checkpoint, or the next one whole.
            crashed = PublishedLog(shutil.copytree(folder, tmp_path / f"crashed-{write}"), ORIGIN, SEED)
            assert crashed.size in (before, len(leaves))
            for each in (crashed, log):
                each.demand_continued(reader)
                while each.extend(reader):
                    pass
                assert (each.size, each.signed.checkpoint.root) == (len(leaves), root)
                assert list(each.published(0)) == leaves
    assert failed >= 8


def test_what_was_written_behind_the_checkpoint_is_written_anew(desk: Desk, tmp_path: Path) -> None:
    """The store lost its last leaves together with the power, and had shown them to nobody."""
    copies.backup(desk.path, tmp_path / "copy", NOW)
    desk.publish("school", ["anna", "bert"])
    with failing_disk(6, persisted=True), pytest.raises(Unavailable):
        desk.show()
    desk.store.close()
    shutil.copyfile(tmp_path / "copy", desk.path)
    for suffix in ("-wal", "-shm"):
        Path(f"{desk.path}{suffix}").unlink(missing_ok=True)
    desk._open()
    desk.publish("town", ["carla"])
    desk.show()
    assert list(desk.log.published(0)) == desk.leaves()


def test_a_failed_repair_has_changed_nothing(desk: Desk, tmp_path: Path) -> None:
    copies.backup(desk.path, tmp_path / "copy", NOW)
    desk.publish("school", ["anna", "bert"])
    desk.withdraw("school", ["bert"])
    desk.show()
    desk.store.close()
    shutil.copyfile(tmp_path / "copy", desk.path)
    with closing(sqlite3.connect(desk.path)) as db:
        before = list(db.iterdump())
        # Its last step, after entries and rows.
        db.execute("CREATE TRIGGER broken BEFORE UPDATE ON member BEGIN SELECT RAISE(ABORT, 'broken'); END")
        with pytest.raises(sqlite3.IntegrityError, match="broken"):
            copies.repair(desk.path, desk.log, NOW)
        db.execute("DROP TRIGGER broken")
        assert list(db.iterdump()) == before
    told = copies.repair(desk.path, desk.log, NOW, dry_run=True)
    with desk.reader() as reader:
        assert list(reader._db.iterdump()) == before
    assert copies.repair(desk.path, desk.log, NOW) == told
    assert (told.entries, told.removed, told.lost) == (3, 0, 1)
    desk._open()
    desk.demand_whole()


# --- what is refused --------------------------------------------------------------------------------------------------


def demand_refused(desk: Desk, said: str) -> None:
    with desk.reader() as reader, pytest.raises(Refused, match=said):
        PublishedLog(desk.folder / "log", ORIGIN, SEED).demand_continued(reader)


def test_a_changed_entry_is_named_by_its_position_and_not_repaired(desk: Desk) -> None:
    desk.publish("school", [f"person {number}" for number in range(600)])
    desk.show()
    for position in (0, 255, 256, 601):
        (was,) = desk.store._db.execute("SELECT entry FROM leaf WHERE position = ?", (position,)).fetchone()
        desk.store._db.execute("UPDATE leaf SET entry = ? WHERE position = ?", (was[:-1] + b"!", position))
        demand_refused(desk, f"at position {position} the store holds another entry")
        desk.store.close()
        with pytest.raises(Refused, match=f"at position {position} "):
            copies.repair(desk.path, desk.log, NOW)
        desk.store = SqliteStore(desk.path, RULES)
        desk.store._db.execute("UPDATE leaf SET entry = ? WHERE position = ?", (was, position))
    desk.store._db.execute("DELETE FROM leaf WHERE position = 300")
    demand_refused(desk, "at position 300 ")


def test_a_store_whose_end_was_cut_off_is_refused(desk: Desk) -> None:
    desk.publish("school", ["anna", "bert"])
    desk.show()
    desk.store._db.execute("DELETE FROM leaf WHERE position = 3")
    demand_refused(desk, "holds 3 entries of the log and 4 were published.*raakvlak-index repair")


def test_a_published_log_that_is_missing_foreign_or_damaged_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.publish("school", [f"person {number}" for number in range(300)])
    desk.show()
    log = tmp_path / "log"
    for name in ("entries", "bundles"):
        raw = (log / name).read_bytes()
        (log / name).unlink()
        demand_refused(desk, f"{name} is missing.*--log-lost")
        (log / name).write_bytes(raw[: len(raw) - 1])
        demand_refused(desk, f"{name} is cut off|differ|holds another entry")
        (log / name).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        if name != "bundles":
            demand_refused(desk, "holds another entry")
        (log / name).write_bytes(raw)
    with desk.reader() as reader:
        PublishedLog(log, ORIGIN, SEED).demand_continued(reader)
    with pytest.raises(Refused, match=r"is not this index's.*secrets that belong together"):
        PublishedLog(log, ORIGIN, SecretBytes(bytes(32)))
    with pytest.raises(Refused, match="is not this index's"):
        PublishedLog(log, "index.index.friesland.raakvlak", SEED)
    (log / "checkpoint").unlink()
    with pytest.raises(Refused, match=r"checkpoint is missing.*repair --log-lost"):
        PublishedLog(log, ORIGIN, SEED)


@pytest.mark.parametrize("damage", ["flipped", "cut off", "missing"])
@pytest.mark.parametrize(("level", "place", "number"), [(0, 5, 0), (0, -40, 2), (1, 20, 0)])
def test_a_damaged_hash_tile_is_named_and_made_anew(
    desk: Desk, tmp_path: Path, level: int, place: int, number: int, damage: str
) -> None:
    """A full tile of level 0 too, which is not on the way to the root."""
    desk.publish("school", [f"person {number}" for number in range(700)])
    desk.show()
    path = tmp_path / "log" / f"level-{level}"
    before = {each.name: each.read_bytes() for each in (tmp_path / "log").iterdir()}
    raw = bytearray(before[path.name])
    raw[place] ^= 1
    match damage:
        case "flipped":
            path.write_bytes(raw)
        case "cut off":
            path.write_bytes(raw[:place])
        case _:
            path.unlink()
            number = 0
    demand_refused(desk, f"level-{level} is missing or damaged at tile {number}: run 'raakvlak-index repair'")
    desk.store.close()
    assert copies.repair(desk.path, desk.log, NOW, dry_run=True).tiles >= 1
    with pytest.raises(Refused, match="is missing or damaged"):
        desk._open()
    desk.store.close()
    assert copies.repair(desk.path, desk.log, NOW).tiles >= 1
    assert {each.name: each.read_bytes() for each in (tmp_path / "log").iterdir()} == before
    assert copies.repair(desk.path, desk.log, NOW).tiles == 0
    desk._open()


def test_hash_tiles_are_not_made_from_entries_that_were_changed(desk: Desk, tmp_path: Path) -> None:
    desk.publish("school", [f"person {number}" for number in range(300)])
    desk.show()
    entries, hashes = tmp_path / "log" / "entries", tmp_path / "log" / "level-0"
    raw = bytearray(entries.read_bytes())
    raw[-1] ^= 1
    entries.write_bytes(raw)
    before = hashes.read_bytes()
    with pytest.raises(Refused, match=r"entries does not lead to the root.*put the published log back from its copy"):
        copies.repair(desk.path, desk.log, NOW)
    assert hashes.read_bytes() == before


def test_of_two_processes_that_publish_the_second_stops_and_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    other = PublishedLog(tmp_path / "log", ORIGIN, SEED)
    desk.publish("school", ["anna"])
    desk.show()
    before = {path.name: path.read_bytes() for path in (tmp_path / "log").iterdir()}
    desk.publish("school", ["bert"])
    with desk.reader() as reader, pytest.raises(Refused, match=r"another process publishes.*one index alone"):
        other.extend(reader)
    assert {path.name: path.read_bytes() for path in (tmp_path / "log").iterdir()} == before
    with pytest.raises(Refused, match="never begun again"):
        PublishedLog.create(tmp_path / "log", ORIGIN, SEED)


def test_statements_covenants_and_epochs_follow_a_repair(desk: Desk, tmp_path: Path) -> None:
    copies.backup(desk.path, tmp_path / "copy", NOW)
    with desk.store.transaction():
        assert desk.store.keep_statement("holder", "2026-03-02", bytes(32))
        desk.store.keep_covenant(2, b"2" * 32)
        desk.store.keep_check(2, b"c" * 32)
    desk.show()
    desk.store.close()
    copies.restore(tmp_path / "copy", desk.path, desk.log, NOW, replace=True)
    desk._open()
    with desk.store.transaction():
        desk.store.keep_covenant(2, b"2" * 32)
        desk.store.keep_check(2, b"c" * 32)
        assert not desk.store.keep_statement("holder", "2026-03-02", bytes(32)), "it stands in the log"
        assert not desk.store.keep_statement("holder", "2026-03-02", bytes(32))
    assert len(desk.leaves()) == desk.log.size == 5
    with desk.store.transaction(), desk.store.step(), pytest.raises(Refused, match="can't be two of one day"):
        desk.store.keep_statement("holder", "2026-03-02", b"x" * 32)
    with desk.store.transaction(), desk.store.step(), pytest.raises(Refused, match="another holder's or for another day"):
        desk.store.keep_statement("holder", "2026-03-03", bytes(32))
