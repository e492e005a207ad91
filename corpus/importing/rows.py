"""From a row and a profile to a clean record, or a reason why not.

The record holds what the row says in clean words; the row as it was read is kept by the history
(``cells.raw_json``). Columns nobody mapped are kept in ``extra``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar

from corpus.cleaning.contacts import extract_contacts
from corpus.cleaning.dates import parse_date, parse_deadline, parse_period
from corpus.cleaning.errors import CleaningError
from corpus.cleaning.money import parse_amount
from corpus.cleaning.text import clean_text, clean_title
from corpus.cleaning.titles import split_needs
from corpus.cleaning.values import parse_maturity, split_taxonomy, split_values
from corpus.importing.cells import cell_text, storable
from corpus.importing.profiles import ColumnRule, Profile, header_rules
from corpus.importing.readers import CELL_LIMIT, Row
from corpus.industries import industry_of
from corpus.languages import language_of
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Kind,
    Need,
    Organisation,
    Record,
)
from corpus.places import MAX_CHARS, county_of, region_of
from corpus.taxonomy import counties, regions, technology_field_of, technology_fields

_T = TypeVar("_T")
_LANGUAGES = ("zh", "ja", "ko", "en", "de")
TITLE_LIMIT = 1000
_REMEMBERED = 200  # characters
# PostgreSQL cannot index values of more than about 2,700 bytes.
_SHORT_LIMIT = 500
_SHORT = ("key", "organisation", "region", "technology_field", "county")
# Free words in which people leave a number, beside title and text.
_TEXTS = {"organisation", "region", "county", "technology_field", "industry", "cooperation",
          "intellectual_property", "extra"}  # fmt: skip
_CONTACTS = {
    "contact_person": ContactKind.PERSON,
    "phone": ContactKind.PHONE,
    "mail": ContactKind.MAIL,
}
_LEVELS = {
    **{level.value: level for level in Confidentiality},
    "是": Confidentiality.PUBLIC,
    "可公开": Confidentiality.PUBLIC,
    "公开发布": Confidentiality.PUBLIC,
    "非密": Confidentiality.PUBLIC,
    "否": Confidentiality.INTERNAL,
    "不公开": Confidentiality.INTERNAL,
    "内部公开": Confidentiality.INTERNAL,
    "部分公开": Confidentiality.INTERNAL,
    "秘密": Confidentiality.CONFIDENTIAL,
    "机密": Confidentiality.CONFIDENTIAL,
    "绝密": Confidentiality.CONFIDENTIAL,
}


def _remembered(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """``parse``, its results kept for short values: columns repeat a few of them."""
    kept = functools.lru_cache(maxsize=4096)(parse)
    return lambda value: kept(value) if len(value) <= _REMEMBERED else parse(value)


_date = _remembered(parse_date)
_deadline = _remembered(parse_deadline)
_period = _remembered(parse_period)
_maturity = _remembered(parse_maturity)
_cooperation = _remembered(split_values)
_industry = _remembered(industry_of)
_title = _remembered(clean_title)
_region = functools.lru_cache(maxsize=4096)(region_of)
_county = functools.lru_cache(maxsize=4096)(county_of)


@functools.cache
def _amounts(unit: str) -> Callable[[str], Amount | None]:
    return _remembered(lambda value: parse_amount(value, unit))


class RowError(ValueError):
    """Why one row cannot become a record, in the words of the person who made the file."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A record, and what a person should look at."""

    record: Record
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Values:
    """The cells of a row by target."""

    one: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # target → the column's own name
    rules: dict[str, ColumnRule] = field(default_factory=dict)
    parts: list[tuple[str, str]] = field(default_factory=list)  # (heading, text)
    contacts: list[Contact] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    levels: dict[str, Confidentiality] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def close(self, level: Confidentiality, *names: str) -> None:
        """Of several levels for a field the most closed counts."""
        for name in names:
            self.levels[name] = max(level, self.levels.get(name, level), key=lambda one: one.rank)

    def add_contacts(self, found: Sequence[Contact], level: Confidentiality | None) -> None:
        """Contacts out of a text of that level: they are no more open than it was."""
        self.contacts += found
        if found and level is not None:
            self.close(level, "contacts")


def converter(
    profile: Profile, today: date, *, split: bool = False
) -> Callable[[Row], list[Converted]]:
    """What the importer does with each row of a file; ``split`` cuts rows with several needs."""
    known: dict[tuple[str, ...], dict[str, ColumnRule]] = {}

    def convert(row: Row) -> list[Converted]:
        if not profile.selects(row.cells):
            return []
        header = tuple(row.cells)
        if header not in known:
            if len(known) > 1000:  # every line of a jsonl file may have other names
                known.clear()
            known[header] = header_rules(profile, header)
        converted = _convert(row.cells, profile, known[header], today)
        return _split(converted, today) if split else [converted]

    return convert


