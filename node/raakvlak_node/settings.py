"""The node's settings: `settings.toml` in its folder, read once."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
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


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
    webhook: Webhook | None = None
    """Left out: nothing is told to a case system; it asks the REST API."""
    sync_seconds: int = 60
    """How long `serve` waits between two syncs when nothing happens."""
