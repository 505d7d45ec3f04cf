"""The node's settings: `settings.toml` in its folder, read once."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from raakvlak_protocol.errors import Refused


@dataclass(frozen=True, slots=True)
class Rest:
    """The REST API. Elsewhere than on loopback it needs a certificate of its own, which its callers trust."""

    listen: str = "127.0.0.1:0"
    """host:port; port 0 takes any free one, which the readiness line tells."""
    certificate: Path | None = None
    """PEM chain for HTTPS."""
    key: Path | None = None
    """PEM key for HTTPS, readable by this program's user alone."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the organisation's own case system is told that something has changed (Standard Webhooks 1.0)."""

    url: str
    """https; http on loopback alone. No user name or password in it: what is sent is signed."""
    secret_file: Path
    """One or two lines, each "whsec_" and base64, readable by this program's user alone; all of them sign, so that a
    secret is replaced by writing the new one before the old one."""
    authorities: Path | None = None
    """PEM of the authorities that may vouch for the receiver. Left out: those that this machine trusts."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise Refused("url is not the address of a web server") from None
        if not self.url.isascii() or not self.url.isprintable() or " " in self.url or not host:
            raise Refused("url is not the address of a web server")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise Refused("url holds a user name, a password or a fragment, which are not used")
        if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
            raise Refused("url must begin with https://, or go to this machine itself: it tells which cases are matched")


@dataclass(frozen=True, slots=True)
class Mail:
    """The organisation's own mail server, by which users hear that there is something new (RFC 5321)."""

    server: str
    """host:port; most servers take mail by TLS on port 465 and by STARTTLS on port 587."""
    sender: str
    """The address from which the mails come; answers and what can't be delivered go there."""
    security: str = "tls"
    """"tls" from the first byte, "starttls", or "none", on loopback alone."""
    user: str = ""
    """With which this program signs in at the server; empty where the server asks for none."""
    password_file: Path | None = None
    """The password on one line, readable by this program's user alone."""
    authorities: Path | None = None
    """PEM of the authorities that may vouch for the server. Left out: those that this machine trusts."""

    def __post_init__(self) -> None:
        host, port = self.address
        if not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) <= 65535:
            raise Refused("server has the form host:port")
        if not _SENDER.fullmatch(self.sender):
            raise Refused("sender is an address of the form name@domain, without anything around it")
        if self.security not in {"tls", "starttls", "none"}:
            raise Refused('security is "tls", "starttls" or "none"')
        if self.security == "none" and not _loopback(host):
            raise Refused('security is "none" on loopback alone: mails tell which of your cases are matched')
        if bool(self.user) != (self.password_file is not None):
            raise Refused("user and password_file go together")
        if not self.user.isprintable():
            raise Refused("user holds a control character")

    @property
    def address(self) -> tuple[str, str]:
        """(host, port)."""
        host, _, port = self.server.rpartition(":")
        return (host[1:-1] if host.startswith("[") and host.endswith("]") else host), port

    @property
    def domain(self) -> str:
        """Under which this node's mails have their ids."""
        return self.sender.rpartition("@")[2]


_SENDER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,10}")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Oidc:
    """The organisation's own OpenID provider, by which its people may sign in to the pages."""

    issuer: str
    """https; http on loopback alone. As the provider itself writes it: what it signs must hold the very same text."""
    client_id: str
    """Under which this node is registered at the provider."""
    client_secret_file: Path | None = None
    """One line, readable by this program's user alone. Left out: a public client, which has PKCE alone."""
    scopes: str = "openid email profile"
    """Separated by spaces; openid must be among them."""
    name: str = ""
    """What people call that account; stands on the button. Left out: "your organisation's account"."""
    authorities: Path | None = None
    """PEM of the authorities that may vouch for the provider. Left out: those that this machine trusts."""
    addresses_are_own: bool = False
    """Whether every address that the provider tells is its user's own though it does not say `email_verified`: where the
    organisation itself gives out the addresses, as in a tenant of Microsoft Entra ID of its own."""

    def __post_init__(self) -> None:
        if not is_secure_address(self.issuer, plain_on_loopback=True) or "?" in self.issuer:
            raise Refused("issuer must begin with https://, or be on this machine itself, without user name, ? or #")
        if not self.client_id.isascii() or not self.client_id.isprintable() or not 1 <= len(self.client_id) <= 255:
            raise Refused("client_id must be what the provider gave: at most 255 printable characters")
        if not re.fullmatch(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*", self.scopes) or "openid" not in self.scopes.split(" "):
            raise Refused("scopes must be words with one space between them, openid among them")
        if len(self.name) > 60 or not self.name.isprintable():
            raise Refused("name must be at most 60 printable characters: it stands on a button")


def is_secure_address(url: str, *, plain_on_loopback: bool) -> bool:
    """Whether this is an https address of a web server with nothing secret in it; or http, where that may be and it does
    not leave this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or not host or set(url) & set(" #\\") or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (plain_on_loopback and parts.scheme == "http" and _loopback(host))


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages in which people work, on the address of the REST API."""

    address: str
    """The origin by which browsers reach them, such as https://raakvlak.example.nl: also where a proxy stands before them.
    Passkeys are bound to it. http on this machine's own name alone."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.address) if is_secure_address(self.address, plain_on_loopback=True) else None
        if parts is None or self.address != f"{parts.scheme}://{parts.netloc}" or self.address != self.address.lower():
            raise Refused(
                "address must be https:// and the name by which browsers reach the pages, in small letters and with nothing "
                "behind it; http://localhost:PORT on this machine alone"
            )

    @property
    def host(self) -> str:
        """Without scheme and port: to what passkeys are bound."""
        return urlsplit(self.address).hostname or ""


@dataclass(frozen=True, slots=True)
class Backup:
    """Where the pages put backups of the store."""

    folder: Path
    """Of this program's user alone; on another disk than the store is better."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a node is told on its own machine; what parties share stands in the covenant."""

    covenant: str
    """The covenant's id."""
    id: str
    """This member's id in the covenant."""
    index: str
    """host:port of the index."""
    key_holders: dict[str, str]
    """host:port of each key holder, by its id in the covenant."""
    key_file: Path
    """Opens secrets.sealed; keep it on another disk than the store."""
    log: str = ""
    """host:port of the index's HTTPS side, where its log is read. Empty: nothing that the index promises is verified."""
    rest: Rest = Rest()
    pages: Pages | None = None
    """Left out: nobody signs in here; the case system asks the REST API."""
    webhook: Webhook | None = None
    """Left out: nothing is told to a case system; it asks the REST API."""
    oidc: Oidc | None = None
    """Left out: nobody signs in with the organisation's own account."""
    mail: Mail | None = None
    """Left out: nobody is told by e-mail; what is new stands on the pages."""
    backup: Backup | None = None
    """Left out: backups from the pages lie in the folder `backups` beside the store."""
    sync_seconds: int = 60
    """How long `serve` waits between two syncs when nothing happens."""
