from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.audit.checkpoint import VerificationKey, read_checkpoint
from gateway.audit.log import AuditLog
from gateway.audit.segments import has_writer, list_segments, read_checkpoint_file, read_log
from gateway.audit.verify import verify_lines
from gateway.model.audit import EntryKind


def test_lists_segments_in_order(tmp_path: Path) -> None:
    """Segments come in the order of their first entries; other files are none."""
    for name in ("segment-000000000100.jsonl", "segment-000000000001.jsonl", "segment-1.jsonl", "checkpoint", "lock"):
        (tmp_path / name).touch()
    (tmp_path / "segment-000000000100.jsonl.new").touch()
    assert [segment.first_sequence for segment in list_segments(tmp_path)] == [1, 100]


@pytest.mark.parametrize("entries", [0, 1, 4, 5, 12, 99])
def test_reads_the_log_up_to_an_entry(finished: Path, entries: int) -> None:
    """A copy holds exactly the entries asked for, byte for byte."""
    whole = b"".join(path.read_bytes() for path in sorted(finished.glob("segment-*")))
    lines = whole.splitlines(keepends=True)
    assert b"".join(read_log(finished, entries=entries)) == b"".join(lines[:entries])


def test_pieces_are_bounded(directory: Path, open_log: Callable[..., AuditLog]) -> None:
    """A large log comes in several pieces of whole lines, each small enough for one message."""
    with open_log() as log:
        log.append_many([(EntryKind.DENIAL, {"note": "x" * 100_000})] * 30)
    pieces = list(read_log(directory, entries=31))
    assert len(pieces) > 1
    assert all(piece.endswith(b"\n") and len(piece) < 5 << 20 for piece in pieces)


def test_copy_of_a_growing_log_verifies(
    directory: Path, open_log: Callable[..., AuditLog], public_key: VerificationKey
) -> None:
    """Checkpoint first, then as many entries as it counts: the copy verifies though the log has grown since."""
    with open_log() as log:
        log.append(EntryKind.DENIAL, {})
        checkpoint = read_checkpoint_file(directory)
        assert checkpoint is not None
        log.append(EntryKind.DENIAL, {})
        size = read_checkpoint(checkpoint, public_key=public_key).size
        copy = b"".join(read_log(directory, entries=size))
        found = verify_lines(copy.splitlines(keepends=True), checkpoint=checkpoint, public_key=public_key)
    assert (found.intact, found.entries) == (True, 2)


def test_tells_whether_a_writer_works(tmp_path: Path, directory: Path, open_log: Callable[..., AuditLog]) -> None:
    """An open log has a writer; a closed one and a directory without a log have none."""
    assert not has_writer(tmp_path)
    with open_log():
        assert has_writer(directory)
    assert not has_writer(directory)
