"""What makes a machine a party: its sealed secrets, its certificate, and the covenant that it pinned.

Every party keeps these in one folder, under the same names, and comes by them in the same two steps: `prepare` makes the
keys and the certificate request, `join` takes the certificate and the covenant once the board has issued them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from raakvlak_protocol import covenant as covenants
from raakvlak_protocol.covenant import Covenant
from raakvlak_protocol.errors import Malformed, Refused
from raakvlak_protocol.identity import Identity
from raakvlak_protocol.party import peer, sealed
from raakvlak_protocol.secret import SecretBytes

TLS_KEY: Final = "tls_key"


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a party's own files are. Nothing in it names a person or holds a secret in the clear."""

    path: Path

    @property
    def settings(self) -> Path:
        return self.path / "settings.toml"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.sealed"

    @property
    def request(self) -> Path:
        return self.path / "request.pem"

    @property
    def entry(self) -> Path:
        return self.path / "entry.toml"

    @property
    def certificate(self) -> Path:
        return self.path / "certificate.pem"

    @property
    def covenant(self) -> Path:
        return self.path / "covenant.raakvlak"

    @property
    def pin(self) -> Path:
        return self.path / "covenant.pin"


@dataclass(frozen=True, slots=True)
class Membership:
    """A party that may act: it is in the covenant, which is in force, and holds the keys of its certificate."""

    identity: Identity
    covenant: Covenant
    credentials: peer.Credentials
    secrets: Mapping[str, SecretBytes]


def prepare(folder: Folder, identity: Identity, lock: sealed.Lock, secrets: Mapping[str, bytes], entry: str) -> None:
    """Makes the TLS key and the certificate request, and seals the TLS key together with the party's other secrets.

    `entry` is the TOML text by which the covenant board names the party. Refuses where secrets exist already: new
    keys would make everything that was published or sealed under the old ones unreadable.
    """
    if folder.secrets.exists():
        raise Refused(f"{folder.secrets} exists already: this folder belongs to a party; choose another one")
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, request = peer.certificate_request(identity)
    everything = {TLS_KEY: key.reveal().hex(), **{name: value.hex() for name, value in secrets.items()}}
    folder.request.write_bytes(request)
    folder.entry.write_text(entry)
    # Last, because its presence says that all the rest is there.
    sealed.seal(folder.secrets, json.dumps(everything).encode(), lock, label=f"secrets {identity.dns_name}")


def join(
    folder: Folder,
    identity: Identity,
    lock: sealed.Lock,
    *,
    certificate: bytes,
    history: bytes,
    pin: bytes,
    now: datetime,
) -> Membership:
    """Verifies certificate and covenant together and keeps them; nothing is kept when anything is wrong."""
    membership = _membership(identity, secrets_of(folder, identity, lock), certificate, history, pin, now)
    _demand_own_certificate(membership, certificate)
    _demand_no_older(folder, membership.covenant)
    for path, content in (
        (folder.certificate, certificate),
        (folder.covenant, history),
        (folder.pin, pin.hex().encode() + b"\n"),
    ):
        sealed.replace(path, content)
    return membership


def load(folder: Folder, identity: Identity, lock: sealed.Lock, now: datetime) -> Membership:
    """The party as it stands; raises Refused with what to do when a file is missing or the covenant does not hold."""
    for path in (folder.certificate, folder.covenant, folder.pin):
        if not path.exists():
            raise Refused(f"{path} is missing: run the command's 'join' with the certificate and the covenant file")
    pin = parse_pin(folder.pin.read_bytes().decode("ascii", "replace").strip())
    certificate, history = folder.certificate.read_bytes(), folder.covenant.read_bytes()
    return _membership(identity, secrets_of(folder, identity, lock), certificate, history, pin, now)


def parse_pin(text: str) -> bytes:
    """The 32 bytes of a hash written as 64 lower-case hexadecimal digits."""
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise Malformed("a hash is written as 64 hexadecimal digits, letters in lower case", field="pin")
    return bytes.fromhex(text)


def _demand_no_older(folder: Folder, covenant: Covenant) -> None:
    """An old version would bring back members, keys and limits that the board has taken away."""
    if not folder.covenant.exists():
        return
    held = covenants.newest_version(folder.covenant.read_bytes())
    if covenant.version < held:
        raise Refused(f"this party has covenant version {held} already and this is version {covenant.version}: ask the board")


def _membership(
    identity: Identity,
    secrets: Mapping[str, SecretBytes],
    certificate: bytes,
    history: bytes,
    pin: bytes,
    now: datetime,
) -> Membership:
    covenant = covenants.verify(history, pin, now)
    if covenant.id != identity.covenant or not covenant.knows(identity):
        raise Refused(f"covenant {covenant.id} version {covenant.version} does not name {identity.uri}: ask its board")
    credentials = peer.Credentials(key=secrets[TLS_KEY], certificate=certificate, roots=covenant.roots_pem)
    return Membership(identity, covenant, credentials, secrets)


def _demand_own_certificate(membership: Membership, certificate: bytes) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        leaf = x509.load_pem_x509_certificate(certificate)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        raise Malformed("this is no certificate with a subject alternative name", field="certificate") from None
    identity = membership.identity
    named = (names.get_values_for_type(x509.UniformResourceIdentifier), names.get_values_for_type(x509.DNSName))
    # Without a DNS name gRPC would take the common name for one, and with another's name this party could pose as it.
    if named != ([identity.uri], [identity.dns_name]):
        raise Refused(f"the certificate is not for {identity.uri} and {identity.dns_name} alone: issue it from request.pem")
    own = load_pem_private_key(membership.credentials.key.reveal(), None).public_key()
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if own.public_bytes(*encoding) != leaf.public_key().public_bytes(*encoding):
        raise Refused("the certificate is for another key than this party's: have it issued from request.pem")


def secrets_of(folder: Folder, identity: Identity, lock: sealed.Lock) -> Mapping[str, SecretBytes]:
    content = sealed.unseal(folder.secrets, lock, label=f"secrets {identity.dns_name}")
    return {name: SecretBytes(bytes.fromhex(value)) for name, value in json.loads(content.reveal()).items()}
