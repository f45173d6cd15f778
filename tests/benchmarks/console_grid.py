"""A million rows in the console's grid: when the first are shown, how it scrolls, and what browser and console hold of them."""

from __future__ import annotations

import datetime
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from gateway.client import Profile, connect
from gateway.doors.cli.local_city import free_port
from gateway.doors.cli.processes import Children
from tests.benchmarks.deployment import PURPOSE
from tests.benchmarks.measure import Latency, Line, Setting
from tests.benchmarks.processes import Memory, watched_memory
from tests.clients.served import ENTERPRISES, Served, serving

_CHROMIUM = ("--no-sandbox", "--disable-gpu", "--enable-precise-memory-info")
_SQL = f"SELECT credit_code, name, industry, status, division_code, address, phone FROM {ENTERPRISES}"
_FIRST_ROWS_SECONDS_MAX = 2.0
_HEAP_MB_MAX = 50
_GROWTH_MB_MAX = 64
_WHEEL_TURNS = 200
_JUMPS = 60
_FRAMES = """() => {
  window.frames_ms = [];
  let before = performance.now();
  const frame = (now) => { window.frames_ms.push(now - before); before = now; window.frame_asked = requestAnimationFrame(frame); };
  window.frame_asked = requestAnimationFrame(frame);
  performance.setResourceTimingBufferSize(5000);
}"""
_ASK = """async (form) => {
  const { provenFetch } = await import("/static/proof.js");
  await provenFetch("/-/results", { method: "POST", body: new URLSearchParams(form) });
}"""
_FETCHES = (
    "() => performance.getEntriesByType('resource').filter((e) => e.name.includes('/rows?')).map((e) => e.duration)"
)


def run(setting: Setting) -> list[Line]:
    """Measure."""
    copies = setting.size(10, quick=1)
    with (
        serving(setting.folder, copies=copies) as served,
        _console(setting.folder, served) as (url, pid),
        sync_playwright() as playwright,
    ):
        plain = _plain_first_rows(served)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_CHROMIUM))
        with watched_memory(pid) as memory:
            measured = _story(browser, url, served)
        browser.close()
    return _lines(measured, memory, rows=served.rows, plain=plain, quick=setting.quick)


def _story(browser: Browser, url: str, served: Served) -> dict[str, Any]:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(120_000)
    _sign_in(page, url, served)
    started = time.perf_counter()
    page.evaluate(_ASK, {"sql": _SQL, "purpose": PURPOSE, "title": "benchmark", "case": ""})
    page.wait_for_selector("#grid-row-0:not(.waiting) [role=gridcell]")
    measured: dict[str, Any] = {"first": time.perf_counter() - started}
    page.wait_for_selector("#result-state[data-state=complete]")
    measured["all"] = time.perf_counter() - started
    page.wait_for_selector(".charts figure")
    page.evaluate(_FRAMES)
    page.locator(".grid").hover()
    for _ in range(_WHEEL_TURNS):
        page.mouse.wheel(0, 400)
    measured["frames"] = page.evaluate("() => window.frames_ms")
    page.evaluate("() => cancelAnimationFrame(window.frame_asked)")
    measured["jumps"] = [_jump(page, int(row)) for row in np.random.default_rng(1).integers(1, served.rows, _JUMPS)]
    measured["fetches"] = page.evaluate(_FETCHES)
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    measured["heap"] = page.evaluate("() => performance.memory.usedJSHeapSize")
    measured["cells"] = page.locator("[role=gridcell]").count()
    return measured


def _jump(page: Page, row: int) -> float:
    """Go to a row and return the seconds until its values are there."""
    page.fill("#grid-row", str(row))
    started = time.perf_counter()
    page.press("#grid-row", "Enter")
    page.wait_for_selector(f"#grid-row-{row - 1}:not(.waiting)")
    return time.perf_counter() - started


