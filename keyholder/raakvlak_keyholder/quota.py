"""What a member may still ask of this key holder, and by which hash the same request is known again. No I/O.

Each (member, namespace, epoch) has a first load, used first and refilled by nothing but a covenant version that grants
more, and a daily quota, full again at 00:00 UTC and not saved up. The store charges by the same rules in one statement;
`left` says them in Python, for answers and reports.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from raakvlak_protocol.covenant import Quota
from raakvlak_protocol.errors import NotPermitted, OverQuota

REMEMBERED: Final = timedelta(days=30)
"""For so long the same request of the same member is answered again without charge."""

_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """What is counted on its own."""

    member: str
    namespace: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Used:
    """What an account has used: of the first load, and of the daily quota on `day` (days since 1970-01-01, UTC)."""

    first_load: int = 0
    day: int = 0
    daily: int = 0

    def today(self, now: datetime) -> int:
        """What of the daily quota is used.

        A clock that was set back gives no second one: the day that was counted last goes on until it is over.
        """
        return self.daily if self.day >= day_of(now) else 0


@dataclass(frozen=True, slots=True)
class Left:
    """What an account may still use now; `until` is when its daily quota is full again."""

    first_load: int
    daily: int
    until: datetime

    @property
    def total(self) -> int:
        return self.first_load + self.daily


def day_of(moment: datetime) -> int:
    """The day, in UTC, in which the moment lies."""
    return (moment - _EPOCH_START).days


def left(granted: Quota, used: Used, now: datetime) -> Left:
    """What is left of what the covenant grants."""
    return Left(
        first_load=max(granted.first_load - used.first_load, 0),
        daily=max(granted.daily - used.today(now), 0),
        until=_EPOCH_START + timedelta(days=max(used.day, day_of(now)) + 1),
    )


def over(account: Account, granted: Quota, count: int, remaining: Left) -> NotPermitted | OverQuota:
    """The refusal of `count` evaluations that are more than what remains."""
    if not granted.first_load and not granted.daily:
        return NotPermitted(
            f"the covenant grants {account.member} no evaluations in namespace {account.namespace!r}: "
            "if it should, ask the covenant board for a new version"
        )
    return OverQuota(
        f"{count} evaluations are asked for and {remaining.total} are left in namespace {account.namespace!r}, epoch "
        f"{account.epoch}; nothing was charged; {granted.daily} a day from {remaining.until:%Y-%m-%d %H:%M} UTC",
        left=remaining.total,
        until=remaining.until,
    )
