"""A registry on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.catalog.registry.registering import Clock, Office, opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def office(store_url: str, clock: Clock) -> Iterator[Office]:
    with opened(store_url, clock) as (made, _):
        yield made
