"""A query that was planned before and is to be delivered now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.cancellation import Cancellation
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import ReleasableResult
from gateway.model.rows import RowBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to deliver to whom."""

    resolved: ResolvedQuery
    requester: Requester
    context: RequestContext
    seconds_max: float
    """How long it may take."""
    cancellation: Cancellation
    """Stops it."""
    part: str = ""
    """Key of the only part to deliver; empty delivers the whole result."""
    rows: RowBudget | None = None
    """How many rows may leave, which parts of one result share; None is what the decision allows."""
    narrow: Callable[[ReleasableResult], ReleasableResult] = lambda released: released
    """Called at every attempt; returns what leaves of what may leave, at most."""
