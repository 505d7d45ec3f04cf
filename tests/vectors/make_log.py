"""proto/vectors/merkle.json, entry.json, checkpoint.json and receipt.json: the log (PROTOCOL §16).

Trees and proofs are made by tests/logs.py, RFC 6962's definitions, so that the project's own code is checked by them.
"""

import base64
import hashlib
from dataclasses import asdict, replace
from datetime import UTC, datetime

from raakvlak_protocol import checkpoint, entry, note, receipt, tile
from raakvlak_protocol.checkpoint import Checkpoint
from raakvlak_protocol.note import COSIGNATURE, ED25519, Line
from raakvlak_protocol.receipt import Receipt
from raakvlak_protocol.secret import SecretBytes
from tests import logs
from tests.vectors.fixed import fixed

LOG, WITNESSES = "index.index.zeeland.raakvlak", ("officer.witness.zeeland.raakvlak", "regulator.witness.zeeland.raakvlak")
LOG_SEED = SecretBytes(fixed("log seed", 32))
WITNESS_SEEDS = [SecretBytes(fixed(f"seed of {name}", 32)) for name in WITNESSES]
LOG_KEY = note.key_of(LOG, ED25519, LOG_SEED)
WITNESS_KEYS = [note.key_of(name, COSIGNATURE, seed) for name, seed in zip(WITNESSES, WITNESS_SEEDS, strict=True)]
COSIGNED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

ENTRIES = logs.leaves(11, "vectors")
HASHES = [logs.leaf(each) for each in ENTRIES]
ROOTS = [logs.mth(HASHES[:size]) for size in range(len(HASHES) + 1)]

Vector = dict[str, object]


def merkle() -> Vector:
    return {
        "entries": [each.hex() for each in ENTRIES],
        "leaf_hashes": [each.hex() for each in HASHES],
        "roots": [each.hex() for each in ROOTS],
        "inclusion": [
            inclusion(position, size) for position, size in ((0, 1), (0, 2), (1, 3), (2, 3), (5, 7), (6, 7), (10, 11), (3, 11))
        ],
        "consistency": [
            consistency(old, size) for old, size in ((0, 5), (1, 2), (2, 3), (3, 7), (4, 7), (6, 8), (7, 11), (8, 11), (11, 11))
        ],
        "invalid_inclusion": list(_invalid_inclusion()),
        "invalid_consistency": list(_invalid_consistency()),
    }


def inclusion(position: int, size: int) -> Vector:
    return {
        "position": position,
        "size": size,
        "leaf_hash": HASHES[position].hex(),
        "root": ROOTS[size].hex(),
        "proof": _hex(logs.path(position, HASHES[:size])),
    }


def consistency(old: int, size: int) -> Vector:
    proof = logs.proof(old, HASHES[:size]) if 0 < old < size else []
    return {"old_size": old, "old_root": ROOTS[old].hex(), "size": size, "root": ROOTS[size].hex(), "proof": _hex(proof)}


def _invalid_inclusion() -> list[Vector]:
    good, last = inclusion(5, 7), inclusion(6, 7)
    proof = logs.path(5, HASHES[:7])
    return [
        {"class": "another position", **good, "position": 4},
        {"class": "position behind the end", **good, "position": 7},
        {"class": "a size that has a shorter proof", **good, "size": 6},
        {"class": "another leaf", **good, "leaf_hash": HASHES[4].hex()},
        {"class": "another root", **good, "root": ROOTS[8].hex()},
        {"class": "proof too short", **good, "proof": _hex(proof[:-1])},
        {"class": "proof too long", **good, "proof": _hex([*proof, bytes(32)])},
        {"class": "hashes exchanged", **good, "proof": _hex([proof[1], proof[0], *proof[2:]])},
        {"class": "proof empty", **good, "proof": []},
        {"class": "a node taken for a leaf", **inclusion(0, 1), "leaf_hash": ROOTS[2].hex()},
        {"class": "the last leaf proven as its neighbour", **last, "position": 5},
        {"class": "leaf of an empty tree", **last, "size": 0, "root": ROOTS[0].hex()},
    ]


