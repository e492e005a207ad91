"""Low-rank adaptation of a transformer's linear layers (Hu et al., LoRA, ICLR 2022)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from indexer.adapter import FORMAT
from indexer.builtin import MODEL_NAME

RANK = 16
ALPHA = 32.0
_LAYERS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class LowRank(nn.Module):
    """A frozen linear layer plus ``scale · b · a``; ``b`` starts at 0, so nothing changes.

    ``a`` (rank, in) and ``b`` (out, rank) are A and B of the paper, ``scale`` its α / r.
    """

    def __init__(self, linear: nn.Linear, rank: int = RANK, alpha: float = ALPHA) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.empty(rank, linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))
        self.scale = alpha / rank
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The layer's output."""
        # The frozen part first: gradients are added up in the order of these calls, in bfloat16,
        # and another order would not make the shipped adapter again.
        frozen: torch.Tensor = self.linear(inputs)
        added = nn.functional.linear(nn.functional.linear(inputs, self.a), self.b)
        return frozen + added * self.scale


def adapt(model: Any) -> list[nn.Parameter]:
    """Freeze a BERT-like model and put a ``LowRank`` around every linear layer of its blocks.

    Returns what is to be trained.
    """
    for parameter in model.parameters():
        parameter.requires_grad = False
    for block in model.encoder.layer:
        for name in _LAYERS:
            parent = block.get_submodule(name.rpartition(".")[0])
            child = name.rpartition(".")[2]
            setattr(parent, child, LowRank(getattr(parent, child)))
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def state(model: Any) -> dict[str, torch.Tensor]:
    """What is trained, by name: ``a`` and ``b`` of every adapted layer, such as
    ``encoder.layer.0.attention.self.query.a``."""
    return {key: value.detach() for key, value in model.named_parameters() if value.requires_grad}


def convert(
    state: Mapping[str, torch.Tensor], path: Path, name: str, metadata: Mapping[str, str]
) -> None:
    """Write a ``state`` as an adapter of the default model, in float16 (``indexer/adapter.py``).

    Raises:
        ValueError: it is not an ``a`` and a ``b`` for every layer, or a value is beyond float16.
    """
    layers = sorted({key.rpartition(".")[0] for key in state})
    if not layers or set(state) != {f"{layer}.{part}" for layer in layers for part in "ab"}:
        raise ValueError("not an a and a b for every layer")
    tensors = {}
    for layer in layers:
        for part, written in (("a", "down"), ("b", "up")):
            half = state[f"{layer}.{part}"].detach().half().contiguous()
            if not half.isfinite().all():
                raise ValueError(f"{layer}.{part} has values that float16 cannot hold")
            tensors[f"{layer}.{written}"] = half
    fixed = {"format": FORMAT, "name": name, "base": MODEL_NAME, "scale": str(ALPHA / RANK)}
    save_file(tensors, path, metadata={**metadata, **fixed})
