"""Files into the corpus: good rows in, bad rows back with number and reason."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from api.exports.failed_rows import failed_rows
from corpus.database import create_schema, open_database
from corpus.history import History
from corpus.importing.loading import FailedRow, ImportReport, Origin, import_rows
from corpus.importing.profiles import plain_profile
from corpus.importing.readers import CELL_LIMIT, Row, open_table
from corpus.importing.rows import RowError, converter
from corpus.importing.rows import to_record as convert_row
from corpus.model import Achievement, Amount, Kind, Maturity, Need, Organisation, Record
from corpus.repository import CorpusRepository
from tests.conftest import NOW_AT

HEADER = ["编号", "成果名称", "成果简介", "备注"]
ROWS = [["001", "转炉钢渣微粉", "比表面积≥450 m²/kg 🏭", "第一"], ["A2", "石墨烯膜", "", ""]]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    database = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    create_schema(database)
    with Session(database) as opened:
        yield opened
    database.dispose()


def write_xlsx(path: Path, rows: list[list[Any]], top: int = 0, left: int = 0) -> Path:
    workbook = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"})
    workbook.set_properties({"created": NOW_AT})  # the same bytes every time
    sheet = workbook.add_worksheet()
    for number, row in enumerate(rows, start=top):
        for column, cell in enumerate(row, start=left):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell)
            else:
                sheet.write(number, column, cell)
    workbook.close()
    return path


def write_csv(path: Path, rows: list[list[str]], encoding: str) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def write_jsonl(path: Path, *lines: object) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts), "utf-8")
    return path


def load(session: Session, path: Path, kind: Kind = Kind.ACHIEVEMENT) -> ImportReport:
    return load_rows(session, open_table(path).rows, kind)


def load_rows(
    session: Session,
    rows: Iterable[Row],
    kind: Kind = Kind.ACHIEVEMENT,
    progress: Callable[[int], None] = lambda _done: None,
) -> ImportReport:
    return import_rows(
        CorpusRepository(session),
        History(session),
        Origin(kind=kind),
        rows,
        converter(plain_profile(kind), NOW_AT.date()),
        NOW_AT,
        progress=progress,
    )


def numbered(rows: Iterable[dict[str, Any]]) -> list[Row]:
    return [Row(number, cells) for number, cells in enumerate(rows, start=2)]


def to_record(kind: Kind, cells: Mapping[str, Any]) -> Record:
    return convert_row(cells, plain_profile(kind), NOW_AT.date()).record


def reasons(report: ImportReport) -> list[tuple[int, str]]:
    return [(failed.row.number, failed.reason) for failed in report.failures]


def stored(session: Session, kind: Kind = Kind.ACHIEVEMENT) -> list[Any]:
    return [found.record for found in CorpusRepository(session).iterate(kind)]


# -- reading -----------------------------------------------------------------------------


def written(folder: Path, form: str) -> Path:
    if form == "xlsx":
        return write_xlsx(folder / "x.XLSX", [HEADER, *ROWS])
    if form == "jsonl":
        objects = (dict(zip(HEADER, row, strict=True)) for row in ROWS)
        return write_jsonl(folder / "x.jsonl", *objects)
    return write_csv(folder / "x.csv", [HEADER, *ROWS], form)


@pytest.mark.parametrize("form", ["xlsx", "utf-8", "utf-8-sig", "gb18030", "jsonl"])
def test_every_form_of_a_file_gives_the_same_records(
    session: Session, tmp_path: Path, form: str
) -> None:
    report = load(session, written(tmp_path, form))
    assert (report.new, report.rows, report.failed) == (2, 2, 0)
    assert stored(session) == [
        Achievement(
            key="001",
            title="转炉钢渣微粉",
            text="比表面积≥450 m²/kg 🏭",
            extra={"备注": "第一"},
        ),
        Achievement(key="A2", title="石墨烯膜"),
    ]


@pytest.mark.parametrize("form", ["xlsx", "utf-8", "jsonl"])
def test_the_same_file_twice_changes_nothing(session: Session, tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form)
    load(session, path)
    session.commit()
    again = load(session, path)
    assert (again.new, again.changed, again.unchanged, again.rows) == (0, 0, 2, 2)


def test_an_edited_row_is_a_change_and_keeps_the_others(session: Session, tmp_path: Path) -> None:
    load(session, write_csv(tmp_path / "x.csv", [HEADER, *ROWS], "utf-8"))
    edited = [HEADER, ROWS[0], ["A2", "石墨烯膜", "新简介", ""]]
    report = load(session, write_csv(tmp_path / "x.csv", edited, "utf-8"))
    assert (report.new, report.changed, report.unchanged) == (0, 1, 1)


def test_a_header_without_rows_is_an_empty_import(session: Session, tmp_path: Path) -> None:
    assert load(session, write_csv(tmp_path / "x.csv", [HEADER], "utf-8")).rows == 0
    assert load(session, write_xlsx(tmp_path / "x.xlsx", [HEADER])).rows == 0


# -- rows to records ---------------------------------------------------------------------


def test_chinese_and_english_headers_mean_the_same() -> None:
    chinese = {
        "需求编号": "N1",
        "需求名称": " 钢渣利用 ",
        "需求内容": "现有钢渣。",
        "技术领域": "新材料",
        "所属行业": "钢铁",
        "企业名称": "甲公司（示例）",
        "地区": "河北",
        "县区": "迁安市",
        "拟投入资金（万元）": "1,200.5万元",
        "合作方式": "技术许可、合作开发；其他",
        "发布日期": "2026年1月2日",
        "有效期至": "2027/01/01 00:00:00",
        "语言": "ZH",
    }
    english = {
        "need_id": "N1",
        "title": "钢渣利用",
        "text": "现有钢渣。",
        "technology_field": "新材料",
        "industry": "钢铁",
        "organisation": "甲公司（示例）",
        "region": "河北",
        "county": "迁安市",
        "budget_wan": 1200.5,
        "cooperation": ["技术许可", "合作开发", "其他"],
        "published_on": datetime(2026, 1, 2, 8, 30),  # noqa: DTZ001 - as read from a sheet
        "valid_until": "2027-1-1",
        "language": "zh",
    }
    expected = Need(
        key="N1",
        title="钢渣利用",
        text="现有钢渣。",
        technology_field="新材料",
        industry="钢铁",
        organisation=Organisation("甲公司（示例）", "河北"),
        county="迁安市",
        budget=Amount(1200.5, 1200.5),
        cooperation=("技术许可", "合作开发", "其他"),
        published_on=date(2026, 1, 2),
        valid_until_on=date(2027, 1, 1),
    )
    assert to_record(Kind.NEED, chinese) == to_record(Kind.NEED, english) == expected


def test_an_achievement_has_its_own_columns() -> None:
    row = {"名称": "微粉", "成熟度": " 通过中试 ", "知识产权": "发明专利", "county": "迁安市"}
    record = to_record(Kind.ACHIEVEMENT, row)
    assert isinstance(record, Achievement)
    assert (record.maturity, record.intellectual_property) == (Maturity.PILOT_SCALE, "发明专利")
    assert record.extra == {"county": "迁安市"}  # a column of the other kind is not lost


def test_what_nobody_mapped_is_kept_as_read() -> None:
    row = {"title": "甲", "名称": "乙", "备注": "  原样 ", "空": " ", "数": 3.0, "无": None}
    record = to_record(Kind.NEED, row)
    assert record.title == "甲"
    assert record.extra == {"名称": "乙", "备注": "  原样 ", "数": "3"}


def test_a_record_without_a_key_gets_one_from_its_content() -> None:
    def key(**row: str) -> str:
        return to_record(Kind.NEED, row).key

    assert key(title="甲", text="乙") == key(title=" 甲", text="乙 ", industry="钢铁")
    different = {
        key(title="甲", text="乙"),
        key(title="甲", text="丙"),
        key(title="甲乙"),
        key(title="甲", text="乙", organisation="丁"),
    }
    assert len(different) == 4


def test_cells_of_a_sheet_keep_their_meaning(session: Session, tmp_path: Path) -> None:
    table: list[list[Any]] = [
        ["编号", "名称", "拟投入资金", "发布日期", "备注"],
        [1001, 3.0, 120.5, date(2026, 11, 24), True],
        ["0012", "乙", "", datetime(2026, 11, 24, 10, 0), ""],  # noqa: DTZ001
    ]
    load(session, write_xlsx(tmp_path / "x.xlsx", table), Kind.NEED)
    first, second = stored(session, Kind.NEED)
    assert (first.key, first.title, first.budget) == ("1001", "3", Amount(120.5, 120.5))
    assert first.extra == {"备注": "True"}
    assert (second.key, second.budget) == ("0012", None)
    assert first.published_on == second.published_on == date(2026, 11, 24)


@pytest.mark.parametrize("form", ["csv", "xlsx", "jsonl"])
def test_html_and_formulas_are_text_like_any_other(
    session: Session, tmp_path: Path, form: str
) -> None:
    title, text = "<b onclick='x'>钢渣</b>", '=HYPERLINK("http://x","点")'
    path = tmp_path / f"x.{form}"
    if form == "csv":
        write_csv(path, [["title", "text", "@x"], [title, text, "+1-1"]], "utf-8")
    elif form == "xlsx":
        write_xlsx(path, [["title", "text", "@x"], [title, text, "+1-1"]])
    else:
        write_jsonl(path, {"title": title, "text": text, "@x": "+1-1"})
    load(session, path)
    (record,) = stored(session)
    # Markup goes; what a spreadsheet would take for a formula stays text.
    assert (record.title, record.text, record.extra) == ("钢渣", text, {"@x": "+1-1"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "没有名称"}, "缺少需求名称"),
        ({"title": " \u3000"}, "缺少需求名称"),
        ({"title": "\x00"}, "缺少需求名称"),
        ({"title": "长" * 1001}, "1001 字"),
        ({"title": "甲", "text": "长" * (CELL_LIMIT + 1)}, f"“text”有 {CELL_LIMIT + 1} 字"),
        ({"title": "甲", "x": "长" * (CELL_LIMIT + 1)}, f"“x”有 {CELL_LIMIT + 1} 字"),
        ({"title": "甲", "发布日期": "2026-02-30"}, "“发布日期”：.*2026-02-30.*不存在"),
        ({"title": "甲", "发布日期": "明年"}, "“发布日期”：.*无法识别"),
        ({"title": "甲", "发布日期": "2026-11-245"}, "“发布日期”：.*无法识别"),
        ({"title": "甲", "有效期至": "2026-13-01"}, "“有效期至”：.*不存在"),
        ({"title": "甲", "语言": "latin"}, "语言“latin”不认识"),
        ({"title": "甲", "budget_wan": "-1"}, "“budget_wan”：.*负数"),
        ({"title": "甲", "budget_wan": float("inf")}, "无法识别"),
        ({"title": "甲", "budget_wan": "1e999"}, "无法识别"),
        ({"title": "甲", "budget_wan": int("9" * 400)}, "过长"),
        ({"title": "甲", "budget_wan": True}, "无法识别"),
        ({"title": "甲", "budget_wan": [1, 2]}, "无法识别"),
    ],
)
def test_a_bad_row_says_what_is_wrong(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        to_record(Kind.NEED, row)


def test_an_unknown_maturity_lists_the_known_ones() -> None:
    with pytest.raises(RowError, match=r"“成熟度”：.*能用.*正在研发、已有样品"):
        to_record(Kind.ACHIEVEMENT, {"title": "甲", "成熟度": "能用"})


def test_values_at_the_limit_are_accepted() -> None:
    row = {"title": "长" * 1000, "text": "长" * CELL_LIMIT, "id": "k" * 500, "budget_wan": 0}
    record = to_record(Kind.NEED, row)
    assert isinstance(record, Need)
    assert (len(record.title), len(record.text), record.budget) == (
        1000,
        CELL_LIMIT,
        Amount(0.0, 0.0),
    )


def test_whatever_a_row_may_hold_the_database_can_store(engine: Engine) -> None:
    wide = "".join(chr(0x4E00 + place * 37 % 20000) for place in range(3000))
    hostile: list[dict[str, Any]] = [
        {"title": "a\x00b\ud800c", "text": "\udfff", "x\x00y\ud83d": "\x00\ud83d"},
        {"title": "甲", "list": [1, None, {"k": "\ud800"}], "dict": {"k": ["\ud800"]}},
        {"title": "乙", "number": float("nan"), "big": 1e308, "minus": float("-inf")},
        {"title": "丙", "\u2028": "\u2028\ufffe\x01\x7f", "budget_wan": 12.5},
        {"title": wide[:1000], "text": wide, "industry": wide},
        *({"title": "丁", name: wide} for name in ("id", "单位", "技术领域", "县区")),
        {"title": "戊", "单位": "丁公司", "地区": wide},
        *({"title": f"己{name}", name: wide[:500]} for name in ("id", "单位", "技术领域", "县区")),
    ]
    with Session(engine) as session:
        report = load_rows(session, numbered(hostile), Kind.NEED)
        session.commit()
    assert [number for number, _ in reasons(report)] == list(range(7, 12))
    assert all("3000 字" in reason for _, reason in reasons(report))
    assert report.new == 9
    with Session(engine) as session:
        first, second, third, *_ = stored(session, Kind.NEED)
    assert (first.title, first.text, first.extra) == ("ab?c", "?", {"xy?": "?"})
    assert set(second.extra) == {"list", "dict"}
    assert third.extra["number"] == "nan"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "第 2 行不是有效的 JSON"),
        ("[1]", "第 2 行不是 JSON 对象"),
        ("null", "第 2 行不是 JSON 对象"),
        ('{"title": "甲", "": 1}', "第 2 行有一项没有名称"),
        ('{"title": "甲", "n": ' + "1" * 5000 + "}", "第 2 行不是有效的 JSON"),
        ('{"title": ' + "[" * 100_000 + "]" * 100_000 + "}", "第 2 行不是有效的 JSON"),
    ],
)
def test_a_bad_line_of_json_does_not_lose_the_others(
    session: Session, tmp_path: Path, line: str, reason: str
) -> None:
    path = write_jsonl(tmp_path / "x.jsonl", {"title": "甲"}, line, {"title": "乙"})
    report = load(session, path)
    assert reasons(report) == [(2, reason)]
    assert [record.title for record in stored(session)] == ["甲", "乙"]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_of_any_depth_is_a_value_or_a_failed_row(
    tmp_path: Path, opening: str, closing: str
) -> None:
    depths = [1, 50, *range(300, 1100, 7), *range(940, 1000)]
    lines = (f'{{"title":"甲","x":{opening * depth}1{closing * depth}}}' for depth in depths)
    outcomes = set()
    for row in open_table(write_jsonl(tmp_path / "x.jsonl", *lines)).rows:
        try:
            outcomes.add(to_record(Kind.NEED, row.cells).title)
        except RowError:
            outcomes.add("failed")
    assert outcomes == {"甲", "failed"}


# -- the report --------------------------------------------------------------------------


def test_bad_rows_come_back_with_their_numbers_and_the_good_ones_are_in(
    session: Session, tmp_path: Path
) -> None:
    table = [
        ["编号", "名称", "发布日期"],
        ["1", "甲", "2026-01-01"],
        ["2", "", "2026-01-01"],
        ["3", "丙", "昨天"],
        ["4", "丁", "", "多", "余"],
        ["5", "戊"],
    ]
    for path in (
        write_csv(tmp_path / "x.csv", table, "utf-8"),
        write_xlsx(tmp_path / "x.xlsx", [row[:3] for row in table]),
    ):
        report = load(session, path)
        found = reasons(report)
        assert [number for number, _ in found][:2] == [3, 4]
        assert "名称" in found[0][1]
        assert "日期" in found[1][1]
        if path.suffix == ".csv":
            assert found[2] == (5, "这一行比表头多 2 个单元格")
            assert [record.key for record in stored(session)] == ["1", "5"]
    assert [record.key for record in stored(session)] == ["1", "5", "4"]


def test_the_first_of_two_rows_with_one_key_is_kept(session: Session, tmp_path: Path) -> None:
    table = [["编号", "名称"], ["1", "先"], ["1", "后"], ["1", "先"], ["", "同"], ["", "同"]]
    path = write_csv(tmp_path / "x.csv", table, "utf-8")
    report = load(session, path)
    assert (report.new, report.duplicate, report.rows) == (2, 3, 5)
    assert [record.title for record in stored(session)] == ["先", "同"]
    again = load(session, path)
    assert (again.new, again.changed, again.unchanged, again.duplicate) == (0, 0, 2, 3)


def test_rows_beyond_one_batch_are_counted_and_reported(session: Session) -> None:
    steps: list[int] = []
    rows: list[Row] = [
        Row(n, {"编号": n % 700, "名称": "" if n == 600 else "甲"}) for n in range(1203)
    ]
    report = load_rows(session, rows, Kind.NEED, steps.append)
    assert steps == [500, 1000, 1203]
    assert (report.new, report.duplicate, [n for n, _ in reasons(report)]) == (699, 503, [600])


def test_a_dry_run_is_undone_by_the_caller(session: Session, tmp_path: Path) -> None:
    path = written(tmp_path, "jsonl")
    assert load(session, path).new == 2
    session.rollback()
    assert stored(session) == []
    assert load(session, path).new == 2


cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["2026-01-01", "2026-02-30", "12万元", "zh", "通过中试", "甲", "乙"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
random_rows = st.lists(
    st.dictionaries(
        st.sampled_from(
            [
                "编号",
                "名称",
                "内容",
                "单位",
                "地区",
                "发布日期",
                "拟投入资金",
                "语言",
                "成熟度",
                "?",
            ]
        ),
        cells,
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(Kind), random_rows)
def test_every_row_is_counted_once_and_a_second_time_nothing_changes(
    kind: Kind, rows: list[dict[str, Any]]
) -> None:
    database = open_database("sqlite://")
    create_schema(database)
    with Session(database) as session:
        repository = CorpusRepository(session)
        first = load_rows(session, numbered(rows), kind)
        assert first.rows == len(rows)
        assert (first.changed, first.unchanged) == (0, 0)
        assert repository.count(kind) == first.new
        again = load_rows(session, numbered(rows), kind)
        assert (again.new, again.changed) == (0, 0)
        assert again.unchanged == first.new
        assert (again.duplicate, again.failed) == (first.duplicate, first.failed)
    database.dispose()


def test_a_key_is_the_same_whatever_stands_unseen_in_it(session: Session, tmp_path: Path) -> None:
    load(session, write_csv(tmp_path / "a.csv", [HEADER, ROWS[0]], "utf-8"))
    odd = ["\u200b００1 ", *ROWS[0][1:]]
    report = load(session, write_csv(tmp_path / "b.csv", [HEADER, odd], "utf-8"))
    assert (report.new, report.unchanged) == (0, 1)


def test_refused_rows_come_back_as_they_can_be_read_again(tmp_path: Path) -> None:
    header = ["需求名称", "合作方式", "需求内容", "有效期至"]
    row = {
        "需求名称": "甲",
        "合作方式": ["技术转让", "技术入股"],
        "需求内容": "长" * 40_000,
        "有效期至": "某天",
        "别的": {"a": 1},
    }
    path = tmp_path / "失败的行.xlsx"
    with failed_rows(path, header) as refused:
        refused.add(FailedRow(Row(2, row), "日期无法识别"))
    [back] = open_table(path).rows
    assert back.cells["合作方式"] == "技术转让、技术入股"
    assert back.cells["其他内容"] == '{"别的": {"a": 1}}'
    assert "请在原文件里改这一行" in back.cells["失败原因"]
    with (
        pytest.raises(FileNotFoundError) as error,
        failed_rows(tmp_path / "无" / "a.xlsx", header) as refused,
    ):
        refused.add(FailedRow(Row(2, row), "日期无法识别"))
    assert error.value.filename == str(tmp_path / "无" / "a.xlsx")
