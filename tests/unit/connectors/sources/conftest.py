"""Every kind of source, holding the same rows under the department's own names."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from connectors.sdk.config import SourceSettings
from connectors.sdk.predicates import Predicate
from connectors.sdk.source import Source
from connectors.sources.opening import open_source
from connectors.sources.own import OwnTable
from tests.unit.connectors.conftest import DATASET, ROWS, Postgres, make_dataset, mapped

TABLE = "T 1"
MISSING = "testing.missing"
_SHANGHAI = datetime.timedelta(hours=8)
_OWN_NAMES = {
    "id": "编号",
    "division": "Zone",
    "label": 'la"bel',
    "small": "select",
    "middle": "mid dle",
    "large": "LARGE",
    "ratio": "ratio",
    "flag": "flag",
    "day": "day",
    "moment": "moment",
}
_SETTINGS: TypeAdapter[Any] = TypeAdapter(SourceSettings)
_POSTGRESQL = (
    'CREATE TABLE "T 1" ("编号" int8 PRIMARY KEY, "Zone" varchar(12) NOT NULL, "la""bel" text, "select" int2, '
    '"mid dle" int4, "LARGE" int8, ratio float8, flag bool, day date, moment timestamptz)'
)
_SQLITE = (
    'CREATE TABLE "T 1" ("编号" BIGINT PRIMARY KEY, "Zone" VARCHAR(12) NOT NULL, "la""bel" TEXT COLLATE NOCASE, '
    '"select" SMALLINT, "mid dle" INT, "LARGE" BIGINT, ratio DOUBLE, flag BOOLEAN, day DATE, moment TIMESTAMP)'
)
_DUCKDB = (
    'CREATE TABLE "T 1" ("编号" BIGINT PRIMARY KEY, "Zone" VARCHAR NOT NULL, "la""bel" VARCHAR COLLATE NOCASE, '
    '"select" SMALLINT, "mid dle" INT, "LARGE" BIGINT, ratio DOUBLE, flag BOOLEAN, day DATE, moment TIMESTAMPTZ)'
)
_MARIADB = (
    'CREATE TABLE `T 1` (`编号` BIGINT PRIMARY KEY, `Zone` VARCHAR(12) NOT NULL, `la"bel` TEXT, `select` SMALLINT, '
    "`mid dle` INT, `LARGE` BIGINT, ratio DOUBLE, flag BOOLEAN, day DATE, moment DATETIME(6)) "
    "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
)


def odbc_driver(name: str) -> str:
    """Return an installed driver's name, or skip the test."""
    if not any(shutil.which(program) for program in ("odbcinst", "isql")) or name not in _installed():
        (pytest.fail if os.environ.get("REQUIRE_ODBC") else pytest.skip)(f"the ODBC driver '{name}' is not installed")
    return name


def _installed() -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        listed = subprocess.run(["odbcinst", "-q", "-d"], capture_output=True, text=True, check=False)
        return [line.strip("[]") for line in listed.stdout.splitlines()]
    return []


def own_rows() -> pa.RecordBatch:
    """The rows under the department's own column names."""
    return ROWS.rename_columns([_OWN_NAMES[name] for name in ROWS.schema.names])


def opened(**settings: Any) -> Source:
    """Open a source whose table is `T 1`, and that lacks the table of the dataset `MISSING`."""
    missing = mapped(make_dataset(*DATASET.columns, name=MISSING), table="nothing")
    tables = {**mapped(DATASET, table=TABLE, own_names=_OWN_NAMES), **missing}
    return open_source(_SETTINGS.validate_python(settings), tables=tables)


def _fill_postgresql(postgres: Postgres) -> None:
    postgres.run('DROP TABLE IF EXISTS "T 1"', _POSTGRESQL)
    postgres.ingest(TABLE, own_rows())


def _postgresql(request: pytest.FixtureRequest) -> Source:
    postgres: Postgres = request.getfixturevalue("postgres")
    _fill_postgresql(postgres)
    return opened(kind="postgresql", uri=postgres.uri)


def _sqlite_file(folder: Path, *, iso: bool) -> Path:
    """Times are ISO 8601 in UTC, or Shanghai's without a zone, as ODBC stores them."""
    with contextlib.closing(sqlite3.connect(folder / "things.db")) as connection, connection:
        connection.execute(_SQLITE)
        for row in ROWS.to_pylist():
            row["day"] = row["day"] and row["day"].isoformat()
            row["moment"] = row["moment"] and (row["moment"].isoformat() if iso else _local(row["moment"]))
            connection.execute(f'INSERT INTO "T 1" VALUES ({", ".join("?" * len(row))})', tuple(row.values()))
    return folder / "things.db"


def _local(moment: Any) -> str:
    return str((moment + _SHANGHAI).strftime("%Y-%m-%d %H:%M:%S.%f"))


def _sqlite(request: pytest.FixtureRequest) -> Source:
    return opened(kind="sqlite", path=_sqlite_file(_folder(request), iso=True))


