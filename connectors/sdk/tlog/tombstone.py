"""The signed tombstone: what stands for entries that were removed when their retention ended.

It says how many they were, with the hashes from which the tree goes on, so whatever follows is verified as before.
There is one tombstone; a later one counts the entries of the earlier one too. It is a C2SP signed note with the text

    tombstone/v1
    <canonical JSON>
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.canonical import JsonValue, decode_canonical, encode_canonical
from connectors.sdk.tlog.files import OsFiles, sync_directory
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.note import VerificationKey, read_checkpoint
from connectors.sdk.tlog.segments import Segment, list_segments

TOMBSTONE = "tombstone"

_TITLE = b"tombstone/v1\n"
"""Begins no checkpoint: those begin with the log's name and a number."""


class ForgedTombstoneError(ValueError):
    """It is not this log's tombstone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What stands for removed entries."""

    tree: CompactRange
    """Of all entries removed so far."""
    checkpoint: bytes
    """The log's, for exactly these entries."""
    time_micros: int
    """When they were removed, microseconds since 1970-01-01 UTC."""
    requester: str
    """Who removed them."""
    reason: str
    removed: Mapping[str, str]
    """Hex SHA-256 of every file removed with this tombstone, by its name."""

    def to_json(self) -> dict[str, JsonValue]:
        """Return all of it."""
        return {
            "size": self.tree.end,
            "hashes": [base64.b64encode(subtree).decode() for subtree in self.tree.hashes],
            "checkpoint": self.checkpoint.decode(),
            "time_micros": self.time_micros,
            "requester": self.requester,
            "reason": self.reason,
            "removed": dict(self.removed),
        }


def sign_tombstone(tombstone: Tombstone, *, name: str, signing_key: Ed25519PrivateKey) -> bytes:
    """Return the content of the file `tombstone` of the log `name`."""
    text = _TITLE + encode_canonical(tombstone.to_json()) + b"\n"
    key = VerificationKey(name=name, key=signing_key.public_key())
    signature = base64.b64encode(key.key_hash + signing_key.sign(text))
    return b"%b\n\xe2\x80\x94 %b %b\n" % (text, name.encode(), signature)


def read_tombstone(directory: Path, *, public_key: VerificationKey) -> Tombstone | None:
    """Return the tombstone of a log; None when nothing was removed yet.

    Raises:
        ForgedTombstoneError: It is not signed with the log's key, or contradicts itself.
        OSError: It cannot be read.
    """
    note = _note(directory)
    if note is None:
        return None
    text, line = note
    name, _, signature = line.rstrip(b"\n").partition(b" ")
    try:
        data = base64.b64decode(signature, validate=True)
        if name != public_key.name.encode() or data[:4] != public_key.key_hash:
            raise ValueError("another log's")
        public_key.key.verify(data[4:], text)
        tombstone = _read(text)
        signed = read_checkpoint(tombstone.checkpoint, public_key=public_key)
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise ForgedTombstoneError(f"the tombstone is not this log's: {error}") from None
    if (signed.size, signed.root) != (tombstone.tree.end, tombstone.tree.root):
        raise ForgedTombstoneError("the tombstone's hashes are not what its checkpoint signs")
    return tombstone


def live_segments(directory: Path, *, retired: int | None = None) -> list[Segment]:
    """Return the segments whose entries were not removed, in order; what stands below the tombstone is no part of the log.

    Args:
        directory: Of the log.
        retired: Entries removed, by whoever has checked the tombstone. None takes the tombstone's word, WITHOUT checking its
            signature: for readers without the log's key. Verification finds a forged one.

    Raises:
        ForgedTombstoneError: It has another form.
        OSError: The directory cannot be read.
    """
    if retired is None:
        note = _note(directory)
        try:
            retired = _read(note[0]).tree.end if note else 0
        except (ValueError, KeyError, TypeError) as error:
            raise ForgedTombstoneError(f"the tombstone is not this log's: {error}") from None
    return [segment for segment in list_segments(directory) if segment.first_sequence > retired]


def planted_segments(directory: Path, *, tombstone: Tombstone) -> list[Segment]:
    """Return the segments that have the place of removed entries and are not what a crash left of the removal.

    Raises:
        OSError: A file cannot be read.
    """
    removed = [segment for segment in list_segments(directory) if segment.first_sequence <= tombstone.tree.end]
    return [segment for segment in removed if not _is_left(segment.path, tombstone=tombstone)]


def remove_left_files(directory: Path, *, tombstone: Tombstone) -> None:
    """Delete the files that the tombstone stands for.

    Raises:
        OSError: A file cannot be read or deleted.
    """
    left = [path for name in tombstone.removed if _is_left(path := directory / name, tombstone=tombstone)]
    for path in left:
        path.unlink()
    if left:
        sync_directory(OsFiles(), directory=directory)


def _is_left(path: Path, *, tombstone: Tombstone) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == tombstone.removed.get(path.name)
    except FileNotFoundError:
        return False


def _note(directory: Path) -> tuple[bytes, bytes] | None:
    """Return the text and the signature line of the file; None when there is none."""
    try:
        note = (directory / TOMBSTONE).read_bytes()
    except FileNotFoundError:
        return None
    text, _, line = note.rpartition(b"\n\xe2\x80\x94 ")
    return text, line


def _read(text: bytes) -> Tombstone:
    if not text.startswith(_TITLE):
        raise ValueError("it is no tombstone")
    match decode_canonical(text[len(_TITLE) : -1]):
        case {
            "size": int(size),
            "hashes": list(hashes),
            "checkpoint": str(checkpoint),
            "time_micros": int(time_micros),
            "requester": str(requester),
            "reason": str(reason),
            "removed": dict(removed),
        }:
            return Tombstone(
                tree=CompactRange(end=size, hashes=[base64.b64decode(str(subtree)) for subtree in hashes]),
                checkpoint=checkpoint.encode(),
                time_micros=time_micros,
                requester=requester,
                reason=reason,
                removed={name: str(sha256) for name, sha256 in removed.items()},
            )
    raise ValueError("it has another form")
