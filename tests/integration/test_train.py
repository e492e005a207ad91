"""``zhitong train``: a model from judgements, a gate, a promotion, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.services import Services
from api.settings import Settings
from corpus.model import Achievement, Need
from corpus.repository import CorpusRepository
from eval.training.ranking import Source, fit_model
from indexer.testing import FakeEncoder
from matcher.feedback import Pair, Verdict, judgement
from matcher.kept import RankingRepository
from matcher.ranking_models import GateResult
from matcher.repository import FeedbackRepository
from matcher.scoring import ScoringModel, scoring_model, shipped_model
from matcher.testing import plain_model
from tests.conftest import NOW_AT
from tests.integration.faked import use_fakes

Program = Callable[..., Result]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    """With fakes, ten needs of which each has six judged achievements."""
    use_fakes(monkeypatch, tmp_path / "home")
    monkeypatch.setattr(Services, "ranking_model", lambda _: plain_model(FakeEncoder()))
    monkeypatch.setattr("eval.training.gate.stored_names", list)
    monkeypatch.setenv("COLUMNS", "300")
    letters = [chr(0x4E00 + 37 * i) for i in range(400)]
    services = Services(Settings())
    with services.writing() as session:
        repository, feedback = CorpusRepository(session), FeedbackRepository(session)
        for i in range(10):
            title = "".join(letters[i * 40 : i * 40 + 6])
            own = [title[: 6 - j] + "".join(letters[i * 40 + 8 + 3 * j :][:5]) for j in range(6)]
            achievements = [Achievement(key=f"A{i}-{j}", title=t) for j, t in enumerate(own)]
            repository.upsert([Need(key=f"N{i}", title=title), *achievements], NOW_AT)
            for j in range(6):
                said = judgement(Verdict.GRADE, max(3 - j, 0))
                feedback.give(Pair(f"N{i}", f"A{i}-{j}"), "王工", said, NOW_AT)
    services.close()
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_feedback_becomes_a_model_that_is_promoted_and_rolled_back(
    program: Program, tmp_path: Path
) -> None:
    model, gate = tmp_path / "m.json", tmp_path / "gate.json"
    result = program("train", "--out", str(model), "--gate", str(gate))
    assert result.exit_code == 0, result.stderr
    content, report = (json.loads(path.read_text("utf-8")) for path in (model, gate))
    assert content["training"]["sets"]["feedback"]["pairs"] == 60
    assert content["training"]["prior"] == plain_model(FakeEncoder()).ranking_model.hash
    assert {each["set"] for each in report["verdicts"]} == {"feedback", "sample"}
    again = tmp_path / "again.json"
    program("train", "--out", str(again), "--gate", str(gate))
    assert again.read_bytes() == model.read_bytes()  # the same judgements, the same model
    gate.write_text(json.dumps({**report, "passed": True}), "utf-8")
    promoted = program("ranking", "promote", str(model), "--gate", str(gate), "--who", "王工")
    assert promoted.exit_code == 0, promoted.stderr
    assert report["model_hash"][:12] in promoted.stdout
    back = program("ranking", "rollback", report["model_hash"][:12], "--who", "王工")
    assert back.exit_code == 0, back.stderr


def test_nothing_to_learn_from_says_so(program: Program, tmp_path: Path) -> None:
    files = ["--out", str(tmp_path / "m.json"), "--gate", str(tmp_path / "g.json")]
    result = program("train", "--no-feedback", *files)
    assert result.exit_code == 2
    assert "没有可以学习的判定" in result.stderr
    assert not (tmp_path / "m.json").exists()


def test_a_model_for_another_encoder_is_no_beginning(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Services, "ranking_model", lambda _: shipped_model())
    files = ["--out", str(tmp_path / "m.json"), "--gate", str(tmp_path / "g.json")]
    result = program("train", *files)
    assert result.exit_code == 2
    assert "--fresh" in result.stderr
    fresh = program("train", "--fresh", *files)
    assert fresh.exit_code == 0, fresh.stderr
    assert json.loads((tmp_path / "m.json").read_text("utf-8"))["training"]["prior"] is None


def test_the_promoted_model_answers_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services = Services(Settings(home=tmp_path))
    assert services.ranking_model() is shipped_model()
    model = plain_model(FakeEncoder())
    with services.writing() as session:
        RankingRepository(session).promote(
            model.ranking_model, GateResult(True, {}), "王工", NOW_AT
        )
    other = Services(Settings(home=tmp_path))  # as another process
    assert services.ranking_model() == model == scoring_model(model.ranking_model)
    assert other.ranking_model() == model
    assert services.ranking_model() is services.ranking_model()
    with services.writing() as session:
        RankingRepository(session).rollback(model.ranking_model.hash, "王工", NOW_AT)
    assert services.ranking_model() is shipped_model()
    for each in (services, other):
        each.close()


def test_what_was_learnt_from_is_measured_on_needs_that_were_not(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the sample, which is usually measured as it is: else it would judge itself."""
    fitted: list[int] = []

    def noted(sources: Sequence[Source], prior: ScoringModel | None) -> ScoringModel:
        fitted.append(len(sources[0].qrels))
        return fit_model(sources, prior=prior)

    monkeypatch.setattr("eval.rankers.fit_model", noted)
    gate = tmp_path / "g.json"
    files = ["--out", str(tmp_path / "m.json"), "--gate", str(gate)]
    result = program("train", "sample", "--no-feedback", "--fresh", *files)
    assert result.exit_code == 0, result.stderr
    report = json.loads(gate.read_text("utf-8"))
    assert [each["set"] for each in report["verdicts"]] == ["sample"]
    assert len(fitted) == 5
    assert all(0 < needs < 72 for needs in fitted)
