"""What pages and the API do with uploads, in the order in which a person does it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from sqlmodel import Session

from api.clock import now_at
from api.schemas import RecordOut
from api.security.audit import Action, AuditLog
from api.security.visitor import Visitor
from api.services import Services
from api.tables import UploadTable
from api.uploads.checking import Preview, preview, row_at, without
from api.uploads.columns import Columns, recognised, see
from api.uploads.fixing import check_amount, fix_of
from api.uploads.model import (
    State,
    UndoRefusedError,
    UnknownUploadError,
    Upload,
    UploadError,
    for_page,
)
from api.uploads.reports import undo_json
from api.uploads.repository import KeptProfiles, UploadRepository, sees_all
from api.uploads.running import Progress, Runner
from api.uploads.storage import UploadFolder, cleaned_label, limits
from corpus.history import History, HistoryError
from corpus.importing.profiles import Profile, profile_toml
from corpus.model import Kind
from corpus.repository import CorpusRepository
from corpus.tables import ImportRunTable

KEPT_DAYS = 7
_BROUGHT = 20
"""Records that a report leads to."""
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Run:
    """An import of the history, and the upload that it came from, if any."""

    run: ImportRunTable
    upload: Upload | None


class Desk:
    """Everything about uploads for one visitor."""

    def __init__(self, services: Services, runner: Runner, visitor: Visitor) -> None:
        self._services = services
        self._runner = runner
        self._visitor = visitor
        self._folder = UploadFolder(services.settings.upload_folder)
        self._limits = limits(services.settings.upload_megabytes)

    # -- sending -----------------------------------------------------------------------------

    def receive(self, source: BinaryIO, name: str, kind: Kind | None) -> Upload:
        """Keep a file that can be read.

        Raises:
            UploadError: it cannot, or too many of one's files wait already.
        """
        self.tidy()
        user_id = self._visitor.actor.user_id
        with self._services.reading() as session:
            if UploadRepository(session).waiting(user_id) >= MOST_WAITING:
                raise UploadError(
                    f"你有 {MOST_WAITING} 个文件还没有导入。请先在“导入”页导入或删除一些。"
                )
        label = cleaned_label(name)
        megabytes = self._services.settings.upload_megabytes
        stored, digest, size = self._folder.keep(source, label, megabytes)
        row = UploadTable(
            user_id=user_id, label=label, stored=stored, sha256=digest, size_bytes=size,
            kind=kind.value if kind else "", fixes={}, state=State.UPLOADED.value,
            created_at=now_at(),
        )  # fmt: skip
        try:
            see(self._folder.path(stored), _unnoted(row), "", self._limits)
            with self._services.writing() as session:
                upload_id = UploadRepository(session).add(row)
        except BaseException:
            self._folder.remove(stored)
            raise
        return self.upload(upload_id)

    def again(self, upload: Upload) -> Upload:
        """The refused rows of an import as a new upload, to be corrected and loaded.

        Raises:
            UploadError: there are none.
        """
        path = self.refused_rows(upload)
        stem, _, _ = upload.label.rpartition(".")
        with path.open("rb") as file:
            made = self.receive(file, f"{stem[:80]}-失败的行.xlsx", upload.kind)
        if upload.profile is not None:
            self.choose(made, upload.profile, "", split=upload.split)
        return self.upload(made.id)

    def discard(self, upload: Upload) -> None:
        """Delete an upload that is not loaded.

        Raises:
            UploadError: it is being loaded, or is in.
        """
        with self._services.writing() as session:
            now = self._now(session, upload)
            if now.state.is_working or now.state is State.DONE:
                raise UploadError("正在导入或已经导入的文件不能删除；已导入的可以撤销。")
            UploadRepository(session).delete(upload.id)
        self._folder.remove(upload.stored, upload.refused, upload.progress)

    def tidy(self) -> None:
        """Delete what has waited too long; refused rows stay with their report."""
        with self._services.reading() as session:
            old = UploadRepository(session).before(now_at() - timedelta(days=KEPT_DAYS))
        for upload in old:
            upload, _ = self._runner.seen(upload)
            if upload.state is State.DONE:
                self._folder.remove(upload.stored, upload.progress)
            elif not upload.state.is_working:
                # Somebody else may be tidying up, or its sender begin to load it.
                with suppress(UploadError):
                    self.discard(upload)

    # -- looking -----------------------------------------------------------------------------

    def upload(self, upload_id: int) -> Upload:
        """One as it really is.

        Raises:
            UnknownUploadError: there is none for this visitor.
        """
        return self.watched(upload_id)[0]

    def watched(self, upload_id: int) -> tuple[Upload, Progress | None]:
        """One, and what is being done for it.

        Raises:
            UnknownUploadError: there is none for this visitor.
        """
        with self._services.reading() as session:
            found = UploadRepository(session).require(upload_id, self._visitor)
        return self._runner.seen(found)

    def uploads(self, limit: int, offset: int = 0) -> list[tuple[Upload, Progress | None]]:
        """Those of this visitor, the newest first."""
        with self._services.reading() as session:
            found = UploadRepository(session).of_visitor(self._visitor, limit, offset)
        return [self._runner.seen(upload) for upload in found]

    def count(self) -> int:
        """How many there are of this visitor."""
        with self._services.reading() as session:
            return UploadRepository(session).count(self._visitor)

    def runs(self, limit: int, offset: int = 0) -> list[Run]:
        """Imports of the history that did not come by an upload; for who sees all."""
        if not sees_all(self._visitor):
            return []
        with self._services.reading() as session:
            runs = History(session).imports(offset, limit)
            ids = [run.id for run in runs if run.id is not None]
            known = UploadRepository(session).of_imports(ids, self._visitor)
            session.expunge_all()
        return [Run(run, known.get(run.id or 0)) for run in runs]

    def refused_rows(self, upload: Upload) -> Path:
        """The workbook of the rows that an import refused.

        Raises:
            UploadError: there is none.
        """
        path = self._folder.path(upload.refused)
        if not path.is_file():
            raise UploadError("这次导入没有失败的行，或文件已经删除。")
        return path

    # -- choosing, checking, correcting ------------------------------------------------------

    def columns(self, upload: Upload, kind: Kind | None, sheet: str | None, token: str) -> Columns:
        """What the columns of a file seem to be.

        Raises:
            UploadError: it cannot be read.
        """
        wanted = upload.sheet if sheet is None else sheet
        seen = see(self._folder.path(upload.stored), upload, wanted, self._limits)
        with self._services.reading() as session:
            kept = KeptProfiles(session).fitting(seen.header)
        same_sheet = seen.sheet == upload.sheet
        stored = upload.profile if same_sheet else None
        return recognised(seen, kind or upload.kind, kept, token, stored)

    def choose(
        self,
        upload: Upload,
        profile: Profile,
        sheet: str,
        *,
        split: bool,
        keep: Columns | None = None,
    ) -> None:
        """Settle which column is what; ``keep``: for later files with these columns, too.

        Raises:
            UploadError: it is being loaded or is in, or the name to keep it under is taken.
        """
        self._check_open(upload)
        with self._services.writing() as session:
            now = self._now(session, upload)
            self._check_open(now)
            fixes = now.fixes if sheet == now.sheet else {}
            if keep is not None:
                user_id = self._visitor.actor.user_id
                KeptProfiles(session).keep(profile, keep.seen.header, user_id, now_at())
            UploadRepository(session).change(
                upload.id, profile=profile_toml(profile), kind=profile.kind.value, sheet=sheet,
                split=split, state=State.READY.value, error="", fixes=_keyed(fixes),
            )  # fmt: skip

    def check(self, upload: Upload) -> Preview:
        """What an import would read.

        Raises:
            UploadError: its columns are not settled, or it cannot be read.
        """
        path = self._folder.path(upload.stored)
        if not path.is_file():
            raise UploadError("上传的文件已经删除（导入完成，或过了一周）。请重新上传。")
        return preview(
            path, upload, _settled(upload), self._visitor.role, self._services.today(),
            self._limits,
        )  # fmt: skip

    def fix(self, upload: Upload, number: int, given: Mapping[int, str]) -> None:
        """Correct cells of a row, by the place of their columns.

        Raises:
            UploadError: it is being loaded or is in, there is no such row, or a cell is too long.
        """
        self._check_open(upload)
        path = self._folder.path(upload.stored)
        row, header = row_at(path, upload, number, self._limits)
        fix = fix_of(row, header, given)
        with self._services.writing() as session:
            now = self._now(session, upload)
            self._check_open(now)
            fixes = without(now.fixes, number)
            if fix is not None:
                fixes[number] = fix
            check_amount(fixes)
            UploadRepository(session).change(upload.id, fixes=_keyed(fixes))

    def _now(self, session: Session, upload: Upload) -> Upload:
        """As it is in the one transaction that writes: nobody begins to load it before that ends.

        While a file is loaded, others wait to write; what they saw before is old by then.
        """
        found = UploadRepository(session).get(upload.id)
        if found is None:
            raise UnknownUploadError
        return self._runner.seen(found)[0]

    def _check_open(self, upload: Upload) -> None:
        if upload.state.is_working:
            raise UploadError("这个文件正在导入，不能改了。")
        if upload.state is State.DONE:
            raise UploadError("这个文件已经导入，不能改了。失败的行可以在报告里改正后再导入。")

    # -- loading and taking back ---------------------------------------------------------------

    def start(self, upload: Upload) -> None:
        """Load it in the background.

        Raises:
            UploadError: it is in already, its columns are not settled, or another is being
                loaded.
        """
        self._check_open(upload)
        _settled(upload)
        self._runner.start(upload, self._visitor.actor, self._visitor.name)

    def run(self, import_id: int) -> Run:
        """An import of the history.

        Raises:
            UnknownUploadError: there is none for this visitor.
        """
        with self._services.reading() as session:
            upload = UploadRepository(session).of_imports([import_id], self._visitor)
            if import_id not in upload and not sees_all(self._visitor):
                raise UnknownUploadError
            try:
                found = History(session).import_run(import_id)
            except HistoryError as error:
                raise UnknownUploadError from error
            session.expunge_all()
        return Run(found, upload.get(import_id))

    def brought(self, run: ImportRunTable) -> list[RecordOut]:
        """The first records that an import made or changed, as far as they are still there."""
        kind = Kind(run.kind)
        with self._services.reading() as session:
            keys = History(session).brought(run.id or 0, _BROUGHT)
            repository = CorpusRepository(session, self._services.scope)
            found = [repository.get(kind, key) for key in keys]
        return [RecordOut.of(one.record, self._visitor.role) for one in found if one]

    def undo(self, import_id: int) -> Run:
        """Take an import back.

        Raises:
            UnknownUploadError: there is none for this visitor.
            UndoRefusedError: it cannot be; the message says why.
        """
        found = self.run(import_id)
        if found.upload is not None and self._runner.seen(found.upload)[0].state.is_working:
            raise UndoRefusedError("导入还没有完成。请等索引更新完再撤销。")
        with self._services.writing() as session:
            try:
                report = History(session).undo_import(import_id, now_at(), self._visitor.name)
            except HistoryError as error:
                raise UndoRefusedError(for_page(str(error))) from error
            AuditLog(session).note(
                Action.IMPORT_UNDONE, self._visitor.actor, f"import:{import_id}", now_at()
            )
            if found.upload is not None:
                said = {**(found.upload.report or {}), "undone": undo_json(report)}
                UploadRepository(session).change(found.upload.id, report=said)
        self._runner.refresh(Kind(found.run.kind))
        return self.run(import_id)


def _settled(upload: Upload) -> Profile:
    if upload.profile is None:
        raise UploadError("还没有确认每一列是什么。请先确认。")
    return upload.profile


def _keyed(fixes: Mapping[int, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {str(number): dict(cells) for number, cells in fixes.items()}


def _unnoted(row: UploadTable) -> Upload:
    return Upload(
        id=0, user_id=row.user_id, who="", label=row.label, stored=row.stored, sha256=row.sha256,
        size_bytes=row.size_bytes, kind=None, state=State.UPLOADED, created_at=row.created_at,
    )  # fmt: skip
