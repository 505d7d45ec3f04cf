"""proto/vectors/token.json and publication.json: from an identifier to a token, and what is signed under it."""

import hashlib
from dataclasses import replace
from typing import Any

from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_sign_seed_keypair,
)

from raakvlak_protocol import publication, token, voprf
from raakvlak_protocol.identifier import Address, Bsn, Identifier
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.ristretto import ORDER
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import TokenKeys
from tests.vectors.fixed import fixed

PEOPLE: tuple[tuple[str, Identifier], ...] = (
    ("bsn 123456782", Bsn.parse("123456782")),
    ("bsn 111222333", Bsn.parse("111222333")),
    ("address 4331AB 12 A2", Address.parse("4331AB", "12", "A2")),
)
PURPOSES = (("zeeland", 1), ("zeeland", 2), ("zeeland-2", 1), ("z" * 63, 2**32 - 1))
WRITE = Write(covenant_id="zeeland", epoch=7, member="school", generation=3, sequence=41)


def tokens() -> dict[str, object]:
    key = voprf.derive_key_pair(SecretBytes(fixed("key", 32)), b"vectors")
    return {
        "inputs": [
            {
                "covenant_id": covenant_id,
                "epoch": epoch,
                "namespace": person.namespace,
                "identifier": name,
                "canonical": person.canonical.reveal().hex(),
                "prf_input": token.prf_input(covenant_id, epoch, person).reveal().hex(),
            }
            for covenant_id, epoch in PURPOSES
            for name, person in PEOPLE
        ],
        "key": {"secret": key.secret.reveal().hex(), "public": key.public.hex()},
        "tokens": [_token(voprf.evaluate(key.secret, token.prf_input("zeeland", 1, person)), name) for name, person in PEOPLE],
        "invalid": [
            *({"class": "PRF output of wrong length", "output": fixed("output", size).hex()} for size in (0, 32, 63, 65)),
            *({"class": "token of wrong length", "token": fixed("token", size).hex()} for size in (0, 31, 33, 64)),
        ],
    }


def _token(output: SecretBytes, name: str) -> dict[str, str]:
    keys = token.expand(output)
    return {
        "identifier": name,
        "output": output.reveal().hex(),
        "token_seed": keys.seed.reveal().hex(),
        "token": keys.token.reveal().hex(),
        "letter_key": keys.letter_key.reveal().hex(),
    }


def publications() -> dict[str, object]:
    keys = [token.expand(SecretBytes(fixed(f"output {number}", 64))) for number in range(3)]
    listed = [each.token.reveal() for each in keys]
    references = [fixed(f"reference {number}", 16) for number in range(3)]
    seed = SecretBytes(fixed("member", 32))
    publish = publication.publish_statement(WRITE, Visibility.DIRECT, listed)
    withdraw = publication.withdraw_statement(WRITE, references)
    return {
        "member": {"seed": seed.reveal().hex(), "signing_key": _public(seed).hex()},
        "write": _write(WRITE, Visibility.DIRECT),
        "publish": {
            "token_statement": publication.token_statement(WRITE, Visibility.DIRECT).hex(),
            "tokens": [
                {"seed": each.seed.reveal().hex(), "token": each.token.reveal().hex(), "signature": signature.hex()}
                for each, signature in zip(keys, publication.sign_tokens(keys, WRITE, Visibility.DIRECT), strict=True)
            ],
            **_signed(seed, publish),
        },
        "withdraw": {"references": [each.hex() for each in references], **_signed(seed, withdraw)},
        "invalid_token_signatures": _invalid_token_signatures(keys[0], keys[1]),
        "invalid_signatures": _invalid_signatures(keys[0]),
        "invalid_members": _invalid_members(seed, publish, withdraw, listed),
        "invalid_items": _invalid_items(listed),
    }


def _signed(seed: SecretBytes, statement: bytes) -> dict[str, str]:
    return {
        "statement": statement.hex(),
        "member_signature": publication.sign(seed, statement).hex(),
        "request_hash": publication.request_hash(statement).hex(),
    }


def _invalid_token_signatures(keys: TokenKeys, others: TokenKeys) -> list[dict[str, object]]:
    """A token's signature that is right for another write than WRITE, under which it must be refused."""
    direct = Visibility.DIRECT
    signed_for = {
        "signed for another generation": (replace(WRITE, generation=4), direct),
        "signed for another sequence": (replace(WRITE, sequence=42), direct),
        "generation and sequence exchanged": (replace(WRITE, generation=41, sequence=3), direct),
        "signed for another member": (replace(WRITE, member="schoo"), direct),
        "signed for another epoch": (replace(WRITE, epoch=8), direct),
        "signed for another covenant": (replace(WRITE, covenant_id="zeelan"), direct),
        "border between covenant and member moved": (replace(WRITE, covenant_id="zeelands", member="chool"), direct),
        "signed for another visibility": (WRITE, Visibility.COORDINATOR),
    }
    wrong: list[dict[str, object]] = [
        _refused(name, keys, publication.sign(keys.seed, publication.token_statement(*statement)))
        for name, statement in signed_for.items()
    ]
    statement = publication.token_statement(WRITE, direct)
    publish = publication.publish_statement(WRITE, direct, [keys.token.reveal()])
    return [
        *wrong,
        _refused("a copied token, signed under an own key", keys, publication.sign(others.seed, statement)),
        _refused("a publish statement signed in the token's statement's place", keys, publication.sign(keys.seed, publish)),
    ]


