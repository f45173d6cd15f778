"""A clerk's result: rows while they come, pictures, files, and nobody else's."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import httpx
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from gateway.doors.console.runs.spool import Spool
from tests.browser.conftest import ServedConsole, SignIn

SQL = "SELECT name, sex, birth_date, residence_division, phone, household_id FROM population.resident"
_PAIRS = (
    "SELECT a.dwelling_code, b.name, b.sex, b.birth_date, a.registration_kind, b.residence_division "
    "FROM population.resident a, population.resident b"
)
MANY = f"{_PAIRS} LIMIT 9000"
"""Residents with each other: many rows of a small city, and fewer than the purpose allows."""
ASK = """(form) => {
  const asked = { method: "POST", body: new URLSearchParams(form) };
  import("/static/proof.js").then(({ provenFetch }) => provenFetch("/-/results", asked));
}"""
"""Waits for nothing: the answer leads to another page, which would take the waiting with it."""
FETCH = """async ([path, method]) => {
  const { proof } = await import("/static/proof.js");
  const headers = { DPoP: await proof(method ?? "GET", path) };
  const answer = await fetch(path, { method: method ?? "GET", headers });
  return [answer.status, await answer.text()];
}"""


def ask(
    page: Page, *, sql: str = SQL, purpose: str = "grid-inspection", title: str = "走访名单", case: str = ""
) -> None:
    """Ask as the editor does, and wait for the result's page."""
    with page.expect_navigation(url="**/results/*"):
        page.evaluate(ASK, {"sql": sql, "purpose": purpose, "title": title, "case": case})
    page.wait_for_selector("main h1")


def test_a_clerk_asks_looks_and_takes_the_list_along(signed_in: SignIn, tmp_path: Path) -> None:
    """Rows with their treatment, a picture of ages by committee, and an Excel file with cover page and receipt."""
    page = signed_in("nanjing-east-road")
    ask(page)
    grid = page.get_by_role("grid", name="查询结果表格")
    expect(grid).to_be_visible()
    expect(page.get_by_text("已完成")).to_be_visible()
    page.wait_for_selector("#result-rows[data-ready]")
    rows = int(grid.get_attribute("aria-rowcount") or "") - 1
    assert rows > 10
    expect(grid.get_by_role("columnheader", name="姓名 name 只保留姓氏")).to_be_visible()
    expect(page.get_by_role("figure").first).to_contain_text("居住地居（村）委会 × 年龄段")
    expect(page.get_by_text("前销毁").first).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Excel 表格").click()
    download = downloading.value
    assert download.suggested_filename.startswith("走访名单 20")
    assert download.suggested_filename.endswith(".xlsx")
    download.save_as(tmp_path / "list.xlsx")
    book = openpyxl.load_workbook(tmp_path / "list.xlsx")
    assert book["数据 data"].max_row == rows + 1
    assert book["数据 data"]["A1"].value == "姓名 name"
    assert {cell.value for cell in book["数据 data"]["B"][1:]} == {"男性", "女性"}
    shown = grid.get_by_role("row").nth(1).get_by_role("gridcell").all_text_contents()
    assert [cell.value for cell in book["数据 data"][2]] == shown
    cover = " ".join(str(cell.value) for row in book["说明 about"].iter_rows() for cell in row)
    assert page.locator(".receipt code").first.text_content() in cover


def test_a_wrong_record_is_reported_from_the_result(signed_in: SignIn) -> None:
    """The form knows the dataset and the audit entry; the receipt says office and grade by their titles."""
    page = signed_in("nanjing-east-road")
    ask(page)
    page.get_by_text("依据与回执").click()
    receipt = page.locator(".receipt")
    expect(receipt).to_contain_text("接收单位南京东路街道")
    expect(receipt).to_contain_text(re.compile("最高安全级别一般数据[1-4]级"))
    entry = receipt.locator("code").first.inner_text()
    page.get_by_role("link", name="报告有误的数据").click()
    expect(page.get_by_label("哪个数据集")).to_have_value("population.resident")
    expect(page.get_by_label("审计编号")).to_have_value(entry)


def test_the_page_speaks_english(signed_in: SignIn) -> None:
    """Headings, treatment, obligations and buttons come in English."""
    page = signed_in("nanjing-east-road", language="en")
    ask(page, title="Visits")
    expect(page.get_by_text("Complete", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="Name name surname only")).to_be_visible()
    expect(page.get_by_text("not to be passed on")).to_be_visible()
    expect(page.get_by_role("button", name="Excel (XLSX)")).to_be_visible()


