"""Stories of involvement that only a coordinator hears of: asked about, released, and withdrawn again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from raakvlak_node.access import AccessLog, Actor
from raakvlak_node.desk import Desk
from raakvlak_node.followup import Phase
from raakvlak_node.mediating import Mediating
from raakvlak_protocol.act import ActKind, Pair, Party
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.follow_up_content import FollowUp, encode
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
    ask(running)  # Of a match that both have known, too.
    (again,) = police.questions()
    police.answer(again.id, False, "not any more", RUUD, running.clock())
    running.settle()
    (answered,) = Desk(running.nodes["coordinator"].store).asks()
    assert (answered.released, answered.answer) == (False, "not any more")
    assert running.touches("school") == running.touches("police") == set()
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


def test_no_word_about_a_case_is_written_from_when_its_release_is_taken_back(running: Federation) -> None:
    """Also while the index takes no writes and the row still stands."""
    police = running.nodes["police"]
    police.release("P-1", "the family agreed", RUUD)
    running.settle()
    (known,) = police.follow_ups().pairs.all()
    police.follow_ups().act(known.id, ActKind.ACKNOWLEDGED, RUUD, running.clock(), text="we know them well")
    police.writer().run(running.clock())
    assert len(police.store.letters_to_post(2**40)) == 1
    police.follow_ups().act(known.id, ActKind.CONTACTED, RUUD, running.clock(), day=police.today(running.clock()))
    police.withdraw_release("P-1", "it endangers the family after all", RUUD)
    police.writer().run(running.clock())
    assert police.store.letters_to_post(2**40) == []
    police.follow_ups().keep_terms(running.clock())
    assert police.follow_ups().find(known.id, running.clock()).phase is Phase.WITHDRAWN
    running.settle()
    police.release("P-1", "the family agreed again", RUUD)
    running.settle()
    for member in ("police", "school"):
        follow_ups = running.nodes[member].follow_ups()
        assert follow_ups.find(follow_ups.pairs.all()[0].id, running.clock()).phase is Phase.IN_CONTACT


def test_a_side_that_was_asked_brings_no_follow_up_of_a_match_that_nobody_knows_of(running: Federation) -> None:
    ask(running)
    police, desk = running.nodes["police"].store, running.nodes["coordinator"].store
    (mediation,) = Desk(desk).mediations()
    forged = FollowUp(Pair.of(Party("police", "P-1"), Party("school", "S-0")))
    Desk(police).queue(mediation.match_id, "coordinator", encode(forged))
    running.settle()
    assert running.nodes["coordinator"].follow_ups().pairs.all() == []
    assert desk.letter_counts()["unreadable"] == 1


def test_what_was_asked_about_a_person_is_erased_with_them(running: Federation) -> None:
    ask(running)
    police = running.nodes["police"]
    police.standing().erase(case("P-1", CHILD).client, "granted", RUUD, running.clock())
    assert Desk(police.store).asks() == []
    running.settle()
