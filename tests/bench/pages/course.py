"""How the follow-ups of a busy node stand: the records of a pair in every phase, signed by those who would have."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from raakvlak_node.pairs import Record
from raakvlak_protocol import act as acts
from raakvlak_protocol.act import (
    NOTHING,
    SALT_BYTES,
    Act,
    ActKind,
    Agreement,
    Cause,
    Informed,
    Pair,
    Signature,
    Task,
    Written,
)
from raakvlak_protocol.secret import SecretBytes


class Course(StrEnum):
    """How far two organisations have come."""

    NEW = "new"
    SEEN_HERE = "seen here"
    SEEN_BY_BOTH = "seen by both"
    IN_CONTACT = "in contact"
    TO_SIGN = "to sign"
    AGREED = "agreed"
    TO_EVALUATE = "to evaluate"
    EVALUATED = "evaluated"
    ESCALATED = "escalated"
    KNOWN = "already in contact"
    CLOSED = "closed"


DAYS: Final[Mapping[Course, tuple[int, int]]] = {
    Course.NEW: (0, 8),
    Course.SEEN_HERE: (2, 8),
    Course.SEEN_BY_BOTH: (3, 12),
    Course.IN_CONTACT: (8, 30),
    Course.TO_SIGN: (10, 30),
    Course.AGREED: (20, 60),
    Course.TO_EVALUATE: (75, 90),
    Course.EVALUATED: (80, 100),
    Course.ESCALATED: (15, 40),
    Course.KNOWN: (5, 200),
    Course.CLOSED: (60, 200),
}
"""How long ago such a match began, at least and at most."""

_TEXT: Final = "We spoke by telephone and will look at it together with the family next week; the school knows about it."


@dataclass
class Told:
    """The records of one pair, one behind the other. `seeds` sign for each member."""

    pair: Pair
    covenant: str
    seeds: Mapping[str, SecretBytes]
    at: int
    records: list[Record] = field(default_factory=list)

    def act(
        self,
        author: str,
        kind: ActKind,
        *,
        day: date | None = None,
        text: str = "",
        lead: str = "",
        about: bytes = NOTHING,
        cause: Cause = Cause.NONE,
    ) -> None:
        """The author takes a step, an hour after the last one."""
        self.at += 3_600
        number, after = acts.following([each for each in self.records if isinstance(each, Act)], self.covenant)
        written = Written(os.urandom(SALT_BYTES), text) if text else None
        made = Act(
            self.pair, author, number, after, self.at, kind, cause, day, lead, about,
            NOTHING if written is None else written.hash,
        )  # fmt: skip
        self.records += [made.signed(self.covenant, self.seeds[author]), *([] if written is None else [written])]

    def propose(self, author: str, evaluate_on: date) -> Agreement:
        """The author proposes an agreement and signs it."""
        tasks = tuple(Task(each, f"Talks with the parents ({each})", evaluate_on) for each in self.pair.members)
        made = Agreement(
            os.urandom(SALT_BYTES), 1, NOTHING, (self.pair.one, self.pair.other), author, tasks, evaluate_on,
            Informed.AGREES, Informed.INFORMED_ONLY,
        )  # fmt: skip
        self.act(author, ActKind.PROPOSED, day=evaluate_on, lead=author, about=made.hash)
        self.records.append(made)
        self.sign(author, made)
        return made

    def sign(self, member: str, agreement: Agreement) -> None:
        self.at += 3_600
        signature = Signature(agreement.hash, self.pair.party(member), self.at)
        self.records.append(signature.signed(self.covenant, self.seeds[member]))


def tell(told: Told, course: Course, own: str, now: datetime) -> None:
    """What both sides have done so far."""
    other, today = told.pair.opposite(own).member, now.date()
    if course is Course.NEW:
        return
    told.act(own, ActKind.ACKNOWLEDGED)
    if course is Course.SEEN_HERE:
        return
    if course is Course.KNOWN:
        told.act(own, ActKind.ALREADY_IN_CONTACT)
        return
    told.act(other, ActKind.ACKNOWLEDGED)
    if course is Course.SEEN_BY_BOTH:
        return
    told.act(own, ActKind.CONTACTED, day=date.fromtimestamp(told.at), text=_TEXT)
    if course is Course.IN_CONTACT:
        return
    if course is Course.ESCALATED:
        told.act(other, ActKind.ESCALATED, text="We disagree about who leads.", cause=Cause.REQUEST)
        return
    evaluate_on = today + timedelta(days=2 if course is Course.TO_EVALUATE else 40)
    agreement = told.propose(other, evaluate_on)
    if course is Course.TO_SIGN:
        return
    told.sign(own, agreement)
    if course is Course.EVALUATED:
        told.act(own, ActKind.EVALUATED, day=today + timedelta(days=30), text=_TEXT)
    elif course is Course.CLOSED:
        told.act(own, ActKind.CLOSED, text=_TEXT)
