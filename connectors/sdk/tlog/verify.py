"""Verify a log with nothing but its key: on an auditor's own machine, or on the host while it is written."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

from connectors.sdk.tlog.commits import SegmentContent, read_segment
from connectors.sdk.tlog.hash_store import StoredHashes
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.note import (
    CHECKPOINT_BYTES_MAX,
    Checkpoint,
    ForgedCheckpointError,
    MalformedCheckpointError,
    VerificationKey,
    read_checkpoint,
)
from connectors.sdk.tlog.problems import Problem, ProblemKind, Verification
from connectors.sdk.tlog.segments import CHECKPOINT, Segment
from connectors.sdk.tlog.tombstone import (
    TOMBSTONE,
    ForgedTombstoneError,
    live_segments,
    planted_segments,
    read_tombstone,
)
from connectors.sdk.tlog.walk import Walk

_PARALLEL_BYTES_MIN = 64 << 20
"""Less is read faster than processes start."""


def verify(
    directory: Path,
    *,
    public_key: VerificationKey,
    kept_checkpoints: Sequence[bytes] = (),
    parallel: bool = True,
    on_progress: Callable[[int], object] = lambda entries: None,
) -> Verification:
    """Verify the log in `directory`, also while a writer has it open.

    Args:
        directory: Tombstone, segments and checkpoint.
        public_key: The log's.
        kept_checkpoints: Older ones from elsewhere; only they, or a witness, reveal a log put back or a second history.
        parallel: Whether a long log may be read by further processes, which a process with threads must not start.
        on_progress: Is told the entries verified so far, segment by segment; what it raises ends the verification.

    Returns:
        What was found, with the first bad entry named.

    Raises:
        OSError: Something cannot be read.
    """
    notes = [(CHECKPOINT, read_checkpoint_file(directory))]
    notes += [(f"kept:{number}", note) for number, note in enumerate(kept_checkpoints, 1)]
    read = [_head(note, place=place, public_key=public_key) for place, note in notes]
    heads = [head for head in read if isinstance(head, Checkpoint)]
    problems = [problem for problem in read if isinstance(problem, Problem)]
    tree = CompactRange()
    try:
        if tombstone := read_tombstone(directory, public_key=public_key):
            tree = tombstone.tree
            problems += [
                Problem(kind=ProblemKind.PLANTED, sequence=None, entry_id=None, place=planted.path.name)
                for planted in planted_segments(directory, tombstone=tombstone)
            ]
    except ForgedTombstoneError:
        problems.append(Problem(kind=ProblemKind.TOMBSTONE_FORGED, sequence=None, entry_id=None, place=TOMBSTONE))
    retired = tree.end
    walk = Walk(tree, public_key=public_key, stored=StoredHashes(directory), heads=heads)
    rest = _follow(walk, live_segments(directory, retired=retired), parallel=parallel, on_progress=on_progress)
    found = walk.fault or _unfit(heads, walk=walk, retired=retired, rest=rest)
    return Verification(
        entries=walk.size,
        retired=retired,
        root=walk.root,
        torn_bytes=walk.torn_bytes,
        unchecked=sum(head.size < retired for head in heads),
        problems=(*((found,) if found else ()), *problems),
    )


def read_checkpoint_file(directory: Path) -> bytes | None:
    """Return the checkpoint last published, or None when there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with (directory / CHECKPOINT).open("rb") as file:
            return file.read(CHECKPOINT_BYTES_MAX + 1)
    except FileNotFoundError:
        return None


def _follow(
    walk: Walk, segments: Sequence[Segment], *, parallel: bool, on_progress: Callable[[int], object]
) -> Problem | None:
    """Follow the segments and return what is wrong with an unfinished commit at the end, if it counts."""
    rest = None
    for segment, content in zip(segments, _contents(segments, parallel=parallel), strict=True):
        walk.follow(content, last=segment is segments[-1])
        on_progress(walk.size)
        if walk.fault:
            return None
        rest = content.fault
    return rest


def _contents(segments: Sequence[Segment], *, parallel: bool) -> Iterator[SegmentContent]:
    """Read the segments with as many processes as there are processors, a few ahead of whoever takes them."""
    workers = (os.cpu_count() or 1) if parallel else 1
    if workers == 1 or sum(segment.path.stat().st_size for segment in segments) < _PARALLEL_BYTES_MIN:
        yield from map(read_segment, segments)
        return
    remaining = iter(segments)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        ahead = deque(pool.submit(read_segment, segment) for segment in islice(remaining, 2 * workers))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(read_segment, segment) for segment in islice(remaining, 1))


def _head(note: bytes | None, *, place: str, public_key: VerificationKey) -> Checkpoint | Problem:
    kind = ProblemKind.CHECKPOINT_FORGED
    try:
        if note is not None:
            return read_checkpoint(note, public_key=public_key)
        kind = ProblemKind.CHECKPOINT_MISSING
    except MalformedCheckpointError:
        kind = ProblemKind.CHECKPOINT_MALFORMED
    except ForgedCheckpointError:
        pass
    return Problem(kind=kind, sequence=None, entry_id=None, place=place)


def _unfit(heads: Sequence[Checkpoint], *, walk: Walk, retired: int, rest: Problem | None) -> Problem | None:
    """Return what the first checkpoint shows that is not a state of the log."""
    for head in sorted(heads, key=lambda head: head.size):
        if head.size > walk.size:
            ends = Problem(kind=ProblemKind.TRUNCATED, sequence=walk.size + 1, entry_id=None, place="log")
            return rest or ends
        if head.size >= retired and walk.roots.get(head.size) != head.root:
            return Problem(kind=ProblemKind.REWRITTEN, sequence=head.size or None, entry_id=None, place="log")
    return None
