"""One table from errors to HTTP problem details (RFC 9457); pages get the same in words."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.api_route import PreconditionError
from api.contacts import ConsentError, NoConsentError
from api.editing import ClosedFieldError
from api.feedback import ClosedToRaterError
from api.idempotency import IdempotencyError
from api.saved_searches import DeskError, NeedsAccountError, UnknownSavedSearchError
from api.schemas import Problem
from api.security.errors import (
    AccountError,
    FormTokenError,
    StaleAccountError,
    UnknownAccountError,
)
from api.sentences import input_sentence
from api.uploads.model import UndoRefusedError, UnknownUploadError, UploadBusyError, UploadError
from api.web.templating import render
from corpus.database import database_problem
from corpus.dictionary.model import DictionaryError, StaleDictionaryError, UnknownTermError
from corpus.duplicates.stored import DuplicateError, UnknownGroupError
from corpus.editing import EditError
from corpus.model import CorpusError, UnknownRecordError
from indexer.errors import IndexerError
from matcher.errors import MatchError
from matcher.feedback import FeedbackError, UnknownFeedbackError
from matcher.ranking_models import RankingError
from matcher.shortlist import (
    ClosedShortlistError,
    ShortlistError,
    StaleShortlistError,
    UnknownShortlistError,
)

_STATUS: Mapping[type[Exception], tuple[int, str]] = {
    UnknownRecordError: (404, "没有这条记录"),
    ClosedFieldError: (403, "内容没有公开"),
    EditError: (400, "没有修改"),
    NoConsentError: (403, "还没有征得同意"),
    ConsentError: (400, "没有记下"),
    IndexerError: (503, "检索暂不可用"),
    UnknownGroupError: (404, "没有这一组"),
    DuplicateError: (409, "这一组没有改动"),
    UnknownTermError: (404, "没有这个词"),
    StaleDictionaryError: (409, "词典没有改动"),
    DictionaryError: (400, "词典没有改动"),
    CorpusError: (503, "数据库暂不可用"),
    UnknownFeedbackError: (404, "没有这条评价"),
    ClosedToRaterError: (403, "内容没有公开"),
    FeedbackError: (400, "评价没有记下"),
    UnknownShortlistError: (404, "没有这份清单"),
    ClosedShortlistError: (403, "不能修改这份清单"),
    StaleShortlistError: (409, "清单已有改动"),
    ShortlistError: (400, "清单没有保存"),
    RankingError: (503, "检索暂不可用"),
    MatchError: (400, "无法匹配"),
    FormTokenError: (403, "页面已过期"),
    StaleAccountError: (409, "账号已有改动"),
    AccountError: (400, "没有完成"),
    UnknownAccountError: (404, "没有这个用户或令牌"),
    NeedsAccountError: (403, "需要账号"),
    UnknownSavedSearchError: (404, "没有这条保存的搜索"),
    DeskError: (400, "没有保存"),
    UnknownUploadError: (404, "没有这次导入"),
    UploadBusyError: (409, "正在导入别的文件"),
    UndoRefusedError: (409, "没有撤销"),
    UploadError: (400, "没有导入"),
}
_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("请求读不懂", "请求的内容不是完整的 JSON 或表单，没有执行。请检查后再发。"),
    404: ("没有这个页面", "没有 {path} 这个地址。"),
    405: ("不支持的操作", "{path} 不支持 {method}。"),
    413: ("请求太大", "发送的内容太大，没有收下。如果是文件，请拆成几个再上传。"),
}

_log = logging.getLogger("uvicorn.error")


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    for own in (PreconditionError, IdempotencyError):
        app.add_exception_handler(own, _refused)
    for kind in _STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(SQLAlchemyError, storage_problem)
    app.add_exception_handler(Exception, _unexpected)


def _known(request: Request, error: Exception) -> Response:
    status, title = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    return respond(request, status, title, str(error))


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, PreconditionError | IdempotencyError):
        raise error
    return respond(request, error.status, "请求没有执行", str(error))


def http_problem(request: Request, error: Exception) -> Response:
    """What the framework refuses."""
    if not isinstance(error, HTTPException):
        raise error
    title, detail = _HTTP.get(error.status_code, ("请求无法处理", "服务器不能处理这个请求。"))
    detail = detail.format(path=request.url.path, method=request.method)
    return respond(request, error.status_code, title, detail, error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return respond(request, 422, "请求的参数有误", input_sentence(error.errors()))


def storage_problem(request: Request, error: Exception) -> Response:
    """What the database did not do."""
    if isinstance(error, CorpusError):
        return _known(request, error)
    if not isinstance(error, SQLAlchemyError):
        raise error
    sentence = database_problem(error)
    # Not the error itself: it holds the statement and the record in it.
    _log.error("%s: %s", getattr(request.state, "place", ""), sentence)
    return respond(request, 503, "数据库暂不可用", sentence)


def _unexpected(request: Request, _error: Exception) -> Response:
    # The traceback goes to the log by the server; nothing internal is shown.
    detail = f"这是程序的问题，已记入日志（请求编号 {request.state.request_id}）。请稍后再试。"
    return respond(request, 500, "程序出错", detail)


def respond(
    request: Request,
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem: as details for programs, as a page for people."""
    path = request.url.path
    if not path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/openapi")):
        page = render(request, "error.html", title=title, detail=detail, status=status)
        page.status_code = status
        page.headers.update(headers or {})
        return page
    problem = Problem(title=title, status=status, detail=detail, instance=path)
    return JSONResponse(
        problem.model_dump(),
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )
