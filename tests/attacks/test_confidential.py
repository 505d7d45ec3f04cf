"""A confidential match, looked for by whoever publishes a single involvement at a quiet hour.

Two federations that differ in one thing: in the one the police has a confidential row of the very person whom the school
publishes, in the other of somebody else. The coordinator is told in between, asks the police, and hears of the end. The
attacker has all that the school receives, its numbers and sizes, and the whole published log with its checkpoints and
metrics. It finds no difference. The control, in which the row is not confidential, shows that the same comparison sees
an ordinary match at once.

Times are not compared, they vary by themselves; but that the index takes the same steps, statement by statement, is.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raakvlak_index import index
from raakvlak_index.index import Pepper
from raakvlak_index.reading import SqliteReader
from raakvlak_index.sqlite import SqliteStore
from raakvlak_index.store import Publication, Withdrawal
from raakvlak_protocol import entry
from raakvlak_protocol.errors import NotPermitted, Refused
from raakvlak_protocol.identifier import BSN
from raakvlak_protocol.party.web import Site
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import covenant_pb2
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.dictionary import keys_under, recovered
from tests.attacks.relay import Recorded, before_the_index
from tests.covenants import SHARE_NUMBERS, THRESHOLD, Sandbox, make_covenant
from tests.federation import Federation, case, federation
from tests.index.members import House, Member, house

SOUGHT, OTHER = "123456782", "111222333"
MEMBERS = {"school": "education", "police": "police", "coordinator": "coordinator"}
HIDDEN = Visibility.COORDINATOR


@dataclass(frozen=True)
class Seen:
    """What the attacker has: sizes of all that the school received, in order; the log; what the index shows of itself."""

    replies: Sequence[tuple[str, int]]
    events: Sequence[int]
    kinds: Sequence[int]
    checkpoint_lines: Sequence[str]
    metrics: Sequence[str]


def observed(folder: Path, person: str, visibility: Visibility) -> tuple[Seen, list[str | None]]:
    """One quiet hour: the police has a row of `person`, then the school publishes one of SOUGHT and withdraws it. And what
    the coordinator has heard, which the attacker does not see."""
    sandbox = make_covenant(members=MEMBERS)
    with federation(folder, sandbox) as running, _member(running, "police") as police, _member(running, "coordinator") as hub:
        keys = keys_under(recovered(_shares(sandbox)), sandbox.payload.id, person)
        police.send(police.signed([keys], visibility=visibility))
        running.index.publish_log()
        metrics = []
        with before_the_index(running) as between:
            running.nodes["school"].put_case(case("S-1", SOUGHT))
            for step in (lambda: None, lambda: _ask(running, hub), lambda: running.nodes["school"].drop_case("S-1")):
                step()
                running.settle("school")
                running.index.running.mediate()
                running.index.publish_log()
                metrics.append(_metrics(running))
            heard = [each for each in between.recorded if each.caller == "school" and each.part == "reply"]
        seen = Seen(
            [(each.method, len(each.raw)) for each in heard],
            _event_numbers(heard),
            _kinds(running.index.path),
            running.index.running.published.signed.checkpoint.text.split("\n")[:2],
            metrics,
        )
        return seen, hub.kinds()


def _shares(sandbox: Sandbox) -> dict[int, Scalar]:
    """So that the police's row can be published here without its node, under the very token."""
    return {number: sandbox.shares(number)[BSN, 1] for number in SHARE_NUMBERS[:THRESHOLD]}


@contextmanager
def _member(running: Federation, id: str) -> Iterator[Member]:
    member = Member(running.sandbox, id, running.index.address)
    member.open()
    yield member
    member.remote.close()


def _ask(running: Federation, coordinator: Member) -> None:
    for told in coordinator.before():
        assert coordinator.post(told.match_id, to="police")


def _event_numbers(heard: Sequence[Recorded]) -> list[int]:
    batches = [pb.EventBatch.FromString(each.raw) for each in heard if each.method == "Watch"]
    return [event.number for batch in batches for event in batch.events] + [batch.newest for batch in batches]


def _kinds(store: Path) -> list[int]:
    with closing(sqlite3.connect(store)) as connection:
        return [entry.parse(leaf).kind for (leaf,) in connection.execute("SELECT entry FROM leaf ORDER BY position")]


def _metrics(running: Federation) -> str:
    return shown_metrics(running.sandbox, running.index.log_address)


def shown_metrics(sandbox: Sandbox, address: str) -> str:
    covenant = sandbox.covenant
    with Site(address, covenant.index, covenant.roots_pem) as site:
        text = site.get("/metrics", limit=100_000).decode()
    return "\n".join(line for line in text.splitlines() if "second" not in line)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    seen, heard = observed(tmp_path_factory.mktemp("without"), OTHER, HIDDEN)
    assert heard == []
    return seen


