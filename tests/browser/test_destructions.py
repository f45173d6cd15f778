"""The destruction of a result, recorded when the session that received it is long over."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect

from gateway.client import connect
from tests.browser.conftest import SignIn
from tests.browser.requests_of_offices import CLERK, dwelling, open_page
from tests.browser.test_results import ask
from tests.cities import City
from tests.governing import declare_emergency, end_emergency, owed

EPIDEMIC = "epidemic-control"
RECORD = {"zh": "登记已销毁", "en": "Record that it is destroyed"}
METHOD = {"zh": "怎样销毁", "en": "How, and who witnessed it"}
ENTRY = {"zh": "结果的审计编号", "en": "Audit entry of the result"}


@pytest.fixture
def city_of(profiles: Path) -> City:
    local: Any = SimpleNamespace(data=profiles.parent, profiles=profiles)
    return City(local)


@pytest.fixture
def owed_entry(city_of: City) -> str:
    """Return the entry of a result that the clerk's office owes, as the emergency that opened it is over."""
    id = f"browser-{time.time_ns()}"
    declare_emergency(city_of, id, area="310101", purposes=(EPIDEMIC,))
    try:
        with connect(city_of.profile(CLERK)) as connection:
            result = connection.query("SELECT colour FROM health.health_code LIMIT 3", purpose=EPIDEMIC)
            result.to_arrow()
    finally:
        end_emergency(city_of, id)
    return str(result.receipt["entry"])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_clerk_records_what_another_session_received(signed_in: SignIn, profiles: Path, language: str) -> None:
    """By the entry of its receipt; what the gateway refuses leaves the form as it was written."""
    zh = language == "zh"
    entry, _ = dwelling(profiles)
    page = signed_in(CLERK, language=language)
    page.on("dialog", lambda dialog: dialog.accept())
    open_page(page, "登记销毁" if zh else "Record a destruction")
    page.get_by_label(ENTRY[language]).fill("00000000-0000-0000-0000-000000000000")
    page.get_by_label(METHOD[language]).fill("粉碎，两人在场")
    page.get_by_role("button", name=RECORD[language]).click()
    expect(page.get_by_role("alert")).to_contain_text("没有收到过" if zh else "received nothing under this audit entry")
    expect(page.get_by_label(METHOD[language])).to_have_value("粉碎，两人在场")
    page.get_by_label(ENTRY[language]).fill(entry)
    page.get_by_role("button", name=RECORD[language]).click()
    expect(page.get_by_role("status")).to_contain_text("已登记销毁" if zh else "The destruction is recorded")
    expect(page.get_by_label(ENTRY[language])).to_have_value("")


def test_what_an_office_owes_is_listed_until_it_is_recorded(signed_in: SignIn, city_of: City, owed_entry: str) -> None:
    """The row fills in its entry; an auditor sees it too, without a form."""
    auditor = signed_in("auditor", path="/destructions")
    expect(auditor.get_by_role("row").filter(has_text=owed_entry)).to_contain_text("南京东路街道")
    expect(auditor.get_by_role("button", name=RECORD["zh"])).to_have_count(0)
    page = signed_in(CLERK, path="/destructions")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("row").filter(has_text=owed_entry).get_by_role("link").click()
    expect(page.get_by_label(ENTRY["zh"])).to_have_value(owed_entry)
    page.get_by_label(METHOD["zh"]).fill("粉碎，两人在场")
    page.get_by_role("button", name=RECORD["zh"]).click()
    expect(page.get_by_role("status")).to_contain_text("已登记销毁")
    expect(page.get_by_text(owed_entry)).to_have_count(0)
    assert owed_entry not in owed(city_of, who="auditor")


def test_rows_that_are_still_here_go_with_the_destruction(signed_in: SignIn) -> None:
    """A result of the same session is closed, as it is when its destruction is recorded on its own page."""
    page = signed_in(CLERK)
    ask(page, title="走访名单")
    expect(page.get_by_text("已完成")).to_be_visible()
    result, entry = page.url, page.locator(".receipt code").first.text_content() or ""
    page.get_by_role("main").get_by_role("link", name="登记销毁").click()
    expect(page.get_by_label(ENTRY["zh"])).to_have_value(entry)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label(METHOD["zh"]).fill("粉碎，两人在场")
    page.get_by_role("button", name=RECORD["zh"]).click()
    expect(page.get_by_role("status")).to_contain_text("已登记销毁")
    page.goto(result)
    expect(page.get_by_text("已登记销毁，数据已经清除")).to_be_visible()
