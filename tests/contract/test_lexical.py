"""BM25 against the formula written out, and against the library bm25s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.errors import ShardError
from indexer.fields import LAYERS, Layer
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.live import LiveDocuments
from indexer.terms import TermCounts
from indexer.tokenizer import JiebaTokenizer

Fields = dict[Layer, list[str]]
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


def over(
    *parts: TermCounts,
    removed: list[NDArray[np.int64]] | None = None,
    config: LexicalConfig | None = None,
) -> LexicalIndex:
    """An index over segments."""
    live = LiveDocuments([part.doc_ids for part in parts], removed)
    return LexicalIndex(live, parts, config or LexicalConfig())


def counted(doc_ids: list[int], documents: list[list[str]]) -> TermCounts:
    """Term lists of no field."""
    return TermCounts.build(doc_ids, [{Layer.OTHER: terms} for terms in documents])


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
    counts = counted([3, 10], [[], []])
    counts.save(tmp_path)
    for opened in (over(counts), over(TermCounts.load(tmp_path))):
        assert not opened.has_terms
        assert opened.search({"膜": 1.0}, 5) == []
        assert opened.contributions({"膜": 1.0}, 3) == {}
        assert opened.idf("膜") == pytest.approx(math.log(1 + 2.5 / 0.5))
        assert opened.doc_ids.tolist() == [3, 10]


def test_an_index_without_documents_finds_nothing(tmp_path: Path) -> None:
    counts = counted([], [])
    counts.save(tmp_path)
    for opened in (over(counts), over(TermCounts.load(tmp_path)), over()):
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
    documents = random_documents(rng, 200)
    config = LexicalConfig(k1=0.9, b=0.4)
    counts = counted(spread(200), documents)
    counts.save(tmp_path)
    index, loaded = (over(c, config=config) for c in (counts, TermCounts.load(tmp_path)))
    query = {"膜": 1.0, "石墨烯": 0.5, "セラ": 2.0}
    assert loaded.has_terms
    assert loaded.search(query, 50) == index.search(query, 50)
    assert loaded.contributions(query, 3) == index.contributions(query, 3)
    assert np.array_equal(loaded.doc_ids, index.doc_ids)


def test_a_folder_that_holds_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError):
        TermCounts.load(tmp_path)


def test_ids_must_ascend_be_unique_and_fit_the_documents() -> None:
    for doc_ids in ([2, 1], [1, 1], [1]):
        with pytest.raises(ValueError, match="ascending"):
            counted(doc_ids, [["膜"], ["烯"]])


def random_documents(rng: np.random.Generator, count: int) -> list[list[str]]:
    return [[str(term) for term in rng.choice(VOCABULARY, rng.integers(0, 9))]
            for _ in range(count)]  # fmt: skip


def titled(document: list[str], more: Sequence[str] = ()) -> Fields:
    """The first two terms as a title, the others in the fields by turns."""
    fields: Fields = {Layer.TITLE: document[:2]}
    for place, term in enumerate([*document[2:], *more]):
        fields.setdefault(LAYERS[1 + place % 5], []).append(term)
    return fields


@settings(deadline=None, max_examples=100)
@given(documents_of_terms.filter(any), configs, queries)
def test_scores_are_those_of_bm25s(
    documents: list[list[str]], config: LexicalConfig, query: dict[str, float]
) -> None:
    oracle = bm25s.BM25(k1=config.k1, b=config.b, method="lucene", dtype="float64")
    with np.errstate(divide="ignore"):  # it divides by document frequencies it then discards
        oracle.index(documents, show_progress=False)
    known = [term for term in query if term in oracle.vocab_dict]
    weights = np.array([query[term] for term in known])
    expected = np.zeros(len(documents))
    for term, weight in zip(known, weights, strict=True):
        expected += weight * oracle.get_scores([term])
    assert build(documents, config).scores(query).tolist() == pytest.approx(
        expected.tolist(), abs=1e-9
    )


@pytest.mark.parametrize("cost", [0, 64])
@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 4), configs, queries)
def test_segments_with_removed_documents_answer_as_one_without(
    monkeypatch: pytest.MonkeyPatch,
    cost: int,
    seed: int,
    count: int,
    segments: int,
    config: LexicalConfig,
    query: dict[str, float],
) -> None:
    monkeypatch.setattr("indexer.lexical._SEARCH_COST", cost)
    rng = np.random.default_rng(seed)
    config = replace(config, title_weight=float(rng.choice([0.0, 0.3, 3.0])), problem_weight=0.7)
    documents, ids = random_documents(rng, count), np.array(spread(count), np.int64)
    owner = rng.integers(0, segments, count)
    parts, removed = [], []
    for segment in range(segments):
        # Some documents of the other segments stand here too, as they once were.
        old = (owner != segment) & (rng.random(count) < 0.3)
        here = np.flatnonzero((owner == segment) | old)
        texts = [titled(documents[i], [] if owner[i] == segment else ["旧", "膜"]) for i in here]
        parts.append(TermCounts.build(ids[here].tolist(), texts))
        removed.append(ids[old])
    cut = over(*parts, removed=removed, config=config)
    together = TermCounts.build(ids.tolist(), [titled(document) for document in documents])
    whole = over(together, config=config)
    alive = [np.isin(p.doc_ids, gone, invert=True) for p, gone in zip(parts, removed, strict=True)]
    merged = over(TermCounts.merge(zip(parts, alive, strict=True)), config=config)
    allowed = ids[rng.random(count) < 0.5]
    for index in (cut, merged):
        assert index.doc_ids.tolist() == ids.tolist()
        assert index.scores(query).tolist() == whole.scores(query).tolist()
        assert index.coverage(query).tolist() == whole.coverage(query).tolist()
        covered = whole.document_coverage(query)
        assert index.document_coverage(query).tolist() == covered.tolist()
        shuffled = rng.permutation(ids)
        assert index.pair_scores(query, shuffled).tolist() == [
            float(whole.scores(query)[np.searchsorted(ids, i)]) for i in shuffled
        ]
        assert index.search(query, 5) == whole.search(query, 5)
        assert index.search(query, 5, allowed) == whole.search(query, 5, allowed)
        assert {t: index.idf(t) for t in query} == {t: whole.idf(t) for t in query}
        for doc_id in ids.tolist():
            assert index.contributions(query, doc_id) == whole.contributions(query, doc_id)


def test_merged_counts_are_byte_for_byte_those_counted_together(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    documents, ids = random_documents(rng, 60), spread(60)
    odd = rng.random(60) < 0.5
    parts = []
    for half in (odd, ~odd):
        here = np.flatnonzero(half)
        part = TermCounts.build([ids[i] for i in here], [titled(documents[i]) for i in here])
        parts.append((part, np.ones(len(here), np.bool_)))
    gone = counted([10**6], [["只在此处"] * 300])
    parts.append((gone, np.zeros(1, np.bool_)))
    for name, counts in (
        ("merged", TermCounts.merge(parts)),
        ("together", TermCounts.build(ids, [titled(document) for document in documents])),
    ):
        (tmp_path / name).mkdir()
        counts.save(tmp_path / name)
    for path in (tmp_path / "together").iterdir():
        assert (tmp_path / "merged" / path.name).read_bytes() == path.read_bytes()


def test_words_of_the_shipped_dictionary_are_found_within_longer_ones() -> None:
    tokenizer = JiebaTokenizer()
    for query, titles in (
        ("膜", ["反渗透膜", "陶瓷膜组件"]),
        ("烯", ["石墨烯浆料", "聚丙烯薄板"]),
        ("农业", ["面向农业发展银行的系统"]),
        ("钢渣", ["转炉钢渣微粉"]),
    ):
        documents = [[t.term for t in tokenizer.tokenize(text)] for text in [*titles, "板栗保鲜"]]
        asked = dict.fromkeys((t.term for t in tokenizer.tokenize(query)), 1.0)
        found = {doc.id for doc in build(documents).search(asked, 9)}
        assert found == set(spread(len(titles))), query
