"""Calls between real servers and clients on loopback, with the right certificates and every wrong one."""

import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import grpc
import pytest
from google.protobuf.message import Message

from raakvlak_local.authority import Authority
from raakvlak_protocol.errors import (
    Evidence,
    Malformed,
    NotPermitted,
    OverQuota,
    RaakvlakError,
    Refused,
    Stale,
    TooLarge,
    Unavailable,
)
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party import peer
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2, refusal_pb2
from tests.covenants import Sandbox, make_covenant
from tests.party.servers import (
    INDEX,
    KEY_HOLDER,
    PATIENCE,
    Seen,
    aio,
    blocking,
    index_handlers,
    index_streams,
    remote,
    unary,
)

EVALUATE = f"/{KEY_HOLDER.full_name}/Evaluate"
GARBAGE = b"\xff\xff\xff\xff"
UNTIL = datetime(2026, 3, 3, tzinfo=UTC)
BSN_LIKE = "123456782"
ERRORS: dict[str, Exception] = {
    "malformed": Malformed("element is no group element", item=7),
    "malformed-first": Malformed("element is no group element", item=0),
    "malformed-whole": Malformed("no elements"),
    "not-permitted": NotPermitted("not for your kind"),
    "stale": Stale("an older generation", generation=2**40, sequence=17),
    "too-large": TooLarge("at most 1024 elements"),
    "over-quota": OverQuota("quota is used up", left=42, until=UNTIL),
    "refused": Refused("no such epoch"),
    "unavailable": Unavailable("shares are being refreshed"),
    "evidence": Evidence("two answers under two keys", party="keyholder-2"),
    "unexpected": RuntimeError(f"no row for {BSN_LIKE}"),
}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


def evaluate(caller: Identity, request: Any) -> Message:
    """Raises what the namespace names; otherwise tells in the reply who called and how much came."""
    if request.namespace in ERRORS:
        raise ERRORS[request.namespace]
    size = 5 * 2**20 if request.namespace == "huge-reply" else 1
    return keyholder_pb2.EvaluateReply(
        share_number=len(request.blinded_elements), evaluated_elements=[caller.uri.encode()], proof=bytes(size)
    )


def quota(caller: Identity, request: Any) -> Message:
    return keyholder_pb2.QuotaReply(now=1)


HANDLERS: dict[str, peer.Handler] = {"Evaluate": evaluate, "Quota": quota}


class Serve(Protocol):
    def __call__(
        self, sandbox: Sandbox, handlers: dict[str, peer.Handler], seen: Seen, *, limits: dict[str, int] | None = None
    ) -> AbstractContextManager[str]: ...


@pytest.fixture(params=["blocking", "aio"])
def serve(request: pytest.FixtureRequest) -> Serve:
    both: dict[str, Serve] = {"blocking": blocking, "aio": aio}
    return both[request.param]


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def address(serve: Serve, sandbox: Sandbox, seen: Seen) -> Iterator[str]:
    with serve(sandbox, HANDLERS, seen, limits={"Quota": 100}) as address:
        yield address


def request_for(sandbox: Sandbox, namespace: str = "bsn", elements: int = 3) -> keyholder_pb2.EvaluateRequest:
    return keyholder_pb2.EvaluateRequest(
        covenant_hash=sandbox.covenant.hash, namespace=namespace, blinded_elements=[bytes(32)] * elements
    )


def call(client: peer.Remote, request: Message, timeout_seconds: float = PATIENCE) -> keyholder_pb2.EvaluateReply:
    return client.call("Evaluate", request, keyholder_pb2.EvaluateReply, timeout_seconds=timeout_seconds)


@contextmanager
def raw_channel(
    sandbox: Sandbox, address: str, credentials: peer.Credentials | None, server: Identity | None = None
) -> Iterator[grpc.Channel]:
    """A foreign client that keeps none of our own limits and manners."""
    roots = sandbox.authority.certificate_pem
    tls = (
        grpc.ssl_channel_credentials(roots, credentials.key.reveal(), credentials.certificate)
        if credentials
        else grpc.ssl_channel_credentials(roots)
    )
    options = (
        ("grpc.ssl_target_name_override", (server or sandbox.key_holder(1)).dns_name),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    )
    with grpc.secure_channel(address, tls, options) as channel:
        yield channel


