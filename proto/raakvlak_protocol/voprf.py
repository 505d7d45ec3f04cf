"""The oblivious pseudo-random function of RFC 9497, suite ristretto255-SHA512, modes OPRF (0x00) and VOPRF (0x01).

The client hides its inputs under blinds, the key holder multiplies what it gets by its key and proves, with one proof
for the whole batch, that it used the key that everybody knows of it; the client takes the blinds off and hashes. The
key holder learns nothing of the inputs, the client nothing of the key.

Raakvlak uses mode VOPRF only; mode OPRF stands here so that the RFC's vectors check the parts on their own.
A batch holds 1 … `MAX_BATCH` elements. Inputs and blinds are secrets: who knows a blind can test guesses.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from raakvlak_protocol import ristretto
from raakvlak_protocol.errors import Evidence, Malformed, TooLarge
from raakvlak_protocol.ristretto import Element, Random, Scalar
from raakvlak_protocol.secret import SecretBytes

MAX_BATCH: Final = 1024
"""Elements in one request. The proof's index would allow 65,535; more than this saves nothing and delays an answer."""

PROOF_BYTES: Final = 2 * ristretto.SCALAR_BYTES
SEED_BYTES: Final = 32
OUTPUT_BYTES: Final = 64
_MAX_INPUT: Final = 2**16 - 1


class Mode(IntEnum):
    """Which protocol of the RFC; part of every hash, so that the two never give the same output."""

    OPRF = 0
    VOPRF = 1

    @property
    def context(self) -> bytes:
        """`contextString` (RFC 9497 §3.1)."""
        return b"OPRFV1-%c-ristretto255-SHA512" % self.value


@dataclass(frozen=True)
class KeyPair:
    """A key and what everybody may know of it: public = secret · generator."""

    secret: Scalar
    public: Element

    @classmethod
    def of(cls, secret: Scalar) -> "KeyPair":
        return cls(secret, ristretto.multiply_base(secret))


@dataclass(frozen=True)
class Evaluation:
    """A key holder's answer: an element for each blinded one, in order, and one proof of 64 bytes for all."""

    elements: tuple[Element, ...]
    proof: bytes


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _expander(destination: bytes, head: bytes = b"") -> Callable[[bytes], bytes]:
    """`expand_message_xmd` with SHA-512 (RFC 9380 §5.3.1) to 64 bytes, for messages that all begin with `head`.

    64 bytes are exactly one block of output.
    """
    suffix = b"%b%c" % (destination, len(destination))
    tail, last = b"\x00\x40\x00" + suffix, b"\x01" + suffix
    begun = hashlib.sha512(bytes(128) + head)

    def expand(rest: bytes) -> bytes:
        first = begun.copy()
        first.update(rest + tail)
        return hashlib.sha512(first.digest() + last).digest()

    return expand


def _expand(message: bytes, destination: bytes) -> bytes:
    return _expander(destination)(message)


def _hash_to_scalar(message: bytes, mode: Mode) -> bytes:
    return ristretto.reduce(_expand(message, b"HashToScalar-" + mode.context))


def _hash_to_group(data: SecretBytes, mode: Mode) -> Element:
    if len(data) > _MAX_INPUT:
        raise Malformed(f"an input is at most {_MAX_INPUT} bytes, not {len(data)}")
    return ristretto.hash_to_group(_expand(data.reveal(), b"HashToGroup-" + mode.context))


def derive_key_pair(seed: SecretBytes, info: bytes, mode: Mode = Mode.VOPRF) -> KeyPair:
    """The key pair of a 32-byte seed and a public label (`DeriveKeyPair`, RFC 9497 §3.2.1)."""
    if len(seed) != SEED_BYTES:
        raise Malformed(f"a key's seed is {SEED_BYTES} bytes, not {len(seed)}")
    if len(info) > _MAX_INPUT:
        raise Malformed(f"a key's label is at most {_MAX_INPUT} bytes, not {len(info)}")
    # The RFC counts on while the scalar is zero. That happens once in 2**252; the constructor refuses it.
    material = seed.reveal() + _sized(info) + b"\x00"
    return KeyPair.of(Scalar(ristretto.reduce(_expand(material, b"DeriveKeyPair" + mode.context))))


# The client, before it asks


def new_blinds(count: int, random: Random) -> list[Scalar]:
    """A fresh blind for each of `count` inputs. A blind used for two inputs would show whether they are equal."""
    return [ristretto.random_scalar(random) for _ in range(count)]


def blind(inputs: Sequence[SecretBytes], blinds: Sequence[Scalar], mode: Mode = Mode.VOPRF) -> list[Element]:
    """The inputs as the key holder may see them (`Blind`, §3.3.1); the same inputs and blinds give the same again."""
    _check_size(len(inputs), len(blinds))
    return ristretto.multiply_pairs(blinds, [_hash_to_group(data, mode) for data in inputs])


# The key holder


def blind_evaluate(secret: Scalar, blinded: Sequence[bytes]) -> list[Element]:
    """Each element under the key, without a proof (mode OPRF's `BlindEvaluate`, §3.3.1).

    Parses the elements: `Malformed.item` is the place of the first that is none. Constant time in the key.
    """
    _check_size(len(blinded))
    return ristretto.multiply_each(secret, blinded)


def prove(key: KeyPair, blinded: Sequence[bytes], evaluated: Sequence[bytes], random: Random) -> bytes:
    """The proof, 64 bytes, that `evaluated` is what `blind_evaluate` made of `blinded` under the key (§2.2.1).

    Not checked: it would be a false proof for anything else. `random` must never give two proofs the same 64 bytes:
    that would give the key away.
    """
    _check_size(len(blinded), len(evaluated))
    blinded_sum = ristretto.weighted_sum(_weights(key.public, blinded, evaluated), blinded)
    evaluated_sum = ristretto.multiply(key.secret, blinded_sum)
    nonce = ristretto.random_scalar(random)
    commitments = ristretto.multiply_base(nonce), ristretto.multiply(nonce, blinded_sum)
    challenge = Scalar(_challenge(key.public, blinded_sum, evaluated_sum, *commitments))
    response = nonce - challenge * key.secret
    return challenge.reveal() + response.reveal()


