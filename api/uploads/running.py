"""Loading in the background: one file at a time, with progress that every process can read.

Who loads holds a lock of the operating system on a file beside the uploads. It goes with the
process, however that ends: an upload that says it is running while nobody holds the lock was
interrupted, and as an import is one transaction, nothing of it was written.

Progress is a small file and no column: while an import writes, SQLite lets nobody else write.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from api.clock import now_at
from api.importing import FileReport, ImportOptions, import_file
from api.security.audit import Action, Actor, AuditLog
from api.sentences import file_sentence
from api.services import Services
from api.uploads.fixing import corrected
from api.uploads.model import State, Upload, UploadBusyError
from api.uploads.reports import report_json
from api.uploads.repository import INTERRUPTED, UploadRepository
from api.uploads.storage import UploadFolder, limits
from corpus.database import database_problem
from corpus.model import CorpusError, Kind
from indexer.errors import IndexerError

_LOCK_WAIT_S = 0.5  # who only looks whether it is held holds it for an instant
_NOTHING = "没有写入任何内容。"
_log = logging.getLogger("uvicorn.error")


class _StoppedError(Exception):
    """The server is being shut down."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done now: a step, and how much of it."""

    step: str
    done: int = 0
    total: int | None = None


class Runner:
    """The background worker of one web process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folder = UploadFolder(services.settings.upload_folder)
        self._stopping = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()

    def start(self, upload: Upload, actor: Actor, who: str) -> None:
        """Begin to load a file, and come back at once.

        Raises:
            UploadBusyError: another is being loaded, here or in another process.
        """
        lock = self._lock()
        try:
            lock.acquire(timeout=_LOCK_WAIT_S)
        except Timeout as error:
            raise UploadBusyError from error
        try:
            with self._services.writing() as session:
                repository = UploadRepository(session)
                repository.begin(upload.id)
                # With the latest corrections.
                upload = repository.get(upload.id) or upload
            self._say(upload, Progress("读取"))
            self._worker().submit(self._run, upload, actor, who, lock)
        except BaseException:
            lock.release()
            raise

    def refresh(self, kind: Kind) -> None:
        """Bring an index up to date in the background."""
        self._worker().submit(self._refresh, kind)

    def seen(self, upload: Upload) -> tuple[Upload, Progress | None]:
        """An upload as it really is, and what is being done for it."""
        if not upload.state.is_working:
            return upload, None
        if self._is_held():
            return upload, self._progress(upload)
        with self._services.reading() as session:
            # It may have ended between the two looks.
            upload = UploadRepository(session).get(upload.id) or upload
        if upload.state is State.RUNNING:
            return replace(upload, state=State.INTERRUPTED, error=INTERRUPTED), None
        if upload.state is State.INDEXING:
            said = "更新索引时程序停了。记录已全部写入，搜索时会提示怎样补上。"
            return replace(upload, state=State.DONE, error=said), None
        return upload, None

    def close(self) -> None:
        """Give up what is not committed, and wait until the worker has ended; it can be used
        again."""
        with self._pool_lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._stopping.set()
            pool.shutdown(wait=True)
            self._stopping.clear()

    def _worker(self) -> ThreadPoolExecutor:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "import")
            return self._pool

    # -- the lock and the progress -----------------------------------------------------------

    def _lock(self) -> FileLock:
        self._folder.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Taken by the request, given back by the worker's thread.
        return FileLock(self._folder.path(".loading.lock"), thread_local=False)

    def _is_held(self) -> bool:
        lock = self._lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def _say(self, upload: Upload, progress: Progress) -> None:
        path = self._folder.path(upload.progress)
        partial_path = path.with_suffix(".progress.tmp")
        partial_path.write_text(
            json.dumps([progress.step, progress.done, progress.total], ensure_ascii=False), "utf-8"
        )
        partial_path.replace(path)

    def _progress(self, upload: Upload) -> Progress:
        try:
            said = self._folder.path(upload.progress).read_text("utf-8")
        except FileNotFoundError:
            return Progress("读取")
        return Progress(*json.loads(said))

    # -- in the worker's thread --------------------------------------------------------------

    def _run(self, upload: Upload, actor: Actor, who: str, lock: FileLock) -> None:
        try:
            with self._failures_noted(upload):
                kind = self._load(upload, actor, who)
                said = self._index(upload, kind)
                self._note(upload.id, state=State.DONE.value, error=said, finished_at=now_at())
                self._folder.remove(upload.stored)
        finally:
            self._folder.remove(upload.progress)
            lock.release()

    def _load(self, upload: Upload, actor: Actor, who: str) -> Kind:
        if upload.profile is None:
            raise AssertionError("only what has a profile is loaded")
        settings = self._services.settings
        options = ImportOptions(
            sheet=upload.sheet or None,
            split=upload.split,
            who=who,
            file_name=upload.label,
            limits=limits(settings.upload_megabytes),
        )
        # Of an import that did not end well before.
        self._folder.remove(upload.refused)
        import_file(
            self._services,
            self._folder.path(upload.stored),
            upload.profile,
            options,
            failed_file=self._folder.path(upload.refused),
            progress=self._teller(upload, "写入"),
            corrected=partial(corrected, fixes=upload.fixes),
            finish=partial(_finish, upload, actor),
        )
        return upload.profile.kind

    def _teller(self, upload: Upload, step: str) -> Callable[[int, int | None], None]:
        def tell(done: int, total: int | None) -> None:
            if self._stopping.is_set():
                raise _StoppedError
            self._say(upload, Progress(step, done, total))

        return tell

    def _index(self, upload: Upload, kind: Kind) -> str:
        """What has to be said of it; empty: it is up to date."""
        tell = self._teller(upload, "更新索引")
        tell(0, None)
        try:
            self._services.refresh_index(kind, lambda _stage, done, total: tell(done, total))
        except (IndexerError, OSError) as error:
            return f"记录已全部写入，但索引没有更新：{error}"
        return ""

    def _refresh(self, kind: Kind) -> None:
        try:
            self._services.refresh_index(kind)
        except (IndexerError, CorpusError, SQLAlchemyError, OSError):
            # The state of the index is on the page of the system, and every search says it.
            _log.exception("the index of %s was not refreshed", kind)

    @contextmanager
    def _failures_noted(self, upload: Upload) -> Iterator[None]:
        try:
            yield
        except _StoppedError:
            self._failed(upload, "服务器停了。")
        except CorpusError as error:
            self._failed(upload, upload.worded(error))
        except SQLAlchemyError as error:
            self._failed(upload, database_problem(error))
        except OSError as error:
            self._failed(upload, upload.worded(ValueError(file_sentence(error))))
        except Exception:
            _log.exception("upload %s was not loaded", upload.id)
            self._failed(upload, "这是程序的问题，已记入日志。请告诉管理员。")

    def _failed(self, upload: Upload, said: str) -> None:
        with self._services.writing() as session:
            repository = UploadRepository(session)
            found = repository.get(upload.id)
            if found is None:
                return
            is_in = found.state is State.INDEXING
            state = State.DONE if is_in else State.FAILED
            said = f"记录已全部写入，但之后出了问题：{said}" if is_in else said + _NOTHING
            repository.change(upload.id, state=state.value, error=said, finished_at=now_at())
        if is_in:
            self._folder.remove(upload.stored)

    def _note(self, upload_id: int, **values: object) -> None:
        with self._services.writing() as session:
            UploadRepository(session).change(upload_id, **values)


def _finish(upload: Upload, actor: Actor, session: Session, done: FileReport) -> None:
    """In the transaction of the import: either both are there or neither."""
    import_id = done.report.import_id
    UploadRepository(session).change(
        upload.id,
        state=State.INDEXING.value,
        kind=done.report.kind.value,
        import_id=import_id,
        report=report_json(upload, done),
    )
    AuditLog(session).note(Action.IMPORTED, actor, f"import:{import_id}", now_at())
