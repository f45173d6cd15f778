"""A department's data steward: connectors, datasets, use, a need answered, the stop button with its effect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.client import Denied, connect
from gateway.doors.cli.local_city import free_port
from gateway.doors.console.settings import ConsoleSettings
from tests.browser.conftest import ServedConsole, SignIn, served
from tests.browser.requests_of_offices import CLERK, OUTREACH, VACCINATION, file_need, nothing_stays_stopped, open_page
from tests.fakes.little_connectors import little_connector
from tests.lone_gateway import lone_gateway

pytestmark = pytest.mark.timeout(300)

STEWARD = "department-health"
SQL = f"SELECT vaccinated_date FROM {VACCINATION} LIMIT 1"
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


def ask(profiles: Path) -> None:
    with connect(profiles / f"{CLERK}.json") as connection:
        connection.query(SQL, purpose=OUTREACH).to_arrow()


def choose_stop(page: Page, *, language: str, reason: str) -> None:
    """Fill in the form that stops the vaccinations, up to the confirmation."""
    zh = language == "zh"
    page.get_by_label("一个数据集" if zh else "A dataset").check()
    page.get_by_label("对象" if zh else "Which one").select_option(VACCINATION)
    page.get_by_label("理由" if zh else "Reason").fill(reason)
    page.get_by_role("button", name=re.compile("下一步" if zh else "Continue")).click()


def answer_need(page: Page, *, language: str) -> None:
    """Accept the need that the page shows in Chinese, refuse it in English."""
    if language == "zh":
        page.get_by_label("使用条件").fill("仅限接种提醒")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="同意并签署协议").click()
        expect(page.get_by_role("status")).to_contain_text("已同意")
    else:
        page.get_by_label("Ground").select_option("more-than-necessary")
        page.get_by_label("Answer in words").fill("The agreement of the city is enough.")
        page.get_by_role("button", name="Refuse").click()
        expect(page.get_by_role("status")).to_contain_text("Refused")


@LANGUAGES
def test_a_steward_sees_the_data_and_presses_the_button(signed_in: SignIn, profiles: Path, language: str) -> None:
    """From signing in to a stop that is lifted, by what the screen offers."""
    zh = language == "zh"
    ask(profiles)
    need = file_need(profiles, scenario=f"接种提醒 {language}")
    page = signed_in(STEWARD, language=language)

    open_page(page, "连接器" if zh else "Connectors")
    own = page.get_by_role("row", name=re.compile("本部门" if zh else "yours"))
    expect(own).to_contain_text("正在提供数据" if zh else "Serving")
    expect(own).to_contain_text(re.compile(r"在线.*第 \d+ 次启动" if zh else r"online.*Start \d+", re.DOTALL))
    expect(own).to_contain_text("预防接种信息" if zh else "Vaccinations")
    own.get_by_role("link").click()
    expect(page.get_by_role("heading", name="历史" if zh else "History")).to_be_visible()
    page.get_by_role("link", name="预防接种信息" if zh else "Vaccinations").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("预防接种" if zh else "Vaccinations")

    open_page(page, "数据使用" if zh else "Use of data")
    used = page.get_by_role("table").filter(has_text="单位" if zh else "Office").first.get_by_role("row")
    expect(used.filter(has_text="南京东路街道" if zh else "Nanjing East Road").first).to_be_visible()

    open_page(page, "数据需求" if zh else "Data needs")
    page.locator(f"a[href='/needs/{need}']").click()
    answer_need(page, language=language)

    with nothing_stays_stopped(profiles):
        open_page(page, "停用" if zh else "Stops")
        choose_stop(page, language=language, reason="核对数据")
        told = page.get_by_role("region", name=re.compile("请确认停用" if zh else "Please confirm"))
        expect(told).to_contain_text("疫苗接种" if zh else "Vaccination outreach")
        expect(told).to_contain_text("南京东路街道" if zh else "Nanjing East Road")
        ask(profiles)  # nothing is stopped before it is confirmed
        page.get_by_role("button", name="确认停用" if zh else "Stop now").click()
        effect = page.get_by_role("status")
        expect(effect).to_contain_text("个正在传输的结果已中断" if zh else "results on their way were cut")
        expect(effect).to_contain_text("不可查询" if zh else "not available")
        with pytest.raises(Denied, match="DATASET_STOPPED"):
            ask(profiles)
        row = page.get_by_role("row").filter(has_text=VACCINATION).filter(has_text="核对数据")
        row.locator("summary").click()
        row.get_by_label("理由" if zh else "Reason").fill("核对完毕")
        row.get_by_role("button", name="确认解除" if zh else "Lift now").click()
        expect(page.get_by_role("status")).to_contain_text("停用已解除" if zh else "Lifted")
        expect(page.get_by_role("status")).not_to_contain_text("不可查询" if zh else "not available")
        expect(page.get_by_role("row").filter(has_text="核对完毕").first).to_be_visible()
        ask(profiles)


def test_a_stop_without_a_reason_is_asked_for_it(signed_in: SignIn) -> None:
    """What was chosen stays in the form; a reason that names a number is refused with what to do next."""
    page = signed_in(STEWARD, path="/stops")
    choose_stop(page, language="zh", reason="")
    expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    expect(page.get_by_label("对象")).to_have_value(VACCINATION)
    page.get_by_label("理由").fill("电话 13812345678")
    page.get_by_role("button", name=re.compile("下一步")).click()
    page.get_by_role("button", name="确认停用").click()
    expect(page.get_by_role("alert")).to_contain_text("手机号码")
    expect(page.get_by_label("理由")).to_have_value("电话 13812345678")


def test_a_connector_is_suspended_and_resumed(signed_in: SignIn) -> None:
    """With a reason and after a confirmation; the history says who and why. Approving is not offered to a steward."""
    page = signed_in(STEWARD, path="/connectors/health/main")
    page.get_by_role("button", name="下一步").click()
    expect(page.get_by_role("alert")).to_contain_text("请先选择")
    expect(page.get_by_role("radio", name=re.compile("^批准"))).to_have_count(0)
    for choice, reason, state in (("停用", "演练", "已停用"), ("恢复", "演练结束", "正在提供数据")):
        decide(page, choice, reason=reason)
        step = page.get_by_role("row").filter(has_text=STEWARD).first
        expect(step).to_contain_text(state)
        expect(step).to_contain_text(reason)


def test_a_new_connector_serves_when_it_is_approved(signed_in: SignIn, tmp_path: Path) -> None:
    """An administrator approves it and withdraws its registration again; each is confirmed first."""
    with lone_gateway(tmp_path / "lone") as (city, _), little_connector(city, tmp_path / "connector") as connector:
        connector.registry.register()
        gateway = city.profile("administrator").endpoint
        settings = ConsoleSettings(listen=f"127.0.0.1:{free_port()}", gateway=gateway, directory=tmp_path / "console")
        with served(settings) as url:
            own = ServedConsole(url=url, profiles=city.local.profiles)
            page = signed_in("administrator", path="/connectors", console=own)
            row = page.get_by_role("row").filter(has_text="卫生健康")
            expect(row).to_contain_text("待批准")
            row.get_by_role("link").click()
            decide(page, "批准", reason="")
            expect(page.get_by_text("正在提供数据").first).to_be_visible()
            decide(page, "撤回登记", reason="系统下线")
            expect(page.get_by_text("已撤回").first).to_be_visible()


def decide(page: Page, choice: str, *, reason: str) -> None:
    """Choose what to do with a connector and confirm it."""
    page.get_by_role("radio", name=re.compile(f"^{choice}")).check()
    page.get_by_label("理由").fill(reason)
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name=f"确认{choice}").click()
    expect(page.get_by_role("status")).to_be_visible()


def test_a_connector_of_another_department_is_only_looked_at(signed_in: SignIn) -> None:
    """Nothing is offered there, and the gateway would refuse it."""
    page = signed_in(STEWARD, path="/connectors/housing/main")
    expect(page.get_by_role("heading", name="历史")).to_be_visible()
    expect(page.get_by_role("heading", name="办理")).to_have_count(0)


@LANGUAGES
def test_the_list_of_connectors_is_kept_up_to_date(signed_in: SignIn, language: str) -> None:
    """Whether a connector is online is asked for again by itself."""
    page = signed_in("auditor", path="/connectors", language=language)
    with page.expect_response(re.compile("/-/connectors-list")) as asked:
        pass
    assert asked.value.status == 200


def test_an_agreement_is_signed_and_revoked(signed_in: SignIn) -> None:
    """An id is suggested, what is missing is asked for; afterwards it stands among those that ended, with the reason."""
    page = signed_in(STEWARD, path="/agreements")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_text("签署新协议").click()
    page.get_by_role("button", name=re.compile("^签署")).click()
    expect(page.get_by_role("alert")).to_contain_text("请勾选数据集")
    id = page.get_by_label("协议编号").input_value()
    assert id.startswith("health-")
    page.get_by_label("与谁共享").select_option("310101002")
    page.get_by_label("预防接种信息").check()
    page.get_by_label("疫苗接种动员").check()
    page.get_by_role("button", name=re.compile("^签署")).click()
    expect(page.get_by_role("status")).to_contain_text("即时生效")
    expect(page.get_by_label("协议编号")).not_to_have_value(id)
    row = page.get_by_role("row").filter(has_text=id)
    expect(row).to_contain_text("南京东路街道")
    row.locator("summary").click()
    row.get_by_label("理由").fill("演练结束")
    row.get_by_role("button", name="确认撤销").click()
    expect(page.get_by_role("status")).to_contain_text("已撤销")
    expect(page.get_by_role("row").filter(has_text=id)).to_contain_text("演练结束")
