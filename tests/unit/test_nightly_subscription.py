"""When a subscription is due, over holidays, pauses and nights that were missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.jobs.workdays import is_announced, is_workday
from matcher.nightly.subscription import (
    Frequency,
    Interest,
    Subscriber,
    Subscription,
    is_due,
    is_told,
)

ONE = Subscription(
    id=1, address="li@ts.example", name="李工", subscriber=Subscriber.OFFICER, interest=Interest()
)
WEEKLY = replace(ONE, frequency=Frequency.WEEKLY, weekday=2)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 10, 1), False),  # National Day
        (date(2026, 10, 10), True),  # a Saturday that makes up for it
        (date(2026, 11, 25), True),
        (date(2026, 11, 28), False),
        (date(2031, 3, 3), True),  # nothing announced: Monday
        (date(2031, 3, 2), False),
    ],
)
def test_working_days(day: date, expected: bool) -> None:
    assert is_workday(day) is expected
    assert is_announced(day) is (day.year < 2027)


def test_no_mail_on_holidays_unless_wanted() -> None:
    holiday = date(2026, 10, 1)
    assert not is_due(ONE, holiday, None, is_workday)
    assert is_due(replace(ONE, on_holidays=True), holiday, None, is_workday)
    assert is_due(ONE, date(2026, 10, 10), None, is_workday)


def test_a_weekly_one_moves_to_the_next_working_day() -> None:
    # Wednesday 30 September is worked; Wednesday 7 October is a holiday, Thursday is not.
    assert is_due(WEEKLY, date(2026, 9, 30), date(2026, 9, 23), is_workday)
    assert not is_due(WEEKLY, date(2026, 10, 7), date(2026, 9, 30), is_workday)
    assert is_due(WEEKLY, date(2026, 10, 8), date(2026, 9, 30), is_workday)
    assert not is_due(WEEKLY, date(2026, 10, 9), date(2026, 10, 8), is_workday)


def test_a_pause_ends_by_itself() -> None:
    paused = replace(ONE, paused_until_on=date(2026, 11, 25))
    assert not is_due(paused, date(2026, 11, 24), None, is_workday)
    assert is_due(paused, date(2026, 11, 25), None, is_workday)
    assert not is_due(replace(ONE, stopped=True), date(2026, 11, 25), None, is_workday)


@given(days, st.integers(0, 6), st.integers(1, 40), st.data())
def test_a_weekly_one_comes_once_a_week_whatever_nights_are_missed(
    first: date, weekday: int, length: int, data: st.DataObject
) -> None:
    one = replace(WEEKLY, weekday=weekday)
    last: date | None = None
    told: list[date] = []
    for number in range(length):
        day = first + timedelta(days=number)
        if data.draw(st.booleans()) and is_due(one, day, last, is_workday):
            assert is_workday(day)
            told.append(day)
            last = day
    weeks = [(day - timedelta(days=weekday)).isocalendar()[:2] for day in told]
    assert len(weeks) == len(set(weeks))


@given(days)
def test_a_night_is_had_once(day: date) -> None:
    assert not is_due(ONE, day, day, is_workday)


@pytest.mark.parametrize(
    ("one", "nothing_new", "waiting", "expected"),
    [
        (ONE, False, 0, True),
        (ONE, True, 5, False),
        (replace(ONE, frequency=Frequency.DAILY), True, 5, False),
        (replace(ONE, frequency=Frequency.DAILY, says_nothing_new=True), True, 0, True),
        (WEEKLY, True, 2, True),
        (WEEKLY, True, 0, False),
    ],
)
def test_nothing_new_is_a_line_or_no_mail(
    one: Subscription, nothing_new: bool, waiting: int, expected: bool
) -> None:
    assert is_told(one, nothing_new, waiting) is expected
