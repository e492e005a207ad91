"""Running the web process: one, or several that share a port.

One process is given the app, whose model is loaded before the port is open, so that what is
missing is one sentence. Several are started anew, each makes an app of its own from the
environment, with its own engine and database connections. What is open without a login is never
told by the environment; so the demonstration is one process.
"""

from __future__ import annotations

import errno
import os
import socket
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
    app = create_app(Settings())
    app.state.services.warm()
    return app


def port_problem(host: str, port: int) -> str:
    """Why nobody could be served there, and what to do; empty if nothing stands against it.

    Asked before the model is loaded; who takes the port after that is told by the server's log.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server itself does: connections that have just ended are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return (
                f"端口 {port} 已被占用，可能直通已经在运行。"
                "请先停掉占用它的程序，或用 --port 换一个端口。"
            )
        if error.errno == errno.EACCES:
            return f"没有权限用端口 {port}。请用 --port 换一个 1024 以上的端口，前面放反向代理。"
        return f"不能在 {host} 上监听：它不是这台机器的地址。请用 --host 写本机的地址。"
    return ""


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
