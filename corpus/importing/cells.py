"""Cells as they were read, as text and as values that JSON and every database take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from corpus.importing.readers import CELL_LIMIT


def raw_json(cells: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it was read, as values that JSON and every database take."""
    return {storable(name): _plain(cell) for name, cell in cells.items()}


def cell_text(cell: Any) -> str:
    """A cell as text: whole numbers without a fraction, lists divided by 、, objects as JSON.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, list):
        cell = "、".join(str(part) for part in cell)
    if isinstance(cell, dict):
        cell = json.dumps(cell, ensure_ascii=False, default=str)
    return storable(str(cell))


def storable(text: str) -> str:
    """Text without what no database keeps."""
    # PostgreSQL text cannot hold NUL; lone surrogates cannot be stored anywhere.
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float) and math.isfinite(cell):
        return cell
    return storable(str(cell))[:CELL_LIMIT]
