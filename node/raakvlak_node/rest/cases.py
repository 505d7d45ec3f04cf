"""The own cases: in as the case system has them, out as they were put."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from raakvlak_node.access import Event
from raakvlak_node.case import MAX_RELATIVES, Case, parse
from raakvlak_node.hand_over import Worker, hand_over
from raakvlak_node.rest.door import At, Caller, no_such_case, note, reference
from raakvlak_node.rest.manners import problems
from raakvlak_node.standing import Ending


class CaseBody(BaseModel):
    """A case, with the columns of the caseload file. Empty or absent means unknown."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    bsn: str = Field(description="the client's BSN: nine digits")
    birth_date: str = Field("", description="YYYY-MM-DD")
    parent_bsn_1: str = ""
    parent_bsn_2: str = ""
    child_bsns: list[str] = Field(default_factory=list, max_length=MAX_RELATIVES)
    sibling_bsns: list[str] = Field(default_factory=list, max_length=MAX_RELATIVES)
    postcode: str = Field("", description="1234 AB, any case or spacing")
    house_number: str = ""
    house_addition: str = ""
    function: str = Field(description="of the professional whom others are to call")
    worker_name: str = ""
    worker_phone: str = Field("", description="one of worker_phone and worker_email is required")
    worker_email: str = ""
    since: str = Field(description="YYYY-MM-DD")
    confidential: StrictBool = False
    protected: StrictBool = False

    def columns(self, case_ref: str) -> dict[str, str]:
        """The same as the caseload file would hold it."""
        found = {name: value for name, value in self.model_dump().items() if isinstance(value, str)}
        return found | {
            "case_ref": case_ref,
            "child_bsns": " ".join(self.child_bsns),
            "sibling_bsns": " ".join(self.sibling_bsns),
            "confidential": "yes" if self.confidential else "no",
            "protected": "yes" if self.protected else "no",
        }

    @classmethod
    def of(cls, case: Case) -> "CaseBody":
        columns = dict(case.columns)
        columns.pop("case_ref")
        lists = {name: columns.pop(name).split() for name in ("child_bsns", "sibling_bsns")}
        flags = {name: columns.pop(name).lower() == "yes" for name in ("confidential", "protected")}
        return cls(**columns, **lists, **flags)  # type: ignore[arg-type]


class StoredBody(BaseModel):
    """What became of a PUT. It is durable; tokens follow at the next sync."""

    case_ref: str
    result: Literal["new", "changed", "unchanged"]


class WorkerBody(BaseModel):
    """Whom others are to call about a case from now on."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = ""
    function: str
    phone: str = Field("", description="one of phone and email is required")
    email: str = ""

    def worker(self) -> Worker:
        return Worker(self.name, self.function, self.phone, self.email)


routes = APIRouter(tags=["cases"])


@routes.put("/v1/cases/{case_ref:path}", status_code=202, responses=problems(404, 409, 400, 411, 413))
def put_case(
    case_ref: str,
    body: CaseBody,
    door: At,
    actor: Caller,
    bsn_change: Annotated[
        Literal["wrong", "changed"] | None,
        Query(
            description="what a new BSN of a known client means: the old one was wrong (withdrawn at once) or has"
            " changed (both stand until the term)"
        ),
    ] = None,
) -> StoredBody:
    """Stores the whole case in place of what was there. What is absent becomes unknown."""
    with door.own_node() as own:
        adults = own.covenant.adult_clients
        case = parse(body.columns(reference(case_ref)), today=own.today(own.clock()), adults=adults)
        with own.store.transaction():
            result = own.put_case(case, bsn_change)
            if result != "unchanged":
                note(own, actor, Event.CREATE if result == "new" else Event.UPDATE, "case", case.reference)
    door.wake()
    return StoredBody(case_ref=case.reference, result=result)


@routes.get("/v1/cases/{case_ref:path}", responses=problems(404))
def get_case(case_ref: str, door: At, actor: Caller) -> CaseBody:
    """The case as it was put."""
    with door.own_node() as own:
        found = own.store.case(own.store.case_handle(reference(case_ref)))
        if found is None:
            raise no_such_case()
        note(own, actor, Event.READ, "case", found.reference)
    return CaseBody.of(found)


@routes.delete("/v1/cases/{case_ref:path}", status_code=204, responses=problems(404, 409))
def delete_case(
    case_ref: str,
    door: At,
    actor: Caller,
    reason: Annotated[
        Ending, Query(description="why; it stays at this node. POST /v1/withdrawals does the same and tells more")
    ],
) -> Response:
    """Ends the case for a reason; its involvement is withdrawn at the next sync."""
    with door.own_node() as own:
        found = own.store.case(own.store.case_handle(reference(case_ref)))
        if found is None:
            raise no_such_case()
        own.withdraw(found.reference, reason, actor)
    door.wake()
    return Response(status_code=204)


@routes.put("/v1/workers/{case_ref:path}", status_code=202, responses=problems(404, 409, 400, 411, 413))
def put_worker(case_ref: str, body: WorkerBody, door: At, actor: Caller) -> StoredBody:
    """Hands the case over to a colleague; the other organisations are told by themselves whom to call now."""
    with door.own_node() as own:
        case = own.store.case(own.store.case_handle(reference(case_ref)))
        if case is None:
            raise no_such_case()
        result = hand_over(own, case.reference, body.worker(), actor)
    door.wake()
    return StoredBody(case_ref=case.reference, result=result)
