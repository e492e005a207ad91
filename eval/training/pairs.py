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

    ``held_out``: share (0–1) of the translated patents that is kept out, for measuring. Every
    batch follows from the seed and the order of the rows: the shipped adapter can be made again
    only as long as nothing here draws more, less or in another order.

    Raises:
        OSError: a file is missing.
        ValueError: the share is not within 0–1, or a task has fewer rows than its batches.
    """

    def __init__(self, data: Path, seed: int, held_out: float) -> None:
        if not 0 <= held_out <= 1:
            raise ValueError("the share of held out patents is between 0 and 1")
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
        self.held_out = set(ids[int(len(ids) * (1 - held_out)) :])
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
        return self._listed("achievements", self._achievements)

    def _listed_needs(self) -> Batch:
        return self._listed("needs", self._needs)

    def _of_patents(self) -> Batch:
        return self._paired("patents", self._draw(list(self._chinese.values())), "abstract")

    def _of_papers(self) -> Batch:
        rows = self._draw(self._papers)
        if self._random.random() >= 0.3:
            return self._paired("papers", rows, "abstract")
        return Batch(
            "papers",
            [QUERY + _keywords(row) for row in rows],
            [PASSAGE + row["title"] for row in rows],
        )

    def _listed(self, task: str, rows: Sequence[Row]) -> Batch:
        drawn = self._draw([row for row in rows if row.get("context")])
        return self._paired(task, drawn, "context", title="name")

    def _paired(self, task: str, rows: Sequence[Row], body: str, title: str = "title") -> Batch:
        return Batch(
            task,
            [QUERY + row[title] for row in rows],
            [PASSAGE + self._chunk(row[body], CHUNK) for row in rows],
        )

    def _draw(self, rows: Sequence[Row]) -> list[Row]:
        return self._random.sample(rows, BATCH)

    def _translated(self) -> Batch:
        # Korean twice: the plain model knows it least.
        language = self._random.choice(["ja", "ko", "ko", "en", "de"])
        rows = self._draw(self._foreign[language])
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
        same = [self._neighbour(row, known) for row in asked]
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

    def _neighbour(self, row: Row, known: Sequence[Row]) -> Row:
        """Another row of the same field; the row itself where it is the only one."""
        others = [r for r in known if r["industry"] == row["industry"] and r is not row]
        return self._random.choice(others) if others else row

    def _chunk(self, text: str, most: int) -> str:
        """The beginning of a text, or every other time a piece from anywhere in it."""
        text = text.replace("\\n", "\n").strip()
        if len(text) <= most or self._random.random() < 0.5:
            return text[:most]
        start = self._random.randrange(len(text) - most + 1)
        return text[start : start + most]


def _keywords(row: Row) -> str:
    words = row.get("keywords")
    return " ".join(words) if isinstance(words, list) else str(words or "")


def _first_level(row: Row) -> str:
    field: str = row["industry"]
    return field.split("-")[0]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
