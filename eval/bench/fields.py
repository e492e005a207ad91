"""Technology field and industry from the text: cross-validation, and the shipped model.

    python -m eval.bench.fields DATA [--vectors] [--write | --only-write]

Data: ``DATA/listings`` (one platform). Equal rows are kept once; near copies (same title, or
cosine ≥ 0.6 of 3-gram profiles) form groups that are never cut. Labels: the field from ``industry``
by the table in ``fields_data``; 门类 from ``classification`` of both files; 大类 from that of the
achievements, without the platform's dump 其他制造业. Classes of fewer than 20 groups are "none of
the named": their rows stay, as errors for any named answer, and are no class of the macro-F1; a
大类 that is too rare counts as its 门类, which is one of the classes of that head.

Method: five grouped, stratified folds, the same for all rows below. Ours: linear SVM, one against
the rest, over hashed character n-grams. Within each training part alone three grouped inner folds
choose first the features (n-gram range × title weight, by the sum of the three heads' macro-F1),
then C and class weights for each head, then the temperature of its softmax. Baselines: the most
frequent class; the vote of the nearest neighbours under BM25 (project's tokenizer, title × 3),
weighted by score, their number chosen on the training part, own group left out. --vectors adds
logistic regression over the encoder's vectors of title and first 100 characters, for information.
Intervals: 95 %, 1,000 bootstrap samples of groups, paired. Not inside the folds: the grids and the
2^14 buckets were set after a look at cross-validated scores of the field on the same rows.

Then one model on everything, chosen the same way, is looked at on the sample corpus, which was
written for this project with labels of its own. --write ships it; --only-write skips the
cross-validation.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.fields import HEADS, THRESHOLD, FieldModel, FieldSuggestion, suggestions
from corpus.industries import industry_of
from eval.bench.fields_data import Labelled, read_listings, read_sample
from eval.bench.fields_fit import (
    SEED,
    Bench,
    Labels,
    choose,
    encode,
    folds,
    macro_f1,
    most_frequent,
    neighbours,
    over_vectors,
    terms_of,
    train_model,
)

FOLDS, BOOTSTRAPS = 5, 1000
RESOURCES = Path(__file__).resolve().parents[2] / "corpus" / "resources"
NAMES = dict(zip(HEADS, ("技术领域", "门类", "大类"), strict=True))
OURS, MAJORITY, NEIGHBOUR, VECTORS = "n-grams (ours)", "majority", "BM25 neighbours", "e5 + LR"


@dataclass(frozen=True, slots=True)
class Validated:
    """Held-out answers: ``answers[method][head][row]``; our chances of them; our suggestions."""

    answers: dict[str, list[Labels]]
    chances: list[NDArray[np.float64]]
    suggested: list[FieldSuggestion]
    fold: NDArray[np.int64]


def cross_validate(bench: Bench, vectors: NDArray[np.float32] | None) -> Validated:
    """Every method on the same folds."""
    data, size = bench.data, len(bench.data.pairs)
    methods = [MAJORITY, NEIGHBOUR, OURS, *([VECTORS] if vectors is not None else [])]
    answers = {m: [np.full(size, "", dtype=object) for _ in HEADS] for m in methods}
    chances = [np.zeros(size) for _ in HEADS]
    suggested = [FieldSuggestion()] * size
    fold = np.zeros(size, dtype=np.int64)
    strata = np.where([label is None for label in data.labels[0]], data.labels[1], data.labels[0])
    for number, (train, test) in enumerate(folds(strata, data.groups, FOLDS)):
        fold[test] = number
        chosen = choose(bench, train)
        sys.stderr.write(f"fold {number + 1}: {chosen}\n")
        model = train_model(bench, train, chosen)
        pairs = [data.pairs[row] for row in test]
        for row, found in zip(test, suggestions(model, pairs), strict=True):
            suggested[row] = found
        for head, likely in enumerate(model.probabilities(pairs)):
            names = np.array(model.labels[head], dtype=object)
            answers[OURS][head][test] = names[likely.argmax(axis=1)]
            chances[head][test] = likely.max(axis=1)
            known = np.intersect1d(train, data.known(head))
            answers[MAJORITY][head][test] = most_frequent(data.labels[head][known])
            answers[NEIGHBOUR][head][test] = neighbours(bench, head, known, test)
            if vectors is not None:
                answers[VECTORS][head][test] = over_vectors(bench, vectors, head, known, test)
    return Validated(answers, chances, suggested, fold)


def table(data: Labelled, found: Validated) -> str:
    """Macro-F1 of every method and head, with spread over folds and paired intervals."""
    lines = ["", "head       method            macro-F1   folds mean ± sd   accuracy   "
             "macro-F1 over BM25 [95 %]"]  # fmt: skip
    for head, name in enumerate(HEADS):
        rows = data.known(head)
        labels = data.labels[head][rows]
        counted = Counter(str(label) for label in labels)
        outside = counted.pop("", 0)
        lines.append(f"{NAMES[name]}: {len(rows)} rows, {len(counted)} classes, "
                     f"{outside} rows of none of them")  # fmt: skip
        base = found.answers[NEIGHBOUR][head][rows]
        for method, all_answers in found.answers.items():
            given = all_answers[head][rows]
            by_fold = [
                macro_f1(labels[part], given[part])
                for part in (found.fold[rows] == number for number in range(FOLDS))
            ]
            low, high = _interval(labels, given, base, data.groups[rows])
            lines.append(
                f"           {method:16s}  {macro_f1(labels, given):.3f}      "
                f"{np.mean(by_fold):.3f} ± {np.std(by_fold, ddof=1):.3f}     "
                f"{np.mean(labels == given):.3f}      "
                f"{macro_f1(labels, given) - macro_f1(labels, base):+.3f} [{low:+.3f}, {high:+.3f}]"
            )
        own = found.answers[OURS][head][rows]
        lines.append("           F1 by class (ours; rows): " + ", ".join(
            f"{label} {_f1(labels, own, label):.2f} ({times})"
            for label, times in counted.most_common()))  # fmt: skip
        lines.append(f"           mean chance {found.chances[head][rows].mean():.3f}, "
                     f"right {np.mean(labels == own):.3f}, calibration error (10 bins) "
                     f"{_calibration(found.chances[head][rows], labels == own):.3f}")  # fmt: skip
    return "\n".join(lines)


def shown(data: Labelled, suggested: list[FieldSuggestion]) -> str:
    """How often something is suggested at the threshold, and how often that is right."""
    fields = [
        each.technology_field == label
        for each, label in zip(suggested, data.labels[0], strict=True)
        if label is not None and each.technology_field
    ]
    sections, divisions = [], []
    for each, section, division in zip(suggested, data.labels[1], data.labels[2], strict=True):
        entry = industry_of(each.industry)
        if entry is None or section is None:
            continue
        sections.append(entry.section == section)
        if not entry.is_section and division is not None:
            divisions.append(entry.name == division)
    known = [len(data.known(head)) for head in range(len(HEADS))]
    return "\n".join(
        f"suggested at ≥ {THRESHOLD}: {name} for {len(right)} of {rows} "
        f"({len(right) / max(rows, 1):.0%}), right {np.mean(right or [False]):.1%}"
        for name, right, rows in zip(
            NAMES.values(), (fields, sections, divisions), known, strict=True
        )
    )


def _interval(
    labels: Labels, given: Labels, base: Labels, groups: NDArray[np.int64]
) -> tuple[float, float]:
    """Paired bootstrap over groups of the difference in macro-F1."""
    rng = np.random.default_rng(SEED)
    names, codes = np.unique(np.concatenate([labels, given, base]).astype(str), return_inverse=True)
    truth, ours, theirs = np.split(codes, 3)
    named = np.isin(names, labels.astype(str)) & (names != "")
    _, group = np.unique(groups, return_inverse=True)
    size = int(group.max()) + 1
    differences = []
    for _ in range(BOOTSTRAPS):
        weight = np.bincount(rng.integers(0, size, size), minlength=size)[group]
        scores = [_weighted_f1(truth, answer, weight, len(names))[named] for answer in
                  (ours, theirs)]  # fmt: skip
        differences.append(scores[0].mean() - scores[1].mean())
    low, high = np.quantile(differences, (0.025, 0.975))
    return float(low), float(high)


def _weighted_f1(
    truth: NDArray[np.int64], answer: NDArray[np.int64], weight: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    hits = np.bincount(truth[truth == answer], weight[truth == answer], size)
    both = np.bincount(truth, weight, size) + np.bincount(answer, weight, size)
    return np.asarray(2 * hits / np.maximum(both, 1))


def _f1(labels: Labels, given: Labels, name: str) -> float:
    hits = int(np.sum((labels == name) & (given == name)))
    return 2 * hits / max(int(np.sum(labels == name) + np.sum(given == name)), 1)


def _calibration(chances: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error (Guo et al., ICML 2017), ten bins of equal width."""
    bins = np.minimum((chances * 10).astype(int), 9)
    error = 0.0
    for each in np.unique(bins):
        inside = bins == each
        error += float(np.mean(inside) * abs(chances[inside].mean() - right[inside].mean()))
    return error


