"""A judgement keeps what it rested on: explained exactly and replayed, whatever changes later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api import feedback
from api.cli import app
from api.clock import now_at
from api.evidence import explained, proposal, replayed
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Kind, Need
from corpus.repository import CorpusRepository
from indexer.testing import FakeEncoder
from matcher.engine import MatchConfig
from matcher.feedback import Pair, Verdict, judgement
from matcher.kept import EvidenceRepository
from matcher.scoring import Weight
from matcher.testing import plain_model
from tests.integration.faked import use_fakes

NEED = Need(key="N1", title="冷轧带钢缺陷检测", text="抗拉强度不低于800 MPa。希望能耗降低15%以上。")
OFFER = Achievement(key="A1", title="带钢表面缺陷在线检测", text="抗拉强度850 MPa。能耗降低20%。")
PAIR = Pair("N1", "A1")
ACCEPT = judgement(Verdict.ACCEPT)
Invoke = Callable[..., Result]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("COLUMNS", "300")
    use_fakes(monkeypatch, tmp_path)
    made = Services(Settings())
    with made.writing() as session:
        others = [Achievement(key=f"B{i}", title=f"其他{i}号成果") for i in range(5)]
        CorpusRepository(session).upsert([NEED, OFFER, *others], now_at())
    for kind in Kind:
        made.refresh_index(kind)
    yield made
    made.close()


def accepted(services: Services) -> int:
    entry, new = feedback.give(services, PAIR, "王工", ACCEPT, Role.OFFICER)
    assert new
    assert entry.evidence is not None
    return entry.evidence


def test_what_was_shown_is_kept_and_adds_up(services: Services) -> None:
    number = accepted(services)
    with services.reading() as session:
        evidence = EvidenceRepository(session).evidence(number)
    shown = services.match(Kind.NEED, "N1", services.record_filter(), 10, Role.OFFICER)
    [match] = [m for m in shown.matches if m.document.id == "A1"]
    basis = evidence.proposal.basis
    assert basis.score == pytest.approx(match.score, abs=1e-12)
    assert [(p.feature, p.value, p.part) for p in basis.parts] == [
        (p.feature, p.value, p.part) for p in match.parts
    ]
    assert [row["verdict"] for row in basis.card["indicators"]] == ["满足", "满足"]
    assert basis.card["achievement_sentence"]["quote"] in OFFER.title + OFFER.text
    assert explained(evidence).exact
    assert replayed(services, evidence).equal


def test_the_same_judgement_again_keeps_nothing_new(services: Services) -> None:
    number = accepted(services)
    entry, new = feedback.give(services, PAIR, "王工", ACCEPT, Role.OFFICER)
    assert not new
    assert entry.evidence == number


def test_later_changes_change_nothing_of_what_is_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    number = accepted(services)
    with services.writing() as session:
        changed = replace(OFFER, title="奶牛疫苗", text="抗拉强度 1 MPa。")
        new = [Achievement(key=f"C{i}", title=f"带钢检测{i}") for i in range(20)]
        CorpusRepository(session).upsert([changed, *new], now_at())
    services.refresh_index(Kind.ACHIEVEMENT)
    with services.reading() as session:
        evidence = EvidenceRepository(session).evidence(number)
    assert evidence.proposal.achievement.title == OFFER.title
    again = explained(evidence)
    assert again.exact  # by the values and the model of that day
    today = replayed(services, evidence)
    assert {d.what for d in today.causes} == {"索引版本"}
    assert not today.equal  # words are now as frequent as the new records made them
    model = plain_model(FakeEncoder())
    other = replace(model, weights={**model.weights, "meaning": Weight(9.0, 0.0)})
    use_fakes(monkeypatch, tmp_path, config=MatchConfig(model=other))
    assert "排序模型指纹" in {d.what for d in replayed(services, evidence).causes}
    assert explained(evidence) == again


def test_without_an_index_a_judgement_is_kept_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setattr(Services, "searching", _no_index)
    services = Services(Settings())
    with services.writing() as session:
        CorpusRepository(session).upsert([NEED, OFFER], now_at())
    assert proposal(services, PAIR) is None
    entry, new = feedback.give(services, PAIR, "王工", ACCEPT, Role.OFFICER)
    assert new
    assert entry.evidence is None
    services.close()


def _no_index(_services: Services, _kind: Kind) -> None:
    from indexer.errors import ShardError

    raise ShardError("没有索引。")


def test_commands_show_and_replay(services: Services) -> None:
    number = accepted(services)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["evidence", *arguments])

    shown = invoke("show", str(number))
    assert shown.exit_code == 0, shown.stderr
    assert "重算与存下的完全一致" in shown.stdout
    assert "意思相近" in shown.stdout
    as_json = json.loads(invoke("show", str(number), "--json").stdout)
    assert as_json["exact"] is True
    assert as_json["score"] == as_json["score_again"]
    again = invoke("replay", str(number))
    assert "今天的说法与当时相同" in again.stdout
    assert json.loads(invoke("replay", str(number), "--json").stdout)["equal"] is True
    missing = invoke("show", "99")
    assert missing.exit_code == 2
    assert "没有编号为 99 的匹配依据" in missing.stderr


def test_evidence_is_for_whoever_may_read_both_records(services: Services) -> None:
    with services.writing() as session:
        closed = replace(OFFER, key="A2", confidentiality=Confidentiality.CONFIDENTIAL)
        CorpusRepository(session).upsert([closed], now_at())
    services.refresh_index(Kind.ACHIEVEMENT)
    entry, _ = feedback.give(services, Pair("N1", "A2"), "王工", ACCEPT, Role.ADMINISTRATOR)
    assert entry.evidence is not None

    def invoke(role: Role, act: str) -> Result:
        return CliRunner().invoke(app, ["evidence", act, str(entry.evidence), "--role", role])

    for act in ("show", "replay"):
        assert invoke(Role.ADMINISTRATOR, act).exit_code == 0
        refused = invoke(Role.OFFICER, act)
        assert refused.exit_code == 2
        assert "没有向“招商干部”公开" in refused.stderr
        assert OFFER.title not in refused.output
