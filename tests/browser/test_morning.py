"""A morning's work in a real browser, through every room, and what other people meet there."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import docx
import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from tests.acceptance.conftest import free_port
from tests.browser.browser import HEIGHT, WIDTHS
from tests.browser.morning_office import COUNTY, COUNTY_NAME, OFFICERS
from tests.browser.people import (
    card,
    downloaded,
    figure,
    go,
    load,
    log_in,
    log_out,
    send,
    settle,
    titles,
    told,
    watched,
)  # fmt: skip
from tests.browser.serving import serving
from tests.integration.messy_workbook import BAD_AMOUNT, NO_TITLE, TITLES, rows, write

NEED, LIST = TITLES[0], "迁安十二月走访"
REASON = "工艺不符"
NOTE = "下周三走访，带样品\n找王工"


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an office in which people work."""
    port, home = free_port(), tmp_path_factory.mktemp("morning")
    with serving(["-m", "tests.browser.morning_office", str(home), str(port)], port) as address:
        yield address


def test_a_whole_morning(browser: Browser, site: str, tmp_path: Path) -> None:
    with watched(browser, site) as page:
        log_in(page, OFFICERS[0])
        expect(figure(page, "关注的需求")).to_have_text("0")
        import_the_workbook(page, tmp_path)
        search_and_filter(page)
        follow_the_need(page)
        compare_and_dismiss(page)
        kept = collect_five(page)
        order = arrange(page, kept)
        look_at_the_exports(page, tmp_path, order)
        see_the_desk_changed(page)
        log_out(page)


# -- its steps ------------------------------------------------------------------------------


def import_the_workbook(page: Page, folder: Path) -> None:
    """Two of its rows are refused until a cell of each is corrected."""
    send(page, write(folder / "征集汇总.xlsx"))
    expect(page.get_by_text("没有认出哪一列是需求名称")).to_be_visible()
    settle(page, **{NO_TITLE[1]: "名称"})
    summary = page.locator("main > p", has_text="共 4 行")
    expect(summary).to_contain_text("共 4 行：可以导入 2 行，有问题 2 行")
    third = page.locator("form[id^=row-]", has_text="第 6 行")
    third.get_by_label(BAD_AMOUNT[1]).fill("100-200")
    third.get_by_role("button").click()
    expect(page.get_by_text("第 6 行已改好，可以导入。")).to_be_in_viewport()
    fourth = page.locator("form[id^=row-]", has_text="第 7 行")
    fourth.get_by_label(NO_TITLE[1]).fill(TITLES[3])
    fourth.get_by_role("button").click()
    expect(summary).to_contain_text("可以导入 4 行；已在网页上改了 2 行")
    load(page)
    expect(page.locator(".notice.good")).to_contain_text("新增 4 条，更新 0 条，未变")
    brought = page.get_by_role("region", name="新增和更新的需求").get_by_role("link")
    expect(brought).to_have_text(TITLES)
    brought.first.click()
    expect(page.locator("h1")).to_have_text(NEED)
    go(page, "导入")
    row = page.get_by_role("row").filter(has_text="征集汇总.xlsx")
    expect(row).to_contain_text("已导入")


def search_and_filter(page: Page) -> None:
    """By a sentence; then only those of one city, told by a chip that takes it away again."""
    go(page, "搜索")
    page.get_by_label("要找什么").fill("料场扬尘大，想用喷雾降尘")
    page.get_by_role("button", name="查找").click()
    cards = page.locator("article.card")
    expect(cards).to_have_count(20)
    page.locator("summary", has_text="筛选").click()
    box = page.get_by_role("group", name="地区").get_by_role("checkbox", name=re.compile("^天津"))
    box.check()
    page.get_by_role("button", name="应用筛选").click()
    chip = page.get_by_role("list", name="已选的筛选").get_by_role("link", name="地区：天津")
    expect(chip).to_be_visible()
    expect(box).to_be_checked()
    expect(page.get_by_label("要找什么")).to_have_value("料场扬尘大，想用喷雾降尘")
    shown = cards.count()
    assert shown
    expect(cards.locator(".badge", has_text=re.compile("^天津$"))).to_have_count(shown)
    chip.click()
    expect(page.get_by_role("list", name="已选的筛选")).to_have_count(0)
    expect(cards).to_have_count(20)
    page.get_by_label("在哪里找").select_option("need")
    page.get_by_role("button", name="查找").click()
    page.get_by_role("link", name=NEED, exact=True).click()
    expect(page.locator("h1")).to_have_text(NEED)


