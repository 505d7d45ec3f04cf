"""A key that nobody has: t of n key holders evaluate together what one key would (Shamir's sharing, over the scalars).

The key is a polynomial of degree t - 1 at 0, holder number x has it at x. Each holder is an ordinary VOPRF key holder
under its share and proves its part; the node verifies each against the public share in the covenant and interpolates
the elements, never the key. The output is to the byte what the whole key would give (RFC 9497), whichever t answered.

Share numbers, public shares and the group key are public; integers of Python serve for them and for nothing else.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from raakvlak_protocol import ristretto, voprf
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.ristretto import ORDER, Element, Random, Scalar
from raakvlak_protocol.secret import SecretBytes

MAX_NUMBER: Final = 255
_KEY: Final = 0
"""The place at which the polynomial is the key itself: no holder's number."""

_SEARCH_LIMIT: Final = 1000
"""Subsets that are tried to tell which share is wrong; with 9 holders there are at most 252."""


@dataclass(frozen=True)
class Holder:
    """Whom a node asks: the party's id, its share number 1 … 255 and its public share, all from the covenant."""

    party: str
    number: int
    public_share: Element

    def __post_init__(self) -> None:
        _check_numbers([self.number])


@dataclass(frozen=True)
class Verified:
    """A holder's answer whose proof held. Only `verify_answer` makes one."""

    holder: Holder
    blinded: tuple[Element, ...]
    evaluated: tuple[Element, ...]


def split(secret: Scalar, threshold: int, numbers: Sequence[int], random: Random) -> dict[int, Scalar]:
    """A share of the key for each number; any `threshold` of them make the key, fewer tell nothing of it.

    For a dealer, which sees the whole key: it must be trusted, and forget.
    """
    _check_numbers(numbers)
    _check_threshold(threshold, len(numbers))
    coefficients = [ristretto.random_scalar(random) for _ in range(threshold - 1)] + [secret]
    return {number: _evaluate(coefficients, Scalar.public(number)) for number in numbers}


def _evaluate(coefficients: Sequence[Scalar], place: Scalar) -> Scalar:
    """The polynomial, highest coefficient first, at a place (Horner)."""
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * place + coefficient
    return value


def verify_polynomial(group_key: Element, public_shares: Mapping[int, Element], threshold: int) -> None:
    """That all public shares lie on one polynomial of degree `threshold` - 1 through the group key.

    Otherwise every proof could verify while two quorums give different outputs, and people are missed without a sign.
    `Malformed` names the numbers that are off ("the group key" among them), or says that it can't be told which, or
    that the degree is lower: then fewer holders than the covenant promises have the key.
    """
    numbers = sorted(public_shares)
    _check_numbers(numbers)
    _check_threshold(threshold, len(numbers))
    points = {_KEY: group_key, **public_shares}
    if _off(points, tuple(points)[:threshold]):
        raise Malformed(_blame(points, threshold), field="public_shares")
    if threshold > 1 and not _off(points, tuple(points)[: threshold - 1]):
        raise Malformed(f"fewer than {threshold} of these shares make the group key", field="public_shares")


def _off(points: Mapping[int, Element], base: Sequence[int]) -> list[int]:
    """The numbers whose point is not on the polynomial through the points of `base`."""
    elements = [points[number] for number in base]
    return [
        number
        for number, element in points.items()
        if number not in base and ristretto.weighted_sum(_raw(lagrange(base, number)), elements) != element
    ]


def _blame(points: Mapping[int, Element], threshold: int) -> str:
    """Which points are off: those outside the largest set that agrees, if there is one such set."""
    if math.comb(len(points), threshold) <= _SEARCH_LIMIT:
        verdicts = {tuple(_off(points, base)) for base in itertools.combinations(points, threshold)}
        fewest = min(map(len, verdicts))
        smallest = [verdict for verdict in verdicts if len(verdict) == fewest]
        # A set that agrees must hold one point more than any points do, or it shows nothing.
        if len(smallest) == 1 and len(points) - fewest > threshold:
            named = ", ".join("the group key" if number == _KEY else f"share {number}" for number in smallest[0])
            return f"not on the polynomial of the other public shares: {named}; quorums would disagree"
    every = ", ".join(str(number) for number in points if number != _KEY)
    return f"public shares {every} and the group key lie on no one polynomial, and which is wrong can't be told"


