"""In-text headings, however weakly marked, and never in the middle of a sentence."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.sections import SectionKind, sections

K = SectionKind


def _headed(text: str) -> list[tuple[SectionKind, str]]:
    return [(s.kind, s.content(text)) for s in sections(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "需求内容：轧辊寿命短。\n预期目标: 提高一倍\n现有工作基础：有试验台",
            [(K.PROBLEM, "轧辊寿命短。"), (K.TARGET, "提高一倍"), (K.BASIS, "有试验台")],
        ),
        (
            "应用领域\u00a0陶瓷材料摘要\u00a0本发明涉及一种釉料",
            [(K.APPLICATION, "陶瓷材料"), (K.SUMMARY, "本发明涉及一种釉料")],
        ),
        (
            "应用领域 陶瓷材料摘要 本发明涉及一种釉料",
            [(K.APPLICATION, "陶瓷材料"), (K.SUMMARY, "本发明涉及一种釉料")],
        ),
        (
            "应用领域海洋防腐摘要本发明公开了一种涂层",
            [(K.APPLICATION, "海洋防腐"), (K.SUMMARY, "本发明公开了一种涂层")],
        ),
        (
            "应用领域：用于烧结。现有技术的问题：漏风大。技术优势 （1）密封好",
            [(K.APPLICATION, "用于烧结。"), (K.PROBLEM, "漏风大。"), (K.ADVANTAGE, "（1）密封好")],
        ),
        ("项目简介近年来水泥窑降耗", [(K.SUMMARY, "近年来水泥窑降耗")]),
        (
            "一、项目背景\n钢渣堆存。\n二、主要技术指标\n粒度小于20微米",
            [(K.BACKGROUND, "钢渣堆存。"), (K.TARGET, "粒度小于20微米")],
        ),
        (
            "【创新点】新型催化剂【市场前景】年需万吨",
            [(K.ADVANTAGE, "新型催化剂"), (K.BENEFIT, "年需万吨")],
        ),
        (
            "我们做铸件。目前主要存在以下问题：气孔多。具体技术要求如下：合格率99%",
            [(K.OTHER, "我们做铸件。"), (K.PROBLEM, "气孔多。"), (K.TARGET, "合格率99%")],
        ),
        ("3.技术指标1）强度600MPa", [(K.TARGET, "1）强度600MPa")]),
        ("合作方式：联合开发", [(K.COOPERATION, "联合开发")]),
    ],
)
def test_headings_are_found(text: str, expected: list[tuple[SectionKind, str]]) -> None:
    assert _headed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "该材料在广泛应用领域中表现良好。",
        "应用领域广泛，市场前景广阔。",
        "产品技术优势明显；技术指标达到国内领先。",
        "各项技术指标均符合要求。目标客户为钢厂。",
        "硬度：60HRC，色温：5000K",
        "背景 噪声低",
        "解决了节能与增产难以兼顾的技术难题。",
        "见项目简介中的说明，摘要的写法如前。",
    ],
)
def test_a_word_in_a_sentence_is_no_heading(text: str) -> None:
    assert _headed(text) == [(K.OTHER, text)]


def test_offsets_are_exact() -> None:
    text = "铸件厂。\n【需求内容】 降低废品率"
    before, need = sections(text)
    assert text[before.start : before.end] == "铸件厂。\n"
    assert need.heading is not None
    assert text[slice(*need.heading)] == "【需求内容】 "
    assert text[need.start : need.end] == "【需求内容】 降低废品率"
    assert sections("") == []


@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [*"：\n \u00a0。【】", "应用领域", "摘要", "本发明", "1、", "要求", "如下", "需求内容"]
        ),
        max_size=30,
    ).map("".join)
)
def test_sections_cover_the_text_without_gap_or_overlap(text: str) -> None:
    parts = sections(text)
    assert "".join(text[part.start : part.end] for part in parts) == text
    assert all(part.start < part.end for part in parts)
    for part in parts:
        if part.heading is not None:
            assert part.start == part.heading[0] < part.heading[1] <= part.end


@pytest.mark.parametrize(
    "unit",
    [*"1（<- 【\n要", "要求", "应用领域 ", "应用领域", "的是和", "现有技术", "1、", "主要具体"],
)
def test_long_hostile_texts_take_under_a_second(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    sections(text)
    assert time.perf_counter() - started < 2, unit
