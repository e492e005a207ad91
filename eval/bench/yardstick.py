"""The hybrid searches of txtai and haystack on our labelled sets, with our encoder's vectors.

    python -m eval.bench.yardstick export SET FOLDER [DATA]   (in the project's environment)
    python -m eval.bench.yardstick run FOLDER                 (in an environment of its own)
    zhitong eval experiment SET --data DATA --run NAME=FOLDER/NAME.run … --out report.md

The two libraries pull in what the product must not depend on, so they live in an environment of
their own: ``python3 -m venv``, torch for CPU, then the two of the extra ``yardstick``. ``run``
needs nothing of ours but this file.

Method. ``export`` writes the texts of achievements and needs, our tokens of both, vectors of our
default encoder (achievements: title and text as one passage; needs: the product's query vector),
and what is ranked for each need. ``run`` indexes all achievements and ranks by the library's own
hybrid. txtai: ``hybrid=True``, weights 0.5, its convex sum of normalised scores or its reciprocal
ranks; the whole collection is ranked, then restricted. haystack: InMemoryBM25Retriever (BM25L) and
InMemoryEmbeddingRetriever, both filtered to what is ranked, joined by reciprocal_rank_fusion or by
distribution_based_rank_fusion. Each with the library's default tokenizer on plain text, and on our
dictionary's tokens joined by blanks and cut there; each asking its BM25 with the need's title, and
with title and text. So each library has eight runs; the best of them is the yardstick.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ranked = list[tuple[str, float]]
_BLANKS = r"\S+"  # tokens of a text that is cut already


@dataclass(frozen=True, slots=True)
class Exported:
    """What ``export`` wrote. Rows of the vectors are in the order of the lists."""

    achievements: list[dict[str, str]]  # id, plain, cut
    needs: list[dict[str, Any]]  # id, title, whole, title_cut, whole_cut, pool
    achievement_vectors: NDArray[np.float32]
    need_vectors: NDArray[np.float32]

    def text(self, row: dict[str, Any], query: str, cut: bool) -> str:
        """The need's text as one variant gives it to a library."""
        return str(row[f"{query}_cut" if cut else query])


def export(name: str, folder: Path, data: Path | None) -> None:
    """Write a labelled set for ``run``."""
    from eval.experiment import Pool
    from eval.labelled import read_set
    from indexer.build import Makers
    from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
    from indexer.tokenizer import JiebaTokenizer
    from matcher.engine import MatchConfig
    from matcher.query import prepare_queries

    labelled = read_set(name, data)
    cache = Path(
        os.environ.get("ZHITONG_TEST_CACHE", Path(tempfile.gettempdir()) / "zhitong-bench")
    )
    makers = Makers(SentenceTransformerEncoder(EncoderConfig(cache_dir=cache)), JiebaTokenizer())

    def cut(text: str) -> str:
        return " ".join(token.term for token in makers.tokenizer.tokenize(text))

    texts = labelled.collection.achievements
    passages = {key: f"{doc.title}\n{doc.text}".strip() for key, doc in texts.items()}
    vectors = makers.encoder.encode_passages(list(passages.values()), _show)
    queries = [labelled.collection.needs[need] for need in labelled.judged]
    prepared = prepare_queries(queries, makers, MatchConfig().query)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "achievements.jsonl", [
        {"id": key, "plain": text, "cut": cut(text)} for key, text in passages.items()
    ])  # fmt: skip
    judged = labelled.pool is Pool.JUDGED
    _write(folder / "needs.jsonl", [
        {"id": need, "title": q.title, "whole": f"{q.title}\n{q.text}".strip(),
         "title_cut": cut(q.title), "whole_cut": cut(f"{q.title}\n{q.text}"),
         "pool": sorted(labelled.collection.qrels[need]) if judged else None}
        for need, q in zip(labelled.judged, queries, strict=True)
    ])  # fmt: skip
    found = np.array([each.vector for each in prepared])
    np.savez(folder / "vectors.npz", achievements=vectors, needs=found)


