"""The shown relevance is the stated formula of the shown numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.lexical import LexicalConfig, LexicalIndex
from matcher.calibration import RelevanceConfig, coverage, relevance

CONFIG = RelevanceConfig()


@given(st.floats(-1, 1), st.floats(0, 1))
def test_it_can_be_recomputed_from_its_parts(cosine: float, covered: float) -> None:
    shown = relevance(cosine, covered, CONFIG)
    assert 0.0 <= shown.value <= 1.0
    log_odds = shown.bias + shown.dense + shown.lexical
    assert shown.value == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-12)
    assert shown.dense == CONFIG.dense * (cosine - CONFIG.centre)
    assert shown.lexical == CONFIG.lexical * covered


def test_more_evidence_is_never_less_relevant() -> None:
    values = [relevance(c / 100, 0.2, CONFIG).value for c in range(60, 100)]
    assert values == sorted(values)
    assert relevance(None, 0.5, CONFIG).value == relevance(CONFIG.centre, 0.5, CONFIG).value


def test_coverage_weighs_terms_by_how_telling_they_are() -> None:
    index = LexicalIndex.build(
        [1, 2, 3, 4], [["钢渣", "技术"], ["技术"], ["技术"], ["技术", "钢"]], LexicalConfig()
    )
    query = {"钢渣": 1.0, "技术": 1.0}
    rare, common = (coverage(query, [term], index) for term in ("钢渣", "技术"))
    assert rare > 0.8 > 0.2 > common > 0
    assert coverage(query, ["钢渣", "技术", "别的"], index) == pytest.approx(1.0)
    assert coverage(query, [], index) == 0.0
    assert coverage({}, ["钢渣"], index) == 0.0
    assert coverage(query, ["钢渣"], None) == 0.0
