"""Statements that return aggregates of groups and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import sqlglot.expressions as exp

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnType, ColumnUse
from connectors.sdk.predicates import Predicate, all_of
from gateway.model.statistic import Aggregate, AggregateKind, SortKey, Statistic
from gateway.resolve.filters import is_literal, literal_predicate, read_comparison
from gateway.resolve.queries import conjuncts

KEYS_MAX = 5
"""Group keys of one statistic; every subset of them is checked for what totals reveal."""

_PARTS = frozenset({"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Like, exp.ILike, exp.StartsWith)
_NUMBERS = frozenset({ColumnType.INT16, ColumnType.INT32, ColumnType.INT64, ColumnType.FLOAT64})
_SUMS: Mapping[type[exp.Expr], AggregateKind] = {exp.Sum: AggregateKind.SUM, exp.Avg: AggregateKind.AVG}
_AGGREGATE_USES = {
    AggregateKind.COUNT_DISTINCT: ColumnUse.COUNTED,
    AggregateKind.SUM: ColumnUse.SUMMED,
    AggregateKind.AVG: ColumnUse.SUMMED,
}

Path = tuple[str, str]
"""Table alias and column."""


def read_statistic(tree: exp.Expr, *, datasets: Mapping[str, Dataset]) -> Statistic | None:
    """Return the statistic that `tree`, qualified, is; None for any other statement.

    A statistic is one plain SELECT. Group keys are plain columns; aggregates are `count(*)`, `count(DISTINCT column)`, and
    `sum` and `avg` of a number column. Every dataset stands once and joins are inner joins on equal columns of two tables. WHERE
    compares columns with literals. HAVING compares what is selected with literals, ORDER BY orders by what is selected, LIMIT
    and OFFSET are numbers. Nothing else is there.
    """
    if not isinstance(tree, exp.Select) or any(value and part not in _PARTS for part, value in tree.args.items()):
        return None
    tables = _tables(tree)
    where, group = tree.args.get("where"), tree.args.get("group")
    if tables is None or (where is not None and not all(map(_is_condition, conjuncts(where.this)))):
        return None
    keys = {_path(key): key for key in group.expressions} if group is not None else {}
    if len(keys) > KEYS_MAX or not all(map(_is_column, keys.values())):
        return None
    reading = _Reading(keys=keys, types=_Types(tables, datasets))
    try:
        return reading.statistic(tree)
    except _NotAStatistic:
        return None


def statistic_uses(
    statistic: Statistic, tree: exp.Expr, *, at_source: Collection[int]
) -> defaultdict[Path, set[ColumnUse]]:
    """Return what a statistic uses its columns for, by dataset and column.

    HAVING, ORDER BY and LIMIT see only what is released, so they are no uses.

    Args:
        statistic: As read from `tree`.
        tree: The qualified statement.
        at_source: `id` of the WHERE conjuncts whose use is decided elsewhere.
    """
    tables = _tables(tree) or {}
    uses: defaultdict[Path, set[ColumnUse]] = defaultdict(set)

    def use(column: exp.Column, kind: ColumnUse) -> None:
        uses[tables[column.table], column.name].add(kind)

    selected = {source for _, source in statistic.outputs}
    for name, key in zip(statistic.key_columns, statistic.keys, strict=True):
        use(key, ColumnUse.GROUPED)
        if name in selected:
            use(key, ColumnUse.SELECTED)
    for aggregate in statistic.aggregates:
        if aggregate.column is not None:
            use(aggregate.column, _AGGREGATE_USES[aggregate.kind])
    for join in tree.args.get("joins") or ():
        for column in join.args["on"].find_all(exp.Column):
            use(column, ColumnUse.JOINED)
    where = tree.args.get("where")
    for conjunct in conjuncts(where.this) if where is not None else ():
        if id(conjunct.unnest()) not in at_source:
            for column in conjunct.find_all(exp.Column):
                use(column, ColumnUse.FILTERED)
    return uses


class _NotAStatistic(Exception):
    """Something in the statement is not of a statistic's shape."""


