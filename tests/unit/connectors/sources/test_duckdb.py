"""What only DuckDB does: its own types, one writer, infinity."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from connectors.sdk.config import DuckdbSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.duckdb import DuckdbSource
from tests.unit.connectors.conftest import DATASET, NAME, mapped

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))
SQL = {
    **dict.fromkeys(("id", "large"), "BIGINT"),
    **dict.fromkeys(("division", "label"), "VARCHAR"),
    "small": "SMALLINT",
    "middle": "INTEGER",
    "ratio": "DOUBLE",
    "flag": "BOOLEAN",
    "day": "DATE",
    "moment": "TIMESTAMPTZ",
}


def stored(folder: Path, column: str = "id", sql_type: str = "BIGINT", value: str = "1") -> DuckdbSource:
    values = {"id": "1", "division": "'310101002003'", column: value}
    with duckdb.connect(folder / "x.duckdb") as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in {**SQL, column: sql_type}.items())
        connection.execute(f"CREATE OR REPLACE TABLE t ({columns})")
        connection.execute(f"INSERT INTO t ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    settings = DuckdbSettings(kind="duckdb", path=folder / "x.duckdb")
    return DuckdbSource(settings, tables=mapped(DATASET, table="t"))


def read(source: DuckdbSource, *columns: str, predicate: Predicate = EVERY_ROW) -> list[dict[str, Any]]:
    request = SourceScan(dataset=NAME, columns=columns, predicate=predicate, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("column", "sql_type", "value", "expected"),
    [
        ("label", "BIGINT", "310101", "310101"),
        ("label", "ENUM ('a', 'b')", "'b'", "b"),
        ("small", "HUGEINT", "7", 7),
        ("large", "DECIMAL(18, 0)", "7", 7),
        ("ratio", "DECIMAL(10, 2)", "1.25", 1.25),
        ("ratio", "FLOAT", "1.5", 1.5),
        ("moment", "TIMESTAMP", "'2024-01-01 08:00:00'", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
        ("moment", "TIMESTAMP_S", "'1988-07-01 09:00:00'", datetime.datetime(1988, 7, 1, tzinfo=datetime.UTC)),
        ("day", "DATE", "'infinity'", None),
        ("moment", "TIMESTAMPTZ", "'-infinity'", None),
    ],
)
def test_a_stored_type_is_read_as_the_catalogued_one(
    tmp_path: Path, column: str, sql_type: str, value: str, expected: object
) -> None:
    """Values and filters see the catalogue's type; a time without a zone is Shanghai's, summer time of 1988 included."""
    source = stored(tmp_path, column, sql_type, value)
    assert source.describe() == {NAME: DATASET.schema}
    assert read(source, column) == [{column: expected}]
    op, values = (PredicateOp.IS_NULL, ()) if expected is None else (PredicateOp.EQ, (expected,))
    assert len(read(source, "id", predicate=Predicate(op=op, column=column, values=values))) == 1


@pytest.mark.parametrize(("column", "sql_type", "value"), [("day", "VARCHAR", "'2024-01-01'"), ("flag", "INT", "1")])
def test_a_type_that_needs_interpretation_is_not_converted(
    tmp_path: Path, column: str, sql_type: str, value: str
) -> None:
    """`describe` shows it as it is, and scans of the table fail."""
    source = stored(tmp_path, column, sql_type, value)
    assert source.describe()[NAME].field(column).type != DATASET.schema.field(column).type
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT


def test_a_value_that_does_not_fit_is_drift(tmp_path: Path) -> None:
    """Too wide a number ends the scan."""
    with pytest.raises(SourceError) as caught:
        read(stored(tmp_path, "small", "BIGINT", "70000"), "small")
    assert caught.value.code is SourceCode.DRIFT


def test_a_missing_file_and_table_are_told_apart(tmp_path: Path) -> None:
    """No file is unavailable and is not created; a dataset without its table is missing."""
    path = tmp_path / "x.duckdb"
    source = DuckdbSource(DuckdbSettings(kind="duckdb", path=path), tables=mapped(DATASET, table="t"))
    with pytest.raises(SourceError) as caught:
        source.describe()
    assert (caught.value.code, path.exists()) == (SourceCode.UNAVAILABLE, False)
    duckdb.connect(path).close()
    assert source.describe() == {}


def test_the_owner_writes_between_scans(tmp_path: Path) -> None:
    """The file is opened for one scan at a time, and for reading only."""
    source = stored(tmp_path)
    assert read(source, "id") == [{"id": 1}]
    with duckdb.connect(tmp_path / "x.duckdb") as connection:
        connection.execute("UPDATE t SET id = 2")
    assert read(source, "id") == [{"id": 2}]
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        assert stream.as_of == int((tmp_path / "x.duckdb").stat().st_mtime)


def test_a_running_query_is_interrupted(tmp_path: Path) -> None:
    """Cancelling from another thread ends a query that would not end by itself."""
    stored(tmp_path)
    with duckdb.connect(tmp_path / "x.duckdb") as connection:
        connection.execute(
            "CREATE VIEW endless AS SELECT t.* FROM t, range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 0"
        )
    settings = DuckdbSettings(kind="duckdb", path=tmp_path / "x.duckdb")
    source = DuckdbSource(settings, tables=mapped(DATASET, table="endless"))
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    with source.scan(request) as stream:
        timer = threading.Timer(0.2, stream.cancel)
        timer.start()
        with pytest.raises(SourceError) as caught:
            next(stream)
    assert caught.value.code is SourceCode.CANCELLED
    assert pa.types.is_int64(source.describe()[NAME].field("id").type)
