"""Files of every shape through the command line, as an officer loads them; no model is needed."""

from __future__ import annotations

import json
import os
import pty
import select
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from api import importing, migrations
from api.services import Services
from api.settings import Settings
from corpus.database import open_database
from corpus.importing.readers import ImportFileError
from eval.bench.made_files import (
    word_table,
    write_csv,
    write_docx,
    write_jsonl,
    write_xlsx,
)
from indexer.build import Makers
from tests.acceptance.conftest import Done, environment, here, program
from tests.dump import dump

HEADER = ["需求编号", "需求名称", "需求内容", "企业名称", "县区", "拟投入资金（万元）", "有效期",
          "联系人", "联系电话"]  # fmt: skip
GOOD: list[list[Any]] = [
    ["S1", "烧结烟气低温脱硝", "现有催化剂在 180 ℃ 以下活性不足。", "甲公司（示例）", "迁安市", 120,
     "2026-01-01至2027-12-31", "王工", "13900000001"],
    ["S2", "骨质瓷釉面针孔", "针孔率约 6%，希望降到 1%。请致电 0315-2810001。", "乙公司（示例）",
     "路北区", "面议", date(2027, 6, 30), "李工", ""],
]  # fmt: skip
BAD: list[list[Any]] = [
    ["S3", "", "没有名称的一行", "丙公司（示例）", "玉田县", 50, "", "", ""],
    ["S4", "球磨机衬板寿命", "衬板寿命短。", "丁公司（示例）", "遵化市", "很多", "", "", ""],
]


Zhitong = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def zhitong(home: Path, monkeypatch: pytest.MonkeyPatch) -> Zhitong:
    """Run a command in this process."""
    return here(monkeypatch, home, home / "cache")


