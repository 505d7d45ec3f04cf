"""What must hold of the threshold for every key, every set of share numbers and every quorum."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raakvlak_protocol import ristretto, threshold, voprf
from raakvlak_protocol.errors import Evidence, Malformed, TooLarge
from raakvlak_protocol.ristretto import IDENTITY, ORDER, Element, Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.threshold import Holder, Verified
from raakvlak_protocol.voprf import KeyPair

SOME = settings(max_examples=25, deadline=None)


class Drawn:
    """Randomness from a seed: what a failing example draws, it draws again."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(f"{self.seed} {self.calls}".encode()).digest(size)


@dataclass(frozen=True)
class Federation:
    """A shared key, its holders, and the randomness that made them."""

    threshold: int
    secret: Scalar
    keys: dict[int, KeyPair]
    random: Drawn

    @property
    def group_key(self) -> Element:
        return ristretto.multiply_base(self.secret)

    @property
    def public_shares(self) -> dict[int, Element]:
        return {number: key.public for number, key in self.keys.items()}

    def answer(self, number: int, blinded: Sequence[Element]) -> Verified:
        answer = voprf.blind_evaluate_and_prove(self.keys[number], blinded, self.random)
        return threshold.verify_answer(self.holder(number), blinded, answer.elements, answer.proof)

    def holder(self, number: int) -> Holder:
        return Holder(f"keyholder-{number}", number, self.keys[number].public)


@st.composite
def federations(draw: st.DrawFn, *, least: int = 1, spare: int = 0) -> Federation:
    """`least` or more shares make the key; at least `spare` holders more than that."""
    needed = draw(st.integers(least, 4))
    size = draw(st.integers(needed + spare, 6))
    numbers = draw(st.lists(st.integers(1, 255), min_size=size, max_size=size, unique=True))
    random = Drawn(draw(st.integers(0, 2**32)))
    secret = ristretto.random_scalar(random)
    shares = threshold.split(secret, needed, numbers, random)
    return Federation(needed, secret, {number: KeyPair.of(share) for number, share in shares.items()}, random)


batches = st.lists(st.binary(max_size=40), min_size=1, max_size=4)


def secrets(inputs: list[bytes]) -> list[SecretBytes]:
    return [SecretBytes(data) for data in inputs]


@SOME
@given(federations(), batches, st.data())
def test_any_quorum_gives_what_the_whole_key_gives(federation: Federation, inputs: list[bytes], data: st.DataObject) -> None:
    quorum = data.draw(st.permutations(sorted(federation.keys)))[: federation.threshold]
    blinds = voprf.new_blinds(len(inputs), federation.random)
    blinded = voprf.blind(secrets(inputs), blinds)
    answers = [federation.answer(number, blinded) for number in quorum]
    outputs = threshold.combine(secrets(inputs), blinds, answers, federation.threshold)
    assert outputs == [voprf.evaluate(federation.secret, each) for each in secrets(inputs)]


@SOME
@given(federations(least=2), batches)
def test_fewer_shares_than_the_threshold_give_something_else(federation: Federation, inputs: list[bytes]) -> None:
    few = sorted(federation.keys)[: federation.threshold - 1]
    blinds = voprf.new_blinds(len(inputs), federation.random)
    blinded = voprf.blind(secrets(inputs), blinds)
    answers = [federation.answer(number, blinded) for number in few]
    # Asked for under a lower threshold, as a node would that got the threshold wrong.
    outputs = threshold.combine(secrets(inputs), blinds, answers, len(few))
    for output, each in zip(outputs, secrets(inputs), strict=True):
        assert output != voprf.evaluate(federation.secret, each)


@SOME
@given(federations())
def test_honest_shares_lie_on_the_polynomial(federation: Federation) -> None:
    threshold.verify_polynomial(federation.group_key, federation.public_shares, federation.threshold)


@SOME
@given(federations(spare=2), st.data())
def test_one_wrong_share_is_found_by_its_number(federation: Federation, data: st.DataObject) -> None:
    wrong = data.draw(st.sampled_from(sorted(federation.keys)))
    stray = ristretto.multiply_base(ristretto.random_scalar(federation.random))
    with pytest.raises(Malformed, match=rf": share {wrong};"):
        threshold.verify_polynomial(federation.group_key, {**federation.public_shares, wrong: stray}, federation.threshold)


