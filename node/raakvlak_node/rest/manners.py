"""How the API answers: problems (RFC 9457) that say what to do, and headers; never anything of what was sent.

An identifier that is wrong is named by its field, never by its value; the framework's own messages may quote the input and
are not passed on.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from raakvlak_node.case import Rejected
from raakvlak_node.node import BsnDiffers
from raakvlak_protocol.errors import Malformed, NotPermitted, RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.party.events import error_fields

API_VERSION: Final = "1.1.0"
"""Of the API, as semver.org has it; told in every answer."""
MAX_BODY_BYTES: Final = 64 * 1024
MAX_NUMBER: Final = 2**62
PROBLEM: Final = "application/problem+json"
_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE"})

Log = Callable[..., None]
After = Annotated[int, Field(ge=0, le=MAX_NUMBER)]


class ProblemError(BaseModel):
    """One wrong field."""

    column: str
    reason: str


class ProblemBody(BaseModel):
    """RFC 9457, with every wrong field."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemError] = Field(default_factory=list)


class Answer(HTTPException):
    """A refusal in our own words; the framework's may repeat what was sent. `more` are members of the problem."""

    def __init__(self, status: HTTPStatus, detail: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(status, detail)
        self.more = dict(more or {})


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """An RFC 9457 answer. `detail` and `errors` are made of constants and names of fields."""
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body | dict(more or {}), status, media_type=PROBLEM, headers={"Cache-Control": "no-store"})


_SAID: Final = {
    400: "the body can't be read as JSON in UTF-8",
    401: "no access token, or one that is not known",
    403: "this organisation may not do that",
    404: "this node has nothing of that name",
    409: "what is there does not allow it; `detail` says what to do",
    411: "the body has no Content-Length",
    413: "the body is too large",
    422: "the request is not of its form, or what it holds is wrong; every wrong field is listed",
    503: "the store is busy: try again",
}


def problems(*statuses: int, model: type[BaseModel] = ProblemBody) -> dict[int | str, dict[str, Any]]:
    """For `responses`. In our own words: those of http.HTTPStatus change from one Python to the next."""
    return {status: {"model": model, "content": {PROBLEM: {}}, "description": _SAID[status]} for status in statuses}


def describe(described: Mapping[str, Any]) -> None:
    """The framework describes every answer as application/json; a problem is told as what it is."""
    header = {"schema": {"type": "string"}, "description": "the version of this API"}
    for operation in (each for path in described["paths"].values() for each in path.values()):
        for answer in operation["responses"].values():
            answer["headers"] = {"API-Version": header}
            if PROBLEM in answer.get("content", {}):
                answer["content"] = {PROBLEM: answer["content"]["application/json"]}


# --- problems ---------------------------------------------------------------------------------------------------------


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


def query_names(described: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """The query parameters of each (method, path), with the path as its route has it."""
    return {
        (method.upper(), path): frozenset(each["name"] for each in operation.get("parameters", []) if each["in"] == "query")
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }


def route_of(request: Request) -> str:
    """The path of the request's route as the description has it; empty for none."""
    return str(getattr(request.scope.get("route"), "path", "")).replace(":path}", "}")


def answer_problems(api: FastAPI, described: Mapping[str, Any]) -> None:
    """Translates every error, in this one place; a wrong field is named where the description has it."""
    fields, methods = _fields(described), _methods(described)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, RaakvlakError)
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(error, Rejected):
            detail = "the case was not taken; every wrong field is listed"
            if isinstance(error, BsnDiffers):
                detail = "the case was not taken: put it again with ?bsn_change=wrong or ?bsn_change=changed"
            return problem(status, detail, [{"column": each.column, "reason": each.message} for each in error.reasons])
        if isinstance(error, Malformed) and error.field:
            return problem(status, error.message, [{"column": error.field, "reason": error.message}])
        return problem(status, error.message)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [wrong_field(each, fields) for each in error.errors()]
        detail = "the request is not of its form; every wrong field is listed"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        if isinstance(error, Answer):
            answer = problem(status, error.detail, more=error.more)
        else:
            answer = problem(status, _WORDS.get(status, "the request can't be answered"))
        answer.headers.update(error.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            # The framework names the methods of the first route of this path only.
            answer.headers["Allow"] = ", ".join(methods.get(route_of(request), ["GET"]))
        if status is HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    api.add_exception_handler(RaakvlakError, ours)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, plain)


def _fields(described: Mapping[str, Any]) -> frozenset[str]:
    parameters = (each for path in described["paths"].values() for way in path.values() for each in way.get("parameters", []))
    schemas = described["components"]["schemas"].values()
    return frozenset(
        {each["name"] for each in parameters} | {name for schema in schemas for name in schema.get("properties", {})}
    )


def _methods(described: Mapping[str, Any]) -> dict[str, list[str]]:
    return {path: [each.upper() for each in operations] for path, operations in described["paths"].items()}


_REASONS: Final[dict[str, str]] = {
    "bool_parsing": "is true or false",
    "bool_type": "is true or false",
    "date_form": "a date is written as YYYY-MM-DD",
    "extra_forbidden": "is no field that is known here",
    "greater_than_equal": "is too small",
    "int_parsing": "is a whole number",
    "int_parsing_size": "is too large",
    "int_from_float": "is a whole number",
    "int_type": "is a whole number",
    "less_than_equal": "is too large",
    "json_invalid": "is no JSON",
    "list_type": "is a list",
    "missing": "must be filled in",
    "model_attributes_type": "is a JSON object, sent with Content-Type: application/json",
    "model_type": "is a JSON object",
    "string_pattern_mismatch": "is not of its form",
    "string_type": "is a text",
    "string_unicode": "is not UTF-8",
}


def wrong_field(error: Mapping[str, Any], fields: frozenset[str]) -> dict[str, str]:
    """An error of pydantic's in our own words: its own may quote the input. An unknown field's name is the caller's text
    and is not repeated."""
    place = error["loc"]
    known = [number for number, part in enumerate(place) if part in fields]
    reason = _reason(error["type"], error.get("ctx", {}))
    if not known:
        whole = all(part == "body" or isinstance(part, int) for part in place)
        return {"column": "body" if whole else "an unknown field", "reason": reason}
    behind = [part for part in place[known[0] + 1 :] if isinstance(part, int) or part in fields]
    inside = [f"number {part + 1}" if isinstance(part, int) else str(part) for part in behind]
    return {"column": str(place[known[0]]), "reason": f"{', '.join(inside)}: {reason}" if inside else reason}


def _reason(kind: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "literal_error" | "enum":
            return f"is {context['expected']}"
        case "too_long":
            return f"holds more than {context['max_length']}"
        case "too_short":
            return f"holds less than {context['min_length']}"
        case "string_too_long":
            return f"has more than {context['max_length']} characters"
        case "string_too_short":
            return "must be filled in"
    return _REASONS.get(kind, re.sub(r"[^a-z ]", " ", kind))


# --- every request ----------------------------------------------------------------------------------------------------


def guard(api: FastAPI, log: Log) -> None:
    """Refuses what is too large before it is read, sets the headers of every answer, and writes the log's line of it."""

    @api.middleware("http")
    async def guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            response = _refused_unread(request) or await answer(request)
        except Exception as error:
            log("error", **error_fields(error, "answering a request"))
            response = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the node's log")
        response.headers["API-Version"] = API_VERSION
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        route = request.scope.get("route")
        # The route's pattern, never the path: a case reference stands in it.
        log(
            "rest_answered",
            method=request.method if request.method in _METHODS else "other",
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
