"""What a coordinator alone hears of: it asks the confidential side, and that side answers (DESIGN §5).

At a coordinator, `matches`, `ask`; at a side, `questions`, `answer`. The other side of such a match must not learn that
there is one: it can't be asked, and nothing goes to it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from raakvlak_node.access import AccessLog, Actor, Event
from raakvlak_node.desk import Asked, Desk, Mediation
from raakvlak_node.node import Node
from raakvlak_protocol import follow_up_content
from raakvlak_protocol.covenant import COORDINATOR
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.follow_up_content import Answer, Ask
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
    shown_lines,
    shown_text,
)

NO_MATCH: Final = "no such match is before this coordinator: 'raakvlak-node desk list' names them"
NO_QUESTION: Final = "no coordinator has asked about this match: 'raakvlak-node desk asks' lists the questions"


@dataclass(frozen=True, slots=True)
class Heard:
    """A match that only this coordinator hears of, with what it has asked. `askable` are the sides that may be asked."""

    mediation: Mediation
    askable: tuple[str, ...]
    asked: tuple[Asked, ...]

    @property
    def id(self) -> str:
        """By which commands and the API name it."""
        return self.mediation.match_id.hex()


@dataclass(frozen=True, slots=True)
class Question:
    """What a coordinator asks a side, and about which of its cases: those that nobody else hears of."""

    asked: Asked
    cases: tuple[str, ...]

    @property
    def id(self) -> str:
        """By which commands and the API name it."""
        return self.asked.match_id.hex()


class Mediating:
    """The verbs, on a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._store = node.store
        self._desk = Desk(node.store)
        self._log = AccessLog(node.store, node.random)

    @property
    def at_desk(self) -> bool:
        """Whether this node is a coordinator's."""
        return self._node.member.kind == COORDINATOR

    # --- at a coordinator -------------------------------------------------------------------------------------------------

    def matches(self) -> list[Heard]:
        """Live matches that only this coordinator hears of, oldest first."""
        asked = self._desk.asks() if self.at_desk else []
        return [_heard(each, asked) for each in self._desk.mediations() if not each.direct]

    def match(self, id: str) -> Heard:
        """The match of this id; raises Refused where there is none."""
        found = next((each for each in self.matches() if each.id == id), None)
        if found is None:
            raise Refused(NO_MATCH)
        return found

    def ask(self, id: str, member: str, name: str, phone: str, email: str, text: str, actor: Actor, now: datetime) -> Heard:
        """Asks a side whether its involvement may be told to the other; it answers to this person. Raises Refused for a
        side that may not be asked or owes an answer, Malformed, naming the field, for what it could not read."""
        _demand_person(name, phone, email)
        shown_lines(text, MAX_WRITTEN_CHARACTERS, "text", required=True)
        with self._store.transaction():
            found = self.match(id)
            mediation = found.mediation
            if member not in (mediation.one, mediation.other):
                raise Malformed("is neither of the two organisations of this match", field="member")
            if member not in found.askable:
                raise Refused("that side may not be asked: it would learn of involvement that it must not hear of")
            if any(each.party == member and each.answered is None for each in found.asked):
                raise Refused("that side was asked already and has not answered yet: call it")
            ask = Ask(mediation.reference_of(member), mediation.epoch, name, phone, email, text)
            self._desk.keep_ask(mediation.match_id, member, None, ask, int(now.timestamp()))
            self._desk.queue(mediation.match_id, member, follow_up_content.encode(ask))
            self._log.write(actor, Event.UPDATE, now, kind="match")
            return self.match(id)

    # --- at a side --------------------------------------------------------------------------------------------------------

    def questions(self, *, answered: bool = False) -> list[Question]:
        """What coordinators ask this node, oldest first; `answered` tells those that were answered too."""
        asked = [] if self.at_desk else self._desk.asks()
        return [Question(each, self._cases(each)) for each in asked if answered or each.answered is None]

    def answer(self, id: str, release: bool, text: str, actor: Actor, now: datetime, *, case: str = "") -> Question:
        """Answers a coordinator: the case is released, from where it is an ordinary match, or stays as it is. `case` says
        which, where there are several. Raises Refused where nothing is asked, Malformed where a case or reason lacks."""
        shown_lines(text, MAX_WRITTEN_CHARACTERS, "text", required=True)
        with self._store.transaction():
            found = next((each for each in self.questions() if each.id == id), None)
            if found is None:
                raise Refused(NO_QUESTION)
            chosen = _chosen(found.cases, case)
            if release:
                self._node.release(chosen, text, actor)
            else:
                self._log.write(actor, Event.UPDATE, now, kind="case", case=chosen, reason=text)
            asked = found.asked
            self._desk.keep_answer(asked.match_id, asked.party, release, text, int(now.timestamp()))
            self._desk.queue(asked.match_id, asked.party, follow_up_content.encode(Answer(release, text)))
            return next(each for each in self.questions(answered=True) if each.id == id)

    def _cases(self, asked: Asked) -> tuple[str, ...]:
        handles = [] if asked.person is None else [handle for handle, _, _ in self._store.cases_of(asked.person)]
        cases = [self._store.case(each) for each in handles]
        return tuple(sorted({each.reference for each in cases if each is not None}))


def _heard(mediation: Mediation, asked: list[Asked]) -> Heard:
    askable = tuple(each for each in (mediation.one, mediation.other) if mediation.reference_of(each))
    return Heard(mediation, askable, tuple(each for each in asked if each.match_id == mediation.match_id))


def _demand_person(name: str, phone: str, email: str) -> None:
    shown_text(name, MAX_TEXT_CHARACTERS, "name", required=True)
    shown_text(phone, MAX_PHONE_CHARACTERS, "phone")
    shown_text(email, MAX_EMAIL_CHARACTERS, "email")
    if not phone.strip() and not email.strip():
        raise Malformed("one of phone and email must be filled in", field="phone")


def _chosen(cases: tuple[str, ...], case: str) -> str:
    if case and case not in cases:
        raise Malformed("the coordinator does not ask about that case", field="case_ref")
    if not cases:
        raise Refused("the case that was asked about is not here any more: nothing need be answered")
    if not case and len(cases) > 1:
        raise Malformed("several cases are about this person: say which one", field="case_ref")
    return case or cases[0]
