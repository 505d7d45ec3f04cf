"""What must be found nowhere, in every form in which it could lie in bytes."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Needle:
    """`forms` are exact bytes; `texts` are lower case and sought in lowered bytes."""

    forms: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()

    def within(self, raw: bytes, lowered: bytes) -> bool:
        return any(form in raw for form in self.forms) or any(text in lowered for text in self.texts)


def found(haystack: bytes, needles: Mapping[str, Needle]) -> set[str]:
    """The names of those that are in the haystack."""
    lowered = haystack.lower()
    return {name for name, needle in needles.items() if needle.within(haystack, lowered)}


def secret(value: bytes) -> Needle:
    """Bytes as they are, in hex or in base64."""
    return Needle((value, *_base64(value)), (value.hex().encode(),))


def text(*spellings: str) -> Needle:
    """A text in any case, in UTF-8, UTF-16, hex or base64."""
    forms, texts = [], []
    for spelling in spellings:
        utf8 = spelling.encode()
        forms += _base64(utf8)
        texts += [spelling.lower().encode(), spelling.lower().encode("utf-16-le"), utf8.hex().encode()]
    return Needle(tuple(forms), tuple(texts))


def bsn(digits: str) -> Needle:
    """The number as text, with and without its leading zero and with dots, and as 64 bits."""
    nine = digits.zfill(9)
    spellings = {nine, nine.lstrip("0") if nine.startswith("0") else nine, f"{nine[:4]}.{nine[4:6]}.{nine[6:]}"}
    words = text(*spellings)
    number = int(digits)
    return Needle((*words.forms, number.to_bytes(8, "big"), number.to_bytes(8, "little")), words.texts)


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
    return Needle((*joined.forms, canonical), joined.texts)


def named(kind: str, values: Iterable[str]) -> dict[str, Needle]:
    """Needles by kind and value; a kind that is no number of a person or telephone is text."""
    make = {"bsn": bsn, "short": short_number, "phone": phone}.get(kind, text)
    return {f"{kind} {value}": make(value) for value in values}


def _base64(value: bytes) -> list[bytes]:
    """The characters that stand for the value in base64, wherever in a longer text it begins."""
    found = []
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        # Characters at the edges also depend on what stands beside.
        first = -(-before * 8 // 6)
        whole = (before + len(value)) * 8 // 6
        found.append(encoded[first:whole])
    return found


def _varint(number: int) -> bytes:
    raw = bytearray()
    while number > 127:
        raw.append(number & 127 | 128)
        number >>= 7
    return bytes([*raw, number])
