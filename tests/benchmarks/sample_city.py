"""A sample city of a million, against numpy writing as many random bytes as Parquet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.measure import Line, Setting, rate, seconds_of

_SECONDS_MAX = 60.0
_ROW_GROUP_ROWS, _COLUMNS = 100_000, 10


def run(setting: Setting) -> list[Line]:
    """Measure."""
    residents = setting.size(1_000_000, quick=50_000)
    seconds, peak_bytes = _generate(setting.folder, residents=residents)
    size = sum(path.stat().st_size for path in (setting.folder / "city").glob("*.parquet"))
    baseline = seconds_of(lambda: _random_parquet(setting.folder / "random.parquet", size=size))
    return [
        Line(
            what=f"{residents:,} residents, nine datasets, {size / 1e6:.0f} MB",
            measured=f"{seconds:.1f} s: {rate(residents / seconds)} residents/s, peak {peak_bytes / 2**20:.0f} MiB",
            baseline=f"random numbers as Parquet, same bytes: {baseline:.1f} s",
            ratio=seconds / baseline,
            bar=f"≤ {_SECONDS_MAX:.0f} s",
            reached=None if setting.quick else seconds <= _SECONDS_MAX,
            numbers={"seconds": seconds, "baseline_seconds": baseline, "peak_bytes": peak_bytes, "bytes": size},
        )
    ]


def _generate(folder: Path, *, residents: int) -> tuple[float, int]:
    """Return the time it takes, start of the process included, and its largest resident memory."""
    command = [sys.executable, "-m", "connectors.sample_city", "--generate-only"]
    command += ["--data", str(folder), "--residents", str(residents)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the sample city ended with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


def _random_parquet(path: Path, *, size: int) -> None:
    rng = np.random.default_rng(1)
    schema = pa.schema([(f"column_{index}", pa.int64()) for index in range(_COLUMNS)])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=False) as writer:
        for _ in range(max(1, round(size / (_ROW_GROUP_ROWS * _COLUMNS * 8)))):
            columns = [pa.array(rng.integers(-(2**63), 2**63 - 1, _ROW_GROUP_ROWS)) for _ in schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
