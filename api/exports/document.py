"""A shortlist as a Word document that an officer can hand on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from io import BytesIO
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from api.cards import IndicatorOut
from api.clock import TIME_ZONE
from api.exports.plain import clipped
from api.handouts import HandedPair, Handout
from api.schemas import RecordOut

LONGEST = 4000
"""Characters of one paragraph; a page is not scrolled, and the original is in the system."""
_FONT, _EAST_ASIAN = "Calibri", "宋体"
_MARGIN_CM, _SIZE_PT = 2.2, 10.5


def document(handout: Handout, today: date) -> bytes:
    """The list as .docx: title, date, and of each pair the reasons with the words of both sides,
    the indicators, what speaks against, what to ask, and the note."""
    made = _blank(handout, today)
    made.add_heading(_plain(handout.shortlist.name), level=0)
    made.add_paragraph(
        f"{today:%Y}年{today.month}月{today.day}日　共 {len(handout.pairs)} 对　"
        "由程序提出，请人工核对后使用。"
    )
    _text(made, handout.shortlist.note)
    if handout.hidden:
        made.add_paragraph(f"另有 {handout.hidden} 条，导出的人无权查看，没有列出。")
    for place, pair in enumerate(handout.pairs, start=1):
        _pair(made, place, pair)
    file = BytesIO()
    made.save(file)
    return file.getvalue()


def _blank(handout: Handout, today: date) -> Any:
    made = Document()
    now = datetime(today.year, today.month, today.day, tzinfo=TIME_ZONE)
    known = made.core_properties
    known.author, known.title, known.comments = "直通", _plain(handout.shortlist.name)[:200], ""
    known.created = known.modified = now
    for section in made.sections:
        section.left_margin = section.right_margin = Cm(_MARGIN_CM)
        section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    for name in ("Normal", "Title", "Heading 1", "Heading 2"):
        style = made.styles[name]
        style.font.name = _FONT
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _EAST_ASIAN)
    made.styles["Normal"].font.size = Pt(_SIZE_PT)
    return made


def _pair(made: Any, place: int, pair: HandedPair) -> None:
    match = pair.match
    made.add_heading(_plain(f"{place}. {pair.need.title} → {pair.achievement.title}"), level=1)
    _text(made, _facts("需求", pair.need))
    _text(made, _facts("成果", pair.achievement))
    if match is not None:
        _text(made, f"匹配：{match.level.value}，可能性 {match.chance:.0%}。{_when(pair)}")
        made.add_heading("为什么", level=2)
        _text(made, f"需求原文：“{match.query_sentence.quote}”")
        _text(made, f"成果原文：“{match.document_sentence.quote}”")
        _text(made, match.in_favour)
    else:
        _text(made, "匹配：检索索引暂不可用，没有得分。")
    if pair.card.similarity is not None:
        _text(made, f"{pair.card.similarity.kind.value}：{pair.card.similarity.sentence}")
    if pair.card.indicators:
        made.add_heading("指标核对", level=2)
        _indicators(made, pair.card.indicators)
    made.add_heading("不利因素", level=2)
    against = [f"{o.severity.value}：{o.sentence}" for o in pair.card.objections]
    for line in against or [pair.card.against]:
        made.add_paragraph(_plain(line), style="List Bullet")
    if pair.card.questions:
        made.add_heading("接下来问什么", level=2)
        # Numbers as text: those of Word would go on from one pair to the next.
        for number, question in enumerate(pair.card.questions, start=1):
            _text(made, f"{number}. 问{question.to.value}：{question.text}")
    if pair.note:
        made.add_heading("备注", level=2)
        _text(made, pair.note)


def _when(pair: HandedPair) -> str:
    if pair.seen_at is None:
        return "依据是现在的。"
    day = pair.seen_at.astimezone(TIME_ZONE).date()
    return f"依据是 {day} 收藏时的{'，此后双方内容有变化，请核对原文' if pair.changed else ''}。"


def _facts(label: str, record: RecordOut) -> str:
    money = record.budget or record.price
    facts = (
        record.id, record.organisation, record.county, record.region, record.maturity,
        f"{'拟投入' if record.budget else '价格'} {money.label}" if money and money.label else None,
        "、".join(record.cooperation),
    )  # fmt: skip
    return f"{label}：{'　'.join(filter(None, facts))}"


def _indicators(made: Any, rows: Sequence[IndicatorOut]) -> None:
    head = ("指标", "结论", "需求原文", "成果原文", "说明")
    table = made.add_table(rows=1, cols=len(head), style="Table Grid")
    for cell, text in zip(table.rows[0].cells, head, strict=True):
        cell.text = text
    for row in rows:
        told = (
            row.property,
            row.verdict.value,
            row.need[0].quote if row.need else "",
            row.achievement.quote if row.achievement else "",
            row.sentence,
        )
        for cell, text in zip(table.add_row().cells, told, strict=True):
            cell.text = _plain(text)


def _text(made: Any, text: str) -> None:
    if text.strip():
        made.add_paragraph(_plain(text))


def _plain(text: str) -> str:
    return clipped(text, LONGEST)
