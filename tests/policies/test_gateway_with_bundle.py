"""A whole gateway that takes its policies from a signed bundle."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.sdk.access_log import EntryIndex
from gateway.audit import SearchFilters, search
from gateway.decide import PolicyArchive, PolicyBundle, SignedBundle, encode_bundle
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import EntryKind
from gateway.settings import Settings
from gateway.wiring import Gateway, make_gateway

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    """A deployment that is configured for a bundle."""
    LocalCity(
        data=tmp_path,
        residents=1_000,
        policy=PolicyEngine.EMBEDDED,
        port=0,
        stop=threading.Event(),
        say=lambda zh, en: None,
    ).write_deployment()
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "policy-key.pem").write_bytes(public)
    settings = (tmp_path / "gateway.toml").read_text("utf-8")
    addition = '[policy]\nbundle = "bundle.tar.gz"\nbundle_key = "policy-key.pem"\n'
    (tmp_path / "gateway.toml").write_text(settings.replace("[policy]\n", addition), "utf-8")
    return tmp_path


def put(deployment: Path, bundle: PolicyBundle, *, sequence: int) -> None:
    content = encode_bundle(SignedBundle(bundle=bundle, sequence=sequence, built_at=""), key=KEY)
    (deployment / "bundle.new").write_bytes(content)
    os.replace(deployment / "bundle.new", deployment / "bundle.tar.gz")


def started(deployment: Path) -> Gateway:
    return make_gateway(Settings.load(deployment / "gateway.toml"))


def test_a_gateway_follows_its_bundle_and_never_goes_back(deployment: Path, bundle: PolicyBundle) -> None:
    """It starts with the bundle, changes while it runs, and after a restart an older bundle keeps it from starting."""
    changed = replace(bundle, modules={name: f"{source}\n# changed\n" for name, source in bundle.modules.items()})
    put(deployment, bundle, sequence=1)
    gateway = started(deployment)
    try:
        assert gateway.path.pdp.revision == bundle.revision
        put(deployment, changed, sequence=2)
        deadline = time.monotonic() + 120
        while gateway.path.pdp.revision != changed.revision:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        gateway.stop()
    put(deployment, bundle, sequence=1)
    with pytest.raises(Unavailable) as caught:
        started(deployment)
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE
    with closing(EntryIndex(deployment / "audit")) as index:
        bodies = [entry.body for entry in search(index, filters=SearchFilters(kind=EntryKind.POLICY_CHANGE))]
    assert [(body["action"], body["sequence"], body["revision"], body["reason"]) for body in bodies] == [
        ("activated", 1, bundle.revision, None),
        ("activated", 2, changed.revision, None),
        ("refused", 1, bundle.revision, "OLDER"),
    ]
    archive = PolicyArchive(deployment / "policy-archive")
    assert [archive.load(revision) for revision in (bundle.revision, changed.revision)] == [bundle, changed]


def test_directory_and_bundle_exclude_each_other(deployment: Path, bundle: PolicyBundle) -> None:
    """Nobody can think that a directory decides while a bundle does."""
    put(deployment, bundle, sequence=1)
    settings = Settings.load(deployment / "gateway.toml").model_copy(update={"policies": deployment})
    with pytest.raises(ValueError, match=r"policies or policy\.bundle"):
        make_gateway(settings)
