"""Japanese, Korean and English texts against Chinese ones: what words add to vectors.

    python -m eval.bench.crosslingual [FOLDER]

FOLDER is the internal test data (default: ZHITONG_DATA), of which ``patents`` is used.

Method. *Known item*: the title of a patent in another language asks for the same patent among all
Chinese ones of the folder. Vectors are of titles; the bridge is BM25 (shipped parameters) over
``bridged_terms`` of title (three times) and abstract; fused is the z-score of the cosines over the
pool plus 0.4 times that of BM25. "Offset" moves vectors by ``language_offsets``, which come from
the glossary alone. A tie counts against us. The weight and the glossary's vocabulary were chosen on
the tuning half (even first byte of the SHA-256 of the patent's id); the other half is reported
beside it.

*Alike*: the beginning of the Chinese abstract asks among all Chinese titles and the titles of the
translated ones in every language; each version's rank is its place among the Chinese titles of the
other patents. Printed are recall@10 by language and the mean difference of the version's rank from
that of the Chinese version, ranks beyond 100 counting 100, whole pool included: how high a version
of the right patent stands should not depend on its language.

*Sample corpus*: needs that a Japanese or Korean achievement answers (grade ≥ 2); its rank among all
achievements, passages and query vectors as in the program.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.languages import LANGUAGES, Language
from indexer.bridge import Offsets, bridged_terms, language_offsets, without_language
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.lexical import LexicalConfig, LexicalIndex

Floats = NDArray[np.float64]
Row = dict[str, Any]
Rows = dict[Language, list[Row]]

WEIGHT = 0.4
CUTOFF = 10
CAP = 100
ABSTRACT_CHARS = 120
FOREIGN: tuple[Language, ...] = ("ja", "ko", "en")


@dataclass(frozen=True, slots=True)
class Bench:
    """The encoder with its offsets."""

    encoder: SentenceTransformerEncoder
    offsets: Offsets

    def passages(self, texts: Sequence[str], languages: Sequence[Language]) -> tuple[Any, Any]:
        """Vectors of documents, as they are and without their language."""
        plain = self.encoder.encode_passages(texts)
        return plain, without_language(plain, languages, self.offsets)

    def queries(self, texts: Sequence[str], languages: Sequence[Language]) -> tuple[Any, Any]:
        """The same of queries."""
        plain = self.encoder.encode_queries(texts)
        return plain, without_language(plain, languages, self.offsets)


def bridge_scores(documents: Sequence[list[str]], queries: Sequence[list[str]]) -> Floats:
    """(queries, documents) BM25."""
    index = LexicalIndex.build(range(len(documents)), documents, LexicalConfig())
    return np.array([index.scores(Counter(query)) for query in queries])


def fused(cosines: Floats, lexical: Floats) -> Floats:
    """Additive, each query standardised over the pool."""
    return _standardised(cosines) + WEIGHT * _standardised(lexical)


def _standardised(scores: Floats) -> Floats:
    centred: Floats = scores - scores.mean(axis=1, keepdims=True)
    centred /= np.maximum(scores.std(axis=1, keepdims=True), 1e-12)
    return centred


def ranks(scores: Floats, gold: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 for the best; documents of the same score stand before the right one."""
    own = scores[np.arange(len(gold)), gold][:, None]
    return np.asarray((scores >= own).sum(axis=1), dtype=np.int64)


