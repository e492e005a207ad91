"""The report of an import, as it is kept beside its upload and shown."""

from __future__ import annotations

from typing import Any

from api.importing import FileReport
from api.uploads.model import Upload, for_page, shown
from corpus.history import UndoReport

KEPT_REASONS = 200
COUNTS = {
    "rows": "读到的行",
    "new": "新增",
    "changed": "更新",
    "unchanged": "未变",
    "duplicate": "文件内重复",
    "skipped": "不属于这一类",
    "failed": "失败",
    "split": "拆分增加",
}
"""Counts of a report in the order in which they are shown."""


def report_json(upload: Upload, done: FileReport) -> dict[str, Any]:
    """What an import did: counts, and the first reasons."""
    report = done.report
    return {
        **{name: getattr(report, name) for name in COUNTS},
        "failures": [
            [failed.row.number, shown(failed.reason)] for failed in report.failures[:KEPT_REASONS]
        ],
        "warnings": [
            [number, for_page(shown(text))] for number, text in report.warnings[:KEPT_REASONS]
        ],
        "warning_count": len(report.warnings),
        "unknown": [shown(name, 80) for name in done.unknown[:50]],
        "detail": shown(upload.worded(ValueError(done.detail))),
        "has_refused_rows": done.failed_file is not None,
    }


def undo_json(report: UndoReport) -> dict[str, Any]:
    """What taking an import back did."""
    return {
        "deleted": report.deleted,
        "restored": report.restored,
        "kept": list(report.kept[:KEPT_REASONS]),
        "kept_count": len(report.kept),
    }
