"""The engine over a real database and real indexes, with a deterministic encoder."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.model import (
    Achievement,
    Kind,
    Maturity,
    Need,
    Organisation,
    RecordFilter,
    StoredRecord,
    UnknownRecordError,
)
from corpus.repository import CorpusRepository
from indexer.build import Makers, build_index
from indexer.encoder import Encoder
from indexer.errors import ShardError
from indexer.scored import top_documents
from indexer.store import ShardStore
from indexer.testing import FakeEncoder
from indexer.tokenizer import JiebaTokenizer, Lexicon
from matcher.engine import Match, MatchConfig, MatchEngine, Ranking
from matcher.query import Query
from matcher.scoring import Weight
from matcher.testing import open_config, plain_model
from tests.conftest import NOW_AT
from tests.integration.faked import shipped_tokenizer

TOKENIZER = JiebaTokenizer(
    Lexicon(
        frozenset({"钢渣", "钢渣微粉", "微粉", "骨质瓷", "釉面"}), frozenset({"的", "技术"}), {}
    )
)
OPEN = open_config(FakeEncoder())
FILLER = "本装置由机架和传动部分组成，运行平稳，维护方便。" * 40
ACHIEVEMENTS = [
    Achievement(
        key="A1",
        title="转炉钢渣微粉活化",
        text="采用复合激发剂。活性指数≥85%。",
        technology_field="新材料",
        organisation=Organisation("甲（示例）", "北京"),
        maturity=Maturity.PILOT_SCALE,
    ),
    Achievement(
        key="A2", title="钢渣沥青路面", text="用于道路铺装。", valid_until_on=date(2026, 1, 1)
    ),
    Achievement(key="A3", title="骨质瓷釉面缺陷检测", text="机器视觉识别针孔。"),
    Achievement(key="A4", title="通用破碎设备", text=FILLER + "可处理骨质瓷废料并回收。" + FILLER),
    Achievement(key="A5", title="板栗保鲜", text=""),
]
NEEDS = [
    Need(
        key="N1",
        title="钢渣微粉活性低",
        text="现有钢渣磨细后活性不足，需要激发剂。",
        county="迁安市",
    ),
    Need(key="N2", title="骨质瓷针孔检测", text="釉面针孔靠人工。"),
]


class World:
    """A database, its indexes and an engine."""

    def __init__(self, database: Engine, folder: Path, encoder: Encoder, config: MatchConfig):
        self.database = database
        self.makers = Makers(encoder, TOKENIZER)
        self.store = ShardStore(folder)
        self.engine = MatchEngine(self.makers, self.store, config)
        with Session(database) as session:
            CorpusRepository(session).upsert([*ACHIEVEMENTS, *NEEDS], NOW_AT)
            session.commit()
        self.build()

    def build(self) -> None:
        with Session(self.database) as session:
            repository = CorpusRepository(session)
            for kind in Kind:
                build_index(
                    self.store,
                    kind,
                    repository.iterate(kind),
                    repository.snapshot(kind),
                    self.makers,
                    NOW_AT,
                )

    def search(self, text: str, where: RecordFilter | None = None, limit: int = 10) -> list[Match]:
        with Session(self.database) as session:
            [ranking] = self.engine.match(
                CorpusRepository(session), [Query(text)], Kind.ACHIEVEMENT,
                where or RecordFilter(), limit,
            )  # fmt: skip
        return list(ranking.matches)

    def match_record(
        self, repository: CorpusRepository, kind: Kind, key: str
    ) -> tuple[StoredRecord, Ranking]:
        stored = repository.require(kind, key)
        query = Query.of(stored.record)
        [ranking] = self.engine.match(repository, [query], kind.other, RecordFilter(), 3)
        return stored, ranking

    def keys(self, text: str, where: RecordFilter | None = None) -> list[str]:
        return [match.document.record.key for match in self.search(text, where)]


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    return World(engine, tmp_path / "index", FakeEncoder(), OPEN)


def test_both_directions_and_free_text(world: World) -> None:
    with Session(world.database) as session:
        repository = CorpusRepository(session)
        stored, ranking = world.match_record(repository, Kind.NEED, "N1")
        assert stored.record.key == "N1"
        assert ranking.matches[0].document.record.key == "A1"
        _, back = world.match_record(repository, Kind.ACHIEVEMENT, "A3")
        assert back.matches[0].document.record.key == "N2"
        with pytest.raises(UnknownRecordError, match="没有编号为 N9 的需求"):
            world.match_record(repository, Kind.NEED, "N9")
    assert world.keys("骨质瓷釉面")[0] == "A3"


def test_filters_reach_every_document_that_passes(world: World) -> None:
    everything = set(world.keys("钢渣"))
    assert everything == {a.key for a in ACHIEVEMENTS}
    assert world.keys("钢渣", RecordFilter(keys=frozenset({"A5"}))) == ["A5"]
    assert world.keys("钢渣", RecordFilter(regions=frozenset({"北京"}))) == ["A1"]
    assert "A2" not in world.keys("钢渣", RecordFilter(valid_on=date(2026, 11, 24)))
    assert world.keys("钢渣", RecordFilter(min_maturity=Maturity.LAB_SCALE)) == ["A1"]
    assert world.keys("钢渣", RecordFilter(technology_fields=frozenset({"没有"}))) == []


def test_two_forms_of_one_filter_give_identical_lists(world: World) -> None:
    with Session(world.database) as session:
        more = [
            Achievement(key="A6", title="钢渣微粉新法", organisation=Organisation("乙", "北京")),
            Achievement(key="A7", title="骨质瓷釉面", organisation=Organisation("丙", "北京")),
            Achievement(key="A8", title="钢渣微粉活化", organisation=Organisation("丁", "天津")),
        ]
        CorpusRepository(session).upsert(more, NOW_AT)
        session.commit()
    world.build()
    for text in ("钢渣微粉", "骨质瓷", "釉面 微粉"):
        by_region = world.search(text, RecordFilter(regions=frozenset({"北京"})))
        by_key = world.search(text, RecordFilter(keys=frozenset({"A1", "A6", "A7"})))
        assert {m.document.record.key for m in by_region} == {"A1", "A6", "A7"}
        assert [(m.document.id, m.score, m.parts) for m in by_region] == [
            (m.document.id, m.score, m.parts) for m in by_key
        ]


@pytest.mark.parametrize(
    ("word", "part"), [("农业发展银行", "农业"), ("转炉钢渣微粉", "钢渣"), ("反渗透膜", "渗透")]
)
def test_a_document_with_the_whole_word_ranks_above_one_with_a_part(
    engine: Engine, tmp_path: Path, word: str, part: str
) -> None:
    """By the words alone, with the shipped dictionary; either query finds both."""
    world = World(engine, tmp_path / "index", FakeEncoder(), OPEN)
    whole = Achievement(key="W", title=f"面向{word}的服务方案")
    only = Achievement(key="P", title=f"面向{part}的服务方案")
    with Session(engine) as session:
        CorpusRepository(session).upsert([only, whole], NOW_AT)
        session.commit()
    world.makers = Makers(FakeEncoder(), shipped_tokenizer())
    weights = {name: Weight(float(name == "wording"), 0.0) for name in OPEN.model.weights}
    by_words = MatchConfig(model=replace(OPEN.model, weights=weights))
    world.engine = MatchEngine(world.makers, world.store, by_words)
    world.build()
    where = RecordFilter(keys=frozenset({"P", "W"}))
    assert world.keys(word, where) == ["W", "P"]
    assert set(world.keys(part, where)) == {"W", "P"}


def test_every_quote_is_a_span_of_the_original(world: World) -> None:
    for match in world.search("钢渣微粉活化，骨质瓷 釉面"):
        document = Query.of(match.document.record)
        for reason in match.explanation.terms:
            assert reason.document_spans
            for span in reason.document_spans:
                assert span.of(document.title, document.text) == reason.term
        assert match.score == pytest.approx(math.fsum(p.part for p in match.parts), abs=1e-12)
        assert match.chance == pytest.approx(1 / (1 + math.exp(-match.score)), abs=1e-15)


def test_a_sentence_far_inside_a_long_text_is_found_and_quoted(world: World) -> None:
    match = next(m for m in world.search("骨质瓷废料回收") if m.document.record.key == "A4")
    document = Query.of(match.document.record)
    quote = match.explanation.document_sentence.of(document.title, document.text)
    assert quote == "可处理骨质瓷废料并回收。"


def test_what_the_database_lost_is_not_shown_without_a_rebuild(world: World) -> None:
    assert "A1" in world.keys("钢渣微粉")
    with Session(world.database) as session:
        CorpusRepository(session).delete(Kind.ACHIEVEMENT, ["A1"])
        session.commit()
    assert "A1" not in world.keys("钢渣微粉")


def test_a_record_is_never_found_for_words_it_no_longer_has(world: World) -> None:
    """The index still has the old text; the database has another under the same id."""
    assert "A1" in world.keys("钢渣微粉")
    with Session(world.database) as session:
        changed = replace(ACHIEVEMENTS[0], title="奶牛乳房炎疫苗", text="奶牛养殖防疫。")
        CorpusRepository(session).upsert([changed], NOW_AT)
        session.commit()
    assert "A1" not in world.keys("钢渣微粉")
    assert "A1" not in world.keys("奶牛乳房炎疫苗")
    world.build()
    assert "A1" in world.keys("奶牛乳房炎疫苗")


def test_what_was_compared_is_what_the_index_holds(world: World) -> None:
    with Session(world.database) as session:
        repository = CorpusRepository(session)
        repository.upsert([Achievement(key="A6", title="钢渣微粉新法")], NOW_AT)
        session.commit()
        [ranking] = world.engine.match(
            repository, [Query("钢渣")], Kind.ACHIEVEMENT, RecordFilter(), 10
        )
    assert ranking.eligible == len(ACHIEVEMENTS)


def test_an_expiry_is_seen_without_a_rebuild(world: World) -> None:
    today = RecordFilter(valid_on=date(2026, 11, 24))
    assert "A1" in world.keys("钢渣微粉", today)
    with Session(world.database) as session:
        ended = replace(ACHIEVEMENTS[0], valid_until_on=date(2026, 11, 23))
        CorpusRepository(session).upsert([ended], NOW_AT)
        session.commit()
    assert "A1" not in world.keys("钢渣微粉", today)


def test_a_new_index_answers_without_a_restart(world: World) -> None:
    with Session(world.database) as session:
        CorpusRepository(session).upsert([Achievement(key="A6", title="钢渣微粉新法")], NOW_AT)
        session.commit()
    assert "A6" not in world.keys("钢渣微粉")
    world.build()
    assert "A6" in world.keys("钢渣微粉")


def test_nothing_good_enough_gives_an_empty_list(engine: Engine, tmp_path: Path) -> None:
    """Without a document that is 较强 there is no answer; with one, what is 弱 is shown as well."""
    everything = World(engine, tmp_path / "index", FakeEncoder(), OPEN).search("钢渣微粉活化")
    first, second, third = (match.score for match in everything[:3])
    model = plain_model(FakeEncoder(), cuts=(second, first, first + 1.0))
    world = World(engine, tmp_path / "index", FakeEncoder(), MatchConfig(model=model))
    assert [m.score for m in world.search("钢渣微粉活化")] == [first, second]
    assert third < second < first
    assert [m.level.value for m in world.search("钢渣微粉活化")] == ["较强", "弱"]
    assert world.search("航空发动机叶片") == []
    model = replace(model, cuts=(second, first + 0.1, first + 1.0))
    world = World(engine, tmp_path / "index", FakeEncoder(), MatchConfig(model=model))
    assert world.search("钢渣微粉活化") == []


def test_another_model_leaves_the_lexical_path_answering(world: World) -> None:
    other = MatchEngine(
        Makers(FakeEncoder(name="another"), TOKENIZER), world.store, world.engine.config
    )
    with Session(world.database) as session:
        [ranking] = other.match(
            CorpusRepository(session), [Query("钢渣微粉")], Kind.ACHIEVEMENT, RecordFilter(), 5
        )
    assert ranking.matches[0].document.record.key == "A1"
    assert {p.feature for m in ranking.matches for p in m.parts} == {"start", "wording"}
    assert "语义检索已停用" in ranking.problems[0]


def test_another_dictionary_leaves_the_dense_path_answering(engine: Engine, tmp_path: Path) -> None:
    """Without words every score is low: the line is not drawn then, and that is said."""
    strict = MatchConfig(model=plain_model(FakeEncoder(), cuts=(8.0, 9.0, 10.0)))
    world = World(engine, tmp_path / "index", FakeEncoder(), strict)
    assert world.keys("航空发动机叶片") == []
    lexicon = Lexicon(frozenset({"新词"}), frozenset(), {})
    other = MatchEngine(Makers(FakeEncoder(), JiebaTokenizer(lexicon)), world.store, strict)
    with Session(engine) as session:
        [ranking] = other.match(
            CorpusRepository(session), [Query("钢渣微粉")], Kind.ACHIEVEMENT, RecordFilter(), 3
        )
    assert ranking.matches[0].document.record.key == "A1"
    assert len(ranking.matches) == 3
    assert "词语检索已停用" in ranking.problems[0]
    assert "没有按显示线筛选" in ranking.problems[1]


def test_many_documents_are_ranked_as_if_all_were_scored_exactly(
    engine: Engine, tmp_path: Path, rng: np.random.Generator
) -> None:
    """Beyond some hundreds the last digits are computed for the best only: nobody sees it."""
    world = World(engine, tmp_path / "index", FakeEncoder(), OPEN)
    words = ["钢渣", "微粉", "骨质瓷", "釉面", "检测", "路面", "保鲜", "活化", "烧结", "烟气"]
    many = [
        Achievement(
            key=f"B{i}", title="".join(rng.choice(words, size=3)),
            organisation=Organisation("甲", ["北京", "天津"][i % 2]),
        )
        for i in range(1500)
    ]  # fmt: skip
    with Session(engine) as session:
        CorpusRepository(session).upsert(many, NOW_AT)
        session.commit()
    world.build()
    shard = world.engine.shard(Kind.ACHIEVEMENT)
    queries = [Query("".join(rng.choice(words, size=4))) for _ in range(5)]
    for where in (RecordFilter(), RecordFilter(regions=frozenset({"天津"}))):
        with Session(engine) as session:
            repository = CorpusRepository(session)
            ids = np.array(repository.eligible_ids(Kind.ACHIEVEMENT, where), np.int64)
            ranked = world.engine.rank(repository, queries, Kind.ACHIEVEMENT, where, 20)
        signals = world.engine.signals(queries, Kind.ACHIEVEMENT, [ids] * len(queries))
        assert len(ids) > 512
        for docs, some in zip(ranked, signals, strict=True):
            assert docs == top_documents(ids, OPEN.model.scores(some), 20)
    assert len(shard.doc_ids()) == 1500 + len(ACHIEVEMENTS)


def test_a_record_brought_along_scores_as_if_it_stood_in_the_index(world: World) -> None:
    shard = world.engine.shard(Kind.ACHIEVEMENT)
    for match in world.search("钢渣微粉活化，骨质瓷釉面"):
        parts, reasons = world.engine.score_record(
            Query("钢渣微粉活化，骨质瓷釉面"), match.document.record, shard
        )
        assert reasons == match.explanation
        assert [part.feature for part in parts] == [part.feature for part in match.parts]
        assert math.fsum(p.part for p in parts) == pytest.approx(match.score, abs=1e-5)
    new = Achievement(key="X", title="钢渣微粉活化新法", text="骨质瓷。")
    changed = replace(new, title="奶牛疫苗", text="")
    good, bad = (
        math.fsum(p.part for p in world.engine.score_record(Query("钢渣微粉"), record, shard)[0])
        for record in (new, changed)
    )
    assert good > bad


def test_a_model_for_another_encoder_answers_and_says_so(engine: Engine, tmp_path: Path) -> None:
    model = plain_model(FakeEncoder(name="another"))
    world = World(engine, tmp_path / "index", FakeEncoder(), MatchConfig(model=model))
    with Session(engine) as session:
        [ranking] = world.engine.match(
            CorpusRepository(session), [Query("钢渣微粉")], Kind.ACHIEVEMENT, RecordFilter(), 5
        )
    assert ranking.matches[0].document.record.key == "A1"
    assert any("zhitong train" in problem for problem in ranking.problems)


def test_no_index_says_what_to_do(engine: Engine, tmp_path: Path) -> None:
    bare = MatchEngine(Makers(FakeEncoder(), TOKENIZER), ShardStore(tmp_path / "none"))
    with Session(engine) as session, pytest.raises(ShardError, match="zhitong index build"):
        bare.match(CorpusRepository(session), [Query("x")], Kind.ACHIEVEMENT, RecordFilter(), 5)


def test_single_and_batch_queries_agree_to_the_last_bit(
    world: World, rng: np.random.Generator
) -> None:
    words = ["钢渣", "微粉", "骨质瓷", "釉面", "检测", "路面", "保鲜", "活化"]
    queries = [Query("".join(rng.choice(words, size=3))) for _ in range(40)]
    with Session(world.database) as session:
        repository = CorpusRepository(session)
        batch = world.engine.rank(repository, queries, Kind.ACHIEVEMENT, RecordFilter(), 5)
        for query, expected in zip(queries, batch, strict=True):
            [alone] = world.engine.rank(repository, [query], Kind.ACHIEVEMENT, RecordFilter(), 5)
            assert alone == expected
