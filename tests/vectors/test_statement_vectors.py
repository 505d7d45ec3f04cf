"""proto/vectors/statement.json: our code reads and writes these bytes, and they are what PROTOCOL §15 says."""

import base64
import hashlib
import json
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from raakvlak_protocol import statement
from raakvlak_protocol.errors import Evidence, Malformed
from raakvlak_protocol.note import NoteKey
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.statement import Charged, Statement, Submission
from tests.vectors.make_protocol_vectors import FOLDER

Vector = dict[str, Any]
VECTORS: Vector = json.loads((FOLDER / "statement.json").read_text("ascii"))
KEY = NoteKey.parse(VECTORS["key"]["vkey"])
SEED = SecretBytes(bytes.fromhex(VECTORS["key"]["seed"]))
ERRORS = {"malformed": Malformed, "evidence": Evidence}


def each(name: str, named: str = "class") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[name], ids=[vector[named] for vector in VECTORS[name]])


def noted(text: str) -> bytes:
    """A signed note over the text, made from PROTOCOL §15 alone."""
    name, public_key = VECTORS["key"]["name"], bytes.fromhex(VECTORS["key"]["public_key"])
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]
    signature = Ed25519PrivateKey.from_private_bytes(SEED.reveal()).sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(key_id + signature).decode()}\n".encode()


@each("statements", "name")
def test_a_statement_and_its_submission(vector: Vector) -> None:
    counts = {
        (each["member"], each["namespace"], each["epoch"]): Charged(each["day"], each["total"]) for each in vector["counts"]
    }
    stated = Statement(KEY.name, date.fromisoformat(vector["day"]), counts)
    raw, handed_in = bytes.fromhex(vector["statement"]), bytes.fromhex(vector["submission"])
    assert stated.text == vector["text"]
    assert statement.sign(stated, SEED) == raw
    assert statement.verify(raw, KEY) == stated
    assert statement.statement_hash(raw).hex() == vector["hash"]
    assert statement.submission(raw, KEY.name, SEED) == handed_in
    assert statement.verify_submission(handed_in, KEY) == Submission(KEY.name, stated.day, bytes.fromhex(vector["hash"]))
    assert statement.submitter(handed_in) == KEY.name


@each("statements", "name")
def test_they_are_what_the_text_says(vector: Vector) -> None:
    lines = [" ".join(map(str, each.values())) for each in vector["counts"]]
    text = "\n".join(["raakvlak/v1/evaluations", KEY.name, vector["day"], *lines, ""])
    raw = noted(text)
    assert raw.hex() == vector["statement"]
    hash = hashlib.sha256(raw).digest()
    assert hash.hex() == vector["hash"]
    encoded = base64.b64encode(hash).decode()
    assert noted(f"raakvlak/v1/statement\n{KEY.name}\n{vector['day']}\n{encoded}\n").hex() == vector["submission"]


@each("invalid_statements")
def test_a_statement_that_is_refused(vector: Vector) -> None:
    with pytest.raises(ERRORS[vector["error"]]) as refused:
        statement.verify(bytes.fromhex(vector["statement"]), KEY)
    if isinstance(refused.value, Evidence):
        assert refused.value.party == KEY.name


@each("invalid_submissions")
def test_a_submission_that_is_refused(vector: Vector) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        statement.verify_submission(bytes.fromhex(vector["submission"]), KEY)
