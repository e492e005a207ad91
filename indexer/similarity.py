"""How near two records are to the encoder: the last word on near duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corpus.duplicates.detect import Similarity
from corpus.duplicates.profile import Document
from indexer.encoder import Encoder


def encoder_similarity(documents: Iterable[Document], encoder: Encoder) -> Similarity:
    """Cosines of title and text as passages, in [−1, 1]; only what is asked for is encoded."""
    by_id = {document.id: document for document in documents}

    def similarity(pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
        ids = sorted({i for pair in pairs for i in pair})
        vectors = encoder.encode_passages([f"{by_id[i].title}\n{by_id[i].text}" for i in ids])
        rows = dict(zip(ids, vectors, strict=True))
        return [float(rows[left] @ rows[right]) for left, right in pairs]

    return similarity
