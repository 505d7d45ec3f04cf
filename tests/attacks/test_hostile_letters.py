"""Follow-up letters of a member that means ill: whatever they hold, the receiver goes on hearing and writing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.desk import Desk
from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.followup import Phase
from raakvlak_node.pairs import MAX_PAIRS, MAX_RECORDS
from raakvlak_protocol import follow_up_content
from raakvlak_protocol.act import Act, ActKind, Pair, Party
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.letter import NO_PREVIOUS
from raakvlak_protocol.relation import MatchKind
from raakvlak_protocol.v1 import letter_pb2 as pb
from tests.federation import Federation, case, federation

CHILD = "123456782"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Federation]:
    with federation(tmp_path) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000002"))
        running.settle()
        yield running


def follow_up(running: Federation, member: str) -> FollowUp:
    follow_ups = running.nodes[member].follow_ups()
    (known,) = follow_ups.pairs.all()
    return follow_ups.of(known, running.clock())


def write(running: Federation, *contents: bytes) -> None:
    """The town writes these to the school, rightly sealed and signed, in the chain of their match."""
    node = running.nodes["town"]
    (match,) = node.store.live_matches()
    number, previous = match.own_number, match.own_hash or NO_PREVIOUS
    with node.store.transaction():
        for content in contents:
            number += 1
            previous = node.correspondence().post_in(match, number, previous, content, running.clock())


def acts(running: Federation, count: int) -> list[Act]:
    """So many acts of the town, each on the one before."""
    node, found = running.nodes["town"], follow_up(running, "town")
    made: list[Act] = []
    for number in range(1, count + 1):
        after = (made[-1].hash(node.covenant.id),) if made else ()
        act = Act(found.known.pair, "town", number, after, int(running.clock().timestamp()), ActKind.CONTACTED)
        made.append(replace(act, day=running.clock().date()).signed(node.covenant.id, node.signing_seed))
    return made


def test_an_act_behind_more_acts_than_can_be_written_down_is_put_aside(running: Federation) -> None:
    content = pb.LetterContent.FromString(
        follow_up_content.encode(follow_up_content.FollowUp(follow_up(running, "town").known.pair, tuple(acts(running, 1))))
    )
    content.follow_up.acts[0].after.extend([b""] * 300)
    write(running, content.SerializeToString())
    running.settle()
    assert running.nodes["school"].store.letter_counts()["unreadable"] == 1


def test_a_follow_up_that_is_full_holds_up_no_walk_and_can_be_closed(running: Federation) -> None:
    pair, made = follow_up(running, "town").known.pair, acts(running, MAX_RECORDS - 2)
    write(
        running,
        *(
            follow_up_content.encode(follow_up_content.FollowUp(pair, tuple(made[at : at + 60])))
            for at in range(0, len(made), 60)
        ),
    )
    running.settle()
    assert follow_up(running, "school").known.due_on
    running.clock.pass_(days=120)
    running.walk("school")
    found, school = follow_up(running, "school"), running.nodes["school"].follow_ups()
    with pytest.raises(Refused, match="close it"):
        school.act(found.known.id, ActKind.CONTACTED, Actor.command("ilse"), running.clock(), day=running.clock().date())
    assert school.act(found.known.id, ActKind.CLOSED, Actor.command("ilse"), running.clock(), text="done").phase is Phase.CLOSED


def test_a_coordinator_is_told_that_a_match_began_before_there_were_clocks(running: Federation) -> None:
    node, found = running.nodes["town"], follow_up(running, "town")
    node.follow_ups().act(found.known.id, ActKind.ESCALATED, Actor.command("jan"), running.clock(), text="who leads?")
    running.settle()
    desk = running.nodes["coordinator"].store
    (mediation,) = Desk(desk).mediations()
    said = follow_up_content.FollowUp(found.known.pair, began=date(1, 1, 1))
    Desk(node.store).queue(mediation.match_id, "coordinator", follow_up_content.encode(said))
    running.settle()
    assert desk.letter_counts()["unreadable"] == 1


def test_a_side_that_left_the_covenant_is_written_nothing_and_holds_up_nobody(running: Federation) -> None:
    school = running.nodes["school"]
    found = follow_up(running, "school")
    school.follow_ups().act(found.known.id, ActKind.ACKNOWLEDGED, Actor.command("ilse"), running.clock())
    members = {id: each for id, each in school.covenant.members.items() if id != "town"}
    membership = replace(school.membership, covenant=replace(school.covenant, members=members))
    changed = replace(school, membership=membership)
    assert changed.writer().run(running.clock()) == 0
    assert changed.follow_ups().keep_terms(running.clock() + timedelta(days=90)) == 0
    assert school.writer().run(running.clock()) == 1


def test_a_coordinator_that_serves_the_two_no_more_is_told_nothing_more(running: Federation) -> None:
    school, found = running.nodes["school"], follow_up(running, "school")
    school.follow_ups().act(found.known.id, ActKind.ESCALATED, Actor.command("ilse"), running.clock(), text="who leads?")
    running.settle()
    school.follow_ups().act(
        found.known.id, ActKind.CONTACTED, Actor.command("ilse"), running.clock(), day=running.clock().date()
    )
    school.put_case(case("S-1", CHILD, worker_phone="0118-000009"))
    membership = replace(school.membership, covenant=replace(school.covenant, coordination=()))
    replace(school, membership=membership).writer().run(running.clock())
    posted = school.store.letters_to_post(2**40)
    assert posted and {each.party for each in posted} == {""}


def test_a_card_of_a_thousand_invented_cases_makes_no_thousand_follow_ups(running: Federation) -> None:
    node = running.nodes["town"]
    pairs, own = node.follow_ups().pairs, node.store.case_handle("T-1")
    (match,) = node.store.live_matches()
    invented = {Pair.of(Party("town", "T-1"), Party("school", f"X-{n}")): (own, MatchKind.CLIENT) for n in range(1_000)}
    pairs.carry(match.match_id, invented, int(running.clock().timestamp()))
    assert len(pairs.of_case(own)) == MAX_PAIRS
