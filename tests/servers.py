"""A certificate for a test's own server on this machine."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from raakvlak_local.authority import Authority


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
