"""Logs to test with: RFC 6962's definitions once more, written as the RFC has them and apart from the project's code; a
log served from memory; and one that an index has published in a folder.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from raakvlak_index.index import Rules
from raakvlak_index.log import PublishedLog
from raakvlak_index.reading import SqliteReader
from raakvlak_index.sqlite import SqliteStore
from raakvlak_protocol import checkpoint, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Unavailable
from tests.covenants import Sandbox


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def mth(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, over hashes of leaves."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = split(len(hashes))
    return hashlib.sha256(b"\1" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 §2.1.1."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    return [*path(m, hashes[:k]), mth(hashes[k:])] if m < k else [*path(m - k, hashes[k:]), mth(hashes[:k])]


def proof(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962 §2.1.2, 0 < m < n."""
    return subproof(m, hashes, True)


def subproof(m: int, hashes: Sequence[bytes], b: bool) -> list[bytes]:
    n = len(hashes)
    if m == n:
        return [] if b else [mth(hashes)]
    k = split(n)
    if m <= k:
        return [*subproof(m, hashes[:k], b), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def served(entries: Sequence[bytes]) -> dict[str, bytes]:
    """Every tile of a log by its path below `tile/`, as C2SP tlog-tiles describes them."""
    found: dict[str, bytes] = {}
    bundled = [len(entry).to_bytes(2, "big") + entry for entry in entries]
    hashes = [leaf(entry) for entry in entries]
    found |= _cut("entries", bundled)
    level = 0
    while hashes:
        found |= _cut(str(level), hashes)
        hashes = [mth(hashes[place : place + 256]) for place in range(0, len(hashes) - 255, 256)]
        level += 1
    return found


def _cut(kind: str, items: Sequence[bytes]) -> dict[str, bytes]:
    pieces = [items[place : place + 256] for place in range(0, len(items), 256)]
    return {_named(kind, number, len(piece)): b"".join(piece) for number, piece in enumerate(pieces)}


def _named(kind: str, number: int, width: int) -> str:
    digits = f"{number:09}"
    groups = [digits[:3], digits[3:6], digits[6:]]
    while len(groups) > 1 and groups[0] == "000":
        del groups[0]
    name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{name}" + (f".p/{width}" if width < 256 else "")


def leaves(count: int, label: str = "leaf") -> list[bytes]:
    """So many leaves of several kinds."""
    hashes = [hashlib.sha256(f"{label} {number}".encode()).digest() for number in range(count)]
    kinds = [b"\3\0\0\0\1", b"\4\0\0\0\1", b"\1", b"\1", b"\1", b"\5"]
    return [
        b"\2" + number.to_bytes(8, "big") if number % 7 == 6 else kinds[number % len(kinds)] + hash
        for number, hash in enumerate(hashes)
    ]


@dataclass(frozen=True)
class Served:
    """A log of a sandbox's index, in memory: what its HTTPS side would answer."""

    sandbox: Sandbox
    entries: Sequence[bytes]

    @cached_property
    def tiles(self) -> dict[str, bytes]:
        """By path; change one to tamper with it."""
        return served(self.entries)

    @property
    def origin(self) -> str:
        return self.sandbox.covenant.log_key.name

    def fetch(self, path: str) -> bytes:
        if path not in self.tiles:
            raise Unavailable(f"nobody serves {path}")
        return self.tiles[path]

    def root(self, size: int | None = None) -> bytes:
        return mth([leaf(entry) for entry in self.entries[:size]])

    def checkpoint(self, size: int | None = None) -> bytes:
        """Of the first `size` leaves; None: of all."""
        count = len(self.entries) if size is None else size
        return checkpoint.sign(Checkpoint(self.origin, count, self.root(count)), self.sandbox.log_seed)

    def cosigned(self, witness: str, now: datetime, size: int | None = None) -> bytes:
        return cosigned(self.sandbox, self.checkpoint(size), witness, now)


def cosigned(sandbox: Sandbox, raw: bytes, witness: str, now: datetime) -> bytes:
    """The note with the line of one of the sandbox's witnesses."""
    return checkpoint.cosign(raw, sandbox.covenant.witnesses[witness].key.name, sandbox.witness_seeds[witness], now)


def publish(folder: Path, sandbox: Sandbox, entries: Sequence[bytes]) -> PublishedLog:
    """The log that an index publishes of a store with these leaves."""
    store, published = folder / "store.db", folder / "log"
    name = sandbox.covenant.log_key.name
    if not published.exists():
        folder.mkdir(parents=True, exist_ok=True)
        SqliteStore.create(store)
        PublishedLog.create(published, name, sandbox.log_seed)
    opened = PublishedLog(published, name, sandbox.log_seed)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany("INSERT INTO leaf VALUES (?, ?)", list(enumerate(entries))[opened.size :])
    with closing(SqliteReader(store, Rules({}, {}))) as reader:
        while opened.extend(reader):
            pass
    return opened


def write_tree(folder: Path, published: PublishedLog) -> None:
    """The published log as files, by the paths under which it is served."""
    for each in served([b"\0"] * published.size):
        target = folder / each
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(published.read(tile.parse_path(each)))
