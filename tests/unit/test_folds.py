"""Folds: nothing of a test need or document, nor a near copy of it, is learnt."""

from __future__ import annotations

import time
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.experiment import Collection
from eval.folds import Folds, foreign_pairs, near_copies, similar_sets, split
from eval.qrels import EvalError
from matcher.query import Query

WORDS = ("钢渣", "骨瓷", "板栗", "烟气", "轧辊", "尾矿", "余热", "釉面")
titles = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("".join)


@st.composite
def collections(draw: st.DrawFn) -> Collection:
    """Few words, so that near copies are common."""
    needs = draw(st.lists(titles, min_size=6, max_size=14))
    achievements = draw(st.lists(titles, min_size=1, max_size=12))
    keys = [f"A{i}" for i in range(len(achievements))]
    qrels = {
        f"N{i}": draw(st.dictionaries(st.sampled_from(keys), st.integers(0, 3), min_size=1))
        for i in range(len(needs))
    }
    return Collection(
        {f"N{i}": Query(title) for i, title in enumerate(needs)},
        {key: Query(title) for key, title in zip(keys, achievements, strict=True)},
        qrels,
    )


def _split(labelled: Collection, count: int = 3, seed: int = 1) -> Folds | None:
    groups = set(near_copies([labelled.needs[need] for need in sorted(labelled.qrels)]))
    if len(groups) < count:
        with pytest.raises(EvalError, match="分不成"):
            split(labelled, count, seed)
        return None
    return split(labelled, count, seed)


def _close(left: str, right: str) -> bool:
    """By hand: equal, or half of the character pairs of both in common."""
    pairs = [{title[i : i + 2] for i in range(len(title) - 1)} for title in (left, right)]
    return left == right or len(pairs[0] & pairs[1]) >= 0.5 * len(pairs[0] | pairs[1])


@given(collections(), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_every_need_is_tested_once_and_by_no_copy_of_it(labelled: Collection, seed: int) -> None:
    folds = _split(labelled, seed=seed)
    if folds is None:
        return
    tested = [need for fold in folds.folds for need in fold.test]
    assert sorted(tested) == sorted(labelled.qrels)
    for fold in folds.folds:
        assert set(fold.train) == set(labelled.qrels) - set(fold.test)
        for test in fold.test:
            for train in fold.train:
                assert not _close(labelled.needs[test].title, labelled.needs[train].title)


@given(collections())
@settings(deadline=None, max_examples=40)
def test_no_test_document_nor_a_copy_of_it_is_learnt(labelled: Collection) -> None:
    folds = _split(labelled)
    if folds is None:
        return
    for fold in folds.folds:
        pairs, removed = folds.training_pairs(fold)
        tested = {key for need in fold.test for key in labelled.qrels[need]}
        assert set(pairs) <= set(fold.train)
        for grades in pairs.values():
            assert grades
            for key in grades:
                title = labelled.achievements[key].title
                assert not any(_close(title, labelled.achievements[t].title) for t in tested)
        available = sum(len(labelled.qrels[need]) for need in fold.train)
        assert removed.kept == sum(map(len, pairs.values()))
        assert removed.kept + removed.same_achievement + removed.near_copy == available


@given(collections())
@settings(deadline=None, max_examples=40)
def test_folds_differ_by_no_more_than_the_largest_group(labelled: Collection) -> None:
    folds = _split(labelled)
    if folds is None:
        return
    sizes = [sum(len(labelled.qrels[need]) for need in fold.test) for fold in folds.folds]
    groups: dict[int, int] = {}
    for need, group in folds.need_group.items():
        groups[group] = groups.get(group, 0) + len(labelled.qrels[need])
    assert max(sizes) - min(sizes) <= max(groups.values())
    assert split(labelled, 3, 1) == folds


@given(st.lists(st.frozensets(st.integers(0, 12), max_size=8), max_size=20),
       st.sampled_from([0.2, 0.5, 0.6, 2 / 3, 1.0]))  # fmt: skip
def test_all_similar_sets_are_found(sets: list[frozenset[int]], share: float) -> None:
    expected = [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(sets), 2)
        if a and b and len(a & b) >= share * len(a | b) - 1e-9
    ]
    assert similar_sets(sets, share) == expected


def test_texts_make_copies_too_but_not_short_ones() -> None:
    text = "转炉钢渣磨细以后活性很低，希望找到提高活性的办法。"
    assert near_copies([Query("甲厂的难题", text), Query("乙厂所求", text + "急需。")]) == [0, 0]
    assert near_copies([Query("甲厂的难题", "急需"), Query("乙厂所求", "急需")]) == [0, 1]
    # Another number makes another thing, but the pair has been seen all the same.
    assert near_copies([Query("年产30万吨钢渣微粉"), Query("年产60万吨钢渣微粉")]) == [0, 0]


def test_another_set_is_learnt_from_without_copies_of_what_is_ranked() -> None:
    source = Collection(
        {"n1": Query("钢渣微粉的活化"), "n2": Query("板栗防霉"), "n0": Query("没有判定")},
        {"a1": Query("烟气余热回收"), "a2": Query("骨质瓷釉面修补"), "a3": Query("尾矿制砖")},
        {"n1": {"a1": 3, "a2": 0}, "n2": {"a2": 1, "a3": 2}},
    )
    target = Collection(
        {"m": Query("钢渣微粉活化")}, {"b": Query("骨质瓷的釉面修补")}, {"m": {"b": 3}}
    )
    pairs, removed = foreign_pairs(source, target)
    assert pairs == {"n2": {"a3": 2}}
    assert (removed.kept, removed.near_copy, removed.near_need) == (1, 1, 2)


def test_what_cannot_be_split_is_said() -> None:
    labelled = Collection({"n": Query("钢渣")}, {"a": Query("矿渣")}, {"n": {"a": 1, "b": 2}})
    with pytest.raises(EvalError, match="成果 b 没有文字"):
        split(labelled, 2)
    with pytest.raises(ValueError, match="at least 2"):
        split(labelled, 1)
    with pytest.raises(ValueError, match="share"):
        similar_sets([frozenset({1})], 0.0)


def test_hostile_texts_are_no_hang() -> None:
    started = time.perf_counter()
    near_copies([Query("钢" * 50_000, "渣" * 200_000), Query("，" * 50_000, "1." * 100_000)] * 20)
    assert time.perf_counter() - started < 20