def follow_the_need(page: Page) -> None:
    """Its page is the one that the search led to."""
    page.get_by_role("button", name="关注").click()
    expect(page.get_by_role("button", name="已关注")).to_be_visible()


def compare_and_dismiss(page: Page) -> None:
    """Side by side, then 不合适 with a reason, taken back, and once more."""
    first = titles(page)[0]
    card(page, first).get_by_role("link", name="并排对照").click()
    expect(page.locator("h1")).to_have_text("并排对照")
    expect(page.get_by_role("table", name=NEED).get_by_role("columnheader")).to_have_text(
        ["项目", first]
    )
    marks = [page.get_by_role("article", name=one, exact=True).locator("mark")
             for one in ("需求", "成果")]  # fmt: skip
    assert marks[0].count() == marks[1].count() > 0
    links = page.get_by_role("region", name="正文对照").locator("ol.links").get_by_role("link")
    links.filter(has_text="成果").first.click()
    expect(marks[1].first).to_be_in_viewport()
    for again in (False, True):
        page.locator("summary", has_text="不合适").click()
        page.get_by_role("button", name=REASON).click()
        expect(told(page)).to_contain_text(f"“{first}”已记为不合适（{REASON}）。")
        expect(page.get_by_role("row", name="评价")).to_contain_text(REASON)
        if not again:
            told(page).get_by_role("button", name="撤销").click()
            expect(told(page)).to_contain_text("已撤销")
            expect(page.get_by_role("row", name="评价")).to_contain_text("还没有")
    page.get_by_role("link", name=re.compile(r"^R1$")).click()
    expect(page.locator("h1")).to_have_text(NEED)
    expect(page.get_by_text("已搁置 1 对")).to_be_visible()
    assert first not in titles(page)


def collect_five(page: Page) -> list[str]:
    """Into a list that the first of them makes; one comes back where one was."""
    chosen = titles(page)[:5]
    for number, title in enumerate(chosen):
        one = card(page, title)
        one.locator("summary", has_text="收藏").click()
        if number:
            one.get_by_role("button", name=LIST).click()
        else:
            one.get_by_label("或新建").fill(LIST)
            one.get_by_role("button", name="新建并收藏").click()
        expect(told(page)).to_contain_text(f"已收藏到“{LIST}”")
        expect(told(page)).to_be_in_viewport()
        expect(one.locator("h3")).to_be_in_viewport()
    accepted = card(page, chosen[0])
    accepted.get_by_role("button", name="采纳").click()
    expect(told(page)).to_contain_text(f"“{chosen[0]}”已记为采纳")
    expect(accepted.locator(".marks")).to_have_text(f"我的评价：采纳　已收藏到 {LIST}")
    expect(page.locator(".card .marks")).to_have_count(5)
    return chosen


