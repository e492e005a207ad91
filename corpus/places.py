"""Tangshan's counties and institutions' regions, recognised in names and addresses.

The word lists are ``resources/places.toml``. A text is folded and read from left to right, the
longest known word first, so that 唐山东方 holds 唐山 and not 山东. What is ambiguous gives ''.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from corpus.text import fold

MAX_CHARS = 400
"""Characters of a text that are read: names and addresses are short."""

_TANGSHAN, _HEBEI = "唐山", "河北"
_AFTER_TANGSHAN = ("唐山", "唐山市")
_AFTER_HEBEI = (*_AFTER_TANGSHAN, "河北", "河北省")
_BRACKETS = "()[]{}<>《》【】「」“”\"'·.,;:、-—_/|"
# A road's name, not a place: 北京路12号, 唐山路北侧. But 唐山路桥 is a builder in 唐山.
_ROAD = re.compile(
    r"(?:[东西南北中]|[一二三])?(?:路|街|道|大街|大道)"
    r"(?:[\d号与和口附东西中侧,(]|$|[南北](?:侧|段|边|口|面|端|首|\d))"
)
_BLANK = re.compile(r"(?<![a-z0-9]) | (?![a-z0-9])")
_SIDE = re.compile(r"[侧段边口面端首]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
# What a parent institution's name ends with, before the place of its offshoot.
_PARENT = re.compile(r"大学|学院|科学院|研究院|研究所|研究总院|集团|公司")
_JOINT = re.compile(r"[与和及、,;]|联合")
# の alone is an ornament of Chinese brands, ・ stands in translated names.
_KANA = re.compile(r"[\u3041-\u306d\u306f-\u3096\u30a1-\u30fa]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
# Forms of Japan's reform of 1946 that neither simplified nor traditional Chinese writes.
_SHINJITAI = re.compile("[関総発検圧囲転軽験拡権沢済焼営変続薬覚観駅]")
# Strength of evidence for a county within one text: its full name, a township, the bare name.
_FULL, _TOWN, _BARE = 3, 2, 1
_RULES = {"full": _FULL, "anchored": _FULL, "towns": _TOWN, "short": _BARE, "lead": _BARE,
          "north": _BARE, "after": _BARE}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Meaning:
    region: str  # '' for a decoy
    county: str = ""
    rule: str = ""
    strength: int = 0
    institution: bool = False


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    end: int
    meaning: _Meaning


@dataclass(frozen=True, slots=True)
class _Lexicon:
    words: Mapping[str, tuple[tuple[str, tuple[_Meaning, ...]], ...]]  # by first character
    hosts: Mapping[str, frozenset[str]]  # zone → counties that addresses name with it
    unfolded: tuple[str, ...]


def county_of(*texts: str) -> str:
    """The one of ``taxonomy.counties()`` that names and addresses speak of; '' when unsure.

    Texts that name different counties, or a county beside a place outside Tangshan, are unsure.
    """
    found: set[str] = set()
    for text in texts:
        folded = _folded(text)
        mentions = _mentions(folded)
        if _region(text, folded, mentions) == _TANGSHAN:
            found |= _counties(mentions)
    found = _without_hosts(found)
    return found.pop() if len(found) == 1 else ""


def region_of(*texts: str) -> str:
    """The one of ``taxonomy.regions()`` that an institution's names and addresses speak of.

    '' when unsure, as where two texts contradict each other. An institution counts where it is
    registered (河北工业大学: 河北), an offshoot where it stands (某大学唐山研究院: 唐山);
    Japanese and Korean script speak for themselves.
    """
    found: set[str] = set()
    for text in texts:
        folded = _folded(text)
        found |= _regions(text, folded, _mentions(folded))
    if _TANGSHAN in found:
        found.discard(_HEBEI)
    return found.pop() if len(found) == 1 else ""


def _folded(text: str) -> str:
    text = text[:MAX_CHARS]
    for word in _lexicon().unfolded:
        text = text.replace(word, " ")
    return _tight(text)


def _tight(text: str) -> str:
    """Folded, with blanks only between Latin words."""
    return _BLANK.sub("", " ".join(fold(text).text.split()))


def _counties(mentions: list[_Mention]) -> set[str]:
    named = [each for each in mentions if each.meaning.county]
    best = max((each.meaning.strength for each in named), default=0)
    return _without_hosts({each.meaning.county for each in named if each.meaning.strength == best})


def _without_hosts(counties: set[str]) -> set[str]:
    hosts: set[str] = set()
    for county in counties:
        hosts |= _lexicon().hosts.get(county, frozenset())
    return counties - hosts


def _region(text: str, folded: str, mentions: list[_Mention]) -> str:
    found = _regions(text, folded, mentions)
    return next(iter(found)) if len(found) == 1 else ""


def _regions(text: str, folded: str, mentions: list[_Mention]) -> set[str]:
    """Regions a text speaks of, after what can be decided within it."""
    foreign = _by_script(text)
    found = {each.meaning.region for each in mentions}
    if foreign:
        return found | {foreign}
    if _TANGSHAN in found:
        found.discard(_HEBEI)
    if len(found) > 1:
        last = mentions[-1]
        between = folded[mentions[0].start : last.start]
        offshoot = between.endswith("(") or _PARENT.search(between)
        if offshoot and not last.meaning.institution and not _JOINT.search(between):
            return {last.meaning.region}
    return found


def _by_script(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARS])
    japanese = bool(_KANA.search(plain) or _SHINJITAI.search(plain))
    korean = bool(_HANGUL.search(plain))
    if japanese and korean:
        return ""
    return "日本" if japanese else "韩国" if korean else ""


def _mentions(folded: str) -> list[_Mention]:
    return [each for each in _scan(folded) if each.meaning.region]


def _scan(folded: str) -> Iterator[_Mention]:
    """Known words from left to right, none within another."""
    lexicon = _lexicon()
    position = 0
    while position < len(folded):
        found = None
        for word, meanings in lexicon.words.get(folded[position], ()):
            if folded.startswith(word, position):
                end = position + len(word)
                meaning = next((m for m in meanings if _holds(folded, position, end, m)), None)
                if meaning is not None:
                    found = _Mention(position, end, meaning)
                    break
        if found is None:
            position += 1
        else:
            yield found
            position = found.end


def _holds(folded: str, start: int, end: int, meaning: _Meaning) -> bool:
    """Whether the word at ``[start, end)`` may mean this, seen from its neighbours."""
    word = folded[start:end]
    if word.isascii():
        return not (_is_latin(folded[start - 1 : start]) or _is_latin(folded[end : end + 1]))
    if not meaning.region:
        return True
    if meaning.rule in ("full", "towns"):
        return True
    if not meaning.institution and meaning.rule != "anchored" and _ROAD.match(folded, end):
        return False
    before = folded[:start].rstrip(_BRACKETS)
    match meaning.rule:
        case "anchored":
            before_it = folded[start - 1 : start]
            return not _HAN.match(before_it) or before.endswith(_AFTER_HEBEI)
        case "lead":
            return not before or before.endswith(_AFTER_HEBEI)
        case "north":
            return before.endswith(_AFTER_HEBEI)
        case "after":
            return before.endswith(_AFTER_TANGSHAN) and not _SIDE.match(folded, end)
        case _:
            return True


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


@functools.cache
def _lexicon() -> _Lexicon:
    raw: dict[str, Any] = tomllib.loads(
        resources.files("corpus.resources").joinpath("places.toml").read_text("utf-8")
    )
    meanings: dict[str, list[_Meaning]] = {}

    def add(words: Iterable[str], meaning: _Meaning) -> None:
        for word in words:
            meanings.setdefault(_tight(word), []).append(meaning)

    for county, rules in raw["counties"].items():
        for rule, words in rules.items():
            # No form of a zone's name is as common a word as a county's bare name.
            strength = _FULL if county in raw["zone_hosts"] else _RULES[rule]
            add(words, _Meaning(_TANGSHAN, county, rule, strength))
    for region, words in raw["places"].items():
        add(words, _Meaning(region))
    for region, words in raw["institutions"].items():
        add(words, _Meaning(region, institution=True))
        short = [word for word in words if word.startswith("中国科学院")]
        add(
            (word.replace("中国科学院", "中科院", 1) for word in short),
            _Meaning(region, institution=True),
        )
    add(raw["decoys"]["words"], _Meaning(""))
    by_first: dict[str, list[tuple[str, tuple[_Meaning, ...]]]] = {}
    for word, each in meanings.items():
        by_first.setdefault(word[0], []).append((word, tuple(each)))
    return _Lexicon(
        {first: tuple(sorted(words, key=lambda w: -len(w[0]))) for first, words in
         by_first.items()},
        {zone: frozenset(hosts) for zone, hosts in raw["zone_hosts"].items()},
        tuple(raw["decoys"]["unfolded"]),
    )  # fmt: skip
