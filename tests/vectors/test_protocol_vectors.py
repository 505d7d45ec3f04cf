"""The protocol's own vectors: our code gives what they say, and they say what PROTOCOL.md says.

The failing ones must fail with the error of their kind. Where another implementation of a primitive is at hand
(`cryptography`, `struct`), the expected bytes are made a second time from the text of PROTOCOL.md, so that a mistake in
our code can't write itself into the vectors unseen.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from raakvlak_protocol import covenant, identifier, letter, letter_content, publication, relation, term, token
from raakvlak_protocol.errors import Evidence, Malformed, RaakvlakError, Refused
from raakvlak_protocol.identifier import Address, Bsn, Identifier
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.letter import Header
from raakvlak_protocol.letter_content import Card, CardCase, Proof
from raakvlak_protocol.publication import Visibility, Write
from raakvlak_protocol.relation import Relation
from raakvlak_protocol.ristretto import Scalar
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.token import Token
from raakvlak_protocol.v1 import covenant_pb2 as pb
from raakvlak_protocol.voprf import evaluate
from tests.vectors.make_protocol_vectors import BUILDERS, FOLDER, text_of

Vector = dict[str, Any]
ERRORS: Mapping[str, type[RaakvlakError]] = {"malformed": Malformed, "refused": Refused, "evidence": Evidence}


def load(name: str) -> Any:
    return json.loads(Path(FOLDER, f"{name}.json").read_text("ascii"))


def each(name: str, *path: str) -> pytest.MarkDecorator:
    """One test for each vector of a list in a file, named by its class."""
    vectors = load(name)
    for step in path:
        vectors = vectors[step]
    names = [str(one.get("class") or one.get("name") or "valid") for one in vectors]
    return pytest.mark.parametrize("vector", vectors, ids=names)


def secret(text: str) -> SecretBytes:
    return SecretBytes(bytes.fromhex(text))


def sized(*parts: bytes) -> bytes:
    """PROTOCOL §1, written a second time."""
    return b"".join(struct.pack(">H", len(part)) + part for part in parts)


@pytest.mark.parametrize("name", BUILDERS)
def test_the_file_is_what_the_generator_makes(name: str) -> None:
    assert Path(FOLDER, f"{name}.json").read_text("ascii") == text_of(name), (
        "run: python -m tests.vectors.make_protocol_vectors"
    )


# identifier.json


@each("identifier", "identities", "valid")
def test_identity(vector: Vector) -> None:
    identity = Identity.from_uri(vector["uri"])
    assert (identity.covenant, identity.role, identity.id) == (vector["covenant"], vector["role"], vector["id"])
    assert (identity.uri, identity.dns_name) == (vector["uri"], vector["dns_name"])


@each("identifier", "identities", "invalid")
def test_invalid_identity(vector: Vector) -> None:
    with pytest.raises(Malformed):
        Identity.from_uri(vector["uri"])


@each("identifier", "bsn", "valid")
def test_bsn(vector: Vector) -> None:
    assert Bsn.parse(vector["text"]).canonical.reveal().hex() == vector["canonical"]
    assert bytes.fromhex(vector["canonical"]).decode("ascii") == vector["text"].rjust(9, "0")


@each("identifier", "bsn", "invalid")
def test_invalid_bsn(vector: Vector) -> None:
    with pytest.raises(Malformed):
        Bsn.parse(vector["text"])


@each("identifier", "test_person", "valid")
def test_test_person(vector: Vector) -> None:
    person = identifier.TestPerson.parse(vector["text"])
    assert (person.canonical.reveal().hex(), person.namespace) == (vector["canonical"], "bsn")
    prefix, digits = vector["text"].split(":")
    assert bytes.fromhex(vector["canonical"]) == prefix.encode() + b":" + bytes.fromhex(digits)
    assert person.reveal() == vector["text"]
    assert identifier.TestPerson.of_canonical(person.canonical) == person


@each("identifier", "test_person", "invalid")
def test_invalid_test_person(vector: Vector) -> None:
    with pytest.raises(Malformed):
        identifier.TestPerson.parse(vector["text"])


def test_no_test_person_is_a_number() -> None:
    vectors = load("identifier")
    assert {len(bytes.fromhex(one["canonical"])) for one in vectors["test_person"]["valid"]} == {23}
    assert {len(bytes.fromhex(one["canonical"])) for one in vectors["bsn"]["valid"]} == {9}
    for vector in vectors["test_person"]["valid"]:
        with pytest.raises(Malformed):
            Bsn.parse(vector["text"])


@each("identifier", "address", "valid")
def test_address(vector: Vector) -> None:
    assert sized(*(part.encode() for part in vector["parts"])).hex() == vector["canonical"]
    for spelling in vector["spellings"]:
        assert Address.parse(*spelling).canonical.reveal().hex() == vector["canonical"], spelling


def test_different_addresses_differ() -> None:
    canonical = [vector["canonical"] for vector in load("identifier")["address"]["valid"]]
    assert len(set(canonical)) == len(canonical)


@each("identifier", "address", "invalid")
def test_invalid_address(vector: Vector) -> None:
    with pytest.raises(Malformed) as caught:
        Address.parse(*vector["columns"])
    assert caught.value.field == vector["field"]


# token.json


@each("token", "inputs")
def test_prf_input(vector: Vector) -> None:
    parts = (b"raakvlak/v1", vector["covenant_id"].encode(), vector["namespace"].encode())
    number = struct.pack(">I", vector["epoch"])
    assert vector["prf_input"] == sized(*parts, number, bytes.fromhex(vector["canonical"])).hex()
    people: dict[str, Identifier] = {
        "bsn 123456782": Bsn.parse("123456782"),
        "bsn 111222333": Bsn.parse("111222333"),
        "address 4331AB 12 A2": Address.parse("4331AB", "12", "A2"),
    }
    person = people[vector["identifier"]]
    assert token.prf_input(vector["covenant_id"], vector["epoch"], person).reveal().hex() == vector["prf_input"]


def test_prf_inputs_differ() -> None:
    inputs = [vector["prf_input"] for vector in load("token")["inputs"]]
    assert len(set(inputs)) == len(inputs)


@each("token", "tokens")
def test_token(vector: Vector) -> None:
    file = load("token")
    [prf_input] = [
        one["prf_input"]
        for one in file["inputs"]
        if (one["covenant_id"], one["epoch"], one["identifier"]) == ("zeeland", 1, vector["identifier"])
    ]
    output = evaluate(Scalar(bytes.fromhex(file["key"]["secret"])), secret(prf_input))
    assert output.reveal().hex() == vector["output"]
    keys = token.expand(output)
    assert keys.seed.reveal().hex() == vector["token_seed"]
    assert keys.token.reveal().hex() == vector["token"]
    assert keys.letter_key.reveal().hex() == vector["letter_key"]


@each("token", "tokens")
def test_token_by_another_library(vector: Vector) -> None:
    output = bytes.fromhex(vector["output"])
    seed = HKDFExpand(SHA512(), 32, b"raakvlak/v1/token").derive(output)
    assert seed.hex() == vector["token_seed"]
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert public.hex() == vector["token"]
    assert HKDFExpand(SHA512(), 32, b"raakvlak/v1/letter").derive(output).hex() == vector["letter_key"]


@each("token", "invalid")
def test_invalid_token(vector: Vector) -> None:
    with pytest.raises(Malformed):
        token.expand(secret(vector["output"])) if "output" in vector else Token(bytes.fromhex(vector["token"]))


# publication.json

PUBLICATION = load("publication")
WRITE = Write(*(PUBLICATION["write"][name] for name in ("covenant_id", "epoch", "member", "generation", "sequence")))


def bound(prefix: bytes) -> bytes:
    """PROTOCOL §5, written a second time."""
    write = PUBLICATION["write"]
    numbers = struct.pack(">QQ", write["generation"], write["sequence"])
    epoch = struct.pack(">I", write["epoch"])
    return sized(prefix, write["covenant_id"].encode()) + epoch + sized(write["member"].encode()) + numbers


def items_hash(items: list[bytes]) -> bytes:
    return hashlib.sha256(struct.pack(">I", len(items)) + b"".join(items)).digest()


def signature_of(seed: str, statement: bytes) -> str:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).sign(statement).hex()


def test_token_signatures() -> None:
    publish = PUBLICATION["publish"]
    statement = publication.token_statement(WRITE, Visibility.DIRECT)
    assert statement.hex() == publish["token_statement"] == (bound(b"raakvlak/v1/token-signature") + b"\x01").hex()
    for one in publish["tokens"]:
        assert publication.sign(secret(one["seed"]), statement).hex() == one["signature"]
        assert signature_of(one["seed"], statement) == one["signature"]
    tokens = [bytes.fromhex(one["token"]) for one in publish["tokens"]]
    signatures = [bytes.fromhex(one["signature"]) for one in publish["tokens"]]
    publication.check_tokens(tokens, signatures, WRITE, Visibility.DIRECT)


def test_publish_statement() -> None:
    publish = PUBLICATION["publish"]
    tokens = [bytes.fromhex(one["token"]) for one in publish["tokens"]]
    statement = publication.publish_statement(WRITE, Visibility.DIRECT, tokens)
    assert statement == bound(b"raakvlak/v1/publish") + b"\x01" + items_hash(tokens)
    _member_signed(publish, statement)


def test_withdraw_statement() -> None:
    withdraw = PUBLICATION["withdraw"]
    references = [bytes.fromhex(one) for one in withdraw["references"]]
    statement = publication.withdraw_statement(WRITE, references)
    assert statement == bound(b"raakvlak/v1/withdraw") + items_hash(references)
    _member_signed(withdraw, statement)


def _member_signed(vector: Vector, statement: bytes) -> None:
    member = PUBLICATION["member"]
    assert statement.hex() == vector["statement"]
    assert publication.sign(secret(member["seed"]), statement).hex() == vector["member_signature"]
    assert signature_of(member["seed"], statement) == vector["member_signature"]
    key, signature = bytes.fromhex(member["signing_key"]), bytes.fromhex(vector["member_signature"])
    assert publication.verified(key, statement, signature)
    assert publication.request_hash(statement).hex() == vector["request_hash"]
    assert hashlib.sha256(sized(b"raakvlak/v1/request") + statement).hexdigest() == vector["request_hash"]


@each("publication", "invalid_token_signatures")
def test_invalid_token_signature(vector: Vector) -> None:
    good = PUBLICATION["publish"]["tokens"][1]
    tokens = [bytes.fromhex(one["token"]) for one in (good, vector)]
    signatures = [bytes.fromhex(one["signature"]) for one in (good, vector)]
    with pytest.raises(Malformed) as caught:
        publication.check_tokens(tokens, signatures, WRITE, Visibility.DIRECT)
    assert caught.value.item == 1


@each("publication", "invalid_signatures")
def test_invalid_signature(vector: Vector) -> None:
    assert not publication.verified(*(bytes.fromhex(vector[name]) for name in ("public_key", "statement", "signature")))


def test_another_library_accepts_low_order_keys() -> None:
    """So the vectors of that class are not refused for some other fault of theirs."""
    accepted = []
    for vector in PUBLICATION["invalid_signatures"]:
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(vector["public_key"]))
            key.verify(bytes.fromhex(vector["signature"]), bytes.fromhex(vector["statement"]))
            accepted.append(vector["class"])
        except (ValueError, InvalidSignature):
            continue
    assert accepted == [
        "low-order key: the identity",
        "low-order key: order 2",
        "low-order key: order 4",
        "low-order key: the identity, not canonical",
        "low-order key and R",
        "low-order R",
    ]


@each("publication", "invalid_members")
def test_invalid_member_signature(vector: Vector) -> None:
    assert vector["statement"] == PUBLICATION["publish"]["statement"]
    key = bytes.fromhex(PUBLICATION["member"]["signing_key"])
    assert not publication.verified(key, bytes.fromhex(vector["statement"]), bytes.fromhex(vector["signature"]))


@each("publication", "invalid_items")
def test_invalid_items(vector: Vector) -> None:
    with pytest.raises(Malformed) as caught:
        publication.check_items([bytes.fromhex(item) for item in vector["items"]], vector["size"], "token")
    assert caught.value.item == vector["item"]


# letter.json

LETTER = load("letter")
NAMES = ("covenant_id", "epoch", "token", "match_id", "sender", "receiver", "number", "previous")


def header_of(named: Vector) -> Header:
    known = dict(named) | {name: bytes.fromhex(named[name]) for name in ("match_id", "previous")}
    return Header(**known | {"token": Token(bytes.fromhex(named["token"]))})


def opened(ciphertext: str, header: Header) -> bytes:
    """As a receiver does it: what the envelope says goes into the header that it knows."""
    envelope = letter.take_off_first_lock(bytes.fromhex(ciphertext), secret(LETTER["receiver"]["letter_secret"]))
    return letter.take_off_second_lock(
        envelope,
        replace(header, number=envelope.number, previous=envelope.previous),
        secret(LETTER["letter_key"]),
        bytes.fromhex(LETTER["sender"]["signing_key"]),
    )


@each("letter", "valid")
def test_letter(vector: Vector) -> None:
    header = header_of(vector["header"])
    assert header.encode().hex() == vector["encoded_header"]
    content = bytes.fromhex(vector["content"])
    assert opened(vector["ciphertext"], header) == content
    assert letter.letter_hash(header, content).hex() == vector["letter_hash"]
    assert len(bytes.fromhex(vector["ciphertext"])) == 1024


@each("letter", "valid")
def test_letter_by_the_text(vector: Vector) -> None:
    """PROTOCOL §6, written a second time."""
    named = vector["header"]
    texts = {name: named[name].encode() for name in ("covenant_id", "sender", "receiver")}
    encoded = (
        sized(b"raakvlak/v1/letter-header", texts["covenant_id"])
        + struct.pack(">I", named["epoch"])
        + bytes.fromhex(named["token"] + named["match_id"])
        + sized(texts["sender"], texts["receiver"])
        + struct.pack(">I", named["number"])
        + bytes.fromhex(named["previous"])
    )
    assert encoded.hex() == vector["encoded_header"]
    content = bytes.fromhex(vector["content"])
    assert signature_of(LETTER["sender"]["signing_seed"], encoded + content) == vector["signature"]
    digest = hashlib.sha256(sized(b"raakvlak/v1/letter-hash") + encoded + content).hexdigest()
    assert digest == vector["letter_hash"]


@each("letter", "valid")
def test_our_own_letter_opens(vector: Vector) -> None:
    header, content = header_of(vector["header"]), bytes.fromhex(vector["content"])
    ciphertext = seal(header, content)
    assert len(ciphertext) == 1024
    assert opened(ciphertext.hex(), header) == content


def seal(header: Header, content: bytes) -> bytes:
    return letter.seal(
        header,
        content,
        letter_key=secret(LETTER["letter_key"]),
        signing_seed=secret(LETTER["sender"]["signing_seed"]),
        receiver_key=bytes.fromhex(LETTER["receiver"]["letter_key"]),
        random=lambda size: bytes.fromhex(LETTER["nonce"])[:size],
    )


@pytest.mark.parametrize("vector", LETTER["sizes"], ids=lambda vector: str(vector["content_of_x"]))
def test_size(vector: Vector) -> None:
    """That the hashed ciphertext is the one the text describes is what the generator shows; ours is as large."""
    assert len(seal(header_of(LETTER["valid"][1]["header"]), b"x" * vector["content_of_x"])) == vector["size"]


@each("letter", "invalid_first_lock")
def test_invalid_first_lock(vector: Vector) -> None:
    with pytest.raises(Malformed):
        letter.take_off_first_lock(bytes.fromhex(vector["ciphertext"]), secret(LETTER["receiver"]["letter_secret"]))


@each("letter", "invalid_headers")
def test_invalid_header(vector: Vector) -> None:
    good = LETTER["valid"][1]
    changed = [name for name in NAMES if vector["header"][name] != good["header"][name]]
    assert changed
    envelope = letter.take_off_first_lock(bytes.fromhex(good["ciphertext"]), secret(LETTER["receiver"]["letter_secret"]))
    with pytest.raises(Malformed):
        letter.take_off_second_lock(
            envelope,
            header_of(vector["header"]),
            secret(LETTER["letter_key"]),
            bytes.fromhex(LETTER["sender"]["signing_key"]),
        )


def test_every_bound_field_is_changed_once_alone() -> None:
    good = LETTER["valid"][1]["header"]
    changed = [[name for name in NAMES if vector["header"][name] != good[name]] for vector in LETTER["invalid_headers"]]
    assert {names[0] for names in changed if len(names) == 1} == set(NAMES)


@each("letter", "invalid_second_lock")
def test_invalid_second_lock(vector: Vector) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        opened(vector["ciphertext"], header_of(LETTER["valid"][1]["header"]))


@each("letter", "contents")
def test_content(vector: Vector) -> None:
    decoded = letter_content.decode(bytes.fromhex(vector["content"]))
    if "relations" in vector:
        assert decoded == Proof(frozenset(Relation(one) for one in vector["relations"]))
        return
    cases = tuple(
        CardCase(
            **dict(case)
            | {
                "relations": frozenset(Relation(one) for one in case["relations"]),
                "since": datetime.fromisoformat(case["since"]).date(),
            }
        )
        for case in vector["cases"]
    )
    assert decoded == Card(cases, vector["left_out"])
    assert letter_content.encode_card(cases).hex() == vector["content"]


@each("letter", "invalid_contents")
def test_invalid_content(vector: Vector) -> None:
    with pytest.raises(Malformed):
        letter_content.decode(bytes.fromhex(vector["content"]))


# covenant.json

COVENANT = load("covenant")
NOW = datetime.fromisoformat(COVENANT["now"])
PIN = bytes.fromhex(COVENANT["pin"])


def test_covenant_hash() -> None:
    payload = bytes.fromhex(COVENANT["payload"])
    assert covenant.signed_bytes(payload).hex() == COVENANT["signed_bytes"]
    assert covenant.covenant_hash(payload) == PIN
    assert hashlib.sha256(sized(b"raakvlak/v1/covenant") + payload).digest() == PIN


def test_the_keys_of_notes_in_a_covenant() -> None:
    """Against the verifier keys put together by hand, so that a name or an algorithm can't change unseen."""
    made = pb.Covenant.FromString(bytes.fromhex(COVENANT["payload"]))
    expected = [("log", f"{made.index.id}.index", 1, made.index.log_key)]
    expected += [(f"key holder {each.id}", f"{each.id}.keyholder", 1, each.signing_key) for each in made.key_holders]
    expected += [(f"witness {each.id}", f"{each.id}.witness", 4, each.key) for each in made.witnesses]
    written = []
    for owner, holder, algorithm, key in expected:
        name, typed = f"{holder}.{made.id}.raakvlak", bytes([algorithm]) + key
        id = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
        written.append({"of": owner, "verifier_key": f"{name}+{id}+{base64.b64encode(typed).decode()}"})
    assert written == COVENANT["note_keys"]


