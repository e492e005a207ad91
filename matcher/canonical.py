"""One way to write a JSON value, so that equal values have equal bytes and one hash.

Keys sorted, no blanks, UTF-8, numbers as Python writes them: a float comes back exactly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from matcher.errors import MatchError


def canonical(value: Any, what: str) -> str:
    """The text of a value of mappings with string keys, sequences, texts, finite numbers,
    booleans and None; ``what`` names it in the error.

    Raises:
        MatchError: it holds something else.
    """
    try:
        text = json.dumps(
            _plain(value),
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MatchError(f"{what}不能写成 JSON（{error}）。") from error
    return text


def content_hash(text: str) -> str:
    """SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Frozen mappings and sequences as those json knows; refuses what it would change silently."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key is not a string")
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
