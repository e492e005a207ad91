"""The gate: passes noise, stops a real drop, and says what it cannot compare."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.baseline import FOLDER, Baseline, judge, read_baseline, stored_names, write_baseline
from eval.labelled import SAMPLE, read_set
from eval.qrels import EvalError


@pytest.fixture
def before(rng: np.random.Generator) -> Baseline:
    values = {f"n{i}": float(v) for i, v in enumerate(rng.random(60))}
    return Baseline("toy", "nDCG@10", "fake", "0" * 64, values)


def changed(before: Baseline, changes: NDArray[np.float64]) -> Baseline:
    values = {n: v + float(c) for (n, v), c in zip(before.values.items(), changes, strict=True)}
    return replace(before, values=values)


def test_the_same_passes_also_with_other_last_digits(before: Baseline) -> None:
    assert judge(before, before).passed
    rounded = judge(changed(before, np.full(60, -1e-15)), before)
    assert rounded.passed
    assert "差 +0.0000" in rounded.sentence


def test_a_drop_beyond_noise_fails(before: Baseline, rng: np.random.Generator) -> None:
    verdict = judge(changed(before, rng.normal(-0.05, 0.05, 60)), before)
    assert not verdict.passed
    assert verdict.result is not None
    assert verdict.result.high < 0
    assert "质量下降超出了偶然波动" in verdict.sentence


def test_noise_and_gains_pass(before: Baseline, rng: np.random.Generator) -> None:
    noise = rng.normal(0, 0.1, 60)
    assert judge(changed(before, noise - noise.mean() - 0.005), before).passed
    assert judge(changed(before, np.full(60, 0.01)), before).passed


def test_what_cannot_be_compared_fails_with_a_reason(before: Baseline) -> None:
    fewer = replace(before, values=dict(list(before.values.items())[1:]))
    assert "少了 1 条、多了 0 条需求（如 n0）" in judge(fewer, before).sentence
    assert "少了 0 条、多了 1 条需求（如 n0）" in judge(before, fewer).sentence
    assert "判定与基线用的不是同一份" in judge(replace(before, qrels_sha256="1"), before).sentence
    assert "基线的度量是 nDCG@10" in judge(replace(before, measure="AP"), before).sentence
    for now in (fewer, replace(before, qrels_sha256="1"), replace(before, measure="AP")):
        assert not judge(now, before).passed
    other = judge(replace(before, encoder="e6"), before)
    assert other.passed
    assert "向量模型从 fake 换成了 e6" in other.sentence


def test_a_baseline_is_read_as_written(before: Baseline, tmp_path: Path) -> None:
    path = write_baseline(before, tmp_path / "new")
    assert read_baseline("toy", tmp_path / "new") == before
    assert stored_names(tmp_path / "new") == ["toy"]
    text = path.read_text("utf-8")
    with pytest.raises(EvalError, match="没有 other 的基线"):
        read_baseline("other", tmp_path / "new")
    damages = ("{", "[]", "{}", text.replace('"format": 1', '"format": 9'),
               json.dumps({**json.loads(text), "values": {"n": 7}}),
               json.dumps({**json.loads(text), "encoder": 3}))  # fmt: skip
    for damage in damages:
        path.write_text(damage, "utf-8")
        with pytest.raises(EvalError, match="基线"):
            read_baseline("toy", tmp_path / "new")


def test_the_stored_baselines_are_ids_and_numbers_of_todays_sets() -> None:
    assert SAMPLE in stored_names()
    for name in stored_names():
        text = (FOLDER / f"{name}.json").read_text("utf-8")
        assert text.isascii(), "a baseline holds no text"
        assert read_baseline(name).set_name == name
    sample, stored = read_set(SAMPLE), read_baseline(SAMPLE)
    assert stored.qrels_sha256 == sample.qrels_sha256
    assert sorted(stored.values) == list(sample.needs)
