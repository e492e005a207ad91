"""Texts to vectors: the only module that knows sentence-transformers.

Nothing is ever downloaded: a model is the built-in one, a folder, or a hub name that some other
program has already put into the local hub cache.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.adapter import BUILTIN_ADAPTER, NO_ADAPTER, Adapter, load_adapter, shipped_adapter
from indexer.builtin import (
    MODEL_NAME,
    PASSAGE_PROMPT,
    QUERY_PROMPT,
    EncoderError,
    ensure_builtin_model,
    verified_hashes,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["BUILTIN", "Encoder", "EncoderConfig", "EncoderError", "SentenceTransformerEncoder"]

BUILTIN = "builtin"

_VERSION = 1  # of how texts become vectors; a change makes indexes stale
_FALLBACK_LIMIT = 512  # tokens, for a model that states none
_TOKENS_PER_TEXT = 256  # a batch holds at most batch_size times this many, padding included
_TOKENIZED_AT_ONCE = 256
_ADVICE = (
    "请把模型文件夹复制到本机，并将 ZHITONG_ENCODER 设为它的路径；或设为 builtin 使用默认模型。"
)

# Ends of sentences, with closing quotes; a full stop within "3.5" is none.
_SENTENCE_END = re.compile(r"(?:[。！？；\n]+|[.!?;]+(?=\s|$))[”’」』）)]*")
_HASHED_SUFFIXES = frozenset((".safetensors", ".bin", ".json", ".txt", ".model"))
_UNUSED_FOLDERS = frozenset(("onnx", "openvino"))


class Encoder(Protocol):
    """Anything that turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over all that decides the vectors: weights, configuration, prompts."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """(len(texts), dimension) unit rows, each the same to the bit in whatever company.

        ``progress`` is called with (done, total).
        """
        ...

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """(len(texts), dimension) unit rows. ``progress`` is called with (done, total)."""
        ...

    def windows(self, text: str, prefix: str = "") -> list[tuple[int, int]]:
        """Character spans ``[start, end)`` that cover ``text`` and can each be read at once.

        ``prefix + text[start:end]`` is a passage the model reads without loss.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Which model, and how it is used."""

    name: str = BUILTIN
    """``builtin``, a preset (see ``_PRESETS``), a hub name or the path of a folder."""

    adapter: str = BUILTIN_ADAPTER
    """``builtin`` (the one shipped for the built-in model; none for any other), ``none``, or the
    path of a file; see ``indexer/adapter.py``."""

    cache_dir: Path
    """Where the built-in model is decoded to; a model folder in here is found by its name."""

    query_prompt: str | None = None
    """Put before queries; None for that of the preset or of the model itself."""

    passage_prompt: str | None = None
    """Put before passages; None for that of the preset or of the model itself."""

    batch_size: int = 32
    """Passages embedded at once; fewer when they are long."""

    window_tokens: int = 256
    """Most tokens of text in a window, prompt and prefix not counted."""

    window_overlap_tokens: int = 32
    """Most tokens a window shares with the one before; at most half of ``window_tokens``."""

    threads: int | None = None
    """Threads torch uses for passages, in the whole process; None for one per core. A query has
    one: there is little to share out, and on a busy machine threads wait for each other."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or (self.threads is not None and self.threads < 1):
            raise ValueError("batch_size and threads are at least 1")
        if self.window_tokens < 32:
            raise ValueError("window_tokens is at least 32")
        if not 0 <= self.window_overlap_tokens <= self.window_tokens // 2:
            raise ValueError("window_overlap_tokens is at most half of window_tokens")


@dataclass(frozen=True, slots=True)
class _Preset:
    hub_name: str
    query_prompt: str
    passage_prompt: str


