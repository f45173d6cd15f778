"""Questions over a log whose older segments stand in Parquet files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.access_log import EntryIndex, parquet_beside
from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.note import sign_checkpoint
from connectors.sdk.tlog.segments import (
    FrameType,
    checkpoint_frame,
    entry_frame,
    list_segments,
    read_frames,
    read_leaves,
)
from tests.written_log import WrittenLog


@pytest.fixture
def log(tmp_path: Path) -> WrittenLog:
    """Entries 1 and 2, 3 and 4, 5 in three segments."""
    log = WrittenLog(tmp_path / "log")
    for number in range(2):
        log.commit(("denial", {"action": f"a{number}"}), ("failure", {"action": f"b{number}"}))
        log.roll()
    log.commit(("denial", {"action": "a2"}))
    return log


@pytest.fixture
def index(log: WrittenLog) -> Iterator[EntryIndex]:
    index = EntryIndex(log.directory)
    yield index
    index.close()


def found(index: EntryIndex, where: str = "true", *values: object, newest: int | None = None) -> list[int]:
    return [entry.sequence for entry in index.entries(where, values, newest=newest)]


def sealed(log: WrittenLog, index: EntryIndex) -> list[Path]:
    """Publish every closed segment and record it; return the files."""
    segments = index.unsealed()
    for segment in segments:
        log.commit(("sealed", index.publish(segment)))
    return [parquet_beside(segment.path) for segment in segments]


def shown(directory: Path) -> list[object]:
    """Return what a new reader is told: every action."""
    index = EntryIndex(directory)
    try:
        with index.query("SELECT action FROM entries WHERE kind IN ('denial', 'failure') ORDER BY sequence") as query:
            return [action for (action,) in query.fetch_all()]
    finally:
        index.close()


ACTIONS = ["a0", "b0", "a1", "b1", "a2"]


def test_every_entry_is_found_once(log: WrittenLog, index: EntryIndex) -> None:
    """Sealed or not, in the order of the log, and the newest when only some are wanted."""
    assert found(index) == [1, 2, 3, 4, 5]
    sealed(log, index)
    assert found(index, "kind <> 'sealed'") == [1, 2, 3, 4, 5]
    assert found(index, "kind = $1", "denial") == [1, 3, 5]
    assert found(index, "kind = $1", "denial", newest=2) == [3, 5]
    assert shown(log.directory) == ACTIONS


def test_there_may_be_no_log_yet(tmp_path: Path) -> None:
    """A question before the first entry has an empty answer."""
    index = EntryIndex(tmp_path / "none")
    assert found(index) == []
    index.close()


def test_new_entries_are_found_at_once(log: WrittenLog, index: EntryIndex) -> None:
    """A question sees every commit before it, also in a new segment, and no commit that is not finished."""
    assert found(index)[-1] == 5
    log.commit(("denial", {}), ("denial", {}))
    assert found(index)[-1] == 7
    log.roll()
    log.commit(("denial", {}))
    log.append(b"".join(log.frames(("denial", {}))))
    assert found(index)[-1] == 8


def test_a_rewritten_tail_is_read_anew(log: WrittenLog, index: EntryIndex) -> None:
    """What recovery cut off the log is not in later answers."""
    last = list_segments(log.directory)[-1].path
    before = last.read_bytes()
    log.commit(("denial", {}))
    assert found(index)[-1] == 6
    new = last.with_suffix(".new")
    new.write_bytes(before)
    os.replace(new, last)
    assert found(index)[-1] == 5


def test_sealed_segments_are_believed_by_their_recorded_hash(log: WrittenLog, index: EntryIndex) -> None:
    """Hashes are found in the newest entries and in the files that those vouch for."""
    files = sealed(log, index)
    assert index.unsealed() == ()
    log.roll()
    log.commit(("denial", {"action": "a3"}))
    files += sealed(log, index)
    other = EntryIndex(log.directory)
    assert len(files) == 3
    assert other.unsealed() == ()
    other.close()


def test_a_forged_file_is_not_believed(log: WrittenLog, index: EntryIndex) -> None:
    """Somebody who changes a Parquet file changes no answer, and the segment is sealed anew."""
    first, *_ = sealed(log, index)
    forge(first)
    assert shown(log.directory) == ACTIONS
    assert [segment.first_sequence for segment in index.unsealed()] == [1]
    sealed(log, index)
    assert index.unsealed() == ()
    assert pq.read_table(first)["action"].to_pylist() == ["a0", "b0"]


def test_without_the_hash_the_forged_file_would_be_believed(log: WrittenLog, index: EntryIndex) -> None:
    """The twin: once the log vouches for the forgery, the forgery is the answer."""
    first, *_ = sealed(log, index)
    log.commit(("sealed", {"first": 1, "parquet_sha256": forge(first)}))
    assert shown(log.directory) == ["forged", "forged", *ACTIONS[2:]]


def test_a_damaged_segment_is_no_answer(log: WrittenLog, index: EntryIndex) -> None:
    """A log that cannot be read whole is not read in part."""
    first = list_segments(log.directory)[0].path
    data = bytearray(first.read_bytes())
    data[20] ^= 1
    first.write_bytes(data)
    with pytest.raises(ValueError, match="damaged"):
        found(index)


def test_a_lost_end_is_no_answer(log: WrittenLog, index: EntryIndex) -> None:
    """Damage to the last commit looks like one that is not finished, but the published checkpoint counts its entries."""
    (log.directory / "checkpoint").write_bytes(checkpoint(log, size=5))
    assert found(index)[-1] == 5
    last = list_segments(log.directory)[-1].path
    last.write_bytes(last.read_bytes()[:-1])
    other = EntryIndex(log.directory)
    with pytest.raises(ValueError, match="up to entry 4, and more are signed"):
        found(other)
    (log.directory / "checkpoint").unlink()
    assert found(other)[-1] == 4, "the twin: without the checkpoint nobody notices"
    other.close()


def test_a_forged_entry_is_no_answer(log: WrittenLog, index: EntryIndex) -> None:
    """An entry of a closed segment is held against the log's stored hashes when it is shown."""
    first = list_segments(log.directory)[0].path
    tree, hashes = CompactRange(), b""
    for segment in list_segments(log.directory):
        for leaf in read_leaves(segment):
            hashes += b"".join(tree.append(leaf_hash(leaf)))
    first.write_bytes(forged_segment(first))
    assert [entry.body["action"] for entry in index.entries("sequence = 1")] == ["xx"], "the twin: without hashes"
    (log.directory / "hashes").write_bytes(hashes)
    assert found(index, "sequence > 2") == [3, 4, 5]
    with pytest.raises(ValueError, match=r"segment-000000000001\.log is damaged: it has another entry at byte 0"):
        found(index)


