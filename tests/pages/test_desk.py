"""The coordinator's desk: what is stuck, and what only the coordinator hears of."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raakvlak_node.access import AccessLog, Line, Result
from raakvlak_node.desk import Desk
from raakvlak_node.mediating import Mediating
from raakvlak_node.pages.desk import SHOWN
from raakvlak_node.people import Role
from raakvlak_protocol.act import Pair, Party
from tests.node.conftest import NodeOf
from tests.pages.site import ADMIN, Site, Visitor
from tests.pages.story import CHILD, KIM, Story, story

EVIL = "<script>alert(1)</script> =HYPERLINK(1)"


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Story]:
    with story(tmp_path) as made:
        yield made


def lines(site: Site) -> list[Line]:
    return AccessLog(site.node.store).lines(0, 10_000)


def at_desk(told: Story, path: str = "/desk") -> Visitor:
    visitor = told.visit("coordinator", told.kim)
    visitor.go(path)
    return visitor


# --- what is stuck ----------------------------------------------------------------------------------------------------------


def test_nothing_is_stuck_until_somebody_calls_the_coordinator_in(told: Story) -> None:
    told.match()
    assert "Nothing is stuck." in at_desk(told).text()
    told.does("youth-team", told.jan, "escalated", text=f"We don't get through. {EVIL}")
    visitor = at_desk(told)
    text = visitor.text()
    for said in (
        "The school and The youth-team",
        "Their reference: S-1",
        "Their reference: J-1",
        "The youth-team called you in.",
    ):
        assert said in text
    assert "Ilse Quist" in text and "Jan Maas" in text and "tel:0118000001" in visitor.page
    assert EVIL in text and EVIL not in visitor.page
    follow_up = told.path("coordinator")
    assert f'href="{follow_up}"' in visitor.page
    assert visitor.open(follow_up).status_code == 200
    assert [(each.kind, each.actor.role) for each in lines(told.sites["coordinator"]) if each.event == "search"] == [
        ("follow-up", "coordinator")
    ]


def test_a_term_that_passed_brings_it_before_the_coordinator_who_decides_and_sees_how_it_goes_on(told: Story) -> None:
    told.match()
    told.passes(30)
    assert "A term has passed, and nothing was done." in at_desk(told).text()
    told.does("coordinator", told.kim, "decided", text="You are nearest.", lead="school")
    assert "Nothing is stuck." in at_desk(told).text()
    text = at_desk(told, "/desk?show=going-on").text()
    assert "Lead: The school" in text and "See how it stands" in text


def test_a_side_sees_its_own_stuck_follow_ups_with_whose_they_are(told: Story) -> None:
    told.match()
    school = told.sites["school"]
    team = school.people.add_team("Team North", "", ADMIN, school.node.clock())
    now = school.node.clock()
    school.people.change_user(told.ilse.id, told.ilse.changed, teams=[team.id], actor=ADMIN, now=now)
    boss = school.user("boss@school.example", Role.COORDINATOR)
    visitor = school.visit(boss)
    visitor.go("/desk")
    assert "Nothing is stuck." in visitor.text()
    told.running.clock.pass_(days=9)
    told.settle()
    visitor = school.visit(boss)
    visitor.go("/desk")
    text = visitor.text()
    assert "S-1" in text and "Ilse Quist" in text and "Team North" in text and "The youth-team" in text
    assert "late" in text and "us" in text.split()
    assert visitor.open(told.path("school")).status_code == 200
    assert visitor.post(f"{told.path('school')}/acts", {"csrf": visitor.form("/sign-out").fields["csrf"]}).status_code == 403
    told.passes(20)
    visitor = school.visit(boss)
    visitor.go("/desk")
    assert "Escalated" in visitor.text() and "the coordinator" in visitor.text()


def test_a_desk_of_many_is_paged(node_of: NodeOf) -> None:
    site = Site(node_of("coordinator"))
    began = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    for number in range(SHOWN + 3):
        pair = Pair.of(Party("town", f"T-{number:02}"), Party("coordinator", f"C-{number}"))
        pairs = site.node.follow_ups().pairs
        pairs.begin_at_desk(pairs.handle(pair), pair, bytes([number] * 16), began + number * 86_400)
    visitor = site.visit(site.user(KIM, Role.COORDINATOR))
    visitor.go("/desk?show=going-on")
    assert "T-00" in visitor.page and f"T-{SHOWN:02}" not in visitor.page
    assert f"show=going-on&amp;after={SHOWN}" in visitor.page
    visitor.go(f"/desk?show=going-on&after={SHOWN}")
    assert "T-00" not in visitor.page and f"T-{SHOWN:02}" in visitor.page
    for wrong in ("?show=nothing", "?after=-5", "?after=99999999999", "?show=alone&after=7"):
        assert visitor.open(f"/desk{wrong}").status_code == 200
    assert visitor.open("/desk?after=x").status_code == 404


def test_the_desk_is_for_coordinators_alone(told: Story) -> None:
    for member, user in (("school", told.ilse),):
        visitor = told.visit(member, user)
        for path in ("/desk", f"/desk/matches/{'0' * 32}"):
            assert visitor.open(path).status_code == 403
    refused = [each for each in lines(told.sites["school"]) if each.outcome is Result.REFUSED]
    assert [each.reason for each in refused] == ["GET /desk", "GET /desk/matches/{match}"]


# --- matches that only the coordinator hears of -----------------------------------------------------------------------------


@pytest.fixture
def alone(told: Story) -> Story:
    told.put("police", "P-1", CHILD, told.ruud, confidential="yes")
    told.settle()
    told.put("school", "S-1", CHILD, told.ilse)
    told.settle()
    return told


def path_of(alone: Story) -> str:
    (heard,) = Mediating(alone.running.nodes["coordinator"]).matches()
    return f"/desk/matches/{heard.id}"


def test_the_coordinator_asks_the_one_side_and_reads_its_answer(alone: Story) -> None:
    visitor = at_desk(alone, "/desk?show=alone")
    assert "The police and The school" in visitor.text() and "not asked yet" in visitor.text()
    path = path_of(alone)
    assert f'href="{path}"' in visitor.page
    visitor.go(path)
    assert "You may ask The police." in visitor.text()
    visitor.done(visitor.send(path, text=f"May we tell? {EVIL}", phone="0118-000009"))
    assert "The police gets your question today." in visitor.text()
    assert EVIL in visitor.text() and EVIL not in visitor.page
    assert alone.sites["coordinator"].woken == 1
    assert "You have asked" in visitor.text()  # and can't ask again
    alone.settle()
    police = Mediating(alone.running.nodes["police"])
    (question,) = police.questions()
    assert (question.asked.ask.name, question.asked.ask.email) == ("Kim Prins", KIM)
    assert Desk(alone.running.nodes["school"].store).asks() == []
    police.answer(question.id, False, f"an inquiry runs {EVIL}", ADMIN, alone.running.clock())
    alone.settle()
    visitor.go(path)
    assert "stays as it is" in visitor.text() and f"an inquiry runs {EVIL}" in visitor.text() and EVIL not in visitor.page
    visitor.done(visitor.send(path, text="And now?"))
    alone.settle()
    (question,) = police.questions()
    police.answer(question.id, True, "the family agreed", ADMIN, alone.running.clock())
    alone.settle()
    assert visitor.open(path).status_code == 404  # An ordinary match now.
    assert "There is nothing that only you hear of." in at_desk(alone, "/desk?show=alone").text()


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_asked(alone: Story) -> None:
    path = path_of(alone)
    visitor = at_desk(alone, path)
    assert visitor.send(path, text="", name="Kim", phone="", email="").status_code == 422
    assert "Fill this in." in visitor.text() and "Fill in a phone number or an e-mail address" in visitor.text()
    visitor.go(path)
    assert visitor.send(path, text="kept as typed", name="K\u202eim").status_code == 422
    assert "kept as typed" in visitor.page
    visitor.go(path)
    assert visitor.send(path, text="x" * 2_001).status_code == 422
    visitor.go(path)
    for member in ("school", "nobody", ""):
        assert visitor.send(path, text="may we tell?", member=member).status_code == 422
        visitor.go(path)
    assert visitor.post(path, {"member": ["police"], "text": ["hello"]}).status_code == 400
    alone.settle()
    for member in ("police", "school"):
        assert Desk(alone.running.nodes[member].store).asks() == []


def test_whoever_asked_a_moment_before_is_heard_and_the_second_is_told(alone: Story) -> None:
    path = path_of(alone)
    one, other = at_desk(alone, path), at_desk(alone, path)
    one.done(one.send(path, text="first"))
    assert other.send(path, text="second").status_code == 409
    assert "asked already" in other.text()


def test_a_match_that_is_not_there_or_not_before_this_coordinator_is_gone(alone: Story) -> None:
    visitor = at_desk(alone)
    token = visitor.form("/sign-out").fields["csrf"]
    for id in ("0" * 32, "x", path_of(alone).rpartition("/")[2].upper()):
        assert visitor.open(f"/desk/matches/{id}").status_code == 404
        assert visitor.post(f"/desk/matches/{id}", {"csrf": token, "member": ["police"]}).status_code == 404
    boss = alone.sites["school"].user("boss@school.example", Role.COORDINATOR)
    assert alone.visit("school", boss).open(path_of(alone)).status_code == 404


def test_all_of_it_is_said_in_dutch(alone: Story) -> None:
    visitor = alone.visit("coordinator", alone.kim, "nl")
    visitor.go("/desk?show=alone")
    assert "Alleen jij weet ervan" in visitor.text()
    visitor.go(path_of(alone))
    assert "Je mag The police vragen." in visitor.text()
