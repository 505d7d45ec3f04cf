"""What every store of the index promises (`store.Store`, `store.Reader`). Another store joins by a line in STORES."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from raakvlak_index.index import Pepper, Rules, Standing
from raakvlak_index.reading import SqliteReader
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Done, Event, Kind, Publication, QueueHealth, Reader, Store, Withdrawal, Witnessed
from raakvlak_protocol import entry
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused, Stale, Unavailable
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of, start_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MEMBERS = ("school", "town", "police", "stranger", "hub", "centre")
PEPPER = Pepper(SecretBytes(bytes(32)))
DIRECT = frozenset({"school", "town", "police"})
PARTNERS = {member: DIRECT - {member} for member in DIRECT}
KINDS = {
    "school": "education",
    "town": "municipality",
    "police": "police",
    "stranger": "shelter",
    "hub": "coordinator",
    "centre": "coordinator",
}
"""A coordinator serves every two of the others; a shelter sees nobody's matches directly."""
HIDDEN = Visibility.COORDINATOR
MONTH = month_of(NOW)

Open = Callable[[Path, Rules], tuple[Store, Callable[[], Reader]]]


def sqlite(folder: Path, rules: Rules) -> tuple[Store, Callable[[], Reader]]:
    path = folder / "store.db"
    if not path.exists():
        SqliteStore.create(path)
    return SqliteStore(path, rules), lambda: SqliteReader(path, rules)


STORES: dict[str, Open] = {"sqlite": sqlite}


def rules_of(event_cap: int = 1_000, coordinator: str = "hub") -> Rules:
    served = sorted(set(KINDS.values()) - {"coordinator"})
    serving = {frozenset((one, other)): coordinator for one in served for other in served}
    return Rules({1: PEPPER}, PARTNERS, event_cap, KINDS, serving)


def answer(done: Done) -> bytes:
    return bytes(done.was_there)


def digest(name: str) -> bytes:
    return name.encode().ljust(16, b".")


@dataclass
class Desk:
    """A store with the members' numbers, so that a test names only what it is about."""

    store: Store
    reader: Reader
    now: datetime = NOW
    sequences: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MEMBERS, 0))
    salts: random.Random = field(default_factory=lambda: random.Random(3))

    def do(self, verb: Callable[[], Any]) -> Any:
        with self.store.transaction(), self.store.step():
            return verb()

    def open(self, member: str) -> Standing:
        found: Standing = self.do(lambda: self.store.open(member, self.now))
        return found

    def publication(
        self,
        member: str,
        *names: str,
        sequence: int = 0,
        month: int = MONTH + 24,
        visibility: Visibility = Visibility.DIRECT,
    ) -> Publication:
        number = sequence or self.sequences[member] + 1
        hash = repr((member, number, names)).encode()
        digests = [digest(each) for each in names]
        salts = [self.salts.randbytes(entry.SALT_BYTES) for _ in names]
        head = entry.record_head(member, 1, month, visibility)
        leaves = [entry.published(salt, head + each) for salt, each in zip(salts, digests, strict=True)]
        return Publication(member, 1, 1, number, hash, visibility, digests, month, salts, leaves)

    def publish(
        self, member: str, *names: str, month: int = MONTH + 24, visibility: Visibility = Visibility.DIRECT
    ) -> list[bool]:
        write = self.publication(member, *names, month=month, visibility=visibility)
        found = self.do(lambda: self.store.publish(write, answer, self.now))
        self.sequences[member] += 1
        return [bool(each) for each in found]

    def withdraw(self, member: str, *names: str) -> list[bool]:
        number = self.sequences[member] + 1
        write = Withdrawal(member, 1, 1, number, repr(names).encode(), [digest(each) for each in names])
        found = self.do(lambda: self.store.withdraw(write, answer, self.now))
        self.sequences[member] += 1
        return [bool(each) for each in found]

    def events(self, member: str, after: int = 0) -> list[Event]:
        return list(self.reader.events(member, after, 10_000, 2**30).events)

    def kinds(self, member: str) -> list[Kind]:
        return [event.kind for event in self.events(member)]

    def rows(self, member: str) -> set[bytes]:
        return {row.digest for row in self.reader.inventory(member, b"", 10_000)}

    def matches(self, member: str) -> set[tuple[bytes, str]]:
        found = self.reader.matches(member, b"", 10_000)
        return {(PEPPER.referred(member, [match.reference])[0], match.other) for match in found}

    def post(self, member: str, match_id: bytes, number: int = 1, to: str = "") -> bool:
        return bool(self.do(lambda: self.store.post(member, 1, match_id, to, number, b"sealed", self.now)))

    def sweep(self) -> int:
        """For how many pairs there was something to do."""
        pairs = list(self.reader.unsettled(self.now))
        self.do(lambda: self.store.mediate(pairs, self.now))
        return len(pairs)

    def before(self, coordinator: str) -> set[tuple[bytes, str, str, str]]:
        """(match id, one, other, whose references were told) of what is before a coordinator now."""
        found = self.reader.mediations(coordinator, b"", 10_000)
        return {(each.match_id, each.one, each.other, asked(each.references)) for each in found}


def asked(references: bytes) -> str:
    """Whose references are told: of one, of the other, of both, or of none because the match is direct."""
    one, other = references[:16], references[16:]
    return " ".join(name for name, reference in (("one", one), ("other", other)) if any(reference)) or "direct"


