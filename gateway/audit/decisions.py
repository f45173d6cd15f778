"""Find recorded decisions, to decide them again."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import readable
from gateway.model.audit import AuditEntry

_DECISIONS = """
kind IN ('intent', 'denial') AND ($1 = '' OR entry_id = $1)
AND recorded_at >= to_timestamp($2) AND ($3 = 0 OR recorded_at < to_timestamp($3))
"""


def recorded_decisions(
    index: EntryIndex, *, entry_id: str, from_time: int, until_time: int, entries_max: int
) -> Iterator[AuditEntry]:
    """Yield intents and denials, oldest first.

    Args:
        index: The log.
        entry_id: The one entry; empty for all in the period.
        from_time: Not before, in seconds since 1970-01-01 UTC.
        until_time: Before; 0 for no bound.
        entries_max: At most so many, the newest.

    Raises:
        Unavailable: The log cannot be read, or is damaged.
    """
    with readable():
        yield from index.entries(_DECISIONS, [entry_id, from_time, until_time], newest=entries_max)
