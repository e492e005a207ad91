"""Low-rank adapters: added once to the weights, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from indexer.adapter import FORMAT, Adapter, load_adapter, shipped_adapter
from indexer.builtin import MODEL_NAME, EncoderError


def _file(path: Path, tensors: dict[str, Any] | None = None, **metadata: str) -> Path:
    tensors = tensors or {"lin.up": torch.ones(3, 2).half(), "lin.down": torch.ones(2, 4).half()}
    save_file(
        tensors,
        path,
        metadata={"format": FORMAT, "name": "试验", "base": "m", "scale": "0.5"} | metadata,
    )
    return path


class _Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin = torch.nn.Linear(4, 3)


def test_the_product_of_up_and_down_is_added_to_the_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    up, down = torch.randn(3, 2).half(), torch.randn(2, 4).half()
    adapter = load_adapter(_file(tmp_path / "a", {"lin.up": up, "lin.down": down}), "m")
    model, x = _Model(), torch.randn(5, 4)
    expected = model.lin(x) + 0.5 * (x @ down.float().T) @ up.float().T
    adapter.add_to(model)
    assert torch.allclose(model.lin(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        (None, {"base": "another"}, "是为模型 another 训练的"),
        (None, {"format": "x"}, "无法读取"),
        (None, {"scale": "much"}, "无法读取"),
        ({"lin.up": torch.ones(3, 2)}, {}, "无法读取"),
        ({"lin.up": torch.ones(3, 2), "lin.down": torch.ones(1, 4)}, {}, "无法读取"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, tensors: dict[str, Any] | None, metadata: dict[str, str], message: str
) -> None:
    with pytest.raises(EncoderError, match=message):
        load_adapter(_file(tmp_path / "a", tensors, **metadata), "m")


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path / "a")
    content = path.read_bytes()
    for end in range(0, len(content) - 1, 7):
        path.write_bytes(content[:end])
        with pytest.raises(EncoderError, match="ZHITONG_ADAPTER"):
            load_adapter(path, "m")
    with pytest.raises(EncoderError, match="ZHITONG_ADAPTER"):
        load_adapter(tmp_path / "none", "m")


def test_a_model_of_another_shape_is_left_as_it_was(tmp_path: Path) -> None:
    tensors = {
        "lin.up": torch.ones(3, 2),
        "lin.down": torch.ones(2, 4),
        "other.up": torch.ones(3, 2),
        "other.down": torch.ones(2, 4),
    }
    adapter = load_adapter(_file(tmp_path / "a", tensors), "m")
    model = _Model()
    before = model.lin.weight.detach().clone()
    with pytest.raises(EncoderError, match="没有 other 层"):
        adapter.add_to(model)
    assert torch.equal(model.lin.weight, before)
    model.lin = torch.nn.Linear(5, 3)
    with pytest.raises(EncoderError, match="大小不同"):
        Adapter("a", "m", 1.0, "", {"lin": adapter.layers["lin"]}).add_to(model)


def test_the_shipped_adapter_is_small_and_made_for_the_default_model() -> None:
    path = shipped_adapter()
    assert path.stat().st_size < 4 * 1024 * 1024
    assert len(load_adapter(path, MODEL_NAME).layers) == 72
    assert path.with_suffix(".md").is_file()
