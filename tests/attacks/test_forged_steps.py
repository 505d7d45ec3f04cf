"""A member with its own software writes follow-up letters that are wrong: forged, copied from elsewhere, out of order, of
another pair, of the future. It has the real keys of its own side, so that every lock opens; nothing of it is applied.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from raakvlak_node.access import Actor
from raakvlak_node.correspondence import Correspondence
from raakvlak_node.follow_ups import FollowUp
from raakvlak_node.pairs import MAX_RECORDS, Pairs
from raakvlak_protocol import act as acts
from raakvlak_protocol import follow_up_content
from raakvlak_protocol.act import (
    NOTHING,
    Act,
    ActKind,
    Agreement,
    Informed,
    Pair,
    Party,
    Signature,
    Task,
    Written,
)
from raakvlak_protocol.follow_up_content import Again, Answer, Ask, PairContact
from raakvlak_protocol.letter import NO_PREVIOUS
from tests.federation import Federation, case, federation

pytestmark = pytest.mark.slow

CHILD, SISTER = "123456782", "111222333"
SOMEBODY = Actor.command("somebody")


class Hostile:
    """The school's node with other software."""

    def __init__(self, running: Federation) -> None:
        self.running = running
        self.node = running.nodes["school"]
        self.covenant = self.node.covenant

    def found(self, member: str) -> FollowUp:
        follow_ups = self.running.nodes[member].follow_ups()
        (known,) = [each for each in follow_ups.pairs.all() if "S-1" in (each.pair.one.reference, each.pair.other.reference)]
        return follow_ups.of(known, self.running.clock())

    @property
    def pair(self) -> Pair:
        return self.found("school").known.pair

    def act(self, kind: ActKind = ActKind.ACKNOWLEDGED, *behind: Act, author: str = "school", **fields: Any) -> Act:
        number, after = acts.following(behind, self.covenant.id)
        pair = fields.pop("pair", self.pair)
        at = fields.pop("at", int(self.running.clock().timestamp()))
        number = fields.pop("number", number)
        made = Act(pair, author, number, fields.pop("after", after), at, kind, **fields)
        return made.signed(self.covenant.id, self.running.sandbox.signing_seeds["school"])

    def agreement(self, **fields: Any) -> Agreement:
        made = Agreement(
            os.urandom(32), 1, NOTHING, (self.pair.one, self.pair.other), "school",
            (Task("mentor", "calls", date(2030, 1, 1)),), self.running.clock().date() + timedelta(days=20),
            Informed.AGREES, Informed.AGREES,
        )  # fmt: skip
        return replace(made, **fields)

    def writes(self, said: follow_up_content.FollowUp | Ask | Answer | Again) -> list[str]:
        """Posts the letter in the real chain of the real match; why the town put it aside."""
        store, now = self.node.store, self.running.clock()
        (match_id,) = Pairs(store, self.covenant.id).carrying(self.found("school").known.handle)
        match = store.match(match_id)
        assert match is not None
        number, previous = match.own_number + 1, match.own_hash or NO_PREVIOUS
        correspondence: Correspondence = self.node.correspondence()
        correspondence.post_in(match, number, previous, follow_up_content.encode(said), now)
        self.running.settle()
        return [each["reason"] for each in self.running.nodes["town"].store.unreadable()]

    def letter(self, *records: Act | Written | Agreement | Signature, **fields: Any) -> follow_up_content.FollowUp:
        by_kind: dict[type, list[Any]] = {Act: [], Written: [], Agreement: [], Signature: []}
        for each in records:
            by_kind[type(each)].append(each)
        return follow_up_content.FollowUp(
            fields.pop("pair", self.pair), tuple(by_kind[Act]), tuple(by_kind[Written]), tuple(by_kind[Agreement]),
            tuple(by_kind[Signature]), **fields,
        )  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Hostile]:
    with federation(tmp_path) as running:
        for member, mine, another in (("school", "S-1", "S-2"), ("town", "T-1", "T-2")):
            running.nodes[member].put_case(case(mine, CHILD))
            running.nodes[member].put_case(case(another, SISTER))
        running.settle()
        yield Hostile(running)


def nothing_was_taken(hostile: Hostile) -> bool:
    town = hostile.found("town").records
    return not (town.acts or town.texts or town.agreements or town.signatures)


