"""What a coordinator learns and can do, and who can pose as one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.desk import Desk
from raakvlak_node.pairs import Pairs
from raakvlak_protocol import act as acts
from raakvlak_protocol import follow_up_content, letter
from raakvlak_protocol.act import Act, ActKind
from raakvlak_protocol.errors import Refused
from raakvlak_protocol.follow_up_content import FollowUp
from raakvlak_protocol.letter import DeskHeader
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD = "123456782"
WHO = Actor.command("somebody")
MEMBERS = {"cjg": "coordinator", "house": "coordinator", "school": "education", "town": "municipality", "police": "police"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Federation]:
    """The centre for youth and family serves school and town; the house serves all."""

    def serves(payload: object) -> None:
        rules = payload.coordination  # type: ignore[attr-defined]
        del rules[:]
        rules.add(coordinator="cjg", kinds=["education", "municipality"])
        rules.add(coordinator="house", kinds=["education", "municipality", "police"])

    with federation(tmp_path, make_covenant(members=MEMBERS, change=serves)) as made:
        made.nodes["school"].put_case(case("S-1", CHILD, worker_phone="0118-000001"))
        made.nodes["town"].put_case(case("T-1", CHILD, worker_phone="0118-000002"))
        made.settle()
        yield made


def escalate(running: Federation) -> None:
    follow_ups = running.nodes["town"].follow_ups()
    (known,) = follow_ups.pairs.all()
    follow_ups.act(known.id, ActKind.CONTACTED, WHO, running.clock(), day=date(2026, 1, 5), text="what we said in confidence")
    follow_ups.act(known.id, ActKind.ESCALATED, WHO, running.clock(), text="we need somebody")
    running.settle()


def test_only_the_coordinator_that_the_covenant_names_first_hears_of_it(running: Federation) -> None:
    escalate(running)
    assert len(Pairs(running.nodes["cjg"].store, "zeeland").all()) == 1
    for nobody in ("house", "police"):
        node = running.nodes[nobody]
        assert Pairs(node.store, "zeeland").all() == [] and Desk(node.store).mediations() == []


def test_it_reads_the_course_and_nothing_that_was_not_released(running: Federation) -> None:
    escalate(running)
    (known,) = Pairs(running.nodes["cjg"].store, "zeeland").all()
    records = Pairs(running.nodes["cjg"].store, "zeeland").records(known)
    assert [each.kind for each in records.acts] == [ActKind.CONTACTED, ActKind.ESCALATED]
    assert {each.text for each in records.texts.values()} == {"we need somebody"}
    store = running.nodes["cjg"].store
    assert [store.database[table].count for table in ("person", "token", "own_case", "match")] == [0, 0, 0, 0]


def forged(running: Federation, sender: str, receiver: str, match_id: bytes) -> bytes:
    """A letter in which `sender` decides as if it were the coordinator of these two."""
    (known,) = Pairs(running.nodes[receiver].store, "zeeland").all()
    number, after = acts.following(Pairs(running.nodes[receiver].store, "zeeland").records(known).acts, "zeeland")
    act = Act(known.pair, sender, number, after, int(running.clock().timestamp()), ActKind.DECIDED, lead="town")
    seed = running.sandbox.signing_seeds[sender]
    content = follow_up_content.encode(FollowUp(known.pair, (act.signed("zeeland", seed),)))
    header = DeskHeader("zeeland", match_id, sender, receiver, 1, letter.NO_PREVIOUS)
    key = running.sandbox.covenant.member(receiver).letter_key
    return letter.seal_once(header, content, signing_seed=seed, receiver_key=key)


@pytest.mark.parametrize("sender", ["house", "police"])
def test_the_index_takes_no_letter_of_another(running: Federation, sender: str) -> None:
    escalate(running)
    (match,) = running.nodes["school"].store.live_matches()
    ciphertext = forged(running, sender, "school", match.match_id)
    from raakvlak_node.sync import walking

    with walking(running.nodes[sender], lambda name, **fields: None) as walk:
        walk.publisher.open()
        request = pb.PostLetterRequest(
            covenant_hash=running.sandbox.covenant.hash, generation=walk.publisher.generation, match_id=match.match_id,
            number=1, ciphertext=ciphertext, to="school",
        )  # fmt: skip
        try:
            taken = walk.publisher.call("PostLetter", request, pb.PostLetterReply).match_live
        except Refused:
            taken = False
    assert not taken


@pytest.mark.parametrize("sender", ["house", "police"])
def test_a_node_takes_no_step_of_another_even_from_an_index_that_delivers_it(running: Federation, sender: str) -> None:
    escalate(running)
    node = running.nodes["school"]
    (match,) = node.store.live_matches()
    number = node.store.number("last_event") + 1
    event = pb.Event(number=number)
    event.letter.match_id, event.letter.sender, event.letter.number = match.match_id, sender, 1
    event.letter.ciphertext = forged(running, sender, "school", match.match_id)
    told: list[str] = []
    node.receiver(lambda _, reason: told.append(reason)).take(pb.EventBatch(events=[event], newest=number), running.clock())
    assert len(told) == 1
    (known,) = Pairs(node.store, "zeeland").all()
    assert all(act.author != sender for act in Pairs(node.store, "zeeland").records(known).acts)


def test_a_coordinator_that_was_not_called_in_can_decide_nothing(running: Federation) -> None:
    assert Pairs(running.nodes["cjg"].store, "zeeland").all() == []
    (match,) = running.nodes["school"].store.live_matches()
    node = running.nodes["school"]
    number = node.store.number("last_event") + 1
    event = pb.Event(number=number)
    event.letter.match_id, event.letter.sender, event.letter.number = match.match_id, "cjg", 1
    event.letter.ciphertext = forged(running, "cjg", "school", match.match_id)
    node.receiver().take(pb.EventBatch(events=[event], newest=number), running.clock())
    follow_ups = node.follow_ups()
    (known,) = follow_ups.pairs.all()
    found = follow_ups.of(known, running.clock())
    assert found.standing.lead == "" and [step.counted for step in found.standing.steps] == [False]


def test_an_index_that_brings_a_match_before_the_wrong_coordinator_is_not_believed(running: Federation) -> None:
    node = running.nodes["house"]
    number = node.store.number("last_event") + 1
    event = pb.Event(number=number)
    event.mediation.match_id, event.mediation.one, event.mediation.other = bytes(16), "school", "town"
    node.receiver().take(pb.EventBatch(events=[event], newest=number), running.clock())
    assert Desk(node.store).mediations() == []
