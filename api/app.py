"""The web process: API and pages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from api import errors
from api.clock import now_at
from api.deps import form_checked
from api.observability.watching import Watching
from api.openapi import complete
from api.routes import (
    audit,
    contacts,
    dictionary,
    duplicates,
    facets,
    feedback,
    imports,
    matching,
    organisations,
    records,
    saved_searches,
    shortlists,
    system,
    users,
)
from api.security.guard import Guard
from api.security.policy import OPEN_ROLES
from api.security.rate import RateLimiter
from api.security.recognition import CookieNames, Recognition
from api.services import Services
from api.settings import Settings
from api.uploads.running import Runner
from api.web import accounts, admin, compare, design, desk, exports, oidc, pages, saved, search
from api.web import contacts as contact_pages
from api.web import dictionary as dictionary_pages
from api.web import duplicates as duplicate_pages
from api.web import feedback as feedback_pages
from api.web import imports as import_pages
from api.web import shortlists as shortlist_pages
from api.web import tokens as token_pages
from corpus.confidentiality import Role

_PROGRAMS = (
    # Matches before records: a record's id may hold slashes.
    system, matching, facets, records, organisations, feedback, shortlists, saved_searches, imports,
    duplicates, dictionary, contacts, users, audit,
)  # fmt: skip
_PAGES = (
    accounts, oidc, token_pages, admin, design, desk, search, saved, compare, feedback_pages,
    shortlist_pages, exports, import_pages, duplicate_pages, dictionary_pages, contact_pages,
    pages,
)  # fmt: skip
MAX_BODY_BYTES = 1024**2
"""Of a request; a route that takes files says its own."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
# What a page shows is for who was logged in, not for the next one at this computer.
_NOT_KEPT = {"Cache-Control": "no-store"}


class _Secured(FastAPI):
    """Every response has the security headers and is watched: also those made outside of all
    middleware."""

    def openapi(self) -> dict[str, Any]:
        """The schema of the API, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        return Watching(super().build_middleware_stack(), _headers)


def _headers(scheme: str, path: str) -> dict[str, str]:
    added = dict(_HEADERS)
    if scheme == "https":
        added |= _HTTPS
    if not path.startswith("/static/"):
        added |= _NOT_KEPT
    return added


def create_app(settings: Settings, open_as: Role | None = None) -> FastAPI:
    """An app over the database and indexes that ``settings`` name.

    ``open_as``: nobody logs in, everybody who reaches the server has this role. For the
    demonstration on one's own machine only.
    """
    if open_as is not None and open_as not in OPEN_ROLES:
        raise ValueError(f"nobody can be {open_as} without an account")
    services = Services(settings)
    cookies = CookieNames.of(settings.plain_http)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(services.prepare)
        yield
        await run_in_threadpool(app.state.imports.close)
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
        dependencies=[Depends(form_checked)],
    )
    app.state.services = services
    app.state.imports = Runner(services)
    app.state.cookies = cookies
    errors.install(app)
    largest_upload = settings.upload_megabytes * 1024**2 + MAX_BODY_BYTES
    for receiving in (imports.receiving, import_pages.receiving):
        app.include_router(receiving, max_body_size=largest_upload)
    for module in (*_PROGRAMS, *_PAGES):
        app.include_router(module.router, max_body_size=MAX_BODY_BYTES)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "web" / "static"))
    app.add_middleware(
        Guard,
        inside=app,
        recognition=Recognition(
            services.reading, lambda: services.database, services.lifetimes, cookies, now_at
        ),
        limiter=RateLimiter(settings.requests_per_minute, time.monotonic),
        max_body_bytes=MAX_BODY_BYTES,
        open_as=open_as,
    )
    return app
