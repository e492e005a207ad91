"""Texts as counts of hashed character n-grams, many at a time, in numpy alone.

A text is folded (NFKC, simplified, lower case), everything but letters and digits becomes a
boundary, and every run of 1 … ``longest`` characters within the boundaries is hashed to one of
``2 ** bits`` buckets. No n-gram is kept, so a model over buckets holds no text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.text import simplify

_NO_WORD = re.compile(r"[\W_]+")
_SPACE = 32
# Odd 64-bit multipliers: the golden ratio's (Knuth, TAOCP 3, 6.4) and those of splitmix64
# (Steele, Lea & Flood, OOPSLA 2014), which also finish the hash.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class NgramConfig:
    """What is counted. The same values give the same buckets on every machine."""

    shortest: int = 1
    """Shortest n-gram, in characters, at least 1."""
    longest: int = 3
    """Longest n-gram, in characters."""
    bits: int = 14
    """Two to this power is the number of buckets, 8 … 24."""
    title_weight: float = 2.0
    """What an n-gram of the title counts beside one of the text."""
    max_chars: int = 2000
    """Characters of the text that are read, from its beginning."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Sparse rows: row ``i`` has ``values[k]`` in ``buckets[k]``, ``starts[i] ≤ k < starts[i+1]``.

    Buckets ascend within a row.
    """

    starts: NDArray[np.int64]  # (rows + 1,)
    buckets: NDArray[np.int64]
    values: NDArray[np.float32]


def count(pairs: Sequence[tuple[str, str]], config: NgramConfig) -> Counts:
    """Weighted n-gram counts of (title, text) pairs; an empty pair is an empty row."""
    titles = [_plain(title[: config.max_chars]) for title, _ in pairs]
    texts = [_plain(text[: config.max_chars]) for _, text in pairs]
    keys: list[NDArray[np.uint64]] = []
    weights: list[NDArray[np.float32]] = []
    for parts, weight in ((titles, config.title_weight), (texts, 1.0)):
        found = _keys(parts, config)
        keys.append(found)
        weights.append(np.full(len(found), weight, dtype=np.float32))
    return _summed(np.concatenate(keys), np.concatenate(weights), len(pairs), config.bits)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower()
    return _NO_WORD.sub(" ", simplify(folded))


def _keys(texts: Sequence[str], config: NgramConfig) -> NDArray[np.uint64]:
    """Row number (high bits) and bucket (low bits) of every n-gram of ``texts``."""
    joined = " ".join(texts) + " "
    codes = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter((len(text) + 1 for text in texts), dtype=np.int64, count=len(texts))
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64) << np.uint64(config.bits), lengths)
    inside = codes != _SPACE
    hashes = np.zeros(len(codes), dtype=np.uint64)
    keep = np.ones(len(codes), dtype=bool)
    found = []
    for length in range(1, config.longest + 1):
        last = len(codes) - length + 1
        if last <= 0:
            break
        hashes = hashes[:last] * _STEP + codes[length - 1 :]
        keep = keep[:last] & inside[length - 1 :]
        if length >= config.shortest:
            found.append(rows[:last][keep] | _bucket(hashes[keep] + np.uint64(length), config.bits))
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint64)


def _bucket(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    mixed = hashes * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    return mixed >> np.uint64(64 - bits)


def _summed(keys: NDArray[np.uint64], weights: NDArray[np.float32], rows: int, bits: int) -> Counts:
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    unique = keys[first]
    values = np.add.reduceat(weights[order], first) if len(first) else weights[:0]
    bounds = np.arange(rows + 1, dtype=np.uint64) << np.uint64(bits)
    return Counts(
        np.searchsorted(unique, bounds).astype(np.int64),
        (unique & np.uint64((1 << bits) - 1)).astype(np.int64),
        values,
    )
