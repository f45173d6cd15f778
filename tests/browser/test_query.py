"""The clerk asks: from a purpose to a list, by picking, in SQL, and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import serious_faults

CLERK = "nanjing-east-road"
PURPOSE = {"zh": "为了哪项工作查询", "en": "For which task you ask"}
ALLOWED = {"zh": "可以查询", "en": "You may run this query"}
DENIED = {"zh": "这样查询不会获准", "en": "This query would not be allowed"}
RUN = {"zh": "开始查询", "en": "Run the query"}
EXAMPLE = {"zh": "60岁以上老人名册", "en": "People of 60 and over"}


def sql(page: Page) -> str:
    return " ".join(page.get_by_label("SQL", exact=True).input_value().split())


def told(page: Page, text: str) -> None:
    expect(page.locator("#explanation")).to_contain_text(text)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_newcomer_is_at_a_list_after_two_clicks(signed_in, language):
    """A ready-made query declares its purpose, is explained, and runs."""
    page = signed_in(CLERK, path="/query", language=language)
    page.get_by_role("button", name=EXAMPLE[language], exact=True).click()
    told(page, ALLOWED[language])
    assert "birth_date <= current_date - INTERVAL 60 YEAR" in sql(page)
    assert serious_faults(page) == []
    page.get_by_role("button", name=RUN[language]).click()
    page.wait_for_url(re.compile(r"/results/"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_query_is_built_by_picking(signed_in):
    """Purpose, dataset, a known key, columns, conditions by the kind of value, order: the SQL follows, and picks are kept."""
    page = signed_in(CLERK, path="/query?purpose=elderly-care-visits")
    expect(page.get_by_label("从哪个数据集取数")).to_have_value("population.resident")
    page.get_by_label("姓名", exact=True).check()
    page.get_by_label("同时取“房屋基本信息”").check()
    page.get_by_label("是否有电梯").check()
    page.get_by_label("增加条件").select_option("population.resident.birth_date")
    page.get_by_label("第1个条件的值").fill("75")
    page.get_by_label("增加条件").select_option("population.resident.residence_division")
    page.get_by_label("第2个条件的值").select_option(index=1)
    page.get_by_label("排序", exact=True).select_option("population.resident.birth_date")
    expect(page.get_by_label("次序").locator("option:checked")).to_have_text("从早到晚")
    told(page, "仅南京东路街道")
    expect(page.get_by_label("SQL", exact=True)).to_have_value(re.compile("ORDER BY"))
    assert sql(page) == (
        "SELECT r.name, d.has_elevator FROM population.resident AS r "
        "LEFT JOIN housing.dwelling AS d ON d.dwelling_code = r.dwelling_code "
        "WHERE r.birth_date <= CURRENT_DATE - INTERVAL '75' YEAR AND STARTS_WITH(r.residence_division, '310101002') "
        "ORDER BY r.birth_date ASC"
    )
    page.goto(page.url.partition("?")[0])
    expect(page.get_by_label("第1个条件的值")).to_have_value("75")
    page.get_by_role("button", name="去掉 居住地").click()
    expect(page.get_by_label("SQL", exact=True)).not_to_have_value(re.compile("STARTS_WITH"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_denial_tells_what_why_which_article_and_what_next(signed_in, language):
    """Written by hand, a query is explained as one types; what is denied can be left out by one click."""
    page = signed_in(CLERK, path="/query?purpose=elderly-care-visits", language=language)
    page.get_by_label("SQL", exact=True).fill("SELECT name, marital_status FROM population.resident")
    told(page, DENIED[language])
    told(page, "实有人口基本信息 · 婚姻状况" if language == "zh" else "Residents · Marital status")
    told(page, "第六条" if language == "zh" else "Personal Information Protection Law")
    told(page, "怎么办" if language == "zh" else "What to do next")
    assert "NOT_AVAILABLE" not in page.locator("main").inner_text()
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("去掉“婚姻状况”|Leave out 'Marital status'")).click()
    told(page, ALLOWED[language])
    assert sql(page) == "SELECT name FROM population.resident"


def test_half_a_query_is_not_asked(signed_in):
    """While it is no SQL yet the place is told; what is more than picking can show stays as written."""
    page = signed_in(CLERK, path="/query?purpose=elderly-care-visits")
    written = page.get_by_label("SQL", exact=True)
    written.fill("SELECT name,\nFROM population.resident WHERE (")
    told(page, "第 2 行")
    written.fill("SELECT upper(name) FROM population.resident")
    expect(page.get_by_text("超出了挑选的范围")).to_be_visible()
    told(page, "可以查询")
    page.get_by_role("button", name="清空，重新挑选").click()
    expect(page.get_by_label("SQL", exact=True)).to_have_value("")
    expect(page.get_by_text("超出了挑选的范围")).to_be_hidden()


def test_sql_is_completed_by_keyboard(signed_in):
    """Columns come by their Chinese title with what is left of them, datasets after FROM; Escape closes the list."""
    page = signed_in(CLERK, path="/query?purpose=elderly-care-visits")
    page.wait_for_selector("[data-module=completion][data-started]")
    page.get_by_label("SQL", exact=True).focus()
    page.keyboard.type("SELECT 姓")
    offered = page.get_by_role("listbox", name="可以填入")
    expect(offered.get_by_role("option", name="name 姓名 原样", exact=True)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(offered.get_by_role("option", selected=True)).to_contain_text("姓名 原样")
    page.keyboard.press("Enter")
    page.keyboard.type(" FROM ")
    expect(offered.get_by_role("option", name="population.resident")).to_be_visible()
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    expect(offered).to_be_hidden()
    page.keyboard.type("resi")
    expect(offered.get_by_role("option", name="population.resident")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    told(page, "可以查询")
    assert sql(page) == "SELECT name FROM population.resident"


def test_a_look_up_needs_its_case_and_its_key(signed_in):
    """What is missing is asked for in words, before the gateway is asked."""
    page = signed_in(CLERK, path="/query?purpose=social-assistance-check")
    page.get_by_label("从哪个数据集取数").select_option("population.resident")
    page.get_by_label("婚姻状况").check()
    told(page, "请填写事项编号，格式为 SA-（4位数字）-（6位数字）")
    page.get_by_label("事项编号").fill("SA-2026-000123")
    told(page, "请在“条件”里填写公民身份号码")
    expect(page.get_by_text("未填写，暂不起作用")).to_be_visible()
    page.get_by_label("第1个条件的值").fill("310101195001010011")
    told(page, "可以查询")
    expect(page.get_by_text("未填写，暂不起作用")).to_be_hidden()
    assert sql(page) == "SELECT marital_status FROM population.resident WHERE resident_id = '310101195001010011'"


def test_statistics_are_picked_by_their_groups(signed_in):
    """A purpose for statistics counts groups; what makes no group is not offered for it."""
    page = signed_in("district-huangpu", path="/query?purpose=population-statistics")
    page.get_by_label("性别", exact=True).check()
    expect(page.get_by_label("SQL", exact=True)).to_have_value(re.compile("sex"))
    told(page, "不足 10 人的组不显示")
    assert sql(page) == 'SELECT sex, COUNT(*) AS "数量" FROM population.resident GROUP BY sex'
    expect(page.get_by_label("公民身份号码：去重计数")).to_be_visible()


def test_a_query_is_asked_by_keyboard_alone(signed_in):
    """Purpose, a ready-made query and the run, with Tab, arrows and Enter."""
    page = signed_in(CLERK, path="/query")
    page.get_by_label(PURPOSE["zh"]).focus()
    page.keyboard.press("ArrowDown")
    told(page, "选一个现成查询")
    expect(page.get_by_label(PURPOSE["zh"])).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=EXAMPLE["zh"], exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    told(page, "可以查询")
    page.locator("#result-title").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/results/"))


def test_hostile_values_stay_values(signed_in):
    """What is typed is shown and asked as typed; nothing of it is SQL or HTML."""
    page = signed_in(CLERK, path="/query?purpose=elderly-care-visits")
    page.get_by_label("姓名", exact=True).check()
    page.get_by_label("增加条件").select_option("population.resident.name")
    hostile = "x' OR 1=1 --<img src=x onerror=alert(1)>"
    page.get_by_label("第1个条件的值").fill(hostile)
    expect(page.get_by_label("SQL", exact=True)).to_have_value(re.compile("onerror"))
    assert sql(page).endswith("CONTAINS(name, 'x'' OR 1=1 --<img src=x onerror=alert(1)>')")
    told(page, "可以查询")
    assert page.locator("main img").count() == 0
