"""Foreign technical words and what they are called in Chinese, with exact places in the original.

Resources, read once: ``glossary.tsv`` (concepts in four languages) and, for Korean,
``sino_korean.tsv`` (words of Chinese origin), which is asked where the first knows nothing, and
``grammar_ko.txt``. A text is read from left to right, the longest entry first, so the work is
linear in its length.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from corpus import languages
from corpus.languages import LANGUAGES, Language, chinese_characters, language_of
from corpus.text import fold

# Counts up when the code below finds other words with the same resources.
_CODE_VERSION = 1

_Entries = Mapping[str, tuple[str, ...]]

_COLUMNS: dict[Language, int] = {"ja": 1, "ko": 2, "en": 3}
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
_WORD = re.compile(r"[a-z0-9\u00df-\u024f]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_WORDS_OF_A_PHRASE = 4
_ENDINGS = (
    ("ies", "y"), ("izing", "iz"), ("ized", "iz"), ("ises", "is"), ("ings", ""), ("ing", ""),
    ("ed", ""), ("es", ""), ("s", ""), ("e", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GlossedTerm:
    """A foreign word at ``text[start:end]`` and what it is called in Chinese."""

    start: int
    end: int
    original: str
    chinese: tuple[str, ...]
    """Simplified Chinese, the usual word first; at least one."""


def gloss(text: str, language: Language | None = None) -> list[GlossedTerm]:
    """The words of ``text`` that the resources know, in order, none overlapping another.

    Without ``language`` it is told by the script. Chinese has nothing to gloss. ``original`` is
    ``text[start:end]`` as written, whatever its width, case or composition.
    """
    language = language or language_of(text)
    if language == "zh":
        return []
    folded = fold(text)
    found: list[GlossedTerm] = []
    reached = 0
    for first, last, chinese in _matches(folded.text, language):
        start, end = folded.span(first, last)
        if start < reached:  # two words in one character (㍿)
            continue
        reached = end
        found.append(GlossedTerm(start, end, text[start:end], chinese))
    return found


@cache
def fingerprint() -> str:
    """SHA-256 (hex) of what decides a gloss: the resources' entries and the code here."""
    digest = hashlib.sha256(f"{_CODE_VERSION} {languages.CODE_VERSION}".encode())
    for name in ("glossary.tsv", "sino_korean.tsv", "grammar_ko.txt"):
        for row in _rows(name):
            digest.update("\t".join(row).encode() + b"\n")
    return digest.hexdigest()


@cache
def parallel_titles() -> tuple[dict[Language, str], ...]:
    """Titles that say the same in every language, from ``parallel_titles.tsv``."""
    return tuple(dict(zip(LANGUAGES, row, strict=True)) for row in _rows("parallel_titles.tsv"))


def _matches(text: str, language: Language) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    if language == "en":
        return _phrases(text)
    return _longest(chinese_characters(text) if language == "ja" else text, language)


def _longest(text: str, language: Language) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    entries, longest = _entries(language), _longest_entry(language)
    start = 0
    while start < len(text):
        for end in range(min(len(text), start + longest), start, -1):
            chinese = entries.get(text[start:end])
            if chinese is not None and _stands(text, start, end, language):
                if chinese:
                    yield start, end, chinese
                start = end
                break
        else:
            start += 1


def _stands(text: str, start: int, end: int, language: Language) -> bool:
    """Whether an entry is a word here: one of a single character only where it stands alone.

    Otherwise 本 (book) would be found in 日本 and 은 (silver) at the end of every Korean subject.
    """
    if end - start > 1:
        return True
    script = _HANGUL if language == "ko" else _HAN
    # Before first: a long run is then not read again for each of its characters.
    if start > 0 and script.match(text[start - 1]):
        return False
    rest = script.match(text, end)
    return rest is None or (language == "ko" and rest.group() in _grammar()[0])


@cache
def _grammar() -> tuple[frozenset[str], frozenset[str]]:
    """Korean particles, and Korean forms that are no words of Chinese origin."""
    particles, forms = (frozenset(row[0].split()) for row in _rows("grammar_ko.txt"))
    return particles, forms


def _phrases(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    exact, stemmed = _entries("en"), _stemmed_entries()
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        for count in range(min(_WORDS_OF_A_PHRASE, len(words) - at), 0, -1):
            some = [match.group() for match in words[at : at + count]]
            chinese = exact.get(" ".join(some)) or stemmed.get(" ".join(map(_stem, some)))
            if chinese:
                yield words[at].start(), words[at + count - 1].end(), chinese
                at += count
                break
        else:
            at += 1


def _stem(word: str) -> str:
    """An English word without its ending; a crude one does, both sides being cut alike."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + instead
    return word


@cache
def _entries(language: Language) -> _Entries:
    """Folded foreign form → Chinese; grammar → nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for row in _rows("glossary.tsv"):
        chinese = tuple(row[0].split(","))
        for form in filter(None, row[_COLUMNS[language]].split(",")):
            key = _key(form, language)
            found[key] = tuple(dict.fromkeys((*found.get(key, ()), *chinese)))
    if language == "ko":
        for word, chinese_forms in _rows("sino_korean.tsv"):
            found.setdefault(word, tuple(chinese_forms.split(",")))
        found.update(dict.fromkeys(_grammar()[1], ()))
    return found


@cache
def _stemmed_entries() -> _Entries:
    found: dict[str, tuple[str, ...]] = {}
    for form, chinese in _entries("en").items():
        key = " ".join(map(_stem, form.split()))
        found[key] = tuple(dict.fromkeys((*found.get(key, ()), *chinese)))
    return found


@cache
def _longest_entry(language: Language) -> int:
    return max(map(len, _entries(language)))


def _key(form: str, language: Language) -> str:
    folded = fold(form).text
    if language == "en":
        return " ".join(_WORD.findall(folded))
    return chinese_characters(folded) if language == "ja" else folded


def _rows(name: str) -> Iterator[list[str]]:
    text = resources.files("corpus.resources").joinpath(name).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")
