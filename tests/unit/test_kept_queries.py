"""Queries that are kept are those that would be made."""

from __future__ import annotations

import numpy as np

from indexer.build import Makers
from indexer.testing import CharTokenizer, FakeEncoder
from matcher.query import KeptQueries, Query, QueryConfig, prepare_queries

MAKERS = Makers(FakeEncoder(), CharTokenizer())


def test_a_kept_query_is_the_one_that_would_be_made() -> None:
    kept = KeptQueries(MAKERS, QueryConfig(), most=3)
    asked = [Query(f"钢渣 {n % 4}", "微粉" * (n % 3)) for n in range(30)]
    for start in range(0, 30, 5):
        for dense in (True, False):
            some = [*asked[start : start + 5], asked[0], asked[start]]
            found = kept.get(some, dense=dense)
            made = prepare_queries(some, MAKERS, QueryConfig(), dense=dense)
            for one, other in zip(found, made, strict=True):
                assert (one.query, one.terms, one.bigrams) == (
                    other.query, other.terms, other.bigrams,
                )  # fmt: skip
                assert (one.vector is None) == (not dense)
                if one.vector is not None and other.vector is not None:
                    assert np.array_equal(one.vector, other.vector)
    assert len(kept._kept) <= 3
