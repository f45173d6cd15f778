"""PostgreSQL through ADBC.

A scan is a server-side cursor: it takes bound parameters, holds one batch at a time in memory and ends when it is
closed. (The driver's COPY is faster but takes no parameters; with parameters but no cursor it reads the whole result
into memory.)
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import pyarrow as pa
from sqlglot import exp

from connectors.sdk.config import PostgresqlSettings
from connectors.sdk.predicates import Scalar
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import LOCAL_TIME_ZONE, conform, described_tables
from connectors.sources.select import Bind, SqlColumn, guarded, select, table_of, template

_STATEMENT_SECONDS_MAX = 300
_IDLE_SECONDS_MAX = 60
_IDLE_CONNECTIONS_MAX = 8

_AS_IT_IS: Mapping[pa.DataType, frozenset[str]] = {
    pa.string(): frozenset({"text", "varchar"}),
    pa.int16(): frozenset({"int2"}),
    pa.int32(): frozenset({"int4"}),
    pa.int64(): frozenset({"int8"}),
    pa.float64(): frozenset({"float8"}),
    pa.bool_(): frozenset({"bool"}),
    pa.date32(): frozenset({"date"}),
    pa.timestamp("us", tz="UTC"): frozenset({"timestamptz"}),
}
_INTEGERS = frozenset({"int2", "int4", "int8"})
_CAST: Mapping[pa.DataType, tuple[frozenset[str], str]] = {
    pa.string(): (_INTEGERS | {"bpchar", "name", "char", "uuid"}, "CAST(c AS TEXT)"),
    pa.int16(): (_INTEGERS, "CAST(c AS SMALLINT)"),
    pa.int32(): (_INTEGERS, "CAST(c AS INT)"),
    pa.int64(): (_INTEGERS, "CAST(c AS BIGINT)"),
    pa.float64(): (_INTEGERS | {"float4", "numeric"}, "CAST(c AS DOUBLE PRECISION)"),
    pa.timestamp("us", tz="UTC"): (frozenset({"timestamp"}), f"c AT TIME ZONE '{LOCAL_TIME_ZONE}'"),
}
"""Casts that lose nothing, or fail. Everything else is for a view of the department's own."""
_COLUMNS_OF_TABLE = (
    "SELECT a.attname, COALESCE(b.typname, t.typname), COALESCE(l.collisdeterministic, TRUE) FROM pg_attribute a "
    "JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd' "
    "LEFT JOIN pg_collation l ON l.oid = a.attcollation "
    "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)
_DRIFTED = frozenset({"3F000", "42P01", "42703", "42804", "42846", "42883", "22003", "22008"})
"""No such schema, table or column; another type; a stored number or time outside the catalogue's type.

Every other error of data may be a literal's: it fails the query that has it and says nothing of the table.
"""
_SESSION: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "application_name": "sharing-connector",
    "default_transaction_read_only": "on",
    "statement_timeout": f"{_STATEMENT_SECONDS_MAX}s",
    "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS_MAX}s",
    "lock_timeout": "10s",
    "cursor_tuple_fraction": "1",
    "timezone": "UTC",
}


