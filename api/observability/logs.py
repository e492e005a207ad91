"""Logs of the server: one line each, as JSON for programs or plain for a terminal.

A line of a request says which route, never which record, query or address; who asked is a number.
An error is logged with its type and where it happened, without its message: that may hold what
somebody sent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["json", "plain"]
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered, so that an error is found by what people were told."""
ACCESS = "zhitong.access"
_FACTS = "facts"


def log_config(wanted: LogFormat | None) -> dict[str, Any]:
    """For ``logging.config.dictConfig``: everything to standard error, in one format.

    ``wanted``: None is plain on a terminal and JSON everywhere else.
    """
    chosen = wanted or ("plain" if sys.stderr.isatty() else "json")
    formatter = {"json": JsonFormatter, "plain": PlainFormatter}[chosen]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": f"{__name__}.{formatter.__name__}"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "chosen",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"uvicorn": {"level": "INFO"}, "zhitong": {"level": "INFO"}},
    }


def log_request(facts: dict[str, object]) -> None:
    """One line for one request."""
    logging.getLogger(ACCESS).info("request", extra={_FACTS: facts})


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line feed."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": _message(record),
            "request_id": REQUEST_ID.get(),
            **getattr(record, _FACTS, {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a traceback below it."""
        facts: dict[str, object] = getattr(record, _FACTS, {})
        words = [_time(record), record.levelname, _message(record)]
        words += [f"{name}={value}" for name, value in facts.items() if value is not None]
        if number := REQUEST_ID.get():
            words.append(f"request_id={number}")
        line = " ".join(words)
        if record.exc_info and record.exc_info[1]:
            line += "\n" + described(record.exc_info[1])
        return line


def described(error: BaseException) -> str:
    """Where an error happened and of what type it and its causes are: no message, no value."""
    parts: list[str] = []
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        now = waiting.pop()
        if id(now) in seen:
            continue
        seen.add(id(now))
        kind = type(now)
        frames = "".join(traceback.format_tb(now.__traceback__))
        parts.append(f"{kind.__module__}.{kind.__qualname__}\n{frames}".rstrip())
        if isinstance(now, BaseExceptionGroup):
            waiting += now.exceptions
        before = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
        if before is not None:
            waiting.append(before)
    return "\n".join(parts)


def _message(record: logging.LogRecord) -> str:
    # Nobody breaks out of a line.
    return "\\n".join(record.getMessage().splitlines())


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
