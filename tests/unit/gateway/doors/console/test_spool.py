"""Rows on the console's disk: unreadable there, at any row here, and gone at the end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.doors.console.runs.spool import Space, Spool, SpoolClosed, SpoolFull

CANARY = "张三丰-canary-310101199001011234"
SCHEMA = pa.schema([pa.field("n", pa.int64()), pa.field("text", pa.string())], metadata={"sharing.entry": "e"})


def batch(first: int, count: int) -> pa.RecordBatch:
    """Return `count` rows, whose numbers go on from `first`."""
    numbers = list(range(first, first + count))
    return pa.record_batch([pa.array(numbers), pa.array([f"{CANARY}-{n}" for n in numbers])], schema=SCHEMA)


def spool_in(folder: Path, *, bytes_max: int = 1 << 30, space: Space | None = None) -> Spool:
    """Return an empty spool."""
    return Spool(folder, space=space or Space(bytes_max=1 << 30), bytes_max=bytes_max)


def numbers(spool: Spool, first: int, count: int) -> list[int]:
    """Return the numbers of some rows."""
    return [n for part in spool.read(first, count) for n in part.column(0).to_pylist()]


def fill(spool: Spool) -> None:
    """Append more rows than fit."""
    for start in range(0, 100_000, 500):
        spool.append(batch(start, 500))


def on_disk(spool: Spool) -> bytes:
    """Return the bytes of its file."""
    return os.pread(spool._file.fileno(), spool.size + 1, 0)


def test_nothing_of_a_row_can_be_read_on_the_disk(tmp_path: Path) -> None:
    """The file has no name, and no value of a row is found in it."""
    spool = spool_in(tmp_path)
    spool.append(batch(0, 10_000))
    stored = on_disk(spool)
    assert len(stored) == spool.size > 10_000
    assert CANARY.encode() not in stored
    assert b"canary" not in stored
    assert list(tmp_path.iterdir()) == []


def test_the_canary_would_be_found_without_encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: with the defence off, the same search finds the value."""

    class Plain:
        def __init__(self, key: bytes) -> None:
            pass

        @staticmethod
        def generate_key(bit_length: int) -> bytes:
            return bytes(bit_length // 8)

        def encrypt(self, nonce: bytes, data: memoryview, more: None) -> bytes:
            return bytes(data)

    monkeypatch.setattr("gateway.doors.console.runs.spool.AESGCM", Plain)
    monkeypatch.setattr("gateway.doors.console.runs.spool._OPTIONS", pa.ipc.IpcWriteOptions())
    spool = spool_in(tmp_path)
    spool.append(batch(0, 10))
    assert CANARY.encode() in on_disk(spool)


def test_changed_bytes_are_noticed(tmp_path: Path) -> None:
    """What somebody with the disk writes into the file is not taken for a row."""
    spool = spool_in(tmp_path)
    spool.append(batch(0, 10))
    os.pwrite(spool._file.fileno(), b"\x00" * 8, 100)
    with pytest.raises(SpoolClosed):
        numbers(spool, 0, 10)


@pytest.mark.parametrize(("first", "count"), [(0, 1), (4_095, 2), (0, 30_000), (29_999, 5), (12_345, 200), (40_000, 9)])
def test_any_rows_can_be_read(tmp_path: Path, first: int, count: int) -> None:
    """Rows come as they were appended, whichever are asked for, and none beyond the end."""
    spool = spool_in(tmp_path)
    for start in range(0, 30_000, 7_500):
        spool.append(batch(start, 7_500))
    assert numbers(spool, first, count) == list(range(first, min(first + count, 30_000)))


def test_a_page_reads_one_or_two_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a large batch does not decrypt all of it."""
    spool = spool_in(tmp_path)
    spool.append(batch(0, 100_000))
    read: list[int] = []
    monkeypatch.setattr(Spool, "_segment", lambda spool, number: read.append(number) or batch(0, 1))
    list(spool.read(50_000, 200))
    assert 1 <= len(read) <= 2


def test_rows_are_read_while_others_are_written(tmp_path: Path) -> None:
    """Readers see a growing number of rows, each of them whole and in order."""
    spool, failures = spool_in(tmp_path), []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            rows = spool.rows
            seen = numbers(spool, max(rows - 300, 0), 300)
            if seen[: min(rows, 300)] != list(range(max(rows - 300, 0), rows))[:300]:
                failures.append(seen)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, 60_000, 1_000):
        spool.append(batch(start, 1_000))
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert numbers(spool, 59_990, 100) == list(range(59_990, 60_000))


def test_a_result_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """The cap of one result holds, and is told apart from a full disk."""
    spool = spool_in(tmp_path, bytes_max=20_000)
    with pytest.raises(SpoolFull) as full:
        fill(spool)
    assert full.value.here
    assert spool.size <= 20_000


def test_all_results_share_the_room_and_give_it_back(tmp_path: Path) -> None:
    """What one result takes another cannot, until it is closed."""
    space = Space(bytes_max=20_000)
    first, second = (spool_in(tmp_path, space=space) for _ in range(2))
    first.append(batch(0, 500))
    with pytest.raises(SpoolFull) as full:
        fill(second)
    assert not full.value.here
    first.close()
    second.close()
    assert space.take(20_000)


def test_a_closed_spool_has_nothing(tmp_path: Path) -> None:
    """Key, rows and file are gone at the end, and closing twice is no fault."""
    spool = spool_in(tmp_path)
    spool.append(batch(0, 10))
    spool.close()
    spool.close()
    assert spool.rows == spool.size == 0
    assert spool._cipher is None
    with pytest.raises(SpoolClosed):
        spool.append(batch(0, 1))
    with pytest.raises(SpoolClosed):
        numbers(spool, 0, 10)


def test_a_reader_ends_when_the_spool_is_closed_under_it(tmp_path: Path) -> None:
    """Who writes a file from it is told; no half of it is taken for the whole."""
    spool = spool_in(tmp_path)
    spool.append(batch(0, 10_000))
    parts = spool.batches()
    next(parts)
    spool.close()
    with pytest.raises(SpoolClosed):
        list(parts)
