"""What was just done, said on the page that one comes back to, with a way to undo it.

A redirect names it in its address: ``done=judged-12``. The page looks up what that is, so nobody
can put words into it, and who may not see it is told nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse

from api import feedback, shortlists
from api.feedback import said_label
from api.security.visitor import Visitor
from api.services import Services
from api.web.accounts import safe_next
from api.web.templating import offer
from matcher.feedback import UnknownFeedbackError
from matcher.shortlist import UnknownShortlistError

_DONE = "done"
_NAMED = re.compile(r"([a-z]{1,20})-(\d{1,18})(?:-(\d{1,18}))?")
_LONGEST = 8000
_TITLE = 40


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, a page it speaks of, and where the form that undoes it goes."""

    text: str
    link: str = ""
    label: str = ""
    undo: str = ""


def going_back(wanted: str, done: str = "") -> RedirectResponse:
    """To a page of ours, which says what was done."""
    parts = urlsplit(safe_next(wanted))
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != _DONE]
    if done:
        query.append((_DONE, done))
    # Never with a scheme or a host: ``safe_next`` lets none pass.
    place = urlunsplit(("", "", parts.path, urlencode(query), parts.fragment))
    return RedirectResponse(place, status_code=303)


def here(request: Request) -> str:
    """The page one is on, for forms that lead back to it."""
    query = [pair for pair in parse_qsl(request.url.query, keep_blank_values=True)
             if pair[0] != _DONE]  # fmt: skip
    path = quote(request.scope["path"])  # an id may hold what has a meaning in an address
    place = f"{path}?{urlencode(query)}" if query else path
    return place if len(place) <= _LONGEST else path


def notice(request: Request) -> Notice | None:
    """What the address says was done; None: nothing, or nothing that the visitor may know."""
    found = _NAMED.fullmatch(request.query_params.get(_DONE, ""))
    visitor: Visitor = request.state.visitor
    if found is None or found[1] not in _TELLERS or not visitor.is_known:
        return None
    services: Services = request.app.state.services
    try:
        tell = _TELLERS[found[1]]
        return tell(services.seen_by(visitor.scope), visitor, int(found[2]), int(found[3] or 0))
    except (UnknownFeedbackError, UnknownShortlistError):
        return None


def shortened(title: str) -> str:
    """A title as a sentence can hold it; the sentence stays in view, so it must not fill it."""
    return title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"


def _judged(services: Services, visitor: Visitor, number: int, _: int) -> Notice | None:
    entry = feedback.said(services, number, visitor.role)
    if entry.rater != visitor.name:
        return None
    label = said_label(entry.verdict, entry.grade, ())
    reasons = f"（{'、'.join(entry.reasons)}）" if entry.reasons else ""
    about = f"“{shortened(entry.achievement_title or entry.achievement)}”"
    if entry.undone_at is not None:
        return Notice(f"{about}的“{label}”已撤销。")
    return Notice(f"{about}已记为{label}{reasons}。", undo=f"/feedback/{number}/undo")


def _entry(shortlist_id: int, entry_id: int, act: str) -> str:
    return f"/shortlists/{shortlist_id}/entries/{entry_id}/{act}"


def _saved(services: Services, visitor: Visitor, number: int, entry_id: int) -> Notice:
    found = shortlists.view(services, visitor, number)
    undo = ""
    if any(entry.id == entry_id for entry in found.entries):
        undo = _entry(number, entry_id, "remove")
    text = f"已收藏到“{found.name}”。" if undo else f"已从“{found.name}”移出。"
    return Notice(text, f"/shortlists/{number}", "打开清单", undo)


def _kept(services: Services, visitor: Visitor, number: int, _: int) -> Notice:
    found = shortlists.view(services, visitor, number)
    return Notice(
        f"“{found.name}”里已有这一对，没有重复收藏。", f"/shortlists/{number}", "打开清单"
    )


def _removed(services: Services, visitor: Visitor, number: int, entry_id: int) -> Notice | None:
    found = shortlists.view(services, visitor, number)
    if any(entry.id == entry_id for entry in found.entries):
        return Notice("已放回清单。")
    return Notice(f"已从“{found.name}”移出一条。", undo=_entry(number, entry_id, "restore"))


def _copied(services: Services, visitor: Visitor, number: int, _: int) -> Notice:
    found = shortlists.view(services, visitor, number)
    return Notice(f"已复制为“{found.name}”，只有您能看到。")


def _noted(services: Services, visitor: Visitor, number: int, entry_id: int) -> Notice | None:
    return _placed(services, visitor, number, entry_id, "第 {} 条的备注已保存。")


def _moved(services: Services, visitor: Visitor, number: int, entry_id: int) -> Notice | None:
    return _placed(services, visitor, number, entry_id, "已移到第 {} 条。")


def _placed(
    services: Services, visitor: Visitor, number: int, entry_id: int, text: str
) -> Notice | None:
    found = shortlists.view(services, visitor, number)
    places = (entry.place for entry in found.entries if entry.id == entry_id)
    return next((Notice(text.format(place)) for place in places), None)


def _described(services: Services, visitor: Visitor, number: int, _: int) -> Notice:
    return Notice(f"“{shortlists.view(services, visitor, number).name}”的名称和说明已保存。")


def _shared(services: Services, visitor: Visitor, number: int, _: int) -> Notice:
    return Notice(f"“{shortlists.view(services, visitor, number).name}”的共享已保存。")


_TELLERS: Mapping[str, Callable[[Services, Visitor, int, int], Notice | None]] = {
    "judged": _judged,
    "undone": _judged,
    "saved": _saved,
    "kept": _kept,
    "removed": _removed,
    "copied": _copied,
    "noted": _noted,
    "moved": _moved,
    "described": _described,
    "shared": _shared,
}

offer(notice=notice, here=here)
