"""What only ODBC does: real drivers, what is pushed into a database of unknown habits, what is not."""

from __future__ import annotations

import datetime
import importlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.config import OdbcSettings
from connectors.sdk.predicates import Predicate, PredicateOp, all_of
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.opening import OwnTables, open_source
from tests.unit.connectors.conftest import DATASET, NAME, Postgres, mapped
from tests.unit.connectors.sources.conftest import odbc_driver, odbc_postgresql

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))
COLUMNS = (
    "id BIGINT, division VARCHAR(12), label {text}, small SMALLINT, middle INT, large BIGINT, ratio DOUBLE PRECISION, "
    "flag {flag}, day DATE, moment {moment}"
)


def opened(connection: str, *, table: str = "t", quote: str = '"', text_bytes_max: int = 100) -> OwnTables:
    settings = OdbcSettings.model_validate(
        {"kind": "odbc", "connection": connection, "quote": quote, "text_bytes_max": text_bytes_max}
    )
    return open_source(settings, tables=mapped(DATASET, table=table))


def read(source: OwnTables, *columns: str, predicate: Predicate = EVERY_ROW, **changes: Any) -> list[dict[str, Any]]:
    request = {"rows_max": None, "batch_rows": 10, **changes}
    with source.scan(SourceScan(dataset=NAME, columns=columns, predicate=predicate, **request)) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The connection string of a SQLite file with one row that cannot be read, because its text is too long."""
    driver = odbc_driver("SQLite3")
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(f"CREATE TABLE t ({COLUMNS.format(text='TEXT', flag='BOOLEAN', moment='TIMESTAMP')})")
        rows = [
            (1, "310101002003", "a", 1, 1, 1, 1.5, 1, "2024-01-01", "2024-01-01 08:00:00"),
            (2, "310107000000", "x" * 200, 2, 2, 2, 2.5, 0, "2025-01-01", "2025-01-01 08:00:00"),
        ]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return f"Driver={driver};Database={tmp_path / 'x.db'};"


def leaf(op: str, column: str, *values: Any) -> Predicate:
    return Predicate(op=PredicateOp(op), column=column, values=values)


@pytest.mark.parametrize(
    "predicate",
    [
        leaf("eq", "division", "310101002003"),
        leaf("in", "division", "310101002003", "沪'--"),
        leaf("prefix", "division", "310101"),
        leaf("prefix", "division", "310101_"),
        leaf("le", "small", 1),
        leaf("ne", "large", 2),
        leaf("in", "id", *range(-2_000, 2)),
        leaf("between", "middle", -5, 1),
        leaf("lt", "day", "2024-06-01"),
        leaf("le", "moment", "2024-01-01T00:00:00Z"),
        leaf("in", "moment", "2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        Predicate(op=PredicateOp.OR, operands=(leaf("eq", "id", 1), leaf("eq", "day", "2024-01-01"))),
        all_of(leaf("eq", "flag", True), EVERY_ROW, leaf("eq", "id", 1)),
    ],
)
def test_rows_that_the_filter_rules_out_are_not_fetched(sqlite: str, predicate: Predicate) -> None:
    """The database itself filters: a row that could not be read does not disturb."""
    source = opened(sqlite)
    matching = [] if predicate == leaf("prefix", "division", "310101_") else [{"label": "a"}]
    assert read(source, "label", predicate=predicate) == matching


@pytest.mark.parametrize(
    "predicate",
    [EVERY_ROW, leaf("eq", "flag", True), leaf("eq", "ratio", 1.5), leaf("lt", "label", "b"), leaf("ne", "label", "z")],
)
def test_what_databases_answer_differently_is_not_left_to_them(sqlite: str, predicate: Predicate) -> None:
    """Conditions that depend on a database's order of text or kinds of numbers are tested here; columns are projected."""
    source = opened(sqlite)
    assert {"id": 1} in read(opened(sqlite, text_bytes_max=300), "id", predicate=predicate)
    with pytest.raises(SourceError) as caught:
        read(source, "label", predicate=predicate)
    assert caught.value.code is SourceCode.DRIFT


def test_a_limit_holds_after_the_connectors_own_filter(sqlite: str) -> None:
    """Rows that are dropped here do not use up the limit."""
    predicate = Predicate(op=PredicateOp.NOT, operands=(leaf("eq", "id", 1),))
    assert read(opened(sqlite), "id", predicate=predicate, rows_max=1) == [{"id": 2}]


