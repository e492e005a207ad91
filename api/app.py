"""The web process: API and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.routes import explaining, feedback, matching, records, system
from api.services import Services
from api.settings import Settings
from api.web import pages

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class _Secured(FastAPI):
    """Every response has the security headers: also those made outside of all middleware."""

    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()

        async def secured(scope: Scope, receive: Receive, send: Send) -> None:
            async def with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(_HEADERS)
                await send(message)

            await inner(scope, receive, with_headers)

        return secured


def create_app(settings: Settings) -> FastAPI:
    """An app over the database and indexes that ``settings`` name."""
    services = Services(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(services.prepare)
        yield
        services.close()

    app = _Secured(
        title="zhitong 直通",
        version=version("zhitong"),
        description="Matches research achievements 成果 to enterprises' needs 需求, with reasons.",
        lifespan=lifespan,
        # The interactive pages load scripts from a CDN; this network has none.
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.services = services
    errors.install(app)
    for module in (system, matching, explaining, records, feedback, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "web" / "static"))

    return app