def to_record(cells: Mapping[str, Any], profile: Profile, today: date) -> Converted:
    """Convert one row.

    Raises:
        RowError: a value is missing, malformed or too long.
    """
    return _convert(cells, profile, header_rules(profile, list(cells)), today)


def _convert(
    cells: Mapping[str, Any], profile: Profile, rules: Mapping[str, ColumnRule], today: date
) -> Converted:
    values = _assigned(cells, rules)
    kind = profile.kind
    shared = _shared(values, profile)
    if kind is Kind.ACHIEVEMENT:
        record: Record = Achievement(
            **shared,
            maturity=_parsed(values, "maturity", _maturity),
            intellectual_property=clean_title(values.one.get("intellectual_property", "")),
            price=_amount(values, "price"),
        )
    else:
        owner: Organisation | None = shared["organisation"]
        written = _title(values.one.get("county", ""))
        county = (
            _county(written[:MAX_CHARS])
            or written
            or _county(
                (owner.name if owner else "")[:MAX_CHARS],
                values.one.get("address", "")[:MAX_CHARS],
            )
        )
        record = Need(**shared, county=county, budget=_amount(values, "budget"))
    if values.errors:
        raise RowError("；".join(values.errors))
    return Converted(record, tuple(_warnings(record, today)))


def _assigned(cells: Mapping[str, Any], rules: Mapping[str, ColumnRule]) -> _Values:
    values = _Values()
    for name, cell in cells.items():
        rule = rules[name]
        if rule.target == "ignore":
            continue
        text = _as_text(cell, name)
        if not text.strip():
            continue
        if rule.level is not None:
            values.close(rule.level, *_fields_of(rule.target))
        if rule.target in _TEXTS:
            text, found = extract_contacts(text)
            values.add_contacts(found, rule.level)
            if not text.strip():
                continue
        if rule.target == "extra":
            values.extra[storable(name)] = text
        elif rule.target == "text":
            values.parts.append((rule.heading, text))
        elif rule.target in _CONTACTS:
            values.contacts += _contacts(text, _CONTACTS[rule.target])
        else:
            values.one[rule.target] = text
            values.names[rule.target] = storable(name)
            values.rules[rule.target] = rule
    return values


def _fields_of(target: str) -> tuple[str, ...]:
    if target in _CONTACTS:
        return ("contacts",)
    return {
        "region": ("organisation",),
        "address": ("organisation",),
        "period": ("valid_from_on", "valid_until_on"),
    }.get(target, (target,))


def _shared(values: _Values, profile: Profile) -> dict[str, Any]:
    one = values.one
    title, named = extract_contacts(clean_title(one.get("title", "")))
    if not title.strip():
        values.errors.append(f"缺少{profile.kind.label}名称")
    if len(title) > TITLE_LIMIT:
        raise RowError(f"名称有 {len(title)} 字，超过 {TITLE_LIMIT} 字；是否把正文放进了名称列？")
    for name in _SHORT:
        if len(value := one.get(name, "").strip()) > _SHORT_LIMIT:
            raise RowError(f"“{value[:40]}…”有 {len(value)} 字，这一列最多 {_SHORT_LIMIT} 字")
    values.add_contacts(named, values.levels.get("title"))
    text, found = extract_contacts(clean_text(_joined(values.parts)))
    values.add_contacts(found, values.levels.get("text"))
    start, end = _parsed(values, "period", _period)
    until = _parsed(values, "valid_until_on", _deadline) or end
    # A closed column says nothing about the owner.
    organisation = _organisation(one, "" if "county" in values.levels else one.get("county", ""))
    technology_field, industry = _taxonomies(values)
    # Without what nobody sees, or the same record would come in twice.
    key = " ".join(clean_text(one.get("key", "")).split()) or _content_key(
        title, text, organisation.name if organisation else ""
    )
    return {
        "key": f"{profile.source}:{key}" if profile.source else key,
        "title": title.strip(),
        "text": text,
        "technology_field": technology_field,
        "industry": industry,
        "organisation": organisation,
        "language": _language(one.get("language", ""), f"{title}\n{text}"),
        "cooperation": _cooperation(one.get("cooperation", "")),
        "published_on": _parsed(values, "published_on", _date),
        "valid_from_on": start,
        "valid_until_on": until,
        "source": profile.source,
        "contacts": tuple(dict.fromkeys(values.contacts)),
        "confidentiality": _level(one.get("confidentiality", "")),
        "field_levels": values.levels,
        "extra": values.extra,
    }


def _joined(parts: Sequence[tuple[str, str]]) -> str:
    """The parts of a text, each under its heading; one part alone needs none."""
    if len(parts) == 1:
        return parts[0][1]
    lines = []
    for heading, text in parts:
        starts_with_it = text.lstrip(" 　【[").startswith(heading)
        lines.append(text if not heading or starts_with_it else f"{heading}：{text}")
    return "\n".join(lines)


