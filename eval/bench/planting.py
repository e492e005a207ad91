"""Planted copies and planted hard negatives, for measuring duplicate detection.

A copy is the same thing told with edits; a hard negative is another thing told in nearly the
same words. Every edit is drawn from a seeded source, so a benchmark can be repeated exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from opencc import OpenCC

from corpus.duplicates.detect import Document
from corpus.text import sentences

_TRADITIONAL = OpenCC("s2t")
# Not those of list items, which say nothing.
_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.]|\s*[)）、．])")
_FRAMES = ("一种{}", "{}技术", "{}研究", "关于{}", "{}的研发与应用", "{}项目", "新型{}")
_SYNONYMS = (
    ("污水", "废水"), ("检测", "监测"), ("制备", "合成"), ("装置", "设备"), ("提取", "分离"),
    ("技术", "工艺"), ("方法", "工艺"), ("改造", "升级"), ("优化", "改进"), ("智能", "智慧"),
    ("控制", "调控"), ("材料", "制品"), ("治理", "处理"), ("回收", "再利用"), ("研发", "开发"),
)  # fmt: skip
# Objects that take each other's place in a template: never two words for one thing.
_OBJECTS = (
    ("小麦", "玉米"), ("水稻", "大豆"), ("苹果", "葡萄"), ("番茄", "黄瓜"), ("甘薯", "花生"),
    ("梨", "桃"), ("板栗", "核桃"), ("猪", "羊"), ("鸡", "鸭"), ("虾", "蟹"), ("鱼", "贝"),
    ("钢", "铝"), ("铁", "铜"), ("锌", "镍"), ("钛", "镁"), ("锂", "钠"),
    ("陶瓷", "玻璃"), ("水泥", "石膏"), ("聚乙烯", "聚丙烯"), ("橡胶", "尼龙"), ("煤", "油"),
    ("石墨", "硅"), ("氢", "氨"), ("脱硫", "脱硝"), ("风电", "光伏"), ("汽车", "船舶"),
    ("轴承", "齿轮"), ("焊接", "切削"), ("茶", "药材"), ("桥梁", "隧道"), ("激光", "微波"),
    ("液压", "气动"), ("乙醇", "甲醇"), ("纤维", "薄膜"), ("混凝土", "沥青"), ("电池", "电容器"),
    ("太阳能", "风能"), ("电机", "锅炉"), ("塑料", "皮革"), ("农药", "化肥"), ("石油", "地热"),
    ("纸", "革"), ("肉", "蛋"), ("土壤", "水体"), ("电梯", "起重机"), ("传感器", "执行器"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """Documents with planted ones among them.

    ``thing`` says which thing a document is about: two documents are duplicates if it is the
    same. ``edits`` names what was done to the planted ones.
    """

    documents: tuple[Document, ...]
    thing: dict[int, int]
    edits: dict[int, str]


Edit = Callable[[Document, np.random.Generator], Document]


def plant(originals: Sequence[Document], rng: np.random.Generator) -> Planted:
    """Half of the originals get a copy, the others a hard negative; new ids follow on.

    No original gets both: a shortened copy may lack the very words that tell them apart.

    Copies take turns through ``COPIES``, negatives through ``NEGATIVES``; an edit that changes
    nothing of a document is passed over for the next one.
    """
    documents = list(originals)
    thing = {d.id: d.id for d in originals}
    edits: dict[int, str] = {}
    following = max(thing) + 1
    order = rng.permutation(len(originals))
    for table, chosen, is_copy in (
        (COPIES, order[::2], True),
        (NEGATIVES, order[1::2], False),
    ):
        names = list(table)
        turn = 0
        for position in chosen:
            original = originals[position]
            for attempt in range(len(names)):
                name = names[(turn + attempt) % len(names)]
                edited = table[name](original, rng)
                if (edited.title, edited.text) != (original.title, original.text):
                    documents.append(replace(edited, id=following))
                    thing[following] = original.id if is_copy else following
                    edits[following] = name
                    following += 1
                    turn += 1
                    break
    return Planted(tuple(documents), thing, edits)


def edit_title(document: Document, rng: np.random.Generator) -> Document:
    """A frame of general words, a synonym, a dropped character, or parts in another order."""
    title = document.title
    choice = int(rng.integers(4))
    swapped = [(a, b) for a, b in _SYNONYMS if a in title]
    if choice == 0 and swapped:
        word, other = swapped[int(rng.integers(len(swapped)))]
        title = title.replace(word, other)
    elif choice == 1 and len(title) >= 10:
        # A digit less would be another model.
        letters = [i for i, character in enumerate(title) if not character.isdigit()]
        at = letters[int(rng.integers(len(letters)))]
        title = title[:at] + title[at + 1 :]
    elif choice == 2 and (cut := max(title.find("及"), title.find("与"), title.find("和"))) > 2:
        title = f"{title[cut + 1 :]}{title[cut]}{title[:cut]}"
    else:
        title = _FRAMES[int(rng.integers(len(_FRAMES)))].format(title)
    return replace(document, title=title)


def reorder(document: Document, rng: np.random.Generator) -> Document:
    """The sentences in another order."""
    pieces = _sentences(document.text)
    return replace(document, text="".join(pieces[i] for i in rng.permutation(len(pieces))))


def shorten(document: Document, rng: np.random.Generator) -> Document:
    """40 to 70 % of the text: whole sentences in their order, the last one drawn cut off."""
    goal = int(len(document.text) * rng.uniform(0.4, 0.7))
    pieces = _sentences(document.text)
    kept: set[int] = set()
    left = goal
    for at in rng.permutation(len(pieces)):
        if left <= 0:
            break
        kept.add(int(at))
        pieces[at] = pieces[at] if len(pieces[at]) <= left else f"{pieces[at][:left]}…"
        left -= len(pieces[at])
    return replace(document, text="".join(pieces[i] for i in sorted(kept)))


def traditional(document: Document, _rng: np.random.Generator) -> Document:
    """Title and text in traditional characters (OpenCC ``s2t``)."""
    return replace(
        document,
        title=str(_TRADITIONAL.convert(document.title)),
        text=str(_TRADITIONAL.convert(document.text)),
    )


def without_text(document: Document, _rng: np.random.Generator) -> Document:
    """The title alone, as lists often have it."""
    return replace(document, text="")


def other_numbers(document: Document, rng: np.random.Generator) -> Document:
    """Other values wherever there is a number, in title and text."""
    factor = float(rng.uniform(1.3, 3.0))

    def changed(match: re.Match[str]) -> str:
        return f"{float(match[0]) * factor + 1:.{len(match[0].partition('.')[2])}f}"

    return replace(
        document,
        title=_NUMBER.sub(changed, document.title),
        text=_NUMBER.sub(changed, document.text),
    )


def other_object(document: Document, rng: np.random.Generator) -> Document:
    """Another crop, metal, material or process wherever the title's one stands."""
    whole = document.title + document.text
    pairs = [
        (word, other)
        for one in _OBJECTS
        for word, other in (one, one[::-1])
        if word in document.title and other not in whole
    ]
    if not pairs:
        return document
    word, other = pairs[int(rng.integers(len(pairs)))]
    return replace(
        document,
        title=document.title.replace(word, other),
        text=document.text.replace(word, other),
    )


