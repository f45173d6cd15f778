"""Signing in, with a profile and with the city's account, and out again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gateway.client import Profile
from gateway.doors.cli.local_city import free_port
from gateway.doors.console.settings import ConsoleSettings, OidcSettings
from tests.browser.conftest import ServedConsole, SignIn, served
from tests.fakes.oidc_provider import CLIENT, Provider

CLERK = "nanjing-east-road"
SLOW_TO_KEEP = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...given) {
  const asked = put.apply(this, given);
  let more = 2000;
  const goOn = () => { if (more-- > 0) this.count().onsuccess = goOn; };
  asked.addEventListener("success", goOn);
  return asked;
};
"""
"""What is put into the browser's store is told at once, and written a moment later."""


def test_a_clerk_signs_in_with_a_profile(signed_in: SignIn) -> None:
    """The name and office of the directory stand at the top."""
    page = signed_in(CLERK)
    assert "南京东路街道" in page.inner_text("header")


def test_nothing_opens_after_signing_out(signed_in: SignIn, console: ServedConsole) -> None:
    """A page's address leads to the sign-in, and from there back to the page."""
    page = signed_in(CLERK)
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_text("您已退出")).to_be_visible()
    page.goto(f"{console.url}/datasets")
    page.wait_for_url("**/login?*")
    page.set_input_files("#profile", console.profiles / f"{CLERK}.json")
    page.click("#profile-form button")
    expect(page.get_by_role("heading", name="数据集", level=1)).to_be_visible()
    page.failures.clear()  # type: ignore[attr-defined]  # the browser reports the 401


def test_a_key_that_is_kept_slowly_is_kept(console: ServedConsole, chromium: Browser) -> None:
    """Signing in leads on when the key is on the disk: a page that is left takes with it what it has not written."""
    context = chromium.new_context(locale="zh-CN")
    context.add_init_script(SLOW_TO_KEEP)
    page = context.new_page()
    page.goto(f"{console.url}/login")
    page.set_input_files("#profile", console.profiles / f"{CLERK}.json")
    page.click("#profile-form button")
    expect(page.get_by_role("heading", name="一屏观天下", level=1)).to_be_visible()
    context.close()


def test_a_browser_that_keeps_no_key_is_told_what_to_do(console: ServedConsole, chromium: Browser) -> None:
    """As a private window of some browsers."""
    context = chromium.new_context(locale="zh-CN")
    context.add_init_script("IDBFactory.prototype.open = () => { throw new Error('no store'); };")
    page = context.new_page()
    page.goto(f"{console.url}/login")
    page.set_input_files("#profile", console.profiles / f"{CLERK}.json")
    page.click("#profile-form button")
    expect(page.get_by_role("alert")).to_contain_text("请改用普通窗口")
    expect(page.get_by_role("button", name="用配置文件登录")).to_be_enabled()
    context.close()


@pytest.mark.parametrize(
    ("language", "button", "heading"),
    [("zh", "使用城市统一身份登录", "查询"), ("en", "Sign in with the city's account", "Query")],
)
def test_a_clerk_signs_in_with_the_citys_account(
    profiles: Path, chromium: Browser, tmp_path: Path, language: str, button: str, heading: str
) -> None:
    """To the provider, another site, and back: the page proves what it asks with the key that began the sign-in."""
    profile, port = Profile.load(profiles / f"{CLERK}.json"), free_port()
    with Provider() as provider:
        provider.access_token = profile.token
        settings = ConsoleSettings(
            listen=f"127.0.0.1:{port}",
            public_url=f"http://localhost:{port}",
            gateway=profile.endpoint,
            directory=tmp_path,
            oidc=OidcSettings(issuer=provider.issuer, client_id=CLIENT),
        )
        with served(settings) as url:
            context = chromium.new_context(locale="zh-CN")
            context.add_cookies([{"name": "language", "value": language, "url": url}])
            page = context.new_page()
            page.goto(f"{url}/query")
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
            assert page.url == f"{url}/query"
            page.get_by_role("navigation").get_by_role("link", name={"zh": "用途", "en": "Purposes"}[language]).click()
            page.wait_for_url(f"{url}/purposes")
            expect(page.get_by_role("listitem").first).to_be_visible()
            context.close()
