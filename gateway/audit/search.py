"""Answer an auditor's question by reading the segments; needs no writer, so it works while the log is stopped."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.canonical import encode_canonical
from gateway.audit.chain import match_tail, read_entry
from gateway.audit.segments import list_segments, read_lines
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry

ENTRIES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilters:
    """What an entry must match; an empty filter matches everything (SearchEntriesRequest)."""

    from_time: int = 0
    """Seconds since 1970-01-01 UTC; 0 for no bound."""
    until_time: int = 0
    """Exclusive."""
    office: str = ""
    requester: str = ""
    """Subject."""
    purpose: str = ""
    dataset: str = ""
    kind: str = ""
    case: str = ""
    entries_max: int = 0
    """Newest entries to return; 0 means `ENTRIES_MAX`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry and the bytes it was read from."""

    entry: AuditEntry
    canonical_json: bytes
    """What `entry.sha256` is the hash of."""


def search(directory: Path, *, filters: SearchFilters) -> Iterator[StoredEntry]:
    """Yield the newest entries that match every filter, oldest first.

    Reads from the newest segment back until it has enough. An unfinished last line is not an entry yet.

    Raises:
        Unavailable: The log cannot be read, or a line is no entry: no answer is better than a partial one.
    """
    wanted = filters.entries_max if filters.entries_max > 0 else ENTRIES_MAX
    needles = _needles(filters)
    newest: deque[StoredEntry] = deque()
    try:
        for segment in reversed(list_segments(directory)):
            found = deque(_matches(segment.path, filters=filters, needles=needles), maxlen=wanted - len(newest))
            newest.extendleft(reversed(found))
            if len(newest) == wanted:
                break
    except (OSError, ValueError) as error:
        raise Unavailable(Reason.AUDIT_UNAVAILABLE, internal=f"the log cannot be read: {error}") from error
    yield from newest


def _matches(path: Path, *, filters: SearchFilters, needles: list[bytes]) -> Iterator[StoredEntry]:
    for number, line in enumerate(read_lines(path), 1):
        tail = match_tail(line)
        if tail is None:
            if line.endswith(b"\n"):
                raise ValueError(f"{path.name}:{number} is not an entry")
            return
        if not _tail_matches(tail, filters=filters) or not all(needle in line for needle in needles):
            continue
        entry = read_entry(line)
        if _body_matches(entry.body, filters=filters):
            yield StoredEntry(entry=entry, canonical_json=line[:-1])


def _needles(filters: SearchFilters) -> list[bytes]:
    """Return what a matching line must hold somewhere; spares reading most bodies."""
    texts = (filters.office, filters.requester, filters.purpose, filters.dataset, filters.case)
    return [encode_canonical(text) for text in texts if text]


def _tail_matches(tail: re.Match[bytes], *, filters: SearchFilters) -> bool:
    if filters.kind and tail["kind"] != filters.kind.encode():
        return False
    seconds = int(tail["time_micros"]) // 1_000_000
    return filters.from_time <= seconds and (not filters.until_time or seconds < filters.until_time)


def _body_matches(body: Mapping[str, Any], *, filters: SearchFilters) -> bool:
    requester = body.get("requester") or {}
    pairs = (
        (filters.office, requester.get("office")),
        (filters.requester, requester.get("subject")),
        (filters.purpose, body.get("purpose")),
        (filters.case, body.get("case")),
    )
    if any(wanted and wanted != found for wanted, found in pairs):
        return False
    return not filters.dataset or any(d["name"] == filters.dataset for d in body.get("datasets", ()))
