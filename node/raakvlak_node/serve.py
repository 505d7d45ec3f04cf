"""`raakvlak-node serve`: the sync loop as a service, and beside it the REST API and the messages to the case system, until
it is asked to stop."""

import contextlib
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

from raakvlak_node import webhooks
from raakvlak_node.node import Node
from raakvlak_node.sync import Walk, walking
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop, only_one

LOOK_SECONDS: Final = 0.25
"""How often the loop looks whether another process, such as an import, has changed the store."""
MAX_RETRY_SECONDS: Final = 60
STOP_SECONDS: Final = 10


class Bell:
    """Rings when there may be work; one waits, anyone rings."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung


class Loop:
    """Walks when the bell rings, when the store has changed, and every `sync_seconds`."""

    def __init__(self, node: Node, log: Log, stop: Stop, bell: Bell) -> None:
        self._node = node
        self._log = log
        self._stop = stop
        self._bell = bell

    def run(self, walk: Walk) -> None:
        retry = 1.0
        while not self._stop.requested:
            # Looked at before the walk, so that a change during it is not missed.
            seen = self._node.store.data_version()
            try:
                outcome = walk.once()
                retry = min(retry * 2, MAX_RETRY_SECONDS) if outcome.waiting else 1.0
            except Exception as error:
                # Whatever it was, the next walk begins from what is stored; without one nothing would ever move again.
                self._log.error(error, doing="synchronising")
                retry = min(retry * 2, MAX_RETRY_SECONDS)
            seconds = retry if retry > 1 else self._node.settings.sync_seconds
            with self._listening(walk) if retry == 1.0 else contextlib.nullcontext():
                self._wait(seconds, seen)

    def _wait(self, seconds: float, seen: int) -> None:
        waited = 0.0
        while waited < seconds and not self._stop.requested:
            if self._bell.wait(LOOK_SECONDS) or self._node.store.data_version() != seen:
                return
            waited += LOOK_SECONDS

    @contextlib.contextmanager
    def _listening(self, walk: Walk) -> Iterator[None]:
        """Rings the bell when the index has an event for this node."""
        stream = walk.publisher.watch(self._node.store.number("last_event"))

        def listen() -> None:
            try:
                for batch in stream:
                    if batch.events or batch.replay_needed:
                        break
                else:
                    return
            except RaakvlakError:
                pass  # The walk will meet the same, and tell it.
            self._bell.ring()

        thread = threading.Thread(target=listen, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stream.cancel()
            thread.join(STOP_SECONDS)


def serve(node: Node, log: Log, stop: Stop) -> None:
    """Serves until `stop`; raises Unavailable while another process serves this store, Refused for a REST address that
    would send case data over a network in the clear."""
    import uvicorn

    from raakvlak_node.rest import app

    _demand_private(node)
    if node.settings.webhook is not None:
        webhooks.demand_ready(node.settings.webhook)
    bell = Bell()
    rest = node.settings.rest
    config = uvicorn.Config(
        app(node, bell.ring, log),
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=None if rest.certificate is None else str(rest.certificate),
        ssl_keyfile=None if rest.key is None else str(rest.key),
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    # Signals are ours: uvicorn would raise them again and end the process in the middle of a walk.
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
    with only_one(node.folder.path / "serve.lock", "serve"), _telling(node, log, stop), walking(node, log) as walk:
        listening = _listen(rest.listen)
        loop = threading.Thread(target=Loop(node, log, stop, bell).run, args=(walk,), name="sync")
        web = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="rest")
        web.start()
        try:
            _await(lambda: server.started, web)
            loop.start()
            host, port = listening.getsockname()[:2]
            print(json.dumps({"ready": True, "address": f"{host}:{port}"}), flush=True)
            stop.wait()
        finally:
            # The locks are given back only when nobody works on the store any more.
            stop.request()
            server.should_exit = True
            bell.ring()
            web.join()
            if loop.ident is not None:
                loop.join()


@contextlib.contextmanager
def _telling(node: Node, log: Log, stop: Stop) -> Iterator[None]:
    """Tells the case system what has changed, where the settings name one. A receiver that hangs holds up no stop: what it
    did not take stays queued."""
    receiver = node.settings.webhook
    if receiver is None:
        yield
        return
    courier = webhooks.Courier(node.another_store, receiver, log, stop, clock=node.clock)
    thread = threading.Thread(target=courier.run, name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join(STOP_SECONDS)


def _await(ready: Callable[[], bool], thread: threading.Thread) -> None:
    while not ready():
        thread.join(0.02)
        if not thread.is_alive():
            raise Unavailable("the REST API could not start; see the log")


def _demand_private(node: Node) -> None:
    host = node.settings.rest.listen.rpartition(":")[0]
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and (node.settings.rest.certificate is None or node.settings.rest.key is None):
        raise Refused(
            f"rest.listen is {node.settings.rest.listen}, where identifiers would cross the network in the clear: "
            "give rest.certificate and rest.key, or listen on 127.0.0.1"
        )


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise Refused("rest.listen has the form host:port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), int(port)))
    except OSError as error:
        listening.close()
        raise Refused(f"can't listen on {address}: {error.strerror}") from None
    return listening