def _refused(name: str, keys: TokenKeys, signature: bytes) -> dict[str, object]:
    return {"class": name, "token": keys.token.reveal().hex(), "signature": signature.hex()}


def _invalid_signatures(keys: TokenKeys) -> list[dict[str, object]]:
    """Each is (public key, statement, signature) that an implementation of Ed25519 must refuse as libsodium does."""
    statement = publication.token_statement(WRITE, Visibility.DIRECT)
    public, signature = keys.token.reveal(), publication.sign(keys.seed, statement)
    half, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    digest = hashlib.sha256(b"123456782").digest()
    low_order = {
        "the identity": b"\x01" + bytes(31),
        "order 2": (2**255 - 20).to_bytes(32, "little"),
        "order 4": bytes(32),
        "the identity, not canonical": (2**255 - 18).to_bytes(32, "little"),
    }
    return [
        {"class": name, "public_key": key.hex(), "statement": statement.hex(), "signature": made.hex()}
        for name, key, made in (
            *((f"low-order key: {name}", key, _forged(key, statement)) for name, key in low_order.items()),
            ("low-order key and R", low_order["the identity"], low_order["the identity"] + bytes(32)),
            ("low-order R", public, _signed_with_r(b"\x01" + bytes(31), bytes(32), keys, statement)),
            ("R with a low-order part", public, _with_mixed_r(keys, low_order["order 2"], statement)),
            ("S not reduced", public, half + (scalar + ORDER).to_bytes(32, "little")),
            ("S zero", public, half + bytes(32)),
            ("one bit changed", public, flipped),
            ("signature too short", public, signature[:63]),
            ("signature too long", public, signature + b"\0"),
            ("signature empty", public, b""),
            ("key too short", public[:31], signature),
            ("key is no point", b"\x02" + bytes(31), signature),
            ("a hash of an identifier for a token", digest, signature),
        )
    ]


def _forged(low_order_key: bytes, statement: bytes) -> bytes:
    """R = S·B: then S·B = R + k·A holds for A the identity, and for any A of low order whenever k·A vanishes."""
    for attempt in range(10_000):
        scalar = crypto_core_ed25519_scalar_reduce(fixed(f"forged {attempt}", 64))
        point = crypto_scalarmult_ed25519_base_noclamp(scalar)
        if not int.from_bytes(hashlib.sha512(point + low_order_key + statement).digest(), "little") % ORDER % 8:
            return bytes(point + scalar)
    raise AssertionError("one in eight fits")


def _with_mixed_r(keys: TokenKeys, low_order: bytes, statement: bytes) -> bytes:
    """R = r·B + a point of low order: the equation holds only for who multiplies it by the cofactor."""
    scalar = crypto_core_ed25519_scalar_reduce(fixed("mixed", 64))
    point = crypto_core_ed25519_add(crypto_scalarmult_ed25519_base_noclamp(scalar), low_order)
    return _signed_with_r(point, scalar, keys, statement)


def _signed_with_r(point: bytes, scalar: bytes, keys: TokenKeys, statement: bytes) -> bytes:
    """R = `point` and S = `scalar` + k·a, as RFC 8032 signs with an R of its own; the identity has the scalar zero."""
    digest = bytearray(hashlib.sha512(keys.seed.reveal()).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    secret = crypto_core_ed25519_scalar_reduce(bytes(digest) + bytes(32))
    hashed = hashlib.sha512(point + keys.token.reveal() + statement).digest()
    product = crypto_core_ed25519_scalar_mul(crypto_core_ed25519_scalar_reduce(hashed), secret)
    return point + bytes(crypto_core_ed25519_scalar_add(product, scalar))


def _invalid_members(seed: SecretBytes, publish: bytes, withdraw: bytes, tokens: list[bytes]) -> list[dict[str, object]]:
    """A member's signature that does not hold over the publish statement."""
    direct = Visibility.DIRECT
    others = {
        "tokens in another order": publication.publish_statement(WRITE, direct, tokens[::-1]),
        "a token left out": publication.publish_statement(WRITE, direct, tokens[:2]),
        "a token twice": publication.publish_statement(WRITE, direct, [*tokens, tokens[0]]),
        "another visibility": publication.publish_statement(WRITE, Visibility.COORDINATOR, tokens),
        "an earlier sequence": publication.publish_statement(replace(WRITE, sequence=40), direct, tokens),
        "an earlier generation": publication.publish_statement(replace(WRITE, generation=2), direct, tokens),
        "a withdrawal": withdraw,
    }
    return [
        {"class": f"signed for {name}", "statement": publish.hex(), "signature": publication.sign(seed, other).hex()}
        for name, other in others.items()
    ]


def _invalid_items(tokens: list[bytes]) -> list[dict[str, object]]:
    lists: dict[str, tuple[list[bytes], int | None]] = {
        "no items": ([], None),
        "an item twice": ([*tokens, tokens[1]], 3),
        "an item too short": ([tokens[0], tokens[1][:31]], 1),
        "an item too long": ([tokens[0] + b"\0"], 0),
        "an empty item": ([*tokens, b""], 3),
    }
    return [
        {"class": name, "size": 32, "items": [each.hex() for each in items], "item": place}
        for name, (items, place) in lists.items()
    ]


def _write(write: Write, visibility: Visibility) -> dict[str, Any]:
    return {
        "covenant_id": write.covenant_id,
        "epoch": write.epoch,
        "member": write.member,
        "generation": write.generation,
        "sequence": write.sequence,
        "visibility": int(visibility),
    }


def _public(seed: SecretBytes) -> bytes:
    return bytes(crypto_sign_seed_keypair(seed.reveal())[0])
