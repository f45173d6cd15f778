"""Prepared statements: SQL once, values for its `?` as often as wanted."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from connectors.sdk.batches import BatchRefused, decode_batch
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.query import ResolvedQuery
from gateway.parse import Parameter
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

STATEMENT_SECONDS = 900
"""A statement that nobody uses for so long is forgotten."""
STATEMENTS_PER_REQUESTER_MAX = 64
BOUND_BYTES_MAX = 1 << 18
"""Of the values of one statement, as Arrow messages."""
_BOUND_MESSAGES_MAX = 16
_CONTINUATION = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedStatement:
    """A statement that was allowed when it was prepared. Each run of it is decided anew."""

    sql: str
    parameter_types: tuple[pa.DataType, ...]
    """Of its `?` in order; null where the statement does not tell."""
    schema: pa.Schema
    """Columns of the result, without metadata."""
    bound: ResolvedQuery | None
    """With the values bound last; None before."""


def creation_result(
    handle: bytes, *, statement: PreparedStatement
) -> flight_sql_pb2.ActionCreatePreparedStatementResult:
    """Return what the client is told of a new statement; a parameter of unknown type is text."""
    fields = [
        pa.field(f"parameter_{number}", pa.string() if pa.types.is_null(kind) else kind)
        for number, kind in enumerate(statement.parameter_types, start=1)
    ]
    return flight_sql_pb2.ActionCreatePreparedStatementResult(
        prepared_statement_handle=handle,
        dataset_schema=statement.schema.serialize().to_pybytes(),
        parameter_schema=pa.schema(fields).serialize().to_pybytes(),
    )


def bound_query(statement: PreparedStatement) -> ResolvedQuery:
    """Return a statement with its values. Raises InvalidQuery when they are missing."""
    if statement.bound is None:
        raise _refused(f"? × {len(statement.parameter_types)}, 0")
    return statement.bound


def read_row(messages: Iterator[flight_pb2.FlightData]) -> tuple[Parameter, ...]:
    """Return the one row that an Arrow stream holds.

    Raises:
        InvalidQuery: It holds no row, several, too many bytes, other types than SQL's literals have, or is broken.
    """
    first = next(messages, flight_pb2.FlightData())
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(_framed(first.data_header)))
    except (pa.ArrowException, OSError, ValueError):
        raise _refused("Arrow") from None
    for field in schema:
        if not _is_plain(field.type):
            raise _refused(str(field.type)[:40])
    rows: list[tuple[Parameter, ...]] = []
    bytes_left = BOUND_BYTES_MAX
    for number, message in enumerate(messages, start=1):
        data = _framed(message.data_header) + message.data_body
        bytes_left -= len(data)
        if bytes_left < 0 or number > _BOUND_MESSAGES_MAX:
            raise _refused(f"> {BOUND_BYTES_MAX} bytes")
        try:
            batch = decode_batch(data, schema=pa.schema([f.with_nullable(True) for f in schema]), bytes_max=len(data))
        except BatchRefused as error:
            raise _refused(error.code) from None
        if len(rows) + batch.num_rows > 1:
            raise _refused("rows > 1")
        rows += [tuple(values) for values in zip(*map(_values, batch.columns), strict=True)]
    if len(rows) != 1:
        raise _refused("rows = 0")
    return rows[0]


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether SQL has a literal for a type; not for nanoseconds."""
    types = pa.types
    plain = (types.is_null, types.is_boolean, types.is_string, types.is_integer, types.is_float32, types.is_float64)
    if any(is_kind(kind) for is_kind in (*plain, types.is_decimal128, types.is_date)):
        return True
    return bool(types.is_timestamp(kind) and kind.unit != "ns")


def _values(column: pa.Array) -> list[Parameter]:
    try:
        return list(column.to_pylist())
    except (ValueError, ArithmeticError, LookupError):  # a time zone that nobody knows, a number that Python cannot say
        raise _refused(str(column.type)[:40]) from None


def _framed(header: bytes) -> bytes:
    """Return an IPC message's header with the frame that it has in a file."""
    padded = header + b"\0" * (-len(header) % 8)
    return struct.pack("<Ii", _CONTINUATION, len(padded)) + padded


def _refused(detail: str) -> InvalidQuery:
    return InvalidQuery(Reason.PARAMETERS_INVALID, detail)
