"""BM25 against the formula written out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import ShardError
from indexer.lexical import LexicalConfig, LexicalIndex

VOCABULARY = ["膜", "烯", "钢渣", "微粉", "石墨烯", "graphene", "セラ"]
documents_of_terms = st.lists(st.lists(st.sampled_from(VOCABULARY), max_size=12), max_size=15)
configs = st.builds(
    LexicalConfig,
    k1=st.floats(0.1, 3, allow_nan=False),
    b=st.floats(0, 1, allow_nan=False),
)
queries = st.dictionaries(
    st.sampled_from([*VOCABULARY, "未见"]), st.floats(0.125, 4), max_size=len(VOCABULARY)
)


def spread(count: int) -> list[int]:
    """Ids with gaps, as a database leaves them."""
    return [3 + 7 * i for i in range(count)]


def idf(documents: list[list[str]], term: str) -> float:
    df = sum(term in document for document in documents)
    return math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))


def bm25(
    documents: list[list[str]], config: LexicalConfig, query: dict[str, float]
) -> dict[int, dict[str, float]]:
    """Σ weight · idf · tf / (tf + k1 · (1 − b + b · length / mean length)), term by term."""
    mean_length = sum(map(len, documents)) / max(len(documents), 1)
    parts: dict[int, dict[str, float]] = {}
    for doc_id, document in zip(spread(len(documents)), documents, strict=True):
        parts[doc_id] = {}
        for term, weight in query.items():
            if tf := document.count(term):
                norm = config.k1 * (1 - config.b + config.b * len(document) / mean_length)
                parts[doc_id][term] = weight * idf(documents, term) * tf / (tf + norm)
    return parts


def ranked(parts: dict[int, dict[str, float]], n: int) -> list[tuple[int, float]]:
    totals = [(doc_id, sum(terms.values())) for doc_id, terms in parts.items() if terms]
    return sorted(totals, key=lambda item: (-item[1], item[0]))[:n]


def build(documents: list[list[str]], config: LexicalConfig | None = None) -> LexicalIndex:
    return LexicalIndex.build(spread(len(documents)), documents, config or LexicalConfig())


def assert_ranked(
    found: list[tuple[int, float]], parts: dict[int, dict[str, float]], n: int
) -> None:
    expected = ranked(parts, n)
    assert [score for _, score in found] == pytest.approx([s for _, s in expected], abs=1e-9)
    # Sums that differ in the last bit only may stand in either order, but no others.
    totals = {doc_id: sum(terms.values()) for doc_id, terms in parts.items()}
    for (doc_id, score), (wanted, _) in zip(found, expected, strict=True):
        assert totals[doc_id] == pytest.approx(score, abs=1e-9)
        assert doc_id == wanted or totals[wanted] == pytest.approx(score, abs=1e-12)


@settings(deadline=None, max_examples=150)
@given(documents_of_terms, configs, queries, st.integers(1, 20))
def test_scores_are_the_formula(
    documents: list[list[str]], config: LexicalConfig, query: dict[str, float], n: int
) -> None:
    index = build(documents, config)
    parts = bm25(documents, config, query)
    assert index.doc_ids.tolist() == spread(len(documents))
    assert index.scores(query).tolist() == pytest.approx(
        [sum(terms.values()) for terms in parts.values()], abs=1e-9
    )
    found = [(doc.id, doc.score) for doc in index.search(query, n)]
    assert_ranked(found, parts, n)
    assert found == sorted(found, key=lambda item: (-item[1], item[0]))


@settings(deadline=None, max_examples=150)
@given(documents_of_terms, queries, st.integers(1, 20), st.data())
def test_a_filter_acts_before_the_cut_and_changes_no_score(
    documents: list[list[str]], query: dict[str, float], n: int, data: st.DataObject
) -> None:
    index = build(documents)
    allowed = data.draw(st.sets(st.sampled_from([*spread(len(documents)), 1, 10**9])))
    found = index.search(query, n, np.array(sorted(allowed), dtype=np.int64))
    everything = index.search(query, len(documents) + 1)
    assert found == [doc for doc in everything if doc.id in allowed][:n]


@settings(deadline=None, max_examples=150)
@given(documents_of_terms, queries)
def test_contributions_are_the_parts_of_the_score(
    documents: list[list[str]], query: dict[str, float]
) -> None:
    index = build(documents)
    parts = bm25(documents, LexicalConfig(), query)
    scores = dict(zip(index.doc_ids.tolist(), index.scores(query).tolist(), strict=True))
    for doc_id, expected in parts.items():
        found = index.contributions(query, doc_id)
        assert found == pytest.approx(expected, abs=1e-9)
        assert sum(found.values()) == scores[doc_id]
    assert index.contributions(query, 10**9) == {}


@settings(deadline=None, max_examples=100)
@given(documents_of_terms)
def test_idf_is_the_formula_and_never_negative(documents: list[list[str]]) -> None:
    index = build(documents)
    for term in [*VOCABULARY, "未见"]:
        assert index.idf(term) == pytest.approx(idf(documents, term), abs=1e-12)
        assert index.idf(term) >= 0


def test_one_character_terms_are_found() -> None:
    index = build([["反渗透膜", "膜"], ["石墨烯", "烯"], ["钢渣"]])
    assert [doc.id for doc in index.search({"膜": 1.0}, 5)] == [3]
    assert [doc.id for doc in index.search({"烯": 1.0}, 5)] == [10]


def test_equal_scores_go_to_the_smaller_id() -> None:
    index = build([["膜"], ["烯"], ["膜"], ["膜"]])
    assert [doc.id for doc in index.search({"膜": 1.0}, 2)] == [3, 17]


def test_a_document_without_terms_is_never_found_but_counts() -> None:
    with_empty, without = build([["膜"], [], ["烯"]]), build([["膜"], ["烯"]])
    query = {"膜": 1.0, "烯": 1.0}
    assert [doc.id for doc in with_empty.search(query, 5)] == [3, 17]
    assert with_empty.contributions(query, 10) == {}
    assert with_empty.idf("膜") > without.idf("膜")


def test_an_index_without_any_term_finds_nothing(tmp_path: Path) -> None:
    index = build([[], []])
    index.save(tmp_path)
    for opened in (index, LexicalIndex.load(tmp_path, has_terms=False)):
        assert not opened.has_terms
        assert opened.search({"膜": 1.0}, 5) == []
        assert opened.contributions({"膜": 1.0}, 3) == {}
        assert opened.idf("膜") == pytest.approx(math.log(1 + 2.5 / 0.5))
        assert opened.doc_ids.tolist() == [3, 10]


def test_an_index_without_documents_finds_nothing(tmp_path: Path) -> None:
    index = build([])
    index.save(tmp_path)
    for opened in (index, LexicalIndex.load(tmp_path, has_terms=False)):
        assert opened.search({"膜": 1.0}, 5) == []
        assert len(opened.doc_ids) == 0


@pytest.mark.parametrize("query", [{}, {"未见": 1.0}, {"": 1.0}])
def test_a_query_that_says_nothing_finds_nothing(query: dict[str, float]) -> None:
    index = build([["膜"], []])
    assert index.search(query, 5) == []
    assert index.contributions(query, 3) == {}


def test_none_are_returned_when_none_are_asked_for() -> None:
    assert build([["膜"]]).search({"膜": 1.0}, 0) == []


def test_what_was_saved_comes_back_and_answers_the_same(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    documents = [list(rng.choice(VOCABULARY, rng.integers(0, 9))) for _ in range(200)]
    documents = [[str(term) for term in document] for document in documents]
    index = build(documents, LexicalConfig(k1=0.9, b=0.4))
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path)
    query = {"膜": 1.0, "石墨烯": 0.5, "セラ": 2.0}
    assert loaded.has_terms
    assert loaded.search(query, 50) == index.search(query, 50)
    assert loaded.contributions(query, 3) == index.contributions(query, 3)
    assert np.array_equal(loaded.doc_ids, index.doc_ids)


@pytest.mark.parametrize("has_terms", [True, False])
def test_a_folder_that_holds_no_index_is_refused(tmp_path: Path, has_terms: bool) -> None:
    with pytest.raises(ShardError):
        LexicalIndex.load(tmp_path, has_terms=has_terms)


def test_ids_must_ascend_be_unique_and_fit_the_documents() -> None:
    for doc_ids in ([2, 1], [1, 1], [1]):
        with pytest.raises(ValueError, match="ascending"):
            LexicalIndex.build(doc_ids, [["膜"], ["烯"]], LexicalConfig())
