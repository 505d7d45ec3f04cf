"""HTTPS: serving what anyone may see, and fetching it from the one party that is meant.

A server holds its party's own certificate and asks none of its callers: what it serves is public to whoever reaches it
and verifiable without trusting whoever served it (ADR 9). A client reaches any address, but accepts only a certificate
under the covenant's roots that names the party it means; the answer is bounded in size, and otherwise trusted for
nothing. TLS 1.3 on both sides. uvicorn and httpx are imported where they are used: a key holder starts without them.
"""

import asyncio
import json
import logging
import math
import os
import re
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from raakvlak_protocol.errors import RaakvlakError, Refused, TooLarge, Unavailable
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party.peer import INTERNAL, MAX_TEXT, Credentials, OnError

if TYPE_CHECKING:
    import httpx
    import uvicorn

SERVER_IDLE_SECONDS: Final = 20
CLIENT_IDLE_SECONDS: Final = 10.0
"""Shorter than the server's, so that a client rarely asks over a connection that is just being closed."""

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 20.0
"""For each read; the body as a whole has BODY_SECONDS."""
BODY_SECONDS: Final = 60.0
MAX_ACKNOWLEDGEMENT_BYTES: Final = 2**16
"""No answer to a PUT is larger."""
MAX_PROBLEM_BYTES: Final = 4096
"""No more of an answer that is an error is read."""

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})")

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]
App = Callable[[_Message, Callable[[], Awaitable[_Message]], _Send], Awaitable[None]]
"""An ASGI application, such as a FastAPI one; its lifespan is not run, its caller opens and closes what it needs."""


class Missing(Refused):
    """The server answered that it has nothing at this path: it may have it later, or never."""


# --- a server ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(
    app: App,
    credentials: Credentials,
    address: str,
    *,
    folder: Path,
    max_body_bytes: int,
    grace_seconds: float,
    on_error: OnError,
) -> AsyncIterator[int]:
    """Serves `app` on the running event loop for as long as the context lasts; yields the port, which is listening.

    `address` is host:port, port 0 for any free one. `folder` is the party's own: for a moment the TLS key stands there,
    encrypted. A request whose body does not say its size, or says more than `max_body_bytes`, never reaches `app`;
    `on_error` gets what it raises, of which the caller learns nothing. At the end requests that run get
    `grace_seconds`, then they are cancelled. Signals are the caller's. Raises Refused where the address can't be had,
    or certificate and key don't fit together. How many may call at once, and how long each may take, is `callers`'.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from raakvlak_protocol.party.callers import Caller, Reception

    context = _server_context(credentials, folder)
    listening = _listening(address)
    config = uvicorn.Config(
        _guarded(app, max_body_bytes, on_error),
        interface="asgi3",
        http=H11Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        # What it would log is free text and a stranger's doing; what the operator must know goes to `on_error`.
        log_level=logging.CRITICAL,
        timeout_keep_alive=SERVER_IDLE_SECONDS,
        timeout_graceful_shutdown=math.ceil(grace_seconds),
    )
    config.load()
    server = uvicorn.Server(config)
    # `Server.serve` would take the signals, and raise them again at its end; so its parts are called one by one.
    server.lifespan = config.lifespan_class(config)
    server.servers = []  # the socket is ours to close
    reception = Reception(listening, context, lambda: Caller(config, server.server_state))
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait([ticking])
        await reception.close()
        listening.close()
        await _stopped(server)
        await reception.empty()


async def _stopped(server: "uvicorn.Server") -> None:
    """Returns when no request runs and none of their connections is open any more."""
    await server.shutdown()
    state = server.server_state
    # The grace is over for what is left. A cancelled request may still wait for a client that does not read; it must
    # have ended before its caller closes a store.
    for connection in list(state.connections):
        connection.transport.abort()
    while state.connections:
        await asyncio.sleep(0)
    if state.tasks:
        await asyncio.wait(state.tasks)


def _server_context(own: Credentials, folder: Path) -> ssl.SSLContext:
    """TLS 1.3 under our certificate. OpenSSL loads a key from a file only: it gets one that is encrypted under a
    passphrase nobody else ever has, and that is gone when this returns."""
    from cryptography.hazmat.primitives import serialization

    passphrase = os.urandom(32).hex().encode()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    unfit = Refused("certificate and TLS key do not fit together: order a new certificate, or restore the key it is for")
    try:
        key = serialization.load_pem_private_key(own.key.reveal(), None)
        encryption = serialization.BestAvailableEncryption(passphrase)
        locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    except (ValueError, TypeError):
        raise unfit from None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".tls-") as file:  # mode 0600
            file.write(locked + own.certificate)
            file.flush()
            context.load_cert_chain(file.name, password=passphrase)
    except ssl.SSLError:
        raise unfit from None
    except OSError as error:
        raise Refused(f"can't write to {folder}: {error.strerror}") from None
    return context


def _listening(address: str) -> socket.socket:
    host, port = _parted(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sends at once (TCP_NODELAY)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except (OSError, UnicodeError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        raise Refused(f"can't listen on {address}: {reason}") from None
    return listening


def _guarded(app: App, max_body_bytes: int, on_error: OnError) -> App:
    """`app` behind a door that looks at a body's size first, and that keeps the text of exceptions inside."""

    async def guarded(scope: _Message, receive: Callable[[], Awaitable[_Message]], send: _Send) -> None:
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers:
            return await _answer(send, HTTPStatus.LENGTH_REQUIRED, "say the size of the body in content-length")
        if int(headers.get(b"content-length", b"0")) > max_body_bytes:
            return await _answer(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body holds at most {max_body_bytes} bytes")
        answering = False

        async def noted(message: _Message) -> None:
            nonlocal answering
            answering = True
            await send(message)

        try:
            return await app(scope, receive, noted)
        except Exception as error:
            with suppress(Exception):  # a full disk under the log must not show in an answer
                on_error(error)
            if not answering:
                await _answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL)

    return guarded