def send(channel: grpc.Channel, raw: bytes, method: str = EVALUATE) -> grpc.RpcError:
    """The failure of a call with these bytes."""
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, method)(raw, timeout=PATIENCE)
    return caught.value


def certificate(
    authority: Authority, *uris: str, dns_names: tuple[str, ...] = (), roots: bytes, days: tuple[int, int] = (-1, 1)
) -> peer.Credentials:
    """Credentials with whatever names; `days` says from when until when, counted from now."""
    key, csr = peer.certificate_request(Identity("zeeland", Role.NODE, "attacker"))
    now = datetime.now(UTC)
    pem = authority.issue_raw(
        csr,
        uris=list(uris),
        dns_names=list(dns_names),
        not_before=now + timedelta(days=days[0]),
        not_after=now + timedelta(days=days[1]),
    )
    return peer.Credentials(key, pem, roots)


# --- who calls --------------------------------------------------------------------------------------------------------


def test_a_member_is_answered_and_known_by_its_certificate(sandbox: Sandbox, address: str) -> None:
    with remote(sandbox, address) as client:
        reply = call(client, request_for(sandbox))
        assert reply.share_number == 3
        assert reply.evaluated_elements == [sandbox.member("school").uri.encode()]
        assert client.healthy(PATIENCE)


@pytest.mark.parametrize("wrong", ["another CA", "expired", "not yet valid", "none"])
def test_a_wrong_certificate_is_refused_in_the_handshake(sandbox: Sandbox, address: str, seen: Seen, wrong: str) -> None:
    own, uri = sandbox.authority, sandbox.member("school").uri
    roots = own.certificate_pem
    other = Authority.create("another CA", datetime.now(UTC))
    given = {
        "another CA": certificate(other, uri, roots=roots),
        "expired": certificate(own, uri, roots=roots, days=(-9, -1)),
        "not yet valid": certificate(own, uri, roots=roots, days=(1, 2)),
        "none": None,
    }[wrong]
    with raw_channel(sandbox, address, given) as channel:
        assert send(channel, request_for(sandbox).SerializeToString()).code() is grpc.StatusCode.UNAVAILABLE
    assert seen == Seen(), "no handler and no wrapper heard of it"


def test_plain_text_gets_no_answer(sandbox: Sandbox, address: str, seen: Seen) -> None:
    with grpc.insecure_channel(address, (("grpc.use_local_subchannel_pool", 1),)) as channel:
        assert send(channel, b"").code() is grpc.StatusCode.UNAVAILABLE
    assert seen == Seen()


STRANGERS = {
    "not in the covenant": ("the covenant does not name you", ["raakvlak://zeeland/node/stranger"]),
    "another role": ("this call is for a node", ["raakvlak://zeeland/keyholder/keyholder-2"]),
    "another role with a member's id": ("this call is for a node", ["raakvlak://zeeland/index/school"]),
    "another covenant": ("for another covenant", ["raakvlak://utrecht/node/school"]),
    "two URIs": ("holds 2", ["raakvlak://zeeland/node/school", "raakvlak://zeeland/node/town"]),
    "the same URI twice": ("holds 2", ["raakvlak://zeeland/node/school", "raakvlak://zeeland/node/school"]),
    "no URI": ("holds 0", []),
    "another scheme": ("names no party", ["https://zeeland/node/school"]),
    "a URI with more": ("names no party", ["raakvlak://zeeland/node/school/"]),
    "a URI in upper case": ("names no party", ["raakvlak://zeeland/node/SCHOOL"]),
}


@pytest.mark.parametrize(("reason", "uris"), STRANGERS.values(), ids=STRANGERS.keys())
def test_who_may_not_call_is_refused_before_parsing(
    sandbox: Sandbox, address: str, seen: Seen, reason: str, uris: list[str]
) -> None:
    given = certificate(sandbox.authority, *uris, dns_names=("localhost",), roots=sandbox.authority.certificate_pem)
    with raw_channel(sandbox, address, given) as channel:
        # Bytes that are no message, and more of them than the method takes: a member hears of either, see below.
        for raw, method in ((GARBAGE, EVALUATE), (bytes(101), f"/{KEY_HOLDER.full_name}/Quota")):
            refused = send(channel, raw, method)
            assert refused.code() is grpc.StatusCode.PERMISSION_DENIED
            assert reason in (refused.details() or "")
    assert [type(error) for _, _, error in seen.refusals] == [NotPermitted, NotPermitted]
    assert [caller for _, caller, _ in seen.refusals] == [None, None]


