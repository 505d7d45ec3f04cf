"""Real servers on loopback, with mutual TLS, in threads of the test's process."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party import peer, serving
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
from tests.covenants import Sandbox

KEY_HOLDER: ServiceDescriptor = keyholder_pb2.DESCRIPTOR.services_by_name["KeyHolder"]
INDEX: ServiceDescriptor = index_pb2.DESCRIPTOR.services_by_name["Index"]
PATIENCE = 20.0


@dataclass
class Seen:
    """What a server's operator gets to see."""

    errors: list[Exception] = field(default_factory=list)
    refusals: list[tuple[str, Identity | None, RaakvlakError]] = field(default_factory=list)

    def refuse(self, method: str, caller: Identity | None, error: RaakvlakError) -> None:
        self.refusals.append((method, caller, error))


@contextmanager
def blocking(
    sandbox: Sandbox,
    handlers: Mapping[str, peer.Handler],
    seen: Seen,
    *,
    credentials: peer.Credentials | None = None,
    limits: Mapping[str, int] | None = None,
    stop: serving.Stop | None = None,
) -> Iterator[str]:
    """A key holder's service on a blocking server; yields its address."""
    stop = stop or serving.Stop()
    ports: SimpleQueue[int] = SimpleQueue()

    def run() -> None:
        server = peer.blocking_server(2)
        service = peer.service(
            KEY_HOLDER, sandbox.covenant, Role.NODE, handlers, on_error=seen.errors.append, on_refusal=seen.refuse,
            limits=limits,
        )  # fmt: skip
        server.add_generic_rpc_handlers((service,))
        own = credentials or sandbox.credentials(sandbox.key_holder(1))
        serving.serve_blocking(server, own, address="127.0.0.1:0", ready=ports.put, stop=stop, grace_seconds=1)

    with _running(run, stop):
        yield f"127.0.0.1:{ports.get(timeout=PATIENCE)}"


@contextmanager
def aio(
    sandbox: Sandbox,
    handlers: Mapping[str, peer.Handler],
    seen: Seen,
    *,
    descriptor: ServiceDescriptor = KEY_HOLDER,
    streams: Mapping[str, peer.StreamHandler] | None = None,
    limits: Mapping[str, int] | None = None,
    end_streams: Callable[[], None] = lambda: None,
    grace_seconds: float = 1,
) -> Iterator[str]:
    """A service on an event loop; yields its address. `end_streams` runs on the loop before the stop."""
    stop = serving.Stop()
    ports: SimpleQueue[int] = SimpleQueue()

    async def serve() -> None:
        async def before_stop() -> None:
            end_streams()

        server = peer.aio_server()
        with ThreadPoolExecutor(2) as executor:
            service = peer.aio_service(
                descriptor, sandbox.covenant, Role.NODE, handlers, streams or {}, executor,
                on_error=seen.errors.append, on_refusal=seen.refuse, limits=limits,
            )  # fmt: skip
            server.add_generic_rpc_handlers((service,))
            identity = sandbox.index if descriptor is INDEX else sandbox.key_holder(1)
            await serving.serve_aio(
                server, sandbox.credentials(identity), address="127.0.0.1:0", ready=ports.put, stop=stop,
                grace_seconds=grace_seconds, before_stop=before_stop,
            )  # fmt: skip

    with _running(lambda: asyncio.run(serve()), stop):
        yield f"127.0.0.1:{ports.get(timeout=PATIENCE)}"


@contextmanager
def remote(
    sandbox: Sandbox,
    address: str,
    *,
    credentials: peer.Credentials | None = None,
    server: Identity | None = None,
    descriptor: ServiceDescriptor = KEY_HOLDER,
) -> Iterator[peer.Remote]:
    """A member's client of the key holder, unless told otherwise."""
    own = credentials or sandbox.credentials(sandbox.member("school"))
    client = peer.Remote(address, descriptor, own, server or sandbox.key_holder(1))
    try:
        yield client
    finally:
        client.close()


def unary(channel: grpc.Channel, method: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """A call of bytes, for clients that keep none of our manners."""
    return channel.unary_unary(method)


def index_handlers(change: Mapping[str, peer.Handler]) -> dict[str, peer.Handler]:
    """A handler for each unary method of the index that answers with an empty reply, but for those in `change`."""
    replies: dict[str, Callable[[], Message]] = {
        "Open": index_pb2.OpenReply,
        "Publish": index_pb2.PublishReply,
        "Withdraw": index_pb2.WithdrawReply,
        "Acknowledge": index_pb2.AcknowledgeReply,
        "PostLetter": index_pb2.PostLetterReply,
        "Openings": index_pb2.OpeningsReply,
    }

    def empty(reply: Callable[[], Message]) -> peer.Handler:
        return lambda caller, request: reply()

    return {name: change.get(name, empty(reply)) for name, reply in replies.items()}


def index_streams(change: Mapping[str, peer.StreamHandler]) -> dict[str, peer.StreamHandler]:
    """The same for its streams: each ends at once."""

    async def nothing(caller: Identity, request: Any) -> AsyncIterator[Message]:
        messages: list[Message] = []
        for message in messages:
            yield message

    return {name: change.get(name, nothing) for name in ("Watch", "Inventory", "Replay")}


@contextmanager
def _running(run: Callable[[], None], stop: serving.Stop) -> Iterator[None]:
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not stop"
        if failures:
            raise failures[0]
