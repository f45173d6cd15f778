"""A join of two departments' datasets with an aggregate, against the same SQL in DuckDB over the same Parquet files."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa

from tests.benchmarks.deployment import deployed, parquet_connector
from tests.benchmarks.flight_client import FlightClient
from tests.benchmarks.measure import Line, Setting, seconds_of
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.sample_rows import small_city, write_households_and_dwellings

SQL = """
SELECT d.structure, h.household_kind, count(*) AS households, sum(h.member_count) AS people, avg(d.floor_area) AS area
FROM population.household h JOIN housing.dwelling d ON d.dwelling_code = h.dwelling_code
GROUP BY d.structure, h.household_kind ORDER BY d.structure, h.household_kind
"""
_CLEAR = {"action": "clear"}
PURPOSE = {
    "population.household": dict.fromkeys(("dwelling_code", "household_kind", "member_count", "division_code"), _CLEAR),
    "housing.dwelling": dict.fromkeys(("dwelling_code", "structure", "floor_area", "division_code"), _CLEAR),
}
_DEPARTMENTS = {"public_security": "population.household", "housing": "housing.dwelling"}
_RATIO_MAX = 2.0


def run(setting: Setting) -> list[Line]:
    """Measure."""
    rows, runs = setting.size(1_000_000, quick=100_000), setting.size(9, quick=3)
    files = setting.folder / "files"
    city = small_city(setting.folder, residents=setting.size(100_000, quick=10_000))
    write_households_and_dwellings(files, city=city, rows=rows)
    connectors = [parquet_connector(d, folder=files, datasets=[name]) for d, name in _DEPARTMENTS.items()]
    with _duckdb(files) as engine, deployed(setting.folder, purpose=PURPOSE, connectors=connectors) as deployment:
        client = FlightClient.of(deployment)
        _same(pa.Table.from_batches(client.batches(SQL)), engine.sql(SQL).to_arrow_table())
        before = {name: cpu_seconds(pid) for name, pid in deployment.pids.items()}
        pairs = [
            (seconds_of(lambda: client.receive(SQL)), seconds_of(lambda: engine.execute(SQL).fetchall()))
            for _ in range(runs)
        ]
        used = {name: (cpu_seconds(pid) - before[name]) / runs for name, pid in deployment.pids.items()}
        client.close()
    seconds, baseline = (median(taken) for taken in zip(*pairs, strict=True))
    ratio = seconds / baseline
    line = Line(
        what=f"{rows:,} × {rows:,} rows, two connectors",
        measured=f"{seconds:.2f} s",
        baseline=f"DuckDB over the same Parquet: {baseline:.3f} s",
        ratio=ratio,
        bar=f"≤ {_RATIO_MAX:.0f}× the time",
        reached=None if setting.quick else ratio <= _RATIO_MAX,
        numbers={"seconds": seconds, "baseline_seconds": baseline},
    )
    cpu = Line(
        what="processor time per query",
        measured=", ".join(f"{name} {used_seconds:.2f} s" for name, used_seconds in used.items()),
        baseline=f"time passed: {seconds:.2f} s (worker not counted)",
        ratio=sum(used.values()) / seconds,
        numbers={f"{name}_cpu_seconds": value for name, value in used.items()},
    )
    return [line, cpu]


def _duckdb(files: Path) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    for name in _DEPARTMENTS.values():
        engine.execute(f"CREATE SCHEMA {name.partition('.')[0]}")
        engine.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{files / name}/*.parquet')")
    return engine


def _same(delivered: pa.Table, expected: pa.Table) -> None:
    for mine, own in zip(delivered.to_pylist(), expected.to_pylist(), strict=True):
        if (mine | {"area": 0}) != (own | {"area": 0}) or abs(mine["area"] - own["area"]) > 1e-6:
            raise RuntimeError(f"{mine} is not {own}")