def test_a_member_hears_what_is_wrong_with_its_bytes(sandbox: Sandbox, address: str, seen: Seen) -> None:
    with raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel:
        assert send(channel, GARBAGE).code() is grpc.StatusCode.INVALID_ARGUMENT
        assert send(channel, bytes(101), f"/{KEY_HOLDER.full_name}/Quota").code() is grpc.StatusCode.OUT_OF_RANGE
    assert [(method, caller) for method, caller, _ in seen.refusals] == [
        ("Evaluate", sandbox.member("school")),
        ("Quota", sandbox.member("school")),
    ]


def test_metadata_names_nobody(sandbox: Sandbox, address: str) -> None:
    """A header with another's identity changes nothing."""
    with raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel:
        town = sandbox.member("town").uri
        raw = unary(channel, EVALUATE)(
            request_for(sandbox).SerializeToString(),
            timeout=PATIENCE,
            metadata=(("peer_uri", town), ("x-forwarded-client-cert", f"URI={town}")),
        )
    assert keyholder_pb2.EvaluateReply.FromString(raw).evaluated_elements == [sandbox.member("school").uri.encode()]


@pytest.mark.parametrize("posing_as", ["key holder", "index"])
@pytest.mark.parametrize("dns_names", [("localhost", "127.0.0.1"), ("school.node.zeeland.raakvlak",), ()])
def test_a_member_that_poses_as_a_server_gets_no_request(
    sandbox: Sandbox, seen: Seen, posing_as: str, dns_names: tuple[str, ...]
) -> None:
    """Its certificate is genuine and names the host we connect to, which is all that TLS by itself would ask."""
    roots = sandbox.authority.certificate_pem
    member = certificate(sandbox.authority, sandbox.member("school").uri, dns_names=dns_names, roots=roots)
    server = sandbox.key_holder(1) if posing_as == "key holder" else sandbox.index
    with blocking(sandbox, HANDLERS, seen, credentials=member) as address:
        localhost = address.replace("127.0.0.1", "localhost")
        with remote(sandbox, localhost, server=server) as client, pytest.raises(Unavailable) as caught:
            call(client, request_for(sandbox))
    assert f"{server.role} {server.id}" in caught.value.message
    assert "could not be authenticated" in caught.value.message
    assert server.dns_name in caught.value.message
    assert seen == Seen()


def test_one_key_holder_does_not_pass_for_another(sandbox: Sandbox, seen: Seen) -> None:
    with blocking(sandbox, HANDLERS, seen, credentials=sandbox.credentials(sandbox.key_holder(2))) as address:
        with remote(sandbox, address, server=sandbox.key_holder(2)) as client:
            assert call(client, request_for(sandbox)).share_number == 3
        with (
            remote(sandbox, address, server=sandbox.key_holder(1)) as client,
            pytest.raises(Unavailable, match=r"keyholder keyholder-1 .* could not be authenticated"),
        ):
            call(client, request_for(sandbox))


@pytest.mark.parametrize("wrong", ["another CA", "expired"])
def test_a_server_with_a_wrong_certificate_is_refused_with_what_to_check(sandbox: Sandbox, seen: Seen, wrong: str) -> None:
    server, roots = sandbox.key_holder(1), sandbox.authority.certificate_pem
    authority = sandbox.authority if wrong == "expired" else Authority.create("another CA", datetime.now(UTC))
    days = (-9, -1) if wrong == "expired" else (-1, 1)
    given = certificate(authority, server.uri, dns_names=(server.dns_name,), roots=roots, days=days)
    with (
        blocking(sandbox, HANDLERS, seen, credentials=given) as address,
        remote(sandbox, address) as client,
        pytest.raises(Unavailable, match=r"has not expired, stands under the covenant's roots") as caught,
    ):
        call(client, request_for(sandbox))
    assert "keyholder keyholder-1" in caught.value.message


