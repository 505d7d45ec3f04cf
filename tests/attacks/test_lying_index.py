"""The index lies, alone or with what a thief brought it: nobody gets a call about the wrong family.

It is the real index behind a relay that has its certificate, so that the nodes take what it says for the index's word.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey, PublicKey, SealedBox

from raakvlak_node.node import Node
from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.errors import Evidence, Malformed, Refused
from raakvlak_protocol.letter import NO_PREVIOUS, Header
from raakvlak_protocol.letter_content import Card, Proof
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.term import removal_month
from raakvlak_protocol.token import TokenKeys
from raakvlak_protocol.v1 import covenant_pb2
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.hostile import evaluate, made
from tests.attacks.lying import LyingIndex, lying, opens_any, put_aside, reference, reported
from tests.attacks.outlaw import digest, tables
from tests.attacks.relay import Call, honest
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, SISTER, MOTHER, UNCLE = "123456782", "111222333", "999990019", "999990032"
OTHER = {"school": "town", "town": "school"}
NOT_OPENED = "the letter does not open under the shared person's key: another person, or changed"
THREE = {"school": "education", "town": "municipality", "doctor": "health"}


def put(running: Federation, member: str, *cases: tuple[str, str], **columns: str) -> None:
    for name, bsn in cases:
        running.nodes[member].put_case(case(name, bsn, **columns))


def demand_no_card(running: Federation, index: LyingIndex) -> None:
    """Nothing is shown, and no letter that was ever written tells whom to call."""
    for member in running.nodes:
        assert running.touches(member) == set()
        assert not [said for said in index.said(member) if isinstance(said, Card)]


def client(own: str, other: str, theirs: str) -> tuple[str, str, str, str, str]:
    return (own, other, theirs, "client", "client")


# --- invented matches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [("school", "town"), ("school",), ("town",)], ids=lambda told: "+".join(told))
def test_an_invented_match_between_two_persons_yields_letters_that_nobody_can_read(tmp_path: Path, told: Sequence[str]) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD), worker_phone="0118-000777")
        put(running, "town", ("T-1", UNCLE), worker_phone="0118-000888")
        running.settle()
        sides = {
            "school": ("school", reference(running.nodes["school"], CHILD), "town"),
            "town": ("town", reference(running.nodes["town"], UNCLE), "school"),
        }
        index.invent(*(sides[member] for member in told))
        running.settle()
        demand_no_card(running, index)
        posted = [(member, each) for member in running.nodes for each in index.posted(member)]
        assert {member for member, _ in posted} == set(told)
        for sender, each in posted:
            receiver = OTHER[sender]
            secret = running.sandbox.letter_secrets[receiver]
            envelope = letter.take_off_first_lock(each.ciphertext, secret)
            assert not opens_any(running.nodes[receiver], envelope, sender)
        # Who received one has put it aside and says so; it does not stop what is true.
        for sender in told:
            assert len(put_aside(running.nodes[OTHER[sender]])) == 1
        assert len(reported(running)) == len(posted) == len(told)
        put(running, "town", ("T-2", CHILD))
        running.settle()
        assert running.touches("school") == {client("S-1", "town", "T-2")}
        assert running.touches("town") == {client("T-2", "school", "S-1")}


def test_a_true_match_under_another_members_name_is_read_by_neither(tmp_path: Path) -> None:
    """The school and town share the child; each is told that the other is the doctor, and the doctor of both."""
    with federation(tmp_path, make_covenant(members=THREE)) as running, lying(running) as index:
        index.change = lambda member, event: [] if event.WhichOneof("what") == "match" else [event]
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", CHILD))
        put(running, "doctor", ("D-1", UNCLE))
        running.settle()
        school, town, doctor = (running.nodes[member] for member in THREE)
        index.invent(("school", reference(school, CHILD), "doctor"), ("town", reference(town, CHILD), "doctor"))
        index.invent(("doctor", reference(doctor, UNCLE), "school"))
        running.settle()
        for letter_ in index.posted("school"):
            index.deliver("town", letter_.match_id, "doctor", letter_.number, letter_.ciphertext)
        for letter_ in index.posted("town"):
            index.deliver("school", letter_.match_id, "doctor", letter_.number, letter_.ciphertext)
        running.settle()
        demand_no_card(running, index)
        assert put_aside(school)
        assert put_aside(town)


def test_a_match_that_the_covenant_keeps_from_both_sides_is_not_begun_whatever_the_index_tells(tmp_path: Path) -> None:
    """Of school and town the covenant lets neither see the other's matches directly; they do share the child."""

    def apart(payload: covenant_pb2.Covenant) -> None:
        kept = [pair for pair in payload.rules.direct if {pair.one, pair.other} != {"education", "municipality"}]
        del payload.rules.direct[:]
        payload.rules.direct.extend(kept)

    with federation(tmp_path, make_covenant(change=apart)) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", CHILD))
        running.settle()
        index.invent(*((one, reference(running.nodes[one], CHILD), other) for one, other in OTHER.items()))
        running.settle()
        assert index.posted() == []
        assert running.touches("school") == running.touches("town") == set()


