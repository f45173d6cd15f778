"""SQLite through ADBC, opened read-only.

SQLite types values, not columns, and the driver guesses a column's type from its first rows. So every column is selected
by an expression that gives one type or null, and a first row of known types, dropped on arrival, settles the guess.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa
from sqlglot import exp

from connectors.sdk.config import SqliteSettings
from connectors.sdk.predicates import Scalar
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import described_tables, prefix_end
from connectors.sources.select import Bind, SqlColumn, select, template
from connectors.sources.stream import Batches, ScanStream

_INTEGER = "CASE WHEN TYPEOF(c) = 'integer' OR CAST(CAST(c AS INTEGER) AS TEXT) = c THEN CAST(c AS INTEGER) END"
_ZONE = "CASE WHEN c LIKE '%Z' THEN 'Z' WHEN LENGTH(c) > 22 AND SUBSTR(c, -6, 1) IN ('+', '-') THEN SUBSTR(c, -6) ELSE '+08:00' END"
_VALUES: Mapping[pa.DataType, str] = {
    pa.string(): "CASE WHEN TYPEOF(c) = 'text' OR TYPEOF(c) = 'integer' THEN CAST(c AS TEXT) END",
    pa.int16(): _INTEGER,
    pa.int32(): _INTEGER,
    pa.int64(): _INTEGER,
    pa.float64(): "CASE WHEN TYPEOF(c) = 'real' OR TYPEOF(c) = 'integer' THEN CAST(c AS REAL) END",
    pa.bool_(): "CASE LOWER(CAST(c AS TEXT)) WHEN '1' THEN 1 WHEN 'true' THEN 1 WHEN '0' THEN 0 WHEN 'false' THEN 0 END",
    pa.date32(): (
        "CASE WHEN TYPEOF(c) = 'text' AND STRFTIME('%Y-%m-%d', c) = SUBSTR(c, 1, 10) AND c >= '0001' "
        "THEN SUBSTR(c, 1, 10) END"
    ),
    pa.timestamp("us", tz="UTC"): (
        "CASE WHEN TYPEOF(c) = 'integer' THEN c * 1000000 WHEN TYPEOF(c) = 'text' AND LENGTH(c) >= 19 THEN "
        f"CAST(STRFTIME('%s', SUBSTR(c, 1, 19) || ({_ZONE})) AS INTEGER) * 1000000 + CASE WHEN SUBSTR(c, 20, 1) = '.' "
        f"THEN CAST(SUBSTR(REPLACE(SUBSTR(c, 21), {_ZONE}, '') || '000000', 1, 6) AS INTEGER) ELSE 0 END END"
    ),
}
"""Each value as text, integer or real, or null where it is not one of its type. Times without a zone are Shanghai's."""


class SqliteSource:
    """Tables and views of one SQLite file; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: SqliteSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._uri = settings.path.resolve().as_uri() + "?mode=ro"
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        return described_tables(self._tables, describe=self._described)

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        schema = table.projected(request.columns)
        own = self._own_types(table.table)
        if not {column.own_name for column in table.columns} <= set(own):
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing")
        columns = {column.field.name: _sql_column(column.own_name, own, column.field.type) for column in table.columns}
        unlimited = replace(request, rows_max=None)
        query, parameters = select(unlimited, table=table, columns=columns, dialect=SqliteDialect())
        union = exp.union(_first_row(schema), query, distinct=False, copy=False)
        if request.rows_max is not None:
            union = union.limit(request.rows_max + 1, copy=False)
        connection, cursor = self._run(union.sql("sqlite", copy=False), parameters, batch_rows=request.batch_rows)
        close = functools.partial(_discard, connection, cursor)
        return ScanStream(_batches(cursor), schema=schema, request=request, close=close)

    def close(self) -> None:
        """See `Source.close`."""

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`. Types are guessed from the declared ones."""
        return pa.schema([(name, _guess(declared)) for name, declared in self._own_types(table).items()])

    def _described(self, table: MappedTable) -> pa.Schema:
        own = self._own_types(table.table)
        return pa.schema([column.field for column in table.columns if column.own_name in own])

    def _own_types(self, table: str) -> Mapping[str, str]:
        """Return the declared type by own column name."""
        parameters = pa.RecordBatch.from_arrays([pa.array([table])], names=["0"])
        connection, cursor = self._run("SELECT name, type FROM pragma_table_info(?)", parameters, batch_rows=1_024)
        try:
            own = {name: str(declared).upper() for name, declared in cursor.fetchall()}
        except (adbc_driver_manager.Error, OSError) as error:
            raise _source_error(error) from None
        finally:
            _discard(connection, cursor)
        if not own:
            raise SourceError(SourceCode.DRIFT, detail=f"the table '{table}' does not exist")
        return own

    def _run(self, sql: str, parameters: pa.RecordBatch | None, *, batch_rows: int) -> tuple[Any, Any]:
        cursor = None
        try:
            connection = adbc_driver_sqlite.dbapi.connect(self._uri)
        except (adbc_driver_manager.Error, OSError) as error:
            raise _source_error(error) from None
        try:
            cursor = connection.cursor()
            cursor.adbc_statement.set_options(**{adbc_driver_sqlite.StatementOptions.BATCH_ROWS.value: str(batch_rows)})
            cursor.execute(sql, parameters)
        except (adbc_driver_manager.Error, OSError) as error:
            _discard(connection, cursor)
            raise _source_error(error) from None
        return connection, cursor


