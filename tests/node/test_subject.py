"""The subject-access report: who may have one, and what it holds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from raakvlak_node import subject
from raakvlak_node.access import AccessLog, Result
from raakvlak_node.node import Node
from raakvlak_node.standing import Ending
from raakvlak_node.subject_facts import FORMAT, AskedBy
from raakvlak_protocol.act import Informed
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.term import month_of, removal_month, start_of
from tests.attacks.lying_log import read_the_log
from tests.covenants import make_covenant
from tests.federation import Clock, Federation, case, federation
from tests.node.conftest import NodeOf
from tests.node.subjects import ASKS, BORN, BROTHER, CHILD, MOTHER, SISTER, ask, everything, follow, looked, mother_of_three


def refused(node: Node, by: AskedBy, born: date | None, number: str = MOTHER) -> str:
    with pytest.raises(Refused) as error:
        ask(node, number, by, born)
    return error.value.message


def last_line(node: Node, number: str = MOTHER) -> tuple[str, Result, str]:
    line = AccessLog(node.store).of_person(node.store.person_handle(Bsn.parse(number)))[-1]
    return str(line.event), line.outcome, line.reason


# --- who may ask ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "who"),
    [
        (0, AskedBy.PARENT),
        (11, AskedBy.PARENT),
        (12, AskedBy.BOTH),
        (15, AskedBy.BOTH),
        (16, AskedBy.SUBJECT),
        (80, AskedBy.SUBJECT),
    ],
)
def test_the_age_says_who_asks(node: Node, age: int, who: AskedBy) -> None:
    today = node.today(node.clock())
    born = today.replace(year=today.year - age)
    for each in AskedBy:
        if each in {who, AskedBy.REPRESENTATIVE}:
            assert ask(node, by=each, born=born).asked_by is each
            assert last_line(node) == ("export", Result.DONE, f"subject access, asked by {each}")
        else:
            assert f"'{who}' must ask" in refused(node, each, born)
            assert last_line(node) == ("export", Result.REFUSED, f"subject access, asked by {each}")


def test_a_birthday_counts_on_its_day_and_a_leap_day_on_the_first_of_march() -> None:
    subject.demand_may_ask(AskedBy.PARENT, date(2014, 3, 3), date(2026, 3, 2))
    subject.demand_may_ask(AskedBy.BOTH, date(2014, 3, 3), date(2026, 3, 3))
    subject.demand_may_ask(AskedBy.BOTH, date(2012, 2, 29), date(2027, 2, 28))
    subject.demand_may_ask(AskedBy.BOTH, date(2012, 2, 29), date(2028, 2, 28))
    subject.demand_may_ask(AskedBy.SUBJECT, date(2012, 2, 29), date(2028, 2, 29))
    subject.demand_may_ask(AskedBy.PARENT, date(2016, 2, 29), date(2027, 2, 28))
    subject.demand_may_ask(AskedBy.BOTH, date(2012, 2, 29), date(2025, 3, 1))


def test_a_birth_date_is_what_a_case_tells_or_what_is_stated(node: Node) -> None:
    node.put_case(case("S-1", CHILD, birth_date="2015-02-03", parent_bsn_1=MOTHER))
    assert ask(node, CHILD, AskedBy.PARENT, None).involvements
    assert ask(node, CHILD, AskedBy.PARENT, date(2015, 2, 3)).involvements
    assert "another one than the case has" in refused(node, AskedBy.SUBJECT, BORN, CHILD)
    assert "state it" in refused(node, AskedBy.SUBJECT, None)
    assert last_line(node)[1] is Result.REFUSED
    assert "future" in refused(node, AskedBy.SUBJECT, date(2099, 1, 1))
    # Nobody becomes older by another case: where two differ, somebody has to look.
    node.put_case(case("S-2", CHILD, birth_date="2005-02-03"))
    assert "state it" in refused(node, AskedBy.SUBJECT, None, CHILD)
    assert ask(node, CHILD, AskedBy.PARENT, date(2015, 2, 3)).involvements


def test_the_police_are_told_that_another_law_applies(node_of: NodeOf) -> None:
    assert ask(node_of("police")).other_law == "Wpg"
    assert "Wet politiegegevens (Wpg). U vraagt" in everything(ask(node_of("police")))
    assert ask(node_of("justice")).other_law == "Wjsg"
    assert ask(node_of("education")).other_law == ""


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_nothing_is_known_of_a_stranger_and_that_is_in_the_log(node: Node) -> None:
    node.put_case(case("S-1", CHILD))
    found = ask(node)
    assert (found.involvements, found.publications, found.matches, found.letters, found.looks) == ((), (), (), (), ())
    assert "Er is niets over u" in everything(found)
    assert last_line(node)[:2] == ("export", Result.DONE)
    assert [each.kind for each in ask(node).looks] == ["person"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Federation]:
    with federation(tmp_path) as running:
        read_the_log(running)
        mother_of_three(running)
        yield running


def test_a_parent_in_three_cases_finds_them_all(running: Federation) -> None:
    school = running.nodes["school"]
    now, today = running.clock(), school.today(running.clock())
    found = ask(school)
    term = start_of(removal_month(now, 24)).date()
    assert [
        (each.case_ref, each.relation, each.since, each.function, each.visibility, each.until) for each in found.involvements
    ] == [(f"S-{number}", "parent", date(2026, 1, 5), "mentor", "direct", term) for number in (1, 2, 3)]
    (published,) = found.publications
    assert (published.epoch, published.since, published.until, published.proven) == (1, today, term, False)
    assert [(each.case_ref, each.other, each.kind, each.function) for each in found.matches] == [
        (f"S-{number}", "The town", "family", "debt counsellor") for number in (1, 2, 3)
    ]
    assert {(each.since, each.involved_since, each.received, each.phase) for each in found.matches} == {
        (today, date(2026, 1, 5), ("relation", "contact"), "signalled")
    }
    assert [(each.day, each.to) for each in found.letters] == [(today, "The town")] * len(found.letters)
    assert len(found.letters) >= 2
    assert {each.size for each in found.letters} <= {letter.size for letter in ask(running.nodes["town"]).letters}
    assert found.basis.uri == "urn:example:sandbox"
    assert found.backups_until == today + timedelta(days=30)
    assert "Jan Maas" not in everything(found)
    assert "Ilse Quist" not in everything(found)


def test_a_publication_is_proven_once_the_log_shows_it(running: Federation) -> None:
    running.index.publish_log()
    assert running.walk("school").proven
    assert [each.proven for each in ask(running.nodes["school"]).publications] == [True]


def test_what_others_in_the_family_make_is_told_to_them_alone(running: Federation) -> None:
    """The child's own number matches nobody: that the mother is with a debt counsellor is hers."""
    child = ask(running.nodes["school"], CHILD, AskedBy.PARENT, None)
    assert [each.relation for each in child.involvements] == ["client"]
    assert (child.matches, child.letters) == ((), ())
    assert "debt" not in everything(child)
    (mother,) = {each.relation for each in ask(running.nodes["town"]).involvements}
    assert mother == "client"
    assert [each.case_ref for each in ask(running.nodes["town"]).matches] == ["T-1", "T-1", "T-1"]


