"""Rendering: autoescaped templates and the filters they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi.templating import Jinja2Templates
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.clock import TIME_ZONE
from api.schemas import SpanOut
from api.security.secrets import form_token
from api.security.visitor import Visitor
from api.web.navigation import home_for, is_current, places_for
from matcher.diversity import DiversityConfig

_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
_templates.env.globals["version"] = version("zhitong")
_templates.env.globals["diversity"] = DiversityConfig()
_templates.env.globals["is_current"] = is_current
_templates.env.globals["home_for"] = home_for


def offer(**functions: Callable[..., Any]) -> None:
    """Let templates call functions by these names."""
    _templates.env.globals.update(functions)


def render(request: Request, name: str, **values: Any) -> HTMLResponse:
    """A page from a template; every value is escaped.

    ``visitor`` is who looks at it, ``csrf`` what its forms send back, ``places`` where it leads.
    """
    visitor: Visitor = request.state.visitor
    csrf = form_token(visitor.secret) if visitor.secret else ""
    known = {"visitor": visitor, "csrf": csrf, "places": places_for(visitor)}
    return _templates.TemplateResponse(request, name, {**known, **values})


def pieces(
    text: str, spans: Iterable[SpanOut], field: str, start: int = 0, end: int | None = None
) -> list[tuple[str, bool]]:
    """``text[start:end]`` cut into (piece, marked); overlapping marks are joined."""
    stop = len(text) if end is None else end
    cuts: list[tuple[str, bool]] = []
    position = start
    for span in sorted((s for s in spans if s.field == field), key=lambda s: (s.start, s.end)):
        left, right = max(span.start, position), min(span.end, stop)
        if left >= right:
            continue
        if left > position:
            cuts.append((text[position:left], False))
        if cuts and cuts[-1][1] and left == position:
            cuts[-1] = (cuts[-1][0] + text[left:right], True)
        else:
            cuts.append((text[left:right], True))
        position = right
    if position < stop:
        cuts.append((text[position:stop], False))
    return cuts


def local(moment: datetime) -> str:
    """A moment as people in Tangshan say it."""
    return moment.astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")


def local_text(moment: str) -> str:
    """The same from ISO 8601."""
    return local(datetime.fromisoformat(moment))


_templates.env.filters["pieces"] = pieces
_templates.env.filters["local"] = local
_templates.env.filters["local_text"] = local_text
