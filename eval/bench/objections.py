"""Objections to the judged pairs of the sample corpus: how many, how fast, and a draw to read.

    python -m eval.bench.objections [HOW_MANY]

Method: every judged pair of the sample corpus with a grade of at least 1 is judged as of
2026-11-25, with the rows of the indicator check. Printed: objections by code; the draw, stratified
by code (those from an empty field left out, since they are true by construction), with the quotes
of both sides for a person to mark right or wrong; and the mean processor time of a whole pair of
texts of 2,000 characters, nothing prepared beforehand and without the indicator check, after a
warm-up.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

from corpus.importing.profiles import plain_profile
from corpus.importing.rows import to_record
from corpus.model import Achievement, Kind, Need
from eval.qrels import read_qrels
from matcher.indicators import check
from matcher.objections import Objection, next_questions, objections, quote

SEED = 20261125
TODAY = date(2026, 11, 25)
LENGTH = 2000

Judged = tuple[Need, Achievement, int]


def sample_pairs(least: int) -> list[Judged]:
    """The judged pairs of the sample corpus from a grade on, with all their fields."""
    with resources.as_file(resources.files("corpus.resources").joinpath("sample")) as folder:
        needs = {r.key: r for r in _records(folder / "needs.jsonl", Kind.NEED)}
        offers = {r.key: r for r in _records(folder / "achievements.jsonl", Kind.ACHIEVEMENT)}
        qrels = read_qrels(folder / "qrels.txt")
    found = []
    for need, grades in qrels.items():
        for key, grade in grades.items():
            wanted, offer = needs[need], offers[key]
            if grade >= least and isinstance(wanted, Need) and isinstance(offer, Achievement):
                found.append((wanted, offer, grade))
    return found


def judged(pair: Judged) -> tuple[Objection, ...]:
    """All objections to a pair, those of the indicator check among them."""
    need, offer, _ = pair
    rows = check(need.title, need.body, offer.title, offer.body)
    return objections(need, offer, TODAY, rows)


def draw(
    found: Sequence[tuple[Judged, Objection]], how_many: int
) -> list[tuple[Judged, Objection]]:
    """``how_many`` objections, one of each code after another."""
    rng = random.Random(SEED)  # noqa: S311
    by_code = defaultdict(list)
    for pair, objection in found:
        if objection.empty is None:
            by_code[objection.code].append((pair, objection))
    for rows in by_code.values():
        rng.shuffle(rows)
    drawn: list[tuple[Judged, Objection]] = []
    while len(drawn) < how_many and any(by_code.values()):
        drawn += [rows.pop() for rows in by_code.values() if rows]
    return drawn[:how_many]


def milliseconds(pairs: Sequence[Judged]) -> float:
    """Mean processor time of a pair whose texts are made ``LENGTH`` characters long."""
    long = [
        (_longer(need), replace(offer, text=(offer.text * LENGTH)[:LENGTH]))
        for need, offer, _ in pairs[:40]
    ]
    for need, offer in long:
        objections(need, offer, TODAY)
    start = time.process_time()
    for need, offer in long:
        objections(need, offer, TODAY)
    return (time.process_time() - start) / len(long) * 1000


def main(arguments: Sequence[str]) -> None:
    """Judge, draw, print."""
    pairs = sample_pairs(1)
    found = [(pair, o) for pair in pairs for o in judged(pair)]
    codes = Counter(o.code for _, o in found)
    lines = [__doc__ or "", f"pairs: {len(pairs)}, objections: {len(found)}"]
    lines += [f"  {code.value}: {count}" for code, count in codes.most_common()]
    for number, ((need, offer, grade), o) in enumerate(
        draw(found, int(arguments[0]) if arguments else 60), start=1
    ):
        lines.append(
            f"{number}. [{o.code}·{o.severity}] {need.key}–{offer.key} ({grade}) {o.sentence}\n"
            f"     {need.title} | {offer.title}\n"
            f"     {[quote(need, s) for s in o.need_spans]} "
            f"{[quote(offer, s) for s in o.achievement_spans]}"
        )
    need, offer, _ = pairs[0]
    asked = next_questions(need, offer, judged(pairs[0]))
    lines += [f"questions of the first pair: {[q.text for q in asked]}"]
    lines += [f"mean processor time of a pair of {LENGTH} characters: {milliseconds(pairs):.2f} ms"]
    sys.stdout.write("\n".join(lines) + "\n")


def _longer(need: Need) -> Need:
    return replace(need, text=(need.text * LENGTH)[:LENGTH])


def _records(path: Path, kind: Kind) -> Iterator[Need | Achievement]:
    for line in path.read_text("utf-8").splitlines():
        yield to_record(json.loads(line), plain_profile(kind), TODAY).record


if __name__ == "__main__":
    main(sys.argv[1:])
