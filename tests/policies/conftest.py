"""The real catalogue and policies, in both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from gateway.decide import EmbeddedPdp, PolicyBundle, load_bundle
from gateway.decide.opa_server import OpaServerPdp, provision
from tests.opa_binary import running_opa


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def bundle(catalogue: Catalogue) -> PolicyBundle:
    return load_bundle(catalogue=catalogue)


@pytest.fixture(scope="session")
def embedded(bundle: PolicyBundle) -> Iterator[EmbeddedPdp]:
    pdp = EmbeddedPdp(bundle)
    yield pdp
    pdp.close()


@pytest.fixture(scope="session")
def opa(bundle: PolicyBundle) -> Iterator[OpaServerPdp]:
    with running_opa() as url:
        provision(url, bundle=bundle)
        pdp = OpaServerPdp(url, bundle=bundle)
        yield pdp
        pdp.close()
