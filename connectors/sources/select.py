"""One translation of a scan into SQL, for every SQL database.

A predicate is total: a comparison with null is false and NOT of it is true. SQL's third value is harmless under AND and
OR, because a row is kept only when the whole condition is true; under NOT it is made false first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import sqlglot
from sqlglot import exp

from connectors.sdk.predicates import RANGE_OPS, Predicate, PredicateOp, Scalar, literals
from connectors.sdk.source import MappedTable, SourceScan


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlColumn:
    """How one mapped column is read."""

    value: exp.Expr
    """What is selected; null where the stored value is not one of the catalogue's type."""
    tested: exp.Expr
    """What predicates compare, which an index may answer."""
    guard: exp.Expr | None = None
    """Tells where `tested` is a value of the catalogue's type, when that is not everywhere."""


Bind = Callable[[pa.Array], exp.Expr]
"""Adds a parameter (an array of one value) to the query and returns its placeholder."""


class SqlDialect(Protocol):
    """What differs between SQL databases."""

    @property
    def name(self) -> str:
        """Name of the dialect in sqlglot."""
        ...

    def operands(self, values: tuple[Scalar, ...], arrow_type: pa.DataType) -> pa.Array:
        """Return the literals of a column of `arrow_type` as the database compares them."""
        ...

    def placeholder(self, position: int) -> exp.Expr:
        """Return the parameter at `position`, from 1. Parameters are numbered in the order of the SQL text."""
        ...

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """Return a text expression whose comparisons ignore language and case rules."""
        ...

    def starts_with(self, text: exp.Expr, prefix: str, bind: Bind) -> exp.Expr:
        """Return the condition that `text` starts with `prefix`, which has no wildcards."""
        ...

    def among(self, column: exp.Expr, operands: pa.Array, bind: Bind) -> exp.Expr:
        """Return the condition that the column is one of the operands, which travel as one parameter."""
        ...


def template(sql: str, column: exp.Expr, *, dialect: str) -> exp.Expr:
    """Parse an expression about the column `c` and put `column` in its place."""
    tree = sqlglot.parse_one(sql, dialect=dialect)
    return tree.transform(lambda node: column.copy() if isinstance(node, exp.Column) and node.name == "c" else node)


_GUARDS: Mapping[pa.DataType, str] = {
    pa.float64(): "c <> CAST('NaN' AS DOUBLE PRECISION)",
    pa.date32(): "c BETWEEN CAST('0001-01-01' AS DATE) AND CAST('9999-12-31' AS DATE)",
    pa.timestamp("us", tz="UTC"): (
        "c BETWEEN CAST('0001-01-01 00:00:00+00' AS TIMESTAMPTZ) AND CAST('9999-12-31 23:59:59.999999+00' AS TIMESTAMPTZ)"
    ),
}
"""Arrow's years end where Python's do; `infinity` would arrive as a wrong date."""


def guarded(column: exp.Expr, *, arrow_type: pa.DataType, dialect: str) -> SqlColumn:
    """Return how a column of `arrow_type` is read where the database also knows infinite dates and NaN."""
    if arrow_type not in _GUARDS:
        return SqlColumn(value=column, tested=column)
    guard = template(_GUARDS[arrow_type], column, dialect=dialect)
    value = column if pa.types.is_floating(arrow_type) else exp.case().when(guard.copy(), column.copy())
    return SqlColumn(value=value, tested=column, guard=guard)


def table_of(name: str) -> exp.Table:
    """Return the quoted table `name` or `schema.name`."""
    schema, _, table = name.rpartition(".")
    return exp.table_(table, db=schema or None, quoted=True)


def select(
    request: SourceScan, *, table: MappedTable, columns: Mapping[str, SqlColumn], dialect: SqlDialect
) -> tuple[exp.Select, pa.RecordBatch | None]:
    """Return the query of a scan and its parameters: one row, one column for each, or None without any.

    Raises:
        ValueError: A column is unknown, or a literal does not fit its column.
    """
    table.projected(request.columns)
    conditions = _Conditions(schema=table.schema, columns=columns, dialect=dialect)
    selected = [exp.alias_(columns[name].value.copy(), name, quoted=True, copy=False) for name in request.columns]
    query = exp.select(*selected, copy=False).from_(table_of(table.table), copy=False)
    query = query.where(conditions.of(request.predicate), copy=False)
    if request.rows_max is not None:
        query = query.limit(request.rows_max, copy=False)
    names = [str(position) for position in range(len(conditions.parameters))]
    return query, pa.RecordBatch.from_arrays(conditions.parameters, names=names) if names else None


class _Conditions:
    """Translates predicates, collecting their literals as parameters."""

    def __init__(self, *, schema: pa.Schema, columns: Mapping[str, SqlColumn], dialect: SqlDialect) -> None:
        self._schema = schema
        self._columns = columns
        self._dialect = dialect
        self.parameters: list[pa.Array] = []

    def of(self, predicate: Predicate) -> exp.Expr:
        """Return a condition that is true exactly where the predicate holds, otherwise false or null."""
        if predicate.op is PredicateOp.NOT:
            return exp.Not(this=exp.Coalesce(this=self.of(predicate.operands[0]), expressions=[exp.false()]))
        if predicate.operands:
            join = exp.and_ if predicate.op is PredicateOp.AND else exp.or_
            return join(*(self.of(operand) for operand in predicate.operands), copy=False)
        values = literals(predicate, self._schema)
        column = self._columns[predicate.column]
        if predicate.op is PredicateOp.IS_NULL:
            return exp.Is(this=exp.Paren(this=column.value.copy()), expression=exp.null())
        held = self._comparison(predicate.op, column, values, self._schema.field(predicate.column).type)
        return exp.and_(column.guard.copy(), held, copy=False) if column.guard is not None else held

    def _comparison(
        self, op: PredicateOp, column: SqlColumn, values: tuple[Scalar, ...], arrow_type: pa.DataType
    ) -> exp.Expr:
        tested = column.tested.copy()
        if op is PredicateOp.PREFIX:
            return self._dialect.starts_with(tested, str(values[0]), self._bind)
        operands = self._dialect.operands(values, arrow_type)
        if op is PredicateOp.IN:
            return self._dialect.among(tested, operands, self._bind)
        if op in RANGE_OPS and pa.types.is_string(arrow_type):
            tested = self._dialect.by_code_point(tested)
        if op is PredicateOp.BETWEEN:
            return exp.Between(this=tested, low=self._bind(operands[:1]), high=self._bind(operands[1:]))
        return _COMPARISONS[op](this=tested, expression=self._bind(operands))

    def _bind(self, parameter: pa.Array) -> exp.Expr:
        self.parameters.append(parameter)
        return self._dialect.placeholder(len(self.parameters))


_COMPARISONS: Mapping[PredicateOp, type[exp.Binary]] = {
    PredicateOp.EQ: exp.EQ,
    PredicateOp.NE: exp.NEQ,
    PredicateOp.LT: exp.LT,
    PredicateOp.LE: exp.LTE,
    PredicateOp.GT: exp.GT,
    PredicateOp.GE: exp.GTE,
}
