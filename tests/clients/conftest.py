"""The gateway that all clients ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.served import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway with more than a million rows for one office."""
    with serving(tmp_path_factory.mktemp("clients")) as running:
        yield running
