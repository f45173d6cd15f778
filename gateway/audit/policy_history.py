"""Which policy bundles were ever active."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.audit.search import SearchFilters, search
from gateway.model.audit import EntryKind
from gateway.model.policy import PolicyAction, PolicyChange


def highest_activated(directory: Path) -> PolicyChange | None:
    """Return the activation with the highest sequence in a log, the last of several; None when there is none.

    Raises:
        Unavailable: The log cannot be read.
    """
    filters = SearchFilters(kind=EntryKind.POLICY_CHANGE, entries_max=sys.maxsize)
    bodies = [stored.entry.body for stored in search(directory, filters=filters)]
    activated = [
        PolicyChange(
            action=PolicyAction.ACTIVATED, revision=body["revision"], sequence=body["sequence"], sha256=body["sha256"]
        )
        for body in bodies
        if body["action"] == PolicyAction.ACTIVATED
    ]
    return max(reversed(activated), key=lambda change: change.sequence or 0, default=None)
