"""A console before the shared city, and a browser that opens it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from gateway.client import Profile
from gateway.doors.cli.local_city import free_port
from gateway.doors.console.serve import make_server
from gateway.doors.console.settings import ConsoleSettings
from tests.cities import City

expect.set_options(timeout=30_000)  # as long as every other wait: machines are busy
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The shell is the same engine without windows, and takes a third less of the processor."""
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb")


@dataclass(frozen=True)
class ServedConsole:
    """A console that answers at `url`, and the profiles of its city."""

    url: str
    profiles: Path


@pytest.fixture(scope="session")
def profiles(request: pytest.FixtureRequest) -> Path:
    running = os.environ.get("RUNNING_CITY")
    if running:
        return Path(running) / "profiles"
    city: City = request.getfixturevalue("city")
    return city.local.profiles


@pytest.fixture(scope="session")
def console(profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    gateway = Profile.load(profiles / "auditor.json").endpoint
    settings = ConsoleSettings(
        listen=f"127.0.0.1:{free_port()}", gateway=gateway, directory=tmp_path_factory.mktemp("console")
    )
    with served(settings) as url:
        yield ServedConsole(url=url, profiles=profiles)


class served:
    """Serves a console in a thread."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._server = make_server(settings)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.05)
            assert self._thread.is_alive(), "the console did not start"
        return self._settings.origin

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium; without one the browser tests are skipped, or fail when REQUIRE_CHROMIUM is set."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not found and not os.environ.get("REQUIRE_CHROMIUM"):
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM))
        yield browser
        browser.close()


def until(page: Page, fact: Callable[[], bool]) -> None:
    """Wait for what is no part of the page, and let the page go on meanwhile."""
    for _ in range(600):
        if fact():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


SignIn = Callable[..., Page]
_ABORTED = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx says when a newer request takes the place of one that is under way."""


def _is_failure(said: ConsoleMessage) -> bool:
    return said.type == "error" and not said.text.startswith(_ABORTED)


@pytest.fixture
def signed_in(console: ServedConsole, chromium: Browser) -> Iterator[SignIn]:
    """Return a function that opens the console as the holder of a profile: `signed_in("auditor", path="/overview")`."""
    contexts: list[BrowserContext] = []

    def open_console(
        who: str, *, path: str = "/overview", language: str = "zh", console: ServedConsole = console
    ) -> Page:
        context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
        contexts.append(context)
        context.add_cookies([{"name": "language", "value": language, "url": console.url}])
        page = context.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if _is_failure(said) else None)
        page.failures = failures  # type: ignore[attr-defined]
        page_path = path.partition("?")[0]
        page.goto(f"{console.url}/login?next={quote(page_path)}")
        page.set_input_files("#profile", console.profiles / f"{who}.json")
        page.click("#profile-form button")
        page.wait_for_url(console.url + page_path)
        page.wait_for_selector("main h1")
        if path != page_path:
            page.goto(console.url + path)
            page.wait_for_selector("main h1")
        return page

    yield open_console
    for context in contexts:
        for page in context.pages:
            assert page.failures == [], "the page reported errors"  # type: ignore[attr-defined]
        context.close()
