"""Streams, acknowledgement, letters, full queues: nothing is lost, and nothing is told twice by mistake."""

import time
from pathlib import Path

import pytest

from raakvlak_protocol.errors import Malformed, Refused, Stale, Unavailable
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.covenants import Sandbox
from tests.index.members import House, Member, house

WAKES_WITHIN_SECONDS = 1.0
"""Measured: some milliseconds; a machine under load needs room."""


def test_a_stream_wakes_when_something_comes(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    with school.watching() as stream:
        first = next(stream)
        assert (list(first.events), first.newest) == ([], 0)
        town.publish("anna")
        began = time.monotonic()
        batch = next(stream)
        assert time.monotonic() - began < WAKES_WITHIN_SECONDS
        assert [event.number for event in batch.events] == [1]
        assert batch.newest == 1


def test_acknowledged_events_are_forgotten(running: House, school: Member, town: Member) -> None:
    school.publish("anna", "bert", "carla")
    town.publish("anna", "bert", "carla")
    assert [event.number for event in school.events()] == [1, 2, 3]
    assert school.acknowledge(2) == 1
    assert [event.number for event in school.events(2)] == [3]
    assert school.acknowledge(1) == 1
    assert school.acknowledge(3) == 0
    with pytest.raises(Malformed):
        school.acknowledge(4)
    town.withdraw([match.reference for match in town.matches()][:1])
    assert [event.number for event in school.events(3)] == [4]


def test_a_newer_generation_ends_the_older_one(running: House, school: Member, town: Member) -> None:
    with school.watching() as stream:
        next(stream)
        old = school.generation
        school.open()
        with pytest.raises(Stale):
            next(stream)
    school.generation = old
    for call in (
        lambda: school.publish("anna"),
        lambda: school.withdraw([bytes(16)]),
        lambda: school.acknowledge(0),
        lambda: school.post(bytes(16)),
        lambda: school.replay(),
        lambda: school.events(),
    ):
        with pytest.raises(Stale) as refusal:
            call()
        assert refusal.value.generation == 2


def test_a_member_that_never_opened_has_no_generation(running: House, town: Member) -> None:
    police = running.member("police")
    police.generation = 0
    with pytest.raises(Stale):
        police.publish("anna")


def test_events_behind_what_a_restored_node_remembers(running: House, school: Member, town: Member) -> None:
    school.publish("anna", "bert")
    town.publish("anna", "bert")
    school.acknowledge(2)
    (batch,) = school.batches(1)
    assert batch.replay_needed
    assert [(event.number, event.WhichOneof("what")) for event in batch.events] == [(3, None)]
    assert len(school.replay()) == 2
    assert not school.batches(3)[0].replay_needed
    with pytest.raises(Refused, match="restored"):
        school.events(7)


def test_a_letter_reaches_the_other_side_once(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    match_id = school.matches()[0].match_id
    assert school.post(match_id, 1, b"x" * 4096)
    assert school.post(match_id, 1, b"x" * 4096)
    letters = [event.letter for event in town.events() if event.HasField("letter")]
    assert letters == [pb.Letter(match_id=match_id, sender="school", number=1, ciphertext=b"x" * 4096)]
    assert school.kinds() == ["match"]
    assert town.acknowledge(2) == 0
    assert school.post(match_id, 1, b"x" * 4096), "once it was fetched, the same number is another letter"
    assert town.kinds(2) == ["letter"]


def test_letters_of_others_and_of_no_match(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    match_id = school.matches()[0].match_id
    assert not running.member("police").post(match_id)
    assert not school.post(bytes(16))
    assert town.kinds() == ["match"]
    for wrong in (b"", b"x" * 1000, b"x" * 16385):
        with pytest.raises(Malformed):
            school.post(match_id, 1, wrong)
    with pytest.raises(Malformed):
        school.post(match_id, 0)


def test_sixteen_letters_wait_in_a_match(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    match_id = school.matches()[0].match_id
    for number in range(1, 17):
        assert school.post(match_id, number)
    with pytest.raises(Unavailable, match="16 of your letters"):
        school.post(match_id, 17)
    assert school.post(match_id, 16), "the same again is no further one"
    assert town.post(match_id, 1), "the other direction has room of its own"
    town.acknowledge(2)
    assert school.post(match_id, 17)


def test_batches_stay_small(running: House, school: Member, town: Member) -> None:
    names = [f"person {number}" for number in range(10)]
    school.publish(*names)
    town.publish(*names)
    for match in school.matches():
        for number in range(1, 11):
            assert school.post(match.match_id, number, bytes(16384))
    batches = town.batches()
    assert sum(len(each.events) for each in batches) == 110
    assert max(each.ByteSize() for each in batches) < 2**20 + 20_000
    assert len(batches) == 2
    assert [event.number for each in batches for event in each.events] == list(range(1, 111))


def test_a_full_queue_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    names = [f"person {number}" for number in range(10)]
    with house(sandbox, tmp_path, event_cap=5) as running:
        school, town, police = (running.member(each) for each in ("school", "town", "police"))
        school.publish(*names)
        town.publish(*names[:4])
        assert running.index.log().count('"event": "alarm"') == 2, "at four of five, for each side"
        town.acknowledge(4)
        town.publish(*names[4:])
        assert len(school.matches()) == 5
        assert len(town.events(4)) == 1, "what one side has no room for, the other is not told either"
        assert school.batches()[0].replay_needed
        assert not town.batches(4)[0].replay_needed
        with pytest.raises(Unavailable, match="queue is full"):
            town.post(town.events(4)[0].match.match_id)
        police.publish(names[9])
        assert len(police.matches()) == 1, "of the town, which has room; the school hears of it later"
        for _ in range(4):
            for member in (school, town, police):
                _catch_up(member)
        assert not any(member.batches(_acknowledged(member))[0].replay_needed for member in (school, town, police))
        assert [match.other for match in school.replay()].count("town") == 10
        assert len(school.replay()) == len(town.replay()) == 11
        assert sorted(match.other for match in police.replay()) == ["school", "town"]


def _acknowledged(member: Member) -> int:
    return member.batches()[0].newest


def _catch_up(member: Member) -> None:
    """As a node does: fetches what waits, acknowledges it, and asks for a replay where it must."""
    needed = member.batches()[0].replay_needed
    member.acknowledge(_acknowledged(member))
    if needed:
        assert len(member.replay()) <= 11


def test_the_end_of_a_match_that_found_no_room_is_told_by_replay(sandbox: Sandbox, tmp_path: Path) -> None:
    with house(sandbox, tmp_path, event_cap=1) as running:
        school, town = running.member("school"), running.member("town")
        school.publish("anna")
        reference = town.publish("anna").references[0]
        assert town.acknowledge(1) == 0
        town.withdraw([reference])
        assert town.kinds(1) == ["match_ended"]
        assert school.kinds() == ["match"]
        assert school.batches()[0].replay_needed
        assert school.replay() == []
