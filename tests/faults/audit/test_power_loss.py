"""Loss of power after any file operation: in every state that the disk may be in, the log opens with all that was acknowledged."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sdk.tlog.hash_store import HASHES
from gateway.audit import AuditLog
from gateway.errors import Unavailable
from gateway.model.audit import EntryKind
from tests.faults.audit.logs import entries, open_log, verified
from tests.faults.audit.volatile_files import Image, VolatileFiles, hashes_states

SOAK = os.environ.get("SOAK") == "1"
APPENDS = 60 if SOAK else 10
SEGMENT_BYTES = 3_000
pytestmark = pytest.mark.timeout(3600 if SOAK else 300)


def session(directory: Path, *, appends: int = APPENDS, lying: bool = False) -> VolatileFiles:
    """Open, append commits of one entry and of two, with changes of segment, close."""
    files = VolatileFiles(directory, lying=lying)
    with open_log(directory, files=files, segment_bytes_max=SEGMENT_BYTES) as log:
        for _ in range(appends):
            files.acknowledged += append(log, first=files.acknowledged)
    assert {moment.acknowledged for moment in files.moments} >= {0, 1, files.acknowledged}
    return files


def append(log: AuditLog, *, first: int) -> int:
    count = 1 + first % 2
    log.append_many([(EntryKind.DENIAL, {"number": first + n, "padding": "x" * 400}) for n in range(count)])
    return count


def crash_states(files: VolatileFiles) -> Iterator[tuple[Image, int]]:
    """Yield every different state once, with how many entries were acknowledged by then at most."""
    found: dict[tuple[tuple[str, bytes], ...], tuple[Image, int]] = {}
    for moment in files.moments:
        stored = itertools.cycle(hashes_states(moment.hashes))
        for image in moment.images():
            key = tuple(sorted((name, content) for name, content in image.items() if not name.endswith(".new")))
            hashes = next(stored)
            found[key] = (image if hashes is None else image | {HASHES: hashes}, moment.acknowledged)
    return iter(found.values())


def numbers_after(image: Image, *, directory: Path) -> list[int]:
    """Open what the disk holds, append, and return the numbers of the session's entries that are there."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, content in image.items():
        (directory / name).write_bytes(content)
    with open_log(directory) as log:
        log.append(EntryKind.DENIAL, {})
    assert verified(directory).intact
    return [entry.body["number"] for entry in entries(directory) if "number" in entry.body]


def survived(image: Image, *, acknowledged: int, directory: Path) -> bool:
    """Tell whether the log opens with all that was acknowledged, in order, and with nothing that was never written."""
    try:
        numbers = numbers_after(image, directory=directory)
    except Unavailable:
        return False
    return numbers == list(range(max(acknowledged, len(numbers))))


def test_acknowledged_entries_survive(tmp_path: Path) -> None:
    """Torn, reordered, lost after the last fsync: in no state of the disk is an acknowledged entry missing."""
    states = list(crash_states(session(tmp_path / "log")))
    assert len(states) > 300
    for image, acknowledged in states:
        assert survived(image, acknowledged=acknowledged, directory=tmp_path / "crashed")


def test_twin_a_disk_that_lies_about_syncing_loses_entries(tmp_path: Path) -> None:
    """Without the fsync that an acknowledgement stands for, there are states in which acknowledged entries are missing."""
    states = crash_states(session(tmp_path / "log", appends=2, lying=True))
    directory = tmp_path / "crashed"
    assert not all(survived(image, acknowledged=acknowledged, directory=directory) for image, acknowledged in states)


def test_recovery_survives(tmp_path: Path) -> None:
    """Recovering a torn log may itself be cut short at any moment and loses nothing of what was there before."""
    directory = tmp_path / "log"
    with open_log(directory) as log:
        log.append(EntryKind.INTENT, {"before": True})
    with max(directory.glob("segment-*.log")).open("ab") as file:
        file.write(b"\x00\x00\x01\x00\x01half")
    for image, acknowledged in crash_states(session(directory, appends=2)):
        assert survived(image, acknowledged=acknowledged, directory=tmp_path / "crashed")
        assert entries(tmp_path / "crashed")[1].body == {"before": True}
