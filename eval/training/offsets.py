"""Measure how far the default encoder sets languages apart, and write it where it is shipped.

    python -m eval.training.offsets [OUT.safetensors]

To be run again after another adapter, other parallel titles or another strength: a test says so.
Without the file the product measures by itself, in each process that meets a foreign text.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.offsets import shipped_offsets, write_offsets


def main(arguments: list[str]) -> None:
    """Measure and write."""
    out = Path(arguments[0]) if arguments else shipped_offsets()
    cache = EncoderConfig(cache_dir=Path(tempfile.gettempdir()) / "zhitong-bench")
    write_offsets(SentenceTransformerEncoder(cache), out)
    sys.stdout.write(f"{out}: {out.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
