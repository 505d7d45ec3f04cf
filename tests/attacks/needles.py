"""What must be found nowhere, in every form in which it could lie in bytes."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_HEX = re.compile(rb"[0-9A-Fa-f]{12,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{10,}")


@dataclass(frozen=True)
class Needle:
    """`exact` are bytes as they are; `texts` are lower case and sought in any case."""

    exact: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()


def found(haystack: bytes, needles: Mapping[str, Needle]) -> set[str]:
    """The names of those that are in the haystack, or in what is written there in hex, base64 or UTF-16."""
    whole = b"\n".join((haystack, *_from_hex(haystack), *_from_base64(haystack)))
    lowered = b"\n".join((whole, haystack.replace(b"\0", b""))).lower()
    return {
        name
        for name, needle in needles.items()
        if any(exact in whole for exact in needle.exact) or any(text in lowered for text in needle.texts)
    }


def _from_hex(haystack: bytes) -> Iterator[bytes]:
    for run in _HEX.findall(haystack):
        for start in (0, 1):
            digits = run[start:]
            yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _from_base64(haystack: bytes) -> Iterator[bytes]:
    for run in _BASE64.findall(haystack):
        letters = run.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            part = letters[start:]
            # One letter alone at the end stands for nothing.
            part = part[:-1] if len(part) % 4 == 1 else part
            yield base64.b64decode(part + b"=" * (-len(part) % 4))


def secret(value: bytes) -> Needle:
    """Bytes as they are."""
    return Needle((value,))


def text(*spellings: str) -> Needle:
    """A text in any case."""
    return Needle((), tuple(spelling.encode().lower() for spelling in spellings))


def bsn(digits: str) -> Needle:
    """The number as text, with and without its leading zero and with dots, and as 64 bits."""
    nine, number = digits.zfill(9), int(digits)
    without = nine[1:] if nine.startswith("0") else nine
    words = text(nine, without, f"{nine[:4]}.{nine[4:6]}.{nine[6:]}")
    return Needle((number.to_bytes(8, "big"), number.to_bytes(8, "little")), words.texts)


def short_number(digits: str) -> Needle:
    """The number as 32 bits and as protobuf writes it: so short that chance finds it once in a thousand recordings."""
    number = int(digits)
    return Needle((number.to_bytes(4, "big"), number.to_bytes(4, "little"), _varint(number)))


def phone(number: str) -> Needle:
    return text(number, "".join(filter(str.isdigit, number)))


def address(postcode: str, house: str) -> Needle:
    """Postcode with house number, as people and as our canonical form write them."""
    code = "".join(postcode.split())
    parts = [part.encode() for part in (code, house)]
    canonical = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    joined = text(*(f"{one}{between}{house}" for one in (code, f"{code[:4]} {code[4:]}") for between in ("", " ", ",")))
    return Needle((canonical,), joined.texts)


def named(kind: str, values: Iterable[str]) -> dict[str, Needle]:
    """Needles by kind and value; a kind that is no number of a person or telephone is text."""
    make = {"bsn": bsn, "short": short_number, "phone": phone}.get(kind, text)
    return {f"{kind} {value}": make(value) for value in values}


def _varint(number: int) -> bytes:
    raw = bytearray()
    while number > 127:
        raw.append(number & 127 | 128)
        number >>= 7
    return bytes([*raw, number])
