"""What holds on every page of the console, for everybody to whom the navigation offers it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import expect

from gateway.doors.console.pages import PAGES
from tests.browser.conftest import ServedConsole, SignIn

PEOPLE = {
    "clerk": "nanjing-east-road",
    "steward": "department-housing",
    "auditor": "auditor",
    "administrator": "administrator",
}
VIEWPORTS = {"desk": (1366, 768), "tablet": (820, 1180)}
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""Folder that keeps a picture of every page, when set."""
PLAIN = [page for page in PAGES if "{" not in page.path]


def _settled(page: BrowserPage) -> None:
    page.wait_for_selector("main h1")
    expect(page.locator(".htmx-request")).to_have_count(0)  # waiting for a function needs eval


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_is_accessible_and_fits(signed_in: SignIn, console: ServedConsole, who: str, language: str) -> None:
    """No serious finding of axe, one heading, nothing wider than the window, nothing fetched from elsewhere."""
    page = signed_in(PEOPLE[who], language=language)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    findings = []
    for shown in PLAIN:
        if shown.roles and who not in shown.roles:
            continue
        for viewport, (width, height) in VIEWPORTS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.goto(console.url + shown.path)
            _settled(page)
            findings += _findings(page, where=f"{shown.path} {viewport}")
            _keep(page, f"{shown.path.strip('/').replace('/', '-')}-{who}-{viewport}-{language}")
    assert findings == []
    assert {url for url in asked if not url.startswith(console.url + "/")} == set()


def _findings(page: BrowserPage, *, where: str) -> list[str]:
    serious = [
        f"{where}: {found['id']} {found['nodes'][0]['html'][:200]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
    if page.locator("h1").count() != 1:
        serious.append(f"{where}: {page.locator('h1').count()} h1")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        serious.append(f"{where}: wider than the window")
    return serious


def _keep(page: BrowserPage, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"), full_page=True)


def test_every_page_of_a_thing_is_reached_from_a_list() -> None:
    """Pages whose address names a thing stay out of the navigation."""
    assert [page.path for page in PAGES if "{" in page.path and page.group] == []
