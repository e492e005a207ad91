"""Languages by script; Japanese characters to Chinese ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.languages import LANGUAGES, chinese_characters, field_languages, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("转炉钢渣制备微粉", "zh"),
        ("轉爐鋼渣製備微粉", "zh"),
        ("与 ABB 公司 PLC 兼容的控制器", "zh"),
        ("引进カゴメ公司的番茄酱生产工艺及配套灌装设备", "zh"),
        ("引进日本の技术，改造本地传统产业的生产设备与管理制度", "zh"),
        ("コークス炉ガスの精製", "ja"),
        ("ｺｰｸｽ", "ja"),
        ("高炉炉頂装入物表面形状計測の研究", "ja"),
        ("鉄鋼製造方法", "ja"),
        ("고로 슬래그 시멘트", "ko"),
        ("리튬이온 battery 팩", "ko"),
        ("与韩国 삼성 公司合作开发的显示面板生产技术", "zh"),
        ("blast furnace slag", "en"),
        ("Prüfgerät für Stahl", "en"),
        ("steelmaking in 唐山, a review of recent work", "en"),
        ("123 ℃", "zh"),
        ("", "zh"),
    ],
)
def test_the_script_tells_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("title", "body", "languages"),
    [
        ("转炉钢渣", "磨成微粉后做水泥", ("zh", "zh")),
        ("IGBT", "功率模块的封装", ("zh", "zh")),
        (
            "转炉钢渣",
            "Slag of converters is ground and used for cement in this work.",
            ("zh", "en"),
        ),
        ("高炉内形状計測", "高炉の中を計測する", ("ja", "ja")),
        ("鉄鋼スラグの利用", "製鋼工程", ("ja", "ja")),
        ("钢渣的利用", "スラグをセメントとして使う研究である", ("zh", "ja")),
        ("슬래그", "Slag for cement", ("ko", "en")),
        ("スラグの利用", "", ("ja", "ja")),
        ("", "", ("zh", "zh")),
    ],
)
def test_title_and_text_tell_each_other_s_language(
    title: str, body: str, languages: tuple[str, str]
) -> None:
    assert field_languages(title, body) == languages


@pytest.mark.parametrize(
    ("japanese", "chinese"),
    [
        ("鉄鉱石", "铁矿石"),
        ("発電検査", "发电检查"),
        ("研究概要", "研究概要"),
        ("戸 ゴム 氷", "户 ゴム 冰"),
    ],
)
def test_japanese_characters_become_chinese_one_for_one(japanese: str, chinese: str) -> None:
    assert chinese_characters(japanese) == chinese


@settings(deadline=None)
@given(
    st.text(st.one_of(st.characters(), st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)))
)
def test_mapping_characters_twice_is_mapping_them_once(text: str) -> None:
    once = chinese_characters(text)
    assert len(once) == len(text)
    assert chinese_characters(once) == once
    assert language_of(text) in LANGUAGES


@pytest.mark.parametrize("piece", ["a", "鉄", "ア", "각", " ", "\u1100", "1"])
def test_a_long_text_takes_time_in_proportion(piece: str) -> None:
    language_of(piece)
    chinese_characters(piece)
    started = time.process_time()
    language_of(piece * 200_000)
    chinese_characters(piece * 200_000)
    assert time.process_time() - started < 2.0
