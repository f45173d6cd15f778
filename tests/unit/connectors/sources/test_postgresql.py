"""What only PostgreSQL does: types, collations, plans, restarts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_postgresql.dbapi
import pyarrow as pa
import pytest

from catalog.dataset import Dataset
from connectors.sdk.config import OdbcSettings, PostgresqlSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import Source, SourceCode, SourceError, SourceScan
from connectors.sources.opening import open_source
from connectors.sources.postgresql import PostgresqlSource
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, Postgres, mapped
from tests.unit.connectors.sources.conftest import odbc_postgresql

EVERY_ROW = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.IS_NULL, column="id"),))


def opened(postgres: Postgres, table: str, dataset: Dataset = DATASET) -> PostgresqlSource:
    return PostgresqlSource(
        PostgresqlSettings(kind="postgresql", uri=postgres.uri), tables=mapped(dataset, table=table)
    )


def read(source: Source, *columns: str, predicate: Predicate = EVERY_ROW) -> list[dict[str, Any]]:
    request = SourceScan(dataset=NAME, columns=columns, predicate=predicate, rows_max=None, batch_rows=100)
    with source.scan(request) as stream:
        rows = [row for batch in stream for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: row.get("id", 0))


def create(postgres: Postgres, table: str, columns: str, *rows: str) -> None:
    postgres.run(f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({columns})")
    for row in rows:
        postgres.run(f"INSERT INTO {table} VALUES ({row})")


COLUMNS = (
    "id int8, division text, label text, small int2, middle int4, large int8, ratio float8, flag bool, day date, "
    "moment timestamptz"
)


def test_other_types_are_cast_in_the_database(postgres: Postgres) -> None:
    """Padded text, domains, wider integers, exact numbers and local times arrive as catalogued, also in filters."""
    postgres.run("DROP DOMAIN IF EXISTS code CASCADE", "CREATE DOMAIN code AS varchar(12)")
    create(
        postgres,
        "cast_types",
        "id int4, division code, label char(8), small int8, middle int2, large int4, ratio numeric(10, 2), flag bool, day date, "
        "moment timestamp",
        "1, '310101002003', 'ab', 7, 5, 9, 1.25, true, '2024-02-29', '2024-01-01 08:00:00.5'",
    )
    source = opened(postgres, "cast_types")
    assert source.describe() == {NAME: DATASET.schema}
    moment = datetime.datetime(2024, 1, 1, 0, 0, 0, 500_000, tzinfo=datetime.UTC)
    expected = {"id": 1, "label": "ab", "small": 7, "ratio": 1.25, "moment": moment}
    assert read(source, *expected) == [expected]
    for name, value in expected.items():
        equal = Predicate(op=PredicateOp.EQ, column=name, values=(value,))
        assert len(read(source, "id", predicate=equal)) == 1
    source.close()


def test_a_value_that_does_not_fit_is_drift(postgres: Postgres) -> None:
    """An integer too wide for its catalogued type is not cut."""
    create(postgres, "too_wide", COLUMNS.replace("small int2", "small int8"), "1, '', '', 99999")
    source = opened(postgres, "too_wide")
    with pytest.raises(SourceError) as caught:
        read(source, "small")
    assert (caught.value.code, caught.value.detail) == (SourceCode.DRIFT, "SQLSTATE 22003")
    assert read(source, "id") == [{"id": 1}]
    source.close()


def test_null_where_the_catalogue_has_none_is_drift(postgres: Postgres) -> None:
    """The catalogue's promise is kept or the scan fails."""
    create(postgres, "with_null", COLUMNS, "1, NULL")
    source = opened(postgres, "with_null")
    with pytest.raises(SourceError) as caught:
        read(source, "division")
    assert caught.value.code is SourceCode.DRIFT
    source.close()


def test_infinity_and_not_a_number(postgres: Postgres) -> None:
    """Days without a date arrive as null and match no comparison; NaN arrives and matches none."""
    create(
        postgres,
        "unbounded",
        COLUMNS,
        "1, '', '', 1, 1, 1, 'NaN', true, 'infinity', '-infinity'",
        "2, '', '', 1, 1, 1, 'infinity', true, '20000-01-01', '4000-01-01 BC'",
        "3, '', '', 1, 1, 1, 0, true, '9999-12-31', '0001-01-01 00:00:00+00'",
    )
    source = opened(postgres, "unbounded")
    rows = read(source, "id", "day", "moment")
    assert [(row["day"] is None, row["moment"] is None) for row in rows] == [(True, True), (True, True), (False, False)]

    def ids(op: PredicateOp, column: str, *values: Any) -> list[int]:
        return [row["id"] for row in read(source, "id", predicate=Predicate(op=op, column=column, values=values))]

    assert ids(PredicateOp.GE, "day", datetime.date(1, 1, 1)) == [3]
    assert ids(PredicateOp.NE, "moment", "2024-01-01") == [3]
    assert ids(PredicateOp.IS_NULL, "day") == [1, 2]
    assert ids(PredicateOp.GE, "ratio", 0) == [2, 3]
    assert ids(PredicateOp.NE, "ratio", 1) == [2, 3]
    assert ids(PredicateOp.IS_NULL, "ratio") == []
    source.close()


