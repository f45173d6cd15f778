"""A correction from both sides: a clerk reports a wrong record, the department looks which one it is and answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from tests.browser.conftest import SignIn
from tests.browser.requests_of_offices import CLERK, dwelling, open_page

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_wrong_record_is_reported_and_answered(signed_in: SignIn, profiles: Path, language: str) -> None:
    """The record's key stands in no address; the steward sees it after asking, and the clerk sees the answer."""
    zh = language == "zh"
    entry, code = dwelling(profiles)
    page = signed_in(CLERK, language=language)
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    open_page(page, "数据纠错" if zh else "Corrections")
    page.get_by_role("link", name="报告有误的数据" if zh else "Report a wrong record").click()
    page.get_by_label("哪个数据集" if zh else "Which dataset").select_option("housing.dwelling")
    page.get_by_label("总层数" if zh else "Floors in the building", exact=False).check()
    page.get_by_label("是哪一条记录" if zh else "Which record").fill(code)
    page.get_by_label("审计编号" if zh else "Audit entry").fill(entry)
    page.get_by_label("哪里有误" if zh else "What is wrong").fill("现场为六层 / six floors on site")
    page.get_by_role("button", name="提出" if zh else "File").click()
    expect(page.get_by_role("status")).to_contain_text("须在" if zh else "has to answer by")
    assert not [request.url for request in asked if code in request.url or entry in request.url]
    where = page.locator("a[href^='/language/']").get_attribute("href")
    assert where is not None
    path = where.partition("to=")[2].replace("%2F", "/")

    steward = signed_in("department-housing", language=language)
    open_page(steward, "数据纠错" if zh else "Corrections")
    steward.locator(f"a[href='{path}']").click()
    expect(steward.get_by_role("button", name="查看号码或编码" if zh else "Show the number or code")).to_be_visible()
    expect(steward.get_by_text(code)).to_have_count(0)
    steward.get_by_role("button", name="查看号码或编码" if zh else "Show the number or code").click()
    expect(steward.get_by_text(code)).to_be_visible()
    expect(steward.get_by_text("已记入日志" if zh else "It is recorded that you looked")).to_be_visible()
    steward.get_by_role("button", name="答复" if zh else "Answer").click()
    expect(steward.get_by_role("alert")).to_contain_text("请选择核实结果" if zh else "Choose what was found")
    steward.get_by_label("确有错误" if zh else "It was wrong").check()
    steward.get_by_label("答复内容" if zh else "The answer in words").fill("已按现场更正")
    steward.get_by_role("button", name="答复" if zh else "Answer").click()
    expect(steward.get_by_role("status")).to_contain_text("已更正" if zh else "put right")

    page.get_by_role("link", name=re.compile("全部纠错" if zh else "all corrections")).click()
    page.locator(f"a[href='{path}']").click()
    expect(page.get_by_text("已按现场更正")).to_be_visible()


def test_what_is_missing_or_refused_is_told_and_the_form_is_kept(signed_in: SignIn, profiles: Path) -> None:
    """A receipt that the office never had is refused in words; everything that was typed stays."""
    _, code = dwelling(profiles)
    page = signed_in(CLERK, path="/corrections/new")
    file, told = page.get_by_role("button", name="提出", exact=True), page.get_by_role("alert")
    file.click()
    expect(told).to_contain_text("请选择数据集")
    page.get_by_label("哪个数据集").select_option("housing.dwelling")
    page.get_by_label("总层数").wait_for()
    file.click()
    expect(told).to_contain_text("哪些列有误")
    page.get_by_label("总层数").check()
    page.get_by_label("是哪一条记录").fill(code)
    file.click()
    expect(told).to_contain_text("审计编号")
    page.get_by_label("审计编号").fill("00000000-0000-0000-0000-000000000000")
    page.get_by_label("哪里有误").fill("层数不对")
    file.click()
    expect(told).to_contain_text("没有该数据集的这一回执")
    expect(page.get_by_label("是哪一条记录")).to_have_value(code)
    expect(page.get_by_label("总层数")).to_be_checked()


def test_a_correction_of_somebody_else_is_not_shown(signed_in: SignIn) -> None:
    """One that does not exist is answered alike."""
    page = signed_in("changfeng", path="/corrections/none")
    expect(page.get_by_role("heading", level=1)).to_have_text("没有这项纠错")
