"""Files as offices send them: read as a person sees them, or refused in one clear sentence."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from corpus.importing.readers import (
    RAW,
    ImportFileError,
    open_table,
    sheet_names,
)
from eval.bench.made_files import (
    word_cell,
    word_table,
    write_csv,
    write_docx,
    write_jsonl,
    write_ods,
    write_xlsx,
)

HEADER = ["编号", "需求名称", "需求内容"]
ROWS = [["001", "烧结烟气脱硝", "180 ℃ 以下\n活性不足🏭"], ["A2", "釉面针孔", ""]]
TABLE = [HEADER, *ROWS]


def cells(path: Path, sheet: str | None = None) -> list[dict[str, Any]]:
    """Rows without problems; a problem fails the test."""
    rows = list(open_table(path, sheet).rows)
    assert [row.problem for row in rows if row.problem] == []
    return [dict(row.cells) for row in rows]


def named(rows: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def write_xls(path: Path, rows: list[list[Any]]) -> Path:
    xlwt = importlib.import_module("xlwt")
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("需求")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.save(str(path))
    return path


def made(folder: Path, form: str) -> Path:
    if form == "xlsx":
        return write_xlsx(folder / "x.XLSX", {"需求": TABLE})
    if form == "xls":
        return write_xls(folder / "x.xls", TABLE)
    if form == "ods":
        flat = [[cell.replace("\n", " ") for cell in row] for row in TABLE]
        return write_ods(folder / "x.ods", flat)
    if form == "docx":
        return write_docx(folder / "x.docx", word_table(TABLE))
    if form == "jsonl":
        return write_jsonl(folder / "x.jsonl", named(TABLE))
    name, encoding, delimiter = form.split()
    return write_csv(folder / name, TABLE, encoding, delimiter=delimiter.replace("tab", "\t"))


FORMS = [
    ("xlsx", "xlsx", "工作表“需求”，表头在第 1 行"),
    ("xls", "xls", "工作表“需求”，表头在第 1 行"),
    ("ods", "ods", "工作表“需求”，表头在第 1 行"),
    ("docx", "docx", "1 张表格"),
    ("jsonl", "jsonl", "UTF-8 编码，每行一个 JSON 对象"),
    ("x.csv utf-8 ,", "csv", "UTF-8 编码，逗号分隔，表头在第 1 行"),
    ("x.csv utf-8-sig ;", "csv", "UTF-8 编码，分号分隔，表头在第 1 行"),
    ("x.csv gb18030 ,", "csv", "GB18030 编码，逗号分隔，表头在第 1 行"),
    ("x.csv utf-16 |", "csv", "UTF-16 编码，竖线分隔，表头在第 1 行"),
    ("x.tsv utf-8 tab", "tsv", "UTF-8 编码，制表符分隔，表头在第 1 行"),
    ("x.txt gb18030 tab", "tsv", "GB18030 编码，制表符分隔，表头在第 1 行"),
    ("x.txt utf-8 ,", "csv", "UTF-8 编码，逗号分隔，表头在第 1 行"),
]


@pytest.mark.parametrize(("form", "kind", "detail"), FORMS)
def test_every_form_of_a_table_reads_the_same(
    tmp_path: Path, form: str, kind: str, detail: str
) -> None:
    path = made(tmp_path, form)
    table = open_table(path)
    assert (table.name, table.format, table.detail) == (path.name, kind, detail)
    assert table.header == tuple(HEADER)
    rows = list(table.rows)
    expected = named(TABLE)
    if form == "ods":
        expected[0]["需求内容"] = expected[0]["需求内容"].replace("\n", " ")
    assert [dict(row.cells) for row in rows] == expected
    assert [row.problem for row in rows] == ["", ""]
    if kind in ("csv", "tsv"):
        assert [row.number for row in rows] == [2, 4]  # the first record has two lines
    else:
        assert [row.number for row in rows] == ([1, 2] if kind == "jsonl" else [2, 3])


# -- headers -----------------------------------------------------------------------------


def test_the_header_is_found_below_titles_notes_and_blank_rows(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["2026年企业技术需求汇总表", "", "", ""],
        ["填报单位：甲公司（示例）", "", "填报日期：2026年3月", ""],
        ["", "", "", ""],
        ["说明：" + "每条需求单独一行，内容写清对象、现状和指标。" * 5, "", "", ""],
        ["序号", "需求名称", "拟投入\n资金（万元）", "valid \n until"],
        [1, "釉面针孔", 35, date(2027, 3, 1)],
        ["", "", "", ""],
        [2, "衬板寿命", 80.5, ""],
    ]
    expected = [
        {
            "序号": 1,
            "需求名称": "釉面针孔",
            "拟投入资金（万元）": 35,
            "valid until": date(2027, 3, 1),
        },
        {"序号": 2, "需求名称": "衬板寿命", "拟投入资金（万元）": 80.5, "valid until": ""},
    ]
    path = write_xlsx(tmp_path / "x.xlsx", {"s": rows}, merged=[(0, 0, 0, 3), (3, 0, 3, 3)])
    table = open_table(path)
    assert "第 5 行" in table.detail
    assert table.row_total == 8
    found = list(table.rows)
    assert [row.number for row in found] == [6, 8]
    assert [dict(row.cells) for row in found] == expected
    text = write_csv(tmp_path / "x.csv", [[str(cell) for cell in row] for row in rows])
    assert open_table(text).header == tuple(expected[0])
    assert [row["序号"] for row in cells(text)] == ["1", "2"]


def test_a_header_of_two_rows_gives_the_lower_names(tmp_path: Path) -> None:
    rows = [
        ["序号", "企业信息", "", "需求名称"],
        ["", "企业名称", "联系人", ""],
        ["1", "甲公司（示例）", "某某", "釉面针孔"],
    ]
    merged = [(0, 0, 1, 0), (0, 1, 0, 2), (0, 3, 1, 3)]
    path = write_xlsx(tmp_path / "x.xlsx", {"s": rows}, merged=merged)
    assert open_table(path).header == ("序号", "企业名称", "联系人", "需求名称")
    down, below = '<w:vMerge w:val="restart"/>', word_cell("", "<w:vMerge/>")
    document = word_table(
        [
            [word_cell("序号", down), word_cell("企业信息", '<w:gridSpan w:val="2"/>'),
             word_cell("需求名称", down)],
            [below, "企业名称", "联系人", below],
            rows[2],
        ]
    )  # fmt: skip
    word = write_docx(tmp_path / "x.docx", document)
    assert (
        cells(path) == cells(word) == named([["序号", "企业名称", "联系人", "需求名称"], rows[2]])
    )


def test_columns_of_one_name_are_numbered_and_columns_without_one_by_their_place(
    tmp_path: Path,
) -> None:
    rows = [["名称", "", "说明", " 说 明 ", "说明（2）", ""], ["甲", "留", "一", "二", "三", "17"]]
    named = {"名称": "甲", "说明": "一", "说明（3）": "二", "说明（2）": "三"}
    expected = [{**named, "（无列名，第 2 列）": "留"}]
    assert cells(write_csv(tmp_path / "x.csv", rows)) == expected
    assert cells(write_xlsx(tmp_path / "x.xlsx", {"s": rows})) == expected


def test_a_header_merged_across_names_each_of_its_columns(tmp_path: Path) -> None:
    rows = [["名称", "内容", "联系人及电话", ""], ["甲", "乙", "某某", "1"]]
    path = write_xlsx(tmp_path / "x.xlsx", {"s": rows}, merged=[(0, 2, 0, 3)])
    assert cells(path) == [
        {"名称": "甲", "内容": "乙", "联系人及电话": "某某", "联系人及电话（2）": "1"}
    ]


# -- workbooks ---------------------------------------------------------------------------


def test_a_value_merged_downwards_belongs_to_each_of_its_rows(tmp_path: Path) -> None:
    needs: list[list[Any]] = [
        ["甲公司", "一", 5],
        ["", "二", ""],
        ["", "", ""],
        ["乙公司", "三", 0],
    ]
    rows: list[list[Any]] = [["企业名称", "需求名称", "资金"], *needs]
    path = write_xlsx(tmp_path / "x.xlsx", {"s": rows}, merged=[(1, 0, 3, 0), (1, 2, 2, 2)])
    found = list(open_table(path).rows)
    assert [row.number for row in found] == [2, 3, 5]
    assert [list(row.cells.values()) for row in found] == [
        ["甲公司", "一", 5],
        ["甲公司", "二", 5],
        ["乙公司", "三", 0],
    ]


def test_cells_keep_their_types(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 24, 10, 30)  # noqa: DTZ001 - sheets have no zones
    row: list[Any] = [3.0, 2.5, True, date(2026, 11, 24), moment, "007", "", 10**12]
    header = [f"列{place}" for place in range(len(row))]
    (found,) = cells(write_xlsx(tmp_path / "x.xlsx", {"s": [header, row]}))
    assert list(found.values()) == [3, 2.5, True, date(2026, 11, 24), moment, "007", "", 10**12]
    assert [type(cell) for cell in found.values()][:3] == [int, float, bool]
    (old,) = cells(write_xls(tmp_path / "x.xls", [header[:3], row[:3]]))
    assert list(old.values()) == [3, 2.5, True]


def test_the_first_visible_sheet_with_something_in_it_is_read(tmp_path: Path) -> None:
    sheets = {
        "空": [],
        "藏": [["名称"], ["藏着"]],
        "甲": [["名称"], ["一"]],
        "乙": [["名称"], ["二"]],
    }
    path = write_xlsx(tmp_path / "x.xlsx", sheets, hidden=["藏"])
    assert sheet_names(path) == ["空", "甲", "乙"]
    assert cells(path) == [{"名称": "一"}]
    assert cells(path, "乙") == [{"名称": "二"}]
    assert cells(path, "藏") == [{"名称": "藏着"}]
    for wrong in ("丙", "\x00", "\ud800", "--help"):
        with pytest.raises(
            ImportFileError, match=r"没有要找的工作表。现有的工作表：“空”、“甲”、“乙”"
        ):
            open_table(path, wrong)
    text = write_csv(tmp_path / "x.csv", TABLE)
    assert sheet_names(text) == []
    with pytest.raises(ImportFileError, match="不是工作簿"):
        open_table(text, "甲")


def test_reading_may_stop_anywhere(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "x.xlsx", {"s": [HEADER, *ROWS * 5000]})
    table = open_table(path)
    assert next(table.rows).number == 2
    del table  # ends the process that unpacks it; an unclosed pipe would be a warning, an error


# -- delimited text ----------------------------------------------------------------------


def test_a_broken_quote_costs_its_line_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('编号,名称\n1,"甲\n2,"乙"\n3,"丙"丁\n4,戊 5" 管\n5,"己\n庚"\n6,"辛\n', "utf-8")
    rows = list(open_table(path).rows)
    assert [(row.number, bool(row.problem)) for row in rows] == [
        (2, True), (3, False), (4, True), (5, False), (6, False), (8, True),
    ]  # fmt: skip
    assert [row.cells["名称"] for row in rows if not row.problem] == ["乙", '戊 5" 管', "己\n庚"]
    assert rows[0].cells == {RAW: '1,"甲'}
    assert all("引号" in row.problem for row in rows if row.problem)


@pytest.mark.parametrize(
    "line",
    [
        '1,"甲 " 乙',
        '1,"' + "甲" * 50,
        '1,"甲""',
        '1,"""',
        '1,"",""""甲',
        '"1",2"',
        '1,"甲\n2,""\n3,丙',
    ],
)
def test_broken_quotes_everywhere_are_read_in_linear_time(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("编号,名称\n" + f"{line}\n" * 50_000, "utf-8")
    started = time.process_time()
    rows = list(open_table(path).rows)
    assert time.process_time() - started < 10  # a quadratic reader takes hours
    assert len({row.number for row in rows}) == len(rows)


def test_line_breaks_within_a_cell_belong_to_it(tmp_path: Path) -> None:
    unusual = "甲\x0b乙\x0c丙\x1c丁\x85戊\u2028己\u2029"
    (tmp_path / "x.csv").write_bytes(f'名称,内容\r\n{unusual},"一\r\n二"\r\n庚,辛\r\n'.encode())
    assert cells(tmp_path / "x.csv") == [
        {"名称": unusual, "内容": "一\r\n二"},
        {"名称": "庚", "内容": "辛"},
    ]
    (tmp_path / "y.csv").write_bytes("名称,内容\r甲,乙\r丙,丁".encode())  # old Macintosh
    assert [row["名称"] for row in cells(tmp_path / "y.csv")] == ["甲", "丙"]
    write_jsonl(tmp_path / "x.jsonl", [{"名称": unusual}])
    assert cells(tmp_path / "x.jsonl") == [{"名称": unusual}]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("名称\t内容\n甲\t一,二,三\n乙\t四,五\n", ("名称", "内容")),
        ("名称;资金\n甲;1,5\n乙;2,5\n", ("名称", "资金")),
        ("名称,领域\n甲,钢铁;陶瓷\n乙,水泥;化工\n", ("名称", "领域")),
        ("名称\n甲;乙\n丙\n丁\n", ("名称",)),
        ("名称,x\n甲,,余\n乙,\n", ("名称", "x")),
        ("名称\n甲\n", ("名称",)),
        ("导出时间：2026-11-24\n编号|名称|内容\n1|甲|一\n", ("编号", "名称", "内容")),
        ('名称|内容\n"甲|乙"|"一,\n二,\n三,"\n', ("名称", "内容")),
    ],
)
def test_the_delimiter_is_the_one_that_cuts_evenly(
    tmp_path: Path, text: str, header: tuple[str, ...]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text, "utf-8")
    assert open_table(path).header == header


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_few_damaged_bytes_cost_their_rows_only(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER, *ROWS * 10], encoding)
    content = bytearray(path.read_bytes())
    plain = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    place = content.index("釉面".encode(plain))
    content[place : place + 2] = b"\x00\xd8" if encoding == "utf-16" else b"\xff\xff"
    path.write_bytes(content)
    rows = list(open_table(path).rows)
    problems = [row for row in rows if row.problem]
    assert 1 <= len(problems) <= 2
    assert "编码损坏" in problems[0].problem
    assert problems[0].number == 4
    assert dict(rows[0].cells) == named(TABLE)[0]


