"""一屏观天下: everybody sees today's numbers of what is theirs, and they move by themselves."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.client import Profile, RequestError, connect
from tests.browser.conftest import SignIn

CLERK, OTHER_CLERK, STEWARD = "changfeng", "nanjing-east-road", "department-public_security"
PURPOSE, SQL = "grid-inspection", "SELECT name, phone FROM population.resident"
FORBIDDEN = "SELECT ethnicity FROM population.resident"


def ask(profiles: Path, sql: str, *, who: str = CLERK) -> None:
    """Ask as somebody; a denial is an answer."""
    with connect(Profile.load(profiles / f"{who}.json")) as connection, suppress(RequestError):
        connection.query(sql, purpose=PURPOSE).to_arrow()


def figure(page: Page, title: str) -> str:
    """Return the number of the card with this title."""
    card = page.locator("#overview .card").filter(has=page.get_by_role("heading", name=title, exact=True))
    shown: str = card.locator(".figure").inner_text()
    return shown


def number(page: Page, title: str) -> int:
    return int(figure(page, title).replace(",", ""))


def test_the_auditor_sees_the_whole_city(signed_in: SignIn, profiles: Path) -> None:
    """Queries, denials, rows, purposes, departments, offices, connectors, and how the log stands."""
    ask(profiles, SQL)
    ask(profiles, FORBIDDEN)
    page = signed_in("auditor")
    expect(page.locator(".overview-scope")).to_contain_text("全市")
    expect(page.get_by_role("heading", name="按使用单位")).to_be_visible()
    assert number(page, "今天的查询") >= 2
    assert number(page, "其中被拒") >= 1
    assert number(page, "送达的行数") >= 1
    assert re.fullmatch(r"\d+ / \d+", figure(page, "连接器"))
    assert number(page, "访问日志条目") > 10
    expect(page.locator("#overview .cards")).to_contain_text(re.compile("签名检查点 (刚刚|.+前)"))
    for name in ("按用途", "按提供部门"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".overview-counted").first).to_contain_text("网格")
    expect(page.get_by_role("img", name="今天各小时的查询")).to_be_visible()


def test_the_numbers_move_by_themselves(signed_in: SignIn, profiles: Path) -> None:
    """A query that is asked meanwhile is counted without a click; the hours that were opened stay open."""
    ask(profiles, SQL)
    page = signed_in(CLERK)
    page.get_by_text("每小时的数字").click()
    table = page.get_by_role("table", name="今天各小时的查询")
    expect(table).to_be_visible()
    before, denied = number(page, "今天的查询"), number(page, "其中被拒")
    ask(profiles, FORBIDDEN)
    page.wait_for_function(
        "before => Number(document.querySelector('#overview .card .figure').textContent.replace(',', '')) > before",
        arg=before,
    )
    assert number(page, "其中被拒") > denied
    expect(table).to_be_visible()
    asked = [int(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert sum(asked) == number(page, "今天的查询")


@pytest.mark.parametrize(
    ("who", "scope", "shown", "hidden"),
    [
        (CLERK, "Your office: Changfeng", "By department", "By office"),
        (STEWARD, "Your department's data: Shanghai Public Security Bureau", "By office", "By department"),
        ("administrator", "The whole city", "By office", "By nothing"),
    ],
)
def test_each_role_sees_its_own(
    signed_in: SignIn, profiles: Path, who: str, scope: str, shown: str, hidden: str
) -> None:
    """In English; only those who may see connectors are shown them."""
    ask(profiles, SQL)
    page = signed_in(who, language="en")
    expect(page.locator(".overview-scope")).to_contain_text(scope)
    expect(page.get_by_role("heading", name=shown)).to_be_visible()
    expect(page.get_by_role("heading", name=hidden)).to_have_count(0)
    expect(page.get_by_role("heading", name="Connectors", exact=True)).to_have_count(0 if who == CLERK else 1)
    assert number(page, "Queries today") >= 1


def test_a_day_without_queries_says_so(signed_in: SignIn) -> None:
    """An office that has not asked is told what it may do, not shown empty charts."""
    page = signed_in("city-statistics")
    if number(page, "今天的查询") == 0:
        expect(page.locator(".empty")).to_contain_text("今天本单位还没有查询")
        expect(page.get_by_role("img", name="今天各小时的查询")).to_have_count(0)
    expect(page.get_by_role("heading", name="数据集是否及时")).to_be_visible()
