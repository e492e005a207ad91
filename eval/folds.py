"""Folds by need, so that a learned ranker is measured on needs it has not seen, nor nearly.

Two leaks are closed. Needs that are near copies of each other are always in one fold, so a need is
never ranked by a model that was fitted on its copy. And because one achievement may be judged for
several needs, `training_pairs` leaves out of the training every pair whose achievement, or a near
copy of it, is judged for a need of the test fold: nothing about a test document is learnt.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from corpus.duplicates.groups import DisjointSets
from corpus.duplicates.profile import SHINGLE, Document, profile, shingle_hashes
from eval.experiment import Collection
from eval.qrels import EvalError, Qrels
from matcher.query import Query

FOLDS = 5
SEED = 20_021
NEAR_COPY = 0.5
"""Jaccard index of character pairs of two titles, or of character triples of two texts, from which
they count as near copies. Lower than where duplicates are merged: here a pair too many costs a few
training pairs, and a pair too few is a leak."""
SHORT_TEXT = 12
"""Characters below which a text says too little to make two needs copies."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Needs to be ranked, and the needs that a ranker of them may be fitted on."""

    number: int  # from 1
    test: tuple[str, ...]
    train: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of the judged pairs of a fold's training needs."""

    kept: int
    same_achievement: int
    """Left out: the achievement itself is judged for a test need."""
    near_copy: int
    """Left out: only a near copy of the achievement is."""
    near_need: int = 0
    """Left out: the need is a near copy of one of another set's that is to be ranked."""


@dataclass(frozen=True, slots=True)
class Folds:
    """A split of all judged needs of a collection; `split` makes it."""

    folds: tuple[Fold, ...]
    need_group: Mapping[str, int]
    """Needs with an equal number are near copies, directly or by a chain."""
    achievement_group: Mapping[str, int]
    """The same for all achievements that are judged."""
    qrels: Qrels

    def training_pairs(self, fold: Fold) -> tuple[dict[str, dict[str, int]], Removed]:
        """The judgements that a ranker of ``fold.test`` may learn from, and what was left out.

        A training need of which nothing is left is not in it.
        """
        tested = {key for need in fold.test for key in self.qrels[need]}
        near = {self.achievement_group[key] for key in tested}
        kept: dict[str, dict[str, int]] = {}
        same = copies = 0
        for need in fold.train:
            for key, grade in self.qrels[need].items():
                if key in tested:
                    same += 1
                elif self.achievement_group[key] in near:
                    copies += 1
                else:
                    kept.setdefault(need, {})[key] = grade
        return kept, Removed(sum(map(len, kept.values())), same, copies)


def split(collection: Collection, count: int = FOLDS, seed: int = SEED) -> Folds:
    """Split the judged needs of a collection into ``count`` folds.

    Groups of near copies are shuffled by ``seed``, then placed largest first (by judged pairs)
    into the fold with the fewest pairs so far. So two folds differ by at most the pairs of the
    largest group, and equal input gives equal folds.

    Raises:
        EvalError: there are fewer groups of needs than folds, or a judged achievement has no text.
        ValueError: ``count`` is below 2.
    """
    if count < 2:
        raise ValueError(f"count must be at least 2, not {count}")
    needs = sorted(need for need in collection.qrels if need in collection.needs)
    qrels = {need: collection.qrels[need] for need in needs}
    keys = sorted({key for need in needs for key in qrels[need]})
    unknown = [key for key in keys if key not in collection.achievements]
    if unknown:
        raise EvalError(f"判定里的成果 {unknown[0]} 没有文字。请补上这条成果，或删去它的判定。")
    need_group = dict(
        zip(needs, near_copies([collection.needs[need] for need in needs]), strict=True)
    )
    titles = [Query(collection.achievements[key].title) for key in keys]
    achievement_group = dict(zip(keys, near_copies(titles), strict=True))
    folds = _placed(need_group, {need: len(qrels[need]) for need in needs}, count, seed)
    return Folds(folds, need_group, achievement_group, qrels)


