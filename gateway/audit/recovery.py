"""Find what an earlier run of the gateway left open."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.sdk.tlog.entry import decode_entry, read_header
from connectors.sdk.tlog.segments import Segment, read_leaves
from gateway.audit.record import receipt_body
from gateway.model.audit import EntryKind, JsonValue, Outcome

_CLOSING = frozenset({EntryKind.RECEIPT, EntryKind.FAILURE})
_CLOSED = re.compile(rb'"intent":"([A-Za-z0-9._-]{1,64})"')
"""Text in a body cannot match: its quotation marks are escaped."""


def unknown_receipts(segments: Sequence[Segment]) -> list[dict[str, JsonValue]]:
    """Return the bodies of receipts with an unknown outcome, for every intent that nothing closed, oldest first.

    Reads back to the last time the log was opened: whatever was open then was closed then.

    Raises:
        OSError: The log cannot be read.
        ValueError: It is damaged, or an intent is not in canonical form.
    """
    found: list[bytes] = []
    closed: set[str] = set()
    for segment in reversed(segments):
        intents: dict[str, bytes] = {}
        opened = False
        for leaf in read_leaves(segment):
            header = read_header(leaf)
            if header.kind == EntryKind.OPENED:
                intents.clear()
                opened = True
            elif header.kind == EntryKind.INTENT:
                intents[header.entry_id] = leaf
            elif header.kind in _CLOSING and (closes := _CLOSED.search(leaf, header.body_offset)):
                intent = closes[1].decode()
                closed.add(intent)
                intents.pop(intent, None)
        found[:0] = [leaf for entry_id, leaf in intents.items() if entry_id not in closed]
        if opened:
            break
    return [receipt_body(decode_entry(leaf), outcome=Outcome.UNKNOWN, sent=None) for leaf in found]
