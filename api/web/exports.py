"""Files that people take along: a shortlist as a workbook or a document."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.deps import ServicesDep, VisitorDep
from api.exports.document import document
from api.exports.plain import attachment, file_name
from api.exports.shortlist_workbook import write_shortlist
from api.handouts import handout

router = APIRouter(include_in_schema=False)
_OFFICE = "application/vnd.openxmlformats-officedocument"


class Form(StrEnum):
    """What a list can be written as."""

    WORKBOOK = "xlsx"
    DOCUMENT = "docx"

    @property
    def media_type(self) -> str:
        """As browsers are told."""
        kind = "spreadsheetml.sheet" if self is Form.WORKBOOK else "wordprocessingml.document"
        return f"{_OFFICE}.{kind}"


@router.get("/shortlists/{shortlist_id}/export/{form}")
def export(
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    form: Form,
) -> Response:
    """A list as a file, as the visitor may see it."""
    found, today = handout(services, visitor, shortlist_id, to_file=True), services.today()
    if form is Form.DOCUMENT:
        content = document(found, today)
    else:
        with TemporaryDirectory() as folder:
            path = FilePath(folder) / "list.xlsx"
            write_shortlist(path, found)
            content = path.read_bytes()
    suffix = f"{today:%Y%m%d}.{form.value}"
    name = file_name(found.shortlist.name, suffix)
    header = attachment(name, f"shortlist-{shortlist_id}-{suffix}")
    return Response(content, media_type=form.media_type, headers={"Content-Disposition": header})
