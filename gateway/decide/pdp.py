"""The port of the policy decision point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.decide.rule_texts import RuleText
from gateway.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one policy said."""

    answer: object
    """JSON value of `data.sharing.access.decision`; untrusted until `answer` has read it."""
    revision: str
    """Revision of the policy that gave this answer: 64 hex digits."""


class EngineNotReady(Unavailable):
    """The engine does not hold the expected revision, or not yet."""


class PolicyDecisionPoint(Protocol):
    """Evaluates the policy."""

    @property
    def revision(self) -> str:
        """Revision that is active now; an evaluation says which one answered it."""
        ...

    @property
    def rules(self) -> Mapping[str, RuleText]:
        """What the rules of the active policy are called and rest on, by id."""
        ...

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        """Return the decision and the revision it is of. Safe to call from several threads.

        Raises:
            Unavailable: `POLICY_UNAVAILABLE`, `POLICY_SLOW`, `POLICY_UNDEFINED` or `POLICY_MALFORMED`.
        """
        ...

    def close(self) -> None:
        """Release threads and connections."""
        ...
