"""Train an adapter of the default model on texts that belong together.

    python -m eval.training.adapter DATA OUT.safetensors [--steps 324] [--seed 0]
        [--held-out-patents 0.5]

Method: low-rank adapters (rank 16) on every linear layer, all else frozen; in-batch contrastive
loss in both directions (InfoNCE, van den Oord et al. 2018; τ = 0.03) over title ↔ body and
Chinese ↔ foreign title, and CoSENT (Su 2022; τ = 0.05) over titles of the same technology field;
AdamW with warm-up and linear decay, bfloat16. Some 40 minutes on two busy cores. The file is
written every 54 steps. On one machine the same data and seed give the same weights, bit for bit.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy, normalize

from eval.training.lora import adapt, convert, state
from eval.training.pairs import Batch, Pairs
from indexer.builtin import ensure_builtin_model

LEARNING_RATE = 4e-4
WEIGHT_DECAY = 0.01
WARM_UP = 40
CONTRAST, CONTRAST_FIELDS = 0.03, 0.05
MAX_TOKENS, MAX_TOKENS_FIELDS = 128, 48
THREADS = 2  # more or fewer add up in another order, and the last bits differ
_REPORT = 18


class Trainer:
    """A model with its adapter in training."""

    def __init__(self, model: Any, tokenizer: Any, steps: int) -> None:
        self.model = model.eval()  # no dropout: the adapter is small
        self._tokenizer = tokenizer
        self._parameters = adapt(model)
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer,
            lambda step: min(1.0, (step + 1) / WARM_UP) * max(0.05, 1 - step / steps),
        )

    def step(self, batch: Batch) -> float:
        """Learn from one batch; its loss."""
        most = MAX_TOKENS if batch.grades is None else MAX_TOKENS_FIELDS
        vectors = self.vectors(batch.queries + batch.passages, most)
        queries, passages = vectors[: len(batch.queries)], vectors[len(batch.queries) :]
        cosines = queries @ passages.T
        if batch.grades is None:
            loss = _contrastive(cosines / CONTRAST)
        else:
            loss = _cosent(cosines, torch.tensor(batch.grades))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        self._schedule.step()
        return float(loss.detach())

    def vectors(self, texts: list[str], most: int) -> torch.Tensor:
        """(len(texts), dimension) unit rows: the mean of the last states of ``most`` tokens."""
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=most, return_tensors="pt"
        )
        mask = tokens["attention_mask"]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.model(input_ids=tokens["input_ids"], attention_mask=mask)
        weights = mask.unsqueeze(-1).float()
        means = (states.last_hidden_state.float() * weights).sum(1) / weights.sum(1)
        return normalize(means, dim=-1)


def _contrastive(logits: torch.Tensor) -> torch.Tensor:
    own = torch.arange(len(logits))
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def _cosent(cosines: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Of any two passages of a query, the better grade is to be nearer."""
    worse = grades.unsqueeze(2) < grades.unsqueeze(1)
    excess = ((cosines.unsqueeze(2) - cosines.unsqueeze(1)) / CONTRAST_FIELDS)[worse]
    total = torch.logsumexp(torch.cat([torch.zeros(1), excess]), 0)
    return total / math.log(max(len(excess), 2))


def train(trainer: Trainer, pairs: Pairs, steps: int) -> Iterator[int]:
    """Take ``steps`` steps, printing running mean losses; yields how many when it has printed."""
    means: dict[str, float] = {}
    started = time.monotonic()
    for done in range(1, steps + 1):
        batch = pairs.batch(done - 1)
        loss = trainer.step(batch)
        means[batch.task] = 0.9 * means.get(batch.task, loss) + 0.1 * loss
        if done % _REPORT == 0 or done == steps:
            shown = "  ".join(f"{task} {mean:.3f}" for task, mean in means.items())
            passed = time.monotonic() - started
            sys.stdout.write(f"{done}/{steps}  {passed:.0f} s  loss: {shown}\n")
            sys.stdout.flush()
            yield done


def load_base() -> tuple[Any, Any]:
    """The default model, in float32 and without an adapter, and its tokenizer."""
    from transformers import AutoModel, AutoTokenizer

    folder = str(ensure_builtin_model(Path(tempfile.gettempdir()) / "zhitong-bench"))
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    return model, AutoTokenizer.from_pretrained(folder)


def main(arguments: list[str]) -> None:
    """Train and write."""
    options = _options(arguments)
    torch.set_num_threads(THREADS)
    torch.manual_seed(options.seed)
    pairs = Pairs(options.data, options.seed, options.held_out_patents)
    sys.stdout.write(f"{len(pairs.held_out)} translated patents are held out\n")
    trainer = Trainer(*load_base(), options.steps)
    metadata = {
        "data": "titles and bodies of listings, papers, patents; translated titles; fields",
        "steps": str(options.steps),
        "seed": str(options.seed),
        "held_out_patents": str(options.held_out_patents),
        "created_with": f"torch {torch.__version__}",
    }
    for done in train(trainer, pairs, options.steps):
        if done % (3 * _REPORT) == 0 or done == options.steps:
            convert(state(trainer.model), options.out, options.name, metadata)
    sys.stdout.write(f"{options.out}: {options.out.stat().st_size:,} bytes\n")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with listings, papers, patents")
    parser.add_argument("out", type=Path, help="the safetensors file to write")
    parser.add_argument("--name", default="transfer-1", help="kept in the file")
    parser.add_argument("--steps", type=int, default=324)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--held-out-patents", type=float, default=0.5, metavar="SHARE", help="0–1, default 0.5"
    )
    options = parser.parse_args(arguments)
    if options.steps < 1 or not 0 <= options.held_out_patents <= 1:
        parser.error("--steps is at least 1, --held-out-patents between 0 and 1")
    return options


if __name__ == "__main__":
    main(sys.argv[1:])
