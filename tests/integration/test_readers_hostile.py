"""Files that are too large, damaged, mislabelled or hostile, and random ones: refused in one clear
sentence, or read as they are."""

from __future__ import annotations

import csv
import io
import string
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.importing.readers import (
    CELL_LIMIT,
    ImportFileError,
    Limits,
    open_table,
)
from eval.bench.fuzz_readers import fuzz
from eval.bench.made_files import (
    word_table,
    write_csv,
    write_docx,
    write_jsonl,
    write_ods,
    write_xlsx,
    write_zip,
)
from tests.integration.test_readers import HEADER, ROWS, TABLE, cells, made, named

# -- limits ------------------------------------------------------------------------------


def test_text_of_any_length_costs_bounded_memory_and_its_own_row(tmp_path: Path) -> None:
    limits = Limits(cell_characters=100)
    for long, words in ((101, "“内容”有 101 字，超过 100 字"), (5000, "")):
        rows = [["名称", "内容"], ["甲", "长" * long], ["乙", "短"]]
        for path in (
            write_csv(tmp_path / "x.csv", rows),
            write_xlsx(tmp_path / "x.xlsx", {"s": rows}),
            write_docx(tmp_path / "x.docx", word_table(rows)),
            write_jsonl(tmp_path / "x.jsonl", named(rows)),
        ):
            found = list(open_table(path, limits=limits).rows)
            assert words in found[0].problem
            assert found[0].problem
            assert max(len(str(cell)) for cell in found[0].cells.values()) <= 1000
            assert (found[1].cells["内容"], found[1].problem) == ("短", "")


def test_rows_and_columns_are_counted(tmp_path: Path) -> None:
    rows = [["名称", "a", "b"], *[[str(n), "1", "2"] for n in range(30)]]
    for path in (
        write_csv(tmp_path / "x.csv", rows),
        write_xlsx(tmp_path / "x.xlsx", {"s": rows}),
        write_docx(tmp_path / "x.docx", word_table(rows)),
        write_jsonl(tmp_path / "x.jsonl", named(rows)),
    ):
        assert len(list(open_table(path, limits=Limits(rows=30)).rows)) == 30
        with pytest.raises(ImportFileError, match="超过 29 行"):
            list(open_table(path, limits=Limits(rows=29)).rows)
        with pytest.raises(ImportFileError, match="列"):
            pytest.fail(str(open_table(path, limits=Limits(columns=2))))
        size = path.stat().st_size
        assert open_table(path, limits=Limits(file_bytes=size))
        with pytest.raises(ImportFileError, match="文件过大"):
            open_table(path, limits=Limits(file_bytes=size - 1))


def test_archives_that_would_explode_are_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "x.xlsx", {"s": [HEADER, *ROWS * 100]})
    expanded = sum(info.file_size for info in zipfile.ZipFile(path).infolist())
    assert open_table(path, limits=Limits(expanded_bytes=expanded))
    with pytest.raises(ImportFileError, match="解压后过大"):
        open_table(path, limits=Limits(expanded_bytes=expanded - 1))
    zeros = write_zip(tmp_path / "z.xlsx", {"xl/workbook.xml": bytes(200 * 1024**2)})
    with pytest.raises(ImportFileError, match=r"解压后过大（200 MB，是文件的 \d{3,} 倍）"):
        open_table(zeros)


def with_sheet(path: Path, sheet: str, strings: str = "") -> Path:
    """A workbook whose sheet (and shared strings) are this XML."""
    write_xlsx(path, {"s": [["名称", "内容"], ["甲", "乙"]]})
    with zipfile.ZipFile(path) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    if sheet:
        parts["xl/worksheets/sheet1.xml"] = (
            f"<worksheet {main}><sheetData>{sheet}</sheetData></worksheet>"
        )
    if strings:
        parts["xl/sharedStrings.xml"] = f"<sst {main}>{strings}</sst>"
    return write_zip(path, parts)


