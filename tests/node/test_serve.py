"""When the sync loop walks again, and that answers leave at once."""

import io
import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from raakvlak_node.events import EVENTS
from raakvlak_node.node import Node
from raakvlak_node.serve import Bell, Loop, _listen
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop

SHORT, LONG = 0.6, 30.0


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def loop(node: Node, bell: Bell) -> Loop:
    return Loop(node, Log("node", EVENTS, io.StringIO()), Stop(), bell)


def test_a_change_of_the_store_alone_is_heeded_when_the_rest_is_over(loop: Loop, node: Node) -> None:
    """Each view of a case is such a change: a line in the access log."""
    seen = node.store.data_version()
    change(node)
    assert SHORT <= seconds(lambda: loop.wait(LONG, SHORT, seen)) < LONG
    assert seconds(lambda: loop.wait(LONG, 0.0, seen)) < LONG


def test_without_a_change_it_waits_its_time(loop: Loop, node: Node) -> None:
    seen = node.store.data_version()
    assert seconds(lambda: loop.wait(SHORT, 0.0, seen)) >= SHORT


def test_the_bell_ends_any_rest(loop: Loop, node: Node, bell: Bell) -> None:
    seen = node.store.data_version()
    bell.ring()
    assert seconds(lambda: loop.wait(LONG, LONG, seen)) < LONG


def test_a_connection_is_known_to_be_tcp() -> None:
    """asyncio sends at once what it has (TCP_NODELAY) only where the socket says by its protocol that it can."""
    with closing(_listen("127.0.0.1:0")) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), closing(listening.accept()[0]) as accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def change(node: Node) -> None:
    """As another process, or a page, does."""
    with closing(node.another_store()) as store:
        store.set_number("somebody was here", 1)


def seconds(do: Callable[[], None]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began
