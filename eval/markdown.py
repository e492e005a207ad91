"""The report of an experiment, for people: Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.experiment import Pool
from eval.folds import NEAR_COPY, Removed
from eval.measures import MIN_REL, Evaluation
from eval.rankers import DEFAULT
from eval.report import table
from eval.significance import LEVEL, RESAMPLES, SEED, bootstrap_mean, paired_bootstrap
from eval.slices import SMALLEST, slices
from eval.table import Fitted, SetResult


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a report."""

    encoder: str
    made_on: str
    """A date as people write it."""
    folds: int
    seed: int


def experiment_report(results: Sequence[SetResult], head: Head) -> str:
    """Method, then for each set the table of rankers, its slices and what was learnt from."""
    lines = [
        "# 排序对比实验",
        "",
        f"日期：{head.made_on}　向量模型：{head.encoder}",
        "",
        f"方法：差值是“该排序 − {DEFAULT}”，逐条需求成对比较；区间和 p 值（双侧）用自助抽样，"
        f"{RESAMPLES} 次，{100 * LEVEL:g}% 百分位区间，种子 {SEED}；没有做多重比较校正。"
        f"AP、P@5、recall 以等级 ≥ {MIN_REL} 为相关；nDCG 用线性增益。"
        f"要学习的排序按需求分 {head.folds} 份交叉验证（种子 {head.seed}）："
        "每份需求由没见过它的模型排序；名称字对或正文三字组的重合（Jaccard）"
        f"达到 {NEAR_COPY:g} 的算相近，相近的需求总在同一份，"
        "成果或其相近成果出现在被排序一份里的判定不参加训练。",
    ]
    for result in results:
        lines += ["", *_set(result)]
    return "\n".join(lines) + "\n"


def _set(result: SetResult) -> list[str]:
    labelled = result.where.labelled
    pool = "只排已判定的成果" if labelled.pool is Pool.JUDGED else "排整个集合"
    lines = [
        f"## {labelled.name}",
        "",
        f"{pool}；对 {len(labelled.needs)} 条需求取均值（已标注 {len(labelled.judged)} 条），"
        f"成果 {len(labelled.collection.achievements)} 项。判定指纹 {labelled.qrels_sha256[:12]}。",
        "",
        *_rankers(result.evaluations, labelled.measures),
    ]
    for name, reason in result.left_out.items():
        lines += ["", f"没有列出 {name}：{reason}。"]
    for name, evaluation in result.evaluations.items():
        missing = set(evaluation.missing) & set(evaluation.needs)
        if missing:
            lines += ["", f"{name} 有 {len(missing)} 条需求没有排序结果，按 0 计。"]
    parts = slices(labelled, labelled.needs)
    if parts and DEFAULT in result.evaluations:
        lines += ["", f"### 分组（{labelled.measures[0]}）", ""]
        lines += [
            f"第三列是 {DEFAULT} 的均值，其后是各排序与它的差；区间不含 0 的差加 \\*。"
            f"不足 {SMALLEST} 条需求的组不列；一条需求可以属于几组。",
            "",
        ]
        lines += _slices(parts, result.evaluations, labelled.measures[0])
    if result.fitted:
        lines += ["", "### 训练用的判定", "", *_fitted(result.fitted)]
    return lines


def _rankers(evaluations: Mapping[str, Evaluation], measures: Sequence[str]) -> list[str]:
    first, *rest = measures
    reference = evaluations.get(DEFAULT)
    rows = []
    for name, evaluation in evaluations.items():
        mean = bootstrap_mean(evaluation.values(first), seed=SEED)
        shown = [name, f"{mean.mean:.4f} [{mean.low:.3f}, {mean.high:.3f}]"]
        if reference is None or name == DEFAULT:
            shown += ["—", "—"]
        else:
            paired = paired_bootstrap(evaluation.values(first), reference.values(first), seed=SEED)
            shown += [
                f"{paired.difference:+.4f} [{paired.low:+.3f}, {paired.high:+.3f}]",
                f"{paired.p_value:.4f}",
            ]
        rows.append([*shown, *(f"{evaluation.means[measure]:.4f}" for measure in rest)])
    return table(["排序", f"{first} [区间]", f"与 {DEFAULT} 之差 [区间]", "p", *rest], rows)


def _slices(
    parts: Mapping[str, Mapping[str, Sequence[str]]],
    evaluations: Mapping[str, Evaluation],
    measure: str,
) -> list[str]:
    others = [name for name in evaluations if name != DEFAULT]
    rows = []
    for dimension, labels in parts.items():
        for label, needs in labels.items():
            values = {
                name: [evaluation.per_need[need][measure] for need in needs]
                for name, evaluation in evaluations.items()
            }
            mean = sum(values[DEFAULT]) / len(needs)
            cells = [f"{dimension}：{label}", str(len(needs)), f"{mean:.3f}"]
            for name in others:
                paired = paired_bootstrap(values[name], values[DEFAULT], seed=SEED)
                mark = "\\*" if paired.low > 0 or paired.high < 0 else ""
                cells.append(f"{paired.difference:+.3f}{mark}")
            rows.append(cells)
    return table(["组", "需求", DEFAULT, *others], rows)


def _fitted(fitted: Sequence[Fitted]) -> list[str]:
    rows = [[each.tested, each.source, str(each.needs), *_counts(each.pairs)] for each in fitted]
    return table(
        ["被排序的", "学自", "需求", "判定", "去掉：同一成果", "去掉：相近成果", "去掉：相近需求"],
        rows,
    )


def _counts(pairs: Removed) -> list[str]:
    return [str(n) for n in (pairs.kept, pairs.same_achievement, pairs.near_copy, pairs.near_need)]
