"""A running server answers with what another process has just committed; a real model's index
ranks the same after an update as after a rebuild."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx

from api.services import Services
from api.settings import Settings
from corpus.model import Achievement, Kind, Need
from corpus.repository import CorpusRepository
from indexer.build import Makers
from matcher.query import Query, QueryConfig, prepare_queries
from tests.acceptance.conftest import ROOT, Run, serving, token_header
from tests.conftest import NOW_AT

SAMPLE = ROOT / "corpus" / "resources" / "sample"
OLD = Achievement(key="L1", title="转炉钢渣微粉活化技术", text="使钢渣微粉用作水泥掺合料。")
NEW = Achievement(key="L2", title="焦化废水深度处理", text="臭氧催化氧化，出水回用。")


def served_ids(client: httpx.Client, text: str) -> list[str]:
    answer = client.get("/api/v1/search", params={"q": text}).json()
    assert answer["problems"] == []
    return [match["document"]["id"] for match in answer["matches"]]


def test_a_running_server_sees_edits_and_withdrawals_of_another_process(
    run: Run, tmp_path: Path, model_cache: Path
) -> None:
    home = tmp_path / "home"
    writer = Services(Settings(home=home))  # never loads a model, never touches the index
    with writer.writing() as session:
        CorpusRepository(session).upsert([OLD, Need(key="N1", title="废水回用")], NOW_AT)
    built = run("index", "build", "--json", home=home)
    assert built.returncode == 0, built.stderr
    facts = json.loads(built.stdout)[0]
    assert (facts["kind"], facts["documents"], facts["added"]) == ("achievement", 1, 1)
    assert facts["elapsed_s"] > 0
    assert facts["peak_memory_mib"] > 50
    header = token_header(run, home)
    with serving(home, model_cache) as client:
        client.headers.update(header)
        assert served_ids(client, "焦化废水处理") == []
        with writer.writing() as session:
            CorpusRepository(session).upsert([NEW], NOW_AT)
        assert served_ids(client, "焦化废水处理")[:1] == ["L2"]
        [state, _] = client.get("/api/v1/system/indexes").json()
        assert (state["documents"], state["segments"], state["lag"]) == (2, 2, 0)
        with writer.writing() as session:
            changed = replace(NEW, title="骨质瓷釉面缺陷检测", text="")
            CorpusRepository(session).upsert([changed], NOW_AT)
        assert served_ids(client, "釉面缺陷检测")[:1] == ["L2"]
        with writer.writing() as session:
            CorpusRepository(session).delete(Kind.ACHIEVEMENT, ["L2"])
        assert served_ids(client, "釉面缺陷检测") == []
        assert client.get("/readyz").status_code == 200
    with writer.writing() as session:
        CorpusRepository(session).upsert([NEW], NOW_AT)
    writer.close()
    shown = run("index", "build", home=home).stdout
    assert "2 条记录，4 个向量，2 段；新增 1，修改 0，移除 0，沿用 1" in shown
    shown = run("index", "compact", home=home).stdout
    assert "成果索引已合并：2 条记录，1 段" in shown
    assert "需求索引不需要合并" in shown
    status = run("index", "status", "--json", home=home)
    assert status.returncode == 0
    [state, _] = json.loads(status.stdout)
    assert [state[key] for key in ("segments", "tombstones", "stale", "lag")] == [1, 0, 0, 0]


def test_a_real_model_s_index_ranks_after_an_update_as_after_a_rebuild(
    tmp_path: Path, makers: Makers
) -> None:
    """Vectors may differ in their last bits by the company they were embedded in."""
    services = Services(Settings(home=tmp_path))
    services.makers = makers
    lines = (SAMPLE / "achievements.jsonl").read_text("utf-8").splitlines()[:24]
    rows = [json.loads(line) for line in lines]
    records = [
        Achievement(key=row["achievement_id"], title=row["title"], text=row["text"]) for row in rows
    ]
    half = records[::2]
    for part in (half, records):
        with services.writing() as session:
            CorpusRepository(session).upsert(part, NOW_AT)
        done = services.refresh_index(Kind.ACHIEVEMENT)
    assert (done.added, done.reused) == (len(records) - len(half), len(half))
    lines = (SAMPLE / "needs.jsonl").read_text("utf-8").splitlines()[:12]
    needs = [json.loads(line) for line in lines]
    queries = [Query(need["title"], need.get("text", "")) for need in needs]
    updated = dense_rankings(services, queries)
    services.refresh_index(Kind.ACHIEVEMENT, anew=True)
    rebuilt = dense_rankings(services, queries)
    services.close()
    for found, wanted in zip(updated, rebuilt, strict=True):
        scores = dict(wanted)
        assert found.keys() == scores.keys()
        assert all(abs(found[i] - scores[i]) <= 1e-5 for i in scores)
        # The same order, but for documents that are equally good to within that.
        order = sorted(found, key=lambda i: (-found[i], i))
        for better, worse in pairwise(order):
            assert scores[better] >= scores[worse] - 1e-5


def dense_rankings(services: Services, queries: Sequence[Query]) -> list[dict[int, float]]:
    """For each query the score of every document by meaning."""
    shard = services.store.open(Kind.ACHIEVEMENT, services.makers.maker)
    assert shard.dense is not None
    found = []
    for query in prepare_queries(queries, services.makers, QueryConfig()):
        assert query.vector is not None
        found.append({doc.id: doc.score for doc in shard.dense.search(query.vector, 1000)})
    return found
