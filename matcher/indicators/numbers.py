"""Numbers as people write them: 1,200 · 1.2×10⁻³ · 1.2万 · 三成 · 百分之十五 · 千分之五 · 一半."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from matcher.indicators.units import PERCENT, Unit, match_unit

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10_000, "亿": 100_000_000}
_TIMES = {**_SMALL, **_LARGE, "百万": 1e6, "千万": 1e7}
_CHINESE = "零〇一二两三四五六七八九十百千万亿"
_PLAIN = r"\d{1,15}(?:,\d{3}(?!\d)){0,4}(?:\.\d{1,12})?(?!\d)"
# A thousandfold, unless it begins a unit (千瓦) or a word (百分).
_MULTIPLIER = r"(?:[ ]?(?:百万|千万|万|亿|千(?![瓦克米帕伏卡焦赫牛欧])|百(?![分年])))?"
_PARTS = {"百分之": 1e-2, "千分之": 1e-3, "万分之": 1e-4}
_NUMBER = re.compile(
    r"(?<=翻)(?P<doubled>[一两三]?)番"
    rf"|(?P<part>百分之|千分之|万分之)[ ]?"
    rf"(?:(?P<partnum>{_PLAIN})|(?P<partcn>[{_CHINESE}点半]{{1,9}}))"
    r"|(?P<below>[二三四五六七八九十])分之(?P<above>[一二两三四五六七八九])"
    rf"|(?<![\d.])(?P<plain>{_PLAIN})"
    r"(?:[ ]?[×xX*·][ ]?10\^?(?P<exp>[-+]?\d{1,2})(?!\d)|[eE](?P<e>[-+]?\d{1,2})(?![\dA-Za-z]))?"
    rf"(?P<times>{_MULTIPLIER})"
    rf"|(?<![数几上第{_CHINESE}点])(?P<chinese>[{_CHINESE}]{{1,9}}(?:点[零一二三四五六七八九]{{1,4}})?"
    rf"|半(?!导|成|自|径|透|固|封|连|干|焦|钢|精))(?![{_CHINESE}])"
)
# 成 is a tenth only where nothing goes on as a word: 三成以上, not 三成分.
_TENTHS = re.compile(r"(半)?[ ]?成(半)?(?=以|左右|多|以内|之|[的，。；;、,)\s（(]|$)")
_HALF_AFTER = re.compile(r"半(?!导|成|自|数|径|透|固|封|连|干|焦|钢)")


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a folded text, with the unit behind it; ``end`` is behind the unit."""

    start: int
    number_end: int
    end: int
    value: float
    unit: Unit | None
    chinese: bool


def find_numbers(text: str) -> Iterator[Number]:
    """Every number of a folded text that could be an amount, left to right.

    A number stuck to a Latin word is part of it (Q345, SO2), which the caller decides.
    Chinese numerals without a unit are words (一种) and left out.
    """
    end = 0
    for match in _NUMBER.finditer(text):
        if match.start() < end:
            continue
        number = _number(match, text)
        if number is not None:
            end = number.end
            yield number


def _number(match: re.Match[str], text: str) -> Number | None:
    start, end = match.span()
    if match["part"]:
        written = match["partnum"] or match["partcn"]
        value = _arabic(written) if match["partnum"] else chinese_number(written)
        return _shown_as_percent(start, end, end, value * _PARTS[match["part"]])
    if match["below"]:
        value = chinese_number(match["above"]) / chinese_number(match["below"])
        return _shown_as_percent(start, end, end, value)
    if match["doubled"] is not None:
        times = chinese_number(match["doubled"] or "一")
        return _shown_as_percent(start, end, end, 2.0**times - 1)
    chinese = match["chinese"] is not None
    value = chinese_number(match["chinese"]) if chinese else _value(match)
    if chinese and match["chinese"][0] in "百千万亿零〇":
        return None  # 百度, 千克, 零件
    tenths = _TENTHS.match(text, end)
    if tenths and value <= 10:
        half = 0.05 if tenths[1] or tenths[2] else 0.0
        return _shown_as_percent(start, end, tenths.end(), value / 10 + half)
    if match["chinese"] == "一" and text.startswith("半", end):
        return _shown_as_percent(start, end + 1, end + 1, 0.5)
    if match["chinese"] == "半" and text[start - 1 : start] in ("减", "降"):
        return _shown_as_percent(start, end, end, 0.5)
    position = end + (text[end : end + 2] == "  ") + (text[end : end + 1] == " ")
    found = match_unit(text, position)
    if found is None:
        return None if chinese else Number(start, end, end, value, None, chinese=False)
    unit, unit_end = found
    if unit.text in ("年", "周", "天", "小时") and _HALF_AFTER.match(text, unit_end):
        return Number(start, unit_end + 1, unit_end + 1, value + 0.5, unit, chinese)
    return Number(start, end, unit_end, value, unit, chinese)


def _shown_as_percent(start: int, number_end: int, end: int, share: float) -> Number:
    return Number(start, number_end, end, round(share * 100, 10), PERCENT, chinese=True)


def _arabic(written: str) -> float:
    return float(written.replace(",", ""))


def _value(match: re.Match[str]) -> float:
    value = _arabic(match["plain"])
    exponent = match["exp"] or match["e"]
    if exponent is not None:
        # Through the decimal text, so that 5×10⁻³ is the same number as 0.005.
        value = (
            float(f"{value!r}e{int(exponent)}")
            if "e" not in repr(value)
            else value * 10.0 ** (int(exponent))
        )
    return value * _TIMES.get(match["times"].strip(), 1)


def chinese_number(written: str) -> float:
    """The value of a Chinese numeral, decimals included: 一百二十, 两千五, 三点五, 半.

    Never raises: what is no well-formed numeral gets the value of its readable parts.
    """
    if written == "半":
        return 0.5
    whole, _, decimals = written.partition("点")
    total, section, digit, last = 0, 0, 0, 1
    for char in whole:
        if char in _DIGITS:
            digit = _DIGITS[char] if last != 0 else digit * 10 + _DIGITS[char]
            last = 0
        elif char in _SMALL:
            section += (digit or (0 if last == 0 else 1)) * _SMALL[char]
            digit, last = 0, _SMALL[char]
        elif char in _LARGE:
            total = (total + section + digit or 1) * _LARGE[char]
            section, digit, last = 0, 0, _LARGE[char]
    if digit and whole[-2:-1] and whole[-2] in "百千万" and whole[-1] in _DIGITS:
        digit *= {"百": 10, "千": 100, "万": 1000}[whole[-2]]
    value = float(total + section + digit)
    tail = "".join(str(_DIGITS[c]) for c in decimals if c in _DIGITS)
    return value + (float(f"0.{tail}") if tail else 0.0)