def test_a_file_cut_within_a_character_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", TABLE)
    content = path.read_bytes()[:-5]  # within 孔
    path.write_bytes(content)
    rows = list(open_table(path).rows)
    assert dict(rows[0].cells) == named(TABLE)[0]
    assert "编码损坏" in rows[1].problem


# -- Word --------------------------------------------------------------------------------


def test_tables_with_one_header_continue_each_other_and_others_are_named(tmp_path: Path) -> None:
    path = write_docx(
        tmp_path / "x.docx",
        word_table([["（印章）"]]),
        word_table([HEADER, ROWS[0]]),
        word_table([["别的", "表头"], ["1", "2"]]),
        word_table([["汇总表（续）", "", ""], HEADER, ROWS[1]]),
    )
    table = open_table(path)
    assert table.detail == "2 张表格，另有 2 张表格式不同，没有读取"
    assert [dict(row.cells) for row in table.rows] == named(TABLE)


def test_cells_of_a_word_table_merge_nest_and_break(tmp_path: Path) -> None:
    nested = word_cell("外").replace("</w:tc>", word_table([["内一", "内二"]]) + "<w:p/></w:tc>")
    twice = (
        "<w:tc><w:p><mc:AlternateContent><mc:Choice><w:r><w:t>框</w:t></w:r></mc:Choice>"
        "<mc:Fallback><w:r><w:t>框</w:t></w:r></mc:Fallback></mc:AlternateContent>"
        "<w:r><w:br/><w:t>下</w:t><w:delText>删</w:delText></w:r></w:p></w:tc>"
    )
    path = write_docx(
        tmp_path / "x.docx",
        word_table(
            [
                ["企业名称", "需求名称", "需求内容"],
                [word_cell("甲公司", '<w:vMerge w:val="restart"/>'), "一", nested],
                [word_cell("", "<w:vMerge/>"), "二", twice],
                [word_cell("合计两条", '<w:gridSpan w:val="3"/>')],
            ]
        ),
    )
    assert [list(row.values()) for row in cells(path)] == [
        ["甲公司", "一", "外\n内一\n内二"],
        ["甲公司", "二", "框\n下"],
        ["合计两条", "", ""],
    ]


