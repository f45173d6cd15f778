"""Logs with one key and unique ids, and what stands in them."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import Entry, Verification, VerificationKey, decode_entry, list_segments, read_leaves, verify
from gateway.audit import AuditLog

_SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_NAME = "sharing.example/audit"


def open_log(directory: Path, **changes: Any) -> AuditLog:
    """Open the log in a directory; `changes` are arguments of `AuditLog.open`."""
    options: dict[str, Any] = {
        "signing_key": _SIGNING_KEY,
        "key_name": _NAME,
        "clock_micros": lambda: time.time_ns() // 1000,
        "new_entry_id": lambda: uuid.uuid4().hex,
        "publish_seconds": 0.001,
    }
    return AuditLog.open(directory, **{**options, **changes})


def entries(directory: Path) -> list[Entry]:
    """Return all durable entries."""
    return [decode_entry(leaf) for segment in list_segments(directory) for leaf in read_leaves(segment)]


def verified(directory: Path) -> Verification:
    """Verify the log with nothing but its public key."""
    return verify(directory, public_key=VerificationKey(name=_NAME, key=_SIGNING_KEY.public_key()))