def test_steps_and_agreements_are_told_and_texts_are_not(running: Federation) -> None:
    follow(running, "S-1")
    at_school, *_ = ask(running.nodes["school"]).matches
    at_town = next(each for each in ask(running.nodes["town"]).matches if each.phase == "agreed")
    assert at_school.phase == "agreed"
    assert [(each.what, each.by) for each in at_school.steps] == [
        ("contacted", "The school"),
        ("proposed", "The school"),
        ("signed", "The school"),
        ("signed", "The town"),
    ]
    assert at_school.agreement is not None
    assert at_town.agreement is not None
    assert at_school.agreement.lead == "The school"
    assert [each.by for each in at_school.agreement.signatures] == ["The school", "The town"]
    assert all(each.day for each in at_school.agreement.signatures)
    assert at_school.agreement.tasks == ()
    assert [each.what for each in at_town.agreement.tasks] == ["talks with the family"]
    assert "talks with the family" in everything(ask(running.nodes["town"]))


def test_what_was_kept_from_the_parents_is_not_told_them(running: Federation) -> None:
    follow(running, "S-1", Informed.NOT_INFORMED)
    told, *_ = ask(running.nodes["school"]).matches
    assert (told.phase, told.steps, told.agreement) == ("", (), None)
    assert "not safe" not in everything(ask(running.nodes["town"]))