def test_an_honest_letter_written_by_hand_is_taken(hostile: Hostile) -> None:
    assert hostile.writes(hostile.letter(hostile.act())) == []
    assert [each.kind for each in hostile.found("town").records.acts] == [ActKind.ACKNOWLEDGED]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("signed by another", "not signed by its author"),
        ("in the town's name", "not signed by its author"),
        ("in the coordinator's name", "not signed by its author"),
        ("of nobody", "neither side"),
        ("of another pair", "not signed by its author"),
        ("with a number of its own", "another number"),
        ("of the future", "in the future"),
        ("a text that nobody wrote", "belongs to no act"),
        ("an agreement that nobody proposed", "was not proposed"),
        ("an agreement of others", "not between these two"),
        ("a signature of the town's", "signature does not hold"),
        ("a signature of a stranger", "not by one of its parties"),
        ("whom to call", "pair of other organisations"),
        ("one wrong among many", "not signed by its author"),
    ],
)
def test_a_wrong_record_is_put_aside_whole_and_never_applied(hostile: Hostile, name: str, reason: str) -> None:
    made, town = hostile.agreement(), hostile.pair.party("town")
    proposed = hostile.act(ActKind.PROPOSED, day=made.evaluate_on, lead="school", about=made.hash)
    others = hostile.agreement(parties=(Party("school", "S-9"), Party("town", "T-9")))
    foreign = hostile.act(ActKind.PROPOSED, day=others.evaluate_on, lead="school", about=others.hash)
    second = int(hostile.running.clock().timestamp())
    seed = hostile.running.sandbox.signing_seeds["school"]
    wrong: dict[str, follow_up_content.FollowUp] = {
        "signed by another": hostile.letter(replace(hostile.act(), signature=bytes(64))),
        "in the town's name": hostile.letter(hostile.act(ActKind.CLOSED, author="town")),
        "in the coordinator's name": hostile.letter(hostile.act(ActKind.DECIDED, author="coordinator", lead="school")),
        "of nobody": hostile.letter(hostile.act(author="somebody")),
        "of another pair": hostile.letter(
            replace(hostile.act(pair=Pair.of(Party("school", "S-2"), Party("town", "T-2"))), pair=hostile.pair)
        ),
        "with a number of its own": hostile.letter(first := hostile.act(), hostile.act(ActKind.CONTACTED, first, number=7)),
        "of the future": hostile.letter(hostile.act(at=second + 3 * 86_400)),
        "a text that nobody wrote": hostile.letter(hostile.act(), Written(bytes(32), "the town agreed")),
        "an agreement that nobody proposed": hostile.letter(hostile.act(), made),
        "an agreement of others": hostile.letter(foreign, others),
        "a signature of the town's": hostile.letter(
            proposed, made, Signature(made.hash, town, second).signed(hostile.covenant.id, seed)
        ),
        "a signature of a stranger": hostile.letter(
            proposed, made, Signature(made.hash, Party("school", "S-7"), second).signed(hostile.covenant.id, seed)
        ),
        "whom to call": hostile.letter(
            hostile.act(), contacts=(PairContact(town, "somebody", "else", "0118-000000", ""),)
        ),
        "one wrong among many": hostile.letter(hostile.act(), replace(hostile.act(ActKind.CONTACTED), signature=bytes(64))),
    }  # fmt: skip
    reasons = hostile.writes(wrong[name])
    assert len(reasons) == 1 and reason in reasons[0]
    assert nothing_was_taken(hostile)


def test_a_letter_about_cases_that_the_match_does_not_join_is_put_aside(hostile: Hostile) -> None:
    elsewhere = Pair.of(Party("school", "S-1"), Party("town", "T-2"))
    reasons = hostile.writes(hostile.letter(hostile.act(pair=elsewhere), pair=elsewhere))
    assert reasons == ["the letter is about two cases that this match does not join"]


@pytest.mark.parametrize("said", [Ask(bytes(16), 1, "x", "0118", "", "why"), Answer(True, "yes"), Again()], ids=repr)
def test_a_side_does_not_write_as_a_coordinator_does(hostile: Hostile, said: Ask | Answer | Again) -> None:
    assert hostile.writes(said) == ["a letter between the two sides that only a coordinator writes, or is written"]


def test_an_act_on_what_never_came_is_asked_for_and_not_applied(hostile: Hostile) -> None:
    never_sent = hostile.act()
    assert hostile.writes(hostile.letter(hostile.act(ActKind.CONTACTED, never_sent, day=date(2026, 1, 1)))) == []
    assert nothing_was_taken(hostile)
    assert any("asked for everything" in str(fields) for _, fields in hostile.running.logged)


def test_a_flood_of_records_ends_at_the_limit(hostile: Hostile) -> None:
    course: list[Act] = []
    for _ in range(MAX_RECORDS + 60):
        course.append(hostile.act(ActKind.CONTACTED, *course[-1:], day=date(2026, 1, 1)))
    reasons: list[str] = []
    for place in range(0, len(course), 50):
        reasons = hostile.writes(hostile.letter(*course[place : place + 50]))
    assert reasons and all("at most" in each or "follows on" in each for each in reasons)
    assert len(hostile.found("town").records.acts) <= MAX_RECORDS


def test_the_same_letter_doubled_changes_nothing(hostile: Hostile) -> None:
    letter = hostile.letter(hostile.act())
    hostile.writes(letter)
    before = hostile.found("town")
    assert hostile.writes(letter) == []
    assert hostile.found("town").records == before.records
