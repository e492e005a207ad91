"""The 对接清单 workbook: text stays text, whatever it begins with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from api.cards import IndicatorOut, ObjectionOut, QuestionOut
from api.exports.card_cells import LINES
from api.exports.workbook import write_workbook
from api.schemas import (
    MatchOut,
    NextRouteOut,
    OtherOut,
    PartOut,
    RankingOut,
    RecordOut,
    SpanOut,
)
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, Need, Organisation
from matcher.indicators import Verdict
from matcher.next_routes import RouteName
from matcher.objections import Addressee, Code, Severity
from matcher.scoring import Level

HOSTILE = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "http://x.example/"]


def part(feature: str, value: float) -> PartOut:
    return PartOut(feature=feature, label="", reason="", value=value, weight=1.0, reference=0.0,
                   part=value)  # fmt: skip


def ranking(text: str, *, matches: bool = True, rows: int = 1) -> RankingOut:
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
        indicators=[
            IndicatorOut(property=text, verdict=Verdict.UNSTATED, sentence=text, need=[],
                         achievement=None)
        ] * rows,
        objections=[
            ObjectionOut(code=Code.BUDGET, severity=Severity.DOUBT, sentence=text, need=[],
                         achievement=[], empty=None)
        ],
        questions=[QuestionOut(topic="价格未填", to=Addressee.OWNER, text=text)],
        near_copies=[OtherOut(id=text, title=text, organisation=text)],
    )  # fmt: skip
    return RankingOut(
        source=RecordOut.of(need, Role.OFFICER), query=text, target=Kind.ACHIEVEMENT, shelved=0,
        eligible=1,
        matches=[match] if matches else [], problems=[],
        set_back=match.near_copies if matches else [],
        next_routes=[] if matches else [
            NextRouteOut(name=RouteName.WAIT, sentence=text, fits=False, quote=None)
        ],
    )  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_becomes_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    path = tmp_path / "对接清单.xlsx"
    write_workbook(path, [ranking(text), ranking(text, matches=False)])
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(n).decode() for n in archive.namelist() if "worksheets/sheet" in n]
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    book = CalamineWorkbook.from_path(path)
    row = book.get_sheet_by_name("对接清单").to_python()[1]
    assert str(row[1]).strip() == text.strip()
    set_back = book.get_sheet_by_name("同单位后移").to_python()[1]
    assert str(set_back[2]).strip() == text.strip()


def test_long_cells_are_cut_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_workbook(path, [ranking("长" * 5000, rows=LINES + 3)])
    header, row = CalamineWorkbook.from_path(path).get_sheet_by_name("对接清单").to_python()
    lines = str(dict(zip(header, row, strict=True))["指标核对"]).splitlines()
    assert len(lines) == LINES + 1
    assert f"共 {LINES + 3} 条" in lines[-1]
    assert all(len(line) <= 200 for line in lines)


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
