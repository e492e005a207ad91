"""What is known of a file that somebody sent, and what may be wrong with it.

UploadError                  the message says what happened and what to do
├── UnknownUploadError       there is none, or none for who asks
├── UploadBusyError          something is being loaded already
└── UndoRefusedError         an import that cannot be taken back
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from corpus.importing.cells import storable
from corpus.importing.profiles import Profile
from corpus.model import Kind

_SHOWN_CHARACTERS = 300
_IN_PAGES = (
    ("（可用 --sheet 指定）", "（可在“认列”一步选择）"),
    ("可用 --split 拆开", "可在“认列”一步选“拆成几条”"),
    ("（见 zhitong imports list）", "（见“导入”页）"),
    ("运行 zhitong imports list 查看全部导入。", "请在“导入”页查看。"),
)


class UploadError(Exception):
    """Base of all."""


class UnknownUploadError(UploadError):
    """There is none with this number for who asks."""

    def __init__(self) -> None:
        super().__init__("没有这次导入，或不是你上传的。请在“导入”页查看。")


class UploadBusyError(UploadError):
    """One file is loaded at a time."""

    def __init__(self) -> None:
        super().__init__("另一个文件正在导入，一次只能导入一个。请等它完成，再按“开始导入”。")


class UndoRefusedError(UploadError):
    """The history says why."""


class State(StrEnum):
    """How far a file has come."""

    UPLOADED = "uploaded"
    READY = "ready"
    RUNNING = "running"
    INDEXING = "indexing"
    """The records are in; the index is being brought up to date."""
    DONE = "done"
    FAILED = "failed"
    """Nothing was written."""
    INTERRUPTED = "interrupted"
    """Never stored: it says it is running, but nobody is at work. Nothing was written."""

    @property
    def label(self) -> str:
        """For people."""
        return _STATES[self]

    @property
    def is_open(self) -> bool:
        """Whether it can be looked through, corrected and loaded."""
        return self in (State.READY, State.FAILED, State.INTERRUPTED)

    @property
    def is_working(self) -> bool:
        """Whether something is being done now."""
        return self in (State.RUNNING, State.INDEXING)


_STATES = {
    State.UPLOADED: "待认列",
    State.READY: "待导入",
    State.RUNNING: "导入中",
    State.INDEXING: "更新索引中",
    State.DONE: "已导入",
    State.FAILED: "没有导入",
    State.INTERRUPTED: "中断",
}

Fixes = Mapping[int, Mapping[str, str]]
"""Number of a row → column → what stands there instead. A row without columns is taken as it is,
whatever the reader said of it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file."""

    id: int
    user_id: int | None
    who: str
    label: str
    stored: str
    sha256: str
    size_bytes: int
    kind: Kind | None
    state: State
    created_at: datetime
    sheet: str = ""
    split: bool = False
    profile: Profile | None = None
    fixes: Fixes = field(default_factory=dict)
    report: Mapping[str, Any] | None = None
    import_id: int | None = None
    undone_at: datetime | None = None
    error: str = ""
    finished_at: datetime | None = None

    @property
    def refused(self) -> str:
        """Name of the workbook of refused rows in the folder of uploads."""
        return f"{self.stored}.failed.xlsx"

    @property
    def progress(self) -> str:
        """Name of the file that says how far its loading is."""
        return f"{self.stored}.progress"

    def worded(self, error: Exception) -> str:
        """What an error says, with the name that the sender gave the file."""
        return for_page(str(error).replace(self.stored, self.label))


def for_page(text: str) -> str:
    """A sentence of the command line in the words of the pages."""
    for said, instead in _IN_PAGES:
        text = text.replace(said, instead)
    return text


def shown(value: str, most: int = _SHOWN_CHARACTERS) -> str:
    """Text out of a file as every page and database takes it, cut where it is long."""
    text = storable(value[: most + 1])
    return text if len(text) <= most else f"{text[:most]}…"
