"""From a row with plain column names to a record, or a reason why not.

Plain names are the English ones of ``docs`` in the README and their everyday Chinese
equivalents. Columns nobody knows are kept as read in ``extra``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from corpus.importing.readers import CELL_LIMIT, Row
from corpus.model import Achievement, Amount, Kind, Maturity, Need, Organisation, Record

_SHARED = {
    "title": ("title", "name", "名称", "标题"),
    "text": ("text", "context", "内容", "简介", "正文"),
    "technology_field": ("technology_field", "field", "技术领域", "所属领域"),
    "industry": ("industry", "classification", "行业", "所属行业"),
    "language": ("language", "语言"),
    "cooperation": ("cooperation", "cooperationMethod", "合作方式"),
    "published_on": ("published_on", "postTime", "发布日期"),
    "valid_until_on": ("valid_until_on", "valid_until", "有效期至"),
}
COLUMNS: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.ACHIEVEMENT: {
        "key": ("key", "achievement_id", "id", "编号", "成果编号"),
        **_SHARED,
        "title": (*_SHARED["title"], "成果名称"),
        "text": (*_SHARED["text"], "成果简介"),
        "organisation": ("organisation", "完成单位", "单位"),
        "region": ("region", "地区", "所在地"),
        "maturity": ("maturity", "成熟度"),
        "intellectual_property": ("intellectual_property", "ip", "知识产权"),
    },
    Kind.NEED: {
        "key": ("key", "need_id", "id", "编号", "需求编号"),
        **_SHARED,
        "title": (*_SHARED["title"], "需求名称"),
        "text": (*_SHARED["text"], "需求内容"),
        "organisation": ("organisation", "企业名称", "单位"),
        "region": ("region", "地区"),
        "county": ("county", "县区"),
        "budget_wan": ("budget_wan", "拟投入资金（万元）", "拟投入资金(万元)", "拟投入资金"),
    },
}
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)")
_LANGUAGES = {"zh", "ja", "ko", "en", "de"}
_TITLE_LIMIT = 1000
# PostgreSQL cannot index values of more than about 2,700 bytes.
_SHORT_LIMIT = 500
_SHORT = ("key", "organisation", "region", "technology_field", "county")


@dataclass(frozen=True, slots=True)
class Converted:
    """A record, and what a person should look at."""

    record: Record
    warnings: tuple[str, ...] = ()


class RowError(ValueError):
    """Why one row cannot become a record, in the words of the person who made the file."""


def converter(kind: Kind) -> Callable[[Row], list[Converted]]:
    """``to_record`` as the importer wants it."""
    return lambda row: [Converted(to_record(kind, row.cells))]


def to_record(kind: Kind, row: Mapping[str, Any]) -> Record:
    """Convert one row.

    Raises:
        RowError: a value is missing, malformed or too long.
    """
    values, extra = _assign(kind, row)
    title = values.get("title", "")
    if not title.strip():
        raise RowError(f"缺少{kind.label}名称")
    if len(title) > _TITLE_LIMIT:
        raise RowError(f"名称有 {len(title)} 字，超过 {_TITLE_LIMIT} 字；是否把正文放进了名称列？")
    for name in _SHORT:
        if len(value := values.get(name, "").strip()) > _SHORT_LIMIT:
            raise RowError(f"“{value[:40]}…”有 {len(value)} 字，这一列最多 {_SHORT_LIMIT} 字")
    organisation = values.get("organisation", "").strip()
    language = values.get("language", "").strip().lower() or "zh"
    if language not in _LANGUAGES:
        raise RowError(f"语言“{language}”不认识，可用：{'、'.join(sorted(_LANGUAGES))}")
    text = values.get("text", "")
    shared: dict[str, Any] = {
        "key": values.get("key", "").strip() or _content_key(title, text, organisation),
        "title": title.strip(),
        "text": text,
        "technology_field": values.get("technology_field", "").strip(),
        "industry": values.get("industry", "").strip(),
        "organisation": Organisation(organisation, values.get("region", "").strip())
        if organisation
        else None,
        "language": language,
        "cooperation": _parts(values.get("cooperation", "")),
        "published_on": _date(values.get("published_on", ""), "发布日期"),
        "valid_until_on": _date(values.get("valid_until_on", ""), "有效期"),
        "extra": extra,
    }
    if kind is Kind.ACHIEVEMENT:
        return Achievement(
            **shared,
            maturity=_maturity(values.get("maturity", "")),
            intellectual_property=values.get("intellectual_property", "").strip(),
        )
    return Need(
        **shared,
        county=values.get("county", "").strip(),
        budget=_amount(values.get("budget_wan", ""), "拟投入资金"),
    )


def _assign(kind: Kind, row: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    values: dict[str, str] = {}
    used: set[str] = set()
    for target, names in COLUMNS[kind].items():
        for name in names:
            if name in row:
                values[target] = _as_text(row[name], name)
                used.add(name)
                break
    extra = {
        _storable(name): text
        for name, cell in row.items()
        if name not in used and (text := _as_text(cell, name)).strip()
    }
    return values, extra


def _as_text(cell: Any, name: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, datetime):
        cell = cell.date()
    try:
        if isinstance(cell, list):
            cell = "、".join(str(part) for part in cell)
        if isinstance(cell, dict):
            cell = json.dumps(cell, ensure_ascii=False)
    except RecursionError as error:
        raise RowError(f"“{name}”的嵌套层次过深") from error
    text = str(cell)
    if len(text) > CELL_LIMIT:
        raise RowError(f"“{name}”有 {len(text)} 字，超过 {CELL_LIMIT} 字")
    return _storable(text)


def _storable(text: str) -> str:
    # PostgreSQL text cannot hold NUL; lone surrogates cannot be stored anywhere.
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,，、;；]", value) if part.strip())


def _date(value: str, name: str) -> date | None:
    value = value.strip()
    if not value:
        return None
    match = _DATE.match(value)
    if not match:
        raise RowError(f"{name}“{value[:40]}”不是日期，请写成 2026-11-24 的样子")
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError as error:
        raise RowError(f"{name}“{value[:40]}”不是有效的日期") from error


def _amount(value: str, name: str) -> Amount | None:
    value = value.strip().removesuffix("万元").replace(",", "")
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise RowError(f"{name}“{value[:40]}”不是金额，请只填数字（单位：万元）")
    return Amount(number, number)


def _maturity(value: str) -> Maturity | None:
    value = value.strip()
    if not value:
        return None
    try:
        return Maturity(value)
    except ValueError as error:
        known = "、".join(level.value for level in Maturity)
        raise RowError(f"成熟度“{value[:40]}”不认识，可用：{known}") from error


def _content_key(title: str, text: str, organisation: str) -> str:
    joined = "\x1f".join((title.strip(), text.strip(), organisation))
    return "C" + hashlib.sha256(joined.encode()).hexdigest()[:16]


def raw_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it was read, as values that JSON and every database take."""
    return {_storable(name): _plain(cell) for name, cell in row.items()}


def _plain(cell: Any) -> Any:
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float) and math.isfinite(cell):
        return cell
    return _storable(str(cell))[:CELL_LIMIT]
