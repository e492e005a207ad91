"""Deterministic fakes, shipped so that tests of other packages need no model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.tokenizer import Token


class FakeEncoder:
    """Vectors from hashed character pairs: similar texts get similar vectors, always the same."""

    def __init__(self, name: str = "fake", dimension: int = 64, window: int = 200) -> None:
        self.name = name
        self.dimension = dimension
        self.fingerprint = hashlib.sha256(f"{name} {dimension} {window}".encode()).hexdigest()
        self._window = window

    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for start in range(max(len(text) - 1, 1)):
                pair = hashlib.blake2b(text[start : start + 2].encode(), digest_size=8).digest()
                sign = 1.0 if pair[0] & 1 else -1.0
                vectors[row, int.from_bytes(pair[1:5], "little") % self.dimension] += sign
            norm = float(np.linalg.norm(vectors[row]))
            if norm == 0.0:
                vectors[row, 0] = norm = 1.0
            vectors[row] /= norm
            if progress:
                progress(row + 1, len(texts))
        return vectors

    encode_passages = encode_queries

    def windows(self, text: str, prefix: str = "") -> list[tuple[int, int]]:
        step = self._window // 2
        starts = range(0, max(len(text) - step, 1), step)
        return [(s, min(s + self._window, len(text))) for s in starts]


class CharTokenizer:
    """Every letter is a term."""

    fingerprint = hashlib.sha256(b"characters").hexdigest()

    def tokenize(self, text: str) -> list[Token]:
        return [Token(c.lower(), i, i + 1) for i, c in enumerate(text) if c.isalnum()]
