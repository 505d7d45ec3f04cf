"""Which days people are at work, and counting them."""

import ast
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import raakvlak_node
from raakvlak_node.workdays import after, before, is_working, local_day, today

_DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 4, 3),  # Good Friday
        date(2026, 4, 6),  # Easter Monday
        date(2026, 4, 27),  # King's Day
        date(2026, 5, 14),  # Ascension Day
        date(2026, 5, 25),  # Whit Monday
        date(2026, 12, 25),
        date(2024, 12, 26),
        date(2025, 5, 5),  # Liberation Day in a lustrum year
        date(2026, 3, 7),  # a Saturday
        date(2026, 3, 8),
    ],
)
def test_nobody_is_at_work_on(day: date) -> None:
    assert not is_working(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 3, 2),
        date(2026, 5, 5),  # Liberation Day between two lustra
        date(2026, 5, 15),  # the Friday behind Ascension Day
        date(2025, 4, 28),  # King's Day 2025 was kept on the Saturday before, because the 27th was a Sunday
        date(2026, 12, 24),
        date(2026, 12, 31),
    ],
)
def test_people_are_at_work_on(day: date) -> None:
    assert is_working(day)


def test_a_term_of_five_days_around_easter_takes_eleven() -> None:
    assert after(date(2026, 4, 2), 5) == date(2026, 4, 13)
    assert before(date(2026, 4, 13), 5) == date(2026, 4, 2)


def test_no_days_away_is_the_day_itself_even_on_a_sunday() -> None:
    assert after(date(2026, 3, 8), 0) == before(date(2026, 3, 8), 0) == date(2026, 3, 8)


@given(day=_DAYS, count=st.integers(1, 40))
def test_as_many_working_days_lie_behind_as_were_counted(day: date, count: int) -> None:
    end = after(day, count)
    between = [date.fromordinal(number) for number in range(day.toordinal() + 1, end.toordinal() + 1)]
    assert is_working(end) and sum(is_working(each) for each in between) == count


@given(day=_DAYS, count=st.integers(1, 40))
def test_counting_back_from_where_one_came_ends_where_one_began(day: date, count: int) -> None:
    if is_working(day):
        assert before(after(day, count), count) == day


def test_time_ends_rather_than_overflows() -> None:
    assert after(date(9999, 12, 30), 10) == date.max
    assert before(date(1, 1, 2), 10) == date.min


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 1, 31, 22, 59, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 31, 23, 0, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 7, 31, 22, 0, tzinfo=UTC), date(2026, 8, 1)),  # summer time
    ],
)
def test_a_day_begins_at_midnight_in_the_netherlands(moment: datetime, day: date) -> None:
    assert local_day(int(moment.timestamp())) == today(moment) == day


def test_only_workdays_knows_the_library() -> None:
    found = set()
    for path in Path(raakvlak_node.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "holidays" for name in names):
                found.add(path.name)
    assert found == {"workdays.py"}