def test_our_client_with_a_refused_certificate_is_told_where_to_look(sandbox: Sandbox, address: str) -> None:
    uri, roots = sandbox.member("school").uri, sandbox.authority.certificate_pem
    expired = certificate(sandbox.authority, uri, roots=roots, days=(-9, -1))
    with (
        remote(sandbox, address, credentials=expired) as client,
        pytest.raises(Unavailable, match=r"keyholder keyholder-1 .*your own"),
    ):
        call(client, request_for(sandbox))


# --- what it sends ----------------------------------------------------------------------------------------------------


def test_an_unknown_field_is_refused(sandbox: Sandbox, serve: Serve, seen: Seen) -> None:
    extra = b"\xfa\x7f\x01x"  # field 2047, length-delimited
    with (
        serve(sandbox, HANDLERS, seen) as address,
        raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel,
    ):
        refused = send(channel, request_for(sandbox).SerializeToString() + extra)
    assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "field that this version does not know" in (refused.details() or "")


def test_another_covenant_version_is_refused_and_both_are_named(sandbox: Sandbox, address: str) -> None:
    request = request_for(sandbox)
    for wrong in (b"", b"\xab" * 32, sandbox.covenant.hash[:-1], sandbox.covenant.hash + b"\0"):
        request.covenant_hash = wrong
        with remote(sandbox, address) as client, pytest.raises(Refused, match="covenant version differs") as caught:
            call(client, request)
        assert type(caught.value) is Refused
        assert wrong[:4].hex() in caught.value.message
        assert sandbox.covenant.hash[:4].hex() in caught.value.message


@pytest.mark.parametrize("elements", [200_000, 130_000])
def test_a_request_over_the_limit_says_so_from_our_client(sandbox: Sandbox, address: str, elements: int) -> None:
    with remote(sandbox, address) as client:
        request = request_for(sandbox, elements=elements)
        assert request.ByteSize() > peer.MAX_MESSAGE_BYTES
        with pytest.raises(TooLarge, match=str(peer.MAX_MESSAGE_BYTES)):
            call(client, request)
        assert call(client, request_for(sandbox)).share_number == 3, "the connection still serves"


def test_a_request_over_the_limit_from_a_foreign_client_gets_a_status(sandbox: Sandbox, address: str, seen: Seen) -> None:
    request = request_for(sandbox, elements=200_000)
    with raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel:
        assert send(channel, request.SerializeToString()).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert seen == Seen()


def test_a_request_just_within_the_limit_passes(sandbox: Sandbox, address: str) -> None:
    request = request_for(sandbox, elements=123_000)
    assert 0.99 < request.ByteSize() / peer.MAX_MESSAGE_BYTES <= 1
    with remote(sandbox, address) as client:
        assert call(client, request).share_number == 123_000


def test_a_methods_own_limit_is_named(sandbox: Sandbox, serve: Serve, seen: Seen) -> None:
    with serve(sandbox, HANDLERS, seen, limits={"Evaluate": 1000}) as address, remote(sandbox, address) as client:
        assert call(client, request_for(sandbox, elements=20)).share_number == 20
        with pytest.raises(TooLarge, match="at most 1000 bytes"):
            call(client, request_for(sandbox, elements=40))


def test_a_reply_over_the_limit_is_refused_by_the_server(sandbox: Sandbox, address: str, seen: Seen) -> None:
    with (
        remote(sandbox, address) as client,
        pytest.raises(TooLarge, match=f"a reply holds at most {peer.MAX_MESSAGE_BYTES} bytes"),
    ):
        call(client, request_for(sandbox, "huge-reply"))
    assert len(seen.refusals) == 1


def test_a_foreign_servers_reply_over_the_limit_is_refused_by_the_client(sandbox: Sandbox) -> None:
    with (
        foreign_server(sandbox, bytes(5 * 2**20)) as address,
        remote(sandbox, address) as client,
        pytest.raises(TooLarge, match=f"keyholder keyholder-1: .*{peer.MAX_MESSAGE_BYTES}"),
    ):
        call(client, request_for(sandbox))


