"""The 对接清单 workbook: text stays text, whatever it begins with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from api.exports.workbook import write_workbook
from api.schemas import MatchOut, PartOut, RankingOut, RecordOut, SpanOut
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, Need, Organisation
from matcher.scoring import Level

HOSTILE = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "http://x.example/"]


def part(feature: str, value: float) -> PartOut:
    return PartOut(feature=feature, label="", reason="", value=value, weight=1.0, reference=0.0,
                   part=value)  # fmt: skip


def ranking(text: str, *, matches: bool = True) -> RankingOut:
    need = Need(key="N1", title=text, organisation=Organisation(text), county="迁安市")
    achievement = Achievement(key="A1", title=text, text=text, organisation=Organisation(text))
    span = SpanOut(field="title", start=0, end=len(text), quote=text)
    match = MatchOut(
        document=RecordOut.of(achievement, Role.OFFICER),
        score=0.0,
        parts=[part("start", -3.0), part("meaning", 2.0), part("wording", 1.0)],
        chance=0.5,
        level=Level.STRONG,
        recommended=True,
        terms=[],
        query_sentence=span,
        document_sentence=span,
    )
    return RankingOut(
        source=RecordOut.of(need, Role.OFFICER), query=text, target=Kind.ACHIEVEMENT, shelved=0,
        eligible=1,
        matches=[match] if matches else [], problems=[],
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_becomes_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    path = tmp_path / "对接清单.xlsx"
    write_workbook(path, [ranking(text), ranking(text, matches=False)])
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(n).decode() for n in archive.namelist() if "worksheets/sheet" in n]
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    row = CalamineWorkbook.from_path(path).get_sheet_by_name("对接清单").to_python()[1]
    assert str(row[1]).strip() == text.strip()


def test_numbers_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_workbook(path, [ranking("普通")])
    header, row = CalamineWorkbook.from_path(path).get_sheet_by_name("对接清单").to_python()
    cells = dict(zip(header, row, strict=True))
    assert (cells["名次"], cells["可能性"], cells["等级"]) == (1, 0.5, "强")
    shown = [cells[name] for name in ("起点", "意思相近", "泛泛相近", "用词相同", "总分")]
    assert shown == [-3.0, 2.0, "", 1.0, 0.0]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.xlsx"
    write_workbook(path, [ranking("旧")])
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _descriptor: (_ for _ in ()).throw(OSError("满")))
    with pytest.raises(OSError, match="满"):
        write_workbook(path, [ranking("新")])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
