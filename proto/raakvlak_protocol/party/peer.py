"""One party calling another: credentials, who calls, how large, and errors as gRPC statuses and back.

A server's handlers never see an unauthenticated call. The wrapper around each of them gets the raw bytes and, in this
order: takes the caller from its certificate and the covenant, checks the size, parses strictly, compares the covenant
version, calls the handler, serialises. So nothing that a stranger sends is parsed. A client demands the one DNS name
that its server's certificate must hold, because gRPC compares no URI: any member's certificate would do otherwise.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from raakvlak_protocol.encoding import parse
from raakvlak_protocol.errors import (
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
from raakvlak_protocol.secret import SecretBytes
from raakvlak_protocol.v1 import refusal_pb2

if TYPE_CHECKING:
    from raakvlak_protocol.covenant import Covenant

MAX_MESSAGE_BYTES: Final = 4 * 2**20
"""No message in either direction is larger, whatever a method's own limit."""
MAX_STREAM_REQUEST_BYTES: Final = 4096
"""A stream is asked for with a hash and some numbers; it is parsed on the event loop, so that it must stay small."""
MAX_TEXT: Final = 300
"""Characters of a remote's message that anyone here gets to see."""
INTERNAL: Final = "internal error; see the operator's log"
REFUSAL: Final = "raakvlak-refusal-bin"

_BOTH: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Each minute for as long as a call runs: a firewall forgets an idle Watch, and a dead peer must be noticed.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
_SERVER_OPTIONS: Final = (
    *_BOTH,
    # Without this two servers share one port and each gets half of the calls.
    ("grpc.so_reuseport", 0),
    # The default takes more than one ping in five minutes for an attack.
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
)
_CHANNEL_OPTIONS: Final = (
    *_BOTH,
    # Whom we reach and how often we try is ours to decide, not an environment variable's or a DNS record's.
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)

_Metadata = tuple[tuple[str, bytes], ...]

R = TypeVar("R", bound=Message)
Handler = Callable[[Identity, Any], Message]
StreamHandler = Callable[[Identity, Any], AsyncIterator[Message]]
OnError = Callable[[Exception], None]
Sending = Callable[[Identity, str, Message | None], None]
"""Hears of a request before it leaves: to whom, for what ("/package.Service/Method"), and its message. If it raises,
nothing is sent."""
OnRefusal = Callable[[str, Identity | None, RaakvlakError], None]


# --- credentials ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Credentials:
    """A party's own key and certificate chain, and the roots under which it accepts others. All PEM."""

    key: SecretBytes
    certificate: bytes
    roots: bytes


