"""An entry of a log and its one byte form.

    version        1 byte, 2
    sequence       8 bytes, from 1
    time_micros    8 bytes, signed, microseconds since 1970-01-01 UTC
    kind           1 byte length, then so many bytes of [a-z_]
    entry_id       1 byte length, then so many bytes of [A-Za-z0-9._-]
    body           the rest: canonical JSON of an object

Numbers are big-endian. Different entries have different bytes. These bytes are the leaf of the log's Merkle tree.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sdk.tlog.canonical import decode_canonical

VERSION = 2
LEAF_BYTES_MAX = 4 << 20
"""Longest entry."""
ENTRY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
KIND = re.compile(r"[a-z_]{1,32}")
_FIXED = struct.Struct(">BQqB")
_LEAF_PREFIX = b"\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHeader:
    """What an entry says before its body; read without looking at the body."""

    sequence: int
    entry_id: str
    kind: str
    time_micros: int
    body_offset: int
    """Where the body's JSON begins in the leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A durable entry."""

    sequence: int
    """Position in the log, from 1."""
    entry_id: str
    """Unique id, shown to the recipient."""
    kind: str
    time_micros: int
    """Microseconds since 1970-01-01 UTC."""
    body: Mapping[str, Any]
    """Kind-specific; strings, integers, booleans, null, lists and objects only (no floats)."""
    leaf: bytes
    """The entry's one byte form."""

    @property
    def sha256(self) -> str:
        """Hex hash of the leaf in the log's Merkle tree (RFC 9162)."""
        return leaf_hash(self.leaf).hex()


def encode_entry(body_json: bytes, *, sequence: int, entry_id: str, kind: str, time_micros: int) -> bytes:
    """Return the leaf of an entry.

    Args:
        body_json: Canonical JSON of an object.
        sequence: From 1.
        entry_id: Matches `ENTRY_ID`.
        kind: Matches `KIND`.
        time_micros: Microseconds since 1970-01-01 UTC.
    """
    kind_bytes, id_bytes = kind.encode(), entry_id.encode()
    fixed = _FIXED.pack(VERSION, sequence, time_micros, len(kind_bytes))
    return b"".join((fixed, kind_bytes, bytes((len(id_bytes),)), id_bytes, body_json))


def read_header(leaf: bytes) -> EntryHeader:
    """Return what stands before the body.

    Raises:
        ValueError: It is no entry of this version.
    """
    try:
        version, sequence, time_micros, kind_length = _FIXED.unpack_from(leaf)
        id_at = _FIXED.size + kind_length + 1
        body_at = id_at + leaf[id_at - 1]
        kind, entry_id = leaf[_FIXED.size : id_at - 1].decode("ascii"), leaf[id_at:body_at].decode("ascii")
    except (struct.error, IndexError, UnicodeDecodeError):
        raise ValueError("not an entry") from None
    if version != VERSION or sequence < 1 or not KIND.fullmatch(kind) or not ENTRY_ID.fullmatch(entry_id):
        raise ValueError("not an entry")
    return EntryHeader(sequence=sequence, entry_id=entry_id, kind=kind, time_micros=time_micros, body_offset=body_at)


def micros_of(leaf: bytes) -> int:
    """Return the time of an entry, in microseconds since 1970-01-01 UTC, without looking at the rest of it."""
    return int.from_bytes(leaf[9:17], signed=True)


def decode_entry(leaf: bytes) -> Entry:
    """Return the entry whose byte form is `leaf`.

    Raises:
        ValueError: It is not exactly what `encode_entry` returns.
    """
    header = read_header(leaf)
    body = decode_canonical(leaf[header.body_offset :])
    if not isinstance(body, dict):
        raise ValueError("the body is no object")
    return Entry(
        sequence=header.sequence,
        entry_id=header.entry_id,
        kind=header.kind,
        time_micros=header.time_micros,
        body=body,
        leaf=leaf,
    )


def leaf_hash(leaf: bytes) -> bytes:
    """Return the leaf hash of RFC 9162: SHA-256 over 0x00 and the leaf, 32 bytes."""
    return hashlib.sha256(_LEAF_PREFIX + leaf).digest()
