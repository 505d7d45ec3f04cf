"""How visibly an involvement stands: through the coordinator, released, taken back; what is confidential shows in nothing."""

import pytest

from raakvlak_node.access import AccessLog, Event
from raakvlak_node.node import Node
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from tests.federation import Clock
from tests.node.conftest import NodeOf
from tests.node.rows import bsn, case
from tests.node.walked import WORKER, pass_months, rows, terms, walk

HOME = {"postcode": "4331AB", "house_number": "12"}
DIRECT, HIDDEN = Visibility.DIRECT, Visibility.COORDINATOR


def log(node: Node) -> list[tuple[str, str, str, str]]:
    """(event, case, actor, reason) of every line."""
    return [(str(each.event), each.case, each.actor.id, each.reason) for each in AccessLog(node.store).lines(0, 100)]


def handle(node: Node, place: int) -> bytes:
    return node.store.person_handle(Bsn.parse(bsn(place)))


def test_a_confidential_case_goes_through_the_coordinator_until_it_is_released(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(2), confidential="yes"))
    assert node.status()["withheld"] == 1
    walk(node)
    assert rows(node) == {bsn(1): HIDDEN, bsn(2): HIDDEN}
    node.release("ZK-1", "the mother agreed", WORKER)
    assert walk(node) == (2, 2)
    assert rows(node) == {bsn(1): DIRECT, bsn(2): DIRECT}
    assert node.status()["withheld"] == 0
    node.withdraw_release("ZK-1", "a threat", WORKER)
    assert walk(node) == (2, 2)
    assert rows(node) == {bsn(1): HIDDEN, bsn(2): HIDDEN}
    assert log(node) == [("release", "ZK-1", "anneke", "the mother agreed"), ("withhold", "ZK-1", "anneke", "a threat")]
    assert AccessLog(node.store).lines(0, 1)[0].persons == tuple(sorted((handle(node, 1), handle(node, 2))))


def test_what_never_may_be_told_directly_can_not_be_released(node_of: NodeOf) -> None:
    node, shelter = node_of(), node_of("shelter")
    node.put_case(case("ZK-1", bsn(1), protected="yes", confidential="yes"))
    node.put_case(case("ZK-2", bsn(2)))
    shelter.put_case(case("SH-1", bsn(1), confidential="yes", **HOME))
    for where, reference, why in (
        (node, "ZK-1", "the coordinator calls you"),
        (shelter, "SH-1", "the coordinator calls you"),
        (node, "ZK-2", "not confidential"),
        (node, "ZK-3", "no case of that reference"),
    ):
        with pytest.raises(Refused, match=why):
            where.release(reference, "because", WORKER)
    walk(shelter)
    assert rows(shelter) == {bsn(1): HIDDEN}
    assert log(node) == log(shelter) == []


def test_a_release_needs_a_reason_and_is_given_and_taken_back_once(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1), confidential="yes"))
    with pytest.raises(Refused, match="nothing to take back"):
        node.withdraw_release("ZK-1", "because", WORKER)
    with pytest.raises(Malformed):
        node.release("ZK-1", " ", WORKER)
    node.release("ZK-1", "because", WORKER)
    with pytest.raises(Refused, match="released already"):
        node.release("ZK-1", "because", WORKER)
    assert len(log(node)) == 1


def test_a_release_lasts_as_long_as_the_case_is_the_same(node: Node) -> None:
    def released() -> bool:
        return node.standing().released(node.store.case_handle("ZK-1"))

    secret = {"confidential": "yes"}
    node.put_case(case("ZK-1", bsn(1), **secret))
    node.release("ZK-1", "because", WORKER)
    node.put_case(case("ZK-1", bsn(1), worker_phone="0118-000009", **secret))
    assert released()
    node.put_case(case("ZK-1", bsn(9), **secret), "wrong")
    assert not released()
    node.release("ZK-1", "because", WORKER)
    node.put_case(case("ZK-1", bsn(9), protected="yes", **secret))
    assert not released()
    node.put_case(case("ZK-1", bsn(9), **secret))
    node.release("ZK-1", "because", WORKER)
    node.put_case(case("ZK-1", bsn(9)))
    node.put_case(case("ZK-1", bsn(9), **secret))
    assert not released()
    node.release("ZK-1", "because", WORKER)
    node.drop_case("ZK-1")
    node.put_case(case("ZK-1", bsn(9), **secret))
    assert not released()
    assert [each[0] for each in log(node)].count(str(Event.WITHHOLD)) == 3


