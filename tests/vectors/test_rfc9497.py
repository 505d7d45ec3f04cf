"""Every vector of RFC 9497, Appendix A.1, for modes OPRF and VOPRF, proofs to the byte.

Mode POPRF (2) is no part of Raakvlak. The file is the CFRG's and stands beside the project, not in it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import voprf
from raakvlak_protocol.ristretto import Scalar, parse_element
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.voprf import Evaluation, KeyPair, Mode

FILE = Path(__file__).parents[3] / "shared" / "vectors" / "rfc9497-ristretto255-sha512.json"


@dataclass(frozen=True)
class Case:
    """One vector with its suite's key, lists split."""

    key: KeyPair
    inputs: list[SecretBytes]
    blinds: list[Scalar]
    blinded: list[bytes]
    evaluated: list[bytes]
    outputs: list[bytes]
    proof: bytes
    nonce: bytes

    def random(self, size: int) -> bytes:
        """The RFC names the proof's nonce itself; with zeros behind it, it reduces to just that."""
        return self.nonce.ljust(size, b"\0")


def hexes(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def suite_of(mode: Mode) -> dict[str, Any]:
    if not FILE.exists():
        # Nothing that could be installed: the file is not ours to ship, and proto/vectors has its own.
        pytest.skip(f"missing: the RFC's vectors at ../{FILE.relative_to(FILE.parents[2])} beside the project")
    [suite] = [suite for suite in json.loads(FILE.read_text("utf-8")) if suite["mode"] == mode]
    assert isinstance(suite, dict)
    return suite


def cases_of(mode: Mode) -> Iterator[Case]:
    suite = suite_of(mode)
    for vector in suite["vectors"]:
        proof = vector.get("Proof", {"proof": "", "r": ""})
        case = Case(
            KeyPair.of(Scalar(bytes.fromhex(suite["skSm"]))),
            [SecretBytes(data) for data in hexes(vector["Input"])],
            [Scalar(data) for data in hexes(vector["Blind"])],
            hexes(vector["BlindedElement"]),
            hexes(vector["EvaluationElement"]),
            hexes(vector["Output"]),
            bytes.fromhex(proof["proof"]),
            bytes.fromhex(proof["r"]),
        )
        assert len(case.inputs) == vector["Batch"]
        yield case


@pytest.mark.parametrize("mode", Mode)
def test_the_key_pair_is_derived_from_the_seed(mode: Mode) -> None:
    suite = suite_of(mode)
    key = voprf.derive_key_pair(SecretBytes(bytes.fromhex(suite["seed"])), bytes.fromhex(suite["keyInfo"]), mode)
    assert key.secret.reveal().hex() == suite["skSm"]
    if mode is Mode.VOPRF:
        assert key.public.hex() == suite["pkSm"]


@pytest.mark.parametrize("mode", Mode)
def test_inputs_are_blinded(mode: Mode) -> None:
    for case in cases_of(mode):
        assert voprf.blind(case.inputs, case.blinds, mode) == case.blinded


@pytest.mark.parametrize("mode", Mode)
def test_elements_are_evaluated(mode: Mode) -> None:
    for case in cases_of(mode):
        assert voprf.blind_evaluate(case.key.secret, case.blinded) == case.evaluated


def test_the_proof_is_the_same_to_the_byte() -> None:
    for case in cases_of(Mode.VOPRF):
        answer = voprf.blind_evaluate_and_prove(case.key, case.blinded, case.random)
        assert answer == Evaluation(tuple(map(parse_element, case.evaluated)), case.proof)


@pytest.mark.parametrize("mode", Mode)
def test_outputs_are_finalized(mode: Mode) -> None:
    for case in cases_of(mode):
        outputs = voprf.finalize(case.inputs, case.blinds, case.evaluated)
        assert [output.reveal() for output in outputs] == case.outputs


def test_outputs_are_finalized_after_the_proof() -> None:
    for case in cases_of(Mode.VOPRF):
        answer = Evaluation(tuple(map(parse_element, case.evaluated)), case.proof)
        blinded = list(map(parse_element, case.blinded))
        outputs = voprf.verifiable_finalize(case.inputs, case.blinds, blinded, case.key.public, answer)
        assert [output.reveal() for output in outputs] == case.outputs


@pytest.mark.parametrize("mode", Mode)
def test_outputs_are_the_same_without_blinding(mode: Mode) -> None:
    for case in cases_of(mode):
        outputs = [voprf.evaluate(case.key.secret, data, mode).reveal() for data in case.inputs]
        assert outputs == case.outputs
