"""A letter opens for one receiver about one person in one match, unchanged, and is one of three sizes."""

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.errors import Evidence, Malformed, TooLarge
from raakvlak_protocol.letter import MAX_CONTENT_BYTES, NO_PREVIOUS, SIZES, Envelope, Header
from raakvlak_protocol.letter_content import Card, CardCase, Proof
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token

SOME = settings(max_examples=60, deadline=None)
FEW = settings(max_examples=25, deadline=None)

OVERHEAD = SIZES[-1] - MAX_CONTENT_BYTES
BORDERS = [size - OVERHEAD + more for size in SIZES for more in (0, 1)][:-1]

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
u32s = st.integers(0, 2**32 - 1)
headers = st.builds(
    Header,
    covenant_id=ids,
    epoch=u32s,
    token=st.binary(min_size=32, max_size=32).map(Token),
    match_id=st.binary(min_size=16, max_size=16),
    sender=ids,
    receiver=ids,
    number=u32s,
    previous=st.binary(min_size=32, max_size=32),
)
contents = st.binary(max_size=300) | st.sampled_from(BORDERS).map(bytes) | st.integers(0, MAX_CONTENT_BYTES).map(bytes)


@dataclass(frozen=True)
class Keys:
    """What the two sides have."""

    letter_key: SecretBytes
    signing_seed: SecretBytes
    receiver_secret: SecretBytes

    @classmethod
    def of(cls, label: str) -> "Keys":
        return cls(*(SecretBytes(hashlib.sha256(f"{label} {number}".encode()).digest()) for number in range(3)))

    @property
    def signing_key(self) -> bytes:
        return bytes(crypto_sign_seed_keypair(self.signing_seed.reveal())[0])

    def seal(self, header: Header, content: bytes) -> bytes:
        return letter.seal(
            header,
            content,
            letter_key=self.letter_key,
            signing_seed=self.signing_seed,
            receiver_key=letter.public_letter_key(self.receiver_secret),
            random=os.urandom,
        )

    def envelope(self, ciphertext: bytes) -> Envelope:
        return letter.take_off_first_lock(ciphertext, self.receiver_secret)

    def content(self, envelope: Envelope, header: Header) -> bytes:
        return letter.take_off_second_lock(envelope, header, self.letter_key, self.signing_key)


KEYS, OTHERS = Keys.of("keys"), Keys.of("others")
HEADER = Header("zeeland", 1, Token(bytes(range(32))), bytes(range(16)), "school", "town", 1, NO_PREVIOUS)


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8 % len(data)
    return data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :]


@SOME
@given(headers, contents)
@example(HEADER, b"")
@example(HEADER, bytes(MAX_CONTENT_BYTES))
def test_what_is_sealed_opens_and_is_of_the_smallest_size_that_holds_it(header: Header, content: bytes) -> None:
    ciphertext = KEYS.seal(header, content)
    assert len(ciphertext) == min(size for size in SIZES if len(content) + OVERHEAD <= size)
    envelope = KEYS.envelope(ciphertext)
    assert (envelope.match_id, envelope.number, envelope.previous) == (header.match_id, header.number, header.previous)
    assert KEYS.content(envelope, header) == content


@FEW
@given(st.integers(MAX_CONTENT_BYTES + 1, MAX_CONTENT_BYTES + 100_000).map(bytes))
def test_a_content_over_the_largest_size_is_refused(content: bytes) -> None:
    with pytest.raises(TooLarge, match=str(MAX_CONTENT_BYTES)):
        KEYS.seal(HEADER, content)


@SOME
@given(st.binary(max_size=2000), st.integers(0, 8 * SIZES[-1]))
def test_any_flipped_bit_is_refused(content: bytes, bit: int) -> None:
    with pytest.raises(Malformed):
        KEYS.envelope(flipped(KEYS.seal(HEADER, content), bit))


def test_every_flipped_byte_of_one_letter_is_refused() -> None:
    ciphertext = KEYS.seal(HEADER, b"proof")
    for place in range(len(ciphertext)):
        with pytest.raises(Malformed):
            KEYS.envelope(flipped(ciphertext, 8 * place))


