"""The project's own vectors for the VOPRF and its threshold, failing ones too, and that the files are current."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import ristretto, threshold, voprf
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.ristretto import Element, Scalar, parse_element
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.threshold import Holder, Verified
from raakvlak_protocol.voprf import Evaluation, KeyPair
from tests.vectors.make_voprf_vectors import FILES, always, text_of

FOLDER = Path(__file__).parents[2] / "proto" / "vectors"
VOPRF = json.loads((FOLDER / "voprf.json").read_text("utf-8"))
THRESHOLD = json.loads((FOLDER / "threshold.json").read_text("utf-8"))
SHARINGS = {sharing["name"]: sharing for sharing in THRESHOLD["sharings"]}

Vector = dict[str, Any]


def each_of(vectors: list[Vector], name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector[name] for vector in vectors])


def raw(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def elements(texts: list[str]) -> list[Element]:
    return [parse_element(data) for data in raw(texts)]


def scalars(texts: list[str]) -> list[Scalar]:
    return [Scalar(data) for data in raw(texts)]


def secrets(texts: list[str]) -> list[SecretBytes]:
    return [SecretBytes(data) for data in raw(texts)]


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_the_generator_writes(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == text_of(FILES[name]())


@each_of(VOPRF["evaluations"], "name")
def test_a_batch(vector: Vector) -> None:
    key = voprf.derive_key_pair(SecretBytes(bytes.fromhex(vector["seed"])), bytes.fromhex(vector["info"]))
    assert (key.secret.reveal().hex(), key.public.hex()) == (vector["secret"], vector["public"])
    inputs, blinds = secrets(vector["inputs"]), scalars(vector["blinds"])
    blinded = voprf.blind(inputs, blinds)
    assert blinded == raw(vector["blinded"])
    answer = voprf.blind_evaluate_and_prove(key, blinded, always(bytes.fromhex(vector["nonce"])))
    assert answer == Evaluation(tuple(elements(vector["evaluated"])), bytes.fromhex(vector["proof"]))
    outputs = voprf.verifiable_finalize(inputs, blinds, blinded, key.public, answer)
    assert outputs == secrets(vector["outputs"])


@each_of(VOPRF["refused_requests"], "class")
def test_a_request_that_is_refused(vector: Vector) -> None:
    key = KeyPair.of(*scalars([vector["secret"]]))
    with pytest.raises(Malformed) as caught:
        voprf.blind_evaluate_and_prove(key, raw(vector["blinded"]), always(b"\x05" * 64))
    assert caught.value.item == vector["item"]


@each_of(VOPRF["refused_answers"], "class")
def test_an_answer_that_is_refused(vector: Vector) -> None:
    [public], blinded, evaluated = elements([vector["public"]]), elements(vector["blinded"]), raw(vector["evaluated"])
    proof = bytes.fromhex(vector["proof"])
    expected = {"malformed": Malformed, "evidence": Evidence}[vector["error"]]
    with pytest.raises(expected) as caught:
        voprf.verify(public, blinded, evaluated, proof)
    if isinstance(caught.value, Malformed):
        assert caught.value.item == vector["item"]
    with pytest.raises(Evidence, match="keyholder-4") as blamed:
        threshold.verify_answer(Holder("keyholder-4", 4, public), blinded, evaluated, proof)
    assert blamed.value.party == "keyholder-4"


def answers_of(sharing: Vector) -> dict[int, Verified]:
    blinded = elements(sharing["blinded"])
    return {
        holder["number"]: threshold.verify_answer(
            Holder(f"keyholder-{holder['number']}", holder["number"], *elements([holder["public_share"]])),
            blinded,
            raw(holder["evaluated"]),
            bytes.fromhex(holder["proof"]),
        )
        for holder in sharing["holders"]
    }


@each_of(THRESHOLD["sharings"], "name")
def test_any_quorum_gives_the_outputs(vector: Vector) -> None:
    inputs, blinds = secrets(vector["inputs"]), scalars(vector["blinds"])
    assert voprf.blind(inputs, blinds) == raw(vector["blinded"])
    for quorum in itertools.permutations(answers_of(vector).values(), vector["threshold"]):
        outputs = threshold.combine(inputs, blinds, quorum, vector["threshold"])
        assert outputs == secrets(vector["outputs"])


@each_of(THRESHOLD["sharings"], "name")
def test_a_holder_is_an_ordinary_key_holder_under_its_share(vector: Vector) -> None:
    for holder in vector["holders"]:
        key = KeyPair.of(*scalars([holder["share"]]))
        assert key.public.hex() == holder["public_share"]
        nonce = bytes.fromhex(holder["nonce"])
        answer = voprf.blind_evaluate_and_prove(key, raw(vector["blinded"]), always(nonce))
        assert answer == Evaluation(tuple(elements(holder["evaluated"])), bytes.fromhex(holder["proof"]))


@each_of(THRESHOLD["sharings"], "name")
def test_the_shares_lie_on_one_polynomial(vector: Vector) -> None:
    shares = {holder["number"]: parse_element(bytes.fromhex(holder["public_share"])) for holder in vector["holders"]}
    threshold.verify_polynomial(parse_element(bytes.fromhex(vector["group_key"])), shares, vector["threshold"])
    assert ristretto.multiply_base(*scalars([vector["secret"]])).hex() == vector["group_key"]


@each_of(THRESHOLD["refused_shares"], "class")
def test_shares_that_are_refused(vector: Vector) -> None:
    shares = {share["number"]: parse_element(bytes.fromhex(share["public_share"])) for share in vector["shares"]}
    with pytest.raises(Malformed) as caught:
        threshold.verify_polynomial(parse_element(bytes.fromhex(vector["group_key"])), shares, vector["threshold"])
    named = ", ".join("the group key" if number == 0 else f"share {number}" for number in vector["wrong"])
    if named:
        assert f": {named};" in caught.value.message
    else:
        assert "not on the polynomial of the other" not in caught.value.message


@each_of(THRESHOLD["refused_combinations"], "class")
def test_answers_that_are_not_combined(vector: Vector) -> None:
    sharing = SHARINGS[vector["sharing"]]
    answers = answers_of(sharing)
    with pytest.raises(Malformed):
        threshold.combine(
            secrets(sharing["inputs"]),
            scalars(sharing["blinds"]),
            [answers[number] for number in vector["numbers"]],
            sharing["threshold"],
        )


@pytest.mark.parametrize("number", THRESHOLD["refused_numbers"])
def test_a_share_number_that_is_none(number: int) -> None:
    with pytest.raises(Malformed, match="1 to 255"):
        Holder("keyholder-1", number, ristretto.multiply_base(Scalar.public(2)))
