"""A table of rankers over real stores: cross-validation by a toy learner, report, gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from eval.experiment import Collection, LabelledStore, Pool, Ranker, Run
from eval.labelled import GRADED_MEASURES, LabelledSet, OpenSet, read_patents, read_set
from eval.markdown import Head, experiment_report
from eval.measures import evaluate
from eval.qrels import EvalError, write_run
from eval.rankers import (
    DEFAULT,
    RANKERS,
    AnyRanker,
    FixedRanker,
    LearnedRanker,
    OnePath,
    ReciprocalRankFusion,
    RunFile,
    Training,
)
from eval.slices import slices, topics_of
from eval.table import run_table
from indexer.build import Makers
from indexer.testing import CharTokenizer, FakeEncoder
from matcher.query import Query
from tests.conftest import NOW_AT
from tests.integration.faked import use_fakes

THINGS = ("钢渣活化", "骨瓷修补", "板栗防霉", "烟气脱硝", "轧辊堆焊", "尾矿制砖", "余热发电",
          "海水淡化", "奶粉包装", "焊缝探伤")  # fmt: skip


def _labelled(name: str = "toy", *, trains: bool = True, suffix: str = "") -> LabelledSet:
    """Ten needs, each with an own right answer and a wrong one, all different from each other."""
    needs = {f"N{i}": Query(f"{t}求{t[::-1]}{suffix}") for i, t in enumerate(THINGS)}
    achievements: dict[str, Query] = {}
    qrels: dict[str, dict[str, int]] = {}
    for i, thing in enumerate(THINGS):
        achievements |= {f"A{i}": Query(f"{thing}{suffix}"), f"B{i}": Query(f"{thing[:2]}{i}号")}
        qrels[f"N{i}"] = {f"A{i}": 3, f"B{i}": 0}
    return LabelledSet(
        name,
        Collection(needs, achievements, qrels),
        Pool.JUDGED,
        GRADED_MEASURES,
        min_candidates=1,
        trains=trains,
    )


Opener = Callable[[LabelledSet], OpenSet]
DENSE = OnePath(Ranker.DENSE)


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    opened: list[LabelledStore] = []

    def open_set(labelled: LabelledSet) -> OpenSet:
        folder = tmp_path / f"store{len(opened)}"
        folder.mkdir()
        makers = Makers(FakeEncoder(), CharTokenizer())
        opened.append(LabelledStore(labelled.collection, makers, folder, NOW_AT))
        return OpenSet(labelled, opened[-1])

    yield open_set
    for store in opened:
        store.close()


@dataclass(frozen=True)
class Memory:
    """Ranks by the grades it has seen; what it has not seen is worth −1."""

    seen: Mapping[tuple[str, str], int]

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        collection = where.labelled.collection
        run: Run = {}
        for need in needs:
            scores = {
                key: float(self.seen.get((collection.needs[need].title, key), -1))
                for key in sorted(collection.qrels[need])
            }
            run[need] = sorted(scores.items(), key=lambda item: -item[1])
        return run


class Learner:
    """Learns by heart, and notes what it was given."""

    def __init__(self) -> None:
        self.given: list[Sequence[Training]] = []

    def fit(self, training: Sequence[Training]) -> FixedRanker:
        self.given.append(training)
        return Memory({
            (each.where.labelled.collection.needs[need].title, key): grade
            for each in training
            for need, grades in each.qrels.items()
            for key, grade in grades.items()
        })  # fmt: skip


class Shipped(Learner):
    """A learner that ships a model as well."""

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        return {need: [("A0", 1.0)] for need in needs}


def test_a_learner_ranks_only_what_it_has_not_seen(opener: Opener) -> None:
    where, learner = opener(_labelled()), Learner()
    table: dict[str, AnyRanker] = {DEFAULT: DENSE, "memory": learner}
    (result,) = run_table([where], table)
    ranked = result.runs["memory"]
    assert sorted(ranked) == sorted(where.labelled.collection.needs)
    # Learning by heart is worth nothing: no tested pair was among the learnt ones.
    assert all(score == -1 for docs in ranked.values() for _, score in docs)
    assert len(learner.given) == 5
    seen = [need for training in learner.given for each in training for need in each.qrels]
    assert all(seen.count(need) == 4 for need in where.labelled.collection.needs)
    assert [each.pairs.kept for each in result.fitted] == [16] * 5
    fooled = Memory({(where.labelled.collection.needs[n].title, k): g
                     for n, gs in where.labelled.collection.qrels.items()
                     for k, g in gs.items()})  # fmt: skip
    cheated = evaluate(fooled.rank(where, where.labelled.judged), where.labelled.collection.qrels)
    assert cheated.means["nDCG@10"] == 1


def test_a_set_that_does_not_train_learns_from_the_others(opener: Opener) -> None:
    source = opener(_labelled("source"))
    same = opener(_labelled("same", trains=False))
    other = opener(_labelled("other", trains=False, suffix="用于沿海港口矿石码头的自动化改造"))
    learner = Learner()
    table: dict[str, AnyRanker] = {DEFAULT: DENSE, "memory": learner}
    first, second = run_table([same, other], table)
    assert "memory" in first.left_out  # no training set at all
    assert "memory" not in second.runs
    results = run_table([source, same, other], table)
    # All needs of ``same`` are copies of what could be learnt; those of ``other`` are not.
    assert "memory" in results[1].left_out
    assert [each.pairs.near_need for each in results[1].fitted] == [20]
    assert sorted(results[2].runs["memory"]) == sorted(other.labelled.collection.needs)
    assert [each.source for each in results[2].fitted] == ["source"]


def test_a_shipped_model_answers_where_nobody_trains(opener: Opener) -> None:
    trained, plain = opener(_labelled("trained")), opener(_labelled("plain", trains=False))
    shipped = Shipped()
    results = run_table([trained, plain], {DEFAULT: shipped})
    assert len(shipped.given) == 5
    assert all(docs == [("A0", 1.0)] for docs in results[1].runs[DEFAULT].values())
    assert isinstance(shipped, LearnedRanker)
    assert not isinstance(OnePath(Ranker.DENSE), LearnedRanker)


def test_rrf_by_hand(opener: Opener) -> None:
    where = opener(_labelled())
    runs = [
        RunFile({"N0": [("A0", 9.0), ("B0", 9.0), ("A1", 1.0)]}),
        RunFile({"N0": [("A1", 3.0), ("B0", 2.0)]}),
    ]
    fused = ReciprocalRankFusion(tuple(runs)).rank(where, ["N0"])["N0"]
    assert [key for key, _ in fused] == ["B0", "A1", "A0"]
    assert dict(fused) == pytest.approx(
        {"A1": 1 / 63 + 1 / 61, "B0": 1 / 61 + 1 / 62, "A0": 1 / 61}
    )


def test_runs_made_elsewhere_are_cut_to_the_pool_and_missing_needs_count_0(opener: Opener) -> None:
    where = opener(_labelled())
    away = RunFile({"N0": [("A5", 9.0), ("B0", 8.0), ("A0", 1.0)], "other": [("x", 1.0)]})
    (result,) = run_table([where], {DEFAULT: DENSE, "away": away})
    assert result.runs["away"] == {"N0": [("B0", 8.0), ("A0", 1.0)]}
    assert len(result.evaluations["away"].missing) == 9
    report = experiment_report([result], Head("fake", "2026-11-25", 5, 1))
    assert "away 有 9 条需求没有排序结果，按 0 计。" in report
    (result,) = run_table([where], {DEFAULT: DENSE, "away": RunFile({"x": []})})
    assert result.left_out == {"away": "没有这个数据集的排序结果"}


def test_slices_of_the_sample() -> None:
    sample = read_set("sample")
    parts = slices(sample, sample.needs)
    assert {"行业门类", "技术领域", "正文长度", "合适成果的成熟度", "合适成果的语言"} <= set(parts)
    known = set(sample.needs)
    for labels in parts.values():
        assert all(len(needs) >= 5 and set(needs) <= known for needs in labels.values())
    assert set(parts["合适成果的语言"]["ja"]) < known
    assert topics_of("转炉钢渣的利用", "") == ["钢铁"]
    assert topics_of("设备升级", "有高炉一座") == []
    assert topics_of("设备升级", "有高炉和转炉各一座，骨质瓷釉料另议") == ["钢铁", "陶瓷"]


def test_patents_are_a_known_item_test(tmp_path: Path) -> None:
    row = {"patent_id": "p", "title": "钢渣", "abstract": "磨细"}
    for name in ("zh", "ja", "ko", "en", "de"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    labelled = read_patents(tmp_path)
    assert labelled.needs == ("de-p", "en-p", "ja-p", "ko-p")
    assert labelled.measures[0] == "recall@10"
    (tmp_path / "ko.jsonl").write_text(json.dumps({**row, "patent_id": "q"}), "utf-8")
    with pytest.raises(EvalError, match="q 没有中文专利"):
        read_patents(tmp_path)
    (tmp_path / "ja.jsonl").write_text("[]\n", "utf-8")
    with pytest.raises(EvalError, match="第 1 行：应有 patent_id"):
        read_patents(tmp_path)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """The command line with fakes, a data folder with one set and baselines of its own."""
    use_fakes(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("eval.baseline.FOLDER", tmp_path / "baselines")
    monkeypatch.delenv("ZHITONG_DATA", raising=False)
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    # Every need has candidates of its own: what is judged for a tested need is never learnt.
    letters = [chr(0x4E00 + 37 * i) for i in range(400)]
    needs = {f"N{i}": "".join(letters[i * 40 : i * 40 + 6]) for i in range(10)}
    titles = {f"{need}A{j:02}": title[: 6 - j // 2] + "".join(letters[i * 40 + 8 + 2 * j :][:6])
              for i, (need, title) in enumerate(needs.items()) for j in range(12)}  # fmt: skip
    for name, key, texts in (("needs", "need_id", needs),
                             ("achievements", "achievement_id", titles)):  # fmt: skip
        rows = [json.dumps({key: i, "title": text}) for i, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(rows), "utf-8")
    lines = [f"{key[:2]} 0 {key} {3 - int(key[3:]) // 3}" for key in titles]
    (folder / "qrels.txt").write_text("\n".join(lines), "utf-8")
    return lambda *arguments: CliRunner().invoke(app, ["eval", *arguments])


def test_the_experiment_command_writes_a_report(
    program: Callable[..., Result], tmp_path: Path
) -> None:
    out, given = tmp_path / "report.md", tmp_path / "away.run"
    write_run(given, {"N0": [("N0A03", 2.0), ("N0A01", 1.0)]}, "away")
    data = ["--data", str(tmp_path / "data")]
    result = program("experiment", "toy", *data, "--out", str(out), "--run", f"away={given}")
    assert result.exit_code == 0, result.stderr
    report = out.read_text("utf-8")
    assert report == result.stdout
    assert "## toy" in report
    for name in (*RANKERS, "away"):
        assert f"| {name} | " in report
    assert "没有排序结果，按 0 计" in report
    for arguments, sentence in (
        (["none"], "找不到数据集 none"),
        ([str(tmp_path)], "不是带判定的数据集"),
        (["toy", "--run", "away"], "应写成 名称=文件"),
        (["toy", "--run", f"{DEFAULT}={given}"], "已经有了"),
        (["toy", "--run", "away=/none"], "无法读取 /none"),
    ):
        refused = program("experiment", *arguments, *data, "--out", str(out))
        assert refused.exit_code == 2
        assert sentence in refused.stderr


def test_the_gate_command(
    program: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ["--data", str(tmp_path / "data")]
    refused = program("gate", "toy", *data)
    assert refused.exit_code == 2
    assert "没有 toy 的基线" in refused.stderr
    written = program("gate", "toy", *data, "--update")
    assert written.exit_code == 0, written.stderr
    path = tmp_path / "baselines" / "toy.json"
    passed = program("gate", *data)
    assert passed.exit_code == 0, passed.stderr
    assert "通过" in passed.stdout
    stored = json.loads(path.read_text("utf-8"))
    better = dict.fromkeys(stored["values"], 1.0)
    monkeypatch.setattr("eval.baseline.RANKERS", {DEFAULT: Worst()})
    path.write_text(json.dumps({**stored, "values": better}), "utf-8")
    failed = program("gate", *data)
    assert failed.exit_code == 1
    assert "质量下降超出了偶然波动，不能通过" in failed.stderr
    skipped = program("gate")
    assert skipped.exit_code == 0
    assert "跳过 toy" in skipped.stderr
    assert [each.name for each in path.parent.iterdir()] == ["toy.json"]


class Worst:
    """The right answer last."""

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        qrels = where.labelled.collection.qrels
        return {n: [(k, -float(g)) for k, g in sorted(qrels[n].items(), key=lambda i: i[1])]
                for n in needs}  # fmt: skip