def test_a_match_with_itself_a_stranger_or_a_foreign_row_is_not_begun(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        running.settle()
        own = reference(running.nodes["school"], CHILD)
        for row, other in ((own, "school"), (own, "stranger"), (own, "coordinator"), (os.urandom(16), "town")):
            index.invent(("school", row, other))
        running.settle()
        assert list(running.nodes["school"].store.live_matches()) == []
        assert index.posted() == []


# --- swapped references -----------------------------------------------------------------------------------------------


def test_swapped_references_of_two_matches_yield_letters_that_nobody_can_read(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD), ("S-2", UNCLE))
        running.settle()
        child, uncle = (reference(running.nodes["school"], bsn) for bsn in (CHILD, UNCLE))
        swapped = {child: uncle, uncle: child}

        def swap(member: str, event: pb.Event) -> list[pb.Event]:
            if member == "school" and event.WhichOneof("what") == "match":
                event.match.reference = swapped[event.match.reference]
            return [event]

        index.change = swap
        put(running, "town", ("T-1", CHILD), ("T-2", UNCLE))
        running.settle()
        demand_no_card(running, index)
        assert len(put_aside(running.nodes["school"])) == len(put_aside(running.nodes["town"])) == 2


def test_references_swapped_in_the_answer_to_publish_yield_the_same(tmp_path: Path) -> None:
    def swap(call: Call) -> "list[bytes]":
        reply = pb.PublishReply.FromString(next(honest(call)))
        reply.references[:] = reply.references[::-1]
        return [reply.SerializeToString()]

    with federation(tmp_path) as running, lying(running) as index:
        index.between.hooks["Publish"] = lambda call: iter(swap(call))
        put(running, "school", ("S-1", CHILD), ("S-2", UNCLE))
        running.settle()
        del index.between.hooks["Publish"]
        put(running, "town", ("T-1", CHILD), ("T-2", UNCLE))
        running.settle()
        demand_no_card(running, index)
        assert len(put_aside(running.nodes["school"])) == len(put_aside(running.nodes["town"])) == 2


def _one_for_two(reply: pb.PublishReply) -> None:
    reply.references[1] = reply.references[0]


def _one_too_few(reply: pb.PublishReply) -> None:
    del reply.references[-1]


@pytest.mark.parametrize("change", [_one_for_two, _one_too_few], ids=["one for two", "one too few"])
def test_references_that_can_not_be_right_are_evidence(tmp_path: Path, change: Callable[[pb.PublishReply], None]) -> None:
    with federation(tmp_path) as running, lying(running) as index:

        def answer(call: Call) -> "list[bytes]":
            reply = pb.PublishReply.FromString(next(honest(call)))
            change(reply)
            return [reply.SerializeToString()]

        index.between.hooks["Publish"] = lambda call: iter(answer(call))
        put(running, "school", ("S-1", CHILD), ("S-2", UNCLE))
        with pytest.raises(Evidence, match="reference"):
            running.walk("school")
        assert running.nodes["school"].store.references() == []