def certificate_request(identity: Identity) -> tuple[SecretBytes, bytes]:
    """A new ECDSA P-256 key and a request for a certificate that names `identity`, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, identity.id)]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SecretBytes(pem), request.public_bytes(serialization.Encoding.PEM)


def server_credentials(own: Credentials) -> grpc.ServerCredentials:
    """For a listening port: a client without a certificate under our roots fails in the handshake."""
    return grpc.ssl_server_credentials([(own.key.reveal(), own.certificate)], own.roots, require_client_auth=True)


def blocking_server(threads: int) -> grpc.Server:
    """A server with `threads` workers and our limits; add services, then hand it to `serving.serve_blocking`."""
    return grpc.server(ThreadPoolExecutor(threads, "grpc"), options=_SERVER_OPTIONS)


def aio_server() -> grpc.aio.Server:
    """The same on the running event loop, for `serving.serve_aio`."""
    return grpc.aio.server(options=_SERVER_OPTIONS)


# --- errors as statuses -----------------------------------------------------------------------------------------------

# The most specific class first.
_STATUS: Final[tuple[tuple[type[RaakvlakError], grpc.StatusCode, refusal_pb2.RefusalReason], ...]] = (
    (OverQuota, grpc.StatusCode.RESOURCE_EXHAUSTED, refusal_pb2.OVER_QUOTA),
    (Unavailable, grpc.StatusCode.UNAVAILABLE, refusal_pb2.UNAVAILABLE),
    (NotPermitted, grpc.StatusCode.PERMISSION_DENIED, refusal_pb2.NOT_PERMITTED),
    (Stale, grpc.StatusCode.ABORTED, refusal_pb2.STALE),
    (TooLarge, grpc.StatusCode.OUT_OF_RANGE, refusal_pb2.TOO_LARGE),
    (Malformed, grpc.StatusCode.INVALID_ARGUMENT, refusal_pb2.MALFORMED),
    # Evidence too: the caller learns only that it is refused, the operator's log keeps the rest.
    (RaakvlakError, grpc.StatusCode.FAILED_PRECONDITION, refusal_pb2.REFUSED),
)


def _status(error: RaakvlakError) -> tuple[grpc.StatusCode, str, bytes]:
    """The status, its text and the serialised Refusal that tell `error` to a caller."""
    code, reason = next((code, reason) for kind, code, reason in _STATUS if isinstance(error, kind))
    refusal = refusal_pb2.Refusal(reason=reason)
    if isinstance(error, Malformed) and error.item is not None:
        refusal.item = error.item
    if isinstance(error, Stale):
        refusal.generation, refusal.sequence = error.generation, error.sequence
    if isinstance(error, OverQuota):
        refusal.left, refusal.until = max(0, error.left), int(error.until.timestamp())
    return code, _printable(error.message), refusal.SerializeToString()


def _error(message: str, refusal: refusal_pb2.Refusal) -> RaakvlakError:
    """The error that the remote's Refusal stands for."""
    match refusal.reason:
        case refusal_pb2.OVER_QUOTA:
            try:
                until = datetime.fromtimestamp(refusal.until, UTC)
            except (OverflowError, ValueError, OSError):
                return Refused(f"{message} (with a moment that no clock will show)")
            return OverQuota(message, left=refusal.left, until=until)
        case refusal_pb2.UNAVAILABLE:
            return Unavailable(message)
        case refusal_pb2.NOT_PERMITTED:
            return NotPermitted(message)
        case refusal_pb2.STALE:
            return Stale(message, generation=refusal.generation, sequence=refusal.sequence)
        case refusal_pb2.TOO_LARGE:
            return TooLarge(message)
        case refusal_pb2.MALFORMED:
            return Malformed(message, item=refusal.item if refusal.HasField("item") else None)
        case _:
            return Refused(message)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:MAX_TEXT])


