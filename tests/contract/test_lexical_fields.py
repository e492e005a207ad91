"""BM25F: fields weighed when asked, single pairs, and how much of a title was asked for."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.fields import LAYERS, Layer
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.terms import TermCounts
from tests.contract.test_lexical import VOCABULARY, Fields, build, over, queries, spread

documents_of_fields = st.lists(
    st.dictionaries(
        st.sampled_from(LAYERS), st.lists(st.sampled_from(VOCABULARY), max_size=6), max_size=6
    ),
    max_size=12,
)
weights = st.sampled_from([0.0, 0.3, 1.0, 2.0, 3.7])
weighted_configs = st.builds(
    LexicalConfig,
    **{f"{layer}_weight": weights for layer in LAYERS},
)


def over_fields(documents: list[Fields], config: LexicalConfig | None = None) -> LexicalIndex:
    return over(TermCounts.build(spread(len(documents)), documents), config=config)


def repeated(document: Fields, config: LexicalConfig) -> list[str]:
    """All terms, those of a field as often as it weighs (a whole number)."""
    return [
        term
        for layer, weight in zip(LAYERS, config.weights, strict=True)
        for term in document.get(layer, []) * int(weight)
    ]


@settings(deadline=None, max_examples=100)
@given(documents_of_fields, queries, st.sampled_from([(3, 1), (0, 1), (1, 2), (2, 0)]))
def test_whole_weights_are_repeated_terms_to_the_last_bit(
    documents: list[Fields], query: dict[str, float], chosen: tuple[int, int]
) -> None:
    # (3, 1): the default, and what the index counted before it knew fields.
    config = LexicalConfig(title_weight=chosen[0], solution_weight=chosen[1])
    index, plain = (
        over_fields(documents, config),
        build([repeated(d, config) for d in documents]),
    )
    assert index.scores(query).tolist() == plain.scores(query).tolist()
    assert index.coverage(query).tolist() == plain.coverage(query).tolist()
    assert index.search(query, 9) == plain.search(query, 9)
    assert {t: index.idf(t) for t in query} == {t: plain.idf(t) for t in query}
    assert index.has_terms == plain.has_terms


def test_the_default_weighs_the_title_three_times() -> None:
    assert LexicalConfig().weights == (3.0, 1.0, 1.0, 1.0, 1.0, 1.0)


@settings(deadline=None, max_examples=100)
@given(documents_of_fields, weighted_configs, queries)
def test_any_weights_are_the_formula(
    documents: list[Fields], config: LexicalConfig, query: dict[str, float]
) -> None:
    """BM25F: the fields' weighted frequencies and lengths are added before saturation."""
    weight_of = dict(zip(LAYERS, config.weights, strict=True))
    tf = [
        {t: sum(weight_of[f] * ts.count(t) for f, ts in d.items()) for t in VOCABULARY}
        for d in documents
    ]
    lengths = [sum(frequencies.values()) for frequencies in tf]
    mean = sum(lengths) / max(len(lengths), 1) or 1.0
    found = over_fields(documents, config).scores(query)
    assert len(found) == len(documents)
    for score, frequencies, length in zip(found, tf, lengths, strict=True):
        expected = 0.0
        for term, weight in query.items():
            df = sum(other.get(term, 0) > 0 for other in tf)
            if here := frequencies.get(term, 0):
                norm = config.k1 * (1 - config.b + config.b * length / mean)
                idf = math.log(1 + (len(tf) - df + 0.5) / (df + 0.5))
                expected += weight * idf * here / (here + norm)
        assert score == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(documents_of_fields, weighted_configs, weighted_configs, queries)
def test_other_weights_act_when_asked_and_ask_for_no_other_counts(
    documents: list[Fields], config: LexicalConfig, other: LexicalConfig, query: dict[str, float]
) -> None:
    index = over_fields(documents, config)
    before = index.scores(query).tolist()
    wanted = over_fields(documents, other)
    assert index.with_config(other).scores(query).tolist() == wanted.scores(query).tolist()
    assert index.scores(query).tolist() == before


@pytest.mark.parametrize("cost", [0, 64])
@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(documents_of_fields, weighted_configs, queries, st.data())
def test_single_pairs_score_as_all_documents_do_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch,
    cost: int,
    documents: list[Fields],
    config: LexicalConfig,
    query: dict[str, float],
    data: st.DataObject,
) -> None:
    monkeypatch.setattr("indexer.lexical._SEARCH_COST", cost)
    index = over_fields(documents, config)
    scores = dict(zip(index.doc_ids.tolist(), index.scores(query).tolist(), strict=True))
    asked = data.draw(st.lists(st.sampled_from([*scores, 1, 10**9])))
    assert index.pair_scores(query, asked).tolist() == [scores.get(i, 0.0) for i in asked]


@settings(deadline=None, max_examples=150)
@given(documents_of_fields, weighted_configs, queries)
def test_document_coverage_is_the_share_of_the_title_that_was_asked_for(
    documents: list[Fields], config: LexicalConfig, query: dict[str, float]
) -> None:
    index = over_fields(documents, config)
    found = index.document_coverage(query)
    assert len(found) == len(documents)
    for share, document in zip(found.tolist(), documents, strict=True):
        title = set(document.get(Layer.TITLE, []))
        whole = sum(index.idf(term) for term in title)
        held = sum(index.idf(term) for term in title & query.keys())
        assert share == pytest.approx(held / whole if title else 0.0, abs=1e-12)
        assert 0.0 <= share <= 1.0
        assert (share == 1.0) == bool(title and title <= query.keys())


def test_a_term_of_no_weight_covers_nothing() -> None:
    index = over_fields([{Layer.TITLE: ["膜", "烯"]}, {Layer.OTHER: ["膜"]}])
    assert index.document_coverage({"膜": 0.0}).tolist() == [0.0, 0.0]
    assert index.document_coverage({"膜": 1.0, "烯": 2.0}).tolist() == [1.0, 0.0]
    assert index.document_coverage({}).tolist() == [0.0, 0.0]


def test_counts_beyond_a_byte_are_kept(tmp_path: Path) -> None:
    counts = TermCounts.build([1, 2], [{Layer.OTHER: ["膜"] * 300}, {Layer.TITLE: ["膜", "烯"]}])
    counts.save(tmp_path)
    for part in (counts, TermCounts.load(tmp_path)):
        rows, values = part.weighted((3.0, 1.0, 1.0, 1.0, 1.0, 1.0)).of("膜")
        assert (rows.tolist(), values.tolist()) == ([0, 1], [300.0, 3.0])


@settings(deadline=None, max_examples=100)
@given(documents_of_fields, weighted_configs, queries)
def test_a_document_brought_along_scores_as_if_it_stood_there_to_the_last_bit(
    documents: list[Fields], config: LexicalConfig, query: dict[str, float]
) -> None:
    index = over_fields(documents, config)
    alone = [index.document_score(query, document) for document in documents]
    assert alone == index.pair_scores(query, spread(len(documents))).tolist()
