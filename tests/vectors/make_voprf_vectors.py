"""Writes proto/vectors/voprf.json and threshold.json: `python -m tests.vectors.make_voprf_vectors`.

Deterministic: every secret is hashed from a label. Each failing vector starts from a good one and spoils one thing,
`class` says which. Bytes are hex; a scalar is 32 bytes little-endian; a nonce is the 64 bytes that `random` gave.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raakvlak_protocol import ristretto, threshold, voprf
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.voprf import KeyPair

FOLDER = Path(__file__).parents[2] / "proto" / "vectors"
SUITE = "RFC 9497, ristretto255-SHA512, mode VOPRF (0x01)"
IDENTITY = bytes(32)
NOT_CANONICAL = bytes.fromhex("ed" + "ff" * 30 + "7f")  # the field's prime, in place of zero
NOT_REDUCED = ristretto.ORDER.to_bytes(32, "little")
BATCHES = {
    "one element": [b"a"],
    "three elements": [b"first", b"second", b"third"],
    "an empty input and equal ones": [b"", b"twice", b"twice"],
    "bytes of every value": [bytes(range(256))],
}

Vector = dict[str, Any]


def drawn(label: str) -> Callable[[int], bytes]:
    """Randomness that is always the same: one stream per label."""
    stream = hashlib.shake_256(b"raakvlak vectors " + label.encode()).digest(2**16)
    place = 0

    def random(size: int) -> bytes:
        nonlocal place
        place += size
        return stream[place - size : place]

    return random


def always(data: bytes) -> Callable[[int], bytes]:
    """Randomness that was drawn before."""
    return lambda _: data


def hexed(value: Any) -> Any:
    """Bytes and secrets in hex, lists and objects all the way down."""
    if isinstance(value, SecretBytes):
        return value.reveal().hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: hexed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [hexed(each) for each in value]
    return value


def evaluation(name: str, inputs: list[bytes]) -> Vector:
    """A batch through the whole protocol under one key."""
    random = drawn(name)
    seed = SecretBytes(random(32))
    key = voprf.derive_key_pair(seed, b"raakvlak vectors")
    secrets = [SecretBytes(data) for data in inputs]
    blinds = voprf.new_blinds(len(inputs), random)
    blinded = voprf.blind(secrets, blinds)
    nonce = random(64)
    answer = voprf.blind_evaluate_and_prove(key, blinded, always(nonce))
    return {
        "name": name,
        "seed": seed,
        "info": b"raakvlak vectors",
        "secret": key.secret,
        "public": key.public,
        "inputs": inputs,
        "blinds": blinds,
        "blinded": blinded,
        "nonce": nonce,
        "evaluated": answer.elements,
        "proof": answer.proof,
        "outputs": voprf.verifiable_finalize(secrets, blinds, blinded, key.public, answer),
    }


def refused_requests(good: Vector) -> list[Vector]:
    """What a key holder must not evaluate."""

    def request(name: str, elements: list[bytes], item: int | None) -> Vector:
        return {"class": name, "secret": good["secret"], "blinded": elements, "error": "malformed", "item": item}

    first, second, third = good["blinded"]
    return [
        request("identity element", [first, IDENTITY, third], 1),
        request("non-canonical element", [first, second, NOT_CANONICAL], 2),
        request("wrong length: 31 bytes", [first[:31], second, third], 0),
        request("wrong length: 33 bytes", [first, second + b"\x00", third], 1),
        request("wrong length: empty", [first, second, b""], 2),
        request("empty batch", [], None),
    ]


def refused_answers(good: Vector, stranger: KeyPair) -> list[Vector]:
    """What a client must not accept: `evidence` where the proof does not hold, `malformed` where it can't be read."""

    def answer(name: str, error: str, item: int | None = None, **changed: Any) -> Vector:
        parts = {part: good[part] for part in ("public", "blinded", "evaluated", "proof")}
        return {"class": name, **parts, **changed, "error": error, "item": item}

    first, second, third = good["evaluated"]
    proof = good["proof"]
    other = voprf.blind_evaluate_and_prove(stranger, good["blinded"], drawn("stranger"))
    return [
        answer("wrong key: proof for another public key", "evidence", public=stranger.public),
        answer("wrong key: evaluated and proved under another", "evidence", evaluated=other.elements, proof=other.proof),
        answer("wrong key for one element of a batch", "evidence", evaluated=[first, other.elements[1], third]),
        answer("swapped elements in a batch", "evidence", evaluated=[second, first, third]),
        answer("repeated element in a batch", "evidence", evaluated=[first, first, third]),
        answer("left-out element", "malformed", evaluated=[first, second]),
        answer("identity element", "malformed", 0, evaluated=[IDENTITY, second, third]),
        answer("non-canonical element", "malformed", 1, evaluated=[first, NOT_CANONICAL, third]),
        answer("wrong length", "malformed", 2, evaluated=[first, second, third[:31]]),
        answer("truncated proof", "malformed", proof=proof[:63]),
        answer("proof with a byte behind it", "malformed", proof=proof + b"\x00"),
        answer("proof with a scalar that is not reduced", "malformed", proof=proof[:32] + NOT_REDUCED),
        answer("proof of zeros", "malformed", proof=bytes(64)),
        answer("proof with its scalars swapped", "evidence", proof=proof[32:] + proof[:32]),
        answer("proof of another batch", "evidence", proof=other.proof),
    ]


