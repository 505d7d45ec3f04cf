"""proto/vectors/{merkle,entry,checkpoint,receipt}.json: our code reads and writes these bytes, and they are what PROTOCOL
§16 says, made here a second time with `hashlib`, `struct` and `cryptography`.
"""

import base64
import hashlib
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from raakvlak_protocol import checkpoint, entry, merkle, note, receipt, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.entry import Kind
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.tile import TilePath
from tests.vectors.make_protocol_vectors import FOLDER

Vector = dict[str, Any]
ERRORS = {"malformed": Malformed, "evidence": Evidence}


def load(name: str) -> Vector:
    found = json.loads((FOLDER / f"{name}.json").read_text("ascii"))
    assert isinstance(found, dict)
    return found


MERKLE, ENTRY, CHECKPOINT, RECEIPT = load("merkle"), load("entry"), load("checkpoint"), load("receipt")
LOG_KEY = NoteKey.parse(CHECKPOINT["log"]["vkey"])
WITNESS_KEYS = [NoteKey.parse(each["vkey"]) for each in CHECKPOINT["witnesses"]]


def each(vectors: list[Vector]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=lambda vector: str(vector.get("class", "valid")))


def raw(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def sized(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


# merkle.json


def test_roots() -> None:
    hashes = [merkle.leaf_hash(each) for each in raw(MERKLE["entries"])]
    assert hashes == raw(MERKLE["leaf_hashes"])
    assert [merkle.root(hashes[:size]) for size in range(len(hashes) + 1)] == raw(MERKLE["roots"])


def include(vector: Vector) -> None:
    leaf, root = bytes.fromhex(vector["leaf_hash"]), bytes.fromhex(vector["root"])
    merkle.verify_inclusion(leaf, vector["position"], vector["size"], raw(vector["proof"]), root)


def follow(vector: Vector) -> None:
    old_root, root = bytes.fromhex(vector["old_root"]), bytes.fromhex(vector["root"])
    merkle.verify_consistency(vector["old_size"], old_root, vector["size"], root, raw(vector["proof"]))


@each(MERKLE["inclusion"])
def test_inclusion(vector: Vector) -> None:
    include(vector)


@each(MERKLE["consistency"])
def test_consistency(vector: Vector) -> None:
    follow(vector)


@each(MERKLE["invalid_inclusion"])
def test_invalid_inclusion(vector: Vector) -> None:
    with pytest.raises(Evidence):
        include(vector)


@each(MERKLE["invalid_consistency"])
def test_invalid_consistency(vector: Vector) -> None:
    with pytest.raises(Evidence):
        follow(vector)


# entry.json


def test_a_published_entry() -> None:
    vector = ENTRY["published"]
    digest, salt = bytes.fromhex(vector["digest"]), bytes.fromhex(vector["salt"])
    fields = vector["epoch"], vector["removal_month"], vector["visibility"]
    expected = sized(b"raakvlak/v1/record", vector["member"].encode()) + struct.pack(">IHB", *fields) + digest
    assert entry.record(vector["member"], *fields, digest) == expected == bytes.fromhex(vector["record"])
    leaf = b"\1" + hashlib.sha256(salt + expected).digest()
    assert entry.published(salt, expected) == leaf == bytes.fromhex(vector["entry"])
    assert entry.parse(leaf).hash == leaf[1:]


@pytest.mark.parametrize("vector", ENTRY["others"], ids=lambda vector: str(vector["kind"]))
def test_another_entry(vector: Vector) -> None:
    read = entry.parse(bytes.fromhex(vector["entry"]))
    assert (read.kind, read.number, read.hash.hex()) == (Kind[vector["kind"]], vector["number"], vector["hash"])
    number = {"REMOVED": ">Q", "COVENANT": ">I", "EPOCH": ">I"}.get(vector["kind"])
    written = bytes([read.kind]) + (struct.pack(number, read.number) if number else b"") + read.hash
    assert written.hex() == vector["entry"]


@each(ENTRY["invalid"])
def test_invalid_entry(vector: Vector) -> None:
    with pytest.raises(Malformed):
        entry.parse(bytes.fromhex(vector["entry"]))


def test_a_bundle() -> None:
    entries = raw(ENTRY["bundle"]["entries"])
    assert tile.encode_entries(entries) == sized(*entries) == bytes.fromhex(ENTRY["bundle"]["bytes"])
    assert tile.parse_entries(sized(*entries), len(entries)) == entries


@each(ENTRY["invalid_bundles"])
def test_invalid_bundle(vector: Vector) -> None:
    with pytest.raises(Malformed):
        tile.parse_entries(bytes.fromhex(vector["bytes"]), vector["width"])


@pytest.mark.parametrize("vector", ENTRY["paths"], ids=lambda vector: str(vector["path"]))
def test_a_path(vector: Vector) -> None:
    level = None if vector["kind"] == "entries" else int(vector["kind"])
    assert tile.parse_path(vector["path"]) == TilePath(level, vector["number"], vector["width"])
    assert str(TilePath(level, vector["number"], vector["width"])) == vector["path"]


@each(ENTRY["invalid_paths"])
def test_invalid_path(vector: Vector) -> None:
    with pytest.raises(Malformed):
        tile.parse_path(vector["path"])


# checkpoint.json


def key_id(name: str, typed: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]


def line(name: str, id: bytes, signature: bytes) -> str:
    return f"— {name} {base64.b64encode(id + signature).decode()}\n"


@pytest.mark.parametrize("vector", [CHECKPOINT["log"], *CHECKPOINT["witnesses"]], ids=lambda vector: str(vector["name"]))
def test_a_key(vector: Vector) -> None:
    algorithm = 1 if vector is CHECKPOINT["log"] else 4
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"])).public_key().public_bytes_raw()
    typed = bytes([algorithm]) + public
    expected = f"{vector['name']}+{key_id(vector['name'], typed).hex()}+{base64.b64encode(typed).decode()}"
    assert NoteKey(vector["name"], algorithm, public).vkey == expected == vector["vkey"]


@pytest.mark.parametrize("vector", CHECKPOINT["checkpoints"], ids=lambda vector: str(vector["size"]))
def test_a_checkpoint(vector: Vector) -> None:
    log, root = CHECKPOINT["log"], bytes.fromhex(vector["root"])
    text = f"{log['name']}\n{vector['size']}\n{base64.b64encode(root).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(log["seed"])).sign(text.encode())
    assert vector["note"] == f"{text}\n{line(log['name'], LOG_KEY.id, signature)}"
    head = Checkpoint(log["name"], vector["size"], root)
    assert checkpoint.verify(vector["note"].encode(), LOG_KEY) == head
    assert checkpoint.sign(head, SecretBytes(bytes.fromhex(log["seed"]))).decode() == vector["note"]


def test_cosignatures() -> None:
    vector, bare = CHECKPOINT["cosigned"], CHECKPOINT["checkpoints"][-1]["note"]
    text, at = bare.split("\n\n")[0] + "\n", vector["at"]
    expected = bare
    for witness, key in zip(CHECKPOINT["witnesses"], WITNESS_KEYS, strict=True):
        seed = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(witness["seed"]))
        signature = seed.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        expected += line(key.name, key.id, struct.pack(">Q", at) + signature)
    assert vector["note"] == expected
    for key in WITNESS_KEYS:
        assert checkpoint.cosigned(expected.encode(), key) == datetime.fromtimestamp(at, UTC)


@each(CHECKPOINT["invalid"])
def test_invalid_checkpoint(vector: Vector) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        checkpoint.verify(vector["note"].encode(), LOG_KEY)


@each(CHECKPOINT["invalid_cosignatures"])
def test_invalid_cosignature(vector: Vector) -> None:
    """The checkpoint itself stays the log's."""
    given = vector["note"].encode()
    assert checkpoint.verify(given, LOG_KEY).size == 11
    if vector["error"] == "absent":
        assert checkpoint.cosigned(given, WITNESS_KEYS[0]) is None
    else:
        with pytest.raises(ERRORS[vector["error"]]):
            checkpoint.cosigned(given, WITNESS_KEYS[0])


@each(CHECKPOINT["invalid_vkeys"])
def test_invalid_verifier_key(vector: Vector) -> None:
    with pytest.raises(Malformed):
        NoteKey.parse(vector["vkey"])


# receipt.json


def receipt_of(vector: Vector) -> Receipt:
    return Receipt(
        vector["covenant_id"],
        vector["member"],
        vector["epoch"],
        vector["sequence"],
        bytes.fromhex(vector["request_hash"]),
        vector["first_position"],
        vector["count"],
        bytes.fromhex(vector["entries_hash"]),
    )


def test_a_receipt() -> None:
    entries_hash = hashlib.sha256(sized(*raw(RECEIPT["entries"]))).digest()
    assert entries_hash.hex() == RECEIPT["entries_hash"]
    statement = (
        sized(b"raakvlak/v1/receipt", RECEIPT["covenant_id"].encode(), RECEIPT["member"].encode())
        + struct.pack(">IQ", RECEIPT["epoch"], RECEIPT["sequence"])
        + sized(bytes.fromhex(RECEIPT["request_hash"]))
        + struct.pack(">QI", RECEIPT["first_position"], RECEIPT["count"])
        + sized(entries_hash)
    )
    assert receipt_of(RECEIPT).statement == statement == bytes.fromhex(RECEIPT["statement"])
    signature = bytes.fromhex(RECEIPT["signature"])
    Ed25519PublicKey.from_public_bytes(LOG_KEY.public_key).verify(signature, statement)
    receipt.verify(receipt_of(RECEIPT), signature, LOG_KEY)


@each(RECEIPT["invalid"])
def test_invalid_receipt(vector: Vector) -> None:
    made, signature = receipt_of(vector), bytes.fromhex(vector["signature"])
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(LOG_KEY.public_key).verify(signature, made.statement)
    with pytest.raises(Evidence):
        receipt.verify(made, signature, LOG_KEY)


def test_a_note_of_the_vectors_is_written_as_it_was_read() -> None:
    for vector in (*CHECKPOINT["checkpoints"], CHECKPOINT["cosigned"], *CHECKPOINT["invalid_cosignatures"]):
        assert note.parse(vector["note"].encode()).encode().decode() == vector["note"]
