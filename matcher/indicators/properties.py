"""What a number is a property of: known names with their synonyms, else the noun before it."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_LONGEST = 9
_SHORTEST_SHARED = 3  # characters that two unknown names must share: 用药量 in 每亩用药量
# Behind a property's name and part of it: 厚度范围, 抗拉强度值, 排放浓度指标.
_TAILS = ("数值", "范围", "指标", "水平", "标准", "总量", "区间", "值", "量")
# Where a noun begins, reading backwards from the number.
_CUT = re.compile(
    r".*(?:[，。；;:：、,()（）\[\]【】\"“”'‘’!?！？/|<>≥≤=+\n]"
    r"|[的了对使将把其该本时后中且并和与及或让令由从自以经为是应须需均达]|要求|需要|所得|制备|控制|保证|确保|实现|产品|采用"
    r"|提高|提升|降低|减少|大于|小于|高于|低于|要|希望|目前|改造|处理后|系统|设备|平均|吨)",
    re.DOTALL,
)
# An unknown noun is taken for a property only if it sounds like one: 拒真率, 余长, 弱化度.
_PROPERTY_ENDINGS = frozenset("度率量值效力性数比径长宽高厚温压速距深重期间耗差积频流点")
_NO_PROPERTIES = frozenset(
    {
        "中间",
        "年间",
        "期间",
        "其间",
        "数量",
        "大量",
        "少量",
        "适量",
        "质量",
        "总数",
        "增长",
        "延长",
        "提高",
        "较高",
        "最高",
        "过度",
        "进度",
        "初期",
        "前期",
        "后期",
        "试点",
        "特点",
        "重点",
        "优点",
        "缺点",
        "热点",
        "难点",
        "季度",
        "生长",
        "成长",
        "校长",
        "年度",
        "定期",
        "长期",
        "同比",
        "相比",
        "对比",
        "倍数",
        "多数",
        "少数",
        "总量",
        "参数",
        "等量",
        "房间",
        "车间",
        "夜间",
        "区间",
        "之间",
        "作用力",
        "劳动力",
    }
)
_NOUN = re.compile(r"[A-Za-z0-9\u4e00-\u9fff·\-]{1,8}$")


@dataclass(frozen=True, slots=True)
class Property:
    """A known property; see ``properties.toml`` for the fields."""

    name: str
    better: str = "none"
    subject: str = "loose"
    covers: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A property's name in a folded text, its place, and what it is of."""

    property: Property
    known: bool
    start: int
    end: int
    subject: str


@functools.cache
def _resource() -> dict[str, Any]:
    source = resources.files("matcher.indicators").joinpath("properties.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


@functools.cache
def _known() -> dict[str, Property]:
    table = {}
    for group in _resource()["group"]:
        for names in group["names"]:
            made = Property(names[0], group["better"], group["subject"], group.get("covers", False))
            table.update({name.translate(_LOWER): made for name in names})
    return table


@functools.cache
def _symbols() -> frozenset[str]:
    return frozenset(name for name in _known() if name.isascii())


@functools.cache
def _subjects() -> dict[str, str]:
    rows = _resource()["subjects"].items()
    return {other.translate(_LOWER): name for name, others in rows for other in others}


@functools.cache
def _facts() -> frozenset[str]:
    return frozenset(_resource()["facts"]["words"])


@functools.cache
def _inside() -> re.Pattern[str]:
    names = sorted((n for n in _known() if len(n) > 1), key=lambda n: (-len(n), n))
    return re.compile("|".join(map(re.escape, names)))


def is_symbol(word: str) -> bool:
    """Whether a Latin word stuck to a number names a property (Ra0.8, pH7), not a thing (Q345)."""
    return word.translate(_LOWER) in _symbols() or word in ("HRC", "HRB", "HRA", "HV", "HB")


def known_property(name: str) -> Property:
    """The property of that name; an unknown one compares only with its like."""
    return _known().get(name.translate(_LOWER), Property(name))


def is_fact(found: Found) -> bool:
    """Whether it is a fact about an enterprise, not a technical property."""
    name = found.property.name
    return not found.known and any(name.endswith(word) for word in _facts())


def property_before(text: str, start: int, end: int, *, guess: bool = True) -> Found | None:
    """The property named directly before ``end``, not reaching before ``start``.

    A known name counts first, the longest; else, with ``guess``, the noun that stands there.
    """
    whole, end = end, _without_tail(text, start, end)
    for length in range(min(_LONGEST, end - start), 0, -1):
        name = text[end - length : end].translate(_LOWER)
        found = _known().get(name)
        if found is None or (name.isascii() and _joined(text, end - length)):
            continue
        return Found(found, True, end - length, end, _subject(text, start, end - length))
    if not guess:
        return None
    return _guessed(text, start, whole) or _guessed(text, start, end)


def property_inside(text: str, start: int, end: int) -> Found | None:
    """The last known property named anywhere between ``start`` and ``end``."""
    last = None
    for match in _inside().finditer(text[start:end].translate(_LOWER)):
        last = match
    if last is None:
        return None
    begin = start + last.start()
    made = _known()[last[0]]
    return Found(made, True, begin, start + last.end(), _subject(text, start, begin))


def property_after(text: str, start: int, end: int) -> Found | None:
    """The known property that begins at ``start``."""
    for length in range(min(_LONGEST, end - start), 1, -1):
        found = _known().get(text[start : start + length].translate(_LOWER))
        if found is not None:
            return Found(found, True, start, start + length, "")
    return None


def _without_tail(text: str, start: int, end: int) -> int:
    lowered = text[max(start, end - _LONGEST) : end].translate(_LOWER)
    if any(lowered[i:] in _known() for i in range(len(lowered))):
        return end
    for tail in _TAILS:
        if text.endswith(tail, start, end) and end - len(tail) > start:
            return end - len(tail)
    return end


def _joined(text: str, position: int) -> bool:
    before = text[position - 1 : position]
    return before.isascii() and before.isalnum()


def _noun(text: str, start: int, end: int) -> tuple[int, int]:
    """The noun that ends at ``end``: back to the nearest word or sign that cannot be in it."""
    begin = max(start, end - 12)
    cut = _CUT.match(text, begin, end)
    begin = cut.end() if cut else begin
    noun = _NOUN.search(text[begin:end])
    return (begin + noun.start(), end) if noun else (end, end)


def _subject(text: str, start: int, end: int) -> str:
    if end > start and text[end - 1] == ")":  # 粗蛋白(干基)含量
        end = max(start, text.rfind("(", max(start, end - 12), end))
    begin, end = _noun(text, start, end)
    subject = text[begin:end]
    return _subjects().get(subject.translate(_LOWER), subject)


def _guessed(text: str, start: int, end: int) -> Found | None:
    begin, end = _noun(text, start, end)
    name = text[begin:end]
    if len(name) < 2 or name[-1] not in _PROPERTY_ENDINGS or name[-2:] in _NO_PROPERTIES:
        return None
    return Found(Property(name), False, begin, end, "")


def same_name(one: str, other: str) -> bool:
    """Whether two names are of one property; an unknown one may carry what it is of."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    unknown = shorter not in _known() and longer not in _known()
    return unknown and len(shorter) >= _SHORTEST_SHARED and longer.endswith(shorter)


def same_subject(rule: str, one: str, other: str, one_text: str, other_text: str) -> bool:
    """Whether two properties of one name are of the same thing, as far as the rule asks.

    ``one_text`` and ``other_text`` are the whole records: a thing that only one side names next
    to the number may be named elsewhere by the other.
    """
    if rule == "any":
        return True
    if not one and not other:
        return rule != "named"
    if one and other:
        return one == other or _ends_with(one, other) or _ends_with(other, one)
    if rule == "loose":
        return True
    return rule == "echoed" and (one in other_text if one else other in one_text)


def _ends_with(longer: str, shorter: str) -> bool:
    names = [shorter, *(o for o, n in _subjects().items() if n == shorter)]
    return any(longer.translate(_LOWER).endswith(name.translate(_LOWER)) for name in names)
