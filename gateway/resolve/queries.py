"""SELECTs, set operations, CTEs and joins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

import sqlglot.expressions as exp

from catalog.dataset import Dataset
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.resolve.expressions import (
    FILTERED,
    GROUPED,
    JOINED,
    NO_USES,
    ORDERED,
    SELECTED,
    ExpressionResolver,
    column_of,
    identifier,
)
from gateway.resolve.filters import read_comparison, source_predicate
from gateway.resolve.scope import NO_BASES, FilterCandidate, Findings, Merged, Output, Scope, Source

_STAR_COLUMNS_MAX = 4_000
"""Columns that all stars of one statement may stand for."""

Ctes = Mapping[str, tuple[Output, ...]]


class QueryResolver:
    """Walks one statement, qualifies it in place and collects findings. For one statement only."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self.findings = Findings()
        self._datasets = datasets
        self._star_columns = 0
        self._expressions = ExpressionResolver(
            self.findings, lambda node, scope: self.query(node, scope.ctes, outer=scope)
        )

    def query(self, node: exp.Expr, ctes: Ctes, *, outer: Scope | None = None) -> tuple[Output, ...]:
        """Resolve a SELECT, a set operation or one of them in brackets.

        Args:
            node: The query, changed in place.
            ctes: The CTEs it sees, with their outputs.
            outer: The SELECT whose columns it may use.

        Returns:
            Its output columns in order.

        Raises:
            InvalidQuery: A name is ambiguous.
        """
        node = node.unnest()
        with_ = node.args.get("with_")
        if with_ is not None:
            ctes = dict(ctes)
            for cte in with_.expressions:
                ctes[cte.alias] = _renamed(self.query(cte.this, ctes), cte.args["alias"])
        if isinstance(node, exp.Select):
            return self._select(node, Scope(outer=outer, ctes=ctes))
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, node.key.upper())

    def _set_operation(self, node: exp.SetOperation, ctes: Ctes, outer: Scope | None) -> tuple[Output, ...]:
        left, right = self.query(node.this, ctes, outer=outer), self.query(node.expression, ctes, outer=outer)
        # Different widths, like positions that do not exist, are the engine's to refuse: here the answer would tell how many
        # columns a dataset has before the policy was asked.
        outputs = tuple(
            Output(name=a.name, bases=a.bases | b.bases)
            for a, b in zip_longest(left, right, fillvalue=Output(name="", bases=NO_BASES))
        )
        uses = (GROUPED if node.args.get("distinct") else NO_USES) | (
            NO_USES if isinstance(node, exp.Union) else FILTERED
        )
        scope = Scope(outer=None, ctes=ctes)
        for output in outputs:
            self.findings.use(output.bases, uses)
            scope.aliases.setdefault(output.name, []).append(output.bases)
        self._order(node, scope, outputs)
        return outputs

    def _select(self, node: exp.Select, scope: Scope) -> tuple[Output, ...]:
        self._from(node, scope)
        outputs = self._projections(node, scope)
        where = node.args.get("where")
        if where is not None:
            for conjunct in conjuncts(where.this):
                self._conjunct(conjunct, scope)
        group = node.args.get("group")
        for item in group.expressions if group else ():
            self._group_item(item, scope, outputs)
        for clause, aliases_first in (("having", True), ("qualify", False)):
            condition = node.args.get(clause)
            if condition is not None:
                self._expressions.resolve(condition.this, scope=scope, uses=FILTERED, aliases_first=aliases_first)
        self._order(node, scope, outputs)
        if node.args.get("distinct"):
            for output in outputs:
                self.findings.use(output.bases, GROUPED)
        return outputs

    def _from(self, node: exp.Select, scope: Scope) -> None:
        from_ = node.args.get("from_")
        left: list[Source] = []
        if from_ is not None:
            left = [self._add_source(from_.this, scope)]
        for join in node.args.get("joins") or ():
            scope.outer_join = scope.outer_join or bool(join.side)
            right = self._add_source(join.this, scope)
            if not (join.side or join.kind or join.args.get("on") or join.args.get("using")):
                left = []  # A comma: what follows joins among itself first.
            if join.args.get("using"):
                self._expand_using(join, left, right, scope)
            elif join.args.get("on") is not None:
                for conjunct in conjuncts(join.args["on"]):
                    joins_only = _is_key(conjunct)
                    self._expressions.resolve(conjunct, scope=scope, uses=JOINED if joins_only else JOINED | FILTERED)
            left.append(right)

    def _add_source(self, node: exp.Expr, scope: Scope) -> Source:
        source = self._table(node, scope) if isinstance(node, exp.Table) else self._derived(node, scope)
        if source.alias in scope.sources:
            raise InvalidQuery(Reason.QUERY_AMBIGUOUS, source.alias)
        scope.sources[source.alias] = source
        return source

    def _table(self, node: exp.Table, scope: Scope) -> Source:
        aliased, alias = bool(node.alias), node.alias_or_name
        node.set("alias", exp.TableAlias(this=identifier(alias)))
        if not node.db and node.name in scope.ctes:
            return self._query_source(alias, scope.ctes[node.name])
        name = f"{node.db}.{node.name}" if node.db else node.name
        dataset = self._datasets.get(name)
        if dataset is None:
            self.findings.miss(*(part.name for part in node.parts))
            return Source(alias=alias, columns={}, known=False)
        self.findings.occurrences[name] += 1
        columns = dict.fromkeys(column.name for column in dataset.columns)
        return Source(alias=alias, columns=columns, dataset=name, aliased=aliased)

    def _derived(self, node: exp.Expr, scope: Scope) -> Source:
        alias = node.args.get("alias")
        if alias is None or not node.alias:
            alias = exp.TableAlias(this=identifier(f"subquery_{len(scope.sources) + 1}"))
            node.set("alias", alias)
        outputs = self.query(node.this, scope.ctes)
        return self._query_source(alias.name, _renamed(outputs, alias))

    def _query_source(self, alias: str, outputs: Sequence[Output]) -> Source:
        names = [output.name for output in outputs]
        return Source(
            alias=alias,
            columns={output.name: output.bases for output in outputs},
            # A star over an unknown table has columns that are not known; the statement fails for that table.
            known=not self.findings.unknown,
            repeated=frozenset(name for name, times in Counter(names).items() if times > 1),
        )

    def _expand_using(self, join: exp.Join, left: Sequence[Source], right: Source, scope: Scope) -> None:
        """Write USING as ON and remember what the merged column stands for."""
        conditions: list[exp.Expr] = []
        for name in [item.name for item in join.args["using"]]:
            owners = [source for source in left if name in source.columns]
            if not owners or name not in right.columns:
                self._miss_using(name, right if owners else left[0])
                continue
            aliases = frozenset(source.alias for source in owners)
            merged = scope.merged.get(name)
            if len(owners) == 1:
                value: exp.Expr = column_of(owners[0], name)
            elif merged is not None and merged.aliases == aliases:
                value = merged.value
            else:
                raise InvalidQuery(Reason.QUERY_AMBIGUOUS, name)
            other = column_of(right, name)
            for source in (*owners, right):
                self.findings.use(source.bases(name), JOINED)
            conditions.append(exp.EQ(this=value.copy(), expression=other))
            scope.merged[name] = Merged(value=_merged_value(join.side, value, other), aliases=aliases | {right.alias})
        join.set("using", None)
        join.set("on", exp.and_(*conditions, copy=False) if conditions else exp.true())

    def _miss_using(self, name: str, source: Source) -> None:
        if source.known:
            self.findings.miss(*(source.dataset or source.alias).split("."), name)

    def _projections(self, node: exp.Select, scope: Scope) -> tuple[Output, ...]:
        expanded: list[exp.Expr] = []
        for item in node.expressions:
            if not item.is_star:
                expanded.append(item)
            elif isinstance(node.parent, exp.Exists) and not node.args.get("distinct"):
                # Whether a row exists does not depend on its columns.
                expanded.append(exp.Literal.number(1))
            else:
                expanded.extend(self._expand_star(item, scope) or [item])
        named = _named(expanded)
        node.set("expressions", named)
        outputs: list[Output] = []
        for item, projection in zip(expanded, named, strict=True):
            if item.is_star:
                continue
            bases = self._expressions.resolve(projection.this, scope=scope, uses=SELECTED)
            name = projection.alias
            outputs.append(Output(name=name, bases=bases))
            if not isinstance(item, exp.Alias | exp.Column):
                continue  # The requester does not know a name that was made up.
            scope.aliases.setdefault(name, []).append(bases)
            if isinstance(projection.this, exp.Column) and projection.this.table:
                scope.plain[name] = projection.this
        return tuple(outputs)

    def _expand_star(self, star: exp.Expr, scope: Scope) -> list[exp.Expr]:
        if isinstance(star, exp.Column):
            source = scope.sources.get(star.table)
            if source is None:
                self.findings.miss(star.table)
            sources = [source] if source else []
        else:
            sources = list(scope.sources.values())
        self._star_columns += sum(len(source.columns) for source in sources)
        if self._star_columns > _STAR_COLUMNS_MAX:
            raise InvalidQuery(Reason.QUERY_TOO_COMPLEX, f"* > {_STAR_COLUMNS_MAX}")
        columns: list[exp.Expr] = []
        merged_before: set[str] = set()
        for source in sources:
            if source.repeated:
                raise InvalidQuery(Reason.QUERY_AMBIGUOUS, min(source.repeated))
            for name in source.columns:
                merged = scope.merged.get(name) if isinstance(star, exp.Star) else None
                if merged is None or source.alias not in merged.aliases:
                    columns.append(column_of(source, name))
                elif name not in merged_before:
                    merged_before.add(name)
                    columns.append(exp.Alias(this=merged.value.copy(), alias=identifier(name)))
        return columns

    def _conjunct(self, conjunct: exp.Expr, scope: Scope) -> None:
        comparison = read_comparison(conjunct)
        column = comparison.column if comparison else None
        if comparison is None or column is None or (not column.table and column.name in scope.merged):
            self._expressions.resolve(conjunct, scope=scope, uses=FILTERED)
            return
        bases = self._expressions.resolve_column(column, scope=scope)
        source = scope.sources.get(column.table)
        dataset = self._datasets.get(source.dataset) if source and source.dataset else None
        described = dataset.column(column.name) if dataset else None
        predicate = source_predicate(comparison, described) if described else None
        if dataset is None or predicate is None:
            self.findings.use(bases, FILTERED)
            return
        node = conjunct.unnest()
        self.findings.candidates.append(
            FilterCandidate(node=node, scope=scope, dataset=dataset.name, predicate=predicate)
        )

    def _group_item(self, item: exp.Expr, scope: Scope, outputs: Sequence[Output]) -> None:
        ordinal = _ordinal(item, outputs)
        if ordinal is not None:
            self.findings.use(ordinal.bases, GROUPED)
            name = ordinal.name
        else:
            name = item.name if isinstance(item, exp.Column) and not item.table else ""
            self._expressions.resolve(item, scope=scope, uses=GROUPED)
        still_alias = ordinal is not None or (isinstance(item, exp.Column) and not item.table)
        if still_alias and name in scope.plain and len(scope.aliases[name]) == 1:
            item.replace(scope.plain[name].copy())

    def _order(self, node: exp.Query, scope: Scope, outputs: Sequence[Output]) -> None:
        order = node.args.get("order")
        for ordered in order.expressions if order else ():
            item = ordered.this.unnest()
            ordinal = _ordinal(item, outputs)
            if ordinal is not None:
                self.findings.use(ordinal.bases, ORDERED)
            elif isinstance(item, exp.Column) and not item.table and item.name in scope.aliases:
                projections = scope.aliases[item.name]
                if len(set(projections)) > 1:
                    raise InvalidQuery(Reason.QUERY_AMBIGUOUS, item.name)
                self.findings.use(projections[0], ORDERED)
            else:
                self._expressions.resolve(item, scope=scope, uses=ORDERED)


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the operands of nested ANDs, without recursion."""
    pending = [condition]
    while pending:
        node = pending.pop()
        inner = node.unnest()
        if isinstance(inner, exp.And):
            pending.extend((inner.expression, inner.this))
        else:
            yield node


def _is_key(conjunct: exp.Expr) -> bool:
    inner = conjunct.unnest()
    return isinstance(inner, exp.EQ) and isinstance(inner.this, exp.Column) and isinstance(inner.expression, exp.Column)


def _named(items: Sequence[exp.Expr]) -> list[exp.Alias]:
    """Return projections with names: their own, their column's, their aggregate's, or one made from their position."""
    inner = [item.unalias().unnest() for item in items]
    taken = {item.alias or node.name for item, node in zip(items, inner, strict=True)}
    named = []
    for position, (item, node) in enumerate(zip(items, inner, strict=True), start=1):
        if isinstance(item, exp.Alias):
            named.append(item)
            continue
        name = node.name if isinstance(node, exp.Column) and not node.is_star else f"column_{position}"
        if isinstance(node, exp.AggFunc) and node.key not in taken:
            name = node.key
            taken.add(name)
        named.append(exp.Alias(this=item, alias=identifier(name)))
    return named


def _ordinal(item: exp.Expr, outputs: Sequence[Output]) -> Output | None:
    """Return the output that an integer in GROUP BY or ORDER BY stands for, None for anything else."""
    if not isinstance(item, exp.Literal) or item.is_string:
        return None
    position = int(item.name) if item.name.isdecimal() and len(item.name) <= 4 else 0
    return outputs[position - 1] if 1 <= position <= len(outputs) else None


def _merged_value(side: str, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    if side == "RIGHT":
        return right.copy()
    if side == "FULL":
        return exp.Coalesce(this=left.copy(), expressions=[right.copy()])
    return left.copy()


def _renamed(outputs: tuple[Output, ...], alias: exp.Expr) -> tuple[Output, ...]:
    """Apply the column list of a table alias, which may be shorter than the outputs."""
    names = [column.name for column in alias.args.get("columns") or ()]
    return tuple(
        Output(name=names[index], bases=output.bases) if index < len(names) else output
        for index, output in enumerate(outputs)
    )
