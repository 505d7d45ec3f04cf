"""Tiles: how a log is cut into pieces that never change (C2SP tlog-tiles, tile height 8).

A hash tile at level L holds up to 256 hashes of subtrees of 256^L leaves; an entry bundle holds up to 256 entries, each
behind its length as u16. The last tile of a level is partial until it is full, and its path says how many it holds:
`tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`, N in groups of three digits of which all but the last begin with x.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from raakvlak_protocol import merkle
from raakvlak_protocol.encoding import prefixed
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.merkle import EMPTY_ROOT, HASH_BYTES, Tree

HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 7
"""Enough for 2^64 leaves."""
MAX_TILES: Final = 2**56
"""Of one level."""
MAX_ENTRY_BYTES: Final = 64
MAX_TILE_BYTES: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
"""More than any tile of this log has: what a client reads at most."""
CACHED_TILES: Final = 512

_PATH: Final = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class TilePath:
    """Which tile: `level` is None for entries; `width` is 256 for a full one."""

    level: int | None
    number: int
    width: int

    def __str__(self) -> str:
        return _path("entries" if self.level is None else str(self.level), self.number, self.width)


def hash_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """The path of a hash tile."""
    return _path(str(level), number, width)


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """The path of an entry bundle."""
    return _path("entries", number, width)


def parse_path(text: str) -> TilePath:
    """The tile that a path names; raises Malformed for any other spelling of it too."""
    found = _PATH.fullmatch(text)
    if not found:
        raise Malformed("a tile's path has the form tile/<level or entries>/<number>[.p/<width>]", field="path")
    number = int(found[2].replace("x", "").replace("/", ""))
    width = int(found[3]) if found[3] else TILE_WIDTH
    path = TilePath(None if found[1] == "entries" else int(found[1]), number, width)
    if (found[3] and width >= TILE_WIDTH) or number >= MAX_TILES or str(path) != text:
        raise Malformed("a tile's number has no leading zeros, and a partial tile fewer than 256", field="path")
    return path


def width_at(size: int, level: int, number: int) -> int:
    """How many hashes (level ≥ 0) or entries (level 0 too) tile `number` holds in a tree of `size`; 0 where none."""
    return max(0, min(TILE_WIDTH, (size >> (HEIGHT * level)) - number * TILE_WIDTH))


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """An entry bundle."""
    return b"".join(map(prefixed, entries))


def parse_entries(raw: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; raises Malformed where it holds more, fewer, or one too long."""
    return list(_split(raw, width))


def _split(raw: bytes, width: int) -> Iterator[bytes]:
    place = 0
    for item in range(width):
        length = int.from_bytes(raw[place : place + 2], "big")
        if len(raw) < place + 2 + length or not 1 <= length <= MAX_ENTRY_BYTES:
            raise Malformed("an entry bundle is cut off, or holds an entry of impossible length", item=item)
        yield raw[place + 2 : place + 2 + length]
        place += 2 + length
    if place != len(raw):
        raise Malformed(f"an entry bundle holds more than its {width} entries", item=width)


