"""Picks → SQL. The text is written by sqlglot from a tree, so that a value can never be more than a literal."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import reduce

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import TokenType

from catalog.dataset import Text
from gateway.doors.console.asking.picks import (
    ColumnName,
    Condition,
    Facts,
    Filter,
    Join,
    Kind,
    Measure,
    Measured,
    PickProblem,
    Picks,
)

DIALECT = "duckdb"
_COMPARISONS: Mapping[Condition, type[exp.Binary]] = {
    Condition.EQUALS: exp.EQ,
    Condition.DIFFERS: exp.NEQ,
    Condition.AT_LEAST: exp.GTE,
    Condition.AT_MOST: exp.LTE,
}
_YEARS_MAX = 200
_UNKNOWN = Text(zh="所选的列已不在该用途范围内，请重新选择。", en="A picked column is no longer open; pick again.")


def build_sql(picks: Picks, *, facts: Facts) -> str:
    """Return the statement of the picks; empty while nothing is picked that could be shown.

    Args:
        picks: Their names are those of `facts`. Filters without values are left out.
        facts: Every column that may stand in it.

    Raises:
        PickProblem: A value does not fit its column, or a name is not known.
    """
    shown = [*picks.columns, *(picks.measures if picks.counting else ())]
    if not picks.dataset or not shown:
        return ""
    return str(_Writer(picks, facts=facts).statement().sql(dialect=DIALECT, pretty=True, comments=False))


def aliases(datasets: Iterable[str]) -> Mapping[str, str]:
    """Return a short name for each dataset, the same for the same datasets."""
    found: dict[str, str] = {}
    for dataset in datasets:
        table = dataset.rpartition(".")[2]
        candidates = (table[0], table[:2], *(f"{table[0]}{number}" for number in range(2, 100)))
        found[dataset] = next(name for name in candidates if name not in found.values() and _is_plain(name))
    return found


class _Writer:
    def __init__(self, picks: Picks, *, facts: Facts) -> None:
        self._picks = picks
        self._facts = facts
        datasets = (picks.dataset, *(join.dataset for join in picks.joins))
        if len(set(datasets)) != len(datasets):
            raise PickProblem(Text(zh="同一数据集只能关联一次。", en="A dataset can be joined once only."))
        self._aliases = aliases(datasets) if picks.joins else {}
        self._datasets = frozenset(datasets)

    def statement(self) -> exp.Select:
        picks = self._picks
        select = exp.Select(expressions=list(self._shown())).from_(self._table(picks.dataset))
        for join in picks.joins:
            kind = "left" if picks.keep else None
            select = select.join(self._table(join.dataset), on=self._key(join), join_type=kind)
        conditions = [self._condition(one) for one in picks.filters if one.complete]
        if conditions:
            select = select.where(reduce(lambda left, right: exp.And(this=left, expression=right), conditions))
        if picks.counting and picks.columns:
            select = select.group_by(*(self._column(name) for name in picks.columns))
        if picks.order:
            by = picks.order.by
            term = self._column(by) if isinstance(by, ColumnName) else _identifier_column(self._measure_name(by))
            select = select.order_by(exp.Ordered(this=term, desc=picks.order.descending, nulls_first=False))
        return select.limit(picks.rows_max) if picks.rows_max else select

    def _shown(self) -> Iterator[exp.Expr]:
        taken: set[str] = set()
        for name in self._picks.columns:
            column = self._column(name)
            if name.column in taken:
                alias = f"{name.dataset.rpartition('.')[2]}_{name.column}"
                yield exp.alias_(column, _identifier(alias))
            else:
                yield column
            taken.add(name.column)
        for measured in self._picks.measures if self._picks.counting else ():
            yield exp.alias_(self._measured(measured), exp.to_identifier(self._measure_name(measured), quoted=True))

    def _measured(self, measured: Measured) -> exp.Expr:
        if measured.column is None:
            return exp.Count(this=exp.Star(), big_int=True)
        column = self._column(measured.column)
        match measured.measure:
            case Measure.DISTINCT:
                return exp.Count(this=exp.Distinct(expressions=[column]), big_int=True)
            case Measure.SUM:
                return exp.Sum(this=column)
            case Measure.AVERAGE:
                return exp.Avg(this=column)
        raise PickProblem(Text(zh="请选择要计数的列。", en="Choose the column to count."))

    def _measure_name(self, measured: Measured) -> str:
        return measure_name(measured, facts=self._facts)

    def _table(self, dataset: str) -> exp.Table:
        schema, _, name = dataset.rpartition(".")
        table = exp.Table(this=_identifier(name), db=_identifier(schema))
        if dataset in self._aliases:
            table.set("alias", exp.TableAlias(this=_identifier(self._aliases[dataset])))
        return table

    def _column(self, name: ColumnName) -> exp.Column:
        if name not in self._facts or name.dataset not in self._datasets:
            raise PickProblem(_UNKNOWN)
        alias = self._aliases.get(name.dataset)
        return exp.Column(this=_identifier(name.column), table=_identifier(alias) if alias else None)

    def _key(self, join: Join) -> exp.Expr:
        pairs: list[exp.Expr] = [
            exp.EQ(
                this=self._column(ColumnName(dataset=join.dataset, column=other)),
                expression=self._column(ColumnName(dataset=self._picks.dataset, column=own)),
            )
            for own, other in join.on
        ]
        return reduce(lambda left, right: exp.And(this=left, expression=right), pairs)

    def _condition(self, one: Filter) -> exp.Expr:
        column, facts = self._column(one.column), self._facts[one.column]
        values = [value.strip() for value in one.values if value.strip()]
        match one.condition:
            case Condition.MISSING:
                return exp.Is(this=column, expression=exp.Null())
            case Condition.PRESENT:
                return exp.Not(this=exp.Is(this=column, expression=exp.Null()))
            case Condition.ONE_OF:
                return exp.In(
                    this=column, expressions=[literal(value, kind=facts.kind, title=facts.title) for value in values]
                )
            case Condition.BEGINS:
                return exp.StartsWith(this=column, expression=literal(values[0], kind=Kind.TEXT, title=facts.title))
            case Condition.CONTAINS:
                return exp.Contains(this=column, expression=literal(values[0], kind=Kind.TEXT, title=facts.title))
            case Condition.YEARS_AT_LEAST:
                return exp.LTE(this=column, expression=_years_ago(values[0]))
            case Condition.YEARS_LESS:
                return exp.GT(this=column, expression=_years_ago(values[0]))
        value = literal(values[0], kind=facts.kind, title=facts.title)
        return _COMPARISONS[one.condition](this=column, expression=value)


def measure_name(measured: Measured, *, facts: Facts) -> str:
    """Return what a measure is called in the result, the same in every language."""
    if measured.column is None:
        return "数量"
    if measured.column not in facts:
        raise PickProblem(_UNKNOWN)
    words = {Measure.DISTINCT: "去重计数", Measure.SUM: "合计", Measure.AVERAGE: "平均"}
    return f"{facts[measured.column].title.zh}{words[measured.measure]}"


def literal(value: str, *, kind: Kind, title: Text) -> exp.Expr:
    """Return a value as a literal of its column's kind.

    Raises:
        PickProblem: It is none.
    """
    if any(not character.isprintable() for character in value):
        raise PickProblem(_wrong(title, Text(zh="含有不可见字符", en="holds invisible characters")))
    match kind:
        case Kind.TEXT:
            return exp.Literal.string(value)
        case Kind.TRUTH:
            if value not in ("true", "false"):
                raise PickProblem(_wrong(title, Text(zh="须为“是”或“否”", en="must be yes or no")))
            return exp.Boolean(this=value == "true")
        case Kind.NUMBER:
            return _number(value, title=title)
    try:
        day = datetime.date.fromisoformat(value)
    except ValueError:
        raise PickProblem(
            _wrong(title, Text(zh="须为日期，如 1946-01-31", en="must be a date such as 1946-01-31"))
        ) from None
    return exp.Cast(this=exp.Literal.string(day.isoformat()), to=exp.DataType.build("date"))


def _number(value: str, *, title: Text) -> exp.Expr:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) >= 10**15 or (number and abs(number) < Decimal("1e-9")):
        raise PickProblem(_wrong(title, Text(zh="须为数字", en="must be a number")))
    plain = exp.Literal.number(f"{abs(number):f}")
    return exp.Neg(this=plain) if number < 0 else plain


def _years_ago(value: str) -> exp.Expr:
    if not (value.isascii() and value.isdigit() and int(value[:4]) <= _YEARS_MAX and len(value) <= 4):
        raise PickProblem(
            Text(zh=f"年数须为 0 至 {_YEARS_MAX} 的整数。", en=f"Years must be a whole number up to {_YEARS_MAX}.")
        )
    years = exp.Interval(this=exp.Literal.string(str(int(value))), unit=exp.var("YEAR"))
    return exp.Sub(this=exp.CurrentDate(), expression=years)


def _wrong(title: Text, what: Text) -> Text:
    return Text(zh=f"“{title.zh}”的值{what.zh}。", en=f"The value of '{title.en}' {what.en}.")


def _identifier_column(name: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(name, quoted=True))


def _identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=not _is_plain(name))


def _is_plain(name: str) -> bool:
    """Tell whether a name needs no quotes: the tokenizer takes it for one name and for no keyword."""
    if not (name.isascii() and name.isidentifier()):
        return False
    tokens = DuckDB().tokenize(name)
    return len(tokens) == 1 and tokens[0].token_type is TokenType.VAR and tokens[0].text == name
