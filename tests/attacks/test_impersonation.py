"""Somebody claims to be somebody else: towards a key holder's real service, and towards a real node."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import nacl.utils
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raakvlak_local.authority import Authority
from raakvlak_protocol import voprf
from raakvlak_protocol.errors import Evidence, RaakvlakError, Unavailable
from raakvlak_protocol.identifier import BSN
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party import peer
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import keyholder_pb2 as pb
from tests.attacks.dictionary import bsns
from tests.attacks.hostile import NOWHERE, addresses, evaluate, front, made, node_with, right, used
from tests.covenants import SHARE_NUMBERS, Sandbox, make_covenant
from tests.federation import Clock, KeyHolderThreads
from tests.keyholder.running import DESCRIPTOR, elements

PERSONS = bsns(300_000_000, 3)
NO_MESSAGE = b"\xff\xff\xff\xff"
METHODS = [f"/{DESCRIPTOR.full_name}/{name}" for name in ("Evaluate", "Quota")]
VALID = (-1, 1)
"""Days from now."""


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@pytest.fixture(scope="module")
def holders(sandbox: Sandbox, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, KeyHolderThreads]]:
    folder = tmp_path_factory.mktemp("holders")
    honest = {number: KeyHolderThreads(sandbox, number, folder / str(number), clock) for number in SHARE_NUMBERS}
    yield honest
    for holder in honest.values():
        holder.stop()


def issued(
    sandbox: Sandbox,
    *uris: str,
    dns_names: tuple[str, ...] = (),
    authority: Authority | None = None,
    days: tuple[int, int] = VALID,
    common_name: str = "attacker",
) -> peer.Credentials:
    """The attacker's own key with a certificate of whatever names; the covenant's CA signs it unless told otherwise."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    now = datetime.now(UTC)
    certificate = (authority or sandbox.authority).issue_raw(
        request.public_bytes(serialization.Encoding.PEM),
        uris=list(uris),
        dns_names=list(dns_names),
        not_before=now + timedelta(days=days[0]),
        not_after=now + timedelta(days=days[1]),
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return peer.Credentials(SecretBytes(pem), certificate, sandbox.authority.certificate_pem)


# --- towards a key holder ---------------------------------------------------------------------------------------------


@contextmanager
def channel(sandbox: Sandbox, holder: KeyHolderThreads, own: peer.Credentials | None) -> Iterator[grpc.Channel]:
    """A client that keeps none of our client's manners; without a certificate where `own` is None."""
    roots = sandbox.authority.certificate_pem
    tls = grpc.ssl_channel_credentials(roots, own.key.reveal(), own.certificate) if own else None
    options = (("grpc.ssl_target_name_override", holder.identity.dns_name), ("grpc.use_local_subchannel_pool", 1))
    with grpc.secure_channel(holder.address, tls or grpc.ssl_channel_credentials(roots), options) as opened:
        yield opened


def unary(opened: grpc.Channel, method: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    return opened.unary_unary(method)


def refusal(opened: grpc.Channel, method: str, raw: bytes) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        unary(opened, method)(raw, timeout=20)
    code: grpc.StatusCode = refused.value.code()
    return code


def request(sandbox: Sandbox) -> bytes:
    """What the school's own node would send."""
    return pb.EvaluateRequest(
        covenant_hash=sandbox.covenant.hash, namespace=BSN, epoch=1, blinded_elements=elements(3)
    ).SerializeToString()


@pytest.mark.parametrize("wrong", ["another CA", "the same CA's name", "expired", "not yet valid", "none"])
def test_a_certificate_that_is_none_is_refused_in_the_handshake(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], wrong: str
) -> None:
    school = sandbox.member("school").uri
    namesake = Authority.create(f"{sandbox.payload.id} CA", datetime.now(UTC))
    given: dict[str, peer.Credentials | None] = {
        "another CA": issued(sandbox, school, authority=Authority.create("another CA", datetime.now(UTC))),
        "the same CA's name": issued(sandbox, school, authority=namesake),
        "expired": issued(sandbox, school, days=(-9, -1)),
        "not yet valid": issued(sandbox, school, days=(1, 9)),
        "none": None,
    }
    log = holders[1].log()
    with channel(sandbox, holders[1], given[wrong]) as opened:
        for method in METHODS:
            assert refusal(opened, method, request(sandbox)) is grpc.StatusCode.UNAVAILABLE
    assert holders[1].log() == log, "the service never heard of it"
    assert used(sandbox, holders[1]) == 0


STRANGERS = {
    "a node that is no member": ["raakvlak://zeeland/node/stranger"],
    "a key holder": ["raakvlak://zeeland/keyholder/keyholder-2"],
    "this key holder itself": ["raakvlak://zeeland/keyholder/keyholder-1"],
    "the index": ["raakvlak://zeeland/index/index"],
    "an index with a member's id": ["raakvlak://zeeland/index/school"],
    "a member of another covenant": ["raakvlak://holland/node/school"],
    "two members": ["raakvlak://zeeland/node/school", "raakvlak://zeeland/node/town"],
    "a member twice": ["raakvlak://zeeland/node/school", "raakvlak://zeeland/node/school"],
    "a member and a web page": ["raakvlak://zeeland/node/school", "https://school.example"],
    "nobody": [],
    "almost a member": ["raakvlak://zeeland/node/school/"],
    "a member in capitals": ["RAAKVLAK://zeeland/node/school"],
    "a member with percents": ["raakvlak://zeeland/node/%73chool"],
}


@pytest.mark.parametrize("uris", STRANGERS.values(), ids=STRANGERS.keys())
def test_who_is_no_member_is_refused_before_its_message_is_read(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], uris: list[str]
) -> None:
    """A member whose bytes are no message hears that they are none: a stranger is told nothing of what it sent."""
    own = issued(sandbox, *uris, dns_names=("school.node.zeeland.raakvlak",), common_name="school")
    before = len(holders[1].log().splitlines())
    with channel(sandbox, holders[1], own) as opened:
        for method in METHODS:
            for raw in (NO_MESSAGE, request(sandbox), bytes(100_000)):
                assert refusal(opened, method, raw) is grpc.StatusCode.PERMISSION_DENIED
    lines = [json.loads(line) for line in holders[1].log().splitlines()[before:]]
    assert [(line["event"], line["kind"], line["member"]) for line in lines] == [("refused", "NotPermitted", "")] * 6
    assert used(sandbox, holders[1]) == 0
    with channel(sandbox, holders[1], sandbox.credentials(sandbox.member("school"))) as opened:
        assert refusal(opened, METHODS[0], NO_MESSAGE) is grpc.StatusCode.INVALID_ARGUMENT