# --- errors there and back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "unexpected"])
def test_every_error_comes_back_as_itself_with_its_numbers(sandbox: Sandbox, address: str, name: str) -> None:
    raised = ERRORS[name]
    assert isinstance(raised, RaakvlakError)
    with remote(sandbox, address) as client, pytest.raises(RaakvlakError) as caught:
        call(client, request_for(sandbox, name))
    error = caught.value
    assert type(error) is (Refused if isinstance(raised, Evidence) else type(raised))
    assert error.message == f"keyholder keyholder-1: {raised.message}"
    for number in ("item", "generation", "sequence", "left", "until"):
        assert getattr(error, number, None) == getattr(raised, number, None)


STATUSES = {
    "malformed": grpc.StatusCode.INVALID_ARGUMENT,
    "not-permitted": grpc.StatusCode.PERMISSION_DENIED,
    "stale": grpc.StatusCode.ABORTED,
    "too-large": grpc.StatusCode.OUT_OF_RANGE,
    "over-quota": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "refused": grpc.StatusCode.FAILED_PRECONDITION,
    "unavailable": grpc.StatusCode.UNAVAILABLE,
    "evidence": grpc.StatusCode.FAILED_PRECONDITION,
    "unexpected": grpc.StatusCode.INTERNAL,
}


@pytest.mark.parametrize("name", STATUSES)
def test_a_foreign_client_sees_the_status(sandbox: Sandbox, address: str, name: str) -> None:
    with raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel:
        assert send(channel, request_for(sandbox, name).SerializeToString()).code() is STATUSES[name]


def test_an_unexpected_exception_tells_the_caller_nothing(sandbox: Sandbox, address: str, seen: Seen) -> None:
    with raw_channel(sandbox, address, sandbox.credentials(sandbox.member("school"))) as channel:
        failure = send(channel, request_for(sandbox, "unexpected").SerializeToString())
    assert failure.details() == peer.INTERNAL
    assert BSN_LIKE not in repr(failure) + repr(failure.trailing_metadata())
    assert seen.errors == [ERRORS["unexpected"]]
    with remote(sandbox, address) as client, pytest.raises(Refused) as caught:
        call(client, request_for(sandbox, "unexpected"))
    assert caught.value.message == f"keyholder keyholder-1: {peer.INTERNAL}"


def test_a_log_that_fails_does_not_become_the_answer(sandbox: Sandbox) -> None:
    class Full(Seen):
        def refuse(self, method: str, caller: Identity | None, error: RaakvlakError) -> None:
            raise OSError(f"disk full at {BSN_LIKE}")

    with (
        blocking(sandbox, HANDLERS, Full()) as address,
        remote(sandbox, address) as client,
        pytest.raises(Stale) as caught,
    ):
        call(client, request_for(sandbox, "stale"))
    assert BSN_LIKE not in caught.value.message


@contextmanager
def foreign_server(
    sandbox: Sandbox, reply: bytes = b"", code: grpc.StatusCode | None = None, text: str = "", refusal: bytes = b""
) -> Iterator[str]:
    """The genuine key holder, answering what our own server would never answer."""

    def answer(raw: bytes, context: grpc.ServicerContext) -> bytes:
        if code:
            context.set_trailing_metadata(((peer.REFUSAL, refusal),))
            context.abort(code, text)
        return reply

    server = peer.blocking_server(1)
    handler = grpc.method_handlers_generic_handler(
        KEY_HOLDER.full_name, {"Evaluate": grpc.unary_unary_rpc_method_handler(answer)}
    )
    server.add_generic_rpc_handlers((handler,))
    own = sandbox.credentials(sandbox.key_holder(1))
    port = server.add_secure_port("127.0.0.1:0", peer.server_credentials(own))
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Unavailable),
        (grpc.StatusCode.CANCELLED, Unavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLarge),
        (grpc.StatusCode.PERMISSION_DENIED, NotPermitted),
        (grpc.StatusCode.UNAUTHENTICATED, NotPermitted),
        (grpc.StatusCode.UNIMPLEMENTED, Refused),
        (grpc.StatusCode.UNKNOWN, Refused),
        (grpc.StatusCode.DATA_LOSS, Refused),
    ],
)
def test_a_status_without_a_refusal_is_understood(
    sandbox: Sandbox, code: grpc.StatusCode, expected: type[RaakvlakError]
) -> None:
    with (
        foreign_server(sandbox, code=code) as address,
        remote(sandbox, address) as client,
        pytest.raises(RaakvlakError, match="keyholder keyholder-1") as caught,
    ):
        call(client, request_for(sandbox))
    assert type(caught.value) is expected


