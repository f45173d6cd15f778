"""Stage 5 of 10: ResolvedQuery + Decision → EnforcedPlan."""

from gateway.rewrite.rewrite import rewrite

__all__ = ["rewrite"]
