"""Everything of the log, changed in every place: nothing changed is accepted as something else, and nothing but an error
of ours comes of it.

The corpus is a log of 20 leaves with its checkpoint, cosigned by two witnesses, and a receipt; and the same of another
covenant, for swapping. Whoever reads gives back what it understood; a change must raise, or be understood as before.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from raakvlak_protocol import entry, follow, note, receipt, tile
from raakvlak_protocol.errors import RaakvlakError
from raakvlak_protocol.follow import Followed
from raakvlak_protocol.receipt import Receipt
from tests import logs
from tests.covenants import Sandbox, make_covenant
from tests.logs import Served

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SIZE, BEFORE = 20, 13
WITNESSES = ("one", "two")
TILES = ["tile/0/000.p/20", "tile/entries/000.p/20"]
LONG = ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]

Reading = Callable[[bytes], object]


@cache
def made(id: str) -> Sandbox:
    return make_covenant(id=id, witnesses=WITNESSES, witness_threshold=2)


def sandbox(id: str = "zeeland") -> Sandbox:
    return made(id)


@cache
def log(id: str = "zeeland", size: int = SIZE) -> Served:
    return Served(sandbox(id), logs.leaves(size, id))


@cache
def cosigned(id: str = "zeeland", size: int = SIZE) -> bytes:
    return logs.cosigned(sandbox(id), log(id).cosigned("one", NOW, size), "two", NOW)


def looked(newest: bytes, witnessed: bytes, changed: dict[str, bytes], size: int = SIZE) -> Followed:
    tiles = log(size=size).tiles | changed
    before = follow.read(sandbox().covenant, log().checkpoint(BEFORE))
    return follow.follow(sandbox().covenant, before, newest, dict.fromkeys(WITNESSES, witnessed), tiles.__getitem__)


def read_newest(raw: bytes) -> object:
    """What a node learns of the newest checkpoint."""
    followed = looked(raw, cosigned(size=BEFORE), {})
    return followed.newest.checkpoint, followed.trusted and followed.trusted.checkpoint


def read_witnessed(raw: bytes) -> object:
    followed = looked(log().checkpoint(), raw, {})
    return followed.trusted and followed.trusted.checkpoint, {id: each.at for id, each in followed.witnessed.items()}


def read_one_witness(raw: bytes) -> object:
    one = follow.read_cosigned(sandbox().covenant, "one", raw)
    return one.signed.checkpoint, one.at


def read_key(raw: bytes) -> object:
    return note.NoteKey.parse(raw.decode("utf-8", "replace"))


def reading_tile(path: str, size: int) -> Reading:
    def read(raw: bytes) -> object:
        followed = looked(log(size=size).checkpoint(), cosigned(size=BEFORE), {path: raw}, size)
        return list(tile.verified_entries(followed.log, 0, size, followed.root))

    return read


DOCUMENTS: dict[str, tuple[bytes, Reading]] = {
    "newest checkpoint": (log().checkpoint(), read_newest),
    "cosigned checkpoint": (cosigned(), read_witnessed),
    "checkpoint cosigned by two, read for one": (cosigned(), read_one_witness),
    "verifier key": (sandbox().covenant.log_key.vkey.encode(), read_key),
    **{path: (log().tiles[path], reading_tile(path, SIZE)) for path in TILES},
}


def changes(raw: bytes) -> Iterator[bytes]:
    """Every byte changed in five ways or left out, every truncation, and something before and behind."""
    for place in range(len(raw)):
        yield from byte_changes(raw, place)
        yield raw[:place] + raw[place + 1 :]
        yield raw[:place]
    for more in (b"\n", b"\r\n", b" ", b"\0", b"=", raw):
        yield raw + more
        yield more + raw


def byte_changes(raw: bytes, place: int) -> Iterator[bytes]:
    for byte in (raw[place] ^ 1, raw[place] ^ 0x80, 0x0D, 0x0A, 0x20):
        yield raw[:place] + bytes([byte]) + raw[place + 1 :]


def line_changes(raw: bytes) -> Iterator[bytes]:
    """Each line twice, left out, and exchanged with each other one; CR LF; a zero before each line."""
    lines = raw.splitlines(keepends=True)
    for one in range(len(lines)):
        yield b"".join([*lines[: one + 1], *lines[one:]])
        yield b"".join([*lines[:one], *lines[one + 1 :]])
        yield b"".join([*lines[:one], b"0", *lines[one:]])
        for other in range(one):
            swapped = list(lines)
            swapped[one], swapped[other] = lines[other], lines[one]
            yield b"".join(swapped)
    yield raw.replace(b"\n", b"\r\n")


def accepted(read: Reading, meaning: object, changed: bytes) -> str | None:
    """What is wrong with how a change was taken; None where nothing is."""
    try:
        understood = read(changed)
    except RaakvlakError as error:
        return None if error.message else "an error without a message"
    except Exception as error:
        return f"{error!r} for {changed[:80]!r}"
    return None if understood == meaning else f"{changed[:80]!r} understood as {understood!r}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_change_of_a_byte_is_taken_for_something_else(name: str) -> None:
    raw, read = DOCUMENTS[name]
    meaning = read(raw)
    found = [accepted(read, meaning, changed) for changed in changes(raw) if changed != raw]
    assert [each for each in found if each] == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if not name.startswith("tile/")])
def test_no_change_of_a_byte_is_taken_at_all_where_all_is_read(name: str) -> None:
    """The second witness' line is nobody's business in a checkpoint read for the first; all else is."""
    raw, read = DOCUMENTS[name]
    until = raw.rindex("—".encode()) if name.endswith("for one") else len(raw)
    for place in range(until):
        for changed in byte_changes(raw, place):
            if changed != raw:
                with pytest.raises(RaakvlakError):
                    read(changed)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if "checkpoint" in name])
def test_no_change_of_lines(name: str) -> None:
    raw, read = DOCUMENTS[name]
    meaning = read(raw)
    found = [accepted(read, meaning, changed) for changed in line_changes(raw) if changed != raw]
    assert [each for each in found if each] == []


@pytest.mark.parametrize("name", ["newest checkpoint", "cosigned checkpoint"])
def test_nothing_of_another_covenant_s_log(name: str) -> None:
    """Whole, and each line of it in each place of ours."""
    raw, read = DOCUMENTS[name]
    other = cosigned("limburg") if name.startswith("cosigned") else log("limburg").checkpoint()
    ours, theirs = raw.splitlines(keepends=True), other.splitlines(keepends=True)
    swapped = [[*ours[:place], line, *ours[place + 1 :]] for place in range(len(ours)) for line in theirs]
    for lines in [theirs, *swapped]:
        if lines != ours:
            with pytest.raises(RaakvlakError):
                read(b"".join(lines))


@pytest.mark.parametrize("path", TILES)
def test_no_tile_of_another_covenant_s_log(path: str) -> None:
    with pytest.raises(RaakvlakError):
        reading_tile(path, SIZE)(log("limburg").tiles[path])


def test_no_tile_in_another_tile_s_place() -> None:
    """Also where the bundle is swapped together with its hash tile: the root is signed."""
    changed = {path: log("limburg").tiles[path] for path in TILES}
    with pytest.raises(RaakvlakError):
        looked(log().checkpoint(), cosigned(size=BEFORE), changed)
    for path in LONG:
        for other in LONG:
            if path != other:
                with pytest.raises(RaakvlakError):
                    reading_tile(path, 300)(log(size=300).tiles[other])


@pytest.mark.parametrize("path", LONG)
def test_bytes_of_a_log_with_full_tiles(path: str) -> None:
    raw, read = log(size=300).tiles[path], reading_tile(path, 300)
    for place in random.Random(path).sample(range(len(raw)), min(len(raw), 48)):
        for changed in (raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], raw[:place]):
            with pytest.raises(RaakvlakError):
                read(changed)


@pytest.mark.parametrize("path", TILES)
def test_the_first_wrong_position_is_named(path: str) -> None:
    """Whatever of an entry was changed, its length too. For the hash tile: read without following, which names no leaf."""
    raw = log().tiles[path]
    ends = [sum(2 + len(each) for each in log().entries[: at + 1]) for at in range(SIZE)]
    for place in range(len(raw)):
        position = next(at for at, end in enumerate(ends) if place < end) if "entries" in path else place // 32
        changed = log().tiles | {path: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]}
        with pytest.raises(RaakvlakError, match=rf"position {position}\b"):
            list(tile.verified_entries(tile.TiledLog(changed.__getitem__, SIZE), 0, SIZE, log().root()))


@pytest.mark.parametrize("raw", [b"\1" + bytes(32), b"\2" + bytes(8), b"\3" + bytes(36), b"\4" + bytes(36), b"\5" + bytes(32)])
def test_a_leaf_has_one_meaning(raw: bytes) -> None:
    """A changed leaf is another leaf or none; that it is not the one in the log, its proof shows."""
    meanings = {raw: entry.parse(raw)}
    for changed in changes(raw):
        try:
            meanings[changed] = entry.parse(changed)
        except RaakvlakError:
            continue
    assert len(set(meanings.values())) == len(meanings) > len(raw)


def test_a_receipt_s_signature_and_fields() -> None:
    seed, key = sandbox().log_seed, sandbox().covenant.log_key
    promised = Receipt("zeeland", "school", 7, 41, bytes(range(32)), 1000, 2, bytes(range(32, 64)))
    signature = receipt.sign(promised, seed)
    receipt.verify(promised, signature, key)

    def read(raw: bytes) -> object:
        receipt.verify(promised, raw, key)
        return promised

    found = [accepted(read, None, changed) for changed in changes(signature) if changed != signature]
    assert [each for each in found if each] == []
    for changed in changes(promised.entries_hash):
        if changed != promised.entries_hash:
            with pytest.raises(RaakvlakError):
                receipt.verify(replace(promised, entries_hash=changed), signature, key)
    with pytest.raises(RaakvlakError):
        receipt.verify(promised, signature, sandbox("limburg").covenant.log_key)
