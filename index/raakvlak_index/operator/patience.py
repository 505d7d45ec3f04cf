"""How long somebody who gave a wrong key is asked to wait, and how often the log tells of it.

It protects the log and the reader, not the key, which is too long to guess: so the right key is never kept waiting, and
nobody can lock an operator out, from the operator's own address either.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

FREE: Final = 3
"""Wrong keys from one address without a wait: people mistype."""
LONGEST: Final = timedelta(minutes=5)
FORGOTTEN: Final = timedelta(hours=1)
MAX_ADDRESSES: Final = 1_000
TOLD_EVERY: Final = timedelta(minutes=1)


class Patience:
    """Threads may share it; it forgets with the process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, datetime]] = OrderedDict()
        self._untold = 0
        self._told: datetime | None = None

    def wrong(self, address: str, now: datetime) -> timedelta:
        """After one more wrong key from an address: how long to wait, twice as long each time."""
        with self._turn:
            network = _network(address)
            count, since = self._wrong.pop(network, (0, now))
            if now - since > FORGOTTEN:
                count = 0
            self._wrong[network] = (count + 1, now)
            while len(self._wrong) > MAX_ADDRESSES:
                self._wrong.popitem(last=False)
            self._untold += 1
            doublings = count - FREE
            return timedelta() if doublings < 0 else min(LONGEST, timedelta(seconds=2 ** min(doublings, 16)))

    def right(self, address: str) -> None:
        """The address belongs to somebody who has a key."""
        with self._turn:
            self._wrong.pop(_network(address), None)

    def to_tell(self, now: datetime) -> int:
        """How many wrong keys the log has not been told of, if it is to be told now; else 0."""
        with self._turn:
            if not self._untold or (self._told is not None and now - self._told < TOLD_EVERY):
                return 0
            self._told, told, self._untold = now, self._untold, 0
            return told


def plain(address: str) -> IPv4Address | IPv6Address:
    """An address as it is compared: one of IPv4 that came by IPv6 is one of IPv4. What is none is the unspecified one."""
    try:
        found = ip_address(address)
    except ValueError:
        return IPv6Address(0)
    return getattr(found, "ipv4_mapped", None) or found


def _network(address: str) -> str:
    """One household or office: of IPv6 its /64, which is one line's."""
    found = plain(address)
    return found.packed[:8].hex() if isinstance(found, IPv6Address) else str(found)
