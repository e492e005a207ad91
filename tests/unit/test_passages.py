"""The quoted passages: what leaving out takes of the score, and which passage is chosen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.text import sentences
from indexer.build import Makers
from indexer.fields import Layer, Places
from indexer.grams import bigrams
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.testing import CharTokenizer, FakeEncoder
from indexer.tokenizer import Token
from matcher.explain import Span
from matcher.passages import Quoting, _Terms
from matcher.query import PreparedQuery, Query, QueryConfig, prepare_queries
from matcher.testing import plain_model

ENCODER = FakeEncoder()
WORDS = CharTokenizer().tokenize
TEXTS = st.lists(st.text("钢渣微粉窑炉", min_size=1, max_size=8), max_size=5).map(
    lambda parts: "".join(f"{part}。" for part in parts)
)
TITLES = st.text("钢渣微粉窑炉", min_size=1, max_size=6)
SIDES = st.builds(Query, TITLES, TEXTS)


def prepared(query: Query) -> PreparedQuery:
    [one] = prepare_queries([query], Makers(ENCODER, CharTokenizer()), QueryConfig())
    return one


def index(terms: Callable[[str], list[Token]]) -> LexicalIndex:
    texts = ["钢渣微粉活性", "窑炉余热", "水泥掺钢渣"]
    return LexicalIndex.build(
        [1, 2, 3], [[t.term for t in terms(x)] for x in texts], LexicalConfig()
    )


INDEXES = (index(WORDS), index(bigrams))


def passages(asked: Query, held: Query, window: tuple[int, int] | None = None) -> tuple[Span, Span]:
    quoting = Quoting(prepared(asked), *INDEXES, plain_model(ENCODER))
    return quoting.passages(held, WORDS(held.title), WORDS(held.text), window)


def quoted(asked: Query, held: Query, window: tuple[int, int] | None = None) -> tuple[str, str]:
    one, other = passages(asked, held, window)
    return one.of(asked.title, asked.text), other.of(held.title, held.text)


def without(side: Query, span: Span) -> Query:
    if span.field == "title":
        return Query("", side.text)
    return Query(side.title, side.text[: span.start] + side.text[span.end :])


@settings(deadline=None)
@given(SIDES, SIDES, st.data())
def test_what_is_taken_of_the_words_is_exact(
    asked: Query, held: Query, data: st.DataObject
) -> None:
    """As if the text had been written without it."""

    def spans(side: Query) -> st.SearchStrategy[Span]:
        parts = [Span("text", *bounds) for bounds in sentences(side.text)]
        return st.sampled_from([Span("title", 0, len(side.title)), *parts])

    def score(asked: Query, held: Query) -> float:
        fields = {
            layer: [token.term for token in WORDS(text)]
            for layer, text in ((Layer.TITLE, held.title), (Layer.OTHER, held.text))
        }
        return INDEXES[0].document_score(prepared(asked).terms, fields)

    query = prepared(asked)
    terms = _Terms(
        INDEXES[0],
        query.terms,
        query.text_tokens,
        WORDS(held.title),
        WORDS(held.text),
        Places(held.text),
    )
    left, right = data.draw(spans(asked)), data.draw(spans(held))
    assert terms.whole == pytest.approx(score(asked, held))
    assert terms.without_asked(left) == pytest.approx(score(without(asked, left), held))
    assert terms.without_held(right) == pytest.approx(score(asked, without(held, right)))


@settings(deadline=None)
@given(SIDES, SIDES, st.none() | st.tuples(st.integers(0, 20), st.integers(21, 40)))
def test_a_passage_is_the_title_or_one_or_two_whole_sentences(
    asked: Query, held: Query, window: tuple[int, int] | None
) -> None:
    for side, span in zip((asked, held), passages(asked, held, window), strict=True):
        if span.field == "title":
            assert (span.start, span.end) == (0, len(side.title))
            continue
        bounds = sentences(side.text)
        two = [(a, d) for (a, _), (_, d) in pairwise(bounds)]
        assert (span.start, span.end) in bounds + two


def test_the_sentence_that_holds_what_is_common_is_quoted_alone() -> None:
    asked = Query("求助", "本厂建于去年。需要钢渣微粉。望尽快联系。")
    held = Query("成果", "团队经验多。可把钢渣磨成微粉。服务好。")
    assert quoted(asked, held) == ("需要钢渣微粉。", "可把钢渣磨成微粉。")


def test_two_sentences_that_share_what_is_common_are_quoted_together() -> None:
    held = Query("成果", "团队经验多。能处理钢渣。可得微粉。服务好。")
    assert quoted(Query("钢渣微粉"), held)[1] == "能处理钢渣。可得微粉。"


def test_two_long_sentences_are_not_quoted_together() -> None:
    filler = "甲" * 70
    held = Query("成果", f"钢渣{filler}。微粉{filler}。")
    quote = quoted(Query("钢渣微粉"), held)[1]
    assert quote in (f"钢渣{filler}。", f"微粉{filler}。")


def test_a_title_that_carries_nearly_all_is_quoted() -> None:
    asked = Query("钢渣微粉", "本厂缺少炉前工。望尽快联系。")
    held = Query("钢渣微粉", "团队经验多。炉火正旺。")
    assert quoted(asked, held) == ("钢渣微粉", "钢渣微粉")


def test_of_equal_sentences_the_one_in_the_nearest_window_is_quoted() -> None:
    filler = "甲" * 60
    text = f"钢渣微粉{filler}。服务好。{filler}。钢渣微粉{filler}。"
    held = Query("成果", text)
    last = text.rindex("钢渣")
    assert passages(Query("钢渣微粉"), held, (last, len(text)))[1].start == last
    assert passages(Query("钢渣微粉"), held, (0, 40))[1].start == 0


def test_without_anything_in_common_the_titles_stand() -> None:
    assert quoted(Query("钢渣", "微粉。"), Query("成果", "平稳可靠。")) == ("钢渣", "成果")
    assert quoted(Query("", ""), Query("", "")) == ("", "")


def test_with_the_words_off_the_titles_stand() -> None:
    quoting = Quoting(prepared(Query("钢渣", "微粉。")), None, INDEXES[1], plain_model(ENCODER))
    held = Query("钢渣", "钢渣微粉。")
    spans = quoting.passages(held, WORDS(held.title), WORDS(held.text), None)
    assert [span.field for span in spans] == ["title", "title"]


def test_what_is_tried_does_not_grow_with_the_text(rng: np.random.Generator) -> None:
    """A hostile text of many thousand sentences is read a bounded number of times."""
    letters = rng.choice(list("钢渣微粉"), 20_000)
    held = Query("成果", "".join(f"{letter}。" for letter in letters))
    scored: list[str] = []

    class Counting(LexicalIndex):
        def document_score(self, query, fields):  # type: ignore[no-untyped-def]
            scored.append("once")
            return super().document_score(query, fields)

    words = Counting.build([1], [["钢"]], LexicalConfig())
    quoting = Quoting(prepared(Query("钢渣微粉")), words, INDEXES[1], plain_model(ENCODER))
    quoting.passages(held, WORDS(held.title), WORDS(held.text), None)
    assert 0 < len(scored) <= 20
