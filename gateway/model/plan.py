"""What may run: scan grants per dataset and the SQL over their results."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.predicates import Predicate, Scalar
from gateway.model.decision import Decision, ResultObligations
from gateway.model.query import ResolvedQuery
from gateway.model.statistic import PlannedStatistic


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanColumn:
    """One column that a connector sends."""

    name: str
    action: ColumnAction
    mask: Mask | None
    check_only: bool
    """Sent for the gateway's re-check of the row filter and dropped before anything else sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScan:
    """One scan of one dataset."""

    name: str
    """Name of the table in the engine: `scan_0`, `scan_1`, …"""
    dataset: str
    controller: str
    columns: tuple[ScanColumn, ...]
    schema: pa.Schema
    """Of the columns that are not check-only, as the engine sees them."""
    row_filter: Predicate
    pushed_filter: Predicate | None
    lookup_column: str | None
    lookup_values: tuple[Scalar, ...]
    rows_max: int | None
    read_once: bool
    """The SQL reads the table once, so that it may be streamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcedPlan:
    """The only thing that runs. Made by `rewrite`."""

    resolved: ResolvedQuery
    decision: Decision
    scans: tuple[PlannedScan, ...]
    sql: str | None
    """SQL over the scans; None when the first scan, projected to `projection`, is the answer."""
    projection: tuple[tuple[str, str], ...]
    """Pass-through only: (scan column, output name) in order."""
    rows_max: int
    statistic: PlannedStatistic | None = None
    """With a statistic: how the answer is laid out; `release` makes the requester's columns of it."""

    @property
    def obligations(self) -> ResultObligations:
        """What must hold for the result."""
        assert self.decision.obligations is not None  # noqa: S101 - `rewrite` plans allowed decisions only
        return self.decision.obligations


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedQuery:
    """What a statement takes, told before its parameters are known."""

    parameter_types: tuple[pa.DataType, ...]
    """Of its `?` in order; null where the statement does not tell."""
    plan: EnforcedPlan
    """With samples in place of parameters."""
