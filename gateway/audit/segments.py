"""Segment files: `segment-<sequence of the first entry, 12 digits>.jsonl`, beside `checkpoint` and `lock`."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

from gateway.audit.chain import LINE_BYTES_MAX
from gateway.audit.checkpoint import CHECKPOINT_BYTES_MAX
from gateway.audit.files import Files, sync_directory, write_fully

CHECKPOINT = "checkpoint"
LOCK = "lock"

_NAME = re.compile(r"segment-([0-9]{12})\.jsonl")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file of the log."""

    path: Path
    first_sequence: int
    """As its name says."""


def list_segments(directory: Path) -> list[Segment]:
    """Return the segments of the log in `directory`, in order.

    Raises:
        OSError: The directory cannot be read.
    """
    found = ((path, _NAME.fullmatch(path.name)) for path in directory.iterdir())
    segments = [Segment(path=path, first_sequence=int(match[1])) for path, match in found if match]
    return sorted(segments, key=lambda segment: segment.first_sequence)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of one segment with their line feeds; a longer line than allowed comes in pieces.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb", buffering=_CHUNK_BYTES) as file:
        yield from iter(partial(file.readline, LINE_BYTES_MAX + 1), b"")


def read_checkpoint_file(directory: Path) -> bytes | None:
    """Return the newest checkpoint, or None when there is none.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        with (directory / CHECKPOINT).open("rb") as file:
            return file.read(CHECKPOINT_BYTES_MAX + 1)
    except FileNotFoundError:
        return None


def read_log(directory: Path, *, entries: int) -> Iterator[bytes]:
    """Yield the first `entries` entries as they stand on disk, in pieces of whole lines of about 1 MiB (at most 5 MiB).

    Read the checkpoint first and take `entries` from it: then both fit while the log grows.

    Raises:
        OSError: A file cannot be read.
    """
    lines = chain.from_iterable(read_lines(segment.path) for segment in list_segments(directory))
    piece: list[bytes] = []
    size = 0
    for line in islice(lines, entries):
        piece.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


def lock_directory(directory: Path) -> int:
    """Lock the log for its only writer and return the descriptor that holds the lock until it is closed.

    Raises:
        BlockingIOError: Another writer holds it.
        OSError: The lock file cannot be made.
    """
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def has_writer(directory: Path) -> bool:
    """Tell whether a writer holds the log in `directory` open."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class SegmentWriter:
    """Appends durable bytes to the last segment and starts a new one when it is full.

    Args:
        directory: Directory of the log.
        files: The operations.
        segment_bytes_max: A segment that has reached this size takes no further batch.
    """

    def __init__(self, directory: Path, *, files: Files, segment_bytes_max: int) -> None:
        self._directory = directory
        self._files = files
        self._segment_bytes_max = segment_bytes_max
        self._descriptor = -1
        self._bytes = 0

    def open_last(self, segment: Segment) -> None:
        """Continue `segment`.

        Raises:
            OSError: It cannot be opened for writing.
        """
        self._descriptor = self._files.open(segment.path, os.O_WRONLY | os.O_APPEND)
        self._bytes = os.fstat(self._descriptor).st_size

    def append(self, lines: bytes, *, first_sequence: int) -> None:
        """Append whole lines and return when they are durable.

        Args:
            lines: One batch; never split over two segments.
            first_sequence: Of the batch's first entry; names a new segment.

        Raises:
            OSError: Something failed; any prefix may be on disk and nothing counts as durable.
        """
        if self._descriptor < 0 or self._bytes >= self._segment_bytes_max:
            self._start(first_sequence)
        write_fully(self._files, descriptor=self._descriptor, data=lines)
        self._files.sync(self._descriptor)
        self._bytes += len(lines)

    def close(self) -> None:
        """Close the open segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _start(self, first_sequence: int) -> None:
        self.close()
        path = self._directory / f"segment-{first_sequence:012d}.jsonl"
        self._descriptor = self._files.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        self._bytes = 0
        sync_directory(self._files, directory=self._directory)


def rewrite_segment(segment: Segment, *, files: Files, bytes_kept: int) -> None:
    """Write the first `bytes_kept` bytes of `segment` anew and durably, and drop the rest.

    After a failed fsync the page cache may hold what the disk does not: only writing it again makes it durable.

    Raises:
        OSError: Something failed; the segment is as it was.
    """
    new = segment.path.with_name(segment.path.name + ".new")
    descriptor = files.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with segment.path.open("rb") as file:
            while data := file.read(min(_CHUNK_BYTES, bytes_kept)):
                write_fully(files, descriptor=descriptor, data=data)
                bytes_kept -= len(data)
        files.sync(descriptor)
    finally:
        os.close(descriptor)
    files.replace(new, segment.path)
    sync_directory(files, directory=segment.path.parent)
