"""Fitting and choosing for ``eval.bench.fields``: our model, the neighbours, the vectors."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from corpus.fields import HEADS, FieldModel, features
from corpus.ngrams import Counts, NgramConfig, count
from eval.bench.defaults import default_encoder
from eval.bench.fields_data import Labelled, sparse
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.tokenizer import JiebaTokenizer

SEED = 20261124
INNER_FOLDS = 3
NGRAMS = [
    NgramConfig(shortest, longest, title_weight=weight)
    for (shortest, longest), weight in itertools.product(((1, 2), (1, 3)), (1.0, 2.0, 4.0))
]
FITS = list(itertools.product((0.3, 1.0, 3.0), (None, "balanced")))
START = (1.0, "balanced")  # while the features are chosen
VECTOR_CHARS = 100  # the whole text takes a quarter of an hour and is for information only
NEIGHBOURS = (1, 3, 5, 10, 20)

Labels = NDArray[np.object_]
Rows = NDArray[np.int64]


@dataclass(slots=True)
class Bench:
    """The rows and what is computed on them once."""

    data: Labelled
    counts: dict[NgramConfig, Counts] = field(default_factory=dict)
    terms: list[dict[str, float]] = field(default_factory=list)

    def matrix(self, config: NgramConfig, train: Rows) -> tuple[Any, NDArray[np.float32]]:
        """Features of all rows, with the idf of the training rows alone."""
        if config not in self.counts:
            self.counts[config] = count(self.data.pairs, config)
        held = sparse(self.counts[config], config.bits)
        df = np.bincount(held[train].indices, minlength=1 << config.bits)
        # Rounded as it is shipped.
        idf = (np.log((1 + len(train)) / (1 + df)) + 1).astype(np.float16).astype(np.float32)
        return sparse(features(self.counts[config], idf), config.bits), idf


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the inner folds decided for one training part."""

    ngrams: NgramConfig
    fits: tuple[tuple[float, str | None], ...]  # one a head
    temperatures: tuple[float, ...]


def folds(labels: Labels, groups: Rows, parts: int) -> list[tuple[Rows, Rows]]:
    """Grouped folds, stratified by label."""
    splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=SEED)
    text = np.array([str(label) for label in labels])
    return [(a, b) for a, b in splitter.split(np.zeros(len(text)), text, groups)]


def macro_f1(labels: Labels, answers: Labels) -> float:
    """Mean F1 of the named classes."""
    named = sorted({str(label) for label in labels} - {""})
    return float(
        f1_score(labels.astype(str), answers.astype(str), labels=named, average="macro",
                 zero_division=0.0)
    )  # fmt: skip


def fit(matrix: Any, labels: Labels, how: tuple[float, str | None]) -> LinearSVC:
    """One linear SVM a class against the rest."""
    model = LinearSVC(C=how[0], class_weight=how[1], dual=True, random_state=SEED, max_iter=5000)
    return model.fit(matrix, labels.astype(str))


def held_out(
    bench: Bench, head: int, train: Rows, ngrams: NgramConfig, how: tuple[float, str | None]
) -> tuple[Labels, NDArray[np.float64], NDArray[np.str_]]:
    """Labels, margins from the inner folds, and class names of the training rows of a head."""
    rows = np.intersect1d(train, bench.data.known(head))
    labels = bench.data.labels[head][rows]
    names = np.unique(labels.astype(str))
    matrix = bench.matrix(ngrams, train)[0]
    margins = np.full((len(rows), len(names)), -1.0)
    for a, b in folds(labels, bench.data.groups[rows], INNER_FOLDS):
        model = fit(matrix[rows[a]], labels[a], how)
        margins[np.ix_(b, np.searchsorted(names, model.classes_))] = model.decision_function(
            matrix[rows[b]]
        )
    return labels, margins, names


def temperature(labels: Labels, margins: NDArray[np.float64], names: NDArray[np.str_]) -> float:
    """The factor on margins under which their softmax has the least log loss."""
    truth = np.searchsorted(names, labels.astype(str))

    def loss(log_factor: float) -> float:
        scaled = margins * np.exp(log_factor)
        scaled -= scaled.max(axis=1, keepdims=True)
        logged = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return -float(logged[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 4), method="bounded").x))


def choose(bench: Bench, train: Rows) -> Chosen:
    """Features, then each head's fit and temperature, from the training rows alone."""

    def inner(head: int, ngrams: NgramConfig, how: tuple[float, str | None]) -> float:
        labels, margins, names = held_out(bench, head, train, ngrams, how)
        return macro_f1(labels, names[margins.argmax(axis=1)].astype(object))

    heads = range(len(HEADS))
    ngrams = max(NGRAMS, key=lambda each: sum(inner(head, each, START) for head in heads))
    fits, temperatures = [], []
    for head in heads:
        best = max(FITS, key=lambda how, head=head: inner(head, ngrams, how))  # type: ignore[misc]
        fits.append(best)
        temperatures.append(temperature(*held_out(bench, head, train, ngrams, best)))
    return Chosen(ngrams, tuple(fits), tuple(temperatures))