def test_a_confidential_match_shows_nowhere(without: Seen, tmp_path: Path) -> None:
    seen, heard = observed(tmp_path, SOUGHT, HIDDEN)
    assert seen == without
    assert without.events and without.replies and len(without.kinds) > 3
    assert heard == ["mediation", "match_ended"], "there was one all the time"


def test_the_same_comparison_sees_an_ordinary_match_and_the_log_still_does_not(without: Seen, tmp_path: Path) -> None:
    told, heard = observed(tmp_path, SOUGHT, Visibility.DIRECT)
    assert told.replies != without.replies and max(told.events) > max(without.events)
    assert (told.kinds, told.checkpoint_lines) == (without.kinds, without.checkpoint_lines)
    assert heard == []


# --- the steps that the index takes ------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PEPPER = Pepper(SecretBytes(bytes(32)))
ANNA, BERT = b"anna".ljust(16, b"."), b"bert".ljust(16, b".")


class Steps:
    """A store of its own, and every statement that it carries out for the school; values are left out."""

    def __init__(self, folder: Path, hidden: bytes, visibility: Visibility) -> None:
        """In which the police has a row under this digest."""
        self.path = folder / "store.db"
        SqliteStore.create(self.path)
        self.rules = index.rules(make_covenant(members=MEMBERS).covenant, {1: PEPPER})
        self.store = SqliteStore(self.path, self.rules)
        self.taken: list[str] = []
        self.changed = 0
        with self.store.transaction():
            self.store.admit(list(MEMBERS), NOW)
            for member in MEMBERS:
                self.store.open(member, NOW)
            self._publish("police", 1, hidden, visibility)

    def _publish(self, member: str, sequence: int, digest: bytes, visibility: Visibility) -> None:
        leaf = entry.published(bytes(32), entry.record(member, 1, 340, visibility, digest))
        write = Publication(member, 1, 1, sequence, b"h" * 32, visibility, [digest], 340, [bytes(32)], [leaf])
        self.store.publish(write, lambda done: b"answer", NOW)

    def sweep(self) -> int:
        with closing(SqliteReader(self.path, self.rules)) as reader:
            pairs = list(reader.unsettled(NOW))
        with self.store.transaction():
            self.store.mediate(pairs, NOW)
        return len(pairs)

    def do(self, work: Callable[[], object]) -> None:
        db, before = self.store._db, self.store._db.total_changes
        db.set_trace_callback(lambda text: self.taken.append(re.sub(r"X'[0-9A-F]*'|\b\d+\b", "?", text)))
        with self.store.transaction(), self.store.step():
            work()
        db.set_trace_callback(None)
        self.changed += db.total_changes - before

    def quiet_hour(self) -> tuple[list[str], int]:
        """The school's calls, with sweeps in between."""
        store, match_id = self.store, PEPPER.match_id(ANNA, "police", "school")
        self.do(lambda: self._publish("school", 1, ANNA, Visibility.DIRECT))
        self.sweep()
        self.do(lambda: self._publish("school", 2, ANNA, Visibility.DIRECT))
        self.do(lambda: store.watch("school", 1, 0, NOW))
        self.do(lambda: store.begin_replay("school", 1, NOW))
        self.do(lambda: store.post("school", 1, match_id, "", 1, bytes(1024), NOW))
        self.do(lambda: store.withdraw(Withdrawal("school", 1, 1, 3, b"h" * 32, [ANNA]), lambda done: b"answer", NOW))
        return self.taken, self.changed


def test_the_index_takes_the_same_steps_with_a_confidential_match_and_without(tmp_path: Path) -> None:
    found = {}
    for name, hidden, visibility in (
        ("match", ANNA, HIDDEN),
        ("none", BERT, HIDDEN),
        ("direct", ANNA, Visibility.DIRECT),
    ):
        folder = tmp_path / name
        folder.mkdir()
        steps = Steps(folder, hidden, visibility)
        with closing(steps.store):
            found[name] = steps.quiet_hour()
            assert steps.sweep() == (name == "match"), "its end is for the sweep to tell"
    assert found["match"] == found["none"]
    assert found["direct"] != found["none"] and found["direct"][1] > found["none"][1]


@pytest.mark.parametrize("hidden", [ANNA, BERT])
def test_a_letter_to_the_coordinator_changes_nothing_where_a_side_may_not_know(tmp_path: Path, hidden: bytes) -> None:
    """A match id that the school has from earlier days, with such a match again and without."""
    steps = Steps(tmp_path, hidden, HIDDEN)
    match_id = PEPPER.match_id(ANNA, "police", "school")
    with closing(steps.store):
        steps.do(lambda: steps._publish("school", 1, ANNA, Visibility.DIRECT))
        assert steps.sweep() == (hidden == ANNA)
        steps.taken.clear()
        steps.changed = 0
        steps.do(lambda: steps.store.post("school", 1, match_id, "coordinator", 1, bytes(1024), NOW))
        assert steps.changed == 0
        assert {each.split()[0] for each in steps.taken} == {"BEGIN", "SAVEPOINT", "SELECT", "RELEASE", "COMMIT"}


