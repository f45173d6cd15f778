"""A real pool of engine processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.execute import EnginePool


@pytest.fixture(scope="module")
def engines() -> Iterator[EnginePool]:
    pool = EnginePool()
    yield pool
    pool.close()
