"""How long a login lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

TOUCH_EVERY = timedelta(minutes=5)
"""How old the note of the last use may be: not every request writes."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a login lasts."""

    idle: timedelta
    """Without a request; counted to within ``TOUCH_EVERY``."""
    whole: timedelta
    """From the login on, whatever happens."""
