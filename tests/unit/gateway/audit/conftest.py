"""A log with fixed time and ids, and a finished one to damage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.checkpoint import VerificationKey
from gateway.audit.log import AuditLog
from gateway.model.audit import EntryKind

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
        }
        return AuditLog.open(where, **{**options, **changes})

    return open_


@pytest.fixture
def finished(directory: Path, open_log: OpenLog) -> Path:
    """A closed log of 12 entries in segments of 1, 2–4, 5–8 and 9–12."""
    with open_log(segment_bytes_max=1) as log:
        log.append_many([(EntryKind.DENIAL, {"note": f"first {i}"}) for i in range(3)])
        log.append_many([(EntryKind.DENIAL, {"note": f"second {i}"}) for i in range(4)])
        log.append_many([(EntryKind.DENIAL, {"note": f"third {i}"}) for i in range(4)])
    return directory
