"""A data need from both sides: filed and withdrawn by a clerk, refused or accepted by the department."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SignIn
from tests.browser.requests_of_offices import CLERK, file_need, open_page

pytestmark = pytest.mark.timeout(300)

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@LANGUAGES
def test_a_clerk_files_a_need_and_withdraws_it(signed_in: SignIn, language: str) -> None:
    """The purpose leads to datasets, these to columns; the deadline is shown; what is withdrawn stays in the list."""
    zh = language == "zh"
    page = signed_in(CLERK, language=language)
    open_page(page, "数据需求" if zh else "Data needs")
    page.get_by_role("link", name="提出需求" if zh else "File a need").click()
    page.get_by_label("用于什么" if zh else "What for").select_option("fire-safety-inspection")
    page.get_by_role("radio", name=re.compile("^房屋基本信息" if zh else "^Dwellings")).check()
    page.get_by_label("总层数" if zh else "Floors in the building", exact=False).check()
    page.get_by_label("应用场景" if zh else "The scenario").fill("检查消防通道 / escape routes")
    page.get_by_role("button", name="提出" if zh else "File").click()
    expect(page.get_by_role("status")).to_contain_text("须在" if zh else "has to answer by")
    expect(page.get_by_text(re.compile(r"还有 \d+ 天" if zh else r"\d+ days? left"))).to_be_visible()
    expect(page.get_by_text("检查消防通道")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="撤回需求" if zh else "Withdraw the need").click()
    expect(page.get_by_role("status")).to_contain_text("已撤回" if zh else "withdrawn")
    page.get_by_role("link", name="← 全部需求" if zh else "← all needs").click()
    expect(page.get_by_role("row").filter(has_text="已撤回" if zh else "Withdrawn").first).to_be_visible()


def test_what_is_missing_is_asked_for_and_the_form_is_kept(signed_in: SignIn) -> None:
    """One thing at a time, in words; what the gateway refuses is shown above the form as it was typed."""
    page = signed_in(CLERK, path="/needs/new")
    file, told = page.get_by_role("button", name="提出", exact=True), page.get_by_role("alert")
    file.click()
    expect(told).to_contain_text("请选择用途")
    page.get_by_label("用于什么").select_option("fire-safety-inspection")
    page.get_by_label("目录中没有").check()
    expect(page.get_by_label("向哪个部门提出")).to_be_visible()
    file.click()
    expect(told).to_contain_text("请选择向哪个部门提出")
    page.get_by_label("向哪个部门提出").select_option("housing")
    file.click()
    expect(told).to_contain_text("应用场景")
    page.get_by_label("应用场景").fill("联系 13812345678")
    file.click()
    expect(told).to_contain_text("手机号码")
    expect(page.get_by_label("应用场景")).to_have_value("联系 13812345678")
    expect(page.get_by_label("向哪个部门提出")).to_have_value("housing")
    page.get_by_label("需要到哪一天").fill("2020-01-01")
    file.click()
    expect(told).to_contain_text("今后的日期")


def test_a_department_refuses_on_a_ground_of_the_negative_list(signed_in: SignIn, profiles: Path) -> None:
    """Without a ground it is asked for one; the clerk then reads the ground, its article and the answer."""
    id = file_need(profiles, scenario="拆迁摸底", dataset="housing.dwelling", purpose="fire-safety-inspection")
    page = signed_in("department-housing", path="/needs")
    page.locator(f"a[href='/needs/{id}']").click()
    page.get_by_role("button", name="不同意").click()
    expect(page.get_by_role("alert")).to_contain_text("负面清单")
    page.get_by_label("依据").select_option("beyond-duty")
    page.get_by_label("答复").fill("拆迁不属于消防检查")
    page.get_by_role("button", name="不同意").click()
    expect(page.get_by_role("status")).to_contain_text("不同意")
    clerk = signed_in(CLERK, path=f"/needs/{id}")
    expect(clerk.get_by_text("拆迁不属于消防检查")).to_be_visible()
    expect(clerk.get_by_text("《中华人民共和国个人信息保护法》第34条")).to_be_visible()
    expect(clerk.get_by_role("button", name="撤回需求")).to_have_count(0)


def test_a_need_of_somebody_else_is_not_shown(signed_in: SignIn, profiles: Path) -> None:
    """Neither to another office nor to another department: it is as if it did not exist."""
    id = file_need(profiles, scenario="消防检查", dataset="housing.dwelling", purpose="fire-safety-inspection")
    for who in ("changfeng", "department-health"):
        page = signed_in(who, path=f"/needs/{id}")
        expect(page.get_by_role("heading", level=1)).to_have_text("没有这项需求")


@LANGUAGES
def test_the_negative_list_is_shown(signed_in: SignIn, language: str) -> None:
    """With the article that each ground rests on."""
    page = signed_in(CLERK, path="/negative-list", language=language)
    expect(
        page.get_by_role("row").filter(has_text="数据安全法" if language == "zh" else "Data Security Law")
    ).to_be_visible()
