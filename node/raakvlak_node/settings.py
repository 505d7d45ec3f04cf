"""The node's settings: `settings.toml` in its folder, read once."""

from dataclasses import dataclass
from pathlib import Path


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
    sync_seconds: int = 60
    """How long `serve` waits between two syncs when nothing happens."""
