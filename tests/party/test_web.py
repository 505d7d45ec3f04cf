"""HTTPS between real sockets with real certificates: who is believed, how much is read, how it ends."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from raakvlak_protocol.errors import Refused, TooLarge, Unavailable
from raakvlak_protocol.identity import Identity, Role
from raakvlak_protocol.party import callers, peer, serving, web
from raakvlak_protocol.party.peer import Credentials
from raakvlak_protocol.secret import SecretBytes
from tests.covenants import Sandbox, make_covenant
from tests.party.servers import PATIENCE

LIMIT = 4096


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return make_covenant()


@dataclass
class Asked:
    """What came through the door."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    cancelled: list[bool] = field(default_factory=list)
    running: threading.Event = field(default_factory=threading.Event)


def public(asked: Asked) -> FastAPI:
    """Everything that a server can say."""
    app = FastAPI(openapi_url=None)

    @app.get("/bytes/{count}")
    async def some(count: int, request: Request) -> Response:
        asked.headers.append(dict(request.headers))
        return Response(b"x" * count, headers={"set-cookie": "follow=me; Path=/"})

    @app.get("/status/{status}")
    async def told(status: int) -> Response:
        return JSONResponse({"status": status, "detail": f"said with {status}"}, status)

    @app.get("/away")
    async def away() -> Response:
        return RedirectResponse("/bytes/1")

    @app.get("/fails")
    async def fails() -> Response:
        raise RuntimeError("999999990 is somebody's number")

    @app.get("/fails-midway")
    async def fails_midway() -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("999999990 again")

        return StreamingResponse(half(), headers={"content-length": "8"})

    @app.get("/waits/{seconds}")
    async def waits(seconds: float) -> Response:
        asked.running.set()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            asked.cancelled.append(True)
            raise
        return Response(b"waited")

    @app.get("/pieces/{count}")
    async def pieces(count: int) -> Response:
        return StreamingResponse(b"x" * 65536 for _ in range(count))

    @app.put("/statement")
    async def put(request: Request) -> Response:
        asked.bodies.append(await request.body())
        return Response(b"had", 201)

    return app


@contextmanager
def served(
    credentials: Credentials, folder: Path, asked: Asked | None = None, *, address: str = "127.0.0.1:0", grace: float = 5
) -> Iterator[str]:
    """The app above on a loop in a thread; yields its address. The thread has ended, without noise, when this has."""
    asked = asked or Asked()
    started: SimpleQueue[int | BaseException] = SimpleQueue()
    stop = serving.Stop()
    noise: list[dict[str, Any]] = []

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: noise.append(context))
        async with web.serving(
            public(asked), credentials, address, folder=folder, max_body_bytes=100, grace_seconds=grace,
            on_error=asked.errors.append,
        ) as port:  # fmt: skip
            started.put(port)
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            started.put(error)

    thread = threading.Thread(target=run)
    thread.start()
    port = started.get(timeout=PATIENCE)
    try:
        if isinstance(port, BaseException):
            raise port
        yield f"127.0.0.1:{port}"
    finally:
        stop.request()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not stop"
    assert started.empty(), started.get()
    assert noise == []


@dataclass
class Place:
    """An index that serves."""

    address: str
    sandbox: Sandbox
    asked: Asked

    def site(self, **change: Any) -> web.Site:
        return site(self.sandbox, self.address, **change)


def site(sandbox: Sandbox, address: str, **change: Any) -> web.Site:
    return web.Site(address, sandbox.index, sandbox.authority.certificate_pem, **change)


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Iterator[Place]:
    asked = Asked()
    with served(sandbox.credentials(sandbox.index), tmp_path, asked) as address:
        yield Place(address, sandbox, asked)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_what_is_served_is_had_and_what_is_put_arrives(place: Place) -> None:
    with place.site() as client:
        assert client.get("/bytes/300", limit=300) == b"x" * 300
        assert client.put("/statement", b"a note\n") == b"had"
        assert client.get("/bytes/0", limit=0) == b""
    assert place.asked.bodies == [b"a note\n"]


def test_the_limit_is_exact_and_the_rest_is_not_read(place: Place) -> None:
    with place.site() as client:
        assert len(client.get(f"/bytes/{LIMIT}", limit=LIMIT)) == LIMIT
        with pytest.raises(TooLarge, match=f"more than {LIMIT} bytes"):
            client.get(f"/bytes/{LIMIT + 1}", limit=LIMIT)
        with pytest.raises(TooLarge):
            client.get("/bytes/50000000", limit=LIMIT)
        assert client.get("/bytes/1", limit=1) == b"x", "and the client is still of use"


