"""Low-rank adapters: a few megabytes that fit a model to this task, added to its weights once.

An adapter is one safetensors file. For an adapted linear layer ``L`` of the transformer it holds
``L.down`` (rank, in) and ``L.up`` (out, rank) in float16; its metadata say for which model it was
made (``base``), the ``scale``, and how it was trained. What a layer computes with it is

    (W + scale · up · down) x + b        (Hu et al., LoRA, ICLR 2022)

so that it costs nothing once it is loaded. How one is trained: ``eval/training``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from indexer.builtin import EncoderError

FORMAT = "zhitong-adapter-1"
BUILTIN_ADAPTER = "builtin"
NO_ADAPTER = "none"
_SHIPPED = "transfer-1.safetensors"
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Adapter:
    """An opened adapter. ``layers`` maps the name of a linear layer to (up, down) tensors."""

    name: str
    base: str
    scale: float
    digest: str
    """SHA-256 (hex) of the file."""
    layers: dict[str, tuple[Any, Any]]

    def add_to(self, transformer: Any) -> None:
        """Add to the weights of a model, in place.

        Raises:
            EncoderError: a layer is missing or has another shape: nothing is changed then.
        """
        import torch

        weights = []
        for layer, (up, down) in self.layers.items():
            try:
                weight = transformer.get_submodule(layer).weight
            except AttributeError as error:
                raise EncoderError(f"适配器 {self.name} 与模型不符：没有 {layer} 层。") from error
            if weight.shape != (up.shape[0], down.shape[1]):
                raise EncoderError(f"适配器 {self.name} 与模型不符：{layer} 层的大小不同。")
            weights.append((weight, up, down))
        with torch.no_grad():
            for weight, up, down in weights:
                weight += (self.scale * (up.float() @ down.float())).to(weight.dtype)


def shipped_adapter() -> Path:
    """The adapter that comes with the default model."""
    return Path(str(resources.files("indexer.resources").joinpath(_SHIPPED)))


def load_adapter(path: Path, base: str) -> Adapter:
    """Open an adapter made for the model ``base``.

    Raises:
        EncoderError: it cannot be read, is no adapter, or was made for another model.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large for an adapter")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise ValueError(f"the file's format is not {FORMAT}")
        scale = float(metadata["scale"])
        name, made_for = metadata["name"], metadata["base"]
        layers = _paired(tensors)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise EncoderError(
            f"适配器 {path} 无法读取（{error}）。请检查 ZHITONG_ADAPTER，或设为 none 不用适配器。"
        ) from error
    if made_for != base:
        raise EncoderError(
            f"适配器 {name} 是为模型 {made_for} 训练的，现在的模型是 {base}。"
            "请换成相应的适配器，或把 ZHITONG_ADAPTER 设为 none。"
        )
    return Adapter(name, made_for, scale, digest, layers)


def _paired(tensors: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    layers = sorted({name.rpartition(".")[0] for name in tensors})
    wanted = {f"{layer}.{part}" for layer in layers for part in ("up", "down")}
    if not layers or wanted != set(tensors):
        raise ValueError("not an up and a down for every layer")
    pairs = {layer: (tensors[f"{layer}.up"], tensors[f"{layer}.down"]) for layer in layers}
    for up, down in pairs.values():
        if up.ndim != 2 or down.ndim != 2 or up.shape[1] != down.shape[0]:
            raise ValueError("up and down do not fit each other")
    return pairs
