"""The only clock of the program, and the time zone in which people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

TIME_ZONE = ZoneInfo("Asia/Shanghai")


def now_at() -> datetime:
    """The current time, aware."""
    return datetime.now(UTC)
