"""Statements that no parser would let through, handed straight to a worker: its own hardening must hold."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from gateway.execute import EnginePool
from gateway.execute.engine import Worker, _forked
from gateway.execute.worker import ADDRESS_SPACE_BYTES_MAX
from tests.unit.gateway.execute.harness import JobOutcome, Raw, run_raw

TABLE = pa.table({"n": [1, 2, 3]})
UNHARDENED = """
import os, resource, socket, sys
import gateway.execute.worker as worker
worker.ENGINE_SETTINGS = {}
worker.HARDENING = "SET TimeZone = 'Asia/Shanghai'"
if sys.argv[2] == "unlimited":
    resource.setrlimit = lambda kind, limits: None
worker.serve_forks(socket.socket(fileno=int(sys.argv[1])))
"""


class Unhardened:
    """The same worker with its settings, and perhaps its limits, taken away."""

    def __init__(self, *, limits: str) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-c", UNHARDENED, str(theirs.fileno()), limits]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def run(self, sql: str) -> Raw:
        return run_raw(_forked(self._requests), sql, scan_0=TABLE)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


@pytest.fixture(scope="module")
def unhardened() -> Iterator[Unhardened]:
    twin = Unhardened(limits="unlimited")
    yield twin
    twin.close()


@pytest.fixture(scope="module")
def limited() -> Iterator[Unhardened]:
    twin = Unhardened(limits="limited")
    yield twin
    twin.close()


@pytest.fixture
def workers(engines: EnginePool) -> Iterator[Worker]:
    worker = engines.take(timeout_seconds=20)
    yield worker
    engines.give_back(worker)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "in.csv").write_text("secret\n4711\n")
    (tmp_path / "in.json").write_text('{"secret": 4711}')
    return {"dir": str(tmp_path), "csv": str(tmp_path / "in.csv"), "json": str(tmp_path / "in.json")}


READS = [
    "SELECT * FROM read_csv('{csv}')",
    "SELECT * FROM '{csv}'",
    "FROM '{csv}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM read_json('{json}')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM sniff_csv('{csv}')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "CREATE TABLE t (secret INT); COPY t FROM '{csv}'",
    "ATTACH '{dir}/other.db'",
    "CREATE VIEW v AS SELECT * FROM read_csv('{csv}')",
]
WRITES = [
    "COPY scan_0 TO '{dir}/out.csv'",
    "COPY scan_0 TO '/dev/stderr'",
    "EXPORT DATABASE '{dir}/out'",
    "CALL enable_logging(storage='file', storage_config={{'path': '{dir}/logs'}})",
]
SETTINGS = [
    "SET threads = 64",
    "SET memory_limit = '100GB'",
    "RESET memory_limit",
    "PRAGMA memory_limit = '100GB'",
    "PRAGMA threads = 64",
    "PRAGMA enable_profiling",
    "SET temp_directory = '{dir}'",
    "SET autoload_known_extensions = true",
    "SET lock_configuration = false",
    "SET TimeZone = 'UTC'",
]
REFUSED_EVEN_UNHARDENED = [
    "SET enable_external_access = true",
    "SELECT getenv('HOME')",
    "LOAD '{dir}/evil.duckdb_extension'",
    "SELECT * FROM json_execute_serialized_sql('{{}}')",
]


@pytest.mark.parametrize("sql", [*READS, *WRITES, *SETTINGS, *REFUSED_EVEN_UNHARDENED])
def test_a_worker_reads_writes_and_sets_nothing(workers: Worker, files: dict[str, str], sql: str) -> None:
    """Files, settings, extensions and the environment are out of reach, whatever SQL arrives."""
    before = sorted(os.listdir(files["dir"]))
    answer = run_raw(workers, sql.format(**files), scan_0=TABLE)
    assert answer.outcome in (JobOutcome.FAILED, JobOutcome.TYPES)
    assert answer.table is None
    assert sorted(os.listdir(files["dir"])) == before


@pytest.mark.parametrize("sql", [*READS, *WRITES, *SETTINGS])
def test_twin_the_same_statement_succeeds_without_the_hardening(
    unhardened: Unhardened, files: dict[str, str], sql: str
) -> None:
    """Each of these statements works in the same worker with the settings taken away."""
    assert unhardened.run(sql.format(**files)).outcome is JobOutcome.DONE


def test_objects_of_the_process_cannot_be_scanned(engines: EnginePool, unhardened: Unhardened) -> None:
    """A table name never stands for a Python object of the worker: here its own incoming stream."""
    worker = engines.take(timeout_seconds=20)
    answer = run_raw(worker, "SELECT * FROM reader", scan_0=TABLE)
    engines.give_back(worker)
    assert answer.outcome is JobOutcome.TYPES
    assert unhardened.run("SELECT * FROM reader").outcome is JobOutcome.DONE


def test_the_system_itself_keeps_a_worker_from_writing(limited: Unhardened, tmp_path: Path) -> None:
    """Were the engine's own hardening broken, the process could still write no byte to a file."""
    answer = limited.run(f"COPY scan_0 TO '{tmp_path}/out.csv'")
    assert answer.outcome is not JobOutcome.DONE
    assert not any(path.stat().st_size for path in tmp_path.iterdir())


def test_twin_without_limits_the_file_is_written(unhardened: Unhardened, tmp_path: Path) -> None:
    """Without the limit the same statement writes the rows."""
    assert unhardened.run(f"COPY scan_0 TO '{tmp_path}/out.csv'").outcome is JobOutcome.DONE
    assert (tmp_path / "out.csv").read_text() == "n\n1\n2\n3\n"


def test_a_worker_holds_its_limits_and_one_socket_only(engines: EnginePool) -> None:
    """A waiting worker has bounded memory, writes no files or core dumps, and holds no descriptor of anyone else."""
    zygote = psutil.Process(engines._zygote.pid)
    for worker in zygote.children():
        assert worker.rlimit(psutil.RLIMIT_AS) == (ADDRESS_SPACE_BYTES_MAX, ADDRESS_SPACE_BYTES_MAX)
        assert worker.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert worker.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        descriptors = Path(f"/proc/{worker.pid}/fd")
        beyond_standard = [os.readlink(link) for link in descriptors.iterdir() if int(link.name) > 2]
        assert len(beyond_standard) == 1
        assert beyond_standard[0].startswith("socket:")


def test_the_process_that_forks_has_one_thread(engines: EnginePool) -> None:
    """Forking is safe only while no other thread may hold a lock."""
    assert psutil.Process(engines._zygote.pid).num_threads() == 1


def test_workers_do_not_inherit_the_gateways_secrets(engines: EnginePool) -> None:
    """Settings from the environment, such as database passwords, do not reach the process that runs user SQL."""
    assert "SHARING_CANARY" in os.environ
    zygote = psutil.Process(engines._zygote.pid)
    for process in (zygote, *zygote.children()):
        assert "PATH" in process.environ()
        assert "SHARING_CANARY" not in process.environ()
