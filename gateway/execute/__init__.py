"""Stage 8 of 10: EnforcedPlan + ScannedTables → ComputedResult. User SQL runs in a throw-away worker process."""

from gateway.execute.engine import EnginePool
from gateway.execute.execute import execute

__all__ = ["EnginePool", "execute"]
