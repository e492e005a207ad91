"""Japanese, Korean and English texts against Chinese ones: what words add to vectors.

    python -m eval.bench.crosslingual [FOLDER [HELD_OUT]]

FOLDER is the internal test data (default: ZHITONG_DATA), of which ``patents`` is used. HELD_OUT is
a JSON list of the patents that the training of the encoder's adapter never saw.

Method. *Known item*: the title of a patent in another language asks for the same patent among all
Chinese ones of the folder. Vectors are of titles; the bridge is BM25 (shipped parameters) over
``bridged_grams`` of title (three times) and abstract, characters and pairs added up; fused is the
z-score of the cosines over the pool plus 0.4 times that of BM25. "Offset" moves vectors by
``language_offsets``, which come from imagined parallel titles alone. A tie with another patent
counts against us; the folder has some patents twice. The glossary's author saw frequent words of
the tuning half (even first byte of the SHA-256 of the patent's id), and the weight was taken from
it; the other half is reported beside it. ``STRENGTH`` was set looking at the second table and the
fourth.

*Alike*: the beginning of the Chinese abstract asks among all titles in all languages. For the
version of the right patent in each language: how often it stands among the first ten, its rivals
being the Chinese titles of other patents; and the mean difference of that rank from the Chinese
version's, ranks beyond 100 counting 100. "Mixed" is the Chinese version among the other patents in
all languages: what the correction costs it.

*Sample corpus*: needs that a Japanese or Korean achievement answers (grade ≥ 2); its rank among all
achievements, passages and query vectors as in the program. "Chinese MRR": the same for Chinese
answers. The glossary's author had seen the sample corpus, so this says that it works, not how well.

*Strength*: the first two tables' vectors moved by other multiples of the mean distance. "Share" is
that of foreign titles among the first ten of all titles: where nothing favours a language, it is
their share in the pool.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.languages import LANGUAGES, Language
from eval.bench.defaults import default_encoder
from indexer.bridge import bridged_grams
from indexer.encoder import SentenceTransformerEncoder
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.offsets import STRENGTH, Offsets, language_offsets, without_language

Floats = NDArray[np.float64]
Row = dict[str, Any]
Rows = dict[Language, list[Row]]

WEIGHT = 0.4
_TITLE_REPEATED = 3
CUTOFF = 10
CAP = 100
ABSTRACT_CHARS = 120
FOREIGN: tuple[Language, ...] = ("ja", "ko", "en")
STRENGTHS = (0.0, 0.5, 0.7, 1.0, 1.15, 1.3, 1.5, 2.0)
Terms = tuple[list[str], list[str]]
"""Characters and pairs."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The encoder with its offsets."""

    encoder: SentenceTransformerEncoder
    offsets: Offsets
    held: frozenset[str]
    """Patents that the adapter's training never saw."""
    _known: dict[tuple[bool, tuple[str, ...]], Any] = field(default_factory=dict)

    def passages(self, texts: Sequence[str], languages: Sequence[Language]) -> tuple[Any, Any]:
        """Vectors of documents, as they are and without their language."""
        plain = self.vectors(texts, queries=False)
        return plain, without_language(plain, languages, self.offsets)

    def queries(self, texts: Sequence[str], languages: Sequence[Language]) -> tuple[Any, Any]:
        """The same of queries."""
        plain = self.vectors(texts, queries=True)
        return plain, without_language(plain, languages, self.offsets)

    def vectors(self, texts: Sequence[str], *, queries: bool) -> Any:
        """As the encoder gives them; the same texts are embedded once."""
        key = queries, tuple(texts)
        if key not in self._known:
            encode = self.encoder.encode_queries if queries else self.encoder.encode_passages
            self._known[key] = encode(texts)
        return self._known[key]


def bridge_scores(documents: Sequence[Terms], queries: Sequence[Terms]) -> Floats:
    """(queries, documents) BM25 of characters plus that of pairs."""
    total = np.zeros((len(queries), len(documents)))
    for size in (0, 1):
        lists = [document[size] for document in documents]
        index = LexicalIndex.build(range(len(documents)), lists, LexicalConfig())
        total += [index.scores(Counter(query[size])) for query in queries]
    return total


def fused(cosines: Floats, lexical: Floats) -> Floats:
    """Additive, each query standardised over the pool."""
    return _standardised(cosines) + WEIGHT * _standardised(lexical)


def _standardised(scores: Floats) -> Floats:
    centred: Floats = scores - scores.mean(axis=1, keepdims=True)
    centred /= np.maximum(scores.std(axis=1, keepdims=True), 1e-12)
    return centred


