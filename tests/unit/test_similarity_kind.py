"""The kind of similarity: labelled pairs of our own, and what must hold for any texts."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.model import Achievement, Need
from matcher.similarity_kind import SimilarityKind, kind_of, similarity_kind, traits

FOLDER = Path(__file__).parent
NONE = "不判"


def pairs(name: str) -> list[list[str]]:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def counted(rows: list[list[str]]) -> Counter[tuple[str, str]]:
    told: Counter[tuple[str, str]] = Counter()
    for label, need_title, need_text, need_field, title, text, field in rows:
        kind = similarity_kind(
            Need(key="N", title=need_title, text=need_text, technology_field=need_field),
            Achievement(key="A", title=title, text=text, technology_field=field),
        )
        told[label, kind.kind.value if kind else NONE] += 1
    return told


def shares(told: Counter[tuple[str, str]]) -> tuple[float, float]:
    """Right among the told; told among those that have a kind."""
    said = sum(n for (_, got), n in told.items() if got != NONE)
    right = sum(n for (label, got), n in told.items() if got == label != NONE)
    kinds = sum(n for (label, _), n in told.items() if label != NONE)
    return right / said, said / kinds


@pytest.mark.parametrize(
    ("name", "part", "least_right", "least_told"),
    [
        ("similarity_pairs.tsv", slice(0, None, 2), 0.95, 0.80),
        ("similarity_pairs.tsv", slice(1, None, 2), 0.95, 0.80),
        ("similarity_fresh.tsv", slice(None), 0.88, 0.75),
    ],
)
def test_labelled_pairs(name: str, part: slice, least_right: float, least_told: float) -> None:
    rows = pairs(name)[part]
    told = counted(rows)
    right, share = shares(told)
    assert right >= least_right, told
    assert share >= least_told, told
    assert not any(n for (label, got), n in told.items() if label == NONE != got), told


def test_there_are_enough_pairs_of_each_kind() -> None:
    rows = pairs("similarity_pairs.tsv")
    assert len(rows) >= 60
    labels = Counter(row[0] for row in rows)
    assert set(labels) == {*SimilarityKind, NONE}
    assert min(labels.values()) >= 15


def test_the_same_field_is_no_other_trade() -> None:
    need = Need(key="N", title="瓷砖针孔机器视觉检测", technology_field="先进制造")
    offer = Achievement(key="A", title="极片划痕机器视觉检测", technology_field="先进制造")
    assert similarity_kind(need, offer) is None
    other = Achievement(key="A", title=offer.title, technology_field="电子信息")
    found = similarity_kind(need, other)
    assert found is not None
    assert found.kind is SimilarityKind.CROSS_TRADE


WORDS = """
轧辊 检测 修复 系统 传感器 机器视觉 国产化 希望 带钢 钢渣 除尘灰 。 ， <b> é 😀 鋼渣
"""
texts = st.text(max_size=100) | st.lists(
    st.sampled_from([*WORDS.split(), " ", "\n", "\ud800"]), max_size=25
).map("".join)


@settings(max_examples=150, deadline=None)
@given(texts, texts, texts, texts, st.sampled_from(("", "新材料", "化工")))
def test_a_kind_always_shows_its_words(a: str, b: str, c: str, d: str, field: str) -> None:
    need = Need(key="N", title=a, text=b, technology_field=field)
    offer = Achievement(key="A", title=c, text=d, technology_field="新材料")
    found = similarity_kind(need, offer)
    assert found == kind_of(traits(need), traits(offer))
    if found is None:
        return
    assert found.sentence.endswith("。")
    for record, spans in ((need, found.need_spans), (offer, found.achievement_spans)):
        assert spans
        for span in spans:
            text = record.title if span.field == "title" else record.body
            assert 0 <= span.start < span.end <= len(text)


@pytest.mark.parametrize("piece", ["轧辊", "检测", "a", "<td>", "希望。", "，"])
def test_long_texts_cost_no_more_than_their_beginning(piece: str) -> None:
    text = piece * 100_000
    started = time.process_time()
    similarity_kind(Need(key="N", title=text, text=text), Achievement(key="A", title=text))
    assert time.process_time() - started < 2.0
