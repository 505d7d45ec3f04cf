"""Somebody who can't derive a token wants it published: a member, or an eavesdropper who recorded every byte."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nacl.bindings import crypto_core_ed25519_from_uniform

from raakvlak_protocol import publication
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.publication import Visibility
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2 as pb
from tests.attacks.hostile import used
from tests.attacks.outlaw import Outlaw, digest, outlaw, seeded, tables
from tests.attacks.relay import before_the_index
from tests.covenants import make_covenant
from tests.federation import Federation, case, federation

CHILD, SISTER = "123456782", "111222333"
IDENTITY = bytes([1]) + bytes(31)
"""The neutral point: signatures under it that any careless verifier accepts are easy to make."""

Crime = Callable[[Outlaw, pb.PublishRequest], tuple[bytes, bytes]]
"""From what was recorded to a token and a signature for it."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation in which the school has published a child, and town has software of its own."""
    with federation(tmp_path_factory.mktemp("federation")) as running:
        yield running


@pytest.fixture(scope="module")
def copied(running: Federation) -> pb.PublishRequest:
    """The school's request, as who reads after decryption has it."""
    with before_the_index(running) as between:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.walk("school")
        (raw,) = between.requests("Publish")
    return pb.PublishRequest.FromString(raw)


def copied_signature(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return copied.tokens[0], copied.token_signatures[0]


def thiefs_signature(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return copied.tokens[0], _by(thief.seed, thief)


def strangers_signature(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return copied.tokens[0], _by(SecretBytes(os.urandom(32)), thief)


def members_signature(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return copied.tokens[0], copied.member_signature


def no_signature(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return copied.tokens[0], b""


def identifier_padded(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return CHILD.encode().ljust(32, b"\0"), _by(thief.seed, thief)


def identifier_alone(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return CHILD.encode(), _by(thief.seed, thief)


def hash_of_an_identifier(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return hashlib.sha256(CHILD.encode()).digest(), _by(thief.seed, thief)


def point_of_an_identifier(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    """A point of the curve, of which nobody knows a secret."""
    hashed = hashlib.sha256(CHILD.encode()).digest()
    return crypto_core_ed25519_from_uniform(hashed), _by(SecretBytes(hashed), thief)


def low_order_key(thief: Outlaw, copied: pb.PublishRequest) -> tuple[bytes, bytes]:
    return IDENTITY, IDENTITY + bytes(32)


CRIMES = (
    copied_signature,
    thiefs_signature,
    strangers_signature,
    members_signature,
    no_signature,
    identifier_padded,
    identifier_alone,
    hash_of_an_identifier,
    point_of_an_identifier,
    low_order_key,
)


@pytest.mark.parametrize("crime", CRIMES, ids=lambda crime: crime.__name__)
def test_what_its_publisher_can_not_derive_is_refused_whole_and_named(
    running: Federation, copied: pb.PublishRequest, crime: Crime
) -> None:
    with outlaw(running.sandbox, "town", running.index.address) as thief:
        rows = tables(running.index.path)
        own = [seeded(os.urandom(32)) for _ in range(3)]
        request = thief.publication(own)
        request.tokens[1], request.token_signatures[1] = crime(thief, copied)
        request.member_signature = thief.signed(thief.write(), request.tokens)
        with pytest.raises(Malformed) as refused:
            thief.publish(request)
        assert refused.value.item == 1
        assert tables(running.index.path) == rows
        # The same request without the stolen one is taken: nothing else was wrong with it.
        assert len(thief.publish(thief.publication([own[0], own[2]])).references) == 2
    assert running.walk("school").received == 0


def test_the_whole_recorded_request_serves_nobody_else(running: Federation, copied: pb.PublishRequest) -> None:
    with outlaw(running.sandbox, "town", running.index.address) as thief:
        rows = tables(running.index.path)
        again = pb.PublishRequest()
        again.CopyFrom(copied)
        for generation, sequence in ((copied.generation, copied.sequence), (thief.generation, thief.sequence + 1)):
            again.generation, again.sequence = generation, sequence
            with pytest.raises(Malformed) as refused:
                thief.publish(again)
            assert refused.value.item == 0
        again.member_signature = thief.signed(thief.write(), again.tokens)
        with pytest.raises(Malformed) as refused:
            thief.publish(again)
        assert refused.value.item == 0
        assert tables(running.index.path) == rows


def test_a_recorded_token_is_found_by_no_call_without_publishing_it(running: Federation, copied: pb.PublishRequest) -> None:
    """There is no look-up: nothing that may be called takes a token but Publish."""
    takes_tokens = [
        method.name
        for method in pb.DESCRIPTOR.services_by_name["Index"].methods
        if any("token" in field.name for field in method.input_type.fields)
    ]
    assert takes_tokens == ["Publish"]
    with outlaw(running.sandbox, "town", running.index.address) as thief:
        reply = thief.withdraw(thief.withdrawal([copied.tokens[0][:16], hashlib.sha256(copied.tokens[0]).digest()[:16]]))
    assert list(reply.was_there) == [False, False]
    assert len(running.nodes["school"].store.references()) == 1


def test_succeeds_a_key_pair_seeded_from_the_hash_of_a_bsn_is_accepted(tmp_path: Path) -> None:
    """The index can't tell where a token came from. It harms who does the same, and one figure shows it."""
    sandbox = make_covenant(members={"school": "education", "careless": "health", "lazy": "youth_care"})
    weak = seeded(hashlib.sha256(CHILD.encode()).digest())
    with federation(tmp_path, sandbox) as running:
        running.nodes["school"].put_case(case("S-1", CHILD))
        running.settle("school")
        for member in ("careless", "lazy"):
            with outlaw(sandbox, member, running.index.address) as acting:
                assert list(acting.publish(acting.publication([weak])).already_there) == [False]
        # Who has the database and the pepper finds this person in both by trying, without any key holder.
        guessed = seeded(hashlib.sha256(CHILD.encode()).digest()).token.reveal()
        assert len(_rows_of(running, guessed)) == 2
        # The honest member's row stays apart: it is neither matched nor found.
        assert running.walk("school").received == 0
        # The figure for the officer: more tokens published than evaluations charged.
        assert used(sandbox, running.key_holders[0], "careless") == 0
        published = [row for row in tables(running.index.path)["row"] if row[1] == _number(running, "careless")]
        assert len(published) == 1


def _by(seed: SecretBytes, thief: Outlaw) -> bytes:
    """A signature of the thief's request by a key that is not the token's."""
    return publication.sign(seed, publication.token_statement(thief.write(), Visibility.DIRECT))


def _rows_of(running: Federation, token: bytes) -> list[object]:
    """The members whose rows a thief of database and pepper finds under a token."""
    wanted = digest(running.index.peppers[1], token)
    return [row[1] for row in tables(running.index.path)["row"] if row[0] == wanted]


def _number(running: Federation, member: str) -> object:
    (number,) = [row[0] for row in tables(running.index.path)["member"] if row[1] == member]
    return number
