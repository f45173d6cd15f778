from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connectors.sdk.tlog import decode_entry, list_segments, read_leaves
from gateway.audit.log import AuditLog
from gateway.model.audit import AuditEntry, EntryKind

OpenLog = Callable[..., AuditLog]
INTENT = {
    "requester": {"subject": "clerk-1", "office": "310101002"},
    "purpose": "grid-inspection",
    "case": "c-1",
    "channel": "flight_sql",
    "datasets": [{"name": "housing.dwelling", "columns": []}],
}


def entries(directory: Path) -> list[AuditEntry]:
    return [decode_entry(leaf) for segment in list_segments(directory) for leaf in read_leaves(segment)]


def test_open_intents_become_unknown(directory: Path, open_log: OpenLog) -> None:
    """Each intent that nothing closed gets exactly one receipt with an unknown outcome, which says whose it was."""
    with open_log(segment_bytes_max=500) as log:
        closed = log.append(EntryKind.INTENT, INTENT)
        failed = log.append(EntryKind.INTENT, INTENT)
        first = log.append(EntryKind.INTENT, INTENT)
        log.append(EntryKind.RECEIPT, {"intent": closed.entry_id})
        log.append(EntryKind.FAILURE, {"intent": failed.entry_id})
        log.append(EntryKind.FAILURE, {"reason": "TOKEN_INVALID"})
        last = log.append(EntryKind.INTENT, INTENT)
    with open_log():
        pass
    opened, *receipts = entries(directory)[8:]
    assert opened.kind == EntryKind.OPENED
    assert opened.body["open_intents"] == 2
    assert [receipt.kind for receipt in receipts] == [EntryKind.RECEIPT] * 2
    assert [receipt.body["intent"] for receipt in receipts] == [first.entry_id, last.entry_id]
    assert receipts[0].body == {
        **INTENT,
        "datasets": [{"name": "housing.dwelling"}],
        "intent": first.entry_id,
        "intent_sequence": first.sequence,
        "outcome": "unknown",
        "sent": None,
        "reason": None,
        "durations_micros": {},
    }


def test_unknown_is_said_once(directory: Path, open_log: OpenLog) -> None:
    """A further opening has nothing left to close."""
    with open_log() as log:
        log.append(EntryKind.INTENT, INTENT)
    for _ in range(2):
        with open_log():
            pass
    kinds = [entry.kind for entry in entries(directory)]
    assert kinds.count(EntryKind.RECEIPT) == 1
    assert entries(directory)[-1].body["open_intents"] == 0
