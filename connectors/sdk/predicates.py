"""Predicates: total, side-effect free conditions on one row, the same on both sides of the wire.

A comparison with null is false, so every predicate is true or false on every row.
"""

from __future__ import annotations

import datetime
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sharing_stubs.sharing.connector.v1 import connector_pb2

Scalar = str | int | float | bool | datetime.date | datetime.datetime
"""A literal. Datetimes are timezone-aware."""


class PredicateOp(StrEnum):
    """Operators, named as in policy answers."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    PREFIX = "prefix"
    BETWEEN = "between"
    IS_NULL = "is_null"
    AND = "and"
    OR = "or"
    NOT = "not"


_VALUE_COUNTS: Mapping[PredicateOp, tuple[int, int]] = {
    PredicateOp.IN: (1, 100_000),
    PredicateOp.BETWEEN: (2, 2),
    PredicateOp.IS_NULL: (0, 0),
    PredicateOp.AND: (0, 0),
    PredicateOp.OR: (0, 0),
    PredicateOp.NOT: (0, 0),
}
_OPERAND_COUNTS: Mapping[PredicateOp, tuple[int, int]] = {
    PredicateOp.AND: (1, 1_000),
    PredicateOp.OR: (1, 1_000),
    PredicateOp.NOT: (1, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A condition on one row; see `PredicateOp` and the message `Predicate` of connector.proto.

    Raises:
        ValueError: The number of values or operands does not fit the operator, or a column is missing.
    """

    op: PredicateOp
    column: str = ""
    values: tuple[Scalar, ...] = ()
    operands: tuple[Predicate, ...] = ()

    def __post_init__(self) -> None:
        for what, count, (low, high) in (
            ("values", len(self.values), _VALUE_COUNTS.get(self.op, (1, 1))),
            ("operands", len(self.operands), _OPERAND_COUNTS.get(self.op, (0, 0))),
        ):
            if not low <= count <= high:
                raise ValueError(f"operator '{self.op}' has {count} {what}")
        if bool(self.column) == bool(self.operands):
            raise ValueError(f"operator '{self.op}' needs a column or operands, not both")

    def columns(self) -> Iterator[str]:
        """Yield every column the predicate tests, with repetitions."""
        if self.column:
            yield self.column
        for operand in self.operands:
            yield from operand.columns()

    def to_json(self) -> dict[str, Any]:
        """Return the form of policy answers. Dates and instants become ISO 8601 text."""
        if self.operands:
            return {"op": str(self.op), "operands": [operand.to_json() for operand in self.operands]}
        values = [v.isoformat() if isinstance(v, datetime.date) else v for v in self.values]
        return {"op": str(self.op), "column": self.column, "values": values}

    @classmethod
    def from_json(cls, data: object, *, depth_max: int = 16) -> Predicate:
        """Read the form of policy answers: `{"op", "column", "values"}` or `{"op", "operands"}`.

        Values stay text, integers, floats or booleans.

        Raises:
            ValueError: The data has another shape, an unknown operator or is nested too deeply.
        """
        if depth_max == 0 or not isinstance(data, dict) or not set(data) <= {"op", "column", "values", "operands"}:
            raise ValueError("not a predicate")
        values, operands = data.get("values", []), data.get("operands", [])
        column = data.get("column", "")
        if not isinstance(values, list) or not isinstance(operands, list) or not isinstance(column, str):
            raise ValueError("not a predicate")
        if not all(isinstance(value, str | int | float | bool) for value in values):
            raise ValueError("a predicate value is not a literal")
        return cls(
            op=PredicateOp(str(data.get("op"))),
            column=column,
            values=tuple(values),
            operands=tuple(cls.from_json(operand, depth_max=depth_max - 1) for operand in operands),
        )


def all_of(*predicates: Predicate) -> Predicate:
    """Return the conjunction of one or more predicates."""
    return predicates[0] if len(predicates) == 1 else Predicate(op=PredicateOp.AND, operands=predicates)


def coerce(value: Scalar, arrow_type: pa.DataType) -> Scalar:
    """Return `value` as the Python value that a column of `arrow_type` is compared with.

    Whole floats fit integer columns, integers fit float columns. Dates and instants may be ISO 8601 text; text without
    an offset is UTC, a date is its midnight in UTC.

    Raises:
        ValueError: The value is of another kind, out of range, not finite, or an instant without a time zone.
    """
    if isinstance(value, bool):
        if pa.types.is_boolean(arrow_type):
            return value
    elif pa.types.is_string(arrow_type):
        if isinstance(value, str) and "\0" not in value:
            value.encode("utf-8")
            return value
    elif pa.types.is_integer(arrow_type):
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return _in_range(int(value), arrow_type.bit_width)
    elif pa.types.is_floating(arrow_type):
        if isinstance(value, int | float) and abs(value) < 2**1023 and math.isfinite(value):
            return float(value)
    elif pa.types.is_date(arrow_type):
        return _as_date(value)
    elif pa.types.is_timestamp(arrow_type):
        return _as_instant(value)
    raise ValueError(f"a literal does not fit a column of type {arrow_type}")


def _in_range(value: int, bits: int) -> int:
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise ValueError(f"an integer literal does not fit {bits} bits")
    return value


def _as_date(value: Scalar) -> datetime.date:
    if isinstance(value, str):
        return datetime.date.fromisoformat(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    raise ValueError("a literal is not a date")


def _as_instant(value: Scalar) -> datetime.datetime:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
        value = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise ValueError("a literal is not an instant with a time zone")
    try:
        return value.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError("an instant is out of range") from None


_COMPARISONS: Mapping[PredicateOp, str] = {
    PredicateOp.EQ: "equal",
    PredicateOp.NE: "not_equal",
    PredicateOp.LT: "less",
    PredicateOp.LE: "less_equal",
    PredicateOp.GT: "greater",
    PredicateOp.GE: "greater_equal",
}
RANGE_OPS = frozenset({PredicateOp.LT, PredicateOp.LE, PredicateOp.GT, PredicateOp.GE, PredicateOp.BETWEEN})


def literals(predicate: Predicate, schema: pa.Schema) -> tuple[Scalar, ...]:
    """Return the literals of a leaf predicate, coerced to the type of its column in `schema`.

    Raises:
        ValueError: The column is unknown or ambiguous, the operator does not fit its type, or a literal does not.
    """
    index = schema.get_field_index(predicate.column)
    if index < 0:
        raise ValueError("a predicate tests a column that does not exist")
    arrow_type = schema.field(index).type
    if predicate.op is PredicateOp.PREFIX and not pa.types.is_string(arrow_type):
        raise ValueError("operator 'prefix' needs a text column")
    if predicate.op in RANGE_OPS and pa.types.is_boolean(arrow_type):
        raise ValueError("truth values have no order")
    return tuple(coerce(value, arrow_type) for value in predicate.values)


def evaluate(predicate: Predicate, batch: pa.RecordBatch) -> pa.BooleanArray:
    """Tell for each row whether the predicate holds.

    A comparison with null or NaN is false, `ne` included, and NOT of it is true. Text is ordered by code point.

    Returns:
        One value per row, in row order, without nulls.

    Raises:
        ValueError: A column is unknown, or a literal or operator does not fit its column's type.
    """
    operands = [evaluate(operand, batch) for operand in predicate.operands]
    match predicate.op:
        case PredicateOp.AND:
            return functools.reduce(pc.and_, operands)
        case PredicateOp.OR:
            return functools.reduce(pc.or_, operands)
        case PredicateOp.NOT:
            return pc.invert(operands[0])
    values = literals(predicate, batch.schema)
    column = batch.column(batch.schema.get_field_index(predicate.column))
    if predicate.op is PredicateOp.IS_NULL:
        return pc.is_null(column)
    return pc.fill_null(_compare(predicate.op, column, values), False)


def _compare(op: PredicateOp, column: pa.Array, values: tuple[Scalar, ...]) -> pa.BooleanArray:
    operands = pa.array(values, type=column.type)
    match op:
        case PredicateOp.PREFIX:
            return pc.starts_with(column, pattern=values[0])
        case PredicateOp.IN if pa.types.is_floating(column.type):
            # `is_in` hashes bits; adding zero makes both zeros one.
            return pc.is_in(pc.add(column, 0.0), value_set=pc.add(operands, 0.0))
        case PredicateOp.IN:
            return pc.is_in(column, value_set=operands)
        case PredicateOp.BETWEEN:
            return pc.and_(pc.greater_equal(column, operands[0]), pc.less_equal(column, operands[1]))
        case PredicateOp.NE if pa.types.is_floating(column.type):
            return pc.and_(pc.not_equal(column, operands[0]), pc.invert(pc.is_nan(column)))
    return pc.call_function(_COMPARISONS[op], [column, operands[0]])


_WIRE_OPS = {op: f"PREDICATE_OP_{op.name}" for op in PredicateOp}
_OPS_OF_WIRE = {connector_pb2.PredicateOp.Value(name): op for op, name in _WIRE_OPS.items()}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def value_to_proto(value: Scalar) -> connector_pb2.Value:
    """Return one literal as it travels.

    Raises:
        ValueError: An integer needs more than 64 bits, or an instant has no time zone.
    """
    match value:
        case bool():
            return connector_pb2.Value(truth=value)
        case int():
            return connector_pb2.Value(integer=_in_range(value, 64))
        case float():
            return connector_pb2.Value(number=value)
        case str():
            return connector_pb2.Value(text=value)
        case datetime.datetime():
            micros = (_as_instant(value) - _EPOCH) // datetime.timedelta(microseconds=1)
            return connector_pb2.Value(timestamp_micros=micros)
        case datetime.date():
            return connector_pb2.Value(date_days=(value - _EPOCH.date()).days)


def value_from_proto(message: connector_pb2.Value) -> Scalar:
    """Return one literal as it arrived.

    Raises:
        ValueError: The literal is empty or a date out of range.
    """
    kind = message.WhichOneof("kind")
    try:
        match kind:
            case None:
                raise ValueError("a literal is empty")
            case "date_days":
                return _EPOCH.date() + datetime.timedelta(days=message.date_days)
            case "timestamp_micros":
                return _EPOCH + datetime.timedelta(microseconds=message.timestamp_micros)
            case _:
                value: Scalar = getattr(message, kind)
                return value
    except OverflowError:
        raise ValueError("a date is out of range") from None


def to_proto(predicate: Predicate) -> connector_pb2.Predicate:
    """Return the predicate as it travels. Raises ValueError when a literal cannot travel."""
    return connector_pb2.Predicate(
        op=_WIRE_OPS[predicate.op],
        column=predicate.column,
        values=[value_to_proto(value) for value in predicate.values],
        operands=[to_proto(operand) for operand in predicate.operands],
    )


def from_proto(
    message: connector_pb2.Predicate, *, depth_max: int = 16, nodes_max: int = 1_000, values_max: int = 100_000
) -> Predicate:
    """Read a predicate that arrived.

    Raises:
        ValueError: An operator is unknown, its shape is wrong, or there are too many levels, nodes or literals.
    """
    level, nodes, values = [message], 0, 0
    for _ in range(depth_max + 1):
        if not level:
            return _from_bounded(message)
        nodes += len(level)
        values += sum(len(node.values) for node in level)
        if nodes > nodes_max or values > values_max:
            break
        level = [operand for node in level for operand in node.operands]
    raise ValueError("a predicate is too large or nested too deeply")


def _from_bounded(message: connector_pb2.Predicate) -> Predicate:
    if message.op not in _OPS_OF_WIRE:
        raise ValueError("a predicate has an unknown operator")
    return Predicate(
        op=_OPS_OF_WIRE[message.op],
        column=message.column,
        values=tuple(value_from_proto(value) for value in message.values),
        operands=tuple(_from_bounded(operand) for operand in message.operands),
    )
