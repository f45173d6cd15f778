"""What holds on every page of the console, for everybody who may open it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import expect

from gateway.doors.console.pages import PAGES
from tests.browser.accessibility import serious_faults
from tests.browser.conftest import ServedConsole, SignIn
from tests.browser.requests_of_offices import correct_dwelling, file_need
from tests.browser.test_query import ALLOWED, DENIED, EXAMPLE, told
from tests.browser.test_results import ask
from tests.browser.test_saved import save

PEOPLE = {
    "clerk": "nanjing-east-road",
    "steward": "department-housing",
    "auditor": "auditor",
    "administrator": "administrator",
}
VIEWPORTS = {"desk": (1366, 768), "tablet": (820, 1180)}
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""Folder that keeps a picture of every page, when set; everybody then sees every language on every viewport."""
LAYOUTS = [("zh", "desk"), ("en", "tablet"), ("zh", "tablet"), ("en", "desk")]
SEEN = (
    [(who, *layout) for who in PEOPLE for layout in LAYOUTS]
    if SCREENSHOTS
    else [(who, *layout) for who, layout in zip(PEOPLE, LAYOUTS[:2] * 2, strict=True)]
)


@pytest.fixture(scope="module")
def something(profiles: Path) -> None:
    """Make a thing of every kind that offices and departments share."""
    file_need(profiles, scenario="入户核查", dataset="housing.dwelling", purpose="fire-safety-inspection")
    correct_dwelling(profiles)


def _paths(who: str) -> list[str]:
    return list(
        dict.fromkeys(page.path for page in PAGES if "{" not in page.path and (not page.roles or who in page.roles))
    )


@pytest.mark.usefixtures("something")
@pytest.mark.parametrize(("who", "language", "viewport"), SEEN)
def test_every_page_is_accessible_and_fits(
    signed_in: SignIn, console: ServedConsole, who: str, language: str, viewport: str
) -> None:
    """No serious finding of axe, one heading, nothing wider than the window, nothing fetched from elsewhere.

    Every page of the person, and the first thing that each of its lists leads to.
    """
    page = signed_in(PEOPLE[who], language=language)
    width, height = VIEWPORTS[viewport]
    page.set_viewport_size({"width": width, "height": height})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    findings: list[str] = []
    things = set()

    def look(name: str) -> None:
        findings.extend(_findings(page, f"{name}-{who}-{viewport}-{language}"))

    if who == "clerk":
        save(page, title="户数一览")
        ask(page, sql="SELECT moved_in_date FROM population.resident", title="迁入")
        expect(page.get_by_role("alert")).to_be_visible()
        look("results-denied")
        page.goto(f"{console.url}/query?purpose=elderly-care-visits")
        page.get_by_role("button", name=EXAMPLE[language], exact=True).click()
        told(page, ALLOWED[language])
        look("query-explained")
        page.get_by_label("SQL", exact=True).fill("SELECT name, marital_status FROM population.resident")
        told(page, DENIED[language])
        look("query-denied")
        ask(page, title="走访名单")
        expect(page.locator("#result-rows[data-ready]")).to_be_visible()
    for path in _paths(who):
        page.goto(console.url + path)
        look(path[1:].replace("/", "-"))
        link = page.locator(f"main a[href^='{path}/']:not([href$='/new'])").first
        if link.count():
            things.add(path)
            page.goto(console.url + (link.get_attribute("href") or ""))
            look(f"{path[1:]}-one")
    if who == "clerk":
        assert things == {"/datasets", "/results", "/reports", "/needs", "/corrections"}
    assert findings == []
    assert {url for url in asked if not url.startswith(console.url + "/")} == set()


@pytest.mark.parametrize(("language", "viewport"), LAYOUTS if SCREENSHOTS else LAYOUTS[:2])
def test_signing_in_is_accessible_and_fits(
    signed_in: SignIn, console: ServedConsole, language: str, viewport: str
) -> None:
    """The page before anybody is known."""
    page = signed_in(PEOPLE["clerk"], language=language)
    page.set_viewport_size(dict(zip(("width", "height"), VIEWPORTS[viewport], strict=True)))  # type: ignore[arg-type]
    page.locator("header button").click()
    page.wait_for_url("**/login*")
    assert _findings(page, f"login-{viewport}-{language}") == []


def _findings(page: BrowserPage, name: str) -> list[str]:
    page.wait_for_selector("main h1")
    expect(page.locator(".proving, .htmx-request")).to_have_count(0)  # waiting for a function needs eval
    if SCREENSHOTS:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"), full_page=True)
    found = serious_faults(page)
    if page.locator("h1").count() != 1:
        found.append(f"{page.locator('h1').count()} h1")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("wider than the window")
    return [f"{name}: {one}" for one in found]


def test_every_page_of_a_thing_is_reached_from_a_list() -> None:
    """Pages whose address names a thing stay out of the navigation, and a page of things leads to them."""
    of_things = [page for page in PAGES if "{" in page.path]
    assert [page.path for page in of_things if page.group] == []
    assert {page.path.partition("/{")[0] for page in of_things} <= {page.path for page in PAGES}
