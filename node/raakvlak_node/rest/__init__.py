"""The REST API for the organisation's own case system: on loopback, or elsewhere with a certificate.

Every answer that is not a success is problem+json (RFC 9457). No answer, header or log line repeats what was sent: an
identifier that is wrong is named by its column, never by its value. Whatever shows, creates, changes or searches case data
stands in the access log.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

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
    return json.dumps(_described(), indent=2, ensure_ascii=False) + "\n"


@cache
def _described() -> dict[str, Any]:
    """The same for every node; made once, because that takes a while."""
    described = _routed().openapi()
    describe(described)
    return described


def _routed() -> FastAPI:
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
    for each in (
        cases.routes, matches.routes, follow_ups.routes, desk.routes, rights.routes, accounts.routes, matches.operation,
    ):  # fmt: skip
        api.include_router(each)
    return api


def _api(door: Door, log: Log) -> FastAPI:
    api = _routed()
    api.openapi = _described  # type: ignore[method-assign]  # as the framework's own documentation has it
    api.state.door = door
    api.state.queries = query_names(_described())
    answer_problems(api, _described())
    guard(api, log)
    return api
