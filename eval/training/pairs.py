"""Texts that belong together, drawn in batches: what an adapter learns from. No graded pair."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUERY, PASSAGE = "query: ", "passage: "
BATCH = 48
CHUNK = 80
_FIELD_QUERIES, _FIELD_OTHERS = 16, 24

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """``queries[i]`` belongs to ``passages[i]``, or to each passage as ``grades[i]`` says."""

    task: str
    queries: list[str]
    passages: list[str]
    grades: list[list[int]] | None = None


class Pairs:
    """The tasks over the folders ``listings``, ``papers`` and ``patents``, in a fixed round.

    ``held_out``: share of the translated patents that is kept out, for measuring.
    """

    def __init__(self, data: Path, seed: int, held_out: float) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- not for secrets
        self._achievements = _read(data / "listings" / "achievements.jsonl")
        self._needs = _read(data / "listings" / "needs.jsonl")
        self._papers = _read(data / "papers" / "papers.jsonl")
        chinese = {row["patent_id"]: row for row in _read(data / "patents" / "zh.jsonl")}
        foreign = {
            language: _read(data / "patents" / f"{language}.jsonl")
            for language in ("ja", "ko", "en", "de")
        }
        ids = sorted({row["patent_id"] for rows in foreign.values() for row in rows})
        self._random.shuffle(ids)
        self.held_out = set(ids[round(len(ids) * (1 - held_out)) :])
        """Ids of the patents that no batch holds."""
        self._chinese = {i: row for i, row in chinese.items() if i not in self.held_out}
        self._foreign = {
            language: [row for row in rows if row["patent_id"] in self._chinese]
            for language, rows in foreign.items()
        }
        self._round: tuple[Callable[[], Batch], ...] = (
            self._listed_achievements, self._listed_achievements, self._listed_needs,
            self._of_papers, self._of_patents, self._translated, self._translated,
            self._translated, self._fields,
        )  # fmt: skip

    def batch(self, step: int) -> Batch:
        """The batch of a step; steps are asked for in order."""
        return self._round[step % len(self._round)]()

    def _listed_achievements(self) -> Batch:
        return self._titles("achievements", self._achievements, "name", "context")

    def _listed_needs(self) -> Batch:
        return self._titles("needs", self._needs, "name", "context")

    def _of_patents(self) -> Batch:
        return self._titles("patents", list(self._chinese.values()), "title", "abstract")

    def _of_papers(self) -> Batch:
        if self._random.random() >= 0.3:
            return self._titles("papers", self._papers, "title", "abstract")
        rows = self._random.sample(self._papers, BATCH)
        return Batch(
            "papers",
            [QUERY + " ".join(row["keywords"]) for row in rows],
            [PASSAGE + row["title"] for row in rows],
        )

    def _titles(self, task: str, rows: Sequence[Row], title: str, body: str) -> Batch:
        drawn = self._random.sample([row for row in rows if row.get(body)], BATCH)
        return Batch(
            task,
            [QUERY + row[title] for row in drawn],
            [PASSAGE + self._chunk(row[body], CHUNK) for row in drawn],
        )

    def _translated(self) -> Batch:
        # Korean twice: the plain model knows it least.
        language = self._random.choice(["ja", "ko", "ko", "en", "de"])
        rows = self._random.sample(self._foreign[language], BATCH)
        originals = [self._chinese[row["patent_id"]] for row in rows]
        direction = self._random.random()
        if direction < 0.5:
            queries = [QUERY + row["title"] for row in rows]
            return Batch("translated", queries, [PASSAGE + self._headed(row) for row in originals])
        if direction < 0.75:
            queries = [QUERY + row["title"] for row in originals]
            return Batch("translated", queries, [PASSAGE + row["title"] for row in rows])
        queries = [QUERY + self._chunk(row["abstract"], 110) for row in rows]
        return Batch("translated", queries, [PASSAGE + row["title"] for row in originals])

    def _headed(self, row: Row) -> str:
        abstract: str = row["abstract"]
        with_body = self._random.random() < 0.6
        title: str = row["title"]
        return f"{title}\n{abstract[:50]}" if with_body else title

    def _fields(self) -> Batch:
        """Titles against titles: 2 for the same second level of the field, 1 for the first."""
        known = [row for row in self._achievements if row.get("industry")]
        asked = self._random.sample(known, _FIELD_QUERIES)
        same = [
            self._random.choice([r for r in known if r["industry"] == row["industry"]])
            for row in asked
        ]
        offered = same + self._random.sample(known, _FIELD_OTHERS)
        grades = [
            [
                2 * (a["industry"] == b["industry"]) or int(_first_level(a) == _first_level(b))
                for b in offered
            ]
            for a in asked
        ]
        titles = [PASSAGE + row["name"] for row in offered]
        return Batch("fields", [QUERY + row["name"] for row in asked], titles, grades)

    def _chunk(self, text: str, most: int) -> str:
        """The beginning of a text, or every other time a piece from anywhere in it."""
        text = text.replace("\\n", "\n").strip()
        if len(text) <= most or self._random.random() < 0.5:
            return text[:most]
        start = self._random.randrange(len(text) - most + 1)
        return text[start : start + most]


def _first_level(row: Row) -> str:
    field: str = row["industry"]
    return field.split("-")[0]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
