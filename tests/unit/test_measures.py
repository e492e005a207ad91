"""Measures: by hand, and against ir_measures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.measures import (
    MEASURES,
    average_precision,
    evaluate,
    judged,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
    usable_needs,
)
from eval.qrels import EvalError, read_qrels, read_run, write_run
from eval.report import to_json, to_table

GRADES = {"A": 1, "B": 3, "C": 0, "D": 2, "E": 2, "F": -1}
RANKING = ["A", "B", "C", "D", "x"]
ZEROES = dict.fromkeys([measure.name for measure in MEASURES], 0.0)


def _run(**rankings: list[str]) -> dict[str, list[tuple[str, float]]]:
    return {need: [(i, -float(n)) for n, i in enumerate(r)] for need, r in rankings.items()}


def test_ndcg_is_the_linear_formula() -> None:
    """Three formulas give three numbers for one ranking; ours is trec_eval's."""
    log2 = math.log2

    def discounted(gains: list[float]) -> float:
        return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))

    linear = (1 + 3 / log2(3) + 0 + 2 / log2(5)) / (3 + 2 / log2(3) + 2 / log2(4) + 1 / log2(5))
    exponential = discounted([1, 7, 0, 3]) / discounted([7, 3, 3, 1])
    ideal_of_retrieved = discounted([1, 3, 0, 2]) / discounted([3, 2, 1, 0])
    assert ndcg(RANKING, GRADES, 10) == pytest.approx(linear, abs=1e-15)
    assert ndcg(RANKING, GRADES, 10) == pytest.approx(0.65948504, abs=1e-8)
    assert len({round(v, 2) for v in (linear, exponential, ideal_of_retrieved)}) == 3


def test_ndcg_cuts_the_ideal_too() -> None:
    assert ndcg(["B"], GRADES, 1) == 1
    assert ndcg(["A", "B"], GRADES, 1) == pytest.approx(1 / 3)
    # A negative grade costs nothing.
    assert ndcg(["F", "B"], GRADES, 2) == ndcg(["x", "B"], GRADES, 2)


def test_the_binary_measures_by_hand() -> None:
    # Relevant at ≥ 2: B (rank 2), D (rank 4), E (not ranked).
    assert average_precision(RANKING, GRADES, 2) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert precision(RANKING, GRADES, 2, 2) == 1 / 2
    assert precision(RANKING, GRADES, 10, 2) == 2 / 10
    assert recall(RANKING, GRADES, 2, 2) == pytest.approx(1 / 3)
    assert recall(RANKING, GRADES, 50, 2) == pytest.approx(2 / 3)
    assert recall(RANKING, GRADES, 50, 1) == pytest.approx(3 / 4)
    assert reciprocal_rank(RANKING, GRADES, 2) == 1 / 2
    assert reciprocal_rank(RANKING, GRADES, 4) == 0


def test_judged_divides_by_what_is_there() -> None:
    assert judged(RANKING, GRADES, 10) == 4 / 5
    assert judged(RANKING, GRADES, 4) == 1
    assert judged(["F"], GRADES, 10) == 1
    assert judged([], GRADES, 10) == 0


