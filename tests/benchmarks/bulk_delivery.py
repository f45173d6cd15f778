"""Four million filtered and masked rows of one dataset, against `pyarrow.flight` serving the same batches from memory."""

from __future__ import annotations

import statistics
import sys
import threading
from pathlib import Path

import pyarrow as pa

from gateway.doors.cli.processes import Children
from tests.benchmarks.deployment import Deployment, deployed, parquet_connector
from tests.benchmarks.flight_client import FlightClient, Received
from tests.benchmarks.measure import Line, Setting, rate, seconds_of
from tests.benchmarks.processes import cpu_seconds, watched_memory
from tests.benchmarks.sample_rows import small_city, write_enterprises

CLEAR, PARTIAL = {"action": "clear"}, "partial"
COLUMNS = {
    "credit_code": CLEAR,
    "name": CLEAR,
    "enterprise_kind": CLEAR,
    "legal_representative": {"action": PARTIAL, "mask": "name"},
    "industry": CLEAR,
    "status": CLEAR,
    "division_code": CLEAR,
    "address": CLEAR,
    "phone": {"action": PARTIAL, "mask": "phone"},
}
SQL = f"SELECT {', '.join(COLUMNS)} FROM legal_entity.enterprise"
_DEPARTMENT = "market_supervision"
_RATIO_MIN, _RSS_BYTES_MAX, _GROWTH_BYTES_MAX = 0.5, 600 << 20, 50 << 20


def run(setting: Setting) -> list[Line]:
    """Measure."""
    city = small_city(setting.folder, residents=setting.size(100_000, quick=10_000))
    files, runs = setting.folder / "files", setting.size(3, quick=2)
    own = write_enterprises(files, city=city, rows=setting.size(4_400_000, quick=440_000))
    connector = parquet_connector(_DEPARTMENT, folder=files, datasets=["legal_entity.enterprise"])
    with deployed(setting.folder, purpose={"legal_entity.enterprise": COLUMNS}, connectors=[connector]) as deployment:
        kept = setting.folder / "delivered.arrows"
        _keep(FlightClient.of(deployment), kept)
        through, lines = _through_gateway(deployment, runs=runs, rows=own, quick=setting.quick)
    direct = _from_memory(kept, folder=setting.folder, runs=runs, rows=own)
    seconds, baseline = statistics.median(through), statistics.median(direct)
    size = kept.stat().st_size
    ratio = baseline / seconds
    line = Line(
        what=f"{own / 1e6:.1f} M rows of {len(COLUMNS)} columns, 2 masked",
        measured=f"{seconds:.2f} s: {rate(own / seconds)} rows/s, {size / seconds / 1e6:,.0f} MB/s",
        baseline=f"pyarrow.flight from memory: {baseline:.2f} s, {size / baseline / 1e6:,.0f} MB/s",
        ratio=ratio,
        bar=f"≥ {_RATIO_MIN}× the speed",
        reached=None if setting.quick else ratio >= _RATIO_MIN,
        numbers={"seconds": seconds, "baseline_seconds": baseline, "rows": own, "bytes": size},
    )
    return [line, *lines]


def _keep(client: FlightClient, path: Path) -> None:
    """Write what the gateway delivers to a file, batch by batch as it came; it warms the gateway up too."""
    batches = (batch for batch in client.batches(SQL) if batch.num_rows)
    first = next(batches)
    with pa.ipc.new_stream(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
    client.close()


def _through_gateway(deployment: Deployment, *, runs: int, rows: int, quick: bool) -> tuple[list[float], list[Line]]:
    client, gateway, connector = FlightClient.of(deployment), deployment.pids["gateway"], deployment.pids[_DEPARTMENT]
    before = cpu_seconds(gateway), cpu_seconds(connector)
    with watched_memory(gateway) as memory:
        seconds = [seconds_of(lambda: _complete(client.receive(SQL), rows=rows)) for _ in range(runs)]
    used = [after - b for after, b in zip((cpu_seconds(gateway), cpu_seconds(connector)), before, strict=True)]
    client.close()
    peak, growth = memory.peak_bytes, memory.growth_bytes
    small = peak < _RSS_BYTES_MAX and growth < _GROWTH_BYTES_MAX
    rss = Line(
        what="gateway's memory meanwhile",
        measured=f"peak {peak / 2**20:.0f} MiB, growth {growth / 2**20:+.0f} MiB",
        baseline=f"idle before: {memory.samples[0] / 2**20:.0f} MiB",
        ratio=peak / memory.samples[0],
        bar="< 600 MiB, flat",
        reached=None if quick else small,
        numbers={"peak_bytes": peak, "growth_bytes": growth, "idle_bytes": memory.samples[0]},
    )
    cpu = Line(
        what="processor time per delivery",
        measured=f"gateway {used[0] / runs:.2f} s, connector {used[1] / runs:.2f} s",
        baseline=f"time passed: {statistics.median(seconds):.2f} s",
        ratio=sum(used) / sum(seconds),
        numbers={"gateway_cpu_seconds": used[0] / runs, "connector_cpu_seconds": used[1] / runs},
    )
    return seconds, [rss, cpu]


def _from_memory(path: Path, *, folder: Path, runs: int, rows: int) -> list[float]:
    children = Children(logs=folder / "logs", stop=threading.Event())
    try:
        children.start("memory", [sys.executable, "-m", "tests.benchmarks.memory_server", str(path)])
        port = children.wait_for("memory", "READY", seconds_max=60).split()[1]
        client = FlightClient(f"grpc://127.0.0.1:{port}")
        client.receive(SQL)
        seconds = [seconds_of(lambda: _complete(client.receive(SQL), rows=rows)) for _ in range(runs)]
        client.close()
        return seconds
    finally:
        children.stop()


def _complete(received: Received, *, rows: int) -> None:
    if received.rows != rows:
        raise RuntimeError(f"{received.rows} rows came instead of {rows}")
