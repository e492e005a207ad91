"""An updated index answers as a rebuilt one does, whatever was edited and in whatever order."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.model import Achievement, Kind, StoredRecord
from indexer.bridge import bridged_grams
from indexer.build import Makers, build_index
from indexer.compact import compact
from indexer.errors import IndexBusyError, ShardError
from indexer.fields import Layer
from indexer.generation import Manifest, SegmentEntry
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.shard import IndexShard
from indexer.store import ShardStore
from indexer.testing import CharTokenizer, FakeEncoder
from indexer.tokenizer import Token
from indexer.update import IndexUpdate, Wanted, update_index
from tests.conftest import NOW_AT

KIND = Kind.ACHIEVEMENT
WORDS = ["钢渣", "微粉", "石墨烯", "膜", "釉面", "检测", "保鲜", "、", "activity"]
HEADINGS = ["", "。技术难题：", "。应用领域："]
FOREIGN = [
    ["鉄鋼スラグ", "の粉", "触媒", "を使う", "製造"],
    ["스테인리스강", "의 용접", "슬래그", " 필터"],
    [" slag", " powder", " heat treatment", " of furnaces", " 钢"],
]
QUERIES = ["钢渣微粉", "膜", "石墨烯膜检测，釉面", "activity", "没有", "催化剂焊接", "スラグの粉"]


class PairTokenizer(CharTokenizer):
    """Another dictionary: pairs of letters are terms."""

    fingerprint = "1" * 64

    def tokenize(self, text: str) -> list[Token]:
        letters = super().tokenize(text)
        pairs = pairwise(letters)
        return [Token(a.term + b.term, a.start, b.end) for a, b in pairs]


class CountingEncoder(FakeEncoder):
    """Remembers what it embedded."""

    def __init__(self, name: str = "fake", dimension: int = 32, window: int = 40) -> None:
        super().__init__(name, dimension, window)
        self.embedded: list[str] = []

    def encode_passages(self, texts: Sequence[str], progress: Any = None) -> Any:
        self.embedded += texts
        return super().encode_queries(texts, progress)


class CountingTokenizer(CharTokenizer):
    """Remembers how many texts it segmented."""

    segmented = 0

    def tokenize(self, text: str) -> list[Token]:
        self.segmented += 1
        return super().tokenize(text)


ENCODERS = [FakeEncoder("one", 32, 40), FakeEncoder("two", 24, 60)]
TOKENIZERS = [CharTokenizer(), PairTokenizer()]


@dataclass
class World:
    """A corpus in memory, the index that follows it, and one rebuilt from it."""

    folder: Path
    records: dict[int, Achievement] = field(default_factory=dict)
    withdrawn: dict[int, Achievement] = field(default_factory=dict)
    former: dict[int, Achievement] = field(default_factory=dict)
    makers: Makers = field(default_factory=lambda: Makers(ENCODERS[0], TOKENIZERS[0]))
    config: LexicalConfig = field(default_factory=LexicalConfig)

    @property
    def store(self) -> ShardStore:
        return ShardStore(self.folder / "live")

    def stored(self) -> list[StoredRecord]:
        return [StoredRecord(i, record) for i, record in sorted(self.records.items())]

    def update(self, store: ShardStore | None = None) -> IndexUpdate:
        return update_index(
            store or self.store, KIND,
            lambda: Wanted(1, [(s.id, s.record.content_hash) for s in self.stored()]),
            lambda ids: [StoredRecord(i, self.records[i]) for i in ids],
            self.makers, NOW_AT, config=self.config,
        )  # fmt: skip

    def rebuilt(self) -> IndexShard:
        store = ShardStore(self.folder / "rebuilt")
        build_index(store, KIND, self.stored(), "s", self.makers, NOW_AT, self.config)
        return store.open(KIND, self.makers.maker)

    def shard(self) -> IndexShard:
        return self.store.open(KIND, self.makers.maker)

    def edit(self, what: str, number: int) -> None:
        """One edit; ``number`` decides which document and which text."""
        rng = np.random.default_rng(number)
        ids = sorted(self.records)
        chosen = ids[number % len(ids)] if ids else None
        if what == "add":
            # Not always the largest id: what was withdrawn long ago comes back in the middle.
            new = int(rng.integers(1, 40))
            self.records.setdefault(new, record(new, rng))
            self.withdrawn.pop(new, None)
        elif what == "restore" and self.withdrawn:
            back = sorted(self.withdrawn)[number % len(self.withdrawn)]
            self.records[back] = self.withdrawn.pop(back)
        elif what == "dictionary":
            other = TOKENIZERS[self.makers.tokenizer is TOKENIZERS[0]]
            self.makers = Makers(self.makers.encoder, other)
        elif what == "model":
            other_encoder = ENCODERS[self.makers.encoder is ENCODERS[0]]
            self.makers = Makers(other_encoder, self.makers.tokenizer)
        elif what == "weights":
            self.config = LexicalConfig(
                k1=1.0 + number % 2, title_weight=number % 3, problem_weight=0.3 + number % 2
            )
        elif chosen is not None and what == "change":
            self.former[chosen] = self.records[chosen]
            self.records[chosen] = record(chosen, rng)
        elif what == "undo" and (changed := sorted(self.former.keys() & self.records.keys())):
            self.records[changed[0]] = self.former.pop(changed[0])
        elif chosen is not None and what == "withdraw":
            self.withdrawn[chosen] = self.records.pop(chosen)
        elif chosen is not None and what == "delete":
            del self.records[chosen]


def record(key: int, rng: np.random.Generator) -> Achievement:
    """A text of few words, so that scores tie often."""
    titles, texts = (
        FOREIGN[rng.integers(len(FOREIGN))] if rng.random() < 0.3 else WORDS for _ in range(2)
    )
    title = "".join(rng.choice(titles, rng.integers(1, 3)))
    parts = [h + "，".join(rng.choice(texts, rng.integers(0, 20))) for h in HEADINGS]
    text = "".join(part for part in parts if rng.random() < 0.7)
    return Achievement(key=f"A{key}", title=title, text=text)


def assert_same_answers(found: IndexShard, wanted: IndexShard, makers: Makers) -> None:
    """Bit for bit: ids, scores, order, coverage, contributions, windows; filtered or not."""
    ids = wanted.doc_ids()
    assert found.doc_ids().tolist() == ids.tolist()
    assert found.lexical is not None
    assert found.dense is not None
    assert wanted.lexical is not None
    assert wanted.dense is not None
    assert found.dense.rows == wanted.dense.rows == found.manifest.rows
    assert found.manifest.documents == len(ids)
    vectors = makers.encoder.encode_queries(QUERIES)
    for allowed in (None, ids[::2], ids[:1], np.append(ids[1:], 10**9)):
        for n in (1, 4, 100):
            dense = wanted.dense.search_batch(vectors, n, allowed)
            assert found.dense.search_batch(vectors, n, allowed) == dense
            for text, vector, expected in zip(QUERIES, vectors, dense, strict=True):
                terms = Counter(token.term for token in makers.tokenizer.tokenize(text))
                assert found.dense.search(vector, n, allowed) == expected
                lexical = wanted.lexical.search(terms, n, allowed)
                assert found.lexical.search(terms, n, allowed) == lexical
    for text, vector in zip(QUERIES, vectors, strict=True):
        terms = Counter(token.term for token in makers.tokenizer.tokenize(text))
        assert_same_scores(found.lexical, wanted.lexical, terms)
        ones, twos = (Counter(t.term for t in tokens) for tokens in bridged_grams(text))
        assert_same_scores(found.characters, wanted.characters, ones)
        assert_same_scores(found.bigrams, wanted.bigrams, twos)
        for doc_id in ids.tolist():
            parts = wanted.lexical.contributions(terms, doc_id)
            assert found.lexical.contributions(terms, doc_id) == parts
            assert found.best_window(vector, doc_id) == wanted.best_window(vector, doc_id)
            scores = wanted.dense.row_scores(vector, doc_id)
            assert found.dense.row_scores(vector, doc_id).tolist() == scores.tolist()
            by_layer = wanted.layer_scores(vector, doc_id)
            assert found.layer_scores(vector, doc_id) == by_layer
            assert max(by_layer.values()) == scores.max()
            assert by_layer[Layer.TITLE] == scores[0]
        exact = wanted.dense.exact_rows(vector, ids)
        for some, other in zip(found.dense.exact_rows(vector, ids), exact, strict=True):
            assert some.tolist() == other.tolist()
        for quick, other in zip(found.dense.best_scores(vector), exact, strict=True):
            np.testing.assert_allclose(quick, other, atol=1e-5)


def assert_same_scores(
    found: LexicalIndex, wanted: LexicalIndex, query: Mapping[str, float]
) -> None:
    assert found.doc_ids.tolist() == wanted.doc_ids.tolist()
    assert found.scores(query).tolist() == wanted.scores(query).tolist()
    assert found.coverage(query).tolist() == wanted.coverage(query).tolist()
    assert found.document_coverage(query).tolist() == wanted.document_coverage(query).tolist()
    some = wanted.doc_ids[::-2]
    assert found.pair_scores(query, some).tolist() == wanted.scores(query)[::-2].tolist()


edits = st.lists(
    st.tuples(
        st.sampled_from(
            ["add"] * 5 + ["change", "undo", "withdraw", "restore", "delete"] * 2
            + ["dictionary", "model", "weights", "compact", "compact everything"]
        ),
        st.integers(0, 2**31),
        st.booleans(),
    ),
    max_size=25,
)  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(edits)
def test_after_any_edits_the_rankings_are_those_of_a_rebuilt_index(
    sequence: list[tuple[str, int, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(os, "fsync"):
        world = World(Path(folder))
        for key in range(1, 8):
            world.records[key] = record(key, np.random.default_rng(key))
        world.update()
        held_open = world.store  # a process that never restarts
        for what, number, update_now in sequence:
            if what.startswith("compact"):
                compact(world.store, KIND, NOW_AT, everything=what.endswith("everything"))
            else:
                world.edit(what, number)
            if update_now:
                world.update()
                shard = held_open.open(KIND, world.makers.maker)
                assert_same_answers(shard, world.rebuilt(), world.makers)
        before = {stored.id for stored in world.stored()}
        done = world.update()
        assert done.added + done.changed + done.reused == len(before) == done.manifest.documents
        assert_same_answers(world.shard(), world.rebuilt(), world.makers)
        assert not world.update().published
        compact(world.store, KIND, NOW_AT, everything=True)
        assert_same_answers(world.shard(), world.rebuilt(), world.makers)
        assert len(world.shard().manifest.segments) <= 1
        # A compacted index is a rebuilt one, byte for byte.
        files = [
            sorted((path.split("/", 1)[1], facts) for path, facts in m.files.items())
            for m in (world.shard().manifest, world.rebuilt().manifest)
        ]
        assert files[0] == files[1]
        world.store.verify(KIND)


# -- what is made anew, and what is not ----------------------------------------------------


def six_documents(folder: Path) -> World:
    """Six documents, indexed; the makers count."""
    made = World(folder, makers=Makers(CountingEncoder(), CountingTokenizer()))
    for key in range(1, 7):
        made.records[key] = record(key, np.random.default_rng(key))
    made.update()
    return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    return six_documents(tmp_path)


def counted(world: World) -> tuple[int, int]:
    """(documents embedded, texts segmented) since the last time."""
    encoder, tokenizer = world.makers.encoder, world.makers.tokenizer
    assert isinstance(encoder, CountingEncoder)
    assert isinstance(tokenizer, CountingTokenizer)
    titles = {text.split("\n")[0] for text in encoder.embedded}
    found = len(titles), tokenizer.segmented
    encoder.embedded, tokenizer.segmented = [], 0
    return found


def test_only_what_is_new_or_changed_is_made(world: World) -> None:
    first = world.shard().manifest
    counted(world)
    world.records[9] = Achievement(key="A9", title="新的")
    world.records[2] = Achievement(key="A2", title="改过的")
    del world.records[3]
    done = world.update()
    assert (done.added, done.changed, done.removed, done.reused) == (1, 1, 1, 4)
    assert counted(world) == (2, 4)
    base, new = done.manifest.segments
    assert base.name == first.segments[0].name
    assert base.removed == (2, 3)
    assert (new.documents, done.manifest.documents, done.manifest.tombstones) == (2, 6, 2)
    assert counted(world) == (0, 0)


def test_nothing_to_do_publishes_nothing(world: World) -> None:
    name = world.store.current_name(KIND)
    done = world.update()
    assert (done.published, done.reused) == (False, 6)
    assert world.store.current_name(KIND) == name


def test_what_comes_back_unchanged_is_found_where_it_was(world: World) -> None:
    counted(world)
    gone = world.records.pop(4)
    assert world.update().removed == 1
    world.records[4] = gone
    done = world.update()
    assert (done.added, done.reused, done.manifest.tombstones) == (0, 6, 0)
    assert len(done.manifest.segments) == 1
    assert counted(world) == (0, 0)


def test_a_change_that_is_undone_is_found_where_it_was(world: World) -> None:
    before = world.records[4]
    world.records[4] = Achievement(key="A4", title="改了")
    assert world.update().changed == 1
    counted(world)
    world.records[4] = before
    done = world.update()
    assert (done.changed, done.reused, len(done.manifest.segments)) == (0, 6, 1)
    assert counted(world) == (0, 0)
    assert_same_answers(world.shard(), world.rebuilt(), world.makers)


def test_another_dictionary_segments_anew_and_keeps_the_vectors(world: World) -> None:
    counted(world)
    world.records[9] = Achievement(key="A9", title="新的")
    encoder = world.makers.encoder
    world.makers = Makers(encoder, PairTokenizer())
    assert world.shard().lexical is None  # before: switched off, and says so
    done = world.update()
    assert (done.added, done.resegmented, done.reembedded) == (1, 6, 0)
    assert isinstance(encoder, CountingEncoder)
    assert encoder.embedded == ["新的"]
    assert world.shard().problems == ()


def test_another_model_embeds_anew_and_keeps_the_terms(world: World) -> None:
    counted(world)
    tokenizer = world.makers.tokenizer
    world.makers = Makers(CountingEncoder("another"), tokenizer)
    assert world.shard().dense is None
    done = world.update()
    assert (done.added, done.resegmented, done.reembedded) == (0, 0, 6)
    assert counted(world)[1] == 0
    assert world.shard().problems == ()


def test_other_parameters_of_bm25_make_nothing_anew(world: World) -> None:
    counted(world)
    world.config = LexicalConfig(k1=0.9, title_weight=2.5, other_weight=0.0)
    done = world.update()
    assert done.published
    assert counted(world) == (0, 0)
    assert world.shard().manifest.config == world.config
    assert_same_answers(world.shard(), world.rebuilt(), world.makers)


def test_a_damaged_index_is_built_from_nothing(world: World) -> None:
    [entry] = world.shard().manifest.segments
    path = world.folder / "live" / KIND / entry.name / "dense.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ShardError):
        world.shard()
    assert world.update().added == 6
    assert_same_answers(world.shard(), world.rebuilt(), world.makers)


def test_a_record_that_changed_while_it_was_read_is_taken_as_it_is(world: World) -> None:
    world.records[7] = Achievement(key="A7", title="原来的")
    world.records[8] = Achievement(key="A8", title="撤回的")
    pairs = [(s.id, s.record.content_hash) for s in world.stored()]
    world.records[7] = Achievement(key="A7", title="后来的")
    del world.records[8]
    load = lambda ids: [StoredRecord(i, world.records[i]) for i in ids if i in world.records]  # noqa: E731
    done = update_index(world.store, KIND, lambda: Wanted(1, pairs), load, world.makers, NOW_AT)
    assert (done.added, done.manifest.documents) == (1, 7)
    assert not world.update().published
    assert_same_answers(world.shard(), world.rebuilt(), world.makers)


def test_opening_after_an_update_opens_only_the_new_segment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = world.store
    store.open(KIND, world.makers.maker)
    world.records[9] = Achievement(key="A9", title="新的")
    [_, new] = world.update().manifest.segments
    opened: list[str] = []
    from indexer.segment import Segment

    verify = Segment.verify

    def recorded(base: Path, entry: SegmentEntry) -> None:
        opened.append(entry.name)
        verify(base, entry)

    monkeypatch.setattr(Segment, "verify", staticmethod(recorded))
    assert 9 in store.open(KIND, world.makers.maker).doc_ids()
    assert opened == [new.name]


def test_a_writer_at_work_is_waited_for(world: World) -> None:
    with world.store.writing(KIND), pytest.raises(IndexBusyError, match="另一个程序"):
        world.update()
    assert isinstance(world.update().manifest, Manifest)
