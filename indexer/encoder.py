"""Placeholder while the encoder is being written: the protocol only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]: ...
    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]: ...
    def windows(self, text: str, prefix: str = "") -> list[tuple[int, int]]: ...


from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

from indexer.builtin import ensure_builtin_model, manifest_hashes  # noqa: E402


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    cache_dir: Path
    name: str = "builtin"
    query_prompt: str | None = None
    passage_prompt: str | None = None
    threads: int | None = None


class SentenceTransformerEncoder:
    def __init__(self, config: EncoderConfig) -> None:
        from sentence_transformers import SentenceTransformer
        folder = ensure_builtin_model(config.cache_dir)
        self._m = SentenceTransformer(str(folder), local_files_only=True, device="cpu", model_kwargs={"torch_dtype": "float32"})
        self.name = "builtin"
        self.dimension = 384
        import hashlib
        self.fingerprint = hashlib.sha256(repr(sorted(manifest_hashes(folder).items())).encode()).hexdigest()

    def _e(self, texts, progress):
        out = np.zeros((len(texts), 384), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for s in range(0, len(order), 32):
            ix = order[s:s+32]
            out[ix] = self._m.encode([texts[i] for i in ix], batch_size=32, normalize_embeddings=True, show_progress_bar=False)
            if progress:
                progress(min(s+32, len(texts)), len(texts))
        return out

    def encode_queries(self, texts, progress=None):
        return self._e(["query: " + t for t in texts], progress)

    def encode_passages(self, texts, progress=None):
        return self._e(["passage: " + t for t in texts], progress)

    def windows(self, text, prefix=""):
        return [(i, min(i+350, len(text))) for i in range(0, max(len(text)-50, 1), 300)]
