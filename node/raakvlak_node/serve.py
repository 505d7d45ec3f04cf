"""`raakvlak-node serve`: the sync loop as a service, and beside it the REST API and the messages to the case system, until
it is asked to stop."""

import contextlib
import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from raakvlak_node import mailing, webhooks
from raakvlak_node.node import Node
from raakvlak_node.sync import Walk, walking
from raakvlak_protocol.errors import RaakvlakError, Refused, Unavailable
from raakvlak_protocol.party.events import Log
from raakvlak_protocol.party.serving import Stop, only_one
from raakvlak_protocol.party.web import App

LOOK_SECONDS: Final = 0.25
"""How often the loop looks whether another process, such as an import, has changed the store."""
PAUSE_TIMES: Final = 9
"""So many times as long as a walk has taken the next one waits that a change of the store alone would start: a line in the
access log is one, and while people look at pages the node must not walk all day. Who leaves it work rings the bell."""
MAX_RETRY_SECONDS: Final = 60
FINDABLE_CASES: Final = 500
"""In one transaction, where an older store becomes one that can be searched."""
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
            began = time.monotonic()
            try:
                outcome = walk.once()
                retry = min(retry * 2, MAX_RETRY_SECONDS) if outcome.waiting else 1.0
            except Exception as error:
                # Whatever it was, the next walk begins from what is stored; without one nothing would ever move again.
                self._log.error(error, doing="synchronising")
                retry = min(retry * 2, MAX_RETRY_SECONDS)
            seconds = retry if retry > 1 else self._node.settings.sync_seconds
            pause = PAUSE_TIMES * (time.monotonic() - began)
            with self._listening(walk) if retry == 1.0 else contextlib.nullcontext():
                self.wait(seconds, pause, seen)

    def wait(self, seconds: float, pause: float, seen: int) -> None:
        """Until the bell rings, `seconds` have passed, or the store was changed by others; they are heeded after `pause`."""
        waited = 0.0
        while waited < seconds and not self._stop.requested:
            if self._bell.wait(LOOK_SECONDS) or (waited >= pause and self._node.store.data_version() != seen):
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
    mailing.demand_ready(node.settings)
    bell = Bell()
    rest = node.settings.rest
    served: App = app(node, bell.ring, log)
    if node.settings.pages is not None:
        # Only where there are pages: templates and languages take a moment to load.
        from raakvlak_node import pages

        while node.store.make_findable(FINDABLE_CASES):
            pass
        served = pages.beside(pages.app(node, bell.ring, log), served)
    config = uvicorn.Config(
        served,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever asks may write there what he likes
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
    """Tells the case system what has changed, and users by e-mail, where the settings say how. A receiver that hangs holds
    up no stop: what it did not take stays queued."""
    threads = []
    if node.settings.webhook is not None:
        hooks = webhooks.Courier(node.another_store, node.settings.webhook, log, stop, clock=node.clock)
        threads.append(threading.Thread(target=hooks.run, name="webhooks", daemon=True))
    if node.settings.mail is not None:
        mails = mailing.Courier(node.another_store, node.settings, log, stop, random=node.random, clock=node.clock)
        threads.append(threading.Thread(target=mails.run, name="mail", daemon=True))
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.request()
        for each in threads:
            each.join(STOP_SECONDS)


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
    # By its protocol asyncio knows that it is TCP, and sends at once; else each answer waits 40 ms for the browser's receipt.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), int(port)))
    except OSError as error:
        listening.close()
        raise Refused(f"can't listen on {address}: {error.strerror}") from None
    return listening
