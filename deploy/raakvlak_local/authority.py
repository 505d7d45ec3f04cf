"""A certificate authority for a sandbox: tests and the federation on one machine. Never for a real federation."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identity import Identity

_EARLIER: Final = timedelta(hours=1)
"""A certificate holds from a little before it was made, for machines whose clocks differ."""


@dataclass(frozen=True, repr=False)
class Authority:
    """A root certificate and its key, which stays in memory unless `save` is called."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, name: str, now: datetime) -> Self:
        """A new root, valid for ten years from `now`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), now - _EARLIER, now + timedelta(days=3650))
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(root=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def certificate_der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(self, csr_pem: bytes, identity: Identity, now: datetime, days: int = 90) -> bytes:
        """A certificate (PEM) that names `identity` and nothing else; raises Malformed unless the request asks that."""
        names = _request(csr_pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        asked = names.get_values_for_type(x509.UniformResourceIdentifier), names.get_values_for_type(x509.DNSName)
        if asked != ([identity.uri], [identity.dns_name]):
            raise Malformed("the certificate request names another party than it is issued for")
        return self.issue_raw(
            csr_pem,
            uris=[identity.uri],
            dns_names=[identity.dns_name],
            not_before=now - _EARLIER,
            not_after=now + timedelta(days=days),
        )

    def issue_raw(
        self, csr_pem: bytes, *, uris: list[str], dns_names: list[str], not_before: datetime, not_after: datetime
    ) -> bytes:
        """A certificate (PEM) with whatever names and dates, for tests that attack with one."""
        request = _request(csr_pem)
        names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, dns_names)]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            _builder(request.subject, self.certificate.subject, request.public_key(), not_before, not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(root=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def save(self, folder: Path) -> None:
        """Writes `ca.pem` and `ca.key`, the latter for its owner only; raises FileExistsError over an older one."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with open(os.open(folder / "ca.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        (folder / "ca.pem").write_bytes(self.certificate_pem)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The authority that `save` wrote there."""
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Malformed("the authority's key is no elliptic-curve key")
        return cls(x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()), key)


def _request(csr_pem: bytes) -> x509.CertificateSigningRequest:
    request = x509.load_pem_x509_csr(csr_pem)
    if not request.is_signature_valid:
        raise Malformed("the certificate request is not signed by its own key")
    return request


def _builder(
    subject: x509.Name, issuer: x509.Name, key: object, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Malformed("a party's key is an ECDSA key on P-256")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _usage(*, root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        key_cert_sign=root,
        crl_sign=root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
