"""Reading the log's entries, each verified to stand under a root, a bundle of 256 at a time.

A bundle's entries are hashed together and compared with the subtrees that lead to the root, so that neither an entry nor
a tile can be another. Where they differ, Broken names the place as closely as what is served allows.
"""

from collections.abc import Iterator

from raakvlak_audit.positions import Broken, Positions
from raakvlak_audit.sentences import follow as words
from raakvlak_audit.wording import Said
from raakvlak_protocol import merkle, tile
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.merkle import leaf_hash
from raakvlak_protocol.tile import HEIGHT, TILE_WIDTH, TiledLog


def bundles(log: TiledLog, first: int, root: bytes) -> Iterator[list[bytes]]:
    """The entries from position `first` to the log's end, as lists of at most 256 in order, each entry verified.

    Raises Broken naming the first place that does not lead to `root`; what the log's source raises passes.
    """
    for number in range(first // TILE_WIDTH, -(-log.size // TILE_WIDTH)):
        entries = verified_bundle(log, number, root)
        yield entries[max(0, first - number * TILE_WIDTH) :]


def verified_bundle(log: TiledLog, number: int, root: bytes) -> list[bytes]:
    """The entries of a bundle, verified; raises Broken."""
    start = number * TILE_WIDTH
    width = tile.width_at(log.size, 0, number)
    try:
        entries = list(log.entries(start, start + width))
    except Malformed as error:
        raise Broken("entries", words.BUNDLE_NONE(first=start, last=start + width - 1, message=error.message)) from None
    hashes = [leaf_hash(each) for each in entries]
    try:
        tiled = [log.subtree(0, start + place) for place in range(width)]
        for begin, height in tile.subtrees(0, width):
            known = tile.verify_subtree(log, height, start + begin >> height, root)
            part = slice(begin, begin + (1 << height))
            if merkle.root(hashes[part]) != known or tiled[part] != hashes[part]:
                raise Broken("entries", _place(start + begin, hashes[part], tiled[part], known))
    except Broken:
        raise
    except (Evidence, Malformed):
        raise Broken("entries", words.TILES_WRONG(first=start, last=start + width - 1)) from None
    return entries


def take_all(positions: Positions, entries: list[bytes]) -> None:
    """Takes entries that follow on what was read; raises Broken at the first that breaks a rule."""
    for each in entries:
        positions.take(each)


def wrong_tile(log: TiledLog) -> str:
    """The path of the first tile at the log's end that does not follow from what lies below it; empty where all do.

    For telling where tiles go wrong that lead to another root than was signed: it is made of these tiles.
    """
    level = 0
    while log.size >> HEIGHT * level:
        size = log.size >> HEIGHT * level
        number = (size - 1) // TILE_WIDTH
        width = tile.width_at(log.size, level, number)
        if any(log.subtree(HEIGHT * level, number * TILE_WIDTH + at) != _below(log, level, number, at) for at in range(width)):
            return tile.hash_path(level, number, width)
        level += 1
    return ""


def _below(log: TiledLog, level: int, number: int, place: int) -> bytes:
    """What a hash of a tile must be by what lies below it."""
    position = number * TILE_WIDTH + place
    if level == 0:
        return leaf_hash(log.entry(position))
    return merkle.root(log.subtree(HEIGHT * (level - 1), position * TILE_WIDTH + each) for each in range(TILE_WIDTH))


def _place(first: int, hashes: list[bytes], tiled: list[bytes], known: bytes) -> Said:
    """Which entry or which hash in its tile is not the one under `known`; among which, where neither side leads there."""
    differ = next((first + at for at, (hash, other) in enumerate(zip(hashes, tiled, strict=True)) if hash != other), first)
    if merkle.root(tiled) == known:
        return words.ENTRY_WRONG(position=differ)
    if merkle.root(hashes) == known:
        path = tile.hash_path(0, differ // TILE_WIDTH)
        return words.HASH_WRONG(position=differ, tile=path)
    return words.ENTRIES_WRONG(first=first, last=first + len(hashes) - 1)
