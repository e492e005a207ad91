"""What every command shares: settings, services, and errors as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer
from pydantic import ValidationError
from rich.markup import escape

from api.console import err
from api.sentences import file_sentence, setting_sentence
from api.settings import Settings
from corpus.database import database_problem
from corpus.model import CorpusError

if TYPE_CHECKING:
    from api.services import Services


def current_settings() -> Settings:
    """Settings from the environment; a malformed one ends the program with exit code 2."""
    try:
        return Settings()
    except ValidationError as error:
        fail(f"设置有误：{setting_sentence(error.errors())}")


def demo_settings(settings: Settings) -> Settings:
    """The same settings with a home of their own, so that samples never mix with real data."""
    return settings.model_copy(update={"home": settings.home / "demo", "database_url": ""})


@contextmanager
def reported_errors() -> Iterator[None]:
    """Our own errors, the system's on files and the database's become one sentence, exit code 2."""
    from sqlalchemy.exc import SQLAlchemyError

    from api.security.errors import AccountError
    from eval.qrels import EvalError
    from indexer.errors import IndexerError
    from matcher.errors import MatchError

    try:
        yield
    except (AccountError, CorpusError, IndexerError, MatchError, EvalError) as error:
        fail(str(error))
    except OSError as error:
        fail(file_sentence(error))
    except SQLAlchemyError as error:
        fail(database_problem(error))
    except UnicodeEncodeError:
        fail("输入的文字里有无法编码的字符。请检查编号、文件名和文字，去掉乱码后再试。")


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[Services]:
    """Services, closed at the end; errors as in ``reported_errors``."""
    from api.services import Services

    with reported_errors():
        services = Services(settings or current_settings())
        try:
            yield services
        finally:
            services.close()


def fail(message: str) -> NoReturn:
    """Say what is wrong on standard error and end with exit code 2."""
    err.print(f"[red]{escape(message)}[/red]", soft_wrap=True, highlight=False)
    raise typer.Exit(2)
