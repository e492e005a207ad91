"""Errors of this package.

IndexerError
├── EncoderError   a model that cannot be loaded (in ``encoder``)
└── ShardError     an index that is missing, damaged or made by something else
"""

from __future__ import annotations


class IndexerError(Exception):
    """Base; the message says what happened and what to do."""


class ShardError(IndexerError):
    """An index that is missing, damaged, or made with another encoder or dictionary."""
