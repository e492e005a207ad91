"""From signals to one shown number, the relevance 相关度, in [0, 1].

Ranks say which document is better, not whether it is any good, and raw cosines of unrelated
texts lie near 0.38 with the default model (0.87 without its adapter). So the shown number is a
logistic function of two absolute signals,

    relevance = 1 / (1 + exp(−(bias + dense · (cosine − centre) + lexical · coverage)))

fitted on the sample and on graded pairs of titles alone (``eval/bench/relevance.py`` prints the
fit): fitted on the sample alone, a query of three words is all but sure of whatever holds one of
them. ``coverage`` is the share of the query's term weight (idf) that the document holds. It is an
estimate on the way to the calibrated chance of a later release, and its three terms are shown with
it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelevanceConfig:
    """Coefficients of the logistic function and the two lines drawn on it."""

    bias: float = -4.69
    """Log-odds of a document at the centre that shares no term."""
    dense: float = 13.3
    """Log-odds for a cosine difference of 1."""
    lexical: float = 5.26
    """Log-odds of full coverage."""
    centre: float = 0.3733
    """Cosine of a typical unrelated pair with the default encoder."""
    floor: float = 0.2
    """Matches below this relevance are not shown."""
    recommend: float = 0.5
    """Matches from this relevance on are marked as recommended."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """The shown number and the log-odds it is the logistic of: ``bias + dense + lexical``."""

    value: float
    bias: float
    dense: float
    lexical: float
    cosine: float
    coverage: float


def relevance(cosine: float | None, coverage: float, config: RelevanceConfig) -> Relevance:
    """See the module's formula. Without a dense path the cosine counts as the centre."""
    cosine = config.centre if cosine is None else cosine
    dense = config.dense * (cosine - config.centre)
    lexical = config.lexical * coverage
    log_odds = config.bias + dense + lexical
    value = 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0
    return Relevance(value, config.bias, dense, lexical, cosine, coverage)