def _organisation(one: Mapping[str, str], county: str) -> Organisation | None:
    name = _title(one.get("organisation", ""))
    if not name:
        return None
    written = _title(one.get("region", ""))
    region = written if written in regions() else _region(written[:MAX_CHARS]) or written
    address = one.get("address", "")[:MAX_CHARS]
    return Organisation(
        name, region or _region(name[:MAX_CHARS], address) or _region(county[:MAX_CHARS])
    )


def _taxonomies(values: _Values) -> tuple[str, str]:
    """Field and industry in our words; a value with two levels is kept in ``extra`` as well."""
    field_text = _title(values.one.get("technology_field", ""))
    industry_text = _title(values.one.get("industry", ""))
    technology_field = technology_field_of(*split_taxonomy(field_text)) or field_text
    standard = _industry(industry_text)
    industry = standard.name if standard else industry_text
    for target, name, text, shown in (
        ("technology_field", "技术领域", field_text, technology_field),
        ("industry", "行业", industry_text, industry),
    ):
        if text != shown:
            values.extra.setdefault(f"{name}（原文）", text)
            if target in values.levels:
                values.close(values.levels[target], "extra")
    return technology_field, industry


def _amount(values: _Values, name: str) -> Amount | None:
    rule = values.rules.get(name)
    unit = (rule.unit if rule else "") or "万元"
    return _parsed(values, name, _amounts(unit))


def _parsed(values: _Values, target: str, parse: Callable[[str], _T]) -> _T:
    """A value read from the text of its cell. What is wrong is kept, with the column's name, so
    that a person gets all the faults of a row at once; the value is then that of an empty cell."""
    try:
        return parse(values.one.get(target, ""))
    except CleaningError as error:
        values.errors.append(f"“{values.names[target]}”：{error}")
        return parse("")


def _contacts(text: str, kind: ContactKind) -> list[Contact]:
    """The contacts of a column of contacts, whose cells hold anything."""
    rest, found = extract_contacts(text)
    rest = " ".join(rest.split()).strip("，,、;；/：:")
    # What has the shape of a number or an address is that, whatever the column is called.
    return [*([Contact(kind, rest)] if rest else []), *found]


def _level(value: str) -> Confidentiality:
    word = "".join(value.split())
    if not word:
        return Confidentiality.PUBLIC
    if word not in _LEVELS:
        raise RowError(f"密级“{value[:40]}”不认识，可用：{'、'.join(Confidentiality)}")
    return _LEVELS[word]


def _language(value: str, text: str) -> str:
    code = value.strip().lower()
    if code:
        if code not in _LANGUAGES:
            raise RowError(f"语言“{value[:40]}”不认识，可用：{'、'.join(sorted(_LANGUAGES))}")
        return code
    return language_of(text)


def _warnings(record: Record, today: date) -> list[str]:
    found = []
    if not record.text.strip():
        found.append("没有正文，匹配只能依据名称")
    owner = record.organisation
    if owner and owner.region and owner.region not in regions():
        found.append(f"地区“{owner.region[:20]}”不认识，按地区筛选时找不到它")
    if record.technology_field and record.technology_field not in technology_fields():
        found.append(f"技术领域“{record.technology_field[:20]}”不在现有领域之内，原样保留")
    if record.valid_until_on is not None and record.valid_until_on < today:
        found.append(f"有效期已过（{record.valid_until_on}）")
    if isinstance(record, Need):
        if record.county and record.county not in counties():
            found.append(f"县区“{record.county[:20]}”不在唐山的县区和开发区之内")
        if parts := split_needs(record.title, record.text):
            found.append(f"名称里像有 {len(parts)} 条需求，可用 --split 拆开")
    return found


def _split(converted: Converted, today: date) -> list[Converted]:
    record = converted.record
    parts = split_needs(record.title, record.text) if isinstance(record, Need) else []
    if len(parts) < 2:
        return [converted]
    records = [
        replace(record, key=f"{record.key}-{number}", title=title, text=text)
        for number, (title, text) in enumerate(parts, start=1)
    ]
    return [Converted(one, tuple(_warnings(one, today))) for one in records]


def _as_text(cell: Any, name: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        cell = cell.date()
    try:
        text = cell_text(cell)
    except RecursionError as error:
        raise RowError(f"“{name}”的嵌套层次过深") from error
    if len(text) > CELL_LIMIT:
        raise RowError(f"“{name}”有 {len(text)} 字，超过 {CELL_LIMIT} 字")
    return text


def _content_key(title: str, text: str, organisation: str) -> str:
    joined = "\x1f".join((title.strip(), text.strip(), organisation))
    return "C" + hashlib.sha256(joined.encode()).hexdigest()[:16]
