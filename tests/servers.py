"""Servers of the tests' own on this machine, and certificates for them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raakvlak_local.authority import Authority


def listening() -> socket.socket:
    """At a free port. By its protocol asyncio knows that it is TCP, and sends at once; else answers wait 40 ms each."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@contextmanager
def answering(app: Any, sock: socket.socket, files: tuple[Path, Path] | None = None) -> Iterator[None]:
    """The application, on this socket until the context ends; over TLS where (certificate, key) are given."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=1
    )
    if files is not None:
        config.ssl_certfile, config.ssl_keyfile = map(str, files)
    server = uvicorn.Server(config)
    # What connects before it has started waits until it is answered.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="server")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def server_files(authority: Authority, folder: Path) -> tuple[Path, Path]:
    """(certificate, key) of a server at localhost, good for a day; beside them the authority's own certificate, ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    certificate = authority.issue_raw(
        request.public_bytes(serialization.Encoding.PEM),
        uris=[],
        dns_names=["localhost"],
        not_before=datetime.now(UTC) - timedelta(hours=1),
        not_after=datetime.now(UTC) + timedelta(days=1),
    )
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(certificate)
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "server.pem", folder / "server.key"
