from __future__ import annotations

import pytest

from catalog.load import load_catalogue
from gateway.parse import EngineParser


@pytest.fixture(scope="session")
def engine_parser():
    made = EngineParser()
    yield made
    made.close()


@pytest.fixture(scope="session")
def catalogue():
    return load_catalogue()