def arrange(page: Page, kept: list[str]) -> list[str]:
    """The third one up, a note at it, one taken out and put back."""
    go(page, "收藏清单")
    page.get_by_role("link", name=LIST).click()
    entries = page.locator("ol.entries > li")
    expect(entries.locator("h2 a:last-child")).to_have_text(kept)
    expect(entries.locator(".why dd")).to_have_count(10)
    page.get_by_role("button", name="第 3 条上移").click()
    expect(told(page)).to_contain_text("已移到第 2 条")
    order = [kept[0], kept[2], kept[1], *kept[3:]]
    expect(entries.locator("h2 a:last-child")).to_have_text(order)
    entries.nth(1).get_by_label("备注", exact=True).fill(NOTE)
    page.get_by_role("button", name="保存备注，第 2 条").click()
    expect(told(page)).to_contain_text("第 2 条的备注已保存")
    expect(told(page)).to_be_in_viewport()
    expect(entries.nth(1).get_by_label("备注", exact=True)).to_have_value(NOTE)
    page.get_by_role("button", name="移出第 5 条").click()
    expect(entries).to_have_count(4)
    told(page).get_by_role("button", name="撤销").click()
    expect(entries.locator("h2 a:last-child")).to_have_text(order)
    return order


def look_at_the_exports(page: Page, folder: Path, order: list[str]) -> None:
    """Both hold the five pairs in order, each with why, and the note."""
    book = CalamineWorkbook.from_path(downloaded(page, "导出 Excel", folder))
    table = book.get_sheet_by_index(0).to_python()
    [start] = [n for n, row in enumerate(table) if "成果名称" in row]
    head, rows = table[start], table[start + 1 :]
    cells = [dict(zip(head, row, strict=True)) for row in rows]
    assert [one["成果名称"] for one in cells] == order
    assert {one["需求名称"] for one in cells} == {NEED}
    assert [one["备注"] for one in cells] == ["", NOTE, "", "", ""]
    written = docx.Document(str(downloaded(page, "导出 Word", folder)))
    text = "\n".join(
        [one.text for one in written.paragraphs]
        + [cell.text for table in written.tables for row in table.rows for cell in row.cells]
    )
    for title in order:
        assert title in text
    assert "带样品" in text
    shown = page.locator("ol.entries .why").all()
    for entry, row in zip(shown, cells, strict=True):
        for quote in entry.locator("dd").all_inner_texts():
            assert quote in text
            assert any(quote in str(cell) for cell in row.values()), quote


def see_the_desk_changed(page: Page) -> None:
    """The followed need, what was judged, and how much is left to judge."""
    go(page, "工作台")
    expect(figure(page, "关注的需求")).to_have_text("1")
    row = page.get_by_role("row").filter(has_text=NEED)
    found, left = int(row.locator("td").nth(0).inner_text()), row.locator("td").nth(2)
    expect(left).to_have_text(str(found - 1))
    latest = page.get_by_role("region", name="我最近的评价").locator("li")
    expect(latest).to_have_count(2)
    expect(latest.first).to_contain_text("采纳")
    expect(latest.last).to_contain_text(f"不合适（{REASON}）")


# -- what others meet -----------------------------------------------------------------------


