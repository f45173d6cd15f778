"""Find what an earlier run of the gateway left open."""

from __future__ import annotations

import re

from gateway.audit.chain import read_entry
from gateway.audit.problems import Verification
from gateway.audit.record import receipt_body
from gateway.model.audit import EntryKind, JsonValue, Outcome

_INTENT = EntryKind.INTENT.encode()
_CLOSING = frozenset({EntryKind.RECEIPT.encode(), EntryKind.FAILURE.encode()})
_CLOSED = re.compile(rb'"intent":"([A-Za-z0-9._-]{1,64})"')
"""Text in a body cannot match: its quotation marks are escaped."""


class OpenIntents:
    """Intents that no receipt or failure has closed; sees the log entry by entry."""

    def __init__(self) -> None:
        self._lines: dict[bytes, bytes] = {}

    def observe(self, tail: re.Match[bytes], line: bytes) -> None:
        """Take one entry into account."""
        kind = tail["kind"]
        if kind == _INTENT:
            self._lines[tail["entry_id"]] = line
        elif kind in _CLOSING:
            closed = _CLOSED.search(line)
            if closed:
                self._lines.pop(closed[1], None)

    def receipts(self) -> list[dict[str, JsonValue]]:
        """Return the bodies of the receipts that close them with an unknown outcome, oldest first.

        Raises:
            ValueError: An intent is not in canonical form.
        """
        return [receipt_body(read_entry(line), outcome=Outcome.UNKNOWN, sent=None) for line in self._lines.values()]


def opened_body(found: Verification, *, open_intents: int) -> dict[str, JsonValue]:
    """Return the body of the entry that says what recovery found."""
    return {
        "entries": found.entries,
        "head": found.head,
        "unsigned_entries": found.entries - found.signed_entries,
        "torn_bytes": found.torn_bytes,
        "open_intents": open_intents,
    }
