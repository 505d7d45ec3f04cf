"""Months as they cross the wire: u16 since 2000-01, UTC. Days are never published, so that no date gives a birthday away."""

from datetime import UTC, date, datetime
from typing import Final

FIRST_YEAR: Final = 2000


def month_of(moment: datetime) -> int:
    """The number of the month, in UTC, in which the moment lies."""
    return month_of_day(moment.astimezone(UTC).date())


def month_of_day(day: date) -> int:
    """The number of the month in which a day lies."""
    return (day.year - FIRST_YEAR) * 12 + day.month - 1


def removal_month(published: datetime, retention_months: int) -> int:
    """The month on whose first day, 00:00 UTC, a row goes: the one in which the term after publication would lapse.

    A row thus stands up to a month shorter than the term, never longer.
    """
    return month_of(published) + retention_months


def start_of(month: int) -> datetime:
    """The first moment of a month."""
    return datetime(FIRST_YEAR + month // 12, month % 12 + 1, 1, tzinfo=UTC)