def _invalid_consistency() -> list[Vector]:
    good, complete = consistency(7, 11), consistency(4, 7)
    proof = logs.proof(7, HASHES[:11])
    return [
        {"class": "an earlier leaf changed", **good, "old_root": logs.mth([bytes(32), *HASHES[1:7]]).hex()},
        {"class": "an earlier leaf changed, complete tree", **complete, "old_root": logs.mth([bytes(32), *HASHES[1:4]]).hex()},
        {"class": "a later root", **good, "root": ROOTS[10].hex()},
        {"class": "gone back", **good, "old_size": 11, "old_root": ROOTS[11].hex(), "size": 7, "root": ROOTS[7].hex()},
        {"class": "two trees of one size", **consistency(11, 11), "old_root": bytes(32).hex()},
        {"class": "two empty trees", **consistency(0, 5), "size": 0, "root": bytes(32).hex(), "old_root": bytes(32).hex()},
        {"class": "an empty tree with another root", **consistency(0, 5), "old_root": bytes(32).hex()},
        {"class": "proof where none is needed", **consistency(0, 5), "proof": [ROOTS[5].hex()]},
        {"class": "proof too short", **good, "proof": _hex(proof[:-1])},
        {"class": "proof too long", **good, "proof": _hex([*proof, bytes(32)])},
        {"class": "proof empty", **good, "proof": []},
        {"class": "hashes exchanged", **good, "proof": _hex([proof[1], proof[0], *proof[2:]])},
    ]


def entries() -> Vector:
    salt, digest, hash = fixed("salt", 32), fixed("digest", 16), fixed("hash", 32)
    record = entry.record("school", 7, 340, 1, digest)
    bundle = tile.encode_entries(ENTRIES[:3])
    return {
        "published": {
            "member": "school",
            "epoch": 7,
            "removal_month": 340,
            "visibility": 1,
            "digest": digest.hex(),
            "record": record.hex(),
            "salt": salt.hex(),
            "entry": entry.published(salt, record).hex(),
        },
        "others": [
            {"kind": "REMOVED", "number": 4096, "hash": "", "entry": entry.removed(4096).hex()},
            {"kind": "COVENANT", "number": 3, "hash": hash.hex(), "entry": entry.covenant(3, hash).hex()},
            {"kind": "EPOCH", "number": 7, "hash": hash.hex(), "entry": entry.epoch(7, hash).hex()},
            {"kind": "STATEMENT", "number": 0, "hash": hash.hex(), "entry": entry.statement(hash).hex()},
        ],
        "invalid": [
            {"class": name, "entry": raw.hex()}
            for name, raw in {
                "empty": b"",
                "unknown kind 0": b"\0" + hash,
                "unknown kind 6": b"\6" + hash,
                "published too short": b"\1" + hash[:31],
                "published too long": b"\1" + hash + b"\0",
                "removed with a position of 4 bytes": b"\2" + bytes(4),
                "covenant without a version": b"\3" + hash,
                "epoch with a number of 8 bytes": b"\4" + bytes(8) + hash,
                "statement too short": b"\5",
            }.items()
        ],
        "bundle": {"entries": [each.hex() for each in ENTRIES[:3]], "bytes": bundle.hex()},
        "invalid_bundles": [
            {"class": name, "width": 3, "bytes": raw.hex()}
            for name, raw in {
                "empty": b"",
                "cut off in an entry": bundle[:-1],
                "cut off in a length": tile.encode_entries(ENTRIES[:2]) + b"\0",
                "an entry too few": tile.encode_entries(ENTRIES[:2]),
                "an entry too many": tile.encode_entries(ENTRIES[:4]),
                "an entry without bytes": tile.encode_entries([*ENTRIES[:2], b""]),
                "an entry of more than 64 bytes": tile.encode_entries([*ENTRIES[:2], bytes(65)]),
            }.items()
        ],
        "paths": [
            {"kind": kind, "number": number, "width": width, "path": path}
            for kind, number, width, path in (
                ("0", 0, 256, "tile/0/000"),
                ("0", 999, 1, "tile/0/999.p/1"),
                ("1", 1000, 256, "tile/1/x001/000"),
                ("2", 1234067, 255, "tile/2/x001/x234/067.p/255"),
                ("entries", 273, 112, "tile/entries/273.p/112"),
            )
        ],
        "invalid_paths": [
            {"class": name, "path": path}
            for name, path in {
                "digits missing": "tile/0/0",
                "leading group of zeros": "tile/0/x000/001",
                "group without x": "tile/0/001/000",
                "last group with x": "tile/0/x001/x000",
                "level with a leading zero": "tile/00/000",
                "level above 7": "tile/8/000",
                "tile height as Go writes it": "tile/8/0/000",
                "entries as Go names them": "tile/data/000",
                "full tile as a partial one": "tile/0/000.p/256",
                "partial tile of nothing": "tile/0/000.p/0",
                "width with a leading zero": "tile/0/000.p/01",
                "slash at the end": "tile/0/000/",
                "newline at the end": "tile/0/000\n",
                "way out": "tile/0/../000",
            }.items()
        ],
    }


