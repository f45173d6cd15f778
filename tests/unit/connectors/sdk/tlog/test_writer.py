from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.sdk.tlog import Entry, LogUnavailable, VerificationKey, decode_entry, list_segments, read_leaves, verify
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.merkle import EMPTY_ROOT, verify_consistency
from connectors.sdk.tlog.note import read_checkpoint
from connectors.sdk.tlog.segments import read_last_note
from tests.unit.connectors.sdk.tlog.conftest import START_MICROS, OpenLog, entries


def test_a_new_log_is_empty_and_signed(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A log without entries verifies, and says that nothing was found."""
    with open_log() as log:
        assert (log.recovered.tree.end, log.recovered.root, log.recovered.torn_bytes) == (0, EMPTY_ROOT, 0)
    assert verify(directory, public_key=public_key).intact
    assert entries(directory) == []


def test_append_returns_what_is_on_disk(directory: Path, open_log: OpenLog) -> None:
    """The returned entry is the stored one."""
    with open_log() as log:
        first = log.append("denial", {"名": ["街", 1, None, True]})
        second = log.append("failure", {})
        assert entries(directory) == [first, second]
    assert (second.sequence, second.entry_id, second.time_micros) == (2, "entry-2", START_MICROS + 1_000_000)


def test_acknowledged_means_signed(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """When append returns, a signed checkpoint on the disk counts the entry."""
    with open_log() as log:
        for _ in range(5):
            entry = log.append("denial", {})
            note = read_last_note(list_segments(directory)[-1].path)
            assert note is not None
            assert read_checkpoint(note, public_key=public_key).size == entry.sequence


def test_the_checkpoint_is_published(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """After closing, the file `checkpoint` counts every entry."""
    with open_log(publish_seconds=3600.0) as log:
        log.append_many([("denial", {})] * 3)
    assert read_checkpoint((directory / "checkpoint").read_bytes(), public_key=public_key).size == 3


def test_append_many_keeps_together(open_log: OpenLog) -> None:
    """Entries appended together follow each other in the order given."""
    with open_log() as log:
        found = log.append_many([("denial", {"n": n}) for n in range(20)])
        assert [entry.body["n"] for entry in found] == list(range(20))
        assert [entry.sequence for entry in found] == list(range(1, 21))
        assert log.append_many([]) == []


def test_submitted_entries_can_be_waited_for(open_log: OpenLog) -> None:
    """Whoever submits goes on at once and learns of durability when asking."""
    with open_log() as log:
        pending = [log.submit([("granted", {"n": n})]) for n in range(5)]
        assert [one.wait()[0].body["n"] for one in pending] == list(range(5))


@pytest.mark.parametrize("hashes_kept", [True, False])
def test_reopening_continues(
    hashes_kept: bool, directory: Path, open_log: OpenLog, public_key: VerificationKey
) -> None:
    """A log opened again goes on where it stopped, in the same segment, whether or not the stored hashes survived."""
    with open_log(segment_bytes_max=600) as log:
        for _ in range(9):
            log.append("denial", {})
    if not hashes_kept:
        (directory / "hashes").unlink()
    with open_log() as log:
        assert log.recovered.tree.end == 9
        assert log.append("denial", {}).sequence == 10
        for entry in entries(directory):
            assert log.evidence(entry).verify(public_key) == entry
    assert verify(directory, public_key=public_key).entries == 10


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-40], lambda data: data + bytes(64), lambda data: bytes(len(data))]
)
def test_stored_hashes_are_no_evidence(
    damage: object, directory: Path, open_log: OpenLog, public_key: VerificationKey
) -> None:
    """Stored hashes that do not fit are made anew, and every entry can be proven again."""
    with open_log(segment_bytes_max=600) as log:
        for _ in range(9):
            log.append("denial", {})
    hashes = directory / "hashes"
    whole = hashes.read_bytes()
    hashes.write_bytes(damage(whole))
    with open_log() as log:
        for entry in entries(directory):
            assert log.evidence(entry).verify(public_key) == entry
    assert hashes.read_bytes() == whole


def test_segments_rotate(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A full segment is followed by one named after its first entry; the tree runs through."""
    with open_log(segment_bytes_max=600) as log:
        for _ in range(9):
            log.append("denial", {})
    names = [path.name for path in sorted(directory.glob("segment-*"))]
    assert names[0] == "segment-000000000001.log"
    assert len(names) > 2
    for segment in list_segments(directory):
        assert decode_entry(next(read_leaves(segment))).sequence == segment.first_sequence
    assert verify(directory, public_key=public_key).entries == 9


def test_evidence_proves_every_entry(finished: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Whichever segment an entry is in, its evidence proves it with nothing but the key."""
    with open_log(new_entry_id=lambda: "later") as log:
        log.append("denial", {"note": "later"})
        for entry in entries(finished):
            assert log.evidence(entry).verify(public_key) == entry


def test_fresh_evidence_does_not_wait_for_publication(open_log: OpenLog, public_key: VerificationKey) -> None:
    """An entry that no published checkpoint counts yet is proven by that of its own commit."""
    with open_log(publish_seconds=3600.0) as log:
        entry = log.append("receipt", {})
        assert log.evidence(entry).verify(public_key) == entry


def test_checkpoints_continue_each_other(finished: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """From every older state there is a proof that the newest one continues it; from a newer one there is none."""
    old = read_checkpoint((finished / "checkpoint").read_bytes(), public_key=public_key)
    with open_log(new_entry_id=lambda: "later") as log:
        log.append("denial", {})
    with open_log(new_entry_id=lambda: "later") as log:
        note, proof = log.checkpoint_since(old.size)
        new = read_checkpoint(note, public_key=public_key)
        assert (old.size, new.size) == (12, 13)
        verify_consistency(old_size=12, old_root=old.root, size=13, root=new.root, proof=proof)
        assert log.checkpoint_since(14) == (note, ())


def test_second_writer_is_refused(directory: Path, open_log: OpenLog) -> None:
    """Two writers never share a log, in one process or two; after the first has closed, the next may open."""
    with open_log() as log:
        with pytest.raises(LogUnavailable, match="another process"):
            open_log()
        script = (
            "import fcntl,os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\n"
            "try: fcntl.flock(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept BlockingIOError: sys.exit(7)"
        )
        assert subprocess.run([sys.executable, "-c", script, directory / "lock"], check=False).returncode == 7
        assert log.append("denial", {}).sequence == 1
    with open_log() as log:
        assert log.available


def test_threads_share_the_log(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """32 threads append at once: every entry is there once, each thread's in its order, and the tree is whole."""
    with open_log(segment_bytes_max=20_000) as log:
        start = threading.Barrier(32)

        def work(thread: int) -> list[Entry]:
            start.wait()
            return [log.append("denial", {"thread": thread, "n": n}) for n in range(25)]

        with ThreadPoolExecutor(32) as pool:
            acknowledged = list(pool.map(work, range(32)))
    for mine in acknowledged:
        assert [entry.body["n"] for entry in mine] == list(range(25))
        assert [entry.sequence for entry in mine] == sorted(entry.sequence for entry in mine)
    everything = sorted((entry for mine in acknowledged for entry in mine), key=lambda entry: entry.sequence)
    assert entries(directory) == everything
    assert verify(directory, public_key=public_key).entries == 32 * 25


@pytest.mark.parametrize("body", [{"x": 0.5}, {"x": "\ud800"}, {"x": "y" * (4 << 20)}], ids=["float", "text", "size"])
def test_bad_body_harms_nothing(body: dict[str, object], directory: Path, open_log: OpenLog) -> None:
    """A body without a canonical form is refused together with its companions, and the log goes on."""
    with open_log() as log:
        with pytest.raises(ValueError, match=r".+"):
            log.append_many([("denial", {}), ("denial", body)])
        assert log.append("denial", {}).sequence == 1
    assert len(entries(directory)) == 1


@pytest.mark.parametrize("kind", ["", "Denial", "denial\n", "d" * 33])
def test_bad_kind_and_id_are_refused(kind: str, open_log: OpenLog) -> None:
    """A kind or an id that could not be read back is never written."""
    with open_log() as log, pytest.raises(ValueError, match="malformed"):
        log.append(kind, {})
    with open_log(new_entry_id=lambda: 'a"b') as log, pytest.raises(ValueError, match="malformed"):
        log.append("denial", {})


def test_closed_log_refuses(open_log: OpenLog) -> None:
    """After closing, which may happen twice, nothing is accepted."""
    log = open_log()
    log.close()
    log.close()
    assert not log.available
    with pytest.raises(LogUnavailable, match=r"^closed$"):
        log.append("denial", {})


def test_closing_serves_those_who_wait(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Closing under load answers every append: with an entry that is on disk, or with a refusal."""
    log = open_log()
    acknowledged: list[int] = []

    def work() -> None:
        while True:
            try:
                acknowledged.append(log.append("denial", {}).sequence)
            except LogUnavailable:
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    log.close()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1))
    found = verify(directory, public_key=public_key)
    assert (found.intact, found.entries) == (True, len(acknowledged))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_broken_clock_stops_the_log(directory: Path, open_log: OpenLog) -> None:
    """Whatever breaks while writing, nobody waits for ever and nothing more is accepted."""
    times = iter([START_MICROS])
    with open_log(clock_micros=lambda: next(times)) as log:
        log.append("denial", {})
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="the writer ended unexpectedly"):
                log.append("denial", {})
        assert not log.available
    assert len(entries(directory)) == 1


class StalledDisk(OsFiles):
    """A disk that does not answer until it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()

    def sync(self, descriptor: int) -> None:
        self.answers.wait(100)
        super().sync(descriptor)


def test_a_stalled_disk_is_not_waited_for(open_log: OpenLog) -> None:
    """An append whose disk does not answer in time is refused, not acknowledged."""
    disk = StalledDisk()
    with open_log(files=disk, append_seconds_max=0.01) as log:
        disk.answers.clear()
        with pytest.raises(LogUnavailable, match=r"not durable after 0\.01 s"):
            log.append("denial", {})
        disk.answers.set()
