"""对接清单: the shortlist workbook. Every text cell is written as text, so none is a formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.exports.card_cells import COLUMNS as CARD_COLUMNS
from api.exports.card_cells import card_cells, route_cell
from api.exports.plain import clipped
from api.exports.writing import new_workbook
from api.schemas import MatchOut, RankingOut, RecordOut
from corpus.model import Kind
from matcher.diversity import DiversityConfig
from matcher.scoring import PART_LABELS

COLUMNS: tuple[tuple[str, int], ...] = (
    ("需求编号", 12), ("需求名称", 34), ("企业", 24), ("县区", 10), ("拟投入", 14),
    ("需求有效期至", 13), ("名次", 6),
    ("成果编号", 12), ("成果名称", 34), ("完成单位", 26), ("地区", 8), ("成熟度", 10),
    ("合作方式", 20), ("价格", 14),
    ("可能性", 9), ("等级", 8), ("共同的词", 30), ("需求原句", 50), ("成果原句", 50),
    *CARD_COLUMNS,
    *((label, 9) for label in PART_LABELS.values()), ("总分", 9),
)  # fmt: skip
_CAP = DiversityConfig()
_SCORES = frozenset({*PART_LABELS.values(), "总分"})
NOTES = (
    "本清单由程序提出，请人工核对后使用。",
    "可能性：专职技术转移人员认为这一对“较强”以上的可能，0% 至 100%，"
    "由总分换算：1 ÷ (1 + e^−总分)，可以复算。",
    "等级：强、较强、弱、无，按人工评级中各等级所占的比例从总分划出；等级为强的也并非必成。",
    f"总分：{'、'.join(PART_LABELS.values())}各列相加。",
    "共同的词、需求原句、成果原句：都摘自双方原文，未作改写。",
    "指标核对：需求写明的每一项指标，对照成果原文；判为满足或不满足的，双方原文都有依据。",
    "不利因素：“阻碍”是按原文合不上，“疑点”要请人看，“待问”是没有写明；都请核对原文。",
    f"同一单位在前 {_CAP.first} 位最多列 {_CAP.per_organisation} 项，其余见“同单位后移”。",
)


def write_workbook(path: Path, rankings: Sequence[RankingOut]) -> None:
    """Write the pairs of ``rankings`` (needs → achievements), atomically.

    Sheets: the pairs, what the cap on institutions moved out of them, the needs nothing answers,
    and how to read the numbers; this one begins with what was out of order when they were made.

    Raises:
        ValueError: a ranking is of needs; the columns would name the wrong sides.
        OSError: the folder cannot be written.
    """
    if any(ranking.target is not Kind.ACHIEVEMENT for ranking in rankings):
        raise ValueError("the workbook lists achievements for needs")
    with new_workbook(path) as book:
        _pairs(book, rankings)
        _set_back(book, rankings)
        _unanswered(book, rankings)
        problems = dict.fromkeys(problem for ranking in rankings for problem in ranking.problems)
        warnings = [f"注意，生成本清单时检索不完整：{problem}" for problem in problems]
        write_notes(book, [*warnings, *NOTES])


def _pairs(book: Any, rankings: Sequence[RankingOut]) -> None:
    rows = [
        pair_cells(ranking.source, ranking.query, rank, match)
        for ranking in rankings
        for rank, match in enumerate(ranking.matches, start=1)
    ]
    write_pairs(book, COLUMNS, rows)


def write_pairs(
    book: Any, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str | float | None]]
) -> None:
    """The sheet 对接清单: ``columns`` are those of this module, and others after them."""
    sheet = text_sheet(book, "对接清单", columns)
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    percent = book.add_format({"num_format": "0%", "valign": "top"})
    score = book.add_format({"num_format": "+0.000;-0.000", "valign": "top"})
    for row, cells in enumerate(rows, start=1):
        for column, value in enumerate(cells):
            if isinstance(value, str):
                sheet.write_string(row, column, clipped(value), wrap)
            elif value is not None:
                name = columns[column][0]
                form = percent if name == "可能性" else score if name in _SCORES else wrap
                sheet.write_number(row, column, value, form)
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)


def pair_cells(
    need: RecordOut | None, query: str, rank: int, match: MatchOut
) -> list[str | float | None]:
    """The cells of ``COLUMNS`` for one pair; ``query`` stands for a need that is free text."""
    achievement = match.document
    parts = {part.feature: part.part for part in match.parts}
    return [
        need.id if need else "",
        need.title if need else query,
        (need.organisation or "") if need else "",
        (need.county or "") if need else "",
        need.budget.label if need and need.budget else "",
        str(need.valid_until_on or "") if need else "",
        rank,
        achievement.id,
        achievement.title,
        achievement.organisation or "",
        achievement.region or "",
        achievement.maturity or "",
        "、".join(achievement.cooperation),
        achievement.price.label if achievement.price else "",
        match.chance,
        match.level.value,
        "、".join(term.term for term in match.key_terms[:8]),
        match.query_sentence.glossed,
        match.document_sentence.glossed,
        *card_cells(match, match.near_copies),
        *(parts.get(name) for name in PART_LABELS),
        match.score,
    ]


def _unanswered(book: Any, rankings: Sequence[RankingOut]) -> None:
    columns = (("需求编号", 12), ("需求名称", 50), ("企业", 30), ("县区", 12), ("说明", 40),
               ("下一步", 80))  # fmt: skip
    sheet = text_sheet(book, "暂无合适成果", columns)
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    row = 1
    for ranking in rankings:
        need = ranking.source
        if ranking.matches or need is None:
            continue
        cells = (need.id, need.title, need.organisation, need.county,
                 f"在 {ranking.eligible} 项成果中没有达到显示线的",
                 route_cell(ranking.next_routes))  # fmt: skip
        for column, value in enumerate(cells):
            sheet.write_string(row, column, clipped(value or ""), wrap)
        row += 1


def _set_back(book: Any, rankings: Sequence[RankingOut]) -> None:
    """What the cap moved behind the end of a list; no sheet where there is nothing."""
    if not any(ranking.set_back for ranking in rankings):
        return
    columns = (("需求编号", 12), ("需求名称", 50), ("成果编号", 12), ("成果名称", 50),
               ("完成单位", 30))  # fmt: skip
    sheet = text_sheet(book, "同单位后移", columns)
    row = 1
    for ranking in rankings:
        need = ranking.source
        for one in ranking.set_back:
            cells = (need.id if need else "", need.title if need else ranking.query, one.id,
                     one.title, one.organisation or "")  # fmt: skip
            for column, value in enumerate(cells):
                sheet.write_string(row, column, clipped(value))
            row += 1


def write_notes(book: Any, notes: Sequence[str]) -> None:
    """The sheet that says how to read the others."""
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 110)
    for row, note in enumerate(notes):
        sheet.write_string(row, 0, clipped(note))


def text_sheet(book: Any, name: str, columns: Sequence[tuple[str, int]]) -> Any:
    """A sheet with its head row, ready to be printed."""
    sheet = book.add_worksheet(name)
    head = book.add_format({"bold": True, "bg_color": "#1F4E79", "font_color": "white"})
    for column, (title, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, head)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    return sheet
