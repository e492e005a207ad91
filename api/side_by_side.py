"""Records side by side, field by field, with what differs marked: words of names, sentences of
texts, other values as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from api.schemas import RecordOut
from corpus.confidentiality import HIDDEN
from corpus.text import fold, sentences
from indexer.tokenizer import Tokenizer

Pieces = tuple[tuple[str, bool], ...]
"""(piece of the text, whether it differs from the record that is kept), in order."""

# Comparing two sequences takes up to the square of their length.
_MOST_WORDS = 200
_LABELS: tuple[tuple[str, str], ...] = (
    ("organisation", "单位"),
    ("region", "地区"),
    ("county", "县区"),
    ("technology_field", "技术领域"),
    ("industry", "行业"),
    ("maturity", "成熟度"),
    ("intellectual_property", "知识产权"),
    ("budget", "拟投入"),
    ("price", "价格"),
    ("cooperation", "合作方式"),
    ("published_on", "发布"),
    ("valid_until_on", "有效期至"),
    ("confidentiality", "密级"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A field: its value in each record, in their order."""

    name: str
    label: str
    cells: tuple[Pieces, ...]
    same: bool


def side_by_side(records: Sequence[RecordOut], tokenizer: Tokenizer) -> list[Row]:
    """Every field that any of the records has; the first record is what the others differ from."""
    if not records:
        return []
    titles = [one.title for one in records]
    rows = [_row("title", "名称", titles, lambda text: list(words(tokenizer, text)))]
    for name, label in _LABELS:
        values = [_value(one, name) for one in records]
        if any(values):
            rows.append(_row(name, label, values, lambda text: [text] if text else []))
    rows.append(_row("text", "正文", [one.text for one in records], _sentences))
    return rows


def words(tokenizer: Tokenizer, text: str) -> Iterator[str]:
    """The text cut into its shortest words (供暖系统 is two); joined they are the text."""
    end = 0
    for token in sorted(tokenizer.tokenize(text), key=lambda one: (one.end, one.start)):
        if token.start < end:
            continue
        yield from text[end : token.start]
        yield text[token.start : token.end]
        end = token.end
    yield from text[end:]


def _sentences(text: str) -> list[str]:
    """Sentences with what stands between them; joined they are the text."""
    pieces: list[str] = []
    end = 0
    for start, stop in sentences(text):
        if start > end:
            pieces.append(text[end:start])
        pieces.append(text[start:stop])
        end = stop
    return [*pieces, text[end:]] if end < len(text) else pieces


def _row(
    name: str, label: str, values: Sequence[str], cut: Callable[[str], list[str]]
) -> Row:  # fmt: skip
    pieces = [cut(value) for value in values]
    folded = [[_plain(piece) for piece in some] for some in pieces]
    marks = [[False] * len(some) for some in pieces]
    for place in range(1, len(values)):
        _mark(folded[0], folded[place], marks[0], marks[place])
    cells = tuple(
        _joined(zip(some, marked, strict=True))
        for some, marked in zip(pieces, marks, strict=True)
    )  # fmt: skip
    same = len({"".join(some) for some in folded}) == 1
    return Row(name, label, cells, same)


def _mark(
    kept: Sequence[str], other: Sequence[str], in_kept: list[bool], in_other: list[bool]
) -> None:
    """Mark what is in one and not in the other; blanks and marks alone are no difference."""
    if max(len(kept), len(other)) <= _MOST_WORDS:
        blocks = SequenceMatcher(None, kept, other, autojunk=False).get_opcodes()
        spans = [(i1, i2, j1, j2) for tag, i1, i2, j1, j2 in blocks if tag != "equal"]
        ours = {i for i1, i2, _, _ in spans for i in range(i1, i2)}
        theirs = {j for _, _, j1, j2 in spans for j in range(j1, j2)}
    else:
        here, there = set(kept), set(other)
        ours = {i for i, piece in enumerate(kept) if piece not in there}
        theirs = {j for j, piece in enumerate(other) if piece not in here}
    for i in ours:
        in_kept[i] = in_kept[i] or bool(kept[i])
    for j in theirs:
        in_other[j] = bool(other[j])


def _joined(pieces: Iterator[tuple[str, bool]]) -> Pieces:
    joined: list[tuple[str, bool]] = []
    for text, mark in pieces:
        if joined and joined[-1][1] == mark:
            joined[-1] = (joined[-1][0] + text, mark)
        else:
            joined.append((text, mark))
    return tuple(joined)


def _plain(piece: str) -> str:
    return "".join(char for char in fold(piece).text if char.isalnum())


def _value(record: RecordOut, name: str) -> str:
    if name in record.hidden or (name == "region" and "organisation" in record.hidden):
        return HIDDEN
    value = getattr(record, name)
    if value is None:
        return ""
    if isinstance(value, list):
        return "、".join(value)
    return str(getattr(value, "label", value))
