"""Reading and writing the files of evaluation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.qrels import EvalError, rank_documents, read_qrels, read_run, read_texts, write_run


def _file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "file.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_qrels_are_read(tmp_path: Path) -> None:
    text = "\ufeffN1 0 A1 2\r\n\nN1\t0\tA2  -1\nN1 0 A1 2\nN2 x A1 +3"
    assert read_qrels(_file(tmp_path, text)) == {"N1": {"A1": 2, "A2": -1}, "N2": {"A1": 3}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("N1 0 A1 1\nN1 0 A2\n", "第 2 行：应有 4 列.*实际有 3 列"),
        ("N1 0 A1 1 x", "第 1 行：应有 4 列.*实际有 5 列"),
        ("N1 0 A1 1.5", "第 1 行：等级应是整数.*1.5"),
        ("N1 0 A1 1_0", "等级应是整数"),
        ("N1 0 A1 " + "9" * 5_000, "第 1 行：等级应是整数，最多九位，实际是 '9{40}…'"),
        ("N1 0 A1 1\n\nN1 0 A1 2", "第 3 行：N1 与 A1 前面已标为 1，这里又标为 2"),
        ("", "没有任何标注"),
        (" \n\n", "没有任何标注"),
        ("N1 0 A1 1\nN1 0 需求 1".encode("gb18030"), "第 2 行：不是 UTF-8"),
    ],
)
def test_bad_qrels_are_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(EvalError, match=words) as caught:
        read_qrels(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_eval_error(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="无法读取"):
        read_qrels(tmp_path / "none.txt")
    with pytest.raises(EvalError, match="无法读取"):
        read_qrels(tmp_path)


def test_documents_are_ranked_as_in_trec_eval() -> None:
    assert rank_documents({"A1": 1.0, "A3": 0.5, "A2": 0.5, "A4": 2.0}) == ["A4", "A1", "A3", "A2"]
    # A difference that a 32-bit float cannot hold is a tie.
    assert rank_documents({"A1": 1.0 + 1e-15, "A2": 1.0}) == ["A2", "A1"]
    with pytest.raises(EvalError, match="不是有限的数"):
        rank_documents({"A1": math.nan})


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.sampled_from([0.0, 0.5, 1.0, 1.0 + 1e-15, 1.0 + 1e-6, 7.0]),
        min_size=1,
    )
)
def test_the_tie_order_is_trec_evals(scores: dict[str, float]) -> None:
    """The reciprocal rank of each document in turn tells the order that trec_eval sees."""
    order = rank_documents(scores)
    for achievement in scores:
        [metric] = ir_measures.pytrec_eval.iter_calc(
            [ir_measures.RR], {"N": {achievement: 1}}, {"N": scores}
        )
        assert metric.value == pytest.approx(1 / (order.index(achievement) + 1))


def test_a_run_is_written_in_its_own_order(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text("old")
    run = {"N1": [("A1", 0.1), ("A2", 0.1), ("A3", 0.1 - 1e-12), ("A4", -2.5)], "N2": []}
    write_run(path, run, "zhitong")
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    assert [line[:4] for line in lines] == [
        ["N1", "Q0", "A1", "1"],
        ["N1", "Q0", "A2", "2"],
        ["N1", "Q0", "A3", "3"],
        ["N1", "Q0", "A4", "4"],
    ]
    assert [line[4] for line in lines][::3] == ["0.1", "-2.5"]
    assert {line[5] for line in lines} == {"zhitong"}
    assert [a for a, _ in read_run(path)["N1"]] == ["A1", "A2", "A3", "A4"]
    assert list(tmp_path.iterdir()) == [path]


_SCORES = st.lists(
    st.one_of(
        st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-15, 1 / 61, -1e-45]),
        st.floats(min_value=-1e30, max_value=1e30),
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(scores=_SCORES, data=st.data())
def test_every_tool_sees_the_written_order(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float], data: st.DataObject
) -> None:
    ids = data.draw(st.permutations([f"A{i:02}" for i in range(len(scores))]))
    run = {"N1": list(zip(ids, sorted(scores, reverse=True), strict=True))}
    path = tmp_path_factory.mktemp("runs") / "run.txt"
    write_run(path, run, "t")
    read = read_run(path)["N1"]
    assert [a for a, _ in read] == ids
    written = [score for _, score in read]
    single = np.array(written, dtype=np.float32)
    assert (np.diff(written) < 0).all()
    assert (single[1:] < single[:-1]).all()
    # trec_eval: the last one is found at the last rank.
    read_trec_run: Any = ir_measures.read_trec_run  # untyped
    [metric] = ir_measures.pytrec_eval.iter_calc(
        [ir_measures.RR], {"N1": {ids[-1]: 1}}, read_trec_run(str(path))
    )
    assert metric.value == pytest.approx(1 / len(ids))


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20, unique_by=lambda x: float(np.float32(x))))
def test_distinct_scores_are_written_exactly(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    run = {"N1": [(f"A{i}", s) for i, s in enumerate(sorted(scores, reverse=True))]}
    path = tmp_path_factory.mktemp("runs") / "run.txt"
    write_run(path, run, "t")
    assert read_run(path) == run


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({}, "没有任何排序"),
        ({"N1": []}, "没有任何排序"),
        ({"N 1": [("A1", 1.0)]}, "需求编号 'N 1'"),
        ({"N1": [("", 1.0)]}, "成果编号 ''"),
        ({"N1": [("A1", 1.0), ("A1", 0.5)]}, "出现了两次"),
        ({"N1": [("A1", 1.0), ("A2", 1.5)]}, "排序与分数不一致"),
        ({"N1": [("A1", math.nan)]}, "不是有限的数"),
        ({"N1": [("A1", 1e39)]}, "32 位浮点数"),
        ({"N1": [("A1", -3.4028234663852886e38), ("A2", -3.4028234663852886e38)]}, "太小"),
    ],
)
def test_a_run_that_no_tool_could_read_is_not_written(
    tmp_path: Path, run: dict[str, list[tuple[str, float]]], words: str
) -> None:
    path = tmp_path / "run.txt"
    path.write_text("old")
    with pytest.raises(EvalError, match=words):
        write_run(path, run, "t")
    assert path.read_text() == "old"
    with pytest.raises(EvalError, match="名称"):
        write_run(path, {"N1": [("A1", 1.0)]}, "two words")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "run.txt"
    folder.mkdir()
    (folder / "kept").touch()
    with pytest.raises(EvalError, match="无法写入"):
        write_run(folder, {"N1": [("A1", 1.0)]}, "t")
    with pytest.raises(EvalError, match="无法写入"):
        write_run(tmp_path / "none" / "run.txt", {"N1": [("A1", 1.0)]}, "t")
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("N1 Q0 A1 1 0.5", "第 1 行：应有 6 列.*实际有 5 列"),
        ("N1 Q0 A1 1 high t", "第 1 行：分数应是数字.*high"),
        ("N1 Q0 A1 1 nan t", "第 1 行.*不是有限的数"),
        ("N1 Q0 A1 1 2 t\nN1 Q0 A1 2 1 t", "第 2 行：N1 的排序里 A1 出现了两次"),
        ("", "没有任何排序"),
    ],
)
def test_bad_runs_are_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(EvalError, match=words):
        read_run(_file(tmp_path, content))


def test_texts_are_read(tmp_path: Path) -> None:
    content = (
        '\ufeff{"need_id": "N1", "title": "钢渣\u2028利用", "text": "正文", "more": 1}\n\n'
        '{"need_id": "N2", "title": "氢冶金", "text": null}\r\n{"need_id": "N3", "title": "膜"}'
    )
    assert read_texts(_file(tmp_path, content), "need_id") == [
        {"need_id": "N1", "title": "钢渣\u2028利用", "text": "正文"},
        {"need_id": "N2", "title": "氢冶金", "text": ""},
        {"need_id": "N3", "title": "膜", "text": ""},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"need_id": "N2"', "第 3 行：不是合法的 JSON"),
        ("[1]", "第 3 行：应是一个 JSON 对象"),
        ('{"title": "膜"}', "第 3 行：缺少 need_id"),
        ('{"need_id": 7, "title": "膜"}', "第 3 行：缺少 need_id"),
        ('{"need_id": "N 2", "title": "膜"}', "第 3 行：缺少 need_id"),
        ('{"need_id": "N2"}', "第 3 行：缺少 title"),
        ('{"need_id": "N2", "title": " "}', "第 3 行：缺少 title"),
        ('{"need_id": "N2", "title": "膜", "text": []}', "第 3 行：text 应是字符串"),
        ('{"need_id": "N1", "title": "膜"}', "第 3 行：need_id N1 前面已出现过"),
        (r'{"need_id": "N2", "title": "膜\ud800"}', "第 3 行：含有无法编码的字符"),
        (r'{"need_id": "N\udfff", "title": "膜"}', "第 3 行：含有无法编码的字符"),
    ],
)
def test_bad_texts_are_refused(tmp_path: Path, line: str, words: str) -> None:
    path = _file(tmp_path, f'{{"need_id": "N1", "title": "钢"}}\n\n{line}\n')
    with pytest.raises(EvalError, match=words):
        read_texts(path, "need_id")


def test_empty_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="没有任何记录"):
        read_texts(_file(tmp_path, "\n"), "need_id")


@pytest.mark.data
def test_the_graded_pairs_are_read(data_folder: Path) -> None:
    folder = data_folder / "graded-pairs"
    qrels = read_qrels(folder / "qrels.txt")
    needs = {row["need_id"] for row in read_texts(folder / "needs.jsonl", "need_id")}
    achievements = {
        row["achievement_id"] for row in read_texts(folder / "achievements.jsonl", "achievement_id")
    }
    assert (len(qrels), len(needs), len(achievements)) == (133, 133, 4848)
    assert set(qrels) == needs
    assert {i for grades in qrels.values() for i in grades} <= achievements
