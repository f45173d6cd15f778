"""Which results of ended emergencies still have to be destroyed, as the log alone says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.canonical import encode_canonical
from gateway.audit.search import scan
from gateway.model.audit import AuditEntry, EntryKind

DECLARED, ENDED = "emergency_declare", "emergency_end"
"""Actions of governance entries that begin and end an emergency."""
_DECISIONS = (EntryKind.GOVERNANCE, EntryKind.DESTRUCTION)
_RESULTS = (EntryKind.INTENT, EntryKind.RECEIPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedDestruction:
    """A result that its recipient has to destroy."""

    intent: AuditEntry
    emergency: str
    ended_at: int
    """Seconds since 1970-01-01 UTC."""
    rows: int | None
    """Rows sent; None when nobody knows."""

    @property
    def office(self) -> str:
        """Office that received the result."""
        return str(self.intent.body["requester"]["office"])


def owed_destructions(directory: Path, *, now: int) -> tuple[OwedDestruction, ...]:
    """Return every result of an emergency that is over by `now` and has no destruction entry, oldest first.

    A result counts when rows of it were sent, or may have been: a cancelled, revoked or failed delivery too. The log is
    read once: a declaration stands before what it opened, and of the results only those for its purposes are decoded.

    Args:
        directory: The log.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        Unavailable: The log cannot be read.
    """
    ended_at: dict[str, int] = {}
    purposes: set[bytes] = set()
    intents: dict[str, AuditEntry] = {}
    rows: dict[str, int | None] = {}

    def wanted(tail: re.Match[bytes], line: bytes) -> bool:
        kind = tail["kind"].decode()
        return kind in _DECISIONS or (kind in _RESULTS and any(purpose in line for purpose in purposes))

    for entry in scan(directory, wanted=wanted):
        body = entry.body
        match entry.kind:
            case EntryKind.GOVERNANCE if body["action"] == DECLARED:
                ended_at[body["target"]] = body["facts"]["ends_at"]
                purposes.update(map(encode_canonical, body["facts"]["purposes"]))
            case EntryKind.GOVERNANCE if body["action"] == ENDED and body["target"] in ended_at:
                ended_at[body["target"]] = min(ended_at[body["target"]], entry.time_micros // 1_000_000)
            case EntryKind.INTENT if (body["obligations"] or {}).get("emergency") in ended_at:
                intents[entry.entry_id] = entry
            case EntryKind.RECEIPT if body["intent"] in intents:
                rows[body["intent"]] = (body["sent"] or {}).get("rows")
            case EntryKind.DESTRUCTION:
                intents.pop(body["intent"], None)
    owed = (
        OwedDestruction(intent=intent, emergency=emergency, ended_at=ended_at[emergency], rows=rows[id])
        for id, intent in intents.items()
        if rows.get(id, 0) != 0 and ended_at[emergency := intent.body["obligations"]["emergency"]] <= now
    )
    return tuple(owed)
