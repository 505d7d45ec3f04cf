"""The files that pages are made of, under an address that holds the hash of them all: a browser keeps them for ever, and
one file can name another by where it stands beside it."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

STATIC: Final = "/static/"
HASH_CHARACTERS: Final = 16
FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}
_PACKED: Final = frozenset({"css", "js", "svg", "webmanifest"})


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; `packed` by gzip, empty where that gains nothing."""

    type: str
    raw: bytes
    packed: bytes

    def answer(self, accepts: str) -> tuple[bytes, dict[str, str]]:
        """The body and its headers, for a request's Accept-Encoding."""
        headers = {"Content-Type": self.type, "Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
        if not self.packed:
            return self.raw, headers
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in accepts:
            return self.packed, headers | {"Content-Encoding": "gzip"}
        return self.raw, headers


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name below `static/`."""
    found: dict[str, Asset] = {}
    _collect(files("raakvlak_protocol.party.look") / "static", "", found)
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for each in sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else ():
        if each.is_dir():
            _collect(each, f"{prefix}{each.name}/", found)
            continue
        ending = each.name.rpartition(".")[2]
        if ending in _TYPES:
            raw = each.read_bytes()
            # mtime, so that the same file gives the same bytes.
            packed = gzip.compress(raw, 9, mtime=0) if ending in _PACKED else b""
            found[prefix + each.name] = Asset(_TYPES[ending], raw, packed)


@cache
def version() -> str:
    """The hash of all files and their names."""
    all = hashlib.sha256()
    for name, asset in assets().items():
        all.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(asset.raw).digest())
    return all.hexdigest()[:HASH_CHARACTERS]


def address(name: str) -> str:
    """The path of a file; raises KeyError for one that is not there."""
    if name not in assets():
        raise KeyError(name)
    return f"{STATIC}{version()}/{name}"


def at(path: str) -> Asset | None:
    """The file at a path below /static/, if it is of this version."""
    hash, _, name = path.removeprefix(STATIC).partition("/")
    return assets().get(name) if hash == version() else None