def foreign_pairs(
    source: Collection, target: Collection
) -> tuple[dict[str, dict[str, int]], Removed]:
    """The judgements of ``source`` that a ranker of another set may learn from.

    Needs of ``source`` that are near copies of a need of ``target`` are left out, and of the others
    the pairs whose achievement is a near copy of one of ``target``'s judged achievements.
    """
    needs = [need for need in source.qrels if need in source.needs]
    keys = sorted({key for need in needs for key in source.qrels[need]} & set(source.achievements))
    tested = sorted({key for grades in target.qrels.values() for key in grades})
    close_needs = _close([source.needs[n] for n in needs], list(target.needs.values()))
    close_keys = _close(
        [Query(source.achievements[key].title) for key in keys],
        [Query(target.achievements[key].title) for key in tested if key in target.achievements],
    )
    near_needs = {need for need, close in zip(needs, close_needs, strict=True) if close}
    near_keys = {key for key, close in zip(keys, close_keys, strict=True) if close}
    kept: dict[str, dict[str, int]] = {}
    by_need = copies = 0
    for need in needs:
        for key, grade in source.qrels[need].items():
            if need in near_needs:
                by_need += 1
            elif key in near_keys:
                copies += 1
            else:
                kept.setdefault(need, {})[key] = grade
    return kept, Removed(sum(map(len, kept.values())), 0, copies, by_need)


def _close(mine: Sequence[Query], others: Sequence[Query]) -> list[bool]:
    """For each of ``mine``, whether it is in a group with one of ``others``."""
    groups = near_copies([*mine, *others])
    taken = set(groups[len(mine) :])
    return [group in taken for group in groups[: len(mine)]]


def near_copies(documents: Sequence[Query], share: float = NEAR_COPY) -> list[int]:
    """A group number for each document; documents of one group are near copies by a chain.

    Two documents are near copies where their folded titles are equal, or `share` of the character
    pairs of both titles or of the character triples of both texts are common (Jaccard index). All
    such pairs are found, not a sample of them. Numbers run from 0 in order of appearance.
    """
    profiles = [profile(Document(i, each.title, each.text)) for i, each in enumerate(documents)]
    groups = DisjointSets()
    by_title: dict[str, int] = {}
    for i, each in enumerate(profiles):
        groups.join(i, by_title.setdefault(each.title, i))
    titles = [frozenset(shingle_hashes(each.title, 2).tolist()) for each in profiles]
    texts = [
        frozenset(shingle_hashes(each.body, SHINGLE).tolist())
        if len(each.body) >= SHORT_TEXT
        else frozenset[int]()
        for each in profiles
    ]
    for sets in (titles, texts):
        for i, j in similar_sets(sets, share):
            groups.join(i, j)
    first: dict[int, int] = {}
    return [first.setdefault(groups.of(i), len(first)) for i in range(len(profiles))]


def similar_sets(sets: Sequence[frozenset[int]], share: float) -> list[tuple[int, int]]:
    """All (i, j), i < j, of sets whose Jaccard index is at least ``share``; empty sets have none.

    Exact. Sets that are that alike have a common member among the ``n − ⌈share·n⌉ + 1`` rarest of
    each, so only those are looked up (prefix filter: Bayardo, Ma & Srikant 2007, WWW, §3).

    Raises:
        ValueError: ``share`` is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], not {share}")
    often = Counter(member for each in sets for member in each)
    holders: dict[int, list[int]] = defaultdict(list)
    found = []
    for j, each in enumerate(sets):
        rarest = sorted(each, key=lambda member: (often[member], member))
        # The margin keeps 0.6 · 5 at 3 although it is a little more in binary.
        prefix = rarest[: len(each) - math.ceil(share * len(each) - 1e-9) + 1]
        for i in sorted({i for member in prefix for i in holders[member]}):
            common = len(each & sets[i])
            if common >= share * (len(each) + len(sets[i]) - common) - 1e-9:
                found.append((i, j))
        for member in prefix:
            holders[member].append(j)
    return sorted(found)


def _placed(
    group: Mapping[str, int], pairs: Mapping[str, int], count: int, seed: int
) -> tuple[Fold, ...]:
    members: dict[int, list[str]] = defaultdict(list)
    for need, number in group.items():
        members[number].append(need)
    if len(members) < count:
        raise EvalError(
            f"只有 {len(members)} 组互不相近的需求，分不成 {count} 份。请增加已标注的需求。"
        )
    groups = list(members.values())
    order = np.random.default_rng(seed).permutation(len(groups))
    sizes = [_pairs(needs, pairs) for needs in groups]
    placed: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for at in sorted(order.tolist(), key=lambda at: -sizes[at]):
        lightest = min(range(count), key=lambda fold: (loads[fold], len(placed[fold]), fold))
        placed[lightest] += groups[at]
        loads[lightest] += sizes[at]
    every = set(group)
    return tuple(
        Fold(number, tuple(sorted(test)), tuple(sorted(every.difference(test))))
        for number, test in enumerate(placed, 1)
    )


def _pairs(needs: Iterable[str], pairs: Mapping[str, int]) -> int:
    return sum(pairs[need] for need in needs)
