from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.audit.chain import EMPTY, read_entry
from gateway.audit.checkpoint import VerificationKey, read_checkpoint
from gateway.audit.log import AuditLog
from gateway.audit.segments import list_segments, read_lines
from gateway.audit.verify import verify
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind

OpenLog = Callable[..., AuditLog]
START_MICROS = 1_700_000_000_000_000


def entries(directory: Path) -> list[AuditEntry]:
    return [read_entry(line) for segment in list_segments(directory) for line in read_lines(segment.path)]


def test_first_opening(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A new log starts with an entry that says nothing was found, and is intact."""
    with open_log():
        pass
    (opened,) = entries(directory)
    assert opened.kind is EntryKind.OPENED
    assert opened.body == {
        "entries": 0,
        "head": EMPTY.sha256,
        "unsigned_entries": 0,
        "torn_bytes": 0,
        "open_intents": 0,
    }
    assert verify(directory, public_key=public_key).intact


def test_append_returns_what_is_on_disk(directory: Path, open_log: OpenLog) -> None:
    """The returned entry is the stored one, linked to the entry before it."""
    with open_log() as log:
        first = log.append(EntryKind.DENIAL, {"名": ["街", 1, None, True]})
        second = log.append(EntryKind.FAILURE, {})
        assert entries(directory)[1:] == [first, second]
    assert (first.sequence, first.entry_id, first.time_micros) == (2, "entry-2", START_MICROS + 1_000_000)
    lines = list(read_lines(list_segments(directory)[0].path))
    assert json.loads(lines[2])["previous"] == first.sha256


def test_acknowledged_means_signed(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """When append returns, the signed checkpoint already counts the entry."""
    with open_log() as log:
        for _ in range(5):
            entry = log.append(EntryKind.DENIAL, {})
            head = read_checkpoint((directory / "checkpoint").read_bytes(), public_key=public_key)
            assert (head.size, head.sha256) == (entry.sequence, entry.sha256)


def test_append_many_keeps_together(open_log: OpenLog) -> None:
    """Entries appended together follow each other in the order given."""
    with open_log() as log:
        found = log.append_many([(EntryKind.DENIAL, {"n": n}) for n in range(20)])
        assert [entry.body["n"] for entry in found] == list(range(20))
        assert [entry.sequence for entry in found] == list(range(2, 22))
        assert log.append_many([]) == []


def test_reopening_continues(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A log opened again goes on where it stopped and says what it found."""
    with open_log() as log:
        last = log.append(EntryKind.DENIAL, {})
    with open_log() as log:
        entry = log.append(EntryKind.DENIAL, {})
    assert entry.sequence == 4
    opened = entries(directory)[2]
    assert (opened.kind, opened.body["entries"], opened.body["head"]) == (EntryKind.OPENED, 2, last.sha256)
    assert opened.body["unsigned_entries"] == 0
    assert verify(directory, public_key=public_key).entries == 4


def test_segments_rotate(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A full segment is followed by one named after its first entry; the chain runs through."""
    with open_log(segment_bytes_max=600) as log:
        for _ in range(9):
            log.append(EntryKind.DENIAL, {})
    names = [path.name for path in sorted(directory.glob("segment-*"))]
    assert names[0] == "segment-000000000001.jsonl"
    assert len(names) > 2
    for segment in list_segments(directory):
        assert read_entry(next(read_lines(segment.path))).sequence == segment.first_sequence
    assert verify(directory, public_key=public_key).entries == 10


def test_second_writer_is_refused(directory: Path, open_log: OpenLog) -> None:
    """Two writers never share a log, in one process or two; after the first has closed, the next may open."""
    with open_log() as log:
        with pytest.raises(Unavailable) as refused:
            open_log()
        assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
        assert "another process" in refused.value.internal
        script = (
            "import fcntl,os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\n"
            "try: fcntl.flock(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept BlockingIOError: sys.exit(7)"
        )
        assert subprocess.run([sys.executable, "-c", script, directory / "lock"], check=False).returncode == 7
        assert log.append(EntryKind.DENIAL, {}).sequence == 2
    with open_log() as log:
        assert log.available


def test_threads_share_the_log(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """32 threads append at once: every entry is there once, each thread's in its order, and the chain is whole."""
    with open_log(segment_bytes_max=20_000) as log:
        start = threading.Barrier(32)

        def work(thread: int) -> list[AuditEntry]:
            start.wait()
            return [log.append(EntryKind.DENIAL, {"thread": thread, "n": n}) for n in range(25)]

        with ThreadPoolExecutor(32) as pool:
            acknowledged = list(pool.map(work, range(32)))
    for mine in acknowledged:
        assert [entry.body["n"] for entry in mine] == list(range(25))
        assert [entry.sequence for entry in mine] == sorted(entry.sequence for entry in mine)
    everything = sorted((entry for mine in acknowledged for entry in mine), key=lambda entry: entry.sequence)
    assert entries(directory)[1:] == everything
    assert verify(directory, public_key=public_key).entries == 1 + 32 * 25


@pytest.mark.parametrize("body", [{"x": 0.5}, {"x": "\ud800"}, {"x": "y" * (4 << 20)}], ids=["float", "text", "size"])
def test_bad_body_harms_nothing(body: dict[str, object], directory: Path, open_log: OpenLog) -> None:
    """A body without a canonical form is refused together with its companions, and the log goes on."""
    with open_log() as log:
        with pytest.raises(ValueError, match=r".+"):
            log.append_many([(EntryKind.DENIAL, {}), (EntryKind.DENIAL, body)])
        assert log.append(EntryKind.DENIAL, {}).sequence == 2
    assert len(entries(directory)) == 2


def test_bad_id_is_refused(open_log: OpenLog) -> None:
    """An id that could not be read back is never written."""
    with pytest.raises(Unavailable, match="AUDIT"):
        open_log(new_entry_id=lambda: 'a"b')


def test_closed_log_refuses(open_log: OpenLog) -> None:
    """After closing, which may happen twice, nothing is accepted."""
    log = open_log()
    log.close()
    log.close()
    assert not log.available
    with pytest.raises(Unavailable) as refused:
        log.append(EntryKind.DENIAL, {})
    assert refused.value.internal == "closed"


def test_closing_serves_those_who_wait(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Closing under load answers every append: with an entry that is on disk, or with a refusal."""
    log = open_log()
    acknowledged: list[int] = []

    def work() -> None:
        while True:
            try:
                acknowledged.append(log.append(EntryKind.DENIAL, {}).sequence)
            except Unavailable:
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    log.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(acknowledged) == list(range(2, len(acknowledged) + 2))
    found = verify(directory, public_key=public_key)
    assert (found.intact, found.entries) == (True, len(acknowledged) + 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_broken_clock_stops_the_log(directory: Path, open_log: OpenLog) -> None:
    """Whatever breaks while writing, nobody waits for ever and nothing more is accepted."""
    times = iter([START_MICROS])
    with open_log(clock_micros=lambda: next(times)) as log:
        for _ in range(2):
            with pytest.raises(Unavailable) as refused:
                log.append(EntryKind.DENIAL, {})
            assert refused.value.internal == "the writer ended unexpectedly"
        assert not log.available
    assert len(entries(directory)) == 1
