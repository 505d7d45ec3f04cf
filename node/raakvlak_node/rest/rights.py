"""How long and how visibly a case stands, and what persons may ask: withdrawal, renewal, release, objection, erasure."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from raakvlak_node import subject
from raakvlak_node.access import MAX_REASON_CHARACTERS, Event
from raakvlak_node.node import Node
from raakvlak_node.objection import Objection
from raakvlak_node.rest.door import At, Caller, Day, no_such_case, note, reference
from raakvlak_node.rest.manners import Answer, problems
from raakvlak_node.standing import Ending
from raakvlak_node.subject_facts import AskedBy
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import Bsn
from raakvlak_protocol.text import MAX_REFERENCE_CHARACTERS

_POST: Final = problems(404, 409, 400, 411, 413)
_STRICT: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)]
Reference = Annotated[str, Field(min_length=1, max_length=MAX_REFERENCE_CHARACTERS)]
ObjectionId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="the objection's id")]


class WithdrawalBody(BaseModel):
    """A case ends; the reason stays at this node."""

    model_config = _STRICT

    case_ref: Reference
    reason: Ending


class WithdrawnBody(BaseModel):
    """What became of it; what stands at the index is withdrawn at the next sync."""

    case_ref: str
    reason: Ending
    archived: bool = Field(description="whether a copy went to the archive, which only some covenants have")


class RenewalBody(BaseModel):
    """Somebody has looked, and the case is still to be reported."""

    model_config = _STRICT

    case_ref: Reference


class TermBody(BaseModel):
    """A case whose term is over on the day `ends`, or was."""

    case_ref: str
    ends: date
    lapsed: bool


class TermsDueBody(BaseModel):
    """Those that end within a month, or have ended."""

    terms: list[TermBody]


class ReleaseBody(BaseModel):
    """Why a confidential case may be told of directly; it stands in the access log."""

    model_config = _STRICT

    because: Reason


class ReleasedBody(BaseModel):
    """Whether a confidential case is told of directly from the next sync on."""

    case_ref: str
    released: bool


class ObjectBody(BaseModel):
    """A person objects. The day on which that was received sets the term for the decision."""

    model_config = _STRICT

    bsn: str
    because: Reason
    received: Day


class ErasureBody(BaseModel):
    """Erasure was granted to a person."""

    model_config = _STRICT

    bsn: str
    because: Reason


class DecisionBody(BaseModel):
    """What was decided on an objection, and why."""

    model_config = _STRICT

    upheld: StrictBool
    because: Reason


class TouchedBody(BaseModel):
    """A case in which the person stands."""

    case_ref: str
    relation: str
    place: int


class ObjectionBody(BaseModel):
    """An objection, or an erasure that was granted; `due` is the last day for a decision."""

    id: str
    claim: str
    received: date
    due: date
    because: str
    decided: date | None
    upheld: bool | None
    decision: str
    cases: list[TouchedBody]


class ObjectionsBody(BaseModel):
    """In the order in which they were received."""

    objections: list[ObjectionBody]


def objection_body(node: Node, found: Objection) -> ObjectionBody:
    """An objection as the API, and `--json`, tell it."""
    return ObjectionBody(
        id=found.id,
        claim=str(found.claim),
        received=found.received,
        due=found.due,
        because=found.because,
        decided=found.decided,
        upheld=found.upheld,
        decision=found.decision,
        cases=[
            TouchedBody(case_ref=case, relation=str(relation), place=place)
            for case, relation, place in node.standing().touched(found)
        ],
    )


def demand_case(own: Node, text: str) -> str:
    """The reference of a case that is here."""
    found = own.store.case(own.store.case_handle(reference(text)))
    if found is None:
        raise no_such_case()
    return found.reference


routes = APIRouter(tags=["rights"])


@routes.post("/v1/withdrawals", status_code=201, responses=_POST)
def post_withdrawal(body: WithdrawalBody, door: At, actor: Caller) -> WithdrawnBody:
    """Ends a case for a reason; it is forgotten here at once."""
    with door.own_node() as own:
        case_ref = demand_case(own, body.case_ref)
        archived = own.withdraw(case_ref, body.reason, actor)
    door.wake()
    return WithdrawnBody(case_ref=case_ref, reason=body.reason, archived=archived)


@routes.post("/v1/renewals", status_code=201, responses=_POST)
def post_renewal(body: RenewalBody, door: At, actor: Caller) -> TermBody:
    """Reports a case anew for another term, in the last month of the present one or after it."""
    with door.own_node() as own:
        case_ref = demand_case(own, body.case_ref)
        ends = own.renew(case_ref, actor)
    door.wake()
    return TermBody(case_ref=case_ref, ends=ends, lapsed=False)


@routes.get("/v1/terms")
def get_terms(door: At, actor: Caller) -> TermsDueBody:
    """Cases whose term ends within a month, or has ended: renew or withdraw them."""
    with door.own_node() as own, own.store.transaction():
        found = own.terms_due()
        if found:
            note(own, actor, Event.SEARCH, "case")
    return TermsDueBody(terms=[TermBody(case_ref=each.reference, ends=each.ends, lapsed=each.lapsed) for each in found])


@routes.put("/v1/releases/{case_ref:path}", responses=_POST)
def put_case_release(case_ref: str, body: ReleaseBody, door: At, actor: Caller) -> ReleasedBody:
    """Lets others hear of a confidential case directly."""
    with door.own_node() as own:
        found = demand_case(own, case_ref)
        own.release(found, body.because, actor)
    door.wake()
    return ReleasedBody(case_ref=found, released=True)


@routes.delete("/v1/releases/{case_ref:path}", responses=problems(404, 409))
def delete_case_release(
    case_ref: str, door: At, actor: Caller, because: Annotated[str, Query(min_length=1, max_length=MAX_REASON_CHARACTERS)]
) -> ReleasedBody:
    """Lets only the coordinator hear of it again; what others have read by then they have read."""
    with door.own_node() as own:
        found = demand_case(own, case_ref)
        own.withdraw_release(found, because, actor)
    door.wake()
    return ReleasedBody(case_ref=found, released=False)


@routes.post("/v1/objections", status_code=201, responses=problems(409, 400, 411, 413))
def post_objection(body: ObjectBody, door: At, actor: Caller) -> ObjectionBody:
    """Suspends at once all that is published of a person, until it is decided."""
    with door.own_node() as own:
        person = _person(body.bsn)
        found = own.standing().object(person, body.because, body.received, actor, own.clock())
        answer = objection_body(own, found)
    door.wake()
    return answer


@routes.get("/v1/objections")
def get_objections(door: At, actor: Caller, pending: bool = False) -> ObjectionsBody:
    """Objections, or only those that wait for a decision."""
    with door.own_node() as own, own.store.transaction():
        found = [objection_body(own, each) for each in own.standing().objections.all(pending=pending)]
        if found:
            note(own, actor, Event.SEARCH, "person")
    return ObjectionsBody(objections=found)


@routes.put("/v1/objections/{id}/decision", responses=_POST)
def put_decision(id: ObjectionId, body: DecisionBody, door: At, actor: Caller) -> ObjectionBody:
    """Upheld, the person's involvement is destroyed and never published again; rejected, it stands again."""
    with door.own_node() as own:
        standing = own.standing()
        if id not in {each.id for each in standing.objections.all()}:
            raise Answer(HTTPStatus.NOT_FOUND, "this node has no objection of that id: GET /v1/objections lists them")
        found = standing.decide(id, upheld=body.upheld, because=body.because, actor=actor, now=own.clock())
        answer = objection_body(own, found)
    door.wake()
    return answer


