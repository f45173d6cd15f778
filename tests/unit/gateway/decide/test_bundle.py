"""Policies and data as one value."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from gateway.decide import OpaServerPdp, PolicyBundle, load_bundle, write_bundle
from tests.opa_binary import REPOSITORY, running_opa
from tests.unit.gateway.decide.conftest import CLERK, CONTEXT, Decide


def test_the_packaged_policies_are_those_of_the_repository(catalogue: Catalogue, bundle: PolicyBundle) -> None:
    """Read as package data or from a directory, the bundle is the same; tests are no part of it."""
    assert load_bundle(REPOSITORY / "policies", catalogue=catalogue) == bundle
    assert "sharing/access/access.rego" in bundle.modules
    assert not [name for name in bundle.modules if name.endswith("_test.rego")]
    assert set(bundle.data) == {"catalog", "messages"}


def test_the_revision_changes_with_every_part(bundle: PolicyBundle) -> None:
    """A changed rule, name, text or purpose is another revision; the same content is the same."""
    changed = [
        replace(bundle, modules={**bundle.modules, "x.rego": "package x"}),
        replace(bundle, modules={name: source + "\n" for name, source in bundle.modules.items()}),
        replace(bundle, data={**bundle.data, "messages": {}}),
        replace(bundle, data={**bundle.data, "catalog": {**bundle.data["catalog"], "purposes": {}}}),
    ]
    assert len({bundle.revision, *(other.revision for other in changed)}) == 5
    again = PolicyBundle(modules=dict(reversed(bundle.modules.items())), data=json.loads(bundle.data_json()))
    assert again.revision == bundle.revision
    assert len(bundle.revision) == 16


def test_a_directory_without_policies_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    """An empty directory is a mistake, not a policy."""
    with pytest.raises(ValueError, match="no policies"):
        load_bundle(tmp_path, catalogue=catalogue)


def test_the_written_bundle_is_reproducible(bundle: PolicyBundle, tmp_path: Path) -> None:
    """The same revision is the same file, with the revision in its manifest."""
    first, second = tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"
    write_bundle(bundle, first)
    write_bundle(bundle, second)
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        manifest = archive.extractfile("/.manifest")
        assert manifest is not None
        assert json.load(manifest)["revision"] == bundle.revision


@pytest.mark.opa
def test_an_opa_server_takes_the_written_bundle(bundle: PolicyBundle, decided: Decide, tmp_path: Path) -> None:
    """A server started with the bundle holds the expected revision and decides."""
    write_bundle(bundle, tmp_path / "bundle.tar.gz")
    with running_opa("--bundle", str(tmp_path / "bundle.tar.gz")) as url:
        pdp = OpaServerPdp(url, bundle=bundle)
        assert decided(pdp=pdp, requester=CLERK, context=CONTEXT).allow
        pdp.close()
