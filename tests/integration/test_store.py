"""Publishing, opening and surviving damage, kills and other programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from corpus.model import Achievement, Kind, StoredRecord
from indexer.build import Makers, build_index
from indexer.dense import VectorRows
from indexer.errors import ShardError
from indexer.fields import Layer
from indexer.generation import FORMAT_VERSION, Manifest, generation_name
from indexer.scored import ScoredDoc
from indexer.shard import IndexShard
from indexer.store import ShardStore
from indexer.testing import CharTokenizer, FakeEncoder
from tests.conftest import NOW_AT

ROOT = Path(__file__).resolve().parents[2]
KIND = Kind.ACHIEVEMENT
MAKERS = Makers(FakeEncoder(), CharTokenizer())
TITLES = ["转炉钢渣微粉", "石墨烯膜", "骨质瓷釉面检测", "板栗保鲜"]


class OtherTokenizer(CharTokenizer):
    """The same terms under another dictionary's name."""

    fingerprint = "0" * 64


def records(titles: list[str]) -> list[StoredRecord]:
    return [
        StoredRecord(place, Achievement(key=f"A{place}", title=title, text=f"{title}的说明。" * 60))
        for place, title in enumerate(titles, start=1)
    ]


def build(root: Path, titles: list[str], snapshot: str = "one") -> Manifest:
    return build_index(ShardStore(root), KIND, records(titles), snapshot, MAKERS, NOW_AT)


def answers(shard: IndexShard, text: str = "钢渣") -> list[list[ScoredDoc]]:
    """What both paths say, the paths that are switched off being empty."""
    lexical = shard.lexical.search(dict.fromkeys(text, 1.0), 9) if shard.lexical else []
    vector = MAKERS.encoder.encode_queries([text])[0]
    return [lexical, shard.dense.search(vector, 9) if shard.dense else []]


def reopened(root: Path, makers: Makers = MAKERS) -> IndexShard:
    return ShardStore(root).open(KIND, makers.maker)


def generations(root: Path) -> set[str]:
    return {path.name for path in (root / KIND).glob("gen-*")}


