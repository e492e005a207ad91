"""From records to a published generation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from corpus.model import Kind, Record, StoredRecord
from indexer.dense import DenseIndex
from indexer.encoder import Encoder
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.shard import DENSE, FORMAT_VERSION, LEXICAL, WINDOWS, Maker, Manifest
from indexer.store import ShardStore, digest_files
from indexer.tokenizer import Tokenizer

Progress = Callable[[str, int, int], None]
"""Called with (stage: "segment" or "embed", done, total)."""


@dataclass(frozen=True, slots=True)
class Makers:
    """The two things an index is made with."""

    encoder: Encoder
    tokenizer: Tokenizer

    @property
    def maker(self) -> Maker:
        """Their names and fingerprints."""
        return Maker(self.encoder.name, self.encoder.fingerprint, self.tokenizer.fingerprint)


def document_terms(tokenizer: Tokenizer, record: Record, config: LexicalConfig) -> list[str]:
    """Terms of title and text, the title's ``title_weight`` times."""
    title = [token.term for token in tokenizer.tokenize(record.title)]
    return title * config.title_weight + [t.term for t in tokenizer.tokenize(record.body)]


def passages(encoder: Encoder, record: Record) -> list[tuple[str, tuple[int, int]]]:
    """What is embedded for a record: (passage, span of the text); (-1, -1) is the title alone.

    Every window of the text is preceded by the title, so that it is understood alone.
    """
    rows = [(record.title, (-1, -1))]
    prefix = f"{record.title}\n"
    for start, end in encoder.windows(record.body, prefix=prefix) if record.body.strip() else []:
        rows.append((prefix + record.body[start:end], (start, end)))
    return rows


def build_index(
    store: ShardStore,
    kind: Kind,
    records: Iterable[StoredRecord],
    snapshot: str,
    makers: Makers,
    built_at: datetime,
    config: LexicalConfig | None = None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Manifest:
    """Segment, embed, write and publish. ``records`` come in order of id.

    Until the last step the old generation answers; a kill leaves it in place.

    Raises:
        ShardError: another process is building.
    """
    config = config or LexicalConfig()
    documents = list(records)
    with store.writing(kind) as folder:
        terms = _segment(documents, makers.tokenizer, config, progress)
        ids = [stored.id for stored in documents]
        lexical = LexicalIndex.build(ids, terms, config)
        (folder / LEXICAL).mkdir()
        lexical.save(folder / LEXICAL)

        row_ids: list[int] = []
        texts: list[str] = []
        windows: list[tuple[int, int]] = []
        for stored in documents:
            for text, span in passages(makers.encoder, stored.record):
                row_ids.append(stored.id)
                texts.append(text)
                windows.append(span)
        vectors = makers.encoder.encode_passages(
            texts, progress=lambda done, total: progress("embed", done, total)
        )
        vectors = vectors.reshape(len(texts), makers.encoder.dimension)
        DenseIndex.build(row_ids, vectors).save(folder / DENSE)
        np.save(folder / WINDOWS, np.array(windows, dtype=np.int64).reshape(-1, 2))

        manifest = Manifest(
            format_version=FORMAT_VERSION,
            kind=kind.value,
            maker=makers.maker,
            snapshot=snapshot,
            documents=len(documents),
            rows=len(texts),
            dimension=makers.encoder.dimension,
            has_terms=lexical.has_terms,
            built_at=built_at.isoformat(),
            files=digest_files(folder),
        )
        store.publish(kind, folder, manifest)
    return manifest


def _segment(
    documents: Sequence[StoredRecord],
    tokenizer: Tokenizer,
    config: LexicalConfig,
    progress: Progress,
) -> list[list[str]]:
    terms = []
    for done, stored in enumerate(documents, start=1):
        terms.append(document_terms(tokenizer, stored.record, config))
        progress("segment", done, len(documents))
    return terms
