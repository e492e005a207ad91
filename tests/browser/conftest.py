"""A browser, and pages of a real server in it. Skips loudly where Chromium is missing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.browser.browser import HEIGHT, WIDTHS, browsing, chromium, log_in
from tests.browser.serving import accounts_office

AXE = "axe-core@4.14.1"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the session: while it is open, an event loop runs in this thread.
    program = chromium()
    if program is None:
        pytest.skip("Chromium not found: apt-get install chromium")
    with browsing(program) as opened:
        yield opened


@pytest.fixture(scope="package")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an office with accounts. The tests read only."""
    with accounts_office(tmp_path_factory.mktemp("office")) as address:
        yield address


@pytest.fixture(scope="package")
def logged_in(browser: Browser, site: str) -> StorageState:
    """What a browser keeps after an administrator has logged in by the form."""
    with browser.new_context(base_url=site) as context:
        page = context.new_page()
        log_in(page)
        return context.storage_state()


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", AXE]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("npm not found, so no axe-core: apt-get install npm")
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


class Opener:
    """Makes browser windows of somebody logged in; each is closed after the test."""

    def __init__(self, browser: Browser, site: str, state: StorageState) -> None:
        self._browser, self._site, self._state = browser, site, state
        self._made: list[BrowserContext] = []

    def __call__(self, width: int = WIDTHS[0], known: bool = True, **options: Any) -> Page:
        """A window of ``width`` CSS pixels; ``known``: logged in."""
        context = self._browser.new_context(
            base_url=self._site,
            viewport={"width": width, "height": HEIGHT},
            locale="zh-CN",
            storage_state=self._state if known else None,
            **options,
        )
        self._made.append(context)
        return context.new_page()

    def close(self) -> None:
        """All of them."""
        for context in self._made:
            context.close()


@pytest.fixture(scope="package")
def inspected(browser: Browser, site: str, logged_in: StorageState) -> Iterator[Page]:
    """One window for all that axe looks at. The policy forbids scripts from elsewhere, and so
    axe's."""
    with browser.new_context(
        base_url=site, storage_state=logged_in, bypass_csp=True, reduced_motion="reduce"
    ) as context:
        yield context.new_page()


@pytest.fixture(scope="package")
def plain(browser: Browser, site: str, logged_in: StorageState) -> Iterator[Page]:
    """One window without JavaScript, of an office's width."""
    with browser.new_context(
        base_url=site, storage_state=logged_in, java_script_enabled=False, locale="zh-CN",
        viewport={"width": WIDTHS[0], "height": HEIGHT},
    ) as context:  # fmt: skip
        yield context.new_page()


@pytest.fixture
def window(browser: Browser, site: str, logged_in: StorageState) -> Iterator[Opener]:
    made = Opener(browser, site, logged_in)
    yield made
    made.close()


def open_details(page: Page) -> None:
    """Unfold what a page keeps folded; of a list of cards in the first two: all are alike."""
    script = "all => all.forEach(one => { one.open = !one.closest('.card ~ .card ~ .card'); })"
    page.locator("main details").evaluate_all(script)
