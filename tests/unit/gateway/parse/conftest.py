from __future__ import annotations

import pytest

from gateway.parse import EngineParser


@pytest.fixture(scope="session")
def engine_parser():
    made = EngineParser()
    yield made
    made.close()
