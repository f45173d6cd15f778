"""What the registers say about a query, before it is decided and while its result is on its way.

Not a stage: `query_path` asks it for the facts that the policy sees, and to stop a delivery when they no longer hold.
"""

from gateway.standing.facts import StandingFacts
from gateway.standing.usage import HeldUsage, UsageCounter
from gateway.standing.watch import Watch

__all__ = ["HeldUsage", "StandingFacts", "UsageCounter", "Watch"]
