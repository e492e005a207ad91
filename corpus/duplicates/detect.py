"""Finding near duplicates: exact copies by digest, others by candidates, measures, and a judge.

Pure: no database, no model. The encoder's word in uncertain cases comes through ``Similarity``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.duplicates.candidates import candidate_pairs
from corpus.duplicates.compare import conflict, exact_reason, measure, reason
from corpus.duplicates.profile import Document, Profile, profile
from corpus.model import CorpusError

__all__ = [
    "DEFAULT_CONFIG",
    "Document",
    "DuplicateConfig",
    "DuplicatePair",
    "Similarity",
    "find_duplicates",
    "find_new_duplicates",
]

Similarity = Callable[[Sequence[tuple[int, int]]], Sequence[float]]
"""Cosines of the vectors of pairs of documents, given by their ids, in the order asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateConfig:
    """Lines between same and not the same; fitted by ``eval.bench.duplicates``."""

    sure: float = 0.85
    """Score from which a pair is one without asking the encoder."""
    possible: float = 0.75
    """Score from which the encoder is asked."""
    alone: float = 0.83
    """Score that is enough where there is no encoder to ask."""
    cosine: float = 0.9
    """Cosine from which the encoder's answer is yes (the built-in one with its adapter)."""

    def __post_init__(self) -> None:
        if not 0 < self.possible <= self.alone <= self.sure <= 1:
            raise ValueError("0 < possible <= alone <= sure <= 1 is required")


DEFAULT_CONFIG = DuplicateConfig()


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two documents that seem to be one; ``left_id`` < ``right_id``.

    ``score`` is in (0, 1]; 1 is for copies that are the same after folding, and for them only.
    """

    left_id: int
    right_id: int
    score: float
    reason: str


def find_duplicates(
    documents: Iterable[Document],
    similarity: Similarity | None = None,
    config: DuplicateConfig = DEFAULT_CONFIG,
) -> list[DuplicatePair]:
    """All near duplicates among ``documents``, best first, then by ids.

    Of ``n`` exact copies the smallest id is paired with each of the others, and only it is
    compared further. ``similarity`` is called at most once, with the pairs that are uncertain.

    Raises:
        CorpusError: two documents have the same id, or ``similarity`` answers with another
            number of values than it was asked for.
    """
    return find_new_duplicates(documents, (), similarity, config)


def find_new_duplicates(
    new: Iterable[Document],
    known: Iterable[Document],
    similarity: Similarity | None = None,
    config: DuplicateConfig = DEFAULT_CONFIG,
) -> list[DuplicatePair]:
    """Near duplicates among ``new`` documents, and between them and ``known`` ones.

    As ``find_duplicates``, but pairs of two known documents are neither compared nor given.
    """
    fresh_ids: set[int] = set()
    profiles: list[Profile] = []
    for documents, is_new in ((new, True), (known, False)):
        for document in documents:
            profiles.append(profile(document))
            if is_new:
                fresh_ids.add(document.id)
    profiles.sort(key=lambda p: p.document.id)
    ids = [p.document.id for p in profiles]
    if len(set(ids)) != len(ids):
        raise CorpusError("查重的记录中有重复的编号，请检查调用方传入的记录。")
    exact, first = _exact(profiles, fresh_ids)
    fuzzy = _fuzzy(first, fresh_ids, similarity, config)
    return sorted(exact + fuzzy, key=lambda p: (-p.score, p.left_id, p.right_id))


def _exact(
    profiles: Sequence[Profile], fresh_ids: set[int]
) -> tuple[list[DuplicatePair], list[Profile]]:
    """Pairs of exact copies, and one document of each kind. ``profiles`` in order of id."""
    seen: dict[bytes, Profile] = {}
    pairs: list[DuplicatePair] = []
    for item in profiles:
        if item.is_empty:
            continue
        first = seen.setdefault(item.digest, item)
        left, right = first.document.id, item.document.id
        if left != right and not fresh_ids.isdisjoint((left, right)):
            pairs.append(DuplicatePair(left, right, 1.0, exact_reason(first, item)))
    return pairs, list(seen.values())


def _fuzzy(
    profiles: Sequence[Profile],
    fresh_ids: set[int],
    similarity: Similarity | None,
    config: DuplicateConfig,
) -> list[DuplicatePair]:
    fresh = np.array([p.document.id in fresh_ids for p in profiles], bool)
    sure: list[DuplicatePair] = []
    uncertain: list[DuplicatePair] = []
    for i, j in candidate_pairs(profiles, fresh):
        left, right = profiles[i], profiles[j]
        measures = measure(left, right)
        score = min(measures.score, 0.99)
        if score < config.possible or conflict(left, right) is not None:
            continue
        why = reason(left, right, measures)
        pair = DuplicatePair(left.document.id, right.document.id, round(score, 4), why)
        (sure if score >= config.sure else uncertain).append(pair)
    return sure + _decided(uncertain, similarity, config)


def _decided(
    uncertain: list[DuplicatePair], similarity: Similarity | None, config: DuplicateConfig
) -> list[DuplicatePair]:
    """The uncertain pairs that the encoder, or without one the score, takes for the same."""
    if similarity is None or not uncertain:
        return [pair for pair in uncertain if pair.score >= config.alone]
    uncertain.sort(key=lambda p: (p.left_id, p.right_id))
    cosines = similarity([(p.left_id, p.right_id) for p in uncertain])
    if len(cosines) != len(uncertain):
        raise CorpusError(
            f"相似度应有 {len(uncertain)} 个值，实际 {len(cosines)} 个，请检查编码器。"
        )
    return [
        DuplicatePair(p.left_id, p.right_id, p.score, f"{p.reason}；语义相似度 {cosine:.2f}")
        for p, cosine in zip(uncertain, cosines, strict=True)
        if cosine >= config.cosine
    ]
