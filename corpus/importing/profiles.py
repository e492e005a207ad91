"""Column profiles: which column of a sheet holds what. A small TOML file a person can edit.

name = "企业技术需求调查表"
kind = "need"                      # need 需求 / achievement 成果
source = ""                        # 来源；编号在同一来源内唯一
match = ["需求名称", "企业名称"]     # 表头有这些列时自动选用

[only]                             # 只读这些行（可不写）
table = "need"

[columns]
"需求名称" = "title"
"技术指标" = { to = "text", heading = "技术指标" }
"拟投入资金（万元）" = { to = "budget", unit = "万元" }
"联系电话" = "phone"
"生产工艺" = { to = "text", heading = "现有基础", level = "保密" }
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import tomli_w

from corpus.importing.headers import meanings, normal, unit
from corpus.model import Confidentiality, CorpusError, Kind

# Targets that several columns may share; any other takes the first that is there.
MANY = frozenset({"text", "contact_person", "phone", "mail", "extra", "ignore"})
_BOTH = MANY | {
    "key", "title", "technology_field", "industry", "language", "cooperation", "published_on",
    "valid_until_on", "period", "organisation", "region", "address", "confidentiality",
}  # fmt: skip
TARGETS: Mapping[Kind, frozenset[str]] = {
    Kind.ACHIEVEMENT: _BOTH | {"maturity", "intellectual_property", "price"},
    Kind.NEED: _BOTH | {"county", "budget"},
}
_CALLED_CONTACT = {
    "phone": re.compile("电话|手机|传真|座机"),
    "mail": re.compile("邮箱|电子邮件"),
    "contact_person": re.compile("联系人|联络人|联络员|对接人|微信|qq"),
}
_TOML_PLACE = re.compile(r"at line (\d+), column (\d+)")
_RULE_KEYS = {"to", "heading", "unit", "level"}
_PROFILE_KEYS = {"name", "kind", "source", "match", "only", "columns"}
_READY = resources.files("corpus.resources").joinpath("profiles")


class ProfileError(CorpusError):
    """A profile that cannot be used; the message names the place and what is allowed there."""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What one column holds."""

    target: str
    heading: str = ""
    """Heading of this part of the text."""
    unit: str = ""
    """Unit of amounts that state none; 万元 if empty."""
    level: Confidentiality | None = None
    """Level of what the column fills, if it is more closed than the record."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Which column holds what. Names are compared in their normal form."""

    name: str
    kind: Kind
    columns: Mapping[str, ColumnRule]
    source: str = ""
    match: tuple[str, ...] = ()
    only: Mapping[str, str] = field(default_factory=dict)

    def fits(self, header: Sequence[str]) -> bool:
        """Whether a header has every column that the profile is recognised by."""
        names = {normal(name) for name in header}
        return bool(self.match) and all(normal(name) in names for name in self.match)

    def selects(self, cells: Mapping[str, Any]) -> bool:
        """Whether a row is one of those the profile reads; a missing column says nothing."""
        return all(
            name not in cells or str(cells[name]).strip() == value
            for name, value in self.only.items()
        )


def plain_profile(kind: Kind) -> Profile:
    """Every known name of a column stands for what it usually does."""
    columns = {
        name: ColumnRule(meaning.target, meaning.heading)
        for name, meaning in meanings(kind).items()
    }
    return Profile("通用", kind, columns)


def header_rules(profile: Profile, header: Sequence[str]) -> dict[str, ColumnRule]:
    """The rule of each column of a header.

    A column that the profile does not name stands for what its name usually means, if anything:
    a telephone number must not end up in ``extra`` because a profile is short. Of two columns for
    a target that takes one, the profile's first counts; the other is kept in ``extra``.
    """
    usual = meanings(profile.kind).items()
    by_name = {normal(name): rule for name, rule in profile.columns.items()}
    for name, meaning in usual:
        by_name.setdefault(name, ColumnRule(meaning.target, meaning.heading))
    order = {name: place for place, name in enumerate(by_name)}
    rules: dict[str, ColumnRule] = {}
    taken: set[str] = set()
    for column in sorted(header, key=lambda c: order.get(normal(c), len(order))):
        rule = by_name.get(normal(column)) or unknown_column(column)
        if rule.target in taken:
            rule = ColumnRule("extra", level=rule.level)
        elif rule.target not in MANY:
            taken.add(rule.target)
        if rule.target in ("budget", "price") and not rule.unit:
            rule = ColumnRule(rule.target, unit=unit(column), level=rule.level)
        rules[column] = rule
    return {column: rules[column] for column in header}


def unknown_column(name: str) -> ColumnRule:
    """The rule of a column that nothing else names: kept, and a contact if it is called one."""
    word = normal(name)
    found = next((target for target, said in _CALLED_CONTACT.items() if said.search(word)), "extra")
    return ColumnRule(found)


# -- files -----------------------------------------------------------------------------------


def load_profile(name: str | Path) -> Profile:
    """A profile from a file, or a ready one by its name.

    Raises:
        ProfileError: there is none, or it is malformed.
    """
    path = Path(name)
    if path.suffix == ".toml":
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(
                f"列对照表 {path} 无法读取。请检查文件名和权限，并把它存成 UTF-8 编码。"
            ) from error
        return parse_profile(text, str(path))
    for ready in ready_profiles():
        if str(name) == ready.name:
            return ready
    known = "、".join(ready.name for ready in ready_profiles())
    raise ProfileError(f"没有名为“{name}”的列对照表。可用：{known}；或给出一个 .toml 文件。")