def _sign_in(page: Page, url: str, served: Served) -> None:
    profile = Profile(
        endpoint=served.deployment.endpoint,
        token=served.deployment.token,
        expires_at=(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat(),
        office="benchmark",
    )
    content = profile.model_dump_json().encode()
    page.goto(f"{url}/login")
    page.set_input_files("#profile", {"name": "profile.json", "mimeType": "application/json", "buffer": content})
    page.click("#profile-form button")
    page.wait_for_url(f"{url}/overview")


@contextmanager
def _console(folder: Path, served: Served) -> Iterator[tuple[str, int]]:
    """Run a console before the gateway; yield its address and process id."""
    folder.mkdir(exist_ok=True)
    settings = folder / "console.toml"
    port = free_port()
    settings.write_text(
        f'listen = "127.0.0.1:{port}"\ngateway = "{served.deployment.endpoint}"\ndirectory = "{folder / "console"}"\n'
    )
    children = Children(logs=folder / "console-logs", stop=threading.Event())
    try:
        process = children.start("console", [sys.executable, "-m", "gateway.doors.console", str(settings)])
        children.wait_for("console", "READY", seconds_max=60)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        children.stop()


def _plain_first_rows(served: Served) -> float:
    """Return the seconds until the Python client has the first batch of the same query."""
    profile = Profile(
        endpoint=served.deployment.endpoint, token=served.deployment.token, expires_at="2100-01-01", office="benchmark"
    )
    with connect(profile) as connection:
        started = time.perf_counter()
        with connection.query(_SQL, purpose=PURPOSE) as result:
            next(result.batches())
            return time.perf_counter() - started


def _lines(measured: dict[str, Any], memory: Memory, *, rows: int, plain: float, quick: bool) -> list[Line]:
    frames, fetches = (
        Latency.of([ms / 1000 for ms in measured["frames"]]),
        Latency.of([ms / 1000 for ms in measured["fetches"]]),
    )
    jumps = Latency.of(measured["jumps"])
    heap, growth, peak = measured["heap"] / 1e6, memory.growth_bytes / 1e6, memory.peak_bytes / 1e6

    def reached(fits: bool) -> bool | None:
        return None if quick else fits

    return [
        Line(
            what=f"first of {rows:,} rows shown after 'run'",
            measured=f"{measured['first']:.2f} s (all after {measured['all']:.1f} s)",
            baseline=f"the Python client's first batch: {plain:.2f} s",
            ratio=measured["first"] / plain,
            bar="< 2 s",
            reached=reached(measured["first"] < _FIRST_ROWS_SECONDS_MAX),
            numbers={"first_seconds": measured["first"], "all_seconds": measured["all"], "baseline_seconds": plain},
        ),
        Line(
            what=f"{_WHEEL_TURNS} turns of the wheel, then {_JUMPS} jumps to any row",
            measured=f"frames {frames}; pages {fetches}; jumps {jumps}",
            baseline="a frame of 60 a second: 16.67 ms",
            ratio=frames.p50_ms / (1000 / 60),
            numbers={
                "frame_p50_ms": frames.p50_ms,
                "frame_p99_ms": frames.p99_ms,
                "page_p50_ms": fetches.p50_ms,
                "page_p99_ms": fetches.p99_ms,
                "jump_p50_ms": jumps.p50_ms,
                "jump_p99_ms": jumps.p99_ms,
            },
        ),
        Line(
            what="memory afterwards",
            measured=f"browser {heap:.0f} MB of JavaScript, {measured['cells']} cells; console {peak:.0f} MB at most",
            baseline=f"growth of the console over the second half: {growth:.0f} MB",
            ratio=None,
            bar=f"≤ {_HEAP_MB_MAX} MB of JavaScript, growth ≤ {_GROWTH_MB_MAX} MB",
            reached=reached(heap <= _HEAP_MB_MAX and growth <= _GROWTH_MB_MAX),
            numbers={"heap_mb": heap, "console_peak_mb": peak, "console_growth_mb": growth},
        ),
    ]
