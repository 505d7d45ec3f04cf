"""Matches that only a coordinator hears of, over mutual TLS; and those that a side brings before it."""

from pathlib import Path

import pytest

from raakvlak_index import copies, mediation
from raakvlak_index.log import PublishedLog
from raakvlak_protocol.errors import Malformed, NotPermitted, Refused
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import Sandbox, make_covenant
from tests.index.conftest import MEMBERS
from tests.index.members import House, Member, house
from tests.index.running import Party, serving

HIDDEN = Visibility.COORDINATOR


@pytest.fixture
def police(running: House) -> Member:
    return running.member("police")


@pytest.fixture
def coordinator(running: House) -> Member:
    return running.member("coordinator")


def test_only_the_coordinator_is_told(running: House, school: Member, police: Member, coordinator: Member) -> None:
    reply = police.publish("anna", "bert", visibility=HIDDEN)
    school.publish("anna")
    assert coordinator.events() == []
    running.mediate()
    (told,) = coordinator.mediations()
    assert (told.one, told.other, told.epoch, told.direct) == ("police", "school", 1, False)
    assert (told.one_reference, told.other_reference) == (reply.references[0], b"")
    assert coordinator.before() == [told]
    assert school.events() == police.events() == []
    assert school.replay() == police.replay() == coordinator.replay() == []
    assert school.before() == police.before() == []


def test_a_shelter_publishes_for_the_coordinator(running: House, school: Member, coordinator: Member) -> None:
    shelter = running.member("shelter")
    shelter.publish("anna", visibility=HIDDEN)
    school.publish("anna")
    running.mediate()
    (told,) = coordinator.mediations()
    assert (told.one, told.other, told.one_reference, len(told.other_reference)) == ("school", "shelter", b"", 16)


def test_a_release_is_an_ordinary_match(running: House, school: Member, police: Member, coordinator: Member) -> None:
    (reference,) = police.publish("anna", visibility=HIDDEN).references
    school.publish("anna")
    running.mediate()
    match_id = coordinator.mediations()[0].match_id
    assert coordinator.post(match_id, to="police")
    assert police.withdraw([reference]) == [True]
    police.publish("anna")
    running.mediate()
    assert coordinator.kinds() == ["mediation", "match_ended"] and coordinator.before() == []
    assert [each.match_id for each in school.matches()] == [each.match_id for each in police.matches()] == [match_id]
    assert school.post(match_id) and police.events()[-1].letter.sender == "school"