def checkpoints() -> Vector:
    heads = [Checkpoint(LOG, size, ROOTS[size]) for size in (0, 1, 11)]
    return {
        "log": {"seed": LOG_SEED.reveal().hex(), "name": LOG, "vkey": LOG_KEY.vkey},
        "witnesses": [
            {"seed": seed.reveal().hex(), "name": key.name, "vkey": key.vkey}
            for seed, key in zip(WITNESS_SEEDS, WITNESS_KEYS, strict=True)
        ],
        "checkpoints": [{"size": each.size, "root": each.root.hex(), "note": _text(_signed(each))} for each in heads],
        "cosigned": {"at": int(COSIGNED_AT.timestamp()), "note": _text(_cosigned(_signed(heads[2])))},
        "invalid": _invalid_checkpoints(heads[2]),
        "invalid_cosignatures": _invalid_cosignatures(heads[2], heads[1]),
        "invalid_vkeys": [{"class": name, "vkey": vkey} for name, vkey in _invalid_vkeys().items()],
    }


def _signed(head: Checkpoint) -> bytes:
    return checkpoint.sign(head, LOG_SEED)


def _cosigned(raw: bytes) -> bytes:
    for name, seed in zip(WITNESSES, WITNESS_SEEDS, strict=True):
        raw = checkpoint.cosign(raw, name, seed, COSIGNED_AT)
    return raw


def _invalid_checkpoints(head: Checkpoint) -> list[Vector]:
    raw = _text(_signed(head))
    text, line = raw.split("\n\n")
    root = base64.b64encode(head.root).decode()
    signed_anew = {
        "leading zero": text.replace("\n11\n", "\n011\n"),
        "sign before the size": text.replace("\n11\n", "\n+11\n"),
        "size of 2^63": text.replace("\n11\n", f"\n{2**63}\n"),
        "root of 31 bytes": text.replace(root, base64.b64encode(head.root[:31]).decode()),
        "base64 without padding": text.replace(root, root.rstrip("=")),
        "base64 with bits that nobody reads": text.replace(root, _other_spelling(root)),
        "extension line": text + "\nmore",
        "no root": text.rpartition("\n")[0],
        "another log's name": text.replace("zeeland", "limburg"),
    }
    changed = {
        "CR LF": ("malformed", raw.replace("\n", "\r\n")),
        "no newline at the end": ("malformed", raw[:-1]),
        "no signature line": ("malformed", text + "\n\n"),
        "no empty line": ("malformed", text + "\n" + line),
        "hyphen for the dash": ("malformed", raw.replace("—", "-")),
        "two lines of one key": ("malformed", raw + line),
        "signature in another writing of base64": ("malformed", raw.replace("\n\n" + line, "\n\n" + line[:-1] + "=\n")),
        "tab in the text": ("malformed", raw.replace("\n11\n", "\n11\t\n")),
        "another size": ("evidence", raw.replace("\n11\n", "\n12\n")),
        "another root": ("evidence", raw.replace(root, base64.b64encode(bytes(32)).decode())),
        "signature of another text": ("evidence", text + "\n\n" + _text(_signed(replace(head, size=12))).split("\n\n")[1]),
        "signed by another key": ("evidence", _text(checkpoint.sign(head, WITNESS_SEEDS[0]))),
        "only a line of somebody else": ("evidence", text + "\n\n" + Line("else.example", b"abcd", bytes(64)).text),
    }
    signed = {
        f"signed: {name}": ("malformed", _text(note.signed(each + "\n", LOG, LOG_SEED).encode()))
        for name, each in signed_anew.items()
    }
    return [{"class": name, "error": error, "note": each} for name, (error, each) in (signed | changed).items()]


