"""A signature holds for exactly the write that it was made for, and every list is read item by item."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_seed_keypair

from raakvlak_protocol import publication
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.publication import MAX_ITEMS, REFERENCE_BYTES, Visibility, Write
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TOKEN_BYTES, TokenKeys, expand

SOME = settings(max_examples=60, deadline=None)

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
u64s = st.integers(0, 2**64 - 1)
writes = st.builds(Write, covenant_id=ids, epoch=st.integers(0, 2**32 - 1), member=ids, generation=u64s, sequence=u64s)
visibilities = st.sampled_from(Visibility)
seeds = st.binary(min_size=32, max_size=32).map(SecretBytes)
keys = st.binary(min_size=64, max_size=64).map(lambda output: expand(SecretBytes(output)))
several_keys = st.lists(keys, min_size=1, max_size=4)
tokens = st.lists(st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES), max_size=4)
references = st.lists(st.binary(min_size=REFERENCE_BYTES, max_size=REFERENCE_BYTES), max_size=8)


def tokens_of(several: Sequence[TokenKeys]) -> list[bytes]:
    return [each.token.reveal() for each in several]


def flipped(data: bytes, bit: int) -> bytes:
    place = bit // 8 % len(data)
    return data[:place] + bytes([data[place] ^ 1 << bit % 8]) + data[place + 1 :]


@SOME
@given(several_keys, writes, visibilities)
def test_a_request_that_was_signed_holds(several: list[TokenKeys], write: Write, visibility: Visibility) -> None:
    signatures = publication.sign_tokens(several, write, visibility)
    publication.check_tokens(tokens_of(several), signatures, write, visibility)


@SOME
@given(several_keys, writes, visibilities, writes, visibilities)
def test_it_holds_for_no_other_write(
    several: list[TokenKeys], write: Write, visibility: Visibility, other: Write, seen_by: Visibility
) -> None:
    signatures = publication.sign_tokens(several, write, visibility)
    changes = [
        (replace(write, covenant_id=other.covenant_id), visibility),
        (replace(write, epoch=other.epoch), visibility),
        (replace(write, member=other.member), visibility),
        (replace(write, generation=other.generation), visibility),
        (replace(write, sequence=other.sequence), visibility),
        (write, seen_by),
        (other, seen_by),
    ]
    for changed in changes:
        if changed != (write, visibility):
            with pytest.raises(Malformed) as caught:
                publication.check_tokens(tokens_of(several), signatures, *changed, first=100)
            assert caught.value.item == 100


@SOME
@given(several_keys, writes, st.data())
def test_the_first_token_that_has_not_signed_is_named(several: list[TokenKeys], write: Write, data: st.DataObject) -> None:
    direct = Visibility.DIRECT
    listed, signatures = tokens_of(several), publication.sign_tokens(several, write, direct)
    place = data.draw(st.integers(0, len(several) - 1))
    bit = data.draw(st.integers(0, 511))
    if data.draw(st.booleans()):
        signatures[place] = flipped(signatures[place], bit)
    else:
        listed[place] = flipped(listed[place], bit)
    with pytest.raises(Malformed) as caught:
        publication.check_tokens(listed, signatures, write, direct)
    assert caught.value.item == place


@SOME
@given(keys, keys, writes)
def test_a_copied_token_does_not_verify(own: TokenKeys, copied: TokenKeys, write: Write) -> None:
    """Who saw a token on the wire, or thinks one up, can't sign under it."""
    assume(own.token != copied.token)
    signatures = publication.sign_tokens([own], write, Visibility.DIRECT)
    with pytest.raises(Malformed):
        publication.check_tokens(tokens_of([copied]), signatures, write, Visibility.DIRECT)


@SOME
@given(st.text(max_size=30), seeds, writes)
def test_an_identifier_or_its_hash_in_a_tokens_place_does_not_verify(text: str, seed: SecretBytes, write: Write) -> None:
    statement = publication.token_statement(write, Visibility.DIRECT)
    for token in (text.encode()[:32].ljust(32, b"\0"), sha256(text.encode()).digest()):
        assert not publication.verified(token, statement, publication.sign(seed, statement))


