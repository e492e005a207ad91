"""The main pages: every check and every screenshot goes over them. A new page is one line here."""

from __future__ import annotations

from playwright.sync_api import Page

PLACES: dict[str, str] = {
    "search": "/",
    "results": "/?q=钢渣微粉活性低，想用作水泥掺合料",
    "no-results": "/?q=钢渣&field=&region=日本&min_maturity=产业化",
    "needs": "/needs",
    "achievements": "/achievements",
    "need": "first of /needs",
    "achievement": "first of /achievements",
    "password": "/account/password",
    "tokens": "/account/tokens",
    "missing": "/needs/none",
    "design": "/design",
}
"""Name → address. ``first of <list>`` is the first record that a list leads to."""


def path_of(page: Page, name: str) -> str:
    """The address of a main page."""
    path = PLACES[name]
    if not path.startswith("first of "):
        return path
    kind = path.removeprefix("first of ")
    page.goto(kind)
    found = page.locator(f"main a[href^='{kind}/']").first.get_attribute("href")
    assert found is not None
    return found
