"""Conjuncts that a source can apply with the same answer as DuckDB."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlglot.expressions as exp

from catalog.dataset import Column
from catalog.vocabulary import ColumnType
from connectors.sdk.predicates import Predicate, PredicateOp, Scalar

_OPERATORS: Mapping[type[exp.Expr], PredicateOp] = {
    exp.EQ: PredicateOp.EQ,
    exp.NEQ: PredicateOp.NE,
    exp.LT: PredicateOp.LT,
    exp.LTE: PredicateOp.LE,
    exp.GT: PredicateOp.GT,
    exp.GTE: PredicateOp.GE,
}
_FLIPPED: Mapping[PredicateOp, PredicateOp] = {
    PredicateOp.EQ: PredicateOp.EQ,
    PredicateOp.NE: PredicateOp.NE,
    PredicateOp.LT: PredicateOp.GT,
    PredicateOp.LE: PredicateOp.GE,
    PredicateOp.GT: PredicateOp.LT,
    PredicateOp.GE: PredicateOp.LE,
}
# Databases order text by collation, DuckDB by bytes; equality and prefixes do not depend on it.
_TEXT_OPERATORS = frozenset({PredicateOp.EQ, PredicateOp.NE, PredicateOp.IN, PredicateOp.PREFIX})
_INTEGER_BITS = {ColumnType.INT16: 15, ColumnType.INT32: 31, ColumnType.INT64: 63}
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[0-9]{1,19}")
_EXACT_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
"""At most 15 digits: DuckDB's DECIMAL, a double and the text mean the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A condition of one column and literals."""

    column: exp.Column
    op: PredicateOp
    literals: tuple[exp.Expr, ...]


def read_comparison(node: exp.Expr) -> Comparison | None:
    """Return the comparison of a column with literals that `node` is, or None. Nulls never satisfy it."""
    node = node.unnest()
    op = _OPERATORS.get(type(node))
    if op is not None:
        left, right = node.this.unnest(), node.expression.unnest()
        if isinstance(left, exp.Column):
            return _comparison(left, op, right)
        return _comparison(right, _FLIPPED[op], left)
    if isinstance(node, exp.In):
        return _comparison(node.this.unnest(), PredicateOp.IN, *node.expressions)
    if isinstance(node, exp.Between):
        return _comparison(node.this.unnest(), PredicateOp.BETWEEN, node.args["low"], node.args["high"])
    if isinstance(node, exp.StartsWith):
        return _comparison(node.this.unnest(), PredicateOp.PREFIX, node.expression)
    if isinstance(node, exp.Like) and not node.args.get("negate"):
        pattern = node.expression
        if isinstance(pattern, exp.Literal) and re.fullmatch(r"[^%_\\]+%", pattern.name, re.DOTALL):
            return _comparison(node.this.unnest(), PredicateOp.PREFIX, exp.Literal.string(pattern.name[:-1]))
    return None


def source_predicate(comparison: Comparison, column: Column) -> Predicate | None:
    """Return what a source may apply for `comparison`, None where a source and DuckDB could differ."""
    if column.type is ColumnType.STRING and comparison.op not in _TEXT_OPERATORS:
        return None
    return literal_predicate(comparison, name=column.name, kind=column.type)


def literal_predicate(comparison: Comparison, *, name: str, kind: ColumnType) -> Predicate | None:
    """Return `comparison` as a predicate on column `name` of type `kind`, None where its literals are not of that type."""
    values: list[Scalar] = []
    for literal in comparison.literals:
        value = _value(literal.unnest(), kind)
        if value is None:
            return None
        values.append(value)
    if comparison.op is PredicateOp.PREFIX and (kind is not ColumnType.STRING or not values[0]):
        return None
    if comparison.op is PredicateOp.IN:
        values = list(dict.fromkeys(values))
    return Predicate(op=comparison.op, column=name, values=tuple(values))


def _comparison(column: exp.Expr, op: PredicateOp, *literals: exp.Expr) -> Comparison | None:
    if not literals or not isinstance(column, exp.Column) or not all(is_literal(literal) for literal in literals):
        return None
    return Comparison(column=column, op=op, literals=literals)


def is_literal(node: exp.Expr) -> bool:
    """Whether `node` is a constant: a literal, a negative number, a boolean or a date."""
    node = node.unnest()
    if isinstance(node, exp.Neg | exp.Cast):
        node = node.this.unnest()
    return isinstance(node, exp.Literal | exp.Boolean)


def _value(node: exp.Expr, kind: ColumnType) -> Scalar | None:
    reader = _READERS.get(kind)
    return reader(node) if reader else None


def _text(node: exp.Expr) -> str | None:
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def _number(node: exp.Expr, pattern: re.Pattern[str]) -> str | None:
    sign = ""
    if isinstance(node, exp.Neg):
        sign, node = "-", node.this.unnest()
    if isinstance(node, exp.Literal) and not node.is_string and pattern.fullmatch(node.name):
        return sign + node.name
    return None


def _integer(bits: int) -> Callable[[exp.Expr], Scalar | None]:
    def read(node: exp.Expr) -> Scalar | None:
        number = _number(node, _INTEGER)
        return int(number) if number is not None and -(2**bits) <= int(number) < 2**bits else None

    return read


def _float(node: exp.Expr) -> float | None:
    number = _number(node, _EXACT_DECIMAL)
    return None if number is None else float(number)


def _bool(node: exp.Expr) -> bool | None:
    return bool(node.this) if isinstance(node, exp.Boolean) else None


def _date(node: exp.Expr) -> datetime.date | None:
    if isinstance(node, exp.Cast) and not isinstance(node, exp.TryCast) and node.to.this is exp.DType.DATE:
        node = node.this.unnest()
    text = _text(node)
    if text is None or not _ISO_DATE.fullmatch(text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


_READERS: Mapping[ColumnType, Callable[[exp.Expr], Scalar | None]] = {
    ColumnType.STRING: _text,
    ColumnType.FLOAT64: _float,
    ColumnType.BOOL: _bool,
    ColumnType.DATE: _date,
    **{kind: _integer(bits) for kind, bits in _INTEGER_BITS.items()},
}
"""Timestamps are missing: their text depends on the session's time zone."""
