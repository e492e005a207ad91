"""Reciprocal rank fusion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.scored import ScoredDoc
from matcher.fusion import FusionConfig, reciprocal_rank_fusion

rankings = st.dictionaries(
    st.sampled_from(["dense", "lexical"]),
    st.lists(
        st.builds(ScoredDoc, st.integers(0, 30), st.integers(1, 8).map(float)),
        unique_by=lambda doc: doc.id,
        max_size=20,
    ).map(lambda docs: sorted(docs, key=lambda d: (-d.score, d.id))),
)


@given(rankings)
def test_the_parts_add_up_and_the_order_is_canonical(lists: dict[str, list[ScoredDoc]]) -> None:
    fused = reciprocal_rank_fusion(lists, FusionConfig())
    assert {doc.id for doc in fused} == {d.id for docs in lists.values() for d in docs}
    for doc in fused:
        assert doc.score == sum(part.part for part in doc.parts)
        for part in doc.parts:
            assert part.part == 1.0 / (60 + part.rank)
    assert fused == sorted(fused, key=lambda d: (-d.score, d.id))


def test_equal_scores_share_a_rank() -> None:
    fused = reciprocal_rank_fusion(
        {"lexical": [ScoredDoc(3, 2.0), ScoredDoc(5, 1.0), ScoredDoc(9, 1.0), ScoredDoc(11, 0.5)]},
        FusionConfig(),
    )
    assert [(d.id, d.parts[0].rank) for d in fused] == [(3, 1), (5, 2), (9, 2), (11, 4)]


def test_weights_scale_a_signal() -> None:
    lists = {"dense": [ScoredDoc(1, 0.9)], "lexical": [ScoredDoc(2, 7.0)]}
    fused = reciprocal_rank_fusion(lists, FusionConfig(dense_weight=0.5, k=10))
    assert [d.id for d in fused] == [2, 1]
    assert fused[1].score == pytest.approx(0.5 / 11)
