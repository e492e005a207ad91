"""Running the web process: one, or several that share a port.

One process is given the app, whose model is loaded before the port is open, so that what is
missing is one sentence. Several are started anew, each makes an app of its own from the
environment, with its own engine and database connections. What is open without a login is never
told by the environment; so the demonstration is one process.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.observability.logs import log_config
from api.observability.metrics import FOLDER
from api.settings import NO_PROXY, Settings

FACTORY = "api.serving:worker_app"
# A whole need of 20,000 characters in an address, nine to twelve bytes each, with room to spare.
_REQUEST_LINE_BYTES = 1024**2
_THREADS = "ZHITONG_THREADS"


def worker_app() -> FastAPI:
    """The app of one of several processes."""
    return create_app(Settings())


def run(app: FastAPI, settings: Settings, host: str, port: int) -> None:
    """Serve in this process until a signal, then finish what was begun."""
    _uvicorn(app, settings, host, port)


def run_workers(
    settings: Settings, host: str, port: int, workers: int, factory: str = FACTORY
) -> None:
    """Serve with several processes until a signal, then let each finish what it began.

    They share the cores: each computes with its part of them, unless the settings say otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="zhitong-metrics-") as folder:
        os.environ[FOLDER] = folder
        if settings.threads is None:
            os.environ[_THREADS] = str(max(1, (os.cpu_count() or 1) // workers))
        _uvicorn(factory, settings, host, port, workers)


def _uvicorn(
    app: FastAPI | str | Callable[[], FastAPI],
    settings: Settings,
    host: str,
    port: int,
    workers: int = 1,
) -> None:
    believed = settings.trusted_proxies
    uvicorn.run(
        app,
        factory=isinstance(app, str),
        workers=workers,
        host=host,
        port=port,
        http="h11",
        h11_max_incomplete_event_size=_REQUEST_LINE_BYTES,
        server_header=False,
        access_log=False,
        log_config=log_config(settings.log_format),
        proxy_headers=believed != NO_PROXY,
        forwarded_allow_ips=believed,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        # A worker reads its model and dictionary for seconds, and longer on a busy machine.
        timeout_worker_healthcheck=60,
    )
