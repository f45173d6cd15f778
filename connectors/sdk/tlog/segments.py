"""Segment files: `segment-<sequence of the first entry, 12 digits>.log`, beside `checkpoint`, `hashes` and `lock`.

A segment is a row of frames, a frame is

    length      4 bytes, big-endian, of the payload
    type        1 byte: 1 for an entry, 2 for a checkpoint
    payload     the entry's leaf, or the signed note
    checksum    8 bytes: the first of the leaf hash, or of the note's SHA-256

One commit is the entries of a batch and the checkpoint of the log with them. After the last whole one it is unfinished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from connectors.sdk.tlog.entry import LEAF_BYTES_MAX, leaf_hash
from connectors.sdk.tlog.files import Files, sync_directory, write_fully
from connectors.sdk.tlog.note import CHECKPOINT_BYTES_MAX

CHECKPOINT = "checkpoint"
LOCK = "lock"

_NAME = re.compile(r"segment-([0-9]{12})\.log")
_HEAD = struct.Struct(">IB")
_CHECKSUM_BYTES = 8
FRAME_BYTES = _HEAD.size + _CHECKSUM_BYTES
"""What a frame is longer than its payload."""
_COPY_BYTES = 1 << 20
_SIGNATURE_LINE = re.compile(rb"\n\n(?:\xe2\x80\x94 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+")
"""Occurs in no entry: canonical JSON holds no line feed."""


class FrameType(IntEnum):
    """What a frame holds."""

    ENTRY = 1
    CHECKPOINT = 2


_PAYLOAD_BYTES_MAX = {FrameType.ENTRY: LEAF_BYTES_MAX, FrameType.CHECKPOINT: CHECKPOINT_BYTES_MAX}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One file of the log."""

    path: Path
    first_sequence: int
    """As its name says."""
    end: int | None = None
    """Readers stop at this byte, after a whole commit: what follows is not durable. None when only the file knows."""


def list_segments(directory: Path) -> list[Segment]:
    """Return the segments of the log in `directory`, in order.

    Raises:
        OSError: The directory cannot be read.
    """
    found = ((path, _NAME.fullmatch(path.name)) for path in directory.iterdir())
    segments = [Segment(path=path, first_sequence=int(match[1])) for path, match in found if match]
    return sorted(segments, key=lambda segment: segment.first_sequence)


def entry_frame(leaf: bytes, *, hash_: bytes) -> bytes:
    """Return the frame of an entry, whose leaf hash is `hash_`."""
    return b"".join((_HEAD.pack(len(leaf), FrameType.ENTRY), leaf, hash_[:_CHECKSUM_BYTES]))


def checkpoint_frame(note: bytes) -> bytes:
    """Return the frame of a checkpoint."""
    return b"".join((_HEAD.pack(len(note), FrameType.CHECKPOINT), note, _note_hash(note)[:_CHECKSUM_BYTES]))


