"""Serving as a process: ready when it says so, stopped by a signal in order, alone on its store."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from raakvlak_protocol.errors import Refused, Unavailable
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party import peer, serving
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
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

PROGRAM = """
import asyncio, sys
from pathlib import Path
from raakvlak_protocol.party import peer, serving
from raakvlak_protocol.secret import SecretBytes

kind, folder = sys.argv[1], Path(sys.argv[2])
own = peer.Credentials(
    SecretBytes((folder / "key.pem").read_bytes()),
    (folder / "certificate.pem").read_bytes(),
    (folder / "roots.pem").read_bytes(),
)
async def nothing():
    print("streams ended", flush=True)
async def on_loop():
    await serving.serve_aio(peer.aio_server(), own, address="127.0.0.1:0", ready=str, stop=stop, grace_seconds=5,
                            before_stop=nothing)
with serving.only_one(folder / "lock", "raakvlak-index"):
    stop = serving.Stop.on_signals()
    if kind == "blocking":
        serving.serve_blocking(
            peer.blocking_server(2), own, address="127.0.0.1:0", ready=str, stop=stop, grace_seconds=5
        )
    else:
        asyncio.run(on_loop())
print("store closed", flush=True)
"""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Path:
    own = sandbox.credentials(sandbox.key_holder(1))
    (tmp_path / "key.pem").write_bytes(own.key.reveal())
    (tmp_path / "certificate.pem").write_bytes(own.certificate)
    (tmp_path / "roots.pem").write_bytes(own.roots)
    return tmp_path


@contextmanager
def process(kind: str, folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server process and the address of its readiness line; killed if it still runs at the end."""
    command = [sys.executable, "-c", PROGRAM, kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            assert ready["ready"] is True
            yield server, ready["address"]
        finally:
            server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["blocking", "aio"])
def test_a_signal_ends_a_process_in_order_with_exit_0(
    sandbox: Sandbox, folder: Path, kind: str, number: signal.Signals
) -> None:
    with process(kind, folder) as (server, address):
        with remote(sandbox, address) as client:
            assert client.healthy(PATIENCE), "healthy as soon as the line is out"
        began = time.monotonic()
        server.send_signal(number)
        out, err = server.communicate(timeout=PATIENCE)
        assert time.monotonic() - began < 4, "it did not wait for its grace"
        assert server.returncode == 0
        assert out.splitlines() == (["streams ended"] if kind == "aio" else []) + ["store closed"]
        assert err == ""


def test_many_signals_are_one(folder: Path) -> None:
    with process("blocking", folder) as (server, _):
        for _ in range(20):
            server.send_signal(signal.SIGTERM)
        server.communicate(timeout=PATIENCE)
        assert server.returncode == 0


def test_a_second_process_on_one_store_is_refused_until_the_first_has_gone(folder: Path) -> None:
    with process("blocking", folder) as (first, _):
        command = [sys.executable, "-c", PROGRAM, "blocking", str(folder)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert second.returncode == 1
        assert f"Unavailable: another raakvlak-index works on this store ({folder}/lock)" in second.stderr
        with (
            pytest.raises(Unavailable, match="another raakvlak-index works on this store"),
            serving.only_one(folder / "lock", "raakvlak-index"),
        ):
            pytest.fail("two at once")
        first.kill()
        first.wait(PATIENCE)
    with serving.only_one(folder / "lock", "raakvlak-index"):
        pass
    with serving.only_one(folder / "lock", "raakvlak-index"):
        pass


def test_a_lock_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(Refused, match=f"can't open {tmp_path}/no/lock: No such file"),
        serving.only_one(tmp_path / "no" / "lock", "raakvlak-index"),
    ):
        pytest.fail("locked nothing")


def serve_at(address: str, own: peer.Credentials) -> None:
    """Would serve, and return at once, if the address could be had."""
    stop = serving.Stop()
    stop.request()
    serving.serve_blocking(peer.blocking_server(1), own, address=address, ready=print, stop=stop, grace_seconds=0)


def test_an_address_in_use_is_refused(sandbox: Sandbox) -> None:
    own = sandbox.credentials(sandbox.key_holder(1))
    with blocking(sandbox, HANDLERS, Seen()) as address, pytest.raises(Refused, match=f"can't listen on {address}"):
        serve_at(address, own)


def test_a_certificate_of_another_key_is_refused_at_the_start(sandbox: Sandbox) -> None:
    own, other = sandbox.credentials(sandbox.key_holder(1)), sandbox.credentials(sandbox.key_holder(2))
    serve_at("127.0.0.1:0", own)
    with pytest.raises(Refused, match="certificate and key do not fit together"):
        serve_at("127.0.0.1:0", peer.Credentials(other.key, own.certificate, own.roots))


def evaluate(caller: Identity, request: Any) -> Message:
    return keyholder_pb2.EvaluateReply()


def quota(caller: Identity, request: Any) -> Message:
    return keyholder_pb2.QuotaReply()


HANDLERS: dict[str, peer.Handler] = {"Evaluate": evaluate, "Quota": quota}


