"""Identifiers: strict, canonical, frozen, and silent (DESIGN §9).

An identifier exists only in canonical form; what can't be brought into it raises Malformed with a reason that names
the rule and never the value. The canonical bytes are what the VOPRF blinds, so two spellings of one person or address
must end in the same bytes, and two persons never.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, Self

from raakvlak_protocol.encoding import prefixed
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.secret import SecretBytes

BSN: Final = "bsn"
ADDRESS: Final = "address"
NAMESPACES: Final = (BSN, ADDRESS)

TEST_PERSON_PREFIX: Final = "x-test:"
TEST_PERSON_BYTES: Final = 16
"""The random ones behind the prefix."""

MAX_ADDITION_CHARACTERS: Final = 16
MAX_HOUSE_NUMBER: Final = 99999

_WEIGHTS: Final = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_DIGITS_8_OR_9: Final = re.compile(r"[0-9]{8,9}")
_TEST_PERSON: Final = re.compile(r"x-test:([0-9a-f]{32})")
_POSTCODE: Final = re.compile(r"([1-9][0-9]{3})([A-Z]{2})")
_HOUSE_NUMBER: Final = re.compile(r"([0-9]+)[\s-]*(.*)", re.DOTALL)


class Identifier(Protocol):
    """What can become a token: a namespace and canonical bytes."""

    @property
    def namespace(self) -> str: ...

    @property
    def canonical(self) -> SecretBytes: ...


@dataclass(frozen=True, slots=True, repr=False)
class Bsn:
    """A citizen service number: nine digits that pass the 11-proof."""

    canonical: SecretBytes
    namespace: ClassVar[str] = BSN

    @classmethod
    def parse(cls, text: str) -> Self:
        """The number in `text`: nine ASCII digits, or eight where a spreadsheet took the leading zero.

        Raises Malformed for any other character or length, a failing 11-proof and 000000000. Does not check that
        the number was ever issued.
        """
        if not _DIGITS_8_OR_9.fullmatch(text):
            raise Malformed("a BSN has nine digits (eight when its leading zero was lost) and nothing else")
        digits = text.zfill(9)
        if digits == "000000000":
            raise Malformed("nine zeros are no BSN")
        if sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11:
            raise Malformed("the BSN fails the 11-proof: a digit is wrong or two are swapped")
        return cls(SecretBytes(digits.encode()))

    def __hash__(self) -> int:
        return hash(self.canonical.reveal())

    def __repr__(self) -> str:
        return "Bsn(…)"


@dataclass(frozen=True, slots=True, repr=False)
class TestPerson:
    """A person who does not exist: the only kind of test person that a real federation may hold (DESIGN §3), because a
    random number that passes the 11-proof may be somebody's.

    It shares the namespace of numbers, so that its token is one like any other, and has a length that no number has.
    """

    canonical: SecretBytes
    namespace: ClassVar[str] = BSN

    @classmethod
    def parse(cls, text: str) -> Self:
        """The person in `x-test:` and 32 lower-case hexadecimal digits; raises Malformed for any other spelling."""
        found = _TEST_PERSON.fullmatch(text)
        if not found:
            raise Malformed("a test person is x-test: and 32 lower-case hexadecimal digits")
        return cls.of(bytes.fromhex(found[1]))

    @classmethod
    def of(cls, number: bytes) -> Self:
        """The person of 16 random bytes."""
        if len(number) != TEST_PERSON_BYTES:
            raise Malformed(f"a test person has {TEST_PERSON_BYTES} random bytes")
        return cls(SecretBytes(TEST_PERSON_PREFIX.encode() + number))

    @classmethod
    def of_canonical(cls, canonical: SecretBytes) -> Self:
        """The person behind canonical bytes; raises Malformed where they are somebody else's."""
        raw = canonical.reveal()
        if not raw.startswith(TEST_PERSON_PREFIX.encode()):
            raise Malformed("this is no test person")
        return cls.of(raw[len(TEST_PERSON_PREFIX) :])

    @property
    def number(self) -> bytes:
        """The 16 random bytes."""
        return self.canonical.reveal()[len(TEST_PERSON_PREFIX) :]

    def reveal(self) -> str:
        """The text, for a file that its owner keeps secret."""
        return TEST_PERSON_PREFIX + self.number.hex()

    def __hash__(self) -> int:
        return hash(self.canonical.reveal())

    def __repr__(self) -> str:
        return "TestPerson(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A home: postcode, house number and addition."""

    canonical: SecretBytes
    namespace: ClassVar[str] = ADDRESS

    @classmethod
    def parse(cls, postcode: str, house_number: str, house_addition: str = "") -> Self:
        """The address in three columns. `12` with `A-2`, `12a` with `2` and `12` with `a2` are one.

        Raises Malformed, with `field` set to the column, when a part is missing or not of its form.
        """
        area = _postcode(postcode)
        number, glued = _house_number(house_number)
        addition = _addition(glued + house_addition)
        return cls(SecretBytes(prefixed(area) + prefixed(number) + prefixed(addition)))

    def __hash__(self) -> int:
        return hash(self.canonical.reveal())

    def __repr__(self) -> str:
        return "Address(…)"


def _postcode(text: str) -> str:
    found = _POSTCODE.fullmatch("".join(text.split()).upper()) if text.isascii() else None
    if not found:
        raise Malformed("a postcode is four digits, the first 1 to 9, and two letters", field="postcode")
    if found[2] in {"SA", "SD", "SS"}:
        raise Malformed("the letters SA, SD and SS are in no postcode", field="postcode")
    return found[1] + found[2]


def _house_number(text: str) -> tuple[str, str]:
    """The number without leading zeros, and what was glued to it."""
    found = _HOUSE_NUMBER.fullmatch(text.strip())
    if not found or not text.isascii():
        raise Malformed("a house number begins with a digit", field="house_number")
    number = found[1].lstrip("0")  # counted and not read: int() has an error of its own for thousands of digits
    if not 1 <= len(number) <= len(str(MAX_HOUSE_NUMBER)):
        raise Malformed(f"a house number lies between 1 and {MAX_HOUSE_NUMBER}", field="house_number")
    if found[2] and not found[2][0].isalpha():
        raise Malformed("behind a house number only a letter may be glued", field="house_number")
    return number, found[2]


def _addition(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).upper()
    canonical = "".join(character for character in folded if character.isalnum())
    if len(canonical) > MAX_ADDITION_CHARACTERS:
        raise Malformed(f"a house addition has at most {MAX_ADDITION_CHARACTERS} letters and digits", field="house_addition")
    return canonical
