"""Accuracy of the indicator check on pairs of statements written and labelled for this project.

    python -m eval.bench.indicators [PAIRS.jsonl] [--wrong dev|test|all]

Method: every pair is a statement of a need and one of an achievement, labelled with what a careful
officer may say of the one requirement in it: 满足, 不满足, 未说明 (another unit, condition or
pollutant, a plan, a peak value), or 无要求 where the need only tells its present state. Where a
need holds several requirements ``property`` names the one that is labelled; else the check has to
find exactly one. Rules and tables were tuned on the split ``dev`` only; ``test`` was written before
any of the code. Printed for each split: accuracy with a 95 % Wilson interval, the confusion matrix,
the number of false 满足; last, CPU milliseconds to extract from a text of 2,000 characters.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matcher.indicators import IndicatorRow, Verdict, check, extract

NO_REQUIREMENT = "无要求"
SEVERAL = "多项"
LABELS = (*(verdict.value for verdict in Verdict), NO_REQUIREMENT)
PAIRS = Path(__file__).resolve().parents[2] / "tests" / "data" / "indicators.jsonl"
SAMPLE_LENGTH = 2000
REPEATS = 20
FILLER = "该成果面向本地企业的生产线，改造工作量小，操作人员经短期培训即可上岗，运行稳定。"


@dataclass(frozen=True, slots=True)
class Pair:
    """One labelled pair; titles may be empty."""

    key: str
    split: str
    need: tuple[str, str]
    achievement: tuple[str, str]
    verdict: str
    property: str | None

    def rows(self) -> tuple[IndicatorRow, ...]:
        """What the check says."""
        return check(*self.need, *self.achievement)


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The labelled pairs, one JSON object a line."""
    pairs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        need, achievement = ((row[s]["title"], row[s]["text"]) for s in ("need", "achievement"))
        pairs.append(
            Pair(row["id"], row["split"], need, achievement, row["verdict"], row.get("property"))
        )
    return pairs


def answer(pair: Pair) -> str:
    """The verdict on the labelled requirement; 无要求 without a row, 多项 with too many."""
    rows = pair.rows()
    if pair.property is not None:
        rows = tuple(row for row in rows if row.property == pair.property)
    if not rows:
        return NO_REQUIREMENT
    return rows[0].verdict.value if len(rows) == 1 else SEVERAL


def report(pairs: Sequence[Pair]) -> list[str]:
    """Accuracy, matrix and false 满足 of some pairs, as lines of text."""
    matrix = Counter((pair.verdict, answer(pair)) for pair in pairs)
    right = sum(matrix[label, label] for label in LABELS)
    false_met = sum(n for (truth, said), n in matrix.items() if said == "满足" != truth)
    low, high = wilson(right, len(pairs))
    columns = (*LABELS, SEVERAL)
    lines = [
        f"pairs {len(pairs)}, right {right}, accuracy {right / len(pairs):.3f} "
        f"(95 % {low:.3f}–{high:.3f}), false 满足: {false_met}",
        "| label \\ said | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for truth in LABELS:
        lines.append(f"| {truth} | " + " | ".join(str(matrix[truth, s]) for s in columns) + " |")
    return lines


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927)."""
    share, scale = right / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    return centre - half, centre + half


def extraction_ms(pairs: Sequence[Pair]) -> float:
    """Mean CPU milliseconds; a statement every 60 characters, as in texts full of figures."""
    joined = "".join(f"{pair.achievement[1]}。{FILLER}" for pair in pairs)[:SAMPLE_LENGTH]
    extract("", joined)
    start = time.process_time()
    for _ in range(REPEATS):
        extract("", joined)
    return (time.process_time() - start) / REPEATS * 1e3


def main(arguments: list[str]) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="?", type=Path, default=PAIRS)
    parser.add_argument("--wrong", choices=["dev", "test", "all"], help="list what is wrong")
    options = parser.parse_args(arguments)
    pairs = read_pairs(options.pairs)
    lines = [__doc__ or ""]
    for split in ("dev", "test"):
        chosen = [pair for pair in pairs if pair.split == split]
        lines += [f"## {split}", *report(chosen), ""]
    lines += ["## all", *report(pairs), "", f"extraction of {SAMPLE_LENGTH} characters: "
              f"{extraction_ms(pairs):.2f} ms"]  # fmt: skip
    if options.wrong:
        lines += [
            f"{p.key}: {p.need} | {p.achievement} | {p.verdict}, said {answer(p)}: "
            f"{[(r.property, r.verdict.value, r.reason) for r in p.rows()]}"
            for p in pairs
            if options.wrong in (p.split, "all") and answer(p) != p.verdict
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