@pytest.fixture
def process(home: Path, model_cache: Path) -> Zhitong:
    """Run the installed program; whatever happens, nobody is shown a traceback."""

    def call(*arguments: object) -> Done:
        done = subprocess.run(
            [program(), *map(str, arguments)],
            env=environment(home, model_cache),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return call


def counts(done: Done) -> dict[str, Any]:
    """The one report of ``import --json``."""
    [report] = json.loads(done.stdout)
    assert (
        report["rows"] + report["split"]
        == sum(report[n] for n in ("new", "changed", "unchanged", "duplicate", "skipped"))
        + report["failed_count"]
    )
    return dict(report)


def tables(home: Path) -> dict[str, Any]:
    return dump(f"sqlite:///{home / 'zhitong.db'}")


def survey(path: Path, rows: list[list[Any]]) -> Path:
    """A sheet as a county sends it: a title over all columns, a note, then the header."""
    title = [["2026 年企业技术需求调查表"], ["填报单位：某县工信局", "", "", "填报日期：2026-11"]]
    return write_xlsx(path, {"调查表": [*title, HEADER, *rows]}, merged=[(0, 0, 0, 8)])


def test_a_survey_sheet_its_bad_rows_corrected_and_loaded_again(
    process: Zhitong, zhitong: Zhitong, tmp_path: Path
) -> None:
    path = survey(tmp_path / "调查表.xlsx", [*GOOD, *BAD])
    first = process("import", path, "--who", "张三")
    assert first.returncode == 1
    assert "企业技术需求调查表" in first.stdout  # the ready profile was found
    assert "新增" in first.stdout
    assert "第 6 行：缺少需求名称" in first.stderr
    assert "很多" in first.stderr

    failed = tmp_path / "调查表-需求-失败的行.xlsx"
    assert str(failed) in first.stderr
    [sheet] = CalamineWorkbook.from_path(failed).sheet_names
    header, *rows = CalamineWorkbook.from_path(failed).get_sheet_by_name(sheet).to_python()
    assert header[:2] == ["原行号", "失败原因"]
    assert [row[0] for row in rows] == [6, 7]
    corrected = [list(header), *map(list, rows)]
    corrected[1][header.index("需求名称")] = "填好的名称"
    corrected[2][header.index("拟投入资金（万元）")] = 80
    again = write_xlsx(tmp_path / "改好.xlsx", {sheet: corrected})
    assert counts(zhitong("import", again, "--json"))["new"] == 2
    whole = counts(zhitong("import", path, "--json"))
    assert (whole["new"], whole["changed"], whole["unchanged"], whole["failed_count"]) == (
        0, 0, 2, 2,
    )  # fmt: skip

    shown = zhitong("record", "show", "S2", "--kind", "needs").stdout
    assert "骨质瓷釉面针孔" in shown
    assert "0315-2810001" in shown  # an officer sees contacts, but not within the text
    body = shown.splitlines()[-1]
    assert "0315" not in body
    guest = zhitong("record", "show", "S1", "--kind", "needs", "--role", "访客").stdout
    assert "13900000001" not in guest
    assert "王工" not in guest


@pytest.mark.parametrize("form", ["gb18030.csv", "tsv", "jsonl", "docx", "xlsx"])
def test_every_shape_of_file_gives_the_same_records(
    zhitong: Zhitong, home: Path, tmp_path: Path, form: str
) -> None:
    texts = [[str(cell) for cell in row] for row in (HEADER, *GOOD)]
    match form:
        case "gb18030.csv":
            path = write_csv(tmp_path / "a.csv", texts, "gb18030")
        case "tsv":
            path = write_csv(tmp_path / "a.tsv", texts, delimiter="\t")
        case "jsonl":
            rows = (dict(zip(HEADER, row, strict=True)) for row in texts[1:])
            path = write_jsonl(tmp_path / "a.jsonl", rows)
        case "docx":
            path = write_docx(tmp_path / "a.docx", word_table(texts))
        case _:
            path = survey(tmp_path / "a.xlsx", GOOD)
    report = counts(zhitong("import", path, "--json"))
    assert (report["new"], report["failed_count"], report["kind"]) == (2, 0, "need")
    stored = tables(home)["need"]
    assert [(row["key"], row["title"], row["county"]) for row in stored] == [
        ("S1", "烧结烟气低温脱硝", "迁安市"), ("S2", "骨质瓷釉面针孔", "路北区"),
    ]  # fmt: skip
    assert [row["valid_until_on"] for row in stored] == ["2027-12-31", "2027-06-30"]


def test_a_dry_run_leaves_no_trace(zhitong: Zhitong, home: Path, tmp_path: Path) -> None:
    path = survey(tmp_path / "a.xlsx", GOOD)
    zhitong("import", path)
    before = tables(home)
    changed = [[*row] for row in GOOD]
    changed[0][2] = "改过的内容。"
    edited = survey(tmp_path / "b.xlsx", [*changed, *BAD, ["S9", "新的需求", "内容", *[""] * 6]])
    done = zhitong("import", edited, "--dry-run", "--full", "--split", "--source", "甲")
    assert done.returncode == 1
    assert "试运行，未写入" in done.stdout
    assert tables(home) == before
    report = counts(zhitong("import", edited, "--dry-run", "--json"))
    assert (report["new"], report["changed"], report["import_id"]) == (1, 1, None)
    assert tables(home) == before


# -- guesses -------------------------------------------------------------------------------

UNSURE = [["难题", "所需描述", "企业名称", "投入"], ["轧辊磨损", "寿命短", "甲公司（示例）", "5"]]


def test_a_kind_that_cannot_be_told_is_asked_for(zhitong: Zhitong, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["标题", "内容"], ["甲", "乙"]])
    done = zhitong("import", path)
    assert done.returncode == 2
    assert "--kind" in done.stderr
    assert zhitong("import", path, "--kind", "needs").returncode == 0


def test_the_kind_is_guessed_from_the_header(zhitong: Zhitong, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["成果名称", "成果简介", "完成单位"], ["甲", "乙", "丙"]])
    assert counts(zhitong("import", path, "--json"))["kind"] == "achievement"


def test_an_unsure_guess_refuses_off_a_terminal_and_a_saved_profile_answers_it(
    zhitong: Zhitong, process: Zhitong, home: Path, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "a.csv", UNSURE)
    refused = process("import", path, "--kind", "needs")
    assert refused.returncode == 2
    assert "哪一列是需求名称？" in refused.stderr
    assert "profile guess" in refused.stderr
    assert not (home / "zhitong.db").exists()

    profile = tmp_path / "列对照.toml"
    guessed = zhitong("profile", "guess", path, "--kind", "needs", "--save", profile)
    assert guessed.returncode == 0, guessed.stderr
    written = profile.read_text("utf-8")
    profile.write_text(written.replace('"难题" = "extra"', '"难题" = "title"'), "utf-8")
    done = zhitong("import", path, "--profile", profile, "--json")
    assert counts(done)["new"] == 1, done.stderr
    assert [row["title"] for row in tables(home)["need"]] == ["轧辊磨损"]


