"""Predicates: total on every row, the same after a journey over the wire, bounded when they arrive."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from connectors.sdk.predicates import (
    Predicate,
    PredicateOp,
    evaluate,
    from_proto,
    to_proto,
    value_from_proto,
    value_to_proto,
)
from sharing_stubs.sharing.connector.v1 import connector_pb2
from tests.unit.connectors.conftest import ROWS
from tests.unit.connectors.sources.test_sources import predicates

_COMPARE: Mapping[PredicateOp, Callable[[Any, Any], bool]] = {
    PredicateOp.EQ: operator.eq,
    PredicateOp.NE: operator.ne,
    PredicateOp.LT: operator.lt,
    PredicateOp.LE: operator.le,
    PredicateOp.GT: operator.gt,
    PredicateOp.GE: operator.ge,
}


def _literal(value: Any, example: Any) -> Any:
    if isinstance(example, datetime.datetime):
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value)
        return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    if isinstance(example, datetime.date) and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    return value.encode("utf-8") if isinstance(value, str) else value


def holds(predicate: Predicate, row: Mapping[str, Any]) -> bool:
    """Say it again in plain Python."""
    if predicate.operands:
        truths = [holds(operand, row) for operand in predicate.operands]
        return {PredicateOp.AND: all, PredicateOp.OR: any, PredicateOp.NOT: lambda t: not t[0]}[predicate.op](truths)
    stored = row[predicate.column]
    if predicate.op is PredicateOp.IS_NULL:
        return stored is None
    if stored is None or stored != stored:
        return False
    values = [_literal(value, stored) for value in predicate.values]
    stored = stored.encode("utf-8") if isinstance(stored, str) else stored
    if predicate.op is PredicateOp.IN:
        return stored in values
    if predicate.op is PredicateOp.PREFIX:
        return bool(stored.startswith(values[0]))
    if predicate.op is PredicateOp.BETWEEN:
        return bool(values[0] <= stored <= values[1])
    return bool(_COMPARE[predicate.op](stored, values[0]))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(predicate=predicates)
def test_evaluation_is_what_the_operators_say(predicate: Predicate) -> None:
    """Arrow's answer is plain Python's answer for every row, and never null."""
    truths = evaluate(predicate, ROWS)
    assert truths.null_count == 0
    assert truths.to_pylist() == [holds(predicate, row) for row in ROWS.to_pylist()]


def test_not_a_number_is_never_equal_unequal_or_in_order() -> None:
    """NaN behaves like null in comparisons, but is no null."""
    batch = pa.RecordBatch.from_pydict({"x": pa.array([float("nan"), None, 1.0, -0.0])})

    def kept(op: PredicateOp, *values: float) -> list[bool]:
        return evaluate(Predicate(op=op, column="x", values=values), batch).to_pylist()

    assert kept(PredicateOp.NE, 5.0) == [False, False, True, True]
    assert kept(PredicateOp.GE, -5.0) == [False, False, True, True]
    assert kept(PredicateOp.IN, 0.0) == [False, False, False, True]
    assert kept(PredicateOp.IS_NULL) == [False, True, False, False]
    inverse = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.GE, column="x", values=(-5.0,)),))
    assert evaluate(inverse, batch).to_pylist() == [True, True, False, False]


def test_a_column_named_twice_is_refused() -> None:
    """Which of both was meant would be a guess."""
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(ValueError, match="does not exist"):
        evaluate(Predicate(op=PredicateOp.EQ, column="x", values=(1,)), batch)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(predicate=predicates)
def test_a_predicate_survives_the_wire(predicate: Predicate) -> None:
    """What arrives is what was sent."""
    arrived = from_proto(connector_pb2.Predicate.FromString(to_proto(predicate).SerializeToString()))
    assert arrived == predicate


@pytest.mark.parametrize(
    "value",
    [True, False, 0, 1, -(2**63), 2**63 - 1, 1.5, "", "文", datetime.date(1, 1, 1), datetime.date(9999, 12, 31),
     datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC)],
)  # fmt: skip
def test_a_literal_keeps_its_type_on_the_wire(value: Any) -> None:
    """True is not 1, a date is not an instant."""
    arrived = value_from_proto(connector_pb2.Value.FromString(value_to_proto(value).SerializeToString()))
    assert (type(arrived), arrived) == (type(value), value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, datetime.datetime(2024, 1, 1), "\ud800"])
def test_a_literal_that_cannot_travel_is_refused(value: Any) -> None:
    """Integers over 64 bits, instants without a zone and broken text are errors of the sender."""
    with pytest.raises(ValueError, match=r"."):
        to_proto(Predicate(op=PredicateOp.EQ, column="x", values=(value,)))


def _leaf() -> connector_pb2.Predicate:
    return connector_pb2.Predicate(
        op=connector_pb2.PREDICATE_OP_EQ, column="x", values=[connector_pb2.Value(integer=1)]
    )


def _nested(depth: int) -> connector_pb2.Predicate:
    message = _leaf()
    for _ in range(depth):
        message = connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_NOT, operands=[message])
    return message


@pytest.mark.parametrize(
    "message",
    [
        connector_pb2.Predicate(),
        connector_pb2.Predicate(op=99, column="x"),  # type: ignore[arg-type]
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_EQ, column="x"),
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_EQ, values=[connector_pb2.Value(integer=1)]),
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_EQ, column="x", values=[connector_pb2.Value()]),
        connector_pb2.Predicate(
            op=connector_pb2.PREDICATE_OP_EQ, column="x", values=[connector_pb2.Value(date_days=2**31 - 1)]
        ),
        connector_pb2.Predicate(
            op=connector_pb2.PREDICATE_OP_EQ, column="x", values=[connector_pb2.Value(timestamp_micros=2**63 - 1)]
        ),
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_AND),
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_AND, column="x", operands=[_leaf()]),
        connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_NOT, operands=[_leaf(), _leaf()]),
        _nested(17),
        connector_pb2.Predicate(
            op=connector_pb2.PREDICATE_OP_AND,
            operands=[connector_pb2.Predicate(op=connector_pb2.PREDICATE_OP_OR, operands=[_leaf()] * 100)] * 11,
        ),
        connector_pb2.Predicate(
            op=connector_pb2.PREDICATE_OP_IN, column="x", values=[connector_pb2.Value(integer=1)] * 100_001
        ),
    ],
)
def test_a_malformed_or_oversized_predicate_is_refused(message: connector_pb2.Predicate) -> None:
    """Shape, depth and number are checked before anything is built."""
    with pytest.raises(ValueError, match=r"."):
        from_proto(message)


def test_the_allowed_depth_is_accepted() -> None:
    """Fifteen levels above a leaf still arrive."""
    assert sum(1 for _ in from_proto(_nested(15)).columns()) == 1
