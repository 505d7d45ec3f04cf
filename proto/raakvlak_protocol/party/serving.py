"""How a server runs and ends: one process on a store, ready when it is ready, stopped in order.

The order at the end: say NOT_SERVING, end endless streams by an event of our own, let calls that run finish within the
grace, then return, so that the caller closes its stores after the last call. Health answers `Check` only: a `Watch`
held open by any caller would hold up each stop by the whole grace.
"""

import asyncio
import fcntl
import json
import os
import queue
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.party.peer import Credentials, server_credentials

_HEALTH: Final = "grpc.health.v1.Health"


class Stop:
    """Whether this process is asked to end: by `request()`, and by SIGTERM or SIGINT after `Stop.on_signals()`.

    A SimpleQueue and not an Event: its `put` may interrupt itself, which a signal handler does, and an Event's lock
    would then wait for its own thread for ever.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    @classmethod
    def on_signals(cls) -> "Stop":
        """A Stop that both signals set; only in the main thread, as Python demands."""
        stop = cls()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: stop.request())
        return stop

    @property
    def requested(self) -> bool:
        return not self._asked.empty()

    def request(self) -> None:
        """Asks to stop; from any thread, more than once."""
        self._asked.put(None)

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Waits until asked, at most so long; returns whether it was asked."""
        try:
            self._asked.get(timeout=timeout_seconds)
        except queue.Empty:
            return False
        self._asked.put(None)  # for whoever else waits
        return True


def serve_blocking(
    server: grpc.Server,
    credentials: Credentials,
    *,
    address: str,
    ready: Callable[[int], None],
    stop: Stop,
    grace_seconds: float,
) -> None:
    """Serves until `stop`, then ends in order. `address` is host:port, port 0 for any free one; `ready` gets the port.

    When calls are answered, prints `{"ready": true, "address": "host:port"}` on standard output. Raises Refused where
    the address can't be had.
    """
    health = _Health()
    server.add_generic_rpc_handlers((health.handler(health.check),))
    bound = _bound(server, address, credentials)
    server.start()
    try:
        health.announce(bound, ready)
        stop.wait()
    finally:
        health.serving = False
        server.stop(grace_seconds).wait()


async def serve_aio(
    server: grpc.aio.Server,
    credentials: Credentials,
    *,
    address: str,
    ready: Callable[[int], None],
    stop: Stop,
    grace_seconds: float,
    before_stop: Callable[[], Awaitable[None]],
    also: Mapping[str, str] | None = None,
) -> None:
    """The same on an event loop. `before_stop` must make endless streams return, or each stop takes the whole grace.

    `also` are further addresses on which this party is reached already, by name: the readiness line tells them too.
    """
    health = _Health()
    server.add_generic_rpc_handlers((health.handler(health.check_aio),))
    bound = _bound(server, address, credentials)
    await server.start()
    try:
        health.announce(bound, ready, also)
        await asyncio.to_thread(stop.wait)
    finally:
        stop.request()  # the thread above would outlive a cancellation
        health.serving = False
        await before_stop()
        await server.stop(grace_seconds)


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file `path`; raises Unavailable while another process does. The kernel lets go when we die.

    `what` names the program for the message. The file stays: removing it would let two processes lock two files.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Refused(f"can't open {path}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                f"another {what} works on this store ({path}); two would undo each other's work: wait or stop it"
            ) from None
        yield
    finally:
        os.close(handle)


def _bound(server: grpc.Server | grpc.aio.Server, address: str, credentials: Credentials) -> str:
    """The address with the port that was had."""
    try:
        port = server.add_secure_port(address, server_credentials(credentials))
    except (RuntimeError, ValueError):
        port = 0
    if not port:
        raise Refused(
            f"can't listen on {address}: it is in use or not this machine's, or certificate and key do not fit together"
        )
    return f"{address.rpartition(':')[0]}:{port}"


class _Health:
    """The standard health service, `Check` of the server as a whole."""

    def __init__(self) -> None:
        self.serving = False

    def announce(self, address: str, ready: Callable[[int], None], also: Mapping[str, str] | None = None) -> None:
        ready(int(address.rpartition(":")[2]))
        self.serving = True
        print(json.dumps({"ready": True, "address": address, **(also or {})}), flush=True)

    def handler(self, check: Callable[[bytes, Any], object]) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(_HEALTH, {"Check": grpc.unary_unary_rpc_method_handler(check)})

    def check(self, raw: bytes, context: Any) -> bytes:
        try:
            named = health_pb2.HealthCheckRequest.FromString(raw).service
        except DecodeError:
            context.set_code(grpc.StatusCode.INVALID_ARGUMENT)
            return b""
        if named:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            return b""
        status = health_pb2.HealthCheckResponse.SERVING if self.serving else health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=status).SerializeToString()

    async def check_aio(self, raw: bytes, context: Any) -> bytes:
        return self.check(raw, context)