def _parquet(request: pytest.FixtureRequest) -> Source:
    folder = _folder(request)
    (folder / TABLE).mkdir()
    for part, (start, rows) in enumerate(((0, 150), (150, 250))):
        written = pa.Table.from_batches([own_rows().slice(start, rows)])
        pq.write_table(written, folder / TABLE / f"part-{part}.parquet", row_group_size=37)
    return opened(kind="parquet", path=folder)


def _csv(request: pytest.FixtureRequest) -> Source:
    folder = _folder(request)
    (folder / TABLE).mkdir()
    for part, (start, rows) in enumerate(((0, 150), (150, 250))):
        pyarrow.csv.write_csv(own_rows().slice(start, rows), folder / TABLE / f"part-{part}.csv")
    return opened(kind="csv", path=folder)


def _duckdb(request: pytest.FixtureRequest) -> Source:
    path = _folder(request) / "things.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(_DUCKDB)
        connection.register("rows", pa.Table.from_batches([own_rows()]))
        connection.execute('INSERT INTO "T 1" SELECT * FROM rows')
    return opened(kind="duckdb", path=path)


class Careless:
    """Own code that ignores what it is asked for: every column and every row, all at once."""

    def describe(self) -> dict[str, OwnTable]:
        return {TABLE: OwnTable(schema=own_rows().schema)}

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        yield own_rows()


def _python(request: pytest.FixtureRequest) -> Source:
    return opened(kind="python", factory=f"{__name__}:Careless")


def _odbc_sqlite(request: pytest.FixtureRequest) -> Source:
    driver = odbc_driver("SQLite3")
    path = _sqlite_file(_folder(request), iso=False)
    return opened(kind="odbc", connection=f"Driver={driver};Database={path};", text_bytes_max=1_000)


def odbc_postgresql(postgres: Postgres) -> str:
    """Return the connection string of a PostgreSQL server."""
    driver, parts = odbc_driver("PostgreSQL Unicode"), urlsplit(postgres.uri)
    host = parse_qs(parts.query)["host"][0]
    return (
        f"Driver={driver};Server={host};Database={parts.path[1:]};UID={parts.username};"
        "BoolsAsChar=0;UseDeclareFetch=1;Fetch=1000;ConnSettings={SET TimeZone='Asia/Shanghai'};"
    )


def _odbc_postgresql(request: pytest.FixtureRequest) -> Source:
    postgres: Postgres = request.getfixturevalue("postgres")
    connection = odbc_postgresql(postgres)
    _fill_postgresql(postgres)
    return opened(kind="odbc", connection=connection, text_bytes_max=1_000)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The ODBC connection string of a running MariaDB server with an empty database."""
    driver = odbc_driver("MariaDB Unicode")
    if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
        (pytest.fail if os.environ.get("REQUIRE_ODBC") else pytest.skip)("MariaDB's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="sharing-mariadb-"))
    user = [f"--user={os.environ.get('USER', 'root')}"] if os.geteuid() == 0 else []
    data = f"--datadir={folder}/data"
    install = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", *user]
    subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
    serve = ["mariadbd", "--no-defaults", data, f"--socket={folder}/sock", f"--pid-file={folder}/pid", *user]
    with subprocess.Popen(
        [*serve, "--skip-networking"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait_for(folder / "sock", server)
            connection = f"Driver={driver};Socket={folder}/sock;User=root;Charset=utf8mb4;"
            importlib.import_module("arrow_odbc").connect(connection).read_arrow_batches("CREATE DATABASE things")
            yield connection + "Database=things;FORWARDONLY=1;NO_CACHE=1;"
        finally:
            server.terminate()
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for(socket: Path, server: subprocess.Popen[bytes]) -> None:
    while not socket.exists():
        assert server.poll() is None
        time.sleep(0.05)


def _odbc_mariadb(request: pytest.FixtureRequest) -> Source:
    connection: str = request.getfixturevalue("mariadb")
    database = importlib.import_module("arrow_odbc").connect(connection)
    database.read_arrow_batches("DROP TABLE IF EXISTS `T 1`")
    database.read_arrow_batches(_MARIADB)
    for row in ROWS.to_pylist():
        row["day"] = row["day"] and row["day"].isoformat()
        row["moment"] = row["moment"] and _local(row["moment"])
        values = [
            None if value is None else str(int(value) if isinstance(value, bool) else value) for value in row.values()
        ]
        database.read_arrow_batches(f"INSERT INTO `T 1` VALUES ({', '.join('?' * len(row))})", parameters=values)
    return opened(kind="odbc", connection=connection, quote="`", text_bytes_max=1_000)


_SOURCES: dict[str, Callable[[pytest.FixtureRequest], Source]] = {
    "postgresql": _postgresql,
    "sqlite": _sqlite,
    "parquet": _parquet,
    "csv": _csv,
    "duckdb": _duckdb,
    "python": _python,
    "odbc-sqlite": _odbc_sqlite,
    "odbc-postgresql": _odbc_postgresql,
    "odbc-mariadb": _odbc_mariadb,
}


def _folder(request: pytest.FixtureRequest) -> Path:
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return factory.mktemp("things")


@pytest.fixture(scope="session", params=_SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Each source in turn, holding `ROWS`."""
    filled = _SOURCES[request.param](request)
    yield filled
    filled.close()
