"""Recall and precision of duplicate detection on planted copies, and what it finds in listings.

    python -m eval.bench.duplicates [--encoder CACHE] [--split tune|report]

Method. Originals are the shipped sample corpus and, where the test data is present, the listings.
What is alike there already is taken out first, by another method than the one measured: of
documents with an equal title, or with a cosine of at least 0.5 between TF-IDF vectors of character
trigrams of title and text, only the first stays. Every tenth original loses its text, so that
records of a title alone are among them, and every tenth gets a model number in its title. The
originals are halved: the lines of the detection were fitted on ``tune``, by its figures and its
misses; of ``report`` only the figures were looked at. Into a half, ``eval.bench.planting`` plants
a copy of every second original (edited title, reordered, shortened to 40–70 %, traditional
characters, combinations, title alone) and, beside each of the others, a hard negative (other
numbers, another object or process, another object over the same template).
Right is a found pair of documents about the same thing: copy and original. All other pairs are
wrong, those of a hard negative and its original first. Recall is right pairs found by planted
copies, precision right pairs found by pairs found. With ``--encoder`` the uncertain pairs are
decided by cosines of the built-in encoder, decoded to CACHE; without it by the score alone.

Then the listings as they are: groups, records covered, and seconds. Last, the growth of time with
the number of documents: made of random letters, drawn as often as words are (Zipf), every tenth an
edited copy; and of one template that differs in a number only, the worst case for buckets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from corpus.duplicates.detect import Document, find_duplicates
from corpus.duplicates.groups import group_duplicates
from eval.bench.planting import Planted, plant
from indexer.encoder import Encoder, EncoderConfig, SentenceTransformerEncoder
from indexer.similarity import encoder_similarity

SEED = 20261125
ALIKE = 0.5
SAMPLE = Path(__file__).resolve().parents[2] / "corpus" / "resources" / "sample"
_TEXTS = {"sample": "text", "listings": "context"}
_TITLES = {"sample": "title", "listings": "name"}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--split", choices=("tune", "report"), default="report")
    options = parser.parse_args(arguments)
    encoder = (
        SentenceTransformerEncoder(EncoderConfig(cache_dir=options.encoder))
        if options.encoder
        else None
    )
    print_line(__doc__ or "")
    folders = {"sample": SAMPLE}
    if given := os.environ.get("ZHITONG_DATA"):
        folders["listings"] = Path(given) / "listings"
    for name, folder in folders.items():
        for kind in ("achievements", "needs"):
            documents = read(folder / f"{kind}.jsonl", _TITLES[name], _TEXTS[name])
            planted = plant_half(documents, options.split)
            print_line(f"\n## {name}, {kind}, {options.split}\n")
            print_line("\n".join(measured(planted, encoder)))
            if name == "listings":
                print_line("\n".join(as_they_are(documents)))
    print_line("\n".join(growth()))


def read(path: Path, title: str, text: str) -> list[Document]:
    """Documents of a jsonl file; ids are line numbers."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Document(i, row[title], row[text] or "") for i, row in enumerate(rows) if row[title]]


def plant_half(documents: Sequence[Document], split: str) -> Planted:
    """One half of the documents that are unlike each other, with planted ones."""
    half = unlike(documents)[("tune", "report").index(split) :: 2]
    prepared = []
    for position, document in enumerate(half):
        if position % 10 == 0:
            document = replace(document, text="")
        elif position % 10 == 5:
            document = replace(document, title=f"{document.title}（ZT-200型）")
        prepared.append(document)
    return plant(prepared, np.random.default_rng(SEED))


def unlike(documents: Sequence[Document]) -> list[Document]:
    """The first of documents that are alike, by titles and TF-IDF."""
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(3, 3)).fit_transform(
        f"{d.title}\n{d.text}" for d in documents
    )
    alike = (vectors @ vectors.T).tocsr()
    dropped: set[int] = set()
    titles: set[str] = set()
    for at, document in enumerate(documents):
        if document.title.strip() in titles:
            dropped.add(at)
        if at in dropped:
            continue
        titles.add(document.title.strip())
        row = alike[at]
        dropped.update(
            int(i) for i, v in zip(row.indices, row.data, strict=True) if i > at and v >= ALIKE
        )
    return [d for at, d in enumerate(documents) if at not in dropped]


