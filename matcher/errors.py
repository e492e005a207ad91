"""Errors of this package."""

from __future__ import annotations


class MatchError(Exception):
    """Base; the message says what happened and what to do."""
