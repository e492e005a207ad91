"""Hard filters of the whole engine, against asking about every document by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from corpus.database import create_schema, open_database
from corpus.model import Achievement, Kind, Maturity, Organisation, RecordFilter
from corpus.repository import CorpusRepository
from indexer.build import Makers, build_index
from indexer.store import ShardStore
from indexer.testing import CharTokenizer, FakeEncoder
from matcher.engine import MatchEngine
from matcher.query import Query
from matcher.testing import open_config
from tests.conftest import NOW_AT

DAY = date(2026, 11, 25)
FIELDS = ("新材料", "节能环保", "装备制造", "现代农业")
REGIONS = ("北京", "天津", "河北", "日本")
WORDS = ("钢渣", "微粉", "陶瓷", "窑炉", "余热", "板栗", "脱硝", "催化", "轧辊", "检测", "保鲜")
COUNT = 450
QUERIES = tuple(map(Query, ("钢渣微粉", "陶瓷窑炉余热", "板栗保鲜检测")))
Found = list[tuple[str, float]]


@dataclass(frozen=True)
class World:
    """Random achievements, and an engine over them."""

    repository: CorpusRepository
    engine: MatchEngine
    achievements: Mapping[str, Achievement]

    def found(self, query: Query, where: RecordFilter, limit: int) -> Found:
        """Key and score of the matches, in order."""
        [ranking] = self.engine.match(self.repository, [query], Kind.ACHIEVEMENT, where, limit)
        assert ranking.problems == ()
        return [(m.document.record.key, m.score) for m in ranking.matches]

    def passing(self, where: RecordFilter) -> list[str]:
        """What the filter means, record by record, in order of entry."""
        return [key for key, one in self.achievements.items() if passes(one, where)]


def passes(one: Achievement, where: RecordFilter) -> bool:
    levels = list(Maturity)
    return (
        (where.keys is None or one.key in where.keys)
        and (not where.technology_fields or one.technology_field in where.technology_fields)
        and (not where.regions or (one.organisation or Organisation("")).region in where.regions)
        and (
            where.min_maturity is None
            or (
                one.maturity is not None
                and levels.index(one.maturity) >= levels.index(where.min_maturity)
            )
        )
        and (
            where.valid_on is None
            or one.valid_until_on is None
            or one.valid_until_on >= where.valid_on
        )
    )


def drawn(rng: np.random.Generator, number: int) -> Achievement:
    def text(words: int) -> str:
        return "".join(rng.choice(WORDS, words))

    return Achievement(
        key=f"A{number}",
        title=text(3),
        text=f"{text(6)}。" if rng.random() < 0.7 else "",
        technology_field=str(rng.choice([*FIELDS, ""])),
        organisation=Organisation(f"{number} 院（示例）", str(rng.choice(REGIONS))),
        maturity=Maturity(rng.choice(list(Maturity))) if rng.random() < 0.8 else None,
        valid_until_on=DAY + timedelta(int(rng.integers(-30, 30))) if rng.random() < 0.5 else None,
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("filters")
    rng = np.random.default_rng(20261125)
    achievements = {one.key: one for one in (drawn(rng, n) for n in range(COUNT))}
    makers, store = Makers(FakeEncoder(), CharTokenizer()), ShardStore(folder / "index")
    database = open_database(f"sqlite:///{folder / 'test.db'}")
    create_schema(database)
    with Session(database) as session:
        repository = CorpusRepository(session)
        repository.upsert(list(achievements.values()), NOW_AT)
        session.commit()
        snapshot = repository.snapshot(Kind.ACHIEVEMENT)
        records = repository.iterate(Kind.ACHIEVEMENT)
        build_index(store, Kind.ACHIEVEMENT, records, snapshot, makers, NOW_AT)
        engine = MatchEngine(makers, store, open_config(makers.encoder))
        yield World(repository, engine, achievements)
    database.dispose()


some_keys = st.integers(0, 2**32 - 1).map(
    lambda seed: frozenset(
        f"A{n}"
        for n in np.random.default_rng(seed).choice(
            COUNT + 5, np.random.default_rng(seed).choice([1, 2, 30, 400]), replace=False
        )
    )
)
filters = st.builds(
    RecordFilter,
    technology_fields=st.frozensets(st.sampled_from([*FIELDS, "没有"]), max_size=2),
    regions=st.frozensets(st.sampled_from(REGIONS), max_size=2),
    min_maturity=st.sampled_from([None, *Maturity]),
    valid_on=st.sampled_from([None, DAY, DAY + timedelta(20)]),
    keys=st.none() | some_keys,
)
limits = st.sampled_from([1, 5, 12])


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(QUERIES), filters, limits)
def test_a_filter_acts_before_any_cut(
    world: World, query: Query, where: RecordFilter, limit: int
) -> None:
    """As many as were asked for while there are any, and none that does not pass."""
    passing = world.passing(where)
    keys = [key for key, _ in world.found(query, where, limit)]
    assert len(keys) == len(set(keys)) == min(limit, len(passing))
    assert set(keys) <= set(passing)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(QUERIES), filters, limits)
def test_a_filter_and_the_list_of_what_passes_it_give_identical_answers(
    world: World, query: Query, where: RecordFilter, limit: int
) -> None:
    listed = RecordFilter(keys=frozenset(world.passing(where)))
    assert world.found(query, where, limit) == world.found(query, listed, limit)


@pytest.fixture(scope="module")
def alone(world: World) -> Mapping[Query, Mapping[str, float]]:
    """The score of every pair, each document asked about as if there were no other."""
    scores: dict[Query, dict[str, float]] = {}
    for query in QUERIES:
        for key in world.achievements:
            [(found, score)] = world.found(query, RecordFilter(keys=frozenset({key})), 1)
            assert found == key
            scores.setdefault(query, {})[key] = score
    return scores


@settings(deadline=None, max_examples=60)
@given(query=st.sampled_from(QUERIES), where=filters, limit=limits)
def test_a_filtered_list_is_brute_force(
    world: World,
    alone: Mapping[Query, Mapping[str, float]],
    query: Query,
    where: RecordFilter,
    limit: int,
) -> None:
    scores = alone[query]
    order = sorted(world.passing(where), key=lambda key: (-scores[key], int(key[1:])))
    expected = [(key, scores[key]) for key in order[:limit]]
    assert world.found(query, where, limit) == expected