@pytest.mark.parametrize(
    ("change", "missing", "kept_type"),
    [("DROP COLUMN label", "label", None), ("ALTER COLUMN label TYPE jsonb USING NULL", "label", "jsonb")],
)
def test_a_column_that_changed_is_seen(postgres: Postgres, change: str, missing: str, kept_type: str | None) -> None:
    """`describe` shows a lost or retyped column as it is, and scans fail instead of guessing."""
    create(postgres, "drifting", COLUMNS, "1, '310101002003'")
    source = opened(postgres, "drifting")
    assert len(read(source, "id", "label")) == 1
    postgres.run(f"ALTER TABLE drifting {change}")
    described = source.describe()[NAME]
    assert (missing in described.names) == (kept_type is not None)
    if kept_type is not None:
        assert described.field(missing).type == pa.opaque(pa.string(), kept_type, "PostgreSQL")
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT
    source.close()


def test_a_missing_table_is_drift(postgres: Postgres) -> None:
    """Also when its name would be another table's without quotes."""
    create(postgres, "lower_case", COLUMNS)
    source = opened(postgres, "Lower_Case")
    assert source.describe() == {}
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.code is SourceCode.DRIFT
    source.close()


@pytest.mark.parametrize("kind", ["postgresql", "odbc"])
def test_a_literal_that_the_database_cannot_write_is_no_drift(postgres: Postgres, kind: str) -> None:
    """In an EUC_CN database a Chinese name finds its row; an emoji fails its own query, and the next one is answered."""
    database = urlsplit(postgres.uri)._replace(path="/chinese").geturl()
    postgres.run(
        "DROP DATABASE IF EXISTS chinese",
        "CREATE DATABASE chinese ENCODING 'EUC_CN' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
    )
    chinese = Postgres(uri=database)
    with adbc_driver_postgresql.dbapi.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SET client_encoding = 'UTF8'")
        cursor.execute(f"CREATE TABLE t ({COLUMNS})")
        cursor.execute("INSERT INTO t VALUES (1, '310101002003', '王小明')")
    source: Source = opened(chinese, "t")
    if kind == "odbc":
        settings = OdbcSettings.model_validate({"kind": "odbc", "connection": odbc_postgresql(chinese)})
        source = open_source(settings, tables=mapped(DATASET, table="t"))
    for op in (PredicateOp.EQ, PredicateOp.IN, PredicateOp.PREFIX):
        found = Predicate(op=op, column="label", values=("王小明",))
        assert read(source, "id", "label", predicate=found) == [{"id": 1, "label": "王小明"}]
        with pytest.raises(SourceError) as caught:
            read(source, "id", predicate=Predicate(op=op, column="label", values=("王😀",)))
        assert caught.value.code is SourceCode.FAILED
    assert read(source, "id") == [{"id": 1}]
    source.close()


def test_a_view_in_another_schema_is_read(postgres: Postgres) -> None:
    """`schema.table` names it."""
    create(postgres, "behind_view", COLUMNS, "1, '310101002003'")
    postgres.run(
        "DROP SCHEMA IF EXISTS shared CASCADE",
        "CREATE SCHEMA shared",
        "CREATE VIEW shared.v AS SELECT * FROM behind_view",
    )
    source = opened(postgres, "shared.v")
    assert read(source, "id", "division") == [{"id": 1, "division": "310101002003"}]
    source.close()


