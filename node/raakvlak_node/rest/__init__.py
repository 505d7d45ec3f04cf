"""The REST API for the organisation's own case system: on loopback, or elsewhere with a certificate.

Every answer that is not a success is problem+json (RFC 9457). No answer, header or log line repeats what was sent: an
identifier that is wrong is named by its column, never by its value. Whatever shows, creates, changes or searches case data
stands in the access log.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from fastapi import FastAPI

from raakvlak_node.node import Node
from raakvlak_node.rest import accounts, cases, desk, follow_ups, matches, rights
from raakvlak_node.rest.door import Door
from raakvlak_node.rest.manners import API_VERSION, MAX_BODY_BYTES, Log, answer_problems, describe, guard, problems, query_names
from raakvlak_node.rest.matches import match_body

__all__ = ["MAX_BODY_BYTES", "Log", "app", "description", "match_body"]


def app(node: Node, wake: Callable[[], None], log: Log) -> FastAPI:
    """The API of a node. `wake` tells the sync loop that there is work."""

    @contextmanager
    def own_node() -> Iterator[Node]:
        """The node with a store of this thread's own."""
        own = node.reopened()
        try:
            yield own
        finally:
            own.close()

    return _api(Door(own_node, wake), log)


def description() -> str:
    """The API as an OpenAPI document, the same bytes for the same code; needs no node."""
    api = _api(Door(_no_node, lambda: None), lambda *args, **fields: None)
    return json.dumps(api.openapi(), indent=2, ensure_ascii=False) + "\n"


def _no_node() -> AbstractContextManager[Node]:
    raise AssertionError("a description answers no request")


def _api(door: Door, log: Log) -> FastAPI:
    api = FastAPI(
        title="Raakvlak node",
        version=API_VERSION,
        description="The organisation's own cases in; matches, client pictures and what is done about them out and in."
        " Nothing of it goes further but by this node's own letters.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        # A redirection would repeat the request's query in its Location.
        redirect_slashes=False,
        responses=problems(401, 422, 503),
    )
    api.state.door = door
    for each in (
        cases.routes, matches.routes, follow_ups.routes, desk.routes, rights.routes, accounts.routes, matches.operation,
    ):  # fmt: skip
        api.include_router(each)
    api.state.queries = query_names(api)
    answer_problems(api)
    guard(api, log)
    describe(api)
    return api