def segments(root: Path) -> set[str]:
    return {path.name for path in (root / KIND).glob("seg-*")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published index; tests that damage it take a copy."""
    root = tmp_path_factory.mktemp("built")
    build(root, TITLES)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "store"))


def generation(root: Path) -> Path:
    """The file that names the segments which answer."""
    name = ShardStore(root).current_name(KIND)
    assert name is not None
    return root / KIND / name


def segment(root: Path) -> Path:
    """The folder of the one segment that a build makes."""
    [entry] = json.loads(generation(root).read_text("utf-8"))["segments"]
    return root / KIND / str(entry["name"])


def republish(root: Path, content: bytes) -> None:
    """Make a file with this content the current generation, under its right name."""
    name = generation_name(content)
    (root / KIND / name).write_bytes(content)
    (root / KIND / "CURRENT").write_text(name + "\n", "ascii")


# -- publishing --------------------------------------------------------------------------


def test_a_published_index_opens_in_another_store(root: Path) -> None:
    shard = reopened(root)
    lexical, dense = answers(shard)
    assert lexical[0].id == dense[0].id == 1
    assert shard.problems == ()
    assert shard.doc_ids().tolist() == [1, 2, 3, 4]
    manifest = ShardStore(root).verify(KIND)
    assert manifest == ShardStore(root).manifest(KIND) == shard.manifest
    assert (manifest.documents, manifest.snapshot, manifest.kind) == (4, "one", "achievement")
    assert manifest.built_at == NOW_AT.isoformat()


def test_the_best_window_is_a_span_of_the_text(tmp_path: Path) -> None:
    text = "前言。" * 200 + "钢渣磨细" * 20
    stored = [StoredRecord(5, Achievement(key="A", title="装置", text=text))]
    build_index(ShardStore(tmp_path), KIND, stored, "s", MAKERS, NOW_AT)
    shard = reopened(tmp_path)
    window = shard.best_window(MAKERS.encoder.encode_queries(["钢渣磨细" * 9])[0], 5)
    assert window is not None
    assert "钢渣磨细" in text[slice(*window)]
    assert shard.best_window(MAKERS.encoder.encode_queries(["装置"])[0], 5) is None
    assert shard.best_window(MAKERS.encoder.encode_queries(["装置"])[0], 6) is None


def test_a_window_stays_within_its_field(tmp_path: Path) -> None:
    problem, use = f"技术难题：{'钢渣磨细能耗高。' * 8}", f"应用领域：{'水泥与混凝土。' * 8}"
    stored = [StoredRecord(5, Achievement(key="A", title="装置", text=problem + use))]
    stored.append(StoredRecord(6, Achievement(key="B", title="水泥")))
    build_index(ShardStore(tmp_path), KIND, stored, "s", MAKERS, NOW_AT)
    shard = reopened(tmp_path)
    [vector] = MAKERS.encoder.encode_queries([use])
    assert shard.best_window(vector, 5) == (len(problem), len(problem + use))
    scores = shard.layer_scores(vector, 5)
    assert set(scores) == {Layer.TITLE, Layer.PROBLEM, Layer.APPLICATION}
    assert max(scores, key=scores.__getitem__) is Layer.APPLICATION
    assert set(shard.layer_scores(vector, 6)) == {Layer.TITLE}
    assert shard.dense is not None
    titles, texts = shard.dense.exact_rows(vector, [6, 5])
    assert titles.tolist() == [shard.layer_scores(vector, i)[Layer.TITLE] for i in (6, 5)]
    assert texts.tolist() == [titles[0], scores[Layer.APPLICATION]]
    assert shard.layer_scores(vector, 7) == {}
    other = reopened(tmp_path, Makers(FakeEncoder("another"), CharTokenizer()))
    assert other.layer_scores(vector, 5) == {}


def test_part_of_a_word_is_found_where_no_dictionary_has_it(tmp_path: Path) -> None:
    build(tmp_path, ["真空电渣重熔", "电炉废渣", "石墨烯膜"])
    shard = reopened(tmp_path)
    [found] = shard.bigrams.search({"电渣": 1.0}, 9)
    assert found.id == 1
    assert {doc.id for doc in shard.characters.search({"电": 1.0, "渣": 1.0}, 9)} == {1, 2}
    other = reopened(tmp_path, Makers(FakeEncoder(), OtherTokenizer()))
    assert other.lexical is None
    assert other.bigrams.search({"电渣": 1.0}, 9) == [found]


def test_an_index_of_no_records_answers_nothing(tmp_path: Path) -> None:
    manifest = build(tmp_path, [])
    assert (manifest.documents, manifest.rows, manifest.segments) == (0, 0, ())
    assert answers(reopened(tmp_path)) == [[], []]


def test_records_without_a_term_are_still_found_by_meaning(tmp_path: Path) -> None:
    build(tmp_path, ["、、", "——"])
    stored = [StoredRecord(1, Achievement(key="A", title="、、"))]
    build_index(ShardStore(tmp_path), KIND, stored, "s", MAKERS, NOW_AT)
    lexical, dense = answers(reopened(tmp_path))
    assert (lexical, [doc.id for doc in dense]) == ([], [1])


def test_without_an_index_the_message_says_what_to_do(tmp_path: Path) -> None:
    store = ShardStore(tmp_path)
    assert store.manifest(KIND) is None
    for ask in (lambda: store.open(KIND, MAKERS.maker), lambda: store.verify(KIND)):
        with pytest.raises(ShardError, match="zhitong index build"):
            ask()


def test_the_same_generation_is_opened_once(root: Path) -> None:
    store = ShardStore(root)
    assert store.open(KIND, MAKERS.maker) is store.open(KIND, MAKERS.maker)


def test_the_kinds_are_kept_apart(root: Path) -> None:
    with pytest.raises(ShardError, match="还没有需求索引"):
        ShardStore(root).open(Kind.NEED, MAKERS.maker)
    shutil.copytree(root / KIND, root / Kind.NEED)
    for ask in (
        lambda: ShardStore(root).open(Kind.NEED, MAKERS.maker),
        lambda: ShardStore(root).manifest(Kind.NEED),
        lambda: ShardStore(root).verify(Kind.NEED),
    ):
        with pytest.raises(ShardError, match="另一类记录"):
            ask()


def test_what_another_process_publishes_is_seen_without_a_restart(root: Path) -> None:
    store = ShardStore(root)
    before = store.open(KIND, MAKERS.maker)
    old_answers = answers(before)
    script = f"""
from pathlib import Path
from tests.integration.test_store import build
build(Path({str(root)!r}), ["釉面钢渣"], "two")
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    after = store.open(KIND, MAKERS.maker)
    assert after.manifest.snapshot == "two"
    assert [doc.id for doc in answers(after)[0]] == [1]
    # A request that still holds the old generation ends with it.
    assert answers(before) == old_answers


def test_only_the_generation_before_the_current_one_is_kept(root: Path) -> None:
    first = {generation(root).name, segment(root).name}
    build(root, TITLES[:2], "two")
    second = {generation(root).name, segment(root).name}
    assert generations(root) | segments(root) == first | second
    build(root, TITLES[:3], "three")
    third = {generation(root).name, segment(root).name}
    assert generations(root) | segments(root) == second | third


def test_every_file_is_on_the_disk_before_the_pointer_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    at_the_switch: set[int] = set()
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def recorded_replace(path: Path, target: Path) -> Path:
        at_the_switch.update(synced)
        assert path.stat().st_ino in synced
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    build(tmp_path, TITLES)
    folder = segment(tmp_path)
    needed = {folder.parent, folder, *folder.rglob("*"), generation(tmp_path)}
    assert len(needed) > 9
    assert {path.stat().st_ino for path in needed} <= at_the_switch


def test_two_writers_do_not_meet(root: Path) -> None:
    store, other = ShardStore(root), ShardStore(root)
    refused: list[str] = []

    def second_writer() -> None:
        try:
            build(root, TITLES)
        except ShardError as error:
            refused.append(str(error))

    with store.writing(KIND) as folder:
        with pytest.raises(ShardError, match="另一个程序"), other.writing(KIND):
            pass
        thread = threading.Thread(target=second_writer)
        thread.start()
        thread.join()
        assert len(refused) == 1
        with other.writing(Kind.NEED):  # the other index is free
            pass
        assert folder.is_dir()  # and nobody cleaned up under the first writer
    build(root, TITLES[:1], "after")
    assert reopened(root).manifest.snapshot == "after"


def test_a_writer_whose_disk_is_full_leaves_nothing_behind(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = generation(root), segments(root)

    def full(_self: VectorRows, _path: Path) -> None:
        assert list((root / KIND).glob(".building-*/seg-*/lexical/rows.npy"))  # it was at work
        raise OSError("no space left on device")

    monkeypatch.setattr(VectorRows, "save", full)
    with pytest.raises(OSError, match="no space"):
        build(root, TITLES, "two")
    assert not list((root / KIND).glob(".building-*"))
    assert (generation(root), segments(root)) == before


def test_a_writer_that_fails_leaves_nothing_behind(root: Path) -> None:
    before = generation(root)

    class FailingEncoder(FakeEncoder):
        def windows(self, text: str, prefix: str = "") -> list[tuple[int, int]]:
            assert list((root / KIND).glob(".building-*"))  # it was at work
            raise RuntimeError("out of memory")

    makers = Makers(FailingEncoder(), CharTokenizer())
    with pytest.raises(RuntimeError, match="out of memory"):
        build_index(ShardStore(root), KIND, records(TITLES), "two", makers, NOW_AT)
    assert not list((root / KIND).glob(".building-*"))
    assert generation(root) == before


# -- damage ------------------------------------------------------------------------------


def files_of(root: Path) -> list[str]:
    """Every file a reader depends on, relative to the folder of the kind."""
    folder = segment(root)
    inside = [p.relative_to(root / KIND) for p in folder.rglob("*") if p.is_file()]
    return sorted(["CURRENT", generation(root).name, *(path.as_posix() for path in inside)])


def refused_everywhere(root: Path) -> None:
    with pytest.raises(ShardError, match="zhitong index build"):
        reopened(root)
    with pytest.raises(ShardError, match="zhitong index build"):
        ShardStore(root).verify(KIND)


def test_there_are_as_many_files_as_the_damage_tests_expect(root: Path) -> None:
    names = {name.rpartition("/")[2] for name in files_of(root)}
    assert {"CURRENT", generation(root).name, "hashes.npy", "dense.faiss", "windows.npy"} < names
    assert {"doc_ids.npy", "vocabulary.json", "rows.npy", "counts.npy", "lengths.npy"} < names
    assert len(files_of(root)) >= 23
    assert {name.split("/")[1] for name in files_of(root) if name.count("/") > 1} == {
        "lexical",
        "grams",
    }


def test_every_file_cut_short_is_noticed(root: Path) -> None:
    for name in files_of(root):
        path = root / KIND / name
        whole = path.read_bytes()
        offsets = {len(whole) * tenth // 9 for tenth in range(9)} | {len(whole) - 1}
        for offset in sorted(offsets):
            path.write_bytes(whole[:offset])
            refused_everywhere(root)
        path.write_bytes(whole)
        assert answers(reopened(root))[0], "whole again"


def test_one_flipped_byte_is_noticed(root: Path) -> None:
    for name in files_of(root):
        path = root / KIND / name
        whole = path.read_bytes()
        for place in {0, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            refused_everywhere(root)
        path.write_bytes(whole)
    reopened(root)


def test_a_flipped_byte_anywhere_in_the_manifest_or_the_pointer_is_noticed(root: Path) -> None:
    store = ShardStore(root)
    for path in (generation(root), root / KIND / "CURRENT"):
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(ShardError, match="zhitong index build"):
                store.manifest(KIND)
            if place % 100 == 0:
                refused_everywhere(root)
        path.write_bytes(whole)
    assert answers(reopened(root))[0], "whole again"


def test_two_generations_files_do_not_mix(root: Path) -> None:
    old = segment(root)
    build(root, [*TITLES, "第五"], "two")
    shutil.copy(old / "dense.faiss", segment(root) / "dense.faiss")
    refused_everywhere(root)


def test_surplus_and_missing_files_are_noticed(root: Path) -> None:
    surplus = segment(root) / "lexical" / "extra.npy"
    surplus.write_text("x")
    refused_everywhere(root)
    surplus.unlink()
    reopened(root)
    for name in files_of(root):
        path = root / KIND / name
        path.rename(root / "aside")
        refused_everywhere(root)
        (root / "aside").rename(path)
    reopened(root)


@pytest.mark.parametrize(
    "pointer",
    ["", "gen-x\n", "../../etc\n", "gen-" + "0" * 32 + "\n", f"gen-{'0' * 64}.json\n", "\xff"],
)
def test_a_pointer_to_nowhere_is_noticed(root: Path, pointer: str) -> None:
    (root / KIND / "CURRENT").write_text(pointer, "latin-1")
    refused_everywhere(root)
    with pytest.raises(ShardError):
        ShardStore(root).manifest(KIND)
    build(root, TITLES, "again")
    assert reopened(root).manifest.snapshot == "again"


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": FORMAT_VERSION + 1},
        {"format_version": None},
        {"surplus": 1},
        {"segments": [{}]},
        {"segments": [{"name": "../elsewhere", "removed": [], "files": {}}]},
        {"maker": {}},
        {"config": {"k1": 1, "title": 2}},
    ],
)
def test_a_manifest_of_another_format_is_refused(root: Path, change: dict[str, object]) -> None:
    raw = json.loads(generation(root).read_text("utf-8"))
    republish(root, json.dumps({**raw, **change}).encode())
    refused_everywhere(root)
    with pytest.raises(ShardError):
        ShardStore(root).manifest(KIND)


def test_another_format_names_both_versions(root: Path) -> None:
    raw = json.loads(generation(root).read_text("utf-8"))
    republish(root, json.dumps({**raw, "format_version": 99}).encode())
    with pytest.raises(ShardError, match=f"99.*{FORMAT_VERSION}"):
        reopened(root)


def test_another_cut_into_fields_is_refused(root: Path) -> None:
    raw = json.loads(generation(root).read_text("utf-8"))
    republish(root, json.dumps({**raw, "layout": "0" * 64}).encode())
    refused_everywhere(root)
    with pytest.raises(ShardError, match="另一版规则"):
        reopened(root)


# -- other makers ------------------------------------------------------------------------


def test_another_model_of_the_same_dimension_switches_the_dense_path_off(root: Path) -> None:
    other = Makers(FakeEncoder("another"), CharTokenizer())
    assert other.encoder.dimension == MAKERS.encoder.dimension
    shard = reopened(root, other)
    assert shard.dense is None
    assert [text for text in shard.problems if "fake" in text and "another" in text]
    assert answers(shard) == [answers(reopened(root))[0], []]
    assert shard.doc_ids().tolist() == [1, 2, 3, 4]
    assert shard.best_window(MAKERS.encoder.encode_queries(["膜"])[0], 1) is None


def test_another_dictionary_switches_the_lexical_path_off(root: Path) -> None:
    shard = reopened(root, Makers(FakeEncoder(), OtherTokenizer()))
    assert shard.lexical is None
    assert [text for text in shard.problems if "词典" in text]
    assert answers(shard) == [[], answers(reopened(root))[1]]
    assert shard.doc_ids().tolist() == [1, 2, 3, 4]


def test_with_another_model_and_another_dictionary_nothing_answers(root: Path) -> None:
    with pytest.raises(ShardError, match=r"模型.*词典"):
        reopened(root, Makers(FakeEncoder("another"), OtherTokenizer()))


def test_one_store_serves_two_makers(root: Path) -> None:
    store = ShardStore(root)
    other = Makers(FakeEncoder("another"), CharTokenizer())
    for _ in range(2):
        assert store.open(KIND, MAKERS.maker).dense is not None
        assert store.open(KIND, other.maker).dense is None


# -- kills -------------------------------------------------------------------------------

# Kills itself at its n-th touch of files (just after opening one, before making, renaming,
# removing or flushing), for n = 1, 2, … (or 1, 6, …) until a build comes through; each on a
# copy of its own.
KILLED_WRITERS = """
import os, shutil, signal, sys
from pathlib import Path
from tests.integration import test_compaction, test_store

base, out = Path(sys.argv[1]), Path(sys.argv[2])
write, step = {
    "rebuild": (test_store.rebuild, 1),
    "update": (test_compaction.update_and_compact, 5),
}[sys.argv[3]]
EVENTS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}

def child(root, n):
    touched = 0
    def touch():
        nonlocal touched
        touched += 1
        if touched == n:
            os.kill(os.getpid(), signal.SIGKILL)
    def after_call(frame, event, function):
        if event == "c_return" and function.__name__ == "open":
            touch()
    # Counted but not done: what a killed process wrote is in the system's memory all the same.
    os.fsync = lambda descriptor: touch()
    sys.addaudithook(lambda event, args: touch() if event in EVENTS else None)
    sys.setprofile(after_call)
    write(root)

n = 1 - step
while True:
    n += step
    root = shutil.copytree(base, out / f"{n:03}" / "store")
    pid = os.fork()
    if pid == 0:
        child(root, n)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
    assert os.WTERMSIG(status) == signal.SIGKILL
"""


def rebuild(root: Path) -> None:
    """What the killed writers are at."""
    build(root, TITLES[:3], "two")


def killed_at_every_step(root: Path, out: Path, what: str) -> list[Path]:
    """Stores left by writers killed at every step; the last writer was not killed."""
    command = [sys.executable, "-c", KILLED_WRITERS, str(root), str(out), what]
    subprocess.run(command, check=True, cwd=ROOT)
    return sorted(out.glob("*/store"))


@pytest.fixture(scope="module")
def killed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Stores in which a rebuild was killed."""
    base = tmp_path_factory.mktemp("kill")
    root = Path(shutil.copytree(built, base / "store"))
    build(root, TITLES, "one again")  # so that there is an old generation to be cleaned away
    return killed_at_every_step(root, base / "out", "rebuild")


def test_a_kill_at_any_step_leaves_an_index_that_answers(killed: list[Path]) -> None:
    assert len(killed) > 40
    old, new = answers(reopened(killed[0])), answers(reopened(killed[-1]))
    assert old != new
    published = [reopened(root).manifest.snapshot for root in killed]
    # The switch happens once: the old one answers up to it, the new one after it.
    switch = published.index("two")
    assert published == ["one again"] * switch + ["two"] * (len(killed) - switch)
    assert 0 < switch < len(killed) - 1
    for root, snapshot in zip(killed, published, strict=True):
        assert answers(reopened(root)) == (new if snapshot == "two" else old)


def test_after_a_kill_the_next_build_succeeds_and_cleans_up(killed: list[Path]) -> None:
    left_over = 0
    for root in killed:
        left_over += len(list((root / KIND).glob(".building-*")))
        before = generation(root).name
        build(root, TITLES[:1], "three")
        assert reopened(root).manifest.snapshot == "three"
        assert generations(root) == {before, generation(root).name}
        others = {p.name for p in (root / KIND).iterdir()} - generations(root) - segments(root)
        assert others <= {"CURRENT", ".lock"}
        manifests = [json.loads(path.read_bytes()) for path in (root / KIND).glob("gen-*")]
        assert segments(root) == {s["name"] for raw in manifests for s in raw["segments"]}
    assert left_over > 20  # the kills did hit writers at work


def test_a_killed_writer_does_not_keep_the_lock(root: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from corpus.model import Kind
from indexer.store import ShardStore
with ShardStore(Path({str(root)!r})).writing(Kind.ACHIEVEMENT):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list((root / KIND).glob(".building-*"))
    build(root, TITLES, "after")
    assert not list((root / KIND).glob(".building-*"))
