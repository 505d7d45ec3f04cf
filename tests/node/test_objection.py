"""What a person who objects can count on: at once, in every place, through every import, until it is decided and after."""

from datetime import date, timedelta

import pytest

from raakvlak_node.access import AccessLog, Event
from raakvlak_node.case import Case, Rejected, parse
from raakvlak_node.importing import Import
from raakvlak_node.node import Node
from raakvlak_node.objection import Claim, Objection
from raakvlak_node.standing import Ending
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from tests.federation import Clock
from tests.node.conftest import NodeOf
from tests.node.rows import TODAY, bsn, case, row
from tests.node.test_import import load, told
from tests.node.walked import WORKER, pass_months, rows, walk

DIRECT = Visibility.DIRECT
PARENT = bsn(9)


def object_(node: Node, number: str, because: str = "I do not want this") -> Objection:
    now = node.clock()
    return node.standing().object(Bsn.parse(number), because, node.today(now), WORKER, now)


def decide(node: Node, objection: Objection, *, upheld: bool) -> Objection:
    return node.standing().decide(objection.id, upheld=upheld, because="weighed", actor=WORKER, now=node.clock())


def three(node: Node) -> list[Case]:
    """A mother of two clients, who is a client herself."""
    cases = [case("ZK-1", bsn(1), parent_bsn_1=PARENT), case("ZK-2", bsn(2), parent_bsn_2=PARENT), case("ZK-3", PARENT)]
    for each in cases:
        node.put_case(each)
    walk(node)
    return cases


def test_a_parent_who_objects_is_withdrawn_everywhere_at_once_and_the_cases_stay(node: Node) -> None:
    cases = three(node)
    found = object_(node, PARENT)
    walk(node)
    assert rows(node) == {bsn(1): DIRECT, bsn(2): DIRECT}
    assert node.status()["objections"] == 1
    assert node.standing().touched(found) == [
        ("ZK-1", Relation.PARENT, 1), ("ZK-2", Relation.PARENT, 1), ("ZK-3", Relation.CLIENT, 1),
    ]  # fmt: skip
    for each in (
        *cases,
        case("ZK-2", bsn(2), parent_bsn_1=PARENT, worker_phone="0118-9"),
        case("ZK-4", bsn(4), sibling_bsns=PARENT),
    ):
        node.put_case(each)
    walk(node)
    assert rows(node) == {bsn(1): DIRECT, bsn(2): DIRECT, bsn(4): DIRECT}


def test_a_client_who_objects_is_silent_with_everybody_in_the_case(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=PARENT, postcode="4331AB", house_number="1"))
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=PARENT))
    walk(node)
    object_(node, bsn(1))
    walk(node)
    assert rows(node) == {bsn(2): DIRECT, PARENT: DIRECT}
    person = node.store.person_handle(Bsn.parse(PARENT))
    assert [each.own_case for each in node.store.places(person)] == [node.store.case_handle("ZK-2")]


def test_rejected_it_stands_again_for_what_is_left_of_the_term(node: Node, clock: Clock) -> None:
    three(node)
    objection = object_(node, PARENT)
    pass_months(clock, 3)
    decided = decide(node, objection, upheld=False)
    assert (decided.decided, decided.upheld, decided.decision) == (node.today(clock.now), False, "weighed")
    walk(node)
    assert set(rows(node)) == {bsn(1), bsn(2), PARENT}
    pass_months(clock, 21)
    walk(node)
    assert rows(node) == {}
    again = object_(node, PARENT)
    assert [each.id for each in node.standing().objections.all()] == [objection.id, again.id]


def test_upheld_it_is_destroyed_and_never_published_again(node: Node) -> None:
    cases = three(node)
    decide(node, object_(node, PARENT), upheld=True)
    walk(node)
    assert rows(node) == {bsn(1): DIRECT, bsn(2): DIRECT}
    assert {found.reference for _, found in node.store.cases()} == {"ZK-1", "ZK-2"}
    handle = node.store.person_handle(Bsn.parse(PARENT))
    for table, column in (("person", "handle"), ("token", "person"), ("involvement", "person")):
        sql = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # noqa: S608
        assert node.store.database.execute(sql, (handle,)).fetchone()[0] == 0
    for each in cases[:2]:
        node.put_case(each)
    with pytest.raises(Rejected, match="objection was upheld"):
        node.put_case(cases[2])
    with pytest.raises(Rejected, match="objection was upheld"):
        node.preview_case(cases[2])
    walk(node)
    assert rows(node) == {bsn(1): DIRECT, bsn(2): DIRECT}


def test_an_import_rejects_the_row_of_a_client_whose_objection_was_upheld(node: Node) -> None:
    load(node, [row(1), row(2)])
    decide(node, object_(node, bsn(1)), upheld=True)
    for dry_run in (True, False):
        report = load(node, [row(1), row(2), row(3)], dry_run=dry_run)
        assert told(report) == [(2, "bsn")]
    assert {found.reference for _, found in node.store.cases()} == {"ZK-00002", "ZK-00003"}


