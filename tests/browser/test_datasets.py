"""What there is: purposes and datasets, and what somebody gets of them before asking."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import serious_faults

CLERK = "nanjing-east-road"


@pytest.mark.parametrize(
    ("language", "card", "texts", "link"),
    [
        ("zh", "老年人关爱走访", ["可以使用", "第13条第1款第3项", "30 天"], "用这个用途查询"),
        ("en", "Visits to elderly people at home", ["available", "article 13(1)(3)", "30 days"], "Ask for this purpose"),
    ],
)  # fmt: skip
def test_purposes_tell_what_they_are_for_and_what_they_need(signed_in, language, card, texts, link):
    """Legal basis, quota, retention and datasets stand on each; it leads to the query."""
    page = signed_in(CLERK, path="/purposes", language=language)
    purpose = page.get_by_role("listitem", name=card)
    for text in texts:
        expect(purpose).to_contain_text(text)
    assert serious_faults(page) == []
    purpose.get_by_role("link", name=link).click()
    page.wait_for_url(re.compile(r"/query\?purpose=elderly-care-visits"))


def test_a_purpose_that_cannot_be_used_says_why_and_what_next(signed_in):
    """Without an emergency its purposes lead nowhere but to what can be done."""
    page = signed_in(CLERK, path="/purposes")
    purpose = page.get_by_role("listitem", name="场所核验健康码")
    expect(purpose).to_contain_text("没有正在生效的应急状态")
    expect(purpose).to_contain_text("怎么办")
    expect(purpose.get_by_role("link", name="用这个用途查询")).to_have_count(0)
    expect(page.get_by_role("listitem", name="社会救助家庭情况核对")).to_contain_text("SA-（4位数字）-（6位数字）")


@pytest.mark.parametrize("words", ["实有人口", "shiyou", "syrk", "residents"])
def test_datasets_are_found_by_words_and_pinyin(signed_in, words):
    """As one types, in either language."""
    page = signed_in(CLERK, path="/datasets")
    expect(page.get_by_role("link", name="行政许可证照信息")).to_be_visible()
    page.get_by_label("搜索").first.fill(words)
    expect(page.get_by_role("link", name="行政许可证照信息")).to_be_hidden()
    expect(page.get_by_role("link", name="实有人口基本信息")).to_be_visible()
    assert words not in page.url


def test_datasets_are_filtered_by_purpose(signed_in):
    """What it does not open is left out; what nobody has leads to a need."""
    page = signed_in(CLERK, path="/datasets")
    page.get_by_label("用途", exact=True).select_option("enterprise-visits")
    expect(page.get_by_role("link", name="实有人口基本信息")).to_be_hidden()
    page.get_by_label("搜索").first.fill("没有这样的数据")
    expect(page.get_by_text("没有找到")).to_be_visible()
    expect(page.get_by_role("link", name="提出数据需求")).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_dataset_tells_what_one_gets_under_each_purpose(signed_in, language):
    """Clear, masked with an example, not for you and why; the purpose can be changed."""
    page = signed_in(CLERK, path="/datasets/population.resident?purpose=elderly-care-visits", language=language)
    zh = language == "zh"
    identity = page.get_by_role("row", name=re.compile("resident_id"))
    expect(identity).to_contain_text(
        "脱敏 只保留前六位地区码，如 310101" if zh else "masked the six region digits only"
    )
    closed = page.get_by_role("row", name=re.compile("marital_status"))
    expect(closed).to_contain_text("不提供" if zh else "not for you")
    expect(closed).to_contain_text("社会救助家庭情况核对" if zh else "Check of circumstances")
    expect(page.locator("main")).to_contain_text(
        "家庭户基本信息：按户编号" if zh else "Households: by Household number"
    )
    assert serious_faults(page) == []
    page.get_by_label("按用途查看" if zh else "Under the purpose").select_option("population-statistics")
    expect(identity).to_contain_text("仅统计" if zh else "counted only")


def test_a_steward_sees_the_own_datasets_with_their_quality(signed_in):
    """All columns, every purpose that anybody may use them for, and what the checks found."""
    page = signed_in("department-public_security", path="/datasets")
    expect(page.get_by_role("link", name="实有人口基本信息")).to_be_visible()
    expect(page.get_by_role("link", name="房屋基本信息")).to_have_count(0)
    page.get_by_role("link", name="实有人口基本信息").click()
    expect(page.get_by_role("row", name=re.compile("ethnicity"))).to_contain_text("没有用途使用它")
    expect(page.get_by_role("heading", name="质量")).to_be_visible()
    assert serious_faults(page) == []
