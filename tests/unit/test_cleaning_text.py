"""Texts and titles as people see them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.cleaning.text import clean_text, clean_title

# Pieces that interact: markup within markup, marks at the edges, blanks of every kind.
PIECES = st.sampled_from(
    [
        *'<>&;\\"“”nrt/pb .．－0１Ａ％　。：\n\r\t\u00a0\u200b\ufeff\x00\x85\ud800',
        "&lt;",
        "&amp;",
        "&#92;",
        "&nbsp;",
        "<br>",
        "<p>",
        "</p>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<sup>2</sup>",
        "\\n",
        "\\r\\n",
        "轧辊",
        "contact>",
    ]
)
MESSY = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (r"第一段\n第二段\r\n\t3、耐磨", "第一段\n第二段\n3、耐磨"),
        (r"末尾\n", "末尾"),
        (r"C:\new\table 与 \nu 不变", r"C:\new\table 与 \nu 不变"),
        ("<p>轧辊<b>寿命</b></p><p>短&nbsp;&amp;贵</p>", "轧辊寿命\n短 &贵"),
        ("要求<br/>粒径<10μm，Cr<0.5%，a<b 且 0<x<1", "要求\n粒径<10μm，Cr<0.5%，a<b 且 0<x<1"),
        ("沿<001>方向取向，电话<contact>", "沿<001>方向取向，电话<contact>"),
        ("前<script>alert('x')</script>后<style>p{}</style><!-- 注 -->完", "前 后 完"),
        ("没有<script>关上的", "没有关上的"),
        ("真空度10<sup>4</sup>帕，CO<sub>2</sub>", "真空度10⁴帕，CO2"),
        ('<a href="javascript:x()">链接</a><img src=x onerror=y>图', "链接图"),
        ("&lt;b&gt;粗&lt;/b&gt;", "粗"),
        ("ＧＢ／Ｔ２２９００－２０２２，提高３０％，１．５ｍｍ", "GB／T22900-2022，提高30%，1.5mm"),
        ("全角　空格\u00a0\u00a0与\u200b零宽\ufeff", "全角 空格 与零宽"),
        ("结束。\u00a0\u00a0（2）新的一段", "结束。\n（2）新的一段"),
        ('"1、上料；2、下料。"', "1、上料；2、下料。"),
        ('"他说""好""。"', '他说"好"。'),
        ('"甲"和"乙"', '"甲"和"乙"'),
        ("“整段都在引号里”", "整段都在引号里"),
        ("“甲”与“乙”", "“甲”与“乙”"),
        ("铝\x02合金\x00", "铝合金"),
        ("一\n\n \n二   三\r四", "一\n二 三\n四"),
        ("标点，。；：？！（）不变", "标点，。；：？！（）不变"),
        ("", ""),
    ],
)
def test_a_cell_becomes_readable_text(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("1、高炉煤气脱氯", "高炉煤气脱氯"),
        ("（2）高炉煤气脱氯", "高炉煤气脱氯"),
        ("三、高炉煤气脱氯", "高炉煤气脱氯"),
        ("需求名称：高炉煤气\n脱氯", "高炉煤气 脱氯"),
        ("企业技术需求名称: 2. 高炉煤气脱氯", "高炉煤气脱氯"),
        ("2.5吨电动叉车", "2.5吨电动叉车"),
        ("1,4-丁二醇的合成", "1,4-丁二醇的合成"),
        ("2、6-二甲基萘的分离", "2、6-二甲基萘的分离"),
        ("3D打印用钛粉", "3D打印用钛粉"),
        ("1、甲烷制氢2、氢气提纯", "1、甲烷制氢2、氢气提纯"),
        ("1、", "1、"),
    ],
)
def test_a_title_loses_its_label_and_number(raw: str, cleaned: str) -> None:
    assert clean_title(raw) == cleaned


@settings(max_examples=300, deadline=None)
@given(MESSY)
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    once = clean_text(raw)
    assert clean_text(once) == once
    title = clean_title(raw)
    assert clean_title(title) == title
    assert "\n" not in title


@settings(max_examples=150, deadline=None)
@given(MESSY)
def test_no_script_no_tag_no_control_character_is_left(raw: str) -> None:
    cleaned = clean_text(raw + "<script>alert(1)</script><p>")
    assert "alert" not in cleaned or "<script>" in raw or "<!--" in raw or "\\" in raw
    assert "<p>" not in cleaned
    assert not set(cleaned) & set("\x00\r\t\u200b\ufeff\u00a0\u3000")


@given(st.text(alphabet="轧辊耐磨不锈钢，。；（）0123456789.%", max_size=60))
def test_plain_text_is_left_alone(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        *'1（<-&\\"( ',
        *("&amp;", "\\n", "<p", "<p ", "<script>", "<!--", '""', "<<b>b>", "<sup>"),
        *("&#38;#38;", "１．", "1、", "需求名称：", "\u00a0", "。\u3000"),
    ],
)
def test_long_hostile_cells_take_under_a_second(unit: str) -> None:
    raw = unit * (200_000 // len(unit))
    for text in (raw, "轧辊" + raw + "a"):
        started = time.perf_counter()
        clean_title(text)
        assert time.perf_counter() - started < 1
