"""Errors of this package.

IndexerError
├── EncoderError   a model that cannot be loaded (in ``encoder``)
└── ShardError     an index that is missing, damaged or made by something else
    └── IndexBusyError   another writer is at work; the published index still answers
"""

from __future__ import annotations


class IndexerError(Exception):
    """Base; the message says what happened and what to do."""


class ShardError(IndexerError):
    """An index that is missing, damaged, or made with another encoder or dictionary."""


class IndexBusyError(ShardError):
    """Another writer is at work on this index; the published one still answers."""
