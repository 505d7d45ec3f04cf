"""Stories of what happens after a match, each told in a whole federation: people act, letters go, both sides agree."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.desk import Desk
from raakvlak_node.follow_ups import FollowUp, Overtaken, Terms
from raakvlak_node.followup import Phase
from raakvlak_node.outcome import Milestone, Outcome
from raakvlak_protocol.act import ActKind, Informed, Task
from raakvlak_protocol.errors import Refused
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, MOTHER, SISTER = "123456782", "999990019", "111222333"
ILSE, JAN, NOOR, KIM = (Actor.command(name) for name in ("ilse", "jan", "noor", "kim"))


class People:
    """Who acts in a story, each at the own node."""

    def __init__(self, running: Federation) -> None:
        self.running = running

    @property
    def today(self) -> date:
        return self.running.nodes["school"].today(self.running.clock())

    def found(self, member: str, reference: str = "", other: str = "") -> FollowUp:
        """The one follow-up of a member, or of its case, or with another member."""
        node = self.running.nodes[member]
        follow_ups = node.follow_ups()
        all_ = [
            each
            for each in follow_ups.pairs.all()
            if (not reference or each.pair.party(member).reference == reference) and (not other or other in each.pair.members)
        ]
        (known,) = all_
        return follow_ups.of(known, self.running.clock())

    def phase(self, member: str, reference: str = "", other: str = "") -> Phase:
        return self.found(member, reference, other).phase

    def does(
        self, member: str, kind: ActKind, actor: Actor = ILSE, *, other: str = "", text: str = "", **fields: object
    ) -> None:
        node = self.running.nodes[member]
        id = self.found(member, other=other).known.id
        node.follow_ups().act(id, kind, actor, self.running.clock(), text=text, **fields)  # type: ignore[arg-type]

    def agrees(self, member: str, *others: str, lead: str = "school", in_days: int = 40) -> None:
        node = self.running.nodes[member]
        terms = Terms(
            lead,
            (Task("mentor", "talks with the mother every week", self.today + timedelta(days=14)),),
            self.today + timedelta(days=in_days),
            Informed.AGREES,
            Informed.AGREES,
        )
        ids = [self.found(member, other=other).known.id for other in others or ("",)]
        node.follow_ups().propose(ids, terms, ILSE, self.running.clock())

    def signs(self, member: str, actor: Actor = JAN, other: str = "") -> None:
        node = self.running.nodes[member]
        node.follow_ups().sign(self.found(member, other=other).known.id, actor, self.running.clock())

    def passes(self, days: int) -> None:
        """Days pass, each with its walks."""
        for _ in range(days):
            self.running.clock.pass_(days=1)
            self.running.index.running.mediate()
            self.running.settle()


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD, worker_name="Ilse Quist", worker_phone="0118-000001"))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_name="Jan Maas", worker_phone="0118-000002"))
        running.settle()
        yield People(running)


def test_from_a_match_to_an_evaluation(people: People) -> None:
    running = people.running
    assert people.phase("school") is people.phase("town") is Phase.SIGNALLED
    people.does("school", ActKind.ACKNOWLEDGED)
    running.settle()
    assert people.found("town").standing.acknowledged.keys() == {"school"}
    people.does("town", ActKind.CONTACTED, JAN, day=people.today)
    running.settle()
    assert people.phase("school") is Phase.IN_CONTACT
    people.agrees("school")
    running.settle()
    assert {each.member for each in people.found("town").standing.unsigned} == {"town"}
    people.signs("town")
    running.settle()
    assert people.phase("school") is people.phase("town") is Phase.AGREED
    running.clock.pass_(days=41)
    running.settle()
    assert people.phase("school") is people.phase("town") is Phase.EVALUATION_DUE
    people.does("town", ActKind.EVALUATED, JAN, text="goes well", day=people.today + timedelta(days=30))
    running.settle()
    assert people.phase("school") is Phase.AGREED
    people.does("school", ActKind.CLOSED, text="done")
    running.settle()
    assert people.phase("school") is people.phase("town") is Phase.CLOSED
    (written,) = [each.text for each in people.found("town").records.texts.values() if each.text == "done"]
    assert written == "done"


def test_an_act_that_the_state_does_not_allow_is_refused_with_those_that_it_does(people: People) -> None:
    with pytest.raises(Refused, match="acknowledge"):
        people.does("school", ActKind.EVALUATED, text="well", day=people.today + timedelta(days=3))
    assert people.found("school").records.acts == []


def test_the_second_of_two_is_shown_what_changed(people: People) -> None:
    follow_ups = people.running.nodes["school"].follow_ups()
    seen = people.found("school")
    people.does("school", ActKind.ACKNOWLEDGED, ILSE)
    with pytest.raises(Overtaken) as overtaken:
        follow_ups.act(
            seen.known.id, ActKind.CONTACTED, NOOR, people.running.clock(), seen=seen.known.changed, day=people.today
        )  # fmt: skip
    assert [step.record.kind for step in overtaken.value.since] == [ActKind.ACKNOWLEDGED]  # type: ignore[union-attr]


def test_already_in_contact_is_silent_visible_and_reversible(people: People) -> None:
    running = people.running
    people.does("school", ActKind.ALREADY_IN_CONTACT)
    running.settle()
    assert people.phase("town") is Phase.ALREADY_IN_CONTACT and people.found("town").due is None
    mother = {"parent_bsn_1": MOTHER}
    running.nodes["school"].put_case(case("S-1", CHILD, worker_phone="0118-000001", **mother))
    running.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000002", **mother))
    running.settle()
    assert people.phase("school") is people.phase("town") is Phase.ALREADY_IN_CONTACT  # one more match, no more work
    people.does("town", ActKind.RESUMED, JAN)
    running.settle()
    assert people.phase("school") is Phase.ACKNOWLEDGED or people.phase("school") is Phase.IN_CONTACT
    assert people.found("school").due is not None


def test_both_act_at_once_and_agree_when_all_has_come(people: People) -> None:
    people.does("school", ActKind.CONTACTED, day=people.today)
    people.does("town", ActKind.ALREADY_IN_CONTACT, JAN)
    people.running.settle()
    school, town = people.found("school"), people.found("town")
    assert school.standing == town.standing and len(school.records.acts) == 2
    people.does("school", ActKind.ACKNOWLEDGED) if "acknowledged" in school.allowed else None
    people.running.settle()
    assert people.found("school").standing == people.found("town").standing


def test_three_organisations_sign_one_agreement_and_see_who_has_not(tmp_path: Path) -> None:
    members = {"school": "education", "town": "municipality", "youth": "youth_care", "coordinator": "coordinator"}
    with federation(tmp_path, make_covenant(members=members)) as running:
        people = People(running)
        for member, reference in (("school", "S-1"), ("town", "T-1"), ("youth", "Y-1")):
            running.nodes[member].put_case(case(reference, CHILD))
        running.settle()
        for other in ("town", "youth"):
            people.does("school", ActKind.CONTACTED, other=other, day=people.today)
        people.does("town", ActKind.CONTACTED, JAN, other="youth", day=people.today)
        running.settle()
        people.agrees("school", "town", "youth")
        running.settle()
        people.signs("town", other="school")
        running.settle()
        assert {each.member for each in people.found("school", other="town").standing.unsigned} == {"youth"}
        assert {each.member for each in people.found("youth", other="school").standing.unsigned} == {"youth"}
        people.signs("youth", KIM, other="school")
        running.settle()
        for member, other in (("school", "town"), ("school", "youth"), ("town", "youth"), ("youth", "town")):
            found = people.found(member, other=other)
            assert (found.phase, found.standing.unsigned) == (Phase.AGREED, frozenset())


def test_a_term_that_passes_calls_in_the_coordinator_who_decides_and_follows(people: People) -> None:
    running = people.running
    people.passes(24)
    assert people.phase("school") is people.phase("town") is Phase.ESCALATED
    desk = people.found("coordinator")
    assert desk.phase is Phase.ESCALATED
    contacts = Desk(running.nodes["coordinator"].store).contacts(desk.known.handle, desk.known.pair)
    assert {member: each.phone for member, each in contacts.items()} == {"school": "0118-000001", "town": "0118-000002"}
    people.does("coordinator", ActKind.DECIDED, KIM, lead="town", text="the town leads")
    running.settle()
    assert people.found("school").standing.lead == people.found("town").standing.lead == "town"
    assert people.phase("school") is not Phase.ESCALATED
    people.does("school", ActKind.CONTACTED, day=people.today)
    people.does("town", ActKind.CLOSED, JAN, text="nothing more to do") if "closed" in people.found("town").allowed else None
    running.settle()
    assert people.found("coordinator").standing == people.found("school").standing == people.found("town").standing


def test_a_disagreement_goes_to_the_coordinator_who_reads_what_is_released(people: People) -> None:
    running = people.running
    people.does("school", ActKind.CONTACTED, day=people.today, text="spoke with the town")
    running.settle()
    people.does("town", ActKind.DISAGREED, JAN, text="we see no need")
    running.settle()
    assert people.phase("coordinator") is Phase.ESCALATED
    read = {each.text for each in people.found("coordinator").records.texts.values()}
    assert read == {"we see no need"}
    school = running.nodes["school"].follow_ups()
    school.release(people.found("school").known.id, True, "the coordinator should know", ILSE, running.clock())
    running.settle()
    assert {each.text for each in people.found("coordinator").records.texts.values()} == read | {"spoke with the town"}


def test_one_side_asks_for_the_coordinator(people: People) -> None:
    people.does("town", ActKind.ESCALATED, JAN, text="the family moves")
    people.running.settle()
    assert people.phase("coordinator") is people.phase("school") is Phase.ESCALATED
    with pytest.raises(Refused):
        people.does("school", ActKind.CLOSED, text="no")
    people.does("coordinator", ActKind.CLOSED, KIM, text="solved by telephone")
    people.running.settle()
    assert people.phase("school") is people.phase("town") is Phase.CLOSED


def test_a_match_that_ends_ends_its_follow_up_and_one_that_begins_again_goes_on(people: People) -> None:
    running = people.running
    people.does("school", ActKind.CONTACTED, day=people.today)
    running.settle()
    running.nodes["town"].drop_case("T-1")
    running.settle()
    assert people.phase("school") is Phase.WITHDRAWN
    with pytest.raises(Refused, match="over"):
        people.does("school", ActKind.CLOSED, text="gone")
    running.nodes["town"].put_case(case("T-1", CHILD))
    running.settle()
    assert people.phase("school") is people.phase("town") is Phase.IN_CONTACT


def test_a_node_that_is_offline_for_a_month_hears_it_all(people: People) -> None:
    running = people.running
    people.does("school", ActKind.CONTACTED, day=people.today)
    for _ in range(33):
        running.clock.pass_(days=1)
        running.index.expire()
        running.walk("school")
    people.does("school", ActKind.ESCALATED, text="nobody answers") if "escalated" in people.found("school").allowed else None
    running.settle()
    assert people.found("town").standing == people.found("school").standing


def test_a_node_restored_from_a_week_old_backup_gets_back_what_it_had_signed_itself(people: People) -> None:
    running = people.running
    people.does("school", ActKind.ACKNOWLEDGED)
    running.settle()
    copy = running.back_up("school")
    running.clock.pass_(days=1)
    people.does("school", ActKind.CONTACTED, day=people.today, text="spoke at length")
    running.settle()
    people.agrees("school")
    running.settle()
    people.signs("town")
    running.settle()
    running.clock.pass_(days=6)
    before = people.found("town")
    running.restore("school", copy)
    running.settle()
    after = people.found("school")
    assert after.standing == people.found("town").standing == before.standing
    assert after.phase is Phase.AGREED and {each.text for each in after.records.texts.values()} == {"spoke at length"}
    people.does("school", ActKind.CLOSED, text="done after all")
    running.settle()
    assert people.phase("town") is Phase.CLOSED


def test_a_coordinator_restored_from_a_backup_of_before_is_told_everything_again(people: People) -> None:
    running = people.running
    copy = running.back_up("coordinator")
    people.does("town", ActKind.ESCALATED, JAN, text="the family moves")
    running.settle()
    running.clock.pass_(days=2)
    running.restore("coordinator", copy)
    running.settle()
    assert people.phase("coordinator") is Phase.ESCALATED
    people.does("coordinator", ActKind.DECIDED, KIM, lead="school", text="the school leads")
    running.settle()
    assert people.found("town").standing == people.found("school").standing == people.found("coordinator").standing
    assert people.found("town").standing.lead == "school"


def test_a_changed_telephone_number_reaches_the_coordinator_by_itself(people: People) -> None:
    running = people.running
    people.does("town", ActKind.ESCALATED, JAN, text="the family moves")
    running.settle()
    running.nodes["town"].put_case(case("T-1", CHILD, worker_name="Jo Kas", worker_phone="0118-000009"))
    running.settle()
    desk = people.found("coordinator").known
    contacts = Desk(running.nodes["coordinator"].store).contacts(desk.handle, desk.pair)
    assert (contacts["town"].name, contacts["town"].phone) == ("Jo Kas", "0118-000009")


def test_two_cases_with_a_mother_and_a_client_in_common_count_as_one_client_match(tmp_path: Path) -> None:
    with federation(tmp_path) as running:
        school, town = running.nodes["school"], running.nodes["town"]
        school.put_case(case("S-1", CHILD, parent_bsn_1=MOTHER))
        town.put_case(case("T-1", SISTER, parent_bsn_1=MOTHER))
        running.settle()
        assert [(row.match_kind, row.counts[Milestone.MATCHES]) for row in Outcome(school.store).table()] == [("family", 1)]
        town.put_case(case("T-1", CHILD, parent_bsn_1=MOTHER), "wrong")
        running.settle()
        assert [(row.match_kind, row.counts[Milestone.MATCHES]) for row in Outcome(school.store).table()] == [("client", 1)]
