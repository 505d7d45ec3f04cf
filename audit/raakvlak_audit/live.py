"""The log as whoever reads it from the first leaf to the last sees it: which positions are live, and under which root.

Live positions are those of published leaves that no later leaf has removed. Kept in 33 bytes for each leaf, so that ten
million leaves fit in 330 MB. No I/O.
"""

from collections.abc import Iterable
from typing import Final

from raakvlak_protocol import entry, merkle
from raakvlak_protocol.entry import Entry, Kind
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.merkle import HASH_BYTES, Tree
from raakvlak_protocol.tile import HEIGHT, TILE_WIDTH

OTHER: Final = 0
LIVE: Final = 1
GONE: Final = 2
CLAIMED: Final = 3
"""Live, and a row was seen that opens it."""


class LiveLog:
    """Takes leaves in order of their positions. `problems` are (position, what is wrong with the leaf there)."""

    def __init__(self) -> None:
        self.size = 0
        self.counts = dict.fromkeys(Kind, 0)
        self.problems: list[tuple[int, str]] = []
        self.others: list[tuple[int, Entry]] = []
        """The leaves that tell of no row: covenants, epochs, statements."""
        self.state = bytearray()
        self._hashes = bytearray()
        self._tiles: list[bytes] = []
        self._partial: list[bytes] = []

    def take(self, leaves: Iterable[bytes]) -> None:
        """The next leaves."""
        for raw in leaves:
            self._take(raw)

    def commits_to(self, position: int) -> bytes:
        """The hash in the published leaf at a position, which is live or gone."""
        return bytes(self._hashes[position * HASH_BYTES : (position + 1) * HASH_BYTES])

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves, of those that were taken. Only for the last tile's sizes and the whole
        ones: raises ValueError for a size whose leaf hashes are not kept any more."""
        full, rest = divmod(size, TILE_WIDTH)
        if size > self.size or (rest and full != len(self._tiles)):
            raise ValueError("the leaf hashes of this size are gone")
        return _root(self._tiles[:full], self._partial[:rest])

    @property
    def live(self) -> int:
        """How many positions are live."""
        return self.counts[Kind.PUBLISHED] - self.state.count(GONE)

    def _take(self, raw: bytes) -> None:
        position, self.size = self.size, self.size + 1
        self._partial.append(merkle.leaf_hash(raw))
        if len(self._partial) == TILE_WIDTH:
            self._tiles.append(merkle.root(self._partial))
            self._partial = []
        state, hash = OTHER, bytes(HASH_BYTES)
        try:
            found = entry.parse(raw)
        except Malformed as error:
            self.problems.append((position, error.message))
        else:
            self.counts[found.kind] += 1
            if found.kind is Kind.PUBLISHED:
                state, hash = LIVE, found.hash
            elif found.kind is Kind.REMOVED:
                self._remove(position, found.number)
            else:
                self.others.append((position, found))
        self.state.append(state)
        self._hashes += hash

    def _remove(self, position: int, removed: int) -> None:
        if removed >= position or self.state[removed] != LIVE:
            self.problems.append((position, f"it removes position {removed}, where nothing is live"))
        else:
            self.state[removed] = GONE


def _root(tiles: list[bytes], partial: list[bytes]) -> bytes:
    """The root over full tiles of level 0 by their hashes, and the leaf hashes of the one that is not full."""
    if not partial:
        return merkle.root(tiles)

    def subtree(height: int, index: int) -> bytes:
        if height >= HEIGHT:
            first = index << (height - HEIGHT)
            return merkle.root(tiles[first : first + (1 << (height - HEIGHT))])
        place = (index << height) - len(tiles) * TILE_WIDTH
        return merkle.root(partial[place : place + (1 << height)])

    return Tree(len(tiles) * TILE_WIDTH + len(partial), subtree).root()
