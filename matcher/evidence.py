"""Frozen evidence: what a kept proposal rested on, so that it can be explained again exactly.

A proposal that somebody judged, mailed or shortlisted keeps the two records word for word, what
made the ranking (encoder, dictionary, ranking model, index generation), the value and part of
each feature, and the explanation card. Two questions are answered from it:

``explain_again``: what did the score consist of? Statistics of words change with every record
that comes in, so the stored values of the features are the truth: the kept model's weights over
them must give the stored score, to ``EXACT``.

``replay``: would the same be said today? The card is made again from the frozen texts by the
present makers, and whatever differs is listed.

The card holds quotes of full texts. It is for replaying; what is shown of it to somebody goes
through ``corpus.confidentiality`` as everything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from corpus.model import Achievement, Need
from indexer.generation import Maker
from matcher.canonical import canonical, content_hash
from matcher.errors import MatchError
from matcher.feedback import Pair
from matcher.ranking_models import RankingModel
from matcher.scoring import Part

EXACT = 1e-12
"""Most that a score explained again may differ by."""
NOISE = 1e-4
"""Differences up to this, in log-odds, are none in a replay: the last bits of an encoder's 32-bit
floats depend on how many texts it is given at once, and weights of some tens enlarge them."""


class EvidenceError(MatchError):
    """Evidence that cannot be kept or does not hold; the message says what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a score and its card were made with, and what came out."""

    maker: Maker
    model: RankingModel
    generation: str
    score: float
    parts: tuple[Part, ...]
    card: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A pair as it was proposed: the records that were scored, and on what basis."""

    need: Need
    achievement: Achievement
    basis: Basis

    @property
    def pair(self) -> Pair:
        return Pair(self.need.key, self.achievement.key)

    @property
    def texts(self) -> tuple[str, str]:
        """Content hashes of the need and the achievement."""
        return self.need.content_hash, self.achievement.content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A kept proposal. ``need_version``, ``achievement_version``: of the history; None where it
    holds no such version and the record was kept beside it."""

    id: int
    hash: str
    proposal: Proposal
    need_version: int | None
    achievement_version: int | None
    who: str
    created_at: datetime

    @property
    def texts(self) -> tuple[str, str]:
        """Content hashes of the need and the achievement."""
        return self.proposal.texts


def card_text(card: Mapping[str, Any]) -> str:
    """The card as it is kept.

    Raises:
        MatchError: it holds something that JSON does not.
    """
    return canonical(card, "匹配说明")


def check_parts(basis: Basis) -> None:
    """Whether the score is what its parts say.

    Raises:
        EvidenceError: they do not add up to it, or a feature comes twice.
    """
    if len({part.feature for part in basis.parts}) != len(basis.parts):
        raise EvidenceError("匹配依据里有重名的特征，没有保存。这是程序的问题。")
    if not abs(math.fsum(part.part for part in basis.parts) - basis.score) <= EXACT:
        raise EvidenceError("匹配依据的各部分相加不等于总分，没有保存。这是程序的问题。")


def evidence_hash(proposal: Proposal) -> str:
    """SHA-256 over all that was proposed: the same proposal is kept once.

    Raises:
        MatchError: a number is not finite, or the card is no JSON.
    """
    basis, need, achievement = proposal.basis, proposal.need, proposal.achievement
    said = {
        "need": [need.key, need.content_hash, need.record_hash],
        "achievement": [achievement.key, achievement.content_hash, achievement.record_hash],
        "maker": [
            basis.maker.encoder_name,
            basis.maker.encoder_fingerprint,
            basis.maker.tokenizer_fingerprint,
        ],
        "model": basis.model.hash,
        "generation": basis.generation,
        "score": basis.score,
        "parts": [[part.feature, part.value, part.part] for part in basis.parts],
        "card": content_hash(card_text(basis.card)),
    }
    return content_hash(canonical(said, "匹配依据"))


# -- what did the score consist of ------------------------------------------------------------

PartsOf = Callable[[RankingModel, Mapping[str, float]], Mapping[str, float]]
"""A model's parts of the score for given values of the features."""


