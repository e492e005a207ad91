"""Which column is what: what a file offers to choose from, and the profile somebody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import tomli_w

from api.uploads.model import Upload, UploadError, shown
from api.uploads.repository import KeptProfile
from corpus.importing.cells import cell_text, storable
from corpus.importing.guessing import Confidence, Guess, guess_kind, guess_profile, rule_label
from corpus.importing.headers import meanings, normal
from corpus.importing.profiles import (
    MANY,
    TARGETS,
    ColumnRule,
    Profile,
    ProfileError,
    choose_profiles,
    header_rules,
    parse_profile,
    unknown_column,
)
from corpus.importing.readers import ImportFileError, Limits, open_table, sheet_names
from corpus.model import Confidentiality, Kind

_SAMPLE_ROWS = 50
_SAMPLES = 3
_SAMPLE_CHARACTERS = 40
_GUESSED = "自动识别"
ORDER = (
    "title", "text", "key", "organisation", "county", "region", "address", "technology_field",
    "industry", "maturity", "intellectual_property", "price", "budget", "cooperation",
    "published_on", "valid_until_on", "period", "contact_person", "phone", "mail",
    "confidentiality", "language", "extra", "ignore",
)  # fmt: skip
"""Meanings as they are offered, what is most asked for first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The head of a file."""

    sheets: Sequence[str]
    sheet: str
    detail: str
    header: tuple[str, ...]
    sample: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A profile to begin with; ``token`` is what a form says of it."""

    token: str
    label: str
    profile: Profile | None
    """None: what the guess says."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column as a form shows it."""

    place: int
    name: str
    samples: Sequence[str]
    rule: ColumnRule
    why: str
    unsure: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file seems to be. Without a kind nothing more can be said."""

    seen: Seen
    kind: Kind | None
    offers: Sequence[Offer] = ()
    chosen: Offer | None = None
    columns: Sequence[Column] = ()
    base: Profile | None = None
    """What ``columns`` were made from; the guess as a profile."""

    @property
    def unsure(self) -> list[Column]:
        """Columns that somebody has to look at."""
        return [column for column in self.columns if column.unsure]

    @property
    def lacks_title(self) -> bool:
        """Whether no column is known to hold the names."""
        return all(column.rule.target != "title" for column in self.columns)


def see(path: Path, upload: Upload, sheet: str, limits: Limits) -> Seen:
    """Look at the header and some rows of a file.

    Raises:
        UploadError: it cannot be read.
    """
    if not path.is_file():
        raise UploadError("上传的文件已经删除（导入完成，或过了一周）。请重新上传。")
    try:
        sheets = sheet_names(path, limits)
        sheet = sheet if sheet in sheets else ""
        table = open_table(path, sheet or None, limits)
        sample = [dict(row.cells) for row in islice(table.rows, _SAMPLE_ROWS)]
    except ImportFileError as error:
        raise UploadError(upload.worded(error)) from error
    return Seen(sheets, sheet, upload.worded(ValueError(table.detail)), table.header, sample)


def recognised(
    seen: Seen, kind: Kind | None, kept: Sequence[KeptProfile], token: str, stored: Profile | None
) -> Columns:
    """What a file offers; ``token`` is the offer somebody chose, ``stored`` the profile that the
    upload has already."""
    ready = choose_profiles(seen.header, kind)
    kept = [one for one in kept if kind in (None, one.profile.kind)]
    kind = kind or _kind(seen, kept, ready, stored)
    if kind is None:
        return Columns(seen, None)
    offers = [
        *([Offer("stored", "刚才选的", stored)] if stored and stored.kind is kind else []),
        *(Offer(f"kept:{one.id}", f"存过的：{one.profile.name}", one.profile) for one in kept
          if one.profile.kind is kind),
        *(Offer(f"ready:{one.name}", f"现成的：{one.name}", one) for one in ready
          if one.kind is kind),
        Offer("guess", "按列名和内容识别", None),
    ]  # fmt: skip
    chosen = next((offer for offer in offers if offer.token == token), offers[0])
    guess = guess_profile(kind, seen.header, seen.sample)
    base = chosen.profile or _as_profile(guess)
    return Columns(seen, kind, offers, chosen, _columns(seen, base, chosen, guess), base)


def _kind(
    seen: Seen, kept: Sequence[KeptProfile], ready: Sequence[Profile], stored: Profile | None
) -> Kind | None:
    if stored:
        return stored.kind
    if kept:
        return kept[0].profile.kind
    return ready[0].kind if ready else guess_kind(seen.header)


def _as_profile(guess: Guess) -> Profile:
    rules = {column.column: column.rule for column in guess.columns}
    return Profile(_GUESSED, guess.kind, rules)


def _columns(seen: Seen, base: Profile, chosen: Offer, guess: Guess) -> list[Column]:
    rules = header_rules(base, seen.header)
    guesses = {column.column: column for column in guess.columns}
    found = []
    for place, name in enumerate(seen.header):
        about = guesses[name]
        guessed = chosen.profile is None
        rule = about.rule if guessed else rules[name]
        found.append(
            Column(
                place,
                shown(name, 80),
                _samples(seen, name),
                rule,
                about.why if guessed else chosen.label,
                guessed and about.confidence is Confidence.UNSURE,
            )
        )
    return found


def _samples(seen: Seen, name: str) -> list[str]:
    texts: dict[str, None] = {}
    for row in seen.sample:
        if len(texts) == _SAMPLES:
            break
        if text := cell_shown(row.get(name), _SAMPLE_CHARACTERS):
            texts.setdefault(text)
    return list(texts)


def cell_shown(cell: Any, most: int) -> str:
    """A cell in words, cut where it is long."""
    try:
        text = "" if cell is None else cell_text(cell)
    except RecursionError:
        return "（嵌套层次过深）"
    return shown(" ".join(text[: most * 4].split()), most)


def choices(kind: Kind) -> list[tuple[str, str]]:
    """What a column can be: (target, label)."""
    return [(name, rule_label(ColumnRule(name))) for name in ORDER if name in TARGETS[kind]]


def profile_of(
    columns: Columns, name: str, source: str, targets: Mapping[int, str], levels: Mapping[int, str]
) -> Profile:
    """The profile out of a form: target and level by the place of a column.

    Raises:
        UploadError: a choice that is none, no column or several for the names, or two for
            something that takes one.
    """
    if columns.kind is None or columns.base is None:
        raise UploadError("请先选择文件里是成果还是需求。")
    rules: dict[str, ColumnRule] = {}
    for column in columns.columns:
        header = columns.seen.header[column.place]
        target = targets.get(column.place, column.rule.target)
        rule = _ruled(column, header, target, levels.get(column.place), columns.kind)
        if storable(header) == header and not _goes_unsaid(rule, header, columns.kind):
            rules[header] = rule
    _check(rules, columns.kind)
    match = columns.base.match if columns.chosen and columns.chosen.profile else ()
    return Profile(
        name or columns.base.name, columns.kind, rules, source.strip(), match, columns.base.only
    )


def _ruled(column: Column, header: str, target: str, level: str | None, kind: Kind) -> ColumnRule:
    if target not in TARGETS[kind]:
        raise UploadError(f"列“{column.name}”的选择无效。请刷新页面重新选择。")
    rule = column.rule
    if target != rule.target:
        usual = meanings(kind).get(normal(header))
        heading = usual.heading if usual and usual.target == target == "text" else ""
        rule = ColumnRule(target, heading or (normal(header) if target == "text" else ""))
    if level is None:
        return rule
    try:
        return replace(rule, level=Confidentiality(level) if level else None)
    except ValueError as error:
        raise UploadError(f"列“{column.name}”的密级无效。请刷新页面重新选择。") from error


def _goes_unsaid(rule: ColumnRule, header: str, kind: Kind) -> bool:
    """Whether an import takes the column so without being told, and can say that nobody did."""
    return (
        rule == ColumnRule("extra")
        and normal(header) not in meanings(kind)
        and unknown_column(header).target == "extra"
    )


def _check(rules: Mapping[str, ColumnRule], kind: Kind) -> None:
    by_target: dict[str, list[str]] = {}
    by_name: dict[str, list[str]] = {}
    for name, rule in rules.items():
        by_target.setdefault(rule.target, []).append(name)
        by_name.setdefault(normal(name), []).append(name)
    if "title" not in by_target:
        raise UploadError(f"还没有指定哪一列是{kind.label}名称。请在那一列选择“名称”。")
    for target, names in by_target.items():
        if len(names) > 1 and target not in MANY:
            label = rule_label(ColumnRule(target))
            raise UploadError(f"{_quoted(names)}都选了“{label}”，只能有一列。请改其中一列。")
    for names in by_name.values():
        if len({rules[name] for name in names}) > 1:
            raise UploadError(
                f"{_quoted(names)}的列名相同，程序分不开。请为它们选同样的含义，"
                "或在文件里改列名后重新上传。"
            )


def _quoted(names: Sequence[str]) -> str:
    return "、".join(f"“{shown(name, 40)}”" for name in names[:5])


def profile_from(raw: Mapping[str, Any], kind: Kind | None) -> Profile:
    """A profile as a program sends it: as in a profile's file, but JSON.

    Raises:
        UploadError: it is malformed.
    """
    whole = {"name": "接口", **({"kind": kind.value} if kind else {}), **raw}
    try:
        profile = parse_profile(tomli_w.dumps(whole), "profile")
    except (ProfileError, TypeError, ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, ProfileError) else "不是有效的内容。"
        raise UploadError(f"profile 不能用：{shown(said)}") from error
    if kind not in (None, profile.kind):
        raise UploadError("profile 里的 kind 与请求里的 kind 不同。")
    return profile
