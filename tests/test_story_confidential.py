"""Stories of involvement that only a coordinator hears of: asked about, released, and withdrawn again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raakvlak_node.access import AccessLog, Actor
from raakvlak_node.desk import Desk
from raakvlak_node.mediating import Mediating
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.publication import Visibility
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, MOTHER = "123456782", "999990019"
KIM, RUUD = Actor.command("kim"), Actor.command("ruud")
MEMBERS = {"coordinator": "coordinator", "school": "education", "police": "police", "shelter": "shelter"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Federation]:
    with federation(tmp_path, make_covenant(members=MEMBERS)) as made:
        made.nodes["police"].put_case(case("P-1", CHILD, confidential="yes", parent_bsn_1=MOTHER, worker_phone="0118-000003"))
        made.settle()
        made.nodes["school"].put_case(case("S-1", CHILD, worker_phone="0118-000001"))
        made.settle()
        yield made


def heard_by(running: Federation) -> list[tuple[str, ...]]:
    return [(each.mediation.one, each.mediation.other) for each in Mediating(running.nodes["coordinator"]).matches()]


def ask(running: Federation) -> None:
    desk = Mediating(running.nodes["coordinator"])
    (heard,) = desk.matches()
    assert heard.askable == ("police",)
    with pytest.raises(Refused, match="may not be asked"):
        desk.ask(heard.id, "school", "Kim", "0118-000009", "", "may we tell?", KIM, running.clock())
    desk.ask(heard.id, "police", "Kim", "0118-000009", "", "may we tell?", KIM, running.clock())
    running.settle()


def test_only_the_coordinator_hears_until_it_is_released_and_again_after_that_is_taken_back(running: Federation) -> None:
    assert heard_by(running) == [("police", "school")]
    assert running.touches("school") == running.touches("police") == set()
    ask(running)
    assert running.touches("school") == set() and Desk(running.nodes["school"].store).asks() == []
    police = Mediating(running.nodes["police"])
    (question,) = police.questions()
    assert question.cases == ("P-1",) and question.asked.ask.text == "may we tell?"
    police.answer(question.id, True, "the family agreed", RUUD, running.clock())
    running.settle()
    assert running.touches("school") == {("S-1", "police", "P-1", "client", "client")}
    assert running.touches("police") == {("P-1", "school", "S-1", "client", "client")}
    (answered,) = Desk(running.nodes["coordinator"].store).asks()
    assert (answered.released, answered.answer) == (True, "the family agreed")
    running.nodes["police"].withdraw_release("P-1", "it endangers the family after all", RUUD)
    running.settle()
    assert running.touches("school") == running.touches("police") == set()
    assert heard_by(running) == [("police", "school")]
    reasons = [line.reason for line in AccessLog(running.nodes["police"].store).lines(0, 100)]
    assert {"the family agreed", "it endangers the family after all"} <= set(reasons)


def test_a_side_that_keeps_it_stays_unseen(running: Federation) -> None:
    ask(running)
    police = Mediating(running.nodes["police"])
    (question,) = police.questions()
    police.answer(question.id, False, "an inquiry runs", RUUD, running.clock())
    running.settle()
    assert running.touches("school") == set()
    (answered,) = Desk(running.nodes["coordinator"].store).asks()
    assert (answered.released, answered.answer) == (False, "an inquiry runs")


def test_a_shelter_is_never_shown_and_its_address_never_leaves(running: Federation) -> None:
    home = {"postcode": "4331AB", "house_number": "12"}
    running.nodes["shelter"].put_case(case("H-1", MOTHER, **home))
    running.nodes["school"].put_case(case("S-1", CHILD, parent_bsn_1=MOTHER, **home))
    running.settle()
    assert ("school", "shelter") in heard_by(running) and ("police", "shelter") in heard_by(running)
    assert running.touches("school") == running.touches("shelter") == set()
    with pytest.raises(Refused):
        running.nodes["shelter"].release("H-1", "why not", RUUD)
    shelter = running.nodes["shelter"].store.database
    sent = [row["namespace"] for row in shelter.query("SELECT namespace FROM person JOIN token ON person = handle")]
    assert sent == ["bsn"]


def test_a_row_is_direct_as_soon_as_one_case_is_and_shows_that_case_alone(running: Federation) -> None:
    police = running.nodes["police"]
    police.put_case(case("P-2", CHILD, worker_phone="0118-000004"))
    running.settle()
    assert running.touches("school") == {("S-1", "police", "P-2", "client", "client")}
    rows = police.store.database.query("SELECT visibility FROM token WHERE reference IS NOT NULL")
    assert sorted(row["visibility"] for row in rows) == [Visibility.DIRECT, Visibility.COORDINATOR]