def ranks(scores: Floats, gold: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 for the best; documents of the same score stand before the right one."""
    own = scores[np.arange(len(gold)), gold]
    return _ranks(own, scores, np.arange(scores.shape[1]) == gold[:, None])


def _ranks(own: Floats, scores: Floats, same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The place of ``own`` (one a query) among ``scores``, those that are the ``same`` left out."""
    return np.asarray(1 + ((scores >= own[:, None]) & ~same).sum(axis=1), dtype=np.int64)


def known_item(bench: Bench, rows: Rows, say: Callable[[str], None]) -> None:
    """The first table."""
    chinese = rows["zh"]
    place = {row["patent_id"]: i for i, row in enumerate(chinese)}
    titles = bench.vectors([row["title"] for row in chinese], queries=False).astype(np.float64)
    documents = [_document(row, "zh") for row in chinese]
    say(
        f"\nknown item, {len(chinese)} Chinese patents, recall@{CUTOFF}: "
        "all / tuning / other half / held out"
    )
    for language in FOREIGN:
        asked = rows[language]
        gold = np.array([place[row["patent_id"]] for row in asked])
        tuning = np.array([_tuning(row["patent_id"]) for row in asked])
        held = np.array([row["patent_id"] in bench.held for row in asked])
        texts = [row["title"] for row in asked]
        plain, moved = bench.queries(texts, [language] * len(texts))
        words = bridge_scores(documents, [_terms(text, language) for text in texts])
        systems = _systems(plain @ titles.T, moved @ titles.T, words)
        same = _same(asked, [row["patent_id"] for row in chinese])
        for name, scores in systems.items():
            rank = _ranks(scores[np.arange(len(gold)), gold], scores, same)
            hit = rank <= CUTOFF
            mrr = float(np.mean(1 / rank))
            parts = " / ".join(
                f"{np.mean(hit[some]):.3f}" if np.any(some) else "–"
                for some in (np.full(len(hit), True), tuning, ~tuning, held)
            )
            say(f"  {language}  {name:<14} {parts}   MRR {mrr:.3f}")


def alike(bench: Bench, rows: Rows, say: Callable[[str], None]) -> None:
    """The second table."""
    by_id = {row["patent_id"]: row for row in rows["zh"]}
    asked = [by_id[row["patent_id"]] for row in rows["ja"]]
    pool = [(row["patent_id"], lang, row["title"]) for lang in LANGUAGES for row in rows[lang]]
    languages = [language for _, language, _ in pool]
    plain, moved = bench.passages([title for _, _, title in pool], languages)
    texts = [row["abstract"][:ABSTRACT_CHARS] for row in asked]
    queries = bench.vectors(texts, queries=True)
    words = bridge_scores(
        [_terms(title, language) for _, language, title in pool],
        [_terms(text, "zh") for text in texts],
    )
    where = {(key, language): i for i, (key, language, _) in enumerate(pool)}
    same = _same(asked, [key for key, _, _ in pool])
    count = len(rows["zh"])
    say(
        f"\nalike, {len(asked)} Chinese abstracts, {len(pool)} titles of {len(LANGUAGES)} languages"
    )
    for name, scores in _systems(queries @ plain.T, queries @ moved.T, words).items():
        found: dict[Language, NDArray[np.int64]] = {}
        for language in LANGUAGES:
            gold = [where[row["patent_id"], language] for row in asked]
            own = scores[np.arange(len(asked)), gold]
            found[language] = _ranks(own, scores[:, :count], same[:, :count])
            if language == "zh":
                mixed = np.mean(_ranks(own, scores, same) <= CUTOFF)
        recall = "  ".join(f"{k} {np.mean(v <= CUTOFF):.3f}" for k, v in found.items())
        cut = {language: np.minimum(rank, CAP) for language, rank in found.items()}
        apart = "  ".join(f"{k} {np.mean(np.abs(cut[k] - cut['zh'])):.1f}" for k in FOREIGN)
        say(f"  {name:<14} recall {recall}   rank apart {apart}   mixed {mixed:.3f}")


def _same(asked: Sequence[Row], keys: Sequence[str]) -> NDArray[np.bool_]:
    own = np.array([row["patent_id"] for row in asked])
    return np.asarray(own[:, None] == np.array(keys), dtype=np.bool_)


def _systems(plain: Floats, moved: Floats, words: Floats) -> dict[str, Floats]:
    return {
        "dense": plain,
        "dense, offset": moved,
        "bridge": words,
        "fused": fused(plain, words),
        "fused, offset": fused(moved, words),
    }


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
        [_both(a["title"], a["text"], a["language"]) for a in achievements],
        [_both(n["title"], n["text"], "zh") for n in needs],
    )
    best = [_best(queries @ vectors.T, rows, len(achievements)) for vectors in (plain, moved)]
    systems = _systems(best[0], best[1], words)
    qrels = folder.joinpath("qrels.txt").read_text("utf-8")
    pairs = _answers(qrels, achievements, needs, foreign=True)
    domestic = _answers(qrels, achievements, needs, foreign=False)
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
    for name, scores in systems.items():
        found = np.array(total[name])
        asked, answers = np.array(domestic).T
        chinese = ranks(scores[asked], answers)
        say(f"  {name:<14} MRR {np.mean(1 / found):.3f}, median {np.median(found):.0f}, "
            f"worst {found.max()}   Chinese MRR {np.mean(1 / chinese):.3f}")  # fmt: skip


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
    qrels: str, achievements: Sequence[Row], needs: Sequence[Row], *, foreign: bool
) -> list[tuple[int, int]]:
    of_need = {need["need_id"]: i for i, need in enumerate(needs)}
    wanted = {
        one["achievement_id"]: i
        for i, one in enumerate(achievements)
        if (one["language"] != "zh") == foreign
    }
    lines = (line.split() for line in qrels.splitlines() if line and not line.startswith("#"))
    return [
        (of_need[need], wanted[key])
        for need, _, key, grade in lines
        if key in wanted and int(grade) >= 2
    ]