def test_a_segments_name_costs_no_memory(log: WrittenLog, index: EntryIndex) -> None:
    """A file whose name promises more entries than there can be is damage, not work."""
    (log.directory / "segment-999999999999.log").touch()
    with pytest.raises(ValueError, match="has not all entries before 999999999999"):
        found(index)


def test_entries_are_the_logs_own(log: WrittenLog, index: EntryIndex) -> None:
    """An entry's bytes come from the segment, so that a proof fits them."""
    (entry,) = index.entries("sequence = 3")
    assert entry.leaf in list_segments(log.directory)[1].path.read_bytes()
    assert entry.body == {"action": "a1"}


def checkpoint(log: WrittenLog, *, size: int) -> bytes:
    return sign_checkpoint(name="log", size=size, root=bytes(32), signing_key=Ed25519PrivateKey.generate())


def forged_segment(path: Path) -> bytes:
    """Return a segment in which the action `a0` is another, with checksums that fit."""
    data = b""
    for _, kind, payload, _ in read_frames(path.read_bytes()):
        payload = payload.replace(b'"a0"', b'"xx"')
        data += entry_frame(payload, hash_=leaf_hash(payload)) if kind == FrameType.ENTRY else checkpoint_frame(payload)
    return data


def forge(parquet: Path) -> str:
    """Give every entry of a sealed segment another action; return the file's SHA-256."""

    rows = pq.read_table(parquet)
    at = rows.schema.get_field_index("action")
    pq.write_table(rows.set_column(at, "action", pa.array(["forged"] * rows.num_rows)), parquet)
    return hashlib.sha256(parquet.read_bytes()).hexdigest()
