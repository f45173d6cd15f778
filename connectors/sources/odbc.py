"""Any database with an ODBC driver, through arrow-odbc.

ODBC says little about a database: not how it orders text, nor which of its types is which. So the database gets a
condition that holds wherever the predicate does, and rows that it lets through wrongly are dropped here. Pushed are
equality, lists and prefixes of text and every comparison of whole numbers, dates and times; not `NOT`, ranges of text,
truth values and fractions.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import arrow_odbc
import pyarrow as pa

from connectors.sdk.config import OdbcSettings
from connectors.sdk.predicates import Predicate, PredicateOp, Scalar, literals
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import LOCAL_TIME_ZONE, described, described_tables, in_catalogue_types
from connectors.sources.stream import Batches, ScanStream, kept

_STATEMENT_SECONDS_MAX = 300
_LOGIN_SECONDS_MAX = 10
_BATCH_BYTES_MAX = 32 << 20
_LIST_MAX = 1_000
"""Oracle allows no longer list of values."""
_PARAMETERS_MAX = 500
_DRIFTED = frozenset({"42S02", "42S22", "42P01", "42703", "42804", "42883", "22003"})
"""No such table or column, another type, or a stored number outside it, in ODBC's codes and in PostgreSQL's.

Every other error of data may be a literal's: it fails the query that has it and says nothing of the table.
"""
_COMPARED = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_LOW, _HIGH = frozenset({"eq", "gt", "ge"}), frozenset({"eq", "lt", "le"})


class OdbcSource:
    """Tables and views of one ODBC data source; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: OdbcSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._settings = settings
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        connection = self._connect()
        return described_tables(self._tables, describe=lambda table: self._described(connection, table))

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        return self._own_schema(self._connect(), table)

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`. Each scan has a connection of its own."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        needed = replace(table, columns=table.needed(request))
        connection = self._connect()
        own = self._own_schema(connection, table.table)
        if _described(table, own) != table.schema:
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing or of another type")
        condition = _Condition(needed, own=own, quote=self._settings.quote)
        where = condition.of(request.predicate)
        names = ", ".join(_quoted(column.own_name, self._settings.quote) for column in needed.columns)
        sql = f"SELECT {names} FROM {self._from(table.table)}" + (f" WHERE {where}" if where else "")  # noqa: S608
        batches = self._batches(connection, sql, condition.parameters, table=needed, request=request)
        return ScanStream(batches, schema=table.projected(request.columns), request=request)

    def close(self) -> None:
        """See `Source.close`."""

    def _connect(self) -> arrow_odbc.Connection:
        try:
            return arrow_odbc.connect(
                self._settings.connection.get_secret_value(), login_timeout_sec=_LOGIN_SECONDS_MAX
            )
        except arrow_odbc.Error as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=f"SQLSTATE {_state(error)}") from None

    def _from(self, table: str) -> str:
        return ".".join(_quoted(part, self._settings.quote) for part in table.split("."))

    def _described(self, connection: arrow_odbc.Connection, table: MappedTable) -> pa.Schema:
        return _described(table, self._own_schema(connection, table.table))

    def _own_schema(self, connection: arrow_odbc.Connection, table: str) -> pa.Schema:
        try:
            sql = f"SELECT * FROM {self._from(table)} WHERE 1 = 0"  # noqa: S608 - quoted
            return connection.read_arrow_batches(sql, batch_size=1, max_text_size=1, fetch_concurrently=False).schema
        except arrow_odbc.Error as error:
            failure = _source_error(error)
            missing = SourceError(SourceCode.DRIFT, detail=f"the table '{table}' does not exist ({failure.detail})")
            raise (missing if failure.code is SourceCode.FAILED else failure) from None

    def _batches(
        self,
        connection: arrow_odbc.Connection,
        sql: str,
        parameters: Sequence[str],
        *,
        table: MappedTable,
        request: SourceScan,
    ) -> Batches:
        try:
            reader = connection.read_arrow_batches(
                sql,
                batch_size=request.batch_rows,
                parameters=parameters or None,
                max_bytes_per_batch=_BATCH_BYTES_MAX,
                max_text_size=self._settings.text_bytes_max,
                map_schema=lambda own: pa.schema(map(_fetched, own, table.columns)),
                fetch_concurrently=False,
                query_timeout_sec=_STATEMENT_SECONDS_MAX,
            )
            for batch in reader:
                named = pa.RecordBatch.from_arrays(batch.columns, names=[column.own_name for column in table.columns])
                yield kept(in_catalogue_types(named, table.columns), request)
        except arrow_odbc.Error as error:
            raise _source_error(error) from None
        except pa.ArrowInvalid as error:
            raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None


def _described(table: MappedTable, own: pa.Schema) -> pa.Schema:
    """Take a one-byte number for a truth value where the catalogue has one: databases without BOOLEAN store it so."""
    flags = {column.own_name for column in table.columns if pa.types.is_boolean(column.field.type)}
    fields = [field.with_type(pa.bool_()) if field.name in flags and _is_byte(field.type) else field for field in own]
    return described(table, pa.schema(fields))


def _is_byte(arrow_type: pa.DataType) -> bool:
    return arrow_type in (pa.int8(), pa.uint8())


def _fetched(own: pa.Field, column: MappedColumn) -> pa.Field:
    """Return what the driver is asked for: its own types, but microseconds and double precision."""
    if pa.types.is_timestamp(own.type):
        return own.with_type(pa.timestamp("us"))
    is_number = pa.types.is_floating(own.type) and pa.types.is_floating(column.field.type)
    return own.with_type(pa.float64()) if is_number else own


def _quoted(name: str, quote: str) -> str:
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def _state(error: arrow_odbc.Error) -> str:
    found = re.search(r"\bState: ([0-9A-Z]{5})\b", str(error))
    return found.group(1) if found else "none"


def _source_error(error: arrow_odbc.Error) -> SourceError:
    """Keep the SQLSTATE of a driver's error and drop its text, which may hold values."""
    state = _state(error)
    if state[:2] == "08" or state in {"57P01", "57P02", "57P03"}:
        code = SourceCode.UNAVAILABLE
    elif state in {"HYT00", "57014"}:
        code = SourceCode.SLOW
    elif state in _DRIFTED or "too large to be written" in str(error):
        code = SourceCode.DRIFT
    else:
        code = SourceCode.FAILED
    return SourceError(code, detail=f"SQLSTATE {state}")


class _Condition:
    """Writes the part of a predicate that every database understands alike."""

    def __init__(self, table: MappedTable, *, own: pa.Schema, quote: str) -> None:
        self._schema = table.schema
        self._own = {column.field.name: own.field(column.own_name) for column in table.columns}
        self._quote = quote
        self.parameters: list[str] = []

    def of(self, predicate: Predicate) -> str:
        """Return a condition that holds wherever the predicate does; empty when there is none but that."""
        if predicate.operands:
            parts = [] if predicate.op is PredicateOp.NOT else [self.of(operand) for operand in predicate.operands]
            if predicate.op is PredicateOp.OR and not all(parts):
                return ""
            return f" {predicate.op.name} ".join(f"({part})" for part in parts if part)
        name, own = _quoted(self._own[predicate.column].name, self._quote), self._own[predicate.column].type
        wanted, values = self._schema.field(predicate.column).type, literals(predicate, self._schema)
        if predicate.op is PredicateOp.IS_NULL:
            return f"{name} IS NULL"
        if pa.types.is_string(wanted) and pa.types.is_string(own):
            return self._text(name, predicate.op, [str(value) for value in values])
        if pa.types.is_integer(wanted) and (pa.types.is_integer(own) or pa.types.is_decimal(own)):
            return _ordered(name, predicate.op, [str(value) for value in values])
        if pa.types.is_date(wanted) and pa.types.is_date(own):
            return _ordered(name, predicate.op, [f"{{d '{value}'}}" for value in values])
        if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(own):
            return _about(name, predicate.op, values)
        return ""

    def _text(self, name: str, op: PredicateOp, values: list[str]) -> str:
        if op is PredicateOp.PREFIX:
            prefix = re.split(r"[%_\\\[]", values[0])[0]  # what comes after may mean something in a pattern
            return f"{name} LIKE {self._bound(prefix + '%')}" if prefix else ""
        parameters = sum(not _is_plain(value) for value in values)
        if op not in (PredicateOp.EQ, PredicateOp.IN) or len(self.parameters) + parameters > _PARAMETERS_MAX:
            return ""
        return _ordered(name, op, [self._bound(value) for value in values])

    def _bound(self, value: str) -> str:
        if _is_plain(value.removesuffix("%")):
            return f"'{value}'"
        self.parameters.append(value)
        return "?"


def _is_plain(value: str) -> bool:
    """Tell whether the text means itself between quotes in every dialect: letters and digits, as in most identifiers."""
    return re.fullmatch(r"[0-9A-Za-z]+", value) is not None


def _ordered(name: str, op: PredicateOp, values: list[str]) -> str:
    if op is PredicateOp.IN:
        starts = range(0, len(values), _LIST_MAX)
        return " OR ".join(f"{name} IN ({', '.join(values[start : start + _LIST_MAX])})" for start in starts)
    if op is PredicateOp.BETWEEN:
        return f"{name} BETWEEN {values[0]} AND {values[1]}"
    return f"{name} {_COMPARED[op]} {values[0]}"


def _about(name: str, op: PredicateOp, values: tuple[Scalar, ...]) -> str:
    """Compare with an hour to spare, for clocks that were put back and databases that keep fewer digits."""
    moments = [value for value in values if isinstance(value, datetime.datetime)]
    if op is PredicateOp.NE:
        return ""
    several = op in (PredicateOp.IN, PredicateOp.BETWEEN)
    low = _local(min(moments), hours=-1) if several or op in _LOW else None
    high = _local(max(moments), hours=1) if several or op in _HIGH else None
    bounds = [f"{name} {sign} {{ts '{bound}'}}" for sign, bound in ((">=", low), ("<=", high)) if bound]
    return " AND ".join(bounds)


def _local(moment: datetime.datetime, *, hours: int) -> str | None:
    try:
        shifted = moment.astimezone(ZoneInfo(LOCAL_TIME_ZONE)) + datetime.timedelta(hours=hours, seconds=hours)
        return shifted.replace(tzinfo=None, microsecond=0).isoformat(sep=" ")
    except OverflowError:
        return None
