"""Data on its way to the recipient. Everything streams; a stream either ends complete or raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from gateway.model.plan import EnforcedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStream:
    """Batches of one schema, read once.

    The iterator raises GatewayError when the stream is not complete. `cancel` may be called from any thread, at any time
    and more than once; it makes the iterator end with an error soon.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    cancel: Callable[[], None]


@dataclass(slots=True, kw_only=True)
class ReceivedScan:
    """What has come of one scan so far."""

    dataset: str
    controller: str
    rows: int = 0
    sha256: str = ""
    """Hex digest over the batches as they came, once the connector's end message has confirmed it."""
    as_of: int = 0
    """When the data was true, in seconds since 1970-01-01 UTC; 0 when not known, or before the end."""
    late: bool = False
    """Whether the dataset's update cycle promised newer data."""
    missing: bool = False
    """Whether the department could not be asked and the requester wanted an answer without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTables:
    """Verified scans by engine name (`scan_0`, …). Made by `scan`."""

    plan: EnforcedPlan
    tables: Mapping[str, BatchStream]
    received: tuple[ReceivedScan, ...] = ()
    """In the order of the plan's scans; filled while the tables are read."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the datasets that a partial answer lacks, sorted."""
        return tuple(sorted({scan.dataset for scan in self.received if scan.missing}))

    def cancel(self) -> None:
        """Cancel every scan."""
        for table in self.tables.values():
            table.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedResult:
    """What the user's SQL gives over the scans. Made by `execute`."""

    plan: EnforcedPlan
    stream: BatchStream


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasableResult:
    """A result that may leave, with its treatment in the schema metadata. Made by `release`."""

    plan: EnforcedPlan
    stream: BatchStream
