"""Training an adapter: it starts as nothing, learns, and draws the same texts for a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel

from eval.training.adapter import Trainer, main, train
from eval.training.lora import LowRank, adapt, convert, state
from eval.training.pairs import BATCH, Batch, Pairs
from indexer.adapter import load_adapter
from indexer.builtin import MODEL_NAME

LANGUAGES = ("zh", "ja", "ko", "en", "de")
_WORDS = list("钢渣粉磨陶瓷釉料海参育苗水泥窑炉除尘焊接")


def _model() -> Any:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    return BertModel(config, add_pooling_layer=False).train(False)


class _Tokenizer:
    """A number for each character, of its own for the known ones."""

    def __call__(self, texts: list[str], **_: object) -> dict[str, torch.Tensor]:
        rows = [[_number(c) for c in text][:30] for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": (ids > 0).long()}


def _number(character: str) -> int:
    return _WORDS.index(character) + 1 if character in _WORDS else 32 + ord(character) % 32


def test_an_adapter_starts_as_nothing_and_merging_equals_running(tmp_path: Path) -> None:
    model, same = _model(), _model()
    ids = torch.arange(1, 13).reshape(2, 6)
    before = model(input_ids=ids).last_hidden_state
    trained = adapt(model)
    assert torch.equal(model(input_ids=ids).last_hidden_state, before)
    with torch.no_grad():
        for parameter in trained:
            parameter.copy_(torch.randn_like(parameter).half() * 0.1)
    convert(state(model), tmp_path / "a", "试验", {"steps": "1"})
    load_adapter(tmp_path / "a", MODEL_NAME).add_to(same)
    merged = same(input_ids=ids).last_hidden_state
    assert not torch.allclose(merged, before, atol=1e-3)
    assert torch.allclose(merged, model(input_ids=ids).last_hidden_state, atol=1e-4)


def test_the_frozen_layer_stays_as_it_is() -> None:
    layer = LowRank(torch.nn.Linear(4, 3).requires_grad_(False))
    assert {name for name, p in layer.named_parameters() if p.requires_grad} == {"a", "b"}


def test_a_converted_state_is_read_back_as_it_was(tmp_path: Path) -> None:
    model = _model()
    adapt(model)
    trained = {key: torch.randn_like(value) for key, value in state(model).items()}
    convert(trained, tmp_path / "a", "试验", {"seed": "7", "format": "别的"})
    adapter = load_adapter(tmp_path / "a", MODEL_NAME)
    assert (adapter.name, adapter.scale) == ("试验", 2.0)
    read = {
        f"{layer}.{part}": tensor
        for layer, (up, down) in adapter.layers.items()
        for part, tensor in (("a", down), ("b", up))
    }
    assert len(read) == 2 * 6 * 2  # a and b of six layers in two blocks
    assert read.keys() == trained.keys()
    assert all(torch.equal(read[key], trained[key].half()) for key in trained)
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert file.metadata()["seed"] == "7"


@pytest.mark.parametrize(
    "state_of",
    [
        {},
        {"x.a": torch.ones(2, 3)},
        {"x.a": torch.ones(2, 3), "x.b": torch.ones(3, 2), "x.c": torch.ones(1)},
        {"x.a": torch.ones(2, 3), "x.b": torch.full((3, 2), 1e6)},
    ],
)
def test_what_is_no_adapter_or_too_large_is_not_written(
    state_of: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"every layer|float16"):
        convert(state_of, tmp_path / "a", "试验", {})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("graded", [False, True])
def test_a_few_steps_bring_together_what_belongs_together(graded: bool) -> None:
    batch = Batch(
        "toy",
        ["钢渣", "陶瓷", "海参", "水泥"],
        ["粉磨", "釉料", "育苗", "窑炉"],
        [[2, 1, 0, 0], [1, 2, 0, 0], [0, 0, 2, 1], [0, 0, 1, 2]] if graded else None,
    )
    trainer = Trainer(_model(), _Tokenizer(), steps=1000)
    losses = [trainer.step(batch) for _ in range(60)]
    assert losses[-1] < 0.75 * losses[0]


def _data(folder: Path) -> Path:
    def put(path: str, rows: list[dict[str, Any]]) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / path).write_text("\n".join(lines) + "\n", encoding="utf-8")

    many = range(2 * BATCH + 10)
    listed = [
        {"name": f"成果{i}", "context": f"正文{i}" * 40, "industry": f"门{i % 3}-类{i % 7}"}
        for i in many
    ]
    put("listings/achievements.jsonl", listed)
    put("listings/needs.jsonl", listed)
    papers = [{"title": f"论文{i}", "abstract": f"摘要{i}", "keywords": [f"词{i}"]} for i in many]
    put("papers/papers.jsonl", papers)
    for language in LANGUAGES:
        rows = [
            {"patent_id": f"P{i}", "title": f"{language}{i}", "abstract": f"{language} a {i}"}
            for i in many
        ]
        put(f"patents/{language}.jsonl", rows)
    return folder


def test_batches_are_the_same_for_a_seed_and_never_hold_what_is_held_out(tmp_path: Path) -> None:
    data = _data(tmp_path)
    first, again, other = (Pairs(data, seed, 0.5) for seed in (1, 1, 2))
    batches = [first.batch(step) for step in range(27)]
    assert batches == [again.batch(step) for step in range(27)]
    assert batches != [other.batch(step) for step in range(27)]
    assert len(first.held_out) == BATCH + 5
    numbers = {patent.removeprefix("P") for patent in first.held_out}
    for batch in batches:
        assert len(batch.queries) == len(batch.passages) or batch.grades is not None
        if batch.task == "translated":
            said = {text.split(": ")[1].split("\n")[0] for text in batch.queries + batch.passages}
            assert (
                not {f"{lang}{i}" for lang in ("zh", "ja", "ko", "en", "de") for i in numbers}
                & said
            )
        if batch.grades is not None:
            assert all(row[place] == 2 for place, row in enumerate(batch.grades))


def test_a_title_of_the_same_field_is_another_one_where_there_is_one(tmp_path: Path) -> None:
    data = _data(tmp_path)
    path = data / "listings/achievements.jsonl"
    alone = {"name": "独一项", "context": "正文", "industry": "独门-独类"}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(alone, ensure_ascii=False) + "\n")
    pairs = Pairs(data, 1, 0.5)
    seen_alone = False
    for _ in range(60):
        batch = pairs.batch(8)  # the ninth of the round
        assert batch.task == "fields"
        for query, offered in zip(batch.queries, batch.passages, strict=False):
            alike = query.removeprefix("query: ") == offered.removeprefix("passage: ")
            assert alike == query.endswith("独一项")
            seen_alone |= alike
    assert seen_alone


def test_training_prints_losses_and_says_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(_model(), _Tokenizer(), steps=20)
    assert list(train(trainer, Pairs(_data(tmp_path), 1, 0.5), 20)) == [18, 20]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["18/20", "20/20"]
    assert all(f"{task} " in lines[0] for task in ("achievements", "needs", "papers", "fields"))


@pytest.mark.parametrize("wrong", [["--steps", "0"], ["--held-out-patents", "1.5"]])
def test_impossible_options_are_refused_before_anything_is_loaded(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["nowhere", "out", *wrong])
    assert refused.value.code == 2