def sample_check(model: FieldModel) -> str:
    """The model on everything, seen from another source's labels."""
    sample = read_sample(RESOURCES / "sample")
    lines = [f"\nsample corpus: {len(sample.pairs)} Chinese records, labels of its authors"]
    for head, likely in enumerate(model.probabilities(sample.pairs)):
        names = np.array(model.labels[head], dtype=object)
        learned = np.isin(sample.labels[head].astype(str), names.astype(str))
        right = names[likely.argmax(axis=1)] == sample.labels[head]
        lines.append(
            f"{NAMES[HEADS[head]]}: best answer right {right.mean():.1%} of all; "
            f"{right[learned].mean():.1%} of the {learned.sum()} whose class was learned; "
            f"most frequent label {Counter(sample.labels[head]).most_common(1)[0]}"
        )
    return "\n".join([*lines, shown(sample, suggestions(model, sample.pairs))])


def main(arguments: list[str]) -> None:
    """Cross-validate, train on everything, print, and with --write ship."""
    folder = Path(next(each for each in arguments if not each.startswith("--")))
    bench = Bench(read_listings(folder / "listings"))
    data = bench.data
    sys.stdout.write(
        f"{__doc__}\n{len(data.pairs)} distinct rows in {data.groups.max() + 1} groups\n"
    )
    if "--only-write" not in arguments:
        bench.terms = terms_of(data.pairs)
        vectors = encode(data.pairs) if "--vectors" in arguments else None
        found = cross_validate(bench, vectors)
        sys.stdout.write(f"{table(data, found)}\n{shown(data, found.suggested)}\n")
    everything = np.arange(len(data.pairs))
    chosen = choose(bench, everything)
    model = train_model(bench, everything, chosen)
    content = model.to_bytes()
    sys.stdout.write(f"\non everything: {chosen}\nclasses: {model.labels}\n")
    sys.stdout.write(f"{sample_check(model)}\nresource: {len(content)} bytes\n")
    if {"--write", "--only-write"} & set(arguments):
        (RESOURCES / "fields.npz").write_bytes(content)
        sys.stdout.write("written\n")


if __name__ == "__main__":
    main(sys.argv[1:])