def _other_spelling(encoded: str) -> str:
    """The same 32 bytes: the lowest bits of the last digit are not part of them."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return encoded[:-2] + digits[digits.index(encoded[-2]) ^ 1] + "="


def _invalid_cosignatures(head: Checkpoint, other: Checkpoint) -> list[Vector]:
    """None counts for the first witness; `absent` where its line is not there at all."""
    signed = note.parse(_signed(head))
    key, seed = WITNESS_KEYS[0], WITNESS_SEEDS[0]
    line = note.parse(_cosigned(_signed(head))).line_of(key)
    elsewhere = note.parse(_cosigned(_signed(other))).line_of(key)
    assert line is not None
    assert elsewhere is not None
    late = (int(COSIGNED_AT.timestamp()) + 1).to_bytes(8, "big")
    plain = note.signed(signed.text, key.name, seed).lines[0].signature
    lines = {
        "another time": ("evidence", replace(line, signature=late + line.signature[8:])),
        "cosigned another checkpoint": ("evidence", elsewhere),
        "no time": ("evidence", replace(line, signature=line.signature[8:])),
        "signed the text without a time": ("evidence", replace(line, signature=line.signature[:8] + plain)),
        "key id of an ordinary key": ("absent", replace(line, key_id=note.key_of(key.name, ED25519, seed).id)),
        "another witness' key": ("absent", replace(line, key_id=WITNESS_KEYS[1].id)),
        "another witness' name": ("absent", replace(line, name=WITNESSES[1])),
    }
    return [
        {"class": name, "error": error, "note": _text(signed.with_line(each).encode())} for name, (error, each) in lines.items()
    ]


def _invalid_vkeys() -> dict[str, str]:
    name, key_id, key = LOG_KEY.vkey.split("+", 2)
    typed = {kind: bytes([kind]) + LOG_KEY.public_key for kind in (2, COSIGNATURE)}
    id_of_2 = hashlib.sha256(name.encode() + b"\n" + typed[2]).hexdigest()[:8]
    return {
        "another name": f"x{name}+{key_id}+{key}",
        "another id": f"{name}+{WITNESS_KEYS[0].id.hex()}+{key}",
        "another algorithm": f"{name}+{key_id}+{base64.b64encode(typed[COSIGNATURE]).decode()}",
        "unknown algorithm, with its id": f"{name}+{id_of_2}+{base64.b64encode(typed[2]).decode()}",
        "id in upper case": f"{name}+{key_id.upper()}+{key}",
        "blank in the name": f"{name} +{key_id}+{key}",
        "key too short": f"{name}+{key_id}+{base64.b64encode(bytes([1]) + LOG_KEY.public_key[:31]).decode()}",
    }


def receipts() -> Vector:
    leaves = ENTRIES[:2]
    made = Receipt("zeeland", "school", 7, 41, fixed("request hash", 32), 1000, 2, receipt.hash_of(leaves))
    signature = receipt.sign(made, LOG_SEED)
    others = {
        "another covenant": replace(made, covenant_id="zeelan"),
        "another member": replace(made, member="town"),
        "border between covenant and member moved": replace(made, covenant_id="zeelands", member="chool"),
        "another epoch": replace(made, epoch=8),
        "another sequence": replace(made, sequence=42),
        "another request": replace(made, request_hash=bytes(32)),
        "another position": replace(made, first_position=1001),
        "another count": replace(made, count=1),
        "leaves in another order": replace(made, entries_hash=receipt.hash_of(leaves[::-1])),
        "no hash of leaves": replace(made, entries_hash=b""),
    }
    return {
        "vkey": LOG_KEY.vkey,
        "entries": [each.hex() for each in leaves],
        **_fields(made),
        "statement": made.statement.hex(),
        "signature": signature.hex(),
        "invalid": [{"class": name, **_fields(each), "signature": signature.hex()} for name, each in others.items()]
        + [
            {"class": name, **_fields(made), "signature": each.hex()}
            for name, each in {
                "one bit changed": bytes([signature[0] ^ 1]) + signature[1:],
                "signature too short": signature[:63],
                "signed by another key": receipt.sign(made, WITNESS_SEEDS[0]),
            }.items()
        ],
    }


def _fields(made: Receipt) -> Vector:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(made).items()}


def _hex(hashes: list[bytes]) -> list[str]:
    return [each.hex() for each in hashes]


def _text(raw: bytes) -> str:
    return raw.decode()
