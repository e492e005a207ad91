"""What an index would be with another dictionary: in memory, beside the one that answers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.model import StoredRecord
from corpus.text import fold
from indexer.build import made_terms, no_progress
from indexer.errors import ShardError
from indexer.grams import grams
from indexer.lexical import LexicalIndex
from indexer.live import LiveDocuments
from indexer.shard import Generation, IndexShard
from indexer.tokenizer import Tokenizer
from indexer.update import merged_terms

_FIRST_UNSPACED = "\u2e80"  # of the characters that ``grams`` takes one by one


def retokenised(
    generation: Generation,
    shard: IndexShard,
    records: Sequence[StoredRecord],
    tokenizer: Tokenizer,
) -> IndexShard:
    """``shard``, opened from ``generation``, with the words of some of its documents made anew.

    ``records`` are, in order of id, all that ``tokenizer`` cuts otherwise; vectors, characters
    and pairs do not depend on it.

    Raises:
        ShardError: the index was published anew meanwhile, or its words do not answer.
    """
    if shard.name != generation.name:
        raise ShardError("索引刚刚更新过，请再试一次。")
    if shard.lexical is None:
        raise ShardError("".join(shard.problems))
    alive = generation.live().alive
    anew = np.array([stored.id for stored in records], np.int64)
    keeps = [
        mask & np.isin(segment.doc_ids, anew, invert=True)
        for segment, mask in zip(generation.segments, alive, strict=True)
    ]
    is_held = np.isin(anew, shard.doc_ids())
    held = [stored for stored, here in zip(records, is_held, strict=True) if here]
    counts = merged_terms(generation.segments, keeps, made_terms(held, tokenizer, no_progress))
    other = copy.copy(shard)
    config = generation.manifest.config
    other.lexical = LexicalIndex(LiveDocuments([counts.doc_ids]), [counts], config)
    return other


def perhaps_holding(shard: IndexShard, words: Iterable[str]) -> NDArray[np.int64]:
    """Ids, ascending, of all documents that hold one of some folded words, and perhaps others.

    Told by pairs of characters; a word of letters alone is perhaps in every document.
    """
    found = np.zeros(len(shard.doc_ids()), np.bool_)
    for word in words:
        holds = np.ones(len(found), np.bool_)
        for size, index in ((1, shard.characters), (2, shard.bigrams)):
            for token in grams(fold(word), size):
                # Words of alphabets stand whole in a text, with what is written beside them.
                if len(token.term) == size and min(token.term) >= _FIRST_UNSPACED:
                    holds &= index.scores({token.term: 1.0}) > 0
        found |= holds
    return shard.doc_ids()[found]


def holds_word(stored: StoredRecord, words: Iterable[str]) -> bool:
    """Whether the title or the text of a record holds one of some folded words."""
    title, body = fold(stored.record.title).text, fold(stored.record.body).text
    return any(word in title or word in body for word in words)
