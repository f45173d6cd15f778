"""A result on the console's disk: encrypted with a key that is only in memory, read at any row while it still grows."""

from __future__ import annotations

import bisect
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ROWS_OF_A_SEGMENT = 4096
_BYTES_OF_A_SEGMENT = 2 << 20
_NONCE_BYTES = 12
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class SpoolFull(Exception):
    """There is no room for more rows; `here` says whether in this result or on the console's disk.

    Args:
        here: The result itself is too large.
    """

    def __init__(self, *, here: bool) -> None:
        super().__init__("the result is too large" if here else "the disk of the console is full")
        self.here = here


class SpoolClosed(Exception):
    """The rows are not kept any more."""


@dataclass(slots=True)
class Space:
    """Bytes that all results together may take on the disk. Safe from any thread."""

    bytes_max: int
    _taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> bool:
        """Return whether there is room, and take it."""
        with self._lock:
            if self._taken + size > self.bytes_max:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """Make room for others."""
        with self._lock:
            self._taken -= size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    first_row: int
    offset: int
    size: int


class Spool:
    """Rows in an unnamed file: one thread appends while others read. Memory holds the key and where each segment begins.

    Args:
        folder: On whose disk.
        space: Of all results.
        bytes_max: Of this one.
    """

    def __init__(self, folder: Path, *, space: Space, bytes_max: int) -> None:
        self._cipher: AESGCM | None = AESGCM(AESGCM.generate_key(bit_length=256))
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - open until close()
        self._space = space
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._segments: list[_Segment] = []
        self._rows = self._bytes = 0

    @property
    def rows(self) -> int:
        """Rows that can be read."""
        return self._rows

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._bytes

    def append(self, batch: pa.RecordBatch) -> None:
        """Write rows behind the others; a large batch in segments, of which a page needs only one or two.

        Raises:
            SpoolFull: There is no room.
            SpoolClosed: It is closed.
        """
        step = max(1, min(_ROWS_OF_A_SEGMENT, batch.num_rows * _BYTES_OF_A_SEGMENT // max(batch.nbytes, 1)))
        for first in range(0, batch.num_rows, step):
            self._append(batch.slice(first, step))

    def read(self, first: int, count: int) -> Iterator[pa.RecordBatch]:
        """Yield rows `first` up to `first + count`, as far as they are there.

        Raises:
            SpoolClosed: It is closed, or was changed on the disk.
        """
        with self._lock:
            if self._cipher is None:
                raise SpoolClosed
            start = bisect.bisect_right(self._segments, first, key=lambda segment: segment.first_row) - 1
            end = bisect.bisect_left(self._segments, first + count, key=lambda segment: segment.first_row)
            found = self._segments[max(start, 0) : end]
        for number, segment in enumerate(found, max(start, 0)):
            batch = self._segment(number)
            skipped = max(first - segment.first_row, 0)
            yield batch.slice(skipped, first + count - segment.first_row - skipped)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows. Raises SpoolClosed."""
        return self.read(0, self._rows)

    def close(self) -> None:
        """Forget the key and free the disk."""
        with self._lock:
            if self._cipher is None:
                return
            self._cipher = None
            self._file.close()
            self._space.give_back(self._bytes)
            self._segments, self._rows, self._bytes = [], 0, 0

    def _append(self, batch: pa.RecordBatch) -> None:
        number = len(self._segments)
        with self._lock:
            cipher = self._cipher
        if cipher is None:
            raise SpoolClosed
        data = cipher.encrypt(_nonce(number), _serialised(batch), None)
        with self._lock:
            if self._cipher is None:
                raise SpoolClosed
            if self._bytes + len(data) > self._bytes_max:
                raise SpoolFull(here=True)
            if not self._space.take(len(data)):
                raise SpoolFull(here=False)
            segment = _Segment(first_row=self._rows, offset=self._bytes, size=len(data))
            try:
                _write(self._file.fileno(), data, offset=segment.offset)
            except OSError as error:
                self._space.give_back(len(data))
                raise SpoolFull(here=False) from error
            self._segments.append(segment)
            self._rows += batch.num_rows
            self._bytes += len(data)

    def _segment(self, number: int) -> pa.RecordBatch:
        with self._lock:  # a closed file's number may be another file's
            if self._cipher is None:
                raise SpoolClosed
            cipher, segment = self._cipher, self._segments[number]
            data = os.pread(self._file.fileno(), segment.size, segment.offset)
        try:
            plain = cipher.decrypt(_nonce(number), data, None)
        except InvalidTag as error:
            raise SpoolClosed from error
        with pa.ipc.open_stream(plain) as reader:
            return reader.read_next_batch()


def _serialised(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema.remove_metadata(), options=_OPTIONS) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue()).cast("B")


def _nonce(number: int) -> bytes:
    """Return the nonce of a segment: its number, which no other segment under this key has."""
    return number.to_bytes(_NONCE_BYTES, "big")


def _write(file: int, data: bytes, *, offset: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, memoryview(data)[written:], offset + written)
