"""Receipts: the index's promise to a member, which nobody else's words can stand in for."""

import hashlib
import struct
from dataclasses import replace

import pytest

from raakvlak_protocol import note, receipt
from raakvlak_protocol.errors import Evidence
from raakvlak_protocol.note import ED25519
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes

SEED = SecretBytes(b"\1" * 32)
KEY = note.key_of("index.index.zeeland.raakvlak", ED25519, SEED)
LEAVES = [b"\1" + bytes(32), b"\2" + bytes(8)]
RECEIPT = Receipt("zeeland", "school", 7, 41, bytes(range(32)), 1000, 2, receipt.hash_of(LEAVES))
SIGNATURE = receipt.sign(RECEIPT, SEED)

OTHERS = {
    "another covenant": replace(RECEIPT, covenant_id="zeelan"),
    "another member": replace(RECEIPT, member="town"),
    "the border between covenant and member moved": replace(RECEIPT, covenant_id="zeelands", member="chool"),
    "another epoch": replace(RECEIPT, epoch=8),
    "another sequence": replace(RECEIPT, sequence=42),
    "another request": replace(RECEIPT, request_hash=bytes(32)),
    "another position": replace(RECEIPT, first_position=1001),
    "another count": replace(RECEIPT, count=1),
    "other leaves": replace(RECEIPT, entries_hash=receipt.hash_of(LEAVES[::-1])),
    "no hash of leaves": replace(RECEIPT, entries_hash=b""),
    "more than a hash": replace(RECEIPT, entries_hash=bytes(70_000)),
}


def test_the_bytes() -> None:
    def sized(part: bytes) -> bytes:
        return struct.pack(">H", len(part)) + part

    hashed = hashlib.sha256(sized(LEAVES[0]) + sized(LEAVES[1])).digest()
    expected = sized(b"raakvlak/v1/receipt") + sized(b"zeeland") + sized(b"school") + struct.pack(">IQ", 7, 41)
    expected += sized(bytes(range(32))) + struct.pack(">QI", 1000, 2) + sized(hashed)
    assert RECEIPT.statement == expected
    receipt.verify(RECEIPT, SIGNATURE, KEY)


@pytest.mark.parametrize("name", OTHERS)
def test_a_receipt_promises_one_thing(name: str) -> None:
    with pytest.raises(Evidence):
        receipt.verify(OTHERS[name], SIGNATURE, KEY)


@pytest.mark.parametrize("made", [b"", SIGNATURE[:63], SIGNATURE + b"\0", bytes(64)])
def test_another_signature_is_none(made: bytes) -> None:
    with pytest.raises(Evidence):
        receipt.verify(RECEIPT, made, KEY)


def test_only_the_log_s_key_signs() -> None:
    with pytest.raises(Evidence):
        receipt.verify(RECEIPT, receipt.sign(RECEIPT, SecretBytes(b"\2" * 32)), KEY)


def test_leaves_can_not_be_cut_elsewhere() -> None:
    assert receipt.hash_of([b"ab", b"c"]) != receipt.hash_of([b"a", b"bc"]) != receipt.hash_of([b"abc"])
    assert receipt.hash_of([]) == hashlib.sha256().digest()
