"""The published log: a folder beside the store, from which tiles and checkpoints are served.

    entries      every leaf behind its length as u16: all entry bundles, one after the other
    bundles      u64, where in `entries` each 256th leaf begins
    level-<L>    32 bytes each, the hashes of tile level L, one after the other
    checkpoint   the newest checkpoint, signed by the log's key

Files only grow; a tile is a piece of one. The crash order: rows and leaves are committed in the store, then what is new
is written here and is on the disk, then the checkpoint is signed and takes the place of the last one on the disk, then
it is served. After a crash the files may be longer than the checkpoint says: what is behind it was never published and
is written again, the same or, if the store lost it too, not. The store may be ahead of the checkpoint, never behind it:
then it is an old copy, or its disk lost a write that it had confirmed, and `demand_continued` refuses to go on.

The trust of each: the store is believed for what is not yet published, this folder for what is. Keep the folder on
another disk than the store if you can, and copy it as you like: it holds nothing that is secret or that must be erased.
"""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

from raakvlak_index.store import Reader
from raakvlak_protocol import checkpoint, merkle, note, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.errors import Evidence, Malformed, Refused, Unavailable
from raakvlak_protocol.follow import Signed
from raakvlak_protocol.merkle import EMPTY_ROOT, HASH_BYTES
from raakvlak_protocol.note import ED25519, key_of
from raakvlak_protocol.party import sealed
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.tile import HEIGHT, TILE_WIDTH, TiledLog, TilePath

LOG_KEY: Final = "log_key"
"""The name under which the seed of the log's key stands among the index's secrets."""
STEP: Final = 20_000
"""Leaves that are published at once; more than that take several checkpoints."""
OFFSET_BYTES: Final = 8


def newest(folder: Path) -> bytes:
    """The newest checkpoint as it lies there, not verified; raises Refused where there is none."""
    try:
        return (folder / "checkpoint").read_bytes()
    except OSError:
        raise Refused(
            f"{folder / 'checkpoint'} is missing: without it nobody can tell whether this store is an old copy; put the "
            "published log back from its copy, or run 'raakvlak-index repair --log-lost' if there is none"
        ) from None


def demand_same(stored: Sequence[bytes], published: Sequence[bytes], first: int) -> None:
    """Returns when the leaves from a position on are the published ones; else raises Refused naming the first that is
    not."""
    for position, (own, shown) in enumerate(zip_longest(stored, published), first):
        if own != shown:
            raise Refused(
                f"at position {position} the store holds another entry than was published: one of the two was changed, or "
                "is another index's; keep both as they are, tell the compliance officers, and restore a backup"
            )


