"""What one process commits, the next query of every other one answers with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.schemas import RankingOut
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, RecordFilter, Status
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.testing import CharTokenizer, FakeEncoder
from indexer.update import snapshot_of
from matcher.query import Query
from matcher.scoring import ScoringModel
from matcher.testing import plain_model
from tests.conftest import NOW_AT
from tests.integration.test_update import PairTokenizer

ROOT = Path(__file__).resolve().parents[2]
KIND = Kind.ACHIEVEMENT
OPEN = plain_model(FakeEncoder())
FIRST = [
    Achievement(key="A1", title="转炉钢渣微粉", text="活化。" * 90),
    Achievement(key="A2", title="石墨烯膜"),
    Achievement(key="A3", title="骨质瓷釉面检测"),
]


class OpenServices(Services):
    """With a ranking model for the fake."""

    def ranking_model(self) -> ScoringModel:
        return OPEN


def services_with(home: Path, makers: Makers | None = None) -> Services:
    """A process's own services, with fakes for model and dictionary."""
    services = OpenServices(Settings(home=home))
    services.makers = makers or Makers(FakeEncoder(), CharTokenizer())
    return services


@contextmanager
def edited(services: Services) -> Iterator[CorpusRepository]:
    with services.writing() as session:
        yield CorpusRepository(session)


def write(services: Services, *records: Achievement) -> None:
    with edited(services) as repository:
        repository.upsert(records, NOW_AT)


def set_status(services: Services, key: str, status: Status) -> None:
    with edited(services) as repository:
        repository.set_status(KIND, key, status, NOW_AT)


def search(services: Services, text: str) -> RankingOut:
    return services.search(text, KIND, RecordFilter(), 50, Role.OFFICER)


def found(services: Services, text: str) -> dict[str, float]:
    return {match.document.id: match.score for match in search(services, text).matches}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = services_with(tmp_path)
    write(opened, *FIRST)
    for kind in Kind:
        opened.refresh_index(kind)
    yield opened
    opened.close()


