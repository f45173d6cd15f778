"""A log with fixed time and ids, and a finished one to damage."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import Entry, LogWriter, VerificationKey, decode_entry, list_segments, read_leaves

NAME = "sharing.example/audit"
START_MICROS = 1_700_000_000_000_000

OpenLog = Callable[..., LogWriter]


def entries(directory: Path) -> list[Entry]:
    """Return all entries."""
    return [decode_entry(leaf) for segment in list_segments(directory) for leaf in read_leaves(segment)]


@pytest.fixture
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def public_key(signing_key: Ed25519PrivateKey) -> VerificationKey:
    return VerificationKey(name=NAME, key=signing_key.public_key())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def open_log(directory: Path, signing_key: Ed25519PrivateKey) -> OpenLog:
    """Opens the log; every entry is one second after the one before, ids are `entry-1`, `entry-2`, …."""
    seconds, ids = itertools.count(), itertools.count(1)

    def open_(where: Path = directory, **changes: Any) -> LogWriter:
        options: dict[str, Any] = {
            "signing_key": signing_key,
            "name": NAME,
            "clock_micros": lambda: START_MICROS + next(seconds) * 1_000_000,
            "new_entry_id": lambda: f"entry-{next(ids)}",
            "publish_seconds": 0.001,
        }
        return LogWriter.open(where, **{**options, **changes})

    return open_


@pytest.fixture
def finished(directory: Path, open_log: OpenLog) -> Path:
    """A closed log of 12 entries in segments of 1, 2–4, 5–8 and 9–12; the last one holds two commits, of 3 and 1."""
    with open_log(segment_bytes_max=1) as log:
        for count in (1, 3, 4, 3):
            log.append_many([("denial", {"note": f"{count} {i}"}) for i in range(count)])
    with open_log() as log:
        log.append("denial", {"note": "last"})
    return directory
