"""What is done about the matches: the lists, and the steps that people take."""

from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from raakvlak_node.access import Actor, Event
from raakvlak_node.follow_ups import FollowUp, FollowUps, Overtaken
from raakvlak_node.followup import Phase
from raakvlak_node.node import Node
from raakvlak_node.rest.agreements import ID_PATTERN, ProposalBody, Seen
from raakvlak_node.rest.door import At, Caller, Day, note, reference
from raakvlak_node.rest.manners import Answer, ProblemBody, problems
from raakvlak_node.rest.matches import ChangedAfter, page
from raakvlak_node.rest.standing import FollowUpBody, FollowUpsBody, StepBody, follow_up_body, listed, step_body
from raakvlak_protocol.act import ActKind
from raakvlak_protocol.errors import NotPermitted, Refused, TooLarge
from raakvlak_protocol.text import MAX_WRITTEN_CHARACTERS

Id = Annotated[str, Path(pattern=ID_PATTERN, description="the follow-up's id")]


class What(StrEnum):
    """The steps that `acts` takes; an agreement is proposed and signed at paths of its own."""

    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    ALREADY_IN_CONTACT = "already_in_contact"
    RESUMED = "resumed"
    DISAGREED = "disagreed"
    ESCALATED = "escalated"
    DECIDED = "decided"
    EVALUATED = "evaluated"
    CLOSED = "closed"
    REOPENED = "reopened"


class ActBody(BaseModel):
    """A step. `day` is that of a contact, or of the next evaluation; `lead` goes with a coordinator's decision."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: What
    seen: Seen
    day: Day | None = None
    text: str = Field("", max_length=MAX_WRITTEN_CHARACTERS)
    lead: str = ""


class SignatureBody(BaseModel):
    """Signing the agreement that waits."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    seen: Seen


