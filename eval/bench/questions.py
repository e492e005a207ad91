"""Does asking help? Mask rich needs, ask, give the masked sentences back, and rank.

    python -m eval.bench.questions

Method: every need of the sample corpus that has a relevant achievement (grade ≥ 2) and states
object, problem, indicator and present base, or three of them. *Masked*: the title becomes
「X技术升级」, X being its shortest term of the dictionary (生产 without one); of the text, only
the first sentence is kept that states neither problem, indicator nor base (a set phrase without
one); no budget, deadline or cooperation. *Answered*: ``questions`` on the masked need, by
``apply_answers`` with the masked sentences of each question's aspect (object: the original title;
budget, deadline, cooperation: the field); a question whose aspect the original does not state
stays open. *Original*: the need as written. The three variants are ranked over the whole sample
by the product's engine, from one index. Printed: mean nDCG@10 (linear gain), paired bootstrap
intervals over needs, what the questions were about, and how completeness, vagueness and level
move.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from statistics import fmean

from corpus.model import Amount, Need
from corpus.quality import Aspect, Level, apply_answers, assess, questions
from corpus.quality.aspects import CORE
from corpus.quality.assessment import written
from corpus.quality.words import terms
from corpus.text import fold, sentences
from eval.bench.defaults import default_makers
from eval.experiment import Collection, LabelledStore, Pool, Ranker
from eval.measures import MEASURES, evaluate, usable_needs
from eval.qrels import read_qrels, read_texts
from eval.significance import paired_bootstrap
from matcher.engine import MatchConfig
from matcher.query import Query

SEED = 20261125
MIN_CORE = 3
MEASURE = MEASURES[0].name
_SET_PHRASE = "希望寻求先进的相关技术，提高水平。"
_TEXT_ASPECTS = (Aspect.PROBLEM, Aspect.INDICATOR, Aspect.BASE)


@dataclass(frozen=True, slots=True)
class Variants:
    """One need three times, and the aspects that were asked and could be answered."""

    masked: Need
    answered: Need
    original: Need
    asked: tuple[Aspect, ...]
    replied: tuple[Aspect, ...]


def stated_sentences(need: Need) -> dict[Aspect, list[str]]:
    """The sentences of the text that state each aspect."""
    found: dict[Aspect, list[str]] = {aspect: [] for aspect in Aspect}
    for start, end in sentences(need.body):
        inside = {
            aspect
            for aspect, e in written(need)
            if e.field == "text" and e.start is not None and start <= e.start < end
        }
        for aspect in inside:
            found[aspect].append(need.body[start:end])
    return found


def mask(need: Need) -> Need:
    """The vague form of a need; see the top of this file."""
    title = fold(need.title).text
    words = sorted((title[s:e] for s, e, _ in terms(title)), key=lambda word: (len(word), word))
    told = {s for aspect in _TEXT_ASPECTS for s in stated_sentences(need)[aspect]}
    spans = sentences(need.text)
    left = [need.text[s:e] for s, e in spans if need.text[s:e] not in told]
    return replace(
        need,
        title=f"{words[0] if words else '生产'}技术升级",
        text=left[0] if left else _SET_PHRASE,
        budget=None,
        valid_until_on=None,
        cooperation=(),
    )


def variants(need: Need) -> Variants:
    """Mask, ask, answer."""
    masked = mask(need)
    known = {aspect: "\n".join(found) for aspect, found in stated_sentences(need).items()}
    known |= {
        Aspect.OBJECT: need.title,
        Aspect.BUDGET: need.budget.label if need.budget else "",
        Aspect.DEADLINE: f"{need.valid_until_on} 前" if need.valid_until_on else "",
        Aspect.COOPERATION: "、".join(need.cooperation),
    }
    asked = tuple(question.aspect for question in questions(masked))
    answers = {aspect: known[aspect] for aspect in asked if known[aspect]}
    return Variants(masked, apply_answers(masked, answers), need, asked, tuple(answers))


def load(folder: Path) -> list[Need]:
    """The sample's needs with their structured fields."""
    lines = (folder / "needs.jsonl").read_text("utf-8").splitlines()
    return [
        Need(
            key=row["need_id"],
            title=row["title"],
            text=row["text"],
            industry=row["industry"],
            technology_field=row["field"],
            budget=Amount(row["budget_wan"], row["budget_wan"]),
            valid_until_on=date.fromisoformat(row["valid_until"]),
            cooperation=tuple(row["cooperation"]),
        )
        for row in map(json.loads, lines)
    ]


