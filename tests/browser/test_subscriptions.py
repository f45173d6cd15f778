"""A clerk's list comes by itself and is received by downloading it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from gateway.client import connect
from gateway.client.subscriptions import Subscriptions
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from tests.browser.conftest import SignIn, until
from tests.browser.test_saved import save

CLERK, PURPOSE = "nanjing-east-road", "elderly-care-visits"
TITLE = "每日户数"
SQL = "SELECT household_id, division_code, member_count AS people_5 FROM population.household"


@pytest.fixture
def subscriptions(profiles: Path) -> Iterator[Subscriptions]:
    """The clerk's, beside the console; what a test leaves is stopped."""
    with connect(profiles / f"{CLERK}.json") as connection:
        subscriptions = Subscriptions(connection)
        before = {one.id for one in subscriptions.all()}
        yield subscriptions
        for one in subscriptions.all():
            if one.id not in before and not one.stopped_at:
                subscriptions.stop(one.id)


def newest(subscriptions: Subscriptions) -> pb.Subscription:
    return subscriptions.all()[0]


def card(page: Page, text: str):
    """Return the card of a subscription that runs."""
    return page.get_by_role("listitem").filter(has_text=text).filter(has=page.get_by_role("button", name="停止"))


def test_a_saved_query_comes_by_itself(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """Subscribe to a saved query, wait for its first run, look at it, download it; then it is received, and stopped."""
    page = signed_in(CLERK)
    save(page, title=TITLE, sql=SQL)
    page.goto(page.url.replace("/overview", "/saved"))
    page.get_by_role("link", name=f"定期自动查询：{TITLE}").click()
    expect(page.get_by_label("定期查询什么").locator("option:checked")).to_have_text(TITLE)
    page.get_by_label("多久一次").select_option("每周一")
    page.get_by_label("几点（上海时间）").fill("06:45")
    page.get_by_role("button", name="建立订阅").click()
    expect(page.locator("#subscription-made")).to_contain_text("订阅已建立：每周一上午 6:45")
    made = newest(subscriptions)
    assert (made.sql, made.purpose, made.cycle, made.minute_of_day) == (SQL, PURPOSE, pb.CYCLE_WEEKLY, 405)

    mine = card(page, f"{TITLE}，每周一上午 6:45")
    expect(mine).to_contain_text("下一期：")
    mine.get_by_role("button", name="接收").click(timeout=60_000)
    page.wait_for_url("**/results/*")
    expect(page.get_by_text("下载成文件后才算接收")).to_be_visible()
    excel = page.get_by_role("button", name="Excel 表格（XLSX）")
    expect(excel).to_be_visible(timeout=60_000)
    assert newest(subscriptions).runs[0].state == pb.RUN_STATE_READY, "looking is not receiving"
    with page.expect_download() as waiting:
        excel.click()
    book = openpyxl.load_workbook(BytesIO(Path(waiting.value.path()).read_bytes()))
    rows = list(book.worksheets[1].iter_rows(values_only=True))
    assert rows[0] == ("户编号 household_id", "居（村）委会代码 division_code", "people_5")
    assert len(rows) - 1 == newest(subscriptions).runs[0].rows > 0

    until(page, lambda: newest(subscriptions).runs[0].state == pb.RUN_STATE_ACKNOWLEDGED)  # after the last byte
    page.get_by_role("navigation").get_by_role("link", name="订阅").click()
    mine = card(page, f"{TITLE}，每周一上午 6:45")
    expect(mine).to_contain_text("已接收")
    expect(mine.get_by_role("button", name="接收")).to_have_count(0)
    page.once("dialog", lambda dialog: dialog.accept())
    mine.get_by_role("button", name="停止").click()
    expect(page.get_by_text("已停止。待接收的结果已销毁。")).to_be_visible()
    assert newest(subscriptions).stopped_at


def test_only_changes_need_a_key(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """In English: changes without a key are not subscribed to, with one they are; what was typed stays."""
    page = signed_in(CLERK, path="/subscriptions", language="en")
    page.get_by_label("What to ask regularly").select_option("own")
    page.get_by_label("Query (SQL)").fill(SQL)
    page.get_by_label("Purpose", exact=True).select_option(PURPOSE)
    page.get_by_label("Changes only").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("choose the columns that tell one row from another")
    page.get_by_label("Columns that tell one row from another").fill("household_id")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.locator("#subscription-made")).to_contain_text("Subscribed: every day at 7:00")
    assert list(newest(subscriptions).key_columns) == ["household_id"]
    expect(page.get_by_text("changes (by Household number)").first).to_be_visible()


def test_the_key_of_changes_is_ticked(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """The columns of the chosen query are offered by their titles, and what has changed is told in words."""
    page = signed_in(CLERK)
    save(page, title="变化的户", sql=f"{SQL} WHERE member_count > 1")
    page.goto(page.url.replace("/overview", "/subscriptions"))
    query = page.get_by_label("定期查询什么")
    query.select_option("own")
    expect(page.get_by_label("户编号")).to_have_count(0)
    query.select_option("变化的户")
    page.get_by_label("只给变化").check()
    page.get_by_label("户编号").check()
    page.get_by_role("button", name="建立订阅").click()
    expect(page.locator("#subscription-made")).to_contain_text("订阅已建立")
    assert list(newest(subscriptions).key_columns) == ["household_id"]
    mine = card(page, "变化的户")
    expect(mine).to_contain_text("只给变化（按 户编号）")
    mine.get_by_role("button", name="接收").click(timeout=60_000)
    page.wait_for_url("**/results/*")
    grid = page.get_by_role("grid", name="查询结果表格")
    expect(grid.get_by_role("columnheader", name="变化 sharing_change")).to_be_visible(timeout=60_000)
    expect(grid.get_by_role("gridcell", name="新增", exact=True).first).to_be_visible()


def test_what_may_not_be_asked_is_not_subscribed_to(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """A denied subscription says what, why, on which article and what next; nothing is made and the statement stays."""
    before = newest(subscriptions).id if subscriptions.all() else ""
    page = signed_in(CLERK, path="/subscriptions")
    page.get_by_label("定期查询什么").select_option("own")
    page.get_by_label("查询语句（SQL）").fill("SELECT resident_id FROM population.resident")
    page.get_by_label("用途", exact=True).select_option("enterprise-visits")
    page.get_by_role("button", name="建立订阅").click()
    failure = page.locator("#subscription-made .failure")
    expect(failure).to_contain_text("您不能办理此事")
    expect(failure.get_by_text("依据", exact=True).first).to_be_visible()
    expect(failure.get_by_text("怎么办", exact=True).first).to_be_visible()
    assert page.get_by_label("查询语句（SQL）").input_value().startswith("SELECT resident_id")
    assert (newest(subscriptions).id if subscriptions.all() else "") == before


def test_another_office_receives_and_stops_nothing(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """Another clerk sees no card of it; calls with its id lead nowhere, and it goes on."""
    request = pb.CreateSubscriptionRequest(sql=SQL, cycle=pb.CYCLE_DAILY, minute_of_day=420)
    id = subscriptions.create(request, purpose=PURPOSE, case="").id
    page = signed_in("changfeng", path="/subscriptions")
    assert "people_5" not in page.content()
    for action in ("receive", "stop"):
        answer = page.evaluate(
            """async (path) => {
              const { proof } = await import("/static/proof.js");
              const answer = await fetch(path, { method: "POST", headers: { DPoP: await proof("POST", path) } });
              return { lead: answer.headers.get("HX-Redirect"), text: await answer.text() };
            }""",
            f"/-/subscriptions/{id}/{action}",
        )
        assert answer["lead"] is None
        assert "people_5" not in answer["text"]
    assert not newest(subscriptions).stopped_at


def test_the_auditor_sees_them_without_receiving(signed_in: SignIn, subscriptions: Subscriptions) -> None:
    """All subscriptions stand there with office and requester; nothing can be made or received."""
    request = pb.CreateSubscriptionRequest(sql=SQL, cycle=pb.CYCLE_DAILY, minute_of_day=420)
    subscriptions.create(request, purpose=PURPOSE, case="")
    page = signed_in("auditor", path="/subscriptions")
    expect(page.get_by_text(f"建立人：{CLERK}").first).to_be_visible()
    expect(page.get_by_role("button", name="接收")).to_have_count(0)
    expect(page.get_by_role("button", name="建立订阅")).to_have_count(0)
