"""What the benchmarks share."""

from __future__ import annotations

import tempfile
from pathlib import Path

from indexer.build import Makers
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.tokenizer import JiebaTokenizer


def default_encoder() -> SentenceTransformerEncoder:
    """The encoder that ships, decoded once into a temporary folder that all of them use."""
    folder = Path(tempfile.gettempdir()) / "zhitong-bench"
    return SentenceTransformerEncoder(EncoderConfig(cache_dir=folder))


def default_makers() -> Makers:
    """What the product makes its indexes with."""
    return Makers(default_encoder(), JiebaTokenizer())
