"""Checkpoints: what the log commits to, signed by it, and the cosignatures of witnesses (C2SP tlog-checkpoint,
tlog-cosignature).

    <origin>                  the log's name
    <size>                    number of leaves, decimal
    <base64 root>             RFC 6962 root over them

A witness signs `cosignature/v1`, the time and the text above: that the log it has seen until then is one history, which
nothing was taken from or changed in. It says nothing about what the leaves mean.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from raakvlak_protocol import note
from raakvlak_protocol.encoding import u64
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.merkle import HASH_BYTES
from raakvlak_protocol.note import COSIGNATURE, Line, NoteKey
from raakvlak_protocol.publication import SIGNATURE_BYTES, verified
from raakvlak_protocol.publication import sign as ed25519
from raakvlak_protocol.secret import SecretBytes

TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree by its size and root. Two of one log with the same size and different roots prove that it lied."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """The checkpoint in a note's text; raises Malformed for any other writing of it, extension lines too."""
        lines = note.lines_of(text)
        if len(lines) != 3:
            raise Malformed("a checkpoint has three lines: the log's name, its size, its root")
        origin, size, encoded = lines
        root = note.decode_base64(encoded)
        if not origin or len(root) != HASH_BYTES:
            raise Malformed("a checkpoint names its log and a root of 32 bytes")
        return cls(origin, note.decimal(size), root)

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, seed: SecretBytes) -> bytes:
    """The checkpoint as a note with the log's signature; the key's name is the checkpoint's origin."""
    return note.signed(checkpoint.text, checkpoint.origin, seed).encode()


def verify(raw: bytes, log_key: NoteKey) -> Checkpoint:
    """The checkpoint that the log has signed; raises Malformed where `raw` is none, or another log's.

    Raises Evidence where it bears the log's name and not its signature: whoever sent it made it or changed it.
    """
    signed = note.parse(raw)
    checkpoint = Checkpoint.parse(signed.text)
    if checkpoint.origin != log_key.name:
        raise Malformed(f"this is a checkpoint of another log than {log_key.name}")
    if not signed.verified_by(log_key):
        raise Evidence(f"this checkpoint is not signed by the key of {log_key.name}: it was made or changed by another")
    return checkpoint


def cosign(raw: bytes, name: str, seed: SecretBytes, now: datetime) -> bytes:
    """The note with a witness's line, in place of its earlier one. Verify the checkpoint first: this does not."""
    signed = note.parse(raw)
    key = note.key_of(name, COSIGNATURE, seed)
    time = int(now.timestamp())
    signature = ed25519(seed, _cosigned_bytes(signed.text, time))
    return signed.with_line(Line(name, key.id, u64(time) + signature)).encode()


def cosigned(raw: bytes, witness_key: NoteKey) -> datetime | None:
    """When the witness cosigned this note, UTC; None where it did not. Raises Malformed for bytes that are no note, and
    Evidence for a line under the witness's name that it did not sign."""
    signed = note.parse(raw)
    line = signed.line_of(witness_key)
    if line is None:
        return None
    time, signature = int.from_bytes(line.signature[:TIME_BYTES], "big"), line.signature[TIME_BYTES:]
    if len(signature) != SIGNATURE_BYTES or not verified(witness_key.public_key, _cosigned_bytes(signed.text, time), signature):
        raise Evidence(f"the cosignature under the name of {witness_key.name} is not its own: it was made or changed")
    try:
        return datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError):
        raise Malformed(f"the cosignature of {witness_key.name} bears a time outside any calendar") from None


def _cosigned_bytes(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
