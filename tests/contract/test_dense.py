"""Vector search against numpy: ids, order and scores."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.dense import DenseIndex, VectorRows, Vectors, similarities
from indexer.errors import ShardError
from indexer.live import LiveDocuments
from indexer.scored import ScoredDoc, top_documents

Ids = NDArray[np.int64]


def unit_rows(rng: np.random.Generator, rows: int, dimension: int) -> Vectors:
    vectors = rng.normal(size=(rows, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def make(
    rng: np.random.Generator, documents: int, dimension: int, most_rows: int = 4
) -> tuple[Ids, Vectors]:
    """Row ids (1 to ``most_rows`` rows a document, ids with gaps) and vectors."""
    ids = np.sort(rng.choice(documents * 5 + 1, documents, replace=False)).astype(np.int64)
    row_ids = np.repeat(ids, rng.integers(1, most_rows + 1, documents))
    return row_ids, unit_rows(rng, len(row_ids), dimension)


def over(*parts: VectorRows, removed: list[Ids] | None = None) -> DenseIndex:
    """An index over segments."""
    live = LiveDocuments([part.doc_ids for part in parts], removed)
    return DenseIndex(live, parts, parts[0].dimension)


def build(row_ids: Ids | list[int], vectors: Vectors) -> DenseIndex:
    """An index of one segment."""
    return over(VectorRows.build(row_ids, vectors))


def brute_force(
    row_ids: Ids, vectors: Vectors, query: Vectors, n: int, allowed: Ids | None = None
) -> list[tuple[int, float]]:
    """Best row of each allowed document, in float64, by (score descending, id ascending)."""
    best: dict[int, float] = {}
    for doc_id, vector in zip(row_ids.tolist(), vectors, strict=True):
        if allowed is None or doc_id in allowed:
            score = float(sum(vector.astype(np.float64) * query.astype(np.float64)))
            best[doc_id] = max(best.get(doc_id, -np.inf), score)
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))[:n]


def assert_same(found: list[ScoredDoc], expected: list[tuple[int, float]]) -> None:
    assert [doc.id for doc in found] == [doc_id for doc_id, _ in expected]
    assert [doc.score for doc in found] == pytest.approx([s for _, s in expected], abs=1e-12)


seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 60), st.integers(3, 70), st.integers(1, 40))
def test_search_is_brute_force(seed: int, documents: int, dimension: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, documents, dimension)
    index = build(row_ids, vectors)
    queries = unit_rows(rng, 3, dimension)
    for query, found in zip(queries, index.search_batch(queries, n), strict=True):
        assert_same(found, brute_force(row_ids, vectors, query, n))


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 60), st.integers(1, 40))
def test_vectors_of_any_length_are_brute_force(seed: int, documents: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, documents, 16)
    vectors = np.where(rng.random((len(vectors), 1)) < 0.5, vectors, vectors * 1.5 + 0.1)
    vectors = vectors.astype(np.float32)
    query = (unit_rows(rng, 1, 16)[0] + 0.2).astype(np.float32)
    assert_same(build(row_ids, vectors).search(query, n), brute_force(row_ids, vectors, query, n))


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 60), st.data())
def test_filters_are_brute_force_down_to_one_document_and_to_none(
    seed: int, documents: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, documents, 16)
    index = build(row_ids, vectors)
    kept = data.draw(st.integers(0, documents))
    allowed = np.sort(rng.choice(index.doc_ids, kept, replace=False))
    strangers = np.array([10**9, 10**12], dtype=np.int64)  # ids the index does not hold
    query = unit_rows(rng, 1, 16)[0]
    for n in (1, 7, documents + 3):
        expected = brute_force(row_ids, vectors, query, n, allowed)
        assert_same(index.search(query, n, allowed), expected)
        assert_same(index.search(query, n, np.append(allowed, strangers)), expected)


@settings(deadline=None, max_examples=100)
@given(seeds, st.integers(0, 60), st.integers(1, 3), st.integers(3, 70))
def test_titles_and_texts_of_all_documents_are_brute_force(
    seed: int, documents: int, segments: int, dimension: int
) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, documents, dimension)
    [query] = unit_rows(rng, 1, dimension)
    doc_ids = np.unique(row_ids)
    owner, gone = rng.integers(0, segments, len(doc_ids)), doc_ids[rng.random(len(doc_ids)) < 0.2]
    parts, removed = [], []
    for segment in range(segments):
        here = np.isin(row_ids, doc_ids[owner == segment])
        parts.append(VectorRows.build(row_ids[here], vectors[here]))
        removed.append(np.intersect1d(gone, doc_ids[owner == segment]))
    index = over(*parts, removed=removed)
    rows = [similarities(query, vectors[row_ids == i]) for i in index.doc_ids]
    titles = [scores[0] for scores in rows]
    texts = [scores[1:].max(initial=-2.0) if len(scores) > 1 else scores[0] for scores in rows]
    for found, wanted in zip(index.exact_rows(query, index.doc_ids), (titles, texts), strict=True):
        assert found.tolist() == wanted
    for quick, wanted in zip(index.best_scores(query), (titles, texts), strict=True):
        assert quick.dtype == np.float32
        np.testing.assert_allclose(quick, wanted, atol=1e-5)
    asked = rng.permutation(np.append(doc_ids, 10**9))[: documents // 2 + 1]
    known = dict(zip(index.doc_ids.tolist(), zip(titles, texts, strict=True), strict=True))
    for place, pair in enumerate(zip(*index.exact_rows(query, asked), strict=True)):
        expected = known.get(int(asked[place]), (np.nan, np.nan))
        np.testing.assert_array_equal(pair, expected)


def test_a_filter_reaches_the_last_document_of_many(rng: np.random.Generator) -> None:
    row_ids, vectors = make(rng, 3000, 32)
    index = build(row_ids, vectors)
    query = unit_rows(rng, 1, 32)[0]
    worst = index.search(query, 3000)[-1]
    assert index.search(query, 10, np.array([worst.id], dtype=np.int64)) == [worst]


def test_five_of_two_are_two(rng: np.random.Generator) -> None:
    vectors = unit_rows(rng, 3, 8)
    index = build([4, 4, 9], vectors)
    assert {doc.id for doc in index.search(vectors[0], 5)} == {4, 9}
    assert index.search(vectors[0], 0) == []


def test_a_result_that_faiss_pads_holds_nothing_that_the_filter_leaves_out(
    rng: np.random.Generator,
) -> None:
    """Ties make the search go deeper than there are rows that pass: FAISS fills up with -1, which
    counted from the end is the last row, here the best of all and left out."""
    vectors = unit_rows(rng, 3000, 16)
    query = vectors[-1]
    allowed = np.sort(rng.choice(2999, 400, replace=False))
    vectors[allowed] = vectors[allowed[0]]
    row_ids = np.arange(3000, dtype=np.int64)
    for n in (5, 399):
        found = build(row_ids, vectors).search(query, n, allowed)
        assert_same(found, brute_force(row_ids, vectors, query, n, allowed))


def test_many_queries_are_asked_together(rng: np.random.Generator) -> None:
    """FAISS multiplies matrices from some 334 queries on; fewer cost several times as much each
    (``eval.bench.dense_batches`` measures it)."""
    row_ids, vectors = make(rng, 1500, 384, most_rows=2)
    part = VectorRows.build(row_ids, vectors)
    flat, calls = part._flat, []

    class Recording:
        def search(self, queries: Vectors, *rest: Any, **options: Any) -> Any:
            calls.append(len(queries))
            return flat.search(queries, *rest, **options)

    part._flat = Recording()
    queries = unit_rows(rng, 1500, 384)
    found = over(part).search_batch(queries, 200)
    assert len(found) == sum(calls) == 1500
    assert min(calls) >= 400, calls


def test_a_document_with_many_rows_does_not_crowd_out_the_others(
    rng: np.random.Generator,
) -> None:
    far = unit_rows(rng, 300, 16)
    query = unit_rows(rng, 1, 16)[0]
    row_ids = np.array([1] * 2000 + list(range(2, 302)), dtype=np.int64)
    vectors = np.concatenate([np.repeat(query[None], 2000, axis=0), far])
    index = build(row_ids, vectors)
    assert_same(index.search(query, 30), brute_force(row_ids, vectors, query, 30))


@pytest.mark.parametrize("copies", [30, 700])
@pytest.mark.parametrize("n", [1, 10, 120])
def test_ties_go_to_the_smaller_id_however_many_there_are(
    rng: np.random.Generator, copies: int, n: int
) -> None:
    vectors = unit_rows(rng, 1000, 384)
    places = np.sort(rng.choice(1000, copies, replace=False))
    vectors[places] = vectors[places[0]]
    index = build(list(range(1000)), vectors)
    query = vectors[places[0]]
    expected = places[:n].tolist()
    assert [doc.id for doc in index.search(query, n)][: len(expected)] == expected
    # 1,000 queries take FAISS's matrix product, whose last bit differs from row to row.
    batch = np.repeat(query[None], 1000, axis=0)
    batch[::2] = unit_rows(rng, 500, 384)
    for found in index.search_batch(batch, n)[1::2]:
        assert [doc.id for doc in found][: len(expected)] == expected


@pytest.mark.parametrize("length", [1, 2])
def test_near_ties_are_ordered_in_float64(rng: np.random.Generator, length: int) -> None:
    query = unit_rows(rng, 1, 384)[0] * np.float32(length)
    vectors = np.repeat(query[None], 600, axis=0)
    for row in range(600):  # one unit in the last place, in one coordinate
        place = int(rng.integers(384))
        vectors[row, place] = np.nextafter(vectors[row, place], np.float32(rng.choice([-1, 1])))
    row_ids = np.arange(600, dtype=np.int64)
    index = build(row_ids, vectors)
    exact = np.array([index.row_scores(query, doc_id)[0] for doc_id in range(600)])
    assert len(np.unique(exact)) > 100
    expected = top_documents(row_ids, exact, 40)
    assert index.search(query, 40) == expected
    assert index.search_batch(np.repeat(query[None], 1000, axis=0), 40) == [expected] * 1000


@settings(deadline=None, max_examples=12)
@given(seeds, st.sampled_from([1, 3, 16, 384]), st.integers(1, 30), st.booleans())
def test_single_batch_and_partitioned_agree_to_the_last_bit(
    seed: int, dimension: int, n: int, filtered: bool
) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, 120, dimension)
    vectors[rng.integers(len(vectors), size=60)] = vectors[0]  # ties
    queries = np.concatenate([vectors[:1], unit_rows(rng, 399, dimension)])
    doc_ids = np.unique(row_ids)
    allowed = np.sort(rng.choice(doc_ids, 50, replace=False)) if filtered else None

    whole = build(row_ids, vectors)
    batch = whole.search_batch(queries, n, allowed)
    in_part = np.isin(row_ids, rng.choice(doc_ids, 60, replace=False))
    parts = [VectorRows.build(row_ids[p], vectors[p]) for p in (in_part, ~in_part)]
    cut = over(*parts)
    assert cut.search_batch(queries, n, allowed) == batch
    for row in (0, 1, 200, 399):
        assert whole.search(queries[row], n, allowed) == batch[row]
        assert cut.search(queries[row], n, allowed) == batch[row]
        found = [doc for part in parts for doc in over(part).search(queries[row], n, allowed)]
        assert sorted(found, key=lambda doc: (-doc.score, doc.id))[:n] == batch[row]


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 400), st.integers(1, 4), st.integers(1, 60), st.booleans())
def test_segments_with_removed_documents_answer_as_one_without(
    seed: int, documents: int, segments: int, n: int, filtered: bool
) -> None:
    rng = np.random.default_rng(seed)
    row_ids, vectors = make(rng, documents, 16)
    vectors[rng.integers(len(vectors), size=documents)] = vectors[0]  # ties
    doc_ids = np.unique(row_ids)
    owner = rng.integers(0, segments, len(doc_ids))
    share = rng.choice([0.0, 0.01, 0.3, 0.9])
    parts, removed = [], []
    for segment in range(segments):
        # Some documents of the other segments stand here too, with other vectors: an older state.
        old = doc_ids[(owner != segment) & (rng.random(len(doc_ids)) < share)]
        live = np.isin(row_ids, doc_ids[owner == segment])
        ids = np.concatenate([row_ids[live], old])
        order = np.argsort(ids, kind="stable")
        rows = np.concatenate([vectors[live], unit_rows(rng, len(old), 16)])
        parts.append(VectorRows.build(ids[order], rows[order]))
        removed.append(old)
    cut = over(*parts, removed=removed)
    allowed = np.sort(rng.choice(doc_ids, len(doc_ids) // 2, replace=False)) if filtered else None
    queries = np.concatenate([vectors[:1], unit_rows(rng, 30, 16)])
    whole = build(row_ids, vectors)
    assert cut.search_batch(queries, n, allowed) == whole.search_batch(queries, n, allowed)
    assert cut.search(queries[0], n, allowed) == whole.search(queries[0], n, allowed)
    assert cut.rows == len(row_ids)
    assert cut.doc_ids.tolist() == doc_ids.tolist()
    for doc_id in doc_ids[:5]:
        assert np.array_equal(cut.document_vectors(doc_id), vectors[row_ids == doc_id])


@pytest.mark.parametrize("left_out", [1, 256, 257, 2900])
def test_rows_left_out_are_few_or_many(rng: np.random.Generator, left_out: int) -> None:
    row_ids, vectors = make(rng, 3000, 24, most_rows=1)
    gone = np.sort(rng.choice(row_ids, left_out, replace=False))
    part = VectorRows.build(row_ids, vectors)
    queries = unit_rows(rng, 400, 24)
    found = over(part, removed=[gone]).search_batch(queries, 10)
    live = np.isin(row_ids, gone, invert=True)
    assert found == build(row_ids[live], vectors[live]).search_batch(queries, 10)
    assert_same(found[0], brute_force(row_ids[live], vectors[live], queries[0], 10))


def test_a_document_that_answers_from_two_segments_is_refused(rng: np.random.Generator) -> None:
    part = VectorRows.build([1, 4], unit_rows(rng, 2, 4))
    with pytest.raises(ShardError, match="自相矛盾"):
        over(part, part)
    assert over(part, part, removed=[np.array([1, 4]), np.array([], int)]).rows == 2


def test_the_shown_rows_are_those_of_the_document(rng: np.random.Generator) -> None:
    row_ids, vectors = make(rng, 50, 16)
    index = build(row_ids, vectors)
    query = unit_rows(rng, 1, 16)[0]
    for found in index.search(query, 50):
        rows = np.flatnonzero(row_ids == found.id)
        assert np.array_equal(index.document_vectors(found.id), vectors[rows])
        assert index.row_scores(query, found.id).max() == found.score
    assert len(index.row_scores(query, 10**9)) == 0


def test_what_was_saved_comes_back_and_answers_the_same(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    row_ids, vectors = make(rng, 200, 24)
    part = VectorRows.build(row_ids, vectors)
    part.save(tmp_path / "x")
    index, loaded = over(part), over(VectorRows.load(tmp_path / "x"))
    queries = unit_rows(rng, 20, 24)
    allowed = index.doc_ids[::3]
    assert loaded.search_batch(queries, 9) == index.search_batch(queries, 9)
    assert loaded.search_batch(queries, 9, allowed) == index.search_batch(queries, 9, allowed)
    assert (loaded.rows, loaded.dimension) == (len(row_ids), 24)
    assert np.array_equal(loaded.doc_ids, index.doc_ids)
    # Memory-mapped: the file's pages, not a copy of them.
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(tmp_path / "x") in maps.read_text()


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    part = VectorRows.build([], np.zeros((0, 8), dtype=np.float32))
    part.save(tmp_path / "x")
    bare = DenseIndex(LiveDocuments([]), [], 8)
    for opened in (over(part), over(VectorRows.load(tmp_path / "x")), bare):
        assert opened.search_batch(np.ones((2, 8), dtype=np.float32), 3) == [[], []]
        assert (opened.rows, opened.dimension, len(opened.doc_ids)) == (0, 8, 0)


def test_no_queries_give_no_answers(rng: np.random.Generator) -> None:
    index = build([1], unit_rows(rng, 1, 8))
    assert index.search_batch(np.zeros((0, 8), dtype=np.float32), 3) == []


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not an index")
    for name in ("x", "missing"):
        with pytest.raises(ShardError):
            VectorRows.load(tmp_path / name)


def test_ids_must_ascend_and_fit_the_rows(rng: np.random.Generator) -> None:
    vectors = unit_rows(rng, 2, 4)
    for row_ids in ([2, 1], [1]):
        with pytest.raises(ValueError, match="ascending"):
            build(row_ids, vectors)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, 5).map(float), max_size=60),
    st.integers(0, 70),
    st.randoms(use_true_random=False),
)
def test_top_documents_is_a_full_sort_cut_short(
    scores: list[float], n: int, random: Random
) -> None:
    ids = list(range(0, 3 * len(scores), 3))
    random.shuffle(ids)
    found = top_documents(np.array(ids, dtype=np.int64), np.array(scores, dtype=np.float64), n)
    pairs = sorted(zip(ids, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))[:n]
    assert [(doc.id, doc.score) for doc in found] == pairs