def voprf_vectors() -> Vector:
    evaluations = [evaluation(name, inputs) for name, inputs in BATCHES.items()]
    good = next(each for each in evaluations if len(each["inputs"]) == 3)
    stranger = KeyPair.of(ristretto.random_scalar(drawn("another key")))
    return {
        "suite": SUITE,
        "evaluations": evaluations,
        "refused_requests": refused_requests(good),
        "refused_answers": refused_answers(good, stranger),
    }


def sharing(needed: int, numbers: list[int]) -> Vector:
    """A key, its shares, and a batch under every holder: any `needed` of the answers give the outputs."""
    random = drawn(f"sharing {needed} {numbers}")
    secret = ristretto.random_scalar(random)
    shares = threshold.split(secret, needed, numbers, random)
    inputs = [SecretBytes(b"one"), SecretBytes(b"another")]
    blinds = voprf.new_blinds(len(inputs), random)
    blinded = voprf.blind(inputs, blinds)
    holders = []
    for number, share in shares.items():
        key = KeyPair.of(share)
        nonce = random(64)
        answer = voprf.blind_evaluate_and_prove(key, blinded, always(nonce))
        holders.append(
            {
                "number": number,
                "share": share,
                "public_share": key.public,
                "nonce": nonce,
                "evaluated": answer.elements,
                "proof": answer.proof,
            }
        )
    return {
        "name": f"{needed} of {len(numbers)}",
        "threshold": needed,
        "secret": secret,
        "group_key": ristretto.multiply_base(secret),
        "inputs": inputs,
        "blinds": blinds,
        "blinded": blinded,
        "holders": holders,
        "outputs": [voprf.evaluate(secret, data) for data in inputs],
    }


def refused_shares(good: Vector) -> list[Vector]:
    """Public shares that a covenant must not carry; `wrong` lists the numbers at fault where that can be told.

    0 stands for the group key.
    """
    needed: int = good["threshold"]
    key: bytes = good["group_key"]
    shares = {holder["number"]: holder["public_share"] for holder in good["holders"]}
    numbers = list(shares)
    stray = ristretto.multiply_base(ristretto.random_scalar(drawn("stray")))

    def polynomial(
        name: str, changed: dict[int, bytes], wrong: list[int], group_key: bytes = key, kept: list[int] = numbers
    ) -> Vector:
        listed = [{"number": number, "public_share": {**shares, **changed}[number]} for number in kept]
        return {"class": name, "threshold": needed, "group_key": group_key, "shares": listed, "wrong": wrong}

    first, second = numbers[0], numbers[1]
    return [
        polynomial("share off the polynomial", {second: stray}, [second]),
        polynomial("shares swapped", {first: shares[second], second: shares[first]}, [first, second]),
        polynomial("group key off the polynomial", {}, [0], group_key=stray),
        polynomial("share off the polynomial, too few to tell which", {second: stray}, [], kept=numbers[:needed]),
        polynomial("every share is the group key", dict.fromkeys(numbers, key), []),
    ]


def refused_combinations(good: Vector) -> list[Vector]:
    """Sets of answers, each in order, that make no output. Answers are the good vector's, by share number."""
    first, second, third, *_ = (holder["number"] for holder in good["holders"])
    return [
        {"class": "duplicate share number", "sharing": good["name"], "numbers": [first, first]},
        {"class": "fewer answers than the threshold", "sharing": good["name"], "numbers": [first]},
        {"class": "more answers than the threshold", "sharing": good["name"], "numbers": [first, second, third]},
    ]


def threshold_vectors() -> Vector:
    sharings = [sharing(2, [1, 2, 3]), sharing(3, [2, 7, 100, 254, 255]), sharing(1, [9])]
    return {
        "suite": SUITE,
        "sharings": sharings,
        "refused_shares": refused_shares(sharings[1]),
        "refused_combinations": refused_combinations(sharings[0]),
        "refused_numbers": [0, 256, -1],
    }


FILES = {"voprf.json": voprf_vectors, "threshold.json": threshold_vectors}


def text_of(vectors: Vector) -> str:
    return json.dumps(hexed(vectors), indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in FILES.items():
        (FOLDER / name).write_text(text_of(make()), "utf-8")
