"""The stylesheet and the pages know the same classes."""

from __future__ import annotations

import re
from importlib.resources import files

_WEB = files("api.web")


def _templates() -> list[str]:
    folder = _WEB / "templates"
    return [one.read_text(encoding="utf-8") for one in folder.iterdir() if one.is_file()]


def _styled() -> set[str]:
    sheet = (_WEB / "static/zhitong.css").read_text(encoding="utf-8")
    without_values = re.sub(r"/\*.*?\*/|\{[^{}]*:[^{}]*\}", " ", sheet, flags=re.S)
    return set(re.findall(r"\.([a-z][\w-]*)", without_values))


def _used() -> tuple[set[str], set[str]]:
    """Of every class attribute the words that stand there, those that an expression there may
    give, and beginnings that an expression completes."""
    words, beginnings = set[str](), set[str]()
    for page in _templates():
        for value in re.findall(r'class="((?:[^"{]|\{\{.*?\}\}|\{%.*?%\})*)"', page):
            parts = re.split(r"(\{\{.*?\}\}|\{%.*?%\})", value)
            for text, expression in zip(parts[::2], [*parts[1::2], ""], strict=True):
                found = text.split()
                if expression.startswith("{{") and found and not text.endswith(" "):
                    beginnings.add(found.pop())
                words.update(found)
                # A word that something is compared with is no class.
                for given in re.findall(r"(?<!== )[\"']([a-z][a-z -]*)[\"']", expression):
                    words.update(given.split())
    return words, beginnings


def test_no_class_is_unused_and_none_is_unknown() -> None:
    styled, (used, beginnings) = _styled(), _used()
    completed = {one for one in styled if re.fullmatch(r"[a-z]+\d", one) and one[:-1] in beginnings}
    assert styled - used - completed == set()
    assert used - styled == set()
