"""Technology field and industry, suggested from a record's title and text.

A plain linear model over hashed character n-grams (``ngrams``), read from
``resources/fields.npz``; what it was trained on, how well it does and where it fails stands in
``resources/fields.md``. It was trained by ``eval/bench/fields.py``. Only numpy is needed to use it.
"""

from __future__ import annotations

import functools
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from corpus.industries import industry_of
from corpus.model import CorpusError
from corpus.ngrams import Counts, NgramConfig, count

THRESHOLD = 0.5
"""A value is suggested from this probability on: more likely right than wrong. Not tuned."""

HEADS = ("technology_field", "section", "division")
"""What the model decides: ten-way field, 门类, and 大类 given everything."""

_MAGIC = b"PK\x03\x04"
_ROWS_AT_ONCE = 128
_NOT_SUGGESTED = "其他"
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_FOREIGN = re.compile(r"[\u3040-\u30ff\uac00-\ud7a3]")
# Japanese holds kana and Korean hangul in nearly every phrase; a Chinese text at most quotes one.
_FOREIGN_SHARE = 0.1
_MIN_HAN = 4
_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class FieldSuggestion:
    """Suggested values and their probabilities, 0 … 1; '' where nothing is probable enough.

    ``industry`` is the name of a 大类 of GB/T 4754-2017 where one is probable enough, else of
    a 门类. The probability is that of the value; of the best candidate where there is none.
    """

    technology_field: str = ""
    technology_field_probability: float = 0.0
    industry: str = ""
    industry_probability: float = 0.0


@dataclass(frozen=True, slots=True)
class FieldModel:
    """Weights of all heads side by side. ``labels[i]`` names the columns of ``HEADS[i]``.

    Probabilities of a head are the softmax of its columns of ``features @ weights + bias``; the
    head's temperature is already in them. An empty label is "none of the named".
    """

    ngrams: NgramConfig
    labels: tuple[tuple[str, ...], ...]
    idf: NDArray[np.float32]  # (buckets,)
    weights: NDArray[np.float32]  # (buckets, columns)
    bias: NDArray[np.float32]  # (columns,)

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> list[NDArray[np.float32]]:
        """For each head (rows, labels): probabilities that add up to 1 in a row."""
        rows = features(count(pairs, self.ngrams), self.idf)
        logits = np.tile(self.bias, (len(pairs), 1))
        filled = np.flatnonzero(np.diff(rows.starts))
        if len(filled):
            parts = self.weights[rows.buckets] * rows.values[:, None]
            logits[filled] += np.add.reduceat(parts, rows.starts[filled], axis=0)
        bounds = np.cumsum([len(names) for names in self.labels])[:-1]
        return [_softmax(part) for part in np.split(logits, bounds, axis=1)]

    def to_bytes(self) -> bytes:
        """The resource: a zip of plain arrays, weights in float16; equal models, equal bytes."""
        c = self.ngrams
        numbers = [c.shortest, c.longest, c.bits, c.title_weight, c.max_chars]
        arrays = {
            "ngrams": np.array(numbers),
            "idf": self.idf.astype(np.float16),
            "weights": self.weights.astype(np.float16),
            "bias": self.bias.astype(np.float32),
        }
        for head, names in zip(HEADS, self.labels, strict=True):
            arrays[f"labels_{head}"] = np.array(names)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                # A fixed time: np.savez is free to write the clock's.
                entry = zipfile.ZipInfo(f"{name}.npy", _TIME)
                archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> FieldModel:
        """Read what ``to_bytes`` wrote. Raises CorpusError where it is damaged."""
        try:
            if not content.startswith(_MAGIC):
                raise ValueError("not a zip file")
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                shortest, longest, bits, weight, chars = (float(v) for v in arrays["ngrams"])
                model = cls(
                    NgramConfig(int(shortest), int(longest), int(bits), weight, int(chars)),
                    tuple(tuple(map(str, arrays[f"labels_{head}"])) for head in HEADS),
                    arrays["idf"].astype(np.float32),
                    arrays["weights"].astype(np.float32),
                    arrays["bias"].astype(np.float32),
                )
            columns = sum(map(len, model.labels))
            if model.weights.shape != (1 << int(bits), columns) or len(model.bias) != columns:
                raise ValueError("shapes do not fit each other")
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise CorpusError(
                f"领域建议模型 fields.npz 无法读取（{error}）。请重新安装本程序。"
            ) from error
        return model


