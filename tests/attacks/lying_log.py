"""A log that lies: the index's HTTPS side taken by one that has the index's certificate and the log's key."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raakvlak_node.node import Node
from raakvlak_protocol import checkpoint, merkle, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Unavailable
from raakvlak_protocol.merkle import leaf_hash
from raakvlak_protocol.party import web
from raakvlak_protocol.party.serving import Stop
from raakvlak_protocol.party.web import Missing, Site
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.tile import TILE_WIDTH
from tests.covenants import Sandbox
from tests.federation import Federation

Answer = Callable[[str], bytes]
"""What stands at a path, without its leading slash; raises Missing or Unavailable."""


@dataclass(frozen=True)
class Forged:
    """A whole log of these entries, signed with the true key."""

    entries: Sequence[bytes]
    origin: str
    seed: SecretBytes

    @property
    def note(self) -> bytes:
        root = merkle.root(map(leaf_hash, self.entries))
        return checkpoint.sign(Checkpoint(self.origin, len(self.entries), root), self.seed)

    def __call__(self, path: str) -> bytes:
        if path == "checkpoint":
            return self.note
        if not path.startswith("tile/"):
            raise Missing("no witness has cosigned this")
        found = tile.parse_path(path)
        first = found.number * TILE_WIDTH
        if found.level is None:
            return tile.encode_entries(self.entries[first : first + found.width])
        leaves = TILE_WIDTH**found.level
        below = [self.entries[each * leaves : (each + 1) * leaves] for each in range(first, first + found.width)]
        return b"".join(merkle.root(map(leaf_hash, entries)) for entries in below)


@dataclass
class LogServer:
    """Answers as `answer` says, over real HTTPS under the index's own certificate."""

    answer: Answer
    address: str = ""

    async def app(self, scope: Mapping[str, Any], receive: object, send: Callable[..., Any]) -> None:
        try:
            status, body = 200, await asyncio.to_thread(self.answer, scope["path"][1:])
        except Missing:
            status, body = 404, b""
        except Unavailable:
            status, body = 503, b""
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def log_server(sandbox: Sandbox, folder: Path, answer: Answer) -> Iterator[LogServer]:
    """A server in the place of the index's log."""
    server, ready, stop = LogServer(answer), threading.Event(), Stop()
    wrong: list[BaseException] = []

    async def serve() -> None:
        async with web.serving(
            server.app, sandbox.credentials(sandbox.index), "127.0.0.1:0",
            folder=folder, max_body_bytes=1, grace_seconds=1, on_error=wrong.append,
        ) as port:  # fmt: skip
            server.address = f"127.0.0.1:{port}"
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="log")
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        stop.request()
        thread.join()
    assert wrong == []


def reading(node: Node, address: str) -> Node:
    """The same node, with this address of the log in its settings."""
    return replace(node, settings=replace(node.settings, log=address))


def read_the_log(running: Federation) -> None:
    """Every node verifies against the index's true log."""
    for member, node in running.nodes.items():
        running.nodes[member] = reading(node, running.index.log_address)


@contextmanager
def before_the_log(running: Federation) -> Iterator[LogServer]:
    """In the place of the true log, for all nodes; honest until its `answer` is changed."""
    credentials = running.sandbox.credentials(running.sandbox.index)
    with Site(running.index.log_address, running.sandbox.index, credentials.roots) as site:
        true: Answer = lambda path: site.get(f"/{path}", limit=2**20)  # noqa: E731
        with log_server(running.sandbox, running.folder, true) as server:
            for member, node in running.nodes.items():
                running.nodes[member] = reading(node, server.address)
            yield server


def entries_of(running: Federation) -> list[bytes]:
    """Every entry that the index has published."""
    return list(running.index.running.published.published(0))


def forged(running: Federation, entries: Sequence[bytes]) -> Forged:
    return Forged(entries, running.sandbox.index.dns_name, running.sandbox.log_seed)


def replaced(entries: Sequence[bytes], position: int, entry: bytes) -> list[bytes]:
    return [*entries[:position], entry, *entries[position + 1 :]]
