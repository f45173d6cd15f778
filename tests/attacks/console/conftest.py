"""A console before a gateway that cannot read anything: enough to sign in, and to be denied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.client import Profile
from gateway.doors.console.app import Console
from gateway.doors.console.settings import ConsoleSettings
from tests.fakes.oidc_provider import Provider
from tests.lone_gateway import lone_gateway


class Clock:
    """Time that a test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture(scope="session")
def lone_profiles(request: pytest.FixtureRequest) -> Path:
    """Profiles of a gateway that may be without any data."""
    running = os.environ.get("RUNNING_CITY")
    if running:
        return Path(running) / "profiles"
    found: Path = request.getfixturevalue("city_profiles")
    return found


@pytest.fixture(scope="session")
def city_profiles(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Path]:
    """Profiles of a gateway that also accepts the city's sign-in."""
    root = tmp_path_factory.mktemp("lone")
    jwks = root / "city-jwks.json"
    jwks.write_text(provider.jwks(), "utf-8")
    issuer = (
        f'\n[[issuers]]\nissuer = "{provider.issuer}"\naudience = "sharing-gateway"\n'
        f'jwks = "{jwks}"\nalgorithms = ["ES256"]\n'
    )
    with lone_gateway(root, settings=lambda text: text.replace("\n[connectors]", f"{issuer}\n[connectors]")) as (
        city,
        _,
    ):
        yield city.local.profiles


MakeConsole = Callable[..., Console]


@pytest.fixture
def make_console(lone_profiles: Path, tmp_path: Path) -> Iterator[MakeConsole]:
    """Return a function that makes a console; every session is closed at the end."""
    made: list[Console] = []

    def make(*, clock: Callable[[], float] | None = None, **settings: object) -> Console:
        gateway = Profile.load(lone_profiles / "auditor.json").endpoint
        values = {"listen": "127.0.0.1:8816", "gateway": gateway, "directory": tmp_path / "console"} | settings
        console = Console(ConsoleSettings(**values), **({"clock": clock} if clock else {}))
        made.append(console)
        return console

    yield make
    for one in made:
        one.sessions.close_all()
