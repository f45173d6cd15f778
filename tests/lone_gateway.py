"""A gateway that cannot read anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from gateway.doors.cli.app import make_app
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.settings import Settings
from gateway.wiring import Gateway, make_gateway
from tests.cities import City

LEASE_SECONDS = 3_600
"""Longer than any module takes: connectors in tests send a heartbeat only where a test is about it."""


@contextmanager
def lone_gateway(
    root: Path,
    *,
    clock_seconds: Callable[[], float] = time.time,
    settings: Callable[[str], str] = lambda text: text,
) -> Iterator[tuple[City, Gateway]]:
    """Run a city's gateway in this process without a single department, so that nothing can be read.

    `settings` may change its settings file.
    """
    local = LocalCity(
        data=root,
        residents=1_000,
        policy=PolicyEngine.EMBEDDED,
        port=0,
        stop=threading.Event(),
        say=lambda zh, en: None,
        clock_seconds=clock_seconds,
    )
    local.write_deployment()
    file = root / "gateway.toml"
    text = file.read_text("utf-8").replace("[connectors]\n", f"[connectors]\nlease_seconds = {LEASE_SECONDS}\n")
    file.write_text(settings(text), "utf-8")
    gateway = make_gateway(Settings.load(file), clock_seconds=clock_seconds)
    gateway.start()
    try:
        yield City(local), gateway
    finally:
        gateway.stop()


def command_line(city: City, *arguments: str, who: str) -> Result:
    """Run the command line in this process, 160 columns wide."""
    profile = str(city.local.profiles / f"{who}.json")
    return CliRunner(env={"COLUMNS": "160"}).invoke(make_app(), [*arguments, "--profile", profile])
