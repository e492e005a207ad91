"""Labelled rows for ``eval.bench.fields``: the listings, their labels, groups of near copies."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from corpus.fields import features
from corpus.industries import industry_of
from corpus.ngrams import Counts, NgramConfig, count
from corpus.taxonomy import technology_field_of
from corpus.text import fold

# The platform's clerks filed what fits nowhere (413 rows) under this name: it says 制造业 only.
DUMP = "其他制造业"
MIN_GROUPS = 20  # a class with fewer groups of distinct rows is not learned
NEAR_COPY = 0.6  # cosine of character 3-gram profiles; no chains appear down to 0.5


@dataclass(frozen=True, slots=True)
class Labelled:
    """Parallel arrays over de-duplicated rows. A label of None: unknown, '' : none named."""

    pairs: tuple[tuple[str, str], ...]
    groups: NDArray[np.int64]
    labels: tuple[NDArray[np.object_], ...]  # one array a head of ``corpus.fields.HEADS``

    def known(self, head: int) -> NDArray[np.int64]:
        """Rows that have a label of this head."""
        return np.flatnonzero([label is not None for label in self.labels[head]])


def sparse(counts: Counts, bits: int) -> Any:
    """The rows as a scipy matrix."""
    shape = (len(counts.starts) - 1, 1 << bits)
    return csr_matrix((counts.values, counts.buckets, counts.starts), shape=shape)


def near_copies(pairs: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """A group number for every row: same folded title, or cosine ≥ ``NEAR_COPY``; transitive."""
    bits = 22
    counts = count(pairs, NgramConfig(3, 3, bits, 1.0))
    matrix = sparse(features(counts, np.ones(1 << bits, dtype=np.float32)), bits)
    rows, columns = [], []
    for start in range(0, len(pairs), 500):
        found = (matrix[start : start + 500] @ matrix.T).tocoo()
        keep = found.data >= NEAR_COPY
        rows.append(found.row[keep] + start)
        columns.append(found.col[keep])
    first: dict[str, int] = {}
    titles = [first.setdefault("".join(fold(t).text.split()), i) for i, (t, _) in enumerate(pairs)]
    left = np.concatenate([*rows, np.arange(len(pairs))])
    right = np.concatenate([*columns, np.array(titles)])
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(pairs),) * 2)
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def read_listings(folder: Path) -> Labelled:
    """Both files of ``folder``; equal title and text are kept once, the first counts."""
    pairs: list[tuple[str, str]] = []
    fields: list[str | None] = []
    industries: list[str] = []
    seen: set[tuple[str, str]] = set()
    for name in ("achievements.jsonl", "needs.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            pair = (row["name"], row["context"])
            key = (fold(pair[0].strip()).text, fold(pair[1].strip()).text)
            if key in seen:
                continue
            seen.add(key)
            pairs.append(pair)
            fields.append(_field(row.get("industry", "")))
            industries.append(row["classification"])
    groups = near_copies(pairs)
    section, division = _industry_labels(industries, groups)
    labels = tuple(np.array(each, dtype=object) for each in (fields, section, division))
    return Labelled(tuple(pairs), groups, labels)


def read_sample(folder: Path) -> Labelled:
    """The sample corpus's Chinese records under the same three heads: another source, a test."""
    pairs, fields, sections, divisions = [], [], [], []
    for name in ("achievements.jsonl", "needs.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            if row.get("language", "zh") != "zh":
                continue
            entry = industry_of(row["industry"])
            pairs.append((row["title"], row["text"]))
            fields.append(row["field"])
            sections.append(entry.section if entry else "")
            divisions.append(entry.name if entry else "")
    labels = tuple(np.array(each, dtype=object) for each in (fields, sections, divisions))
    return Labelled(tuple(pairs), np.arange(len(pairs)), labels)


def _field(branch: str) -> str | None:
    if not branch:
        return None
    first, _, second = branch.partition("-")
    field = technology_field_of(first, second)
    if not field:
        raise ValueError(f"{branch} is no branch of the platform's tree")
    return field


def _industry_labels(
    texts: Sequence[str], groups: NDArray[np.int64]
) -> tuple[list[str | None], list[str | None]]:
    entries = [industry_of(text) for text in texts]
    sections = [entry.section if entry else None for entry in entries]
    # Needs name the section alone; a row that names several sections run together is unknown.
    divisions = [
        entry.name if entry and "——" in text and entry.name != DUMP else None
        for entry, text in zip(entries, texts, strict=True)
    ]
    often = _often(sections, groups)
    often_divisions = _often(divisions, groups)
    return (
        [None if name is None else (name if name in often else "") for name in sections],
        [
            None if name is None else name if name in often_divisions
            else (section if section in often else "")
            for name, section in zip(divisions, sections, strict=True)
        ],
    )  # fmt: skip


def _often(labels: Sequence[str | None], groups: NDArray[np.int64]) -> set[str]:
    distinct = {(label, int(group)) for label, group in zip(labels, groups, strict=True) if label}
    counted = Counter(label for label, _ in distinct)
    return {label for label, rows in counted.items() if rows >= MIN_GROUPS}