@dataclass(frozen=True, slots=True)
class ExplainedAgain:
    """The parts that the kept model gives for the kept values, and what does not agree."""

    parts: Mapping[str, float]
    score: float
    differences: tuple[Difference, ...]

    @property
    def exact(self) -> bool:
        return not self.differences


def explain_again(evidence: Evidence, parts_of: PartsOf) -> ExplainedAgain:
    """Compute the parts from the kept model and the kept values, and compare them with the kept
    ones to ``EXACT``."""
    basis = evidence.proposal.basis
    made = parts_of(basis.model, {part.feature: part.value for part in basis.parts})
    score = math.fsum(made.values())
    kept = {part.feature: part.part for part in basis.parts}
    differences = list(_moved(kept, made, EXACT))
    if not abs(score - basis.score) <= EXACT:
        differences.append(Difference("总分", basis.score, score))
    return ExplainedAgain(made, score, tuple(differences))


# -- would the same be said today -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was one way and is another; None: it was, or is, not there."""

    what: str
    before: Any
    now: Any

    @property
    def moved(self) -> float | None:
        """By how much a number moved."""
        if _is_number(self.before) and _is_number(self.now):
            return float(self.now) - float(self.before)
        return None


@dataclass(frozen=True, slots=True)
class Replay:
    """What is made today from the frozen texts, beside what was kept."""

    causes: tuple[Difference, ...]
    """What the ranking is made with and is another now; alone it changes nothing that is said."""
    differences: tuple[Difference, ...]
    """Parts of the score, the score, and places of the card (JSON pointers, RFC 6901)."""

    @property
    def equal(self) -> bool:
        """Whether the same is said."""
        return not self.differences


Recompute = Callable[[Need, Achievement], Basis]
"""The present makers at work on two given records."""


def replay(evidence: Evidence, recompute: Recompute) -> Replay:
    """Make the card again from the frozen texts and list what differs, numbers by more than
    ``NOISE``."""
    kept = evidence.proposal.basis
    now = recompute(evidence.proposal.need, evidence.proposal.achievement)
    makers = (
        ("语义模型", kept.maker.encoder_name, now.maker.encoder_name),
        ("语义模型指纹", kept.maker.encoder_fingerprint, now.maker.encoder_fingerprint),
        ("分词与词典", kept.maker.tokenizer_fingerprint, now.maker.tokenizer_fingerprint),
        ("排序模型", kept.model.name, now.model.name),
        ("排序模型指纹", kept.model.hash, now.model.hash),
        ("索引版本", kept.generation, now.generation),
    )
    causes = tuple(Difference(*row) for row in makers if row[1] != row[2])
    differences = list(_moved(_numbers(kept), _numbers(now), NOISE))
    differences += _unequal("", kept.card, now.card)
    return Replay(causes, tuple(differences))


def _numbers(basis: Basis) -> dict[str, float]:
    """Every number a score consists of, by the name it is listed under."""
    values = {f"{part.feature}（取值）": part.value for part in basis.parts}
    parts = {part.feature: part.part for part in basis.parts}
    return {**values, **parts, "总分": basis.score}


def _moved(
    before: Mapping[str, float], now: Mapping[str, float], most: float
) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old is None or new is None or not abs(new - old) <= most:
            yield Difference(name, old, new)


def _unequal(place: str, before: Any, now: Any) -> Iterator[Difference]:
    """Where two JSON values differ, by place."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            name = key.replace("~", "~0").replace("/", "~1")
            yield from _unequal(f"{place}/{name}", before.get(key), now.get(key))
    elif isinstance(before, list | tuple) and isinstance(now, list | tuple):
        for i in range(max(len(before), len(now))):
            both = (side[i] if i < len(side) else None for side in (before, now))
            yield from _unequal(f"{place}/{i}", *both)
    elif _is_number(before) and _is_number(now):
        if not abs(before - now) <= NOISE:
            yield Difference(place, before, now)
    elif type(before) is not type(now) or before != now:
        yield Difference(place, before, now)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
