"""Receipts: what the index promises, under the log's key, when it answers a write.

The promise: the log will hold these leaves at these positions. Against a later checkpoint of the same log in which
other leaves stand there, the two signatures convict it before anybody. The new rows of a publication have consecutive
positions in order of its tokens, those that stood already none; each row that a withdrawal removed has a leaf, in order
of its references.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from raakvlak_protocol.encoding import prefixed, u32, u64
from raakvlak_protocol.errors import Evidence
from raakvlak_protocol.identity import Role
from raakvlak_protocol.merkle import HASH_BYTES
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.publication import sign as ed25519
from raakvlak_protocol.publication import verified
from raakvlak_protocol.secret import SecretBytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """`count` leaves from `first_position` on, for one request of a member; `entries_hash` is `hash_of` these leaves."""

    covenant_id: str
    member: str
    epoch: int
    sequence: int
    request_hash: bytes
    first_position: int
    count: int
    entries_hash: bytes

    @property
    def statement(self) -> bytes:
        """What the log's key signs."""
        return (
            prefixed("raakvlak/v1/receipt")
            + prefixed(self.covenant_id)
            + prefixed(self.member)
            + u32(self.epoch)
            + u64(self.sequence)
            + prefixed(self.request_hash)
            + u64(self.first_position)
            + u32(self.count)
            + prefixed(self.entries_hash)
        )


def hash_of(entries: Sequence[bytes]) -> bytes:
    """The hash over leaves in order. 32 bytes."""
    return hashlib.sha256(b"".join(map(prefixed, entries))).digest()


def sign(receipt: Receipt, seed: SecretBytes) -> bytes:
    """The 64-byte signature."""
    return ed25519(seed, receipt.statement)


def verify(receipt: Receipt, signature: bytes, log_key: NoteKey) -> None:
    """Returns when the log has promised this; raises Evidence otherwise. A log promises in its own covenant only, also
    where one key signs for two."""
    is_hash = len(receipt.entries_hash) == HASH_BYTES
    is_own = log_key.name.endswith(f".{Role.INDEX}.{receipt.covenant_id}.raakvlak")
    if not is_hash or not is_own or not verified(log_key.public_key, receipt.statement, signature):
        raise Evidence("the index's receipt does not bear the signature of its log", party=log_key.name)
