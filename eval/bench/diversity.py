"""What collapsing near copies and capping institutions cost and bring, on the sample corpus.

    python -m eval.bench.diversity

Method: the sample corpus has 141 institutions and no near copy that ``corpus.duplicates`` finds
without an encoder, so that neither step would have anything to do. Therefore: every third
achievement is listed once more by its institution (edited title, sentences in another order: an
edit of ``eval.bench.planting``), the copy graded as its original; and, for a crowded catalogue,
institutions are taken to be one where the first two characters of their names are the same.
Every need with a relevant achievement is ranked over the whole corpus by the product's engine. Near
copies are the groups that ``corpus.duplicates`` finds. Compared: the list as ranked, copies
collapsed, institutions capped (the default of ``matcher.diversity``), both. Printed for each: mean
nDCG@10 with a paired bootstrap interval of the difference to the list as ranked; the same with
each group of copies judged once, by its first place (a collapsed copy costs plain nDCG, though a
person can list it); Gini coefficient of exposure among institutions, the largest share, coverage of
the catalogue; near copies among the first ten; the most places that one institution has there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from statistics import fmean

import numpy as np

from corpus.duplicates.detect import find_duplicates
from corpus.duplicates.groups import group_duplicates
from corpus.duplicates.profile import Document
from eval.bench.defaults import default_makers
from eval.bench.planting import COPIES
from eval.experiment import LabelledStore, Pool, Ranker, Run, collection
from eval.exposure import exposure
from eval.measures import evaluate, ndcg, usable_needs
from eval.qrels import read_qrels
from eval.significance import paired_bootstrap
from matcher.diversity import DiversityConfig, Ranked, diversify
from matcher.engine import MatchConfig

SEED = 20261125
CUTOFF = 10
MEASURE = "nDCG@10"

Rows = list[dict[str, str]]
Grades = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Institution and near-copy group of every achievement, numbered."""

    number: Mapping[str, int]
    organisation: Mapping[str, str]
    group: Mapping[str, str]

    @classmethod
    def of(cls, rows: Rows) -> Catalogue:
        """Read the rows and look for near copies."""
        documents = [Document(i, row["title"], row["text"]) for i, row in enumerate(rows)]
        groups = group_duplicates(find_duplicates(documents), documents)
        keys = [row["achievement_id"] for row in rows]
        return cls(
            {key: i for i, key in enumerate(keys)},
            {row["achievement_id"]: row["organisation"][:2] for row in rows},
            {keys[i]: f"G{n}" for n, group in enumerate(groups) for i in group.ids},
        )

    def entries(self, ranking: Sequence[tuple[str, float]], *, copies: bool) -> list[Ranked]:
        """A ranking as ``diversify`` takes it; ``copies``: with the near-copy groups."""
        return [
            Ranked(
                self.number[key],
                score,
                self.organisation[key],
                self.group.get(key) if copies else None,
            )
            for key, score in ranking
        ]


def variants(run: Run, catalogue: Catalogue) -> dict[str, Run]:
    """The four lists of every need."""
    keys = {number: key for key, number in catalogue.number.items()}
    uncapped, capped = DiversityConfig(first=0), DiversityConfig()
    made: dict[str, Run] = {}
    for name, copies, config in (
        ("as ranked", False, uncapped),
        ("copies collapsed", True, uncapped),
        ("institutions capped", False, capped),
        ("both", True, capped),
    ):
        made[name] = {
            need: [
                (keys[place.entry.id], place.entry.score)
                for place in diversify(catalogue.entries(ranking, copies=copies), config)
            ]
            for need, ranking in run.items()
        }
    return made


