"""A log with fixed time and ids, and a finished one to damage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import VerificationKey
from gateway.audit.log import AuditLog

KEY_NAME = "sharing.example/audit"
START_MICROS = 1_700_000_000_000_000

OpenLog = Callable[..., AuditLog]


@pytest.fixture
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def public_key(signing_key: Ed25519PrivateKey) -> VerificationKey:
    return VerificationKey(name=KEY_NAME, key=signing_key.public_key())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def open_log(directory: Path, signing_key: Ed25519PrivateKey) -> OpenLog:
    """Opens the log; every entry is one second after the one before, ids are `entry-1`, `entry-2`, …."""
    seconds, ids = itertools.count(), itertools.count(1)

    def open_(where: Path = directory, **changes: Any) -> AuditLog:
        options: dict[str, Any] = {
            "signing_key": signing_key,
            "key_name": KEY_NAME,
            "clock_micros": lambda: START_MICROS + next(seconds) * 1_000_000,
            "new_entry_id": lambda: f"entry-{next(ids)}",
            "publish_seconds": 0.001,
        }
        return AuditLog.open(where, **{**options, **changes})

    return open_
