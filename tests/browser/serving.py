"""A node's pages on a real socket of this machine, for a browser."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from raakvlak_node.node import Node
from raakvlak_node.settings import Oidc, Pages
from tests.pages.site import Site
from tests.servers import answering, listening, port_of


@contextmanager
def served(node: Node, oidc: Callable[[str], Oidc] | None = None) -> Iterator[Site]:
    """The node's site with its pages at http://localhost:PORT; `oidc` gives its settings for a provider by that address."""
    # localhost is what a passkey may be bound to without a certificate.
    sock = listening()
    address = f"http://localhost:{port_of(sock)}"
    settings = replace(node.settings, pages=Pages(address), oidc=oidc(address) if oidc else node.settings.oidc)
    site = Site(replace(node, settings=settings))
    with answering(site.app, sock):
        yield site