def test_a_person_is_direct_as_soon_as_one_of_the_cases_is(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9), confidential="yes"))
    walk(node)
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9)))
    assert walk(node) == (1, 2)
    assert rows(node) == {bsn(1): HIDDEN, bsn(2): DIRECT, bsn(9): DIRECT}
    node.drop_case("ZK-2")
    walk(node)
    assert rows(node) == {bsn(1): HIDDEN, bsn(9): HIDDEN}


def test_a_confidential_case_is_no_place_that_letters_or_the_picture_tell_of(node: Node) -> None:
    """The mother's row is direct because of another case: neither that the hidden client is there nor the relation shows,
    not even to the workers here, from where a follow-up would name the case."""
    node.put_case(case("ZK-1", bsn(9), confidential="yes"))
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9)))
    walk(node)
    assert [each.relation for each in node.store.places(handle(node, 9))] == [Relation.PARENT]
    node.release("ZK-1", "because", WORKER)
    assert sorted(each.relation for each in node.store.places(handle(node, 9))) == [Relation.CLIENT, Relation.PARENT]
    node.withdraw_release("ZK-1", "because", WORKER)
    assert [each.relation for each in node.store.places(handle(node, 9))] == [Relation.PARENT]


def test_a_hidden_case_changes_nothing_of_what_others_see(node_of: NodeOf, clock: Clock) -> None:
    """Through two years: same rows, withdrawn and published in the same months, whether or not the hidden ones are there."""
    without, beside = node_of(household_limit=2), node_of(household_limit=2)
    began = clock.now
    seen: list[list[set[tuple[str, Visibility]] | int]] = []
    for node in (without, beside):
        clock.now = began
        moments: list[set[tuple[str, Visibility]] | int] = []
        for number in (1, 2):
            node.put_case(case(f"ZK-{number}", bsn(number), parent_bsn_1=bsn(9), **HOME))
        for month in range(26):
            if node is beside and month in {0, 5, 10}:
                hidden = {"confidential": "yes"} if month else {"protected": "yes"}
                node.put_case(case(f"HID-{month}", bsn(20 + month), parent_bsn_1=bsn(9), **HOME, **hidden))
            before = references(node)
            walk(node)
            moments.append({each for each in rows(node).items() if each[1] is DIRECT})
            moments.append(len(before ^ references(node)))
            pass_months(clock, 1)
        seen.append(moments)
    assert rows(beside) and not rows(without)  # the hidden ones of later are there still
    assert seen[0] == seen[1]
    first = seen[0][0]
    assert (
        isinstance(first, set) and len(first) == 4 and seen[0][-2] == set()
    )  # two clients, their mother and their home, and in the end nobody


def references(node: Node) -> set[bytes]:
    """Direct rows, by the references that change when a row is published anew."""
    found = node.store.database.execute("SELECT reference FROM token WHERE reference IS NOT NULL AND visibility = 1")
    return {bytes(row[0]) for row in found.fetchall()}


def test_a_row_goes_through_the_coordinator_when_its_direct_cases_lapse_first(node: Node, clock: Clock) -> None:
    node.put_case(case("ZK-1", bsn(1), parent_bsn_1=bsn(9)))
    pass_months(clock, 4)
    node.put_case(case("ZK-2", bsn(2), parent_bsn_1=bsn(9), confidential="yes"))
    walk(node)
    pass_months(clock, 20, hours=1)
    walk(node)
    assert rows(node) == {bsn(2): HIDDEN, bsn(9): HIDDEN}
    assert set(terms(node)) == {bsn(2), bsn(9)}
    pass_months(clock, 4)
    walk(node)
    assert rows(node) == {}


def test_without_a_coordinator_it_is_kept_back(node_of: NodeOf) -> None:
    node = node_of(coordinated=False)
    node.put_case(case("ZK-1", bsn(1), confidential="yes"))
    walk(node)
    assert rows(node) == {}
    node.release("ZK-1", "because", WORKER)
    walk(node)
    assert rows(node) == {bsn(1): DIRECT}


def test_a_row_that_the_index_says_to_stand_in_another_way_is_withdrawn_and_published_anew(node: Node) -> None:
    node.put_case(case("ZK-1", bsn(1)))
    walk(node)
    (_, _, reference) = node.store.references()[0]
    for visibility in (HIDDEN, 0, 77):
        node.store.take_row(reference, 400, visibility)
        assert walk(node) == (1, 1)
        assert rows(node) == {bsn(1): DIRECT}
        ((_, _, reference),) = node.store.references()