class BecauseBody(BaseModel):
    """Why something is released; it stands in the access log."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    because: str = Field(min_length=1, max_length=MAX_WRITTEN_CHARACTERS)


class RefusedBody(ProblemBody):
    """Why a step was not taken: not allowed now (`allowed` says what is), or somebody else was first (`since` says what
    was done, `seen` is the new number)."""

    allowed: list[str] = Field(default_factory=list)
    since: list[StepBody] = Field(default_factory=list)
    seen: int | None = None


# --- routes ---------------------------------------------------------------------------------------------------------------

routes = APIRouter(tags=["follow-ups"])
_REFUSED: Final = problems(409, model=RefusedBody)


def found_or_404(follow_ups: FollowUps, own: Node, id: str) -> FollowUp:
    """The follow-up of an id on a path."""
    known = follow_ups.pairs.known(bytes.fromhex(id))
    if known is None:
        raise Answer(HTTPStatus.NOT_FOUND, "this node has no such follow-up: GET /v1/follow-ups lists them")
    return follow_ups.of(known, own.clock())


def taken(own: Node, id: str, take: Callable[[FollowUps], FollowUp]) -> FollowUpBody:
    """What came of a step; one that was refused tells what can be done instead."""
    follow_ups = own.follow_ups()
    found_or_404(follow_ups, own, id)
    try:
        return follow_up_body(own, take(follow_ups))
    except Overtaken as error:
        now = found_or_404(follow_ups, own, id)
        raise Answer(HTTPStatus.CONFLICT, error.message, _since(now, error)) from None
    except (NotPermitted, TooLarge):
        raise
    except Refused as error:
        now = found_or_404(follow_ups, own, id)
        raise Answer(HTTPStatus.CONFLICT, error.message, {"allowed": list(now.allowed), "seen": now.known.changed}) from None


def _since(found: FollowUp, error: Overtaken) -> dict[str, Any]:
    since = [step_body(found, each).model_dump(mode="json") for each in error.since]
    return {"since": since, "seen": error.changed, "allowed": list(found.allowed)}


@routes.get("/v1/follow-ups")
def get_follow_ups(
    door: At,
    actor: Caller,
    case_ref: str | None = None,
    phase: Phase | None = None,
    overdue: bool | None = None,
    after: ChangedAfter = 0,
) -> FollowUpsBody:
    """Follow-ups that are new or changed since `after`; call again with `next` until none come."""
    with door.own_node() as own:
        own_case = "" if case_ref is None else reference(case_ref)
        found = listed(own, case_ref=own_case, phase="" if phase is None else phase, overdue=overdue, after=after)
        shown, following = page(found, after)
        if shown:
            note(own, actor, Event.SEARCH, "follow-up", own_case)
    return FollowUpsBody(follow_ups=shown, next=following)


@routes.get("/v1/follow-ups/{id}", responses=problems(404))
def get_follow_up(id: Id, door: At, actor: Caller) -> FollowUpBody:
    """Where it stands, what is due, what can be done, and the whole history."""
    with door.own_node() as own, own.store.transaction():
        found = found_or_404(own.follow_ups(), own, id)
        note(own, actor, Event.READ, "follow-up", found.known.own_reference(own.member.id))
        return follow_up_body(own, found)


@routes.post("/v1/follow-ups/{id}/acts", status_code=201, responses=problems(403, 404, 400, 411, 413) | _REFUSED)
def post_act(id: Id, body: ActBody, door: At, actor: Caller) -> FollowUpBody:
    """Takes a step. It is durable; the others are told at the next sync."""
    kind = ActKind[body.kind.name]
    with door.own_node() as own:
        now = own.clock()
        result = taken(
            own,
            id,
            lambda each: each.act(id, kind, actor, now, seen=body.seen, day=body.day, text=body.text, lead=body.lead),
        )
    door.wake()
    return result


@routes.post("/v1/agreements", status_code=201, responses=problems(403, 404, 400, 411, 413) | _REFUSED)
def post_agreement(body: ProposalBody, door: At, actor: Caller) -> FollowUpBody:
    """Proposes an agreement in these follow-ups and signs it; answers with the first of them."""
    ids = [each.id for each in body.follow_ups]
    with door.own_node() as own:

        def propose(follow_ups: FollowUps) -> FollowUp:
            with own.store.transaction():
                for each in body.follow_ups:
                    follow_ups.demand_seen(follow_ups.find(each.id, own.clock()), each.seen)
                return follow_ups.propose(ids, body.terms(), actor, own.clock())

        for id in ids:
            found_or_404(own.follow_ups(), own, id)
        result = taken(own, ids[0], propose)
    door.wake()
    return result


@routes.post("/v1/follow-ups/{id}/signatures", status_code=201, responses=problems(403, 404, 400, 411, 413) | _REFUSED)
def post_signature(id: Id, body: SignatureBody, door: At, actor: Caller) -> FollowUpBody:
    """Signs the agreement that waits."""
    with door.own_node() as own:
        result = taken(own, id, lambda each: each.sign(id, actor, own.clock(), seen=body.seen))
    door.wake()
    return result


@routes.put("/v1/follow-ups/{id}/release", responses=problems(403, 404, 400, 411, 413) | _REFUSED)
def put_release(id: Id, body: BecauseBody, door: At, actor: Caller) -> FollowUpBody:
    """Lets the coordinator read the agreements and what this side has written."""
    return _release(id, True, body.because, door, actor)


@routes.delete("/v1/follow-ups/{id}/release", responses=problems(403, 404) | _REFUSED)
def delete_release(
    id: Id, door: At, actor: Caller, because: Annotated[str, Query(min_length=1, max_length=MAX_WRITTEN_CHARACTERS)]
) -> FollowUpBody:
    """The coordinator gets nothing more to read; what it was sent it has."""
    return _release(id, False, because, door, actor)


def _release(id: str, released: bool, because: str, door: At, actor: Actor) -> FollowUpBody:
    with door.own_node() as own:
        result = taken(own, id, lambda each: each.release(id, released, because, actor, own.clock()))
    door.wake()
    return result
