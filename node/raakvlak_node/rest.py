"""The REST API for the organisation's own case system: on loopback, or elsewhere with a certificate.

Every answer that is not a success is problem+json (RFC 9457). No answer, header or log line repeats what was sent: an
identifier that is wrong is named by its column, never by its value.
"""

import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from raakvlak_node.case import MAX_RELATIVES, Case, Rejected, parse
from raakvlak_node.node import BsnDiffers, Node
from raakvlak_node.picture import Entry
from raakvlak_protocol.errors import Malformed, NotPermitted, RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.letter_content import MAX_REFERENCE_CHARACTERS

MAX_BODY_BYTES: Final = 64 * 1024
MAX_PAGE: Final = 500
PROBLEM: Final = "application/problem+json"

Log = Callable[..., None]


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
    confidential: bool = False
    protected: bool = False

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


class ContactBody(BaseModel):
    """Whom to call at the other organisation."""

    name: str
    function: str
    phone: str
    email: str
    reference: str
    since: date


class PersonBody(BaseModel):
    """A shared person, as it stands to the own case: `parent` 1, `sibling` 2 …"""

    relation: Literal["client", "parent", "child", "sibling", "address"]
    place: int


class MatchBody(BaseModel):
    """Another organisation's case that touches an own one. `contact` is null until its card has come."""

    case_ref: str
    other: str
    other_name: str
    kind: Literal["client", "family"]
    via: list[str]
    persons: list[PersonBody]
    contact: ContactBody | None
    changed: int = Field(description="rises with every change; the highest one seen is the next 'after'")


class MatchesBody(BaseModel):
    """Matches that changed after a number, in the order of their changes."""

    matches: list[MatchBody]
    next: int = Field(description="the 'after' of the next call")


class PictureBody(BaseModel):
    """The client picture of one case."""

    case_ref: str
    matches: list[MatchBody]


class HealthBody(BaseModel):
    """Whether the node serves, and how much of its work is open."""

    status: Literal["ok"]
    pending: int


class ProblemBody(BaseModel):
    """RFC 9457, with every wrong field of a case."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


def match_body(node: Node, case_ref: str, entry: Entry) -> MatchBody:
    """An entry of the client picture as the API, and `--json`, tell it."""
    contact = entry.contact
    member = node.covenant.members.get(entry.other)
    return MatchBody(
        case_ref=case_ref,
        other=entry.other,
        # A member that has left the covenant is still to be called while the match stands.
        other_name=entry.other if member is None else member.name,
        kind=entry.kind.value,
        via=entry.via,
        persons=[PersonBody(relation=relation.value, place=place) for relation, place in sorted(entry.persons)],
        contact=None
        if contact is None
        else ContactBody(
            name=contact.name,
            function=contact.function,
            phone=contact.phone,
            email=contact.email,
            reference=contact.reference,
            since=contact.since,
        ),
        changed=entry.changed,
    )


def app(node: Node, wake: Callable[[], None], log: Log) -> FastAPI:
    """The API of a node. `wake` tells the sync loop that there is work."""

    @contextmanager
    def own_node() -> Iterator[Node]:
        """The node with a store of this thread's own."""
        store = node.another_store()
        try:
            yield Node(node.folder, node.settings, node.membership, store, node.clock, node.random)
        finally:
            store.close()

    return _api(own_node, wake, log)


def description() -> str:
    """The API as an OpenAPI document, the same bytes for the same code; needs no node."""
    api = _api(_no_node, lambda: None, lambda *args, **fields: None)
    return json.dumps(api.openapi(), indent=2, ensure_ascii=False) + "\n"


def _no_node() -> AbstractContextManager[Node]:
    raise AssertionError("a description answers no request")


