"""What this node can account for: who saw and did what, and how the follow-up goes, in numbers."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from raakvlak_node.access import AccessLog, Event, Line
from raakvlak_node.outcome import Milestone, Outcome, Row, as_csv, parse_month
from raakvlak_node.rest.door import At, Caller, note
from raakvlak_node.rest.manners import MAX_NUMBER
from raakvlak_protocol.errors import Malformed

MAX_LINES: Final = 500
CSV: Final = "text/csv"


class LineBody(BaseModel):
    """A line of the access log (NEN 7513)."""

    number: int
    salt: str
    moment: str
    event: str
    action: str
    outcome: str
    actor: str
    role: str
    via: str
    on_behalf_of: str
    kind: str
    case: str
    persons: list[str]
    reason: str
    software: str

    @classmethod
    def of(cls, line: Line) -> "LineBody":
        return cls(**line.record())


class LinesBody(BaseModel):
    """Lines in their order. Whoever reads the log stands in it."""

    lines: list[LineBody]
    next: int = Field(description="the 'after' of the next call")


class OutcomeBody(BaseModel):
    """The matches of a month with one kind of organisation, and how many came how far."""

    month: str
    other_kind: str
    match_kind: str
    matches: int
    acknowledged_in_time: int
    acknowledged_late: int
    contacted: int
    already_in_contact: int
    agreed: int
    evaluated: int
    escalated: int
    closed: int

    @classmethod
    def of(cls, row: Row) -> "OutcomeBody":
        return cls(**row.record())


class OutcomesBody(BaseModel):
    """Counts per month and kind; no case, no person, no organisation."""

    outcomes: list[OutcomeBody]


assert {str(each) for each in Milestone} <= set(OutcomeBody.model_fields)

routes = APIRouter(tags=["accounts"])


@routes.get("/v1/access-log")
def get_access_log(
    door: At, actor: Caller, after: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="only lines behind this one")] = 0
) -> LinesBody:
    """Who saw, created, changed, searched or exported what; call again with `next` until none come but your own."""
    with door.own_node() as own, own.store.transaction():
        found = AccessLog(own.store, own.random).lines(after, MAX_LINES)
        note(own, actor, Event.READ, "log")
    return LinesBody(lines=[LineBody.of(each) for each in found], next=found[-1].number if found else after)


@routes.get(
    "/v1/outcomes",
    response_model=OutcomesBody,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}, "description": "JSON, or CSV where that is accepted"}},
)
def get_outcomes(
    request: Request,
    door: At,
    actor: Caller,
    first: Annotated[str, Query(alias="from", description="YYYY-MM; left out: the first month there is")] = "",
    last: Annotated[str, Query(alias="to", description="YYYY-MM; left out: the last month there is")] = "",
) -> OutcomesBody | Response:
    """How far the matches that began in each month came. Nothing of it leaves this node by itself."""
    for name, month in (("from", first), ("to", last)):
        if month:
            _demand_month(month, name)
    with door.own_node() as own:
        rows = Outcome(own.store).table(first, last)
    if CSV in request.headers.get("accept", ""):
        return Response(as_csv(rows), media_type=CSV)
    return OutcomesBody(outcomes=[OutcomeBody.of(each) for each in rows])


def _demand_month(text: str, field: str) -> None:
    try:
        parse_month(text)
    except Malformed as error:
        raise Malformed(error.message, field=field) from None