@routes.post("/v1/erasures", status_code=201, responses=problems(409, 400, 411, 413))
def post_erasure(body: ErasureBody, door: At, actor: Caller) -> ObjectionBody:
    """Destroys what stands here of a person, as an objection that was upheld."""
    with door.own_node() as own:
        found = own.standing().erase(_person(body.bsn), body.because, actor, own.clock())
        answer = objection_body(own, found)
    door.wake()
    return answer


class SubjectReportQuestion(BaseModel):
    """Whose report, and who asks for it. In a body, because an address is written down on the way."""

    model_config = _STRICT

    bsn: str
    asked_by: AskedBy
    birth_date: Day | None = Field(None, description="as whoever asks has shown it; needed where no case tells it")


@routes.post("/v1/subject-reports", responses=problems(409, 400, 411, 413))
def post_subject_report(body: SubjectReportQuestion, door: At, actor: Caller) -> dict[str, Any]:
    """What a person may know of what this node has about them, in the layout `raakvlak-subject/1`; 409 with the rule where
    that one may not ask at that age."""
    with door.own_node() as own:
        found = subject.report(own, _person(body.bsn), body.asked_by, actor, own.clock(), birth_date=body.birth_date)
        return found.record()


def _person(text: str) -> Bsn:
    try:
        return Bsn.parse(text)
    except Malformed as error:
        raise Malformed(error.message, field="bsn") from None
