"""From records to a published generation of one segment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from corpus.languages import Language, field_languages, language_of, language_within
from corpus.model import Kind, Record, StoredRecord
from indexer import bridge
from indexer.bridge import bridged
from indexer.encoder import Encoder
from indexer.fields import Layer, Places, long_pieces
from indexer.generation import FORMAT_VERSION, Maker, Manifest, SegmentEntry, layout
from indexer.lexical import LexicalConfig
from indexer.offsets import beside_chinese
from indexer.segment import Grams, Hashes, Passages, SegmentData
from indexer.store import ShardStore
from indexer.terms import FieldTerms, TermCounts
from indexer.tokenizer import Token, Tokenizer

Progress = Callable[[str, int, int], None]
"""Called with (stage: "segment" or "embed", done, total)."""


# Characters; what is shorter says too little alone, and is read with its neighbour.
_LEAST_WINDOW = 40


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Makers:
    """The two things an index is made with."""

    encoder: Encoder
    tokenizer: Tokenizer

    @property
    def maker(self) -> Maker:
        """Their names and fingerprints; the glossary goes with the dictionary."""
        return Maker(
            self.encoder.name,
            self.encoder.fingerprint,
            words_fingerprint(self.tokenizer.fingerprint),
        )


def words_fingerprint(tokenizer: str) -> str:
    """What a manifest says of the tokenizer with this fingerprint; the glossary goes with it."""
    return hashlib.sha256(f"{tokenizer} {bridge.fingerprint()}".encode()).hexdigest()


def document_terms(
    tokenize: Callable[[str], Sequence[Token]], record: Record
) -> dict[Layer, list[str]]:
    """Terms of each field; a term of the text belongs to the field in which it starts."""
    return _by_field(tokenize(record.title), tokenize(record.body), record.body)


def document_grams(record: Record, size: int) -> dict[Layer, list[str]]:
    """Characters (size 1) or pairs (size 2) of each field; of a foreign one also in Chinese."""
    title, body = field_languages(record.title, record.body)
    grams = bridged(record.title, title, size), bridged(record.body, body, size)
    return _by_field(*grams, record.body)


def _by_field(title: Sequence[Token], text: Sequence[Token], body: str) -> dict[Layer, list[str]]:
    found = {Layer.TITLE: [token.term for token in title]}
    places = Places(body)
    for token in text:
        found.setdefault(places.layer(token.start), []).append(token.term)
    return found


def passages(encoder: Encoder, record: Record) -> list[tuple[str, tuple[int, int, int]]]:
    """What is embedded for a record: (passage, (span of the text, number of its field)).

    The first is the title alone, with the span (−1, −1). Every window of the text is preceded by
    the title, so that it is understood alone; a window holds no two fields that are long.
    """
    rows = [(record.title, (-1, -1, Layer.TITLE.number))]
    prefix = f"{record.title}\n"
    for layer, first, last in long_pieces(record.body, _LEAST_WINDOW):
        piece = record.body[first:last]
        for start, end in encoder.windows(piece, prefix=prefix) if piece.strip() else []:
            rows.append((prefix + piece[start:end], (first + start, first + end, layer.number)))
    return rows


def passage_languages(record: Record, spans: Sequence[tuple[int, int, int]]) -> list[Language]:
    """The language of each of a record's ``passages``, by their spans."""
    whole = language_of(f"{record.title}\n{record.body}")
    if whole == "zh":
        return [whole] * len(spans)
    parts = (record.title if start < 0 else record.body[start:end] for start, end, _ in spans)
    return [language_within(part, whole) for part in parts]


def build_index(
    store: ShardStore,
    kind: Kind,
    records: Iterable[StoredRecord],
    snapshot: str,
    makers: Makers,
    built_at: datetime,
    config: LexicalConfig | None = None,
    progress: Progress = no_progress,
    revision: int = 0,
) -> Manifest:
    """Segment, embed, write and publish everything anew. ``records`` come in order of id.

    Until the last step the old generation answers; a kill leaves it in place. ``revision`` is
    that of the corpus before the records were read.

    Raises:
        IndexBusyError: another process is building.
    """
    config = config or LexicalConfig()
    documents = list(records)
    with store.writing(kind) as folder:
        entries: tuple[SegmentEntry, ...] = ()
        if documents:
            data = SegmentData(
                content_hashes([stored.record.content_hash for stored in documents]),
                made_terms(documents, makers.tokenizer, progress),
                made_grams(documents),
                made_passages(documents, makers.encoder, progress),
            )
            entries = (store.add_segment(kind, folder, data),)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            layout=layout(),
            kind=kind.value,
            maker=makers.maker,
            config=config,
            snapshot=snapshot,
            revision=revision,
            dimension=makers.encoder.dimension,
            built_at=built_at.isoformat(),
            segments=entries,
        )
        store.publish(kind, folder, manifest)
    return manifest


def content_hashes(hashes: Sequence[str]) -> Hashes:
    """(n, 32) bytes of SHA-256 in hex."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, 32)


def made_terms(
    documents: Sequence[StoredRecord],
    tokenizer: Tokenizer,
    progress: Progress,
) -> TermCounts:
    """Segment and count records, in order of id."""

    def terms() -> Iterator[FieldTerms]:
        for done, stored in enumerate(documents, start=1):
            yield document_terms(tokenizer.tokenize, stored.record)
            progress("segment", done, len(documents))

    return TermCounts.build([stored.id for stored in documents], terms())


def made_grams(documents: Sequence[StoredRecord]) -> Grams:
    """Count characters and their pairs of records, in order of id; see ``bridge``."""
    ids = [stored.id for stored in documents]
    return Grams(
        TermCounts.build(ids, (document_grams(s.record, 1) for s in documents)),
        TermCounts.build(ids, (document_grams(s.record, 2) for s in documents)),
    )


def made_passages(
    documents: Sequence[StoredRecord], encoder: Encoder, progress: Progress
) -> Passages:
    """Cut and embed records, in order of id; foreign ones stand where Chinese ones would."""
    row_ids: list[int] = []
    texts: list[str] = []
    windows: list[tuple[int, int, int]] = []
    languages: list[Language] = []
    for stored in documents:
        rows = passages(encoder, stored.record)
        row_ids += [stored.id] * len(rows)
        texts += [text for text, _ in rows]
        spans = [span for _, span in rows]
        windows += spans
        languages += passage_languages(stored.record, spans)
    vectors = encoder.encode_passages(
        texts, progress=lambda done, total: progress("embed", done, total)
    )
    return Passages(
        np.array(row_ids, np.int64),
        beside_chinese(vectors.reshape(len(texts), encoder.dimension), languages, encoder),
        np.array(windows, np.int64).reshape(-1, 3),
    )
