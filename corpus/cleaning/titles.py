"""Several needs in one title: an offer of how to split them, for a person to decide."""

from __future__ import annotations

import re

_MIN_LENGTH = 4  # shorter parts are keywords or properties: 高强；耐磨
_MAX_LENGTH = 80  # a longer part is no title
_MAX_PARTS = 20

_HAN = "一二三四五六七八九十"
# A number before a digit or another number's tail is a locant or a version: 1,4-丁二醇, 2.0.
_MARK = re.compile(
    r"(?<![\dA-Za-z.,，-])(?:(?P<digit>\d{1,2})\s?[、．.)）](?![\d-])|[（(](?P<bracketed>\d{1,2})[)）]"
    rf"|(?P<circled>[①-⑳])|(?P<han>[{_HAN}])、|[（(](?P<han_bracketed>[{_HAN}])[)）]"
    rf"|(?:(?<=[\s；;。，,、:：])|^)(?P<first>[{_HAN}])是)\s?"
)
_NAME = re.compile(
    rf"(?:(?:\d{{1,2}}\s?[、．.)）]|[（(]\d{{1,2}}[)）]|[①-⑳]|[{_HAN}]、)\s?)?"
    r"(?:技术|企业)?(?:需求|项目|难题|课题)名称\s?[:：]\s?"
)
_NAME_END = re.compile(
    r"[;；，。,\s]{0,3}(?:技术|项目)?(?:需求|项目|难题|课题)?(?:简介|内容|描述|说明|详情)\s?[:：]\s?|\n"
)
_TRIM = ' \t\n"“”；;。，,、:：'
# A part that hangs on the one before it is no need of its own.
_DEPENDENT = re.compile(r"(?:以及|并且?|和|与|及|等|其中|从而|要求|适用于|用于|替代|达到)")


def split_needs(title: str, text: str) -> list[tuple[str, str]]:
    """The needs that one record seems to hold, as (title, text) pairs; empty if it is one.

    An offer, not a decision: blocks of 需求名称：…需求简介：… in the text, numbered titles
    (``1、…2、…``, ``一是…二是…``), and titles in which semicolons divide whole phrases. Where the
    text cannot be divided, every part gets all of it.
    """
    return _blocks(text) or [(part, text) for part in _numbered(title) or _divided(title)]


def _blocks(text: str) -> list[tuple[str, str]]:
    if "名称" not in text:
        return []
    names = list(_NAME.finditer(text))
    ends = [name.start() for name in names[1:]] + [len(text)]
    pairs = []
    for name, end in zip(names, ends, strict=False):
        name_end = _NAME_END.search(text, name.end(), min(end, name.end() + _MAX_LENGTH + 20))
        if name_end is None:
            return []
        title = text[name.end() : name_end.start()].strip(_TRIM)
        pairs.append((title, text[name_end.end() : end].strip(' \n"“”')))
    return pairs if _usable([title for title, _ in pairs]) else []


def _numbered(title: str) -> list[str]:
    marks = list(_MARK.finditer(title))
    if [_number(mark) for mark in marks] != list(range(1, len(marks) + 1)):
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(title)]
    parts = [title[m.end() : end].strip(_TRIM) for m, end in zip(marks, ends, strict=False)]
    return parts if _usable(parts) else []


def _number(mark: re.Match[str]) -> int:
    if mark["circled"]:
        return ord(mark["circled"]) - ord("①") + 1
    han = mark["han"] or mark["han_bracketed"] or mark["first"]
    return _HAN.index(han) + 1 if han else int(mark["digit"] or mark["bracketed"])


def _divided(title: str) -> list[str]:
    parts = [part for part in (p.strip(_TRIM) for p in re.split("[；;\n]", title)) if part]
    return parts if _usable(parts) and not any(map(_DEPENDENT.match, parts[1:])) else []


def _usable(parts: list[str]) -> bool:
    return 2 <= len(parts) <= _MAX_PARTS and all(
        _MIN_LENGTH <= len(part) <= _MAX_LENGTH for part in parts
    )