class PostgresqlSource:
    """Tables and views of one PostgreSQL database; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: PostgresqlSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._tables = tables
        self._pool = _Pool(settings.uri.get_secret_value())
        self._columns: dict[str, Mapping[str, SqlColumn]] = {}

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        self._columns.clear()
        return described_tables(self._tables, describe=self._describe)

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        return pa.schema([(name, _nearest(type_name)) for name, (type_name, _) in self._own_types(table).items()])

    def _describe(self, table: MappedTable) -> pa.Schema:
        own = self._own_types(table.table)
        fields = []
        for column in table.columns:
            if column.own_name in own:
                type_name, _ = own[column.own_name]
                known = _expression(exp.null(), type_name=type_name, arrow_type=column.field.type) is not None
                delivered = column.field.type if known else pa.opaque(pa.string(), type_name, "PostgreSQL")
                fields.append(column.field.with_type(delivered))
        return pa.schema(fields)

    def scan(self, request: SourceScan) -> PostgresqlStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        columns = self._columns.get(table.dataset) or self._sql_columns(table)
        query, parameters = select(request, table=table, columns=columns, dialect=PostgresqlDialect())
        sql = "DECLARE scan NO SCROLL CURSOR FOR " + query.sql("postgres", copy=False)
        try:
            connection, cursor = self._pool.start(sql, parameters)
        except SourceError:
            self._columns.pop(table.dataset, None)
            raise
        return PostgresqlStream(
            pool=self._pool,
            connection=connection,
            cursor=cursor,
            schema=table.projected(request.columns),
            fetch_rows=request.batch_rows,
        )

    def close(self) -> None:
        """See `Source.close`."""
        self._pool.close()

    def _sql_columns(self, table: MappedTable) -> Mapping[str, SqlColumn]:
        own, columns = self._own_types(table.table), {}
        for column in table.columns:
            type_name, deterministic = own.get(column.own_name, ("", True))
            name = exp.column(column.own_name, quoted=True)
            sql_column = _sql_column(name, type_name=type_name, arrow_type=column.field.type)
            if sql_column is None:
                raise SourceError(SourceCode.DRIFT, detail=f"'{column.field.name}' is missing or of another type")
            if not deterministic:
                sql_column = SqlColumn(
                    value=sql_column.value, tested=PostgresqlDialect().by_code_point(sql_column.tested)
                )
            columns[column.field.name] = sql_column
        self._columns[table.dataset] = columns
        return columns

    def _own_types(self, table: str) -> Mapping[str, tuple[str, bool]]:
        """Return type name and whether equality means equal bytes, by own column name."""
        name = table_of(table).sql("postgres", identify=True)
        parameters = pa.RecordBatch.from_arrays([pa.array([name])], names=["0"])
        connection, cursor = self._pool.start(_COLUMNS_OF_TABLE, parameters)
        try:
            rows = cursor.fetchall()
        except adbc_driver_manager.Error as error:
            raise _source_error(error) from None
        finally:
            self._pool.give_back(connection, cursor)
        if not rows:
            raise SourceError(SourceCode.DRIFT, detail=f"the table '{table}' does not exist")
        return {name: (type_name, deterministic) for name, type_name, deterministic in rows}


def _nearest(type_name: str) -> pa.DataType:
    """Return the catalogue's type that loses nothing, or PostgreSQL's own."""
    for arrow_type, names in (*_AS_IT_IS.items(), *((wanted, names) for wanted, (names, _) in _CAST.items())):
        if type_name in names:
            return arrow_type
    return pa.opaque(pa.string(), type_name, "PostgreSQL")


def _expression(column: exp.Expr, *, type_name: str, arrow_type: pa.DataType) -> exp.Expr | None:
    """Return the column as a value of `arrow_type`, or None when it cannot be one without loss."""
    if type_name in _AS_IT_IS[arrow_type]:
        return column
    castable, sql = _CAST.get(arrow_type, (frozenset(), ""))
    return template(sql, column, dialect="postgres") if type_name in castable else None


def _sql_column(column: exp.Expr, *, type_name: str, arrow_type: pa.DataType) -> SqlColumn | None:
    tested = _expression(column, type_name=type_name, arrow_type=arrow_type)
    return None if tested is None else guarded(tested, arrow_type=arrow_type, dialect="postgres")


class PostgresqlDialect:
    """What PostgreSQL does its own way; see `SqlDialect`."""

    name = "postgres"

    def operands(self, values: tuple[Scalar, ...], arrow_type: pa.DataType) -> pa.Array:
        """See `SqlDialect.operands`."""
        return pa.array(values, type=arrow_type)

    def placeholder(self, position: int) -> exp.Expr:
        """See `SqlDialect.placeholder`."""
        return exp.Parameter(this=exp.Literal.number(position))

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """See `SqlDialect.by_code_point`."""
        return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))

    def starts_with(self, text: exp.Expr, prefix: str, bind: Bind) -> exp.Expr:
        """See `SqlDialect.starts_with`. The planner turns it into an index range where the collation allows."""
        return exp.StartsWith(this=text, expression=bind(pa.array([prefix])))

    def among(self, column: exp.Expr, operands: pa.Array, bind: Bind) -> exp.Expr:
        """See `SqlDialect.among`."""
        parameter = bind(pa.ListArray.from_arrays([0, len(operands)], operands))
        return exp.EQ(this=column, expression=exp.Any(this=exp.Paren(this=parameter)))


class PostgresqlStream:
    """Rows of one cursor; see `connectors.sdk.source.BatchStream`."""

    as_of: int | None = None

    def __init__(self, *, pool: _Pool, connection: Any, cursor: Any, schema: pa.Schema, fetch_rows: int) -> None:  # noqa: ANN401
        self._pool = pool
        self._connection = connection
        self._cursor = cursor
        self._schema = schema
        self._fetch_rows = fetch_rows
        self._open = threading.Lock()
        self._cancelled = self._finished = self._closed = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Return itself."""
        return self

    def __next__(self) -> pa.RecordBatch:
        """See `BatchStream.__next__`."""
        if self._cancelled:
            raise SourceError(SourceCode.CANCELLED)
        if self._finished or self._closed:
            raise StopIteration
        try:
            self._cursor.execute(f"FETCH FORWARD {self._fetch_rows} FROM scan")
            table = self._cursor.fetch_arrow_table()
        except adbc_driver_manager.Error as error:
            raise _source_error(error) from None
        self._finished = table.num_rows < self._fetch_rows
        if table.num_rows == 0:
            raise StopIteration
        return conform([column.combine_chunks() for column in table.columns], schema=self._schema)

    def cancel(self) -> None:
        """See `BatchStream.cancel`."""
        with self._open:
            if not self._closed and not self._cancelled:
                self._cancelled = True
                with contextlib.suppress(adbc_driver_manager.Error):
                    self._cursor.adbc_cancel()

    def close(self) -> None:
        """See `BatchStream.close`."""
        with self._open:
            if self._closed:
                return
            self._closed = True
        # A late cancellation must not hit the connection's next query.
        self._pool.give_back(self._connection, self._cursor, healthy=not self._cancelled)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