def test_what_a_remote_says_is_cut_and_made_printable(sandbox: Sandbox) -> None:
    text = "\x1b[31mred\r\n\x07" + "long " * 500
    with (
        foreign_server(sandbox, code=grpc.StatusCode.UNKNOWN, text=text) as address,
        remote(sandbox, address) as client,
        pytest.raises(Refused) as caught,
    ):
        call(client, request_for(sandbox))
    said = caught.value.message.removeprefix("keyholder keyholder-1: ")
    assert len(said) == peer.MAX_TEXT
    assert said.isprintable()


@pytest.mark.parametrize(
    "refusal",
    [
        GARBAGE,
        refusal_pb2.Refusal(reason=refusal_pb2.OVER_QUOTA, until=2**64 - 1).SerializeToString(),
        b"\x08\x63",  # a reason that we don't know
    ],
)
def test_a_refusal_that_makes_no_sense_is_a_refusal(sandbox: Sandbox, refusal: bytes) -> None:
    with (
        foreign_server(sandbox, code=grpc.StatusCode.UNAVAILABLE, text="no", refusal=refusal) as address,
        remote(sandbox, address) as client,
        pytest.raises(Refused, match="keyholder keyholder-1: no") as caught,
    ):
        call(client, request_for(sandbox))
    assert type(caught.value) is Refused


def test_a_reply_that_is_no_message_is_malformed(sandbox: Sandbox) -> None:
    with (
        foreign_server(sandbox, GARBAGE) as address,
        remote(sandbox, address) as client,
        pytest.raises(Malformed, match="keyholder keyholder-1 answered with bytes that are no EvaluateReply"),
    ):
        call(client, request_for(sandbox))


def test_an_unknown_field_of_a_reply_is_ignored(sandbox: Sandbox) -> None:
    reply = keyholder_pb2.EvaluateReply(share_number=2).SerializeToString() + b"\xfa\x7f\x01x"
    with foreign_server(sandbox, reply) as address, remote(sandbox, address) as client:
        assert call(client, request_for(sandbox)).share_number == 2


def test_a_server_that_is_down_is_unavailable_and_named(sandbox: Sandbox) -> None:
    with remote(sandbox, "127.0.0.1:1") as client:
        for ask in (lambda: call(client, request_for(sandbox)), lambda: client.healthy(PATIENCE)):
            with pytest.raises(Unavailable, match=r"keyholder keyholder-1 at 127\.0\.0\.1:1 can't be reached"):
                ask()


def test_a_server_that_is_slow_is_unavailable_in_time(sandbox: Sandbox, seen: Seen) -> None:
    free = threading.Event()

    def slow(caller: Identity, request: Any) -> Message:
        free.wait(PATIENCE)
        return quota(caller, request)

    with blocking(sandbox, {**HANDLERS, "Evaluate": slow}, seen) as address, remote(sandbox, address) as client:
        with pytest.raises(Unavailable, match="did not answer in time"):
            call(client, request_for(sandbox), timeout_seconds=0.3)
        free.set()


def test_a_client_finds_a_server_again_that_came_back(sandbox: Sandbox, seen: Seen) -> None:
    own = sandbox.credentials(sandbox.key_holder(1))
    with blocking(sandbox, HANDLERS, seen) as address:
        client = peer.Remote(address, KEY_HOLDER, sandbox.credentials(sandbox.member("school")), sandbox.key_holder(1))
        assert call(client, request_for(sandbox)).share_number == 3
    with pytest.raises(Unavailable):
        call(client, request_for(sandbox))
    again = peer.blocking_server(1)
    service = peer.service(KEY_HOLDER, sandbox.covenant, Role.NODE, HANDLERS, on_error=seen.errors.append)
    again.add_generic_rpc_handlers((service,))
    assert again.add_secure_port(address, peer.server_credentials(own))
    again.start()
    try:
        assert _patiently(lambda: call(client, request_for(sandbox))).share_number == 3
    finally:
        client.close()
        again.stop(0).wait()


