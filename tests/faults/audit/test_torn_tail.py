"""Crash states: whatever prefix of an unacknowledged batch reached the disk, opening keeps all that was acknowledged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.chain import ChainHead, encode_line, hash_line, read_entry
from gateway.audit.checkpoint import VerificationKey
from gateway.audit.log import AuditLog
from gateway.audit.segments import list_segments, read_lines
from gateway.audit.verify import verify
from gateway.errors import Unavailable
from gateway.model.audit import AuditEntry, EntryKind

OpenLog = Callable[..., AuditLog]


def entries(directory: Path) -> list[AuditEntry]:
    return [read_entry(line) for segment in list_segments(directory) for line in read_lines(segment.path)]


@pytest.fixture
def crashed(tmp_path: Path, open_log: OpenLog) -> Path:
    """A log of three acknowledged entries in one segment."""
    directory = tmp_path / "crashed"
    with open_log(directory) as log:
        log.append(EntryKind.DENIAL, {"n": 1})
        log.append(EntryKind.DENIAL, {"n": 2})
    return directory


def unacknowledged(after: AuditEntry) -> bytes:
    """Return the lines of two further entries."""
    head = ChainHead(size=after.sequence, sha256=after.sha256)
    first = encode_line(b'{"n":3}', entry_id="lost-1", kind=EntryKind.INTENT, after=head, time_micros=1)
    head = ChainHead(size=head.size + 1, sha256=hash_line(first))
    return first + encode_line(b'{"n":4}', entry_id="lost-2", kind=EntryKind.INTENT, after=head, time_micros=1)


def test_every_prefix_of_an_unacknowledged_batch(
    tmp_path: Path, crashed: Path, open_log: OpenLog, public_key: VerificationKey
) -> None:
    """Cut at any byte: acknowledged entries stay, whole further ones stay, a torn line goes, and recovery says so."""
    acknowledged = entries(crashed)
    tail = unacknowledged(acknowledged[-1])
    for length in range(len(tail) + 1):
        directory = tmp_path / "case"
        shutil.copytree(crashed, directory)
        with (directory / "segment-000000000001.jsonl").open("ab") as file:
            file.write(tail[:length])
        whole = tail[:length].count(b"\n")
        torn = len(tail[:length].rpartition(b"\n")[2])
        with open_log(directory):
            pass
        found = entries(directory)
        assert found[:3] == acknowledged
        assert [entry.entry_id for entry in found[3 : 3 + whole]] == ["lost-1", "lost-2"][:whole]
        opened = found[3 + whole]
        assert opened.kind is EntryKind.OPENED
        assert (opened.body["unsigned_entries"], opened.body["torn_bytes"]) == (whole, torn)
        assert opened.body["open_intents"] == whole == len(found) - (4 + whole)
        assert verify(directory, public_key=public_key).intact
        shutil.rmtree(directory)


def test_every_cut_into_what_was_acknowledged(tmp_path: Path, crashed: Path, open_log: OpenLog) -> None:
    """Cut at any byte of the acknowledged entries: the log refuses to open and leaves the evidence as it is."""
    log = (crashed / "segment-000000000001.jsonl").read_bytes()
    directory = tmp_path / "case"
    shutil.copytree(crashed, directory)
    segment = directory / "segment-000000000001.jsonl"
    for length in range(len(log)):
        segment.write_bytes(log[:length])
        with pytest.raises(Unavailable) as refused:
            open_log(directory)
        assert "ends before this entry" in refused.value.internal
        assert segment.read_bytes() == log[:length]
    segment.write_bytes(log)
    with open_log(directory):
        pass


def test_crash_between_segments(crashed: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A new segment that was made but not written to is continued."""
    (crashed / "segment-000000000004.jsonl").touch()
    with open_log(crashed):
        pass
    assert [segment.first_sequence for segment in list_segments(crashed)] == [1, 4]
    assert verify(crashed, public_key=public_key).entries == 4


def test_crash_while_replacing_a_file(crashed: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Half-written replacements that a crash left behind are ignored and overwritten."""
    (crashed / "checkpoint.new").write_bytes(b"half")
    (crashed / "segment-000000000001.jsonl.new").write_bytes(b"half")
    with open_log(crashed):
        pass
    assert verify(crashed, public_key=public_key).entries == 4


def test_crash_before_the_first_entry(tmp_path: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A log that crashed between its first checkpoint and its first entry opens."""
    with open_log(tmp_path / "log"):
        pass
    (tmp_path / "other").mkdir()
    with open_log(tmp_path / "other"):
        pass
    assert verify(tmp_path / "other", public_key=public_key).entries == 1
