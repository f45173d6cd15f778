"""Find out what a log holds before it is written again; refuse what is not as signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.sdk.tlog.commits import SegmentContent, read_segment
from connectors.sdk.tlog.files import Files
from connectors.sdk.tlog.hash_store import HashStore
from connectors.sdk.tlog.merkle import CompactRange, read_range, read_root
from connectors.sdk.tlog.note import Checkpoint, VerificationKey, read_checkpoint
from connectors.sdk.tlog.segments import Segment, read_last_note, rewrite_segment
from connectors.sdk.tlog.tombstone import live_segments, planted_segments, read_tombstone, remove_left_files
from connectors.sdk.tlog.verify import read_checkpoint_file
from connectors.sdk.tlog.walk import Walk


class LogRefused(ValueError):
    """The log is not what was signed; it must not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a log held when it was opened."""

    tree: CompactRange
    root: bytes
    """Root of the tree, 32 bytes."""
    retired: int
    """Entries that were removed when their retention ended."""
    torn_bytes: int
    """Of an unfinished commit that a crash left; cut off. Nobody was told of its entries."""
    segment: Segment | None
    """The last one."""


def recover(directory: Path, *, public_key: VerificationKey, hashes: HashStore, files: Files) -> Recovered:
    """Verify the last segment and cut off what is torn; afterwards `hashes` holds the tree.

    The segments before it are verified too, unless the stored hashes lead to the root that the last of them signs.

    Args:
        directory: Of the log; locked by the caller.
        public_key: The log's.
        hashes: Stored hashes of an earlier run, open; made anew from all entries when there is any doubt.
        files: The operations.

    Raises:
        LogRefused: The log is not what was signed, or was put back.
        ValueError: The checkpoint or the tombstone is not the log's.
        OSError: Something cannot be read or written.
    """
    note = read_checkpoint_file(directory)
    published = read_checkpoint(note, public_key=public_key) if note is not None else None
    start = _start(directory, public_key=public_key)
    segments = live_segments(directory, retired=start.end)
    if published is None and (segments or start.end):
        raise LogRefused("the checkpoint is missing")
    sealed = _stored_tree(segments, public_key=public_key, hashes=hashes, start=start)
    found = _follow(segments[-1:], tree=sealed, public_key=public_key, hashes=hashes) if sealed is not None else None
    if found is None or not _fits(published, hashes=hashes, walk=found[0], retired=start.end):
        hashes.restart(start)
        found = _follow(segments, tree=start.copy(), public_key=public_key, hashes=hashes)
        if not _fits(published, hashes=hashes, walk=found[0], retired=start.end):
            raise LogRefused("the log is not what the checkpoint signs")
        hashes.mark()
    walk, content = found
    if content and (content.bytes_rest or published is None or walk.size > published.size):
        rewrite_segment(content.segment, files=files, bytes_kept=content.bytes_whole)
    return Recovered(
        tree=walk.tree,
        root=walk.root,
        retired=start.end,
        torn_bytes=walk.torn_bytes,
        segment=content.segment if content else None,
    )


def _start(directory: Path, *, public_key: VerificationKey) -> CompactRange:
    """Finish a removal that was interrupted and return the tree of what was removed."""
    tombstone = read_tombstone(directory, public_key=public_key)
    if tombstone is None:
        return CompactRange()
    for planted in planted_segments(directory, tombstone=tombstone):
        raise LogRefused(f"{planted.path.name} has the place of removed entries and is not what was removed")
    remove_left_files(directory, tombstone=tombstone)
    return tombstone.tree


def _stored_tree(
    segments: Sequence[Segment], *, public_key: VerificationKey, hashes: HashStore, start: CompactRange
) -> CompactRange | None:
    """Return the tree before the last segment when the stored hashes are what the segment before it signs."""
    size, root = start.end, start.root
    if len(segments) > 1:
        note = read_last_note(segments[-2].path)
        if note is None or segments[0].first_sequence != start.end + 1:
            return None
        signed = read_checkpoint(note, public_key=public_key)
        size, root = signed.size, signed.root
    if size > hashes.size:
        return None
    try:
        tree = read_range(hashes, end=size)
        if tree.root != root or read_root(hashes, size=start.end) != start.root:
            return None
    except LookupError:
        return None
    hashes.truncate(size)
    return tree


def _follow(
    segments: Sequence[Segment], *, tree: CompactRange, public_key: VerificationKey, hashes: HashStore
) -> tuple[Walk, SegmentContent | None]:
    """Verify the segments after `tree` and store their hashes; return also what the last one holds."""
    walk = Walk(
        tree, public_key=public_key, stored=hashes, keep=lambda completed, size: hashes.append(completed, size=size)
    )
    content = None
    for segment in segments:
        content = read_segment(segment)
        walk.follow(content, last=segment is segments[-1])
        if walk.fault:
            raise LogRefused(f"{walk.fault.place}: entry {walk.fault.sequence}: {walk.fault.text.en}")
    return walk, content


def _fits(published: Checkpoint | None, *, hashes: HashStore, walk: Walk, retired: int) -> bool:
    """Tell whether the published checkpoint is a state of the log, as far as that is still there."""
    if published is None or published.size < retired:
        return True
    if published.size > walk.size:
        raise LogRefused(
            f"the log ends after entry {walk.size}, but {published.size} are signed: it was put back or cut off"
        )
    try:
        return read_root(hashes, size=published.size) == published.root
    except LookupError:
        return False