@contextmanager
def reader(home: Path) -> Iterator[Any]:
    """A second process with its own services; asks it by lines, one answer a line."""
    script = f"""
import sys, json
from pathlib import Path
from tests.integration.test_live_index import search, services_with
services = services_with(Path({str(home)!r}))
for line in sys.stdin:
    ranking = search(services, line.strip())
    ids = [m.document.id for m in ranking.matches]
    print(json.dumps([ids, [m.score for m in ranking.matches], ranking.problems]), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask(text: str) -> Any:
        stdin.write(text + "\n")
        stdin.flush()
        return json.loads(stdout.readline())

    try:
        yield ask
    finally:
        stdin.close()
        assert process.wait(timeout=60) == 0
        stdout.close()


def test_another_process_sees_every_edit_at_its_next_query(services: Services) -> None:
    with reader(services.settings.home) as ask:
        assert set(ask("钢渣微粉")[0]) == {"A1", "A2", "A3"}
        write(services, Achievement(key="A4", title="钢渣微粉新法"))  # committed, not refreshed
        ids, scores, problems = ask("钢渣微粉新法")
        assert ids[0] == "A4"
        assert problems == []
        assert dict(zip(ids, scores, strict=True)) == found(services, "钢渣微粉新法")
        write(services, Achievement(key="A4", title="陶瓷", text="换了内容"))
        assert ask("陶瓷")[0][0] == "A4"
        set_status(services, "A1", Status.WITHDRAWN)
        assert "A1" not in ask("钢渣微粉")[0]
        set_status(services, "A1", Status.ACTIVE)
        assert ask("钢渣微粉")[0][0] == "A1"
        with edited(services) as repository:
            repository.delete(KIND, ["A1"])
        assert "A1" not in ask("钢渣微粉")[0]


def test_a_reader_s_answer_is_that_of_a_rebuilt_index(services: Services, tmp_path: Path) -> None:
    write(services, Achievement(key="A4", title="钢渣新法"), Achievement(key="A2", title="膜"))
    set_status(services, "A3", Status.WITHDRAWN)
    live = search(services, "钢渣膜")
    name = services.store.current_name(KIND)
    services.refresh_index(KIND, anew=True)
    assert services.store.current_name(KIND) != name
    assert search(services, "钢渣膜") == live


def test_the_manifest_names_revision_and_snapshot_of_the_corpus(services: Services) -> None:
    write(services, Achievement(key="A4", title="新"))
    search(services, "新")
    manifest = services.store.manifest(KIND)
    assert manifest is not None
    with services.repository() as repository:
        assert manifest.revision == repository.revision()
        assert manifest.snapshot == repository.snapshot(KIND)
        assert snapshot_of(list(repository.content_hashes(KIND))) == repository.snapshot(KIND)


def test_much_that_is_new_is_said_and_left_to_the_writer(services: Services) -> None:
    write(services, *[Achievement(key=f"B{i}", title=f"釉面{i}") for i in range(65)])
    name = services.store.current_name(KIND)
    for _ in range(2):
        ranking = search(services, "釉面")
        assert ranking.problems == [
            "有 65 条新记录尚未进入索引。请运行 zhitong index build。"
        ]  # fmt: skip
        assert ranking.matches[0].document.id == "A3"
    assert services.store.current_name(KIND) == name
    done = services.refresh_index(KIND)
    assert (done.added, done.reused) == (65, 3)
    assert search(services, "釉面").problems == []
    assert len(search(services, "釉面").matches) == 50


def test_a_reader_that_cannot_write_answers_from_the_old_index_and_says_so(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.indexing._READER_WAIT_S", 0.05)
    other = services_with(services.settings.home)
    write(services, Achievement(key="A4", title="钢渣新法"))
    with other.store.writing(KIND):
        for _ in range(2):
            ranking = search(services, "钢渣")
            assert "A4" not in {m.document.id for m in ranking.matches}
            [problem] = ranking.problems
            assert problem.startswith("有 1 条新记录尚未进入索引。另一个程序")
    assert "A4" in found(services, "钢渣")

    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError("No space left on device")

    write(services, Achievement(key="A5", title="钢渣再一法"))
    with monkeypatch.context() as patched:
        patched.setattr("indexer.segment.SegmentData.write", full)
        [problem] = search(services, "钢渣").problems
        assert problem.startswith("有 1 条新记录尚未进入索引。索引无法写入")
    assert "A5" in found(services, "钢渣")


def test_what_was_withdrawn_is_not_shown_from_an_index_that_still_holds_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.indexing._READER_WAIT_S", 0.05)
    assert "A1" in found(services, "钢渣微粉")
    other = services_with(services.settings.home)
    with other.store.writing(KIND):  # nobody else can bring the index up to date
        set_status(services, "A1", Status.WITHDRAWN)
        name = services.store.current_name(KIND)
        assert "A1" not in found(services, "钢渣微粉")
        assert services.store.current_name(KIND) == name
    other.close()


def test_a_change_on_the_other_side_makes_no_new_generation(services: Services) -> None:
    name = services.store.current_name(Kind.NEED)
    write(services, Achievement(key="A4", title="钢渣新法"))
    assert services.search("钢渣", Kind.NEED, RecordFilter(), 5, Role.OFFICER).problems == []
    assert services.store.current_name(Kind.NEED) == name


def test_a_changed_dictionary_is_reported_and_refreshed(services: Services) -> None:
    other = services_with(services.settings.home, Makers(FakeEncoder(), PairTokenizer()))
    achievements, needs = other.index_states()
    assert (achievements.state, achievements.stale, achievements.lag) == ("stale", 3, 0)
    assert "另一版词典" in achievements.detail
    assert needs.stale == 0
    write(other, Achievement(key="A4", title="钢渣新法"))
    # A query refreshes nothing of that size by itself, and says what is missing.
    problems = search(other, "钢渣").problems
    assert [p for p in problems if "词典" in p]
    assert [p for p in problems if "有 1 条新记录" in p]
    done = other.refresh_index(KIND)
    assert (done.added, done.reused, done.resegmented, done.reembedded) == (1, 3, 3, 0)
    assert other.index_states()[0].state == "current"
    assert search(other, "钢渣").problems == []


def test_the_state_tells_segments_tombstones_and_lag(services: Services) -> None:
    write(services, Achievement(key="A2", title="膜改"), Achievement(key="A4", title="新"))
    set_status(services, "A3", Status.WITHDRAWN)
    before = services.index_states()[0]
    assert (before.state, before.lag, before.segments, before.tombstones) == ("current", 3, 1, 0)
    assert "下一次查询时自动进入" in before.detail
    search(services, "膜")
    after = services.index_states()[0]
    # Two thirds of the first segment were removed, so it was written anew at once.
    assert (after.lag, after.segments, after.tombstones, after.documents) == (0, 2, 0, 3)
    write(services, *[Achievement(key=f"B{i}", title=f"釉面{i}") for i in range(65)])
    assert services.index_states()[0].state == "stale"


def test_searchers_never_see_a_mixture(services: Services, tmp_path: Path) -> None:
    """Each answer is that of one whole state, though a writer publishes all the while."""
    states = []
    twin = services_with(tmp_path / "twin")
    titles = [[f"钢渣{'微粉' * (i + 1)}{j}" for j in range(6)] for i in range(6)]
    for edit in titles:
        records = [Achievement(key=f"A{j}", title=title) for j, title in enumerate(edit)]
        write(twin, *records)
        twin.refresh_index(KIND)
        states.append(ranked(twin))
    twin.close()
    assert len({str(state) for state in states}) == len(states)

    home = tmp_path / "searched"
    writer = services_with(home)
    write(writer, *[Achievement(key=f"A{j}", title=t) for j, t in enumerate(titles[0])])
    writer.refresh_index(KIND)
    seen: list[Any] = []
    failed: list[BaseException] = []
    stop = threading.Event()

    def searcher() -> None:
        own = services_with(home)
        try:
            while not stop.is_set():
                seen.append(ranked(own))
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            own.close()

    threads = [threading.Thread(target=searcher) for _ in range(2)]
    for thread in threads:
        thread.start()
    with reader(home) as ask:
        for edit in titles[1:]:
            write(writer, *[Achievement(key=f"A{j}", title=t) for j, t in enumerate(edit)])
            writer.refresh_index(KIND)
            seen.append(ranked(writer))
            ids, scores, _ = ask("钢渣微粉")
            assert len(ids) == len(scores) == 6
    stop.set()
    for thread in threads:
        thread.join()
    writer.close()
    assert not failed
    assert all(answer in states for answer in seen)
    assert seen[-1] in states


def ranked(services: Services) -> list[tuple[int, float]]:
    """Ids and scores, without the texts, which the database gives."""
    with services.searching(KIND) as (repository, shard, _):
        [docs] = services.engine.rank(
            repository, [Query("钢渣微粉")], KIND, RecordFilter(), 50, shard
        )
    return [(doc.id, doc.score) for doc in docs]


def test_two_processes_write_at_once_and_both_succeed(services: Services) -> None:
    script = f"""
import sys
from pathlib import Path
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind
from tests.integration.test_live_index import services_with, write
services = services_with(Path({str(services.settings.home)!r}))
for number in range(5):
    write(services, Achievement(key=f"{{sys.argv[1]}}{{number}}", title=f"钢渣{{number}}"))
    services.refresh_index(Kind.ACHIEVEMENT)
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", script, name], cwd=ROOT, env=os.environ)
        for name in ("X", "Y")
    ]
    assert [process.wait(timeout=120) for process in writers] == [0, 0]
    ranking = search(services, "钢渣")
    assert {m.document.id for m in ranking.matches} >= {f"{n}{i}" for n in "XY" for i in range(5)}
    assert ranking.problems == []
    services.store.verify(KIND)
