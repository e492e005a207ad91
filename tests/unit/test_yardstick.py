"""The yardstick's own part: what it hands to the libraries and takes from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.bench.yardstick import distinct, finish, main
from eval.qrels import read_run


@given(st.lists(st.text("钢渣 ", max_size=4)))
def test_texts_become_distinct_without_another_token(texts: list[str]) -> None:
    found = distinct(texts)
    assert len(set(found)) == len(texts)
    for text, made in zip(texts, found, strict=True):
        assert made.startswith(text)
        assert made.split() == text.split()


def test_a_run_keeps_the_librarys_order(tmp_path: Path) -> None:
    finish(tmp_path, "toy", {"n": [("b", 0.5), ("a", 0.5), ("c", 0.1)]})
    assert [key for key, _ in read_run(tmp_path / "toy.run")["n"]] == ["b", "a", "c"]


def test_without_a_command_it_says_how() -> None:
    with pytest.raises(SystemExit, match="yardstick export"):
        main([])