def test_no_cookie_comes_back_and_nothing_is_told_of_the_caller(place: Place) -> None:
    with place.site() as client:
        client.get("/bytes/1", limit=1)
        client.get("/bytes/1", limit=1)
    for headers in place.asked.headers:
        assert headers.keys() <= {"host", "accept-encoding", "connection", "accept"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, web.Missing),
        (400, Refused),
        (409, Refused),
        (410, Refused),
        (413, TooLarge),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_status_is_an_error_of_ours_with_what_was_told(place: Place, status: int, kind: type[Exception]) -> None:
    with place.site() as client, pytest.raises(kind, match=rf"^index index at .* answered {status}: said with {status}") as hit:
        client.get(f"/status/{status}", limit=LIMIT)
    assert type(hit.value) is kind


def test_a_redirect_is_not_followed(place: Place) -> None:
    with place.site() as client, pytest.raises(Refused, match=r"points elsewhere \(307\)"):
        client.get("/away", limit=LIMIT)
    assert place.asked.headers == []


def test_a_path_that_is_not_there_is_missing(place: Place) -> None:
    with place.site() as client, pytest.raises(web.Missing, match="Not Found"):
        client.get("/tile/0/x001/000", limit=LIMIT)


def test_proxies_of_the_environment_are_not_used(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with place.site() as client:
        assert client.get("/bytes/1", limit=1) == b"x"


@pytest.mark.parametrize(
    "address", ["", "index", "index:", ":443", "index:65536", "index:４４３", "a b:1", "index:443\n", "x@y:1"]
)
def test_an_address_is_host_and_port(sandbox: Sandbox, address: str) -> None:
    with pytest.raises(Refused, match="host:port"):
        site(sandbox, address)


def test_roots_that_are_none_are_refused(sandbox: Sandbox) -> None:
    for roots in (b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(Refused, match="roots"):
            web.Site("127.0.0.1:1", sandbox.index, roots)


# --- whom to believe --------------------------------------------------------------------------------------------------


def another_member(sandbox: Sandbox) -> Credentials:
    return sandbox.credentials(sandbox.member("school"))


def another_index(sandbox: Sandbox) -> Credentials:
    return sandbox.credentials(Identity(sandbox.covenant.id, Role.INDEX, "index2"))


def another_authority(sandbox: Sandbox) -> Credentials:
    other = make_covenant()
    return other.credentials(other.index)


def raw_credentials(sandbox: Sandbox, names: list[str], days: tuple[int, int], identity: Identity | None = None) -> Credentials:
    key, request = peer.certificate_request(identity or sandbox.index)
    now = datetime.now(UTC)
    before, after = (now + timedelta(days=day) for day in days)
    pem = sandbox.authority.issue_raw(request, uris=[sandbox.index.uri], dns_names=names, not_before=before, not_after=after)
    return Credentials(key, pem, sandbox.authority.certificate_pem)


def lapsed(sandbox: Sandbox) -> Credentials:
    return raw_credentials(sandbox, [sandbox.index.dns_name], (-10, -1))


def not_yet(sandbox: Sandbox) -> Credentials:
    return raw_credentials(sandbox, [sandbox.index.dns_name], (1, 10))


def named_by_where_it_is(sandbox: Sandbox) -> Credentials:
    return raw_credentials(sandbox, ["localhost", "127.0.0.1"], (-1, 1))


def named_by_uri_only(sandbox: Sandbox) -> Credentials:
    return raw_credentials(sandbox, [], (-1, 1))


def wildcard_elsewhere(sandbox: Sandbox) -> Credentials:
    return raw_credentials(sandbox, ["*.raakvlak"], (-1, 1))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (another_member, "Hostname mismatch"),
        (another_index, "Hostname mismatch"),
        (another_authority, "certificate"),
        (lapsed, "expired"),
        (not_yet, "not yet valid"),
        (named_by_where_it_is, "Hostname mismatch"),
        (named_by_uri_only, "Hostname mismatch"),
        (wildcard_elsewhere, "Hostname mismatch"),
    ],
)
def test_only_the_index_of_this_covenant_is_asked(
    sandbox: Sandbox, tmp_path: Path, made: Callable[[Sandbox], Credentials], why: str
) -> None:
    asked = Asked()
    with served(made(sandbox), tmp_path, asked) as address, site(sandbox, address) as client:
        with pytest.raises(Refused, match=r"is not the index of this covenant.*" + why):
            client.get("/bytes/1", limit=1)
        with pytest.raises(Refused, match=r"is not the index of this covenant.*" + why):
            client.put("/statement", b"a note\n")
    assert (asked.headers, asked.bodies) == ([], []), "nothing was asked of it"


