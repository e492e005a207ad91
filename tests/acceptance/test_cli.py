"""The command line, as a stranger and as a program use it.

Every step that a process may spoil (start, end, output, exit code, two runs in a row) is a real
process once; what is asked of the commands beyond that runs in this one, with the real model.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from indexer.build import Makers
from tests.acceptance.conftest import Done, Run, here


def test_the_demo_shows_pairs_with_reasons_and_writes_the_workbook(demo: str) -> None:
    assert "最值得先看的对接" in demo
    assert "共同的词" in demo
    assert "zhitong serve --demo" in demo
    assert "zhitong import" in demo
    path = Path(re.search(r"对接清单：(.+\.xlsx)", demo)[1])  # type: ignore[index]
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["对接清单", "暂无合适成果", "说明"]
    header, *rows = book.get_sheet_by_name("对接清单").to_python()
    pairs = re.search(r"共 (\d+) 对", demo)
    answered = re.search(r"(\d+) 条需求中 (\d+) 条找到了成果", demo)
    assert pairs
    assert answered
    assert len(rows) == int(pairs[1])
    assert len({row[0] for row in rows}) == int(answered[2])
    unanswered = book.get_sheet_by_name("暂无合适成果").to_python()[1:]
    assert len(unanswered) == int(answered[1]) - int(answered[2])
    for row in rows:
        cells: dict[Any, Any] = dict(zip(header, row, strict=True))
        parts = [cells[c] for c in ("起点", "意思相近", "泛泛相近", "用词相同")]
        assert cells["总分"] == pytest.approx(math.fsum(parts), abs=1e-12)
        assert cells["可能性"] == pytest.approx(1 / (1 + math.exp(-cells["总分"])), abs=1e-12)
        assert cells["等级"] in ("强", "较强", "弱")
        assert cells["需求原句"]
        assert cells["成果原句"]


def test_a_second_demo_changes_nothing(demo: str, run: Run) -> None:
    again = run("demo")
    assert again.returncode == 0
    assert again.stdout == demo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def zhitong(
    home: Path, monkeypatch: pytest.MonkeyPatch, model_cache: Path, makers: Makers
) -> Callable[..., Done]:
    """Run a command in this process, with the real model."""
    return here(monkeypatch, home, model_cache, makers)


def test_import_index_search_match(
    run: Run, zhitong: Callable[..., Done], home: Path, tmp_path: Path
) -> None:
    achievements = tmp_path / "成果.csv"
    achievements.write_text(
        "编号,成果名称,成果简介,单位,地区,成熟度\n"
        "1,转炉钢渣微粉活化技术,复合激发剂使活性指数达到85%以上，用作水泥掺合料。,甲所（示例）,北京,通过中试\n"
        "2,板栗低温保鲜,气调库与涂膜结合，好果率高。,乙院（示例）,天津,可以量产\n"
        "3,,没有名称,丙院（示例）,天津,可以量产\n",
        "utf-8",
    )
    needs = tmp_path / "needs.jsonl"
    needs.write_text('{"id":"N1","title":"钢渣微粉活性低","text":"想用作水泥掺合料"}\n', "utf-8")

    dry = zhitong("import", str(achievements), "--kind", "achievements", "--dry-run")
    assert dry.returncode == 1
    assert "第 4 行：缺少成果名称" in dry.stderr
    assert zhitong("search", "钢渣").returncode == 2

    first = zhitong("import", str(achievements), "--kind", "achievements", "--json")
    assert [r["new"] for r in json.loads(first.stdout)] == [2]
    second = zhitong("import", str(achievements), "--kind", "achievements", "--json")
    [report] = json.loads(second.stdout)
    assert (report["new"], report["changed"], report["unchanged"]) == (0, 0, 2)
    assert zhitong("import", str(needs), "--kind", "needs").returncode == 0

    assert zhitong("index", "status").returncode == 1
    built = zhitong("index", "build")
    assert built.returncode == 0, built.stderr
    assert zhitong("index", "status").returncode == 0
    assert zhitong("index", "verify").returncode == 0
    assert "索引已是最新" in zhitong("index", "build").stdout

    search = ("search", "钢渣磨细后做水泥掺合料", "--json")
    found = run(*search, home=home)
    [ranking] = json.loads(found.stdout)
    assert ranking["matches"][0]["document"]["id"] == "1"
    assert json.loads(zhitong(*search).stdout) == [ranking]
    lines = tmp_path / "out.jsonl"
    matched = zhitong("match", "N1", "--out", str(lines))
    assert matched.returncode == 0, matched.stderr
    [written] = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert written["matches"][0]["document"]["id"] == "1"
    back = zhitong("match", "1", "--reverse", "--json")
    assert json.loads(back.stdout)[0]["matches"][0]["document"]["id"] == "N1"
    none = zhitong("search", "钢渣", "--region", "日本")
    assert none.returncode == 0
    assert "没有合适的成果" in none.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["match", "没有"], "没有编号为 没有 的需求"),
        (["match"], "请给出一个编号，或用 --all 匹配全部需求。"),
        (["match", "--all", "--out", "/nope/x.xlsx"], "/nope/x.xlsx：文件或文件夹不存在。"),
        (["match", "N1", "--out", "x.docx"], "只支持 .xlsx 和 .jsonl"),
        (["search", "  "], "请写出要找的内容"),
        (["import", "/none/x.xlsx", "--kind", "needs"], "找不到或无法打开文件"),
        (["import", "x.pdf", "--kind", "needs"], "不支持的文件类型"),
        (["eval", "run", "--needs", "a", "--achievements", "b", "--qrels", "c"], "无法读取 c（"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    demo: str, demo_home: Path, monkeypatch: pytest.MonkeyPatch, model_cache: Path,
    makers: Makers, arguments: list[str], words: str,
) -> None:  # fmt: skip
    result = here(monkeypatch, demo_home / "demo", model_cache, makers)(*arguments)
    assert result.returncode == 2
    assert words in result.stderr


def test_a_mistake_shows_nobody_a_traceback(demo: str, run: Run, demo_home: Path) -> None:
    result = run("match", "没有", home=demo_home / "demo")
    assert result.returncode == 2
    assert "没有编号为 没有 的需求" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_teaches(run: Run, zhitong: Callable[..., Done]) -> None:
    shown = run("--help").stdout
    for command in ("demo", "import", "index", "search", "match", "eval", "serve"):
        assert command in shown
    assert "zhitong demo" in shown
    assert zhitong("--version").stdout.strip().count(".") == 2


def test_eval_run_is_the_contract(run: Run, zhitong: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_text(
        '{"need_id":"n1","title":"钢渣活化"}\n{"need_id":"n2","title":"板栗保鲜","text":"防霉"}\n',
        "utf-8",
    )
    (tmp_path / "a.jsonl").write_text(
        '{"achievement_id":"a1","title":"钢渣微粉活化"}\n'
        '{"achievement_id":"a2","title":"板栗防霉保鲜"}\n'
        '{"achievement_id":"a3","title":"钢渣路面"}\n',
        "utf-8",
    )
    (tmp_path / "q.txt").write_text("n1 0 a1 3\nn1 0 a3 1\nn2 0 a2 2\nn2 0 a1 0\n", "utf-8")
    arguments = [
        "eval", "run", "--needs", str(tmp_path / "n.jsonl"),
        "--achievements", str(tmp_path / "a.jsonl"), "--qrels", str(tmp_path / "q.txt"),
    ]  # fmt: skip
    for ranker, command in (("default", run), ("lexical", zhitong), ("dense", zhitong)):
        out = tmp_path / f"{ranker}.run"
        result = command(*arguments, "--pool", "all", "--ranker", ranker, "--run-out", str(out),
                     "--per-need", "--json")  # fmt: skip
        assert result.returncode == 0, result.stderr
        shown = json.loads(result.stdout)
        assert shown["measures"]["nDCG@10"]["mean"] == pytest.approx(1.0)
        assert set(shown["per_need"]) == {"n1", "n2"}
        first = out.read_text("utf-8").splitlines()[0].split()
        assert (first[0], first[2], first[3]) == ("n1", "a1", "1")
    judged = zhitong(*arguments, "--run-out", str(tmp_path / "j.run"))
    assert judged.returncode == 2  # no need has ten judged candidates, and it says so
    assert "没有可以度量的需求：每条需求要有足够的已标注成果。" in judged.stderr
