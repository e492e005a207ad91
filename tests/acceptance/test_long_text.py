"""The real model reads 512 tokens; what stands behind them is found and quoted all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.services import Services
from api.settings import Settings
from corpus.model import Achievement, Kind, RecordFilter
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.encoder import SentenceTransformerEncoder
from matcher.engine import Match, MatchConfig, MatchEngine
from matcher.query import Query
from matcher.scoring import shipped_model
from matcher.testing import EVERYTHING
from tests.conftest import NOW_AT

FILLER = [
    "本单位面向陶瓷企业提供窑炉节能改造。",
    "装置由机架、传动和控制柜组成，维护方便。",
    "团队已与多家企业签订协议，愿意到现场调试。",
]
LATE = "其中的水下机器人可清理养殖网箱上的贝类附着物。"
LONG = "".join(FILLER * 25)
# The lines of the shipped model drawn so that nothing is left out.
SHOW_ALL = MatchConfig(model=replace(shipped_model(), cuts=EVERYTHING))
OTHERS = ["工业窑炉余热发电系统", "骨质瓷自动施釉生产线", "高炉煤气脱硫工艺", "板栗仁真空包装机"]


@pytest.fixture(scope="module")
def services(makers: Makers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    opened = Services(Settings(home=tmp_path_factory.mktemp("long")))
    opened.makers = makers
    records = [Achievement(key=f"O{n}", title=title, text=LONG) for n, title in enumerate(OTHERS)]
    records.append(Achievement(key="L", title="综合技术服务", text=LONG + LATE + "".join(FILLER)))
    with opened.writing() as session:
        CorpusRepository(session).upsert(records, NOW_AT)
    opened.refresh_index(Kind.ACHIEVEMENT)
    yield opened
    opened.close()


def best(services: Services, text: str, config: MatchConfig) -> Match:
    engine = MatchEngine(services.makers, services.store, config)
    with services.repository() as repository:
        [ranking] = engine.match(repository, [Query(text)], Kind.ACHIEVEMENT, RecordFilter(), 3)
    return ranking.matches[0]


def test_it_stands_beyond_what_the_model_reads_at_once(makers: Makers) -> None:
    assert isinstance(makers.encoder, SentenceTransformerEncoder)
    tokens = makers.encoder._model.tokenizer(LONG, truncation=False)["input_ids"]
    assert len(tokens) > 600


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("清理养殖网箱贝类附着物的水下机器人", MatchConfig()),
        # No word in common: found by its meaning or not at all.
        ("海上渔场用的潜航设备，清除牡蛎藤壶", SHOW_ALL),
    ],
)
def test_a_late_sentence_is_found_and_quoted(
    services: Services, text: str, config: MatchConfig
) -> None:
    match = best(services, text, config)
    assert match.document.record.key == "L"
    document = Query.of(match.document.record)
    assert match.explanation.document_sentence.of(document.title, document.text) == LATE
