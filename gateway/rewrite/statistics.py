"""The SQL of a statistic: every group, the number of its people, and sketches of who they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction, ColumnType, IdentifierKind
from gateway.errors import Bug
from gateway.model.plan import PlannedScan
from gateway.model.statistic import SKETCH_BUCKETS, Aggregate, AggregateKind, PlannedStatistic, Sketch, Statistic

_NOBODY = 0x9E3779B97F4A7C15
"""Stands for the data subjects of rows that name none: all of them are one person, so that such rows are seen.

A missing pseudonym of others is not counted and leaves nothing in a sketch."""
_FLOAT_STEPS = 1_000_000
"""Sketches tell sums of fractions apart from a millionth on."""

Enforce = Callable[[exp.Expr], exp.Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entity:
    """What rows of a statistic are about: the data subjects of a dataset, or others of whom it holds pseudonyms to be counted."""

    index: int
    dataset: Dataset
    key: exp.Column
    """Qualified."""

    def hashed(self) -> exp.Expr:
        """Return 64 bits of the pseudonym, the same wherever the entity appears; null without one."""
        digits = exp.Left(this=self.key.copy(), expression=exp.Literal.number(16))
        return exp.cast(exp.DPipe(this=exp.Literal.string("0x"), expression=digits), exp.DType.UBIGINT)

    @property
    def is_subject(self) -> bool:
        return self.key.name == self.dataset.entity_key

    @property
    def person(self) -> str:
        return f"person_{self.index}"

    @property
    def people(self) -> str:
        return f"people_{self.index}"

    @property
    def sketches(self) -> str:
        return f"sketches_{self.index}"

    @property
    def pool(self) -> str:
        column = self.dataset.column(self.key.name)
        return str(column.identifier) if column and column.identifier else f"{self.dataset.name}.{self.key.name}"


def plan_statistic(
    statistic: Statistic, *, tree: exp.Select, scans: Sequence[PlannedScan], catalogue: Catalogue, enforce: Enforce
) -> tuple[str, PlannedStatistic]:
    """Return the engine's SQL for every group of a statistic, without HAVING, ORDER BY and LIMIT, and the layout of its answer.

    Args:
        statistic: As read from `tree`.
        tree: The requester's statement, qualified; not changed.
        scans: What the engine will hold.
        catalogue: Entity keys, types and the bounds of summed columns.
        enforce: Makes of a node what may run.

    Raises:
        Bug: A summed column has no bounds, or what is counted is no pseudonym; the policy must have denied it.
    """
    entities = _entities(statistic, tree=tree, catalogue=catalogue)
    pseudonyms = {(s.dataset, c.name) for s in scans for c in s.columns if c.action is ColumnAction.PSEUDONYM}
    for entity in entities:
        if (entity.dataset.name, entity.key.name) not in pseudonyms:
            raise Bug(f"{entity.dataset.name}.{entity.key.name} is counted and no pseudonym")
    layout = _Layout(statistic=statistic, entities=entities)
    rows = exp.Select(expressions=layout.row_columns())
    for part in ("from_", "joins", "where"):
        value = tree.args.get(part)
        rows.set(part, [item.copy() for item in value] if isinstance(value, list) else value and value.copy())
    definition = _definition(rows, scans=scans, layout=layout)
    sql = layout.sql(rows.transform(enforce, copy=False).sql(dialect="duckdb", comments=False))
    planned = PlannedStatistic(
        definition=definition,
        people=tuple(name for name, _ in layout.people()),
        sketches=tuple(sketch for sketch, _ in layout.sketches()),
    )
    return sql, planned


def _entities(statistic: Statistic, *, tree: exp.Select, catalogue: Catalogue) -> Sequence[_Entity]:
    """Return the data subjects of every table, and after them whoever else is counted."""
    datasets = {
        table.alias_or_name: catalogue.datasets[f"{table.db}.{table.name}"] for table in tree.find_all(exp.Table)
    }
    keys = {(alias, d.entity_key): exp.column(d.entity_key, table=alias, quoted=True) for alias, d in datasets.items()}
    for a in statistic.aggregates:
        if a.kind is AggregateKind.COUNT_DISTINCT and a.column is not None:
            keys.setdefault((a.column.table, a.column.name), a.column)
    return [_Entity(index=i, dataset=datasets[alias], key=key) for i, ((alias, _), key) in enumerate(keys.items())]


def _definition(rows: exp.Select, *, scans: Sequence[PlannedScan], layout: _Layout) -> str:
    source = rows.copy()
    source.set("expressions", [exp.Literal.number(1)])
    parts = [
        source.sql(dialect="duckdb", comments=False),
        sorted(layout.measures),
        sorted(entity.key.sql() for entity in layout.entities),
        [
            [s.dataset, s.row_filter.to_json(), [[c.name, str(c.action), str(c.mask)] for c in s.columns]]
            for s in sorted(scans, key=lambda scan: scan.dataset)
        ],
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


class _Layout:
    """Names and expressions of the engine's columns."""

    def __init__(self, *, statistic: Statistic, entities: Sequence[_Entity]) -> None:
        self.entities = entities
        self._statistic = statistic
        self._datasets = {entity.key.table: entity.dataset for entity in entities}
        self._values = list(enumerate(statistic.aggregates))
        self._subjects = [entity for entity in entities if entity.is_subject]
        only = self._subjects[0].dataset if len(self._subjects) == 1 else None
        self._once = only is not None and only.primary_key == (only.entity_key,)
        self.measures = self._measures()
        people = [entity for entity in self._subjects if entity.pool == IdentifierKind.RESIDENT_ID]
        self._numbered = people or self._subjects
        """Those by whom the numbers are compared however often each counts; others only by who they are."""

    def _measures(self) -> frozenset[str]:
        """Return whether the numbers of the statistic are about people ("set"), about their rows ("rows") or both."""
        if self._once:
            return frozenset({"rows"})
        subjects = {entity.key.sql() for entity in self._subjects}
        about_people = [
            a.kind is AggregateKind.COUNT_DISTINCT and a.column is not None and a.column.sql() in subjects
            for a in self._statistic.aggregates
        ]
        return frozenset("set" if people else "rows" for people in about_people) or frozenset({"set"})

    def row_columns(self) -> list[exp.Expr]:
        """Return what the statistic needs of each row: keys, values to aggregate and hashes of the people."""
        columns: list[exp.Expr] = [
            exp.alias_(key.copy(), name)
            for name, key in zip(self._statistic.key_columns, self._statistic.keys, strict=True)
        ]
        for i, aggregate in self._values:
            if aggregate.column is not None:
                columns.append(exp.alias_(self._value(aggregate, aggregate.column), f"value_{i}"))
        columns += [exp.alias_(entity.hashed(), entity.person) for entity in self.entities]
        return columns

    def _value(self, aggregate: Aggregate, column: exp.Column) -> exp.Expr:
        """Return the column, between its bounds when it is summed; null stays null."""
        if aggregate.kind is AggregateKind.COUNT_DISTINCT:
            return column.copy()
        bounds = self._bounds(column)
        return (
            exp.Case()
            .when(exp.LT(this=column.copy(), expression=bounds[0]), bounds[0].copy())
            .when(exp.GT(this=column.copy(), expression=bounds[1]), bounds[1].copy())
            .else_(column.copy())
        )

    def _bounds(self, column: exp.Column) -> tuple[exp.Expr, exp.Expr]:
        described = self._datasets[column.table].column(column.name)
        if described is None or described.clamp is None:
            raise Bug(f"{column.table}.{column.name} is summed without bounds")
        low, high = described.clamp.low, described.clamp.high
        return exp.convert(low), exp.convert(high)

    def people(self) -> Iterator[tuple[str, str]]:
        """Yield (column, expression) of every number of people that must be large enough."""
        for entity in self.entities:
            yield entity.people, f"count(DISTINCT {entity.person})"
            for i, _ in self._summed() if entity.is_subject else ():
                yield (
                    f"{entity.people}_{i}",
                    f"count(DISTINCT {entity.person}) FILTER (WHERE value_{i} IS NOT NULL)",
                )

    def sketches(self) -> Iterator[tuple[Sketch, str]]:
        """Yield sketches and the expressions that sum hashes in a bucket."""
        weights = {"set": "sum(DISTINCT hash)", "rows": "sum(hash)"}
        for entity in self.entities:
            numbered = entity in self._numbered
            for measure in sorted(self.measures) if numbered else ("set",):
                yield self._sketch(entity, measure, people=entity.people, pool=entity.pool), weights[measure]
            for i, column in self._summed() if numbered else ():
                low = self._bounds(column)[0].sql()
                weight = f"coalesce(round((value_{i} - {low}) * {self._steps(column)})::HUGEINT + 1, 0)"
                pool = f"{entity.pool} {self._datasets[column.table].name}.{column.name}"
                people = f"{entity.people}_{i}"
                yield self._sketch(entity, f"value_{i}", people=people, pool=pool), f"sum(hash * {weight})"

    def _sketch(self, entity: _Entity, measure: str, *, people: str, pool: str) -> Sketch:
        once = self._once and entity.is_subject
        return Sketch(column=entity.sketches, sum=f"{measure}_sum", people=people, pool=pool, once=once)

    def _steps(self, column: exp.Column) -> int:
        described = self._datasets[column.table].column(column.name)
        return _FLOAT_STEPS if described and described.type is ColumnType.FLOAT64 else 1

    def _summed(self) -> Iterable[tuple[int, exp.Column]]:
        """Return one aggregate for each summed column; its sum and its average are about the same people."""
        first: dict[str, tuple[int, exp.Column]] = {}
        for i, a in self._values:
            if a.kind in (AggregateKind.SUM, AggregateKind.AVG) and a.column is not None:
                first.setdefault(a.column.sql(), (i, a.column))
        return first.values()

    def sql(self, rows: str) -> str:
        """Return the whole statement over the rows."""
        keys = self._statistic.key_columns
        numbers = [f"{self._number(i, aggregate)} AS value_{i}" for i, aggregate in self._values]
        people = [f"{expression} AS {name}" for name, expression in self.people()]
        ctes = [
            f"rows AS MATERIALIZED ({rows})",
            f"groups AS ({_select(*keys, *numbers, *people, source='rows', by=keys)})",
        ]
        columns, joins = ["groups.*"], ["groups"]
        for entity in self.entities:
            cte = f"gathered_{entity.index}"
            ctes.append(f"{cte} AS ({self._gathered(entity)})")
            same = [f"groups.{key} IS NOT DISTINCT FROM {cte}.{key}" for key in keys]
            joins.append(f"{cte} ON {' AND '.join(same) or 'TRUE'}")
            columns.append(f"{cte}.{entity.sketches}")
        return f"WITH {', '.join(ctes)} {_select(*columns, source=' JOIN '.join(joins))}"

    def _gathered(self, entity: _Entity) -> str:
        """Return a SELECT of the keys and the buckets that hold people with their sums."""
        keys = self._statistic.key_columns
        nobody = _NOBODY if entity.is_subject else 0
        person = _select("*", f"coalesce({entity.person}, {nobody}) AS person", source="rows")
        bucket = f"(person % {SKETCH_BUCKETS})::UTINYINT AS bucket"
        hashed = _select("*", bucket, "person >> 32 AS hash", source=f"({person})")
        sums = {sketch.sum: sum_ for sketch, sum_ in self.sketches() if sketch.column == entity.sketches}
        words = [f"({sum_} % {1 << 32})::UINTEGER AS {name}" for name, sum_ in sums.items()]
        by_bucket = _select(*keys, "bucket", *words, source=f"({hashed})", by=(*keys, "bucket"))
        fields = ", ".join(f"'{name}': {name}" for name in ("bucket", *sums))
        return _select(*keys, f"list({{{fields}}}) AS {entity.sketches}", source=f"({by_bucket})", by=keys)

    def _number(self, index: int, aggregate: Aggregate) -> str:
        match aggregate.kind:
            case AggregateKind.COUNT:
                return "count(*)"
            case AggregateKind.COUNT_DISTINCT:
                return f"count(DISTINCT value_{index})"
            case AggregateKind.SUM:
                column = aggregate.column
                floats = column is not None and self._steps(column) != 1
                return f"sum(value_{index})::{'DOUBLE' if floats else 'BIGINT'}"
            case AggregateKind.AVG:
                return f"avg(value_{index})"


def _select(*columns: str, source: str, by: Sequence[str] = ()) -> str:
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    return f"SELECT {', '.join(columns)} FROM {source}{grouped}"  # noqa: S608 - names of our own and enforced SQL
