"""Read one segment: its whole commits, and what is wrong with the rest. Looks at no tree and no signature."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.sdk.tlog.entry import VERSION, read_header
from connectors.sdk.tlog.problems import Problem, ProblemKind
from connectors.sdk.tlog.segments import (
    FRAME_BYTES,
    FrameType,
    Segment,
    damaged_payload,
    is_unfinished,
    read_frames,
    read_leaf,
)

_BEGINNING = struct.Struct(">BQ")
"""Version and sequence of a leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Entries that became durable together."""

    size: int
    """Entries of the log with them."""
    note: bytes
    """The checkpoint that counts them."""
    offset: int
    """Of the checkpoint's frame."""


@dataclass(slots=True, kw_only=True)
class SegmentContent:
    """What a segment holds."""

    segment: Segment
    commits: list[Commit] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    """Leaf hash of every entry of the commits."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Of the frames of these entries."""
    bytes_whole: int = 0
    """End of the last commit."""
    bytes_rest: int = 0
    """What follows it."""
    fault: Problem | None = None
    """What is wrong with the rest; None when the file merely ends in the middle of a commit."""
    unfinished: bool = True
    """Whether a crash may have left the rest."""

    def problem(self, kind: ProblemKind, *, sequence: int) -> Problem:
        """Return a problem of an entry of one of the commits."""
        offset = self.offsets[sequence - self.segment.first_sequence]
        leaf = read_leaf(self.segment.path, offset=offset)
        return _problem(kind, sequence=sequence, leaf=leaf, place=self.place(offset))

    def place(self, offset: int) -> str:
        """Return the name of a place in the segment."""
        return f"{self.segment.path.name}:{offset}"


def read_segment(segment: Segment) -> SegmentContent:
    """Return what a segment holds, as far as it is whole and its entries are in sequence.

    Raises:
        OSError: It cannot be read.
    """
    return read_commits(segment, data=segment.path.read_bytes())


def read_commits(segment: Segment, *, data: bytes) -> SegmentContent:
    """Return what a segment with this content holds; see `read_segment`."""
    content = SegmentContent(segment=segment)
    size, end = segment.first_sequence - 1, 0
    hashes: list[bytes] = []
    offsets: list[int] = []
    frames = read_frames(data)
    for offset, frame_type, payload, hash_ in frames:
        if frame_type == FrameType.ENTRY:
            size += 1
            if payload[: _BEGINNING.size] != _BEGINNING.pack(VERSION, size):
                content.fault = _misplaced(payload, expected=size, following=frames, place=content.place(offset))
                break
            hashes.append(hash_)
            offsets.append(offset)
        else:
            content.fault = _misplaced_note(payload, size=size, entries=len(hashes), place=content.place(offset))
            if content.fault:
                break
            content.commits.append(Commit(size=size, note=payload, offset=offset))
            content.hashes += hashes
            content.offsets.extend(offsets)
            content.bytes_whole = offset + FRAME_BYTES + len(payload)
            hashes, offsets = [], []
        end = offset + FRAME_BYTES + len(payload)
    rest = data[content.bytes_whole :]
    content.bytes_rest = len(rest)
    content.unfinished = content.fault is None and is_unfinished(rest)
    damaged = damaged_payload(data, offset=end) if content.fault is None else None
    if damaged is not None:
        content.fault = _damaged(damaged, expected=size + 1, place=content.place(end))
    return content


def _misplaced(
    leaf: bytes, *, expected: int, following: Iterator[tuple[int, int, bytes, bytes]], place: str
) -> Problem:
    """Say what is wrong with an entry that has another sequence than its place."""
    found = _sequence(leaf)
    if found is None:
        return _problem(ProblemKind.MALFORMED, sequence=expected, leaf=leaf, place=place)
    if found < expected:
        return _problem(ProblemKind.DUPLICATED, sequence=found, leaf=leaf, place=place)
    if _sequence(next(following, (0, 0, b"", b""))[2]) == expected:
        return _problem(ProblemKind.REORDERED, sequence=found, leaf=leaf, place=place)
    return _problem(ProblemKind.MISSING, sequence=expected, leaf=b"", place=place)


def _misplaced_note(note: bytes, *, size: int, entries: int, place: str) -> Problem | None:
    """Say what is wrong with a checkpoint that counts other entries than those before it."""
    lines = note.split(b"\n", 2)
    if len(lines) < 3 or not lines[1].isdigit():
        return Problem(kind=ProblemKind.CHECKPOINT_MALFORMED, sequence=None, entry_id=None, place=place)
    counted = int(lines[1])
    if counted > size:
        return _problem(ProblemKind.MISSING, sequence=size + 1, leaf=b"", place=place)
    if counted < size:
        return _problem(ProblemKind.UNSIGNED, sequence=counted + 1, leaf=b"", place=place)
    return None if entries else _problem(ProblemKind.DUPLICATED, sequence=size, leaf=b"", place=place)


def _damaged(leaf: bytes, *, expected: int, place: str) -> Problem:
    kind = ProblemKind.ALTERED if _sequence(leaf) == expected else ProblemKind.MALFORMED
    return _problem(kind, sequence=expected, leaf=leaf, place=place)


def _sequence(leaf: bytes) -> int | None:
    try:
        return read_header(leaf).sequence
    except ValueError:
        return None


def _problem(kind: ProblemKind, *, sequence: int, leaf: bytes, place: str) -> Problem:
    try:
        entry_id = read_header(leaf).entry_id
    except ValueError:
        entry_id = None
    return Problem(kind=kind, sequence=sequence, entry_id=entry_id, place=place)