def test_a_database_that_compares_loosely_gets_no_say(mariadb: str) -> None:
    """Collations that ignore case, accents and trailing spaces add no row, and lose none."""
    database = importlib.import_module("arrow_odbc").connect(mariadb)
    columns = COLUMNS.format(text="TEXT", flag="TINYINT", moment="DATETIME")
    database.read_arrow_batches(f"CREATE TABLE loose ({columns}) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    for number, label in enumerate(("a", "A", "a ", "á", "é", "e\u0301")):
        database.read_arrow_batches(
            "INSERT INTO loose (id, division, label, flag) VALUES (?, 'x', ?, 1)", parameters=[str(number), label]
        )
    source = opened(mariadb, table="loose", quote="`")
    for op in ("eq", "in", "prefix"):
        for number, label in enumerate(("a", "A", "a ", "á", "é")):
            found = {row["id"] for row in read(source, "id", predicate=leaf(op, "label", label))}
            assert found == ({0, 2} if (op, label) == ("prefix", "a") else {number})
    assert read(source, "flag", rows_max=1) == [{"flag": True}]


def test_a_number_that_is_no_truth_value_is_drift(mariadb: str) -> None:
    """Only 0 and 1 are truth values where the database has a one-byte number."""
    database = importlib.import_module("arrow_odbc").connect(mariadb)
    database.read_arrow_batches(
        f"CREATE TABLE flags ({COLUMNS.format(text='TEXT', flag='TINYINT', moment='DATETIME')})"
    )
    database.read_arrow_batches("INSERT INTO flags (id, division, flag) VALUES (1, 'x', 2)")
    with pytest.raises(SourceError) as caught:
        read(opened(mariadb, table="flags", quote="`"), "flag")
    assert caught.value.code is SourceCode.DRIFT


def test_other_character_sets_arrive_as_utf8(mariadb: str) -> None:
    """A GBK table is read as the text it holds, and compared with it."""
    database = importlib.import_module("arrow_odbc").connect(mariadb)
    columns = COLUMNS.format(text="VARCHAR(20)", flag="BOOLEAN", moment="DATETIME")
    database.read_arrow_batches(f"CREATE TABLE gbk ({columns}) CHARACTER SET gbk")
    database.read_arrow_batches("INSERT INTO gbk (id, division, label) VALUES (1, 'x', ?)", parameters=["王小明"])
    predicate = leaf("prefix", "label", "王")
    assert read(opened(mariadb, table="gbk", quote="`"), "label", predicate=predicate) == [{"label": "王小明"}]


def test_numbers_without_a_fraction_are_whole(postgres: Postgres) -> None:
    """NUMERIC(n, 0), as Oracle's tables are full of, is an integer; a fraction is none."""
    connection = odbc_postgresql(postgres)
    columns = COLUMNS.format(text="text", flag="bool", moment="timestamp").replace(
        "large BIGINT", "large NUMERIC(18, 0)"
    )
    postgres.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t ({columns})")
    postgres.run("INSERT INTO t (id, division, large, moment) VALUES (1, 'x', 12345678901234567, '2024-01-01 08:00')")
    source = opened(connection)
    assert source.describe() == {NAME: DATASET.schema}
    assert read(source, "large", "moment", predicate=leaf("eq", "large", 12_345_678_901_234_567)) == [
        {"large": 12_345_678_901_234_567, "moment": datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)}
    ]
    postgres.run("ALTER TABLE t ALTER large TYPE NUMERIC(20, 2)")
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT


def test_rows_come_in_batches_from_a_server_side_cursor(postgres: Postgres) -> None:
    """A reader that stops early does not wait for the rest of a large table."""
    connection = odbc_postgresql(postgres)
    postgres.run(
        "DROP VIEW IF EXISTS many",
        "CREATE VIEW many AS SELECT n AS id, '310101002003'::varchar(12) AS division, NULL::text AS label, 1::int2 AS small, "
        "1 AS middle, n AS large, 1.5::float8 AS ratio, true AS flag, current_date AS day, now() AS moment "
        "FROM generate_series(1::int8, 1000000) n",
    )
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=100)
    with opened(connection, table="public.many").scan(request) as stream:
        assert next(stream).num_rows == 100
        stream.cancel()
        with pytest.raises(SourceError) as caught:
            next(stream)
    assert caught.value.code is SourceCode.CANCELLED


def test_failures_are_told_apart_without_the_drivers_text(sqlite: str) -> None:
    """No database is unavailable, no table is drift; the detail is a code, as text may hold values or the password."""
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    for source, code in (
        (opened("Driver=SQLite3;Database=/no/such/folder/x.db;NoCreat=1;PWD=secret"), SourceCode.UNAVAILABLE),
        (opened("Driver=no such driver"), SourceCode.UNAVAILABLE),
        (opened(sqlite, table="nothing"), SourceCode.DRIFT),
    ):
        with pytest.raises(SourceError) as caught:
            source.scan(request)
        assert caught.value.code is code
        assert "secret" not in caught.value.detail
        assert "SQLSTATE" in caught.value.detail


def test_without_the_systems_library_only_odbc_is_missing(monkeypatch):
    """Other sources need no unixODBC, and who wants ODBC is told what to install."""
    monkeypatch.delitem(sys.modules, "connectors.sources.odbc", raising=False)
    monkeypatch.setattr(importlib, "import_module", cannot_load)
    with pytest.raises(ValueError, match="install unixodbc"):
        opened("Driver=none")


def cannot_load(name: str) -> None:
    raise OSError(f"{name}: libodbc.so.2")