def _api(own_node: Callable[[], AbstractContextManager[Node]], wake: Callable[[], None], log: Log) -> FastAPI:
    api = FastAPI(
        title="Raakvlak node",
        version="1",
        description="The organisation's own cases in, matches and client pictures out. Nothing of it goes further.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        # A redirection would repeat the request's query in its Location.
        redirect_slashes=False,
        responses=_problems(401, 422, 503),
    )
    bearer = HTTPBearer(auto_error=False, description="an access token made by 'raakvlak-node token new'")

    def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
        with own_node() as own:
            name = own.caller_of(own.store, given.credentials) if given else None
        if name is None:
            raise _Answer(HTTPStatus.UNAUTHORIZED, "an access token is needed: 'raakvlak-node token new NAME' makes one")
        request.state.caller = name
        return name

    signed_in = [Depends(caller)]

    @api.put(
        "/v1/cases/{case_ref:path}",
        status_code=202,
        dependencies=signed_in,
        responses=_problems(409, 411, 413),
        tags=["cases"],
    )
    def put_case(
        case_ref: str,
        body: CaseBody,
        bsn_change: Annotated[
            Literal["wrong", "changed"] | None,
            Query(
                description="what a new BSN of a known client means: the old one was wrong (withdrawn at once) or has"
                " changed (both stand until the term)"
            ),
        ] = None,
    ) -> StoredBody:
        """Stores the whole case in place of what was there. What is absent becomes unknown."""
        with own_node() as own:
            adults = own.covenant.adult_clients
            case = parse(body.columns(_reference(case_ref)), today=own.today(own.clock()), adults=adults)
            result = own.put_case(case, bsn_change)
        wake()
        return StoredBody(case_ref=case.reference, result=result)

    @api.get("/v1/cases/{case_ref:path}", dependencies=signed_in, responses=_problems(404), tags=["cases"])
    def get_case(case_ref: str) -> CaseBody:
        """The case as it was put."""
        with own_node() as own:
            found = own.store.case(own.store.case_handle(_reference(case_ref)))
        if found is None:
            raise _no_such_case()
        return CaseBody.of(found)

    @api.delete(
        "/v1/cases/{case_ref:path}",
        status_code=204,
        dependencies=signed_in,
        responses=_problems(404),
        tags=["cases"],
    )
    def delete_case(case_ref: str) -> Response:
        """Forgets the case; its involvement is withdrawn at the next sync."""
        with own_node() as own:
            gone = own.drop_case(_reference(case_ref))
        if not gone:
            raise _no_such_case()
        wake()
        return Response(status_code=204)

    @api.get("/v1/pictures/{case_ref:path}", dependencies=signed_in, responses=_problems(404), tags=["matches"])
    def get_picture(case_ref: str) -> PictureBody:
        """Who else is involved with the family of this case, and whom to call."""
        with own_node() as own:
            reference = _reference(case_ref)
            if own.store.case(own.store.case_handle(reference)) is None:
                raise _no_such_case()
            _, entries = own.picture(reference)
            return PictureBody(case_ref=reference, matches=[match_body(own, reference, each) for each in entries])

    @api.get("/v1/matches", dependencies=signed_in, tags=["matches"])
    def get_matches(after: Annotated[int, Query(ge=0, le=2**62)] = 0) -> MatchesBody:
        """Matches that are new or changed since `after`; call again with `next` until none come."""
        with own_node() as own:
            found = [match_body(own, reference, each) for reference, each in own.all_entries() if each.changed > after]
        found.sort(key=lambda each: each.changed)
        return _page(found, after)

    @api.get("/v1/status", dependencies=signed_in, tags=["operation"])
    def get_status() -> dict[str, Any]:
        """The counts of 'raakvlak-node status'."""
        with own_node() as own:
            return own.status()

    @api.get("/healthz", tags=["operation"])
    def healthz() -> HealthBody:
        """Whether the node serves. Needs no access token and tells a count only."""
        with own_node() as own:
            return HealthBody(status="ok", pending=sum(own.open_work().values()))

    _answer_problems(api)
    _guard(api, log)
    _describe(api)
    return api


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    # In our own words: those of http.HTTPStatus change from one Python to the next.
    return {status: {"model": ProblemBody, "content": {PROBLEM: {}}, "description": _PROBLEMS[status]} for status in statuses}


_PROBLEMS: Final = {
    401: "no access token, or one that is not known",
    404: "this node has no case of that reference",
    409: "the client's BSN differs and 'bsn_change' does not say what that means, or the node must be reconciled",
    411: "the body has no Content-Length",
    413: "the body is too large",
    422: "the request or the case is not of its form; every wrong field is listed",
    503: "the store is busy: try again",
}


def _describe(api: FastAPI) -> None:
    """The framework describes every answer as application/json; a problem is told as what it is."""
    described = api.openapi()
    for operation in (each for path in described["paths"].values() for each in path.values()):
        for answer in operation["responses"].values():
            if PROBLEM in answer.get("content", {}):
                answer["content"] = {PROBLEM: answer["content"]["application/json"]}


def _page(found: list[MatchBody], after: int) -> MatchesBody:
    """At most MAX_PAGE matches, but never only some of those that changed at once."""
    if len(found) > MAX_PAGE:
        last = found[MAX_PAGE - 1].changed
        found = [each for each in found if each.changed <= last]
    return MatchesBody(matches=found, next=found[-1].changed if found else after)


