"""What of a follow-up is told by e-mail: what others have done, and what time has; never what one did oneself."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.follow_ups import Terms
from raakvlak_node.mediating import Mediating
from raakvlak_node.notice_text import Kind
from raakvlak_node.settings import Mail
from raakvlak_protocol.act import ActKind, Informed, Task
from raakvlak_protocol.term import month_of, start_of
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD = "123456782"
WORKER = Actor.command("ilse")
MEMBERS = {"coordinator": "coordinator", "school": "education", "police": "police", "town": "municipality"}
MAIL = Mail("127.0.0.1:1", "raakvlak@school.example", "none")


class Story:
    """The workers' acts, and what has become new for whom since it was last asked."""

    def __init__(self, running: Federation) -> None:
        self.running = running
        for name, node in list(running.nodes.items()):
            running.nodes[name] = replace(node, settings=replace(node.settings, mail=MAIL))

    @property
    def today(self) -> date:
        return self.running.nodes["school"].today(self.running.clock())

    def new(self, member: str) -> set[tuple[str, Kind]]:
        """(own case reference, kind)"""
        store = self.running.nodes[member].store
        rows = store.database.execute("SELECT own_case, kind FROM notice").fetchall()
        store.database.execute("DELETE FROM notice")
        found = ((store.case(bytes(row[0])), Kind(row[1])) for row in rows)
        return {(one.reference, kind) for one, kind in found if one is not None}

    def id(self, member: str) -> str:
        (known,) = self.running.nodes[member].follow_ups().pairs.all()
        return known.id

    def does(self, member: str, kind: ActKind, text: str = "", day: date | None = None) -> None:
        clock = self.running.clock()
        self.running.nodes[member].follow_ups().act(self.id(member), kind, WORKER, clock, text=text, day=day)
        self.running.settle()

    def passes(self, days: int) -> None:
        for _ in range(days):
            self.running.clock.pass_(days=1)
            self.running.settle()


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with federation(tmp_path, make_covenant(members=MEMBERS)) as running:
        made = Story(running)
        running.nodes["school"].put_case(case("S-1", CHILD, worker_phone="0118-000001"))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000002"))
        running.settle()
        yield made


def test_each_hears_what_the_other_did(story: Story) -> None:
    assert story.new("school") == {("S-1", Kind.MATCH)} and story.new("town") == {("T-1", Kind.MATCH)}
    story.does("school", ActKind.CONTACTED, day=story.today)
    assert story.new("school") == set() and story.new("town") == {("T-1", Kind.ANSWER)}
    node, now = story.running.nodes["town"], story.running.clock()
    terms = Terms(
        "town", (Task("mentor", "belt", story.today + timedelta(days=9)),), story.today + timedelta(days=40),
        Informed.AGREES, Informed.AGREES,
    )  # fmt: skip
    node.follow_ups().propose([story.id("town")], terms, WORKER, now)
    story.running.settle()
    assert story.new("school") == {("S-1", Kind.AGREEMENT)} and story.new("town") == set()
    story.running.nodes["school"].follow_ups().sign(story.id("school"), WORKER, now)
    story.running.settle()
    assert story.new("school") == set() and story.new("town") == {("T-1", Kind.ANSWER)}
    story.passes(39)
    assert story.new("school") == {("S-1", Kind.EVALUATION)} and story.new("town") == {("T-1", Kind.EVALUATION)}
    story.does("town", ActKind.ESCALATED, "it does not go well")
    assert story.new("school") == {("S-1", Kind.ESCALATED)} and story.new("town") == set()
    assert story.new("coordinator") == set()  # It has a desk, and no case of its own.


def test_who_was_in_contact_already_is_left_alone(story: Story) -> None:
    story.new("town")
    story.does("school", ActKind.ALREADY_IN_CONTACT)
    assert story.new("town") == set()
    story.does("school", ActKind.RESUMED)
    assert story.new("town") == {("T-1", Kind.ANSWER)}


def test_a_term_is_told_before_it_ends_when_it_has_and_when_the_coordinator_comes(story: Story) -> None:
    told = [story.new("school")]
    for _ in range(30):
        story.passes(1)
        told.append(story.new("school"))
    kinds = [kind for each in told for _, kind in each]
    assert kinds[0] is Kind.MATCH and kinds[-1] is Kind.ESCALATED
    assert {Kind.NEAR, Kind.PASSED} < set(kinds) and kinds.index(Kind.NEAR) < kinds.index(Kind.PASSED)


def test_the_term_of_a_case_is_told(story: Story) -> None:
    story.new("school")
    node = story.running.nodes["school"]
    now = start_of(month_of(story.running.clock()) + 24) - timedelta(days=20)
    node.standing().remind(node.webhooks(), node.notices(), now)
    assert story.new("school") == {("S-1", Kind.NEAR)}
    node.standing().remind(node.webhooks(), node.notices(), now + timedelta(days=21))
    assert story.new("school") == {("S-1", Kind.PASSED)}


def test_a_question_of_the_coordinator_is_told_to_whom_it_asks_alone(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=MEMBERS)) as running:
        story = Story(running)
        running.nodes["police"].put_case(case("P-1", CHILD, confidential="yes", worker_phone="0118-000003"))
        running.nodes["school"].put_case(case("S-1", CHILD, worker_phone="0118-000001"))
        running.settle()
        assert story.new("police") == story.new("school") == set()
        desk = Mediating(running.nodes["coordinator"])
        (heard,) = desk.matches()
        desk.ask(heard.id, "police", "Kim", "0118-000009", "", "may we tell?", WORKER, running.clock())
        running.settle()
        assert story.new("police") == {("P-1", Kind.QUESTION)} and story.new("school") == set()
        running.settle()
        assert story.new("police") == set()
