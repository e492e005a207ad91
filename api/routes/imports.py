"""Imports: send a file and load it, see how far it is, take it back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Query, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import Field

from api.api_route import api_router, not_kept
from api.deps import Offset
from api.schemas import Problem, Wire
from api.uploads.columns import Columns, profile_from, profile_of
from api.uploads.deps import DeskDep, UploadId
from api.uploads.desk import Desk
from api.uploads.model import State, UndoRefusedError, Upload, UploadError
from api.uploads.reports import COUNTS
from api.uploads.running import Progress
from api.web.imports import XLSX, refused_file
from corpus.importing.guessing import rule_label
from corpus.importing.profiles import Profile
from corpus.model import Kind

router = api_router("imports")
receiving = api_router("imports")
"""The route that takes a whole file."""
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such import of the account that asks."}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The file or the profile cannot be used."},
    409: {"model": Problem, "description": "Another file is being loaded."},
    413: {"model": Problem, "description": "The file is too large."},
}
_WORKBOOK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An xlsx workbook.",
        "content": {XLSX: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class RowProblem(Wire):
    """A row and what is to be said of it."""

    row: int = Field(description="As a person counts it; 0 for the whole file.", examples=[17])
    reason: str = Field(examples=["“拟投入资金”：“多少都行”不是金额，例如 100-200 万元、面议"])


class ReportOut(Wire):
    """What an import did; every row read is in exactly one count (``split`` beside)."""

    rows: int
    new: int
    changed: int
    unchanged: int
    duplicate: int
    skipped: int
    failed: int
    split: int
    failures: list[RowProblem] = Field(description="The first 200.")
    warnings: list[RowProblem] = Field(description="The first 200.")
    unknown_columns: list[str]


class ImportOut(Wire):
    """A file that was sent, and how far it has come."""

    id: int
    label: str = Field(description="Name of the file.", examples=["丰南区需求.xlsx"])
    size_bytes: int
    kind: Kind | None
    state: State
    who: str
    created_at: datetime
    finished_at: datetime | None
    step: str | None = Field(description="What is being done now.", examples=["写入"])
    done: int
    total: int | None
    error: str
    report: ReportOut | None
    undone_at: datetime | None


class ImportPage(Wire):
    """The newest first."""

    total: int
    offset: int
    limit: int
    imports: list[ImportOut]


class ColumnOut(Wire):
    """What a column is taken for."""

    column: str
    to: str = Field(description="As in a profile.", examples=["title"])
    label: str
    unsure: bool


class PreviewOut(Wire):
    """What a file holds; nothing was kept or written."""

    kind: Kind
    columns: list[ColumnOut]
    rows: int = Field(description="Rows looked at: at most 2,000.")
    complete: bool = Field(description="Whether these are all.")
    good: int
    duplicate: int
    skipped: int
    failed: int
    failures: list[RowProblem] = Field(description="The first 20.")
    warnings: list[RowProblem] = Field(description="About the first 20.")
    unknown_columns: list[str]


@router.get("/imports")
def imports(
    desk: DeskDep, offset: Offset = 0, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> ImportPage:
    """One's own imports; an administrator's are all."""
    found = [_out(upload, progress) for upload, progress in desk.uploads(limit, offset)]
    return ImportPage(total=desk.count(), offset=offset, limit=limit, imports=found)


@receiving.post(
    "/imports",
    status_code=202,
    response_model=ImportOut | PreviewOut,
    responses={200: {"model": PreviewOut, "description": "Only looked at."}, **_REFUSED},
    openapi_extra=not_kept("Not needed: the same file may be sent again, which changes nothing."),
)
def load(
    desk: DeskDep,
    response: Response,
    file: UploadFile,
    kind: Annotated[Kind | None, Form(description="What its records are.")] = None,
    profile: Annotated[
        str,
        Form(
            description="Which column is what, as JSON; else it is recognised.",
            examples=['{"columns": {"需求名称": "title", "内容": "text"}}'],
            max_length=200_000,
        ),
    ] = "",
    sheet: Annotated[str, Form(max_length=200)] = "",
    split: Annotated[bool, Form(description="Cut rows that hold several needs.")] = False,
    dry_run: Annotated[bool, Form(description="Only say what would be read.")] = False,
) -> ImportOut | PreviewOut:
    """Load a file in the background; ask for the import by its id until it is done.

    The same file may be sent again: what is in already is not changed.
    """
    given = _parsed(profile, kind)
    upload = desk.receive(file.file, file.filename or "", given.kind if given else kind)
    try:
        columns = desk.columns(upload, upload.kind, sheet, "")
        if sheet != columns.seen.sheet:
            known = "、".join(f"“{name}”" for name in columns.seen.sheets[:20])
            raise UploadError(f"没有要找的工作表。现有的工作表：{known or '无'}。")
        desk.choose(upload, given or _certain(columns), columns.seen.sheet, split=split)
        upload = desk.upload(upload.id)
        if not dry_run:
            desk.start(upload)
            return _out(*desk.watched(upload.id))
        looked = _preview(desk, upload, desk.columns(upload, None, None, "stored"))
    except Exception:
        desk.discard(upload)
        raise
    desk.discard(upload)
    response.status_code = 200
    return looked


@router.get("/imports/{upload_id}", responses=_NOT_FOUND)
def one(desk: DeskDep, upload_id: UploadId) -> ImportOut:
    """How far it is, and what it did."""
    return _out(*desk.watched(upload_id))


@router.get(
    "/imports/{upload_id}/failed-rows",
    response_class=FileResponse,
    responses={**_NOT_FOUND, **_WORKBOOK},
)
def failed_rows(desk: DeskDep, upload_id: UploadId) -> FileResponse:
    """The refused rows as a workbook, with a reason each: correct it and send it again."""
    return refused_file(desk, upload_id)


@router.post(
    "/imports/{upload_id}/undo",
    responses={**_NOT_FOUND, 409: {"model": Problem, "description": "It cannot be taken back."}},
)
def undo(desk: DeskDep, upload_id: UploadId) -> ImportOut:
    """Take an import back: what it added goes, what it changed is as before."""
    upload = desk.upload(upload_id)
    if upload.import_id is None:
        raise UndoRefusedError("这个文件还没有导入，没有可撤销的。")
    desk.undo(upload.import_id)
    return _out(*desk.watched(upload_id))


def _parsed(profile: str, kind: Kind | None) -> Profile | None:
    if not profile.strip():
        return None
    try:
        raw = json.loads(profile)
    except (ValueError, RecursionError) as error:
        raise UploadError("profile 不是 JSON。") from error
    if not isinstance(raw, dict):
        raise UploadError('profile 应是一个对象：{"columns": {"列名": "含义"}}。')
    return profile_from(raw, kind)


def _certain(columns: Columns) -> Profile:
    """The recognised profile, if there is nothing to ask."""
    if columns.kind is None or columns.base is None:
        raise UploadError("看不出文件里是成果还是需求。请写明 kind：need 或 achievement。")
    if columns.unsure:
        asked = "；".join(f"“{column.name}”：{column.why}" for column in columns.unsure[:10])
        raise UploadError(f"有列拿不准，请用 profile 写明：{asked}")
    return profile_of(columns, "", columns.base.source, {}, {})


def _preview(desk: Desk, upload: Upload, columns: Columns) -> PreviewOut:
    found = desk.check(upload)
    return PreviewOut(
        kind=upload.kind or Kind.NEED,
        columns=[
            ColumnOut(
                column=column.name,
                to=column.rule.target,
                label=rule_label(column.rule),
                unsure=column.unsure,
            )
            for column in columns.columns
        ],
        rows=found.checked,
        complete=found.is_whole,
        good=found.good,
        duplicate=found.duplicate,
        skipped=found.skipped,
        failed=found.failed,
        failures=[RowProblem(row=row.number, reason=row.reason) for row in found.refused],
        warnings=[RowProblem(row=number, reason=text) for number, text in found.warnings],
        unknown_columns=list(found.unknown),
    )


def _out(upload: Upload, progress: Progress | None) -> ImportOut:
    return ImportOut(
        id=upload.id,
        label=upload.label,
        size_bytes=upload.size_bytes,
        kind=upload.kind,
        state=upload.state,
        who=upload.who,
        created_at=upload.created_at,
        finished_at=upload.finished_at,
        step=progress.step if progress else None,
        done=progress.done if progress else 0,
        total=progress.total if progress else None,
        error=upload.error,
        report=_report(upload.report) if upload.report else None,
        undone_at=upload.undone_at,
    )


def _report(report: Any) -> ReportOut:
    said = {
        name: [RowProblem(row=row, reason=text) for row, text in report[name]]
        for name in ("failures", "warnings")
    }
    counts = {name: report[name] for name in COUNTS}
    return ReportOut(**counts, **said, unknown_columns=report["unknown"])