def read_frames(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield offset, type, payload and whole hash of frame after frame; end before the first that is not whole."""
    at, size, types = 0, len(data), (FrameType.ENTRY, FrameType.CHECKPOINT)
    while at + _HEAD.size <= size:
        length, frame_type = _HEAD.unpack_from(data, at)
        begin = at + _HEAD.size
        end = begin + length + _CHECKSUM_BYTES
        if end > size or frame_type not in types:
            return
        payload = data[begin : begin + length]
        found = leaf_hash(payload) if frame_type == FrameType.ENTRY else _note_hash(payload)
        if not data.startswith(found[:_CHECKSUM_BYTES], begin + length):
            return
        yield at, frame_type, payload, found
        at = end


def damaged_payload(data: bytes, *, offset: int) -> bytes | None:
    """Return what the frame at `offset` holds although it is not whole; None when the file ends there."""
    if offset + _HEAD.size > len(data):
        return None
    length, frame_type = _HEAD.unpack_from(data, offset)
    begin = offset + _HEAD.size
    if length <= _PAYLOAD_BYTES_MAX.get(frame_type, -1) and begin + length + _CHECKSUM_BYTES > len(data):
        return None
    return data[begin : begin + length]


def is_unfinished(rest: bytes) -> bool:
    """Tell whether what follows the last whole commit may be one commit that a crash kept from being finished.

    Only one commit is ever under way. It holds one checkpoint, its last frame; pages of it may be lost in any order.
    """
    notes = list(_SIGNATURE_LINE.finditer(rest))
    return not notes or (len(notes) == 1 and len(rest) - notes[0].end() <= _CHECKSUM_BYTES)


def read_leaves(segment: Segment) -> Iterator[bytes]:
    """Yield the leaves of one segment, in order; of complete commits only. Checks checksums, not signatures.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged.
    """
    for _, leaf in read_placed_leaves(segment):
        yield leaf


def read_placed_leaves(segment: Segment, *, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the leaves of one segment, as `read_leaves`, with the offsets of their frames.

    Args:
        segment: The segment.
        start: Offset of the frame to begin with.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged.
    """
    path = segment.path
    is_last = list_segments(path.parent)[-1].path == path
    with path.open("rb") as file:
        file.seek(start)
        data = file.read() if segment.end is None else file.read(segment.end - start)
    commit: list[tuple[int, bytes]] = []
    whole = 0
    for offset, frame_type, payload, _ in read_frames(data):
        if frame_type == FrameType.ENTRY:
            commit.append((start + offset, payload))
        else:
            yield from commit
            commit = []
            whole = offset + FRAME_BYTES + len(payload)
    if data[whole:] and not (is_last and is_unfinished(data[whole:])):
        raise ValueError(f"{path.name} is damaged after byte {start + whole}")


def read_last_note(path: Path) -> bytes | None:
    """Return the checkpoint with which a segment ends, or None when it does not end with one.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - CHECKPOINT_BYTES_MAX - FRAME_BYTES))
        data = file.read()
    for length in range(1, len(data) - FRAME_BYTES + 1):
        at = len(data) - FRAME_BYTES - length
        if _HEAD.unpack_from(data, at) == (length, FrameType.CHECKPOINT):
            for _, _, payload, _ in read_frames(data[at:]):
                return payload
    return None


def read_leaf(path: Path, *, offset: int) -> bytes:
    """Return the leaf in the frame at `offset`.

    Raises:
        OSError: The file cannot be read.
        ValueError: There is no whole entry.
    """
    with path.open("rb") as file:
        file.seek(offset)
        head = file.read(_HEAD.size)
        length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else 0
        for _, frame_type, payload, _ in read_frames(head + file.read(length + _CHECKSUM_BYTES)):
            if frame_type == FrameType.ENTRY:
                return payload
    raise ValueError(f"{path.name} is damaged at byte {offset}")


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


class SegmentWriter:
    """Appends durable commits to the last segment and starts a new one when it is full.

    Args:
        directory: Directory of the log.
        files: The operations.
        segment_bytes_max: A segment that has reached this size takes no further commit.
    """

    def __init__(self, directory: Path, *, files: Files, segment_bytes_max: int) -> None:
        self._directory = directory
        self._files = files
        self._segment_bytes_max = segment_bytes_max
        self._descriptor = -1
        self._bytes = 0
        self._open: Segment | None = None
        self.durable: Segment | None = None
        """The last segment that has a commit, up to the end of it."""

    @property
    def full(self) -> bool:
        """Whether the next commit starts a new segment and seals this one."""
        return self._bytes >= self._segment_bytes_max

    def open_last(self, segment: Segment) -> None:
        """Continue `segment`, all of which is durable.

        Raises:
            OSError: It cannot be opened for writing.
        """
        self._descriptor = self._files.open(segment.path, os.O_WRONLY | os.O_APPEND)
        self._bytes = os.fstat(self._descriptor).st_size
        self._open, self.durable = segment, replace(segment, end=self._bytes)

    def append(self, entries: Sequence[bytes], *, checkpoint: bytes, first_sequence: int) -> None:
        """Append one commit and return when it is durable.

        Args:
            entries: Frames of the entries.
            checkpoint: Frame of the checkpoint.
            first_sequence: Of the first entry; names a new segment.

        Raises:
            OSError: Something failed; any part may be on disk and nothing counts as durable.
        """
        if self._open is None or self.full:
            self._open = self._start(first_sequence)
        commit = b"".join((*entries, checkpoint))
        write_fully(self._files, descriptor=self._descriptor, data=commit)
        self._files.sync(self._descriptor)
        self._bytes += len(commit)
        self.durable = replace(self._open, end=self._bytes)

    def close(self) -> None:
        """Close the open segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _start(self, first_sequence: int) -> Segment:
        self.close()
        path = self._directory / f"segment-{first_sequence:012d}.log"
        self._descriptor = self._files.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        sync_directory(self._files, directory=self._directory)
        self._bytes = 0
        return Segment(path=path, first_sequence=first_sequence)


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
            while data := file.read(min(_COPY_BYTES, bytes_kept)):
                write_fully(files, descriptor=descriptor, data=data)
                bytes_kept -= len(data)
        files.sync(descriptor)
    finally:
        os.close(descriptor)
    files.replace(new, segment.path)
    sync_directory(files, directory=segment.path.parent)


def _note_hash(note: bytes) -> bytes:
    return hashlib.sha256(note).digest()