def rank(
    chosen: Sequence[Variants], qrels: Mapping[str, Mapping[str, int]], folder: Path
) -> dict[str, list[float]]:
    """nDCG@10 of each need for each variant, in the order of ``chosen``, from one index."""
    queries, judged = {}, {}
    for one in chosen:
        for name in ("masked", "answered", "original"):
            key = f"{one.original.key}#{name}"
            queries[key] = Query.of(getattr(one, name))
            judged[key] = qrels[one.original.key]
    texts = read_texts(folder / "achievements.jsonl", "achievement_id")
    documents = {row["achievement_id"]: Query(row["title"], row["text"]) for row in texts}
    makers = default_makers()
    with tempfile.TemporaryDirectory() as place:
        labelled = Collection(queries, documents, judged)
        store = LabelledStore(labelled, makers, Path(place), datetime.now(UTC))
        run = store.rank(MatchConfig(), Ranker.DEFAULT, Pool.ALL)
        store.close()
    per_need = evaluate(run, judged).per_need
    return {
        name: [per_need[f"{one.original.key}#{name}"][MEASURE] for one in chosen]
        for name in ("masked", "answered", "original")
    }


def main() -> None:
    """Mask, ask, answer, rank, print."""
    folder = Path(str(resources.files("corpus.resources").joinpath("sample")))
    qrels = read_qrels(folder / "qrels.txt")
    usable = set(usable_needs(qrels, min_candidates=1))
    needs = [need for need in load(folder) if need.key in usable]
    rich = [n for n in needs if len(set(CORE) - set(assess(n).missing)) >= MIN_CORE]
    chosen = [variants(need) for need in rich]
    values = rank(chosen, qrels, folder)
    lines = [__doc__ or "", f"needs with a relevant achievement {len(needs)}, rich {len(rich)}"]
    lines += [_state(name, chosen, values[name]) for name in values]
    for better, worse in (
        ("answered", "masked"),
        ("original", "masked"),
        ("original", "answered"),
    ):
        result = paired_bootstrap(values[better], values[worse], seed=SEED)
        lines.append(
            f"{MEASURE} {better} − {worse}: {result.difference:+.4f} "
            f"[{result.low:+.4f}, {result.high:+.4f}], p = {result.p_value:.4f}"
        )
    lines.append(f"asked: {_counts(a for one in chosen for a in one.asked)}")
    lines.append(f"answered: {_counts(a for one in chosen for a in one.replied)}")
    changes = [b - a for a, b in zip(values["masked"], values["answered"], strict=True)]
    lines.append(
        f"needs that answers made better {sum(c > 0 for c in changes)}, equal "
        f"{sum(c == 0 for c in changes)}, worse {sum(c < 0 for c in changes)}"
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _state(name: str, chosen: Sequence[Variants], values: Sequence[float]) -> str:
    found = [assess(getattr(one, name)) for one in chosen]
    levels = Counter(quality.level for quality in found)
    return (
        f"{name}: {MEASURE} {fmean(values):.4f}, completeness "
        f"{fmean(q.completeness for q in found):.2f}, vagueness "
        f"{fmean(q.vagueness for q in found):.2f}, "
        + " ".join(f"{level} {levels[level]}" for level in Level)
    )


def _counts(aspects: Iterable[Aspect]) -> str:
    counts = Counter(aspects)
    return " ".join(f"{aspect} {counts[aspect]}" for aspect in Aspect)


if __name__ == "__main__":
    main()