def _hash_tiles(bundles: Iterable[Sequence[bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """Each hash tile over these entry bundles, of which all but the last are full: level, number, bytes. The lowest level
    first, and each level in order."""
    level = 0
    rows: Iterator[list[bytes]] = (list(map(merkle.leaf_hash, bundle)) for bundle in bundles)
    while True:
        full: list[bytes] = []
        for number, hashes in enumerate(rows):
            yield level, number, b"".join(hashes)
            if len(hashes) == TILE_WIDTH:
                full.append(merkle.root(hashes))
        if not full:
            return
        level, rows = level + 1, _in_tiles(full)


def _in_tiles(hashes: Sequence[bytes]) -> Iterator[list[bytes]]:
    return (list(hashes[place : place + TILE_WIDTH]) for place in range(0, len(hashes), TILE_WIDTH))


def published_size(folder: Path) -> int:
    """How many entries the newest checkpoint there covers, by what it says of itself."""
    return Checkpoint.parse(note.parse(newest(folder)).text).size


class PublishedLog:
    """What the world has been shown. One thread publishes; any may read."""

    @staticmethod
    def create(folder: Path, origin: str, seed: SecretBytes) -> None:
        """An empty log, with a checkpoint that says so; raises Refused over an existing one."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder / "checkpoint").exists():
            raise Refused(f"{folder} holds a published log already: it is never begun again")
        sealed.replace(folder / "checkpoint", checkpoint.sign(Checkpoint(origin, 0, EMPTY_ROOT), seed))

    def __init__(self, folder: Path, origin: str, seed: SecretBytes) -> None:
        """Raises Refused where no log was published here, or by another key."""
        self._folder = folder
        self._origin = origin
        self._seed = seed
        self._tried: Signed | None = None
        raw = newest(folder)
        try:
            self.signed = Signed(raw, checkpoint.verify(raw, key_of(origin, ED25519, seed)))
        except (Malformed, Evidence) as error:
            raise Refused(
                f"{folder / 'checkpoint'} is not this index's ({error.message}): nobody who trusts the log would believe what "
                "followed on it; put back the published log and the secrets that belong together"
            ) from None

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def size(self) -> int:
        """Leaves that were published."""
        return self.signed.size

    def tiles(self) -> TiledLog:
        """The log as it was published by now."""
        return TiledLog(lambda path: self.read(tile.parse_path(path)), self.size)

    def holds(self, path: TilePath) -> bool:
        """Whether so much of a tile was published; of a longer one the beginning is served."""
        return path.width <= tile.width_at(self.size, path.level or 0, path.number)

    def read(self, path: TilePath) -> bytes:
        """The bytes of a tile, full or partial; raises Refused where so much was not published."""
        if not self.holds(path):
            raise Refused(f"{path} is not there: {self.size} entries are published")
        if path.level is None:
            return self._entries(path.number, path.width)
        return self._read(f"level-{path.level}", path.number * TILE_WIDTH * HASH_BYTES, path.width * HASH_BYTES)

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` leaves, which were published."""
        return TiledLog(lambda path: self.read(tile.parse_path(path)), size).tree.root()

    def extend(self, reader: Reader) -> bool:
        """Publishes at most STEP leaves that the store has behind the published ones; whether there were any.

        Raises Refused where another process has published in this folder, and Unavailable where the disk takes no more;
        then the checkpoint is the last one, and the same leaves are published by the next call.
        """
        self._demand_alone()
        leaves = reader.leaves(self.size, STEP)
        if not leaves:
            return False
        try:
            self._extend(leaves)
        except OSError as error:
            raise Unavailable(f"can't publish the log in {self._folder}: {error.strerror}; what was published stands") from None
        return True

    def _extend(self, leaves: Sequence[bytes]) -> None:
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        self._write_entries(leaves)
        self._write_hashes(hashes)
        size = self.size + len(leaves)
        root = TiledLog(lambda path: self._unpublished(tile.parse_path(path)), size).tree.root()
        self._publish(Checkpoint(self._origin, size, root))

    def demand_continued(self, reader: Reader) -> None:
        """Returns when the store holds every published leaf at its position; else raises Refused with what to do."""
        size = reader.log_size()
        if size < self.size:
            raise Refused(
                f"the store holds {size} entries of the log and {self.size} were published: an old copy was put in its "
                "place, or the disk lost its last writes; run 'raakvlak-index repair', which applies the published "
                "removals again (or 'restore FILE' with a newer backup)"
            )
        for level, number, made in _hash_tiles(self._stored_bundles(reader)):
            if not self._shows(level, number, made):
                raise self._damaged(f"level-{level}", f"is missing or damaged at tile {number}")
        if self.root_at(self.size) != self.signed.checkpoint.root:
            raise Refused(
                f"the hashes in {self._folder} do not lead to the root of its checkpoint: a file there was changed or is "
                "damaged; put the published log back from its copy, or move the folder away and run 'repair --log-lost'"
            )

    def mend(self, *, dry_run: bool) -> int:
        """Makes damaged hash tiles anew from the entries, of which the checkpoint proves that they are right; how many.

        Raises Refused where they are not, Unavailable where the disk takes no more. The caller sees to it that no index
        serves. Broken off, it has mended fewer of them.
        """
        wrong: set[tuple[int, int]] = set()
        edge: dict[int, bytes] = {}
        for level, number, made in _hash_tiles(self._bundles()):
            edge[level] = made
            if not self._shows(level, number, made):
                wrong.add((level, number))
        # The path to the root leads over the last tile of each level alone.
        root = TiledLog(lambda path: edge[tile.parse_path(path).level or 0], self.size).tree.root()
        if root != self.signed.checkpoint.root:
            raise self._damaged("entries", "does not lead to the root of the checkpoint")
        if wrong and not dry_run:
            self._make_anew(wrong)
        return len(wrong)

    def _make_anew(self, wrong: Container[tuple[int, int]]) -> None:
        try:
            for level, number, made in _hash_tiles(self._bundles()):
                if (level, number) in wrong:
                    self._write(f"level-{level}", number * TILE_WIDTH * HASH_BYTES, made)
        except OSError as error:
            raise Unavailable(f"can't mend the published log in {self._folder}: {error.strerror}") from None

    def _stored_bundles(self, reader: Reader) -> Iterator[Sequence[bytes]]:
        """The published leaves as the store has them; raises Refused at the first that was published otherwise."""
        for number in range(-(-self.size // TILE_WIDTH)):
            width = tile.width_at(self.size, 0, number)
            stored = reader.leaves(number * TILE_WIDTH, width)
            raw = self._entries(number, width)
            if tile.encode_entries(stored) != raw:
                demand_same(stored, self._parsed(raw, width), number * TILE_WIDTH)
            yield stored

    def _bundles(self) -> Iterator[Sequence[bytes]]:
        for number in range(-(-self.size // TILE_WIDTH)):
            width = tile.width_at(self.size, 0, number)
            yield self._parsed(self._entries(number, width), width)

    def _parsed(self, raw: bytes, width: int) -> list[bytes]:
        try:
            return tile.parse_entries(raw, width)
        except Malformed as error:
            raise self._damaged("entries", f"is damaged: {error.message}") from None

    def _shows(self, level: int, number: int, made: bytes) -> bool:
        """Whether a hash tile on the disk is this one."""
        try:
            with (self._folder / f"level-{level}").open("rb") as file:
                return os.pread(file.fileno(), len(made), number * TILE_WIDTH * HASH_BYTES) == made
        except FileNotFoundError:
            return False

    def published(self, first: int) -> Iterator[bytes]:
        """The published leaves from a position on."""
        return self.tiles().entries(first, self.size)

    def _demand_alone(self) -> None:
        raw = newest(self._folder)
        if self._tried is not None and raw == self._tried.raw:
            # The disk said that it had failed, and has it all the same.
            self.signed = self._tried
        if raw != self.signed.raw:
            raise Refused(
                f"another process publishes in {self._folder}: this one stops, so that no two histories are signed; see to "
                "it that one index alone has this folder, then start 'serve' again"
            )

    def _publish(self, new: Checkpoint) -> None:
        self._demand_alone()
        self._tried = Signed(checkpoint.sign(new, self._seed), new)
        try:
            sealed.replace(self._folder / "checkpoint", self._tried.raw)
        except Refused as error:
            raise Unavailable(error.message) from None
        self.signed = self._tried

    def _write_entries(self, leaves: Sequence[bytes]) -> None:
        place = self._end_of_entries()
        offsets, joined = [], bytearray()
        first, filled = 0, self.size % TILE_WIDTH
        while first < len(leaves):
            if not filled:
                offsets.append((place + len(joined)).to_bytes(OFFSET_BYTES, "big"))
            last = first + TILE_WIDTH - filled
            joined += tile.encode_entries(leaves[first:last])
            first, filled = last, 0
        self._write("entries", place, joined)
        if offsets:
            self._write("bundles", -(-self.size // TILE_WIDTH) * OFFSET_BYTES, b"".join(offsets))

    def _write_hashes(self, hashes: Sequence[bytes]) -> None:
        """The leaf hashes, and at each higher level the hashes of the tiles that became full."""
        level = 0
        while hashes:
            before = self.size >> (HEIGHT * level)
            self._write(f"level-{level}", before * HASH_BYTES, b"".join(hashes))
            first, last = before // TILE_WIDTH, (before + len(hashes)) // TILE_WIDTH
            start = first * TILE_WIDTH
            known = self._read(f"level-{level}", start * HASH_BYTES, (before - start) * HASH_BYTES)
            row = [known[place : place + HASH_BYTES] for place in range(0, len(known), HASH_BYTES)] + list(hashes)
            hashes = [merkle.root(row[place * TILE_WIDTH : (place + 1) * TILE_WIDTH]) for place in range(last - first)]
            level += 1

    def _unpublished(self, path: TilePath) -> bytes:
        return self._read(f"level-{path.level}", path.number * TILE_WIDTH * HASH_BYTES, path.width * HASH_BYTES)

    def _end_of_entries(self) -> int:
        number = self.size // TILE_WIDTH
        width = self.size % TILE_WIDTH
        if width:
            return self._offset(number) + len(self._entries(number, width))
        if not number:
            return 0
        return self._offset(number - 1) + len(self._entries(number - 1, TILE_WIDTH))

    def _entries(self, number: int, width: int) -> bytes:
        raw = self._read("entries", self._offset(number), tile.MAX_TILE_BYTES, short=True)
        end = 0
        for _ in range(width):
            end += 2 + int.from_bytes(raw[end : end + 2], "big")
        if end > len(raw):
            raise self._damaged("entries", "is cut off")
        return raw[:end]

    def _offset(self, number: int) -> int:
        return int.from_bytes(self._read("bundles", number * OFFSET_BYTES, OFFSET_BYTES), "big")

    def _read(self, name: str, place: int, count: int, *, short: bool = False) -> bytes:
        if not count:
            return b""
        try:
            handle = os.open(self._folder / name, os.O_RDONLY)
        except FileNotFoundError:
            raise self._damaged(name, "is missing") from None
        try:
            raw = os.pread(handle, count, place)
        finally:
            os.close(handle)
        if len(raw) < count and not short:
            raise self._damaged(name, "is cut off")
        return raw

    def _damaged(self, name: str, how: str) -> Refused:
        if name.startswith("level-"):
            return Refused(f"{self._folder / name} {how}: run 'raakvlak-index repair', which makes it anew from the entries")
        return Refused(
            f"{self._folder / name} {how}: put the published log back from its copy, or if there is none move the folder "
            "away and run 'raakvlak-index repair --log-lost'"
        )

    def _write(self, name: str, place: int, raw: bytes | bytearray) -> None:
        path = self._folder / name
        is_new = not path.exists()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            written = 0
            while written < len(raw):
                written += os.pwrite(handle, raw[written:], place + written)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            self._flush_folder()

    def _flush_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
