"""The pages as they are used: by keyboard, on a phone, on paper, before the login."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browser import WIDTHS
from tests.browser.conftest import Opener, open_details
from tests.browser.places import PLACES
from tests.browser.test_pages import TOO_WIDE, severe

A4 = 794
"""Its width in CSS pixels."""


def test_the_keyboard_skips_the_head_and_finds_the_search_box(window: Opener) -> None:
    page = window()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    box = page.get_by_role("search").get_by_role("textbox").first
    expect(box).to_be_focused()
    page.keyboard.type("a/b")
    expect(box).to_have_value("a/b")


def test_every_focus_is_seen(window: Opener) -> None:
    page = window()
    page.goto(PLACES["design"])
    outline = "() => getComputedStyle(document.activeElement).outlineStyle"
    focused = "() => document.activeElement.outerHTML.slice(0, 200)"
    page.keyboard.press("Tab")
    seen = 0
    while not page.evaluate("() => document.activeElement === document.body"):
        assert page.evaluate(outline) != "none", page.evaluate(focused)
        page.keyboard.press("Tab")
        seen += 1
    assert seen > page.locator("main :is(button, input):enabled").count()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_places_fold_on_a_phone(scripts: bool, window: Opener) -> None:
    page = window(WIDTHS[1], java_script_enabled=scripts)
    page.goto("/needs")
    places = page.get_by_role("navigation", name="主导航")
    expect(places).to_be_hidden()
    page.get_by_text("菜单").click()
    expect(places.get_by_role("link", name="需求")).to_have_attribute("aria-current", "page")
    places.get_by_role("link", name="成果").click()
    page.wait_for_url("**/achievements")


def test_the_account_menu_opens_and_closes_by_keyboard(window: Opener) -> None:
    page = window()
    page.goto("/")
    out = page.get_by_role("button", name="退出")
    expect(out).to_be_hidden()
    page.locator("summary", has_text="管理员").focus()
    page.keyboard.press("Enter")
    expect(out).to_be_visible()
    expect(page.get_by_role("link", name="修改密码")).to_be_visible()
    page.keyboard.press("Escape")
    expect(out).to_be_hidden()
    expect(page.locator("summary", has_text="管理员")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("main").click(position={"x": 5, "y": 5})
    expect(out).to_be_hidden()


def test_on_paper_the_cards_are_unfolded_and_nothing_is_to_be_pressed(window: Opener) -> None:
    page = window(A4)
    page.goto(PLACES["need"])
    folded = page.locator(".card details:not(.choose)").first
    height = "one => one.getBoundingClientRect().height"
    before = folded.evaluate(height)
    page.emulate_media(media="print")
    assert folded.evaluate(height) > before
    for control in ("header", "button", "input"):
        for found in page.locator(control).all():
            expect(found).to_be_hidden()
    expect(page.locator(".card h3").first).to_be_visible()
    open_details(page)
    assert page.evaluate(TOO_WIDE) == []


def test_nothing_moves_for_who_asked_for_that(window: Opener) -> None:
    page = window(reduced_motion="reduce")
    page.goto(PLACES["design"])
    moving = "all => all.filter(one => getComputedStyle(one).transitionDuration !== '0s').length"
    assert page.locator("*").evaluate_all(moving) == 0


def test_the_level_of_a_card_is_told_by_word_colour_and_bar(window: Opener) -> None:
    page = window()
    page.goto(PLACES["design"])
    colour = "one => getComputedStyle(one).color"
    shown = [
        (one.inner_text(), one.evaluate(colour))
        for one in page.locator("#d-cards ~ .card .verdict").all()
    ]
    assert [word for word, _ in shown] == ["强", "较强", "弱"]
    assert len({colour for _, colour in shown}) == 3
    width = "all => all.map(one => one.getBoundingClientRect().width)"
    bars = page.locator("#d-cards ~ .card .gauge rect").evaluate_all(width)
    assert len(bars) == 3
    assert bars == sorted(bars, reverse=True)


def test_the_login_has_no_barrier_and_no_places(window: Opener, axe: str) -> None:
    for width in WIDTHS:
        page = window(width, known=False, bypass_csp=True)
        page.goto("/needs")
        expect(page.get_by_role("heading", name="登录")).to_be_visible()
        expect(page.locator(".menu")).to_have_count(0)
        assert severe(page, axe) == []
