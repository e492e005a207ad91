"""Figures for Prometheus, by prometheus-client.

What is counted in a process (requests, rankings) is added up over all workers: each writes into
a folder of the server's own (``PROMETHEUS_MULTIPROC_DIR``). What the database and the indexes
know is read when somebody asks, so every worker says the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, func, select

from api.clock import now_at
from api.security.audit import Action
from api.tables import AuditTable, SessionTable
from corpus.model import CorpusError, Kind
from corpus.repository import CorpusRepository
from indexer.errors import IndexerError

if TYPE_CHECKING:
    from api.services import Services

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus-client: set before a worker starts."""

_OWN = CollectorRegistry()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
_ROUTE = ("method", "route", "status")

REQUESTS = Counter("zhitong_http_requests", "Requests answered.", _ROUTE, registry=_OWN)
DURATION = Histogram(
    "zhitong_http_request_seconds", "From the first byte asked to the last answered.", _ROUTE,
    buckets=_SECONDS, registry=_OWN,
)  # fmt: skip
IN_FLIGHT = Gauge(
    "zhitong_http_requests_in_flight", "Requests being answered.",
    multiprocess_mode="livesum", registry=_OWN,
)  # fmt: skip
RANKING = Histogram(
    "zhitong_ranking_seconds", "To rank what was asked and explain it.", ("target",),
    buckets=_SECONDS, registry=_OWN,
)  # fmt: skip


def exposed(services: Services) -> bytes:
    """All figures, in the text format that ``CONTENT_TYPE`` names."""
    # A fresh one: what it reads belongs to these services.
    registry = CollectorRegistry()
    folder = os.environ.get(FOLDER)
    if folder:
        _forget_dead(Path(folder))
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    else:
        registry.register(_Registered())
    registry.register(_State(services))
    return generate_latest(registry)


def _forget_dead(folder: Path) -> None:
    """A worker that was killed answers no requests any more."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not _is_alive(pid):
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Registered(Collector):
    """What this process counted."""

    def collect(self) -> Iterator[Metric]:
        """As it is now."""
        return iter(_OWN.collect())


class _State(Collector):
    """What is true of the whole server at this moment."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """The program; the database, and what it knows if it answers."""
        build = GaugeMetricFamily("zhitong_build_info", "The program.", labels=["version"])
        build.add_metric([version("zhitong")], 1)
        yield build
        try:
            with self._services.reading() as session:
                found = [*self._accounts(session), *self._indexes(session)]
        except (SQLAlchemyError, CorpusError):
            found = None
        yield GaugeMetricFamily(
            "zhitong_database_up", "Whether the database answers.", 1 if found is not None else 0
        )
        yield from found or ()

    def _accounts(self, session: Session) -> Iterator[Metric]:
        failed = select(func.count()).where(AuditTable.action == Action.LOGIN_FAILED.value)
        yield CounterMetricFamily(
            "zhitong_login_failures", "Logins that were refused.", session.exec(failed).one()
        )
        lifetimes, now = self._services.lifetimes, now_at()
        good = select(func.count()).where(
            col(SessionTable.created_at) > now - lifetimes.whole,
            col(SessionTable.seen_at) > now - lifetimes.idle,
        )
        yield GaugeMetricFamily(
            "zhitong_sessions", "Logins that have not ended.", session.exec(good).one()
        )

    def _indexes(self, session: Session) -> Iterator[Metric]:
        revision = CorpusRepository(session).revision()
        yield GaugeMetricFamily("zhitong_corpus_revision", "Of the records.", revision)
        lag = GaugeMetricFamily(
            "zhitong_index_lag_records", "Records not in the index as they are.", labels=["kind"]
        )
        documents = GaugeMetricFamily(
            "zhitong_index_documents", "Records in the index.", labels=["kind"]
        )
        made_from = GaugeMetricFamily(
            "zhitong_index_revision", "Revision of the records an index holds.", labels=["kind"]
        )
        info = GaugeMetricFamily(
            "zhitong_index_info", "The generation that answers.", labels=["kind", "generation"]
        )
        for kind in Kind:
            lag.add_metric([kind.value], self._services.indexing.lag(kind))
            try:
                name = self._services.store.current_name(kind)
                manifest = self._services.store.manifest(kind)
            except IndexerError:
                continue  # /readyz says what is wrong with it
            if name is None or manifest is None:
                continue
            documents.add_metric([kind.value], manifest.documents)
            made_from.add_metric([kind.value], manifest.revision)
            info.add_metric([kind.value, name.removesuffix(".json")], 1)
        yield from (lag, documents, made_from, info)
