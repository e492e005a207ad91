"""A plain ranking model for fakes, shipped so that tests of other packages need no real one."""

from __future__ import annotations

from indexer.encoder import Encoder
from matcher.engine import MatchConfig
from matcher.scoring import ScoringModel, Unrelated, Weight

EVERYTHING = (-1e6, -1e6, 1e6)
"""Cuts with which every pair is 较强, so that nothing is left out."""


def plain_model(encoder: Encoder, cuts: tuple[float, float, float] = EVERYTHING) -> ScoringModel:
    """Meaning and wording, neither calibrated; made for the vectors of ``encoder``."""
    return ScoringModel(
        name="plain",
        weights={
            "meaning": Weight(4.0, 0.0),
            "typical": Weight(0.0, 0.0),
            "wording": Weight(2.0, 0.0),
        },
        thresholds=(-1.0, -3.0, -5.0),
        cuts=cuts,
        encoder=encoder.fingerprint,
        unrelated=Unrelated(0.0, 0.1),
        centre=(0.0,) * encoder.dimension,
        training={},
    )


def open_config(encoder: Encoder) -> MatchConfig:
    """Every pair is shown, since the cosines of a fake say nothing of quality."""
    return MatchConfig(model=plain_model(encoder))
