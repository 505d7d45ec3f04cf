"""Who of a case may become a token: the covenant's rules, kind by kind."""

from datetime import date

import pytest

from raakvlak_node.case import Case, parse
from raakvlak_node.tokens import Stance, involvements
from raakvlak_protocol.covenant import COORDINATOR, KINDS, Covenant
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import make_covenant
from tests.node.rows import TODAY, bsn, row

FAMILY = {
    "parent_bsn_1": bsn(2),
    "parent_bsn_2": bsn(3),
    "child_bsns": f"{bsn(4)} {bsn(5)}",
    "sibling_bsns": bsn(6),
    "postcode": "4331AB",
    "house_number": "1",
}


def family(**columns: str) -> Case:
    return parse(row(1) | FAMILY | columns, today=TODAY, adults=True)


def covenant(kind: str, relations: list[str] | None = None) -> Covenant:
    def change(payload: pb.Covenant) -> None:
        for rule in payload.rules.kinds:
            if relations is not None and rule.kind == kind:
                del rule.relations[:]
                rule.relations.extend(relations)

    return make_covenant(members={"own": kind, "town": "municipality"}, change=change).covenant


def coordinated(kind: str, serves: list[str] | None = None) -> Covenant:
    """The same with a coordinator that serves all kinds, or these."""

    def change(payload: pb.Covenant) -> None:
        if serves is not None:
            payload.coordination[0].kinds[:] = serves

    return make_covenant(members={"own": kind, "town": "municipality", "hq": COORDINATOR}, change=change).covenant


def published(case: Case, rules: Covenant, today: date = TODAY) -> list[tuple[str, int]]:
    found = involvements(case, rules, rules.member("own"), today)
    return [(str(each.relation), each.place) for each in found if each.publish]


EVERYBODY = [("client", 1), ("parent", 1), ("parent", 2), ("child", 1), ("child", 2), ("sibling", 1), ("address", 1)]


def test_everybody_of_a_youth_in_the_order_of_the_columns() -> None:
    rules = covenant("education")
    assert published(family(), rules) == EVERYBODY
    identifiers = [each.identifier for each in involvements(family(), rules, rules.member("own"), TODAY)]
    assert identifiers[1] == Bsn.parse(bsn(2))
    assert identifiers[-1].namespace == "address"


def test_former_numbers_of_the_client_come_behind_the_present_one() -> None:
    case = family().with_former(Bsn.parse(bsn(30)), Bsn.parse(bsn(31)))
    assert published(case, covenant("education"))[:3] == [("client", 1), ("client", 2), ("client", 3)]


@pytest.mark.parametrize("relation", list(Relation))
def test_a_kind_publishes_only_what_the_covenant_lets_it(relation: Relation) -> None:
    rules = covenant("education", [str(relation)])
    assert {name for name, _ in published(family(), rules)} == {str(relation)}
    assert len(involvements(family(), rules, rules.member("own"), TODAY)) == len(EVERYBODY)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mark", [{}, {"confidential": "yes"}, {"protected": "yes"}])
def test_what_goes_through_the_coordinator_is_not_published_where_there_is_none(kind: str, mark: dict[str, str]) -> None:
    expected = [] if mark or kind == "shelter" else EVERYBODY
    assert published(family(**mark), covenant(kind)) == expected


@pytest.mark.parametrize("kind", [each for each in KINDS if each != COORDINATOR])
@pytest.mark.parametrize("mark", [{}, {"confidential": "yes"}, {"protected": "yes"}])
@pytest.mark.parametrize("released", [False, True])
def test_what_others_may_not_hear_of_goes_through_the_coordinator(kind: str, mark: dict[str, str], released: bool) -> None:
    rules = coordinated(kind)
    found = involvements(family(**mark), rules, rules.member("own"), TODAY, released=released)
    hidden = kind == "shelter" or "protected" in mark or ("confidential" in mark and not released)
    assert {each.visibility for each in found if each.publish} == {Visibility.COORDINATOR if hidden else Visibility.DIRECT}
    # The address is the location itself.
    without = kind == "shelter" or "protected" in mark
    assert [str(each.relation) for each in found if not each.publish] == (["address"] if without else [])


def test_a_coordinator_that_serves_others_only_is_none() -> None:
    rules = coordinated("police", serves=["education"])
    assert published(family(confidential="yes"), rules) == []


def test_a_case_whose_term_is_over_publishes_nothing() -> None:
    rules = covenant("education")
    found = involvements(family(), rules, rules.member("own"), TODAY, lapsed=True)
    assert [each.visibility for each in found] == [None] * len(EVERYBODY)


def test_a_relative_who_objects_is_kept_back_alone_and_a_client_with_everybody() -> None:
    rules = covenant("education")

    def of(who: str, said: Stance, case: Case) -> tuple[list[tuple[str, int]], int]:
        found = involvements(
            case,
            rules,
            rules.member("own"),
            TODAY,
            stance=lambda identifier: said if identifier == Bsn.parse(who) else Stance.NONE,
        )
        return [(str(each.relation), each.place) for each in found if each.publish], len(found)

    others = [each for each in EVERYBODY if each != ("parent", 2)]
    assert of(bsn(3), Stance.SUSPENDED, family()) == (others, len(EVERYBODY))
    assert of(bsn(3), Stance.ENDED, family()) == (others, len(EVERYBODY) - 1)
    assert of(bsn(1), Stance.SUSPENDED, family()) == ([], len(EVERYBODY))
    former = family().with_former(Bsn.parse(bsn(30)))
    assert of(bsn(30), Stance.SUSPENDED, former) == ([], len(EVERYBODY) + 1)


def test_of_an_adult_only_children_and_the_address_from_the_month_before_the_23rd_birthday() -> None:
    rules = covenant("education")
    case = family(birth_date="2004-02-29")
    assert published(case, rules, date(2027, 1, 31)) == EVERYBODY
    assert published(case, rules, date(2027, 2, 1)) == [("client", 1), ("child", 1), ("child", 2), ("address", 1)]
    assert published(family(birth_date=""), rules, date(2099, 1, 1)) == EVERYBODY


def test_an_adult_of_a_kind_that_may_not_publish_children() -> None:
    rules = covenant("education", ["client", "parent"])
    assert published(family(birth_date="1985-01-01"), rules) == [("client", 1)]
