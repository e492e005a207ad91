"""Dates and periods of validity as people and platforms write them."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date, timedelta

from corpus.cleaning.errors import CleaningError, quoted

_EXCEL_EPOCH = date(1899, 12, 30)
_MAX_LENGTH = 100
_NOTHING = frozenset(
    {"", "-", "--", "—", "——", "/", "无", "暂无", "空", "null", "none", "nan", "n/a"}
)
_OPEN = re.compile(r"长期(?:有效|需求)?|永久(?:有效)?|不限(?:期|时间)?|无(?:限期|期限)|至|随时")

_NO_DEADLINE = "截止日期{}无法识别，请写成 2026-11-24；没有期限的写 长期，或留空"

_CLOCK = r"t?\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:z|[+-]\d{2}:\d{2}|\+\d{4})?"
# The time may be glued to the day: 2020-01-1310:49:39.0
_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20|21)\d\d)(?:"
    r"(?P<m8>[01]\d)(?P<d8>[0-3]\d)(?:\d{6})?(?!\d)"
    r"|[-/.年](?P<month>\d{1,2})(?:[-/.月](?P<day>\d{1,2})日?(?:(?:"
    + _CLOCK
    + r")|(?!\d))|(?!\d)月?)"
    r"|年?(?!\d))"
)
_SERIAL = re.compile(r"([2-7]\d{4}|80000)(?:\.\d{1,15})?")
_MARK = "\0"
_RANGE_SIGN = r"(?:-{1,2}|[—–―]{1,2}|[~～]{1,2}|至|到|\||,)"
_END_WORD = r"(?:年?底|年?末|月底)?(?:之?前|以前|为止|截止|止|到期)?"
_BETWEEN = re.compile(rf"(?:有效期:?)?(?:自|从|于)?\0(?:起|开始)?,?{_RANGE_SIGN}\0{_END_WORD}")
_SAME_YEAR = re.compile(
    rf"(?:有效期:?)?(?:自|从|于)?\0(?:起|开始)?,?{_RANGE_SIGN}"
    rf"(?P<month>\d{{1,2}})(?:[-/.月](?P<day>\d{{1,2}})日?|月){_END_WORD}"
)
_FROM = re.compile(
    r"(?:自|从)\0(?:起|开始|以后|之后)?(?:长期(?:有效)?)?|\0(?:起|开始|至今|以后|之后|起?[,至]?长期(?:有效)?)"
)
_UNTIL = re.compile(
    rf"(?:即日起|发布之日起|现在|今)?(?:有效期)?(?:截止|截至|至|到|止于|于)*(?:时间|日期)?:?\0{_END_WORD}"
)


class _NotUnderstoodError(CleaningError):
    """The words of a period are of no known form."""


def parse_date(value: str) -> date | None:
    """A day; ``None`` for an empty cell. A month alone is its first day, a year 1 January.

    Understands ISO, 2026/11/24, 2026.11.24, 2026年11月24日, 20261124, date-times (also glued to
    the day) and Excel serial numbers 20000–80000 (days since 1899-12-30).
    Raises ``CleaningError`` for anything else.
    """
    text = _normal(value)
    if text in _NOTHING:
        return None
    serial = _from_serial(text)
    if serial is not None:
        return serial
    found = _DATE.fullmatch(text)
    if found is None:
        raise CleaningError(f"日期{quoted(value)}无法识别，请写成 2026-11-24 这样的格式")
    return _first_day(found, value)


def parse_period(value: str) -> tuple[date | None, date | None]:
    """First and last day of a period of validity; ``None`` where it is open.

    A single date is the end (of its month or year, if it names no day); 长期 and an empty cell
    are open on both sides. Raises ``CleaningError`` when the value cannot be understood or ends
    before it starts.
    """
    text = _normal(value)
    if text in _NOTHING or _OPEN.fullmatch(text):
        return None, None
    serial = _from_serial(text)
    if serial is not None:
        return None, serial
    dates = list(_DATE.finditer(text))
    frame = _DATE.sub(_MARK, text)
    if _BETWEEN.fullmatch(frame):
        start, end = _first_day(dates[0], value), _last_day(dates[1], value)
    elif short := _SAME_YEAR.fullmatch(frame):
        start = _first_day(dates[0], value)
        end = _day(start.year, int(short["month"]), short["day"], value, last=True)
    elif _FROM.fullmatch(frame):
        return _first_day(dates[0], value), None
    elif _UNTIL.fullmatch(frame):
        return None, _last_day(dates[0], value)
    else:
        raise _NotUnderstoodError(
            f"有效期{quoted(value)}无法识别，请写成 2026-01-01至2026-12-31、2026-12-31 或 长期"
        )
    if end < start:
        raise CleaningError(f"有效期{quoted(value)}的结束日期早于开始日期，请核对")
    return start, end


def parse_deadline(value: str) -> date | None:
    """The last day: of the month or year, if no day is named; ``None`` where there is no end.

    Understands what a period of validity may be, without a beginning: 2027-03-31, 2027年3月底前,
    长期. Raises ``CleaningError`` for anything else.
    """
    try:
        start, end = parse_period(value)
    except _NotUnderstoodError as error:
        raise CleaningError(_NO_DEADLINE.format(quoted(value))) from error
    if start is not None:
        raise CleaningError(_NO_DEADLINE.format(quoted(value)))
    return end


def _normal(value: str) -> str:
    if len(value) > _MAX_LENGTH:
        raise CleaningError(f"日期{quoted(value)}过长，无法识别，请只填日期")
    return "".join(unicodedata.normalize("NFKC", value).split()).strip("。;").lower()


def _from_serial(text: str) -> date | None:
    found = _SERIAL.fullmatch(text)
    return _EXCEL_EPOCH + timedelta(days=int(found.group(1))) if found else None


def _first_day(found: re.Match[str], value: str) -> date:
    return _from_match(found, value, last=False)


def _last_day(found: re.Match[str], value: str) -> date:
    return _from_match(found, value, last=True)


def _from_match(found: re.Match[str], value: str, *, last: bool) -> date:
    month = found["month"] or found["m8"] or ("12" if last else "1")
    return _day(int(found["year"]), int(month), found["day"] or found["d8"], value, last=last)


def _day(year: int, month: int, day: str | None, value: str, *, last: bool) -> date:
    try:
        if day is None:
            return date(year, month, calendar.monthrange(year, month)[1] if last else 1)
        return date(year, month, int(day))
    except ValueError:  # calendar.IllegalMonthError is one
        raise CleaningError(f"{quoted(value)}里的日期不存在，请核对年月日") from None
