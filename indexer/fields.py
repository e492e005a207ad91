"""Fields of a record: the title, and what each part of its text is about.

The text is cut at its headings (``corpus.sections``); what stands under no heading that says more
is ``OTHER``.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum

from corpus.sections import SectionKind, rules, sections

Span = tuple[int, int]
Piece = tuple["Layer", int, int]
"""A field, and a span of the text."""

# Counts up when the code below puts a text's parts elsewhere.
_CODE_VERSION = 1


class Layer(StrEnum):
    """A field. The order is that of the numbers on disk."""

    TITLE = "title"
    PROBLEM = "problem"
    SOLUTION = "solution"
    INDICATORS = "indicators"
    APPLICATION = "application"
    OTHER = "other"

    @property
    def number(self) -> int:
        """Its place in the order, from 0."""
        return _NUMBERS[self]


LAYERS = tuple(Layer)
_NUMBERS = {layer: number for number, layer in enumerate(LAYERS)}
_LAYER_OF = {
    SectionKind.PROBLEM: Layer.PROBLEM,
    SectionKind.BACKGROUND: Layer.PROBLEM,
    SectionKind.SOLUTION: Layer.SOLUTION,
    SectionKind.ADVANTAGE: Layer.SOLUTION,
    SectionKind.SUMMARY: Layer.SOLUTION,
    SectionKind.TARGET: Layer.INDICATORS,
    SectionKind.APPLICATION: Layer.APPLICATION,
    SectionKind.BENEFIT: Layer.APPLICATION,
}


def layers(title: str, body: str) -> dict[Layer, list[Span]]:
    """Spans of each field that is there: ``TITLE``'s in ``title``, the others' in ``body``.

    The spans of the body cover it wholly and do not overlap; headings belong to what they head,
    and neighbours of one field are one span.
    """
    found: dict[Layer, list[Span]] = {Layer.TITLE: [(0, len(title))]} if title else {}
    for layer, start, end in pieces(body):
        found.setdefault(layer, []).append((start, end))
    return found


def pieces(body: str) -> list[Piece]:
    """The parts of a text in order; neighbours are of different fields."""
    return _joined((_LAYER_OF.get(s.kind, Layer.OTHER), s.start, s.end) for s in sections(body))


def long_pieces(body: str, least: int) -> list[Piece]:
    """``pieces``, but those of fewer than ``least`` characters are joined to the one before.

    The first joins the one after it. A joined piece is of the field that most of it is of, the
    first of equals.
    """
    groups: list[list[Piece]] = []
    for piece in pieces(body):
        short = piece[2] - piece[1] < least
        if groups and (short or groups[-1][-1][2] - groups[-1][0][1] < least):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return _joined((_main_field(group), group[0][1], group[-1][2]) for group in groups)


def _joined(parts: Iterable[Piece]) -> list[Piece]:
    """Neighbours of one field as one."""
    found: list[Piece] = []
    for layer, start, end in parts:
        if found and found[-1][0] is layer:
            found[-1] = (layer, found[-1][1], end)
        else:
            found.append((layer, start, end))
    return found


def _main_field(group: list[Piece]) -> Layer:
    sizes: dict[Layer, int] = {}
    for layer, start, end in group:
        sizes[layer] = sizes.get(layer, 0) + end - start
    return max(sizes, key=sizes.__getitem__)


class Places:
    """Which field a place of a text belongs to."""

    def __init__(self, body: str) -> None:
        cut = pieces(body)
        self._starts = [start for _, start, _ in cut]
        self._layers = [layer for layer, _, _ in cut]

    def layer(self, place: int) -> Layer:
        """The field of the character at ``place`` (0 ≤ place < length of the text)."""
        return self._layers[bisect_right(self._starts, place) - 1]


def fingerprint() -> str:
    """SHA-256 (hex) of what decides the cut: the rules for headings and the code here."""
    mapping = [f"{kind}={layer}" for kind, layer in _LAYER_OF.items()]
    stamp = "\n".join([f"code {_CODE_VERSION}", *mapping, *rules()])
    return hashlib.sha256(stamp.encode()).hexdigest()