def form(company: str, title: str) -> str:
    wide = '<w:gridSpan w:val="3"/>'
    return word_table(
        [
            [word_cell("企业技术需求征集表", '<w:gridSpan w:val="4"/>')],
            ["企业名称*", word_cell(company, wide)],
            ["一、需求名称：", word_cell(title, wide)],
            ["联系人", "某某", "联系电话（手机）", "1"],
            ["拟投入资金\n（万元）", "30", "合作方式", ""],
            [word_cell("技术指标（请量化）", '<w:gridSpan w:val="4"/>')],
            [word_cell("合格率 98% 以上", '<w:gridSpan w:val="4"/>')],
        ]
    )


def test_forms_are_one_record_each(tmp_path: Path) -> None:
    path = write_docx(
        tmp_path / "x.docx", form("甲公司", "针孔"), form("乙公司", "衬板"), form("", "")
    )
    table = open_table(path)
    assert table.detail == "3 张登记表"
    rows = list(table.rows)
    assert table.header == tuple(rows[0].cells)
    assert dict(rows[0].cells) == {
        "企业名称": "甲公司",
        "需求名称": "针孔",
        "联系人": "某某",
        "联系电话（手机）": "1",
        "拟投入资金（万元）": "30",
        "合作方式": "",
        "技术指标（请量化）": "合格率 98% 以上",
    }
    assert [(row.number, row.cells["需求名称"]) for row in rows][:2] == [(1, "针孔"), (2, "衬板")]


