"""Fields of a text: spans that cover it, by its headings."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer.fields as fields
from corpus.sections import SectionKind
from indexer.fields import LAYERS, Layer, Places, fingerprint, layers, long_pieces, pieces

HEADED = (
    "某厂的转炉渣堆放多年。技术背景：渣的活性低。\n技术难题：磨细能耗高。\n"
    "技术指标：比表面积不低于四百。\n应用领域：水泥与混凝土。\n合作方式：面议。"
)
parts = st.lists(
    st.sampled_from(
        [
            "技术难题：",
            "应用领域：",
            "技术指标：",
            "【解决方案】",
            "\n",
            "磨细。",
            "简介 ",
            "9%",
            " ",
        ]
    ),
    max_size=20,
)


def texts(body: str, title: str = "渣") -> dict[Layer, list[str]]:
    return {
        layer: [(title if layer is Layer.TITLE else body)[slice(*span)] for span in spans]
        for layer, spans in layers(title, body).items()
    }


def test_each_heading_opens_its_field() -> None:
    found = texts(HEADED)
    assert found[Layer.TITLE] == ["渣"]
    assert found[Layer.PROBLEM] == ["技术背景：渣的活性低。\n技术难题：磨细能耗高。\n"]
    assert found[Layer.INDICATORS] == ["技术指标：比表面积不低于四百。\n"]
    assert found[Layer.APPLICATION] == ["应用领域：水泥与混凝土。\n"]
    assert found[Layer.OTHER] == ["某厂的转炉渣堆放多年。", "合作方式：面议。"]


def test_a_text_without_headings_is_other() -> None:
    assert layers("渣", "磨细后做水泥。") == {Layer.TITLE: [(0, 1)], Layer.OTHER: [(0, 7)]}


def test_what_is_not_there_has_no_field() -> None:
    assert layers("", "") == {}
    assert layers("渣", "") == {Layer.TITLE: [(0, 1)]}


@given(parts.map("".join))
def test_the_fields_cover_the_text_without_gap_or_overlap(body: str) -> None:
    spans = sorted(
        span for layer, some in layers("", body).items() for span in some if layer in LAYERS
    )
    assert [start for start, _ in spans] + [len(body)] == [0, *(end for _, end in spans)][
        : len(spans) + 1
    ]
    assert all(start < end for start, end in spans)
    cut = pieces(body)
    assert all(a[0] is not b[0] for a, b in pairwise(cut))
    places = Places(body)
    for layer, start, end in cut:
        assert {places.layer(place) for place in range(start, end)} == {layer}


@given(parts.map("".join), st.integers(1, 30))
def test_long_pieces_cover_the_text_and_are_long(body: str, least: int) -> None:
    cut = long_pieces(body, least)
    assert "".join(body[start:end] for _, start, end in cut) == body
    assert all(a[0] is not b[0] for a, b in pairwise(cut))
    assert len(cut) < 2 or all(end - start >= least for _, start, end in cut)
    assert long_pieces(body, 1) == pieces(body)


def test_a_short_piece_joins_its_neighbour_and_takes_its_field() -> None:
    body = (
        f"前言。技术难题：{'磨' * 60}。技术指标：高。技术难题：{'渣' * 50}。应用领域：{'泥' * 60}"
    )
    cut = long_pieces(body, 40)
    assert [layer for layer, _, _ in cut] == [Layer.PROBLEM, Layer.APPLICATION]
    assert body[cut[1][1] :] == f"应用领域：{'泥' * 60}"


def test_the_numbers_on_disk_are_the_order() -> None:
    assert [layer.number for layer in LAYERS] == list(range(6))
    assert LAYERS[0] is Layer.TITLE


def test_other_rules_have_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint()
    assert before == fingerprint()
    monkeypatch.setitem(fields._LAYER_OF, SectionKind.BASIS, Layer.PROBLEM)
    assert fingerprint() != before
    monkeypatch.undo()
    monkeypatch.setattr(fields, "rules", lambda: ["another heading"])
    assert fingerprint() != before
