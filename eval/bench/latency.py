"""How long a need waits: ranking 10,000 achievements, with the explanations of the first 20.

    python -m eval.bench.latency [ACHIEVEMENTS]

Method. The sample's achievements are repeated, each copy with a number in its title, until there
are ACHIEVEMENTS (default 10,000); a copy has the vectors of its original, so that the index is of
full size and made quickly. Every need of the sample is asked once to warm up and then once more:
embedding the need, scoring every achievement, the order, the texts from the database, reasons and
cards of the first 20. Wall time of one process that has the machine to itself; 95th percentile over
the needs.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from corpus.confidentiality import Role
from corpus.database import create_schema, open_database
from corpus.model import Kind, Need, RecordFilter
from corpus.repository import CorpusRepository
from eval.bench.defaults import default_encoder
from eval.bench.objections import sample_pairs
from indexer.build import Makers, build_index
from indexer.encoder import Encoder
from indexer.store import ShardStore
from indexer.tokenizer import JiebaTokenizer
from matcher.card import CardMaker
from matcher.engine import MatchConfig, MatchEngine
from matcher.query import Query, prepare_queries
from matcher.scoring import shipped_model
from matcher.testing import EVERYTHING

COUNT = 10_000
LIMIT = 20
_NUMBER = re.compile(r"〔\d+〕")


class Remembering:
    """An encoder that embeds a numbered copy as its original, once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension = encoder.dimension
        self.windows = encoder.windows
        self.encode_queries = encoder.encode_queries

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """As the encoder does."""
        plain = [_NUMBER.sub("", text) for text in texts]
        new = [text for text in dict.fromkeys(plain) if text not in self._known]
        if new:
            made = self._encoder.encode_passages(new, progress)
            self._known |= dict(zip(new, made, strict=True))
        return np.stack([self._known[text] for text in plain])


def main(arguments: list[str]) -> None:
    """Build, ask, print."""
    count = int(arguments[0]) if arguments else COUNT
    makers = Makers(Remembering(default_encoder()), JiebaTokenizer())
    pairs = sample_pairs(0)
    needs = list({need.key: need for need, _, _ in pairs}.values())
    originals = list({offer.key: offer for _, offer, _ in pairs}.values())
    copies = [
        replace(one, key=f"{one.key}-{n}", title=f"{one.title}〔{n}〕")
        for n in range(-(-count // len(originals)))
        for one in originals
    ][:count]
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/latency.db")
        create_schema(database)
        store, now = ShardStore(Path(folder) / "index"), datetime.now(UTC)
        with Session(database) as session:
            repository = CorpusRepository(session)
            repository.upsert(copies, now)
            session.commit()
            build_index(store, Kind.ACHIEVEMENT, repository.iterate(Kind.ACHIEVEMENT),
                        repository.snapshot(Kind.ACHIEVEMENT), makers, now)  # fmt: skip
            # Every list is full: the explanations are the dearer half.
            model = replace(shipped_model(), cuts=EVERYTHING)
            engine = MatchEngine(makers, store, MatchConfig(model=model))
            for need in needs:
                _asked(engine, repository, need, now)
            taken = np.array([_asked(engine, repository, need, now) for need in needs]) * 1000
        database.dispose()
    sys.stdout.write(f"{__doc__}\nachievements: {count}; needs: {len(needs)}\n")
    for name, column in zip(
        ("embedding the need", "ranking and reasons", "cards", "in all"),
        (*taken.T, taken.sum(axis=1)),
        strict=True,
    ):
        sys.stdout.write(
            f"{name}: median {np.median(column):.0f} ms, 95 % {np.quantile(column, 0.95):.0f} ms, "
            f"most {column.max():.0f} ms\n"
        )


def _asked(
    engine: MatchEngine, repository: CorpusRepository, need: Need, now: datetime
) -> tuple[float, float, float]:
    """Seconds of the three steps."""
    times = [time.perf_counter()]
    [prepared] = prepare_queries([Query.of(need)], engine.makers, engine.config.query)
    times.append(time.perf_counter())
    [ranking] = engine.match(repository, [prepared], Kind.ACHIEVEMENT, RecordFilter(), LIMIT)
    times.append(time.perf_counter())
    documents = [match.document.record for match in ranking.matches]
    cards = CardMaker(now.date(), Role.ADMINISTRATOR).cards(need, documents)
    times.append(time.perf_counter())
    if len(cards) != LIMIT:
        raise AssertionError("the lists are full")
    first, second, third = np.diff(times).tolist()
    return first, second, third


if __name__ == "__main__":
    main(sys.argv[1:])
