"""What a person does in a browser, step by step; every page on the way is watched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, expect

from tests.browser.browser import HEIGHT, WIDTHS
from tests.browser.test_pages import TOO_WIDE
from tests.integration.office import PASSWORD


@contextmanager
def watched(
    browser: Browser, site: str, scripts: bool = True, refused: bool = False
) -> Iterator[Page]:
    """A new window. In the end: no script of anybody else ran, nothing on any page failed, none
    scrolled sideways. ``refused``: pages may be refused on purpose."""
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        told = refused and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not told:
            said.append(message.text)

    def asked(dialog: Dialog) -> None:
        said.append(f"a script said: {dialog.message}")
        dialog.dismiss()

    def loaded(page: Page) -> None:
        # A page without scripts cannot be asked; it has the same layout.
        if scripts and (wide := page.evaluate(TOO_WIDE)):
            said.append(f"{page.url} scrolls sideways: {wide}")

    with browser.new_context(
        base_url=site,
        viewport={"width": WIDTHS[0], "height": HEIGHT},
        locale="zh-CN",
        java_script_enabled=scripts,
    ) as context:
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("dialog", asked)
        page.on("load", loaded)
        yield page
    assert not said, said


def log_in(page: Page, name: str) -> None:
    """From whatever page one wants to the form, through it, and to the desk."""
    page.goto("/")
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    expect(page.get_by_role("navigation", name="主导航")).to_have_count(0)
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_title("工作台 · 直通")
    expect(page.locator(".account summary")).to_contain_text(name)


def log_out(page: Page) -> None:
    """By the account's menu; the way back by the browser's history shows no page any more."""
    page.locator(".account summary").click()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    page.goto("/desk")
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


def go(page: Page, place: str) -> None:
    """By the navigation, which says where one is."""
    link = page.get_by_role("navigation", name="主导航").get_by_role("link", name=place, exact=True)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")
    expect(page.locator("h1")).to_have_count(1)


def told(page: Page) -> Locator:
    """What the page says was just done."""
    return page.locator(".notice.told")


def figure(page: Page, label: str) -> Locator:
    """The number above a label of the desk."""
    name = re.compile(rf"^\d+ {label}$")
    return page.get_by_role("list", name="一览").get_by_role("link", name=name).locator("b")


def send(page: Page, path: Path) -> None:
    """Choose a file, and send it; what is in it is told by its columns."""
    go(page, "导入")
    page.get_by_role("link", name="导入文件").first.click()
    page.get_by_label("文件", exact=True).set_input_files(path)
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("heading", name="每一列是什么")).to_be_visible()


def settle(page: Page, **columns: str) -> None:
    """Say what columns are, by their names, and go on to the rows."""
    for name, target in columns.items():
        page.get_by_role("combobox", name=f"{name} 当作").select_option(label=target)
    page.get_by_role("button", name="下一步：核对内容").click()
    expect(page.get_by_role("heading", name="核对需求")).to_be_visible()


def load(page: Page) -> None:
    """Start the import; its page ends at the report by itself."""
    page.get_by_role("button", name="开始导入").click()
    expect(page.get_by_role("table", name="每一行的去向")).to_be_visible(timeout=60_000)


def card(page: Page, title: str) -> Locator:
    """The card of a match, by its title."""
    return page.locator("article.card").filter(has=page.get_by_role("link", name=title, exact=True))


def titles(page: Page) -> list[str]:
    """Of the cards of a page, in order."""
    return [one.strip() for one in page.locator("article.card h3 a").all_inner_texts()]


def downloaded(page: Page, link: str, folder: Path) -> Path:
    """What a link downloads, by its proposed name."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=link).click()
    found = waiting.value
    assert not re.search(r'[\\/:*?"<>|\r\n]', found.suggested_filename)
    path = folder / found.suggested_filename
    found.save_as(path)
    return path
