"""Acts, agreements and signatures: what is signed binds, what is committed to can be kept back, and order is everybody's."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_protocol import act as acts
from raakvlak_protocol import follow_up_content as content
from raakvlak_protocol import letter_content
from raakvlak_protocol.act import (
    NOTHING,
    Act,
    ActKind,
    Agreement,
    Cause,
    Informed,
    Pair,
    Party,
    Signature,
    Task,
    Written,
)  # fmt: skip
from raakvlak_protocol.errors import Evidence, Malformed, NotPermitted, RaakvlakError
from raakvlak_protocol.follow_up_content import FollowUp
from tests.covenants import ID, make_covenant

SANDBOX = make_covenant(members={"school": "education", "town": "municipality", "house": "coordinator", "cjg": "coordinator"})
COVENANT = SANDBOX.covenant
PAIR = Pair.of(Party("town", "T-1"), Party("school", "S-1"))
NOON = 1_780_000_000


def act(author: str = "school", kind: ActKind = ActKind.ACKNOWLEDGED, behind: tuple[Act, ...] = (), **fields: Any) -> Act:
    number, after = acts.following(behind, ID)
    return Act(PAIR, author, number, after, NOON, kind, **fields).signed(ID, SANDBOX.signing_seeds[author])


def agreement(**fields: Any) -> Agreement:
    made = Agreement(
        salt=bytes(32), version=1, replaces=NOTHING, parties=(PAIR.one, PAIR.other), lead="school",
        tasks=(Task("mentor", "calls the mother\nbefore Friday", date(2026, 12, 1)),), evaluate_on=date(2027, 1, 15),
        parents=Informed.AGREES, youth=Informed.INFORMED_ONLY,
    )  # fmt: skip
    return replace(made, **fields)


def test_an_act_holds_whoever_looks() -> None:
    act().verify(COVENANT)
    act("house", ActKind.DECIDED, lead="town").verify(COVENANT)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: replace(made, at=made.at + 1),
        lambda made: replace(made, kind=ActKind.CLOSED),
        lambda made: replace(made, cause=Cause.TERM),
        lambda made: replace(made, day=date(2026, 1, 1)),
        lambda made: replace(made, lead="town"),
        lambda made: replace(made, about=bytes(31) + b"\1"),
        lambda made: replace(made, text_hash=bytes(31) + b"\1"),
        lambda made: replace(made, author="town"),
        lambda made: replace(made, pair=Pair.of(Party("town", "T-2"), Party("school", "S-1"))),
        lambda made: replace(made, after=(bytes(32),), number=2),
        lambda made: replace(made, signature=bytes(64)),
    ],
)
def test_nothing_of_an_act_can_be_changed(change: Callable[[Act], Act]) -> None:
    with pytest.raises(Evidence):
        change(act()).verify(COVENANT)


def test_an_act_of_nobody_who_is_concerned_is_refused() -> None:
    with pytest.raises(Malformed, match="neither side"):
        act("cjg", ActKind.DECIDED, lead="town").verify(COVENANT)  # not the first that serves these kinds
    with pytest.raises(Malformed, match="neither side"):
        replace(act(), author="stranger").verify(COVENANT)
    with pytest.raises(NotPermitted):
        replace(act(), pair=Pair.of(Party("gone", "G-1"), PAIR.one)).verify(COVENANT)


def test_the_same_act_in_another_covenant_does_not_hold() -> None:
    other = make_covenant(id="elsewhere", members={"school": "education", "town": "municipality"})
    with pytest.raises(Evidence):
        act().verify(other.covenant)


def test_acts_that_cross_are_in_one_order_and_the_next_one_joins_them() -> None:
    first = act()
    mine, theirs = act("school", ActKind.CONTACTED, (first,)), act("town", ActKind.ESCALATED, (first,))
    joined = act("town", ActKind.CLOSED, (first, mine, theirs))
    assert joined.number == 3 and len(joined.after) == 2
    orders = {tuple(acts.in_order(each, ID)) for each in ([first, mine, theirs, joined], [joined, theirs, mine, first])}
    assert orders == {(first, mine, theirs, joined)}


def test_an_agreement_is_signed_once_by_each_and_the_signature_is_of_nothing_else() -> None:
    made = agreement()
    signature = Signature(made.hash, PAIR.one, NOON).signed(ID, SANDBOX.signing_seeds["school"])
    signature.verify(COVENANT)
    for wrong in (
        replace(signature, agreement=agreement(version=2, replaces=made.hash).hash),
        replace(signature, party=PAIR.other),
        replace(signature, at=NOON + 1),
    ):
        with pytest.raises(Evidence):
            wrong.verify(COVENANT)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"version": 2}, "version"),
        ({"replaces": bytes(31) + b"\1"}, "version"),
        ({"parties": (PAIR.one,)}, "parties"),
        ({"parties": (PAIR.other, PAIR.one)}, "parties"),
        ({"tasks": ()}, "tasks"),
        ({"tasks": (Task("", "x", date(2026, 1, 1)),)}, "who"),
        ({"tasks": (Task("mentor", " ", date(2026, 1, 1)),)}, "what"),
        ({"tasks": (Task("mentor", "x\x00", date(2026, 1, 1)),)}, "what"),
        ({"tasks": tuple(Task("mentor", "x" * 2_000, date(2026, 1, 1)) for _ in range(5))}, "tasks"),
        ({"parents": Informed.NOT_INFORMED}, "because"),
        ({"salt": b""}, "salt"),
    ],
)
def test_an_agreement_that_nobody_could_sign_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as refused:
        agreement(**fields).demand_sound()
    assert refused.value.field == field


def test_every_part_of_an_agreement_is_in_its_hash() -> None:
    made = agreement()
    others = [
        agreement(salt=b"\1" * 32),
        agreement(version=2, replaces=made.hash),
        agreement(parties=(PAIR.one, PAIR.other, Party("youth", "Y-1"))),
        agreement(lead="town"),
        agreement(tasks=(Task("mentor", "x", date(2026, 12, 1)),)),
        agreement(evaluate_on=date(2027, 1, 16)),
        agreement(parents=Informed.INFORMED_ONLY),
        agreement(youth=Informed.AGREES),
        agreement(because="asked for"),
    ]
    assert len({each.hash for each in [made, *others]}) == len(others) + 1


def test_a_letter_brings_every_record_whole() -> None:
    made, written = agreement(), Written(b"\2" * 32, "called\ntwice")
    proposed = act(
        "school", ActKind.PROPOSED, day=made.evaluate_on, lead="school", about=made.hash, text_hash=written.hash
    )  # fmt: skip
    signature = Signature(made.hash, PAIR.one, NOON).signed(ID, SANDBOX.signing_seeds["school"])
    letter = FollowUp(PAIR, (proposed,), (written,), (made,), (signature,))
    assert letter_content.decode(content.encode(letter)) == letter


@given(st.binary(max_size=400))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    try:
        letter_content.decode(raw)
    except RaakvlakError:
        return
