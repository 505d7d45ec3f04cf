"""A node's pages on a real socket of this machine, for a browser."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvicorn

from raakvlak_node.node import Node
from raakvlak_node.settings import Oidc, Pages
from tests.pages.site import Site

START_SECONDS = 20


@contextmanager
def running(app: Any, listening: socket.socket) -> Iterator[None]:
    """The application, answering on this socket until the context ends."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="pages")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def served(node: Node, oidc: Callable[[str], Oidc] | None = None) -> Iterator[Site]:
    """The node's site with its pages at http://localhost:PORT; `oidc` gives its settings for a provider by that address."""
    # localhost is what a passkey may be bound to without a certificate.
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://localhost:{listening.getsockname()[1]}"
    settings = replace(node.settings, pages=Pages(address), oidc=oidc(address) if oidc else node.settings.oidc)
    site = Site(replace(node, settings=settings))
    with running(site.app, listening):
        yield site
