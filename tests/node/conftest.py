"""One node without servers: a real covenant, a real store, a clock that the test sets."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from raakvlak_node.node import Node
from raakvlak_protocol.v1 import covenant_pb2 as pb
from tests.covenants import NOW, Sandbox, make_covenant
from tests.federation import Clock, make_node

NodeOf = Callable[..., Node]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@cache
def sandbox_of(kind: str, adults: bool, household_limit: int, coordinated: bool, archive_months: int) -> Sandbox:
    """A covenant whose member `own` is of the kind. Without `coordinated` its coordinator serves nobody."""

    def change(payload: pb.Covenant) -> None:
        payload.rules.adult_clients = adults
        payload.rules.household_limit = household_limit
        payload.rules.archive_months = archive_months
        if not coordinated:
            del payload.coordination[:]

    return make_covenant(members={"own": kind, "town": "municipality", "coordinator": "coordinator"}, change=change)


@pytest.fixture
def node_of(tmp_path: Path, clock: Clock) -> Iterator[NodeOf]:
    """Makes nodes of a member of a covenant with the given kind of member and limits; closes them."""
    made: list[Node] = []

    def make(
        kind: str = "education",
        *,
        adults: bool = True,
        household_limit: int = 4,
        coordinated: bool = True,
        archive_months: int = 0,
    ) -> Node:
        sandbox = sandbox_of(kind, adults, household_limit, coordinated, archive_months)
        folder = tmp_path / f"node-{len(made)}"
        made.append(make_node(sandbox, "own", folder, clock, index="127.0.0.1:1", key_holders={}))
        return made[-1]

    yield make
    for node in made:
        node.close()


@pytest.fixture
def node(node_of: NodeOf) -> Node:
    return node_of()