class _Pool:
    """Idle connections. Connecting takes some 50 ms, because the driver reads the database's types."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    def start(self, sql: str, parameters: pa.RecordBatch | None) -> tuple[Any, Any]:
        """Run a statement on a connection of its own and return both; a stale idle connection is replaced.

        Raises:
            SourceError: The database cannot be reached or refuses the statement.
        """
        while (connection := self._take()) is not None:
            try:
                return connection, _execute(connection, sql, parameters)
            except adbc_driver_manager.Error as error:
                _discard(connection)
                failure = _source_error(error)
                if failure.code is not SourceCode.UNAVAILABLE:
                    raise failure from None
        try:
            connection = self._connect()
        except adbc_driver_manager.Error as error:
            raise _source_error(error) from None
        try:
            return connection, _execute(connection, sql, parameters)
        except adbc_driver_manager.Error as error:
            _discard(connection)
            raise _source_error(error) from None

    def give_back(self, connection: Any, cursor: Any, *, healthy: bool = True) -> None:  # noqa: ANN401
        """End the transaction and keep the connection when it still works."""
        try:
            cursor.close()
            if healthy:
                connection.rollback()
                with self._lock:
                    if len(self._idle) < _IDLE_CONNECTIONS_MAX:
                        self._idle.append(connection)
                        return
        except adbc_driver_manager.Error:
            pass
        _discard(connection)

    def close(self) -> None:
        """Close idle connections."""
        while (connection := self._take()) is not None:
            _discard(connection)

    def _take(self) -> Any:  # noqa: ANN401
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connect(self) -> Any:  # noqa: ANN401
        connection = adbc_driver_postgresql.dbapi.connect(self._uri)
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items())
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {settings}")
                cursor.fetchall()
            connection.commit()
        except adbc_driver_manager.Error:
            _discard(connection)
            raise
        return connection


def _execute(connection: Any, sql: str, parameters: pa.RecordBatch | None) -> Any:  # noqa: ANN401
    cursor = connection.cursor()
    try:
        cursor.adbc_statement.set_options(**{adbc_driver_postgresql.StatementOptions.USE_COPY.value: "false"})
        cursor.execute(sql, parameters)
    except adbc_driver_manager.Error:
        cursor.close()
        raise
    return cursor


def _discard(connection: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(adbc_driver_manager.Error):
        connection.close()


def _source_error(error: adbc_driver_manager.Error) -> SourceError:
    """Keep the SQLSTATE of a driver's error and drop its text, which may hold values."""
    state = error.sqlstate or ""
    if state in {"", "57P01", "57P02", "57P03"} or state[:2] in {"08", "53"}:
        code = SourceCode.UNAVAILABLE
    elif state in {"57014", "25P03"}:
        code = SourceCode.SLOW
    elif state in _DRIFTED:
        code = SourceCode.DRIFT
    else:
        code = SourceCode.FAILED
    return SourceError(code, detail=f"SQLSTATE {state or 'none'}")