@pytest.mark.parametrize("kind", ["CSV", "Parquet", "回执"])
def test_every_file_holds_the_whole_result(signed_in: SignIn, tmp_path: Path, kind: str) -> None:
    """CSV, Parquet and the receipt say the same as the page."""
    page = signed_in("nanjing-east-road")
    ask(page, title="a/b:c")
    expect(page.get_by_text("已完成")).to_be_visible()
    entry = page.locator(".receipt code").first.text_content()
    with page.expect_download() as downloading:
        page.get_by_role("button", name=kind, exact=True).click()
    path = tmp_path / "file"
    downloading.value.save_as(path)
    assert downloading.value.suggested_filename.startswith("a_b_c 20")
    if kind == "回执":
        assert json.loads(path.read_bytes())["entry"] == entry
    elif kind == "CSV":
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        assert "黄" in path.read_text("utf-8-sig") or len(path.read_text("utf-8-sig").splitlines()) > 10
    else:
        receipt = json.loads(pq.read_metadata(path).metadata[b"sharing.receipt"])
        assert receipt["entry"] == entry
        assert pq.read_metadata(path).num_rows == receipt["rows"]


def test_a_link_opens_once_and_only_here(signed_in: SignIn, console: ServedConsole) -> None:
    """A download's link is good once, and for nobody without the session's cookie."""
    page = signed_in("nanjing-east-road")
    ask(page)
    expect(page.get_by_text("已完成")).to_be_visible()
    links: list[str] = []
    page.on("request", lambda request: links.append(request.url) if "/download/" in request.url else None)
    with page.expect_download():
        page.get_by_role("button", name="CSV").click()
    (link,) = links
    assert httpx.get(link).status_code == 410
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert httpx.get(link, cookies=cookies).status_code == 410


def test_nobody_else_reads_a_result(signed_in: SignIn) -> None:
    """Another session, even of the same clerk, gets none of a result's rows; its own does."""
    mine, other = signed_in("nanjing-east-road"), signed_in("changfeng")
    ask(mine)
    expect(mine.get_by_text("已完成")).to_be_visible()
    path = mine.url.partition("/results/")[2]
    for part in ("rows?from=0&count=10", "state", "charts"):
        status, text = other.evaluate(FETCH, [f"/-/results/{path}/{part}"])
        assert "**" not in text, part
        assert status in (200, 404)
    other.goto(mine.url)
    expect(other.get_by_role("heading", name="没有这个结果")).to_be_visible()
    status, text = mine.evaluate(FETCH, [f"/-/results/{path}/rows?from=0&count=10"])
    assert status == 200
    assert "**" in text
    other.failures.clear()  # the browser reports the 404


