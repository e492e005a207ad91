"""One experiment: every ranker of a table over every labelled set, learned ones cross-validated.

On a set that trains, a learned ranker is fitted once a fold, on what `Folds.training_pairs` leaves
of the other folds and on the other training sets, and ranks the fold's needs. On a set that does
not train, it ranks with the model it ships, and without one is fitted once on all training sets.
Near copies of what is ranked are never learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.experiment import Pool, Progress, Run
from eval.folds import FOLDS, SEED, Removed, foreign_pairs, split
from eval.labelled import OpenSet
from eval.measures import Evaluation, evaluate
from eval.rankers import DEFAULT, AnyRanker, FixedRanker, LearnedRanker, RunFile, Training


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a learned ranker was fitted on before it ranked some needs."""

    tested: str
    """Set, and fold where there are folds."""
    source: str
    """Name of the set that was learnt from."""
    needs: int
    pairs: Removed


@dataclass(frozen=True, slots=True)
class SetResult:
    """An experiment on one set."""

    where: OpenSet
    runs: Mapping[str, Run]
    """By the ranker's name, in the table's order."""
    evaluations: Mapping[str, Evaluation]
    """By the ranker's name; all over the same needs."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Rankers that have no row here, and why."""
    fitted: tuple[Fitted, ...] = ()


def silent(_stage: str, _done: int, _total: int) -> None:
    """No progress shown."""


def run_table(
    sets: Sequence[OpenSet],
    table: Mapping[str, AnyRanker],
    *,
    folds: int = FOLDS,
    seed: int = SEED,
    progress: Progress = silent,
) -> list[SetResult]:
    """Rank and measure; see the module. The same input and seed give the same result.

    Raises:
        EvalError: a set has no needs that could be measured, or too few for ``folds``.
        ValueError: ``table`` has no row named `DEFAULT`.
    """
    if DEFAULT not in table:
        raise ValueError(f"the table of rankers needs a row named {DEFAULT}")
    return [_on_set(where, sets, table, folds, seed, progress) for where in sets]


def cross_validated(
    ranker: LearnedRanker,
    where: OpenSet,
    others: Sequence[OpenSet],
    *,
    folds: int = FOLDS,
    seed: int = SEED,
    progress: Progress = silent,
) -> tuple[Run, list[Fitted]]:
    """Every judged need of ``where`` ranked by a ranker that has not seen it, nor nearly.

    The run is empty where there is nothing to learn from.

    Raises:
        EvalError: ``where`` has too few needs for ``folds``.
    """
    name = where.labelled.name
    foreign: list[Training] = []
    given: list[tuple[str, int, Removed]] = []
    for other in others:
        if other.labelled.trains and other is not where:
            pairs, removed = foreign_pairs(other.labelled.collection, where.labelled.collection)
            given.append((other.labelled.name, len(pairs), removed))
            if pairs:
                foreign.append(Training(other, pairs))
    if not where.labelled.trains:
        facts = [Fitted(name, *each) for each in given]
        run = ranker.fit(foreign).rank(where, where.labelled.judged) if foreign else {}
        return run, facts
    parts = split(where.labelled.collection, folds, seed)
    run, facts = {}, []
    for fold in parts.folds:
        progress(f"训练:{name}", fold.number - 1, len(parts.folds))
        pairs, removed = parts.training_pairs(fold)
        own = [Training(where, pairs)] if pairs else []
        tested = f"{name} 第 {fold.number} 份"
        facts.append(Fitted(tested, name, len(pairs), removed))
        facts += [Fitted(tested, *each) for each in given]
        if own or foreign:
            run |= ranker.fit([*own, *foreign]).rank(where, fold.test)
    progress(f"训练:{name}", len(parts.folds), len(parts.folds))
    return run, facts


def rank_with(
    ranker: AnyRanker,
    where: OpenSet,
    others: Sequence[OpenSet] = (),
    *,
    folds: int = FOLDS,
    seed: int = SEED,
    progress: Progress = silent,
) -> tuple[Run, list[Fitted]]:
    """Every judged need of a set, by a fixed ranker or by a learned one cross-validated.

    A run made elsewhere may rank what is not in the set's pool; that is left out.

    Raises:
        EvalError: as in `cross_validated`.
    """
    if isinstance(ranker, LearnedRanker) and (
        where.labelled.trains or not isinstance(ranker, FixedRanker)
    ):
        return cross_validated(ranker, where, others, folds=folds, seed=seed, progress=progress)
    run = ranker.rank(where, where.labelled.judged)
    if isinstance(ranker, RunFile) and where.labelled.pool is Pool.JUDGED:
        qrels = where.labelled.collection.qrels
        run = {
            need: [doc for doc in ranked if doc[0] in qrels[need]] for need, ranked in run.items()
        }
    return run, []


def _on_set(
    where: OpenSet,
    sets: Sequence[OpenSet],
    table: Mapping[str, AnyRanker],
    folds: int,
    seed: int,
    progress: Progress,
) -> SetResult:
    labelled = where.labelled
    runs: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    fitted: list[Fitted] = []
    for done, (name, ranker) in enumerate(table.items()):
        progress(f"rank:{labelled.name}", done, len(table))
        run, facts = rank_with(ranker, where, sets, folds=folds, seed=seed, progress=progress)
        fitted = fitted or facts
        if run:
            runs[name] = run
        elif isinstance(ranker, LearnedRanker):
            left_out[name] = "没有可以学习的判定（除去与被排序的需求、成果相近的）"
        else:
            left_out[name] = "没有这个数据集的排序结果"
    progress(f"rank:{labelled.name}", len(table), len(table))
    evaluations = {
        name: evaluate(run, labelled.collection.qrels, labelled.needs) for name, run in runs.items()
    }
    return SetResult(where, runs, evaluations, left_out, tuple(fitted))
