"""Names of columns: how they are compared, and what each stands for."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from corpus.model import Kind

_BRACKETED = re.compile(r"\([^()]{0,40}\)|\[[^\[\]]{0,40}\]|【[^【】]{0,40}】|<[^<>]{0,40}>")
_MARKS = "*#:·.、,;_-"
_ENUMERATOR = re.compile(r"^(?:\d{1,2}|[一二三四五六七八九十]{1,3})[.、:)]\s*")
_UNIT = re.compile(r"\(\s*(?:单位[::])?\s*(亿元?|万元?|千元|元|百万元?)\s*\)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column holds: a target, and for a part of the text its heading."""

    target: str
    heading: str = ""


def normal(header: str) -> str:
    """A column's name as it is compared: without blanks, marks, numbering and remarks."""
    text = header[:200]
    # What one step takes away can bring to light what another takes.
    while (stripped := _stripped(text)) != text:
        text = stripped
    return text


def _stripped(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(text.split()).strip(_MARKS)
    text = _ENUMERATOR.sub("", text)
    return _BRACKETED.sub("", text) or text.strip("()[]【】<>")


def unit(header: str) -> str:
    """Unit of money that a column's name states in brackets; empty if none."""
    found = _UNIT.search(unicodedata.normalize("NFKC", header[:200]))
    return found.group(1) if found else ""


@functools.cache
def meanings(kind: Kind) -> Mapping[str, Meaning]:
    """Normal name → what it stands for, of every known name."""
    source = resources.files("corpus.resources").joinpath("columns.toml").read_text("utf-8")
    tables: dict[str, Any] = tomllib.loads(source)
    found: dict[str, Meaning] = {}
    of_kind = dict(tables[kind.value])
    headed: dict[str, list[str]] = of_kind.pop("headed")
    # A kind's own names first: 项目编号 of a need is its key, whatever both kinds know.
    for table in (of_kind, tables["both"]):
        for target, names in table.items():
            for name in names:
                found.setdefault(normal(name), Meaning(target))
    for heading, names in headed.items():
        for name in (heading, *names):
            found.setdefault(normal(name), Meaning("text", heading))
    return found