def test_no_header_makes_one_member_another(sandbox: Sandbox, holders: dict[int, KeyHolderThreads]) -> None:
    town = sandbox.member("town")
    headers = tuple((name, town.uri) for name in ("peer_uri", "x-forwarded-client-cert", "authorization", "member"))
    with channel(sandbox, holders[1], sandbox.credentials(sandbox.member("coordinator"))) as opened:
        unary(opened, METHODS[0])(request(sandbox), timeout=20, metadata=headers)
    assert (used(sandbox, holders[1], "coordinator"), used(sandbox, holders[1], "town")) == (3, 0)


# --- towards a node ---------------------------------------------------------------------------------------------------

HOLDER = Identity("zeeland", Role.KEYHOLDER, "keyholder-2")
IMPOSTORS: dict[str, tuple[list[str], tuple[str, ...], str]] = {
    "a member": (["raakvlak://zeeland/node/town"], ("town.node.zeeland.raakvlak",), "town"),
    "a member, for localhost": (["raakvlak://zeeland/node/town"], ("localhost", "127.0.0.1"), "localhost"),
    "a member, the key holder in its subject": (
        ["raakvlak://zeeland/node/town"],
        ("town.node.zeeland.raakvlak",),
        HOLDER.dns_name,
    ),
    "a member, no name at all": (["raakvlak://zeeland/node/town"], (), "town"),
    "the key holder in its URI only": ([HOLDER.uri], ("localhost",), HOLDER.dns_name),
    "a member, for names that begin or end alike": (
        ["raakvlak://zeeland/node/town"],
        (f"{HOLDER.dns_name}.example", f"x{HOLDER.dns_name}", "*.zeeland.raakvlak", "*.raakvlak"),
        HOLDER.dns_name,
    ),
    "another key holder": (
        ["raakvlak://zeeland/keyholder/keyholder-3"],
        ("keyholder-3.keyholder.zeeland.raakvlak",),
        "keyholder-3",
    ),
    "the index": (["raakvlak://zeeland/index/index"], ("index.index.zeeland.raakvlak",), "index"),
    "the key holder of another covenant": (
        ["raakvlak://holland/keyholder/keyholder-2"],
        ("keyholder-2.keyholder.holland.raakvlak",),
        "keyholder-2",
    ),
}


@pytest.mark.parametrize("uris, dns_names, common_name", IMPOSTORS.values(), ids=IMPOSTORS.keys())
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_poses_as_a_key_holder_gets_no_request_and_is_named(
    sandbox: Sandbox,
    holders: dict[int, KeyHolderThreads],
    clock: Clock,
    tmp_path: Path,
    uris: list[str],
    dns_names: tuple[str, ...],
    common_name: str,
    host: str,
) -> None:
    """The certificate is genuine; the attacker answers where the node looks for a key holder, and answers rightly."""
    own = issued(sandbox, *uris, dns_names=dns_names, common_name=common_name)
    failed: dict[str, RaakvlakError] = {}
    with front(sandbox, holders[2], credentials=own) as impostor:
        places = addresses(holders.values(), keyholder_2=impostor.address.replace("127.0.0.1", host))
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            assert evaluate(node, clock, failed) == len(PERSONS)
            assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
        assert impostor.requests == []
    assert failed.keys() == {"keyholder-2"}
    assert isinstance(failed["keyholder-2"], Unavailable)
    assert "keyholder keyholder-2" in failed["keyholder-2"].message
    assert "could not be authenticated" in failed["keyholder-2"].message
    assert HOLDER.dns_name in failed["keyholder-2"].message