def test_on_a_terminal_the_questions_are_asked(home: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", UNSURE)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [program(), "import", str(path), "--kind", "needs"],
        env=environment(home, home / "cache"), stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown, answered = "", 0
    try:
        while select.select([master], [], [], 120)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            shown += piece.decode("utf-8", "replace")
            if shown.count("[1]: ") > answered:
                answered += 1
                os.write(master, b"1\n")
        assert process.wait(timeout=120) == 0, shown
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert answered >= 1
    assert "哪一列是需求名称？" in shown
    assert [row["title"] for row in tables(home)["need"]] == ["轧辊磨损"]


def test_a_saved_profile_is_not_written_over(zhitong: Zhitong, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", UNSURE)
    profile = tmp_path / "列对照.toml"
    guess = ("profile", "guess", path, "--kind", "needs", "--save", profile)
    assert zhitong(*guess).returncode == 0
    profile.write_text("# 改好的", "utf-8")
    again = zhitong(*guess)
    assert (again.returncode, profile.read_text("utf-8")) == (2, "# 改好的")
    assert "文件已存在" in again.stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["import"], "缺少 FILE…。用法："),
        (["import", "a.csv", "--kind"], "--kind 的写法不对：后面要写一个值。"),
        (["import", "a.csv", "--kind", "x"], "--kind 的值不对：可用 achievements、needs。"),
        (["import", "a.csv", "--full=1"], "--full 的写法不对：后面不带值。"),
        (["import", "a.csv", "--fool"], "没有 --fool 这个选项。"),
        (["record", "show", "1"], "缺少 --kind（achievements、needs）。"),
        (["imports", "undo", "1" * 30], "N 的值不对：应不大于"),
        (["duplicates", "merge", "二"], "N 的值不对：应是整数。"),
        (["search", "高炉", "炉渣"], "多出了：炉渣。"),
        (["improt"], "没有 improt 这个命令，是不是 import、imports？"),
    ],
)
def test_what_was_typed_wrong_is_said_in_chinese(
    zhitong: Zhitong, typed: list[str], said: str
) -> None:
    done = zhitong(*typed)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Error" not in done.stderr


# -- options -------------------------------------------------------------------------------


def test_a_full_list_needs_a_source_and_is_never_the_failed_rows(
    zhitong: Zhitong, home: Path, tmp_path: Path
) -> None:
    path = survey(tmp_path / "a.xlsx", [*GOOD, *BAD])
    refused = zhitong("import", path, "--full")
    assert refused.returncode == 2
    assert "--source" in refused.stderr
    assert not (home / "zhitong.db").exists()
    [report] = json.loads(zhitong("import", path, "--source", "甲", "--json").stdout)
    failed = report["failed_file"]
    refused = zhitong("import", failed, "--source", "甲", "--full")
    assert refused.returncode == 2
    assert "不是完整清单" in refused.stderr
    assert {row["status"] for row in tables(home)["need"]} == {"有效"}


