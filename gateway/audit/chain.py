"""The form of an entry's line and the hash that links each entry to the one before.

A line is the canonical JSON of `{"body", "entry_id", "kind", "previous", "sequence", "time_micros", "version"}` and a
line feed. The SHA-256 of the line without its line feed is the entry's hash; `previous` is the hash of the one before.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from gateway.audit.canonical import decode_canonical
from gateway.model.audit import AuditEntry, EntryKind

VERSION = 1
LINE_BYTES_MAX = 4 << 20
"""Longest line, with its line feed."""

ENTRY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What an entry id looks like."""

_TAIL_BYTES_MAX = 400
_TAIL = re.compile(
    rb',"entry_id":"(?P<entry_id>[A-Za-z0-9._-]{1,64})","kind":"(?P<kind>[a-z_]{1,32})"'
    rb',"previous":"(?P<previous>[0-9a-f]{64})","sequence":(?P<sequence>[1-9][0-9]{0,17})'
    rb',"time_micros":(?P<time_micros>0|-?[1-9][0-9]{0,18}),"version":1}\n\Z'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """What a checkpoint signs: the number of entries and the hash of the last."""

    size: int
    sha256: str


EMPTY = ChainHead(size=0, sha256="0" * 64)
"""Head of a log without entries; its hash is the first entry's `previous`."""


def encode_line(body: bytes, *, entry_id: str, kind: EntryKind, after: ChainHead, time_micros: int) -> bytes:
    """Return the line of the entry that follows `after`.

    Args:
        body: Canonical JSON of an object.
        entry_id: Matches `ENTRY_ID`.
        kind: Kind of the entry.
        after: Head of the log so far.
        time_micros: Microseconds since 1970-01-01 UTC.
    """
    return b'{"body":%b,"entry_id":"%b","kind":"%b","previous":"%b","sequence":%d,"time_micros":%d,"version":%d}\n' % (
        body,
        entry_id.encode(),
        kind.encode(),
        after.sha256.encode(),
        after.size + 1,
        time_micros,
        VERSION,
    )


def hash_line(line: bytes) -> str:
    """Return the hex hash of the entry on `line`, which ends with a line feed."""
    return hashlib.sha256(line[:-1]).hexdigest()


def match_tail(line: bytes) -> re.Match[bytes] | None:
    """Return the fields after the body (named groups) without reading the body, or None when this is no entry.

    The fields are the entry's own when the line is canonical JSON, which only the chain and its signature can tell.
    """
    if not line.startswith(b'{"body":{'):
        return None
    return _TAIL.search(line, max(0, len(line) - _TAIL_BYTES_MAX))


def read_entry(line: bytes) -> AuditEntry:
    """Return the entry on `line`.

    Raises:
        ValueError: The line is not exactly what `encode_line` returns.
    """
    match = match_tail(line)
    value = decode_canonical(line[:-1])
    if match is None or not isinstance(value, dict) or not isinstance(body := value["body"], dict):
        raise ValueError("not an entry")
    return AuditEntry(
        sequence=int(match["sequence"]),
        entry_id=match["entry_id"].decode(),
        kind=EntryKind(match["kind"].decode()),
        time_micros=int(match["time_micros"]),
        body=body,
        sha256=hash_line(line),
    )