def test_a_key_pair_made_of_a_hash_does_verify() -> None:
    """What no index can tell: a member whose own software derives keys from something weaker than the VOPRF."""
    seed = SecretBytes(sha256(b"123456782").digest())
    token, _ = crypto_sign_seed_keypair(seed.reveal())
    write = Write("zeeland", 1, "school", 1, 1)
    signature = publication.sign(seed, publication.token_statement(write, Visibility.DIRECT))
    publication.check_tokens([token], [signature], write, Visibility.DIRECT)


@SOME
@given(writes, visibilities, tokens, writes, visibilities, tokens)
def test_two_requests_never_share_a_statement(
    one: Write, one_seen: Visibility, these: list[bytes], other: Write, other_seen: Visibility, those: list[bytes]
) -> None:
    same = publication.publish_statement(one, one_seen, these) == publication.publish_statement(other, other_seen, those)
    assert same is ((one, one_seen, these) == (other, other_seen, those))
    assert (publication.token_statement(one, one_seen) == publication.token_statement(other, other_seen)) is (
        (one, one_seen) == (other, other_seen)
    )


@SOME
@given(writes, writes, visibilities, tokens, references)
def test_no_statement_serves_two_purposes(
    one: Write, other: Write, visibility: Visibility, listed: list[bytes], referred: list[bytes]
) -> None:
    for second in (one, other):
        statements = {
            publication.token_statement(one, visibility),
            publication.publish_statement(second, visibility, listed),
            publication.withdraw_statement(second, referred),
        }
        assert len(statements) == 3
        assert len({each[:20] for each in statements}) == 3


@SOME
@given(writes, visibilities, tokens)
def test_the_request_hash_is_no_hash_of_the_statement_alone(write: Write, visibility: Visibility, listed: list[bytes]) -> None:
    statement = publication.publish_statement(write, visibility, listed)
    assert publication.request_hash(statement) != sha256(statement).digest()
    assert publication.request_hash(statement) == publication.request_hash(bytes(statement))


@SOME
@given(seeds, st.binary(max_size=200), st.integers(0, 511))
def test_a_members_signature_holds_and_a_changed_one_does_not(seed: SecretBytes, statement: bytes, bit: int) -> None:
    public, _ = crypto_sign_seed_keypair(seed.reveal())
    signature = publication.sign(seed, statement)
    assert publication.verified(public, statement, signature)
    assert not publication.verified(public, statement, flipped(signature, bit))
    assert not publication.verified(flipped(public, bit), statement, signature)
    assert not publication.verified(public, statement + b"\0", signature)


@SOME
@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=70))
def test_verifying_never_raises(key: bytes, statement: bytes, signature: bytes) -> None:
    assert not publication.verified(key, statement, signature)


@SOME
@given(st.lists(st.binary(min_size=2, max_size=4), min_size=1, max_size=6))
def test_items_are_of_one_size_and_each_stands_once(items: list[bytes]) -> None:
    wrong = [place for place, item in enumerate(items) if len(item) != 3 or item in items[:place]]
    if not wrong:
        publication.check_items(items, 3, "thing")
        return
    with pytest.raises(Malformed) as caught:
        publication.check_items(items, 3, "thing")
    assert caught.value.item == wrong[0]
    assert not any(repr(item) in str(caught.value) for item in items)


def test_how_many_items() -> None:
    most = [number.to_bytes(2, "big") for number in range(MAX_ITEMS + 1)]
    publication.check_items(most[:-1], 2, "thing")
    for wrong in ([], most):
        with pytest.raises(Malformed, match=str(MAX_ITEMS)):
            publication.check_items(wrong, 2, "thing")


def test_a_signature_for_each_token() -> None:
    write = Write("zeeland", 1, "school", 1, 1)
    with pytest.raises(ValueError, match="zip"):
        publication.check_tokens([bytes(32)], [], write, Visibility.DIRECT)