def test_what_was_loaded_is_reported_when_a_later_file_fails(
    zhitong: Zhitong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = survey(tmp_path / "a.xlsx", GOOD), survey(tmp_path / "b.xlsx", GOOD)
    load = importing.import_file

    def failing(services: Any, path: Path, *arguments: Any, **options: Any) -> Any:
        if path == bad:
            raise ImportFileError("b.xlsx 读到一半坏了。")
        return load(services, path, *arguments, **options)

    monkeypatch.setattr(importing, "import_file", failing)
    done = zhitong("import", good, bad, "--json")
    assert done.returncode == 2
    assert [report["new"] for report in json.loads(done.stdout)] == [2]
    assert "读到一半坏了" in done.stderr


def test_sheets_that_were_not_read_are_named(zhitong: Zhitong, tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    for name in ("一季度", "二季度"):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, ["需求名称", "需求内容"])
        sheet.write_row(1, 0, [f"{name}的需求", "内容"])
    book.close()
    done = zhitong("import", tmp_path / "a.xlsx")
    assert "另有工作表“二季度”没有读取（可用 --sheet 指定）" in done.stdout


def test_the_bar_ends_full_whatever_was_left_out(home: Path, tmp_path: Path) -> None:
    path = survey(tmp_path / "a.xlsx", [GOOD[0], ["", "", ""], ["", "", ""], GOOD[1]])
    shown: list[tuple[int, int | None]] = []
    services = Services(Settings(home=home, _env_file=None))
    [profile] = importing.recognise(path, None).profiles
    importing.import_file(
        services, path, profile, progress=lambda done, total: shown.append((done, total))
    )
    services.close()
    assert shown[-1] == (2, 2)


def test_why_records_seem_one_tells_no_word_of_a_closed_title(
    zhitong: Zhitong, tmp_path: Path
) -> None:
    profile = tmp_path / "保密.toml"
    profile.write_text(
        'name = "保密"\nkind = "need"\n[columns]\n"编号" = "key"\n'
        '"名称" = { to = "title", level = "保密" }\n"正文" = { to = "text", level = "保密" }\n',
        "utf-8",
    )
    text = "转炉钢渣磨细后用作水泥掺合料，希望提高早期活性，降低粉磨电耗。"
    rows = [["1", "转炉钢渣微粉活化鸿鹄装置", text], ["2", "转炉钢渣微粉活化装置", text]]
    path = write_csv(tmp_path / "a.csv", [["编号", "名称", "正文"], *rows])
    assert zhitong("import", path, "--profile", profile).returncode == 0
    assert zhitong("duplicates", "find", "--kind", "needs").returncode == 0
    for form in ([], ["--json"]):
        listed = ("duplicates", "list", "--kind", "needs", *form)
        assert "鸿鹄" in zhitong(*listed, "--role", "管理员").stdout
        shown = zhitong(*listed, "--role", "访客").stdout
        assert "鸿鹄" not in shown
        assert "未公开" in shown
    # Nor do the questions, which are chosen by words of the text.
    asked = json.loads(zhitong("need", "check", "1", "--json", "--role", "访客").stdout)
    assert asked["questions"] == []
    assert json.loads(zhitong("need", "check", "1", "--json", "--role", "管理员").stdout)[
        "questions"
    ]


def test_sources_splitting_full_lists_and_undo(
    zhitong: Zhitong, home: Path, tmp_path: Path
) -> None:
    rows = [["需求编号", "需求名称", "需求内容"], ["1", "甲需求", "内容"], ["2", "乙需求", "内容"]]
    first = write_csv(tmp_path / "a.csv", rows)
    for source in ("丰南区", "迁西县"):
        done = zhitong("import", first, "--kind", "needs", "--source", source, "--json")
        assert counts(done)["new"] == 2
    assert [row["key"] for row in tables(home)["need"]] == [
        "丰南区:1", "丰南区:2", "迁西县:1", "迁西县:2",
    ]  # fmt: skip

    shorter = write_csv(tmp_path / "b.csv", rows[:2])
    options = ("--kind", "needs", "--source", "丰南区", "--json")
    assert counts(zhitong("import", shorter, *options))["withdrawn"] == 0
    assert counts(zhitong("import", shorter, "--full", *options))["withdrawn"] == 1
    statuses = {row["key"]: row["status"] for row in tables(home)["need"]}
    assert statuses.pop("丰南区:2") == "来源已下架"
    assert set(statuses.values()) == {"有效"}

    several = write_csv(
        tmp_path / "c.csv",
        [rows[0], ["9", "1、高炉渣综合利用技术；2、转炉煤气余热回收", "两件事。"]],
    )
    done = zhitong("import", several, "--kind", "needs", "--split", "--json")
    assert (counts(done)["split"], counts(done)["new"]) == (1, 2)

    listed = json.loads(zhitong("imports", "list", "--json").stdout)
    assert [run["new"] for run in listed] == [2, 0, 0, 2, 2]
    assert "c.csv" in zhitong("imports", "list").stdout
    before = [row["key"] for row in tables(home)["need"]]
    undone = zhitong("imports", "undo", listed[0]["id"], "--yes", "--who", "张三")
    assert "删去 2 条" in undone.stdout
    assert [row["key"] for row in tables(home)["need"]] == [k for k in before if k[0] != "9"]
    assert "已撤销" in zhitong("imports", "list").stdout
    for number, words in ((listed[0]["id"], "已经撤销过"), (99, "没有编号为 99 的导入")):
        refused = zhitong("imports", "undo", number, "--yes")
        assert refused.returncode == 2
        assert words in refused.stderr
    assert zhitong("imports", "undo", listed[1]["id"], "--yes").returncode == 0
    assert {row["status"] for row in tables(home)["need"]} == {"有效"}


def test_a_record_its_history_withdrawn_and_restored(
    zhitong: Zhitong, home: Path, tmp_path: Path
) -> None:
    zhitong("import", survey(tmp_path / "a.xlsx", GOOD), "--who", "张三")
    of_needs = ("--kind", "needs")
    before = tables(home)
    mistyped = zhitong("record", "withdraw", "S1", "S7", *of_needs)
    assert mistyped.returncode == 2
    assert "没有编号为 S7 的需求" in mistyped.stderr
    assert tables(home) == before  # all or nothing
    done = zhitong("record", "withdraw", "S1", *of_needs, "--reason", "企业来电", "--who", "李四")
    assert "S1：已撤回" in done.stdout
    assert "S1：有效" in zhitong("record", "restore", "S1", *of_needs).stdout
    assert "S1：已到期" in zhitong("record", "expire", "S1", *of_needs).stdout
    versions = json.loads(zhitong("record", "history", "S1", *of_needs, "--json").stdout)
    assert [v["action"] for v in versions] == ["到期", "恢复", "撤回", "新增"]
    assert (versions[2]["who"], versions[2]["note"]) == ("李四", "企业来电")
    assert (versions[3]["file"], versions[3]["file_row"]) == ("a.xlsx", 4)
    assert "企业来电" in zhitong("record", "history", "S1", *of_needs).stdout


# -- the database --------------------------------------------------------------------------


def test_a_database_of_the_first_release(zhitong: Zhitong, home: Path, tmp_path: Path) -> None:
    home.mkdir()
    engine = open_database(f"sqlite:///{home / 'zhitong.db'}")
    migrations.upgrade(engine, "0001")
    engine.dispose()
    refused = zhitong("import", survey(tmp_path / "a.xlsx", GOOD))
    assert refused.returncode == 2
    assert "zhitong database upgrade" in refused.stderr
    status = zhitong("database", "status")
    assert status.returncode == 1
    assert "0001" in status.stdout
    upgraded = zhitong("database", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    assert len(list((home / "backups").glob("*.zip"))) == 1
    assert zhitong("database", "status").returncode == 0
    assert "已是最新" in zhitong("database", "upgrade").stdout
    assert zhitong("import", survey(tmp_path / "a.xlsx", GOOD)).returncode == 0


def test_backup_and_restore(zhitong: Zhitong, home: Path, tmp_path: Path) -> None:
    zhitong("import", survey(tmp_path / "a.xlsx", GOOD))
    before = tables(home)
    saved = tmp_path / "b.zip"
    assert zhitong("backup", saved).returncode == 0
    assert zhitong("backup", saved).returncode == 2  # never over an older one
    assert "备份完好" in zhitong("restore", saved, "--check").stdout
    assert zhitong("restore", saved).returncode == 2  # not over a corpus
    (home / "zhitong.db").rename(tmp_path / "lost.db")
    for leftover in home.glob("zhitong.db*"):
        leftover.unlink()
    restored = zhitong("restore", saved)
    assert restored.returncode == 0, restored.stderr
    after = tables(home)
    # The revision jumps, so that no index takes the restored corpus for the one it knows.
    jumped, known = after.pop("corpus_state"), before.pop("corpus_state")
    assert jumped[0]["revision"] > known[0]["revision"]
    assert [row["action"] for row in after.pop("audit_entry")] == ["恢复备份"]
    assert before.pop("audit_entry") == []
    assert after == before
    saved.write_bytes(saved.read_bytes()[:-100])
    damaged = zhitong("restore", saved, "--check")
    assert damaged.returncode == 2
    assert "已损坏" in damaged.stderr


@pytest.mark.parametrize("damage", ["pages", "head", "text"])
def test_a_damaged_database_is_named_with_what_to_do(
    process: Zhitong, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    model_cache: Path, makers: Makers, damage: str,
) -> None:  # fmt: skip
    zhitong = here(monkeypatch, home, model_cache, makers)
    many = [[f"M{n}", f"需求{n}", "内容" * 200, *[""] * 6] for n in range(60)]
    zhitong("import", survey(tmp_path / "a.xlsx", many))
    path = home / "zhitong.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    if damage == "pages":
        content[8192 : len(content) // 2] = os.urandom(len(content) // 2 - 8192)
    elif damage == "head":
        content = content[: len(content) // 3]
    else:
        content = bytearray("这不是数据库".encode() * 500)
    path.write_bytes(content)
    done = process("doctor", "--json")
    assert done.returncode in {1, 2}
    said = done.stdout + done.stderr
    assert "备份" in said
    assert "sqlalche.me" not in said
    commands_to_try: list[list[object]] = [
        ["imports", "list"], ["database", "status"], ["index", "status"],
        ["record", "show", "M1", "--kind", "needs"], ["backup", tmp_path / "x.zip"],
    ]  # fmt: skip
    for command in commands_to_try:
        zhitong(*command)  # whatever it can still answer, no error goes uncaught
