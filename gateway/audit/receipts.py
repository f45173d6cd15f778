"""The recipient's receipt: what proves, without the gateway, that something was delivered, to whom, for what and until when."""

from __future__ import annotations

import json

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog.evidence import Evidence
from gateway.audit.search import readable
from gateway.model.audit import AuditEntry


def recipients_receipt(entry: AuditEntry, *, evidence: Evidence) -> bytes:
    """Return what the recipient gets of a receipt entry and the proof that it is in the log: UTF-8 JSON."""
    receipt = {
        "entry": entry.body["intent"],
        "receipt": entry.entry_id,
        "rows": entry.body["sent"]["rows"],
        "content_hash": entry.body["sent"]["content_hash"],
        "evidence": evidence.to_json(),
    }
    return json.dumps(receipt, sort_keys=True).encode()


def find_receipt(index: EntryIndex, *, entry_id: str) -> AuditEntry | None:
    """Return the receipt of a delivery by its own id or by that of its intent; None when there is none.

    Raises:
        Unavailable: The log cannot be read.
    """
    condition = "kind = 'receipt' AND outcome = 'delivered' AND (entry_id = $1 OR intent = $1)"
    with readable():
        return next(index.entries(condition, [entry_id], newest=1), None)
