"""proto/vectors/act.json: our code writes these bytes, and they are what PROTOCOL §19 says, made here from that text alone."""

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.public import PrivateKey

from raakvlak_protocol import letter, letter_content
from raakvlak_protocol.follow_up_content import FollowUp
from raakvlak_protocol.letter import NO_PREVIOUS, DeskHeader
from raakvlak_protocol.secret import SecretBytes
from tests.vectors import make_act
from tests.vectors.fixed import fixed
from tests.vectors.make_protocol_vectors import FOLDER

Vector = dict[str, Any]
VECTORS: Vector = json.loads((FOLDER / "act.json").read_text("ascii"))


def field(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def hashed(prefix: str, content: bytes) -> str:
    return hashlib.sha256(field(prefix) + content).hexdigest()


PARTIES = [field(each["member"]) + field(each["reference"]) for each in VECTORS["pair"]]


@pytest.mark.parametrize("act", VECTORS["acts"], ids=[f"{each['author']} {each['number']}" for each in VECTORS["acts"]])
def test_an_act_is_what_the_text_says(act: Vector) -> None:
    statement = (
        field("raakvlak/v1/act") + field(VECTORS["covenant"]) + b"".join(PARTIES) + field(act["author"])
        + number(act["number"], 4) + number(len(act["after"]), 1) + bytes.fromhex("".join(act["after"])) + number(act["at"], 8)
        + number(act["kind"], 1) + number(act["cause"], 1) + field(act["day"]) + field(act["lead"])
        + bytes.fromhex(act["about"]) + bytes.fromhex(act["text_hash"])
    )  # fmt: skip
    assert statement.hex() == act["statement"]
    assert hashed("raakvlak/v1/act-hash", statement) == act["hash"]
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(VECTORS["keys"][act["author"]]))
    key.verify(bytes.fromhex(act["signature"]), statement)


def test_everybody_reads_them_in_one_order() -> None:
    ordered = sorted(VECTORS["acts"], key=lambda each: (each["number"], each["author"], each["hash"]))
    assert [each["hash"] for each in ordered] == VECTORS["order"]


def test_a_text_an_agreement_and_its_signature_are_what_the_text_says() -> None:
    text, told, made = VECTORS["text"], VECTORS["agreement"], make_act.AGREEMENT
    assert hashed("raakvlak/v1/act-text", bytes.fromhex(text["salt"]) + field(text["text"])) == text["hash"]
    tasks = b"".join(field(each.who) + field(each.what) + field(each.by.isoformat()) for each in made.tasks)
    encoded = (
        made.salt + number(1, 4) + bytes(32) + number(2, 1) + b"".join(PARTIES) + field("school") + number(2, 1) + tasks
        + field(date(2027, 1, 15).isoformat()) + number(1, 1) + number(3, 1) + field("asked to wait")
    )  # fmt: skip
    assert encoded.hex() == told["encoded"]
    assert hashed("raakvlak/v1/agreement", encoded) == told["hash"]
    signed = (
        field("raakvlak/v1/agreement-signature") + field(VECTORS["covenant"]) + bytes.fromhex(told["hash"]) + PARTIES[1]
        + number(told["at"], 8)
    )  # fmt: skip
    assert signed.hex() == told["statement"]
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(VECTORS["keys"]["town"])).verify(bytes.fromhex(told["signature"]), signed)
    id = bytes.fromhex(told["hash"]) + PARTIES[1] + number(told["at"], 8)
    assert hashed("raakvlak/v1/agreement-signature-id", id) == told["id"]


def test_a_letter_holds_them_all() -> None:
    said = letter_content.decode(bytes.fromhex(VECTORS["content"]))
    assert isinstance(said, FollowUp)
    assert [each.hash(VECTORS["covenant"]).hex() for each in said.acts] == [each["hash"] for each in VECTORS["acts"]]
    assert (said.agreements, said.texts) == ((make_act.AGREEMENT,), (make_act.WRITTEN,))


def test_a_letter_to_a_coordinator_has_one_lock_and_is_marked() -> None:
    told, receiver = VECTORS["desk_letter"], PrivateKey.generate()
    content = bytes.fromhex(told["content"])
    header = DeskHeader(VECTORS["covenant"], fixed("desk match", 16), "school", "coordinator", 1, NO_PREVIOUS)
    assert header.encode().hex() == told["header"]
    sealed = letter.seal_once(
        header, content, signing_seed=make_act.SEEDS["school"], receiver_key=bytes(receiver.public_key)
    )  # fmt: skip
    envelope = letter.take_off_first_lock(sealed, SecretBytes(bytes(receiver)))
    assert len(sealed) == 1024 and envelope.nonce == bytes(24) and envelope.box.endswith(bytes(16))
    assert envelope.box.startswith(bytes.fromhex(told["signature"]) + number(len(content), 2) + content)
    assert letter.read_desk_letter(envelope, header, bytes.fromhex(VECTORS["keys"]["school"])) == content
    assert letter.letter_hash(header, content).hex() == told["hash"]