# --- a server's door --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Method:
    """One method: who may call it and what its bytes must be. Does no I/O; every verdict is an error of ours."""

    name: str
    request: type[Message]
    covenant: "Covenant"
    role: Role
    limit: int
    on_error: OnError
    on_refusal: OnRefusal | None

    def caller(self, auth: Mapping[str, Iterable[bytes]]) -> Identity:
        """Who calls, from the certificate that the handshake accepted; raises NotPermitted."""
        uris = list(auth.get("peer_uri", ()))
        if len(uris) != 1:
            raise NotPermitted(f"a certificate must name one party by one URI, yours holds {len(uris)}")
        try:
            caller = Identity.from_uri(uris[0].decode("ascii"))
        except (Malformed, UnicodeDecodeError):
            raise NotPermitted("the URI in your certificate names no party") from None
        if caller.covenant != self.covenant.id:
            raise NotPermitted("your certificate is for another covenant")
        if caller.role is not self.role:
            raise NotPermitted(f"this call is for a {self.role}, your certificate is for a {caller.role}")
        if not self.covenant.knows(caller):
            raise NotPermitted("the covenant does not name you; ask the covenant board")
        return caller

    def parse(self, raw: bytes) -> Message:
        """The request; raises TooLarge, Malformed, or Refused where the caller acts on another covenant version."""
        if len(raw) > self.limit:
            raise TooLarge(f"a request to {self.name} holds at most {self.limit} bytes, this one {len(raw)}")
        request = parse(self.request, raw)
        theirs: bytes = request.covenant_hash  # type: ignore[attr-defined]  # in every request of the contract
        if theirs != self.covenant.hash:
            raise Refused(
                f"covenant version differs: yours {theirs[:4].hex()}…, ours {self.covenant.hash[:4].hex()}…; "
                "load the version in force"
            )
        return request

    def serialised(self, reply: Message) -> bytes:
        raw = reply.SerializeToString()
        if len(raw) > MAX_MESSAGE_BYTES:
            raise TooLarge(f"a reply holds at most {MAX_MESSAGE_BYTES} bytes, this one {len(raw)}; ask for less")
        return raw

    def told(self, caller: Identity | None, error: Exception) -> tuple[grpc.StatusCode, str, _Metadata]:
        """How to answer after `error`. The text of an exception that is not ours goes to nobody."""
        with suppress(Exception):  # gRPC would send the caller the text of what a full disk does to the log
            if not isinstance(error, RaakvlakError):
                self.on_error(error)
            elif self.on_refusal:
                self.on_refusal(self.name, caller, error)
        if not isinstance(error, RaakvlakError):
            return grpc.StatusCode.INTERNAL, INTERNAL, ()
        code, text, refusal = _status(error)
        return code, text, ((REFUSAL, refusal),)


def service(
    descriptor: ServiceDescriptor,
    covenant: "Covenant",
    role: Role,
    handlers: Mapping[str, Handler],
    *,
    on_error: OnError,
    on_refusal: OnRefusal | None = None,
    limits: Mapping[str, int] | None = None,
) -> grpc.GenericRpcHandler:
    """A service for a blocking server; `handlers` has one for every method, none of which streams.

    `role` is what a caller must be. `limits` narrows the size of requests in bytes by method. `on_error` gets
    exceptions that are not ours, `on_refusal` the method, the caller where known, and the error that it is told.
    """

    def bound(method: _Method, handler: Handler) -> "grpc.RpcMethodHandler[bytes, bytes]":
        def answer(raw: bytes, context: grpc.ServicerContext) -> bytes:
            caller = None
            try:
                caller = method.caller(cast(Mapping[str, Iterable[bytes]], context.auth_context()))
                return method.serialised(handler(caller, method.parse(raw)))
            except Exception as error:
                code, text, metadata = method.told(caller, error)
                context.set_trailing_metadata(metadata)
                context.abort(code, text)

        return grpc.unary_unary_rpc_method_handler(answer)

    methods = _methods(descriptor, handlers, {}, covenant, role, limits, on_error, on_refusal)
    return grpc.method_handlers_generic_handler(
        descriptor.full_name, {name: bound(method, handlers[name]) for name, method in methods.items()}
    )


