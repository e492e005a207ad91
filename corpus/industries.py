"""Industries by GB/T 4754-2017: sections 门类 A–T and divisions 大类 01–97.

Read from ``resources/gbt4754.toml``. A record's ``industry`` is the name of either level.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

_PUNCTUATION = re.compile(r"[\s、，,·]")
_LEVELS = re.compile(r"—+|–+|-+|>|/")


@dataclass(frozen=True, slots=True)
class Industry:
    """One entry of the standard; ``section`` is the name of its 门类, its own for a section."""

    code: str  # A … T, or 01 … 97
    name: str
    section: str

    @property
    def is_section(self) -> bool:
        """True for 门类, False for 大类."""
        return self.code.isalpha()


def industries() -> tuple[Industry, ...]:
    """Every section, each followed by its divisions."""
    return _table()[0]


def industry_of(label: str) -> Industry | None:
    """The entry that ``label`` names, or None.

    Takes a name or a code, differing punctuation, names of the 2011 edition, and platforms'
    ``门类——大类``, of which the last known level counts. Where a section and its only division
    share a name (教育), the section is meant.
    """
    _, by_name = _table()
    parts = [_key(part) for part in _LEVELS.split(label) if part.strip()]
    for part in reversed(parts):
        found = by_name.get(part)
        if found is not None:
            return found
    return None


def industries_within(name: str) -> frozenset[str]:
    """The name and, where it is a section, its divisions; any other name stands for itself."""
    return _within().get(name, frozenset({name}))


def section_of(name: str) -> str:
    """The section that an industry's name belongs to; a name of no entry is its own."""
    found = _table()[1].get(_key(name))
    return found.section if found is not None and found.name == name else name


@functools.cache
def _within() -> dict[str, frozenset[str]]:
    sections: dict[str, set[str]] = {}
    for entry in industries():
        sections.setdefault(entry.section, {entry.section}).add(entry.name)
    return {section: frozenset(names) for section, names in sections.items()}


@functools.cache
def _table() -> tuple[tuple[Industry, ...], dict[str, Industry]]:
    raw: dict[str, Any] = tomllib.loads(
        resources.files("corpus.resources").joinpath("gbt4754.toml").read_text("utf-8")
    )
    entries: list[Industry] = []
    for section in raw["sections"]:
        name = section["name"]
        entries.append(Industry(section["code"], name, name))
        entries += [Industry(code, each, name) for code, each in section["divisions"].items()]
    by_name: dict[str, Industry] = {}
    for entry in entries:
        by_name.setdefault(_key(entry.name), entry)
        by_name[_key(entry.code)] = entry
    for alias, name in raw["aliases"].items():
        by_name[_key(alias)] = by_name[_key(name)]
    return tuple(entries), by_name


def _key(text: str) -> str:
    return _PUNCTUATION.sub("", text).upper()
