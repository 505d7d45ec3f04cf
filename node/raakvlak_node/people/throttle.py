"""How often somebody may try, without anybody being able to keep somebody else out (after OWASP's device cookies).

Attempts are counted in buckets. A browser in which somebody has signed in before has a bucket of its own for that person;
all others share one for each address that is typed, whether or not a user has it. A bucket that was tried too often makes
wait, longer each time and never for good. So whoever guesses from elsewhere slows down others who come from elsewhere, and
not the one who sits at his own desk. Passkeys can't be guessed and wait for nothing.

An attempt is counted before it is judged, so that many at once get no more than one after the other; who was right gets it
back. Buckets are keyed handles: the store tells of no address that was typed.
"""

import hmac
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from raakvlak_node.people.user import folded
from raakvlak_node.store import Store
from raakvlak_protocol.encoding import from_hex
from raakvlak_protocol.errors import Unavailable

FREELY: Final = 5
LONGEST_SECONDS: Final = 15 * 60
"""Some hundred guesses a day, against twelve characters and a code."""
FREELY_ADDRESS: Final = 50
LONGEST_ADDRESS_SECONDS: Final = 60
"""A whole organisation may come from one address."""
FORGET_SECONDS: Final = 24 * 3600
FORGET_ADDRESS_SECONDS: Final = 15 * 60
MAX_DEVICES: Final = 4
"""People who share one browser."""
_NONCE_BYTES: Final = 16
_DEVICE_CHARACTERS: Final = 64
_MAX_DOUBLINGS: Final = 20


class TooMany(Unavailable):
    """Too many attempts; the next one is judged after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__("there were too many attempts: wait a while, and try again")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many attempts are free; each one behind them makes wait twice as long as the one before."""

    handle: bytes
    freely: int = FREELY
    longest: int = LONGEST_SECONDS
    forget: int = FORGET_SECONDS
    own: bool = False
    """Of a known browser: who signs in there has it emptied."""

    def delay(self, count: int) -> int:
        over = count - self.freely
        return 0 if over < 0 else min(self.longest, 2 << min(over, _MAX_DOUBLINGS))


class Throttle:
    """The verbs, on a node's store, which remembers through a restart."""

    def __init__(self, store: Store, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._random = random

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._store.database.execute(sql, values)

    def buckets(self, what: str, email: str, devices: str, client: str) -> tuple[Bucket, ...]:
        """In which an attempt counts: `what` is tried, with this e-mail address, in a browser with this cookie, from this
        network address. A known browser is not held up by its neighbours."""
        vault = self._store.vault
        known = next((each for each in devices.split(".")[:MAX_DEVICES] if self._is_device(each, email)), "")
        if known:
            return (Bucket(vault.handle("attempt", what, folded(email), known), own=True),)
        return (Bucket(vault.handle("attempt", what, folded(email), "elsewhere")), self._address(client))

    def unwaited(self, client: str) -> Bucket:
        """Of a network address, for what nobody has to wait for."""
        return self._address(client, "unwaited")

    def _address(self, client: str, what: str = "address") -> Bucket:
        handle = self._store.vault.handle("attempt", what, _network(client))
        return Bucket(handle, FREELY_ADDRESS, LONGEST_ADDRESS_SECONDS, FORGET_ADDRESS_SECONDS)

    def count(self, buckets: Sequence[Bucket], now: datetime) -> None:
        """Counts an attempt in all of them; raises TooMany, and counts nothing, where one of them makes wait."""
        moment = int(now.timestamp())
        with self._store.transaction():
            self._run("DELETE FROM attempt WHERE last <= ?", (moment - FORGET_SECONDS,))
            known = [self._known(each, moment) for each in buckets]
            wait = max((free - moment for _, free in known), default=0)
            if wait > 0:
                raise TooMany(wait)
            for each, (before, _) in zip(buckets, known, strict=True):
                self._run(
                    "INSERT INTO attempt VALUES (?, ?, ?, ?) ON CONFLICT (bucket) DO UPDATE SET count = excluded.count,"
                    " last = excluded.last, free = excluded.free",
                    (each.handle, before + 1, moment, moment + each.delay(before + 1)),
                )

    def _known(self, bucket: Bucket, moment: int) -> tuple[int, int]:
        """How many attempts count still, and from when on one is judged again."""
        row = self._run("SELECT count, last, free FROM attempt WHERE bucket = ?", (bucket.handle,)).fetchone()
        if row is None or row["last"] <= moment - bucket.forget:
            return 0, 0
        # A clock that was set back makes nobody wait longer than the longest time.
        return row["count"], min(row["free"], moment + bucket.longest)

    def give_back(self, buckets: Sequence[Bucket]) -> None:
        """The attempt was right."""
        with self._store.transaction():
            for each in buckets:
                if each.own:
                    self._run("DELETE FROM attempt WHERE bucket = ?", (each.handle,))
                else:
                    self._run("UPDATE attempt SET count = max(count - 1, 0), free = last WHERE bucket = ?", (each.handle,))

    # --- browsers that are known --------------------------------------------------------------------------------------

    def devices_with(self, devices: str, email: str) -> str:
        """The cookie of a browser in which this user has just signed in, who may not be its only one."""
        others = [each for each in devices.split(".") if len(each) == _DEVICE_CHARACTERS and not self._is_device(each, email)]
        nonce = self._random(_NONCE_BYTES)
        return ".".join([(nonce + self._mark(nonce, email)).hex(), *others[: MAX_DEVICES - 1]])

    def _is_device(self, text: str, email: str) -> bool:
        raw = from_hex(text, _DEVICE_CHARACTERS // 2)
        return raw is not None and hmac.compare_digest(raw[_NONCE_BYTES:], self._mark(raw[:_NONCE_BYTES], email))

    def _mark(self, nonce: bytes, email: str) -> bytes:
        return self._store.vault.handle("device", folded(email), nonce)


def _network(client: str) -> str:
    """The address as one network: whoever has IPv6 has 2^64 addresses."""
    try:
        found = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
