"""A shortlist as a workbook: the columns of the 对接清单, and what people wrote beside."""

from __future__ import annotations

from pathlib import Path

from api.clock import TIME_ZONE
from api.exports.workbook import COLUMNS, NOTES, pair_cells, write_notes, write_pairs
from api.exports.writing import new_workbook
from api.handouts import HandedPair, Handout

_MORE: tuple[tuple[str, int], ...] = (("备注", 40), ("依据的时间", 13), ("收藏后有无变化", 14))
_NOTES = (
    "名次：清单里的顺序，由人排定。",
    "依据的时间：各列的依据是这一天收藏时的；写“现在”的，是导出时的。",
    "收藏后有无变化：写“有”的，双方的内容在收藏以后改过，请核对原文。",
)


def write_shortlist(path: Path, handout: Handout) -> None:
    """Write a list, atomically.

    Raises:
        OSError: the folder cannot be written.
    """
    rows = [_cells(rank, pair) for rank, pair in enumerate(handout.pairs, start=1)]
    left_out = [f"另有 {handout.hidden} 条，导出的人无权查看，没有列出。"] if handout.hidden else []
    about = [f"清单“{handout.shortlist.name}”，{handout.shortlist.owner} 建立。"]
    if handout.shortlist.note:
        about.append(handout.shortlist.note)
    with new_workbook(path) as book:
        write_pairs(book, (*COLUMNS, *_MORE), rows)
        write_notes(book, [*about, *left_out, *NOTES, *_NOTES])


def _cells(rank: int, pair: HandedPair) -> list[str | float | None]:
    more: list[str | float | None] = [
        pair.note,
        str(pair.seen_at.astimezone(TIME_ZONE).date()) if pair.seen_at else "现在",
        "有" if pair.changed else "无",
    ]
    if pair.match is not None:
        return [*pair_cells(pair.need, "", rank, pair.match), *more]
    named: dict[str, str | float] = {
        "需求编号": pair.need.id, "需求名称": pair.need.title, "名次": rank,
        "企业": pair.need.organisation or "", "成果编号": pair.achievement.id,
        "成果名称": pair.achievement.title, "完成单位": pair.achievement.organisation or "",
    }  # fmt: skip
    return [*(named.get(name) for name, _ in COLUMNS), *more]
