"""Publishing and withdrawing over mutual TLS: a match is told to both sides or to neither, and nothing by halves."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from raakvlak_protocol import publication, term
from raakvlak_protocol.errors import Malformed, NotPermitted, RaakvlakError, Refused, Stale
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.index.members import House, Member, person, persons


def contents(running: House) -> list[str]:
    """Everything that the database holds but when a member was last seen, as SQL."""
    with closing(sqlite3.connect(running.index.path)) as db:
        return list(db.iterdump())


def test_a_match_is_told_to_both_sides(running: House, school: Member, town: Member) -> None:
    first = school.publish("anna", "bert")
    assert school.matches() == []
    second = town.publish("carla", "anna")
    (at_school,), (at_town,) = school.matches(), town.matches()
    assert at_school.match_id == at_town.match_id
    assert (at_school.other, at_town.other) == ("town", "school")
    assert at_school.reference == first.references[0]
    assert at_town.reference == second.references[1]
    assert at_school.epoch == at_town.epoch == 1
    assert school.replay() == [at_school]
    assert town.replay() == [at_town]


def test_the_reply_looks_the_same_with_and_without_a_match(running: House, school: Member, town: Member) -> None:
    with_none = school.publish("anna", "bert")
    with_one = town.publish("carla", "anna")
    assert with_none.ByteSize() == with_one.ByteSize()
    for reply in (with_none, with_one):
        assert [len(each) for each in reply.references] == [16, 16]
        assert list(reply.already_there) == [False, False]
        assert reply.removal_month == term.month_of(datetime.now(UTC)) + 24


def test_never_a_match_with_itself_nor_with_a_kind_that_is_not_direct(running: House, school: Member) -> None:
    school.publish("anna")
    assert list(school.publish("anna").already_there) == [True]
    running.member("coordinator").publish("anna")
    assert school.events() == []
    assert running.member("coordinator").events() == []


def test_a_row_that_stands_is_left_as_it_is(running: House, school: Member) -> None:
    (before,) = school.publish("anna").references
    row = school.inventory()
    running.clock.pass_(days=70)
    school.open()
    reply = school.publish("anna", "bert")
    assert list(reply.already_there) == [True, False]
    assert reply.references[0] == before
    assert [each for each in school.inventory() if each.reference == before] == row


def test_three_members_meet_in_pairs(running: House, school: Member, town: Member) -> None:
    police = running.member("police")
    for member in (school, town, police):
        member.publish("anna")
    assert [sorted(match.other for match in each.matches()) for each in (school, town, police)] == [
        ["police", "town"],
        ["police", "school"],
        ["school", "town"],
    ]
    assert len({match.match_id for match in [*school.matches(), *town.matches(), *police.matches()]}) == 3


def test_withdrawing_ends_the_match_for_both(running: House, school: Member, town: Member) -> None:
    (reference,) = school.publish("anna").references
    town.publish("anna")
    assert town.post(town.matches()[0].match_id)
    assert school.kinds() == ["match", "letter"]
    assert school.withdraw([reference]) == [True]
    assert school.kinds() == ["match", None, "match_ended"]
    assert [event.number for event in school.events()] == [1, 2, 3]
    assert town.kinds() == ["match", "match_ended"]
    assert not town.post(school.events()[0].match.match_id, 2), "an ended match carries no letters"
    assert school.replay() == town.replay() == []
    assert school.inventory() == []
    assert school.withdraw([reference]) == [False]
    # The same persons again are the same match, told anew.
    school.publish("anna")
    assert school.kinds() == ["match", None, "match_ended", "match"]


def test_who_publishes_and_withdraws_at_once_is_known_to_the_other_side(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.withdraw(town.publish("anna").references)
    assert school.kinds() == ["match", "match_ended"], "otherwise that were a look-up that nobody sees"
    assert school.matches()[0].other == "town"


def test_withdrawing_what_is_not_there(running: House, school: Member, town: Member) -> None:
    foreign = town.publish("anna").references[0]
    assert school.withdraw([foreign, os.urandom(16)]) == [False, False]
    assert len(town.inventory()) == 1
    with pytest.raises(Malformed) as refusal:
        school.withdraw([os.urandom(16), b"short"])
    assert refusal.value.item == 1


def test_the_same_request_again_has_the_same_answer_and_changes_nothing(running: House, school: Member, town: Member) -> None:
    town.publish("anna")
    request = school.signed(persons("anna", "bert"))
    reply = school.send(request)
    before = contents(running)
    assert school.send(request) == reply
    assert contents(running) == before
    assert school.matches() == school.replay()


def test_open_tells_the_last_write_to_a_node_that_did_not_hear(running: House, school: Member) -> None:
    request = school.signed(persons("anna"))
    reply = school.send(request)
    write = Write(school.sandbox.payload.id, 1, "school", request.generation, request.sequence)
    statement = publication.publish_statement(write, Visibility.DIRECT, list(request.tokens))
    opened = school.open()
    assert (opened.generation, opened.last_sequence) == (2, 1)
    assert opened.last_request_hash == publication.request_hash(statement)
    assert pb.PublishReply.FromString(opened.last_answer) == reply


def _copied(school: Member, town: Member) -> pb.PublishRequest:
    """The school publishes a token that it saw at the town, with the town's own signature of it."""
    copied, request = town.signed(persons("anna")), school.signed(persons("bert"))
    request.tokens.append(copied.tokens[0])
    request.token_signatures.append(copied.token_signatures[0])
    school.sign_again(request)
    return request


