"""What the `?` of a statement stand for, told from where they stand."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlglot.expressions as exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.schema import MappingSchema

from catalog.catalogue import Catalogue
from catalog.vocabulary import ColumnType
from gateway.model.query import ResolvedQuery

Sample = bool | int | float | str | datetime.date | None
_SQL_TYPES: Mapping[ColumnType, str] = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INT16: "SMALLINT",
    ColumnType.INT32: "INT",
    ColumnType.INT64: "BIGINT",
    ColumnType.FLOAT64: "DOUBLE",
    ColumnType.BOOL: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMPTZ",
}
_NUMBERS: Mapping[exp.DType, pa.DataType] = {
    **dict.fromkeys((exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT), pa.int64()),
    **dict.fromkeys((exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL), pa.float64()),
}
_TYPES: Mapping[exp.DType, pa.DataType] = {
    **_NUMBERS,
    **dict.fromkeys((exp.DType.TEXT, exp.DType.VARCHAR), pa.string()),
    exp.DType.BOOLEAN: pa.bool_(),
    exp.DType.DATE: pa.date32(),
    exp.DType.TIMESTAMP: pa.timestamp("us"),
    exp.DType.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
}
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
_SAME_TYPE = (exp.Binary, exp.In, exp.Between, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least)
_COUNTS = {
    (exp.Substring, "start"),
    (exp.Substring, "length"),
    (exp.Left, "expression"),
    (exp.Right, "expression"),
    (exp.Round, "decimals"),
    (exp.Lag, "offset"),
    (exp.Lead, "offset"),
}


def parameter_types(
    resolved: ResolvedQuery, *, probes: Sequence[object], catalogue: Catalogue
) -> tuple[pa.DataType, ...]:
    """Return the type of each parameter of a statement that was parsed with `probes` for them.

    Returns:
        int64, float64, utf8, bool, date32 or timestamp in microseconds; null where the statement does not tell.
    """
    found = dict.fromkeys((probe for probe in probes if isinstance(probe, str)), pa.null())
    for literal in _typed(resolved, catalogue=catalogue).find_all(exp.Literal):
        if literal.is_string and literal.name in found:
            found[literal.name] = _type_at(literal, probes=found.keys())
    return tuple(found[probe] if isinstance(probe, str) else pa.int64() for probe in probes)


def samples(types: Sequence[pa.DataType]) -> tuple[Sample, ...]:
    """Return a value of each type, different ones where the type has many, so that look-ups by several count as several."""
    return tuple(_sample(kind, number) for number, kind in enumerate(types, start=1))


def _typed(resolved: ResolvedQuery, *, catalogue: Catalogue) -> exp.Expr:
    """Return a copy of the statement with the type of each expression, where sqlglot can tell it."""
    schema: dict[str, Any] = {}
    for used in resolved.datasets:
        owner, name = used.name.split(".")
        columns = catalogue.datasets[used.name].columns
        schema.setdefault(owner, {})[name] = {column.name: _SQL_TYPES[column.type] for column in columns}
    tree: exp.Expr = resolved.tree.copy()
    try:
        return annotate_types(tree, schema=MappingSchema(schema, dialect="duckdb"), dialect="duckdb")
    except SqlglotError:
        return tree


def _type_at(literal: exp.Expr, *, probes: Collection[str]) -> pa.DataType:
    node = literal
    while isinstance(node.parent, exp.Paren | exp.Neg):
        node = node.parent
    parent = node.parent
    if isinstance(parent, exp.Cast):
        return _TYPES.get(parent.to.this, pa.null())
    if isinstance(parent, exp.Alias):
        return pa.string()
    if (type(parent), node.arg_key) in _COUNTS:
        return pa.int64()
    if not isinstance(parent, _SAME_TYPE):
        return pa.null()
    known = _NUMBERS if isinstance(parent, _ARITHMETIC) else _TYPES
    others = (other for other in parent.iter_expressions() if other is not node and other.name not in probes)
    types = (known.get(other.type.this) for other in others if other.type is not None)
    return next((kind for kind in types if kind is not None), pa.null())


def _sample(kind: pa.DataType, number: int) -> Sample:
    day = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=number)
    if pa.types.is_timestamp(kind):
        return day if kind.tz else day.replace(tzinfo=None)
    values: dict[pa.DataType, Sample] = {
        pa.int64(): number,
        pa.float64(): float(number),
        pa.string(): str(number),
        pa.bool_(): True,
        pa.date32(): day.date(),
    }
    return values.get(kind)