@pytest.fixture(params=STORES)
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    opened: list[Store | Reader] = []

    def desk(event_cap: int = 1_000, fresh: bool = True, coordinator: str = "hub") -> Desk:
        store, reader = STORES[request.param](tmp_path, rules_of(event_cap, coordinator))
        found = Desk(store, reader())
        opened.extend((found.reader, found.store))
        if fresh:
            found.do(lambda: store.admit(MEMBERS, NOW))
            for member in MEMBERS:
                found.open(member)
        return found

    yield desk
    for each in opened:
        each.close()


@pytest.fixture
def desk(opening: Callable[..., Desk]) -> Desk:
    return opening()


def test_open_counts_generations_and_tells_the_last_write(desk: Desk) -> None:
    desk.publish("school", "anna")
    first: Standing = desk.open("school")
    assert (first.generation, first.sequence, first.answer) == (2, 1, b"\x00")
    assert first.request_hash == desk.publication("school", "anna", sequence=1).request_hash
    second: Standing = desk.open("town")
    assert (second.generation, second.sequence, second.answer, second.request_hash) == (2, 0, b"", b"")


def test_admitting_again_changes_nothing(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.do(lambda: desk.store.admit([*MEMBERS, "newcomer"], NOW))
    assert desk.open("school").sequence == 1
    assert desk.open("newcomer").generation == 1


def test_a_match_for_both_or_for_none(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.publish("stranger", "anna")
    desk.publish("town", "carla", "anna")
    assert desk.matches("school") == {(digest("anna"), "town")}
    assert desk.matches("town") == {(digest("anna"), "school")}
    assert desk.matches("stranger") == set()
    (one,), (other,) = desk.events("school"), desk.events("town")
    match_id = PEPPER.match_id(digest("anna"), "school", "town")
    assert one == Event(1, Kind.MATCH, match_id, "town", 1, 0, PEPPER.references("school", [digest("anna")])[0])
    assert other == Event(1, Kind.MATCH, match_id, "school", 1, 0, PEPPER.references("town", [digest("anna")])[0])


def test_a_write_is_carried_out_once_and_in_order(desk: Desk) -> None:
    desk.publish("town", "anna")
    write = desk.publication("school", "anna")
    for _ in range(2):
        assert desk.do(lambda: desk.store.publish(write, answer, NOW)) == b"\x00"
    assert desk.kinds("town") == [Kind.MATCH]
    for sequence, names in ((1, ["bert"]), (3, ["bert"]), (0, ["bert"])):
        wrong = desk.publication("school", *names, sequence=sequence or 99)
        with pytest.raises(Stale), desk.store.transaction():
            desk.store.publish(wrong, answer, NOW)
    assert desk.rows("school") == {digest("anna")}


def test_a_refused_step_leaves_the_others_of_its_transaction(desk: Desk) -> None:
    good, bad = desk.publication("school", "anna"), desk.publication("town", "anna", sequence=7)
    with desk.store.transaction():
        with desk.store.step():
            desk.store.publish(good, answer, NOW)
        with pytest.raises(Stale), desk.store.step():
            desk.store.publish(bad, answer, NOW)
    assert desk.rows("school") == {digest("anna")}
    assert desk.rows("town") == set()
    assert set(desk.store.touched) == set(), "nobody's queue changed"


def test_a_transaction_that_breaks_off_changes_nothing(desk: Desk) -> None:
    desk.publish("school", "anna")

    def breaks(done: Done) -> bytes:
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        desk.do(lambda: desk.store.publish(desk.publication("town", "anna"), breaks, NOW))
    assert desk.rows("town") == set()
    assert desk.events("school") == []
    assert desk.publish("town", "anna") == [False]


def test_touched_tells_whose_queue_changed(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.publish("town", "anna", "bert")
    assert desk.store.touched == {"school": 2, "town": 2}
    desk.publish("police", "carla")
    assert desk.store.touched == {}


def test_withdrawing(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.publish("town", "anna")
    match_id = desk.events("school")[0].match_id
    assert desk.post("school", match_id)
    assert desk.withdraw("town", "anna", "bert") == [True, False]
    assert desk.kinds("school") == [Kind.MATCH, Kind.MATCH_ENDED]
    assert desk.kinds("town") == [Kind.MATCH, Kind.VOID, Kind.MATCH_ENDED]
    assert desk.events("town")[1] == Event(2, Kind.VOID)
    assert desk.matches("school") == set()
    assert desk.rows("school") == {digest("anna"), digest("bert")}
    assert not desk.post("school", match_id)


def test_letters_and_acknowledging(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.publish("town", "anna")
    match_id = desk.events("school")[0].match_id
    assert desk.post("school", match_id, 1)
    assert desk.post("school", match_id, 1)
    assert not desk.post("police", match_id, 1)
    assert desk.events("town")[1:] == [Event(2, Kind.LETTER, match_id, "school", 0, 1, b"sealed")]
    assert desk.do(lambda: desk.store.acknowledge("town", 1, 1, NOW)) == 1
    assert [event.number for event in desk.events("town")] == [2]
    with pytest.raises(Malformed):
        desk.do(lambda: desk.store.acknowledge("town", 1, 3, NOW))
    for number in range(2, 17):
        desk.post("school", match_id, number)
    with pytest.raises(Unavailable):
        desk.post("school", match_id, 17)


def test_every_verb_of_an_old_generation_is_stale(desk: Desk) -> None:
    desk.open("school")
    withdrawal = Withdrawal("school", 1, 1, 1, b"", [digest("anna")])
    verbs: list[Callable[[], Any]] = [
        lambda: desk.store.publish(desk.publication("school", "anna"), answer, NOW),
        lambda: desk.store.withdraw(withdrawal, answer, NOW),
        lambda: desk.store.watch("school", 1, 0, NOW),
        lambda: desk.store.acknowledge("school", 1, 0, NOW),
        lambda: desk.store.post("school", 1, bytes(16), "", 1, b"sealed", NOW),
        lambda: desk.store.begin_replay("school", 1, NOW),
    ]
    for verb in verbs:
        with pytest.raises(Stale):
            desk.do(verb)


def test_events_are_read_in_batches(desk: Desk) -> None:
    names = [f"person {number}" for number in range(10)]
    desk.publish("school", *names)
    desk.publish("town", *names)
    first = desk.reader.events("school", 0, 4, 2**20)
    assert ([event.number for event in first.events], first.newest, first.generation) == ([1, 2, 3, 4], 10, 1)
    assert [event.number for event in desk.reader.events("school", 8, 100, 2**20).events] == [9, 10]
    assert len(desk.reader.events("school", 0, 100, 0).events) == 1, "one at least, however large"


def test_inventory_and_matches_in_pages(desk: Desk) -> None:
    names = [f"person {number}" for number in range(7)]
    desk.publish("school", *names)
    desk.publish("town", *names)
    rows, last = [], b""
    while page := desk.reader.inventory("school", last, 3):
        rows += page
        last = page[-1].digest
    assert {row.digest for row in rows} == {digest(name) for name in names}
    assert len(rows) == 7
    assert {(row.epoch, row.removal_month, row.visibility) for row in rows} == {(1, MONTH + 24, 1)}
    ids, last = [], b""
    while found := desk.reader.matches("town", last, 3):
        ids += found
        last = found[-1].match_id
    assert len({match.match_id for match in ids}) == len(ids) == 7


def test_a_gap_gets_a_number_to_go_on_from(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.publish("town", "anna")
    assert desk.do(lambda: desk.store.watch("school", 1, 0, NOW)) is False
    desk.do(lambda: desk.store.acknowledge("school", 1, 1, NOW))
    for _ in range(2):
        assert desk.do(lambda: desk.store.watch("school", 1, 0, NOW)) is True
    assert desk.events("school") == [Event(2, Kind.VOID)]
    with pytest.raises(Refused):
        desk.do(lambda: desk.store.watch("school", 1, 3, NOW))


def test_removal_takes_what_is_due_and_no_more(desk: Desk) -> None:
    desk.publish("school", "anna", month=MONTH + 1)
    desk.publish("town", "anna", "bert", month=MONTH + 2)
    desk.now = start_of(MONTH + 1)
    due = desk.reader.due(MONTH + 1, None, 100)
    assert [each.digest for each in due] == [digest("anna")]
    assert desk.reader.due(MONTH + 1, due[-1], 100) == []
    everything = desk.reader.due(MONTH + 9, None, 100)
    assert len(everything) == 3
    assert desk.do(lambda: desk.store.remove(everything, desk.now)) == 1, "asked again at the moment of removal"
    assert desk.rows("school") == set()
    assert desk.rows("town") == {digest("anna"), digest("bert")}
    assert desk.kinds("town") == [Kind.MATCH, Kind.MATCH_ENDED]


def test_both_rows_of_a_match_removed_at_once_end_it_once(desk: Desk) -> None:
    desk.publish("school", "anna", month=MONTH + 1)
    desk.publish("town", "anna", month=MONTH + 1)
    desk.now = start_of(MONTH + 1)
    assert desk.do(lambda: desk.store.remove(desk.reader.due(MONTH + 1, None, 100), desk.now)) == 2
    assert desk.kinds("town") == desk.kinds("school") == [Kind.MATCH, Kind.MATCH_ENDED]


def test_rows_of_a_begun_month_match_nobody(desk: Desk) -> None:
    desk.publish("school", "anna", month=MONTH + 1)
    desk.now = start_of(MONTH + 1)
    assert desk.publish("town", "anna") == [False]
    assert desk.events("school") == desk.events("town") == []


def test_lapsing(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.publish("town", "anna")
    match_id = desk.events("school")[0].match_id
    desk.post("school", match_id, 4)
    later = NOW + timedelta(days=31)
    assert desk.do(lambda: desk.store.lapse(NOW + timedelta(days=30), 10)) == 0
    assert desk.do(lambda: desk.store.lapse(later, 10)) == 1
    assert desk.do(lambda: desk.store.lapse(later, 10)) == 0
    assert desk.kinds("town") == [Kind.MATCH, Kind.VOID]
    assert desk.events("school")[1] == Event(2, Kind.LETTER_LAPSED, match_id, "town", 0, 4)


def test_suspension_and_forgetting(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.now = NOW + timedelta(days=31)
    desk.publish("town", "anna")
    assert desk.matches("town") == set()
    desk.do(lambda: desk.store.seen("school", desk.now))
    assert desk.matches("town") == {(digest("anna"), "school")}
    desk.now += timedelta(days=91)
    desk.do(lambda: desk.store.seen("town", desk.now))
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 1)) == {"school": 1}
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 1)) == {"school": 1}
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 1)) == {}
    assert desk.rows("school") == set()
    assert desk.kinds("town") == [Kind.MATCH, Kind.MATCH_ENDED]


def test_a_full_queue_waits_for_its_replay(opening: Callable[..., Desk]) -> None:
    desk = opening(event_cap=2)
    desk.publish("school", "anna", "bert", "carla")
    desk.publish("town", "anna", "bert", "carla")
    assert len(desk.events("school")) == len(desk.events("town")) == 2
    assert desk.reader.events("school", 0, 1, 1).replay_needed > 0
    for member in ("school", "town"):
        with desk.store.transaction():
            desk.store.acknowledge(member, 1, 2, NOW)
    needed = desk.do(lambda: desk.store.begin_replay("school", 1, NOW))
    assert len(desk.matches("school")) == len(desk.matches("town")) == 3
    desk.do(lambda: desk.store.end_replay("school", needed))
    assert desk.reader.events("school", 0, 1, 1).replay_needed == 0
    desk.do(lambda: desk.store.end_replay("town", 99))
    assert desk.reader.events("town", 0, 1, 1).replay_needed > 0, "marked again since: the mark stays"


def test_what_was_written_is_there_for_the_next_process(opening: Callable[..., Desk]) -> None:
    first = opening()
    first.publish("school", "anna")
    first.publish("town", "anna")
    first.do(lambda: first.store.keep_check(1, b"check"))
    first.reader.close()
    first.store.close()
    second = opening(fresh=False)
    assert second.matches("school") == {(digest("anna"), "town")}
    assert second.kinds("town") == [Kind.MATCH]
    assert second.open("school").generation == 2
    assert second.reader.checks() == {1: b"check"}
    assert second.reader.epochs_with_rows() == {1}


def test_status_counts_and_names_no_row(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.publish("town", "anna", month=MONTH + 2)
    desk.post("school", desk.events("school")[0].match_id)
    found = desk.reader.status(NOW)
    assert (found["rows"], found["events"], found["letters"], found["matches"]) == (3, 3, 1, 1)
    assert found["bytes"] > 0
    school = next(each for each in found["members"] if each["id"] == "school")
    assert (school["rows"], school["waiting"], school["generation"], school["suspended"]) == (2, 1, 1, False)
    assert found["next_removals"] == [
        {"month": "2026-05", "rows": 1, "overdue": False},
        {"month": "2028-03", "rows": 2, "overdue": False},
    ]
    assert found["alarms"] == []
    assert digest("anna").hex() not in repr(found)
    suspended = desk.reader.status(NOW + timedelta(days=40))
    assert len(suspended["alarms"]) == 2


@pytest.mark.parametrize("seed", range(5))
def test_any_history_leaves_what_an_oracle_expects(opening: Callable[..., Desk], seed: int) -> None:
    """Random publications and withdrawals: the current matches are those of the rows that stand, and so are the
    matches that each side makes of its events."""
    desk, choice = opening(event_cap=10_000), random.Random(seed)
    names = [f"person {number}" for number in range(12)]
    standing: dict[str, set[str]] = {member: set() for member in DIRECT}
    for _ in range(60):
        member, some = choice.choice(sorted(DIRECT)), choice.sample(names, choice.randint(1, 5))
        if choice.random() < 0.6:
            assert desk.publish(member, *some) == [name in standing[member] for name in some]
            standing[member] |= set(some)
        else:
            assert desk.withdraw(member, *some) == [name in standing[member] for name in some]
            standing[member] -= set(some)
    for member in DIRECT:
        expected = {(digest(name), other) for other in DIRECT - {member} for name in standing[member] & standing[other]}
        assert desk.rows(member) == {digest(name) for name in standing[member]}
        assert desk.matches(member) == expected
        told: dict[bytes, tuple[bytes, str]] = {}
        for number, event in enumerate(desk.events(member), 1):
            assert event.number == number
            if event.kind is Kind.MATCH:
                assert event.match_id not in told
                told[event.match_id] = (PEPPER.referred(member, [event.content])[0], event.other)
            else:
                del told[event.match_id]
        assert set(told.values()) == expected


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """On SQLite: pages that the file may not have stand for a disk that is full."""
    rules = Rules({1: PEPPER}, PARTNERS)
    store, reader = sqlite(tmp_path, rules)
    assert isinstance(store, SqliteStore)
    desk = Desk(store, reader())
    with closing(desk.store), closing(desk.reader):
        desk.do(lambda: store.admit(MEMBERS, NOW))
        desk.do(lambda: store.open("school", NOW))
        desk.publish("school", "anna")
        (pages,) = store._db.execute("PRAGMA page_count").fetchone()
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unavailable, match="changed nothing"):
            desk.publish("school", *(f"person {number}" for number in range(2_000)))
        assert desk.rows("school") == {digest("anna")}
        store._db.execute("PRAGMA max_page_count = 1000000")
        assert desk.publish("school", "bert") == [False]
        assert sqlite3.sqlite_version_info >= (3, 37), "for STRICT tables"


# --- what only a coordinator hears -------------------------------------------------------------------------------------


def match(name: str, one: str, other: str) -> bytes:
    return PEPPER.match_id(digest(name), one, other)


def test_a_match_of_a_row_that_is_kept_back_is_told_to_the_coordinator_alone(desk: Desk) -> None:
    desk.publish("police", "anna", "bert", visibility=HIDDEN)
    desk.publish("school", "anna", "carla")
    assert desk.store.touched == {}
    assert desk.events("hub") == [], "nothing of it happens while somebody publishes"
    assert desk.sweep() == 1
    assert desk.store.touched == {"hub": 1}
    reference = PEPPER.references("police", [digest("anna")])[0]
    found = match("anna", "police", "school")
    assert desk.events("hub") == [Event(1, Kind.MEDIATION, found, "police", 1, 0, reference + bytes(16), "school")]
    assert desk.before("hub") == {(found, "police", "school", "one")}
    assert desk.events("police") == desk.events("school") == desk.events("centre") == []
    assert desk.matches("police") == desk.matches("school") == set()
    assert desk.sweep() == 0, "told once"


def test_whose_row_is_asked_for(desk: Desk) -> None:
    for member, visibility in (("police", HIDDEN), ("town", HIDDEN), ("stranger", Visibility.DIRECT)):
        desk.publish(member, "anna", visibility=visibility)
    desk.publish("school", "anna")
    desk.sweep()
    told = {(one, other, asked) for _, one, other, asked in desk.before("hub")}
    assert told == {
        ("police", "town", "one other"),
        ("police", "stranger", "one"),
        ("police", "school", "one"),
        ("school", "town", "other"),
        ("stranger", "town", "other"),
        ("school", "stranger", "one other"),
    }, "both where only their kinds stand between them"


def test_a_row_that_stands_keeps_its_visibility(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.publish("police", "anna")
    assert desk.publish("police", "anna", visibility=HIDDEN) == [True]
    assert desk.sweep() == 0
    assert desk.matches("police") == {(digest("anna"), "school")}
    desk.publish("town", "bert", visibility=HIDDEN)
    assert desk.publish("town", "bert") == [True]
    desk.publish("school", "bert")
    desk.sweep()
    assert [asked for *_, asked in desk.before("hub")] == ["other"]


@pytest.mark.parametrize("swept_between", [False, True])
def test_release_makes_it_an_ordinary_match_and_taking_it_back_the_reverse(desk: Desk, swept_between: bool) -> None:
    found = match("anna", "police", "school")
    desk.publish("school", "anna")
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.sweep()
    desk.withdraw("police", "anna")
    if swept_between:
        desk.sweep()
    desk.publish("police", "anna")
    assert desk.kinds("school") == desk.kinds("police") == [Kind.MATCH]
    desk.sweep()
    assert desk.kinds("hub") == [Kind.MEDIATION, Kind.MATCH_ENDED]
    assert desk.before("hub") == set() and desk.matches("school") == {(digest("anna"), "police")}
    desk.withdraw("police", "anna")
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.sweep()
    assert desk.kinds("school") == desk.kinds("police") == [Kind.MATCH, Kind.MATCH_ENDED]
    assert desk.before("hub") == {(found, "police", "school", "one")}


def test_the_end_of_a_match_that_only_a_coordinator_knows_is_told_to_it_alone(desk: Desk) -> None:
    for member, visibility in (("police", HIDDEN), ("town", HIDDEN), ("school", Visibility.DIRECT)):
        desk.publish(member, "anna", visibility=visibility)
    desk.sweep()
    desk.withdraw("school", "anna")
    assert desk.store.touched == {}
    assert desk.sweep() == 2
    assert desk.kinds("hub").count(Kind.MATCH_ENDED) == 2
    assert desk.before("hub") == {(match("anna", "police", "town"), "police", "town", "one other")}
    assert desk.events("school") == desk.events("police") == desk.events("town") == []


def test_rows_whose_month_has_begun_are_before_nobody(desk: Desk) -> None:
    desk.publish("police", "anna", visibility=HIDDEN, month=MONTH + 1)
    desk.publish("school", "anna")
    desk.sweep()
    desk.now = start_of(MONTH + 1)
    desk.sweep()
    assert desk.kinds("hub") == [Kind.MEDIATION, Kind.MATCH_ENDED]
    assert desk.sweep() == 0


@pytest.mark.parametrize("silent", ["police", "school", "hub"])
def test_where_one_of_the_three_is_silent_it_waits(desk: Desk, silent: str) -> None:
    desk.now = NOW + timedelta(days=31)
    for member in {"police", "school", "hub"} - {silent}:
        desk.do(partial(desk.store.seen, member, desk.now))
    desk.now = NOW
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.publish("school", "anna")
    desk.now = NOW + timedelta(days=31)
    assert desk.sweep() == 0 and desk.before("hub") == set()
    desk.do(lambda: desk.store.seen(silent, desk.now))
    assert desk.sweep() == 1 and len(desk.before("hub")) == 1


def test_a_full_queue_of_a_coordinator_loses_nothing(opening: Callable[..., Desk]) -> None:
    desk = opening(event_cap=2)
    desk.publish("police", "1", "2", "3", visibility=HIDDEN)
    desk.publish("school", "1", "2", "3")
    assert (desk.sweep(), desk.sweep()) == (3, 1)
    waiting = desk.reader.events("hub", 0, 10, 1000)
    assert (len(waiting.events), waiting.replay_needed) == (2, 1), "marked once, however often it was tried"
    assert desk.reader.queues(NOW) == QueueHealth(0, 0), "the queue of a coordinator is in no count that others see"
    desk.do(lambda: desk.store.acknowledge("hub", 1, 2, NOW))
    needed = desk.do(lambda: desk.store.begin_replay("hub", 1, NOW))
    assert len(desk.before("hub")) == 2
    desk.do(lambda: desk.store.end_replay("hub", needed))
    desk.sweep()
    assert len(desk.before("hub")) == 3 and [event.number for event in desk.events("hub")] == [3]


def test_a_side_brings_a_direct_match_before_its_coordinator(desk: Desk) -> None:
    found = match("anna", "school", "town")
    desk.publish("school", "anna")
    desk.publish("town", "anna")
    assert not desk.post("hub", found, to="school"), "before it was brought it knows of none"
    assert desk.post("town", found, 1, to="hub") and desk.post("town", found, 1, to="hub")
    assert desk.events("hub") == [
        Event(1, Kind.MEDIATION, found, "school", 1, 0, b"", "town"),
        Event(2, Kind.LETTER, found, "town", 0, 1, b"sealed"),
    ]
    assert desk.before("hub") == {(found, "school", "town", "direct")}
    assert desk.post("school", found, 1, to="hub") and desk.kinds("hub").count(Kind.MEDIATION) == 1
    assert desk.post("hub", found, 1, to="school") and desk.post("hub", found, 1, to="town")
    assert desk.events("school")[1] == Event(2, Kind.LETTER, found, "hub", 0, 1, b"sealed")
    assert desk.post("town", found, 1), "numbers are counted for each receiver"
    with pytest.raises(NotPermitted, match="hub is"):
        desk.post("town", found, 2, to="centre")
    with pytest.raises(NotPermitted):
        desk.post("hub", found, 2, to="police")
    assert not desk.post("police", found, 2, to="hub") and not desk.post("centre", found, 2, to="school")
    assert not desk.post("hub", found, 2), "a coordinator names to whom it writes"
    assert desk.sweep() == 0
    desk.withdraw("school", "anna")
    assert desk.kinds("hub") == [Kind.MEDIATION, Kind.VOID, Kind.VOID, Kind.MATCH_ENDED]
    assert desk.kinds("school") == [Kind.MATCH, Kind.VOID, Kind.VOID, Kind.MATCH_ENDED]
    assert desk.before("hub") == set()
    assert not desk.post("hub", found, 3, to="town") and not desk.post("town", found, 3, to="hub")


def test_a_match_that_is_brought_while_its_release_was_not_swept_yet(desk: Desk) -> None:
    found = match("anna", "police", "school")
    desk.publish("school", "anna")
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.sweep()
    desk.post("hub", found, to="police")
    desk.withdraw("police", "anna")
    assert not desk.post("hub", found, 2, to="police"), "the row is gone, swept or not"
    assert not desk.post("police", found, 1, to="hub")
    desk.publish("police", "anna")
    assert desk.post("school", found, 1) and desk.post("police", found, 1)
    assert desk.post("school", found, 1, to="hub")
    assert desk.kinds("hub") == [Kind.MEDIATION, Kind.MATCH_ENDED, Kind.MEDIATION, Kind.LETTER]
    assert desk.kinds("police") == [Kind.VOID, Kind.MATCH, Kind.LETTER], "the letters of the two sides stay"
    assert desk.before("hub") == {(found, "police", "school", "direct")}
    assert desk.sweep() == 0


def test_letters_of_a_match_that_only_a_coordinator_knows(desk: Desk) -> None:
    found = match("anna", "police", "school")
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.publish("school", "anna")
    desk.sweep()
    for member in ("police", "school"):
        assert not desk.post(member, found, to="hub"), "nobody may answer who was not asked"
        assert not desk.post(member, found)
    with pytest.raises(NotPermitted):
        desk.post("hub", found, to="school")
    assert desk.post("hub", found, 1, to="police") and desk.post("police", found, 1, to="hub")
    assert not desk.post("school", found, 1, to="hub") and not desk.post("centre", found, 1, to="police")
    assert desk.kinds("police") == [Kind.LETTER] and desk.kinds("hub") == [Kind.MEDIATION, Kind.LETTER]
    later = NOW + timedelta(days=31)
    assert desk.do(lambda: desk.store.lapse(later, 10)) == 2
    assert desk.events("police")[1] == Event(2, Kind.LETTER_LAPSED, found, "hub", 0, 1)
    assert desk.events("hub")[2] == Event(3, Kind.LETTER_LAPSED, found, "police", 0, 1)
    assert desk.post("police", found, 1, to="hub") and desk.post("hub", found, 1, to="police")
    desk.withdraw("school", "anna")
    assert Kind.LETTER in desk.kinds("police")
    desk.sweep()
    assert Kind.LETTER not in desk.kinds("police") + desk.kinds("hub")
    assert Kind.MATCH_ENDED not in desk.kinds("police")


def test_another_coordinator_takes_over(opening: Callable[..., Desk]) -> None:
    first = opening()
    first.publish("police", "anna", "bert", visibility=HIDDEN)
    first.publish("school", "anna", "carla")
    first.publish("town", "carla")
    first.sweep()
    brought = match("carla", "school", "town")
    assert first.post("town", brought, to="hub") and first.post("hub", brought, to="school")
    first.reader.close()
    first.store.close()
    second = opening(fresh=False, coordinator="centre")
    assert not second.post("hub", match("anna", "police", "school"), to="police")
    assert not second.post("hub", brought, 2, to="school")
    assert second.sweep() == 2, "both end, and one of them begins anew"
    assert second.before("hub") == set()
    assert second.before("centre") == {(match("anna", "police", "school"), "police", "school", "one")}
    assert second.kinds("hub").count(Kind.MATCH_ENDED) == 2 and Kind.LETTER not in second.kinds("hub")
    assert second.kinds("school") == [Kind.MATCH, Kind.VOID]
    with pytest.raises(NotPermitted):
        second.post("town", brought, 2, to="hub")
    assert second.post("town", brought, 2, to="centre")
    assert second.sweep() == 0


def test_what_a_coordinator_that_left_was_told_goes_with_it(desk: Desk) -> None:
    found = match("anna", "police", "school")
    desk.publish("police", "anna", visibility=HIDDEN)
    desk.publish("school", "anna")
    desk.sweep()
    desk.post("hub", found, to="police")
    assert desk.do(lambda: desk.store.dismiss("hub", [])) == 0
    assert desk.events("hub") == [] and desk.kinds("police") == [Kind.VOID]
    assert desk.reader.mediations("hub", b"", 10) == []


def test_a_coordinator_that_is_long_silent_keeps_its_matches_and_who_wrote_to_it_knows(desk: Desk) -> None:
    found = match("carla", "school", "town")
    desk.publish("school", "carla")
    desk.publish("town", "carla")
    desk.now = NOW + timedelta(days=91)
    for member in ("school", "town"):
        desk.do(partial(desk.store.seen, member, desk.now))
    assert desk.post("town", found, to="hub")
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 10)) == {}
    assert desk.events("hub") == [] and desk.events("town")[-1].kind is Kind.LETTER_LAPSED
    assert desk.reader.events("hub", 0, 1, 1).replay_needed == 1
    assert desk.before("hub") == {(found, "school", "town", "direct")}
    assert desk.post("town", found, to="hub"), "it may be posted again"


@pytest.mark.parametrize("seed", range(5))
def test_any_history_leaves_with_the_coordinator_what_an_oracle_expects(opening: Callable[..., Desk], seed: int) -> None:
    """Random publications, releases and withdrawals with sweeps in between: the sides have the matches of their direct
    rows and never another event, the coordinator has all others, and its own events tell the same."""
    desk, choice = opening(event_cap=10_000), random.Random(seed)
    names = [f"person {number}" for number in range(8)]
    standing: dict[str, dict[str, Visibility]] = {member: {} for member in (*DIRECT, "stranger")}
    for _ in range(80):
        member, some = choice.choice(sorted(standing)), choice.sample(names, choice.randint(1, 4))
        if choice.random() < 0.6:
            visibility = choice.choice([Visibility.DIRECT, HIDDEN])
            desk.publish(member, *some, visibility=visibility)
            standing[member] = dict.fromkeys(some, visibility) | standing[member]
        else:
            desk.withdraw(member, *some)
            standing[member] = {name: how for name, how in standing[member].items() if name not in some}
        if choice.random() < 0.3:
            desk.sweep()
    desk.sweep()
    assert desk.sweep() == 0
    expected = set()
    for one, other in ((one, other) for one in standing for other in standing if one < other):
        for name in standing[one].keys() & standing[other].keys():
            how = (standing[one][name], standing[other][name])
            if HIDDEN in how or "stranger" in (one, other):
                told = {HIDDEN} if HIDDEN in how else {Visibility.DIRECT}
                who = " ".join(place for place, each in zip(("one", "other"), how, strict=True) if each in told)
                expected.add((match(name, one, other), one, other, who))
    assert desk.before("hub") == expected
    heard: dict[bytes, tuple[bytes, str, str, str]] = {}
    for event in desk.events("hub"):
        if event.kind is Kind.MEDIATION:
            assert event.match_id not in heard
            heard[event.match_id] = (event.match_id, event.other, event.another, asked(event.content))
        else:
            del heard[event.match_id]
    assert set(heard.values()) == expected
    for member in standing:
        shown = {name for name, how in standing[member].items() if how is Visibility.DIRECT}
        assert {Kind.MEDIATION} & set(desk.kinds(member)) == set()
        assert desk.matches(member) == {
            (digest(name), other)
            for other in PARTNERS.get(member, frozenset())
            for name in shown
            if standing[other].get(name) is Visibility.DIRECT
        }


# --- the log, and what is destroyed ------------------------------------------------------------------------------------


def test_answers_are_destroyed_after_a_day_and_the_sequence_stays(desk: Desk) -> None:
    desk.publish("school", "anna")
    write = desk.publication("school", "bert")
    for days, kept in ((1, True), (2, False)):
        desk.do(partial(desk.store.forget_answers, NOW + timedelta(days=days)))
        standing: Standing = desk.open("school")
        assert standing.sequence == 1
        assert (standing.request_hash != b"", standing.answer != b"") == (kept, kept)
    again = desk.publication("school", "anna", sequence=1)
    for each in (again, replace(again, request_hash=b"")):
        with pytest.raises(Stale):
            desk.do(partial(desk.store.publish, replace(each, generation=3), answer, NOW))
    desk.do(lambda: desk.store.publish(replace(write, generation=3), answer, NOW))


def test_the_answer_of_a_member_whose_row_lapsed_goes_with_it(desk: Desk) -> None:
    desk.publish("school", "anna", month=MONTH + 1)
    desk.publish("town", "bert")
    desk.now = start_of(MONTH + 1)
    assert desk.do(lambda: desk.store.remove(desk.reader.due(MONTH + 1, None, 10), desk.now)) == 1
    assert desk.open("school").answer == b""
    assert desk.open("town").answer != b""


def test_the_queue_of_a_forgotten_member_is_emptied_and_it_needs_a_replay(desk: Desk) -> None:
    desk.publish("school", "anna")
    desk.publish("town", "anna")
    desk.now = NOW + timedelta(days=91)
    desk.open("town")
    before = desk.reader.events("school", 0, 10, 1000)
    assert len(before.events) == 1
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 10)) == {"school": 1}
    after = desk.reader.events("school", 0, 10, 1000)
    assert (after.events, after.acknowledged) == ([], after.newest)
    assert after.newest > before.newest, "numbers that were given out are not given again"
    assert after.replay_needed == before.replay_needed + 1
    assert desk.do(lambda: desk.store.forget_silent(desk.now, 10)) == {}
    assert desk.reader.events("school", 0, 10, 1000).replay_needed == after.replay_needed
    assert desk.kinds("town") == [Kind.MATCH, Kind.MATCH_ENDED]


