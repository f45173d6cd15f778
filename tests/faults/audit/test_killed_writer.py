from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.audit.chain import read_entry
from gateway.audit.checkpoint import VerificationKey
from gateway.audit.log import AuditLog
from gateway.audit.problems import ProblemKind
from gateway.audit.segments import list_segments, read_lines
from gateway.audit.verify import verify
from gateway.model.audit import AuditEntry, EntryKind

CYCLES = 200 if os.environ.get("SOAK") == "1" else 20
WRITER = Path(__file__).with_name("writer_process.py")


def entries(directory: Path) -> list[AuditEntry]:
    lines = (line for segment in list_segments(directory) for line in read_lines(segment.path))
    return [read_entry(line) for line in lines if line.endswith(b"\n")]


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(WRITER), str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill_one(process: subprocess.Popen[str], *, after: int) -> list[str]:
    """Start a writer, kill it when it has acknowledged `after` entries, and return the ids of all it acknowledged."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("start\n")
    process.stdin.flush()
    acknowledged: list[str] = []
    pid = 0
    killed = False
    for line in process.stdout:
        word, *rest = line.split()
        if word == "gone":
            return acknowledged
        if word == "pid":
            pid = int(rest[0])
        else:
            acknowledged.append(rest[0])
        if pid and not killed and len(acknowledged) >= after:
            os.kill(pid, signal.SIGKILL)
            killed = True
    raise AssertionError("the process that starts writers ended")


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost(
    tmp_path: Path,
    writers: subprocess.Popen[str],
    open_log: Callable[..., AuditLog],
    public_key: VerificationKey,
) -> None:
    """A writer killed at any moment under load loses no acknowledged entry, and its successor opens the log."""
    directory = tmp_path / "log"
    chance = random.Random(7)
    acknowledged: list[str] = []
    for cycle in range(CYCLES):
        after = 0 if cycle % 5 == 4 else chance.randint(1, 150)
        acknowledged += kill_one(writers, after=after)
        if acknowledged:
            kinds = {problem.kind for problem in verify(directory, public_key=public_key).problems}
            assert kinds <= {ProblemKind.UNSIGNED}
            assert set(acknowledged) <= {entry.entry_id for entry in entries(directory)}, cycle
    assert len(acknowledged) > CYCLES
    with open_log(directory):
        pass
    assert verify(directory, public_key=public_key).intact
    found = entries(directory)
    intents = [entry.entry_id for entry in found if entry.kind is EntryKind.INTENT]
    closed = [entry.body["intent"] for entry in found if entry.kind is EntryKind.RECEIPT]
    assert set(acknowledged) <= set(intents)
    assert sorted(intents) == sorted(closed), "every intent has exactly one outcome"
