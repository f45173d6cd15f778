"""What the kernel says about other processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

_EVERY_SECONDS = 0.02


@dataclass(slots=True, kw_only=True)
class Memory:
    """Resident memory of one process over time."""

    samples: list[int] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def growth_bytes(self) -> int:
        """Median of the last quarter less that of the second: near zero when memory does not grow with the result."""
        quarters = np.array_split(np.array(self.samples), 4)
        return int(np.median(quarters[3]) - np.median(quarters[1])) if len(self.samples) >= 8 else 0


@contextmanager
def watched_memory(pid: int) -> Iterator[Memory]:
    """Watch a process; the result is complete at the end."""
    memory, stopped, process = Memory(), threading.Event(), psutil.Process(pid)
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # begins a new peak

    def sample() -> None:
        while not stopped.wait(_EVERY_SECONDS):
            memory.samples.append(process.memory_info().rss)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        stopped.set()
        thread.join()
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        memory.peak_bytes = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
