"""One row by its key through everything, prepared and not, against the same row straight from the same database."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
from tests.benchmarks.measure import Latency, Line, Setting, rate, seconds_of
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
_CLIENTS = 2
"""The binds of one requester that run at a time."""


def run(setting: Setting) -> list[Line]:
    """Measure."""
    residents, count = setting.size(100_000, quick=20_000), setting.size(600, quick=60)
    city = small_city(setting.folder, residents=residents)
    keys = _keys(city)
    with _database(setting.folder, city=city) as connector:
        purpose = {_DATASET: {name: {"action": "clear"} for name in COLUMNS}}
        with deployed(setting.folder, purpose=purpose, connectors=[connector]) as deployment:
            ways = _ways(deployment, connector=connector)
            latency = _in_turn(ways, keys=keys, count=count)
            rates = {name: _per_second(ways[name], keys=keys, count=count) for name in ("prepared", "direct")}
    direct, prepared = latency["direct"], latency["prepared"]
    over = Latency(p50_ms=prepared.p50_ms - direct.p50_ms, p99_ms=prepared.p99_ms - direct.p99_ms)
    reached = over.p50_ms <= _P50_MS_MAX and over.p99_ms <= _P99_MS_MAX
    return [
        *(_latency(name, measured=latency[name], direct=direct) for name in ("prepared", "not prepared")),
        Line(
            what="prepared, over the direct query",
            measured=str(over),
            baseline="",
            ratio=None,
            bar=f"p50 ≤ {_P50_MS_MAX:.0f}, p99 ≤ {_P99_MS_MAX:.0f} ms",
            reached=None if setting.quick else reached,
            numbers={"over_p50_ms": over.p50_ms, "over_p99_ms": over.p99_ms},
        ),
        Line(
            what=f"prepared, {_CLIENTS} clients at once",
            measured=f"{rate(rates['prepared'])} look-ups/s",
            baseline=f"ADBC PostgreSQL, prepared: {rate(rates['direct'])} look-ups/s",
            ratio=rates["prepared"] / rates["direct"],
            numbers={"per_second": rates["prepared"], "baseline_per_second": rates["direct"]},
        ),
    ]


def _latency(what: str, *, measured: Latency, direct: Latency) -> Line:
    return Line(
        what=f"ADBC Flight SQL → gateway → connector → PostgreSQL; {what}",
        measured=str(measured),
        baseline=f"ADBC PostgreSQL, prepared: {direct}",
        ratio=measured.p50_ms / direct.p50_ms,
        numbers={"p50_ms": measured.p50_ms, "p99_ms": measured.p99_ms}
        | {"baseline_p50_ms": direct.p50_ms, "baseline_p99_ms": direct.p99_ms},
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way to ask for a row by its key."""

    connect: Callable[[], Any]
    sql: str
    """With a `?` or `$1` for the key, or `%s` when it is written into the text."""

    def ask(self, cursor: Any, key: str) -> list[tuple[Any, ...]]:
        """Return the rows."""
        if "%s" in self.sql:
            cursor.execute(self.sql % key)
        else:
            cursor.execute(self.sql, (key,))
        rows: list[tuple[Any, ...]] = cursor.fetch_arrow_table().to_pylist()
        if len(rows) != 1:
            raise RuntimeError("not one row")
        return rows


def _ways(deployment: Deployment, *, connector: dict[str, Any]) -> dict[str, _Way]:
    mapped = connector["datasets"][_DATASET]
    own = ", ".join(f"{mapped['columns'][name]} AS {name}" for name in COLUMNS)
    direct_sql = f"SELECT {own} FROM {mapped['table']} WHERE {mapped['columns']['resident_id']} = $1"
    gateway_sql = f"SELECT {', '.join(COLUMNS)} FROM {_DATASET} WHERE resident_id = "
    options = {
        "adbc.flight.sql.authorization_header": f"Bearer {deployment.token}",
        "adbc.flight.sql.rpc.call_header.x-sharing-purpose": PURPOSE,
    }
    gateway = functools.partial(flight_sql.connect, deployment.endpoint, db_kwargs=options, autocommit=True)
    direct = functools.partial(postgresql.connect, connector["source"]["uri"], autocommit=True)
    return {
        "prepared": _Way(connect=gateway, sql=gateway_sql + "?"),
        "not prepared": _Way(connect=gateway, sql=gateway_sql + "'%s'"),
        "direct": _Way(connect=direct, sql=direct_sql),
    }


def _in_turn(ways: Mapping[str, _Way], *, keys: Sequence[str], count: int) -> dict[str, Latency]:
    """Ask for a row each way in turn, so that all meet the same machine."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    with ExitStack() as opened:
        cursors = {
            name: opened.enter_context(opened.enter_context(way.connect()).cursor()) for name, way in ways.items()
        }
        for turn in range(count + count // 10):
            key = keys[turn % len(keys)]
            for name, way in ways.items():
                samples[name].append(seconds_of(functools.partial(way.ask, cursors[name], key)))
        rows = {_plain(way.ask(cursors[name], keys[0])) for name, way in ways.items()}
    if len(rows) != 1:
        raise RuntimeError("the ways give different rows")
    warm = count // 10
    return {name: Latency.of(taken[warm:]) for name, taken in samples.items()}


def _per_second(way: _Way, *, keys: Sequence[str], count: int) -> float:
    """Return how many rows several clients get in a second, each with its own connection."""

    with ExitStack() as opened:
        cursors = [opened.enter_context(opened.enter_context(way.connect()).cursor()) for _ in range(_CLIENTS)]
        for cursor in cursors:  # a requester prepares one statement at a time
            way.ask(cursor, keys[0])

        def ask_many(first: int) -> None:
            for turn in range(count):
                way.ask(cursors[first], keys[(first + turn) % len(keys)])

        with ThreadPoolExecutor(_CLIENTS) as clients:
            seconds = seconds_of(lambda: list(clients.map(ask_many, range(_CLIENTS))))
    return _CLIENTS * count / seconds


def _plain(rows: list[tuple[Any, ...]]) -> str:
    """Return rows as text, without the marks that the gateway puts into them."""
    return json.dumps(rows, default=str, ensure_ascii=False).replace(MARK, "")
