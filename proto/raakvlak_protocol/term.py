"""Months as they cross the wire: u16 since 2000-01, UTC. Days are never published, so that no date gives a birthday away."""

from datetime import UTC, datetime
from typing import Final

FIRST_YEAR: Final = 2000


def month_of(moment: datetime) -> int:
    """The number of the month, in UTC, in which the moment lies."""
    in_utc = moment.astimezone(UTC)
    return (in_utc.year - FIRST_YEAR) * 12 + in_utc.month - 1


def removal_month(published: datetime, retention_months: int) -> int:
    """The month on whose first day, 00:00 UTC, a row goes: the one in which the term after publication would lapse.

    A row thus stands up to a month shorter than the term, never longer.
    """
    return month_of(published) + retention_months


def start_of(month: int) -> datetime:
    """The first moment of a month."""
    return datetime(FIRST_YEAR + month // 12, month % 12 + 1, 1, tzinfo=UTC)
