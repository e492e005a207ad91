"""What the program promises about its rankings, measured with the real encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest

from api.services import Services
from api.settings import Settings
from corpus.model import Kind
from eval.experiment import Collection, LabelledStore, Pool, Ranker, collection
from eval.labelled import OpenSet, read_set
from eval.measures import evaluate, usable_needs
from eval.qrels import read_qrels, read_texts
from eval.rankers import Additive
from eval.table import cross_validated
from indexer.build import Makers, passages
from indexer.dense import Vectors
from indexer.encoder import Encoder
from matcher.engine import MatchConfig
from matcher.scoring import logistic, shipped_model
from tests.acceptance.conftest import ROOT
from tests.conftest import NOW_AT

SAMPLE = ROOT / "corpus" / "resources" / "sample"


def labelled_set(folder: Path) -> Collection:
    return collection(
        read_texts(folder / "needs.jsonl", "need_id"),
        read_texts(folder / "achievements.jsonl", "achievement_id"),
        read_qrels(folder / "qrels.txt"),
    )


class Remembering:
    """An encoder that takes the vectors of passages it knows, and makes the others."""

    def __init__(self, encoder: Encoder, known: Mapping[str, Vectors]) -> None:
        self._encoder = encoder
        self._known = known
        self.name, self.dimension = encoder.name, encoder.dimension
        self.fingerprint = encoder.fingerprint
        self.encode_queries, self.windows = encoder.encode_queries, encoder.windows

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        made = dict(zip(new, self._encoder.encode_passages(new, progress), strict=True))
        return np.array([self._known[t] if t in self._known else made[t] for t in texts])


@pytest.fixture(scope="module")
def sample_store(
    demo: str, demo_home: Path, makers: Makers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabelledStore]:
    """The sample by itself; the demo has just embedded the same passages with the same model."""
    known: dict[str, Vectors] = {}
    services = Services(Settings(home=demo_home / "demo"))
    dense = services.store.open(Kind.ACHIEVEMENT, makers.maker).dense
    assert dense is not None
    with services.repository() as repository:
        for stored in repository.iterate(Kind.ACHIEVEMENT):
            texts = [text for text, _ in passages(makers.encoder, stored.record)]
            known.update(zip(texts, dense.document_vectors(stored.id), strict=True))
    services.close()
    quick = Makers(Remembering(makers.encoder, known), makers.tokenizer)
    folder = tmp_path_factory.mktemp("sample-store")
    store = LabelledStore(labelled_set(SAMPLE), quick, folder, NOW_AT)
    yield store
    store.close()


def test_the_sample_corpus_is_ranked_well(sample_store: LabelledStore) -> None:
    qrels = read_qrels(SAMPLE / "qrels.txt")
    ranked = sample_store.rank(MatchConfig(), Ranker.DEFAULT, Pool.ALL)
    means = evaluate(ranked, qrels, usable_needs(qrels, min_candidates=1)).means
    assert means["nDCG@10"] >= 0.80
    assert means["judged@10"] >= 0.90


@pytest.mark.data
def test_graded_pairs(data_folder: Path, makers: Makers, tmp_path: Path) -> None:
    labelled = labelled_set(data_folder / "graded-pairs")
    qrels = labelled.qrels
    store = LabelledStore(labelled, makers, tmp_path, NOW_AT)
    usable = usable_needs(qrels)
    assert len(usable) == 96
    least = {Ranker.DENSE: 0.72, Ranker.LEXICAL: 0.68}
    means = {
        ranker: evaluate(store.rank(MatchConfig(), ranker, Pool.JUDGED), qrels, usable).means[
            "nDCG@10"
        ]
        for ranker in least
    }
    assert all(means[ranker] >= least[ranker] for ranker in least), means
    # The model that ships was fitted on these pairs: it is measured on needs it has not seen.
    where = OpenSet(read_set("graded-pairs", data_folder), store)
    run, _ = cross_validated(Additive(), where, [])
    store.close()
    found = evaluate(run, qrels, usable)
    assert found.means["nDCG@10"] >= 0.75, found.means


def test_needs_that_nothing_answers_are_not_given_a_recommendation(web: httpx.Client) -> None:
    grades = read_qrels(SAMPLE / "qrels.txt")
    unanswered = [need for need, pairs in grades.items() if max(pairs.values()) < 2]
    lists = [web.get(f"/api/v1/needs/{need}/matches").json()["matches"] for need in unanswered]
    assert len(unanswered) >= 8
    assert not [match for matches in lists for match in matches if match["recommended"]]
    assert sum(not matches for matches in lists) > len(lists) / 2


def test_random_pairs_are_shown_as_what_they_are(
    sample_store: LabelledStore, rng: np.random.Generator
) -> None:
    """Raw cosines of unrelated texts lie near 0.4; the shown number must not.

    The chance of every pair itself, also of those a list would leave out.
    """
    labelled = labelled_set(SAMPLE)
    grades = labelled.qrels
    needs, achievements = sorted(labelled.needs), sorted(labelled.achievements)
    related = {(n, a) for n, pairs in grades.items() for a, grade in pairs.items() if grade > 0}
    drawn: list[tuple[str, str]] = []
    while len(drawn) < 1000:
        pair = (str(rng.choice(needs)), str(rng.choice(achievements)))
        if pair not in related:
            drawn.append(pair)
    model = shipped_model()
    zeros: dict[str, dict[str, int]] = {}
    for need, key in drawn:
        zeros.setdefault(need, {})[key] = 0
    scores = model.scores_of(sample_store.pairs(zeros, model).values)
    assert logistic(float(np.median(scores))) < 0.05
    recommended = np.mean(scores >= model.cuts[1])
    assert recommended < 0.01, recommended
