"""An evaluation for programs (JSON) and for people (Markdown)."""

from __future__ import annotations

from typing import Any

from eval.measures import MEASURES, MIN_REL, Evaluation
from eval.significance import LEVEL, RESAMPLES, SEED, Interval, bootstrap_mean


def to_json(
    evaluation: Evaluation,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
    per_need: bool = False,
) -> dict[str, Any]:
    """Values that ``json.dumps`` takes, unrounded.

    Keys: ``needs`` (how many were ``averaged``, ``judged``, ``missing`` in the run),
    ``min_rel``, ``interval`` (method, level, resamples, seed), ``measures`` (for each by name
    ``mean``, ``low``, ``high`` over the averaged needs and ``mean_all_judged``) and, on
    request, ``per_need`` (for each averaged need the measures by name).

    Raises:
        ValueError: an option is out of the range of `bootstrap_mean`.
    """
    intervals = _intervals(evaluation, resamples, level, seed)
    means_all_judged = evaluation.means_all_judged
    result: dict[str, Any] = {
        "needs": {
            "averaged": len(evaluation.needs),
            "judged": len(evaluation.per_need),
            "missing": len(evaluation.missing),
        },
        "min_rel": MIN_REL,
        "interval": {
            "method": "percentile bootstrap by need",
            "level": level,
            "resamples": resamples,
            "seed": seed,
        },
        "measures": {
            name: {
                "mean": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "mean_all_judged": means_all_judged[name],
            }
            for name, interval in intervals.items()
        },
    }
    if per_need:
        result["per_need"] = {need: dict(evaluation.per_need[need]) for need in evaluation.needs}
    return result


def to_table(
    evaluation: Evaluation,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
    per_need: bool = False,
) -> str:
    """Markdown with three decimals: the measures, how they were made and, on request, each need.

    Raises:
        ValueError: an option is out of the range of `bootstrap_mean`.
    """
    means_all_judged = evaluation.means_all_judged
    lines = table(
        ["度量", "均值", f"{100 * level:g}% 区间", "全部已标注需求的均值"],
        [
            [
                name,
                f"{interval.mean:.3f}",
                f"[{interval.low:.3f}, {interval.high:.3f}]",
                f"{means_all_judged[name]:.3f}",
            ]
            for name, interval in _intervals(evaluation, resamples, level, seed).items()
        ],
    )
    lines += [
        "",
        f"对 {len(evaluation.needs)} 条需求取均值；已标注 {len(evaluation.per_need)} 条，"
        f"其中 {len(evaluation.missing)} 条没有排序结果（按 0 计）。"
        f"AP、P@5、recall 以等级 ≥ {MIN_REL} 为相关，nDCG 用线性增益。"
        f"区间：按需求自助抽样 {resamples} 次，百分位法，种子 {seed}。",
    ]
    if per_need:
        names = [measure.name for measure in MEASURES]
        rows = [
            [need, *(f"{evaluation.per_need[need][name]:.3f}" for name in names)]
            for need in evaluation.needs
        ]
        lines += ["", *table(["需求", *names], rows)]
    return "\n".join(lines) + "\n"


def _intervals(
    evaluation: Evaluation, resamples: int, level: float, seed: int
) -> dict[str, Interval]:
    return {
        measure.name: bootstrap_mean(
            evaluation.values(measure.name), resamples=resamples, level=level, seed=seed
        )
        for measure in MEASURES
    }


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table, numbers to the right of the first column."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
