"""Reasons: what is shown first, which sentence, and how it is marked."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from api.schemas import SpanOut
from api.web.templating import pieces
from indexer.build import Makers
from indexer.grams import bigrams
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.testing import FakeEncoder
from indexer.tokenizer import JiebaTokenizer, Lexicon, Token
from matcher.explain import Explanation, explain
from matcher.passages import Quoting
from matcher.query import Query, QueryConfig, prepare_queries
from matcher.testing import plain_model

TOKENIZER = JiebaTokenizer(
    Lexicon(frozenset({"钢渣", "钢渣微粉", "微粉"}), frozenset({"的"}), {"炉渣": "钢渣"})
)
ENCODER = FakeEncoder()
MODEL = plain_model(ENCODER)


def reasons(need: Query, offer: Query, parts: dict[str, float]) -> Explanation:
    [query] = prepare_queries([need], Makers(ENCODER, TOKENIZER), QueryConfig())
    quoting = Quoting(query, index(offer, TOKENIZER.tokenize), index(offer, bigrams), MODEL)
    return explain(query, offer, parts, None, TOKENIZER, ENCODER, quoting)


def index(offer: Query, terms: Callable[[str], list[Token]]) -> LexicalIndex:
    documents = [[token.term for token in terms(f"{offer.title}\n{offer.text}")], ["甲乙"]]
    return LexicalIndex.build([1, 2], documents, LexicalConfig())


def test_the_sentence_with_the_most_weight_is_quoted() -> None:
    offer = Query("某成果", "本装置结构简单。钢渣微粉活性高。应用广。")
    found = reasons(Query("钢渣微粉"), offer, {"钢渣微粉": 3.0, "钢渣": 1.0, "微粉": 1.0})
    assert found.document_sentence.of(offer.title, offer.text) == "钢渣微粉活性高。"
    assert found.query_sentence.field == "title"


def test_parts_of_a_longer_term_and_single_characters_are_not_key() -> None:
    offer = Query("钢渣微粉 钢 机")
    parts = {"钢渣微粉": 3.0, "钢渣": 1.0, "微粉": 1.0, "机": 9.0}
    found = reasons(Query("钢渣微粉 机"), offer, parts)
    assert [t.term for t in found.terms if t.key] == ["钢渣微粉"]
    assert {t.term for t in found.terms} == set(parts)
    alone = reasons(Query("机"), Query("机"), {"机": 1.0})
    assert [t.term for t in alone.terms if t.key] == ["机"]


def test_a_synonym_is_marked_where_and_as_it_is_written() -> None:
    offer = Query("炉渣利用")
    found = reasons(Query("钢渣"), offer, {"钢渣": 1.0})
    assert [s.of(offer.title, offer.text) for s in found.terms[0].document_spans] == ["炉渣"]


def test_without_a_shared_word_the_encoder_chooses_the_sentence() -> None:
    offer = Query("成果", "平稳可靠。aaaa bbbb cccc。维护方便。")
    found = reasons(Query("aaaa bbbb"), offer, {})
    assert found.terms == ()
    assert "bbbb" in found.document_sentence.of(offer.title, offer.text)


@given(
    st.text("ab<钢渣", max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_marking_never_changes_the_text(
    text: str, bounds: list[tuple[int, int]], start: int, end: int
) -> None:
    start, end = min(start, len(text)), min(end, len(text))
    spans = [
        SpanOut(field="text", start=min(a, b), end=min(max(a, b), len(text)), quote="")
        for a, b in bounds
        if min(a, b) < min(max(a, b), len(text))
    ]
    cut = pieces(text, spans, "text", start, max(start, end))
    assert "".join(piece for piece, _ in cut) == text[start : max(start, end)]
    position = start
    for piece, marked in cut:
        for offset in range(position, position + len(piece)):
            assert marked == any(s.start <= offset < s.end for s in spans)
        position += len(piece)