def measured(planted: Planted, encoder: Encoder | None) -> list[str]:
    """A table of recall by edit, and of wrong pairs by what they are."""
    asked: list[tuple[int, int]] = []

    def counting(pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
        asked.extend(pairs)
        return encoder_similarity(planted.documents, encoder)(pairs) if encoder else []

    started = time.process_time()
    found = find_duplicates(planted.documents, counting if encoder else None)
    seconds = time.process_time() - started
    right = {p.right_id for p in found if planted.thing[p.left_id] == planted.thing[p.right_id]}
    wrong = [p for p in found if planted.thing[p.left_id] != planted.thing[p.right_id]]
    copies = Counter(e for i, e in planted.edits.items() if planted.thing[i] != i)
    negatives = Counter(e for i, e in planted.edits.items() if planted.thing[i] == i)
    hit = Counter(planted.edits[i] for i in right)
    missed_to = Counter(
        planted.edits.get(p.right_id) or planted.edits.get(p.left_id, "natural") for p in wrong
    )
    total = sum(copies.values())
    return [
        f"{len(planted.documents)} documents, {total} copies, {sum(negatives.values())} hard "
        f"negatives, {len(asked)} pairs asked of the encoder, {seconds:.1f} s of CPU",
        f"recall {len(right) / total:.4f}, precision {len(right) / max(len(found), 1):.4f} "
        f"({len(right)} right, {len(wrong)} wrong)",
        "",
        "| copy | planted | found |",
        "|---|---:|---:|",
        *(f"| {name} | {n} | {hit[name]} |" for name, n in copies.items()),
        "",
        "| wrong pairs with | planted | found |",
        "|---|---:|---:|",
        *(f"| {name} | {negatives[name]} | {missed_to[name]} |"
          for name in sorted({*negatives, *missed_to})),
    ]  # fmt: skip


def as_they_are(documents: Sequence[Document]) -> list[str]:
    """Groups found in documents nothing was planted into, by the score alone."""
    started = time.process_time()
    groups = group_duplicates(find_duplicates(documents), documents)
    seconds = time.process_time() - started
    exact = [g for g in groups if all(p.score == 1.0 for p in g.pairs)]
    covered = sum(len(g.ids) for g in groups)
    sizes = Counter(len(g.ids) for g in groups)
    return [
        "",
        f"As they are: {len(documents)} records, {len(exact)} exact groups, "
        f"{len(groups) - len(exact)} fuzzy groups, {covered} records in groups, sizes "
        f"{dict(sorted(sizes.items()))}, {seconds:.1f} s of CPU",
    ]


def growth() -> list[str]:
    """Seconds of CPU for more and more made-up documents."""
    rng = np.random.default_rng(SEED)
    lines = ["", "| documents | what | pairs found | CPU s |", "|---:|---|---:|---:|"]
    for what, counts in (("random", (5_000, 50_000)), ("one template", (2_500, 5_000))):
        for count in counts:
            made = template_documents(count) if what != "random" else random_documents(rng, count)
            started = time.process_time()
            found = len(find_duplicates(made))
            seconds = time.process_time() - started
            lines.append(f"| {count} | {what} | {found} | {seconds:.1f} |")
    return lines


def random_documents(rng: np.random.Generator, count: int) -> list[Document]:
    """Titles of 14 and texts of 300 letters; every tenth is the one before with an edited text."""
    letters = np.array([chr(0x4E00 + i) for i in range(3000)])
    share = 1 / np.arange(1, 3001)
    share /= share.sum()
    documents: list[Document] = []
    for i in range(count):
        drawn = "".join(rng.choice(letters, 314, p=share))
        text = "，".join(drawn[at : at + 15] for at in range(14, 314, 15))
        if i % 10 == 9:
            last = documents[-1]
            text, drawn = f"{last.text[60:]}。{text[:30]}", last.title
        documents.append(Document(i, drawn[:14], text))
    return documents


def template_documents(count: int) -> list[Document]:
    """The same words about another size each."""
    text = (
        "本产品整体锻造，公称通径为{}毫米，密封面堆焊硬质合金，适用于高温蒸汽管道，寿命长，维护少。"
    )
    return [Document(i, f"{i}型高温截止阀", text.format(i)) for i in range(count)]


def print_line(text: str) -> None:
    """To standard output."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
