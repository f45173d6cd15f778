"""Writers killed at every system call, and at any moment under load: what they acknowledged is in the log."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.model.audit import EntryKind
from tests.faults.audit.logs import entries, open_log, verified

SOAK = os.environ.get("SOAK") == "1"
CYCLES = 200 if SOAK else 20
APPENDS = 12 if SOAK else 4
SEGMENT_BYTES = 1_500
CALLS = "openat,mkdir,flock,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,close,unlink"
pytestmark = pytest.mark.timeout(3600 if SOAK else 600)


class Writers:
    """Starts one writer after the other, all of the same log."""

    def __init__(self, directory: Path, *, process: subprocess.Popen[str]) -> None:
        self.directory = directory
        self._process = process

    def start(self, *, appends: int) -> int:
        """Return the process id of a new writer, which waits for SIGCONT."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{appends} {SEGMENT_BYTES if appends else 50_000}\n")
        self._process.stdin.flush()
        return int(self._line()[1])

    def acknowledged(self, pid: int, *, kill_after: int | None = None) -> list[str]:
        """Let the writer go on and return the ids it has acknowledged when it is dead; kill it after so many."""
        os.kill(pid, signal.SIGCONT)
        ids: list[str] = []
        if kill_after == 0:
            os.kill(pid, signal.SIGKILL)
        while (line := self._line())[0] != "gone":
            ids.append(line[1])
            if len(ids) == kill_after:
                os.kill(pid, signal.SIGKILL)
        return ids

    def _line(self) -> list[str]:
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        assert words, "the process that starts writers ended"
        return words


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    command = [sys.executable, "-m", "tests.faults.audit.writer_process", str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Writers(tmp_path / "log", process=process)
        assert process.stdin is not None
        process.stdin.close()


def assert_complete(directory: Path, *, acknowledged: list[str]) -> None:
    """Open the log, and fail unless it is intact, holds what was acknowledged, and every intent has one outcome."""
    with open_log(directory):
        pass
    assert verified(directory).intact
    found = entries(directory)
    intents = [entry.entry_id for entry in found if entry.kind == EntryKind.INTENT]
    closed = [entry.body["intent"] for entry in found if entry.kind == EntryKind.RECEIPT]
    assert set(acknowledged) <= set(intents)
    assert sorted(intents) == sorted(closed)


def test_killed_under_load(writers: Writers) -> None:
    """A writer killed at any moment under load loses no acknowledged entry, and its successor opens the log."""
    chance = random.Random(7)
    acknowledged: list[str] = []
    for cycle in range(CYCLES):
        after = 0 if cycle % 5 == 4 else chance.randint(1, 150)
        acknowledged += writers.acknowledged(writers.start(appends=0), kill_after=after)
        if acknowledged:
            assert verified(writers.directory).intact
            assert set(acknowledged) <= {entry.entry_id for entry in entries(writers.directory)}
    assert len(acknowledged) > CYCLES
    assert_complete(writers.directory, acknowledged=acknowledged)


@contextmanager
def traced(pid: int, directory: Path, *, output: Path, inject: str = "") -> Iterator[None]:
    """Trace the calls of a process on the log's files; skip the test where that is not permitted."""
    segments = [directory / f"segment-{sequence:012d}.log" for sequence in range(1, 60)]
    names = ("checkpoint", "checkpoint.new", "hashes", "lock")
    files = [directory, *(directory / name for name in names), *segments, *(f"{path}.new" for path in segments)]
    command = ["strace", "-f", "-p", str(pid), "-o", str(output), "-e", f"trace={CALLS}"]
    command += [part for path in files for part in ("-P", str(path))]
    try:
        tracer = subprocess.Popen([*command, *(["-e", inject] if inject else [])], stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.skip("this machine has no strace")
    assert tracer.stderr is not None
    if not any(" attached" in line for line in tracer.stderr):
        pytest.skip("this machine does not let a test trace a process")
    yield
    tracer.stderr.close()
    tracer.wait()


def calls_of(trace: str) -> Counter[str]:
    """Return how often one thread, the busiest, makes each call."""
    counts = Counter(re.findall(r"^(\d+) +(\w+)\(", trace, re.MULTILINE))
    most: Counter[str] = Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    return most


def test_killed_at_every_system_call(writers: Writers, tmp_path: Path) -> None:
    """Killed before each single call on a file of the log, a writer loses nothing it acknowledged, and neither do the others."""
    directory, trace, saved = writers.directory, tmp_path / "trace", tmp_path / "saved"
    with open_log(directory):
        pass
    shutil.copytree(directory, saved)
    pid = writers.start(appends=APPENDS)
    with traced(pid, directory, output=trace):
        assert len(writers.acknowledged(pid)) == APPENDS
    calls = calls_of(trace.read_text())
    assert {"openat", "write", "fsync", "rename"} <= set(calls)
    killed = 0
    for call, count in calls.items():
        for number in range(1, count + 1):
            shutil.rmtree(directory)
            shutil.copytree(saved, directory)
            pid = writers.start(appends=APPENDS)
            with traced(pid, directory, output=trace, inject=f"inject={call}:signal=KILL:when={number}"):
                acknowledged = writers.acknowledged(pid)
            killed += "killed by SIGKILL" in trace.read_text()
            assert_complete(directory, acknowledged=acknowledged)
    assert killed > sum(calls.values()) / 2


def test_twin_a_log_that_acknowledges_before_it_writes_is_found_out(tmp_path: Path) -> None:
    """An acknowledged entry that never reached a file of the log fails the same look at it."""
    with open_log(tmp_path / "log") as log:
        written = log.append(EntryKind.INTENT, {})
    assert_complete(tmp_path / "log", acknowledged=[written.entry_id])
    with pytest.raises(AssertionError):
        assert_complete(tmp_path / "log", acknowledged=[written.entry_id, "promised-only"])
