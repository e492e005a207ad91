"""Labelled sets: texts, judgements, and what else is known of a need or an achievement.

A set is named on the command line: ``sample`` is the corpus that ships with the project, anything
else a folder. A folder with ``qrels.txt`` holds graded pairs; one with ``zh.jsonl`` holds Chinese
patents and their translations, a known-item test.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from eval.experiment import Collection, LabelledStore, Pool, collection
from eval.measures import usable_needs
from eval.qrels import EvalError, read_qrels, read_texts
from matcher.query import Query

SAMPLE = "sample"
LANGUAGES = ("ja", "ko", "en", "de")
"""Languages of the translated patents."""
GRADED_MEASURES = ("nDCG@10", "nDCG@5", "AP", "P@5")
KNOWN_ITEM_MEASURES = ("recall@10", "nDCG@10")

_FACTS = ("industry", "field", "maturity", "language")
_ANSWER = 3  # the grade of the one right answer of a known item

Facts = Mapping[str, Mapping[str, str]]
"""By id, what is known beside title and text: industry, field, maturity, language."""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A collection with all that an experiment has to know of it."""

    name: str
    collection: Collection
    pool: Pool
    """What is ranked for a need."""
    measures: tuple[str, ...]
    """Names of the measures shown; the first is the one that is tested and gated."""
    min_candidates: int
    """Judged achievements below which a need says nothing."""
    trains: bool
    """Whether a learned ranker may be fitted on it, and is then cross-validated by need."""
    need_facts: Facts = field(default_factory=dict)
    achievement_facts: Facts = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The needs that are averaged over, by id ascending."""
        return usable_needs(self.collection.qrels, self.min_candidates)

    @property
    def judged(self) -> tuple[str, ...]:
        """All needs with a text and judgements, in the collection's order."""
        return tuple(need for need in self.collection.needs if need in self.collection.qrels)

    @property
    def qrels_sha256(self) -> str:
        """Of the judgements, whatever the order and the form of their file."""
        digest = hashlib.sha256()
        for need, grades in sorted(self.collection.qrels.items()):
            for key, grade in sorted(grades.items()):
                digest.update(f"{need}\t{key}\t{grade}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class OpenSet:
    """A labelled set and the store that ranks it."""

    labelled: LabelledSet
    store: LabelledStore


def find_set(name: str, data: Path | None) -> Path | None:
    """The folder of a set: a path as it is, else a folder of that name in ``data``, else None."""
    if name == SAMPLE:
        return Path(str(resources.files("corpus.resources").joinpath("sample")))
    places = [Path(name), *([data / name] if data else [])]
    return next((place for place in places if place.is_dir()), None)


def read_set(name: str, data: Path | None = None) -> LabelledSet:
    """Read the set ``name``; ``data`` is where folders are looked for by name.

    Raises:
        EvalError: there is no such folder, or it does not hold a labelled set.
    """
    folder = find_set(name, data)
    if folder is None:
        place = f"，{data} 里也没有" if data else ""
        raise EvalError(f"找不到数据集 {name}：没有这个文件夹{place}。请检查路径或 --data。")
    if (folder / "qrels.txt").is_file():
        return _graded(SAMPLE if name == SAMPLE else folder.name, folder)
    if (folder / "zh.jsonl").is_file():
        return read_patents(folder)
    raise EvalError(f"{folder} 不是带判定的数据集：里面应有 qrels.txt，或专利的 zh.jsonl。")


def read_patents(folder: Path) -> LabelledSet:
    """Foreign title → Chinese patent, whatever the language; the pool is all Chinese patents.

    Needs are named ``ja-…`` and so on, after the language and the patent.

    Raises:
        EvalError: a file cannot be read, or a translated patent has no Chinese one.
    """
    achievements = {
        row["patent_id"]: Query(row["title"], row["abstract"])
        for row in _rows(folder / "zh.jsonl", "patent_id", "title", "abstract")
    }
    needs: dict[str, Query] = {}
    qrels: dict[str, dict[str, int]] = {}
    languages: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        for row in _rows(folder / f"{language}.jsonl", "patent_id", "title"):
            patent, need = row["patent_id"], f"{language}-{row['patent_id']}"
            if patent not in achievements:
                raise EvalError(f"{folder / f'{language}.jsonl'}：{patent} 没有中文专利。")
            needs[need] = Query(row["title"])
            qrels[need] = {patent: _ANSWER}
            languages[need] = {"language": language}
    return LabelledSet(
        folder.name,
        Collection(needs, achievements, qrels),
        Pool.ALL,
        KNOWN_ITEM_MEASURES,
        min_candidates=1,
        trains=False,
        need_facts=languages,
    )


def _graded(name: str, folder: Path) -> LabelledSet:
    needs, achievements = folder / "needs.jsonl", folder / "achievements.jsonl"
    labelled = collection(
        read_texts(needs, "need_id"),
        read_texts(achievements, "achievement_id"),
        read_qrels(folder / "qrels.txt"),
    )
    # The sample's judgements go as deep as any ranker looked, so all of it can be ranked; and its
    # achievements are each judged for many needs, so no fold would leave anything to learn from.
    whole = name == SAMPLE
    return LabelledSet(
        name,
        labelled,
        Pool.ALL if whole else Pool.JUDGED,
        GRADED_MEASURES,
        min_candidates=1 if whole else 10,
        trains=not whole,
        need_facts=_facts(needs, "need_id"),
        achievement_facts=_facts(achievements, "achievement_id"),
    )


def _facts(path: Path, id_key: str) -> dict[str, dict[str, str]]:
    """Of a file that ``read_texts`` has taken."""
    found: dict[str, dict[str, str]] = {}
    for line in path.read_text("utf-8-sig").split("\n"):
        if line.strip():
            row = json.loads(line)
            known = {name: row[name] for name in _FACTS if isinstance(row.get(name), str)}
            found[row[id_key]] = known
    return found


def _rows(path: Path, *names: str) -> list[dict[str, str]]:
    """Objects of a JSONL file, each with a text under every name.

    Raises:
        EvalError: the file cannot be read, or a line is no such object.
    """
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"无法读取 {path}（{error}）。") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvalError(f"{path} 第 {number} 行：不是合法的 JSON（{error}）。") from error
        if not isinstance(row, dict) or not all(isinstance(row.get(n), str) for n in names):
            raise EvalError(f"{path} 第 {number} 行：应有 {'、'.join(names)}，且都是字符串。")
        rows.append({name: row[name] for name in names})
    return rows
