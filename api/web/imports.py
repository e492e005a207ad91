"""Pages of the import: send a file, settle its columns, look at its rows, load it, take it back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Query, UploadFile
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from api.clock import TIME_ZONE
from api.deps import Offset, ServicesDep
from api.uploads.columns import Columns, choices, profile_of
from api.uploads.deps import DeskDep, UploadId
from api.uploads.desk import Desk
from api.uploads.model import UndoRefusedError, Upload, UploadBusyError, UploadError
from api.uploads.reports import COUNTS
from api.web.templating import render
from corpus.importing.readers.sniff import KNOWN
from corpus.model import Confidentiality, Kind
from corpus.tables import aware

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
receiving = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
"""The route that takes a whole file."""
_METHODS = ["GET", "HEAD"]
_PAGE = 30
_PLACED = re.compile(r"([cl])(\d{1,3})")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STEPS = ("上传", "认列", "核对", "导入")


async def posted(request: Request) -> FormData:
    """Fields whose names depend on the file."""
    return await request.form()


FormDep = Annotated[FormData, Depends(posted)]


@router.api_route("/imports", methods=_METHODS)
def list_page(request: Request, desk: DeskDep, offset: Offset = 0) -> HTMLResponse:
    """What was sent and what became of it; the administrator also sees imports by command."""
    uploads = desk.uploads(_PAGE + 1, offset)
    runs = [one for one in desk.runs(_PAGE, offset) if one.upload is None]
    return render(
        request, "imports.html", uploads=uploads[:_PAGE], runs=runs, local_time=local_time,
        previous=max(offset - _PAGE, 0) if offset else None,
        next=offset + _PAGE if len(uploads) > _PAGE else None,
    )  # fmt: skip


@router.api_route("/imports/new", methods=_METHODS)
def new_page(request: Request, services: ServicesDep) -> HTMLResponse:
    """The form."""
    return _new(request, services.settings.upload_megabytes)


@receiving.post("/imports")
def receive(
    request: Request,
    services: ServicesDep,
    desk: DeskDep,
    file: UploadFile | None = None,
    kind: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Keep a file, and go on to its columns."""
    megabytes = services.settings.upload_megabytes
    if file is None or not file.filename:
        return _new(request, megabytes, "请先选择一个文件。", kind)
    try:
        upload = desk.receive(file.file, file.filename, _kind(kind))
    except UploadError as error:
        return _new(request, megabytes, str(error), kind)
    return _to(upload, "columns")


@router.api_route("/imports/runs/{import_id}", methods=_METHODS)
def run_page(request: Request, desk: DeskDep, import_id: UploadId) -> Response:
    """An import by command; one by upload has its own page."""
    found = desk.run(import_id)
    if found.upload is not None:
        return _to(found.upload)
    return _run(request, desk, import_id)


@router.post("/imports/runs/{import_id}/undo")
def undo(request: Request, desk: DeskDep, import_id: UploadId) -> Response:
    """Take an import back."""
    try:
        done = desk.undo(import_id)
    except UndoRefusedError as error:
        found = desk.run(import_id)
        page = (
            _report(request, desk, found.upload, str(error))
            if found.upload
            else _run(request, desk, import_id, str(error))
        )
        page.status_code = 409
        return page
    return _to(done.upload) if done.upload else _see(f"/imports/runs/{import_id}")


