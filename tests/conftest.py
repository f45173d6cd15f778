"""The local city that scenarios and attacks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cities import City, running_city
from tests.stores import new_postgresql_database, store, store_url

RESIDENTS = 100_000
__all__ = ["city", "new_postgresql_database", "store", "store_url"]


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city that every test may query and none may break."""
    with running_city(tmp_path_factory.mktemp("city"), residents=RESIDENTS) as running:
        yield running
