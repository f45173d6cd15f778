"""Answer an auditor's question by reading the segments; needs no writer, so it works while the log is stopped."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
Wanted = Callable[[re.Match[bytes], bytes], bool]
"""Tells from the tail and the whole line whether an entry is worth reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilters:
    """What an entry must match; an empty filter matches everything (SearchEntriesRequest)."""

    from_time: int = 0
    """Seconds since 1970-01-01 UTC; 0 for no bound."""
    until_time: int = 0
    """Exclusive."""
    office: str = ""
    requester: str = ""
    """Subject: who did it, or to whom it was done."""
    purpose: str = ""
    """Declared, or decided about."""
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

    def may_match(tail: re.Match[bytes], line: bytes) -> bool:
        return _tail_matches(tail, filters=filters) and all(needle in line for needle in needles)

    with _readable():
        for segment in reversed(list_segments(directory)):
            read = _read(segment.path, wanted=may_match)
            matching = (stored for stored in read if _body_matches(stored.entry.body, filters=filters))
            newest.extendleft(reversed(deque(matching, maxlen=wanted - len(newest))))
            if len(newest) == wanted:
                break
    yield from newest


def scan(directory: Path, *, wanted: Wanted) -> Iterator[AuditEntry]:
    """Yield the wanted entries in the order of the log; `wanted` may depend on those that came before.

    Raises:
        Unavailable: The log cannot be read, or a line is no entry.
    """
    with _readable():
        for segment in list_segments(directory):
            for stored in _read(segment.path, wanted=wanted):
                yield stored.entry


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise Unavailable(Reason.AUDIT_UNAVAILABLE, internal=f"the log cannot be read: {error}") from error


def _read(path: Path, *, wanted: Wanted) -> Iterator[StoredEntry]:
    for number, line in enumerate(read_lines(path), 1):
        tail = match_tail(line)
        if tail is None:
            if line.endswith(b"\n"):
                raise ValueError(f"{path.name}:{number} is not an entry")
            return
        if wanted(tail, line):
            yield StoredEntry(entry=read_entry(line), canonical_json=line[:-1])


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
    requester, facts = body.get("requester") or {}, body.get("facts") or {}
    found = (
        (filters.office, (requester.get("office"),)),
        (filters.requester, (requester.get("subject"), body.get("target"))),
        (filters.purpose, (body.get("purpose"), *facts.get("purposes", ()))),
        (filters.case, (body.get("case"),)),
        (filters.dataset, [dataset["name"] for dataset in body.get("datasets", ())]),
    )
    return all(not wanted or wanted in names for wanted, names in found)