@each("covenant", "valid")
def test_covenant(vector: Vector) -> None:
    verdict = covenant.verify(bytes.fromhex(vector["file"]), PIN, NOW)
    assert (verdict.version, verdict.hash.hex()) == (vector["version"], vector["hash"])


@each("covenant", "invalid_files")
def test_invalid_covenant_file(vector: Vector) -> None:
    with pytest.raises(ERRORS[vector["error"]]):
        covenant.verify(bytes.fromhex(vector["file"]), PIN, NOW)


@each("covenant", "invalid_payloads")
def test_invalid_covenant_payload(vector: Vector) -> None:
    with pytest.raises(Malformed):
        covenant.verify(bytes.fromhex(vector["file"]), bytes.fromhex(vector["pin"]), NOW)


@each("covenant", "invalid_dates")
def test_covenant_out_of_force(vector: Vector) -> None:
    with pytest.raises(Refused):
        covenant.verify(bytes.fromhex(COVENANT["valid"][0]["file"]), PIN, datetime.fromisoformat(vector["now"]))


def test_covenant_under_another_pin() -> None:
    with pytest.raises(Refused):
        covenant.verify(bytes.fromhex(COVENANT["valid"][0]["file"]), bytes(32), NOW)


# relation.json and term.json


@pytest.mark.parametrize("vector", load("relation")["pairs"], ids=lambda one: f"{one['own']}-{one['other']}")
def test_match_kind(vector: Vector) -> None:
    assert relation.match_kind(Relation(vector["own"]), Relation(vector["other"])) == vector["match"]


@pytest.mark.parametrize("vector", load("relation")["sets"])
def test_matching(vector: Vector) -> None:
    own, others = ([Relation(one) for one in vector[name]] for name in ("own", "others"))
    assert relation.matching(own, others) == vector["matching"]


@pytest.mark.parametrize("vector", load("term")["months"], ids=lambda one: str(one["moment"]))
def test_month(vector: Vector) -> None:
    assert term.month_of(datetime.fromisoformat(vector["moment"])) == vector["month"] < 2**16


@pytest.mark.parametrize("vector", load("term")["removals"], ids=lambda one: str(one["published"]))
def test_removal(vector: Vector) -> None:
    month = term.removal_month(datetime.fromisoformat(vector["published"]), vector["retention_months"])
    assert month == vector["removal_month"]
    assert term.start_of(month) == datetime.fromisoformat(vector["removed_at"])