def strengths(bench: Bench, rows: Rows, say: Callable[[str], None]) -> None:
    """The fourth table."""
    chinese = rows["zh"]
    place = {row["patent_id"]: i for i, row in enumerate(chinese)}
    asked = [chinese[place[row["patent_id"]]] for row in rows["ja"]]
    pool = bench.vectors([row["title"] for row in chinese], queries=False)
    needs = bench.vectors([row["abstract"][:ABSTRACT_CHARS] for row in asked], queries=True)
    there = _version_ranks(needs, asked, chinese, pool, pool, chinese)
    say(
        "\nstrength: recall of the known item; recall of each version, its rank apart; share "
        f"({' '.join(FOREIGN)})"
    )
    for strength in STRENGTHS:
        cells: dict[str, list[str]] = defaultdict(list)
        every = [pool]
        for language in FOREIGN:
            some, move = rows[language], bench.offsets[language] * (strength / STRENGTH)
            titles = [row["title"] for row in some]
            scores = (bench.vectors(titles, queries=True) + move) @ pool.T
            own = scores[np.arange(len(some)), [place[row["patent_id"]] for row in some]]
            same = _same(some, [row["patent_id"] for row in chinese])
            cells["known"].append(f"{np.mean(_ranks(own, scores, same) <= CUTOFF):.3f}")
            every.append(bench.vectors(titles, queries=False) + move)
            rank = _version_ranks(needs, asked, some, every[-1], pool, chinese)
            cells["alike"].append(f"{np.mean(rank <= CUTOFF):.3f}")
            apart = np.abs(np.minimum(rank, CAP) - np.minimum(there, CAP))
            cells["apart"].append(f"{np.mean(apart):.1f}")
        best = np.argsort(-(needs @ np.concatenate(every).T), axis=1)[:, :CUTOFF]
        share = 1 - len(chinese) / sum(map(len, every))
        cells["share"].append(f"{np.mean(best >= len(chinese)):.3f} of {share:.3f}")
        found = "   ".join(f"{name} {' '.join(values)}" for name, values in cells.items())
        say(f"  {strength:<5} {found}")


def _version_ranks(
    needs: Any, asked: Sequence[Row], some: Sequence[Row], vectors: Any, pool: Any,
    chinese: Sequence[Row],
) -> NDArray[np.int64]:  # fmt: skip
    """Rank of each asked patent's version among ``some``, other Chinese titles its rivals."""
    place = {row["patent_id"]: i for i, row in enumerate(some)}
    rows = [place[row["patent_id"]] for row in asked]
    own = (needs * vectors[rows]).sum(axis=1)
    return _ranks(own, needs @ pool.T, _same(asked, [row["patent_id"] for row in chinese]))


def _document(row: Row, language: Language) -> Terms:
    return _both(row["title"], row["abstract"], language)


def _both(title: str, text: str, language: Language) -> Terms:
    head, body = _terms(title, language), _terms(text, language)
    return head[0] * _TITLE_REPEATED + body[0], head[1] * _TITLE_REPEATED + body[1]


def _terms(text: str, language: Language) -> Terms:
    ones, twos = bridged_grams(text, language)
    return [token.term for token in ones], [token.term for token in twos]


def _tuning(patent_id: str) -> bool:
    return hashlib.sha256(patent_id.encode()).digest()[0] % 2 == 0


def main(arguments: list[str]) -> None:
    """Print the four tables."""
    folder = Path(arguments[0] if arguments else os.environ["ZHITONG_DATA"]) / "patents"
    rows: Rows = {
        language: [json.loads(line) for line in (folder / f"{language}.jsonl").open("rb")]
        for language in LANGUAGES
    }
    encoder = default_encoder()
    held = json.loads(Path(arguments[1]).read_text("utf-8")) if len(arguments) > 1 else []
    bench = Bench(encoder, language_offsets(encoder), frozenset(held))

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    say(__doc__ or "")
    known_item(bench, rows, say)
    alike(bench, rows, say)
    sample(bench, say)
    strengths(bench, rows, say)


if __name__ == "__main__":
    main(sys.argv[1:])
