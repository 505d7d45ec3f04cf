"""proto/vectors/letter.json: letters with both locks, and what is written in them.

A sealed box draws an ephemeral key of its own; here it is built from its parts under a fixed one, so that an
implementation which opens the vectors can also make them, to the byte.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box,
    crypto_scalarmult_base,
    crypto_sign_seed_keypair,
)
from nacl.encoding import RawEncoder
from nacl.hash import blake2b

from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.letter import Header
from raakvlak_protocol.letter_content import CardCase, Proof
from raakvlak_protocol.publication import sign
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token
from raakvlak_protocol.v1 import letter_pb2 as pb
from tests.vectors.fixed import fixed

LETTER_KEY = fixed("letter key", 32)
SENDER_SEED = fixed("sender", 32)
RECEIVER_SECRET = fixed("receiver", 32)
EPHEMERAL_SECRET = fixed("ephemeral", 32)
NONCE = fixed("nonce", 24)
OVERHEAD = letter.SIZES[-1] - letter.MAX_CONTENT_BYTES
HEADER = Header(
    covenant_id="zeeland",
    epoch=7,
    token=Token(fixed("token", 32)),
    match_id=fixed("match", 16),
    sender="school",
    receiver="town",
    number=2,
    previous=fixed("previous", 32),
)
PROOF = Proof(frozenset({Relation.CLIENT, Relation.SIBLING}))
CASE = CardCase(
    reference="2026-17",
    relations=frozenset({Relation.PARENT}),
    name="J. de Vries",
    function="intern begeleider",
    phone="0118 000 000",
    email="j.devries@school.example",
    since=date(2026, 1, 9),
)


def letters() -> dict[str, object]:
    proof = letter_content.encode_proof(PROOF)
    first = replace(HEADER, number=1, previous=letter.NO_PREVIOUS)
    return {
        "letter_key": LETTER_KEY.hex(),
        "sender": {"signing_seed": SENDER_SEED.hex(), "signing_key": crypto_sign_seed_keypair(SENDER_SEED)[0].hex()},
        "receiver": {
            "letter_secret": RECEIVER_SECRET.hex(),
            "letter_key": crypto_scalarmult_base(RECEIVER_SECRET).hex(),
        },
        "ephemeral_secret": EPHEMERAL_SECRET.hex(),
        "nonce": NONCE.hex(),
        "valid": [_whole("the first of a chain", first, proof), _whole("a later one", HEADER, proof)],
        "sizes": [_sized(size) for size in _border_lengths()],
        "invalid_first_lock": _invalid_first_lock(proof),
        "invalid_headers": _invalid_headers(),
        "invalid_second_lock": _invalid_second_lock(proof),
        "contents": _contents(),
        "invalid_contents": [{"class": name, "content": raw.hex()} for name, raw in _invalid_contents().items()],
    }


def inner(header: Header, content: bytes, size: int = letter.SIZES[0], seed: bytes = SENDER_SEED) -> bytes:
    """What the second lock locks: signature, length, content, zeros."""
    signature = sign(SecretBytes(seed), header.encode() + content)
    return signature + len(content).to_bytes(2, "big") + content + bytes(size - OVERHEAD - len(content))


def locked(header: Header, inner_bytes: bytes, letter_key: bytes = LETTER_KEY, bound_to: Header | None = None) -> bytes:
    """Both locks around it. `bound_to` is the second lock's header, where that shall be another than the outer's."""
    associated = (bound_to or header).encode()
    box = crypto_aead_xchacha20poly1305_ietf_encrypt(inner_bytes, associated, NONCE, letter_key)
    return sealed(header.match_id + header.number.to_bytes(4, "big") + header.previous + NONCE + box)


def sealed(outer: bytes, receiver_key: bytes | None = None) -> bytes:
    """libsodium's sealed box under the fixed ephemeral key."""
    receiver_key = receiver_key or crypto_scalarmult_base(RECEIVER_SECRET)
    ephemeral_key = crypto_scalarmult_base(EPHEMERAL_SECRET)
    nonce = blake2b(ephemeral_key + receiver_key, digest_size=24, encoder=RawEncoder)
    return bytes(ephemeral_key + crypto_box(outer, nonce, receiver_key, EPHEMERAL_SECRET))