def train_model(bench: Bench, train: Rows, chosen: Chosen) -> FieldModel:
    """The shippable model of the training rows."""
    matrix, idf = bench.matrix(chosen.ngrams, train)
    names, weights, biases = [], [], []
    for head, (how, factor) in enumerate(zip(chosen.fits, chosen.temperatures, strict=True)):
        rows = np.intersect1d(train, bench.data.known(head))
        model = fit(matrix[rows], bench.data.labels[head][rows], how)
        names.append(tuple(map(str, model.classes_)))
        weights.append(model.coef_.T * factor)
        biases.append(model.intercept_ * factor)
    joined = np.concatenate(weights, axis=1).astype(np.float32)
    bias = np.concatenate(biases).astype(np.float32)
    # Through the shipped form, so that what is measured is what is shipped.
    return FieldModel.from_bytes(
        FieldModel(chosen.ngrams, tuple(names), idf, joined, bias).to_bytes()
    )


def terms_of(pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
    """Weighted terms of every row, the title's three times as in the program's own index."""
    tokenizer, weight = JiebaTokenizer(), round(LexicalConfig().title_weight)
    found = []
    for title, text in pairs:
        terms = [token.term for token in tokenizer.tokenize(title)] * weight
        terms += [token.term for token in tokenizer.tokenize(text)]
        found.append({term: float(times) for term, times in Counter(terms).items()})
    return found


def neighbours(bench: Bench, head: int, known: Rows, test: Rows) -> Labels:
    """Answers of the BM25 baseline for ``test`` from the rows ``known``."""
    labels, groups = bench.data.labels[head][known], bench.data.groups
    documents = [
        [term for term, times in bench.terms[row].items() for _ in range(int(times))]
        for row in known
    ]
    index = LexicalIndex.build(np.arange(len(known)).tolist(), documents, LexicalConfig())
    usual = most_frequent(labels)

    def ranked(row: int) -> list[tuple[str, float]]:
        scores = index.scores(bench.terms[row])
        scores[groups[known] == groups[row]] = 0.0
        best = np.argsort(-scores, kind="stable")[: max(NEIGHBOURS)]
        return [(str(labels[i]), float(scores[i])) for i in best if scores[i] > 0]

    def vote(found: Sequence[tuple[str, float]], k: int) -> str:
        votes: dict[str, float] = {}
        for label, score in found[:k]:
            votes[label] = votes.get(label, 0.0) + score
        return max(sorted(votes), key=lambda label: votes[label]) if votes else usual

    inner = [ranked(int(row)) for row in known]
    best = max(
        NEIGHBOURS,
        key=lambda k: macro_f1(labels, np.array([vote(f, k) for f in inner], dtype=object)),
    )
    return np.array([vote(ranked(int(row)), best) for row in test], dtype=object)


def most_frequent(labels: Labels) -> str:
    """The label that most rows have, first in order among equals."""
    names, times = np.unique(labels.astype(str), return_counts=True)
    return str(names[times.argmax()])


def over_vectors(
    bench: Bench, vectors: NDArray[np.float32], head: int, rows: Rows, test: Rows
) -> Labels:
    """Logistic regression over encoder vectors, its strength chosen by the inner folds."""
    labels = bench.data.labels[head][rows].astype(str)

    def answers(a: Rows, b: Rows, strength: float) -> Labels:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
        return np.asarray(model.fit(vectors[a], _at(a)).predict(vectors[b]), dtype=object)

    def _at(chosen: Rows) -> NDArray[np.str_]:
        return np.asarray(labels[np.searchsorted(rows, chosen)])

    def inner(strength: float) -> float:
        held = np.empty(len(rows), dtype=object)
        for a, b in folds(labels.astype(object), bench.data.groups[rows], INNER_FOLDS):
            held[b] = answers(rows[a], rows[b], strength)
        return macro_f1(labels.astype(object), held)

    return answers(rows, test, max((1.0, 10.0, 100.0), key=inner))


def encode(pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
    """Centred vectors of the title and the text's first ``VECTOR_CHARS`` characters."""
    vectors = default_encoder().encode_passages(
        [f"{title}\n{text[:VECTOR_CHARS]}" for title, text in pairs]
    )
    return np.asarray((vectors - vectors.mean(axis=0)) * 10)
