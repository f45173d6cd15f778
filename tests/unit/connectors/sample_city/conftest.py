"""Sample cities for the tests; each is generated once."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from connectors.sample_city.city import CityPlan, generate

RESIDENTS = 60_000


def silent(done: int, total: int, title: str) -> None:
    """Report nothing."""


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city of 60,000 residents."""
    folder = tmp_path_factory.mktemp("city") / "city"
    generate(folder, plan=CityPlan(residents=RESIDENTS, seed=7), progress=silent)
    return folder


@pytest.fixture
def sql(city: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with a view per dataset, under the last part of its name, and `age` in `person`."""
    connection = duckdb.connect()
    for file in city.glob("*.parquet"):
        name = file.name.removesuffix(".parquet").rpartition(".")[2]
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{file}'")
    connection.execute(
        """CREATE VIEW person AS SELECT *, date_diff('year', birth_date, DATE '2026-06-30')
        - (strftime(birth_date, '%m%d') > '0630')::INT AS age FROM resident"""
    )
    return connection