def other_title_object(document: Document, rng: np.random.Generator) -> Document:
    """Another object in the title, over a text that names neither: a template."""
    edited = other_object(document, rng)
    if edited.text != document.text:
        return document
    return edited


def other_object_shortened(document: Document, rng: np.random.Generator) -> Document:
    """Another object, and a part of the text only."""
    edited = other_object(document, rng)
    return document if edited == document else shorten(edited, rng)


def combined(*edits: Edit) -> Edit:
    """One edit after the other."""

    def apply(document: Document, rng: np.random.Generator) -> Document:
        for edit in edits:
            document = edit(document, rng)
        return document

    return apply


COPIES: dict[str, Edit] = {
    "edited title": edit_title,
    "reordered": reorder,
    "shortened": shorten,
    "traditional": traditional,
    "edited title, reordered": combined(edit_title, reorder),
    "edited title, shortened": combined(edit_title, shorten),
    "reordered, shortened": combined(reorder, shorten),
    "shortened, traditional": combined(shorten, traditional),
    "all four": combined(edit_title, shorten, reorder, traditional),
    "no text": without_text,
}
NEGATIVES: dict[str, Edit] = {
    "other numbers": other_numbers,
    "other object": other_object,
    "other object, shortened": other_object_shortened,
    "other object in the title": other_title_object,
}


def _sentences(text: str) -> list[str]:
    """The sentences of a text with what follows each; joined they are the text."""
    starts = [0, *(start for start, _ in sentences(text)[1:])]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
