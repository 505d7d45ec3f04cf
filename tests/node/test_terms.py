"""How long an involvement stands: its term, its renewal, its end and why; and who stands when, against a model."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from raakvlak_node.access import AccessLog
from raakvlak_node.case import Rejected
from raakvlak_node.node import Node
from raakvlak_node.schema import migrations
from raakvlak_node.settings import Webhook
from raakvlak_node.standing import Ending, Term
from raakvlak_node.store import Store
from raakvlak_node.vault import Vault
from raakvlak_node.webhooks import Webhooks
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import month_of, start_of
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import NOW, Sandbox, make_covenant
from tests.federation import Clock, make_node
from tests.node.conftest import NodeOf
from tests.node.rows import bsn, case
from tests.node.walked import WORKER, pass_months, rows, terms, walk

DIRECT, HIDDEN = Visibility.DIRECT, Visibility.COORDINATOR
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def reasons(node: Node) -> list[tuple[str, str, str]]:
    return [(str(each.event), each.case, each.reason) for each in AccessLog(node.store).lines(0, 100)]


def end_of(node: Node, months: int) -> date:
    return start_of(month_of(node.clock()) + months).date()


# --- the term -----------------------------------------------------------------------------------------------------------


def test_a_case_stands_for_the_term_of_its_report_whatever_is_changed_or_imported_meanwhile(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    walk(node)
    until = month_of(clock.now) + 24
    for columns in ({}, {"worker_phone": "0118-000009"}, {"confidential": "yes"}, {"sibling_bsns": bsn(8)}):
        pass_months(clock, 5)
        node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9), **columns))
        walk(node)
        assert bsn(1) in rows(node)
    clock.now = start_of(until) - timedelta(seconds=1)
    walk(node)
    assert set(rows(node)) == {bsn(1), bsn(8), bsn(9)}
    clock.now = start_of(until)
    walk(node)
    assert rows(node) == {}
    assert node.status()["lapsed"] == 1
    node.put_case(case("ZK-1", bsn(1), worker_phone="0118-000010"))
    walk(node)
    assert rows(node) == {}


def test_a_case_that_was_withdrawn_and_is_reported_again_has_a_term_of_its_own(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1)))
    walk(node)
    pass_months(clock, 24)
    walk(node)
    node.drop_case("ZK-1")
    node.put_case(case("ZK-1", bsn(1)))
    walk(node)
    assert rows(node) == {bsn(1): DIRECT}


def test_a_shared_person_stands_until_the_latest_of_the_cases_and_is_published_anew_once(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    walk(node)
    first = month_of(clock.now)
    pass_months(clock, 10)
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9)))
    assert walk(node) == (0, 1)  # the mother's row is far from its end, and nobody is told of an end and a new beginning
    moved = []
    while month_of(clock.now) < first + 36:
        pass_months(clock, 1)
        moved += [(month_of(clock.now) - first, *walk(node))] if walk_moves(node) else []
        mother = rows(node).get(bsn(9))
        assert (mother is DIRECT) == (month_of(clock.now) < first + 34)
    assert [each[0] for each in moved] == [22, 24, 34]


def walk_moves(node: Node) -> bool:
    """Whether there is anything for a walk to do."""
    standing, now = node.standing(), node.clock()
    for handle in node.store.case_handles():
        standing.judge(handle, now)
    work = node.open_work()
    return bool(work["to_withdraw"] or work["unpublished"])


@pytest.mark.parametrize(("retention", "times"), [(1, 20), (4, 9), (9, 3)])
def test_a_shorter_term_of_a_later_covenant_makes_no_row_come_and_go(retention: int, times: int) -> None:
    """The case of before lasts longer than any row that the index gives now."""
    clock = Clock(NOW)
    with fresh_node(clock, retention) as node:
        node.put_case(case("ZK-1", bsn(1)))
        node.store.set_lapses(node.store.case_handle("ZK-1"), month_of(clock.now) + 20)
        published = []
        for _ in range(20):
            published.append(walk(node)[1])
            assert rows(node) == {bsn(1): DIRECT}
            pass_months(clock, 1)
        assert sum(published) == times
        walk(node)
        assert rows(node) == {}


def test_a_term_is_renewed_by_a_person_in_its_last_two_months_and_after_it(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    walk(node)
    first, opens = month_of(clock.now), end_of(node, 22)
    pass_months(clock, 21, days=20)
    with pytest.raises(Refused, match=f"may be renewed from {opens} on"):
        node.renew("ZK-1", WORKER)
    pass_months(clock, 1)
    assert node.renew("ZK-1", WORKER) == start_of(first + 46).date()
    assert walk(node) == (2, 2)
    assert terms(node) == {bsn(1): first + 46, bsn(9): first + 46}
    with pytest.raises(Refused, match="may be renewed from"):
        node.renew("ZK-1", WORKER)
    pass_months(clock, 30)
    walk(node)
    assert rows(node) == {}
    node.renew("ZK-1", WORKER)
    walk(node)
    assert set(rows(node)) == {bsn(1), bsn(9)}
    with pytest.raises(Refused, match="no case of that reference"):
        node.renew("ZK-2", WORKER)
    assert [each[:2] for each in reasons(node)] == [("update", "ZK-1")] * 2
    assert reasons(node)[0][2] == f"renewed until {start_of(first + 46).date()}"


def test_a_term_that_is_about_to_end_is_told_once_and_once_more_when_it_has_ended(node: Node, clock: Clock) -> None:
    webhooks = Webhooks(node.store, Webhook(url="https://cases.example/hook", secret_file=Path("unused")), os.urandom)
    standing = node.standing()
    node.put_case(case("ZK-1", bsn(1)))
    ends = end_of(node, 24)

    def told() -> list[str]:
        standing.remind(webhooks, node.notices(), clock.now)
        return [row[0] for row in node.store.database.execute("SELECT id FROM webhook").fetchall()]

    clock.now = start_of(month_of(clock.now) + 24) - timedelta(days=32)
    assert (standing.terms(clock.now), told()) == ([], [])
    clock.now += timedelta(days=1)
    assert standing.terms(clock.now) == [Term("ZK-1", ends, lapsed=False)]
    assert node.status()["lapsing"] == 1
    assert len(told()) == len(told()) == 1
    clock.now += timedelta(days=31)
    assert node.terms_due() == [Term("ZK-1", ends, lapsed=True)]
    assert (node.status()["lapsing"], node.status()["lapsed"]) == (0, 1)
    assert len(told()) == len(told()) == 2
    bodies = [each.body for each in webhooks.due(int(clock.now.timestamp()), 10)]
    assert [b"term.reminder" in bodies[0], b"term.passed" in bodies[1]] == [True, True]
    assert all(b'"case_ref":"ZK-1"' in each and bsn(1).encode() not in each for each in bodies)
    node.renew("ZK-1", WORKER)
    assert node.terms_due() == []
    clock.now = start_of(month_of(clock.now) + 24) - timedelta(days=31)
    assert len(told()) == 3


# --- the end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [Ending.WRONG, Ending.DEATH, Ending.OBJECTION, Ending.RISK_GONE])
@pytest.mark.parametrize("months", [0, 60])
def test_a_case_that_ends_is_destroyed_or_archived(node_of: NodeOf, clock: Clock, ending: Ending, months: int) -> None:
    node = node_of(archive_months=months)
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    walk(node)
    archived = node.withdraw("ZK-1", ending, WORKER)
    assert archived == (bool(months) and ending is Ending.RISK_GONE)
    assert node.store.case_handles() == []
    walk(node)
    assert rows(node) == {}
    assert node.store.database.execute("SELECT count(*) FROM person").fetchone()[0] == 0
    assert node.store.database.execute("SELECT count(*) FROM token").fetchone()[0] == 0
    kept = node.standing().archive.all()
    assert [(each.case.reference, each.case.client, each.reason) for each in kept] == (
        [("ZK-1", Bsn.parse(bsn(1)), "risk-gone")] if archived else []
    )
    assert reasons(node) == [("delete", "ZK-1", str(ending))]
    if archived:
        pass_months(clock, 59)
        walk(node)
        assert len(node.standing().archive.all()) == 1
        pass_months(clock, 1)
        walk(node)
        assert node.standing().archive.all() == []


def test_a_case_whose_term_is_over_is_archived_and_no_other_is_said_to_have_lapsed(node_of: NodeOf, clock: Clock) -> None:
    node = node_of(archive_months=12)
    node.put_case(case("ZK-1", bsn(1)))
    with pytest.raises(Refused, match="is not over: it ends on"):
        node.withdraw("ZK-1", Ending.LAPSED, WORKER)
    with pytest.raises(Refused, match="not known to be that old"):
        node.withdraw("ZK-1", Ending.AGE, WORKER)
    pass_months(clock, 24)
    assert node.withdraw("ZK-1", Ending.LAPSED, WORKER)
    with pytest.raises(Refused, match="no case of that reference"):
        node.withdraw("ZK-1", Ending.LAPSED, WORKER)
    assert [each.reason for each in node.standing().archive.all()] == ["lapsed"]


def test_clients_with_a_birthday_in_one_month_are_destroyed_on_one_day_in_the_month_before(
    node_of: NodeOf, clock: Clock
) -> None:
    node = node_of(adults=False, archive_months=60)
    for number, born in enumerate(("2003-08-01", "2003-08-17", "2003-08-31", "2003-09-01", ""), 1):
        node.put_case(case(f"ZK-{number}", bsn(number), birth_date=born))
    clock.now = clock.now.replace(month=6, day=30, hour=12)
    walk(node)
    assert len(rows(node)) == 5
    clock.now = clock.now.replace(hour=22, minute=30)  # 1 July in Amsterdam
    assert walk(node) == (3, 0)
    assert set(rows(node)) == {bsn(4), bsn(5)}
    assert {case.reference for _, case in node.store.cases()} == {"ZK-4", "ZK-5"}
    assert node.standing().archive.all() == []
    assert [(each.actor.id, each.reason) for each in AccessLog(node.store).lines(0, 10)] == [("node", "age")] * 3


def test_where_adults_take_part_nobody_is_destroyed_for_age(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), birth_date="2003-08-17", parent_bsn_1=bsn(9)))
    clock.now = clock.now.replace(month=7)
    walk(node)
    assert rows(node) == {bsn(1): DIRECT}


def test_an_archived_case_lies_sealed(node_of: NodeOf) -> None:
    node = node_of(archive_months=60)
    node.put_case(case("DOSSIER-77", bsn(1), parent_bsn_1=bsn(9), worker_name="Wilhelmina Spreeuwenbrug"))
    node.withdraw("DOSSIER-77", Ending.RISK_GONE, WORKER)
    stolen = b"".join(path.read_bytes() for path in node.store.path.parent.glob(node.store.path.name + "*"))
    assert b"archive" in stolen
    for secret in ("DOSSIER-77", "Spreeuwenbrug", bsn(1), bsn(9), "risk-gone"):
        assert secret.encode() not in stolen


# --- who stands when, against a model -------------------------------------------------------------------------------------


@dataclass
class Held:
    """A case as the model knows it."""

    client: str
    mother: str
    home: str
    mark: str
    lapses: int
    released: bool = False


@dataclass
class Model:
    """Who must stand, said as plainly as possible."""

    retention: int
    limit: int
    cases: dict[str, Held] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def visibility(self, held: Held) -> Visibility:
        return HIDDEN if held.mark == "protected" or (held.mark == "confidential" and not held.released) else DIRECT

    def stands(self, month: int) -> dict[str, Visibility]:
        out = self.suspended | self.erased
        found: dict[str, set[Visibility]] = {}
        for held in self.cases.values():
            if held.lapses <= month or held.client in out:
                continue
            shown = self.visibility(held)
            for person in {held.client, held.mother} - {""} - out:
                found.setdefault(person, set()).add(shown)
            if held.home and held.mark != "protected" and not self.crowded(held.home, shown):
                found.setdefault(held.home, set()).add(shown)
        return {person: min(shown) for person, shown in found.items()}

    def crowded(self, home: str, shown: Visibility) -> bool:
        there = [held for held in self.cases.values() if held.home == home]
        return len([each for each in there if shown is HIDDEN or self.visibility(each) is DIRECT]) > self.limit


REFERENCES = st.sampled_from(["A", "B", "C", "D"])
CLIENTS, MOTHERS = [bsn(place) for place in (1, 2, 3)], ["", bsn(1), bsn(9)]
ACTIONS = st.one_of(
    st.tuples(
        st.just("put"), REFERENCES, st.sampled_from(CLIENTS), st.sampled_from(MOTHERS), st.sampled_from(["", "1", "2"]),
        st.sampled_from(["", "", "confidential", "protected"]),
    ),
    st.tuples(st.sampled_from(["drop", "release", "unrelease", "renew"]), REFERENCES),
    st.tuples(st.sampled_from(["object", "erase"]), st.sampled_from([*CLIENTS, bsn(9)])),
    st.tuples(st.sampled_from(["reject", "uphold"]), st.just("")),
    st.tuples(st.just("pass"), st.integers(1, 3)),
)  # fmt: skip


@contextmanager
def fresh_node(clock: Clock, retention: int) -> Iterator[Node]:
    with tempfile.TemporaryDirectory() as folder:
        node = make_node(sandbox_of(retention), "own", Path(folder), clock, index="127.0.0.1:1", key_holders={})
        try:
            yield node
        finally:
            node.close()


@cache
def sandbox_of(retention: int) -> Sandbox:
    def change(payload: pb.Covenant) -> None:
        payload.rules.retention_months = retention
        payload.rules.household_limit = 2

    return make_covenant(members={"own": "education", "town": "municipality", "hq": "coordinator"}, change=change)


@FEW
@given(retention=st.sampled_from([1, 4, 9]), history=st.lists(ACTIONS, min_size=5, max_size=30))
def test_who_stands_when_and_how_follows_a_model(retention: int, history: list[tuple[object, ...]]) -> None:
    clock, model = Clock(NOW), Model(retention, 2)
    with fresh_node(clock, retention) as node:
        for what, *given_ in history:
            act(node, model, clock, str(what), given_)
            walk(node)
            month, standing = month_of(clock.now), rows(node)
            homes = {home: canonical_home(home) for home in ("1", "2")}
            assert standing == {homes.get(person, person): shown for person, shown in model.stands(month).items()}
            for person, until in terms(node).items():
                assert month < until <= month + retention, person


def canonical_home(number: str) -> str:
    address = case("X", bsn(1), postcode="4331AB", house_number=number).address
    assert address is not None
    return address.canonical.reveal().decode()


def act(node: Node, model: Model, clock: Clock, what: str, given_: list[object]) -> None:
    """The same to the node and to the model; what the node refuses, the model knows why."""
    month, who = month_of(clock.now), str(given_[0])
    held = model.cases.get(who)
    match what:
        case "put":
            put(node, model, month, *map(str, given_))
        case "drop":
            assert node.drop_case(who) == (model.cases.pop(who, None) is not None)
        case "release":
            if held and held.mark == "confidential" and not held.released:
                node.release(who, "because", WORKER)
                held.released = True
            else:
                with pytest.raises(Refused):
                    node.release(who, "because", WORKER)
        case "unrelease":
            if held and held.released:
                node.withdraw_release(who, "because", WORKER)
                held.released = False
            else:
                with pytest.raises(Refused):
                    node.withdraw_release(who, "because", WORKER)
        case "renew":
            if held and held.lapses - 2 <= month:
                node.renew(who, WORKER)
                held.lapses = month + model.retention
            else:
                with pytest.raises(Refused):
                    node.renew(who, WORKER)
        case "pass":
            pass_months(clock, int(who))
        case _:
            claim(node, model, clock, what, who)


def put(node: Node, model: Model, month: int, reference: str, client: str, mother: str, home: str, mark: str) -> None:
    if mother == client:
        mother = ""
    columns = {"parent_bsn_1": mother} | ({mark: "yes"} if mark else {})
    columns |= {"postcode": "4331AB", "house_number": home} if home else {}
    given_ = case(reference, client, **columns)
    before = model.cases.get(reference)
    if client in model.erased:
        with pytest.raises(Rejected):
            node.put_case(given_, "wrong")
        return
    node.put_case(given_, "wrong")
    lapses = before.lapses if before else month + model.retention
    kept = before is not None and before.released and mark == "confidential" and before.client == client
    model.cases[reference] = Held(client, mother, home, mark, lapses, kept)


def claim(node: Node, model: Model, clock: Clock, what: str, who: str) -> None:
    standing = node.standing()
    pending = standing.objections.all(pending=True)
    if what in {"reject", "uphold"}:
        if not pending:
            return
        decided = pending[0]
        person = next(each for each in (*CLIENTS, bsn(9)) if node.store.person_handle(Bsn.parse(each)) == decided.person)
        standing.decide(decided.id, upheld=what == "uphold", because="decided", actor=WORKER, now=clock.now)
        model.suspended.discard(person)
        if what == "uphold":
            erase(model, person)
        return
    number = Bsn.parse(who)
    known = who not in model.erased and any(who in (each.client, each.mother) for each in model.cases.values())
    if what == "object" and known and who not in model.suspended:
        standing.object(number, "because", node.today(clock.now), WORKER, clock.now)
        model.suspended.add(who)
    elif what == "erase" and known:
        standing.erase(number, "because", WORKER, clock.now)
        model.suspended.discard(who)
        erase(model, who)
    else:
        with pytest.raises(Refused):
            if what == "object":
                standing.object(number, "because", node.today(clock.now), WORKER, clock.now)
            else:
                standing.erase(number, "because", WORKER, clock.now)


def erase(model: Model, person: str) -> None:
    model.erased.add(person)
    model.cases = {reference: held for reference, held in model.cases.items() if held.client != person}


def test_relations_of_a_person_are_found_in_every_case(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    node.put_case(case("ZK-2", bsn(9), child_bsns=bsn(1)))
    found = node.store.cases_of(node.store.person_handle(Bsn.parse(bsn(9))))
    assert sorted((relation, place) for _, relation, place in found) == [(Relation.CLIENT, 1), (Relation.PARENT, 1)]


def test_a_store_of_before_keeps_the_terms_that_its_rows_were_given(tmp_path: Path) -> None:
    """Cases that were published keep the month of their client; others get the longest that the law allows."""
    database = Database(sqlite3.connect(tmp_path / "store.db", isolation_level=None))
    migrations.apply(database, stop_before="terms")
    changed = int(NOW.timestamp())
    for handle, withheld in ((b"one", 0), (b"two", 1)):
        database.execute("INSERT INTO own_case VALUES (?, x'', x'', ?, ?)", (handle, withheld, changed))
    for person, own_case, relation, publish in (
        (b"child", b"one", "client", 1), (b"mother", b"one", "parent", 1), (b"other", b"two", "client", 0),
        (b"canary", b"canary", "client", 1),
    ):  # fmt: skip
        database.execute("INSERT INTO involvement VALUES (?, ?, ?, 1, ?)", (person, own_case, relation, publish))
    for person, reference, month in ((b"child", b"r1", 330), (b"mother", b"r2", 333), (b"canary", None, None)):
        database.execute(
            "INSERT INTO token (person, epoch, sealed, not_before, reference, removal_month) VALUES (?, 1, x'', 0, ?, ?)",
            (person, reference, month),
        )
    database.execute("INSERT INTO remark VALUES ('rules', 'judged')")
    database.conn.close()
    store = Store(tmp_path / "store.db", Vault(SecretBytes(b"k" * 32), os.urandom))
    assert [store.lapses(handle) for handle in (b"one", b"two", b"three")] == [330, month_of(NOW) + 24, None]
    found = store.database.execute("SELECT person, until FROM involvement").fetchall()
    assert {bytes(row[0]): row[1] for row in found} == {
        b"child": 330, b"mother": 330, b"other": month_of(NOW) + 24, b"canary": 65535,
    }  # fmt: skip
    assert store.remark("rules") == ""
    assert store.to_withdraw(4, 320, 24, 10) == []
    assert store.to_publish(1, 4, 0, 320, 10, DIRECT) == [b"canary"]
    store.close()
