"""In-text headings: which part of a record's text is the problem, the target, the summary …

Platforms flatten forms into one cell, so headings are marked in many ways: a colon, brackets, an
enumerator, a line of their own, a blank, or nothing at all (``应用领域陶瓷材料摘要本发明涉及``).
The weaker the mark, the rarer the word has to be in running text to count as a heading.
"""

from __future__ import annotations

import functools
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources


class SectionKind(StrEnum):
    """What a part of a text is about, in the words of the field."""

    PROBLEM = "需求内容"
    TARGET = "目标指标"
    BASIS = "现有基础"
    APPLICATION = "应用领域"
    SUMMARY = "简介"
    SOLUTION = "技术方案"
    ADVANTAGE = "优势创新"
    BACKGROUND = "背景"
    BENEFIT = "效益前景"
    COOPERATION = "合作要求"
    OTHER = "其他"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text. ``start`` and ``end`` bound it, its heading included.

    ``heading`` bounds the heading with its enumerator, brackets and colon; ``None`` for what
    stands before the first heading.
    """

    kind: SectionKind
    heading: tuple[int, int] | None
    start: int
    end: int

    def content(self, text: str) -> str:
        """What the section says, without its heading; ``text`` is the whole text."""
        return text[self.heading[1] if self.heading else self.start : self.end].strip()


@functools.cache
def _vocabulary() -> tuple[dict[str, SectionKind], frozenset[str]]:
    """Kind of every heading word, and the words that are headings with weak marks too."""
    source = resources.files("corpus.resources").joinpath("headings.toml")
    tables = tomllib.loads(source.read_text(encoding="utf-8"))
    kinds = {
        word: SectionKind(kind)
        for table in tables.values()
        for kind, words in table.items()
        for word in words
    }
    return kinds, frozenset(word for words in tables["forms"].values() for word in words)


_NUMBER = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_ENUMERATOR = rf"(?:{_NUMBER}\s?[、．.）)](?!\d)|[（(]{_NUMBER}[）)]|[①-⑳])\s?"
_BLANKS = r"[ \u00a0\u3000]"
_BORDER = rf"(?:^|(?<=[\n。；;！!？?\"”）)])){_BLANKS}{{0,4}}"
_OPENING = r"[【\[〔《]?"
_CLOSING = r"[】\]〕》]"
# Before and after the word that says what the section is: 本项目主要…如下：
_BEFORE = (
    r"(?:该|本|其|此|我公司|公司|企业|项目|发明|成果|产品|课题|技术|系统|目前|现有|现在|现|仍|遇到|面临"
    r"|主要|具体|相关|核心|关键|总体|性能|存在|需要|需|急需|解决|拟|要|待|达到|希望|有|以下|以上|几个|的"
    r"|是|预期|预计|实现|推广|研究|工艺|设备|研发|其中|以及|和|及|与|、){0,7}"
)
_AFTER = (
    r"(?:(?:主要|具体)?(?:如下所示|如下|包括有|包括|有以下几点|有以下|有|为|是|在于|说明|描述|要求|分析"
    r"|内容|情况|体现在|[及和与、][\u4e00-\u9fff]{2,6})){0,2}"
)
# What shows that a sentence goes on with the word: 应用领域广泛, 技术优势明显, 摘要中.
_GOES_ON = (
    r"(?![的地得是和与及或等为了中内外上下里在有非较更很越最不也都已将会对从由于而且并给被把让使其之以如所"
    r"需可仅比项类成后时间拓扩、，,。；;.）)”]|广|宽|十分|具备|具有|包括|主要|覆盖|涵盖|涉及|明显|突出|显著"
    r"|基本|完全|完成|符合|满足|达到|高于|低于|优于|优良|相当|进一步|要求|方面|分析|研究|进行|相关|前景"
    r"|不断|处于)"
)
_ABSTRACT_WORDS = "摘要|项目简介|现有技术缺点|现有技术的缺点|现有技术的问题|技术优势|该成果的优点"
_ABSTRACT_OPENINGS = (
    "本发明|本实用|本申请|本项目|本技术|本成果|本产品|本系统|一种|该|所述|提供|公开|目前|现有|现在|传统"
    "|由于|随着|针对|近年|在"
)
# Abstracts behind a field of application, with nothing at all between them.
_AFTER_FIELD = re.compile(
    rf"(?<=[\u4e00-\u9fffA-Za-z。）)])(?P<word>{_ABSTRACT_WORDS})"
    rf"(?:{_BLANKS}{{1,4}}(?=\S)|[:：]\s{{0,4}}|(?={_ABSTRACT_OPENINGS}|[（(]1|1[、.）)]))"
)
_FIELD_LENGTH = 200  # how far behind its heading a field of application ends
_OPENING_LENGTH = 12  # room for what shows that an abstract begins


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    kinds, forms = _vocabulary()
    word, form = (
        rf"(?P<word>{'|'.join(sorted(words, key=lambda w: (-len(w), w)))})"
        for words in (frozenset(kinds), forms)
    )
    phrase = rf"{_BEFORE}{word}{_AFTER}"
    return tuple(
        re.compile(pattern)
        for pattern in (
            rf"(?:{_BORDER}|(?<={_BLANKS}))(?:{_ENUMERATOR})?{_OPENING}{phrase}"
            rf"(?:{_CLOSING}\s?)?[:：]\s{{0,4}}",
            rf"(?:{_ENUMERATOR})?[【〔]\s?{phrase}\s?[】〕]\s{{0,4}}",
            rf"(?:^|(?<=\n)){_BLANKS}{{0,8}}(?:{_ENUMERATOR})?{phrase}{_BLANKS}{{0,8}}\n\s{{0,4}}",
            rf"{_BORDER}{_ENUMERATOR}{word}(?={_BLANKS}|[（(①1一本该目前]|\d[、）)]){_BLANKS}{{0,4}}",
            rf"(?:{_BORDER}(?:{_ENUMERATOR})?|(?<={_BLANKS})){form}"
            rf"(?:{_BLANKS}{{1,4}}|(?!{_BLANKS}){_GOES_ON})",
        )
    )


def rules() -> list[str]:
    """Everything that decides where headings are found and of which kind they are, as text."""
    kinds, _ = _vocabulary()
    limits = f"{_FIELD_LENGTH} {_OPENING_LENGTH}"
    patterns = [pattern.pattern for pattern in (*_patterns(), _AFTER_FIELD)]
    return [limits, *patterns, *(f"{word}={kind}" for word, kind in sorted(kinds.items()))]


def sections(text: str) -> list[Section]:
    """The sections of ``text`` in order; they cover it wholly, without gap or overlap.

    A heading without a known word starts no section. An empty text has none.
    """
    if not text:
        return []
    found = list(_headings(text))
    starts = [start for start, _, _ in found]
    first = min(starts, default=len(text))
    parts = [Section(SectionKind.OTHER, None, 0, first)] if first > 0 else []
    ends = [*starts[1:], len(text)]
    for (start, heading_end, kind), end in zip(found, ends, strict=False):
        parts.append(Section(kind, (start, heading_end), start, end))
    return parts


def _headings(text: str) -> Iterator[tuple[int, int, SectionKind]]:
    """Start, end and kind of every heading, in order, none overlapping another."""
    kinds, _ = _vocabulary()
    matches = [match for pattern in _patterns() for match in pattern.finditer(text)]
    starts = [*sorted(match.start() for match in matches), len(text)]
    fields = [m.end() for m in matches if kinds[m["word"]] is SectionKind.APPLICATION]
    behind = (
        _AFTER_FIELD.search(
            text, end, min(end + _FIELD_LENGTH, starts[bisect_left(starts, end)] + _OPENING_LENGTH)
        )
        for end in fields
    )
    matches += [match for match in behind if match]
    position = 0
    for match in sorted(matches, key=lambda m: (m.start(), -m.end())):
        if match.start() >= position:
            position = match.end()
            yield match.start(), match.end(), kinds[match["word"]]