def test_succeeds_a_certificate_without_any_dns_name_passes_for_whomever_its_subject_names(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path
) -> None:
    """Where a certificate holds no DNS name, gRPC takes the common name for one, whatever its URI says. So the CA must
    give every certificate its DNS name, as PROTOCOL §2.1 says, or choose the subject itself. A key holder's impostor
    gains no more than to see blinded elements and to answer wrongly, which is found."""
    own = issued(sandbox, sandbox.member("town").uri, common_name=HOLDER.dns_name)
    failed: dict[str, RaakvlakError] = {}
    with front(sandbox, holders[2], credentials=own) as impostor:
        places = addresses(holders.values(), keyholder_2=impostor.address)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            assert evaluate(node, clock, failed) == len(PERSONS)
        assert len(impostor.requests) == 1
    assert failed == {}


@pytest.mark.parametrize("wrong", ["another CA", "expired"])
def test_a_key_holders_name_under_another_ca_or_out_of_date_gets_no_request(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path, wrong: str
) -> None:
    authority = Authority.create("another CA", datetime.now(UTC)) if wrong == "another CA" else None
    days = (-9, -1) if wrong == "expired" else VALID
    own = issued(sandbox, HOLDER.uri, dns_names=(HOLDER.dns_name,), authority=authority, days=days)
    failed: dict[str, RaakvlakError] = {}
    with front(sandbox, holders[2], credentials=own) as impostor:
        places = addresses(holders.values(), keyholder_2=impostor.address)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            assert evaluate(node, clock, failed) == len(PERSONS)
        assert impostor.requests == []
    assert failed.keys() == {"keyholder-2"}


def test_one_key_holder_in_every_place_makes_no_quorum(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path
) -> None:
    """Whoever diverts a node's calls (by its DNS, say) to one holder does not make that holder t of them."""
    diverted = {f"keyholder-{number}": holders[3].address for number in SHARE_NUMBERS}
    before = used(sandbox, holders[3])
    with (
        node_with(sandbox, tmp_path, clock, diverted, PERSONS) as node,
        pytest.raises(Unavailable, match="1 key holders answer and 2 are needed"),
    ):
        evaluate(node, clock)
    assert used(sandbox, holders[3]) == before


def test_who_has_the_cas_key_is_asked_and_still_cannot_lie_nor_learn_whom_it_is_asked_for(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path
) -> None:
    """It has a certificate for the key holder's name, and no share: its proof is under another key."""
    own = issued(sandbox, HOLDER.uri, dns_names=(HOLDER.dns_name,))
    key = voprf.derive_key_pair(SecretBytes(nacl.utils.random(32)), b"attacker")

    def change(caller: Identity, asked: pb.EvaluateRequest, reply: pb.EvaluateReply) -> pb.EvaluateReply:
        evaluation = voprf.blind_evaluate_and_prove(key, list(asked.blinded_elements), nacl.utils.random)
        return pb.EvaluateReply(
            share_number=2,
            evaluated_elements=evaluation.elements,
            proof=evaluation.proof,
            quota_left=reply.quota_left,
        )

    failed: dict[str, RaakvlakError] = {}
    with front(sandbox, holders[2], change, credentials=own) as impostor:
        places = addresses(holders.values(), keyholder_2=impostor.address)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node:
            assert evaluate(node, clock, failed) == len(PERSONS)
            assert [made(node, bsn) for bsn in PERSONS] == [right(sandbox, bsn) for bsn in PERSONS]
        assert len(impostor.requests) == 1
    assert isinstance(failed["keyholder-2"], Evidence)


def test_who_answers_in_the_clear_gets_nothing(
    sandbox: Sandbox, holders: dict[int, KeyHolderThreads], clock: Clock, tmp_path: Path
) -> None:
    """A server without TLS where a key holder should be."""
    heard: list[bytes] = []

    class Listening(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> None:
            heard.append(details.method.encode())

    server = peer.blocking_server(1)
    server.add_generic_rpc_handlers((Listening(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    failed: dict[str, RaakvlakError] = {}
    try:
        places = addresses(holders.values(), keyholder_2=f"127.0.0.1:{port}", keyholder_3=NOWHERE)
        with node_with(sandbox, tmp_path, clock, places, PERSONS) as node, pytest.raises(Unavailable):
            evaluate(node, clock, failed)
    finally:
        server.stop(0).wait()
    assert failed.keys() == {"keyholder-2", "keyholder-3"}
    assert heard == []