def test_of_a_witness_the_newest_is_kept(desk: Desk) -> None:
    def keep(size: int, seconds: int, text: bytes) -> bool:
        return bool(desk.do(lambda: desk.store.keep_cosigned("witness", size, NOW + timedelta(seconds=seconds), text)))

    assert desk.reader.cosigned("witness") is None
    assert keep(5, 0, b"first")
    assert not keep(4, 9, b"smaller")
    assert keep(5, 1, b"later")
    assert not keep(5, 0, b"earlier")
    assert keep(6, 0, b"larger")
    assert desk.reader.cosigned("witness") == b"larger"
    assert desk.reader.witnesses() == {"witness": Witnessed(6, NOW)}


def test_what_enters_the_log_enters_once(desk: Desk) -> None:
    for _ in range(2):
        desk.do(lambda: desk.store.keep_covenant(1, b"c" * 32))
        desk.do(lambda: desk.store.keep_check(1, b"p" * 32))
        desk.do(lambda: desk.store.keep_statement("holder", "2026-03-02", b"s" * 32))
    expected = [entry.covenant(1, b"c" * 32), entry.epoch(1, b"p" * 32), entry.statement(b"s" * 32)]
    assert desk.reader.leaves(0, 10) == expected
    for holder, day, hash in (("holder", "2026-03-02", b"t" * 32), ("other", "2026-03-02", b"s" * 32)):
        with pytest.raises(Refused):
            desk.do(partial(desk.store.keep_statement, holder, day, hash))
    assert desk.reader.log_size() == 3


