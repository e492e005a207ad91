"""Which language a text is in, and Japanese characters as a Chinese reader writes them.

Pure functions. A language is told by its script, which needs no model and no sample: Hangul
means Korean; kana, and characters that only Japan simplified so (鉄, 処), mean Japanese unless
characters that only China simplified so (钢, 设) outnumber them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, get_args

from opencc import OpenCC

CODE_VERSION = 1
"""Counts up when another text is of another language, or its characters become others."""

Language = Literal["zh", "ja", "ko", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_KANA = re.compile(r"[\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d]+")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7a3]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_LONGEST_ACRONYM = 5
# Of kana, Hangul and Han together. A Japanese title may be Han but for one の.
_JAPANESE_SHARE = 0.04
_KOREAN_SHARE = 0.3
# A word of Latin letters has some five of them where a Chinese word has two.
_LATIN_PER_HAN = 6
_FIRST, _LAST = 0x4E00, 0x9FFF
# Where OpenCC's tables do not end in a simplified character, or end in a rare one.
_OWN_VARIANTS = (
    "渋涩挙举鉱矿砿矿働动研研硏研概概値值戸户汚污舎舍氷冰瓶瓶並并併并闘斗郷乡緒绪慎慎潅灌焔焰衛卫"
    "繋系珪硅燐磷疎疏窓窗聡聪靭韧舗铺砲炮雰氛頬颊翻翻郎郎駄驮呉吴娯娱姉姊隣邻隷隶醗发嚢囊蝿蝇撚捻"
    "楕椭賎贱讐仇枠框篭笼鎗枪餅饼椀碗溌泼涜渎壷壶粧妆諌谏頚颈韮韭鋲铆袴裤呑吞兎兔彊强竃灶穐秋冨富"
    "廻回薗园叙叙褒褒駅站"
)


def language_of(text: str) -> Language:
    """The language of ``text`` by its script; "zh" for a text without letters.

    "en" stands for every language in Latin letters. A mixed text has the language of what weighs
    most; a foreign name within Chinese does not change it. Acronyms (PLC, IGBT) are of no language.
    """
    kana, hangul, han = (sum(map(len, script.findall(text))) for script in (_KANA, _HANGUL, _HAN))
    words = _LATIN.findall(text)
    latin = sum(map(len, words))
    eastern = kana + hangul + han
    if latin > _LATIN_PER_HAN * eastern and not all(map(_acronym, words)):
        return "en"
    if eastern and hangul >= _KOREAN_SHARE * eastern:
        return "ko"
    japanese = kana + _among(text, _only_japanese())
    if japanese <= _JAPANESE_SHARE * eastern:
        return "zh"
    return "ja" if japanese > _among(text, _only_chinese()) else "zh"


def _acronym(word: str) -> bool:
    return word.isupper() and len(word) <= _LONGEST_ACRONYM


def _among(text: str, characters: frozenset[str]) -> int:
    if characters.isdisjoint(text):  # nearly always, and quick to see
        return 0
    return sum(char in characters for char in text)


def field_languages(title: str, body: str) -> tuple[Language, Language]:
    """The languages of a title and of the text below it, each told with the help of the other.

    What is Chinese on the whole is Chinese in both, whatever name stands for a title (IGBT). A
    Chinese title above a foreign text is Chinese; but Han characters that both countries write
    alike (高炉内形状) say nothing, and are Japanese where the rest is.
    """
    whole = language_of(f"{title}\n{body}")
    return language_within(title, whole), language_within(body, whole)


def language_within(part: str, whole: Language) -> Language:
    """The language of a part of a text whose language is ``whole``; see ``field_languages``."""
    if whole == "zh" or not part.strip():
        return whole
    own = language_of(part)
    if own == "zh" and whole == "ja" and not any(char in _only_chinese() for char in part):
        return whole
    return own


def chinese_characters(text: str) -> str:
    """Japanese forms of characters to simplified Chinese, one for one (鉄鉱 → 铁矿).

    For Japanese text only: a few of its characters are other words in Chinese (弁, 芸). Applied
    twice it gives the same as once. Sources: OpenCC's ``jp2t`` and ``t2s``, and a list here.
    """
    return text.translate(_variants())


@cache
def _variants() -> dict[int, str]:
    every = [chr(code) for code in range(_FIRST, _LAST + 1)]
    lines = "\n".join(every)  # one to a line, so that no phrase is found across them
    simplified = OpenCC("t2s").convert(lines).split("\n")
    through_old = OpenCC("t2s").convert(OpenCC("jp2t").convert(lines)).split("\n")
    found = {}
    for char, plain, japanese in zip(every, simplified, through_old, strict=True):
        choices = [c for c in (japanese, plain, char) if len(c) == 1]
        found[char] = next((c for c in choices if _in_gb2312(c)), choices[0])
    found.update(zip(_OWN_VARIANTS[::2], _OWN_VARIANTS[1::2], strict=True))
    return {ord(char): _end(char, found) for char in every if _end(char, found) != char}


def _end(char: str, step: dict[str, str]) -> str:
    """Where the steps from ``char`` end, so that mapping again changes nothing."""
    seen = [char]
    while (following := step.get(seen[-1], seen[-1])) not in seen:
        seen.append(following)
    return min(seen[seen.index(following) :])


@cache
def _only_japanese() -> frozenset[str]:
    """Characters that neither simplified nor traditional Chinese texts use."""
    ours = _variants()
    plain = OpenCC("t2s").convert
    return frozenset(
        char
        for char in map(chr, ours)
        if not _in_gb2312(char) and not _encodes(char, "big5") and plain(char) == char
    )


@cache
def _only_chinese() -> frozenset[str]:
    """Characters that no Japanese text uses: simplified ones, for the most part."""
    every = map(chr, range(_FIRST, _LAST + 1))
    return frozenset(c for c in every if _in_gb2312(c) and not _encodes(c, "shift_jis"))


def _in_gb2312(char: str) -> bool:
    return _encodes(char, "gb2312")


def _encodes(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