@pytest.mark.parametrize("grades", [{}, {"A": 0, "B": -2}])
def test_without_anything_relevant_the_value_is_0(grades: dict[str, int]) -> None:
    assert ndcg(RANKING, grades, 10) == 0
    assert average_precision(RANKING, grades, 1) == 0
    assert precision(RANKING, grades, 5, 1) == 0
    assert recall(RANKING, grades, 5, 1) == 0
    assert reciprocal_rank(RANKING, grades, 1) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: ndcg(RANKING, GRADES, 0),
        lambda: judged(RANKING, GRADES, -1),
        lambda: precision(RANKING, GRADES, 0, 1),
        lambda: recall(RANKING, GRADES, 5, 0),
        lambda: average_precision(RANKING, GRADES, 0),
        lambda: reciprocal_rank(RANKING, GRADES, 0),
    ],
)
def test_senseless_arguments_are_refused(call: Callable[[], float]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        call()


def test_a_missing_need_counts_0() -> None:
    qrels = {"N1": {"A": 2}, "N2": {"A": 3}, "N3": {"A": 2}}
    evaluation = evaluate(_run(N1=["A"], N3=[], other=["A"]), qrels)
    assert evaluation.missing == ("N2", "N3")
    assert evaluation.per_need["N2"] == evaluation.per_need["N3"] == ZEROES
    assert evaluation.values("nDCG@10") == [1, 0, 0]
    assert evaluation.means["nDCG@10"] == evaluation.means["judged@10"] == pytest.approx(1 / 3)


def test_means_over_chosen_needs_and_over_all() -> None:
    qrels = {"N2": {"A": 3}, "N1": {"A": 0}}
    evaluation = evaluate(_run(N1=["A"], N2=["A"]), qrels, ["N2"])
    assert evaluation.needs == ("N2",)
    assert list(evaluation.per_need) == ["N1", "N2"]
    assert evaluation.means["AP"] == 1
    assert evaluation.means_all_judged["AP"] == 0.5


def test_the_order_of_the_run_counts_not_its_scores() -> None:
    run = {"N1": [("A", 0.0), ("B", 0.0), ("C", 9.0)]}
    assert evaluate(run, {"N1": {"A": 2}}).means["AP"] == 1
    assert evaluate(run, {"N1": {"B": 2}}).means["AP"] == 1 / 2
    assert evaluate(run, {"N1": {"C": 2}}).means["AP"] == pytest.approx(1 / 3)


def test_evaluate_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(EvalError, match="没有可以度量的需求"):
        evaluate({}, {})
    with pytest.raises(EvalError, match="没有可以度量的需求"):
        evaluate({}, {"N1": {"A": 1}}, [])
    with pytest.raises(EvalError, match="N9 没有标注"):
        evaluate({}, {"N1": {"A": 1}}, ["N9"])
    with pytest.raises(EvalError, match="N1 的排序里有成果出现了两次"):
        evaluate(_run(N1=["A", "A"]), {"N1": {"A": 1}})


def test_usable_needs() -> None:
    few = {f"A{i}": 3 for i in range(9)}
    qrels = {
        "N3": {**few, "B": 0},
        "N2": few,
        "N1": {f"A{i}": 1 for i in range(30)},
        "N0": {**dict.fromkeys(map(str, range(9)), 0), "B": 2},
        "N4": {},
    }
    assert usable_needs(qrels) == ("N0", "N3")
    assert usable_needs(qrels, min_candidates=1) == ("N0", "N2", "N3")
    assert usable_needs(qrels, min_rel=1) == ("N0", "N1", "N3")


_IDS = [f"A{i}" for i in range(70)]
_QRELS = st.dictionaries(
    st.sampled_from(["N1", "N2", "N3", "N4"]),
    st.dictionaries(st.sampled_from(_IDS), st.integers(-1, 3), min_size=1, max_size=70),
    min_size=1,
)
_RANKINGS = st.dictionaries(
    st.sampled_from(["N1", "N2", "N3", "N4", "N5"]),
    st.lists(st.sampled_from(_IDS), unique=True, min_size=1, max_size=70),
    min_size=1,
)


def _oracle(
    qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    names = {m.ir_measures_name: m.name for m in MEASURES}
    values: dict[str, dict[str, float]] = {need: {} for need in qrels}
    parsed = [ir_measures.parse_measure(name) for name in names]
    for metric in ir_measures.iter_calc(parsed, qrels, run):
        values[metric.query_id][names[str(metric.measure)]] = metric.value
    return values


def _agree(
    qrels: dict[str, dict[str, int]], run: dict[str, list[tuple[str, float]]], path: Path
) -> None:
    """Our values of ``run`` are those of ir_measures for the file that we write of it."""
    evaluation = evaluate(run, qrels)
    write_run(path, run, "test")
    for scores in (run, read_run(path)):
        assert evaluate(scores, qrels) == evaluation
    written: dict[str, dict[str, float]] = {}
    read: Any = ir_measures.read_trec_run  # untyped
    for doc in read(str(path)):
        written.setdefault(doc.query_id, {})[doc.doc_id] = doc.score
    expected = _oracle(qrels, written)
    assert evaluation.per_need.keys() == expected.keys()
    for need, values in expected.items():
        assert evaluation.per_need[need] == pytest.approx(values, abs=1e-12, rel=0)
    for name, mean in evaluation.means.items():
        wanted = sum(values[name] for values in expected.values()) / len(expected)
        assert mean == pytest.approx(wanted, abs=1e-12, rel=0)


@settings(deadline=None)
@given(qrels=_QRELS, rankings=_RANKINGS, ties=st.booleans())
def test_agreement_with_ir_measures(
    tmp_path_factory: pytest.TempPathFactory,
    qrels: dict[str, dict[str, int]],
    rankings: dict[str, list[str]],
    ties: bool,
) -> None:
    """Missing needs, unjudged and unranked achievements, needs without judgements, ties."""
    run = {
        need: [(i, -float(rank // 3 if ties else rank)) for rank, i in enumerate(ranking)]
        for need, ranking in rankings.items()
    }
    _agree(qrels, run, tmp_path_factory.mktemp("runs") / "run.txt")


def test_agreement_on_a_large_random_run(tmp_path: Path, rng: np.random.Generator) -> None:
    qrels = {
        f"N{n}": {str(i): int(g) for i, g in zip(*_drawn(rng), strict=True)} for n in range(60)
    }
    run = {}
    for n in range(5, 65):
        ids = rng.permutation(400)[: rng.integers(1, 300)]
        scores = np.sort(rng.normal(size=ids.size))[::-1]
        run[f"N{n}"] = [(str(i), float(s)) for i, s in zip(ids, scores, strict=True)]
    _agree(qrels, run, tmp_path / "run.txt")


def _drawn(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    ids = rng.permutation(400)[: rng.integers(1, 120)]
    return ids.tolist(), rng.choice(4, size=ids.size, p=[0.5, 0.4, 0.07, 0.03]).tolist()


def test_the_report_for_programs() -> None:
    qrels = {"N1": {"A": 2}, "N2": {"A": 3, "B": 1}, "N3": {"A": 0}}
    evaluation = evaluate(_run(N1=["A"], N2=["B", "A"]), qrels, ["N1", "N2"])
    report = json.loads(json.dumps(to_json(evaluation, resamples=500, seed=3, per_need=True)))
    assert report["needs"] == {"averaged": 2, "judged": 3, "missing": 1}
    assert report["interval"]["seed"] == 3
    assert list(report["measures"]) == [measure.name for measure in MEASURES]
    row = report["measures"]["AP"]
    assert row == {"mean": 0.75, "low": 0.5, "high": 1, "mean_all_judged": 0.5}
    assert report["per_need"]["N2"]["AP"] == 0.5
    assert set(report["per_need"]) == {"N1", "N2"}
    assert "per_need" not in to_json(evaluation, resamples=10)


def test_the_report_for_people() -> None:
    qrels = {"N1": {"A": 2}, "N2": {"A": 3, "B": 1}, "N3": {"A": 0}}
    evaluation = evaluate(_run(N1=["A"], N2=["B", "A"]), qrels, ["N1", "N2"])
    table = to_table(evaluation, resamples=500, seed=3)
    assert "| 度量 | 均值 | 95% 区间 | 全部已标注需求的均值 |" in table
    assert "| AP | 0.750 | [0.500, 1.000] | 0.500 |" in table
    assert "对 2 条需求取均值；已标注 3 条，其中 1 条没有排序结果" in table
    assert "N2" not in table
    row = "| N2 | 0.797 | 0.797 | 0.500 | 0.200 | 1.000 | 1.000 |"
    assert row in to_table(evaluation, resamples=10, per_need=True)


@pytest.mark.data
def test_random_order_scores_what_the_baselines_say(
    data_folder: Path, rng: np.random.Generator
) -> None:
    """The same needs and formulas as the recorded baselines: random order, 96 of 133 needs."""
    qrels = read_qrels(data_folder / "graded-pairs" / "qrels.txt")
    needs = usable_needs(qrels)
    assert len(needs) == 96
    rounds = []
    for _ in range(30):
        shuffled = {n: rng.permutation(sorted(grades)).tolist() for n, grades in qrels.items()}
        rounds.append(evaluate(_run(**shuffled), qrels, needs).means)
    # The record is one random order; between random orders these vary by 0.010 to 0.015.
    for name, recorded in {"nDCG@10": 0.376, "nDCG@5": 0.339, "AP": 0.207, "P@5": 0.142}.items():
        assert np.mean([means[name] for means in rounds]) == pytest.approx(recorded, abs=0.03)
