"""Amounts of money, in 万元 (10,000 yuan)."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from corpus.cleaning.errors import CleaningError, quoted
from corpus.model import Amount

_MAX_LENGTH = 60
_MAX_WAN = Decimal(10**9)  # 10 兆元: more than any programme; a slip of the keyboard
_NOTHING = frozenset(
    {"", "-", "--", "—", "——", "/", "无", "暂无", "空", "null", "none", "nan", "n/a"}
)
_UNITS = {
    "元": Decimal("0.0001"),
    "千元": Decimal("0.1"),
    "万元": Decimal(1),
    "百万元": Decimal(100),
    "千万元": Decimal(1000),
    "亿元": Decimal(10000),
}
_NEGOTIABLE = re.compile(r"面议|面谈|协商|议价|另议|电议|商谈|详谈|洽谈|商议|商定|可议|再议|待定")
_FREE = re.compile(r"免费|无偿|无偿使用|免费许可")
_FOREIGN = re.compile(
    r"\$|€|£|usd|eur|jpy|hkd|krw|美元|美金|欧元|英镑|日元|日圆|港元|港币|韩元|卢布"
)
_NUMBER = r"(?:\d{1,15}(?:\.\d{1,6})?|[〇零一二两三四五六七八九十百千半]{1,12})"
_UNIT = r"(?:(?:亿|千万|百万|万|w|千)?(?:元|块)?(?:整|人民币|rmb)?)"
_YUAN = r"(?:人民币|rmb|cny|¥)?"
_LOW = r"(?:不低于|不少于|不小于|大于等于|大于|高于|超过|至少|最低|>=|≥|>)"
_HIGH = r"(?:不高于|不超过|不多于|不大于|小于等于|小于|低于|最多|最高|上限|<=|≤|<)"
_ABOUT = r"(?:约|大约|大概|预计|计划|拟|总|投入|共|左右|上下)"
_VALUE = re.compile(
    rf"(?P<low>{_LOW})?(?P<high>{_HIGH})?{_ABOUT}{{0,3}}{_YUAN}:?"
    rf"(?P<n1>{_NUMBER})(?P<u1>{_UNIT})"
    rf"(?:(?:-{{1,2}}|[—–―]{{1,2}}|[~～]{{1,2}}|至|到){_YUAN}(?P<n2>{_NUMBER})(?P<u2>{_UNIT}))?"
    rf"(?P<low2>\(含\)以上|及以上|以上|起|\+)?(?P<high2>\(含\)以[内下]|及以[内下]|以[内下]|之内|封顶)?"
    rf"(?:{_ABOUT}|不等)?(?:/?年|/?项|/?套)?"
)
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
# A unit after a skipped place needs its 零: 两千三 means 2,300 to some and is refused.
_ONE = "[一二两三四五六七八九]"
_CHINESE_NUMBER = re.compile(
    rf"(?=.)(?:(?P<thousands>{_ONE})千)?(?:零?(?P<hundreds>{_ONE})百)?(?:零?(?P<tens>{_ONE}?)十)?"
    rf"(?:(?:(?<![百千])|零|(?<=零))(?P<ones>{_ONE}))?|(?P<nothing>[零〇])"
)


def parse_amount(value: str, unit: str = "万元") -> Amount | None:
    """An amount, range or bound in 万元; ``None`` for an empty cell.

    A number without a unit of its own is in ``unit``, one of 元, 千元, 万元, 百万元, 千万元, 亿元
    (``KeyError`` for another). Raises ``CleaningError`` for foreign currencies (they are not
    converted), negative amounts and everything that is not understood.
    """
    default = _UNITS[unit]
    text = _normal(value)
    if text in _NOTHING:
        return None
    if _FOREIGN.search(text):
        raise CleaningError(f"金额{quoted(value)}是外币，不自动换算，请换成人民币（万元）")
    negotiable = _NEGOTIABLE.search(text) is not None
    text = _without_remarks(text)
    if not text and negotiable:
        return Amount(negotiable=True)
    if _FREE.fullmatch(text):
        return Amount(0.0, 0.0)
    if re.match(r"(?:¥|人民币)?[-−]\d", text):
        raise CleaningError(f"金额{quoted(value)}是负数，请核对")
    found = _VALUE.fullmatch(text)
    if found is None:
        raise CleaningError(f"金额{quoted(value)}无法识别，请写成 100万元、100万元-200万元 或 面议")
    low, high = _bounds(found, default, value)
    return Amount(low, high, negotiable)


def _normal(value: str) -> str:
    if len(value) > _MAX_LENGTH:
        raise CleaningError(f"金额{quoted(value)}过长，无法识别，请只填金额")
    text = "".join(unicodedata.normalize("NFKC", value).lower().split()).strip("。;")
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)


def _without_remarks(text: str) -> str:
    text = re.sub(r"\((?!含\))[^()]*\)", "", text)
    if re.search(r"\d", text) is None and _NEGOTIABLE.search(text):
        return ""
    return re.sub(rf"[,;、]?(?:可|或|双方)?(?:{_NEGOTIABLE.pattern})$", "", text)


def _bounds(
    found: re.Match[str], default: Decimal, value: str
) -> tuple[float | None, float | None]:
    second = found["n2"]
    own = _unit(found["u1"])
    first_unit = own or (_unit(found["u2"]) if second else None) or default
    low = _number(found["n1"], value) * first_unit
    high = _number(second, value) * (_unit(found["u2"]) or first_unit) if second else low
    if high > _MAX_WAN:
        raise CleaningError(f"金额{quoted(value)}过大，请核对单位")
    if high < low:
        raise CleaningError(f"金额{quoted(value)}的上限低于下限，请核对")
    at_least = bool(found["low"] or found["low2"])
    at_most = bool(found["high"] or found["high2"])
    if at_least and at_most:
        raise CleaningError(f"金额{quoted(value)}既是下限又是上限，请核对")
    return (None if at_most and not second else float(low)), (
        None if at_least and not second else float(high)
    )


def _unit(written: str) -> Decimal | None:
    short = re.sub(r"整|人民币|rmb|元|块", "", written).replace("w", "万")
    if short:
        return _UNITS[short + "元"]
    return _UNITS["元"] if re.search("元|块", written) else None


def _number(written: str, value: str) -> Decimal:
    if written[0].isdigit():
        return Decimal(written)
    if written == "半":
        return Decimal("0.5")
    found = _CHINESE_NUMBER.fullmatch(written)
    if not found:
        raise CleaningError(f"金额{quoted(value)}里的数字无法识别，请写阿拉伯数字")
    total = 0
    for name, place in (("thousands", 1000), ("hundreds", 100), ("tens", 10), ("ones", 1)):
        digits = found[name]
        if digits is not None:
            total += place * (_DIGITS[digits] if digits else 1)
    return Decimal(total)
