"""The scale of an encoder's cosines, so that a ranking model can answer for another encoder.

Unrelated titles lie near 0.38 for one encoder and near 0.87 for another. Where the index was made
with another encoder than the ranking model was fitted for, cosines are moved and stretched until
unrelated titles have the mean and deviation that the model knows. The order by meaning stays as it
is; the chance shown is then a guess, which is said.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.dense import DenseIndex
from indexer.shard import IndexShard
from matcher.features import Signals, Values
from matcher.scoring import ScoringModel, Unrelated, centre_vector

GUESSED = (
    "排序模型是为另一个语义模型训练的：排序可用，可能性的数值只是估计。"
    "请运行 zhitong train 为当前模型重新训练。"
)
_TITLES = 400


@dataclass(frozen=True, slots=True)
class Scale:
    """``factor`` · cosine + ``shift``, and the mean query."""

    centre: NDArray[np.float32]
    factor: float = 1.0
    shift: float = 0.0
    guessed: bool = False
    """Whether it was measured on the index, since the model does not know its encoder."""

    def of(self, signals: Signals) -> Signals:
        """The signals as the ranking model knows them."""
        if not self.guessed:
            return signals
        names = ("title", "text", "typical")
        moved = {name: self.factor * getattr(signals, name) + self.shift for name in names}
        return replace(signals, **moved)


class Scales:
    """The scale of each shard, and how typical its documents are: computed once for each."""

    def __init__(self, model: ScoringModel) -> None:
        self._model = model
        self._known: weakref.WeakKeyDictionary[IndexShard, tuple[Scale, Values]] = (
            weakref.WeakKeyDictionary()
        )

    def of(self, shard: IndexShard) -> tuple[Scale, Values]:
        """Its scale, and (n,) ``Signals.typical`` of all of its documents, not yet scaled."""
        known = self._known.get(shard)
        if known is None:
            known = self._measured(shard)
            self._known[shard] = known
        return known

    def _measured(self, shard: IndexShard) -> tuple[Scale, Values]:
        if shard.dense is None:
            return Scale(centre_vector(self._model)), np.full(len(shard.doc_ids()), np.nan)
        if shard.manifest.maker.encoder_fingerprint == self._model.encoder:
            scale = Scale(centre_vector(self._model))
        else:
            scale = self._guessed(shard.dense)
        typical, _ = shard.dense.exact_rows(scale.centre, shard.doc_ids())
        return scale, typical

    def _guessed(self, dense: DenseIndex) -> Scale:
        found, centre = unrelated_titles(dense)
        wanted = self._model.unrelated
        factor = wanted.deviation / found.deviation
        return Scale(centre, factor, wanted.mean - factor * found.mean, guessed=True)


def unrelated_titles(dense: DenseIndex) -> tuple[Unrelated, NDArray[np.float32]]:
    """Cosines of pairs of titles, nearly all unrelated, and (dimension,) the mean title.

    Of at most 400 documents, evenly over the ids. With fewer than two there is nothing to
    measure: mean 0, deviation 1.
    """
    count = len(dense.doc_ids)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _TITLES)).astype(int))
    if len(chosen) < 2:
        return Unrelated(0.0, 1.0), np.zeros(dense.dimension, np.float32)
    titles = [dense.document_vectors(int(dense.doc_ids[place]))[0] for place in chosen]
    vectors = np.stack(titles).astype(np.float64)
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    deviation = max(float(cosines.std()), 1e-6)
    centre = vectors.mean(axis=0).astype(np.float32)
    return Unrelated(float(cosines.mean()), deviation), centre
