"""Fields of a record: the title, and what each part of its text is about.

The text is cut at its headings (``corpus.sections``); what stands under no heading that says more
is ``OTHER``.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from enum import StrEnum

from corpus.sections import SectionKind, rules, sections

Span = tuple[int, int]

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


def pieces(body: str) -> list[tuple[Layer, int, int]]:
    """(field, start, end) of the parts of a text, in order; neighbours are of different fields."""
    found: list[tuple[Layer, int, int]] = []
    for section in sections(body):
        layer = _LAYER_OF.get(section.kind, Layer.OTHER)
        if found and found[-1][0] is layer:
            found[-1] = (layer, found[-1][1], section.end)
        else:
            found.append((layer, section.start, section.end))
    return found


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
