"""Our VOPRF against an independent implementation: `@noble/curves`, under Node.js, over JSON.

Each side plays the client and the key holder. A fresh clone installs the package once, from the lock file's hashes.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from raakvlak_protocol import ristretto, threshold, voprf
from raakvlak_protocol.errors import Evidence
from raakvlak_protocol.ristretto import Element, Scalar, parse_element
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.threshold import Holder
from raakvlak_protocol.voprf import KeyPair
from tests.require import require

FOLDER = Path(__file__).parent
LEAST_NODE = (20, 19)
INSTALL_SECONDS = 120
STEP_SECONDS = 30
INPUTS = [SecretBytes(b"person %d" % number) for number in range(20)]


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js, with the peer installed beside its script."""
    program, npm = shutil.which("node"), shutil.which("npm")
    require(program is not None and npm is not None, "Node.js and npm, for the independent peer")
    assert program is not None
    assert npm is not None
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=STEP_SECONDS)
    version = tuple(int(part) for part in shown.stdout.strip().removeprefix("v").split(".")[:2])
    require(version >= LEAST_NODE, f"Node.js 20.19 or later, for the independent peer (here: {shown.stdout.strip()})")
    if not (FOLDER / "node_modules" / "@noble" / "curves" / "package.json").exists():
        _install(npm)
    return program


def _install(npm: str) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        require(False, f"an npm registry that answers within {INSTALL_SECONDS} s, for the independent peer")
    else:
        require(done.returncode == 0, f"@noble/curves, for the independent peer: npm ci failed: {done.stderr[-500:]}")


def ask(node: str, step: str, **request: Any) -> dict[str, Any]:
    """What the peer answers to one step; bytes and secrets go as hex."""
    done = subprocess.run(
        [node, str(FOLDER / "noble.mjs")],
        input=json.dumps({"step": step, **request}, default=_hex),
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def _hex(value: object) -> str:
    if isinstance(value, SecretBytes):
        return value.reveal().hex()
    assert isinstance(value, bytes)
    return value.hex()


def raw(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def asked() -> tuple[list[Scalar], list[Element]]:
    blinds = voprf.new_blinds(len(INPUTS), os.urandom)
    return blinds, voprf.blind(INPUTS, blinds)


def fresh_key() -> KeyPair:
    return KeyPair.of(ristretto.random_scalar(os.urandom))


def test_both_derive_the_same_key_pair(node: str) -> None:
    seed = SecretBytes(os.urandom(32))
    ours = voprf.derive_key_pair(seed, b"label")
    theirs = ask(node, "derive", seed=seed, info=b"label")
    assert theirs == {"secret": ours.secret.reveal().hex(), "public": ours.public.hex()}


def test_the_peer_evaluates_what_we_blind_and_we_accept_its_proof(node: str) -> None:
    key, (blinds, blinded) = fresh_key(), asked()
    answer = ask(node, "evaluate", secret=key.secret, public=key.public, blinded=blinded)
    evaluated = voprf.verify(key.public, blinded, raw(answer["evaluated"]), bytes.fromhex(answer["proof"]))
    assert voprf.finalize(INPUTS, blinds, evaluated) == [voprf.evaluate(key.secret, data) for data in INPUTS]


def test_we_refuse_the_peers_proof_under_another_key(node: str) -> None:
    key, (_, blinded) = fresh_key(), asked()
    answer = ask(node, "evaluate", secret=key.secret, public=key.public, blinded=blinded)
    with pytest.raises(Evidence):
        voprf.verify(fresh_key().public, blinded, raw(answer["evaluated"]), bytes.fromhex(answer["proof"]))


def test_the_peer_accepts_our_batch_proof(node: str) -> None:
    key, (blinds, blinded) = fresh_key(), asked()
    answer = voprf.blind_evaluate_and_prove(key, blinded, os.urandom)
    request = {"inputs": INPUTS, "blinds": blinds, "blinded": blinded, "evaluated": list(answer.elements)}
    theirs = ask(node, "finalize", **request, public=key.public, proof=answer.proof)
    assert raw(theirs["outputs"]) == [voprf.evaluate(key.secret, data).reveal() for data in INPUTS]


def test_the_peer_refuses_our_batch_proof_under_another_key(node: str) -> None:
    key, (blinds, blinded) = fresh_key(), asked()
    answer = voprf.blind_evaluate_and_prove(key, blinded, os.urandom)
    request = {"inputs": INPUTS, "blinds": blinds, "blinded": blinded, "evaluated": list(answer.elements)}
    theirs = ask(node, "finalize", **request, public=fresh_key().public, proof=answer.proof)
    assert theirs == {"refused": "proof verification failed"}


def test_we_evaluate_what_the_peer_blinds(node: str) -> None:
    key, theirs = fresh_key(), ask(node, "blind", inputs=INPUTS)
    answer = voprf.blind_evaluate_and_prove(key, raw(theirs["blinded"]), os.urandom)
    made = ask(node, "finalize", inputs=INPUTS, **theirs, evaluated=answer.elements, public=key.public, proof=answer.proof)
    assert raw(made["outputs"]) == [voprf.evaluate(key.secret, data).reveal() for data in INPUTS]


def test_two_peers_as_key_holders_give_what_the_whole_key_would(node: str) -> None:
    """The peer knows nothing of thresholds: it is a key holder under a share."""
    secret = ristretto.random_scalar(os.urandom)
    shares = threshold.split(secret, 2, [1, 2, 3], os.urandom)
    blinds, blinded = asked()
    answers = []
    for number in (1, 3):
        key = KeyPair.of(shares[number])
        answer = ask(node, "evaluate", secret=key.secret, public=key.public, blinded=blinded)
        holder = Holder(f"keyholder-{number}", number, parse_element(key.public))
        proof = bytes.fromhex(answer["proof"])
        answers.append(threshold.verify_answer(holder, blinded, raw(answer["evaluated"]), proof))
    outputs = threshold.combine(INPUTS, blinds, answers, 2)
    assert outputs == [voprf.evaluate(secret, data) for data in INPUTS]