def test_a_sheet_with_one_cell_in_the_far_corner_ends_no_process(tmp_path: Path) -> None:
    first = '<row r="1"><c r="A1"><v>1</v></c></row>'
    for reference, words in (
        ("XFD1048576", "内存"),
        ("ZZZZZZ4000000000", "完好"),
        ("A20000", ""),
    ):
        last = f'<row r="20000"><c r="{reference}"><v>1</v></c></row>'
        path = with_sheet(tmp_path / "x.xlsx", first + last)
        if words:
            with pytest.raises(ImportFileError, match=words):
                list(open_table(path).rows)
        else:
            assert [row.number for row in open_table(path).rows] == [20000]
    repeated = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        'table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
        "</table:table-row>"
    )
    with pytest.raises(ImportFileError, match="内存"):
        open_table(write_ods(tmp_path / "x.ods", TABLE, repeated))


def test_one_long_string_in_many_cells_is_cut(tmp_path: Path) -> None:
    strings = f"<si><t>名称</t></si><si><t>{'长' * 30_000}</t></si>"
    row = "".join(f'<c r="{column}2" t="s"><v>1</v></c>' for column in string.ascii_uppercase)
    sheet = f'<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2">{row}</row>'
    path = with_sheet(tmp_path / "x.xlsx", sheet, strings)
    (found,) = open_table(path, limits=Limits(cell_characters=30_000)).rows
    assert found.problem == "这一行的文字合计超过 300000 字"


LAUGHS = '<!DOCTYPE x [<!ENTITY a "哈哈哈哈哈哈哈哈">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip


def test_entities_that_expand_are_refused(tmp_path: Path) -> None:
    table = word_table([HEADER, ["1", "&i;", "x"]]).replace("&amp;i;", "&i;")
    word = write_docx(tmp_path / "x.docx", table, head=LAUGHS)
    sheet = with_sheet(tmp_path / "x.xlsx", "", "<si><t>名称</t></si>")
    with zipfile.ZipFile(sheet) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/sharedStrings.xml"] = LAUGHS.encode() + b"<sst><si><t>&i;</t></si></sst>"
    for path in (word, write_zip(sheet, parts)):
        with pytest.raises(ImportFileError, match="XML 实体声明"):
            open_table(path)
    # In UTF-16 the words do not stand in the bytes; the parser refuses them.
    document = f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}<x>&i;</x>'.encode("utf-16")
    hidden = write_zip(tmp_path / "y.docx", {"word/document.xml": document})
    with pytest.raises(ImportFileError, match="完好"):
        open_table(hidden)


# -- files that cannot be read -----------------------------------------------------------