def test_a_row_that_another_command_forbids_meanwhile_is_rejected(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    load(node, [row(1)])
    put = Import._store

    def meanwhile(self: Import, rows_: list[object]) -> None:
        if node.store.case_handles():
            decide(node, object_(node, bsn(1)), upheld=True)
        put(self, rows_)  # type: ignore[arg-type]

    monkeypatch.setattr(Import, "_store", meanwhile)
    assert told(load(node, [row(1), row(2)])) == [(2, "bsn")]
    assert {found.reference for _, found in node.store.cases()} == {"ZK-00002"}


def test_a_former_number_is_the_clients_too(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1)))
    node.put_case(case("ZK-1", bsn(2)), "changed")
    walk(node)
    assert set(rows(node)) == {bsn(1), bsn(2)}
    object_(node, bsn(1))
    walk(node)
    assert rows(node) == {}


def test_what_is_refused_changes_nothing(node: Node) -> None:
    three(node)
    standing, now = node.standing(), node.clock()
    with pytest.raises(Refused, match="nothing to object to"):
        object_(node, bsn(30))
    with pytest.raises(Refused, match="nothing to erase"):
        standing.erase(Bsn.parse(bsn(30)), "because", WORKER, now)
    with pytest.raises(Malformed, match="must be filled in"):
        object_(node, PARENT, " ")
    with pytest.raises(Malformed, match="future"):
        standing.object(Bsn.parse(PARENT), "because", node.today(now) + timedelta(days=1), WORKER, now)
    with pytest.raises(Refused, match="no objection of that id"):
        standing.decide("00", upheld=True, because="weighed", actor=WORKER, now=now)
    found = object_(node, PARENT)
    with pytest.raises(Refused, match="waits for a decision already"):
        object_(node, PARENT)
    decide(node, found, upheld=False)
    with pytest.raises(Refused, match="was decided on"):
        decide(node, found, upheld=True)
    walk(node)
    assert set(rows(node)) == {bsn(1), bsn(2), PARENT}


def test_it_must_be_decided_within_six_weeks_of_the_day_on_which_it_was_received(node: Node) -> None:
    three(node)
    found = node.standing().object(Bsn.parse(PARENT), "by letter", date(2026, 2, 20), WORKER, node.clock())
    assert (found.received, found.due, found.upheld) == (date(2026, 2, 20), date(2026, 4, 3), None)


def test_every_act_stands_in_the_access_log_under_the_person_alone(node: Node) -> None:
    three(node)
    object_(node, PARENT)
    node.standing().erase(Bsn.parse(PARENT), "granted", WORKER, node.clock())
    lines = AccessLog(node.store).lines(0, 10)
    handle = node.store.person_handle(Bsn.parse(PARENT))
    assert [(each.event, each.kind, each.case, each.persons) for each in lines] == [
        (Event.UPDATE, "person", "", (handle,)),
        (Event.DELETE, "person", "", (handle,)),
        (Event.DELETE, "case", "ZK-3", (handle,)),
    ]


def test_erasure_decides_an_objection_that_waits_and_reaches_the_archive(node_of: NodeOf) -> None:
    node = node_of(archive_months=60)
    three(node)
    node.put_case(case("ZK-5", bsn(5), child_bsns=f"{bsn(6)} {PARENT}", sibling_bsns=bsn(7)))
    node.withdraw("ZK-3", Ending.RISK_GONE, WORKER)
    node.withdraw("ZK-5", Ending.RISK_GONE, WORKER)
    waiting = object_(node, PARENT)
    found = node.standing().erase(Bsn.parse(PARENT), "granted", WORKER, node.clock())
    assert (found.id, found.claim, found.upheld) == (waiting.id, Claim.OBJECTION, True)
    (kept,) = node.standing().archive.all()
    assert (kept.case.reference, kept.case.children, kept.case.siblings) == (
        "ZK-5", (Bsn.parse(bsn(6)),), (Bsn.parse(bsn(7)),),
    )  # fmt: skip
    assert PARENT.encode() not in kept.case.encode()
    again = node.standing().erase(Bsn.parse(bsn(5)), "granted", WORKER, node.clock())
    assert (again.claim, again.upheld) == (Claim.ERASURE, True)
    assert node.standing().archive.all() == []


def test_the_reasons_lie_sealed(node: Node) -> None:
    three(node)
    found = object_(node, PARENT, "regenboog")
    decide(node, found, upheld=True)
    stolen = b"".join(path.read_bytes() for path in node.store.path.parent.glob(node.store.path.name + "*"))
    assert b"objection" in stolen
    for secret in ("regenboog", "weighed", PARENT):
        assert secret.encode() not in stolen
    assert "regenboog" not in repr(found)


def test_an_objection_says_nothing_of_a_case_that_only_shares_the_address(node: Node) -> None:
    home = {"postcode": "4331AB", "house_number": "1"}
    node.put_case(parse(row(1) | home, today=TODAY, adults=True))
    node.put_case(parse(row(2) | home, today=TODAY, adults=True))
    walk(node)
    before = rows(node)
    object_(node, bsn(1))
    walk(node)
    assert set(before) - set(rows(node)) == {bsn(1)}
