"""SQL → picks, for statements that picking could have written."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gateway.doors.console.asking.build_sql import DIALECT, aliases, build_sql, measure_name
from gateway.doors.console.asking.picks import (
    ColumnName,
    Condition,
    Facts,
    Filter,
    Join,
    Kind,
    Measure,
    Measured,
    Order,
    PickProblem,
    Picks,
)

_BYTES_MAX = 20_000
_YEARS: dict[type[exp.Expr], Condition] = {exp.LTE: Condition.YEARS_AT_LEAST, exp.GT: Condition.YEARS_LESS}
_COMPARISONS: dict[type[exp.Expr], Condition] = {
    exp.EQ: Condition.EQUALS,
    exp.NEQ: Condition.DIFFERS,
    exp.GTE: Condition.AT_LEAST,
    exp.LTE: Condition.AT_MOST,
    exp.StartsWith: Condition.BEGINS,
    exp.Contains: Condition.CONTAINS,
}


def parse(sql: str) -> exp.Expr | None:
    """Return the tree of one statement; None when it is none. Never raises."""
    if len(sql) > _BYTES_MAX:
        return None
    try:
        trees = sqlglot.parse(sql, read=DIALECT)
    except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError):
        return None
    return trees[0] if len(trees) == 1 else None


def place_of_mistake(sql: str) -> tuple[int, int] | None:
    """Return line and column, from 1, at which the text stops being SQL; None when it is SQL, or the place is not known."""
    try:
        sqlglot.parse(sql[:_BYTES_MAX], read=DIALECT)
    except sqlglot.ParseError as error:
        first = error.errors[0] if error.errors else {}
        line, column = first.get("line"), first.get("col")
        return (line, column) if line and column else None
    except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError):
        return None
    return None


def read_sql(sql: str, *, facts: Facts) -> Picks | None:
    """Return the picks of which the statement is the SQL, whatever its spelling; None when there are none."""
    tree = parse(sql)
    if not isinstance(tree, exp.Select):
        return None
    try:
        picks = _Reader(tree, facts=facts).picks()
        return picks if _spelled(tree, picks=picks) == build_sql(picks, facts=facts) else None
    except (_NotPicked, PickProblem, SqlglotError, RecursionError):
        return None


class _NotPicked(Exception):
    """The statement is more than picking can write."""


def _spelled(tree: exp.Select, *, picks: Picks) -> str:
    """Return the statement as picking would spell it: lower case, its aliases, no comments."""
    datasets = (picks.dataset, *(join.dataset for join in picks.joins))
    short = aliases(datasets) if picks.joins else {}
    tables = {_alias(table): _name(table) for table in tree.find_all(exp.Table)}
    spelled = tree.copy()
    for column in spelled.find_all(exp.Column):
        dataset = tables.get(column.table.lower(), picks.dataset if column.table else "")
        column.set("db", None)
        alias = short.get(dataset)
        column.set("table", exp.to_identifier(alias) if alias else None)
    for table in spelled.find_all(exp.Table):
        alias = short.get(_name(table))
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)) if alias else None)
    for name in spelled.find_all(exp.Identifier):
        if not name.args.get("quoted"):
            name.set("this", name.this.lower())
    for join in spelled.find_all(exp.Join):
        if join.args.get("kind") == "INNER":
            join.set("kind", None)
        if join.args.get("kind") == "OUTER":
            join.set("kind", None)
    for ordered in spelled.find_all(exp.Ordered):
        ordered.set("desc", bool(ordered.args.get("desc")))
    return str(spelled.sql(dialect=DIALECT, pretty=True, comments=False))


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}".lower()


def _alias(table: exp.Table) -> str:
    return (table.alias or table.name).lower()


class _Reader:
    def __init__(self, tree: exp.Select, *, facts: Facts) -> None:
        self._tree = tree
        self._facts = facts
        source = tree.args.get("from_") or tree.args.get("from")
        if source is None or not isinstance(source.this, exp.Table):
            raise _NotPicked
        self._joins: list[exp.Join] = tree.args.get("joins") or []
        if any(not isinstance(join.this, exp.Table) for join in self._joins):
            raise _NotPicked
        self._dataset = _name(source.this)
        self._tables = {_alias(table): _name(table) for table in (source.this, *(join.this for join in self._joins))}

    def picks(self) -> Picks:
        columns: list[ColumnName] = []
        measures: list[Measured] = []
        for shown in self._tree.expressions:
            inner = shown.this if isinstance(shown, exp.Alias) else shown
            if isinstance(inner, exp.Column):
                columns.append(self._column(inner))
            else:
                measures.append(self._measured(inner))
        sides = {join.side for join in self._joins}
        if len(sides) > 1:
            raise _NotPicked
        limit = self._tree.args.get("limit")
        return Picks(
            dataset=self._dataset,
            joins=tuple(self._join(join) for join in self._joins),
            keep=sides != {""},
            columns=tuple(columns),
            filters=tuple(self._filters()),
            counting=bool(measures),
            measures=tuple(measures),
            order=self._order(measures),
            rows_max=int(limit.expression.name) if limit and limit.expression.name.isdigit() else None,
        )

    def _column(self, column: exp.Expr | None) -> ColumnName:
        if not isinstance(column, exp.Column):
            raise _NotPicked
        dataset = self._tables.get(column.table.lower()) if column.table else self._only_dataset_of(column.name.lower())
        found = ColumnName(dataset=dataset or "", column=column.name.lower())
        if found not in self._facts:
            raise _NotPicked
        return found

    def _only_dataset_of(self, column: str) -> str:
        datasets = [
            dataset for dataset in self._tables.values() if ColumnName(dataset=dataset, column=column) in self._facts
        ]
        return datasets[0] if len(datasets) == 1 else ""

    def _measured(self, shown: exp.Expr) -> Measured:
        if isinstance(shown, exp.Count):
            if isinstance(shown.this, exp.Star):
                return Measured(measure=Measure.ROWS)
            if isinstance(shown.this, exp.Distinct) and len(shown.this.expressions) == 1:
                return Measured(measure=Measure.DISTINCT, column=self._column(shown.this.expressions[0]))
        if isinstance(shown, exp.Sum):
            return Measured(measure=Measure.SUM, column=self._column(shown.this))
        if isinstance(shown, exp.Avg):
            return Measured(measure=Measure.AVERAGE, column=self._column(shown.this))
        raise _NotPicked

    def _join(self, join: exp.Join) -> Join:
        pairs = []
        for equal in _parts(join.args.get("on")):
            if not isinstance(equal, exp.EQ):
                raise _NotPicked
            left, right = self._column(equal.this), self._column(equal.expression)
            own, other = (left, right) if left.dataset == self._dataset else (right, left)
            pairs.append((own.column, other.column))
        if not pairs:
            raise _NotPicked
        return Join(dataset=_name(join.this), on=tuple(pairs))

    def _filters(self) -> Iterator[Filter]:
        where = self._tree.args.get("where")
        for part in _parts(where.this if where else None):
            yield self._filter(part)

    def _filter(self, part: exp.Expr) -> Filter:
        if isinstance(part, exp.Not) and isinstance(part.this, exp.Is):
            return Filter(column=self._column(part.this.this), condition=Condition.PRESENT)
        column = self._column(part.this)
        if isinstance(part, exp.Is) and isinstance(part.expression, exp.Null):
            return Filter(column=column, condition=Condition.MISSING)
        if isinstance(part, exp.In):
            values = tuple(_value(one) for one in part.expressions)
            return Filter(column=column, condition=Condition.ONE_OF, values=values)
        kind = self._facts[column].kind
        if kind in (Kind.DATE, Kind.MOMENT) and isinstance(part.expression, exp.Sub):
            interval = part.expression.expression
            if isinstance(interval, exp.Interval) and type(part) in _YEARS:
                return Filter(column=column, condition=_YEARS[type(part)], values=(interval.this.name,))
        if type(part) not in _COMPARISONS:
            raise _NotPicked
        return Filter(column=column, condition=_COMPARISONS[type(part)], values=(_value(part.expression),))

    def _order(self, measures: list[Measured]) -> Order | None:
        order = self._tree.args.get("order")
        if order is None:
            return None
        if len(order.expressions) != 1:
            raise _NotPicked
        (ordered,) = order.expressions
        names = {measure_name(measured, facts=self._facts): measured for measured in measures}
        by = names.get(ordered.this.name) or self._column(ordered.this)
        return Order(by=by, descending=bool(ordered.args.get("desc")))


def _parts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield what is joined by AND."""
    if isinstance(condition, exp.And):
        yield from _parts(condition.this)
        yield from _parts(condition.expression)
    elif condition is not None:
        yield condition


def _value(node: exp.Expr) -> str:
    if isinstance(node, exp.Cast):
        node = node.this
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if not isinstance(node, exp.Literal):
        raise _NotPicked
    return str(node.this)