async def _answer(send: _Send, status: HTTPStatus, detail: str) -> None:
    body = json.dumps({"title": status.phrase, "status": status.value, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# --- a client ---------------------------------------------------------------------------------------------------------


class Site:
    """A blocking client of one party's HTTPS side; threads may share it. No redirect, cookie or proxy is followed.

    `address` is host:port, where it is reached; `identity` is who must answer there, by a certificate under
    `roots_pem`. Every failure is an error of ours that names the party.
    """

    def __init__(
        self, address: str, identity: Identity, roots_pem: bytes, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        import httpx

        host, port = _parted(address)
        self._address = address
        self._identity = identity
        self._clock = clock
        self._base = httpx.URL(scheme="https", host=host, port=port)
        self._transport = httpx.HTTPTransport(
            verify=_client_context(roots_pem),
            trust_env=False,
            limits=httpx.Limits(max_connections=8, keepalive_expiry=CLIENT_IDLE_SECONDS),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def get(self, path: str, *, limit: int) -> bytes:
        """What stands at `path`, as sent: at most `limit` bytes, TooLarge otherwise.

        Raises Missing where nothing stands there; Refused where another party answers, or this one says no;
        Unavailable where it can't be heard, so that the same may be asked later.
        """
        return self._exchanged("GET", path, None, limit)

    def put(self, path: str, body: bytes) -> bytes:
        """The server's answer to `body` at `path`; errors as `get`. After Unavailable the server may have it or not, and
        it may have come twice: only what is idempotent is put.
        """
        return self._exchanged("PUT", path, body, MAX_ACKNOWLEDGEMENT_BYTES)

    def _exchanged(self, method: str, path: str, body: bytes | None, limit: int) -> bytes:
        import httpx

        try:
            with closing(self._answered(method, path, body)) as response:
                if response.is_success:
                    return self._content(response, path, limit)
                raise self._refusal(response, path)
        except httpx.HTTPError as error:
            raise self._unheard(error) from None

    def _answered(self, method: str, path: str, body: bytes | None) -> "httpx.Response":
        """An answer's head. Asks once more where the connection broke before one came: it was closed while idle."""
        import httpx

        request = httpx.Request(
            method,
            self._base.copy_with(raw_path=path.encode("ascii")),
            content=body,
            extensions={
                # Which name the certificate is verified for, instead of the host that we connect to.
                "sni_hostname": self._identity.dns_name,
                "timeout": httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS).as_dict(),
            },
        )
        try:
            return self._transport.handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return self._transport.handle_request(request)

    def _content(self, response: "httpx.Response", path: str, limit: int) -> bytes:
        """The body; raises TooLarge, or Unavailable where it drips, before more than `limit` and one read are held."""
        until = self._clock() + BODY_SECONDS
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if len(content) > limit:
                raise TooLarge(f"{self._who} answered {path} with more than {limit} bytes; the rest was not read")
            if self._clock() > until:
                raise Unavailable(f"{self._who} took more than {BODY_SECONDS:.0f} seconds for {path}: try later")
        return bytes(content)

    def _refusal(self, response: "httpx.Response", path: str) -> RaakvlakError:
        try:
            detail = _detail(self._content(response, path, MAX_PROBLEM_BYTES))
        except TooLarge:
            detail = ""
        status = response.status_code
        told = f"{self._who} answered {status}" + (f": {detail}" if detail else f" to {path}")
        if status >= 500:
            return Unavailable(f"{told}; try later, and ask its operator if it stays so")
        match status:
            case HTTPStatus.NOT_FOUND:
                return Missing(told)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return TooLarge(told)
            case _ if 300 <= status < 400:
                return Refused(f"{self._who} points elsewhere ({status}), where nobody follows: check the address")
            case _:
                return Refused(told)

    def _unheard(self, error: "httpx.HTTPError") -> RaakvlakError:
        import httpx

        tls = _tls_error(error)
        if isinstance(tls, ssl.SSLCertVerificationError):
            return Refused(
                f"what answers at {self._address} is not the {self._identity.role} of this covenant, or its certificate "
                f"has lapsed: it must name {self._identity.dns_name} under the covenant's roots ({tls.verify_message}); "
                "nothing was asked of it. Check the address, then ask the operator"
            )
        if tls:
            return Unavailable(f"{self._who} does not answer in TLS 1.3: check the address and the port")
        if isinstance(error, httpx.TimeoutException):
            return Unavailable(f"{self._who} did not answer in time: try later, or check the firewall")
        if isinstance(error, httpx.ConnectError):
            return Unavailable(f"{self._who} can't be reached: check that it runs, the address and the firewall")
        return Unavailable(f"the connection to {self._who} broke off: try again")

    @property
    def _who(self) -> str:
        return f"{self._identity.role} {self._identity.id} at {self._address}"


def _client_context(roots_pem: bytes) -> ssl.SSLContext:
    """TLS 1.3 with a server under these roots and no others, that bears the name asked for as a DNS SAN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.hostname_checks_common_name = False
    try:
        context.load_verify_locations(cadata=roots_pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise Refused("the roots are no certificates: the covenant's copy here is damaged") from None
    return context


def _detail(body: bytes) -> str:
    """What a problem+json tells a person; nothing where it is not that, or not printable: it comes from anyone."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail[:MAX_TEXT] if isinstance(detail, str) and detail.isprintable() else ""


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The TLS failure under the exceptions of the libraries between it and us."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _parted(address: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(address)
    if not found or int(found[3]) > 65535:
        raise Refused("an address has the form host:port")
    return found[1] or found[2], int(found[3])