def test_a_reference_given_again_for_another_person_is_evidence(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        running.settle()
        first = reference(running.nodes["school"], CHILD)
        reply = pb.PublishReply(references=[first], already_there=[False], removal_month=promised(running))
        index.between.hooks["Publish"] = lambda call: iter([reply.SerializeToString()])
        put(running, "school", ("S-2", UNCLE))
        with pytest.raises(Evidence, match="reference"):
            running.walk("school")
        assert [each for _, _, each in running.nodes["school"].store.references()] == [first]


def promised(running: Federation) -> int:
    """The month in which the covenant lets a row go that is published now."""
    return removal_month(running.clock(), running.sandbox.covenant.retention_months)


@pytest.mark.parametrize("months", [-300, -2, 2, 300])
def test_rows_that_go_in_another_month_than_the_covenant_says_are_evidence(tmp_path: Path, months: int) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        reply = pb.PublishReply(references=[bytes(16)], already_there=[False], removal_month=promised(running) + months)
        index.between.hooks["Publish"] = lambda call: iter([reply.SerializeToString()])
        with pytest.raises(Evidence, match="month"):
            running.walk("school")
        assert running.nodes["school"].store.references() == []


# --- what has ended ---------------------------------------------------------------------------------------------------


def test_a_withdrawn_rows_match_and_its_old_letters_replayed_show_nothing(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", CHILD), worker_phone="0118-000888")
        running.settle()
        assert running.touches("school") == {client("S-1", "town", "T-1")}
        before = {member: list(index.told[member]) for member in running.nodes}
        assert [type(said) for said in index.said("school")] == [Proof, Card]
        running.nodes["town"].drop_case("T-1")
        running.settle()
        assert running.touches("school") == set()
        for member, events in before.items():
            index.tell(member, *events, *events)
        running.settle()
        assert running.touches("school") == running.touches("town") == set()
        # The school greets again, as to a match that began anew, and hears that it is none.
        assert list(running.nodes["school"].store.live_matches()) == []
        assert len(index.posted("school")) == 3
        assert running.nodes["town"].store.references() == []


def test_succeeds_letters_held_back_are_believed_when_they_come_after_the_sender_withdrew(tmp_path: Path) -> None:
    """The index is trusted for terms: what it delivers late, and that it told nobody of the end, can't be seen. It is
    about the right family, from who was involved with it when it wrote."""
    with federation(tmp_path) as running, lying(running) as index:
        held: list[pb.Event] = []

        def hold(member: str, event: pb.Event) -> list[pb.Event]:
            what = event.WhichOneof("what")
            if member == "school" and what == "letter":
                held.append(event)
            return [] if member == "school" and what in ("letter", "match_ended") else [event]

        index.change = hold
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", CHILD))
        running.settle()
        # The card is written only against the school's proof, which went its way.
        assert len(held) == 2
        # It must go on lying when the school writes: a match of which the index says that it is over ends at the node.
        live = pb.PostLetterReply(match_live=True).SerializeToString()
        index.between.hooks["PostLetter"] = lambda call: iter([live])
        running.nodes["town"].drop_case("T-1")
        running.settle()
        assert running.touches("school") == set()
        index.tell("school", *held)
        running.settle()
        assert running.touches("school") == {client("S-1", "town", "T-1")}


# --- letters on their way ---------------------------------------------------------------------------------------------


def started(running: Federation, index: LyingIndex) -> list[pb.Event]:
    """The school and town share the child; town's letters to the school are collected and not delivered."""
    held: list[pb.Event] = []

    def hold(member: str, event: pb.Event) -> list[pb.Event]:
        if member == "school" and event.WhichOneof("what") == "letter":
            held.append(event)
            return []
        return [event]

    index.change = hold
    put(running, "school", ("S-1", CHILD))
    put(running, "town", ("T-1", CHILD), worker_phone="0118-000001")
    running.settle()
    for phone in ("0118-000002", "0118-000003"):
        put(running, "town", ("T-1", CHILD), worker_phone=phone)
        running.settle()
    assert [event.letter.number for event in held] == [1, 2, 3, 4]
    return held


def phone_shown(running: Federation) -> str:
    """Whom the school would call; empty while it knows nobody."""
    shown = [entry.contact.phone if entry.contact else "" for _, entry in running.nodes["school"].all_entries()]
    assert len(shown) <= 1
    return shown[0] if shown else ""


def test_letters_in_another_order_and_repeated_come_to_the_same(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        held = started(running, index)
        for order in ([3, 1, 2], [2, 1], [0], [3, 0, 1, 2]):
            index.tell("school", *(held[place] for place in order))
            running.settle()
            # Until the first has come none is believed; then all at once.
            assert phone_shown(running) == ("" if 0 not in order else "0118-000003")
        assert running.touches("school") == {client("S-1", "town", "T-1")}
        assert put_aside(running.nodes["school"]) == []
        assert running.nodes["school"].store.letter_counts()["early"] == 0


def test_a_letter_left_out_holds_back_those_behind_it_and_no_other_match(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        held = started(running, index)
        index.tell("school", held[0], held[2], held[3])
        running.settle()
        assert phone_shown(running) == ""
        assert running.nodes["school"].store.letter_counts()["early"] == 2
        index.change = lambda member, event: [event]
        put(running, "school", ("S-2", UNCLE))
        put(running, "town", ("T-2", UNCLE))
        running.settle()
        assert client("S-2", "town", "T-2") in running.touches("school")
        index.tell("school", held[1])
        running.settle()
        assert {entry.contact.phone for _, entry in running.nodes["school"].all_entries() if entry.contact} == {
            "0118-000003",
            "0118-000001",
        }


def _sealed_to_the_index(ciphertext: bytes, running: Federation) -> bytes:
    return bytes(SealedBox(PrivateKey.generate().public_key).encrypt(ciphertext[48:]))


def _sealed_again(ciphertext: bytes, running: Federation) -> bytes:
    receiver = running.sandbox.covenant.member("school").letter_key
    return bytes(SealedBox(PublicKey(receiver)).encrypt(ciphertext[48:]))


def _sealed_to_another(ciphertext: bytes, running: Federation) -> bytes:
    receiver = running.sandbox.covenant.member("town").letter_key
    return bytes(SealedBox(PublicKey(receiver)).encrypt(ciphertext[48:]))


def _flipped(ciphertext: bytes, running: Federation) -> bytes:
    return ciphertext[:500] + bytes([ciphertext[500] ^ 1]) + ciphertext[501:]


def _cut_off(ciphertext: bytes, running: Federation) -> bytes:
    return ciphertext[:-1]


def _longer(ciphertext: bytes, running: Federation) -> bytes:
    return ciphertext + bytes(4096 - len(ciphertext))


def _invented(ciphertext: bytes, running: Federation) -> bytes:
    return os.urandom(1024)


@pytest.mark.parametrize(
    "change", [_sealed_to_the_index, _sealed_again, _sealed_to_another, _flipped, _cut_off, _longer, _invented]
)
def test_a_letter_sealed_again_or_changed_is_put_aside_and_the_right_one_still_taken(
    tmp_path: Path, change: Callable[[bytes, Federation], bytes]
) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        for event in started(running, index):
            true = event.letter
            changed = change(true.ciphertext, running)
            index.deliver("school", true.match_id, true.sender, true.number, changed)
            index.tell("school", event)
        running.settle()
        assert len(put_aside(running.nodes["school"])) == 4
        assert {each["sender"] for each in reported(running)} == {"town"}
        assert phone_shown(running) == "0118-000003"


def test_what_stands_outside_a_letter_counts_for_nothing(tmp_path: Path) -> None:
    """Number and sender outside change nothing; the match outside must be the one inside."""
    with federation(tmp_path) as running, lying(running) as index:
        held = list(started(running, index))
        put(running, "school", ("S-2", UNCLE))
        put(running, "town", ("T-2", UNCLE))
        running.settle()
        matches = [match.match_id for match in running.nodes["school"].store.live_matches()]
        for event in held:
            for match_id in (*(each for each in matches if each != event.letter.match_id), os.urandom(16), b""):
                index.deliver("school", match_id, "town", event.letter.number, event.letter.ciphertext)
        running.settle()
        assert phone_shown(running) == ""
        assert set(put_aside(running.nodes["school"])) == {"the letter is for another match than the index says"}
        for event, number in zip(held, (4, 4, 0, 2**32 - 1), strict=True):
            index.deliver("school", event.letter.match_id, "nobody", number, event.letter.ciphertext)
        running.settle()
        assert phone_shown(running) == "0118-000003"


def test_a_letter_delivered_to_a_third_member_that_knows_the_person_too_is_put_aside(tmp_path: Path) -> None:
    with federation(tmp_path, make_covenant(members=THREE)) as running, lying(running) as index:
        for member, name in (("school", "S-1"), ("town", "T-1"), ("doctor", "D-1")):
            put(running, member, (name, CHILD))
        running.settle()
        right = running.touches("doctor")
        assert right == {client("D-1", "school", "S-1"), client("D-1", "town", "T-1")}
        ours = {match.other: match.match_id for match in running.nodes["doctor"].store.live_matches()}
        strayed = [
            each
            for each in index.posted("school")
            if each.match_id not in ours.values()
        ]  # fmt: skip
        assert len(strayed) == 2
        for each in strayed:
            for match_id in (each.match_id, *ours.values()):
                index.deliver("doctor", match_id, "school", each.number, each.ciphertext)
        running.settle()
        assert running.touches("doctor") == right
        assert set(put_aside(running.nodes["doctor"])) == {
            "the letter is not sealed to this node's key, or was changed on its way"
        }


# --- events -----------------------------------------------------------------------------------------------------------


def test_an_event_left_out_is_evidence_and_nothing_behind_it_is_taken(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", CHILD))
        running.walk("school")
        running.walk("town")

        def leave_out(call: Call) -> "list[bytes]":
            (batch,) = [pb.EventBatch.FromString(raw) for raw in index._watch(call)]
            del batch.events[0]
            return [batch.SerializeToString()]

        index.between.hooks["Watch"] = lambda call: iter(leave_out(call))
        with pytest.raises(Evidence, match="left out event 1"):
            running.walk("school")
        assert running.nodes["school"].store.number("last_event") == 0
        assert list(running.nodes["school"].store.live_matches()) == []
        index.between.hooks["Watch"] = index._watch
        running.settle()
        assert running.touches("school") == {client("S-1", "town", "T-1")}


@pytest.mark.parametrize("generation", [2**63, 2**64 - 1])
def test_numbers_that_no_series_reaches_are_evidence_and_not_a_crash(tmp_path: Path, generation: int) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        opened = pb.OpenReply(generation=generation).SerializeToString()
        index.between.hooks["Open"] = lambda call: iter([opened])
        put(running, "school", ("S-1", CHILD))
        with pytest.raises(Evidence, match="number"):
            running.walk("school")
        del index.between.hooks["Open"]
        events = [pb.Event(number=generation)]
        batch = pb.EventBatch(events=events, newest=generation, replay_needed=True).SerializeToString()
        index.between.hooks["Watch"] = lambda call: iter([batch])
        with pytest.raises(Evidence, match="number"):
            running.walk("school")


# --- with what a thief brought ----------------------------------------------------------------------------------------


def sealed(running: Federation, header: Header, content: bytes, keys: TokenKeys, signing_seed: SecretBytes) -> bytes:
    return letter.seal(
        header,
        content,
        letter_key=keys.letter_key,
        signing_seed=signing_seed,
        receiver_key=running.sandbox.covenant.member(header.receiver).letter_key,
        random=os.urandom,
    )


def header_of(node: Node, match_id: bytes, token: TokenKeys, sender: str, receiver: str, number: int = 1) -> Header:
    return Header(node.covenant.id, 1, token.token, match_id, sender, receiver, number, NO_PREVIOUS)


def card(reference: str) -> bytes:
    shown = letter_content.CardCase(
        reference, frozenset({Relation.CLIENT}), "Somebody", "someone", "0900-000000", "", date(2026, 1, 1)
    )
    return letter_content.encode_card([shown])


def test_a_nodes_signing_and_letter_keys_without_the_persons_key_open_and_forge_nothing(tmp_path: Path) -> None:
    """A thief of town's two keys sits in the index: it takes the first lock off, and there it ends."""
    with federation(tmp_path) as running, lying(running) as index:
        held = started(running, index)
        thiefs = TokenKeys(made(running.nodes["town"], CHILD).token, SecretBytes(bytes(32)), SecretBytes(os.urandom(32)))
        seed, secret = running.sandbox.signing_seeds["town"], running.sandbox.letter_secrets["town"]
        match_id = held[0].letter.match_id
        signing_key = running.sandbox.covenant.member("school").signing_key
        for posted in index.posted("school"):
            envelope = letter.take_off_first_lock(posted.ciphertext, secret)
            header = replace(
                header_of(running.nodes["town"], match_id, thiefs, "school", "town", envelope.number),
                previous=envelope.previous,
            )
            for guess in (thiefs.letter_key, seed, secret, SecretBytes(thiefs.token.reveal())):
                with pytest.raises(Malformed):
                    letter.take_off_second_lock(envelope, header, guess, signing_key)
        header = header_of(running.nodes["town"], match_id, thiefs, "town", "school")
        for content in (letter_content.encode_proof(Proof(frozenset({Relation.CLIENT}))), card("T-666")):
            index.deliver("school", match_id, "town", 1, sealed(running, header, content, thiefs, seed))
        running.settle()
        assert running.touches("school") == set()
        assert put_aside(running.nodes["school"]) == [NOT_OPENED, NOT_OPENED]


@pytest.mark.parametrize("changed", ["number", "previous", "match_id", "receiver"])
def test_who_can_take_the_first_lock_off_can_not_close_it_around_another_letter(tmp_path: Path, changed: str) -> None:
    """With the school's letter key the index re-seals town's letters, changed, to the school or the doctor."""
    with federation(tmp_path, make_covenant(members=THREE)) as running, lying(running) as index:
        held = started(running, index)
        put(running, "doctor", ("D-1", CHILD))
        running.settle()
        ours = {match.other: match.match_id for match in running.nodes["school"].store.live_matches()}
        doctors = {match.other: match.match_id for match in running.nodes["doctor"].store.live_matches()}
        receiver = "doctor" if changed == "receiver" else "school"
        before = running.touches(receiver)
        for event in held[:2]:
            envelope = letter.take_off_first_lock(event.letter.ciphertext, running.sandbox.letter_secrets["school"])
            changes: dict[str, dict[str, Any]] = {
                "number": {"number": envelope.number + 10},
                "previous": {"previous": os.urandom(32)},
                "match_id": {"match_id": ours["doctor"]},
                "receiver": {"match_id": doctors["town"]},
            }
            other = replace(envelope, **changes[changed])
            outer = other.match_id + other.number.to_bytes(4, "big") + other.previous + other.nonce + other.box
            key = PublicKey(running.sandbox.covenant.member(receiver).letter_key)
            index.deliver(receiver, other.match_id, "town", other.number, bytes(SealedBox(key).encrypt(outer)))
        running.settle()
        assert running.touches(receiver) == before
        assert set(put_aside(running.nodes[receiver])) == {NOT_OPENED}


def test_who_knows_the_person_and_forges_its_sender_leaves_evidence(tmp_path: Path) -> None:
    """The doctor, in league with the index, writes to town in the school's name; all three know the child."""
    with federation(tmp_path, make_covenant(members=THREE)) as running, lying(running) as index:
        for member, name in (("school", "S-1"), ("town", "T-1"), ("doctor", "D-1")):
            put(running, member, (name, CHILD))
        running.settle()
        right = running.touches("town")
        match_id = next(match.match_id for match in running.nodes["town"].store.live_matches() if match.other == "school")
        doctor = running.nodes["doctor"]
        keys = made(doctor, CHILD)
        header = header_of(doctor, match_id, keys, "school", "town", number=99)
        index.deliver("town", match_id, "school", 99, sealed(running, header, card("S-666"), keys, doctor.signing_seed))
        running.settle()
        assert running.touches("town") == right
        assert put_aside(running.nodes["town"]) == ["the letter opens under its keys and is not signed by its sender"]


def test_index_and_member_together_learn_of_a_person_that_the_member_did_not_evaluate_only_that_a_row_exists(
    tmp_path: Path,
) -> None:
    """Town is told the school's row by the index, and gets its letter: a proof that it can't open."""
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        put(running, "town", ("T-1", UNCLE))
        running.settle()
        match_id = index.invent(("school", reference(running.nodes["school"], CHILD), "town"))
        running.settle()
        (posted,) = index.posted("school")
        envelope = letter.take_off_first_lock(posted.ciphertext, running.sandbox.letter_secrets["town"])
        assert not opens_any(running.nodes["town"], envelope, "school")
        # Nor can town, without the letter key, make the proof that would bring a card.
        town = running.nodes["town"]
        keys = replace(made(town, UNCLE), token=made(running.nodes["school"], CHILD).token)
        proof = letter_content.encode_proof(Proof(frozenset({Relation.CLIENT})))
        header = header_of(town, match_id, keys, "town", "school")
        index.deliver("school", match_id, "town", 1, sealed(running, header, proof, keys, town.signing_seed))
        running.settle()
        demand_no_card(running, index)


def test_succeeds_index_and_member_together_ask_silently_and_get_a_card_against_a_false_proof(tmp_path: Path) -> None:
    """Town evaluates the child within its quota, publishes nothing, and the index looks its token up for it."""
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD), worker_phone="0118-000777")
        running.settle()
        town = running.nodes["town"]
        town.put_case(case("T-0", CHILD))
        evaluate(town, running.clock)
        keys = made(town, CHILD)
        # Silently: the school is told nothing, and town knows that it knows the child.
        assert digest(running.index.peppers[1], keys.token.reveal()) in {row[0] for row in tables(running.index.path)["row"]}
        assert running.walk("school").received == 0
        # For whom to call there, it must sign that the child is its client, which it is not.
        match_id = index.invent(("school", reference(running.nodes["school"], CHILD), "town"))
        proof = letter_content.encode_proof(Proof(frozenset({Relation.CLIENT})))
        header = header_of(town, match_id, keys, "town", "school")
        running.settle("school")
        assert [type(said) for said in index.said("school")] == [Proof]
        index.deliver("school", match_id, "town", 1, sealed(running, header, proof, keys, town.signing_seed))
        running.settle("school")
        (card_,) = [said for said in index.said("school") if isinstance(said, Card)]
        assert [each.phone for each in card_.cases] == ["0118-000777"]
        # The school sees that town asked, and keeps what town signed.
        ((own, entry),) = running.nodes["school"].all_entries()
        assert (own, entry.other) == ("S-1", "town")
        (match,) = running.nodes["school"].store.live_matches()
        assert match.their_proof is not None
        assert letter_content.decode(match.their_proof.reveal()) == Proof(frozenset({Relation.CLIENT}))


def test_an_index_that_claims_another_last_write_stops_publishing_until_a_person_has_looked(tmp_path: Path) -> None:
    with federation(tmp_path) as running, lying(running) as index:
        put(running, "school", ("S-1", CHILD))
        running.settle()
        opened = pb.OpenReply(generation=9, last_sequence=7, last_request_hash=os.urandom(32)).SerializeToString()
        index.between.hooks["Open"] = lambda call: iter([opened])
        put(running, "school", ("S-2", UNCLE))
        before = len(index.between.requests("Publish"))
        with pytest.raises(Refused, match="reconcile"):
            running.walk("school")
        assert len(index.between.requests("Publish")) == before