@SOME
@given(st.binary(max_size=2000), st.integers(0, 8 * SIZES[-1]), st.sampled_from(["nonce", "box"]))
def test_any_flipped_bit_under_the_first_lock_is_refused(content: bytes, bit: int, field: str) -> None:
    """As by an index that knew the receiver's key: the second lock holds by itself."""
    envelope = KEYS.envelope(KEYS.seal(HEADER, content))
    change: dict[str, Any] = {field: flipped(getattr(envelope, field), bit)}
    with pytest.raises(Malformed):
        KEYS.content(replace(envelope, **change), HEADER)


@SOME
@given(headers, headers)
def test_it_opens_under_its_own_header_only(header: Header, other: Header) -> None:
    envelope = KEYS.envelope(KEYS.seal(header, b"content"))
    for name in Header.__slots__:
        changed = replace(header, **{name: getattr(other, name)})
        if changed != header:
            with pytest.raises(Malformed):
                KEYS.content(envelope, changed)


@SOME
@given(headers, headers)
def test_two_headers_never_encode_alike(one: Header, other: Header) -> None:
    assert (one.encode() == other.encode()) is (one == other)


@SOME
@given(headers, headers, st.binary(max_size=50), st.binary(max_size=50))
def test_two_letters_never_share_a_hash(one: Header, other: Header, this: bytes, that: bytes) -> None:
    same = letter.letter_hash(one, this) == letter.letter_hash(other, that)
    assert same is ((one, this) == (other, that))


def test_each_lock_needs_its_own_key() -> None:
    ciphertext = KEYS.seal(HEADER, b"content")
    with pytest.raises(Malformed):
        OTHERS.envelope(ciphertext)
    envelope = KEYS.envelope(ciphertext)
    with pytest.raises(Malformed):
        replace(KEYS, letter_key=OTHERS.letter_key).content(envelope, HEADER)
    with pytest.raises(Evidence) as caught:
        replace(KEYS, signing_seed=OTHERS.signing_seed).content(envelope, HEADER)
    assert caught.value.party == HEADER.sender