def test_who_looked_is_told_by_role_or_by_name_as_the_organisation_decides(running: Federation) -> None:
    school = running.nodes["school"]
    looked(school, "S-1")
    looked(school, "S-3")
    shown = ask(school)
    assert [(each.role, each.who, each.event, each.case_ref) for each in shown.looks] == [
        ("system", "", "read", "S-1"),
        ("system", "", "read", "S-3"),
    ]
    assert "Quist" not in everything(shown)
    named = subject.report(school, Bsn.parse(MOTHER), AskedBy.SUBJECT, ASKS, running.clock(), birth_date=BORN, staff=True)
    assert [each.who for each in named.looks] == ["dossier / Ilse Quist", "dossier / Ilse Quist", "ilse"]
    assert ask(school, BROTHER, AskedBy.SUBJECT, None).looks[0].case_ref == "S-3"


def test_an_objection_and_its_end_are_told(running: Federation) -> None:
    school, now = running.nodes["school"], running.clock()
    today = school.today(now)
    raised = school.standing().object(Bsn.parse(MOTHER), "she is afraid of her landlord", today, ASKS, now)
    running.settle()
    found = ask(school)
    assert [(each.kind, each.received, each.decide_by, each.decision) for each in found.objections] == [
        ("objection", today, today + timedelta(days=42), "")
    ]
    assert {each.visibility for each in found.involvements} == {"none"}
    assert (found.publications, found.matches) == ((), ())
    assert "landlord" not in everything(found)
    school.standing().decide(raised.id, upheld=True, because="granted", actor=ASKS, now=now)
    running.settle()
    erased = ask(school)
    assert [(each.decided, each.decision) for each in erased.objections] == [(today, "upheld")]
    assert (erased.involvements, erased.letters) == ((), ())


def test_a_match_that_is_over_is_told_while_it_is_known(running: Federation) -> None:
    town = running.nodes["town"]
    running.nodes["school"].put_case(case("S-9", MOTHER, birth_date=BORN.isoformat()))
    running.settle()
    assert [(each.case_ref, each.kind) for each in ask(town).matches].count(("T-1", "client")) == 1
    running.nodes["school"].withdraw("S-9", Ending.RISK_GONE, ASKS)
    running.settle()
    ended = [each for each in ask(town).matches if each.ended]
    assert [(each.other, each.kind, each.phase) for each in ended] == [("The school", "client", "withdrawn")]
    running.clock.pass_(days=31)
    running.settle()
    assert [each for each in ask(town).matches if each.ended] == []


def test_a_case_in_the_archive_is_told(tmp_path: Path) -> None:
    sandbox = make_covenant(change=lambda payload: setattr(payload.rules, "archive_months", 60))
    with federation(tmp_path, sandbox) as running:
        school = running.nodes["school"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        school.put_case(case("S-2", SISTER, parent_bsn_1=MOTHER, confidential="yes"))
        for reference in ("S-1", "S-2"):
            looked(school, reference)
            school.withdraw(reference, Ending.RISK_GONE, ASKS)
        found = ask(school)
        today = school.today(running.clock())
        until = start_of(month_of(running.clock()) + 60).date()
        assert [(each.case_ref, each.relation, each.ended, each.until) for each in found.archive] == [
            ("S-1", "parent", today, until)
        ]
        assert {each.case_ref for each in found.looks} == {"S-1"}


def test_a_number_that_changed_is_the_same_person(node: Node) -> None:
    node.put_case(case("S-1", CHILD, birth_date="2005-02-03"))
    node.put_case(case("S-1", SISTER, birth_date="2005-02-03"), "changed")
    for number in (CHILD, SISTER):
        assert [(each.case_ref, each.relation) for each in ask(node, number, AskedBy.SUBJECT, None).involvements] == [
            ("S-1", "client")
        ]


def test_the_form_for_machines_is_fixed(node: Node, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    node.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
    assert ask(node).record() == {
        "format": FORMAT,
        "made": "2026-03-02T10:30:00+01:00",
        "number_ends_with": "019",
        "asked_by": "subject",
        "controller": {"name": "The own", "kind": "education", "controller": "", "processor": ""},
        "index": {"name": "The index", "kind": "index", "controller": "", "processor": ""},
        "basis": {"uri": "urn:example:sandbox", "text": "invented people only"},
        "other_law": "",
        "retention_months": 24,
        "involvements": [
            {
                "case_ref": "S-1",
                "relation": "parent",
                "since": "2026-01-05",
                "function": "mentor",
                "visibility": "direct",
                "until": "2028-03-01",
            }
        ],
        "publications": [],
        "matches": [],
        "letters": [],
        "looks": [],
        "objections": [],
        "archive": [],
        "backups_until": "2026-04-01",
        "may_be_left_out": ["GDPR art. 23", "UAVG art. 41", "Wpg"],
    }
