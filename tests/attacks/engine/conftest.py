"""A real pool of engine processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.execute import EnginePool


@pytest.fixture(scope="module")
def engines() -> Iterator[EnginePool]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHARING_CANARY", "a password of the gateway's")
        pool = EnginePool()
        yield pool
        pool.close()