@SOME
@given(federations(spare=1))
def test_a_wrong_group_key_is_found(federation: Federation) -> None:
    stray = ristretto.multiply_base(ristretto.random_scalar(federation.random))
    with pytest.raises(Malformed, match="the group key"):
        threshold.verify_polynomial(stray, federation.public_shares, federation.threshold)


@SOME
@given(federations(), st.data())
def test_a_wrong_share_never_passes(federation: Federation, data: st.DataObject) -> None:
    wrong = data.draw(st.sampled_from(sorted(federation.keys)))
    stray = ristretto.multiply_base(ristretto.random_scalar(federation.random))
    with pytest.raises(Malformed):
        threshold.verify_polynomial(federation.group_key, {**federation.public_shares, wrong: stray}, federation.threshold)


@SOME
@given(federations(least=2), st.data())
def test_shares_of_a_lower_degree_are_refused(federation: Federation, data: st.DataObject) -> None:
    """Otherwise a dealer could give fewer holders the whole key than the covenant says."""
    lower = data.draw(st.integers(1, federation.threshold - 1))
    shares = threshold.split(federation.secret, lower, sorted(federation.keys), federation.random)
    public_shares = {number: ristretto.multiply_base(share) for number, share in shares.items()}
    with pytest.raises(Malformed, match=f"fewer than {federation.threshold}"):
        threshold.verify_polynomial(federation.group_key, public_shares, federation.threshold)


@SOME
@given(federations(), batches, st.data())
def test_a_holder_that_answers_under_another_key_is_blamed(
    federation: Federation, inputs: list[bytes], data: st.DataObject
) -> None:
    number = data.draw(st.sampled_from(sorted(federation.keys)))
    blinded = voprf.blind(secrets(inputs), voprf.new_blinds(len(inputs), federation.random))
    stranger = KeyPair.of(ristretto.random_scalar(federation.random))
    answer = voprf.blind_evaluate_and_prove(stranger, blinded, federation.random)
    with pytest.raises(Evidence, match=f"keyholder-{number} ") as caught:
        threshold.verify_answer(federation.holder(number), blinded, answer.elements, answer.proof)
    assert caught.value.party == f"keyholder-{number}"


@SOME
@given(federations(), batches, st.data())
def test_any_changed_bit_of_an_answer_is_found(federation: Federation, inputs: list[bytes], data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(federation.keys)))
    blinded = voprf.blind(secrets(inputs), voprf.new_blinds(len(inputs), federation.random))
    answer = voprf.blind_evaluate_and_prove(federation.keys[number], blinded, federation.random)
    parts: list[bytes] = [*answer.elements, answer.proof]
    place = data.draw(st.integers(0, len(parts) - 1))
    changed = bytearray(parts[place])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    parts[place] = bytes(changed)
    *evaluated, proof = parts
    with pytest.raises(Evidence):
        threshold.verify_answer(federation.holder(number), blinded, evaluated, proof)


@SOME
@given(federations(least=2))
def test_answers_to_different_requests_are_not_combined(federation: Federation) -> None:
    inputs = secrets([b"one person"])
    answers = []
    for number in sorted(federation.keys)[: federation.threshold]:
        blinds = voprf.new_blinds(1, federation.random)
        answers.append(federation.answer(number, voprf.blind(inputs, blinds)))
    with pytest.raises(Malformed, match="different requests"):
        threshold.combine(inputs, blinds, answers, federation.threshold)


def two_of_three() -> Federation:
    random = Drawn(1)
    secret = ristretto.random_scalar(random)
    shares = threshold.split(secret, 2, [1, 2, 3], random)
    return Federation(2, secret, {number: KeyPair.of(share) for number, share in shares.items()}, random)


def test_one_holder_is_not_counted_twice() -> None:
    federation = two_of_three()
    inputs, blinds = secrets([b"one person"]), voprf.new_blinds(1, federation.random)
    answer = federation.answer(2, voprf.blind(inputs, blinds))
    with pytest.raises(Malformed, match="share number 2 occurs twice"):
        threshold.combine(inputs, blinds, [answer, answer], 2)


