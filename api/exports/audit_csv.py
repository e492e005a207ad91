"""The audit log as a csv file that Excel opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from api.administration import AuditOut
from api.clock import TIME_ZONE

_HEADER = ("编号", "时间", "动作", "用户", "命令行用户", "地址", "对象", "请求编号")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_BOM = "\ufeff"


def audit_csv(entries: Iterable[AuditOut]) -> Iterator[str]:
    """Lines, the first with a byte order mark. No cell is a formula: one that looks so gets an
    apostrophe before it."""
    yield _BOM + _line(_HEADER)
    for entry in entries:
        moment = entry.happened_at.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M:%S")
        texts = (entry.action, entry.user or "", entry.operator, entry.address, entry.subject,
                 entry.request_id)  # fmt: skip
        yield _line((str(entry.id), moment, *map(_harmless, texts)))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
