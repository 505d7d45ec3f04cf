"""What a pepper computes, to the byte, and which write is the next one."""

import hashlib
import hmac
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from raakvlak_index import index
from raakvlak_index.index import Pepper, Standing
from raakvlak_protocol.errors import Malformed, Refused, Stale, Unavailable
from raakvlak_protocol.secret import SecretBytes

KEY = bytes(range(32))
PEPPER = Pepper(SecretBytes(KEY))
TOKENS = [hashlib.sha256(b"token %d" % number).digest() for number in range(50)]


def test_the_layouts_are_those_of_the_document() -> None:
    token = TOKENS[0]
    digest = hmac.new(KEY, b"row" + token, "sha256").digest()[:16]
    assert PEPPER.digests([token]) == [digest]
    match = b"match" + digest + b"\x00\x06school" + b"\x00\x04town"
    assert PEPPER.match_id(digest, "town", "school") == hmac.new(KEY, match, "sha256").digest()[:16]
    key = hmac.new(KEY, b"refschool", "sha256").digest()
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    assert PEPPER.references("school", [digest]) == [block.update(digest) + block.finalize()]
    assert PEPPER.check() == hmac.new(KEY, b"check", "sha256").digest()


def test_a_reference_finds_its_row_and_tells_no_other_member_anything() -> None:
    digests = PEPPER.digests(TOKENS)
    references = PEPPER.references("school", digests)
    assert PEPPER.referred("school", references) == digests
    assert not set(PEPPER.referred("town", references)) & set(digests)
    assert not set(PEPPER.references("town", digests)) & set(references)
    assert not set(references) & set(digests)


def test_another_pepper_shares_nothing() -> None:
    other = Pepper(SecretBytes(os.urandom(32)))
    digests = PEPPER.digests(TOKENS)
    assert not set(other.digests(TOKENS)) & set(digests)
    assert other.match_id(digests[0], "a", "b") != PEPPER.match_id(digests[0], "a", "b")


def test_ids_that_join_to_the_same_letters_make_different_matches() -> None:
    (digest,) = PEPPER.digests(TOKENS[:1])
    assert PEPPER.match_id(digest, "a", "bc") != PEPPER.match_id(digest, "ab", "c")


def test_a_pepper_does_not_print() -> None:
    assert KEY.hex() not in repr(PEPPER) + str(vars(PEPPER)) + repr(index.Rules({1: PEPPER}, {}))
    with pytest.raises(Refused, match="32 bytes"):
        Pepper(SecretBytes(b"short"))


STANDING = Standing(generation=3, sequence=7, request_hash=b"h" * 32, answer=b"answer")


def test_the_next_write_is_carried_out_and_the_last_one_answered_again() -> None:
    assert STANDING.judge(3, 8, b"x" * 32) is None
    assert STANDING.judge(3, 7, b"h" * 32) == b"answer"


@pytest.mark.parametrize(
    ("generation", "sequence", "hash"),
    [(2, 8, b"x"), (4, 8, b"x"), (3, 7, b"x" * 32), (3, 6, b"h" * 32), (3, 9, b"h" * 32), (3, 0, b"")],
)
def test_any_other_write_is_stale_and_hears_the_last_numbers(generation: int, sequence: int, hash: bytes) -> None:
    with pytest.raises(Stale) as refusal:
        STANDING.judge(generation, sequence, hash)
    assert (refusal.value.generation, refusal.value.sequence) == (3, 7)


def test_nobody_gets_an_empty_answer_for_a_write_that_never_was() -> None:
    with pytest.raises(Stale):
        Standing(1, 0, b"", b"").judge(1, 0, b"")


def test_the_form_of_a_letter() -> None:
    for size in (1024, 4096, 16384):
        index.demand_letter(bytes(16), 1, bytes(size))
    for match_id, number, ciphertext in (
        (bytes(15), 1, bytes(1024)),
        (bytes(16), 0, bytes(1024)),
        (bytes(16), 1, bytes(1023)),
        (bytes(16), 1, b""),
    ):
        with pytest.raises(Malformed):
            index.demand_letter(match_id, number, ciphertext)
    index.demand_room_for_letter(15)
    with pytest.raises(Unavailable):
        index.demand_room_for_letter(16)


def test_thirty_days_suspend_and_ninety_forget() -> None:
    assert not index.suspended(100, 130)
    assert index.suspended(100, 131)
    assert not index.forgotten(100, 190)
    assert index.forgotten(100, 191)