def test_the_same_server_is_believed_under_its_own_name(sandbox: Sandbox, tmp_path: Path) -> None:
    """What the test above refuses is the name, nothing else about these certificates."""
    member = sandbox.member("school")
    with (
        served(another_member(sandbox), tmp_path) as address,
        web.Site(address, member, sandbox.authority.certificate_pem) as client,
    ):
        assert client.get("/bytes/1", limit=1) == b"x"


def test_roots_of_the_machine_are_not_asked(sandbox: Sandbox, place: Place) -> None:
    other = make_covenant().authority.certificate_pem
    with web.Site(place.address, sandbox.index, other) as client, pytest.raises(Refused, match="under the covenant's roots"):
        client.get("/bytes/1", limit=1)


def test_nothing_older_than_tls_1_3(place: Place) -> None:
    context = ssl.create_default_context(cadata=place.sandbox.authority.certificate_pem.decode())
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, port = place.address.split(":")
    name = place.sandbox.index.dns_name
    with socket.create_connection((host, int(port)), PATIENCE) as raw, pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        context.wrap_socket(raw, server_hostname=name).close()


# --- servers that behave badly ----------------------------------------------------------------------------------------


Script = Callable[[ssl.SSLSocket], None]


@contextmanager
def scripted(credentials: Credentials, folder: Path, *scripts: Script, oldest: bool = False) -> Iterator[str]:
    """A server that plays one script for each connection, in order, after the handshake."""
    (folder / "both.pem").write_bytes(credentials.key.reveal() + credentials.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    if oldest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    failures: list[BaseException] = []

    def run() -> None:
        for script in scripts:
            connection, _ = listening.accept()
            connection.settimeout(PATIENCE)
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    script(secured)
            except OSError:
                connection.close()
            except BaseException as error:
                failures.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert failures == []


def request_of(connection: ssl.SSLSocket) -> None:
    """Reads one request to its end: what is left unread would make our going look like a reset."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        piece = connection.recv(4096)
        if not piece:
            return
        heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        left -= len(connection.recv(left))


def answering(raw: bytes) -> Script:
    def script(connection: ssl.SSLSocket) -> None:
        request_of(connection)
        connection.sendall(raw)

    return script


def hanging_up(connection: ssl.SSLSocket) -> None:
    request_of(connection)


FINE = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine")


def scene(sandbox: Sandbox, folder: Path, *scripts: Script, oldest: bool = False) -> AbstractContextManager[str]:
    return scripted(sandbox.credentials(sandbox.index), folder, *scripts, oldest=oldest)


def test_a_connection_that_breaks_before_an_answer_is_tried_once_more(sandbox: Sandbox, tmp_path: Path) -> None:
    with scene(sandbox, tmp_path, hanging_up, FINE) as address, site(sandbox, address) as client:
        assert client.get("/", limit=10) == b"fine"


def test_and_not_twice_more(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        scene(sandbox, tmp_path, hanging_up, hanging_up) as address,
        site(sandbox, address) as client,
        pytest.raises(Unavailable, match="broke off"),
    ):
        client.get("/", limit=10)


def test_a_connection_that_was_idle_and_is_gone_is_replaced(sandbox: Sandbox, tmp_path: Path) -> None:
    """It answers, keeps the connection open, hears the next request and dies: the race that no check can see."""

    def once(connection: ssl.SSLSocket) -> None:
        FINE(connection)
        request_of(connection)

    with scene(sandbox, tmp_path, once, FINE) as address, site(sandbox, address) as client:
        assert client.get("/", limit=10) == b"fine"
        assert client.put("/", b"body") == b"fine"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Unavailable),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nhalf", Unavailable),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n", TooLarge),
        (b"HTTP/1.1 999 \r\ncontent-length: 0\r\n\r\n", Unavailable),
        (b"HTTP/1.1 204 None\r\n\r\n", type(None)),
    ],
)
def test_answers_that_are_cut_or_odd(sandbox: Sandbox, tmp_path: Path, raw: bytes, kind: type[Any]) -> None:
    with scene(sandbox, tmp_path, answering(raw)) as address, site(sandbox, address) as client:
        if kind is type(None):
            assert client.get("/", limit=10) == b""
            return
        with pytest.raises(kind):
            client.get("/", limit=10)


def test_an_answer_that_is_no_http_is_unavailable(sandbox: Sandbox, tmp_path: Path) -> None:
    nonsense = answering(b"SSH-2.0-OpenSSH\r\n\r\n")
    with (
        scene(sandbox, tmp_path, nonsense, nonsense) as address,
        site(sandbox, address) as client,
        pytest.raises(Unavailable),
    ):
        client.get("/", limit=10)


def test_a_compressed_answer_is_not_unpacked(sandbox: Sandbox, tmp_path: Path) -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with scene(sandbox, tmp_path, answering(raw)) as address, site(sandbox, address) as client:
        assert client.get("/", limit=10) == b"\x1f\x8b\x08\x00"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 4096,
        b"[]",
        b'{"detail": 7}',
        b'{"detail": "\\u001b[2Jcleared"}',
        b'{"detail": "two\\nlines"}',
        b'{"detail": "\\u202eturned"}',
        b'{"detail": "' + b"x" * 5000 + b'"}',
        b"\xff\xfe",
    ],
)
def test_a_detail_that_is_none_is_left_out(sandbox: Sandbox, tmp_path: Path, body: bytes) -> None:
    raw = b"HTTP/1.1 400 Bad\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with (
        scene(sandbox, tmp_path, answering(raw)) as address,
        site(sandbox, address) as client,
        pytest.raises(Refused, match=r"^index index at \S+ answered 400 to /where$"),
    ):
        client.get("/where", limit=10)


def test_a_long_detail_is_cut(sandbox: Sandbox, tmp_path: Path) -> None:
    body = json.dumps({"detail": "x" * 3000}).encode()
    raw = b"HTTP/1.1 400 Bad\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with (
        scene(sandbox, tmp_path, answering(raw)) as address,
        site(sandbox, address) as client,
        pytest.raises(Refused) as hit,
    ):
        client.get("/", limit=10)
    assert re.findall("x{5,}", hit.value.message) == ["x" * peer.MAX_TEXT]


def test_a_dripping_body_is_left(sandbox: Sandbox, tmp_path: Path) -> None:
    clock = iter(range(0, 1000, 25))
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"

    def drip(connection: ssl.SSLSocket) -> None:
        request_of(connection)
        connection.sendall(answer)
        for _ in range(9):
            connection.sendall(b"x")
            time.sleep(0.02)

    with (
        scene(sandbox, tmp_path, drip) as address,
        site(sandbox, address, clock=lambda: float(next(clock))) as client,
        pytest.raises(Unavailable, match="more than 60 seconds"),
    ):
        client.get("/", limit=10)
    assert next(clock) == 100, "it was left at the third piece"


def test_a_silent_server_is_unavailable(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "READ_SECONDS", 0.1)

    def silent(connection: ssl.SSLSocket) -> None:
        request_of(connection)
        connection.recv(1)  # until the client goes

    with (
        scene(sandbox, tmp_path, silent) as address,
        site(sandbox, address) as client,
        pytest.raises(Unavailable, match="did not answer in time"),
    ):
        client.get("/", limit=10)


def test_where_nobody_listens(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    with site(sandbox, address) as client, pytest.raises(Unavailable, match="check that it runs, the address and the firewall"):
        client.get("/", limit=10)


def test_a_server_of_older_tls_is_not_spoken_with(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        scene(sandbox, tmp_path, FINE, oldest=True) as address,
        site(sandbox, address) as client,
        pytest.raises(Unavailable, match=r"TLS 1\.3"),
    ):
        client.get("/", limit=10)


# --- the door ---------------------------------------------------------------------------------------------------------


def stranger(place: Place) -> http.client.HTTPSConnection:
    """A client that is not ours."""
    context = ssl.create_default_context(cadata=place.sandbox.authority.certificate_pem.decode())
    context.check_hostname = False
    host, port = place.address.split(":")
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE)


def test_a_body_of_the_limit_comes_in_and_one_byte_more_does_not(place: Place) -> None:
    with place.site() as client:
        client.put("/statement", b"x" * 100)
        with pytest.raises(TooLarge, match="at most 100 bytes"):
            client.put("/statement", b"x" * 101)
        with pytest.raises(TooLarge):
            client.put("/statement", b"x" * 5_000_000)
        client.put("/statement", b"y")
    assert place.asked.bodies == [b"x" * 100, b"y"]


def test_a_body_that_does_not_say_its_size_does_not_come_in(place: Place) -> None:
    connection = stranger(place)
    connection.request("PUT", "/statement", body=iter([b"x" * 50]), encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()
    assert place.asked.bodies == []


def test_an_answer_names_no_software_and_no_client_is_asked_for_a_certificate(place: Place) -> None:
    connection = stranger(place)
    connection.request("GET", "/bytes/1", headers={"x-forwarded-for": "192.0.2.1"})
    response = connection.getresponse()
    assert response.status == 200
    assert {name.lower() for name, _ in response.getheaders()} == {"date", "content-length", "set-cookie"}
    connection.close()


def test_an_exception_is_told_to_the_operator_only(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    with place.site() as client:
        with pytest.raises(Unavailable, match="answered 500") as hit:
            client.get("/fails", limit=LIMIT)
        with pytest.raises(Unavailable, match="broke off"):
            client.get("/fails-midway", limit=LIMIT)
    assert "999999990" not in hit.value.message
    assert [str(error) for error in place.asked.errors] == ["999999990 is somebody's number", "999999990 again"]
    assert capfd.readouterr() == ("", "")


def test_nonsense_is_neither_answered_for_long_nor_logged(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    host, port = place.address.split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"200" not in plain.recv(100)
    connection = stranger(place)
    connection.connect()
    connection.sock.sendall(b"nonsense\r\n\r\n")
    assert b" 400 " in connection.sock.recv(100)
    connection.close()
    with place.site() as client:
        assert client.get("/bytes/1", limit=1) == b"x"
    assert capfd.readouterr() == ("", "")


# --- strangers without end --------------------------------------------------------------------------------------------

HALVES = [
    b"",
    b"GET /bytes/1 HTTP/1.1\r\n",
    b"PUT /statement HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
    b"PUT /statement HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\nrefused before it is whole",
    b"GET /bytes/1 HTTP/1.1\r\nhost: x\r\n\r\nGET /bytes/1 HTTP/1.1\r\nhost: x\r\n\r\nPUT /statement HTTP/1.1\r\n"
    b"host: x\r\ncontent-length: 9\r\n\r\nhalf",
]
"""What a whole request never comes of, or not the last one."""


def calling(place: Place, sent: bytes) -> ssl.SSLSocket:
    connection = stranger(place)
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    connection.sock.sendall(sent)
    return connection.sock


def gone(connection: socket.socket) -> bool:
    """Whether the server closes the connection before our patience ends; what it says before is passed over."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    connection.close()
    return True


@pytest.mark.parametrize("sent", HALVES)
def test_a_request_that_is_not_whole_in_time_is_aborted(place: Place, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(callers, "REQUEST_SECONDS", 0.2)
    began = time.monotonic()
    assert gone(calling(place, sent))
    assert 0.1 < time.monotonic() - began < 3
    assert place.asked.bodies == []


def test_drips_buy_no_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "REQUEST_SECONDS", 0.2)
    connection = calling(place, b"GET /bytes/1 HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b" 200 " in connection.recv(4096)
    began = time.monotonic()
    with pytest.raises(OSError):  # broken pipe, reset or end of TLS: as the systems' timing has it
        while time.monotonic() - began < 3:
            connection.sendall(b"G")
            time.sleep(0.02)
    connection.close()
    assert time.monotonic() - began < 2


def test_between_two_requests_and_within_an_answer_that_time_does_not_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REQUEST_SECONDS", 0.15)
    connection = stranger(place)
    for path in ("/waits/0.25", "/bytes/1"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        own = connection.sock
        time.sleep(0.2)
    connection.request("GET", "/bytes/1")
    assert connection.getresponse().status == 200
    assert connection.sock is own, "over the same connection"
    connection.close()


def test_an_answer_that_nobody_reads_is_left(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()
    connection = calling(place, b"GET /pieces/800 HTTP/1.1\r\nhost: x\r\n\r\n")
    time.sleep(0.5)
    assert gone(connection)
    assert time.monotonic() - began < 3
    with place.site() as client:
        assert client.get("/bytes/1", limit=1) == b"x"


@pytest.mark.parametrize("sent", [None, b"", HALVES[1], HALVES[2]])
def test_who_fills_every_place_keeps_nobody_out(place: Place, monkeypatch: pytest.MonkeyPatch, sent: bytes | None) -> None:
    """A newcomer gets the place of the one who came first; None stands for a handshake that never begins."""
    monkeypatch.setattr(callers, "MAX_CONNECTIONS", 5)
    host, port = place.address.split(":")

    def filling() -> socket.socket:
        return socket.create_connection((host, int(port)), PATIENCE) if sent is None else calling(place, sent)

    filled = [filling() for _ in range(12)]
    with place.site() as client:
        assert client.get("/bytes/1", limit=1) == b"x"
        assert all(gone(each) for each in filled[:8]), "five places, one of them now the client's"
        assert client.get("/bytes/1", limit=1) == b"x"
    for each in filled[8:]:
        each.settimeout(0.05)
        assert not gone(each)
        each.close()


def test_who_is_owed_an_answer_is_not_sent_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MAX_CONNECTIONS", 2)
    waiting = [calling(place, b"GET /waits/0.5 HTTP/1.1\r\nhost: x\r\n\r\n") for _ in range(2)]
    with place.site() as client:
        began = time.monotonic()
        assert client.get("/bytes/1", limit=1) == b"x"
        assert time.monotonic() - began < 3, "as soon as one was answered, though it keeps its connection"
    assert all(b" 200 " in each.recv(4096) for each in waiting)
    for each in waiting:
        each.close()


# --- the key, the address, the end ------------------------------------------------------------------------------------


def test_the_key_never_lies_in_the_clear_and_not_at_all_afterwards(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[bytes, int]] = []
    load = ssl.SSLContext.load_cert_chain

    def seen(context: ssl.SSLContext, certfile: str, *rest: Any, **named: Any) -> None:
        found.extend((path.read_bytes(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir())
        load(context, certfile, *rest, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", seen)
    with served(sandbox.credentials(sandbox.index), tmp_path):
        assert list(tmp_path.iterdir()) == []
    ((content, mode),) = found
    assert b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in content
    assert b"-----BEGIN PRIVATE KEY-----" not in content
    assert mode == 0o600


def test_a_key_that_does_not_fit_is_refused_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    own = sandbox.credentials(sandbox.index)
    other = sandbox.credentials(sandbox.member("town")).key
    for wrong in (replace(own, key=other), replace(own, key=SecretBytes(b"no key")), replace(own, certificate=b"none")):
        with pytest.raises(Refused, match="do not fit together"), served(wrong, tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="can't write"), served(sandbox.credentials(sandbox.index), tmp_path / "nowhere"):
        pass


def test_an_address_in_use_is_refused(place: Place, tmp_path: Path) -> None:
    own = place.sandbox.credentials(place.sandbox.index)
    for address in (place.address, "192.0.2.1:0", "a..b:0"):
        with pytest.raises(Refused, match="can't listen on"), served(own, tmp_path, address=address):
            pass


def test_a_request_that_runs_is_answered_before_the_end(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = Asked()
    answers: list[bytes] = []
    with served(sandbox.credentials(sandbox.index), tmp_path, asked) as address:
        client = site(sandbox, address)
        caller = threading.Thread(target=lambda: answers.append(client.get("/waits/0.4", limit=10)))
        caller.start()
        assert asked.running.wait(PATIENCE)
    caller.join(PATIENCE)
    client.close()
    assert answers == [b"waited"]
    assert asked.cancelled == []


def test_past_the_grace_a_request_is_cancelled_quietly(
    sandbox: Sandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = Asked()
    errors: list[BaseException] = []

    def call(client: web.Site) -> None:
        try:
            client.get("/waits/60", limit=10)
        except Unavailable as error:
            errors.append(error)

    with served(sandbox.credentials(sandbox.index), tmp_path, asked, grace=1) as address:
        client = site(sandbox, address)
        caller = threading.Thread(target=call, args=(client,))
        caller.start()
        assert asked.running.wait(PATIENCE)
        began = time.monotonic()
    assert time.monotonic() - began < 4
    caller.join(PATIENCE)
    client.close()
    assert asked.cancelled == [True]
    assert len(errors) == 1
    assert capfd.readouterr() == ("", "")


def test_clients_that_keep_their_connection_do_not_hold_up_the_end(sandbox: Sandbox, tmp_path: Path) -> None:
    """One idle after an answer, one in the middle of its request."""
    with served(sandbox.credentials(sandbox.index), tmp_path, grace=15) as address:
        client = site(sandbox, address)
        client.get("/bytes/1", limit=1)
        half = stranger(Place(address, sandbox, Asked()))
        half.connect()
        half.sock.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
    assert time.monotonic() - began < 6
    half.close()
    with pytest.raises(Unavailable):
        client.get("/bytes/1", limit=1)
    client.close()


def test_a_client_that_does_not_read_its_answer_gets_the_grace_and_no_more(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = Asked()
    with served(sandbox.credentials(sandbox.index), tmp_path, asked, grace=1) as address:
        greedy = stranger(Place(address, sandbox, asked))
        greedy.request("GET", "/bytes/50000000")
        assert greedy.sock.recv(1) == b"H"
        began = time.monotonic()
    assert time.monotonic() - began < 6
    greedy.close()


def test_the_port_is_free_again_and_a_client_finds_the_next_server(sandbox: Sandbox, tmp_path: Path) -> None:
    own = sandbox.credentials(sandbox.index)
    with served(own, tmp_path) as address:
        client = site(sandbox, address)
        assert client.get("/bytes/1", limit=1) == b"x"
    with served(own, tmp_path, address=address):
        assert client.get("/bytes/1", limit=1) == b"x"
    client.close()


PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from raakvlak_protocol.party import peer, serving, web
from raakvlak_protocol.secret import SecretBytes

folder = Path(sys.argv[1])
own = peer.Credentials(*(kind((folder / name).read_bytes()) for kind, name in
    ((SecretBytes, "key"), (bytes, "certificate"), (bytes, "roots"))))

async def app(scope, receive, send):
    body = b"%d" % len(os.listdir("/dev/fd")) if scope["path"] == "/open" else b"ok"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

async def main():
    stop = serving.Stop.on_signals()
    async def quiet(): pass
    async with web.serving(app, own, "127.0.0.1:0", folder=folder, max_body_bytes=0, grace_seconds=12, on_error=print) as port:
        await serving.serve_aio(peer.aio_server(), own, address="127.0.0.1:0", ready=lambda _: print(port, flush=True),
            stop=stop, grace_seconds=5, before_stop=quiet)

asyncio.run(main())
print("closed the store")
"""


@contextmanager
def program(own: Credentials, folder: Path, before: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program above in a process; yields it and the port of its HTTPS side."""
    for name, content in (("key", own.key.reveal()), ("certificate", own.certificate), ("roots", own.roots)):
        (folder / name).write_bytes(content)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", before + PROGRAM, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_beside_grpc_a_signal_ends_both_in_order(sandbox: Sandbox, tmp_path: Path, number: signal.Signals) -> None:
    """With an idle client and one that never began its handshake; nothing unclosed, nothing on standard error."""
    with (
        program(sandbox.credentials(sandbox.index), tmp_path) as (process, port),
        site(sandbox, f"127.0.0.1:{port}") as client,
        socket.create_connection(("127.0.0.1", port), PATIENCE),
    ):
        assert client.get("/", limit=2) == b"ok"
        os.kill(process.pid, number)
        began = time.monotonic()
        out, err = process.communicate(timeout=PATIENCE)
        took = time.monotonic() - began
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "closed the store"
    assert took < 8, "neither of the two costs the grace"


SCARCE = """
import resource
from raakvlak_protocol.party import callers
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
callers.MAX_CONNECTIONS = 20
"""


def test_more_callers_than_descriptors_leave_descriptors(sandbox: Sandbox, tmp_path: Path) -> None:
    with program(sandbox.credentials(sandbox.index), tmp_path, SCARCE) as (process, port):
        idle = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(120)]
        with site(sandbox, f"127.0.0.1:{port}") as client:
            assert int(client.get("/open", limit=4)) < 50
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        for each in idle:
            each.close()
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "closed the store"


def test_importing_web_stays_cheap() -> None:
    seen = "import sys, raakvlak_protocol.party.web; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", seen], check=True, capture_output=True, text=True).stdout.split()
    assert "ssl" in loaded
    assert not {"fastapi", "cryptography", "httpx", "httpcore", "uvicorn", "starlette"} & set(loaded)
