"""One row by its key through everything, against the same row straight from the same database."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_postgresql.dbapi as postgresql
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from catalog.load import load_catalogue
from connectors.sample_city.databases import Databases
from connectors.sample_city.departments import read_departments
from connectors.sdk.watermark import MARK
from tests.benchmarks.deployment import OFFICE, PURPOSE, Deployment, deployed
from tests.benchmarks.measure import Latency, Line, Setting, seconds_of
from tests.benchmarks.sample_rows import small_city

COLUMNS = (
    "resident_id",
    "name",
    "sex",
    "birth_date",
    "phone",
    "residence_division",
    "residence_address",
    "household_id",
)
_DEPARTMENT, _DATASET = "public_security", "population.resident"
_P50_MS_MAX, _P99_MS_MAX = 5.0, 15.0


def run(setting: Setting) -> list[Line]:
    """Measure."""
    residents, count = setting.size(100_000, quick=20_000), setting.size(600, quick=60)
    city = small_city(setting.folder, residents=residents)
    keys = _keys(city)
    with _database(setting.folder, city=city) as connector:
        purpose = {_DATASET: {name: {"action": "clear"} for name in COLUMNS}}
        with deployed(setting.folder, purpose=purpose, connectors=[connector]) as deployment:
            gateway, direct = _measure(deployment, connector=connector, keys=keys, count=count)
    over = Latency(p50_ms=gateway.p50_ms - direct.p50_ms, p99_ms=gateway.p99_ms - direct.p99_ms)
    reached = over.p50_ms <= _P50_MS_MAX and over.p99_ms <= _P99_MS_MAX
    through = Line(
        what="ADBC Flight SQL → gateway → connector → PostgreSQL; not prepared",
        measured=str(gateway),
        baseline=f"ADBC PostgreSQL: {direct}",
        ratio=gateway.p50_ms / direct.p50_ms,
        numbers={"p50_ms": gateway.p50_ms, "p99_ms": gateway.p99_ms}
        | {"baseline_p50_ms": direct.p50_ms, "baseline_p99_ms": direct.p99_ms},
    )
    difference = Line(
        what="over the direct query",
        measured=str(over),
        baseline="",
        ratio=None,
        bar=f"p50 ≤ {_P50_MS_MAX:.0f}, p99 ≤ {_P99_MS_MAX:.0f} ms",
        reached=None if setting.quick else reached,
        numbers={"over_p50_ms": over.p50_ms, "over_p99_ms": over.p99_ms},
    )
    return [through, difference]


def _keys(city: Path) -> list[str]:
    table = pq.read_table(city / f"{_DATASET}.parquet", columns=["resident_id", "residence_division"])
    keys: list[str] = table.filter(pc.starts_with(table["residence_division"], OFFICE))["resident_id"].to_pylist()
    return keys


@contextmanager
def _database(folder: Path, *, city: Path) -> Iterator[dict[str, Any]]:
    """Run the department's PostgreSQL; yields the connector's configuration, with no ceiling of the controller's own."""
    department = next(d for d in read_departments(load_catalogue().datasets) if d.id == _DEPARTMENT)
    with Databases(folder / "databases", departments=(department,)) as databases:
        databases.open(city, made_from="benchmark", progress=lambda _: None)
        databases.write_configs(folder / "written", data=folder, gateway="127.0.0.1:1")
        written = yaml.safe_load((folder / "written" / f"{_DEPARTMENT}.yaml").read_text("utf-8"))
        datasets = {name: {**entry, "ceiling": {}} for name, entry in written["datasets"].items()}
        yield {"department": _DEPARTMENT, "source": written["source"], "datasets": datasets}


def _measure(
    deployment: Deployment, *, connector: dict[str, Any], keys: list[str], count: int
) -> tuple[Latency, Latency]:
    """Ask for a row both ways in turn, so that both meet the same machine."""
    mapped = connector["datasets"][_DATASET]
    own = ", ".join(mapped["columns"][name] for name in COLUMNS)
    direct_sql = f"SELECT {own} FROM {mapped['table']} WHERE {mapped['columns']['resident_id']} = '%s'"
    gateway_sql = f"SELECT {', '.join(COLUMNS)} FROM {_DATASET} WHERE resident_id = '%s'"
    options = {
        "adbc.flight.sql.authorization_header": f"Bearer {deployment.token}",
        "adbc.flight.sql.rpc.call_header.x-sharing-purpose": PURPOSE,
    }
    with (
        flight_sql.connect(deployment.endpoint, db_kwargs=options, autocommit=True) as gateway,
        postgresql.connect(connector["source"]["uri"], autocommit=True) as direct,
        gateway.cursor() as through,
        direct.cursor() as straight,
    ):
        samples: tuple[list[float], list[float]] = ([], [])
        for turn in range(count + count // 10):
            key = keys[turn % len(keys)]
            ways = ((through, gateway_sql % key), (straight, direct_sql % key))
            for (cursor, sql), taken in zip(ways, samples, strict=True):
                taken.append(seconds_of(functools.partial(_one_row, cursor, sql)))
        rows = [_row(cursor, sql) for cursor, sql in ways]
        if rows[0] != rows[1]:
            raise RuntimeError("the two ways give different rows")
    warm = count // 10
    return Latency.of(samples[0][warm:]), Latency.of(samples[1][warm:])


def _one_row(cursor: Any, sql: str) -> None:
    cursor.execute(sql)
    if cursor.fetch_arrow_table().num_rows != 1:
        raise RuntimeError("not one row")


def _row(cursor: Any, sql: str) -> str:
    """Return the rows as text, without the marks that the gateway puts into them."""
    cursor.execute(sql)
    rows = json.dumps([list(row) for row in cursor.fetchall()], default=str, ensure_ascii=False)
    return rows.replace(MARK, "")
