"""Four million filtered and masked rows of one dataset, against `pyarrow.flight` serving the same batches from memory."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pyarrow as pa

from gateway.doors.cli.processes import Children
from tests.benchmarks.deployment import Deployment, deployed, parquet_connector
from tests.benchmarks.flight_client import FlightClient
from tests.benchmarks.measure import Line, Setting, rate, seconds_of
from tests.benchmarks.plain_server import ENTERPRISE_COLUMNS
from tests.benchmarks.processes import Memory, cpu_seconds, watched_memory
from tests.benchmarks.sample_rows import small_city, write_enterprises

SQL = f"SELECT {', '.join(ENTERPRISE_COLUMNS)} FROM legal_entity.enterprise"
_DEPARTMENT, _DATASET = "market_supervision", "legal_entity.enterprise"
_BASELINES = {
    "memory": "pyarrow.flight from memory",
    "files": "pyarrow.flight that reads, filters and masks itself",
}
_RATIO_MIN, _RSS_BYTES_MAX, _GROWTH_BYTES_MAX = 0.5, 600 << 20, 50 << 20


def run(setting: Setting) -> list[Line]:
    """Measure."""
    city = small_city(setting.folder, residents=setting.size(100_000, quick=10_000))
    files, kept = setting.folder / "files", setting.folder / "delivered.arrows"
    own = write_enterprises(files, city=city, rows=setting.size(4_400_000, quick=440_000))
    connector = parquet_connector(_DEPARTMENT, folder=files, datasets=[_DATASET])
    with deployed(setting.folder, purpose={_DATASET: ENTERPRISE_COLUMNS}, connectors=[connector]) as deployment:
        gateway = FlightClient.of(deployment)
        _keep(gateway, kept)
        sources = {"memory": kept, "files": files / _DATASET / "part-0.parquet"}
        with _plain_servers(sources, logs=setting.folder / "logs") as plain:
            clients = {"gateway": gateway, **plain}
            before = {name: cpu_seconds(pid) for name, pid in deployment.pids.items()}
            seconds, memory = _in_turn(
                clients, deployment=deployment, rows=own, runs=setting.size(3, quick=2), warm=set(plain)
            )
            first = {
                name: median(_seconds_to_first_batch(client) for _ in range(9)) for name, client in clients.items()
            }
            runs = len(seconds["gateway"])
            used = {name: (cpu_seconds(pid) - before[name]) / runs for name, pid in deployment.pids.items()}
    middle = {name: median(taken) for name, taken in seconds.items()}
    return [
        *_speed(middle, rows=own, size=kept.stat().st_size, quick=setting.quick),
        _first_batch(first),
        _memory(memory, quick=setting.quick),
        Line(
            what="processor time per delivery",
            measured=", ".join(f"{name} {taken:.1f} s" for name, taken in used.items()),
            baseline=f"time passed: {middle['gateway']:.2f} s",
            ratio=sum(used.values()) / middle["gateway"],
            numbers={f"{name}_cpu_seconds": taken for name, taken in used.items()},
        ),
    ]


def _keep(client: FlightClient, path: Path) -> None:
    """Write what the gateway delivers to a file, batch by batch as it came; it warms the gateway up too."""
    batches = (batch for batch in client.batches(SQL) if batch.num_rows)
    first = next(batches)
    with pa.ipc.new_stream(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def _plain_servers(sources: Mapping[str, Path], *, logs: Path) -> Iterator[dict[str, FlightClient]]:
    children = Children(logs=logs, stop=threading.Event())
    try:
        clients = {}
        for kind, path in sources.items():
            children.start(kind, [sys.executable, "-m", "tests.benchmarks.plain_server", kind, str(path)])
            port = children.wait_for(kind, "READY", seconds_max=300).split()[1]
            clients[kind] = FlightClient(f"grpc://127.0.0.1:{port}")
        yield clients
    finally:
        children.stop()


def _in_turn(
    clients: Mapping[str, FlightClient], *, deployment: Deployment, rows: int, runs: int, warm: set[str]
) -> tuple[dict[str, list[float]], Memory]:
    """Let every server deliver in turn, so that all meet the same machine; `warm` ones deliver once before."""

    def deliver(name: str) -> None:
        received = clients[name].receive(SQL)
        if received.rows != rows:
            raise RuntimeError(f"{name}: {received.rows} rows came instead of {rows}")

    for name in warm:
        deliver(name)
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    memory = Memory()
    for _ in range(runs):
        for name, taken in seconds.items():
            if name == "gateway":
                with watched_memory(deployment.pids["gateway"]) as memory:
                    taken.append(seconds_of(lambda: deliver("gateway")))
            else:
                taken.append(seconds_of(functools.partial(deliver, name)))
    return seconds, memory


def _seconds_to_first_batch(client: FlightClient) -> float:
    batches = client.batches(SQL)
    seconds = seconds_of(lambda: next(batches))
    batches.close()
    return seconds


def _first_batch(seconds: Mapping[str, float]) -> Line:
    return Line(
        what="from the question to the first batch",
        measured=f"{seconds['gateway'] * 1e3:.0f} ms",
        baseline=f"{_BASELINES['files']}: {seconds['files'] * 1e3:.0f} ms",
        ratio=seconds["gateway"] / seconds["files"],
        numbers={"seconds": seconds["gateway"], "baseline_seconds": seconds["files"]},
    )


def _speed(seconds: Mapping[str, float], *, rows: int, size: int, quick: bool) -> list[Line]:
    through, lines = seconds["gateway"], []
    for name, what in _BASELINES.items():
        ratio, barred = seconds[name] / through, name == "memory"
        lines.append(
            Line(
                what=f"{rows / 1e6:.1f} M rows of {len(ENTERPRISE_COLUMNS)} columns, 2 masked",
                measured=f"{through:.2f} s: {rate(rows / through)} rows/s, {size / through / 1e6:,.0f} MB/s",
                baseline=f"{what}: {seconds[name]:.2f} s, {size / seconds[name] / 1e6:,.0f} MB/s",
                ratio=ratio,
                bar=f"≥ {_RATIO_MIN}× the speed" if barred else "",
                reached=ratio >= _RATIO_MIN if barred and not quick else None,
                numbers={"seconds": through, "baseline_seconds": seconds[name], "rows": rows, "bytes": size},
            )
        )
    return lines


def _memory(memory: Memory, *, quick: bool) -> Line:
    """Of the last delivery."""
    peak, growth, before = memory.peak_bytes, memory.growth_bytes, memory.samples[0]
    return Line(
        what="gateway's memory meanwhile",
        measured=f"peak {peak / 2**20:.0f} MiB, growth {growth / 2**20:+.0f} MiB",
        baseline=f"before: {before / 2**20:.0f} MiB",
        ratio=peak / before,
        bar="< 600 MiB, flat",
        reached=None if quick else peak < _RSS_BYTES_MAX and growth < _GROWTH_BYTES_MAX,
        numbers={"peak_bytes": peak, "growth_bytes": growth, "before_bytes": before},
    )