def _patiently(ask: Callable[[], keyholder_pb2.EvaluateReply]) -> keyholder_pb2.EvaluateReply:
    """The answer, once there is one: gRPC waits a little between attempts to connect."""
    last = datetime.now(UTC) + timedelta(seconds=PATIENCE)
    while True:
        try:
            return ask()
        except Unavailable:
            assert datetime.now(UTC) < last


# --- streams ----------------------------------------------------------------------------------------------------------


class Watching:
    """A Watch that sends what the request names and then waits; tells when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    async def __call__(self, caller: Identity, request: Any) -> AsyncIterator[Message]:
        try:
            number = request.after
            while True:
                number += 1
                yield index_pb2.EventBatch(events=[index_pb2.Event(number=number)], newest=number)
                if number == 100:
                    raise ERRORS["stale"]
                if number == 200:
                    raise ERRORS["unexpected"]
                if number == 300:
                    yield index_pb2.EventBatch(events=[letter(5 * 2**20)])
        finally:
            self.closed.set()


def letter(size: int) -> index_pb2.Event:
    return index_pb2.Event(letter=index_pb2.Letter(ciphertext=bytes(size)))


@contextmanager
def index(sandbox: Sandbox, seen: Seen, watching: Watching) -> Iterator[peer.Remote]:
    with (
        aio(sandbox, index_handlers({}), seen, descriptor=INDEX, streams=index_streams({"Watch": watching})) as address,
        remote(sandbox, address, server=sandbox.index, descriptor=INDEX) as client,
    ):
        yield client


def watch(sandbox: Sandbox, client: peer.Remote, after: int) -> peer.Stream[index_pb2.EventBatch]:
    request = index_pb2.WatchRequest(covenant_hash=sandbox.covenant.hash, after=after)
    return client.stream("Watch", request, index_pb2.EventBatch, timeout_seconds=PATIENCE)


def test_a_stream_delivers_in_order_until_it_is_cancelled(sandbox: Sandbox, seen: Seen) -> None:
    watching = Watching()
    with index(sandbox, seen, watching) as client:
        stream = watch(sandbox, client, 1000)
        numbers = []
        for batch in stream:
            numbers.append(batch.events[0].number)
            if len(numbers) == 50:
                stream.cancel()
        assert numbers[:50] == list(range(1001, 1051))
        assert watching.closed.wait(PATIENCE), "the handler ended when its caller went"
    assert seen == Seen(), "a caller that goes is no error"


def test_a_stream_that_ends_just_ends(sandbox: Sandbox, seen: Seen) -> None:
    with index(sandbox, seen, Watching()) as client:
        request = index_pb2.ReplayRequest(covenant_hash=sandbox.covenant.hash)
        assert list(client.stream("Replay", request, index_pb2.ReplayBatch, timeout_seconds=PATIENCE)) == []


@pytest.mark.parametrize(
    ("after", "expected", "text"),
    [(90, Stale, "an older generation"), (190, Refused, peer.INTERNAL), (290, TooLarge, "a reply holds at most")],
)
def test_an_error_amid_a_stream_comes_after_what_went_before(
    sandbox: Sandbox, seen: Seen, after: int, expected: type[RaakvlakError], text: str
) -> None:
    watching, numbers = Watching(), []
    with index(sandbox, seen, watching) as client:
        with pytest.raises(expected, match=f"index index: {text}") as caught:
            for batch in watch(sandbox, client, after):
                numbers.append(batch.events[0].number)
        assert numbers == list(range(after + 1, after + 11))
        assert BSN_LIKE not in caught.value.message
        assert watching.closed.wait(PATIENCE)
    if isinstance(caught.value, Stale):
        assert (caught.value.generation, caught.value.sequence) == (2**40, 17)


def test_a_stream_is_refused_before_parsing_and_its_request_is_small(sandbox: Sandbox, seen: Seen) -> None:
    method = f"/{INDEX.full_name}/Watch"
    stranger = certificate(sandbox.authority, "raakvlak://zeeland/node/stranger", roots=sandbox.authority.certificate_pem)
    member = sandbox.credentials(sandbox.member("school"))
    with aio(sandbox, index_handlers({}), seen, descriptor=INDEX, streams=index_streams({})) as address:
        for given, raw, code in (
            (stranger, GARBAGE, grpc.StatusCode.PERMISSION_DENIED),
            (stranger, bytes(5000), grpc.StatusCode.PERMISSION_DENIED),
            (member, GARBAGE, grpc.StatusCode.INVALID_ARGUMENT),
            (member, bytes(5000), grpc.StatusCode.OUT_OF_RANGE),
            (member, b"", grpc.StatusCode.FAILED_PRECONDITION),
        ):
            with raw_channel(sandbox, address, given, sandbox.index) as channel:
                stream: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
                with pytest.raises(grpc.RpcError) as caught:
                    next(iter(stream(raw, timeout=PATIENCE)))
                assert caught.value.code() is code


def test_unary_calls_of_an_event_loop_run_beside_it(sandbox: Sandbox, seen: Seen) -> None:
    """One handler blocks its thread; the loop still answers."""
    threads, free = [], threading.Event()

    def acknowledge(caller: Identity, request: Any) -> Message:
        threads.append(threading.current_thread().name)
        free.wait(PATIENCE)
        return index_pb2.AcknowledgeReply(waiting=1)

    handlers = index_handlers({"Acknowledge": acknowledge})
    request = index_pb2.AcknowledgeRequest(covenant_hash=sandbox.covenant.hash)
    replies: list[index_pb2.AcknowledgeReply] = []
    with (
        aio(sandbox, handlers, seen, descriptor=INDEX, streams=index_streams({})) as address,
        remote(sandbox, address, server=sandbox.index, descriptor=INDEX) as client,
    ):

        def ask() -> None:
            replies.append(client.call("Acknowledge", request, index_pb2.AcknowledgeReply, timeout_seconds=PATIENCE))

        waiting = threading.Thread(target=ask)
        waiting.start()
        try:
            assert client.healthy(PATIENCE)
        finally:
            free.set()
            waiting.join(PATIENCE)
    assert [each.waiting for each in replies] == [1]
    assert threads[0].startswith("ThreadPoolExecutor")


# --- what the code must hold by itself --------------------------------------------------------------------------------


def test_a_service_without_all_its_handlers_is_a_programming_error(sandbox: Sandbox) -> None:
    for handlers, limits in (({"Evaluate": evaluate}, {}), ({**HANDLERS, "Other": quota}, {}), (HANDLERS, {"Oher": 1})):
        with pytest.raises(ValueError, match="needs a handler for each of its methods"):
            peer.service(KEY_HOLDER, sandbox.covenant, Role.NODE, handlers, on_error=print, limits=limits)


def test_credentials_do_not_print_their_key(sandbox: Sandbox) -> None:
    own = sandbox.credentials(sandbox.member("school"))
    assert b"PRIVATE KEY" in own.key.reveal()
    assert "PRIVATE KEY" not in repr(own)


def test_the_authority_issues_what_was_asked_only(sandbox: Sandbox) -> None:
    _, csr = peer.certificate_request(sandbox.member("school"))
    with pytest.raises(Malformed, match="another party"):
        sandbox.authority.issue(csr, sandbox.index, datetime.now(UTC))


def test_certificates_of_a_key_that_is_not_ours_fail_at_the_first_call(sandbox: Sandbox, address: str) -> None:
    own = sandbox.credentials(sandbox.member("school"))
    other = replace(own, key=SecretBytes(sandbox.credentials(sandbox.member("town")).key.reveal()))
    with remote(sandbox, address, credentials=other) as client, pytest.raises(Unavailable):
        call(client, request_for(sandbox))


def test_importing_peer_stays_cheap() -> None:
    """A key holder starts in a tenth of a second; FastAPI or `cryptography` would cost four times that."""
    seen = "import sys, raakvlak_protocol.party.peer; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", seen], check=True, capture_output=True, text=True).stdout.split()
    assert {"grpc", "google"} <= set(loaded)
    assert not {"fastapi", "cryptography", "structlog", "uvicorn", "pydantic", "sqlite_utils"} & set(loaded)
