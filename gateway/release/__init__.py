"""Stage 9 of 10: ComputedResult → ReleasableResult. The second enforcement, after the engine."""

from gateway.release.release import release, suppress_small_groups

__all__ = ["release", "suppress_small_groups"]
