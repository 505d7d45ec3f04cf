"""The key holder's settings: `settings.toml` in its folder, read once."""

from dataclasses import dataclass
from pathlib import Path

from raakvlak_protocol.errors import Malformed
from raakvlak_protocol.identity import Identity, Role, checked_id


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a key holder is told on its own machine; what parties share stands in the covenant."""

    covenant: str
    """The covenant's id."""
    id: str
    """This key holder's id in the covenant."""
    share_number: int
    """Which share of each key is this one's, 1 to 255, as the covenant says."""
    key_file: Path
    """Opens secrets.sealed and shares.sealed; keep it on another disk than these."""
    listen: str
    """host:port on which nodes reach this key holder; port 0 takes any free one, which the readiness line tells."""
    log: str | None = None
    """host:port of the index's HTTPS side, where the hashes of the daily statements are handed in; without it they wait."""
    grace_seconds: int = 10
    """How long calls that run may go on when the program is asked to stop."""

    def __post_init__(self) -> None:
        checked_id(self.covenant, "covenant")
        checked_id(self.id, "id")
        if not 1 <= self.share_number <= 255:
            raise Malformed("a share number lies between 1 and 255", field="share_number")

    @property
    def identity(self) -> Identity:
        return Identity(self.covenant, Role.KEYHOLDER, self.id)