def test_a_cancelled_query_leaves_nothing(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are shown before all are there; when it is cancelled, they cannot be read, drawn or downloaded."""
    going_on, append = threading.Event(), Spool.append

    def append_and_wait(spool: Spool, batch: pa.RecordBatch) -> None:
        append(spool, batch)
        going_on.wait(60)

    monkeypatch.setattr(Spool, "append", append_and_wait)
    page = signed_in("nanjing-east-road")
    ask(page)
    expect(page.locator("#grid-row-0")).not_to_be_empty()
    expect(page.get_by_text("正在取数")).to_be_visible()
    expect(page.get_by_role("button", name="CSV")).to_be_hidden()
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_text("查询已取消")).to_be_visible()
    going_on.set()
    expect(page.get_by_role("grid")).to_be_hidden()
    expect(page.get_by_role("button", name="CSV")).to_be_hidden()
    path = page.url.partition("/results/")[2]
    status, _ = page.evaluate(FETCH, [f"/-/results/{path}/rows?from=0&count=10"])
    assert status == 404
    _, text = page.evaluate(FETCH, [f"/-/results/{path}/file", "POST"])
    assert "只有已完成的结果才能下载" in text
    page.failures.clear()  # the browser reports the 404


def test_a_denial_says_what_why_and_what_next(signed_in: SignIn) -> None:
    """A query that is not allowed shows the reason, the article and the way on, and leads back to the editor."""
    page = signed_in("nanjing-east-road")
    ask(page, sql="SELECT moved_in_date FROM population.resident")
    failure = page.get_by_role("alert")
    expect(failure.get_by_text("原因").first).to_be_visible()
    expect(failure.get_by_text("依据").first).to_be_visible()
    expect(failure.get_by_text("怎么办").first).to_be_visible()
    expect(page.get_by_role("button", name="修改查询")).to_be_visible()
    expect(page.get_by_role("button", name="再次运行")).to_have_count(0)
    expect(page.locator("#result-state strong").first).to_have_text("未获批准")
    page.get_by_role("navigation").get_by_role("link", name="查询结果").click()
    expect(page.get_by_role("row").filter(has_text="走访名单")).to_contain_text("未获批准")


def test_the_grid_holds_little_however_long_the_result_is(signed_in: SignIn) -> None:
    """Thousands of rows: few are in the page, few pages are kept, and the keyboard reaches both ends."""
    page = signed_in("nanjing-east-road")
    ask(page, sql=MANY, title="很多行")
    expect(page.get_by_text("已完成")).to_be_visible()
    page.wait_for_selector("#result-rows[data-ready]")
    grid = page.get_by_role("grid")
    rows = int(grid.get_attribute("aria-rowcount") or "") - 1
    assert rows > 2_000
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.locator(f"[aria-rowindex='{rows + 1}'] .row-number")).to_have_text(f"{rows:,}")
    expect(grid).to_have_attribute("aria-activedescendant", f"grid-{rows - 1}-5")
    page.keyboard.press("Control+Home")
    expect(grid).to_have_attribute("aria-activedescendant", "grid-0-0")
    page.keyboard.press("PageDown")
    page.keyboard.press("ArrowRight")
    expect(grid).to_have_attribute("aria-activedescendant", re.compile(r"grid-1\d-1"))
    for row in range(1, rows, rows // 60):
        page.fill("#grid-row", str(row))
        page.press("#grid-row", "Enter")
        expect(page.locator(f"#grid-row-{row - 1}")).not_to_have_class(re.compile(r"\bwaiting\b"))
    assert page.locator("[role=row]").count() < 40
    assert page.evaluate("() => document.querySelector('#result-rows').grid.pages.kept.size") <= 40


def test_a_cell_and_a_row_are_copied(signed_in: SignIn) -> None:
    """Ctrl+C copies the active cell, or the row that was selected."""
    page = signed_in("nanjing-east-road")
    page.context.grant_permissions(["clipboard-read"])
    ask(page)
    page.wait_for_selector("#result-rows[data-ready]")
    grid = page.get_by_role("grid")
    grid.focus()
    cells = [cell.text_content() for cell in page.locator("#grid-row-0 [role=gridcell]").all()]
    page.keyboard.press("Control+C")
    assert page.evaluate("() => navigator.clipboard.readText()") == cells[0]
    page.keyboard.press("Shift+Space")
    page.keyboard.press("Control+C")
    assert page.evaluate("() => navigator.clipboard.readText()") == "\t".join(str(cell) for cell in cells)


def test_results_are_listed_and_closed(signed_in: SignIn) -> None:
    """The page of results shows state, rows and purpose, and closes one."""
    page = signed_in("nanjing-east-road", path="/results")
    expect(page.get_by_text("还没有结果")).to_be_visible()
    ask(page, title="甲")
    expect(page.get_by_text("已完成")).to_be_visible()
    page.goto(page.url.partition("/results/")[0] + "/results")
    row = page.get_by_role("row").filter(has_text="甲")
    expect(row).to_contain_text("已完成")
    expect(row).to_contain_text("城市网格巡查")
    row.get_by_role("button", name="关闭").click()
    expect(page.get_by_text("还没有结果")).to_be_visible()


def test_rows_that_are_gone_while_one_scrolls_are_told(signed_in: SignIn) -> None:
    """Closed in another tab: the grid goes, and the page says why instead of waiting for rows."""
    page = signed_in("nanjing-east-road")
    ask(page, sql=MANY, title="很多行")
    expect(page.get_by_text("已完成")).to_be_visible()
    page.wait_for_selector("#result-rows[data-ready]")
    other = page.context.new_page()
    other.goto(page.url.partition("/results/")[0] + "/results")
    other.get_by_role("button", name="关闭").click()
    expect(other.get_by_text("还没有结果")).to_be_visible()
    other.close()
    page.fill("#grid-row", "8000")
    page.press("#grid-row", "Enter")
    expect(page.get_by_role("grid")).to_be_hidden()
    expect(page.locator("#result-state")).to_contain_text("不再保存")
    page.failures.clear()  # type: ignore[attr-defined]  # the browser reports the 404
