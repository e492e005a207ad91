"""A line of the log is one line, and an error in it tells where, not what somebody sent."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.administration import AuditOut
from api.clock import now_at
from api.exports.audit_csv import audit_csv
from api.observability.logs import JsonFormatter, PlainFormatter, described, log_config

SECRET = "机密的钢渣"  # noqa: S105


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info: Any = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("x", logging.ERROR, "x.py", 1, message, None, info)


@given(st.text())
def test_nobody_breaks_out_of_a_line(message: str) -> None:
    for formatter in (JsonFormatter(), PlainFormatter()):
        line = formatter.format(record(message))
        assert not {"\r", "\n"} & set(line)
    assert json.loads(JsonFormatter().format(record(message)))["level"] == "error"


def raised(depth: int = 0) -> Exception:
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as first:
            if depth:
                raise ExceptionGroup(SECRET, [KeyError(SECRET), raised()]) from first
            raise RuntimeError(SECRET) from first
    except Exception as error:
        return error


def test_an_error_is_its_types_and_places() -> None:
    for error in (raised(), raised(1)):
        text = described(error)
        assert SECRET not in text
        assert "builtins.ValueError" in text
        assert "in raised" in text
        for formatter in (JsonFormatter(), PlainFormatter()):
            assert SECRET not in formatter.format(record("failed", error))
    assert "builtins.KeyError" in described(raised(1))


def test_an_error_that_caused_itself_ends() -> None:
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert described(first).count("ValueError") == 2


def test_a_terminal_reads_plain_lines_and_a_program_json(monkeypatch: Any) -> None:
    def formatter(wanted: Any) -> str:
        found: str = log_config(wanted)["formatters"]["chosen"]["()"]
        return found.rpartition(".")[2]

    for tty, expected in ((True, "PlainFormatter"), (False, "JsonFormatter")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda tty=tty: tty, raising=False)
        assert formatter(None) == expected
        assert formatter("json") == "JsonFormatter"
        assert formatter("plain") == "PlainFormatter"


@given(st.text(), st.text(), st.text())
def test_no_cell_of_the_file_is_a_formula(operator: str, address: str, subject: str) -> None:
    entry = AuditOut(
        id=1, happened_at=now_at(), action="登录", user=None, operator=operator, address=address,
        subject=subject, request_id="",
    )  # fmt: skip
    lines = "".join(audit_csv([entry])).removeprefix("\ufeff")
    [_, row] = csv.reader(io.StringIO(lines, newline=""))
    assert len(row) == 8
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)