# --- who tries to find out, or to be told ------------------------------------------------------------------------------


def _two_coordinators(payload: covenant_pb2.Covenant) -> None:
    del payload.coordination[:]
    payload.coordination.add(coordinator="coordinator", kinds=["education", "police", "shelter"])
    payload.coordination.add(coordinator="care", kinds=["education", "municipality"])


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    members = MEMBERS | {"town": "municipality", "shelter": "shelter", "care": "coordinator"}
    return make_covenant(members=members, change=_two_coordinators)


@pytest.fixture
def running(sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with house(sandbox, tmp_path / "index") as found:
        yield found


def once_direct(running: House) -> bytes:
    """The id of a match of school and police that has ended: the police has withdrawn its row."""
    school, police = running.member("school"), running.member("police")
    school.publish("anna")
    references = police.publish("anna").references
    match_id = school.matches()[0].match_id
    police.withdraw(references)
    return bytes(match_id)


def probe(member: Member, match_id: bytes) -> list[bool]:
    """Every way in which a member can ask after a match by its id."""
    return [member.post(match_id), member.post(match_id, to="coordinator"), member.post(match_id, to="care")]


def test_a_side_learns_nothing_from_a_match_id_of_earlier_days(running: House) -> None:
    match_id = once_direct(running)
    school, police, coordinator = (running.member(each) for each in ("school", "police", "coordinator"))
    assert probe(school, match_id) == [False] * 3
    before = len(school.events())
    police.publish("anna", visibility=HIDDEN)
    assert probe(school, match_id) == [False] * 3
    running.mediate()
    assert coordinator.mediations()[0].match_id == match_id
    assert probe(school, match_id) == probe(police, match_id) == [False] * 3, "nor the side that was not asked yet"
    assert coordinator.post(match_id, to="police") and police.post(match_id, to="coordinator")
    assert probe(school, match_id) == [False] * 3
    assert len(school.events()) == before
    assert coordinator.kinds() == ["mediation", "letter"]


def test_a_coordinator_writes_to_nobody_whom_it_may_not_ask(running: House) -> None:
    police, school, coordinator = (running.member(each) for each in ("police", "school", "coordinator"))
    school.publish("anna")
    police.publish("anna", visibility=HIDDEN)
    running.mediate()
    match_id = coordinator.mediations()[0].match_id
    for to in ("school", "town"):
        with pytest.raises(NotPermitted, match="no side of this match that you may write to"):
            coordinator.post(match_id, to=to)
    assert coordinator.post(bytes(16), to="school") is False
    with pytest.raises(Refused, match="no coordinator"):
        coordinator.publish("anna", visibility=HIDDEN)
    coordinator.publish("anna")
    running.mediate()
    assert school.events() == [] and running.member("town").events() == []
    assert len(coordinator.events()) == 1, "its own row meets nobody's"


def test_a_coordinator_of_other_kinds_hears_nothing_and_may_write_to_nobody(running: House) -> None:
    police, school, care = (running.member(each) for each in ("police", "school", "care"))
    match_id = once_direct(running)
    police.publish("anna", visibility=HIDDEN)
    running.mediate()
    assert care.events() == [] and care.before() == []
    assert [care.post(match_id), care.post(match_id, to="police"), care.post(match_id, to="school")] == [False] * 3
    police.withdraw([each.reference for each in police.inventory()])
    police.publish("anna")
    with pytest.raises(NotPermitted, match="coordinator is"):
        school.post(match_id, to="care")
    assert school.post(match_id, to="coordinator")
    assert [care.post(match_id, to="police"), care.post(match_id, to="school")] == [False] * 2
    assert care.events() == []


def test_a_member_does_not_pass_for_a_coordinator(running: House) -> None:
    police, school, town = (running.member(each) for each in ("police", "school", "town"))
    match_id = once_direct(running)
    police.publish("anna", visibility=HIDDEN)
    running.mediate()
    for member, to in ((town, "police"), (town, "school"), (school, "police")):
        with pytest.raises(NotPermitted, match="no coordinator, and neither are you"):
            member.post(match_id, to=to)
    assert town.before() == school.before() == []
    assert probe(town, match_id) == [False] * 3
    assert police.kinds() == ["match", "match_ended"]


def test_a_coordinator_s_full_queue_is_in_no_public_number(sandbox: Sandbox, tmp_path: Path) -> None:
    shown = []
    for name, hidden in (("match", "person"), ("none", "another")):
        with house(sandbox, tmp_path / name, event_cap=5) as running:
            running.member("police").publish(*(f"{hidden} {number}" for number in range(9)), visibility=HIDDEN)
            running.member("school").publish(*(f"person {number}" for number in range(9)))
            running.mediate()
            running.index.publish_log()
            shown.append(shown_metrics(sandbox, running.index.log_address))
            waiting = running.member("coordinator").batches()
            assert [each.replay_needed for each in waiting] == [name == "match"]
    assert shown[0] == shown[1]
