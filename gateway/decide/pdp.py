"""The port of the policy decision point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class PolicyDecisionPoint(Protocol):
    """Evaluates the policy. What it returns is untrusted until `answer` has read it."""

    @property
    def revision(self) -> str:
        """Revision of the policies and their data: 16 hex digits."""
        ...

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> object:
        """Return the JSON value of `data.sharing.access.decision`. Safe to call from several threads.

        Raises:
            Unavailable: `POLICY_UNAVAILABLE`, `POLICY_SLOW`, `POLICY_UNDEFINED` or `POLICY_MALFORMED`.
        """
        ...

    def close(self) -> None:
        """Release threads and connections."""
        ...
