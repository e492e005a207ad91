"""The stored quality of the default ranker, and the gate that nothing worse passes.

A baseline holds ids and values only, no text: one JSON file for each labelled set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.experiment import Progress
from eval.labelled import OpenSet
from eval.measures import evaluate
from eval.qrels import EvalError
from eval.rankers import DEFAULT, RANKERS, AnyRanker
from eval.significance import SEED, PairedResult, paired_bootstrap
from eval.table import rank_with, silent

FOLDER = Path(__file__).parent / "baselines"
_FORMAT = 1
_EQUAL_DECIMALS = 9  # another processor's last digits are not another quality


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the default ranker reached on a set."""

    set_name: str
    measure: str
    encoder: str
    qrels_sha256: str
    values: Mapping[str, float]
    """For every averaged need."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of the gate for one set."""

    set_name: str
    passed: bool
    sentence: str
    """For people, in full."""
    result: PairedResult | None = None
    """Now minus baseline; None where the two cannot be compared."""


def measure_now(
    where: OpenSet,
    encoder: str,
    others: Sequence[OpenSet] = (),
    ranker: AnyRanker | None = None,
    progress: Progress = silent,
) -> Baseline:
    """What ``ranker`` (without it the table's default) reaches on a set today.

    A learned ranker is cross-validated, so that training on the set is not mistaken for quality.

    Raises:
        EvalError: the set has no needs that could be measured.
    """
    labelled = where.labelled
    run, _ = rank_with(ranker or RANKERS[DEFAULT], where, others, progress=progress)
    evaluation = evaluate(run, labelled.collection.qrels, labelled.needs)
    measure = labelled.measures[0]
    values = dict(zip(evaluation.needs, evaluation.values(measure), strict=True))
    return Baseline(labelled.name, measure, encoder, labelled.qrels_sha256, values)


def judge(now: Baseline, before: Baseline) -> Verdict:
    """Fails where quality dropped beyond noise, or the two are not about the same.

    Beyond noise: the whole 95 % interval of the paired difference (now − before) lies below 0.
    """
    name, hint = now.set_name, f"确认无误后运行 zhitong eval gate {now.set_name} --update。"
    if now.measure != before.measure:
        return Verdict(
            name, False, f"{name}：基线的度量是 {before.measure}，现在是 {now.measure}。{hint}"
        )
    lost = sorted(set(before.values) - set(now.values))
    added = sorted(set(now.values) - set(before.values))
    if lost or added:
        examples = "、".join((lost or added)[:3])
        what = f"少了 {len(lost)} 条、多了 {len(added)} 条需求（如 {examples}）"
        return Verdict(name, False, f"{name}：与基线相比{what}，无法比较。{hint}")
    if now.qrels_sha256 != before.qrels_sha256:
        return Verdict(name, False, f"{name}：判定与基线用的不是同一份，无法比较。{hint}")
    needs = sorted(now.values)
    changes = [round(now.values[n] - before.values[n], _EQUAL_DECIMALS) for n in needs]
    result = paired_bootstrap(changes, [0.0] * len(changes), seed=SEED)
    means = [sum(values[n] for n in needs) / len(needs) for values in (before.values, now.values)]
    shown = (
        f"{name}：{now.measure} 从 {means[0]:.4f} 到 {means[1]:.4f}，"
        f"差 {result.difference:+.4f} [{result.low:+.4f}, {result.high:+.4f}]"
    )
    if now.encoder != before.encoder:
        shown += f"；向量模型从 {before.encoder} 换成了 {now.encoder}"
    if result.high < 0:
        return Verdict(name, False, f"{shown}。质量下降超出了偶然波动，不能通过。", result)
    return Verdict(name, True, f"{shown}。通过。", result)


def stored_names(folder: Path | None = None) -> list[str]:
    """Sets that have a baseline, by name."""
    return sorted(path.stem for path in (folder or FOLDER).glob("*.json"))


def read_baseline(name: str, folder: Path | None = None) -> Baseline:
    """The stored baseline of a set.

    Raises:
        EvalError: there is none, or its file is damaged.
    """
    path = (folder or FOLDER) / f"{name}.json"
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise EvalError(
            f"没有 {name} 的基线。要建立，请运行 zhitong eval gate {name} --update。"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise EvalError(f"无法读取基线 {path}（{error}）。") from error
    try:
        return _baseline(value)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvalError(
            f"基线 {path} 已损坏。请从版本库恢复，或运行 zhitong eval gate {name} --update。"
        ) from error


def write_baseline(baseline: Baseline, folder: Path | None = None) -> Path:
    """Store a baseline over the one before it; returns its file.

    Raises:
        EvalError: it cannot be written.
    """
    path = (folder or FOLDER) / f"{baseline.set_name}.json"
    value = {
        "format": _FORMAT,
        "set": baseline.set_name,
        "ranker": DEFAULT,
        "measure": baseline.measure,
        "encoder": baseline.encoder,
        "qrels_sha256": baseline.qrels_sha256,
        "values": dict(sorted(baseline.values.items())),
    }
    beside = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
        beside.replace(path)
    except OSError as error:
        raise EvalError(f"无法写入基线 {path}（{error}）。请检查文件夹和权限。") from error
    return path


def _baseline(value: Any) -> Baseline:
    if value["format"] != _FORMAT:
        raise ValueError(value["format"])
    values = {str(need): float(score) for need, score in value["values"].items()}
    if not values or not all(0 <= score <= 1 for score in values.values()):
        raise ValueError("values outside 0 … 1")
    facts = (value["set"], value["measure"], value["encoder"], value["qrels_sha256"])
    if not all(isinstance(fact, str) for fact in facts):
        raise TypeError("facts are texts")
    return Baseline(*facts, values)
