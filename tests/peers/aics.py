"""Checks a published log with PyPI's `aics-tlog`, or makes one; runs in an environment of its own, with none of our code.

Reads one JSON request from standard input and writes what it found to standard output, as tests/peers/tlog does.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import aics_tlog as tlog  # type: ignore[import-not-found]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def check(asked: dict[str, Any], found: dict[str, Any]) -> None:
    """Fills in what was found; raises where something is wrong."""
    log = tlog.parse_vkey(asked["Log"])
    witnesses = [tlog.parse_vkey(each) for each in asked["Witnesses"]]
    head = checkpoint(asked["Checkpoint"], log, witnesses)
    found.update(Size=head.size, Root=base64.b64encode(head.root).decode(), Cosigned=list(head.witnesses))
    reader = tlog.FileSystemTileReader(asked["Folder"])
    tlog.audit_tiles(reader, head.size, head.root)
    verified = tlog.VerifiedTileReader(reader, head.size, head.root)
    for each in asked["Checkpoints"]:
        old = checkpoint(each, log, [])
        proof = tlog.consistency_proof_from_tiles(verified, old.size, head.size)
        if not tlog.verify_consistency(old.size, head.size, old.root, head.root, proof):
            raise ValueError(f"the log does not begin with its first {old.size} entries")
    for position in sorted({*range(0, head.size, asked["Step"]), head.size - 1} - {-1}):
        proof = tlog.inclusion_proof_from_tiles(verified, position, head.size)
        entry = tlog.read_entry(reader, position, head.size)
        if not tlog.verify_leaf_inclusion(entry, position, head.size, proof, head.root):
            raise ValueError(f"entry {position} is not in the tree")
        found["Proven"] += 1


def checkpoint(raw: str, log: Any, witnesses: list[Any]) -> Any:
    """What it verified; all of the witnesses must have cosigned."""
    result = tlog.verify_checkpoint(
        tlog.parse_note(raw.encode()), log, witnesses, quorum=len(witnesses), expected_origin=log.name
    )
    if not result.ok:
        raise ValueError(result.error)
    return result


def make(asked: dict[str, Any], found: dict[str, Any]) -> None:
    """A log of the given entries as tiles in a folder, with a cosigned checkpoint."""
    entries = [bytes.fromhex(each) for each in asked["Entries"]]
    tlog.tiles.write_tiles(entries, Path(asked["Folder"]))
    head = tlog.Checkpoint(asked["Origin"], len(entries), tlog.MerkleTree(entries).root())
    key, witness = (Ed25519PrivateKey.from_private_bytes(bytes.fromhex(asked[name])) for name in ("LogSeed", "WitnessSeed"))
    signed = tlog.sign_checkpoint(head, key, head.origin)
    _, line = tlog.sign_cosignature(witness, asked["Witness"], asked["Time"], head.origin, head.size, head.root)
    note = tlog.Note(text=signed.text, signatures=(*signed.signatures, line))
    found["Checkpoint"] = note.to_bytes().decode()
    found["Log"] = tlog.format_vkey(tlog.vkey_from_ed25519(head.origin, key.public_key()))
    found["Witness"] = tlog.format_vkey(tlog.cosignature_vkey(asked["Witness"], witness.public_key()))


if __name__ == "__main__":
    request = json.load(sys.stdin)
    answer: dict[str, Any] = {"Size": 0, "Root": "", "Cosigned": None, "Proven": 0, "Error": ""}
    try:
        (make if "Entries" in request else check)(request, answer)
    except (ValueError, OSError) as error:
        answer["Error"] = str(error) or type(error).__name__
    json.dump(answer, sys.stdout)
