"""What stands between nodes and a server with the TLS keys of both: it reads all, and may change all.

To the nodes it is the server, because it has the server's certificate; to the server it is each node, because it has
theirs. So a recording of it is what everybody would see after decryption, and a server behind it that does what the
hooks say is a server that lies.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc

from raakvlak_node.node import Node
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import peer
from raakvlak_protocol.v1 import index_pb2, keyholder_pb2
from tests.covenants import Sandbox
from tests.federation import Federation

THREADS = 24
"""Each stream holds one for as long as it lasts."""

_SERVICES = (index_pb2.DESCRIPTOR.services_by_name["Index"], keyholder_pb2.DESCRIPTOR.services_by_name["KeyHolder"])
_STREAMS = {
    f"/{service.full_name}/{method.name}" for service in _SERVICES for method in service.methods if method.server_streaming
}


@dataclass(frozen=True)
class Recorded:
    """Bytes that crossed: `part` is request, reply, metadata or status."""

    caller: str
    server: str
    method: str
    part: str
    raw: bytes


@dataclass(frozen=True)
class Call:
    """One call on its way. `forward` sends bytes to the real server and gives what it answers, one or many."""

    caller: Identity
    method: str
    request: bytes
    forward: Callable[[bytes], Iterator[bytes]]


Hook = Callable[[Call], Iterator[bytes]]
"""What the relay answers to a call in the server's place. Of a unary method the first bytes count."""


def honest(call: Call) -> Iterator[bytes]:
    return call.forward(call.request)


@dataclass
class Relay:
    """A server's place taken. `hooks` are by method; what has none is passed on as it is."""

    sandbox: Sandbox
    server: Identity
    upstream: str
    hooks: dict[str, Hook] = field(default_factory=dict)
    recorded: list[Recorded] = field(default_factory=list)
    address: str = ""
    _channels: dict[Identity, grpc.Channel] = field(default_factory=dict)

    def requests(self, method: str, caller: str = "") -> list[bytes]:
        """Every request of a method, of one caller or of all."""
        return [
            each.raw
            for each in self.recorded
            if (each.part, each.method) == ("request", method) and caller in ("", each.caller)
        ]

    def methods(self) -> set[str]:
        """What was called."""
        return {each.method for each in self.recorded}

    # --- between the two sides ----------------------------------------------------------------------------------------

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        path, metadata = details.method, details.invocation_metadata
        if path in _STREAMS:
            return grpc.unary_stream_rpc_method_handler(lambda raw, context: self._answer(path, metadata, raw, context))
        return grpc.unary_unary_rpc_method_handler(lambda raw, context: next(self._answer(path, metadata, raw, context)))

    def _answer(self, path: str, metadata: Any, raw: bytes, context: Any) -> Iterator[bytes]:
        (uri,) = context.auth_context()["peer_uri"]
        caller = Identity.from_uri(uri.decode())
        method = path.rpartition("/")[2]

        def keep(part: str, what: bytes) -> None:
            self.recorded.append(Recorded(caller.id, self.server.id, method, part, what))

        def forward(request: bytes) -> Iterator[bytes]:
            upstream: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel(caller).unary_stream(path)
            call: Any = upstream(request, timeout=60)
            context.add_callback(call.cancel)
            try:
                for reply in call:
                    keep("reply", reply)
                    yield reply
            finally:
                call.cancel()

        keep("metadata", _flat(metadata))
        keep("request", raw)
        try:
            yield from self.hooks.get(method, honest)(Call(caller, method, raw, forward))
        except grpc.RpcError as error:
            details, trailing = error.details() or "", tuple(error.trailing_metadata() or ())
            keep("status", f"{error.code()} {details}".encode())
            keep("metadata", _flat(trailing))
            context.set_trailing_metadata(trailing)
            context.abort(error.code(), details)

    def _channel(self, caller: Identity) -> grpc.Channel:
        if caller not in self._channels:
            own = self.sandbox.credentials(caller)
            tls = grpc.ssl_channel_credentials(own.roots, own.key.reveal(), own.certificate)
            options = (("grpc.ssl_target_name_override", self.server.dns_name), ("grpc.enable_http_proxy", 0))
            self._channels[caller] = grpc.secure_channel(self.upstream, tls, options)
        return self._channels[caller]

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


class _Any(grpc.GenericRpcHandler):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        return self._relay.service(details)


def _flat(metadata: Any) -> bytes:
    parts = [each if isinstance(each, bytes) else each.encode() for pair in metadata for each in pair]
    return b"\n".join(parts)


@contextmanager
def relay(sandbox: Sandbox, server: Identity, upstream: str) -> Iterator[Relay]:
    """A relay on a port of its own, in front of the server at `upstream`."""
    between = Relay(sandbox, server, upstream)
    listening = peer.blocking_server(THREADS)
    listening.add_generic_rpc_handlers((_Any(between),))
    port = listening.add_secure_port("127.0.0.1:0", peer.server_credentials(sandbox.credentials(server)))
    between.address = f"127.0.0.1:{port}"
    listening.start()
    try:
        yield between
    finally:
        listening.stop(0).wait()
        between.close()


def misled(node: Node, *, index: str = "", key_holders: Mapping[str, str] | None = None) -> Node:
    """The same node, with other addresses in its settings."""
    changed = replace(
        node.settings,
        index=index or node.settings.index,
        key_holders=dict(key_holders or node.settings.key_holders),
    )
    return replace(node, settings=changed)


@contextmanager
def before_the_index(running: Federation) -> Iterator[Relay]:
    """A relay between all nodes and the index."""
    with relay(running.sandbox, running.index.identity, running.index.address) as between:
        for member, node in running.nodes.items():
            running.nodes[member] = misled(node, index=between.address)
        yield between
