"""The one error of this package."""

from __future__ import annotations


class CleaningError(ValueError):
    """A value that cannot be understood; the message is a Chinese sentence for the report."""


def quoted(value: str, limit: int = 40) -> str:
    """The value as an error shows it: on one line, cut, in Chinese quotation marks."""
    line = " ".join(value.split())
    return f"「{line}」" if len(line) <= limit else f"「{line[:limit]}…」"
