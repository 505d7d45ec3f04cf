"""The coordinator's desk: what is stuck, and what only it hears of; and at a side, what coordinators ask."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from raakvlak_node.access import Event
from raakvlak_node.desk import Asked
from raakvlak_node.followup import Phase
from raakvlak_node.mediating import NO_MATCH, NO_QUESTION, Heard, Mediating, Question
from raakvlak_node.node import Node
from raakvlak_node.rest.door import At, Caller, note
from raakvlak_node.rest.manners import Answer, problems
from raakvlak_node.rest.standing import FollowUpItem, WhomBody, item, whom_bodies
from raakvlak_node.workdays import moment
from raakvlak_protocol.text import (
    MAX_EMAIL_CHARACTERS,
    MAX_PHONE_CHARACTERS,
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_WRITTEN_CHARACTERS,
)

MatchId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="the match")]


class AskedBody(BaseModel):
    """What a side was asked, and answered."""

    member: str
    asked: datetime
    text: str
    answered: datetime | None
    released: bool | None
    answer: str


class MediationBody(BaseModel):
    """A match that nobody but this coordinator hears of. Only the members in `askable` may be told of it."""

    id: str
    sides: list[str]
    names: list[str]
    askable: list[str]
    began: datetime
    asks: list[AskedBody]


class MediationsBody(BaseModel):
    """All of them, oldest first."""

    mediations: list[MediationBody]


class StuckBody(FollowUpItem):
    """A follow-up that is before this coordinator, with whom it can call."""

    since: datetime = Field(description="since when the match is there")
    contacts: list[WhomBody]


class DeskBody(BaseModel):
    """Both sorts of what is before this coordinator: follow-ups that are stuck, and matches that only it hears of."""

    follow_ups: list[StuckBody]
    mediations: list[MediationBody]


class QuestionBody(BaseModel):
    """What a coordinator asks, and about which own cases."""

    match_id: str
    coordinator: str
    coordinator_name: str
    case_refs: list[str]
    name: str
    phone: str
    email: str
    text: str
    asked: datetime
    answered: datetime | None
    released: bool | None
    answer: str


class QuestionsBody(BaseModel):
    """All that is not answered yet, oldest first."""

    asks: list[QuestionBody]


class AskBody(BaseModel):
    """A question to a side, and whom it can answer."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    member: str = Field(description="one of `askable`")
    name: str = Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)
    phone: str = Field("", max_length=MAX_PHONE_CHARACTERS, description="one of phone and email is required")
    email: str = Field("", max_length=MAX_EMAIL_CHARACTERS)
    text: str = Field(min_length=1, max_length=MAX_WRITTEN_CHARACTERS)


class AnswerBody(BaseModel):
    """An answer to a coordinator: whether the case is released. `text` is the reason, which the coordinator reads."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    release: StrictBool
    text: str = Field(min_length=1, max_length=MAX_WRITTEN_CHARACTERS)
    case_ref: str = Field("", max_length=MAX_REFERENCE_CHARACTERS, description="which case, where several are asked about")


def mediation_body(node: Node, heard: Heard) -> MediationBody:
    """A match that only the coordinator hears of, as the API, and `--json`, tell it."""
    found = heard.mediation
    sides = [found.one, found.other]
    return MediationBody(
        id=heard.id,
        sides=sides,
        names=[node.name_of(each) for each in sides],
        askable=list(heard.askable),
        began=moment(found.began),
        asks=[_asked(each) for each in heard.asked],
    )


def _asked(asked: Asked) -> AskedBody:
    return AskedBody(
        member=asked.party,
        asked=moment(asked.asked),
        text=asked.ask.text,
        answered=None if asked.answered is None else moment(asked.answered),
        released=asked.released,
        answer=asked.answer,
    )


def question_body(node: Node, question: Question) -> QuestionBody:
    """A coordinator's question as the API, and `--json`, tell it."""
    asked = question.asked
    return QuestionBody(
        match_id=question.id,
        coordinator=asked.party,
        coordinator_name=node.name_of(asked.party),
        case_refs=list(question.cases),
        name=asked.ask.name,
        phone=asked.ask.phone,
        email=asked.ask.email,
        text=asked.ask.text,
        asked=moment(asked.asked),
        answered=None if asked.answered is None else moment(asked.answered),
        released=asked.released,
        answer=asked.answer,
    )


def desk_body(node: Node) -> DeskBody:
    """All that is before this coordinator and not closed; what is escalated first, then the oldest."""
    today = node.today(node.clock())
    stuck = [
        StuckBody(**item(node, each, today).model_dump(), since=moment(each.began), contacts=whom_bodies(node, each))
        for each in node.follow_ups().pairs.all(live=True)
        if each.own_case is None and each.phase != Phase.CLOSED
    ]
    stuck.sort(key=lambda each: (each.phase is not Phase.ESCALATED, each.since, each.id))
    return DeskBody(follow_ups=stuck, mediations=[mediation_body(node, each) for each in Mediating(node).matches()])


routes = APIRouter(tags=["coordination"])
_POST: Final = problems(404, 409, 400, 411, 413)


@routes.get("/v1/desk")
def get_desk(door: At, actor: Caller) -> DeskBody:
    """What is before this coordinator, with whom to call; empty at a node that is none."""
    with door.own_node() as own, own.store.transaction():
        found = desk_body(own)
        if found.follow_ups or found.mediations:
            note(own, actor, Event.SEARCH, "follow-up")
    return found


@routes.get("/v1/mediations")
def get_mediations(door: At, actor: Caller) -> MediationsBody:
    """Matches that only this coordinator hears of."""
    with door.own_node() as own, own.store.transaction():
        found = [mediation_body(own, each) for each in Mediating(own).matches()]
        if found:
            note(own, actor, Event.SEARCH, "match")
    return MediationsBody(mediations=found)


@routes.post("/v1/mediations/{match_id}/asks", status_code=201, responses=_POST)
def post_ask(match_id: MatchId, body: AskBody, door: At, actor: Caller) -> MediationBody:
    """Asks a side whether its involvement may be told to the other side."""
    with door.own_node() as own:
        mediating = Mediating(own)
        if match_id not in {each.id for each in mediating.matches()}:
            raise Answer(HTTPStatus.NOT_FOUND, NO_MATCH)
        heard = mediating.ask(match_id, body.member, body.name, body.phone, body.email, body.text, actor, own.clock())
        found = mediation_body(own, heard)
    door.wake()
    return found


@routes.get("/v1/asks")
def get_asks(door: At, actor: Caller) -> QuestionsBody:
    """What coordinators ask this organisation, and about which case."""
    with door.own_node() as own, own.store.transaction():
        found = [question_body(own, each) for each in Mediating(own).questions()]
        if found:
            note(own, actor, Event.SEARCH, "case")
    return QuestionsBody(asks=found)


@routes.put("/v1/asks/{match_id}/answer", responses=_POST)
def put_answer(match_id: MatchId, body: AnswerBody, door: At, actor: Caller) -> QuestionBody:
    """Answers: the case is released, from where it is an ordinary match, or stays as it is."""
    with door.own_node() as own:
        mediating = Mediating(own)
        if match_id not in {each.id for each in mediating.questions()}:
            raise Answer(HTTPStatus.NOT_FOUND, NO_QUESTION)
        answered = mediating.answer(match_id, body.release, body.text, actor, own.clock(), case=body.case_ref)
        found = question_body(own, answered)
    door.wake()
    return found
