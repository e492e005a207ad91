"""Working days in China, holidays and make-up days included (package ``chinesecalendar``)."""

from __future__ import annotations

from datetime import date
from typing import Any

import chinese_calendar as untyped

_calendar: Any = untyped


def is_workday(day: date) -> bool:
    """Whether people are at work; in years that are not announced yet, Monday to Friday."""
    try:
        return bool(_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5


def is_announced(day: date) -> bool:
    """Whether the holidays of its year are known to the package."""
    try:
        _calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True