class TiledLog:
    """A log of `size` leaves, read tile by tile. `fetch` gives the bytes under a path, unverified: whoever uses this
    holds the root, and verifies what it says against it. Raises Malformed for a tile that is none."""

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self.size = size
        self.tree = Tree(size, self.subtree)
        self._fetch = fetch
        self._hashes = lru_cache(CACHED_TILES)(self._hash_tile)
        self._bundle = lru_cache(CACHED_TILES)(self._entry_bundle)

    def subtree(self, height: int, index: int) -> bytes:
        """The hash over a complete subtree."""
        level, above = divmod(height, HEIGHT)
        first = index << above
        hashes = self._hashes(level, first // TILE_WIDTH)
        place = first % TILE_WIDTH
        return merkle.root(hashes[place : place + (1 << above)])

    def entry(self, position: int) -> bytes:
        """The entry at a position, unverified."""
        return self._bundle(position // TILE_WIDTH)[position % TILE_WIDTH]

    def entries(self, first: int, last: int) -> Iterator[bytes]:
        """The entries at positions [first, last), unverified."""
        for number in range(first // TILE_WIDTH, -(-last // TILE_WIDTH)):
            start = number * TILE_WIDTH
            yield from self._entry_bundle(number)[max(0, first - start) : last - start]

    def verified_entry(self, position: int, root: bytes) -> bytes:
        """The entry at a position of the tree with this root; raises Evidence where the tiles do not lead to it."""
        entry = self.entry(position)
        merkle.verify_inclusion(merkle.leaf_hash(entry), position, self.size, self.tree.inclusion_proof(position), root)
        return entry

    def _hash_tile(self, level: int, number: int) -> list[bytes]:
        width = width_at(self.size, level, number)
        path = hash_path(level, number, width)
        raw = self._fetch(path)
        if len(raw) != width * HASH_BYTES:
            raise Malformed(f"{path} has {len(raw)} bytes and not {width * HASH_BYTES}")
        return [raw[place : place + HASH_BYTES] for place in range(0, len(raw), HASH_BYTES)]

    def bundle(self, number: int) -> Iterator[bytes]:
        """The entries of a bundle, unverified, up to the first that is none: for that one it raises Malformed."""
        width = width_at(self.size, 0, number)
        path = entries_path(number, width)
        try:
            yield from _split(self._fetch(path), width)
        except Malformed as error:
            position = number * TILE_WIDTH + (error.item or 0)
            raise Malformed(f"{path}, position {position}: {error.message}", item=error.item) from None

    def _entry_bundle(self, number: int) -> list[bytes]:
        return list(self.bundle(number))


def verified_entries(log: TiledLog, first: int, last: int, root: bytes) -> Iterator[bytes]:
    """The entries at positions [first, last), each verified to stand there in the tree with this root.

    Faster than one proof each: the entries of a bundle are hashed together, to subtrees that are proven. Raises Evidence,
    or Malformed for an entry that is none, naming the first position at which entry and hash tile differ; or the
    positions of the subtree where both were changed.
    """
    for number in range(first // TILE_WIDTH, -(-last // TILE_WIDTH)):
        start = number * TILE_WIDTH
        width = width_at(log.size, 0, number)
        entries: list[bytes] = []
        hashes: list[bytes] = []
        # One by one: behind an entry of a wrong length all others are wrong too, and the first is to be named.
        for place, entry in enumerate(log.bundle(number)):
            entries.append(entry)
            hashes.append(merkle.leaf_hash(entry))
            if hashes[-1] != log.subtree(0, start + place):
                raise Evidence(f"the entry at position {start + place} is not the one under its hash in the tree")
        # The hash tile is nobody's word: it may have been changed with the entries, and a full one is not read on the way
        # to the root.
        for position, height in subtrees(start, start + width):
            place = position - start
            if merkle.root(hashes[place : place + (1 << height)]) != verify_subtree(log, height, position >> height, root):
                raise _astray(log, position, height)
        yield from entries[max(0, first - start) : last - start]


def verify_subtree(log: TiledLog, height: int, index: int, root: bytes) -> bytes:
    """The hash over a complete subtree, verified to be one of the tree with this root; raises Evidence otherwise."""
    raised = Tree((log.size - 1 >> height) + 1, lambda above, place: _clipped(log, height + above, place))
    hash = log.subtree(height, index)
    try:
        merkle.verify_inclusion(hash, index, raised.size, raised.inclusion_proof(index), root)
    except Evidence:
        raise _astray(log, index << height, height) from None
    return hash


def verified_root(log: TiledLog, size: int, root: bytes) -> bytes:
    """The root of the log's first `size` leaves, from hashes that are verified under the root of all; raises Evidence
    where the tiles do not lead to it."""
    parts = [verify_subtree(log, height, position >> height, root) for position, height in subtrees(0, size)]
    return _joined(parts) if parts else EMPTY_ROOT


def _astray(log: TiledLog, first: int, height: int) -> Evidence:
    last = first + (1 << height) - 1
    return Evidence(f"the tiles over the entries at positions {first} to {last} do not lead to the root of {log.size} entries")


def _clipped(log: TiledLog, height: int, index: int) -> bytes:
    """The hash over the leaves of a subtree that exist: of the last one at its height they may be fewer than all."""
    first, last = index << height, min(log.size, (index + 1) << height)
    return _over(log, first, last)


def _over(log: TiledLog, first: int, last: int) -> bytes:
    return _joined([log.subtree(height, position >> height) for position, height in subtrees(first, last)])


def _joined(hashes: list[bytes]) -> bytes:
    """The hash over complete subtrees that follow each other, largest first."""
    computed = hashes.pop()
    while hashes:
        computed = merkle.node_hash(hashes.pop(), computed)
    return computed


def subtrees(first: int, last: int) -> Iterator[tuple[int, int]]:
    """(position, height) of the fewest complete subtrees that make up the leaves [first, last), in order."""
    while first < last:
        height = (last - first).bit_length() - 1
        if first:
            height = min(height, (first & -first).bit_length() - 1)
        yield first, height
        first += 1 << height


def _path(kind: str, number: int, width: int) -> str:
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{kind}/{'/'.join(groups)}{partial}"