def _in_place_of_a_token(value: bytes) -> Callable[[Member, Member], pb.PublishRequest]:
    def request(school: Member, town: Member) -> pb.PublishRequest:
        made = school.signed(persons("anna", "bert"))
        made.tokens[1] = value
        school.sign_again(made)
        return made

    return request


def _changed(change: Callable[[pb.PublishRequest], object]) -> Callable[[Member, Member], pb.PublishRequest]:
    def request(school: Member, town: Member) -> pb.PublishRequest:
        made = school.signed(persons("anna", "bert", "carla"))
        change(made)
        return made

    return request


def _swap(request: pb.PublishRequest) -> None:
    for items in (request.tokens, request.token_signatures):
        items[0], items[2] = items[2], items[0]


def _swap_tokens(request: pb.PublishRequest) -> None:
    request.tokens[1], request.tokens[2] = request.tokens[2], request.tokens[1]


def _cut_both(request: pb.PublishRequest) -> None:
    del request.tokens[2:], request.token_signatures[2:]


def _twice(request: pb.PublishRequest) -> None:
    request.tokens[2], request.token_signatures[2] = request.tokens[0], request.token_signatures[0]


HOSTILE: list[tuple[str, Callable[[Member, Member], pb.PublishRequest], type[RaakvlakError], int | None]] = [
    ("copied token", _copied, Malformed, 1),
    ("identifier as token", _in_place_of_a_token(b"123456782"), Malformed, 1),
    ("hash as token", _in_place_of_a_token(bytes.fromhex("5e" * 32)), Malformed, 1),
    ("low-order key as token", _in_place_of_a_token(bytes([1] + [0] * 31)), Malformed, 1),
    ("tokens swapped", _changed(_swap_tokens), Malformed, 1),
    ("tokens and signatures swapped", _changed(_swap), Malformed, None),
    ("signatures cut off", _changed(lambda request: request.token_signatures.pop()), Malformed, None),
    ("tokens cut off", _changed(lambda request: request.tokens.pop()), Malformed, None),
    ("both cut off", _changed(_cut_both), Malformed, None),
    ("a token twice", _changed(_twice), Malformed, 2),
    ("no items", _changed(lambda request: request.ClearField("tokens")), Malformed, None),
    ("another sequence", _changed(lambda request: setattr(request, "sequence", 9)), Malformed, 0),
    ("another visibility", _changed(lambda request: setattr(request, "visibility", 0)), Malformed, None),
    ("no member signature", _changed(lambda request: setattr(request, "member_signature", b"")), Malformed, None),
    ("old generation", lambda school, town: school.signed(persons("anna"), generation=99), Stale, None),
    ("sequence left out", lambda school, town: school.signed(persons("anna"), sequence=3), Stale, None),
    ("last sequence, other items", lambda school, town: school.signed(persons("bert"), sequence=1), Stale, None),
    ("unknown epoch", lambda school, town: school.signed(persons("anna"), epoch=2), Refused, None),
]


@pytest.mark.parametrize(("make", "kind", "item"), [each[1:] for each in HOSTILE], ids=[each[0] for each in HOSTILE])
def test_bad_requests_are_refused_whole_and_change_nothing(
    running: House,
    school: Member,
    town: Member,
    make: Callable[[Member, Member], pb.PublishRequest],
    kind: type[RaakvlakError],
    item: int | None,
) -> None:
    school.publish("dirk")
    request = make(school, town)
    before = contents(running)
    with pytest.raises(kind) as refusal:
        school.send(request)
    assert type(refusal.value) is kind
    if isinstance(refusal.value, Malformed):
        assert refusal.value.item == item
    if isinstance(refusal.value, Stale):
        assert (refusal.value.generation, refusal.value.sequence) == (1, 1)
    assert contents(running) == before
    school.sequence = 1
    assert list(school.publish("anna").already_there) == [False], "the next good request goes through"


def test_a_replay_of_an_older_write_is_stale(running: House, school: Member) -> None:
    first = school.signed(persons("anna"))
    school.withdraw(school.send(first).references)
    before = contents(running)
    with pytest.raises(Stale):
        school.send(first)
    school.open()
    with pytest.raises(Stale, match="generation"):
        school.send(first)
    assert school.inventory() == []
    assert len(contents(running)) == len(before)


def test_a_shelter_may_not_publish_directly(running: House) -> None:
    with pytest.raises(NotPermitted, match="location"):
        running.member("shelter").publish("anna")


def test_many_tokens_in_one_request(running: House, school: Member, town: Member) -> None:
    names = [f"person {number}" for number in range(1_200)]
    reply = school.publish(*names)
    assert len(set(reply.references)) == 1_200
    town.publish(*names[::2], *[f"other {number}" for number in range(600)])
    assert len(town.matches()) == len(school.matches()) == 600
    assert {match.reference for match in school.matches()} == set(reply.references[::2])
    assert len(school.replay()) == 600
    assert all(len(batch.events) <= 100 for batch in school.batches())


def test_nothing_of_a_token_reaches_database_or_log(running: House, school: Member, town: Member) -> None:
    school.publish("anna")
    town.publish("anna")
    token = person("anna").token.reveal()
    (match,) = school.matches()
    files = b"".join(each.read_bytes() for each in running.index.path.parent.rglob("*") if each.is_file())
    assert token not in files
    assert token[:8] not in files
    log = running.index.log()
    for secret in (token, match.reference, match.match_id):
        assert secret.hex() not in log
    assert '"event": "published"' in log