def _reference(text: str) -> str:
    text = text.strip()
    if "\ufffd" in text:
        raise Malformed("a case reference is UTF-8", field="case_ref")
    if not 1 <= len(text) <= MAX_REFERENCE_CHARACTERS:
        raise Malformed(f"a case reference has 1 to {MAX_REFERENCE_CHARACTERS} characters", field="case_ref")
    return text


class _Answer(HTTPException):
    """A refusal in our own words; the framework's may repeat what was sent."""


def _no_such_case() -> _Answer:
    return _Answer(HTTPStatus.NOT_FOUND, "this node has no case of that reference")


_WORDS: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "the body can't be read: send JSON in UTF-8",
    HTTPStatus.NOT_FOUND: "there is no such path",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take that method",
}


_STATUS: Final[tuple[tuple[type[RaakvlakError], HTTPStatus], ...]] = (
    (BsnDiffers, HTTPStatus.CONFLICT),
    (Rejected, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Malformed, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (Refused, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem(status: HTTPStatus, detail: str, errors: list[dict[str, str]] | None = None) -> JSONResponse:
    """An RFC 9457 answer. `detail` and `errors` are made of constants and column names."""
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    if errors:
        body["errors"] = errors
    return JSONResponse(body, status, media_type=PROBLEM, headers={"Cache-Control": "no-store"})


def _answer_problems(api: FastAPI) -> None:
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, RaakvlakError)
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, Rejected):
            detail = "the case was not taken; every wrong field is listed"
            if isinstance(error, BsnDiffers):
                detail = "the case was not taken: put it again with ?bsn_change=wrong or ?bsn_change=changed"
            errors = [{"column": each.column, "reason": each.message} for each in error.reasons]
            return problem(status, detail, errors)
        return problem(status, error.message)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # The library's own message may quote the input, so only the place and the kind of each error are told.
        errors = [{"column": _column(each["loc"]), "reason": _reason(each["loc"], each["type"])} for each in error.errors()]
        detail = "the request is not of its form; every wrong field is listed"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        detail = error.detail if isinstance(error, _Answer) else _WORDS.get(status, "the request can't be answered")
        answer = problem(status, detail)
        answer.headers.update(error.headers or {})
        if status is HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    api.add_exception_handler(RaakvlakError, ours)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, plain)


_COLUMNS: Final = frozenset({*CaseBody.model_fields, "after", "bsn_change"})
_REASONS: Final[dict[str, str]] = {
    "bool_parsing": "is true or false",
    "bool_type": "is true or false",
    "extra_forbidden": "is no field of a case",
    "greater_than_equal": "is too small",
    "int_parsing": "is a whole number",
    "int_parsing_size": "is too large",
    "less_than_equal": "is too large",
    "json_invalid": "is no JSON",
    "list_type": "is a list",
    "literal_error": "is wrong or changed",
    "missing": "must be filled in",
    "model_attributes_type": "is a JSON object, sent with Content-Type: application/json",
    "string_type": "is a text",
    "string_unicode": "is not UTF-8",
    "too_long": f"holds more than {MAX_RELATIVES} relatives",
}


def _column(place: tuple[int | str, ...]) -> str:
    """The field's name if it is one of ours; an unknown field's name is the caller's text and is not repeated."""
    known = [part for part in place if part in _COLUMNS]
    if known:
        return str(known[0])
    return "body" if all(part == "body" or isinstance(part, int) for part in place) else "an unknown field"


def _reason(place: tuple[int | str, ...], kind: str) -> str:
    reason = _REASONS.get(kind, re.sub(r"[^a-z ]", " ", kind))
    in_list = isinstance(place[-1], int) and len(place) > 2
    return f"number {int(place[-1]) + 1}: {reason}" if in_list else reason


def _guard(api: FastAPI, log: Log) -> None:
    @api.middleware("http")
    async def guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            response = _refused_unread(request) or await answer(request)
        except Exception as error:
            log("error", kind=type(error).__name__, message="", place="", doing="answering a request")
            response = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the node's log")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        route = request.scope.get("route")
        # The route's pattern, never the path: a case reference stands in it.
        log(
            "rest_answered",
            method=request.method if request.method in {"GET", "PUT", "DELETE"} else "other",
            route=getattr(route, "path", "none"),
            status=response.status_code,
            caller=getattr(request.state, "caller", ""),
        )
        return response


def _refused_unread(request: Request) -> Response | None:
    """The answer to a request whose body is too large, or can't be told to be small enough before it is read."""
    if "transfer-encoding" in request.headers:
        return problem(HTTPStatus.LENGTH_REQUIRED, "send the body whole, with its Content-Length")
    length = request.headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > MAX_BODY_BYTES:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes")
    return None


if __name__ == "__main__":
    sys.stdout.write(description())
