"""Merging segments, and updates and merges that are killed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from corpus.model import Achievement
from indexer.build import Makers
from indexer.compact import MOST_SEGMENTS, compact, due
from indexer.generation import SegmentEntry
from indexer.shard import IndexShard
from indexer.testing import CharTokenizer, FakeEncoder
from tests.conftest import NOW_AT
from tests.integration.test_store import generations, killed_at_every_step, segments
from tests.integration.test_update import (
    KIND,
    World,
    assert_same_answers,
    counted,
    record,
    six_documents,
)


def entries(*sizes: tuple[int, int]) -> list[SegmentEntry]:
    """Segments of (documents, removed)."""
    return [
        SegmentEntry(f"seg-{place:032}", size, size - gone, tuple(range(gone)), {})
        for place, (size, gone) in enumerate(sizes)
    ]


def test_a_big_segment_is_left_alone_by_small_updates() -> None:
    big = (50_000, 10)
    assert due(entries(big, *[(1, 0)] * (MOST_SEGMENTS - 1))) == []
    nine = entries(big, *[(1, 0)] * MOST_SEGMENTS)
    assert {e.documents for e in due(nine)} == {1}
    assert len(due(nine)) == MOST_SEGMENTS


def test_segments_of_many_tombstones_are_written_anew() -> None:
    [chosen] = due(entries((1000, 251), (1000, 250), (4, 1)))
    assert len(chosen.removed) == 251


def test_thousands_of_updates_copy_each_document_a_few_times() -> None:
    sizes, copied = [50_000], 0
    for _ in range(5000):
        sizes.append(1)
        chosen = [e.documents for e in due(entries(*[(size, 0) for size in sizes]))]
        for size in chosen:
            sizes.remove(size)
        if chosen:
            sizes.append(sum(chosen))
            copied += sum(chosen)
        assert len(sizes) <= MOST_SEGMENTS
    assert sum(sizes) == 55_000
    assert copied < 15 * 5000
    assert 50_000 in sizes


def test_many_updates_and_compaction_stay_bounded(tmp_path: Path) -> None:
    world = six_documents(tmp_path)
    store = world.store
    for key in range(10, 40):
        world.records[key] = record(key, np.random.default_rng(key))
        world.update(store)
        compact(store, KIND, NOW_AT)
        assert len(store.open(KIND, world.makers.maker).manifest.segments) <= MOST_SEGMENTS
    assert_same_answers(world.shard(), world.rebuilt(), world.makers)
    counted(world)
    compact(store, KIND, NOW_AT, everything=True)
    assert counted(world) == (0, 0)
    assert compact(store, KIND, NOW_AT, everything=True) is None
    assert len(segments(world.folder / "live")) <= MOST_SEGMENTS + 1


def test_a_compaction_larger_than_allowed_is_left_to_others(tmp_path: Path) -> None:
    world = six_documents(tmp_path)
    for key in (1, 2, 3):
        del world.records[key]
    world.update()
    assert compact(world.store, KIND, NOW_AT, most_documents=2) is None
    assert compact(world.store, KIND, NOW_AT, most_documents=3) is not None
    assert world.shard().manifest.tombstones == 0


# -- kills -------------------------------------------------------------------------------


def start(root: Path) -> World:
    made = World(root, makers=Makers(FakeEncoder("one", 32, 40), CharTokenizer()))
    for key in range(1, 5):
        made.records[key] = record(key, np.random.default_rng(key))
    return made


def edited(root: Path) -> World:
    made = start(root)
    del made.records[1]
    made.records[2] = Achievement(key="A2", title="钢渣微粉改")
    made.records[9] = Achievement(key="A9", title="石墨烯膜新")
    return made


def update_and_compact(root: Path) -> None:
    """What the killed writers are at."""
    # The store of ``test_store`` is the folder itself, ours is one below it.
    edited(root).update()
    compact(edited(root).store, KIND, NOW_AT, everything=True)


def test_a_kill_at_any_step_of_an_update_or_a_compaction_leaves_an_index_that_answers(
    tmp_path: Path,
) -> None:
    base = tmp_path / "base"
    start(base).update()
    makers = start(base).makers
    old, new = start(tmp_path / "old").rebuilt(), edited(tmp_path / "new").rebuilt()
    killed = killed_at_every_step(base, tmp_path / "out", "update")
    assert len(killed) > 60
    states = []
    for root in killed:
        shard = World(root, makers=makers).shard()
        is_old = shard.doc_ids().tolist() == old.doc_ids().tolist()
        assert short_answers(shard, makers) == short_answers(old if is_old else new, makers)
        states.append((is_old, len(shard.manifest.segments)))
    # The old one, the updated one of two segments, the compacted one; each once, in this order.
    assert list(dict.fromkeys(states)) == [(True, 1), (False, 2), (False, 1)]
    assert states == sorted(states, key=[(True, 1), (False, 2), (False, 1)].index)
    for root in killed[::4]:
        again = edited(root)
        again.records[10] = Achievement(key="A10", title="再来一条")
        again.update()
        store = root / "live"
        there = {path.name for path in (store / KIND).iterdir()} - {"CURRENT", ".lock"}
        manifests = [json.loads((store / KIND / name).read_bytes()) for name in generations(store)]
        named = {entry["name"] for raw in manifests for entry in raw["segments"]}
        assert there == generations(store) | named


def short_answers(shard: IndexShard, makers: Makers) -> list[object]:
    """What both paths say to one query."""
    assert shard.lexical is not None
    assert shard.dense is not None
    [vector] = makers.encoder.encode_queries(["钢渣微粉膜"])
    terms = dict.fromkeys("钢渣微粉膜", 1.0)
    return [shard.lexical.search(terms, 9), shard.dense.search(vector, 9)]