def test_a_server_is_healthy_from_ready_until_stop_and_finishes_what_runs(sandbox: Sandbox) -> None:
    """A call that runs holds up the stop and is answered; new ones are not taken."""
    began, free, stop = threading.Event(), threading.Event(), serving.Stop()
    before_ready: list[bool] = []
    healths: list[bool] = []
    ports: list[int] = []
    own = sandbox.credentials(sandbox.key_holder(1))

    def slow(caller: Identity, request: Any) -> Message:
        began.set()
        free.wait(PATIENCE)
        return keyholder_pb2.EvaluateReply(share_number=1)

    def ready(port: int) -> None:
        with remote(sandbox, f"127.0.0.1:{port}") as early:
            before_ready.append(early.healthy(PATIENCE))
        ports.append(port)
        listening.set()

    def serve() -> None:
        server = peer.blocking_server(3)
        handlers = {**HANDLERS, "Evaluate": slow}
        service = peer.service(KEY_HOLDER, sandbox.covenant, Role.NODE, handlers, on_error=Seen().errors.append)
        server.add_generic_rpc_handlers((service,))
        serving.serve_blocking(server, own, address="127.0.0.1:0", ready=ready, stop=stop, grace_seconds=PATIENCE)

    listening = threading.Event()
    serving_thread = threading.Thread(target=serve)
    serving_thread.start()
    assert listening.wait(PATIENCE)
    replies: list[keyholder_pb2.EvaluateReply] = []
    request = keyholder_pb2.EvaluateRequest(covenant_hash=sandbox.covenant.hash)
    with remote(sandbox, f"127.0.0.1:{ports[0]}") as client:

        def call() -> None:
            replies.append(client.call("Evaluate", request, keyholder_pb2.EvaluateReply, timeout_seconds=PATIENCE))

        calling = threading.Thread(target=call)
        calling.start()
        assert began.wait(PATIENCE)
        healths.append(client.healthy(PATIENCE))
        stop.request()
        with pytest.raises(Unavailable):
            for _ in range(1000):  # until the server takes no new calls
                client.healthy(PATIENCE)
                time.sleep(0.005)
        assert serving_thread.is_alive(), "it waits for the call that runs"
        free.set()
        calling.join(PATIENCE)
    serving_thread.join(PATIENCE)
    assert before_ready == [False]
    assert healths[0] is True
    assert [each.share_number for each in replies] == [1]


def test_an_endless_stream_ended_by_us_does_not_hold_up_the_stop(sandbox: Sandbox) -> None:
    seen, ending = Seen(), threading.Event()

    async def watch(caller: Identity, request: Any) -> AsyncIterator[Message]:
        import asyncio

        number = 0
        while not ending.is_set():
            number += 1
            yield index_pb2.EventBatch(newest=number)
            await asyncio.sleep(0.01)

    request = index_pb2.WatchRequest(covenant_hash=sandbox.covenant.hash)
    numbers = []
    with aio(
        sandbox, index_handlers({}), seen, descriptor=INDEX, streams=index_streams({"Watch": watch}),
        end_streams=ending.set, grace_seconds=60,
    ) as address, remote(sandbox, address, server=sandbox.index, descriptor=INDEX) as client:  # fmt: skip
        stream = client.stream("Watch", request, index_pb2.EventBatch, timeout_seconds=None)
        numbers.append(next(stream).newest)
        began = time.monotonic()
        ender = threading.Timer(0.05, ending.set)
        ender.start()
        numbers.extend(batch.newest for batch in stream)
        ender.join()
    assert time.monotonic() - began < 10
    assert numbers == list(range(1, len(numbers) + 1))
    assert seen == Seen()


def test_health_answers_for_the_server_only(sandbox: Sandbox) -> None:
    own = sandbox.credentials(sandbox.member("school"))
    with blocking(sandbox, HANDLERS, Seen()) as one, aio(sandbox, HANDLERS, Seen()) as two:
        for address in (one, two):
            tls = grpc.ssl_channel_credentials(own.roots, own.key.reveal(), own.certificate)
            options = (("grpc.ssl_target_name_override", sandbox.key_holder(1).dns_name),)
            with grpc.secure_channel(address, tls, options) as channel:
                for raw, method, code in (
                    (b"\x0a\x05other", "Check", grpc.StatusCode.NOT_FOUND),
                    (b"\xff", "Check", grpc.StatusCode.INVALID_ARGUMENT),
                    (b"", "Watch", grpc.StatusCode.UNIMPLEMENTED),
                    (b"", "List", grpc.StatusCode.UNIMPLEMENTED),
                ):
                    with pytest.raises(grpc.RpcError) as caught:
                        unary(channel, f"/grpc.health.v1.Health/{method}")(raw, timeout=PATIENCE)
                    assert caught.value.code() is code
                with pytest.raises(grpc.RpcError) as caught:
                    unary(channel, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(b"", timeout=PATIENCE)
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED, "reflection is off"


def test_a_stop_is_heard_by_all_who_wait() -> None:
    stop = serving.Stop()
    heard: list[bool] = []
    assert not stop.wait(0.01)
    assert not stop.requested
    threads = [threading.Thread(target=lambda: heard.append(stop.wait(PATIENCE))) for _ in range(5)]
    for thread in threads:
        thread.start()
    stop.request()
    for thread in threads:
        thread.join(PATIENCE)
    assert heard == [True] * 5
    assert stop.requested
    assert stop.wait(0)
