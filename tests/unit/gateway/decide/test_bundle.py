"""Policies and data as one value."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from gateway.decide import PolicyBundle, load_bundle
from gateway.decide.bundle import LABEL_MODULE
from tests.opa_binary import REPOSITORY


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
    assert len(bundle.revision) == 64


def test_a_directory_without_policies_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    """An empty directory is a mistake, not a policy."""
    with pytest.raises(ValueError, match="no policies"):
        load_bundle(tmp_path, catalogue=catalogue)


def test_policies_cannot_bring_the_module_that_labels_answers(catalogue: Catalogue, tmp_path: Path) -> None:
    """The revision beside an answer is written by the gateway alone."""
    module = tmp_path / LABEL_MODULE
    module.parent.mkdir(parents=True)
    module.write_text("package sharing.answer\n")
    with pytest.raises(ValueError, match="made when they are served"):
        load_bundle(tmp_path, catalogue=catalogue)


def test_the_label_names_the_revision_and_is_no_part_of_it(bundle: PolicyBundle) -> None:
    """What OPA serves is the bundle and one module with the bundle's revision."""
    served = dict(bundle.served_modules)
    assert f'"revision": "{bundle.revision}"' in served.pop(LABEL_MODULE)
    assert served == bundle.modules
