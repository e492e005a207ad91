"""Random files of every format through the whole import: nothing is lost, twice is once, and
taking it back takes everything back."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.importing import FileReport, ImportOptions, import_file
from api.services import Services
from api.settings import Settings
from corpus.history import History
from corpus.importing.profiles import load_profile, plain_profile
from corpus.importing.readers import ImportFileError
from corpus.model import Kind
from eval.bench.made_files import (
    word_table,
    write_csv,
    write_docx,
    write_jsonl,
    write_ods,
    write_xlsx,
)
from tests.conftest import NOW_AT
from tests.dump import dump

COLUMNS = [
    "编号", "名称", "正文", "单位", "县区", "技术领域", "合作方式", "发布日期", "有效期",
    "拟投入资金", "价格", "成熟度", "密级", "联系电话", "备注", "table",
]  # fmt: skip
# Letters of every kind that XML takes, and what makes trouble in csv, workbooks and regexes.
letters = st.characters(blacklist_categories=("Cc", "Cs", "Cn", "Co"))
dirty = st.sampled_from(
    ["", " ", "\u3000", '"', '""', ",", "=1+1", "<b>粗</b>", "&amp;lt;", "\\n", "13800001111",
     "联系人：王工 0315-2810000", "2026-01-1310:49:39.0至2027-01-1310:49:41.0", "2026-13-01",
     "45600", "长期", "面议", "100.0万元-200.0万元", "完全转让许可转让技术入股", "很多", "迁安市",
     "新材料", "新材料-高分子", "通过中试", "内部", "保密", "绝密？", "１２３",
     "1、钢渣利用；2、煤气回收", "一、尾矿综合利用二、煤矸石制砖"]
)  # fmt: skip
cells = st.one_of(dirty, dirty, st.text(letters, max_size=12))
keys = st.one_of(st.just(""), st.integers(0, 9).map("K{}".format), cells)
tables = st.lists(st.tuples(keys, *[cells] * (len(COLUMNS) - 1)).map(list), min_size=1, max_size=8)
FORMATS = ["xlsx", "ods", "utf-8", "utf-8-sig", "gb18030", "utf-16", "tsv", "jsonl", "docx"]
if importlib.util.find_spec("xlwt"):
    FORMATS.append("xls")


def written(folder: Path, form: str, rows: list[list[str]]) -> Path:
    table = [COLUMNS, *rows]
    path = folder / f"x.{form if form in ('xlsx', 'ods', 'xls', 'tsv', 'jsonl', 'docx') else 'csv'}"
    match form:
        case "xlsx":
            return write_xlsx(path, {"表": table})
        case "ods":
            return write_ods(path, table)
        case "docx":
            return write_docx(path, word_table(table))
        case "tsv":
            return write_csv(path, table, delimiter="\t")
        case "jsonl":
            return write_jsonl(path, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
        case "xls":
            book = importlib.import_module("xlwt").Workbook(encoding="utf-8")
            sheet = book.add_sheet("表")
            for number, row in enumerate(table):
                for column, cell in enumerate(row):
                    sheet.write(number, column, cell)
            book.save(str(path))
            return path
        case _:
            return write_csv(path, table, form)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A corpus that already holds some of the keys."""
    home = tmp_path_factory.mktemp("home")
    opened = Services(Settings(home=home, database_url=""))
    path = write_csv(
        home / "a.csv",
        [["编号", "名称", "单位"], *([f"K{n}", f"原有{n}", "甲公司"] for n in range(5))],
    )
    for kind in Kind:
        import_file(opened, path, plain_profile(kind), ImportOptions(source="同"))
    yield opened
    opened.close()


def any_text(row: list[str]) -> bool:
    return any(cell.strip() for cell in row)


def state(services: Services) -> dict[str, Any]:
    """The records as they are; when they were last touched is another matter."""
    found = dump(services.settings.resolved_database_url)
    for name in ("need", "achievement"):
        owners = {row["id"]: (row["name"], row["region"]) for row in found["organisation"]}
        for row in found[name]:
            del row["updated_at"]
            row["organisation_id"] = owners.get(row["organisation_id"])
    return {name: found[name] for name in ("need", "achievement")}


def balanced(done: FileReport) -> tuple[int, ...]:
    report = done.report
    parts = (report.new, report.changed, report.unchanged, report.duplicate, report.failed,
             report.skipped)  # fmt: skip
    assert report.rows + report.split == sum(parts)
    assert report.failed == len(report.failures)
    return parts


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(form=st.sampled_from(FORMATS), kind=st.sampled_from(Kind), rows=tables, split=st.booleans())
def test_nothing_is_lost_twice_is_once_and_undo_takes_it_back(
    services: Services, form: str, kind: Kind, rows: list[list[str]], split: bool
) -> None:
    profile = plain_profile(kind)
    before = state(services)
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), form, rows)
        options = ImportOptions(source="同", split=split)
        try:
            dry = import_file(services, path, profile, replace(options, dry_run=True))
        except ImportFileError:  # such as a table of blanks
            assert not any(map(any_text, rows))
            return
        assert state(services) == before
        first = import_file(services, path, profile, options)
        counted = balanced(first)
        assert counted == balanced(dry)
        # An empty object of jsonl is a row without a name; elsewhere a blank line is nothing.
        expected = len(rows) if form == "jsonl" else sum(map(any_text, rows))
        assert first.report.rows == expected
        assert (first.failed_file is not None) == (first.report.failed > 0)
        middle = state(services)
        again = import_file(services, path, profile, options)
        _, _, unchanged, *rest = balanced(again)
        assert (again.report.new, again.report.changed) == (0, 0)
        assert unchanged == first.report.new + first.report.changed + first.report.unchanged
        assert rest == list(counted[3:])
        assert state(services) == middle
    with services.writing() as session:
        undone = History(session).undo_import(first.report.import_id, NOW_AT)
    assert (undone.deleted, undone.restored, undone.kept) == (
        first.report.new, first.report.changed, (),
    )  # fmt: skip
    assert state(services) == before


def test_platform_rows_of_both_kinds_in_one_file(services: Services, tmp_path: Path) -> None:
    """Each profile skips what belongs to the other, and says how many."""
    rows = [
        {"table": kind.value, "id": f"P{n}", "name": f"名称{n}", "postTime": "2026-01-02",
         "classification": "制造业", "cooperationMethod": "技术转让", "context": "正",
         "maturity": "", "jstgfs": ""}
        for n, kind in enumerate([Kind.NEED, Kind.ACHIEVEMENT, Kind.NEED])
    ]  # fmt: skip
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    for name, new, skipped in (("转移平台-需求", 2, 1), ("转移平台-成果", 1, 2)):
        done = import_file(services, path, load_profile(name))
        balanced(done)
        assert (done.report.new, done.report.skipped) == (new, skipped)
