"""A clerk hands in a form that nobody had to type."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import openpyxl
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn

ELDERLY = "/reports/elderly-living-alone"


def download(page: Page, button: str) -> tuple[str, bytes]:
    """Click a button that brings a file; return its name and content."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def rows_of(content: bytes, *, headings: list[str]) -> list[dict[str, object]]:
    """Return the numbered rows of a form by the headings that were asked for."""
    sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    (head,) = (row for row in cells if all(any(str(c).startswith(h) for c in row) for h in headings))
    places = {h: next(i for i, c in enumerate(head) if str(c).startswith(h)) for h in headings}
    return [{h: row[i] for h, i in places.items()} for row in cells if isinstance(row[0], int)]


def test_a_clerk_downloads_a_filled_form(signed_in: SignIn) -> None:
    """From the list of forms to the finished Excel file: choose, set the age, fill in, download."""
    page = signed_in("nanjing-east-road", path="/reports")
    page.get_by_role("link", name="打开：独居老人关爱走访登记表").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("独居老人关爱走访登记表")
    page.get_by_label("最低年龄（周岁）").fill("62")
    page.get_by_role("button", name="生成报表").click()
    done = page.locator("#filling .notice.good")
    expect(done).to_contain_text("报表已填好", timeout=60_000)
    expect(done).to_contain_text("销毁")
    name, content = download(page, "下载 Excel")
    assert name.startswith("独居老人关爱走访登记表")
    assert name.endswith(".xlsx")
    rows = rows_of(content, headings=["姓名", "年龄", "居住地址", "走访日期"])
    assert all(row["姓名"] and row["居住地址"] and row["走访日期"] is None for row in rows)
    assert all(int(str(row["年龄"])) >= 62 for row in rows)
    assert f"报表已填好：{len(rows)} 行" in done.inner_text()
    expect(page.get_by_role("heading", level=1)).to_have_text("独居老人关爱走访登记表")


def test_a_form_for_one_committee_in_english(signed_in: SignIn) -> None:
    """The committees of the office's area are offered by name; the form holds the chosen one's rows only."""
    page = signed_in("nanjing-east-road", path="/reports/rented-dwellings", language="en")
    committee = page.get_by_label("Committee")
    options = committee.locator("option").all_inner_texts()
    assert options[0] == "The whole area"
    committee.select_option(index=1)
    page.get_by_role("button", name="Fill in the form").click()
    expect(page.get_by_text("The form is filled in")).to_be_visible(timeout=60_000)
    _, content = download(page, "Download Excel")
    sheet = openpyxl.load_workbook(BytesIO(content)).worksheets[0]
    texts = {str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert any(options[1] in text for text in texts)
    assert not any(text in texts for text in options[2:])


def test_a_denied_form_says_why_and_what_to_do(signed_in: SignIn) -> None:
    """An office without the purpose is told the reason, the article and the next step, in its own words; there is no file."""
    page = signed_in("city-statistics", path=ELDERLY)
    expect(page.get_by_text("这个用途目前不对您开放")).to_be_visible()
    page.get_by_role("button", name="生成报表").click()
    failure = page.locator("#filling .failure")
    expect(failure).to_contain_text("未获批准", timeout=60_000)
    for label in ("原因", "依据", "怎么办"):
        expect(failure.get_by_text(label, exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="下载 Excel")).to_have_count(0)


def test_what_does_not_fit_is_said_and_kept(signed_in: SignIn) -> None:
    """A value that the browser's own check lets through is refused in plain words, and stays in its field."""
    page = signed_in("nanjing-east-road", path="/reports/enterprises-to-visit")
    industry = page.get_by_label("行业代码")
    industry.fill("餐饮")
    page.get_by_role("button", name="生成报表").click()
    expect(page.get_by_role("alert")).to_contain_text("不能是“餐饮”")
    assert industry.input_value() == "餐饮"


def test_no_file_of_the_console_is_a_template(signed_in: SignIn) -> None:
    """A path in place of a form's name reads nothing: there is no such form."""
    page = signed_in("nanjing-east-road", path="/reports/pyproject.toml")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有这张报表")
