"""Stage 9 of 10: ComputedResult → ReleasableResult. The second enforcement, after the engine."""

from gateway.release.ledger import StatisticsLedger, ledger_url
from gateway.release.release import release, released_schema

__all__ = ["StatisticsLedger", "ledger_url", "release", "released_schema"]