class _Types:
    """Types of columns by table alias and name."""

    def __init__(self, tables: Mapping[str, str], datasets: Mapping[str, Dataset]) -> None:
        self._tables = tables
        self._datasets = datasets

    def of(self, column: exp.Column) -> ColumnType:
        described = self._datasets[self._tables[column.table]].column(column.name)
        if described is None:
            raise _NotAStatistic
        return described.type


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The SELECT's outputs, by which the later clauses are read."""

    keys: Mapping[Path, exp.Column]
    types: _Types
    aggregates: list[Aggregate] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)
    output_types: dict[str, ColumnType] = field(default_factory=dict)

    def statistic(self, tree: exp.Select) -> Statistic:
        for projection in tree.expressions:
            self.outputs.append((projection.alias_or_name, self._source(projection.unalias())))
        having, order = tree.args.get("having"), tree.args.get("order")
        return Statistic(
            keys=tuple(self.keys.values()),
            aggregates=tuple(self.aggregates),
            outputs=tuple(self.outputs),
            having=None if having is None else all_of(*(self._condition(c) for c in conjuncts(having.this))),
            order=tuple(self._sort_key(item) for item in order.expressions) if order is not None else (),
            limit=_rows(tree.args.get("limit")),
            offset=_rows(tree.args.get("offset")) or 0,
        )

    def _source(self, node: exp.Expr) -> str:
        """Return the engine column of a projection."""
        if isinstance(node, exp.Column):
            path = _path(node)
            if path not in self.keys:
                raise _NotAStatistic
            name = f"key_{list(self.keys).index(path)}"
            self.output_types[name] = self.types.of(node)
            return name
        aggregate = _aggregate(node)
        if aggregate not in self.aggregates:
            self.aggregates.append(aggregate)
        name = f"value_{self.aggregates.index(aggregate)}"
        self.output_types[name] = self._type(aggregate)
        return name

    def _type(self, aggregate: Aggregate) -> ColumnType:
        if aggregate.column is None or aggregate.kind is AggregateKind.COUNT_DISTINCT:
            return ColumnType.INT64
        kind = self.types.of(aggregate.column)
        if kind not in _NUMBERS:
            raise _NotAStatistic
        floats = kind is ColumnType.FLOAT64 or aggregate.kind is AggregateKind.AVG
        return ColumnType.FLOAT64 if floats else ColumnType.INT64

    def _selected(self, node: exp.Expr) -> str:
        """Return the engine column of something in HAVING or ORDER BY: an output's name, or a key or aggregate again."""
        if isinstance(node, exp.Column) and not node.table:
            sources = {source for name, source in self.outputs if name.lower() == node.name}
            column_of_that_name = {f"key_{i}" for i, (_, name) in enumerate(self.keys) if name == node.name}
            if len(sources) != 1 or not column_of_that_name <= sources:
                raise _NotAStatistic
            return sources.pop()
        name = self._source(node) if isinstance(node, exp.Column) else self._known_value(_aggregate(node))
        if name not in {source for _, source in self.outputs}:
            raise _NotAStatistic
        return name

    def _known_value(self, aggregate: Aggregate) -> str:
        if aggregate not in self.aggregates:
            raise _NotAStatistic
        return f"value_{self.aggregates.index(aggregate)}"

    def _condition(self, conjunct: exp.Expr) -> Predicate:
        node = conjunct.unnest().copy()
        for argument in ("this", "expression"):
            side = node.args.get(argument)
            if isinstance(side, exp.Expr) and not is_literal(side):
                node.set(argument, exp.column(self._selected(side.unnest()), table="output"))
        comparison = read_comparison(node)
        if comparison is None:
            raise _NotAStatistic
        name = comparison.column.name
        predicate = literal_predicate(comparison, name=name, kind=self.output_types[name])
        if predicate is None:
            raise _NotAStatistic
        return predicate

    def _sort_key(self, item: exp.Expr) -> SortKey:
        node = item.this.unnest()
        if isinstance(node, exp.Literal):
            position = int(node.name) if not node.is_string and node.name.isdecimal() else 0
            if not 1 <= position <= len(self.outputs):
                raise _NotAStatistic
            column = self.outputs[position - 1][1]
        else:
            column = self._selected(node)
        return SortKey(
            column=column, descending=bool(item.args.get("desc")), nulls_first=bool(item.args.get("nulls_first"))
        )


def _aggregate(node: exp.Expr) -> Aggregate:
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return Aggregate(kind=AggregateKind.COUNT, column=None)
    kind, column = _SUMS.get(type(node)), node.this
    if isinstance(node, exp.Count) and isinstance(column, exp.Distinct) and len(column.expressions) == 1:
        kind, column = AggregateKind.COUNT_DISTINCT, column.expressions[0]
    if kind is None or not isinstance(column, exp.Column) or not _is_column(column):
        raise _NotAStatistic
    return Aggregate(kind=kind, column=column)


def _rows(node: exp.Expr | None) -> int | None:
    if node is None:
        return None
    value = node.args.get("expression")
    if not isinstance(value, exp.Literal) or value.is_string or not value.name.isdecimal() or len(value.name) > 18:
        raise _NotAStatistic
    return int(value.name)


def _tables(tree: exp.Expr) -> dict[str, str] | None:
    """Return the dataset of each table by alias, when each stands once and joins are keyed."""
    from_, joins = tree.args.get("from_"), tree.args.get("joins") or []
    if from_ is None or not all(_is_keyed(join) for join in joins):
        return None
    tables = [from_.this, *(join.this for join in joins)]
    if not all(isinstance(table, exp.Table) and table.db for table in tables):
        return None
    names = {table.alias_or_name: f"{table.db}.{table.name}" for table in tables}
    return names if len(set(names.values())) == len(tables) else None


def _is_keyed(join: exp.Expr) -> bool:
    on = join.args.get("on")
    if join.args.get("side") or join.text("kind").upper() not in ("", "INNER") or on is None:
        return False
    return all(
        isinstance(key := conjunct.unnest(), exp.EQ)
        and _is_column(key.this)
        and _is_column(key.expression)
        and key.this.text("table") != key.expression.text("table")
        for conjunct in conjuncts(on)
    )


def _is_condition(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Not):
        node = node.this.unnest()
    if isinstance(node, _COMPARISONS):
        left, right = node.this.unnest(), node.expression.unnest()
        return (_is_column(left) and is_literal(right)) or (is_literal(left) and _is_column(right))
    if isinstance(node, exp.In):
        return _is_column(node.this.unnest()) and bool(node.expressions) and all(map(is_literal, node.expressions))
    if isinstance(node, exp.Between):
        bounds = (node.args["low"], node.args["high"])
        return _is_column(node.this.unnest()) and all(map(is_literal, bounds))
    return isinstance(node, exp.Is) and _is_column(node.this) and isinstance(node.expression, exp.Null | exp.Boolean)


def _is_column(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and bool(node.table)


def _path(node: exp.Expr) -> Path:
    return node.text("table"), node.name