def listed_again(rows: Rows, qrels: Grades) -> tuple[Rows, dict[str, dict[str, int]]]:
    """The rows with a copy of every third, graded as its original."""
    rng = np.random.default_rng(SEED)
    edit = COPIES["edited title, reordered"]
    made, copy_of = list(rows), {}
    for row in rows[::3]:
        copy = edit(Document(0, row["title"], row["text"]), rng)
        key = f"{row['achievement_id']}-2"
        copy_of[row["achievement_id"]] = key
        made.append({**row, "achievement_id": key, "title": copy.title, "text": copy.text})
    graded = {need: dict(grades) for need, grades in qrels.items()}
    for grades in graded.values():
        grades |= {copy_of[key]: grade for key, grade in grades.items() if key in copy_of}
    return made, graded


def without_copies(qrels: Grades, ranking: Run, group: Mapping[str, str]) -> dict[str, float]:
    """nDCG@10 by need when each group counts once: the place and grade of its first member."""
    values = {}
    for need, grades in qrels.items():
        best: dict[str, int] = {}
        for key, grade in grades.items():
            name = group.get(key, key)
            best[name] = max(grade, best.get(name, 0))
        # A repeated copy keeps its place in the list, and is worth nothing.
        seen: set[str] = set()
        places = []
        for place, (key, _) in enumerate(ranking.get(need, ())):
            name = group.get(key, key)
            places.append(name if name not in seen else f"copy {place}")
            seen.add(name)
        values[need] = ndcg(places, best, CUTOFF)
    return values


def main() -> None:
    """Rank once, rearrange, measure, print."""
    makers = default_makers()
    with resources.as_file(resources.files("corpus.resources").joinpath("sample")) as folder:
        needs = _rows(folder / "needs.jsonl")
        offers, qrels = listed_again(
            _rows(folder / "achievements.jsonl"), read_qrels(folder / "qrels.txt")
        )
    with tempfile.TemporaryDirectory() as folder_name:
        store = LabelledStore(
            collection(needs, offers, qrels), makers, Path(folder_name), datetime.now(UTC)
        )
        run = store.rank(MatchConfig(), Ranker.DEFAULT, Pool.ALL)
        store.close()
    catalogue = Catalogue.of(offers)
    usable = usable_needs(qrels, min_candidates=1)
    lists = variants({need: run[need] for need in usable}, catalogue)
    lines = [__doc__ or "", f"needs: {len(usable)}, achievements: {len(offers)}, institutions: "
             f"{len(set(catalogue.organisation.values()))}, in near-copy groups: "
             f"{len(catalogue.group)}"]  # fmt: skip
    lines += [_line(name, lists, qrels, usable, catalogue) for name in lists]
    sys.stdout.write("\n".join(lines) + "\n")


def _line(
    name: str,
    lists: Mapping[str, Run],
    qrels: Grades,
    usable: Sequence[str],
    catalogue: Catalogue,
) -> str:
    plain, here = lists["as ranked"], lists[name]
    values = evaluate(here, qrels, usable).values(MEASURE)
    before = evaluate(plain, qrels, usable).values(MEASURE)
    moved = paired_bootstrap(values, before, seed=SEED)
    once = without_copies({need: qrels[need] for need in usable}, here, catalogue.group)
    tops = [[key for key, _ in here[need][:CUTOFF]] for need in usable]
    seen = exposure(tops, catalogue.organisation, CUTOFF)
    most = max(max(Counter(map(catalogue.organisation.__getitem__, top)).values()) for top in tops)
    again = fmean(_copies(top, catalogue.group) for top in tops)
    return (
        f"{name}: {MEASURE} {fmean(values):.4f} ({moved.difference:+.4f}, "
        f"95 % {moved.low:+.4f} … {moved.high:+.4f}); each group once "
        f"{fmean(once.values()):.4f}; Gini {seen.gini:.3f}; "
        f"largest share {seen.largest_share:.3f}; coverage {seen.coverage:.3f}; "
        f"near copies in the first {CUTOFF}: {again:.3f} a list; "
        f"most of one institution {most}"
    )


def _copies(top: Sequence[str], group: Mapping[str, str]) -> int:
    counts = Counter(group[key] for key in top if key in group)
    return sum(count - 1 for count in counts.values())


def _rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
