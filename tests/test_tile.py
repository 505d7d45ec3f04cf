"""Tiles: one spelling for each path, and the same tree as RFC 6962 defines, however its tiles are cut."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_protocol import merkle, tile
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError
from raakvlak_protocol.tile import TiledLog, TilePath
from tests import logs

SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1000, 65535, 65536, 65537, 65793]
ENTRIES = logs.leaves(SIZES[-1])
HASHES = [logs.leaf(entry) for entry in ENTRIES]


@cache
def tiles(size: int) -> dict[str, bytes]:
    return logs.served(ENTRIES[:size])


@cache
def root(size: int) -> bytes:
    return logs.mth(HASHES[:size])


def log(size: int, *, without: str = "", instead: bytes = b"") -> TiledLog:
    """The log, with another tile in the place of one."""
    return TiledLog(lambda path: instead if path == without else tiles(size)[path], size)


@given(st.one_of(st.none(), st.integers(0, 7)), st.integers(0, 2**56 - 1), st.integers(1, 256))
def test_a_path_comes_back(level: int | None, number: int, width: int) -> None:
    path = TilePath(level, number, width)
    made = tile.entries_path(number, width) if level is None else tile.hash_path(level, number, width)
    assert made == str(path)
    assert tile.parse_path(made) == path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (TilePath(0, 0, 256), "tile/0/000"),
        (TilePath(1, 1234067, 256), "tile/1/x001/x234/067"),
        (TilePath(0, 999, 1), "tile/0/999.p/1"),
        (TilePath(7, 1000, 255), "tile/7/x001/000.p/255"),
        (TilePath(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_paths(path: TilePath, text: str) -> None:
    assert str(path) == text
    assert tile.parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "", "tile", "tile/", "/tile/0/000", "tile/0/000/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/000",
        "tile/0/x000/001", "tile/0/001/000", "tile/0/x001", "tile/0/x001/x000", "tile/00/000", "tile/8/000", "tile/-1/000",
        "tile/data/000", "tile/Entries/000", "tile/entries", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0",
        "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/999", "tile/0/000.p/1000", "tile/0/000.p/1\n", "tile/0/000\n",
        "tile/0/000\r", " tile/0/000", "tile/0/000 ", "tile//000", "tile/0//000", "tile/0/../000", "tile/0/000?x=1",
        "TILE/0/000", "tile/0/0٠0", "tile/0/X001/000", "tile/8/0/000", "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/" + "x000/" * 3000 + "000", "tile/0/" + "x999/" * 3000 + "999", "tile/0/000.p/" + "1" * 5000,
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_another_spelling_of_a_path_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        tile.parse_path(text)


@given(st.text(st.sampled_from("tile/entries0123x.p"), max_size=30))
def test_what_parses_is_what_is_written(text: str) -> None:
    try:
        parsed = tile.parse_path(text)
    except Malformed:
        return
    assert str(parsed) == text


@given(st.lists(st.binary(min_size=1, max_size=64), max_size=20))
def test_a_bundle_comes_back(entries: list[bytes]) -> None:
    assert tile.parse_entries(tile.encode_entries(entries), len(entries)) == entries


@pytest.mark.parametrize(
    ("raw", "width", "item"),
    [
        (b"", 1, 0),
        (b"\0", 1, 0),
        (b"\0\1", 1, 0),
        (b"\0\1a", 2, 1),
        (b"\0\1a\0\2b", 2, 1),
        (b"\0\0\0\1a", 2, 0),
        (b"\0\x41" + bytes(65), 1, 0),
        (b"\0\1a\0\1b", 1, 1),
        (b"\0\1a\0", 1, 1),
    ],
)
def test_a_bundle_of_another_width_or_length_is_refused(raw: bytes, width: int, item: int) -> None:
    with pytest.raises(Malformed) as caught:
        tile.parse_entries(raw, width)
    assert caught.value.item == item


@pytest.mark.parametrize("size", SIZES)
def test_the_tree_is_the_rfc_s(size: int) -> None:
    reading = log(size)
    assert reading.tree.root() == root(size)
    for position in {0, 1, size // 2, size - 257, size - 256, size - 2, size - 1, 65535} & set(range(size)):
        assert reading.entry(position) == ENTRIES[position]
        assert reading.verified_entry(position, root(size)) == ENTRIES[position]
        proof = reading.tree.inclusion_proof(position)
        assert proof == logs.path(position, HASHES[:size])
        merkle.verify_inclusion(HASHES[position], position, size, proof, root(size))


@pytest.mark.parametrize("size", SIZES)
def test_every_smaller_tree_of_the_list_is_its_beginning(size: int) -> None:
    for old in [each for each in SIZES if each <= size]:
        proof = log(size).tree.consistency_proof(old)
        merkle.verify_consistency(old, root(old), size, root(size), proof)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_entries_are_verified(size: int) -> None:
    assert list(tile.verified_entries(log(size), 0, size, root(size))) == ENTRIES[:size]
    for first, last in [(0, 1), (size - 1, size), (size // 2, size), (5, 5), (250, 260)]:
        if last <= size:
            assert list(tile.verified_entries(log(size), first, last, root(size))) == ENTRIES[first:last]
            assert list(log(size).entries(first, last)) == ENTRIES[first:last]


@pytest.mark.parametrize("wrong", [0, 1, 255, 256, 300, 511, 512, 599])
def test_the_first_changed_entry_is_named(wrong: int) -> None:
    number = wrong // 256
    path = tile.entries_path(number, tile.width_at(600, 0, number))
    bundle = ENTRIES[:600][number * 256 : number * 256 + 256]
    bundle[wrong % 256] = b"\5" + bytes(32)
    bundle[-1] = b"\5" + bytes(32)
    reading = log(600, without=path, instead=tile.encode_entries(bundle))
    with pytest.raises(Evidence, match=rf"position {wrong} "):
        list(tile.verified_entries(reading, 0, 600, root(600)))
    with pytest.raises(Evidence, match=rf"position {wrong} "):
        reading.verified_entry(wrong, root(600))
    assert reading.verified_entry(number * 256 + 3, root(600)) if wrong % 256 != 3 else True


def test_a_length_that_was_changed_is_found_where_it_stands() -> None:
    path = tile.entries_path(0, 20)
    raw = bytearray(tiles(20)[path])
    place = sum(2 + len(entry) for entry in ENTRIES[:7])
    raw[place + 1] += 1
    with pytest.raises(RaakvlakError, match=r"position 7 "):
        list(tile.verified_entries(log(20, without=path, instead=bytes(raw)), 0, 20, root(20)))


def test_a_tile_that_fits_changed_entries_does_not_fit_the_root() -> None:
    """Entry and hash changed together: only the proof to the root finds it, and it says where."""
    changed = [*ENTRIES[:300], b"\5" + bytes(32), *ENTRIES[301:600]]
    forged = logs.served(changed)
    mixed = tiles(600) | {path: forged[path] for path in ("tile/entries/001", "tile/0/001")}
    reading = TiledLog(mixed.__getitem__, 600)
    with pytest.raises(Evidence, match="positions 256 to 511 "):
        list(tile.verified_entries(reading, 0, 600, root(600)))
    assert list(tile.verified_entries(reading, 0, 256, root(600))) == ENTRIES[:256]


@pytest.mark.parametrize("length", [0, 31, 32 * 87, 32 * 89, 32 * 256])
def test_a_hash_tile_of_another_width_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match=r"tile/0/002\.p/88"):
        log(600, without="tile/0/002.p/88", instead=bytes(length)).tree.root()


@pytest.mark.parametrize("size", SIZES)
def test_the_root_of_every_beginning(size: int) -> None:
    for old in [each for each in SIZES if each <= size]:
        assert tile.verified_root(log(size), old, root(size)) == root(old)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"])
def test_a_beginning_of_changed_tiles_is_not_verified(path: str) -> None:
    raw = bytearray(tiles(600)[path])
    raw[1] ^= 1
    with pytest.raises(Evidence, match="do not lead to the root of 600 entries"):
        tile.verified_root(log(600, without=path, instead=bytes(raw)), 599 if path != "tile/0/000" else 255, root(600))
