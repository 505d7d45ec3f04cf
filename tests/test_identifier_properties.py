"""Two spellings of one person or address meet, two persons never, and nothing that was refused is ever repeated."""

import string
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identifier import MAX_ADDITION_CHARACTERS, MAX_HOUSE_NUMBER, Address, Bsn
from raakvlak_protocol.token import prf_input

SOME = settings(deadline=None)
MANY = settings(max_examples=300, deadline=None)

ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates too
NEARLY = st.text(st.sampled_from("0123456789" + "１٢²½" + " -_.+eE\0\n\xa0\u200b\ufeff" + "abÀß"), max_size=14)
WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def passes(digits: str) -> bool:
    return sum(weight * int(digit) for weight, digit in zip(WEIGHTS, digits, strict=True)) % 11 == 0


@st.composite
def bsn_digits(draw: st.DrawFn) -> str:
    """Nine digits that pass the 11-proof: eight drawn ones fix the ninth, unless that would be a ten."""
    first = draw(st.text("0123456789", min_size=8, max_size=8))
    last = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, first, strict=False)) % 11
    assume(last < 10 and (last or first.strip("0")))
    return f"{first}{last}"


@dataclass(frozen=True)
class Home:
    """An address in its canonical parts."""

    postcode: str
    number: int
    addition: str

    @property
    def parsed(self) -> Address:
        return Address.parse(self.postcode, str(self.number), self.addition)


homes = st.builds(
    Home,
    postcode=st.from_regex(r"[1-9][0-9]{3}[A-Z]{2}", fullmatch=True).filter(lambda one: one[4:] not in {"SA", "SD", "SS"}),
    number=st.integers(1, MAX_HOUSE_NUMBER),
    addition=st.text(string.ascii_uppercase + string.digits, max_size=MAX_ADDITION_CHARACTERS),
)


@st.composite
def spellings(draw: st.DrawFn, home: Home) -> tuple[str, str, str]:
    """The address as people write it: case, blanks, signs between, leading zeros, a letter glued to the number."""
    gap, sign = st.text(" \t", max_size=2), st.text(" -/.,'#", max_size=2)
    postcode = draw(gap) + home.postcode[:4] + draw(gap) + cased(draw, home.postcode[4:]) + draw(gap)
    glued = draw(st.integers(0, len(home.addition))) if home.addition[:1].isalpha() else 0
    number = "0" * draw(st.integers(0, 3)) + str(home.number)
    if glued:
        number += draw(st.text(" -", max_size=2)) + spread(draw, cased(draw, home.addition[:glued]), sign)
    addition = spread(draw, cased(draw, home.addition[glued:]), sign)
    if draw(st.booleans()):
        addition = "".join(chr(ord(one) + 0xFEE0) if one.isalnum() else one for one in addition)  # full-width forms
    return postcode, draw(gap) + number + draw(gap), draw(sign) + addition


def cased(draw: st.DrawFn, text: str) -> str:
    return "".join(draw(st.sampled_from((one.lower(), one))) for one in text)


def spread(draw: st.DrawFn, text: str, between: st.SearchStrategy[str]) -> str:
    return "".join(one + draw(between) for one in text)


@SOME
@given(bsn_digits())
def test_a_number_and_its_lost_zero_are_one(digits: str) -> None:
    assert Bsn.parse(digits).canonical.reveal() == digits.encode()
    if digits.startswith("0"):
        assert Bsn.parse(digits[1:]) == Bsn.parse(digits)
        assert hash(Bsn.parse(digits[1:])) == hash(Bsn.parse(digits))


@SOME
@given(st.text("0123456789", min_size=9, max_size=9))
def test_exactly_what_passes_the_proof_is_a_number(digits: str) -> None:
    try:
        Bsn.parse(digits)
        accepted = True
    except Malformed:
        accepted = False
    assert accepted is (passes(digits) and digits != "000000000")