@functools.cache
def ready_profiles() -> tuple[Profile, ...]:
    """The profiles that come with the program, by name."""
    files: list[Traversable] = sorted(_READY.iterdir(), key=lambda file: file.name)
    return tuple(
        parse_profile(file.read_text("utf-8"), file.name)
        for file in files
        if file.name.endswith(".toml")
    )


def choose_profiles(header: Sequence[str], kind: Kind | None = None) -> list[Profile]:
    """Ready profiles that a header fits: the one that is recognised by most columns, and those
    that read other rows of the same file."""
    fitting = [p for p in ready_profiles() if p.fits(header) and kind in (None, p.kind)]
    fitting.sort(key=lambda p: -len(p.match))
    return [p for i, p in enumerate(fitting) if i == 0 or (p.only and p.only.keys() <= {*header})]


def parse_profile(text: str, where: str) -> Profile:
    """A profile from TOML; ``where`` names the file in messages.

    Raises:
        ProfileError: it is malformed.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.search(str(error))
        place = f"第 {found[1]} 行第 {found[2]} 列" if found else "文件末尾"
        raise ProfileError(
            f'列对照表 {where} 的{place}写错了。列名和含义都要加引号，例如 "需求名称" = "title"。'
        ) from error
    _refuse_unknown(set(raw) - _PROFILE_KEYS, _PROFILE_KEYS, where)
    try:
        kind = Kind(raw.get("kind", ""))
    except ValueError as error:
        raise ProfileError(
            f"列对照表 {where}：kind 应是 need（需求）或 achievement（成果）。"
        ) from error
    columns = _table(raw, "columns", where)
    if not columns:
        raise ProfileError(f"列对照表 {where}：缺少 [columns]，至少要写出名称所在的列。")
    rules = {name: _rule(name, value, kind, where) for name, value in columns.items()}
    if not any(rule.target == "title" for rule in rules.values()):
        raise ProfileError(f"列对照表 {where}：没有一列是 title（{kind.label}名称）。")
    match = raw.get("match", [])
    if not isinstance(match, list) or not all(isinstance(name, str) for name in match):
        raise ProfileError(f"列对照表 {where}：match 应是列名的列表。")
    return Profile(
        name=_text(raw, "name", where),
        kind=kind,
        columns=rules,
        source=_text(raw, "source", where),
        match=tuple(match),
        only={name: str(value) for name, value in _table(raw, "only", where).items()},
    )


def profile_toml(profile: Profile) -> str:
    """The profile as TOML; ``parse_profile`` gives it back."""
    columns: dict[str, Any] = {}
    for name, rule in profile.columns.items():
        parts = {
            "to": rule.target,
            "heading": rule.heading,
            "unit": rule.unit,
            "level": rule.level.value if rule.level else "",
        }
        kept = {key: value for key, value in parts.items() if value}
        columns[name] = rule.target if kept.keys() == {"to"} else kept
    raw: dict[str, Any] = {
        "name": profile.name,
        "kind": profile.kind.value,
        "source": profile.source,
        "match": list(profile.match),
        **({"only": dict(profile.only)} if profile.only else {}),
        "columns": columns,
    }
    targets = "、".join(sorted(TARGETS[profile.kind]))
    return (
        f"# 列对照表：左边是表头，右边是它的含义。可用的含义：\n# {targets}\n"
        "# text 可有几列，用 heading 注明小标题；extra 原样保留；ignore 不读。\n\n"
        + tomli_w.dumps(raw)
    )


def _rule(name: str, value: Any, kind: Kind, where: str) -> ColumnRule:
    raw = {"to": value} if isinstance(value, str) else value
    if not isinstance(raw, dict) or not all(isinstance(v, str) for v in raw.values()):
        raise ProfileError(f'列对照表 {where}：列“{name}”应写成 "含义" 或 {{ to = "含义", … }}。')
    _refuse_unknown(set(raw) - _RULE_KEYS, _RULE_KEYS, f"{where}：列“{name}”")
    target = raw.get("to", "")
    if target not in TARGETS[kind]:
        allowed = "、".join(sorted(TARGETS[kind]))
        raise ProfileError(f"列对照表 {where}：列“{name}”的含义“{target}”不认识，可用：{allowed}")
    level = raw.get("level")
    try:
        parsed = Confidentiality(level) if level else None
    except ValueError as error:
        allowed = "、".join(Confidentiality)
        raise ProfileError(f"列对照表 {where}：列“{name}”的 level 应是 {allowed}。") from error
    return ColumnRule(target, raw.get("heading", ""), raw.get("unit", ""), parsed)


def _refuse_unknown(unknown: set[str], allowed: set[str], where: str) -> None:
    if unknown:
        raise ProfileError(
            f"列对照表 {where}：不认识 {'、'.join(sorted(unknown))}，"
            f"可用：{'、'.join(sorted(allowed))}。"
        )


def _table(raw: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = raw.get(name, {})
    if not isinstance(value, dict):
        raise ProfileError(f"列对照表 {where}：{name} 应是一个表（[{name}]）。")
    return value


def _text(raw: Mapping[str, Any], name: str, where: str) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str):
        raise ProfileError(f"列对照表 {where}：{name} 应是文字（加引号）。")
    return value
