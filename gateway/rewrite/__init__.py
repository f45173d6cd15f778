"""Stage 5 of 10: ResolvedQuery + Decision → EnforcedPlan."""

from gateway.rewrite.parts import part_of, split
from gateway.rewrite.rewrite import rewrite

__all__ = ["part_of", "rewrite", "split"]
