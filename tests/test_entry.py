"""Leaves: every kind, byte for byte, and nothing else."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raakvlak_protocol import entry, tile
from raakvlak_protocol.entry import Entry, Kind
from raakvlak_protocol.errors import Malformed

HASH = bytes(range(32))
SALT, DIGEST = bytes(32), bytes(range(16))

EVERY = {
    b"\1" + HASH: Entry(Kind.PUBLISHED, 0, HASH),
    b"\2" + (2**63).to_bytes(8, "big"): Entry(Kind.REMOVED, 2**63),
    b"\3\0\0\0\7" + HASH: Entry(Kind.COVENANT, 7, HASH),
    b"\4\xff\xff\xff\xff" + HASH: Entry(Kind.EPOCH, 2**32 - 1, HASH),
    b"\5" + HASH: Entry(Kind.STATEMENT, 0, HASH),
}


def test_the_bytes() -> None:
    made = [entry.removed(2**63), entry.covenant(7, HASH), entry.epoch(2**32 - 1, HASH), entry.statement(HASH)]
    assert made == list(EVERY)[1:]


@pytest.mark.parametrize(("raw", "read"), EVERY.items(), ids=[read.kind.name for read in EVERY.values()])
def test_every_kind_is_read(raw: bytes, read: Entry) -> None:
    assert entry.parse(raw) == read
    assert len(raw) <= tile.MAX_ENTRY_BYTES
    for wrong in (raw[:-1], raw + b"\0", raw[:1], b"\0" + raw, raw * 2):
        with pytest.raises(Malformed):
            entry.parse(wrong)


@given(st.binary(max_size=40))
def test_nothing_else_is_a_leaf(raw: bytes) -> None:
    if raw[:1] not in {b"\1", b"\2", b"\3", b"\4", b"\5"}:
        with pytest.raises(Malformed):
            entry.parse(raw)


def test_a_record() -> None:
    text = b"".join(struct.pack(">H", len(part)) + part for part in (b"raakvlak/v1/record", b"school"))
    expected = text + struct.pack(">IHB", 7, 340, 1) + DIGEST
    record = entry.record("school", 7, 340, 1, DIGEST)
    assert record == expected == entry.record_head("school", 7, 340, 1) + DIGEST
    assert entry.published(SALT, record) == b"\1" + hashlib.sha256(SALT + expected).digest()


def test_whatever_a_record_holds_changes_the_leaf() -> None:
    records = [
        entry.record("school", 7, 340, 1, DIGEST),
        entry.record("schoo", 7, 340, 1, DIGEST),
        entry.record("school", 8, 340, 1, DIGEST),
        entry.record("school", 7, 341, 1, DIGEST),
        entry.record("school", 7, 340, 2, DIGEST),
        entry.record("school", 7, 340, 1, DIGEST[::-1]),
    ]
    leaves = {entry.published(SALT, record) for record in records} | {entry.published(HASH, records[0])}
    assert len(leaves) == len(records) + 1
