"""The leaves of the log. Each begins with a byte that tells its kind; all have one length per kind.

    0x01 ‖ SHA-256(salt ‖ record)      an involvement was published
    0x02 ‖ u64 position                the involvement published at that position was removed, for no stated reason
    0x03 ‖ u32 version ‖ hash          the index acts on this covenant version from here on
    0x04 ‖ u32 epoch ‖ check           the index accepts this epoch; the check commits it to one pepper
    0x05 ‖ SHA-256(statement)          a key holder has stated how many evaluations it charged

A record is prefix, member, epoch, month of removal, visibility and digest. Its 32-byte salt stands beside the row and
is destroyed with it: what then is left in the log can be linked to nothing. The digest and not the token is in it, so
that whoever keeps a salt still can't try tokens without the pepper; and no sequence, because rows would then have to
tell which of them came in one request (docs/adr/0010).
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from raakvlak_protocol.encoding import prefixed, u8, u16, u32, u64
from raakvlak_protocol.errors import Malformed

SALT_BYTES: Final = 32
HASH_BYTES: Final = 32


class Kind(IntEnum):
    """What a leaf tells."""

    PUBLISHED = 1
    REMOVED = 2
    COVENANT = 3
    EPOCH = 4
    STATEMENT = 5


_LENGTHS: Final = {Kind.PUBLISHED: 33, Kind.REMOVED: 9, Kind.COVENANT: 37, Kind.EPOCH: 37, Kind.STATEMENT: 33}


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf that was read. `number` is a position (REMOVED), a covenant version or an epoch; `hash` what is committed
    to, empty for REMOVED."""

    kind: Kind
    number: int = 0
    hash: bytes = b""


def record_head(member: str, epoch: int, removal_month: int, visibility: int) -> bytes:
    """All of a record but its digest: the same for all new rows of one request."""
    return prefixed("raakvlak/v1/record") + prefixed(member) + u32(epoch) + u16(removal_month) + u8(visibility)


def record(member: str, epoch: int, removal_month: int, visibility: int, digest: bytes) -> bytes:
    """What a published leaf commits to; the digest has 16 bytes."""
    return record_head(member, epoch, removal_month, visibility) + digest


def published(salt: bytes, record: bytes) -> bytes:
    """The leaf of an involvement; nobody can tell which without the salt."""
    return b"\x01" + hashlib.sha256(salt + record).digest()


def removed(position: int) -> bytes:
    """The leaf that ends the involvement at a position."""
    return b"\x02" + u64(position)


def covenant(version: int, hash: bytes) -> bytes:
    return b"\x03" + u32(version) + hash


def epoch(number: int, check: bytes) -> bytes:
    return b"\x04" + u32(number) + check


def statement(hash: bytes) -> bytes:
    return b"\x05" + hash


def parse(raw: bytes) -> Entry:
    """The entry in a leaf; raises Malformed for an unknown kind or a wrong length."""
    kind = raw[0] if raw else 0
    if kind not in set(Kind) or len(raw) != _LENGTHS[Kind(kind)]:
        raise Malformed("this leaf is of no known kind, or not of its kind's length")
    match Kind(kind):
        case Kind.REMOVED:
            return Entry(Kind.REMOVED, int.from_bytes(raw[1:], "big"))
        case Kind.COVENANT | Kind.EPOCH:
            return Entry(Kind(kind), int.from_bytes(raw[1:5], "big"), raw[5:])
        case _:
            return Entry(Kind(kind), 0, raw[1:])
