"""The explanation card as cells of a workbook: lines of text, cut where they grow long."""

from __future__ import annotations

from collections.abc import Sequence

from api.cards import CardOut
from api.schemas import NextRouteOut, OtherOut
from corpus.text import excerpt

COLUMNS: tuple[tuple[str, int], ...] = (
    ("指标核对", 50), ("不利因素", 50), ("待问", 44), ("近似成果", 26),
)  # fmt: skip

LINES = 8
"""Lines of a cell; what is left out is counted. A cell of a page is not scrolled."""

_LINE = 160  # characters


def card_cells(card: CardOut, near_copies: Sequence[OtherOut]) -> list[str]:
    """One cell for each of ``COLUMNS``."""
    return [
        _lines([f"{row.verdict.value}：{row.sentence}" for row in card.indicators]),
        _lines([f"{o.severity.value}：{o.sentence}" for o in card.objections]),
        _lines([f"问{q.to.value}：{q.text}" for q in card.questions]),
        _lines([f"{one.id} {one.title}" for one in near_copies]),
    ]


def route_cell(routes: Sequence[NextRouteOut]) -> str:
    """Where to go next, a line each."""
    return _lines([f"{route.name.value}：{route.sentence}" for route in routes])


def _lines(all_of_them: Sequence[str]) -> str:
    shown = [excerpt(line, _LINE) for line in all_of_them[:LINES]]
    if len(all_of_them) > LINES:
        shown.append(f"……共 {len(all_of_them)} 条，其余见网页。")
    return "\n".join(shown)
