"""Finding near duplicates in the stored corpus; the encoder decides the uncertain pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.clock import now_at
from api.services import Services
from corpus.duplicates.detect import find_duplicates
from corpus.duplicates.groups import group_duplicates
from corpus.duplicates.profile import Document
from corpus.duplicates.repository import DuplicateRepository
from corpus.duplicates.stored import RecordedCounts
from corpus.model import Kind
from indexer.similarity import encoder_similarity


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for duplicates found, and what of it was new."""

    kind: Kind
    records: int
    pairs: int
    asked: int  # uncertain pairs that the encoder decided
    groups: int
    counts: RecordedCounts


def find(services: Services, kind: Kind) -> Found:
    """Compare all active records of a kind and propose groups; repeating it changes nothing.

    The texts are compared before the transaction that writes, so that nobody has to wait.
    """
    with services.repository() as repository:
        documents = [
            Document(s.id, s.record.title, s.record.body, s.record.published_on)
            for s in repository.iterate(kind)
        ]
    asked: list[tuple[int, int]] = []

    def similarity(pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
        asked.extend(pairs)
        return encoder_similarity(documents, services.makers.encoder)(pairs) if pairs else []

    pairs = find_duplicates(documents, similarity)
    groups = group_duplicates(pairs, documents)
    with services.writing() as session:
        counts = DuplicateRepository(session).record_groups(kind, groups, now_at())
    return Found(kind, len(documents), len(pairs), len(asked), len(groups), counts)
