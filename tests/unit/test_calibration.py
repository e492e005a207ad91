"""The shown relevance is the stated formula of the shown numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration import RelevanceConfig, relevance

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


def test_one_of_three_words_alone_recommends_nothing() -> None:
    """A short query is soon covered by a third: a text no nearer than any other is no answer."""
    assert relevance(CONFIG.centre, 1 / 3, CONFIG).value < CONFIG.floor
