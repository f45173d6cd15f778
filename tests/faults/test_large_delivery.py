"""A large dataset on its way to a folder of parts: in bounded memory, through cuts and kills. SOAK=1 makes it 10 M rows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from gateway.client import Profile
from tests.benchmarks.deployment import PURPOSE, Deployment, deployed, parquet_connector
from tests.benchmarks.plain_server import ENTERPRISE_COLUMNS
from tests.benchmarks.processes import watched_memory
from tests.benchmarks.sample_rows import small_city, write_enterprises
from tests.fakes.cutting_proxy import CuttingProxy, cutting_proxy

ROWS = 10_000_000 if os.environ.get("SOAK") else 200_000
SECONDS_MAX = 1_800 if os.environ.get("SOAK") else 300
RSS_BYTES_MAX = 600 << 20
DATASET = "legal_entity.enterprise"
SQL = f"SELECT {', '.join(ENTERPRISE_COLUMNS)} FROM {DATASET}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivering:
    """A deployment with a source of `rows` rows, and a proxy before its gateway."""

    deployment: Deployment
    proxy: CuttingProxy
    profile: Path
    rows: int


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivering]:
    """A department with a large file."""
    folder = tmp_path_factory.mktemp("large")
    rows = write_enterprises(folder / "files", city=small_city(folder, residents=1_000), rows=ROWS * 11 // 10)
    connector = parquet_connector("market_supervision", folder=folder / "files", datasets=[DATASET])
    with deployed(folder, purpose={DATASET: ENTERPRISE_COLUMNS}, connectors=[connector]) as deployment:
        port = int(deployment.endpoint.rpartition(":")[2])
        with cutting_proxy(port) as proxy:
            profile = Profile(
                endpoint=f"grpc://127.0.0.1:{proxy.port}",
                token=deployment.token,
                expires_at="2099-01-01T00:00:00+00:00",
                office="310101",
                language="en",
            )
            (folder / "profile.json").write_text(profile.model_dump_json())
            yield Delivering(deployment=deployment, proxy=proxy, profile=folder / "profile.json", rows=rows)


@contextmanager
def delivering(source: Delivering, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `gateway query --output` as a process of its own."""
    query = ["query", SQL, "--purpose", PURPOSE, "--output", str(path), "--profile", str(source.profile)]
    environment = os.environ | {"XDG_CONFIG_HOME": str(path.parent / "user"), "COLUMNS": "2000"}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", *query], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def deliver(source: Delivering, path: Path) -> tuple[int, str]:
    with delivering(source, path) as process:
        _, error = process.communicate(timeout=SECONDS_MAX)
    return process.returncode, error


def peak_until_the_end(process: subprocess.Popen[str]) -> int:
    """Wait for a process and return the most memory that it was seen to hold, in bytes."""
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            peak = max(peak, watched.memory_info().rss)
        time.sleep(0.05)
    return peak


def parts_there(path: Path) -> set[str]:
    """Return the names of the parts that are finished, under the name or beside it."""
    folders = (path, path.with_name(f".{path.name}.part"))
    return {part.name for folder in folders if folder.is_dir() for part in folder.glob("part-*.parquet")}


def check_complete(source: Delivering, path: Path) -> None:
    """Every row of the office is there once."""
    dataset = ds.dataset(path)
    assert dataset.count_rows() == source.rows
    codes = dataset.to_table(columns=["credit_code"])["credit_code"]
    assert pc.count_distinct(codes).as_py() == source.rows
    assert [name for name in os.listdir(path.parent) if name.startswith(".")] == []


@pytest.mark.timeout(2 * SECONDS_MAX)
def test_client_and_gateway_stay_small(source: Delivering, tmp_path: Path) -> None:
    """However many rows pass, neither process holds more than 600 MB of them."""
    path = tmp_path / "enterprises"
    with watched_memory(source.deployment.pids["gateway"]) as gateway, delivering(source, path) as process:
        client_peak_bytes = peak_until_the_end(process)
        _, error = process.communicate()
    assert process.returncode == 0, error
    assert client_peak_bytes < RSS_BYTES_MAX
    assert gateway.peak_bytes < RSS_BYTES_MAX
    print(f"{source.rows} rows; client {client_peak_bytes >> 20} MiB, gateway {gateway.peak_bytes >> 20} MiB")
    check_complete(source, path)


@pytest.mark.timeout(2 * SECONDS_MAX)
def test_a_delivery_that_was_cut_in_the_middle_is_taken_up(source: Delivering, tmp_path: Path) -> None:
    """The same command fetches only what is missing; until then nothing stands under the name."""
    before = source.proxy.bytes_back
    assert deliver(source, tmp_path / "whole")[0] == 0
    whole = source.proxy.bytes_back - before
    path = tmp_path / "enterprises"
    source.proxy.cut_at = source.proxy.bytes_back + whole // 2
    code, error = deliver(source, path)
    assert (code, path.exists()) == (5, False), error
    source.proxy.cut_at = None
    finished = parts_there(path)
    assert finished
    before = source.proxy.bytes_back
    code, error = deliver(source, path)
    assert code == 0, error
    assert source.proxy.bytes_back - before < whole * 3 // 4
    fetched = re.search(r"audit entry (.*)", error)
    assert fetched is not None
    assert len(fetched[1].split(", ")) == len(parts_there(path)) - len(finished)
    check_complete(source, path)


@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("name", ["enterprises", "enterprises.parquet"])
def test_a_killed_client_leaves_nothing_under_the_name(source: Delivering, tmp_path: Path, name: str) -> None:
    """kill -9 in the middle: no half dataset, the next command completes it, and `dataset list` knew of it."""
    path = tmp_path / name
    with delivering(source, path) as process:
        while not any(file.suffix == ".part" and _holds_rows(file) for file in tmp_path.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not path.exists()
    listed = run_dataset("list", tmp_path)
    assert (listed.count("unfinished"), name in listed) == (1, True)
    assert deliver(source, path)[0] == 0
    check_complete(source, path)
    assert "unfinished" not in run_dataset("list", tmp_path)


def _holds_rows(left: Path) -> bool:
    return any(file.stat().st_size > 1_000 for file in (left.iterdir() if left.is_dir() else (left,)))


def run_dataset(command: str, folder: Path) -> str:
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder / "user"), "COLUMNS": "300"}
    command_line = [sys.executable, "-m", "gateway", "dataset", command, "--language", "en"]
    return subprocess.run(command_line, env=environment, capture_output=True, text=True, check=True).stdout