_PRESETS = {
    "bge-small-zh-v1.5": _Preset(
        "BAAI/bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""
    ),
    "bge-m3": _Preset("BAAI/bge-m3", "", ""),
    "Qwen3-Embedding-0.6B": _Preset(
        "Qwen/Qwen3-Embedding-0.6B",
        "Instruct: Given a technology need, retrieve achievements that answer it\nQuery: ",
        "",
    ),
    **{
        f"multilingual-e5-{size}": _Preset(
            f"intfloat/multilingual-e5-{size}", QUERY_PROMPT, PASSAGE_PROMPT
        )
        for size in ("small", "base", "large")
    },
}
"""By the last part of the name, so that they also hold for ``/models/bge-m3``."""


class SentenceTransformerEncoder:
    """A sentence-transformers model. Threads may share it; they take turns batch by batch.

    A query has the same vector, bit for bit, alone and in any company: a need's ranking must not
    depend on which needs are asked beside it. Passages are embedded in batches, padded to the
    longest: the same ones give the same vectors in any order and with any repetitions, but in
    other company a passage's vector may differ in its last bits.

    Raises:
        EncoderError: the model is not on this machine or cannot be loaded.
    """

    def __init__(self, config: EncoderConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        builtin = config.name == BUILTIN
        preset = _PRESETS.get(Path(config.name).name)
        folder = ensure_builtin_model(config.cache_dir) if builtin else _find(config, preset)
        try:
            self._model = _load(folder, builtin=builtin)
            self.name = MODEL_NAME if builtin else Path(config.name).name
            adapter = _adapter(config, self.name, builtin=builtin)
            if adapter is not None:
                adapter.add_to(_transformer(self._model))
            per_core = _threads()
            self._threads = config.threads or per_core
            dimension = self._model.get_embedding_dimension()
            if dimension is None or self._model.tokenizer is None:
                raise ValueError("not a model of texts")
            files = verified_hashes(folder) if builtin else _hashes(folder)
        except EncoderError:
            raise
        except Exception as error:
            raise EncoderError(f"模型 {config.name} 无法加载（{error}）。{_ADVICE}") from error
        self.dimension = dimension
        self._limit = int(self._model.get_max_seq_length() or _FALLBACK_LIMIT)
        own = self._model.prompts
        self._query_prompt = _first(
            config.query_prompt, preset.query_prompt if preset else None, own.get("query")
        )
        self._passage_prompt = _first(
            config.passage_prompt,
            preset.passage_prompt if preset else None,
            own.get("passage"),
            own.get("document"),
        )
        longest = max(
            self._lengths([""], p)[""] for p in (self._query_prompt, self._passage_prompt)
        )
        if longest > self._limit // 2:
            raise EncoderError(
                f"提示语有 {longest} 个词元，超过模型上限 {self._limit} 的一半。请缩短 "
                "ZHITONG_ENCODER_QUERY_PROMPT 或 ZHITONG_ENCODER_PASSAGE_PROMPT。"
            )
        made_of = {
            "version": _VERSION,
            "files": files,
            "prompts": [self._query_prompt, self._passage_prompt],
            "windows": [config.window_tokens, config.window_overlap_tokens],
        } | ({"adapter": adapter.digest} if adapter is not None else {})
        self.fingerprint = hashlib.sha256(
            json.dumps(made_of, sort_keys=True).encode("ascii")
        ).hexdigest()

    def encode_queries(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """(len(texts), dimension) unit rows; a text beyond the model's limit is the mean of its
        windows, never cut. One text at a time, without padding, so that the others in ``texts``
        change no bit of a row. ``progress`` is called with (done, total)."""
        return self._encode(texts, self._query_prompt, progress, batch_size=1)

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """(len(texts), dimension) unit rows; a text beyond the model's limit is the mean of its
        windows, never cut. In batches: the others in ``texts`` may change the last bits of a
        row. ``progress`` is called with (done, total)."""
        return self._encode(texts, self._passage_prompt, progress, self._config.batch_size)

    def windows(self, text: str, prefix: str = "") -> list[tuple[int, int]]:
        """Character spans ``[start, end)``, overlapping, that cover ``text``; at least one.

        They end at the end of a sentence where there is one in their second half. Each fits the
        model together with prompt and ``prefix``, unless these alone take more than three
        quarters of the model's limit: then ``encode_passages`` has to split them again.
        """
        return self._windows(text, self._passage_prompt + prefix)

    # -- vectors ---------------------------------------------------------------------------

    def _encode(
        self,
        texts: Sequence[str],
        prompt: str,
        progress: Callable[[int, int], None] | None,
        batch_size: int,
    ) -> NDArray[np.float32]:
        lengths = self._lengths(list(dict.fromkeys(texts)), prompt)
        pieces = {
            text: [text]
            if length <= self._limit
            else [text[start:end] for start, end in self._windows(text, prompt)]
            for text, length in lengths.items()
        }
        windows = {p for parts in pieces.values() for p in parts if p not in lengths}
        lengths |= self._lengths(sorted(windows), prompt)
        # Sorted, so that batches depend on nothing but which pieces there are.
        wanted = sorted(
            {piece for parts in pieces.values() for piece in parts},
            key=lambda piece: (-lengths[piece], piece),
        )
        vectors = np.empty((len(wanted), self.dimension), dtype=np.float32)
        threads = self._threads if batch_size > 1 else 1
        done = 0
        for batch in _batches(wanted, lengths, batch_size):
            vectors[done : done + len(batch)] = self._embed(batch, prompt, threads)
            done += len(batch)
            if progress:
                progress(done * len(texts) // len(wanted), len(texts))
        row = {piece: i for i, piece in enumerate(wanted)}
        result = np.empty((len(texts), self.dimension), dtype=np.float32)
        for i, text in enumerate(texts):
            result[i] = _mean(vectors[[row[piece] for piece in pieces[text]]])
        return result

    def _embed(self, batch: Sequence[str], prompt: str, threads: int) -> NDArray[np.float32]:
        import torch

        with self._lock:
            torch.set_num_threads(threads)
            vectors: NDArray[np.float32] = self._model.encode(
                list(batch),
                prompt=prompt,
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return vectors

    # -- tokens ----------------------------------------------------------------------------

    def _tokenize(self, texts: list[str], **options: Any) -> Any:
        # Says itself that nothing is cut: the model's own calls leave it set to cut.
        with self._lock:
            return self._model.tokenizer(
                texts,
                truncation=False,
                padding=False,
                return_attention_mask=False,
                verbose=False,
                **options,
            )

    def _lengths(self, texts: Sequence[str], prompt: str) -> dict[str, int]:
        """Tokens the model reads for each text: prompt and special tokens included."""
        lengths: dict[str, int] = {}
        for start in range(0, len(texts), _TOKENIZED_AT_ONCE):
            some = texts[start : start + _TOKENIZED_AT_ONCE]
            tokens = self._tokenize([prompt + text for text in some])["input_ids"]
            lengths.update(zip(some, map(len, tokens), strict=True))
        return lengths

    def _windows(self, text: str, head: str) -> list[tuple[int, int]]:
        room = self._limit - self._lengths([""], head)[""]
        if room < self._limit // 4:
            head, room = "", self._limit // 4
        room = min(room, self._config.window_tokens)
        spans = self._tokenize([text], add_special_tokens=False, return_offsets_mapping=True)
        starts: list[int] = [start for start, _ in spans["offset_mapping"][0]]
        sentence_ends = [match.end() for match in _SENTENCE_END.finditer(text)]

        def window_end(start: int) -> int:
            first, size = bisect_left(starts, start), room
            while True:
                end = len(text) if first + size >= len(starts) else starts[first + size]
                if end < len(text):
                    last = bisect_right(sentence_ends, end) - 1
                    if last >= 0 and sentence_ends[last] > starts[first + size // 2]:
                        end = sentence_ends[last]
                end = max(end, start + 1)
                # Cut out of its text, a piece may have other tokens, and more of them.
                piece = text[start:end]
                if size == 1 or self._lengths([piece], head)[piece] <= self._limit:
                    return end
                size = max(1, size * 7 // 8)

        def next_start(end: int) -> int:
            token = max(bisect_left(starts, end) - self._config.window_overlap_tokens, 0)
            sentence = bisect_left(sentence_ends, starts[token])
            if sentence < len(sentence_ends) and sentence_ends[sentence] < end:
                return sentence_ends[sentence]
            return min(starts[token], end)

        start, end = 0, min(window_end(0), len(text))
        found = [(start, end)]
        while end < len(text):
            start = max(next_start(end), start + 1)
            reached = window_end(start)
            if reached <= end:  # the overlap filled the window
                start, reached = end, window_end(end)
            end = reached
            found.append((start, end))
        return found


def _batches(pieces: Sequence[str], lengths: dict[str, int], most: int) -> Iterator[Sequence[str]]:
    """Cut ``pieces``, longest first, into batches of at most ``most``."""
    start = 0
    while start < len(pieces):
        room = most * _TOKENS_PER_TEXT
        size = min(most, max(1, room // lengths[pieces[start]]))
        yield pieces[start : start + size]
        start += size


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(vectors) == 1:
        only: NDArray[np.float32] = vectors[0]
        return only
    mean = vectors.mean(axis=0, dtype=np.float64)
    unit: NDArray[np.float32] = (mean / np.linalg.norm(mean)).astype(np.float32)
    return unit


def _first(*choices: str | None) -> str:
    return next((choice for choice in choices if choice is not None), "")


# -- finding and loading ---------------------------------------------------------------------


def _find(config: EncoderConfig, preset: _Preset | None) -> Path:
    """The folder of a model on this machine."""
    path = Path(config.name)
    for folder in (path.expanduser(), config.cache_dir / path.name):
        if any((folder / name).is_file() for name in ("modules.json", "config.json")):
            return folder
    from huggingface_hub import snapshot_download

    hub_name = preset.hub_name if preset else config.name
    try:
        return Path(snapshot_download(hub_name, local_files_only=True))
    except (OSError, ValueError) as error:
        raise EncoderError(f"本机没有模型 {config.name}（程序不会联网下载）。{_ADVICE}") from error


@functools.cache
def _threads() -> int:
    """One per core, as torch chose before any encoder set another number."""
    import torch

    return torch.get_num_threads()


def _load(folder: Path, *, builtin: bool) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    with _quiet():
        model = SentenceTransformer(
            str(folder),
            local_files_only=True,
            model_kwargs={"dtype": "float16" if builtin else "float32"},
        )
    if builtin:
        _compute_in_float32(model)
    return model.eval()


def _adapter(config: EncoderConfig, model: str, *, builtin: bool) -> Adapter | None:
    if config.adapter == NO_ADAPTER or (config.adapter == BUILTIN_ADAPTER and not builtin):
        return None
    given = config.adapter
    path = shipped_adapter() if given == BUILTIN_ADAPTER else Path(given).expanduser()
    return load_adapter(path, model)


def _transformer(model: SentenceTransformer) -> Any:
    transformer: Any = model[0]
    return transformer.auto_model


def _compute_in_float32(model: SentenceTransformer) -> None:
    """Widen all but the word embeddings: two thirds of the model, of which a text needs few rows.

    These stay in the file's float16 and are widened as they are looked up.
    """
    words = _transformer(model).get_input_embeddings()
    for parameter in model.parameters():
        if parameter is not words.weight:
            parameter.data = parameter.data.float()
    words.register_forward_hook(lambda _module, _inputs, rows: rows.float())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and notes of transformers, whose settings are the process's."""
    from transformers.utils import logging as untyped

    logging: Any = untyped
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _hashes(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256 (hex) of every file of a model folder that decides its vectors."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix in _HASHED_SUFFIXES and _UNUSED_FOLDERS.isdisjoint(relative.parts):
            with path.open("rb") as file:
                hashes[relative.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes
