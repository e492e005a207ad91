"""The words around a number, read backwards from it: comparators, verbs of change, fillers.

Reading is by look-up of the last characters in one table, the longest word first; no regular
expression sees more than a short window.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import product
from typing import TypeVar

from matcher.indicators.values import Direction

_Meaning = TypeVar("_Meaning")


class Sign(Enum):
    """A comparator; BETTER and WORSE are given a side by the property."""

    AT_LEAST = auto()
    ABOVE = auto()
    AT_MOST = auto()
    BELOW = auto()
    BETTER = auto()
    ABOUT = auto()


class Mark(Enum):
    """Other words before a number that carry meaning."""

    TO = auto()  # 到, 至: behind a verb of change, the value itself
    REACH = auto()  # 达到
    IS = auto()  # 为
    NOT = auto()
    FROM = auto()
    RATIO = auto()  # 原来的
    SEVERAL = auto()  # 分别
    TOLERANCE = auto()  # ±
    NOTHING = auto()


_HIGH = ("高于", "大于", "多于", "超过", "超出", "长于", "强于")
_LOW = ("低于", "小于", "少于", "短于")
_NO = (
    "不", "不得", "不应", "不能", "不可", "不宜", "不会", "不许", "不要", "未", "没有", "无法",
    "不允许", "均不", "不再", "不准", "应不", "都不", "须不", "从未", "并未", "难以",
)  # fmt: skip
_EQUAL = ("", "等于", "或等于")
_FILLERS = (
    " ", ":", "：", "=", "\"", "“", "”", "'", ",", "了", "是", "在", "均", "都", "应", "须", "需",
    "必须", "要求", "要", "能", "可", "能够", "可以", "已", "仅", "只", "仅需", "只需", "平均",
    "一般", "通常", "介于", "处于", "控制", "保持", "稳定", "稳定保持", "有", "大幅", "幅度", "也",
    "还", "就", "即", "最终", "累计", "总体", "整体", "综合", "进一步", "有效", "明显", "显著",
    "同比", "直接", "将", "会", "实际", "实测", "测得", "检测", "满足", "其", "相应", "普遍",
    "要能", "希望", "确保", "保证", "并", "同时", "由此", "再", "指标", "要求是", "仍", "仍然",
    "依然", "还是", "始终", "经检测", "经测试", "已经", "设定", "设计", "精确", "严格", "长期",
    "持续", "同步", "可控", "允许",
)  # fmt: skip
_MARKS: dict[str, Mark | Sign] = {
    "到": Mark.TO, "至": Mark.TO, "成": Mark.TO, "为": Mark.IS, "达到": Mark.REACH,
    "达": Mark.REACH, "实现": Mark.REACH, "高达": Mark.REACH, "做到": Mark.REACH,
    "达成": Mark.REACH, "低至": Mark.IS, "未": Mark.NOT, "没有": Mark.NOT, "尚未": Mark.NOT,
    "未能": Mark.NOT, "无法": Mark.NOT, "不能": Mark.NOT, "难以": Mark.NOT, "并未": Mark.NOT,
    "没能": Mark.NOT, "不": Mark.NOT, "还未": Mark.NOT, "不足以": Mark.NOT, "由": Mark.FROM,
    "从": Mark.FROM, "自": Mark.FROM, "原来的": Mark.RATIO, "原来": Mark.RATIO,
    "原先的": Mark.RATIO, "原有的": Mark.RATIO, "目前的": Mark.RATIO, "现有的": Mark.RATIO,
    "传统的": Mark.RATIO, "现在的": Mark.RATIO, "目前": Mark.RATIO, "现有": Mark.RATIO,
    "原": Mark.RATIO, "现在": Mark.RATIO, "传统工艺的": Mark.RATIO, "现有工艺的": Mark.RATIO,
    "原工艺的": Mark.RATIO, "改造前的": Mark.RATIO, "当前": Mark.RATIO, "分别": Mark.SEVERAL,
    "±": Mark.TOLERANCE, "+-": Mark.TOLERANCE, "+/-": Mark.TOLERANCE, "≥": Sign.AT_LEAST,
    ">=": Sign.AT_LEAST, "=>": Sign.AT_LEAST, "≤": Sign.AT_MOST, "<=": Sign.AT_MOST,
    "=<": Sign.AT_MOST, ">": Sign.ABOVE, "<": Sign.BELOW, "≈": Sign.ABOUT, "~": Sign.ABOUT,
    "约": Sign.ABOUT, "大约": Sign.ABOUT, "大概": Sign.ABOUT, "接近": Sign.ABOUT, "近": Sign.ABOUT,
    "约为": Sign.ABOUT, "左右": Sign.ABOUT, "至少": Sign.AT_LEAST, "最少": Sign.AT_LEAST,
    "不亚于": Sign.AT_LEAST, "最低": Sign.AT_LEAST, "不足": Sign.BELOW, "不到": Sign.BELOW,
    "未满": Sign.BELOW, "不满": Sign.BELOW, "未到": Sign.BELOW, "至多": Sign.AT_MOST,
    "最多": Sign.AT_MOST, "最高": Sign.AT_MOST, "最大": Sign.AT_MOST, "最长": Sign.AT_MOST,
    "最短": Sign.AT_LEAST, "最小": Sign.AT_LEAST, "不高过": Sign.AT_MOST, "突破": Sign.ABOVE,
    "超": Sign.ABOVE, "优于": Sign.BETTER, "好于": Sign.BETTER, "不劣于": Sign.BETTER,
    "不差于": Sign.BETTER, "上限": Sign.AT_MOST, "下限": Sign.AT_LEAST,
}  # fmt: skip

_UP = (
    "提高", "提升", "增加", "增大", "增长", "增强", "延长", "上升", "升高", "扩大", "加快", "改善",
    "提", "升", "增", "上涨", "高出", "拓宽", "翻",
)  # fmt: skip
_DOWN = (
    "降低", "下降", "减少", "减小", "缩短", "节约", "节省", "减轻", "压缩", "缩小", "削减", "下调",
    "减", "降", "节", "压减", "省", "减弱", "少用", "减薄", "压降",
)  # fmt: skip
# Nouns of change: what follows is always the change itself.
_NOUN_UP = ("增幅", "提高幅度", "提升幅度", "增长率", "提高率", "升幅", "增长幅度")
_NOUN_DOWN = ("降幅", "降低幅度", "下降幅度", "减少幅度", "降低率", "减幅", "缩短幅度", "下降率")
# Verbs that hold their property.
_HOLDING = {
    "节能": ("能耗", Direction.DOWN), "节电": ("电耗", Direction.DOWN),
    "节油": ("油耗", Direction.DOWN), "节水": ("水耗", Direction.DOWN),
    "节煤": ("煤耗", Direction.DOWN), "节气": ("气耗", Direction.DOWN),
    "减排": ("排放量", Direction.DOWN), "降本": ("成本", Direction.DOWN),
    "减重": ("重量", Direction.DOWN), "降噪": ("噪声", Direction.DOWN),
    "增产": ("产量", Direction.UP), "提效": ("效率", Direction.UP), "增效": ("效率", Direction.UP),
    "节能率": ("能耗", Direction.DOWN), "节电率": ("电耗", Direction.DOWN),
    "节水率": ("水耗", Direction.DOWN), "减排率": ("排放量", Direction.DOWN),
    "节能效率": ("能耗", Direction.DOWN),
}  # fmt: skip
# 比普通钢高 100 MPa, 较原工艺低 5 %: verbs only where something is compared.
_COMPARED = dict.fromkeys("高多大快长", Direction.UP) | dict.fromkeys("低少小短", Direction.DOWN)
_NO_VERBS = {"温升", "压降", "温降"}
_LONGEST_WORD = 7
_MOST_WORDS = 8

_AFTER = re.compile(
    r"[ ]?(?:[及或]?(?P<least>以上|之上|起)|[及或]?(?P<most>以下|以内|之内|之下"
    r"|内(?=[，。；;、,)的 \n]|$|完成|达|可|实现|不|能))"
    r"|(?P<about>左右|上下|附近)|(?P<more>多(?![个种项次层级年])|余(?!热|量)))"
)
_AFTER_SIGNS = {
    "least": Sign.AT_LEAST,
    "most": Sign.AT_MOST,
    "about": Sign.ABOUT,
    "more": Sign.ABOVE,
}


@dataclass(slots=True)
class Before:
    """What stands before a number. ``end`` is where the unread text ends."""

    end: int
    signs: list[Sign] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    verb: Direction | None = None
    is_noun: bool = False
    holds: str | None = None
    cut: bool = False  # the words reached the border of the clause

    def has(self, mark: Mark) -> bool:
        """Whether such a word was read."""
        return mark in self.marks


@functools.cache
def _words() -> dict[str, Mark | Sign]:
    table: dict[str, Mark | Sign] = dict.fromkeys(_FILLERS, Mark.NOTHING)
    for base, equal in product(_HIGH, _EQUAL):
        table[base + equal] = Sign.AT_LEAST if equal else Sign.ABOVE
        table.update({no + base + equal: Sign.AT_MOST for no in _NO})
    for base, equal in product(_LOW, _EQUAL):
        table[base + equal] = Sign.AT_MOST if equal else Sign.BELOW
        table.update({no + base + equal: Sign.AT_LEAST for no in _NO})
    return table | _MARKS


@functools.cache
def _verbs() -> dict[str, tuple[Direction, bool]]:
    table = dict.fromkeys(_UP, (Direction.UP, False)) | dict.fromkeys(
        _DOWN, (Direction.DOWN, False)
    )
    nouns = dict.fromkeys(_NOUN_UP, (Direction.UP, True))
    return table | nouns | dict.fromkeys(_NOUN_DOWN, (Direction.DOWN, True))


@functools.cache
def _verb_near() -> re.Pattern[str]:
    verbs = sorted((v for v in _UP + _DOWN if len(v) > 1), key=len, reverse=True)
    return re.compile(rf"({'|'.join(verbs)})了?[^，。；;、且并和与及]{{0,8}}$")


def read_before(text: str, start: int, end: int) -> Before:
    """Read words backwards from ``end``, at most to ``start``."""
    before = Before(end)
    _read_words(text, start, before)
    for length in (4, 3, 2):
        word = text[max(start, before.end - length) : before.end]
        if word in _HOLDING:
            before.holds, before.verb = _HOLDING[word]
            before.is_noun = word.endswith("率")
            before.end -= len(word)
            return before
    last, near = text[before.end - 1 : before.end], text[max(start, before.end - 18) : before.end]
    if before.end > start and last in _COMPARED and ("比" in near or "较" in near):
        before.verb, before.is_noun = _COMPARED[last], True
        before.end -= 1
        return before
    found = _last(text, start, before.end, _verbs())
    if found is not None and text[max(start, before.end - 2) : before.end] not in _NO_VERBS:
        word, (before.verb, before.is_noun) = found
        before.end -= len(word)
        rest = Before(before.end)
        _read_words(text, start, rest)
        before.end = rest.end
        before.marks += [mark for mark in rest.marks if mark in (Mark.NOT, Mark.FROM)]
        before.signs += rest.signs  # 最高可降低 18%
    return before


def _read_words(text: str, start: int, before: Before) -> None:
    for _ in range(_MOST_WORDS):
        if before.end > start and text[before.end - 1] in ")）":
            opening = text.rfind("(", max(start, before.end - 24), before.end)
            if opening < 0:
                break
            before.end = opening
            continue
        found = _last(text, start, before.end, _words())
        if found is None:
            break
        word, meaning = found
        if isinstance(meaning, Sign):
            before.signs.append(meaning)
        elif meaning is not Mark.NOTHING:
            before.marks.append(meaning)
        before.end -= len(word)
    before.cut = before.end <= start


def _last(
    text: str, start: int, end: int, table: dict[str, _Meaning]
) -> tuple[str, _Meaning] | None:
    for length in range(min(_LONGEST_WORD, end - start), 0, -1):
        word = text[end - length : end]
        if word in table:
            return word, table[word]
    return None


def verb_before(text: str, start: int, end: int) -> tuple[Direction, bool] | None:
    """The verb whose object ends at ``end`` (降低 in 降低吨钢电耗), and whether it means saving."""
    match = _verb_near().search(text[max(start, end - 14) : end])
    return (_verbs()[match[1]][0], match[1] in ("节约", "节省")) if match else None


def read_after(text: str, position: int) -> tuple[Sign | None, int]:
    """The comparator behind a number and its unit, and where it ends."""
    match = _AFTER.match(text, position)
    if match is None:
        return None, position
    return _AFTER_SIGNS[str(match.lastgroup)], match.end()