def aio_service(
    descriptor: ServiceDescriptor,
    covenant: "Covenant",
    role: Role,
    handlers: Mapping[str, Handler],
    streams: Mapping[str, StreamHandler],
    executor: Executor,
    *,
    on_error: OnError,
    on_refusal: OnRefusal | None = None,
    limits: Mapping[str, int] | None = None,
) -> grpc.GenericRpcHandler:
    """The same for a `grpc.aio` server. Unary handlers run in `executor`, with the parsing before and the serialising
    after them, so that the event loop only moves bytes. Streams run on the loop; each is closed when its caller goes.
    """

    async def refuse(method: _Method, caller: Identity | None, error: Exception, context: Any) -> None:
        code, text, metadata = method.told(caller, error)
        await context.abort(code, text, metadata)

    def unary(method: _Method, handler: Handler) -> "grpc.RpcMethodHandler[bytes, bytes]":
        def answered(caller: Identity, raw: bytes) -> bytes:
            return method.serialised(handler(caller, method.parse(raw)))

        async def answer(raw: bytes, context: Any) -> bytes | None:
            caller = None
            try:
                caller = method.caller(context.auth_context())
                return await asyncio.get_running_loop().run_in_executor(executor, answered, caller, raw)
            except Exception as error:
                await refuse(method, caller, error, context)
                return None

        return grpc.unary_unary_rpc_method_handler(answer)

    def stream(method: _Method, handler: StreamHandler) -> "grpc.RpcMethodHandler[bytes, bytes]":
        async def answer(raw: bytes, context: Any) -> None:
            caller = replies = None
            try:
                caller = method.caller(context.auth_context())
                replies = handler(caller, method.parse(raw))
                async for reply in replies:
                    await context.write(method.serialised(reply))
            except Exception as error:
                await refuse(method, caller, error, context)
            finally:
                # A caller that goes away cancels us while we write: the handler then still stands at its `yield`.
                if isinstance(replies, AsyncGenerator):
                    await replies.aclose()

        return grpc.unary_stream_rpc_method_handler(answer)

    methods = _methods(descriptor, handlers, streams, covenant, role, limits, on_error, on_refusal)
    bound = {name: unary(methods[name], handler) for name, handler in handlers.items()}
    bound |= {name: stream(methods[name], handler) for name, handler in streams.items()}
    return grpc.method_handlers_generic_handler(descriptor.full_name, bound)


def _methods(
    descriptor: ServiceDescriptor,
    handlers: Mapping[str, Handler],
    streams: Mapping[str, StreamHandler],
    covenant: "Covenant",
    role: Role,
    limits: Mapping[str, int] | None,
    on_error: OnError,
    on_refusal: OnRefusal | None,
) -> dict[str, _Method]:
    """A door for each method; raises ValueError where handlers and limits don't fit the contract."""
    contract: dict[str, MethodDescriptor] = dict(descriptor.methods_by_name)
    streaming = {name for name, method in contract.items() if method.server_streaming}
    limits = limits or {}
    if set(handlers) != set(contract) - streaming or set(streams) != streaming or not set(limits) <= set(contract):
        raise ValueError(f"{descriptor.full_name} needs a handler for each of its methods and limits for no others")
    return {
        name: _Method(
            name,
            GetMessageClass(method.input_type),
            covenant,
            role,
            min(
                limits.get(name, MAX_MESSAGE_BYTES),
                MAX_STREAM_REQUEST_BYTES if name in streaming else MAX_MESSAGE_BYTES,
            ),
            on_error,
            on_refusal,
        )
        for name, method in contract.items()
    }


# --- a client ---------------------------------------------------------------------------------------------------------


