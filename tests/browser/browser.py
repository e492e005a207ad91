"""Chromium as the tests and the screenshots use it: Debian's, with a fresh profile, offline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.furnish import USER
from tests.integration.office import PASSWORD

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS = (1440, 390)
"""An office's screen and a phone, in CSS pixels."""
HEIGHT = 900


def chromium() -> str | None:
    """The program; Playwright's own browsers are downloaded from elsewhere and not used."""
    return shutil.which("chromium")


@contextmanager
def browsing(program: str) -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page) -> None:
    """The administrator of the office, by the form."""
    page.goto("/login")
    page.get_by_label("用户名").fill(USER)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.locator("summary", has_text=USER).wait_for(state="attached")