def test_a_form_loses_no_text_that_was_filled_in(tmp_path: Path) -> None:
    wide = '<w:gridSpan w:val="3"/>'
    rows = [
        [word_cell("企业技术需求征集表", wide)],
        ["企业名称", "甲公司", ""],
        ["需求名称", "针孔", "以及气泡"],
        ["技术指标", "合格率 98%", ""],
        [word_cell("需求内容", wide)],
        [word_cell("釉面有针孔。", wide)],
        [word_cell("烧成温度 1200 ℃。", wide)],
        ["联系人", "某某", "电话"],
        [word_cell("以上内容可以向对接的高校公开，不可以向同行公开。", wide)],
    ]
    assert cells(write_docx(tmp_path / "x.docx", word_table(rows))) == [
        {
            "企业名称": "甲公司",
            "需求名称": "针孔\n以及气泡",
            "技术指标": "合格率 98%",
            "需求内容": "釉面有针孔。\n烧成温度 1200 ℃。",
            "联系人": "某某",
            "表内其他文字": "以上内容可以向对接的高校公开，不可以向同行公开。",
        }
    ]


def test_two_columns_are_a_list_or_forms_by_what_stands_on_the_left(tmp_path: Path) -> None:
    simple = [["企业名称", "甲公司"], ["需求内容", "针孔率高"], ["有效期限", "2027 年"]]
    forms = write_docx(tmp_path / "f.docx", word_table(simple), word_table(simple))
    assert cells(forms) == [dict(simple)] * 2
    listed = [["企业名称", "需求内容"], ["甲公司", "针孔率高"], ["乙厂", "衬板寿命短"]]
    assert cells(write_docx(tmp_path / "l.docx", word_table(listed))) == named(listed)


# -- jsonl -------------------------------------------------------------------------------


def test_a_bad_line_of_json_is_a_row_with_a_reason(tmp_path: Path) -> None:
    good: Mapping[str, Any] = {"名称": "甲", "领域": ["钢铁"], "无": None, "数": 3}
    deep = '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    lines = [good, "{", "", "[1]", '{"": 1}', deep, good]
    rows = list(open_table(write_jsonl(tmp_path / "x.jsonl", lines)).rows)
    assert [(row.number, row.problem) for row in rows] == [
        (1, ""),
        (2, "第 2 行不是有效的 JSON"),
        (4, "第 4 行不是 JSON 对象"),
        (5, "第 5 行有一项没有名称"),
        (6, "第 6 行不是有效的 JSON"),
        (7, ""),
    ]
    assert rows[0].cells == rows[-1].cells == good
    assert rows[1].cells == {RAW: "{"}