def test_rows_stand_at_the_positions_of_their_leaves_and_are_opened_for_their_owner_only(desk: Desk) -> None:
    desk.publish("school", "anna", "bert")
    desk.publish("school", "bert", "carla")
    desk.withdraw("school", "anna")
    own = desk.reader.openings("school", [digest(name) for name in ("carla", "anna", "bert")])
    assert [each and each.position for each in own] == [2, None, 1]
    assert desk.reader.openings("town", [digest("carla")]) == [None]
    leaves = desk.reader.leaves(0, 10)
    assert leaves[3] == entry.removed(0)
    assert own[0] is not None
    record = entry.record("school", 1, own[0].removal_month, own[0].visibility, digest("carla"))
    assert leaves[2] == entry.published(own[0].salt, record)


def test_queues_tell_how_many_and_not_who(opening: Callable[..., Desk]) -> None:
    desk = opening(event_cap=5)
    assert desk.reader.queues(NOW) == QueueHealth(0, 0)
    desk.publish("school", "1", "2", "3", "4")
    desk.publish("town", "1", "2", "3", "4")
    assert desk.reader.queues(NOW) == QueueHealth(0, 2)
    assert desk.reader.queues(NOW + timedelta(days=31)).suspended == len(MEMBERS)


def test_a_store_that_is_written_anew_holds_no_copy_of_what_was_deleted(tmp_path: Path) -> None:
    """On SQLite: overwriting a deleted cell leaves older copies of it in the slack of pages that were rebalanced."""
    store, _ = sqlite(tmp_path, Rules({1: PEPPER}, PARTNERS))
    desk = Desk(store, SqliteReader(tmp_path / "store.db", Rules({1: PEPPER}, PARTNERS)))
    with closing(desk.store), closing(desk.reader):
        desk.do(lambda: store.admit(MEMBERS, NOW))
        desk.do(lambda: store.open("school", NOW))
        names = [f"{number:05}" for number in random.Random(1).sample(range(100_000), 4_000)]
        for place in range(0, len(names), 200):
            desk.publish("school", *names[place : place + 200])
            desk.withdraw("school", *names[max(0, place - 100) : place])
        gone = names[100:-200:200]
        desk.withdraw("school", *names[:3_000])
        desk.reader.scrub()
        before = (tmp_path / "store.db").stat().st_size
        desk.reader.rewrite()
        desk.reader.scrub()
        raw = (tmp_path / "store.db").read_bytes()
        assert len(raw) < before
        assert [name for name in gone if digest(name) in raw] == []
        assert digest(names[-1]) in raw
        desk.publish("school", "anna")
        assert {path.name for path in tmp_path.iterdir()} == {"store.db", "store.db-wal", "store.db-shm"}