def test_the_identity_is_refused_from_a_node_and_from_a_holder() -> None:
    federation = two_of_three()
    blinded = voprf.blind(secrets([b"a", b"b"]), voprf.new_blinds(2, federation.random))
    with pytest.raises(Malformed) as caught:
        voprf.blind_evaluate_and_prove(federation.keys[1], [blinded[0], IDENTITY], federation.random)
    assert caught.value.item == 1
    answer = voprf.blind_evaluate_and_prove(federation.keys[1], blinded, federation.random)
    with pytest.raises(Evidence, match=r"keyholder-1 .*identity.*element 1"):
        threshold.verify_answer(federation.holder(1), blinded, [answer.elements[0], IDENTITY], answer.proof)


def test_parts_that_cancel_make_no_output() -> None:
    """Shares of no key: proofs hold, and what they make would be the same for every person."""
    random = Drawn(2)
    # With 1 and 2 the value at 0 is 2·f(1) - f(2), which is nothing for f(x) = x.
    keys = {1: KeyPair.of(Scalar.public(1)), 2: KeyPair.of(Scalar.public(2))}
    federation = Federation(2, Scalar.public(1), keys, random)
    inputs, blinds = secrets([b"one person"]), voprf.new_blinds(1, random)
    blinded = voprf.blind(inputs, blinds)
    with pytest.raises(Malformed, match="cancel"):
        threshold.combine(inputs, blinds, [federation.answer(number, blinded) for number in (1, 2)], 2)


@pytest.mark.parametrize(("inputs", "blinds"), [(1, 2), (2, 1), (1, 1), (3, 3)])
def test_lists_of_different_lengths_are_not_combined(inputs: int, blinds: int) -> None:
    federation = two_of_three()
    blinded = voprf.blind(secrets([b"a", b"b"]), voprf.new_blinds(2, federation.random))
    answers = [federation.answer(number, blinded) for number in (1, 2)]
    with pytest.raises(Malformed):
        threshold.combine(secrets([b"a"] * inputs), voprf.new_blinds(blinds, federation.random), answers, 2)


@pytest.mark.parametrize("needed", [0, 4, -1])
def test_a_threshold_that_can_not_be_is_refused(needed: int) -> None:
    federation = two_of_three()
    with pytest.raises(Malformed, match="threshold"):
        threshold.split(federation.secret, needed, [1, 2, 3], federation.random)
    with pytest.raises(Malformed, match="threshold"):
        threshold.verify_polynomial(federation.group_key, federation.public_shares, needed)


@pytest.mark.parametrize("numbers", [[0, 1, 2], [1, 2, 256], [1, 2, 2]])
def test_share_numbers_are_distinct_and_1_to_255(numbers: list[int]) -> None:
    with pytest.raises(Malformed, match="share number"):
        threshold.split(Scalar.public(5), 2, numbers, Drawn(3))


def test_a_batch_is_neither_empty_nor_larger_than_1024() -> None:
    federation = two_of_three()
    element = federation.group_key
    full = [element] * voprf.MAX_BATCH
    answer = voprf.blind_evaluate_and_prove(federation.keys[1], full, federation.random)
    assert len(threshold.verify_answer(federation.holder(1), full, answer.elements, answer.proof).evaluated) == 1024
    with pytest.raises(TooLarge, match="1024"):
        voprf.blind_evaluate_and_prove(federation.keys[1], [*full, element], federation.random)
    with pytest.raises(Malformed, match="empty"):
        voprf.blind_evaluate_and_prove(federation.keys[1], [], federation.random)


def test_lagrange_coefficients_sum_a_polynomial_to_its_value() -> None:
    numbers = [3, 7, 250]
    for at in (0, 1, 255):
        coefficients = [int.from_bytes(each.reveal(), "little") for each in threshold.lagrange(numbers, at)]
        for degree in range(len(numbers)):
            total = sum(each * number**degree for each, number in zip(coefficients, numbers, strict=True))
            assert total % ORDER == math.pow(at, degree)


def test_what_holds_a_secret_does_not_print_it() -> None:
    federation = two_of_three()
    key = federation.keys[1]
    shown = f"{key!r} {replace(key)} {threshold.split(key.secret, 1, [4], federation.random)!r}"
    assert key.secret.reveal().hex() not in shown
    assert repr(key.secret.reveal()) not in shown