def test_letters_to_and_from_a_coordinator(running: House, school: Member, town: Member, coordinator: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    (match,) = school.matches()
    assert school.post(match.match_id, 1, bytes(4096), to="coordinator")
    told, letter = coordinator.events()
    assert told.mediation.direct and (told.mediation.one_reference, told.mediation.other_reference) == (b"", b"")
    assert (letter.letter.sender, letter.letter.number, len(letter.letter.ciphertext)) == ("school", 1, 4096)
    assert coordinator.before() == [told.mediation]
    assert coordinator.post(match.match_id, 1, to="town")
    assert town.events()[-1].letter.sender == "coordinator"
    running.clock.pass_(days=31)
    running.index.expire()
    (lapsed,) = [each.letter_lapsed for each in school.events() if each.HasField("letter_lapsed")]
    assert (lapsed.match_id, lapsed.number, lapsed.to) == (match.match_id, 1, "coordinator")


def test_whom_a_letter_may_name(running: House, school: Member, town: Member, police: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    match_id = school.matches()[0].match_id
    for to, kind in (("nobody", Malformed), ("school", Malformed), ("town", NotPermitted), ("police", NotPermitted)):
        with pytest.raises(kind):
            school.post(match_id, to=to)
    assert town.events()[1:] == [] == police.events()


def test_a_kind_that_nobody_coordinates_may_not_publish_so(running: House, coordinator: Member) -> None:
    with pytest.raises(Refused, match="no coordinator that serves a coordinator"):
        coordinator.publish("anna", visibility=HIDDEN)


def _of_care_and_of_safety(payload: pb.Covenant) -> None:
    del payload.coordination[:]
    payload.coordination.add(coordinator="coordinator", kinds=["education", "municipality"])
    payload.coordination.add(coordinator="safety", kinds=["police", "education"])


def test_each_coordinator_hears_of_its_own_kinds(tmp_path: Path) -> None:
    sandbox = make_covenant(members=MEMBERS | {"safety": "coordinator"}, change=_of_care_and_of_safety)
    with house(sandbox, tmp_path) as running:
        for member in ("school", "town", "police"):
            running.member(member).publish("anna", visibility=HIDDEN)
        running.mediate()
        care, safety = running.member("coordinator"), running.member("safety")
        assert [(each.one, each.other) for each in care.mediations()] == [("school", "town")]
        assert [(each.one, each.other) for each in safety.mediations()] == [("police", "school")]
        with pytest.raises(Refused):
            running.member("shelter").publish("anna", visibility=HIDDEN)


def test_many_are_told_in_small_transactions(running: House, school: Member, police: Member, coordinator: Member) -> None:
    names = [f"person {number}" for number in range(2 * mediation.BATCH + 50)]
    police.publish(*names, visibility=HIDDEN)
    school.publish(*names)
    running.mediate()
    assert len(coordinator.before()) == len(coordinator.mediations()) == len(names)
    running.mediate()
    assert len(coordinator.events()) == len(names)


def test_a_store_that_goes_on_with_another_coordinator(tmp_path: Path) -> None:
    """The covenant's next version calls in another member; the first one has left it."""

    def change(payload: pb.Covenant) -> None:
        (leaving,) = (each for each in payload.members if each.id == "coordinator")
        payload.members.remove(leaving)
        payload.coordination[0].coordinator = "safety"
        del payload.coordination[1:]

    sandbox = make_covenant(members=MEMBERS | {"safety": "coordinator"})
    with house(sandbox, tmp_path) as running:
        running.member("police").publish("anna", visibility=HIDDEN)
        running.member("school").publish("anna")
        running.mediate()
        match_id = running.member("coordinator").mediations()[0].match_id
        running.member("coordinator").post(match_id, to="police")
        peppers = running.index.peppers
    with house(sandbox.successor(change), tmp_path, peppers=peppers) as running:
        running.mediate()
        assert [each.match_id for each in running.member("safety").mediations()] == [match_id]
        assert running.member("police").kinds() == [None], "nothing is left of the letter of who has left"
        assert running.member("school").events() == []


def test_what_a_backup_says_of_rows_that_are_gone_is_before_nobody(sandbox: Sandbox, tmp_path: Path) -> None:
    folder, copy = tmp_path / "index", tmp_path / "copy"
    with house(sandbox, folder) as running:
        police, school, coordinator = (running.member(each) for each in ("police", "school", "coordinator"))
        gone, _ = police.publish("anna", "bert", visibility=HIDDEN).references
        school.publish("anna", "bert")
        running.mediate()
        kept = next(each for each in coordinator.mediations() if each.one_reference != gone)
        for each in coordinator.mediations():
            coordinator.post(each.match_id, 7, to="police")
        running.index.publish_log()
        copies.backup(running.index.path, copy, running.clock.now)
        police.withdraw([gone])
        running.index.publish_log()
        peppers, path = running.index.peppers, running.index.path
        log = PublishedLog(running.index.published, running.index.identity.dns_name, sandbox.log_seed)
    assert copies.restore(copy, path, log, running.clock.now, replace=True).removed == 1
    with house(sandbox, folder, peppers=peppers) as running:
        police, school, coordinator = (running.member(each) for each in ("police", "school", "coordinator"))
        assert [each.match_id for each in coordinator.before()] == [kept.match_id]
        (lapsed,) = [each.letter_lapsed for each in coordinator.events(coordinator.batches()[0].newest - 1)]
        assert (lapsed.match_id, lapsed.number, lapsed.to) == (kept.match_id, 7, "police")
        running.mediate()
        assert [each.match_id for each in coordinator.before()] == [kept.match_id]


def test_an_index_that_serves_sweeps_by_itself(sandbox: Sandbox, tmp_path: Path) -> None:
    """In a sandbox every second."""
    with serving(Party(sandbox, tmp_path / "index").complete()) as index, index.member("coordinator") as coordinator:
        with index.member("police") as police, index.member("school") as school:
            police.publish("anna", visibility=HIDDEN)
            school.publish("anna")
        with coordinator.watching() as stream:
            events = [event for batch in (next(stream), next(stream)) for event in batch.events]
        assert [event.WhichOneof("what") for event in events] == ["mediation"]
        assert index.party.status()["mediations"] == 1


def test_how_long_it_rests() -> None:
    assert mediation.pause(0.1, sandbox=False) == mediation.SECONDS == 900
    assert mediation.pause(0.01, sandbox=True) == 1.0
    assert mediation.pause(2.0, sandbox=True) == 40.0, "a large store is not read all the time"
