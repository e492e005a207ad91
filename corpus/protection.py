"""What a free text about intellectual property says of the protection, for filters and counts.

Substrings only, so that a database can tell the same as Python does; the objections of a match
read the text more closely.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_


class Protection(StrEnum):
    """State of the protection, as far as the text goes."""

    STATED = "已写明"
    PENDING = "申请中"
    LAPSED = "可能失效"
    NONE = "没有"
    UNSTATED = "未写明"


_NOTHING = ("", "-", "--", "—", "——", "/", "空", "null", "none", "nan", "n/a")
_NO_RIGHTS = (
    "无", "暂无", "没有", "未申请", "尚未申请", "暂未申请", "不涉及", "无专利", "暂无专利",
    "没有专利", "未申请专利", "尚未申请专利", "非专利技术", "无知识产权", "没有知识产权",
)  # fmt: skip
_LAPSED = ("已失效", "专利失效", "届满", "终止", "被宣告无效", "驳回", "视为撤回", "未缴年费")
_PENDING = ("申请", "受理", "实审", "公开", "未授权", "出願", "출원")
_GRANTED = ("已授权", "授权专利", "有效", "登录", "登録", "등록", "已获", "获得", "ZL")


def protection_of(text: str) -> Protection:
    """What the text says."""
    bare = text.strip(" ")
    if bare.lower() in _NOTHING:
        return Protection.UNSTATED
    if bare in _NO_RIGHTS:
        return Protection.NONE
    if any(word in text for word in _LAPSED):
        return Protection.LAPSED
    pending = any(word in text for word in _PENDING)
    if pending and not any(word in text for word in _GRANTED):
        return Protection.PENDING
    return Protection.STATED


def protection_column(column: Any) -> ColumnElement[Any]:
    """The same for a column of such texts."""
    bare = func.trim(column)

    def any_of(words: tuple[str, ...]) -> ColumnElement[bool]:
        # Not LIKE: SQLite's takes zl for ZL.
        return or_(*(func.replace(column, word, "") != column for word in words))

    return case(
        (func.lower(bare).in_(_NOTHING), Protection.UNSTATED.value),
        (bare.in_(_NO_RIGHTS), Protection.NONE.value),
        (any_of(_LAPSED), Protection.LAPSED.value),
        (and_(any_of(_PENDING), ~any_of(_GRANTED)), Protection.PENDING.value),
        else_=Protection.STATED.value,
    )
