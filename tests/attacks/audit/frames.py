"""Take a log apart into frames, and put it together again with checksums that fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import decode_entry, encode_entry, leaf_hash
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.note import sign_checkpoint
from connectors.sdk.tlog.segments import FrameType, checkpoint_frame, entry_frame, list_segments, read_frames
from tests.unit.connectors.sdk.tlog.conftest import NAME


@dataclass(frozen=True)
class Frame:
    """An entry's leaf or a note."""

    type: int
    payload: bytes

    @property
    def bytes(self) -> bytes:
        if self.type == FrameType.ENTRY:
            return entry_frame(self.payload, hash_=leaf_hash(self.payload))
        return checkpoint_frame(self.payload)


def segment(directory: Path, number: int) -> Path:
    """Return the file of a segment, from 0."""
    return list_segments(directory)[number].path


def read(path: Path) -> list[Frame]:
    return [Frame(frame_type, payload) for _, frame_type, payload, _ in read_frames(path.read_bytes())]


def write(path: Path, frames: list[Frame]) -> None:
    path.write_bytes(b"".join(frame.bytes for frame in frames))


def offset(path: Path, number: int) -> int:
    """Return where a frame of a segment begins, from 0."""
    return [at for at, *_ in read_frames(path.read_bytes())][number]


def changed(frame: Frame, *, note: str | None = None, sequence: int | None = None) -> Frame:
    """Return an entry's frame with another body or sequence."""
    entry = decode_entry(frame.payload)
    body = entry.body if note is None else {"note": note}
    leaf = encode_entry(
        encode_canonical(dict(body)),
        sequence=sequence or entry.sequence,
        entry_id=entry.entry_id,
        kind=entry.kind,
        time_micros=entry.time_micros,
    )
    return replace(frame, payload=leaf)


def signed_anew(
    directory: Path, key: Ed25519PrivateKey, *, change: Callable[[Frame], Frame], old_signatures: bool = False
) -> None:
    """Change entries and recompute every checkpoint, that of the file too.

    Args:
        directory: The log.
        key: Signs what is new.
        change: Applied to every entry.
        old_signatures: Keep the signature lines instead.
    """
    tree, note = CompactRange(), b""
    for found in list_segments(directory):
        frames = []
        for frame in read(found.path):
            if frame.type == FrameType.ENTRY:
                frame = change(frame)
                tree.append(leaf_hash(frame.payload))
            else:
                note = sign_checkpoint(name=NAME, size=tree.end, root=tree.root, signing_key=key)
                if old_signatures:
                    note = b"\n\n".join((note.split(b"\n\n")[0], frame.payload.split(b"\n\n")[1]))
                frame = replace(frame, payload=note)
            frames.append(frame)
        write(found.path, frames)
    (directory / "checkpoint").write_bytes(note)


def renumbered(frames: list[Frame], *, first: int) -> list[Frame]:
    """Give the entries the sequences from `first`."""
    numbers = iter(range(first, first + len(frames)))
    return [changed(frame, sequence=next(numbers)) if frame.type == FrameType.ENTRY else frame for frame in frames]
