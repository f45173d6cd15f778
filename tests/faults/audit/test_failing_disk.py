"""A disk that fails stops the log: nothing is acknowledged that is not durable, and nothing acknowledged is lost."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sdk.tlog import live_segments, read_entries
from gateway.audit import AuditLog
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind
from tests.faults.audit.faulty_files import FaultyFiles
from tests.faults.audit.logs import entries, open_log, verified

ENOSPC = OSError(errno.ENOSPC, "No space left on device")
PAUSE_SECONDS = 3600.0
"""Checkpoints are published at the opening and at the end only, so that operations keep their order."""
EROFS = OSError(errno.EROFS, "Read-only file system")


def session(directory: Path, *, files: FaultyFiles) -> list[AuditEntry]:
    """Open, append six times with changes of segment, close; return what was acknowledged before the failure."""
    acknowledged: list[AuditEntry] = []
    try:
        log = open_log(directory, files=files, segment_bytes_max=700, publish_seconds=PAUSE_SECONDS)
    except Unavailable:
        return acknowledged
    with log:
        for number in range(6):
            try:
                acknowledged.append(log.append(EntryKind.INTENT, {"number": number}))
            except Unavailable:
                assert files.failed
            else:
                assert not files.failed, "acknowledged after a failure"
    return acknowledged


@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ENOSPC, EROFS], ids=lambda e: e.strerror)
def test_any_failing_operation(
    error: OSError,
    torn: bool,
    tmp_path: Path,
) -> None:
    """Whichever file operation fails, the log stops, keeps what it acknowledged and opens again on a sound disk."""
    counter = FaultyFiles()
    assert len(session(tmp_path / "sound", files=counter)) == 6
    assert counter.operations > 40
    for fails_at in range(1, counter.operations + 1):
        directory = tmp_path / str(fails_at)
        session(directory, files=FaultyFiles())
        files = FaultyFiles(fails_at, error=error, torn=torn)
        acknowledged = session(directory, files=files)
        with open_log(directory) as log:
            assert log.append(EntryKind.DENIAL, {}).sequence > 13
        stored = {entry.entry_id: entry for entry in entries(directory)}
        assert all(stored[entry.entry_id] == entry for entry in acknowledged), fails_at
        assert verified(directory).intact, fails_at


@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
def test_any_failing_operation_of_the_first_opening(torn: bool, tmp_path: Path) -> None:
    """A first opening that fails half-way leaves a directory that a sound disk can open."""
    counter = FaultyFiles()
    with open_log(tmp_path / "sound", files=counter):
        pass
    for fails_at in range(1, counter.operations + 1):
        directory = tmp_path / str(fails_at)
        session(directory, files=FaultyFiles(fails_at, torn=torn))
        with open_log(directory) as log:
            log.append(EntryKind.DENIAL, {})
        assert verified(directory).intact


def test_one_failed_fsync_stops_the_log(tmp_path: Path) -> None:
    """After one failed fsync every append is refused though the disk works again, until the log is opened anew."""
    files = FaultyFiles(only="sync")
    with open_log(tmp_path, files=files, publish_seconds=PAUSE_SECONDS) as log:
        before = log.append(EntryKind.DENIAL, {})
        files.fail_next()
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                log.append(EntryKind.DENIAL, {})
            assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
            assert "Input/output error" in refused.value.internal
            assert refused.value.detail == ""
        assert not log.available
        left = {path: path.read_bytes() for path in tmp_path.glob("segment-*")}
        assert next(read_entries(live_segments(tmp_path), kinds=frozenset({EntryKind.DENIAL}))) == before
    assert {path: path.read_bytes() for path in tmp_path.glob("segment-*")} == left, (
        "a stopped log appends nothing more"
    )
    assert verified(tmp_path).intact
    with open_log(tmp_path) as log:
        assert log.available
    opened = [entry for entry in entries(tmp_path) if entry.kind == EntryKind.OPENED][-1]
    assert opened.body["entries"] == opened.sequence - 1
    assert verified(tmp_path).intact


def test_unsynced_tail_is_written_again(tmp_path: Path) -> None:
    """What a failed fsync left in the cache is written anew before it is built upon, because the disk may lack it."""
    files = FaultyFiles(only="sync")
    with open_log(tmp_path, files=files, publish_seconds=PAUSE_SECONDS) as log:
        files.fail_next()
        with pytest.raises(Unavailable):
            log.append(EntryKind.DENIAL, {})
    (segment,) = tmp_path.glob("segment-*")
    before = segment.stat().st_ino
    with open_log(tmp_path):
        pass
    again = segment.stat().st_ino
    assert again != before
    with open_log(tmp_path):
        pass
    assert segment.stat().st_ino == again, "an orderly closed log is not written again"


def test_a_failure_reaches_everyone_who_waits(tmp_path: Path) -> None:
    """All appends that share a failed fsync, and all that wait behind it, are refused."""
    files = FaultyFiles(only="sync")
    with open_log(tmp_path, files=files, publish_seconds=PAUSE_SECONDS) as log:
        files.resume.clear()
        files.fail_next()
        refused: list[Reason] = []

        def work() -> None:
            try:
                log.append(EntryKind.DENIAL, {})
            except Unavailable as error:
                refused.append(error.reason)

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        files.resume.set()
        for thread in threads:
            thread.join(120)
        assert refused == [Reason.AUDIT_UNAVAILABLE] * 16


def test_a_stalled_disk_is_not_waited_for(tmp_path: Path) -> None:
    """A disk that does not answer ends the append with a refusal; when it answers, the log goes on in order."""
    files = FaultyFiles()
    with open_log(tmp_path, files=files, append_seconds_max=2.0) as log:
        files.resume.clear()
        with pytest.raises(Unavailable) as refused:
            log.append(EntryKind.INTENT, {"number": 1})
        assert "not durable after" in refused.value.internal
        files.resume.set()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and len(entries(tmp_path)) < 2:
            time.sleep(0.01)
        assert log.append(EntryKind.DENIAL, {}).sequence == 3
    with open_log(tmp_path):
        pass
    receipts = [entry for entry in entries(tmp_path) if entry.kind == EntryKind.RECEIPT]
    assert [receipt.body["outcome"] for receipt in receipts] == ["unknown"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(log: AuditLog) -> list[AuditEntry]:
    """Append until the log refuses."""
    acknowledged = []
    for number in range(10_000):
        try:
            acknowledged.append(log.append(EntryKind.INTENT, {"number": number, "padding": "x" * 500}))
        except Unavailable:
            return acknowledged
    raise AssertionError("the disk never filled up")


def test_full_disk(tiny_disk: Path) -> None:
    """A full disk stops the log; the log stays readable, and opens again when there is room, with nothing lost."""
    directory = tiny_disk / "log"
    with open_log(directory) as log:
        acknowledged = fill(log)
        assert len(acknowledged) > 100
        found = list(read_entries(live_segments(directory), kinds=frozenset({EntryKind.INTENT})))
        assert found[: len(acknowledged)] == acknowledged
    with pytest.raises(Unavailable):
        open_log(directory)
    subprocess.run(["mount", "-o", "remount,size=4m", str(tiny_disk)], check=True)
    with open_log(directory) as log:
        log.append(EntryKind.DENIAL, {})
    stored = {entry.entry_id: entry for entry in entries(directory)}
    assert all(stored[entry.entry_id] == entry for entry in acknowledged)
    assert verified(directory).intact


def test_read_only_disk(tiny_disk: Path) -> None:
    """On a read-only disk the log refuses to open, and auditors still search and verify."""
    directory = tiny_disk / "log"
    with open_log(directory) as log:
        log.append(EntryKind.DENIAL, {})
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(Unavailable) as refused:
        open_log(directory)
    assert "Read-only" in refused.value.internal
    assert len(entries(directory)) == 2
    assert verified(directory).intact


WRITER = """
import resource, sys
from pathlib import Path
from gateway.errors import Unavailable
from gateway.model.audit import EntryKind
from tests.faults.audit.logs import open_log

log = open_log(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
acknowledged = 0
try:
    while True:
        log.append(EntryKind.DENIAL, {"padding": "x" * 300})
        acknowledged += 1
except Unavailable as refused:
    print(acknowledged, refused.reason)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    log.append(EntryKind.DENIAL, {})
    print("accepted")
except Unavailable:
    print("refused")
log.close()
"""


def test_file_size_limit(tmp_path: Path) -> None:
    """A write that the kernel cuts short stops the log for good; the torn line is cut off, the rest is kept."""
    result = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)], check=True, capture_output=True, text=True, timeout=200
    )
    first, second = result.stdout.splitlines()
    acknowledged = int(first.split()[0])
    assert first.split()[1] == "AUDIT_UNAVAILABLE"
    assert acknowledged > 10
    assert second == "refused"
    with open_log(tmp_path):
        pass
    opened = entries(tmp_path)[-1]
    assert opened.body["torn_bytes"] > 0
    assert opened.sequence == acknowledged + 2
    assert verified(tmp_path).intact
