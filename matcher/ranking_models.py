"""Ranking models as they are kept: which one answers, which did before, and who decided so.

What is in a model is no matter here: a name and a small JSON object. A model begins to answer by
``promote`` only, which wants the result of the gate; nothing is promoted by itself. ``rollback``
takes the answering model out of service, and the one that was promoted before it answers again;
before the first one, that which ships with the program (None here).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NoReturn

from matcher.canonical import canonical, content_hash
from matcher.errors import MatchError

NAME_LENGTH = 100
SIZE_LIMIT_BYTES = 4 * 1024**2
"""Models are tables of weights; a larger file is something else."""


class RankingError(MatchError):
    """A model that cannot be read, found, promoted or rolled back; the message says what to do."""


@dataclass(frozen=True)
class RankingModel:
    """A name and what the ranking is computed from. Equal content, equal hash."""

    name: str
    content: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The content as it is kept.

        Raises:
            MatchError: it is no JSON.
        """
        return canonical(self.content, f"排序模型 {self.name} ")

    @cached_property
    def hash(self) -> str:
        """SHA-256 of ``text``: names the model."""
        return content_hash(self.text)


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gate found. ``report`` is kept as it is; where it holds a ``model_hash``, that is
    the model it was found for."""

    passed: bool
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model in the database. ``promoted_at``, ``retired_at``: the last time of each."""

    id: int
    model: RankingModel
    note: str
    created_at: datetime
    promoted_at: datetime | None
    retired_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether it answers now."""
        return self.promoted_at is not None and self.retired_at is None


class RankingAction(StrEnum):
    """What was done."""

    PROMOTED = "启用"
    ROLLED_BACK = "退回"


@dataclass(frozen=True, slots=True)
class RankingEvent:
    """One act; ``model_hash`` is what was promoted, or taken out of service by a rollback."""

    action: RankingAction
    model_hash: str
    who: str
    note: str
    happened_at: datetime
    gate: GateResult | None


def promoted(events: Iterable[tuple[RankingAction, str]]) -> list[str]:
    """Hashes of the models that a rollback would pass through, the answering one last."""
    stack: list[str] = []
    for action, model_hash in events:
        if action is RankingAction.PROMOTED:
            stack.append(model_hash)
        else:
            stack.pop()
    return stack


def check_gate(model: RankingModel, gate: GateResult, force: bool, note: str) -> None:
    """Whether a model may begin to answer.

    Raises:
        RankingError: the gate has not passed and nobody says in a note why it should be so all
            the same, or the gate was run for another model.
    """
    measured = gate.report.get("model_hash", model.hash)
    if measured != model.hash:
        raise RankingError(
            f"这份检验结果是另一个模型（{str(measured)[:12]}）的，不是 {model.hash[:12]} 的。"
            "请对要启用的模型重新检验。"
        )
    if gate.passed:
        return
    if not force:
        raise RankingError(
            f"排序模型 {model.name} 没有通过检验，不能启用。请看检验报告；确有理由时用 --force，"
            "并用 --note 写明理由。"
        )
    if not note.strip():
        raise RankingError("强行启用没有通过检验的模型，必须用 --note 写明理由。")


def checked_name(name: str) -> str:
    """The name without blanks around it.

    Raises:
        RankingError: it is empty, too long, or no database takes it.
    """
    stripped = name.strip()
    bad = "\0" in stripped or any("\ud800" <= char <= "\udfff" for char in stripped)
    if bad or not 0 < len(stripped) <= NAME_LENGTH:
        raise RankingError(f"排序模型要有 1 到 {NAME_LENGTH} 个字的名称，不含不能识别的字符。")
    return stripped


def read_object(content: bytes, name: str) -> dict[str, Any]:
    """A JSON object from a file called ``name``.

    Raises:
        RankingError: it is too large or no JSON object, or a number in it is not finite.
    """
    if len(content) > SIZE_LIMIT_BYTES:
        raise RankingError(f"{name} 超过 {SIZE_LIMIT_BYTES // 1024**2} MB，不是排序模型的文件。")
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RankingError(f"{name} 不是合法的 JSON（{error}）。") from error
    if not isinstance(value, dict):
        raise RankingError(f"{name} 应是一个 JSON 对象。")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