def test_a_county_sees_its_own_and_is_offered_what_it_may_do(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    with watched(browser, site) as page:
        log_in(page, OFFICERS[1])
        go(page, "收藏清单")
        page.get_by_label("清单名称").fill("干部自己的清单")
        page.get_by_role("button", name="新建").click()
        expect(page.locator("h1")).to_have_text("干部自己的清单")
        of_another = page.url.removeprefix(site)
    with watched(browser, site, refused=True) as page:
        log_in(page, COUNTY)
        places = page.get_by_role("navigation", name="主导航").get_by_role("link")
        expect(places).to_have_text(["工作台", "搜索", "需求", "成果", "收藏清单"])
        own = page.get_by_role("region", name="本县区的需求").locator("ul.records > li")
        expect(own).not_to_have_count(0)
        go(page, "需求")
        rows = page.locator("ol.records > li")
        total = rows.count()
        expect(page.locator("h1")).to_contain_text(f"共 {total} 条")
        expect(rows.filter(has=page.get_by_text(COUNTY_NAME, exact=True))).to_have_count(total)
        rows.first.get_by_role("link").click()
        first = card(page, titles(page)[0])
        expect(first.get_by_role("button", name="采纳")).to_have_count(0)
        expect(first.locator("summary", has_text="不合适")).to_have_count(0)
        first.locator("summary", has_text="收藏").click()
        first.get_by_role("button", name="我的收藏").click()
        expect(told(page)).to_contain_text("已收藏到“我的收藏”")
        told(page).get_by_role("link", name="打开清单").click()
        expect(page.locator("ol.entries > li")).to_have_count(1)
        book = CalamineWorkbook.from_path(downloaded(page, "导出 Excel", tmp_path))
        assert len(book.get_sheet_by_index(0).to_python()) == 2
        for path, status in (
            ("/needs/SN1001", 404), ("/compare?need=SN1001&achievement=SA1001", 404),
            (of_another, 404), ("/imports", 403), ("/duplicates", 403), ("/dictionary", 403),
            ("/admin/users", 403), ("/contacts?kind=need&id=SN1001", 403),
        ):  # fmt: skip
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == status, path
            expect(page.locator("h1")).to_be_visible()
            expect(page.get_by_role("link", name="回到工作台")).to_be_visible()
            assert "轧辊" not in page.locator("main").inner_text()
        log_out(page)


def test_the_main_path_without_scripts(browser: Browser, site: str, tmp_path: Path) -> None:
    body = rows()[:3]
    for row in body:
        row[1] = f"P{row[0]}"
        row[2] = f"第二轧钢厂{row[2] or '除尘'}"
    with watched(browser, site, scripts=False) as page:
        log_in(page, OFFICERS[2])
        send(page, write(tmp_path / "补充.xlsx", body))
        settle(page, **{NO_TITLE[1]: "名称"})
        page.get_by_label(BAD_AMOUNT[1]).fill("100-200")
        page.get_by_role("button", name="保存第 6 行").click()
        expect(told(page)).to_contain_text("第 6 行已改好")
        load(page)
        expect(page.locator(".notice.good")).to_contain_text("新增 3 条")
        go(page, "搜索")
        page.get_by_label("要找什么").fill("第二轧钢厂料场扬尘")
        page.get_by_label("在哪里找").select_option("need")
        page.get_by_role("button", name="查找").click()
        page.locator("summary", has_text="筛选").click()
        county = re.compile("^迁安市")
        page.get_by_role("group", name="县区").get_by_role("checkbox", name=county).check()
        page.get_by_role("button", name="查找").click()
        expect(page.get_by_role("link", name="县区：迁安市")).to_be_visible()
        page.get_by_role("link", name=body[0][2], exact=True).click()
        page.get_by_role("button", name="关注").click()
        dismissed, *kept = titles(page)[:3]
        one = card(page, dismissed)
        one.locator("summary", has_text="不合适").click()
        one.get_by_role("button", name=REASON).click()
        expect(told(page)).to_contain_text(f"“{dismissed}”已记为不合适")
        expect(card(page, dismissed)).to_have_count(0)
        told(page).get_by_role("button", name="撤销").click()
        expect(card(page, dismissed)).to_have_count(1)
        for title in kept:
            one = card(page, title)
            one.locator("summary", has_text="收藏").click()
            one.get_by_role("button", name="我的收藏").click()
            expect(told(page)).to_contain_text("已收藏到“我的收藏”")
        go(page, "收藏清单")
        page.get_by_role("link", name="我的收藏").click()
        page.get_by_role("button", name="第 2 条上移").click()
        chosen = page.locator("ol.entries > li h2 a:last-child")
        expect(chosen).to_have_text(kept[::-1])
        written = docx.Document(str(downloaded(page, "导出 Word", tmp_path)))
        assert all(any(title in one.text for one in written.paragraphs) for title in kept)
        go(page, "工作台")
        expect(figure(page, "关注的需求")).to_have_text("1")
        log_out(page)


HOSTILE = {
    "H1": "除尘\"'><img src=x onerror=alert(1) ",
    "H2": "=cmd|'/C calc'!A0",
    "H3": "@SUM(1+1)*cmd\r\nSet-Cookie: a=b",
    "H4": "膜\u202e卜倒\u202c分离\u200f\u2066系统",
    "H5": "钢" * 995 + "<b渣",
}
"""Titles by key. Whole tags are left out when a file is read, so these are broken ones."""
MARKUP = "<script>alert(2)</script><img src=x onerror=alert(2)>"
_TEXT = """\"><svg onload=alert(3)>{{7*7}}\r\n=HYPERLINK(\"http://example.org\",\"点\")\t膜分离\n"""


def shown(title: str) -> str:
    """A title without control characters, its blanks made one."""
    return re.sub(r"\s+", " ", re.sub("[\u202a-\u202e\u2066-\u2069\u200f]", "", title)).strip()


def test_hostile_text_is_text_in_every_room(browser: Browser, site: str, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(4)>.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["需求编号", "需求名称", "需求内容", "所属县区", "企业名称"])
        for key, title in HOSTILE.items():
            text = _TEXT if key != "H5" else _TEXT + "长" * 33_000
            written.writerow([key, title, text, "遵化市", f"=1+1<b>{key}"])
    with watched(browser, site, refused=True) as page:
        log_in(page, OFFICERS[3])
        send(page, path)
        settle(page)
        load(page)
        expect(page.locator(".notice.good")).to_contain_text("新增 5 条")
        for key, title in HOSTILE.items():
            page.goto(f"/needs/{key}")
            assert shown(page.locator("h1").inner_text()) == shown(title)
            page.get_by_role("button", name="关注").click()
            one = page.locator("article.card").first
            one.locator("summary", has_text="收藏").click()
            if key == "H1":
                one.get_by_label("或新建").fill(MARKUP)
                one.get_by_role("button", name="新建并收藏").click()
            else:
                one.get_by_role("button", name=MARKUP).click()
            expect(told(page)).to_contain_text(MARKUP)
        page.locator("article.card").nth(1).get_by_role("link", name="并排对照").click()
        expect(page.get_by_role("article", name="需求", exact=True)).to_be_visible()
        go(page, "收藏清单")
        page.get_by_role("link", name=MARKUP).click()
        page.get_by_label("备注", exact=True).first.fill("=1+1\n<script>alert(5)</script>")
        page.get_by_role("button", name="保存备注，第 1 条").click()
        expect(told(page)).to_contain_text("备注已保存")
        look_at_hostile_exports(page, tmp_path)
        at = page.url.split("?")[0]
        search = "/?" + urlencode({"q": MARKUP + _TEXT, "kind": "need", "region": "<b>x"})
        found = "/needs?" + urlencode({"title": "<img", "region": MARKUP})
        rooms = ("/needs?offset=50", search, found, "/desk", "/desk/rows?of=new", "/imports", at,
                 f"{at}?print=1", "/shortlists", "/needs/<script>alert(6)</script>")  # fmt: skip
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            for room in rooms:
                page.goto(room)
                expect(page.locator("h1")).to_be_visible()
                expect(page.locator("main script, main svg[onload], main img")).to_have_count(0)


def look_at_hostile_exports(page: Page, folder: Path) -> None:
    """No cell is a formula or a link, and what looks like one is there as it was written."""
    path = downloaded(page, "导出 Excel", folder)
    with zipfile.ZipFile(path) as parts:
        sheets = [parts.read(one) for one in parts.namelist() if "worksheets/" in one]
    assert not any(b"<f>" in one or b"<hyperlink" in one for one in sheets)
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    cells = {str(cell) for row in sheet for cell in row}
    assert {HOSTILE["H1"].strip(), HOSTILE["H2"]} <= cells
    assert "=1+1\n<script>alert(5)</script>" in cells
    written = docx.Document(str(downloaded(page, "导出 Word", folder)))
    assert any(HOSTILE["H1"].strip() in one.text for one in written.paragraphs)
