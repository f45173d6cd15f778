"""Which results their recipients still have to destroy, or have destroyed, as the log alone says."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import readable
from gateway.model.audit import AuditEntry, EntryKind

DECLARED, ENDED = "emergency_declare", "emergency_end"
"""Actions of governance entries that begin and end an emergency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResult:
    """A result that an office received, or may have."""

    intent: AuditEntry
    rows: int | None
    """Rows sent; None when nobody knows."""
    destruction: AuditEntry | None
    """The entry that records its destruction."""


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


def owed_destructions(index: EntryIndex, *, now: int) -> tuple[OwedDestruction, ...]:
    """Return every result of an emergency that is over by `now` and has no destruction entry, oldest first.

    A result counts when rows of it were sent, or may have been: a cancelled, revoked or failed delivery too.

    Args:
        index: The log.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        Unavailable: The log cannot be read.
    """
    with readable():
        ended_at = {id: end for id, end in _ends(index).items() if end <= now}
        if not ended_at:
            return ()
        results = "kind = $1 AND list_contains($2, emergency)"
        intents = {entry.entry_id: entry for entry in index.entries(results, (EntryKind.INTENT, [*ended_at]))}
        rows: dict[str, int | None] = {}
        for entry in index.entries(
            "kind IN ($1, $2) AND list_contains($3, intent)", (EntryKind.RECEIPT, EntryKind.DESTRUCTION, [*intents])
        ):
            if entry.kind == EntryKind.DESTRUCTION:
                intents.pop(entry.body["intent"], None)
            else:
                rows[entry.body["intent"]] = (entry.body["sent"] or {}).get("rows")
    owed = (
        OwedDestruction(intent=intent, emergency=emergency, ended_at=ended_at[emergency], rows=rows[id])
        for id, intent in intents.items()
        for emergency in (intent.body["obligations"]["emergency"],)
        if rows.get(id, 0) != 0
    )
    return tuple(owed)


def kept_result(index: EntryIndex, *, entry_id: str, office: str) -> KeptResult | None:
    """Return a result by its intent; None when there is none that has ended, or it is another office's.

    Args:
        index: The log.
        entry_id: Of the intent.
        office: Who must have received it.

    Raises:
        Unavailable: The log cannot be read.
    """
    with readable():
        intent = next(index.entries("kind = $1 AND entry_id = $2", (EntryKind.INTENT, entry_id)), None)
        if intent is None or intent.body["requester"]["office"] != office:
            return None
        endings = "kind IN ($1, $2) AND intent = $3"
        ended = {
            entry.kind: entry for entry in index.entries(endings, (EntryKind.RECEIPT, EntryKind.DESTRUCTION, entry_id))
        }
    receipt = ended.get(EntryKind.RECEIPT)
    if receipt is None:
        return None
    rows = (receipt.body["sent"] or {}).get("rows")
    return KeptResult(intent=intent, rows=rows, destruction=ended.get(EntryKind.DESTRUCTION))


def _ends(index: EntryIndex) -> dict[str, int]:
    """Return when each emergency was, or will be, over."""
    ended_at: dict[str, int] = {}
    for entry in index.entries("kind = $1 AND action IN ($2, $3)", (EntryKind.GOVERNANCE, DECLARED, ENDED)):
        target = entry.body["target"]
        if entry.body["action"] == DECLARED:
            ended_at[target] = entry.body["facts"]["ends_at"]
        elif target in ended_at:
            ended_at[target] = min(ended_at[target], entry.time_micros // 1_000_000)
    return ended_at