def _whole(name: str, header: Header, content: bytes) -> dict[str, object]:
    return {
        "name": name,
        "header": _named(header),
        "encoded_header": header.encode().hex(),
        "content": content.hex(),
        "signature": inner(header, content)[:64].hex(),
        "letter_hash": letter.letter_hash(header, content).hex(),
        "ciphertext": locked(header, inner(header, content)).hex(),
    }


def _border_lengths() -> list[int]:
    most = [size - OVERHEAD for size in letter.SIZES]
    return [0, most[0], most[0] + 1, most[1], most[1] + 1, most[2]]


def _sized(length: int) -> dict[str, object]:
    size = next(each for each in letter.SIZES if length + OVERHEAD <= each)
    ciphertext = locked(HEADER, inner(HEADER, b"x" * length, size))
    return {"content_of_x": length, "size": size, "ciphertext_sha256": hashlib.sha256(ciphertext).hexdigest()}


def _invalid_first_lock(proof: bytes) -> list[dict[str, str]]:
    good = locked(HEADER, inner(HEADER, proof))
    other = sealed(b"\0" * (1024 - 48), crypto_scalarmult_base(fixed("another receiver", 32)))
    return [
        {"class": name, "ciphertext": ciphertext.hex()}
        for name, ciphertext in {
            "sealed to another receiver": other,
            "truncated": good[:-1],
            "truncated to half": good[:512],
            "a byte too long": good + b"\0",
            "empty": b"",
            "ephemeral key changed": bytes([good[0] ^ 1]) + good[1:],
            "ephemeral key of low order": bytes(32) + good[32:],
            "last bit changed": good[:-1] + bytes([good[-1] ^ 1]),
        }.items()
    ]


def _invalid_headers() -> list[dict[str, object]]:
    """The second valid letter, opened by a receiver that knows one thing otherwise: refused as another person's."""
    changes: Mapping[str, dict[str, Any]] = {
        "another covenant": {"covenant_id": "zeelan"},
        "another epoch": {"epoch": 8},
        "another token": {"token": Token(fixed("another token", 32))},
        "another match": {"match_id": fixed("another match", 16)},
        "another sender": {"sender": "schools"},
        "another receiver": {"receiver": "tow"},
        "border between sender and receiver moved": {"sender": "schoo", "receiver": "ltown"},
        "sender and receiver exchanged": {"sender": "town", "receiver": "school"},
        "another number": {"number": 3},
        "another letter before": {"previous": letter.NO_PREVIOUS},
    }
    return [{"class": name, "header": _named(replace(HEADER, **change))} for name, change in changes.items()]


def _invalid_second_lock(proof: bytes) -> list[dict[str, object]]:
    """Letters whose first lock opens. `error` is what the second one gives: "malformed", or "evidence" of a forgery."""
    good = inner(HEADER, proof)
    signature, length, rest = good[:64], good[64:66], good[66:]
    content, padding = rest[: len(proof)], rest[len(proof) :]
    early = b"\x01" + padding[1:]
    another = replace(HEADER, match_id=fixed("another match", 16))
    changed = bytes([content[0] ^ 1]) + content[1:]
    return [
        {"class": name, "error": error, "ciphertext": ciphertext.hex()}
        for name, error, ciphertext in (
            ("another letter key", "malformed", locked(HEADER, good, fixed("another person", 32))),
            ("the header of another match inside", "malformed", locked(HEADER, good, bound_to=another)),
            ("padding not zero", "malformed", locked(HEADER, good[:-1] + b"\x01")),
            ("padding not zero at its first byte", "malformed", locked(HEADER, signature + length + content + early)),
            ("length beyond the end", "malformed", locked(HEADER, signature + b"\xff\xff" + rest)),
            ("length one too short", "malformed", locked(HEADER, signature + bytes([0, len(proof) - 1]) + rest)),
            ("length one too long", "evidence", locked(HEADER, signature + bytes([0, len(proof) + 1]) + rest)),
            ("content changed", "evidence", locked(HEADER, signature + length + changed + padding)),
            ("signed by another", "evidence", locked(HEADER, inner(HEADER, proof, seed=fixed("another sender", 32)))),
            ("signed for another match", "evidence", locked(HEADER, inner(another, proof))),
            ("not signed", "evidence", locked(HEADER, bytes(64) + length + rest)),
        )
    ]  # fmt: skip


