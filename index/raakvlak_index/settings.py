"""The index's settings: `settings.toml` in its folder, read once."""

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from raakvlak_index.index import EVENT_CAP
from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identity import Identity, Role, checked_id


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the index is told on its own machine; what parties share stands in the covenant."""

    covenant: str
    """The covenant's id."""
    id: str
    """The index's id in the covenant."""
    key_file: Path
    """Opens secrets.sealed and pepper.sealed; keep it on another disk than these."""
    listen: str
    """host:port on which nodes reach the index; port 0 takes any free one, which the readiness line tells."""
    log: str
    """host:port on which the log is served by HTTPS, to nodes, key holders, witnesses and officers; likewise."""
    log_folder: Path | None = None
    """Where the published log lies: `log` in the index's folder, unless it is to be on another disk."""
    event_cap: int = EVENT_CAP
    """Events that may wait for one member; at four fifths of it the log and `status` show an alarm."""
    operators_from: tuple[str, ...] = ()
    """Networks (10.0.0.0/8, 2001:db8::/32) from which the operator's pages can be reached; empty for every one."""
    grace_seconds: int = 10
    """How long calls that run may go on when the program is asked to stop."""

    def __post_init__(self) -> None:
        checked_id(self.covenant, "covenant")
        checked_id(self.id, "id")
        if self.event_cap < 1:
            raise Malformed("at least one event must be able to wait for a member", field="event_cap")
        for each in self.operators_from:
            try:
                ip_network(each)
            except ValueError:
                raise Malformed(
                    f"{each} is no network: write it as 10.0.0.0/8 or 2001:db8::/32", field="operators_from"
                ) from None

    @property
    def identity(self) -> Identity:
        return Identity(self.covenant, Role.INDEX, self.id)
