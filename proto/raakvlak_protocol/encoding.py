"""Fixed layouts, and the one strict way to read a protobuf message.

Whatever is signed or hashed is built from these pieces and begins with a prefix of its own (PROTOCOL.md), so that no
signature for one purpose is ever valid for another.
"""

from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from raakvlak_protocol.errors import Malformed

M = TypeVar("M", bound=Message)
_DIGITS: Final = frozenset("0123456789abcdef")


def u8(number: int) -> bytes:
    return number.to_bytes(1, "big")


def u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def prefixed(part: bytes | str) -> bytes:
    """The part behind its length in bytes as u16; OverflowError at 65,536 bytes or more."""
    raw = part.encode() if isinstance(part, str) else part
    return u16(len(raw)) + raw


def from_hex(text: str, size: int) -> bytes | None:
    """So many bytes from their hexadecimal digits, in small letters and with nothing between them; None for whatever else."""
    if len(text) != 2 * size or not set(text) <= _DIGITS:
        return None
    return bytes.fromhex(text)


def parse(message: type[M], raw: bytes) -> M:
    """The message in `raw`; raises Malformed when it is none or holds a field, at any depth, that this version does
    not know. What an older version would silently drop must not look understood."""
    parsed = message()
    try:
        parsed.ParseFromString(raw)
    except DecodeError:
        raise Malformed(f"not a readable {message.DESCRIPTOR.name}") from None
    size = parsed.ByteSize()
    parsed.DiscardUnknownFields()
    if parsed.ByteSize() != size:
        raise Malformed(f"the {message.DESCRIPTOR.name} holds a field that this version does not know")
    return parsed