def run(folder: Path) -> None:
    """Rank by every variant of both libraries, and write a TREC run of each into ``folder``."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    exported = _read(folder)
    for cut, query in itertools.product((False, True), ("title", "whole")):
        variant = f"{'jieba' if cut else 'default'}-{query}"
        for fusion, ranked in _txtai(exported, cut, query):
            finish(folder, f"txtai-{fusion}-{variant}", ranked)
        for fusion, ranked in _haystack(exported, cut, query):
            finish(folder, f"haystack-{fusion}-{variant}", ranked)


def _txtai(exported: Exported, cut: bool, query: str) -> Iterator[tuple[str, dict[str, Ranked]]]:
    """By txtai's hybrid index, whole collection, restricted to what is ranked for a need."""
    from txtai import Embeddings

    field = "cut" if cut else "plain"
    texts = distinct(
        [row[field] for row in exported.achievements]
        + [exported.text(row, query, cut) for row in exported.needs]
    )
    rows = np.concatenate([exported.achievement_vectors, exported.need_vectors])
    vectors = dict(zip(texts, rows, strict=True))
    documents, asked = texts[: len(exported.achievements)], texts[len(exported.achievements) :]

    def transform(inputs: Sequence[str]) -> NDArray[np.float32]:
        return np.array([vectors[text] for text in inputs], dtype=np.float32)

    for fusion, normalize in (("convex", True), ("rrf", False)):
        scoring: dict[str, Any] = {"method": "bm25", "terms": True, "normalize": normalize}
        if cut:
            scoring["tokenizer"] = {"whitespace": True}
        with Embeddings(
            method="external", transform=transform, hybrid=True, scoring=scoring, backend="numpy"
        ) as index:
            ids = [row["id"] for row in exported.achievements]
            index.index(zip(ids, documents, itertools.repeat(None), strict=False))
            found = index.batchsearch(asked, len(exported.achievements))
        yield (
            fusion,
            {
                row["id"]: _within(row, ranked)
                for row, ranked in zip(exported.needs, found, strict=True)
            },
        )


def _haystack(exported: Exported, cut: bool, query: str) -> Iterator[tuple[str, dict[str, Ranked]]]:
    """By haystack's in-memory store: both retrievers filtered to the pool, then joined."""
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    options: dict[str, Any] = {"bm25_tokenization_regex": _BLANKS} if cut else {}
    store = InMemoryDocumentStore(
        embedding_similarity_function="cosine", return_embedding=False, shared=False, **options
    )
    field = "cut" if cut else "plain"
    documents = []
    for row, vector in zip(exported.achievements, exported.achievement_vectors, strict=True):
        key, content = row["id"], row[field]
        document = Document(id=key, content=content, embedding=vector.tolist(), meta={"key": key})
        documents.append(document)
    store.write_documents(documents)
    size = len(exported.achievements)
    words = InMemoryBM25Retriever(store, top_k=size)
    dense = InMemoryEmbeddingRetriever(store, top_k=size)
    lists = []
    for row, vector in zip(exported.needs, exported.need_vectors, strict=True):
        pool = row["pool"]
        where = {"field": "meta.key", "operator": "in", "value": pool} if pool else None
        asked = exported.text(row, query, cut)
        lists.append([
            words.run(query=asked, filters=where)["documents"],
            dense.run(query_embedding=vector.tolist(), filters=where)["documents"],
        ])  # fmt: skip
    for fusion in ("reciprocal_rank_fusion", "distribution_based_rank_fusion"):
        joiner = DocumentJoiner(join_mode=fusion)
        yield (
            fusion.split("_")[0],
            {
                row["id"]: [(doc.id, float(doc.score)) for doc in joiner.run(pair)["documents"]]
                for row, pair in zip(exported.needs, lists, strict=True)
            },
        )


def distinct(texts: Sequence[str]) -> list[str]:
    """The texts in their order, with blanks put behind a text that came before.

    txtai asks for the vector of a text, and different titles may be cut into equal tokens. Blanks
    behind a text are nothing to its tokenizers.
    """
    seen: set[str] = set()
    found = []
    for text in texts:
        while text in seen:
            text += " "
        seen.add(text)
        found.append(text)
    return found


def _within(row: dict[str, Any], ranked: Sequence[tuple[str, float]]) -> Ranked:
    pool = None if row["pool"] is None else set(row["pool"])
    return [(key, float(score)) for key, score in ranked if pool is None or key in pool]


def finish(folder: Path, name: str, ranked: dict[str, Ranked]) -> None:
    """A TREC run whose scores are made of the ranks, so that every reader sees this order."""
    lines = [
        f"{need} Q0 {key} {rank} {1.0 / rank!r} {name}\n"
        for need, found in ranked.items()
        for rank, (key, _) in enumerate(found[:1000], 1)
    ]
    (folder / f"{name}.run").write_text("".join(lines), "utf-8")
    sys.stdout.write(f"{name}: {len(ranked)} needs, {len(lines)} places\n")


def _read(folder: Path) -> Exported:
    def rows(name: str) -> list[dict[str, Any]]:
        lines = (folder / name).read_text("utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    with np.load(folder / "vectors.npz") as vectors:
        return Exported(
            rows("achievements.jsonl"), rows("needs.jsonl"),
            vectors["achievements"], vectors["needs"],
        )  # fmt: skip


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), "utf-8")


def _show(done: int, total: int) -> None:
    if done == total:
        sys.stderr.write(f"embedded {total}\n")


def main(arguments: list[str]) -> None:
    """``export SET FOLDER [DATA]`` or ``run FOLDER``."""
    commands: dict[str, Callable[..., None]] = {
        "export": lambda name, folder, data=None: export(
            name, Path(folder), Path(data) if data else None
        ),
        "run": lambda folder: run(Path(folder)),
    }
    if not arguments or arguments[0] not in commands:
        sys.exit(__doc__)
    commands[arguments[0]](*arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
