"""The recipient's receipt: what proves, without the gateway, that something was delivered, to whom, for what and until when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog.evidence import Evidence
from gateway.audit.search import readable
from gateway.model.audit import AuditEntry, JsonValue

_FACTS = ("as_of", "late", "missing")


def recipients_receipt(entry: AuditEntry, *, evidence: Evidence) -> bytes:
    """Return what the recipient gets of a receipt entry and the proof that it is in the log: UTF-8 JSON."""
    receipt = {
        "entry": entry.body["intent"],
        "receipt": entry.entry_id,
        "rows": entry.body["sent"]["rows"],
        "content_hash": entry.body["sent"]["content_hash"],
        "datasets": _datasets(entry.body["scans"]),
        "evidence": evidence.to_json(),
    }
    return json.dumps(receipt, sort_keys=True).encode()


def _datasets(scans: Sequence[Mapping[str, JsonValue]]) -> dict[str, dict[str, JsonValue]]:
    """Return how fresh each dataset was, or that it is missing. A scan that was begun anew counts as it ended."""
    return {str(scan["dataset"]): {fact: scan[fact] for fact in _FACTS} for scan in scans}


def find_receipt(index: EntryIndex, *, entry_id: str) -> AuditEntry | None:
    """Return the receipt of a delivery by its own id or by that of its intent; None when there is none.

    Raises:
        Unavailable: The log cannot be read.
    """
    condition = "kind = 'receipt' AND outcome = 'delivered' AND (entry_id = $1 OR intent = $1)"
    with readable():
        return next(index.entries(condition, [entry_id], newest=1), None)