def known_item(bench: Bench, rows: Rows, say: Callable[[str], None]) -> None:
    """The first table."""
    chinese = rows["zh"]
    place = {row["patent_id"]: i for i, row in enumerate(chinese)}
    titles = bench.encoder.encode_passages([row["title"] for row in chinese]).astype(np.float64)
    documents = [_document(row, "zh") for row in chinese]
    say(f"\nknown item, {len(chinese)} Chinese patents, recall@{CUTOFF}: all / tuning / other half")
    for language in FOREIGN:
        asked = rows[language]
        gold = np.array([place[row["patent_id"]] for row in asked])
        tuning = np.array([_tuning(row["patent_id"]) for row in asked])
        texts = [row["title"] for row in asked]
        plain, moved = bench.queries(texts, [language] * len(texts))
        words = bridge_scores(documents, [bridged_terms(text, language) for text in texts])
        systems = {
            "dense": plain @ titles.T,
            "dense, offset": moved @ titles.T,
            "bridge": words,
            "fused": fused(plain @ titles.T, words),
            "fused, offset": fused(moved @ titles.T, words),
        }
        for name, scores in systems.items():
            hit = ranks(scores, gold) <= CUTOFF
            mrr = float(np.mean(1 / ranks(scores, gold)))
            parts = " / ".join(
                f"{np.mean(hit[half]):.3f}" for half in (slice(None), tuning, ~tuning)
            )
            say(f"  {language}  {name:<14} {parts}   MRR {mrr:.3f}")


def alike(bench: Bench, rows: Rows, say: Callable[[str], None]) -> None:
    """The second table."""
    asked = [r for r in rows["zh"] if r["patent_id"] in {row["patent_id"] for row in rows["ja"]}]
    pool: list[tuple[str, Language, str]] = [
        (row["patent_id"], language, row["title"])
        for language in LANGUAGES
        for row in rows[language]
    ]
    languages = [language for _, language, _ in pool]
    plain, moved = bench.passages([title for _, _, title in pool], languages)
    texts = [row["abstract"][:ABSTRACT_CHARS] for row in asked]
    queries = bench.encoder.encode_queries(texts)
    words = bridge_scores(
        [bridged_terms(title, language) for _, language, title in pool],
        [bridged_terms(text, "zh") for text in texts],
    )
    where = {(key, language): i for i, (key, language, _) in enumerate(pool)}
    rivals = np.array([language == "zh" for language in languages])
    say(
        f"\nalike, {len(asked)} Chinese abstracts, {len(pool)} titles of {len(LANGUAGES)} languages"
    )
    say(f"  recall@{CUTOFF} by language; mean |rank − rank of the Chinese version|, at most {CAP}")
    for name, scores in {
        "dense": queries @ plain.T,
        "dense, offset": queries @ moved.T,
        "bridge": words,
        "fused": fused(queries @ plain.T, words),
        "fused, offset": fused(queries @ moved.T, words),
    }.items():
        found = {}
        mixed = {}
        for language in LANGUAGES:
            gold = np.array([where[row["patent_id"], language] for row in asked])
            own = scores[np.arange(len(gold)), gold][:, None]
            itself = np.array([where[row["patent_id"], "zh"] for row in asked])
            others = np.where(rivals, scores, -np.inf)
            others[np.arange(len(gold)), itself] = -np.inf
            found[language] = 1 + (others >= own).sum(axis=1)
            mixed[language] = np.minimum(ranks(scores, gold), CAP)
        recall = "  ".join(f"{k} {np.mean(v <= CUTOFF):.3f}" for k, v in found.items())
        apart = "  ".join(f"{k} {np.mean(np.abs(mixed[k] - mixed['zh'])):.1f}" for k in FOREIGN)
        say(f"  {name:<14} recall {recall}   apart {apart}")


