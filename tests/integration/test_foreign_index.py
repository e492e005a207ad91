"""Foreign documents in an index, and foreign queries to it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from corpus.model import Achievement, Kind, StoredRecord
from indexer import bridge, generation, offsets
from indexer.bridge import bridged_grams
from indexer.build import Makers, build_index, made_grams, made_passages, no_progress
from indexer.errors import ShardError
from indexer.fields import Layer
from indexer.grams import bigrams, characters
from indexer.offsets import language_offsets, offsets_of
from indexer.shard import IndexShard
from indexer.store import ShardStore
from indexer.testing import CharTokenizer, FakeEncoder
from indexer.update import IndexUpdate, Wanted, update_index
from matcher.query import Query, QueryConfig, prepare_queries
from tests.conftest import NOW_AT

KIND = Kind.ACHIEVEMENT
MAKERS = Makers(FakeEncoder(), CharTokenizer())
CHINESE = [
    Achievement(key="A1", title="催化剂载体", text="用于烟气处理，寿命长。"),
    Achievement(key="A2", title="IGBT", text="功率模块的封装工艺。"),
    Achievement(key="A3", title="钢渣微粉", text="Slag powder 的制备"),
]
FOREIGN = [
    Achievement(key="A4", title="触媒担体", text="排ガス処理に用いる触媒である。"),
    Achievement(key="A5", title="스테인리스강의 용접", text=""),
    Achievement(key="A6", title="冷却设备", text="Cooling of slag in a rotary furnace, with heat."),
]


def stored(records: Sequence[Achievement]) -> list[StoredRecord]:
    return [StoredRecord(number, record) for number, record in enumerate(records, start=1)]


def rows_of(records: Sequence[Achievement]) -> dict[int, NDArray[np.float32]]:
    made = made_passages(stored(records), MAKERS.encoder, no_progress)
    return {i: made.vectors[made.row_ids == i] for i in range(1, len(records) + 1)}


def test_chinese_documents_are_as_ever_whatever_stands_beside_them() -> None:
    rows = rows_of([*CHINESE, *FOREIGN])
    for number, record in enumerate(CHINESE, start=1):
        texts = [record.title, f"{record.title}\n{record.text}"]
        assert rows[number].tolist() == MAKERS.encoder.encode_passages(texts).tolist()
    counts = made_grams(stored(CHINESE))
    for terms, cut in ((counts.characters, characters), (counts.bigrams, bigrams)):
        for row, record in enumerate(CHINESE):
            for layer, text in ((Layer.TITLE, record.title), (Layer.OTHER, record.text)):
                assert terms.lengths[layer.number, row] == len(cut(text))
        assert set(terms.vocabulary) == {
            t.term for record in CHINESE for text in (record.title, record.text) for t in cut(text)
        }


def test_foreign_passages_are_moved_each_by_its_language() -> None:
    moves = language_offsets(MAKERS.encoder)
    rows = rows_of(FOREIGN)
    for number, record, languages in zip((1, 2, 3), FOREIGN, ("jj", "k", "ze"), strict=True):
        texts = [record.title, f"{record.title}\n{record.text}"][: len(languages)]
        plain = MAKERS.encoder.encode_passages(texts)
        names = {"j": "ja", "k": "ko", "z": "zh", "e": "en"}
        expected = [v + moves[names[c]] for v, c in zip(plain, languages, strict=True)]  # type: ignore[index]
        assert np.array_equal(rows[number], np.array(expected))


def test_nothing_is_measured_where_nothing_is_foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "offsets_of", lambda _encoder: pytest.fail("measured"))
    rows_of(CHINESE)
    prepare_queries([Query("钢渣"), Query("PLC", "控制器")], MAKERS, QueryConfig())


def test_an_encoder_is_measured_once_for_all_threads() -> None:
    class Slow(FakeEncoder):
        calls = 0
        gate = threading.Barrier(4)

        def encode_passages(
            self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
        ) -> NDArray[np.float32]:
            self.calls += 1
            return self.encode_queries(texts, progress)

    encoder = Slow("measured once")
    found: list[offsets.Offsets] = []

    def ask() -> None:
        encoder.gate.wait()
        found.append(offsets_of(encoder))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert encoder.calls == 4  # languages
    assert all(each is found[0] for each in found)


def built(folder: Path) -> ShardStore:
    store = ShardStore(folder)
    build_index(store, KIND, stored([*CHINESE, *FOREIGN]), "s", MAKERS, NOW_AT)
    return store


def best(shard: IndexShard, text: str) -> tuple[int, int]:
    """The first document by characters and by pairs."""
    ones, twos = (Counter(t.term for t in tokens) for tokens in bridged_grams(text))
    return shard.characters.search(ones, 1)[0].id, shard.bigrams.search(twos, 1)[0].id


def test_a_need_finds_the_same_thing_in_another_language(tmp_path: Path) -> None:
    shard = built(tmp_path).open(KIND, MAKERS.maker)
    assert best(shard, "不锈钢焊接") == (5, 5)
    assert best(shard, "加热炉渣") == (6, 6)
    ones = Counter(t.term for t in bridged_grams("催化剂")[0])
    assert {doc.id for doc in shard.characters.search(ones, 2)} == {1, 4}
    assert best(shard, "触媒の寿命")[0] in (1, 4)


def test_a_foreign_query_is_moved_and_a_chinese_one_is_not() -> None:
    texts = [Query("钢渣微粉", "活性低"), Query("スラグの粉", "活性が低い"), Query("触媒を使う")]
    vectors = [p.vector for p in prepare_queries(texts, MAKERS, QueryConfig())]
    move = language_offsets(MAKERS.encoder)["ja"]
    for query, vector in zip(texts, vectors, strict=True):
        assert vector is not None
        [title] = MAKERS.encoder.encode_queries([query.title])
        mixed = title
        if query.text:
            [whole] = MAKERS.encoder.encode_queries([f"{query.title}\n{query.text}"])
            mixed = 0.5 * title + 0.5 * whole
            mixed = mixed / np.linalg.norm(mixed)
        wanted = mixed if query is texts[0] else mixed + move
        assert np.array_equal(vector, wanted.astype(np.float32))


def updated(store: ShardStore) -> IndexUpdate:
    records = stored([*CHINESE, *FOREIGN])
    pairs = [(s.id, s.record.content_hash) for s in records]
    return update_index(
        store, KIND, lambda: Wanted(1, pairs),
        lambda ids: [s for s in records if s.id in set(ids)], MAKERS, NOW_AT,
    )  # fmt: skip


def test_another_glossary_makes_the_terms_anew_and_keeps_the_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = built(tmp_path)
    assert not updated(store).published
    monkeypatch.setattr(bridge, "fingerprint", lambda: "another")
    monkeypatch.setattr("indexer.bridge.gloss", lambda _text, _language: [])
    shard = store.open(KIND, MAKERS.maker)
    assert shard.lexical is None
    assert "译名表" in shard.problems[0]
    done = updated(store)
    assert (done.resegmented, done.reembedded) == (6, 0)
    shard = store.open(KIND, MAKERS.maker)
    assert shard.problems == ()
    assert shard.characters.scores({"焊": 1.0})[4] == 0.0


def test_an_index_of_another_strength_is_refused_and_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path)
    monkeypatch.setattr(offsets, "fingerprint", lambda: "another")
    generation.layout.cache_clear()
    try:
        store = ShardStore(tmp_path)
        with pytest.raises(ShardError, match="语言校正"):
            store.open(KIND, MAKERS.maker)
        assert updated(store).added == 6
        assert store.open(KIND, MAKERS.maker).problems == ()
    finally:
        generation.layout.cache_clear()
