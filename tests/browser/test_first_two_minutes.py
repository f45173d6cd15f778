"""A newcomer who only follows the screen, from the address that `gateway up` prints to a list on the own disk."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ServedConsole
from tests.cities import run_cli

CLICKS_OF_THE_PAGE = 5
"""As docs/console.md counts them."""


def test_a_newcomer_downloads_a_list_with_five_clicks(
    chromium: Browser, console: ServedConsole, tmp_path: Path
) -> None:
    """Code, query, ready-made query, run, Excel: nothing else is pressed or typed, and the list holds people."""
    profile = console.profiles / "nanjing-east-road.json"
    code = run_cli(["console", "code", "--profile", str(profile), "--console", console.url]).stdout.split()[-1]
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(console.url)
    page.get_by_label("一次性登录码").fill(code)
    clicks = [
        page.get_by_role("button", name="用登录码登录"),
        page.get_by_role("navigation").get_by_role("link", name="查询", exact=True),
        page.get_by_role("button", name="80岁以上独居老人"),
        page.get_by_role("button", name="开始查询"),
        page.get_by_role("button", name="Excel"),
    ]
    assert len(clicks) == CLICKS_OF_THE_PAGE
    for click in clicks[:3]:
        click.click()
    expect(page.locator("#explanation")).to_contain_text("可以查询", timeout=60_000)
    clicks[3].click()
    page.wait_for_url(re.compile("/results/"))
    with page.expect_download() as downloading:
        clicks[4].click()
    list_file = tmp_path / "list.xlsx"
    downloading.value.save_as(list_file)
    book = openpyxl.load_workbook(list_file, read_only=True)
    texts = [
        str(cell) for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for cell in row if cell
    ]
    assert "姓名" in " ".join(texts)
    assert any(re.fullmatch(r"1\d{10}", text.strip("\u200b\u200c\u200d\u2060 ")) for text in texts)
    context.close()
