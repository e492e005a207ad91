"""Suggested fields and industries. All texts here are written for the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.fields import (
    THRESHOLD,
    FieldModel,
    FieldSuggestion,
    default_model,
    suggest_fields,
    suggest_many,
)
from corpus.industries import industries, industry_of
from corpus.model import CorpusError
from corpus.ngrams import NgramConfig, count
from corpus.taxonomy import technology_fields

CLEAR = [
    ("抗病高产玉米新品种选育", "以自交系为亲本杂交选育，亩产高，抗倒伏，适宜春播种植。",
     "现代农业", "农、林、牧、渔业"),
    ("基于深度学习的图像识别软件平台", "采用卷积神经网络算法，开发服务器软件，实现人脸检测。",
     "电子信息", "信息传输、软件和信息技术服务业"),
    ("抗肿瘤化合物及其药物制剂", "该化合物抑制肿瘤细胞增殖，已完成药效学与毒理实验，可制成片剂。",
     "生物与医药", "制造业"),
    ("高铁列车转向架轴承温度监测", "列车轨道车辆运行中监测轴箱温度，保障铁路行车安全。",
     "海洋与交通", "交通运输、仓储和邮政业"),
    ("石墨烯复合材料制备", "将石墨烯分散于树脂基体，得到高强度纳米复合材料。", "新材料", "制造业"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "field", "section"), CLEAR)
def test_clear_texts_get_their_field_and_section(
    title: str, text: str, field: str, section: str
) -> None:
    found = suggest_fields(title, text)
    assert found.technology_field == field
    entry = industry_of(found.industry)
    assert entry is not None
    assert entry.section == section


def test_suggestions_are_of_the_taxonomies_and_as_probable_as_said() -> None:
    for found in suggest_many([(title, text) for title, text, _, _ in CLEAR]):
        assert found.technology_field in technology_fields()
        assert found.technology_field != "其他"
        assert found.industry in {entry.name for entry in industries()}
        assert THRESHOLD <= found.technology_field_probability <= 1
        assert THRESHOLD <= found.industry_probability <= 1


def test_the_model_names_only_what_the_taxonomies_name() -> None:
    field, section, division = default_model().labels
    assert set(field) <= set(technology_fields())
    sections = {entry.name for entry in industries() if entry.is_section}
    assert set(section) - {""} <= sections
    assert set(division) - {""} <= {entry.name for entry in industries()}


@pytest.mark.parametrize(
    "pair",
    [
        ("", ""),
        ("！？", " \n "),
        ("钢", ""),
        ("water treatment membrane", "a reverse osmosis membrane for brackish water"),
        ("リチウムイオン電池の製造方法", "電極を積層する工程を有する製造方法である。"),
        ("수소연료전지 제조 방법", "전극을 적층하는 단계를 포함한다."),
    ],
)
def test_nothing_is_suggested_without_chinese_text(pair: tuple[str, str]) -> None:
    assert suggest_fields(*pair) == FieldSuggestion()


def test_traditional_and_full_width_text_is_the_same_text() -> None:
    plain = suggest_fields("水稻育种3号", "杂交水稻新品种，适宜种植。")
    assert suggest_fields("水稻育種３號", "雜交水稻新品種，適宜種植。") == plain
    assert plain.technology_field == "现代农业"


words = st.text(alphabet="钢铁水泥玉米软件药物电池污水 ,。aB3\u3000\ud800", max_size=40)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(words, words), max_size=12))
def test_a_row_does_not_depend_on_its_neighbours(pairs: list[tuple[str, str]]) -> None:
    assert suggest_many(pairs) == [suggest_fields(*pair) for pair in pairs]


@settings(max_examples=50, deadline=None)
@given(st.tuples(words, words), st.integers(1, 3))
def test_counts_are_those_of_a_plain_loop(pair: tuple[str, str], longest: int) -> None:
    """Buckets hide the n-grams, so totals are compared: every n-gram counts its weight."""
    config = NgramConfig(longest=longest, bits=20, title_weight=2.0)
    expected = 0.0
    for part, weight in zip(pair, (2.0, 1.0), strict=True):
        for run in "".join(c if c.isalnum() else " " for c in part).split():
            expected += weight * sum(max(len(run) - n + 1, 0) for n in range(1, longest + 1))
    found = count([pair], config)
    assert found.values.sum() == expected
    assert len(found.starts) == 2
    assert np.all(np.diff(found.buckets) > 0)


def test_equal_ngrams_share_a_bucket_and_others_seldom_do() -> None:
    config = NgramConfig(shortest=2, longest=2, bits=20)
    one, other = count([("钢渣", "")], config), count([("", "钢渣")], config)
    assert one.buckets.tolist() == other.buckets.tolist()
    many = [("", chr(0x4E00 + i) + chr(0x4E00 + i * 7 % 20000)) for i in range(2000)]
    assert len(np.unique(count(many, config).buckets)) > 1980


def test_the_resource_holds_arrays_of_numbers_and_class_names_only() -> None:
    model = default_model()
    content = model.to_bytes()
    assert len(content) < 3_000_000
    assert FieldModel.from_bytes(content).to_bytes() == content
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {info.filename for info in archive.infolist()} == {
            "ngrams.npy", "idf.npy", "weights.npy", "bias.npy",
            "labels_technology_field.npy", "labels_section.npy", "labels_division.npy",
        }  # fmt: skip


@pytest.mark.parametrize("keep", [0, 3, 100, 5000, -1])
def test_a_damaged_resource_is_refused(keep: int) -> None:
    with pytest.raises(CorpusError, match=r"fields\.npz"):
        FieldModel.from_bytes(default_model().to_bytes()[:keep])


def test_a_pickle_is_refused() -> None:
    out = BytesIO()
    np.savez(out, ngrams=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CorpusError):
        FieldModel.from_bytes(out.getvalue())


@pytest.mark.parametrize("unit", ["钢", "钢 ", " ", "ﷺ", "a", "\U0001f600", "。"])
def test_hostile_length_costs_no_more_than_its_beginning(unit: str) -> None:
    default_model()
    started = time.perf_counter()
    suggest_fields(unit * 300_000, unit * 300_000)
    assert time.perf_counter() - started < 2.0


def test_importing_the_module_loads_no_learning_library() -> None:
    code = (
        "import sys, corpus.fields as f; f.suggest_fields('水稻育种', '新品种选育与种植');"
        "print(sorted({'sklearn', 'scipy', 'torch', 'jieba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_the_standard_is_complete() -> None:
    sections = [entry for entry in industries() if entry.is_section]
    divisions = [entry for entry in industries() if not entry.is_section]
    assert "".join(entry.code for entry in sections) == "ABCDEFGHIJKLMNOPQRST"
    assert [entry.code for entry in divisions] == [f"{n:02d}" for n in range(1, 98)]
    assert len({entry.name for entry in industries()}) == 117 - 3  # 房地产业, 教育, 国际组织


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("制造业——汽车制造业", "汽车制造业"),
        ("制造业-非金属矿物制品业", "非金属矿物制品业"),
        ("农,林,牧,渔业", "农、林、牧、渔业"),
        ("电力、热力、燃气、及水生产和供应业", "电力、热力、燃气及水生产和供应业"),
        ("农、林、牧、渔服务业", "农、林、牧、渔专业及辅助性活动"),
        ("C", "制造业"),
        ("31", "黑色金属冶炼和压延加工业"),
        ("制造业——没有这个大类", "制造业"),
        ("教育", "教育"),
        ("制造业建筑业", None),
        ("", None),
        ("——", None),
    ],
)
def test_an_industry_is_known_by_its_names(label: str, name: str | None) -> None:
    found = industry_of(label)
    assert (found.name if found else None) == name


@pytest.mark.data
def test_two_thousand_rows_a_second(data_folder: Path) -> None:
    """In processor time: what else runs on the machine does not count."""
    lines = (data_folder / "listings" / "achievements.jsonl").read_text("utf-8").splitlines()
    pairs = [(row["name"], row["context"]) for row in map(json.loads, lines[:2000])]
    default_model()
    started = time.process_time()
    suggest_many(pairs)
    assert time.process_time() - started < 1.0