def ole(*streams: str) -> bytes:
    """The beginning of an OLE container with these streams."""
    names = b"".join(name.encode("utf-16-le").ljust(128, b"\x00") for name in streams)
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1016) + names + bytes(1000)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """What is wrong → (the file, a word of the message)."""
    good = write_xlsx(folder / "good.xlsx", {"s": TABLE}).read_bytes()
    locked = bytearray(write_zip(folder / "locked.zip", {"xl/workbook.xml": "x"}).read_bytes())
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    html = "<html><head><meta charset=gb2312></head><table><tr><td>名称</td></table>"
    xml = '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("需求/x.csv", "名称\n甲")
    contents: dict[str, tuple[str, bytes, str]] = {
        "empty": ("x.csv", b"", "是空文件（0 字节）"),
        "blank": ("x.csv", b" ,\r\n\r\n", "没有表头"),
        "mark only": ("x.csv", b"\xef\xbb\xbf", "没有表头"),
        "unknown encoding": ("x.csv", b"\x80\xff\xff\xfe" * 9, "编码无法识别"),
        "not text": ("x.csv", bytes(range(256)) * 20, "编码无法识别"),
        "not text either": ("x.xlsx", bytes(range(256)) * 20, "完好"),
        "array": ("x.jsonl", '[{"名称": "甲"}]'.encode(), "JSON 数组"),
        "empty workbook": ("x.xlsx", b"", "是空文件"),
        "password": ("x.xlsx", ole("Root Entry", "EncryptionInfo", "EncryptedPackage"), "密码"),
        "zip password": ("x.xlsx", bytes(locked), "密码"),
        "old word": ("x.doc", ole("Root Entry", "WordDocument"), "另存为 .docx"),
        "word as workbook": ("x.xls", ole("Root Entry", "WordDocument"), "旧版 Word"),
        "hollow xls": ("x.xls", ole("Root Entry", "Workbook"), "完好"),
        "hollow ole": ("x.xls", ole("Root Entry"), "完好"),
        "half": ("x.xlsx", good[: len(good) // 2], "完好"),
        "zip": ("x.xlsx", packed.getvalue(), "实际是压缩包"),
        "web page": ("x.xls", html.encode("gb18030"), "网页（HTML）"),
        "web page in utf-16": ("x.xls", html.encode("utf-16"), "网页（HTML）"),
        "web archive": ("x.xls", b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "MHTML"),
        "xml sheet": ("x.xls", xml.encode(), "Excel 2003 XML"),
        "pdf": ("x.docx", b"%PDF-1.7\n", "PDF"),
        "picture": ("x.xlsx", b"\x89PNG\r\n\x1a\n", "图片"),
        "rar": ("x.xlsx", b"Rar!\x1a\x07", "压缩包"),
        "rtf": ("x.docx", b"{\\rtf1", "RTF"),
        "unknown ending": ("x.bin", good, "可以导入的文件：.xlsx"),
        "no ending": ("csv", b"a", "不支持"),
    }
    made: dict[str, tuple[Path, str]] = {}
    for wrong, (name, content, word) in contents.items():
        path = folder / wrong.replace(" ", "-") / name
        path.parent.mkdir()
        path.write_bytes(content)
        made[wrong] = path, word
    (folder / "folder.csv").mkdir()
    made["folder"] = folder / "folder.csv", "无法打开"
    made["missing"] = folder / "missing.csv", "找不到"
    made["NUL in the name"] = Path("a\x00.csv"), "找不到"
    made["empty sheet"] = write_xlsx(folder / "e.xlsx", {"s": []}), "没有表头"
    made["no table"] = write_docx(folder / "n.docx", "<w:p/>"), "没有可以导入的表格"
    slides = {"ppt/presentation.xml": "x", "[Content_Types].xml": "x"}
    made["slides"] = write_zip(folder / "s.xlsx", slides), "演示文稿"
    binary = {"xl/workbook.bin": "x", "xl/worksheets/sheet1.bin": "x"}
    made["xlsb"] = write_zip(folder / "b.xlsb", binary), r"\.xlsb"
    return made


def test_a_file_that_cannot_be_read_is_one_clear_sentence(tmp_path: Path) -> None:
    for wrong, (path, word) in bad_files(tmp_path).items():
        with pytest.raises(ImportFileError, match=word) as caught:
            pytest.fail(f"{wrong}: {list(open_table(path).rows)}")
        assert path.name in str(caught.value), wrong
        assert str(caught.value).endswith(("。", str(path))), wrong


@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods", "docx", "x.csv utf-8 ,"])
def test_a_readable_file_under_a_wrong_name_is_read(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    expected = cells(path)
    wrong = path.rename(tmp_path / ("wrong.xls" if kind != "xls" else "wrong.xlsx"))
    table = open_table(wrong)
    assert table.detail.startswith(f"文件名是 {wrong.suffix}，实际是 ")
    assert [dict(row.cells) for row in table.rows] == expected


@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods", "docx", "x.csv utf-8 ,", "jsonl"])
def test_a_cut_file_is_refused_or_read_to_the_cut(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind)
    content = path.read_bytes()
    for tenth in range(10):
        path.write_bytes(content[: len(content) * tenth // 10])
        try:
            rows = list(open_table(path).rows)
        except ImportFileError:
            continue
        assert kind in ("x.csv utf-8 ,", "jsonl")
        whole = [row for row in rows[:-1] if not row.problem]
        assert [dict(row.cells) for row in whole] == named(TABLE)[: len(whole)]


def test_no_damaged_byte_of_a_part_is_taken_for_a_value(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "x.xlsx", {"s": TABLE})
    expected, whole = cells(path), path.read_bytes()
    member = zipfile.ZipFile(path).getinfo("xl/sharedStrings.xml")
    start = member.header_offset + 30 + len(member.filename)
    refused = 0
    for place in range(start, start + member.compress_size):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert cells(path) == expected  # a bit that says nothing
        except ImportFileError:
            refused += 1
    assert refused > member.compress_size * 0.9


# -- any table, any damage ---------------------------------------------------------------

names = st.lists(
    st.text(st.sampled_from("钢渣ab名（）_"), min_size=1, max_size=6),
    min_size=2,
    max_size=4,
    unique=True,
)


def tables(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    def rows(header: list[str]) -> st.SearchStrategy[list[list[str]]]:
        row = st.lists(st.text(alphabet, max_size=6), min_size=len(header), max_size=len(header))
        return st.lists(row, max_size=5).map(lambda found: [header, *found])

    return names.flatmap(rows)


def kept(table: list[list[str]]) -> list[dict[str, str]]:
    return [row for row in named(table) if any(cell.strip() for cell in row.values())]


any_text = st.characters(exclude_categories=["Cs"])
signs = st.sampled_from("钢a,;|\"'\t\r\n\u2028=\x00 ")


@settings(deadline=None, max_examples=150)
@given(
    tables(st.one_of(signs, any_text)),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    st.sampled_from(",;\t|"),
)
def test_any_table_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], encoding: str, delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    write_csv(path, table, encoding, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    if encoding == "gb18030" and "UTF-8" in open_table(path).detail:
        return  # a few bytes may be valid in both
    assert cells(path) == kept(table)


@settings(deadline=None, max_examples=60)
@given(tables(any_text))
def test_any_table_written_as_jsonl_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    path = write_jsonl(tmp_path_factory.mktemp("jsonl") / "x.jsonl", named(table))
    if len(table) == 1:
        with pytest.raises(ImportFileError, match="空文件"):
            open_table(path)
    else:
        assert cells(path) == named(table)


# What XML can hold: no control characters; \r is a line end to it.
xml_text = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n"
)


@settings(deadline=None, max_examples=40)
@given(tables(xml_text))
def test_any_table_written_as_a_workbook_or_a_document_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("office")
    assert cells(write_xlsx(folder / "x.xlsx", {"s": table})) == kept(table)
    stripped = [[cell.strip() for cell in row] for row in table]
    word = write_docx(folder / "x.docx", word_table([table[0], ["x"] * len(table[0])]))
    assert cells(word) == [dict.fromkeys(table[0], "x")]
    word = write_docx(folder / "x.docx", word_table([*table, ["x"] * len(table[0])]))
    assert cells(word)[:-1] == kept(stripped)


def test_three_hundred_damaged_files_raise_nothing_else(tmp_path: Path) -> None:
    """eval/bench/fuzz_readers.py does it 10,000 times."""
    outcome = fuzz(300, 20261125, tmp_path)
    assert outcome.failures == []
    assert sum(outcome.counts.values()) == 300
    assert outcome.slowest_s < 20


def test_values_at_the_limit_are_read(tmp_path: Path) -> None:
    rows = [["名称", "内容"], ["甲", "长" * CELL_LIMIT]]
    assert cells(write_csv(tmp_path / "x.csv", rows)) == named(rows)