@SOME
@given(st.binary(max_size=1100) | st.sampled_from(SIZES).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_any_bytes_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        KEYS.envelope(raw)


@FEW
@given(st.sampled_from(SIZES), st.integers(1, 64), st.booleans())
def test_a_letter_of_another_size_is_refused(size: int, change: int, longer: bool) -> None:
    ciphertext = KEYS.seal(HEADER, bytes(size - OVERHEAD))
    with pytest.raises(Malformed, match="three sizes"):
        KEYS.envelope(ciphertext + bytes(change) if longer else ciphertext[:-change])


@FEW
@given(st.binary(min_size=12, max_size=200))
def test_neither_content_nor_header_shows(content: bytes) -> None:
    ciphertext = KEYS.seal(HEADER, content)
    for part in (content, HEADER.token.reveal(), HEADER.match_id, b"school", b"town", b"zeeland"):
        assert part not in ciphertext


def test_the_same_letter_twice_looks_different_each_time() -> None:
    assert KEYS.seal(HEADER, b"content") != KEYS.seal(HEADER, b"content")


def test_a_header_does_not_print_its_token() -> None:
    token = bytes(range(65, 97))
    printed = repr(replace(HEADER, token=Token(token)))
    assert token.hex() not in printed
    assert token.decode() not in printed


# What letters say

shown = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"])
relations = st.frozensets(st.sampled_from(Relation), min_size=1)


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(shown, min_size=least, max_size=most).filter(lambda text: len(text.strip()) >= least)


cases = st.builds(
    CardCase,
    reference=texts(64, 1),
    relations=relations,
    name=texts(100),
    function=texts(100, 1),
    phone=texts(32, 1),
    email=texts(254),
    since=st.dates(),
)


@SOME
@given(relations)
def test_a_proof_is_read_back(some: frozenset[Relation]) -> None:
    assert letter_content.decode(letter_content.encode_proof(Proof(some))) == Proof(some)


@SOME
@given(st.lists(cases, max_size=4))
def test_a_card_is_read_back_in_the_order_of_its_references(some: list[CardCase]) -> None:
    decoded = letter_content.decode(letter_content.encode_card(some))
    assert decoded == Card(tuple(sorted(some, key=lambda case: case.reference)), 0)


@FEW
@given(st.integers(1, 200), st.integers(1, 90))
def test_a_card_holds_as_many_cases_as_the_largest_letter(count: int, length: int) -> None:
    def card(number: int) -> CardCase:
        return CardCase(f"{number:04}", frozenset(Relation), "n" * length, "f", "0" * 10, "", date(2026, 1, 1))

    everything = [card(number) for number in range(count)]
    raw = letter_content.encode_card(everything[::-1])
    decoded = letter_content.decode(raw)
    assert isinstance(decoded, Card)
    assert len(raw) <= MAX_CONTENT_BYTES
    assert list(decoded.cases) == everything[: len(decoded.cases)]
    assert decoded.left_out == count - len(decoded.cases)
    if decoded.left_out:
        assert len(raw) + 2 * length + 60 > MAX_CONTENT_BYTES


@SOME
@given(cases)
def test_a_card_that_nobody_can_call_is_refused(case: CardCase) -> None:
    with pytest.raises(Malformed) as caught:
        letter_content.decode(letter_content.encode_card([replace(case, phone="", email="")]))
    assert caught.value.field == "phone"


@SOME
@given(cases, st.sampled_from(["reference", "name", "function", "phone", "email"]), st.data())
def test_a_text_that_could_mislead_is_refused(case: CardCase, field: str, data: st.DataObject) -> None:
    bad = data.draw(st.sampled_from("\x00\t\n\r\x1b\x7f\x85\u2028\u2029\u202a\u202e\u2066\u2069"))
    place = data.draw(st.integers(0, 5))
    text = "a" * place + bad + "b"
    change: dict[str, Any] = {field: text}
    with pytest.raises(Malformed) as caught:
        letter_content.decode(letter_content.encode_card([replace(case, **change)]))
    assert caught.value.field == field
    assert text not in str(caught.value)


@SOME
@given(cases, st.sampled_from([("reference", 64), ("name", 100), ("function", 100), ("phone", 32), ("email", 254)]))
def test_a_text_over_its_limit_is_refused(case: CardCase, limit: tuple[str, int]) -> None:
    field, most = limit
    change: dict[str, Any] = {field: "x" * most}
    letter_content.decode(letter_content.encode_card([replace(case, **change)]))
    change = {field: "x" * (most + 1)}
    with pytest.raises(Malformed, match=str(most)):
        letter_content.decode(letter_content.encode_card([replace(case, **change)]))


@SOME
@given(cases)
def test_a_case_does_not_print(case: CardCase) -> None:
    assert repr(case) == "CardCase(…)"
    assert str(Card((case,))) == "Card(cases=(CardCase(…),), left_out=0)"


@SOME
@given(st.binary(max_size=300))
def test_any_content_is_understood_or_malformed(raw: bytes) -> None:
    try:
        decoded = letter_content.decode(raw)
    except Malformed:
        return
    assert isinstance(decoded, Proof | Card)


@SOME
@given(cases, st.integers(0, 10_000))
def test_a_flipped_bit_in_a_content_is_understood_or_malformed(case: CardCase, bit: int) -> None:
    raw = letter_content.encode_card([case])
    try:
        decoded = letter_content.decode(flipped(raw, bit))
    except Malformed:
        return
    assert isinstance(decoded, Proof | Card)


@FEW
@given(st.binary(min_size=32, max_size=32))
def test_a_public_letter_key_is_x25519(secret: bytes) -> None:
    assume(any(secret))
    public = letter.public_letter_key(SecretBytes(secret))
    assert len(public) == 32
    assert public != secret
