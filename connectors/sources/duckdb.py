"""One DuckDB file, opened read-only for each scan, so that between scans its owner can write or replace it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from connectors.sdk.config import DuckdbSettings
from connectors.sdk.predicates import Scalar
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import LOCAL_TIME_ZONE, described, described_tables, prefix_end
from connectors.sources.select import Bind, SqlColumn, guarded, select, table_of, template
from connectors.sources.stream import Batches, ScanStream

_OPTIONS: Mapping[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 2,
}
_SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "TEXT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


class DuckdbSource:
    """Tables and views of one DuckDB file; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: DuckdbSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._path = settings.path
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        with _connect(self._path) as connection:
            return described_tables(
                self._tables, describe=lambda table: described(table, _own_schema(connection, table.table))
            )

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        with _connect(self._path) as connection:
            return _own_schema(connection, table)

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        connection = _connect(self._path)
        try:
            own = _own_schema(connection, table.table)
            if described(table, own) != table.schema:
                raise SourceError(
                    SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing or of another type"
                )
            columns = {
                c.field.name: _sql_column(c.own_name, own=own.field(c.own_name).type, wanted=c.field.type)
                for c in table.columns
            }
            query, parameters = select(request, table=table, columns=columns, dialect=DuckdbDialect())
            as_of = int(self._path.stat().st_mtime)
        except BaseException:
            connection.close()
            raise
        values = [] if parameters is None else [column[0].as_py() for column in parameters.columns]
        return ScanStream(
            _batches(connection, query.sql("duckdb", copy=False), values, batch_rows=request.batch_rows),
            schema=table.projected(request.columns),
            request=request,
            as_of=as_of,
            interrupt=connection.interrupt,
            close=connection.close,
        )

    def close(self) -> None:
        """See `Source.close`."""


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(path, read_only=True, config=dict(_OPTIONS))
        connection.execute("SET TimeZone = 'UTC'")
        return connection
    except (duckdb.Error, OSError) as error:
        raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None


def _own_schema(connection: duckdb.DuckDBPyConnection, table: str) -> pa.Schema:
    query = exp.select("*").from_(table_of(table)).limit(0)
    try:
        return connection.sql(query.sql("duckdb")).to_arrow_reader(1).schema
    except duckdb.CatalogException:
        raise SourceError(SourceCode.DRIFT, detail=f"the table '{table}' does not exist") from None
    except duckdb.Error as error:
        raise _source_error(error) from None


def _sql_column(own_name: str, *, own: pa.DataType, wanted: pa.DataType) -> SqlColumn:
    column: exp.Expr = exp.column(own_name, quoted=True)
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(own) and own.tz is None:
        column = template(f"timezone('{LOCAL_TIME_ZONE}', CAST(c AS TIMESTAMP))", column, dialect="duckdb")
    elif own != wanted and not pa.types.is_timestamp(own):
        column = exp.Cast(this=column, to=exp.DataType.build(_SQL_TYPES[wanted], dialect="duckdb"))
    if pa.types.is_string(wanted):
        by_bytes = exp.Collate(this=column, expression=exp.to_identifier("binary", quoted=True))
        return SqlColumn(value=column, tested=by_bytes)
    return guarded(column, arrow_type=wanted, dialect="duckdb")


def _batches(connection: duckdb.DuckDBPyConnection, sql: str, values: list[object], *, batch_rows: int) -> Batches:
    try:
        yield from connection.sql(sql, params=values).to_arrow_reader(batch_rows)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _source_error(error) from None


def _source_error(error: Exception) -> SourceError:
    """Drop the database's text, which may hold values."""
    drift = isinstance(error, duckdb.ConversionException | duckdb.BinderException | duckdb.OutOfRangeException)
    return SourceError(SourceCode.DRIFT if drift else SourceCode.UNAVAILABLE, detail=type(error).__name__)


class DuckdbDialect:
    """What DuckDB does its own way; see `SqlDialect`."""

    name = "duckdb"

    def operands(self, values: tuple[Scalar, ...], arrow_type: pa.DataType) -> pa.Array:
        """See `SqlDialect.operands`."""
        return pa.array(values, type=arrow_type)

    def placeholder(self, position: int) -> exp.Expr:
        """See `SqlDialect.placeholder`."""
        return exp.Placeholder()

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """See `SqlDialect.by_code_point`. Text is compared as UTF-8, whose order is that of code points."""
        return text

    def starts_with(self, text: exp.Expr, prefix: str, bind: Bind) -> exp.Expr:
        """See `SqlDialect.starts_with`."""
        end = prefix_end(prefix)
        start = exp.GTE(this=text.copy(), expression=bind(pa.array([prefix])))
        return (
            start if end is None else exp.and_(start, exp.LT(this=text, expression=bind(pa.array([end]))), copy=False)
        )

    def among(self, column: exp.Expr, operands: pa.Array, bind: Bind) -> exp.Expr:
        """See `SqlDialect.among`."""
        values = bind(pa.array([operands.to_pylist()], type=pa.list_(operands.type)))
        return exp.func("list_contains", values, column)