def blind_evaluate_and_prove(key: KeyPair, blinded: Sequence[bytes], random: Random) -> Evaluation:
    """Each element under the key, and the proof that it was this key (mode VOPRF's `BlindEvaluate`, §3.3.2)."""
    evaluated = blind_evaluate(key.secret, blinded)
    return Evaluation(tuple(evaluated), prove(key, blinded, evaluated, random))


def evaluate(secret: Scalar, data: SecretBytes, mode: Mode = Mode.VOPRF) -> SecretBytes:
    """The output for an input that the key holder knows itself (`Evaluate`, §3.3.1); 64 bytes."""
    return output(data, ristretto.multiply(secret, _hash_to_group(data, mode)))


# The client, when it has the answer


def verify(public: Element, blinded: Sequence[Element], evaluated: Sequence[bytes], proof: bytes) -> tuple[Element, ...]:
    """That one key, the one of `public`, made every evaluated element of the blinded one in its place (§2.2.2).

    Gives the evaluated elements, parsed. `Evidence` where the proof does not hold, so for a wrong key, a changed,
    swapped or left-out element; `Malformed` for a proof that is not two scalars (`field`) and an element that is none
    (`item`). `blinded` are the caller's own.
    """
    _check_size(len(blinded), len(evaluated))
    challenge, response = _parse_proof(proof)
    weights = _weights(public, blinded, evaluated)
    evaluated_sum = ristretto.weighted_sum(weights, evaluated)
    blinded_sum = ristretto.weighted_sum(weights, blinded)
    if ristretto.IDENTITY in (blinded_sum, evaluated_sum):
        raise Evidence("the elements of an answer cancel each other: it was made to pass for a proof")
    first = ristretto.add(ristretto.multiply_base(response), ristretto.multiply(challenge, public))
    second = ristretto.weighted_sum((response.reveal(), challenge.reveal()), (blinded_sum, evaluated_sum))
    if not hmac.compare_digest(challenge.reveal(), _challenge(public, blinded_sum, evaluated_sum, first, second)):
        raise Evidence("a proof does not hold: another key was used, or elements were changed or swapped")
    return tuple(Element(element) for element in evaluated)


def finalize(inputs: Sequence[SecretBytes], blinds: Sequence[Scalar], evaluated: Sequence[bytes]) -> list[SecretBytes]:
    """The outputs, 64 bytes each (mode OPRF's `Finalize`, §3.3.1). Whose key it was is not checked."""
    _check_size(len(inputs), len(blinds), len(evaluated))
    unblinded = ristretto.multiply_pairs(ristretto.invert_each(blinds), evaluated)
    return [output(data, element) for data, element in zip(inputs, unblinded, strict=True)]


def verifiable_finalize(
    inputs: Sequence[SecretBytes],
    blinds: Sequence[Scalar],
    blinded: Sequence[Element],
    public: Element,
    answer: Evaluation,
) -> list[SecretBytes]:
    """The outputs, after `verify` (mode VOPRF's `Finalize`, §3.3.2)."""
    return finalize(inputs, blinds, verify(public, blinded, answer.elements, answer.proof))


def output(data: SecretBytes, unblinded: bytes) -> SecretBytes:
    """The last hash, over an input and its element under the key; 64 bytes."""
    message = b"%b%bFinalize" % (_sized(data.reveal()), _sized(unblinded))
    return SecretBytes(hashlib.sha512(message).digest())


# The proof: discrete logarithms are equal, for a whole batch (RFC 9497 §2.2)


def _weights(public: Element, blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> list[bytes]:
    """A public scalar for each pair, which nobody can choose: it depends on the pair, its place and the key.

    `ComputeComposites` and `ComputeCompositesFast` both weigh with these. Both lists must be as long as each other.
    """
    context = Mode.VOPRF.context
    seed = hashlib.sha512(_sized(public) + _sized(b"Seed-" + context)).digest()
    expand = _expander(b"HashToScalar-" + context, _sized(seed))
    return ristretto.reduce_each(
        expand(b"%b\x00\x20%b\x00\x20%bComposite" % (place.to_bytes(2, "big"), before, after))
        for place, (before, after) in enumerate(zip(blinded, evaluated, strict=True))
    )


def _challenge(public: Element, *elements: bytes) -> bytes:
    return _hash_to_scalar(b"".join(map(_sized, (public, *elements))) + b"Challenge", Mode.VOPRF)


def _parse_proof(proof: bytes) -> tuple[Scalar, Scalar]:
    if len(proof) != PROOF_BYTES:
        raise Malformed(f"a proof is {PROOF_BYTES} bytes, not {len(proof)}", field="proof")
    try:
        return Scalar(proof[: ristretto.SCALAR_BYTES]), Scalar(proof[ristretto.SCALAR_BYTES :])
    except Malformed as error:
        raise Malformed(f"a proof holds no two scalars: {error.message}", field="proof") from None


def _check_size(size: int, *others: int) -> None:
    """That a batch is one, and lists that belong together are as long as each other."""
    if size == 0:
        raise Malformed("a batch is empty")
    if size > MAX_BATCH:
        raise TooLarge(f"a batch holds at most {MAX_BATCH} elements, not {size}: send it in parts")
    if any(other != size for other in others):
        raise Malformed(f"a batch of {size} elements came with {', '.join(map(str, others))} of what belongs to them")
