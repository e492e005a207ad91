"""What holds of every main page in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.browser import HEIGHT, WIDTHS
from tests.browser.conftest import Opener, open_details
from tests.browser.places import PLACES

every_place = pytest.mark.parametrize("name", PLACES)
NARROWEST = 320
"""To which a page is narrowed by 400 % of zoom on a screen of 1280 (WCAG 2.2, 1.4.10)."""
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_CHECK = """async options => {
  const found = await axe.run(document, options);
  return found.violations.map(one => [one.id, one.impact, one.nodes.map(node => node.html)]);
}"""
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter(one => one.getBoundingClientRect().right > width + 1)
    .map(one => one.outerHTML.slice(0, 120));
}"""


def severe(page: Page, axe: str, only: str | None = None) -> list[Any]:
    """What axe calls serious or critical; ``only`` one of its rules."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe)
    run = {"type": "rule", "values": [only]} if only else {"type": "tag", "values": _TAGS}
    rules = {} if only else {"target-size": {"enabled": True}}
    found = page.evaluate(_CHECK, {"runOnly": run, "rules": rules, "resultTypes": ["violations"]})
    return [one for one in found if one[1] in ("serious", "critical")]


@every_place
def test_no_barrier_that_axe_calls_serious(name: str, inspected: Page, axe: str) -> None:
    page = inspected
    page.emulate_media(color_scheme="light")
    page.goto(PLACES[name])
    open_details(page)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        found += severe(page, axe)
    # Nothing else depends on the colours, and they do not on the width.
    page.emulate_media(color_scheme="dark")
    found += severe(page, axe, "color-contrast")
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


@every_place
def test_nothing_is_refused_nothing_scrolls_sideways_and_no_script_is_needed(
    name: str, window: Opener, plain: Page
) -> None:
    page = window()
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # That a page was not found is said of the page that was asked for, too.
        if message.type in ("error", "warning") and message.location["url"] != page.url:
            said.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(PLACES[name])
    plain.goto(PLACES[name])
    assert not said
    shown = [one.locator("main").inner_text() for one in (page, plain)]
    assert shown[0] == shown[1] != ""
    # One heading says what the page is, one button what is done here; /design shows them all.
    assert page.locator("h1").count() == 1
    assert name == "design" or page.locator("main .primary:visible").count() <= 1
    open_details(page)
    for width in (*WIDTHS, NARROWEST):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate(TOO_WIDE) == [], width


@pytest.mark.parametrize(
    "path",
    ["/needs?title=钢渣钢渣", "/achievements?title=钢渣钢渣", "/needs/L0", "/achievements/L1"],
)
def test_long_names_without_a_blank_break_no_layout(path: str, window: Opener) -> None:
    page = window()
    page.goto(path)
    open_details(page)
    for width in (*WIDTHS, NARROWEST):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert page.evaluate(TOO_WIDE) == [], width