def _sql_column(own_name: str, own: Mapping[str, str], arrow_type: pa.DataType) -> SqlColumn:
    column = exp.column(own_name, quoted=True)
    value = template(_VALUES[arrow_type], column, dialect="sqlite")
    if not pa.types.is_string(arrow_type):
        return SqlColumn(value=value, tested=value)
    # A column with text affinity holds text or blobs, so that an index can answer.
    is_text = any(word in own[own_name] for word in ("CHAR", "CLOB", "TEXT")) and "INT" not in own[own_name]
    tested = exp.Collate(this=column if is_text else exp.Paren(this=value), expression=exp.to_identifier("BINARY"))
    guard = template("TYPEOF(c) = 'text'", column, dialect="sqlite") if is_text else None
    return SqlColumn(value=value, tested=tested, guard=guard)


_GUESSES: Mapping[str, pa.DataType] = {
    "INT": pa.int64(),
    "BOOL": pa.bool_(),
    "TIME": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
    "REAL": pa.float64(),
    "DOUB": pa.float64(),
    "FLOA": pa.float64(),
}


def _guess(declared: str) -> pa.DataType:
    return next((guess for word, guess in _GUESSES.items() if word in declared), pa.string())


def _first_row(schema: pa.Schema) -> exp.Select:
    """Return a query of one row that has the stored type of every column."""
    examples = [exp.alias_(_example(field.type), field.name, quoted=True, copy=False) for field in schema]
    return exp.select(*examples)


def _example(arrow_type: pa.DataType) -> exp.Expr:
    if pa.types.is_string(arrow_type) or pa.types.is_date(arrow_type):
        return exp.Literal.string("")
    return exp.Literal.number("0.0" if pa.types.is_floating(arrow_type) else "0")


class SqliteDialect:
    """What SQLite does its own way; see `SqlDialect`."""

    name = "sqlite"

    def operands(self, values: tuple[Scalar, ...], arrow_type: pa.DataType) -> pa.Array:
        """See `SqlDialect.operands`."""
        if pa.types.is_date(arrow_type):
            return pa.array([str(value) for value in values])
        if pa.types.is_timestamp(arrow_type):
            return pa.array(values, type=arrow_type).cast(pa.int64())
        if pa.types.is_boolean(arrow_type) or pa.types.is_integer(arrow_type):
            return pa.array([int(value) for value in values], type=pa.int64())  # type: ignore[arg-type]
        return pa.array(values, type=arrow_type)

    def placeholder(self, position: int) -> exp.Expr:
        """See `SqlDialect.placeholder`."""
        return exp.Placeholder()

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """See `SqlDialect.by_code_point`. Text columns are always compared so."""
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
        values = exp.select("value").from_(exp.func("json_each", bind(pa.array([json.dumps(operands.to_pylist())]))))
        return exp.In(this=column, query=exp.Subquery(this=values))


def _batches(cursor: Any) -> Batches:  # noqa: ANN401
    """Yield every batch, the first without its first row. The driver cannot interrupt SQLite."""
    try:
        for number, batch in enumerate(cursor.fetch_record_batch()):
            yield batch if number else batch.slice(1)
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        raise _source_error(error) from None


def _discard(connection: Any, cursor: Any) -> None:  # noqa: ANN401
    try:
        if cursor is not None:
            cursor.close()
        connection.close()
    except adbc_driver_manager.Error:
        pass


def _source_error(error: Exception) -> SourceError:
    """Drop the driver's text, which may hold values."""
    code = SourceCode.DRIFT if isinstance(error, adbc_driver_manager.ProgrammingError) else SourceCode.UNAVAILABLE
    return SourceError(code, detail=type(error).__name__)
