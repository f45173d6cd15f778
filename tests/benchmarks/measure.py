"""What every benchmark has in common: sizes, samples, and the lines of the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how large."""

    folder: Path
    """Own empty folder on a disk; removed afterwards."""
    quick: bool

    def size(self, full: int, *, quick: int) -> int:
        """Return how much to do."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the report."""

    what: str
    measured: str
    baseline: str
    """With what it is, because every line is compared with something else."""
    ratio: float | None
    """Measured by baseline, in the direction that the bar is written in."""
    bar: str = ""
    reached: bool | None = None
    """None where the design sets no bar, or the sizes are not those of the bar."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """For bench.json; the unit is the end of each name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Median and 99th percentile."""

    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Summarise samples."""
        p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
        return cls(p50_ms=float(p50), p99_ms=float(p99))

    def __str__(self) -> str:
        return f"p50 {self.p50_ms:.2f}, p99 {self.p99_ms:.2f} ms"


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def rate(per_second: float) -> str:
    """Return a rate for people."""
    return f"{per_second / 1e6:.2f} M" if per_second >= 1e6 else f"{per_second:,.0f}"
