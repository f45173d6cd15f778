"""Remove the oldest segments when their retention ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from connectors.sdk.tlog.canonical import JsonValue
from connectors.sdk.tlog.commits import read_commits
from connectors.sdk.tlog.entry import micros_of
from connectors.sdk.tlog.files import OsFiles, replace_file
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.segments import FrameType, read_frames
from connectors.sdk.tlog.tombstone import TOMBSTONE, Tombstone, read_tombstone, remove_left_files, sign_tombstone
from connectors.sdk.tlog.walk import Walk
from connectors.sdk.tlog.writer import LogWriter

KEPT_YEARS_MIN = 3
"""Records of sharing are kept for three years (Network Data Security Regulations, article 12)."""
_YEAR_MICROS = 366 * 86_400 * 1_000_000


def retire(
    log: LogWriter,
    *,
    kept_years: int,
    now_micros: int,
    requester: str,
    reason: str,
    record: Callable[[dict[str, JsonValue]], object],
) -> Tombstone | None:
    """Remove the closed segments, oldest first, of which every entry is old enough.

    They are verified first. What is about to be removed is recorded, then the tombstone is made durable, then the files
    go. If that is interrupted, the next call or opening removes what is left.

    Args:
        log: The open log.
        kept_years: Entries younger than so many years of 366 days stay; at least `KEPT_YEARS_MIN`.
        now_micros: Microseconds since 1970-01-01 UTC.
        requester: Who asks for it.
        reason: Why.
        record: Appends an entry with what is about to be removed.

    Returns:
        The new tombstone; None when nothing is old enough.

    Raises:
        LogUnavailable: It could not be recorded; nothing was removed.
        ValueError: The retention is too short, or the log is damaged; nothing was removed.
        OSError: A file could not be read, written or removed.
    """
    if kept_years < KEPT_YEARS_MIN:
        raise ValueError(f"entries are kept for at least {KEPT_YEARS_MIN} years")
    if earlier := read_tombstone(log.directory, public_key=log.verification_key):
        remove_left_files(log.directory, tombstone=earlier)
    walk = Walk(earlier.tree if earlier else CompactRange(), public_key=log.verification_key, stored=log.hashes)
    removed = _removable(log, walk=walk, until_micros=now_micros - kept_years * _YEAR_MICROS)
    if not removed:
        return None
    tree, note = walk.tree, walk.note
    tombstone = Tombstone(
        tree=tree, checkpoint=note, time_micros=now_micros, requester=requester, reason=reason, removed=removed
    )
    record(tombstone.to_json())
    signed = sign_tombstone(tombstone, name=log.verification_key.name, signing_key=log.signing_key)
    replace_file(OsFiles(), path=log.directory / TOMBSTONE, data=signed, durable=True)
    log.retired = tombstone.tree.end
    remove_left_files(log.directory, tombstone=tombstone)
    return tombstone


def _removable(log: LogWriter, *, walk: Walk, until_micros: int) -> dict[str, str]:
    """Follow the closed segments as far as every entry is from before `until_micros`; return their files' SHA-256."""
    removed: dict[str, str] = {}
    for segment in log.segments()[:-1]:
        data = segment.path.read_bytes()
        times = (micros_of(payload) for _, kind, payload, _ in read_frames(data) if kind == FrameType.ENTRY)
        if any(time_micros >= until_micros for time_micros in times):
            break
        walk.follow(read_commits(segment, data=data), last=False)
        if walk.fault:
            raise ValueError(f"{walk.fault.place} is damaged: entry {walk.fault.sequence}: {walk.fault.text.en}")
        removed |= {path.name: _sha256(path.read_bytes()) for path in sorted(_beside(segment.path))}
        removed[segment.path.name] = _sha256(data)
    return removed


def _beside(segment: Path) -> set[Path]:
    """Return what stands beside a segment under its name."""
    return set(segment.parent.glob(f"{segment.stem}.*")) - {segment}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
