"""Text in files for others: nothing that breaks or disguises them."""

from __future__ import annotations

import time
import unicodedata
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.comparing import Link, linked
from api.exports.plain import CELL_LENGTH, attachment, clipped, file_name, harmless
from corpus.model import Kind

BIDI = "\u202e\u2066\u2067\u2068\u2069\u200f\u061c"
anything = st.text(st.characters(), max_size=200)


@given(anything)
def test_what_is_left_is_xml_and_reads_from_left_to_right(text: str) -> None:
    plain = harmless(text)
    ElementTree.fromstring(f"<x>{escape(plain)}</x>")  # noqa: S314 - made here
    assert not set(plain) & set(BIDI)
    kept = [c for c in text if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Cn"}]
    assert [c for c in plain if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Cn"}] == kept


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(20, 80))
def test_a_long_text_is_cut_and_says_so(text: str, length: int) -> None:
    cut = clipped(text, length)
    assert len(cut.encode("utf-16-le")) // 2 <= max(length, 12)
    assert cut == harmless(text) or cut.endswith("其余见网页）")


def test_a_title_of_a_megabyte_takes_no_time() -> None:
    began = time.perf_counter()
    for text in ("\x01" * 10**6, "\u202e" * 10**6, "𠮷" * 10**6, "长" * 10**6):
        assert len(clipped(text).encode("utf-16-le")) // 2 <= CELL_LENGTH
        file_name(text, "x.docx")
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("走访 十二月", "走访 十二月-x.docx"),
        ("../../etc/passwd", "etc passwd-x.docx"),
        ('a"b\r\nSet-Cookie: x', "a b Set-Cookie x-x.docx"),
        ("\u202efdp.exe", "fdp.exe-x.docx"),
        (" ... ", "清单-x.docx"),
        ("长" * 500, f"{'长' * 60}-x.docx"),
    ],
)
def test_names_of_files(name: str, expected: str) -> None:
    assert file_name(name, "x.docx") == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_the_header_is_one_line_of_ascii(name: str) -> None:
    header = attachment(file_name(name, "20261125.xlsx"), "shortlist-1.xlsx")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


@given(
    st.text("甲乙丙", min_size=0, max_size=30),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=8),
)
def test_pieces_are_the_text_and_every_link_leads_somewhere(
    text: str, spans: list[tuple[int, int, bool]]
) -> None:
    links = [
        Link(n, "x", (("text", start, start + length + 1),), (("text", 0, 1),), is_sentence)
        for n, (start, length, is_sentence) in enumerate(spans, start=1)
    ]
    pieces = linked(text, "text", links, Kind.NEED)
    assert "".join(piece.text for piece in pieces) == text
    first = [link.number for piece in pieces for link in piece.first]
    assert sorted(first) == [k.number for k in links if k.need[0][1] < len(text)]
    for piece in pieces:
        assert set(piece.first) <= set(piece.links)
