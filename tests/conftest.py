"""The local city that scenarios and attacks share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cities import City, running_city
from tests.stores import new_postgresql_database, store, store_url

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # or a program that a test starts may die before it is one
RESIDENTS = 100_000
POLICY_SECONDS_MAX = 60
__all__ = ["city", "new_postgresql_database", "store", "store_url"]


@pytest.fixture(scope="session", autouse=True)
def users_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the command line remembers of its user out of the home of who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("user")))
        yield


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Let every gateway wait for its policy however slow the machine is; a test of that deadline sets its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARING_POLICY__SECONDS_MAX", str(POLICY_SECONDS_MAX))
        yield


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city that every test may query and none may break."""
    with running_city(tmp_path_factory.mktemp("city"), residents=RESIDENTS) as running:
        yield running
