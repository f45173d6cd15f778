"""What may still vanish is handed to nobody: it would be a signed entry whose number is given away again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog import LogUnavailable, VerificationKey, live_segments, read_entries, verify
from connectors.sdk.tlog.copying import send_log, take_log
from connectors.sdk.tlog.files import OsFiles
from tests.unit.connectors.sdk.tlog.conftest import OpenLog


class FailingDisk(OsFiles):
    """A disk that takes what is written and then cannot make it durable."""

    def __init__(self) -> None:
        self.fails = False

    def sync(self, descriptor: int) -> None:
        if self.fails:
            raise OSError(5, "EIO")
        super().sync(descriptor)


def test_an_entry_is_not_shown_before_it_is_durable(
    directory: Path, open_log: OpenLog, public_key: VerificationKey, tmp_path: Path
) -> None:
    """After a failed fsync neither a search nor a copy for auditors holds the entry; another process sees the file."""
    disk, copy = FailingDisk(), tmp_path / "copy"
    copy.mkdir()
    log = open_log(files=disk)
    log.append("denial", {"n": 1})
    disk.fails = True
    with pytest.raises(LogUnavailable):
        log.append("denial", {"n": 2})
    index, twin = EntryIndex(directory, segments=log.segments), EntryIndex(directory)
    assert [entry.body["n"] for entry in index.entries("true")] == [1]
    assert [entry.body["n"] for entry in twin.entries("true")] == [1, 2], "the twin: what the file holds"
    kinds = frozenset({"denial"})
    assert len(list(read_entries(log.segments(), kinds=kinds))) == 1
    assert len(list(read_entries(live_segments(directory), kinds=kinds))) == 2
    take_log(send_log(directory, checkpoint=log.checkpoint, segments=log.segments()), directory=copy)
    assert verify(copy, public_key=public_key).entries == 1
    log.close()
    index.close()
    twin.close()
    shutil.rmtree(copy)


def test_a_segment_that_somebody_adds_is_not_read(directory: Path, open_log: OpenLog) -> None:
    """In the writer's process the log ends where the writer stands, whatever files appear; alone, the log is damaged."""
    with open_log() as log:
        log.append_many([("denial", {})] * 3)
        (directory / "segment-999999999999.log").touch()
        index, other = EntryIndex(directory, segments=log.segments), EntryIndex(directory)
        assert len(list(index.entries("true"))) == 3
        with pytest.raises(ValueError, match="has not all entries before 999999999999"):
            list(other.entries("true"))
        index.close()
        other.close()