def lagrange(numbers: Sequence[int], at: int = _KEY) -> list[Scalar]:
    """The coefficients by which values at `numbers` are summed to the value at `at`, which is none of them."""
    coefficients = []
    for number in numbers:
        others = [other for other in numbers if other != number]
        above = math.prod(at - other for other in others)
        below = math.prod(number - other for other in others)
        coefficients.append(Scalar.public(above * pow(below, -1, ORDER)))
    return coefficients


def verify_answer(holder: Holder, blinded: Sequence[Element], evaluated: Sequence[bytes], proof: bytes) -> Verified:
    """One holder's answer, as soon as it is there, against its own public share.

    `Evidence` with the holder's id for whatever is wrong with it: a count, an element, the proof, the key. Another
    holder may then be asked. `blinded` are the node's own elements, as they were sent.
    """
    try:
        parsed = voprf.verify(holder.public_share, blinded, evaluated, proof)
    except (Malformed, Evidence) as error:
        place = "" if not isinstance(error, Malformed) or error.item is None else f" (element {error.item})"
        message = f"key holder {holder.party} (share {holder.number}) answered wrongly: {error.message}{place}"
        raise Evidence(message, party=holder.party) from error
    return Verified(holder, tuple(blinded), parsed)


def combine(
    inputs: Sequence[SecretBytes], blinds: Sequence[Scalar], answers: Sequence[Verified], threshold: int
) -> list[SecretBytes]:
    """The outputs, 64 bytes each, as the whole key would give them, from exactly `threshold` verified answers.

    `Malformed` where the answers are not of that many different holders to one request of this size. Not checked: that
    the answers' blinded elements were made of these inputs and blinds.
    """
    numbers = [answer.holder.number for answer in answers]
    _check_numbers(numbers)
    if len(answers) != threshold:
        raise Malformed(f"{threshold} key holders' answers are needed, not {len(answers)}")
    if any(answer.blinded != answers[0].blinded for answer in answers):
        raise Malformed("the key holders' answers are to different requests")
    if not len(inputs) == len(blinds) == len(answers[0].blinded):
        raise Malformed(f"{len(answers[0].blinded)} elements came with {len(inputs)} inputs and {len(blinds)} blinds")
    weights, divisor = _whole_weights(numbers)
    # Whole weights are small, and adding is cheap: one multiplication is left, by 1 / (blind · divisor).
    unblinding = ristretto.invert_each([blind * Scalar.public(divisor) for blind in blinds] if divisor != 1 else blinds)
    sums = [_weighted(weights, parts) for parts in zip(*(answer.evaluated for answer in answers), strict=True)]
    return [voprf.output(data, part) for data, part in zip(inputs, ristretto.multiply_pairs(unblinding, sums), strict=True)]


def _whole_weights(numbers: Sequence[int]) -> tuple[list[int], int]:
    """Lagrange's coefficients at 0 as whole numbers over one divisor; public, as share numbers are."""
    coefficients = [
        math.prod((Fraction(-other, number - other) for other in numbers if other != number), start=Fraction(1))
        for number in numbers
    ]
    divisor = math.lcm(*(each.denominator for each in coefficients))
    return [int(each * divisor) for each in coefficients], divisor


def _weighted(weights: Sequence[int], elements: Sequence[Element]) -> Element:
    """The sum of the elements, each taken as often as its whole weight says, bit by bit from the highest."""
    total: bytes = ristretto.IDENTITY
    for bit in reversed(range(max(abs(weight).bit_length() for weight in weights))):
        if total != ristretto.IDENTITY:
            total = ristretto.add(total, total)
        for weight, element in zip(weights, elements, strict=True):
            if abs(weight) >> bit & 1:
                total = ristretto.add(total, element) if weight > 0 else ristretto.subtract(total, element)
    if total == ristretto.IDENTITY:
        raise Malformed("the key holders' parts cancel each other: their shares make no key")
    return Element(total)


def _raw(scalars: Iterable[Scalar]) -> list[bytes]:
    return [scalar.reveal() for scalar in scalars]


def _check_numbers(numbers: Sequence[int]) -> None:
    for number in numbers:
        if not 1 <= number <= MAX_NUMBER:
            raise Malformed(f"a share number is 1 to {MAX_NUMBER}, not {number}", field="number")
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise Malformed(f"share number {twice[0]} occurs twice", field="number")


def _check_threshold(threshold: int, holders: int) -> None:
    if not 1 <= threshold <= holders:
        raise Malformed(f"a threshold is 1 to the number of holders ({holders}), not {threshold}", field="threshold")
