"""Attacks on the console in a real browser: stolen cookies, stored markup, and what is left behind."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from catalog.load import ENTRIES
from gateway.client import Profile
from gateway.doors.cli.local_city import free_port
from gateway.doors.console import visit
from gateway.doors.console.app import Console
from gateway.doors.console.pages import PAGES
from gateway.doors.console.proof import Proof
from gateway.doors.console.settings import ConsoleSettings
from tests.browser.conftest import ServedConsole, served
from tests.browser.test_results import ask
from tests.lone_gateway import lone_gateway

HOSTILE = '<img src=x onerror="document.title=1"></script><script>document.title=2</script><a href="javascript:alert(1)">x</a>'
MARKUP = "img, script:not([src]), [onerror], [onclick], iframe, object, a[href^='javascript' i]"
POST = """async ([path, form]) => {
  const { provenFetch } = await import("/static/proof.js");
  return (await provenFetch(path, { method: "POST", body: new URLSearchParams(form) })).status;
}"""
LEFT_BEHIND = """async () => {
  const opened = await new Promise((resolve, reject) => {
    const opening = indexedDB.open("console");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const kept = await new Promise((resolve) => {
    const asked = opened.transaction("keys").objectStore("keys").getAll();
    asked.onsuccess = () => resolve(asked.result);
  });
  opened.close();
  const exported = await Promise.allSettled(
    kept.flatMap((pair) => ["jwk", "pkcs8"].map((format) => crypto.subtle.exportKey(format, pair.privateKey))));
  return {
    storages: localStorage.length + sessionStorage.length, cookies: document.cookie, caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
    databases: (await indexedDB.databases()).map((database) => database.name),
    keys: kept.length, extractable: kept.map((pair) => pair.privateKey.extractable),
    exported: exported.filter((answer) => answer.status === "fulfilled").length,
  };
}"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """A console before a gateway whose catalogue and directory hold markup wherever people read them."""
    root = tmp_path_factory.mktemp("hostile")
    entries = root / "entries"
    shutil.copytree(ENTRIES, entries)
    for file in (*(entries / "purposes").glob("*.yaml"), *(entries / "datasets").glob("*.yaml")):
        entry = yaml.safe_load(file.read_text("utf-8"))
        for text in _texts(entry):
            text.update(zh=f"{text['zh']}{HOSTILE}", en=f"{text['en']}{HOSTILE}")
        file.write_text(yaml.safe_dump(entry, allow_unicode=True, sort_keys=False), "utf-8")

    def settings(text: str) -> str:
        directory = root / "requesters.yaml"
        people = yaml.safe_load(directory.read_text("utf-8"))
        directory.write_text(yaml.safe_dump([one | {"display_name": HOSTILE} for one in people]), "utf-8")
        return f'catalogue = "{entries}"\n{text}'

    with lone_gateway(root, settings=settings) as (city, _), _served(city.local.profiles, root) as console:
        yield console


class _served(served):
    """A console of these tests alone."""

    def __init__(self, profiles: Path, folder: Path) -> None:
        gateway = Profile.load(profiles / "auditor.json").endpoint
        super().__init__(
            ConsoleSettings(listen=f"127.0.0.1:{free_port()}", gateway=gateway, directory=folder / "console")
        )
        self._profiles = profiles

    def __enter__(self) -> ServedConsole:  # type: ignore[override]
        return ServedConsole(url=super().__enter__(), profiles=self._profiles)


def _texts(entry: Any) -> Iterator[dict[str, str]]:
    """Find every title, description and remark in both languages."""
    if isinstance(entry, dict):
        if set(entry) == {"zh", "en"}:
            yield entry
        else:
            for name, value in entry.items():
                if name != "legal_basis":  # which is compared with what the law is called
                    yield from _texts(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _texts(value)


def _enter(chromium: Browser, console: ServedConsole, who: str) -> Page:
    page = chromium.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.goto(f"{console.url}/login")
    page.set_input_files("#profile", console.profiles / f"{who}.json")
    page.click("#profile-form button")
    page.wait_for_url(f"{console.url}/overview")
    page.wait_for_selector("main h1")
    return page


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("main h1")
    expect(page.locator(".proving, .htmx-request")).to_have_count(0)


def test_a_cookie_in_another_browser_opens_nothing_and_ends_the_session(
    profiles: Path, tmp_path: Path, chromium: Browser
) -> None:
    """Same machine, same kind of browser: the thief comes to the sign-in, and the owner is told why."""
    with _served(profiles, tmp_path) as console:
        owner = _enter(chromium, console, "auditor")
        thief = chromium.new_context().new_page()
        thief.context.add_cookies(owner.context.cookies())
        thief.goto(f"{console.url}/overview")
        thief.wait_for_url("**/login?why=elsewhere&next=*")
        owner.goto(f"{console.url}/log")
        owner.wait_for_url("**/login?why=elsewhere&next=%2Flog")
        expect(owner.get_by_role("status")).to_contain_text("另一浏览器")
        owner.context.close()
        thief.context.close()


def test_twin_without_proofs_the_cookie_is_enough(
    profiles: Path, tmp_path: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same theft succeeds when proofs are not asked for."""
    with _served(profiles, tmp_path) as console:
        owner = _enter(chromium, console, "auditor")

        def anybody(self: Console, request: object) -> tuple[Proof, object]:
            browser = next(iter(self.sessions._sessions.values())).browser
            return Proof(key=browser.key, id=str(uuid.uuid4())), browser

        monkeypatch.setattr(Console, "proven", anybody)
        thief = chromium.new_context().new_page()
        thief.context.add_cookies(owner.context.cookies())
        _open(thief, f"{console.url}/overview")
        assert "审计" in thief.inner_text("header")
        owner.context.close()
        thief.context.close()


def test_nothing_is_left_in_the_browser_but_a_key_that_cannot_be_read(
    profiles: Path, tmp_path: Path, chromium: Browser
) -> None:
    """No storage, no readable cookie, no cache; signing out takes the key, too, and says so."""
    with _served(profiles, tmp_path) as console:
        page = _enter(chromium, console, "auditor")
        nothing = {"storages": 0, "cookies": "", "caches": 0, "workers": 0, "databases": ["console"], "exported": 0}
        assert page.evaluate(LEFT_BEHIND) == nothing | {"keys": 1, "extractable": [False]}
        assert [cookie["httpOnly"] for cookie in page.context.cookies()] == [True]
        page.get_by_role("button", name="退出").click()
        page.wait_for_url(f"{console.url}/login?why=out")
        expect(page.get_by_role("status")).to_have_text("您已退出。")
        assert page.evaluate(LEFT_BEHIND) == nothing | {"keys": 0, "extractable": []}
        assert page.context.cookies() == []
        page.context.close()


def test_one_returns_to_the_page_one_was_on(profiles: Path, tmp_path: Path, chromium: Browser) -> None:
    """After the session's end the sign-in says why, and leads back."""
    with _served(profiles, tmp_path) as console:
        page = _enter(chromium, console, "nanjing-east-road")
        page.context.clear_cookies()
        page.goto(f"{console.url}/purposes")
        page.wait_for_url("**/login?*next=%2Fpurposes")
        page.set_input_files("#profile", console.profiles / "nanjing-east-road.json")
        page.click("#profile-form button")
        page.wait_for_url(f"{console.url}/purposes")
        page.context.close()


@pytest.mark.parametrize("who", ["nanjing-east-road", "department-civil_affairs", "auditor", "administrator"])
def test_markup_in_names_and_titles_stays_text(hostile: ServedConsole, chromium: Browser, who: str) -> None:
    """Every page of the console, over a catalogue and a directory full of markup."""
    page = _enter(chromium, hostile, who)
    seen = 0
    paths = [shown.path for shown in PAGES if "{" not in shown.path]
    for path in (*paths, "/datasets/population.resident", "/log/1"):
        _open(page, hostile.url + path)
        assert page.locator(MARKUP).count() == 0, path
        assert page.title() not in {"1", "2"}
        seen += page.inner_text("body").count("<img src=x")
    assert seen > len(paths), "the markup was not shown at all"
    page.context.close()


def test_twin_without_escaping_markup_becomes_elements(
    hostile: ServedConsole, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same page, with templates that do not escape; the security policy still runs none of it."""
    page = _enter(chromium, hostile, "nanjing-east-road")
    monkeypatch.setattr(visit._TEMPLATES, "autoescape", False)
    visit._TEMPLATES.cache.clear()  # type: ignore[union-attr]
    try:
        _open(page, f"{hostile.url}/purposes")
        assert page.locator(MARKUP).count() > 0
        assert page.title() not in {"1", "2"}
    finally:
        monkeypatch.undo()
        visit._TEMPLATES.cache.clear()  # type: ignore[union-attr]
        page.context.close()


def test_markup_in_statements_values_and_denials_stays_text(console: ServedConsole, chromium: Browser) -> None:
    """A value of the result, the statement itself, a saved query's name, and a purpose that is denied; no request leaves."""
    page = _enter(chromium, console, "nanjing-east-road")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    literal = HOSTILE.replace("'", "''")
    sql = f"SELECT name, '{literal}' AS remark FROM population.resident"
    form = {"sql": sql, "purpose": "grid-inspection", "title": HOSTILE[:60], "case": "310101199001011234"}
    ask(page, **form)
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    assert page.locator(MARKUP).count() == 0
    page.evaluate(POST, ["/-/saved", form])
    for path in ("/saved", "/query", "/results"):
        _open(page, console.url + path)
        assert page.locator(MARKUP).count() == 0, path
    ask(page, **form | {"purpose": HOSTILE[:60]})
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator(MARKUP).count() == 0
    assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in asked} == {console.url}
    for url in map(unquote, asked):
        assert not re.search(r"select|<img|310101199001011234|ey[A-Za-z0-9]{20}", url, re.IGNORECASE), url
    page.context.close()
