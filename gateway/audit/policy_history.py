"""Which policy bundles were ever active."""

from __future__ import annotations

from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import readable
from gateway.model.audit import EntryKind
from gateway.model.policy import PolicyAction, PolicyChange


def highest_activated(index: EntryIndex) -> PolicyChange | None:
    """Return the activation with the highest sequence in a log, the last of several; None when there is none.

    Raises:
        Unavailable: The log cannot be read.
    """
    with readable():
        changes = index.entries("kind = $1 AND action = $2", (EntryKind.POLICY_CHANGE, PolicyAction.ACTIVATED))
        activated = [
            PolicyChange(
                action=PolicyAction.ACTIVATED,
                revision=entry.body["revision"],
                sequence=entry.body["sequence"],
                sha256=entry.body["sha256"],
            )
            for entry in changes
        ]
    return max(reversed(activated), key=lambda change: change.sequence or 0, default=None)
