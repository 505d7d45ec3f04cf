"""Working days in the Netherlands, by which the covenant's terms count.

A working day is Monday to Friday and no public holiday. The holidays are those that the library `holidays` calls public:
New Year's Day, Good Friday, Easter Monday, King's Day (a day earlier where it falls on a Sunday), Ascension Day, Whit
Monday, both Christmas Days, and Liberation Day in the lustrum years only (2025, 2030 …), when most collective labour
agreements give it off. The Algemene termijnenwet counts it every year and does not bind here: these are terms between
partners, not of a law. Only this module imports the library.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Amsterdam")
"""In which a day begins and ends, whatever the machine's own zone."""

_DAY: Final = timedelta(days=1)


def is_working(day: date) -> bool:
    """Whether people are at work."""
    return day.isoweekday() <= 5 and day not in _public_holidays(day.year)


def after(day: date, count: int) -> date:
    """The working day that is `count` after `day`; `day` itself for 0, working day or not. The last day that there is,
    where it would lie behind that."""
    return _away(day, count, _DAY, date.max)


def before(day: date, count: int) -> date:
    """The working day that is `count` before `day`, as `after`."""
    return _away(day, count, -_DAY, date.min)


def _away(day: date, count: int, step: timedelta, limit: date) -> date:
    # One by one: a term is at most a year, and counting in weeks would have to know the holidays all the same.
    while count > 0 and day != limit:
        day += step
        count -= is_working(day)
    return day


def moment(second: int) -> datetime:
    """The moment of a Unix second, in UTC."""
    return datetime.fromtimestamp(second, UTC)


def local_day(second: int) -> date:
    """The day in the Netherlands of a Unix second."""
    return datetime.fromtimestamp(second, ZONE).date()


def today(now: datetime) -> date:
    """The day in the Netherlands of a moment, which bears its zone."""
    return now.astimezone(ZONE).date()


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    # Here, because it costs a noticeable part of the start of a command that counts no days. Per year and frozen, because
    # the library's own object fills itself as it is asked, which two threads may not see at once.
    import holidays

    return frozenset(holidays.country_holidays("NL", years=year))