@SOME
@given(bsn_digits(), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_found(digits: str, place: int, change: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    with pytest.raises(Malformed):
        Bsn.parse(wrong)


@SOME
@given(bsn_digits(), st.integers(0, 7))
def test_two_neighbours_exchanged_are_found(digits: str, place: int) -> None:
    one, other = digits[place], digits[place + 1]
    assume(one != other)
    with pytest.raises(Malformed):
        Bsn.parse(digits[:place] + other + one + digits[place + 2 :])


@SOME
@given(st.data(), homes)
def test_two_spellings_of_one_address_meet(data: st.DataObject, home: Home) -> None:
    spelling = data.draw(spellings(home))
    assert Address.parse(*spelling) == home.parsed
    assert hash(Address.parse(*spelling)) == hash(home.parsed)


@SOME
@given(homes, homes)
@example(Home("1000AA", 1, "23"), Home("1000AA", 12, "3"))
@example(Home("1000AA", 1, "A1"), Home("1000AA", 1, "A"))
def test_two_addresses_never_collide(one: Home, other: Home) -> None:
    assert (one.parsed == other.parsed) is (one == other)


@SOME
@given(bsn_digits(), bsn_digits())
def test_two_numbers_never_collide(one: str, other: str) -> None:
    assert (Bsn.parse(one) == Bsn.parse(other)) is (one == other)


ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
people = st.one_of(bsn_digits().map(Bsn.parse), homes.map(lambda home: home.parsed))
inputs = st.tuples(ids, st.integers(0, 2**32 - 1), people)


@SOME
@given(inputs, inputs)
def test_two_persons_purposes_or_epochs_never_share_an_input(one: Any, other: Any) -> None:
    assert (prf_input(*one) == prf_input(*other)) is (one == other)


@MANY
@given(ANY_TEXT | NEARLY)
@example("0" * 10_000 + "1")
def test_a_number_is_parsed_or_malformed(text: str) -> None:
    try:
        assert Bsn.parse(text).canonical.reveal().isdigit()
    except Malformed as error:
        nothing_of(error, text)


@MANY
@given(ANY_TEXT | NEARLY | st.just("4331AB"), ANY_TEXT | NEARLY | st.just("12"), ANY_TEXT | NEARLY | st.just(""))
@example("4331AB", "0" * 10_000 + "1", "")
@example("4331AB", "1" * 10_000, "")
@example("4331AB", "12", "\ud800")
@example("4331AB", "12A\ud800", "")
def test_an_address_is_parsed_or_malformed(postcode: str, number: str, addition: str) -> None:
    try:
        canonical = Address.parse(postcode, number, addition).canonical.reveal()
    except Malformed as error:
        assert error.field in {"postcode", "house_number", "house_addition"}
        nothing_of(error, postcode, number, addition)
        return
    again = parts_of(canonical)
    assert 1 <= int(again[1]) <= MAX_HOUSE_NUMBER
    assert len(again[2]) <= MAX_ADDITION_CHARACTERS


@SOME
@given(homes, st.text("qwxzQWXZ0123456789", min_size=6, max_size=60))
def test_what_was_refused_is_not_repeated(home: Home, wrong: str) -> None:
    for columns in ((wrong, "12", ""), (home.postcode, wrong, ""), (home.postcode, "12", wrong * 3)):
        try:
            Address.parse(*columns)
        except Malformed as error:
            nothing_of(error, wrong)
    try:
        Bsn.parse(wrong)
    except Malformed as error:
        nothing_of(error, wrong)


@SOME
@given(homes, bsn_digits())
def test_an_identifier_does_not_print(home: Home, digits: str) -> None:
    for identifier in (home.parsed, Bsn.parse(digits)):
        printed = f"{identifier} {identifier!r} {[identifier]} {identifier.canonical}"
        assert not any(part in printed for part in (home.postcode, digits, digits[1:]))


def nothing_of(error: Malformed, *given_texts: str) -> None:
    """The message is one of those in the code, and no earlier error, which could tell more, is shown with it."""
    assert error.args == (error.message,)
    assert error.message in MESSAGES
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in given_texts:
        assert len(text) < 6 or text not in f"{error!r}" or any(text in message for message in MESSAGES)


MESSAGES = {
    "a BSN has nine digits (eight when its leading zero was lost) and nothing else",
    "nine zeros are no BSN",
    "the BSN fails the 11-proof: a digit is wrong or two are swapped",
    "a postcode is four digits, the first 1 to 9, and two letters",
    "the letters SA, SD and SS are in no postcode",
    "a house number begins with a digit",
    "a house number lies between 1 and 99999",
    "behind a house number only a letter may be glued",
    "a house addition has at most 16 letters and digits",
}


def parts_of(canonical: bytes) -> list[str]:
    parts = []
    while canonical:
        size = int.from_bytes(canonical[:2], "big")
        parts.append(canonical[2 : 2 + size].decode())
        canonical = canonical[2 + size :]
    assert len(parts) == 3
    return parts