def test_equality_means_equal_text_in_every_collation(postgres: Postgres) -> None:
    """A column that ignores case does not widen a filter."""
    try:
        postgres.run("CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    except adbc_driver_postgresql.dbapi.NotSupportedError:
        pytest.skip("this PostgreSQL is built without ICU, so it has no collation that ignores case")
    columns = COLUMNS.replace("label text", "label text COLLATE no_case")
    create(postgres, "caseless", columns, "1, '', 'abc'", "2, '', 'ABC'", "3, '', 'b'")
    source = opened(postgres, "caseless")

    def ids(op: PredicateOp, *values: str) -> list[int]:
        return [row["id"] for row in read(source, "id", predicate=Predicate(op=op, column="label", values=values))]

    assert ids(PredicateOp.EQ, "ABC") == [2]
    assert ids(PredicateOp.IN, "ABC", "B") == [2]
    assert ids(PredicateOp.PREFIX, "a") == [1]
    assert ids(PredicateOp.LT, "a") == [2]
    source.close()


@pytest.fixture
def indexed(postgres: Postgres) -> Iterator[PostgresqlSource]:
    postgres.run(
        "DROP TABLE IF EXISTS indexed",
        "CREATE TABLE indexed AS SELECT i::int8 AS id, lpad(i::text, 12, '0') AS division, NULL::text AS label, 1::int2 AS small, "
        "i::int4 AS middle, i::int8 AS large, 0::float8 AS ratio, true AS flag, date '2000-01-01' + i AS day, now() AS moment "
        "FROM generate_series(1, 50000) AS i",
        "CREATE INDEX ON indexed (id)",
        "CREATE INDEX ON indexed (division text_pattern_ops)",
        "CREATE INDEX ON indexed (day)",
        "ANALYZE indexed",
    )
    source = opened(postgres, "indexed")
    yield source
    source.close()


@pytest.mark.parametrize(
    "predicate",
    [
        Predicate(op=PredicateOp.EQ, column="id", values=(7,)),
        Predicate(op=PredicateOp.IN, column="id", values=(7, 8)),
        Predicate(op=PredicateOp.PREFIX, column="division", values=("00000001",)),
        Predicate(op=PredicateOp.EQ, column="division", values=("000000012345",)),
        Predicate(op=PredicateOp.BETWEEN, column="day", values=("2010-01-01", "2010-01-02")),
    ],
)
def test_an_index_answers_a_filter(postgres: Postgres, indexed: PostgresqlSource, predicate: Predicate) -> None:
    """Bound parameters, guards and casts do not force a walk over the whole table."""
    walked = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'indexed'"
    read(indexed, "id", predicate=EVERY_ROW)
    indexed.close()
    before = _settled(postgres, walked)
    assert read(indexed, "id", predicate=predicate)
    indexed.close()
    assert _settled(postgres, walked) == before


def _settled(postgres: Postgres, query: str) -> Any:
    """Statistics are written when a session ends; wait until they stop changing."""
    postgres.run("SELECT pg_sleep(0.3)")
    return postgres.rows(query)


def test_a_lost_connection_is_replaced(postgres: Postgres) -> None:
    """After the server ended idle sessions the next scan connects again."""
    create(postgres, "lasting", COLUMNS, "1, '310101002003'")
    source = opened(postgres, "lasting")
    assert len(read(source, "id")) == 1
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sharing-connector'")
    assert len(read(source, "id")) == 1
    source.close()


def test_sessions_cannot_write(postgres: Postgres) -> None:
    """The connector's sessions are read-only, whatever reaches them."""
    create(postgres, "written", "n int")
    postgres.run(
        "CREATE OR REPLACE FUNCTION sneaky() RETURNS int8 LANGUAGE sql VOLATILE AS "
        "'INSERT INTO written VALUES (1) RETURNING 1::int8'",
        "DROP VIEW IF EXISTS writing",
        "CREATE VIEW writing AS SELECT sneaky() AS id, ''::text AS division, ''::text AS label, 1::int2 AS small, "
        "1::int4 AS middle, 1::int8 AS large, 1::float8 AS ratio, true AS flag, current_date AS day, now() AS moment",
    )
    source = opened(postgres, "writing")
    with pytest.raises(SourceError) as caught:
        read(source, "id")
    assert caught.value.detail == "SQLSTATE 25006"
    assert postgres.rows("SELECT count(*) FROM written") == [(0,)]
    source.close()


def test_idle_connections_are_kept_but_few(postgres: Postgres) -> None:
    """Many scans at once leave a small pool behind, and closing the source empties it."""
    postgres.run("DROP TABLE IF EXISTS pooled", "CREATE TABLE pooled (" + COLUMNS + ")")
    postgres.ingest("pooled", ROWS)
    source = opened(postgres, "pooled")
    request = SourceScan(dataset=NAME, columns=("id",), predicate=EVERY_ROW, rows_max=None, batch_rows=10)
    streams = [source.scan(request) for _ in range(12)]
    for stream in streams:
        next(stream)
    for stream in streams:
        stream.close()
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sharing-connector'"
    assert postgres.rows(counted)[0][0] <= 8
    source.close()
    postgres.run("SELECT pg_sleep(0.3)")
    assert postgres.rows(counted) == [(0,)]