def sample(bench: Bench, say: Callable[[str], None]) -> None:
    """The third table."""
    folder = resources.files("corpus.resources").joinpath("sample")
    achievements, needs = (
        [json.loads(line) for line in folder.joinpath(name).read_text("utf-8").splitlines()]
        for name in ("achievements.jsonl", "needs.jsonl")
    )
    rows, texts = _passages(bench, achievements)
    languages: list[Language] = [achievements[row]["language"] for row in rows]
    plain, moved = bench.passages(texts, languages)
    title, whole = (
        bench.encoder.encode_queries([make(need) for need in needs])
        for make in (lambda need: need["title"], lambda need: f"{need['title']}\n{need['text']}")
    )
    queries = (title + whole) / 2
    words = bridge_scores(
        [
            bridged_terms(a["title"], a["language"]) * 3 + bridged_terms(a["text"], a["language"])
            for a in achievements
        ],
        [bridged_terms(n["title"], "zh") * 3 + bridged_terms(n["text"], "zh") for n in needs],
    )
    best = [_best(queries @ vectors.T, rows, len(achievements)) for vectors in (plain, moved)]
    systems = {
        "dense": best[0], "dense, offset": best[1], "bridge": words,
        "fused": fused(best[0], words), "fused, offset": fused(best[1], words),
    }  # fmt: skip
    pairs = _answers(folder.joinpath("qrels.txt").read_text("utf-8"), achievements, needs)
    say(f"\nsample corpus, {len(achievements)} achievements: rank of the foreign answer")
    say("  need    achievement     " + "  ".join(systems))
    total: dict[str, list[int]] = {name: [] for name in systems}
    for need, achievement in pairs:
        for name, scores in systems.items():
            rank = ranks(scores[[need]], np.array([achievement]))
            total[name].append(int(rank[0]))
        one = achievements[achievement]
        got = "  ".join(f"{total[name][-1]:>{len(name)}}" for name in systems)
        say(f"  {needs[need]['need_id']:<7} {one['achievement_id']} ({one['language']})     {got}")
    for name, got_ranks in total.items():
        say(f"  {name:<14} MRR {np.mean(1 / np.array(got_ranks)):.3f}, first in "
            f"{got_ranks.count(1)} of {len(pairs)}, worst {max(got_ranks)}")  # fmt: skip


def _passages(bench: Bench, achievements: Sequence[Row]) -> tuple[list[int], list[str]]:
    rows, texts = [], []
    for row, one in enumerate(achievements):
        head = f"{one['title']}\n"
        parts = [head + one["text"][s:e] for s, e in bench.encoder.windows(one["text"], head)]
        for text in (one["title"], *parts):
            rows.append(row)
            texts.append(text)
    return rows, texts


def _best(scores: Floats, rows: Sequence[int], count: int) -> Floats:
    best = np.full((len(scores), count), -1.0)
    np.maximum.at(best.T, np.array(rows), scores.T)
    return best


def _answers(
    qrels: str, achievements: Sequence[Row], needs: Sequence[Row]
) -> list[tuple[int, int]]:
    of_need = {need["need_id"]: i for i, need in enumerate(needs)}
    foreign = {a["achievement_id"]: i for i, a in enumerate(achievements) if a["language"] != "zh"}
    lines = (line.split() for line in qrels.splitlines() if line and not line.startswith("#"))
    return [
        (of_need[need], foreign[key])
        for need, _, key, grade in lines
        if key in foreign and int(grade) >= 2
    ]


def _document(row: Row, language: Language) -> list[str]:
    config = LexicalConfig()
    title = bridged_terms(row["title"], language)
    return title * config.title_weight + bridged_terms(row["abstract"], language)


def _tuning(patent_id: str) -> bool:
    return hashlib.sha256(patent_id.encode()).digest()[0] % 2 == 0


def main(arguments: list[str]) -> None:
    """Print the three tables."""
    folder = Path(arguments[0] if arguments else os.environ["ZHITONG_DATA"]) / "patents"
    rows: Rows = {
        language: [json.loads(line) for line in (folder / f"{language}.jsonl").open("rb")]
        for language in LANGUAGES
    }
    cache = EncoderConfig(cache_dir=Path(tempfile.gettempdir()) / "zhitong-bench")
    encoder = SentenceTransformerEncoder(cache)
    bench = Bench(encoder, language_offsets(encoder))

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    say(__doc__ or "")
    known_item(bench, rows, say)
    alike(bench, rows, say)
    sample(bench, say)


if __name__ == "__main__":
    main(sys.argv[1:])
