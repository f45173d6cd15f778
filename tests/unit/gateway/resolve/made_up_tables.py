"""A small DuckDB that holds every catalogued dataset, with values that meet in joins and conditions."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping

import duckdb

from catalog.dataset import Column, Dataset
from catalog.vocabulary import ColumnType

TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INT16: "SMALLINT",
    ColumnType.INT32: "INTEGER",
    ColumnType.INT64: "BIGINT",
    ColumnType.FLOAT64: "DOUBLE",
    ColumnType.BOOL: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMPTZ",
}
POOLS = {
    "division": ["310101002001", "310101002002", "310101003001", "310104003002"],
    "resident_id": [f"r{i}" for i in range(9)],
    "household_id": [f"h{i}" for i in range(5)],
    "dwelling_code": [f"d{i}" for i in range(5)],
    "name": ["张三", "李四", "王五", "张", "x", "X"],
    "sex": ["1", "2"],
    "colour": ["green", "red"],
}


def value(column: Column, rnd: random.Random):
    if column.nullable and rnd.random() < 0.25:
        return None
    for word, pool in POOLS.items():
        if word in column.name:
            return rnd.choice(pool)
    match column.type:
        case ColumnType.STRING:
            return rnd.choice([code.code for code in column.codes] or ["1", "13", "a", "family"])
        case ColumnType.DATE:
            return datetime.date(1940, 1, 1) + datetime.timedelta(days=rnd.randrange(30_000))
        case ColumnType.TIMESTAMP:
            return datetime.datetime(2025, 6, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=rnd.randrange(10_000))
        case ColumnType.BOOL:
            return rnd.random() < 0.5
        case ColumnType.FLOAT64:
            return rnd.choice([50.0, 80.5, 90.5, 120.25])
        case _:
            return rnd.choice([1, 2, 3, 5, 8, 1980, 2000])


def fill(
    connection: duckdb.DuckDBPyConnection, datasets: Mapping[str, Dataset], *, rows: int = 24, seed: int = 1
) -> None:
    """Create and fill one table per dataset."""
    rnd = random.Random(seed)
    for name, dataset in sorted(datasets.items()):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        columns = ", ".join(f"{column.name} {TYPES[column.type]}" for column in dataset.columns)
        connection.execute(f"CREATE TABLE {name} ({columns})")
        marks = ", ".join("?" for _ in dataset.columns)
        for _ in range(rows):
            connection.execute(
                f"INSERT INTO {name} VALUES ({marks})", [value(column, rnd) for column in dataset.columns]
            )
