"""Where the log is read from: the index over HTTPS, a copy by tile path, or the operator's own log folder.

A source is believed in nothing. What it hands out is bounded in size; whether it is the log is for the reader to verify.
A copy may hold `checkpoint.<witness>` beside `checkpoint`: the newest note that this witness cosigned.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from raakvlak_protocol import note, tile
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, Refused, Unavailable
from raakvlak_protocol.merkle import HASH_BYTES
from raakvlak_protocol.party.web import Missing, Site
from raakvlak_protocol.tile import TILE_WIDTH, TiledLog, TilePath

NEWEST: Final = "checkpoint"
_OFFSET_BYTES: Final = 8


class Source(Protocol):
    """A log that can be read, and how a person names it."""

    @property
    def name(self) -> str: ...

    def fetch(self, path: str) -> bytes:
        """What stands at `checkpoint`, `checkpoint/<witness>` or a tile's path, unverified. Raises Missing where nothing
        does, Unavailable where it can't be heard now, other errors of ours where the answer is none."""


@contextmanager
def opened(covenant: Covenant, address: str, folder: Path | None) -> Iterator[Source]:
    """The log in `folder`, or else at `address` (host:port). Raises Refused where neither is given or it is no log."""
    if folder is not None:
        yield Tiles(folder) if (folder / "tile").is_dir() else LogFolder(folder)
    elif address:
        with Site(address, covenant.index, covenant.roots_pem) as site:
            yield Served(site, address)
    else:
        raise Refused('this officer\'s settings name no log: put log = "host:port" into settings.toml, or use --from-folder')


def tiles(source: Source, size: int) -> TiledLog:
    """The log at a size."""
    return TiledLog(source.fetch, size)


@dataclass(frozen=True, slots=True)
class Served:
    """The index's HTTPS side."""

    site: Site
    name: str

    def fetch(self, path: str) -> bytes:
        return self.site.get(f"/{path}", limit=_limit(path))


@dataclass(frozen=True, slots=True)
class Tiles:
    """A copy in which every tile is a file at its path, as mirrors and archives keep it."""

    folder: Path

    @property
    def name(self) -> str:
        return str(self.folder)

    def fetch(self, path: str) -> bytes:
        if path.startswith(NEWEST):
            return _note(self.folder, path)
        asked = tile.parse_path(path)
        try:
            return _piece(self.folder / path, 0, tile.MAX_TILE_BYTES + 1)
        except Missing:
            # Whoever has the full tile may throw away the partial ones that it began as.
            full = _piece(self.folder / str(TilePath(asked.level, asked.number, TILE_WIDTH)), 0, tile.MAX_TILE_BYTES + 1)
        return full[: asked.width * HASH_BYTES] if asked.level is not None else _first_entries(full, asked.width)


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The folder in which an index keeps what it published, or a copy of it: `entries`, `bundles` (u64, where each 256th
    entry begins), `level-<L>` (32 bytes each) and `checkpoint`. May grow while it is read."""

    folder: Path

    @property
    def name(self) -> str:
        return str(self.folder)

    def fetch(self, path: str) -> bytes:
        if path.startswith(NEWEST):
            return _note(self.folder, path)
        asked = tile.parse_path(path)
        if asked.level is not None:
            begin = asked.number * TILE_WIDTH * HASH_BYTES
            return _piece(self.folder / f"level-{asked.level}", begin, asked.width * HASH_BYTES)
        offset = _piece(self.folder / "bundles", asked.number * _OFFSET_BYTES, _OFFSET_BYTES)
        begin = int.from_bytes(offset, "big")
        if len(offset) < _OFFSET_BYTES or begin >= 2**62:
            raise Malformed(f"{self.folder / 'bundles'} is cut off or damaged at bundle {asked.number}")
        return _first_entries(_piece(self.folder / "entries", begin, tile.MAX_TILE_BYTES), asked.width)


def _first_entries(raw: bytes, width: int) -> bytes:
    """The bytes of the first entries; fewer where there are not so many, which whoever parses them finds."""
    end = 0
    for _ in range(width):
        end += 2 + int.from_bytes(raw[end : end + 2], "big")
    return raw[:end]


def _note(folder: Path, path: str) -> bytes:
    """`checkpoint`, or for `checkpoint/<witness>` the file `checkpoint.<witness>`."""
    return _piece(folder / path.replace("/", "."), 0, note.MAX_NOTE_BYTES + 1)


def _piece(path: Path, begin: int, count: int) -> bytes:
    """At most `count` bytes of a file from a place on."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            return os.pread(handle, count, begin)
        finally:
            os.close(handle)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(f"{path} is not there") from None
    except OSError as error:
        raise Unavailable(f"can't read {path}: {error.strerror}") from None


def _limit(path: str) -> int:
    return note.MAX_NOTE_BYTES if path.startswith(NEWEST) else tile.MAX_TILE_BYTES