def _contents() -> list[dict[str, object]]:
    empty = letter_content.encode_card([])
    return [
        {"name": "proof", "content": letter_content.encode_proof(PROOF).hex(), "relations": ["client", "sibling"]},
        {"name": "card without cases", "content": empty.hex(), "cases": [], "left_out": 0},
        {
            "name": "card",
            "content": letter_content.encode_card([CASE]).hex(),
            "cases": [
                {
                    "reference": CASE.reference,
                    "relations": ["parent"],
                    "name": CASE.name,
                    "function": CASE.function,
                    "phone": CASE.phone,
                    "email": CASE.email,
                    "since": CASE.since.isoformat(),
                }
            ],
            "left_out": 0,
        },
    ]


def _invalid_contents() -> dict[str, bytes]:
    return {
        "empty": b"",
        "not protobuf": b"\xff\xff\xff",
        "truncated": letter_content.encode_card([CASE])[:-1],
        "unknown field": letter_content.encode_proof(PROOF) + b"\xa2\x06\x00",
        "unknown field in a case": _card({}, unknown=b"\xa2\x06\x00"),
        "a follow-up letter of a later version": b"\x1a\x00",
        "proof without relations": _proof([]),
        "relation 0": _proof([0]),
        "unknown relation": _proof([9]),
        "relation twice": _proof([1, 1]),
        "case without relations": _card({"relations": []}),
        "case without reference": _card({"reference": ""}),
        "reference of spaces": _card({"reference": "  "}),
        "reference of 65 characters": _card({"reference": "r" * 65}),
        "name of 101 characters": _card({"name": "n" * 101}),
        "function missing": _card({"function": ""}),
        "phone of 33 characters": _card({"phone": "0" * 33}),
        "email of 255 characters": _card({"email": "e" * 255}),
        "NUL": _card({"name": "J.\0"}),
        "newline": _card({"function": "a\nb"}),
        "text direction changed": _card({"name": "J.\u202eseirV ed"}),
        "line separator": _card({"name": "J.\u2028"}),
        "date without zeros": _card({"since": "2026-1-9"}),
        "date without hyphens": _card({"since": "20260109"}),
        "date with a time": _card({"since": "2026-01-09T00:00"}),
        "date in other digits": _card({"since": "２０２６-01-09"}),
        "no such day": _card({"since": "2026-02-30"}),
        "date missing": _card({"since": ""}),
        "text that is no UTF-8": b"\x12\x05\x0a\x03\x0a\x01\xff",
    }


def _proof(relations: list[Any]) -> bytes:
    message = pb.LetterContent(proof=pb.ProofLetter(relations=relations))
    return message.SerializeToString(deterministic=True)


def _card(change: Mapping[str, Any], unknown: bytes = b"") -> bytes:
    good = pb.LetterContent.FromString(letter_content.encode_card([CASE])).card.cases[0]
    fields = {field.name: value for field, value in good.ListFields()} | dict(change)
    case = pb.CardCase(**fields)
    case.MergeFromString(unknown)
    return pb.LetterContent(card=pb.ContactCard(cases=[case])).SerializeToString(deterministic=True)


def _named(header: Header) -> dict[str, object]:
    return {
        "covenant_id": header.covenant_id,
        "epoch": header.epoch,
        "token": header.token.reveal().hex(),
        "match_id": header.match_id.hex(),
        "sender": header.sender,
        "receiver": header.receiver,
        "number": header.number,
        "previous": header.previous.hex(),
    }
