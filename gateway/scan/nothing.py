"""The tables of a plan without asking anybody."""

from __future__ import annotations

from gateway.model.plan import EnforcedPlan
from gateway.model.result import BatchStream, ScannedTables


def scan_nothing(plan: EnforcedPlan) -> ScannedTables:
    """Return the plan's tables without rows: they tell the columns of its result."""
    tables = {scan.name: BatchStream(schema=scan.schema, batches=iter(()), cancel=lambda: None) for scan in plan.scans}
    return ScannedTables(plan=plan, tables=tables)