def features(counts: Counts, idf: NDArray[np.float32]) -> Counts:
    """(1 + ln count) · idf, each row scaled to unit length (Salton & Buckley 1988)."""
    values = (1 + np.log(np.maximum(counts.values, 1))) * idf[counts.buckets]
    filled = np.flatnonzero(np.diff(counts.starts))
    lengths = np.ones(len(counts.starts) - 1, dtype=np.float32)
    if len(filled):
        lengths[filled] = np.sqrt(np.add.reduceat(values**2, counts.starts[filled]))
    scale = np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.starts))
    return Counts(counts.starts, counts.buckets, (values / scale).astype(np.float32))


def suggest_fields(title: str, text: str) -> FieldSuggestion:
    """Field and industry of one record; see ``suggest_many``."""
    return suggest_many([(title, text)])[0]


def suggest_many(pairs: Sequence[tuple[str, str]]) -> list[FieldSuggestion]:
    """A suggestion of the shipped model for every (title, text), in order; see ``suggestions``."""
    return suggestions(default_model(), pairs)


def suggestions(model: FieldModel, pairs: Sequence[tuple[str, str]]) -> list[FieldSuggestion]:
    """What ``model`` suggests for every (title, text), in order.

    Nothing is suggested for a text that is not Chinese or nearly empty, and never 其他, which
    would say nothing. Each row's suggestion does not depend on the others.
    """
    found: list[FieldSuggestion] = []
    for start in range(0, len(pairs), _ROWS_AT_ONCE):
        part = pairs[start : start + _ROWS_AT_ONCE]
        field, section, division = model.probabilities(part)
        for row, (title, text) in enumerate(part):
            if _is_chinese(title[: model.ngrams.max_chars], text[: model.ngrams.max_chars]):
                found.append(
                    FieldSuggestion(
                        *_field(field[row], model.labels[0]),
                        *_industry(section[row], division[row], model.labels[1], model.labels[2]),
                    )
                )
            else:
                found.append(FieldSuggestion())
    return found


@functools.cache
def default_model() -> FieldModel:
    """The model shipped in ``resources``, read once."""
    return FieldModel.from_bytes(
        resources.files("corpus.resources").joinpath("fields.npz").read_bytes()
    )


def _field(chances: NDArray[np.float32], labels: Sequence[str]) -> tuple[str, float]:
    best = int(chances.argmax())
    chance = float(chances[best])
    named = chance >= THRESHOLD and labels[best] not in ("", _NOT_SUGGESTED)
    return (labels[best] if named else "", chance)


def _industry(
    sections: NDArray[np.float32],
    divisions: NDArray[np.float32],
    section_names: Sequence[str],
    division_names: Sequence[str],
) -> tuple[str, float]:
    """P(大类) = P(门类) · P(大类 | 门类), the second from the division head's columns of it.

    A section's own name among the divisions stands for its divisions too rare to be learned.
    """
    best = int(sections.argmax())
    section, chance = section_names[best], float(sections[best])
    if not section or chance < THRESHOLD:
        return "", chance
    inside = [i for i, name in enumerate(division_names) if _section_of(name) == section]
    if inside:
        chosen = max(inside, key=lambda i: float(divisions[i]))
        joint = chance * float(divisions[chosen]) / max(float(divisions[inside].sum()), 1e-12)
        if joint >= THRESHOLD and division_names[chosen] != section:
            return division_names[chosen], joint
    return section, chance


@functools.cache
def _section_of(name: str) -> str:
    entry = industry_of(name)
    return entry.section if entry else ""


def _is_chinese(title: str, text: str) -> bool:
    whole = title + text
    han = len(whole) - len(_HAN.sub("", whole))
    foreign = len(whole) - len(_FOREIGN.sub("", whole))
    return han >= _MIN_HAN and foreign <= _FOREIGN_SHARE * han


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float32)
