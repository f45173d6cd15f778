from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gateway.decide import EmbeddedPdp, load_bundle
from gateway.parse import EngineParser
from tests.attacks.statistics.office import CATALOGUE, Database, Office


@pytest.fixture(scope="session")
def office_of() -> Iterator[Callable[[Database], Office]]:
    """Make offices with the real policy, each with a ledger of its own."""
    pdp, engine_parser = EmbeddedPdp(load_bundle(catalogue=CATALOGUE)), EngineParser()
    yield lambda database: Office(database=database, engine_parser=engine_parser, pdp=pdp)
    pdp.close()
    engine_parser.close()