class Remote:
    """A blocking client of one server; threads may share it. Each failure is an error of ours that names the server."""

    def __init__(
        self,
        address: str,
        descriptor: ServiceDescriptor,
        credentials: Credentials,
        server: Identity,
        *,
        sending: Sending | None = None,
    ) -> None:
        """`address` is host:port. Connects at the first call, and again by itself after a failure. No request leaves
        that `sending` has not heard of."""
        self._sending = sending
        self._service = descriptor.full_name
        self._server = server
        self._address = address
        tls = grpc.ssl_channel_credentials(credentials.roots, credentials.key.reveal(), credentials.certificate)
        options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", server.dns_name))
        self._channel = grpc.secure_channel(address, tls, options)

    def call(self, method: str, request: Message, reply: type[R], *, timeout_seconds: float) -> R:
        """The server's reply. Unavailable, also when it did not hear in time: the server may have acted or not."""
        path = f"/{self._service}/{method}"
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        try:
            raw = call(self._sent(path, request), timeout=timeout_seconds)
        except grpc.RpcError as error:
            raise self._raised(error) from None
        return self._parsed(raw, reply)

    def stream(self, method: str, request: Message, reply: type[R], *, timeout_seconds: float | None) -> "Stream[R]":
        """The server's replies as they come; `timeout_seconds` is for the whole stream, None for no end."""
        path = f"/{self._service}/{method}"
        call: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        replies = call(self._sent(path, request), timeout=timeout_seconds)
        return Stream(cast("_Replies", replies), lambda raw: self._parsed(raw, reply), self._raised)

    def healthy(self, timeout_seconds: float) -> bool:
        """Whether the server says that it serves; raises Unavailable where it can't be asked."""
        path = "/grpc.health.v1.Health/Check"
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        try:
            raw = call(self._sent(path, health_pb2.HealthCheckRequest()), timeout=timeout_seconds)
        except grpc.RpcError as error:
            raise self._raised(error) from None
        return bool(self._parsed(raw, health_pb2.HealthCheckResponse).status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        self._channel.close()

    def _sent(self, path: str, request: Message) -> bytes:
        """The bytes of a request that is about to leave. The only way to them, so that none is left out."""
        if self._sending is not None:
            self._sending(self._server, path, request)
        return request.SerializeToString()

    @property
    def _who(self) -> str:
        return f"{self._server.role} {self._server.id}"

    def _parsed(self, raw: bytes, reply: type[R]) -> R:
        """Unknown fields of a reply are ignored: a newer server may tell more."""
        message = reply()
        try:
            message.ParseFromString(raw)
        except DecodeError:
            raise Malformed(f"{self._who} answered with bytes that are no {message.DESCRIPTOR.name}") from None
        return message

    def _raised(self, error: grpc.RpcError) -> RaakvlakError:
        code, details = error.code(), _printable(error.details() or "")
        sent = dict(cast(Iterable[tuple[str, bytes]], error.trailing_metadata() or ())).get(REFUSAL)
        if sent:
            try:
                return _error(f"{self._who}: {details}", refusal_pb2.Refusal.FromString(sent))
            except DecodeError:
                return Refused(f"{self._who}: {details}")
        match code:
            case grpc.StatusCode.UNAVAILABLE if _speaks_of_tls(details):
                return Unavailable(
                    f"{self._who} at {self._address} could not be authenticated: check the address, and that its "
                    f"certificate has not expired, stands under the covenant's roots and names "
                    f"{self._server.dns_name}, and the same of your own ({details})"
                )
            case grpc.StatusCode.UNAVAILABLE:
                return Unavailable(
                    f"{self._who} at {self._address} can't be reached: check that it runs, the address and the "
                    f"firewall, and that your own certificate has not expired ({details})"
                )
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return Unavailable(f"{self._who} at {self._address} did not answer in time")
            case grpc.StatusCode.CANCELLED:
                return Unavailable(f"the call to {self._who} was broken off")
            case grpc.StatusCode.RESOURCE_EXHAUSTED:
                return TooLarge(f"{self._who}: a message holds at most {MAX_MESSAGE_BYTES} bytes ({details})")
            case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
                return NotPermitted(f"{self._who}: {details}")
            case _:
                return Refused(f"{self._who}: {details}")


class _Replies(Protocol):
    def __next__(self) -> bytes: ...
    def cancel(self) -> bool: ...


class Stream(Iterator[R]):
    """Replies of a server stream. `cancel()`, from any thread, ends the iteration quietly."""

    def __init__(
        self, replies: _Replies, parsed: Callable[[bytes], R], raised: Callable[[grpc.RpcError], RaakvlakError]
    ) -> None:
        self._replies = replies
        self._parsed = parsed
        self._raised = raised
        self._cancelled = False

    def __next__(self) -> R:
        try:
            raw = next(self._replies)
        except grpc.RpcError as error:
            if self._cancelled:
                raise StopIteration from None
            raise self._raised(error) from None
        return self._parsed(raw)

    def cancel(self) -> None:
        self._cancelled = True
        self._replies.cancel()


def _speaks_of_tls(details: str) -> bool:
    return any(word in details.lower() for word in ("handshak", "certificate", "verif", "ssl", "tls"))