@router.api_route("/imports/{upload_id}/columns", methods=_METHODS)
def columns_page(
    request: Request,
    desk: DeskDep,
    upload_id: UploadId,
    kind: Annotated[str, Query(max_length=20)] = "",
    sheet: Annotated[str | None, Query(max_length=200)] = None,
    begin: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What each column seems to be, to be changed."""
    upload = desk.upload(upload_id)
    if not _is_open(upload):
        return _to(upload)
    return _columns(request, upload, desk.columns(upload, _kind(kind), sheet, begin))


@router.post("/imports/{upload_id}/columns")
def choose(request: Request, desk: DeskDep, upload_id: UploadId, form: FormDep) -> Response:
    """Settle the columns, and go on to the rows."""
    upload = desk.upload(upload_id)
    kind, sheet, begin = (_text(form, name) for name in ("kind", "sheet", "begin"))
    columns = desk.columns(upload, _kind(kind), sheet, begin)
    try:
        profile = profile_of(
            columns, _text(form, "keep_as").strip(), _text(form, "source")[:200],
            _placed(form, "c"), _placed(form, "l"),
        )  # fmt: skip
        keep = columns if _text(form, "keep_as").strip() else None
        desk.choose(upload, profile, columns.seen.sheet, split="split" in form, keep=keep)
    except UploadError as error:
        page = _columns(request, upload, columns, str(error), form)
        page.status_code = 400
        return page
    return _to(upload, "preview")


@router.api_route("/imports/{upload_id}/preview", methods=_METHODS)
def preview_page(
    request: Request,
    desk: DeskDep,
    upload_id: UploadId,
    fixed: Annotated[int | None, Query(ge=0, le=2**31)] = None,
) -> Response:
    """The first rows, what is wrong, and refused rows as forms. ``fixed``: the row just saved."""
    upload = desk.upload(upload_id)
    if not _is_open(upload):
        return _to(upload)
    if upload.profile is None:
        return _to(upload, "columns")
    return _preview(request, desk, upload, fixed=fixed)


@router.post("/imports/{upload_id}/rows/{row_number}")
def fix_row(
    request: Request,
    desk: DeskDep,
    upload_id: UploadId,
    row_number: Annotated[int, Path(ge=0, le=2**31)],
    form: FormDep,
) -> Response:
    """Correct the cells of a row for this import."""
    upload = desk.upload(upload_id)
    try:
        desk.fix(upload, row_number, _placed(form, "c"))
    except UploadError as error:
        if not _is_open(upload) or upload.profile is None:
            raise
        page = _preview(request, desk, upload, str(error))
        page.status_code = 400
        return page
    return _see(f"/imports/{upload.id}/preview?fixed={row_number}#rows")


@router.api_route("/imports/{upload_id}/run", methods=_METHODS)
def progress_page(request: Request, desk: DeskDep, upload_id: UploadId) -> Response:
    """How far it is; reloads itself until it is done."""
    upload, progress = desk.watched(upload_id)
    if progress is None:
        return _to(upload)
    return render(request, "imports_run.html", upload=upload, progress=progress, steps=STEPS)


@router.post("/imports/{upload_id}/run")
def start(request: Request, desk: DeskDep, upload_id: UploadId) -> Response:
    """Begin to load it."""
    upload = desk.upload(upload_id)
    try:
        desk.start(upload)
    except UploadBusyError as error:
        if not _is_open(upload) or upload.profile is None:
            raise
        page = _preview(request, desk, upload, str(error))
        page.status_code = 409
        return page
    return _to(upload, "run")


@router.api_route("/imports/{upload_id}/failed-rows", methods=_METHODS)
def refused_rows(desk: DeskDep, upload_id: UploadId) -> Response:
    """The workbook of refused rows."""
    return refused_file(desk, upload_id)


@router.post("/imports/{upload_id}/again")
def again(desk: DeskDep, upload_id: UploadId) -> Response:
    """The refused rows as an upload of their own, to be corrected."""
    return _to(desk.again(desk.upload(upload_id)), "preview")


@router.post("/imports/{upload_id}/discard")
def discard(desk: DeskDep, upload_id: UploadId) -> Response:
    """Delete what is not loaded."""
    desk.discard(desk.upload(upload_id))
    return _see("/imports")


@router.api_route("/imports/{upload_id}", methods=_METHODS)
def upload_page(request: Request, desk: DeskDep, upload_id: UploadId) -> Response:
    """The report of an upload, or where it stands."""
    upload, progress = desk.watched(upload_id)
    if progress is not None:
        return _to(upload, "run")
    return _report(request, desk, upload)


def refused_file(desk: Desk, upload_id: int) -> FileResponse:
    """The workbook of refused rows as a download."""
    upload = desk.upload(upload_id)
    name = quote(f"{upload.label.rpartition('.')[0]}-失败的行.xlsx", safe="")
    return FileResponse(
        desk.refused_rows(upload),
        media_type=XLSX,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def local_time(moment: datetime) -> str:
    """A stored time as the clock in Tangshan showed it."""
    return aware(moment).astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")


def _new(request: Request, megabytes: int, problem: str = "", kind: str = "") -> HTMLResponse:
    page = render(
        request, "imports_new.html", megabytes=megabytes, known=KNOWN, problem=problem, kind=kind,
        kinds=list(Kind), steps=STEPS,
    )  # fmt: skip
    page.status_code = 400 if problem else 200
    return page


def _columns(
    request: Request,
    upload: Upload,
    columns: Columns,
    problem: str = "",
    form: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    form = form or {}
    base = columns.base
    return render(
        request, "imports_columns.html", upload=upload, found=columns, problem=problem,
        choices=choices(columns.kind) if columns.kind else [], kinds=list(Kind), form=form,
        levels=[level for level in Confidentiality if level is not Confidentiality.PUBLIC],
        source=form.get("source", base.source if base else ""), steps=STEPS,
        split="split" in form if form else upload.split,
    )  # fmt: skip


def _preview(
    request: Request, desk: Desk, upload: Upload, problem: str = "", fixed: int | None = None
) -> HTMLResponse:
    found = desk.check(upload)
    refused = {row.number for row in found.refused}
    return render(
        request, "imports_preview.html", upload=upload, found=found, problem=problem,
        fixed=fixed, fixed_is_good=fixed is not None and fixed not in refused, steps=STEPS,
    )  # fmt: skip


def _report(request: Request, desk: Desk, upload: Upload, problem: str = "") -> HTMLResponse:
    run = desk.run(upload.import_id).run if upload.import_id else None
    return render(
        request, "imports_report.html", upload=upload, run=run, problem=problem, counts=COUNTS,
        report=upload.report or {}, local_time=local_time, steps=STEPS,
        brought=desk.brought(run) if run and not upload.undone_at else [],
    )  # fmt: skip


def _run(request: Request, desk: Desk, import_id: int, problem: str = "") -> HTMLResponse:
    run = desk.run(import_id).run
    return render(
        request, "imports_command.html", run=run, kind=Kind(run.kind), problem=problem,
        local_time=local_time,
    )  # fmt: skip


def _is_open(upload: Upload) -> bool:
    return upload.state.is_open or upload.state.value == "uploaded"


def _kind(value: str) -> Kind | None:
    return Kind(value) if value in set(Kind) else None


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _placed(form: FormData, letter: str) -> dict[int, str]:
    """Fields c0, c1, … by their number."""
    found = {}
    for name, value in form.items():
        if (match := _PLACED.fullmatch(name)) and match[1] == letter and isinstance(value, str):
            found[int(match[2])] = value
    return found


def _to(upload: Upload, step: str = "") -> Response:
    return _see(f"/imports/{upload.id}" + (f"/{step}" if step else ""))


def _see(place: str) -> Response:
    return RedirectResponse(place, status_code=303)
