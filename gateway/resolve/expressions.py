"""Columns and nested queries inside expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlglot.expressions as exp

from catalog.vocabulary import ColumnUse
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.resolve.scope import NO_BASES, Bases, Findings, Output, Scope, Source

Uses = frozenset[ColumnUse]
NestedQuery = Callable[[exp.Expr, Scope], tuple[Output, ...]]

SELECTED: Uses = frozenset({ColumnUse.SELECTED})
FILTERED: Uses = frozenset({ColumnUse.FILTERED})
JOINED: Uses = frozenset({ColumnUse.JOINED})
GROUPED: Uses = frozenset({ColumnUse.GROUPED})
ORDERED: Uses = frozenset({ColumnUse.ORDERED})
AGGREGATED: Uses = frozenset({ColumnUse.AGGREGATED})
NO_USES: Uses = frozenset()

_AGGREGATES = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def identifier(name: str) -> exp.Identifier:
    """Return a quoted identifier."""
    return exp.Identifier(this=name, quoted=True)


def column_of(source: Source, name: str) -> exp.Column:
    """Return the node for a column of `source`."""
    return exp.Column(this=identifier(name), table=identifier(source.alias))


class ExpressionResolver:
    """Gives columns their tables, in place, and notes their uses."""

    def __init__(self, findings: Findings, nested_query: NestedQuery) -> None:
        self._findings = findings
        self._nested_query = nested_query

    def resolve(self, root: exp.Expr, *, scope: Scope, uses: Uses, aliases_first: bool = False) -> Bases:
        """Resolve every column below `root`, which may itself be replaced in its parent.

        Args:
            root: An expression of a clause of the SELECT that `scope` stands for.
            scope: What names mean.
            uses: What the clause uses a value for.
            aliases_first: Whether a name that is both a projection and a column may mean the projection.

        Returns:
            Every dataset column the value is made from.

        Raises:
            InvalidQuery: A column is ambiguous.
        """
        bases: set[tuple[str, str]] = set()
        pending = [(root, uses)]
        while pending:
            node, node_uses = pending.pop()
            if isinstance(node, exp.Column):
                found = self.resolve_column(node, scope=scope, aliases_first=aliases_first)
            elif isinstance(node, exp.Query):
                found = NO_BASES.union(*(output.bases for output in self._nested_query(node, scope)))
            else:
                pending.extend(_children(node, node_uses))
                continue
            self._findings.use(found, node_uses)
            bases |= found
        return frozenset(bases)

    def resolve_column(self, column: exp.Column, *, scope: Scope, aliases_first: bool = False) -> Bases:
        """Give one column its table, in place, without noting a use.

        Raises:
            InvalidQuery: The column is ambiguous.
        """
        name = column.name
        if column.table:
            return self._qualified(column, name, scope)
        level: Scope | None = scope
        crossed: list[Scope] = []
        while level is not None:
            found = self._unqualified(column, name, level, own=level is scope, aliases_first=aliases_first)
            if found is not None:
                for inner in crossed:
                    inner.correlated = True
                return found
            crossed.append(level)
            level = level.outer
        only = next(iter(scope.sources.values())) if len(scope.sources) == 1 else None
        self._findings.miss(*(only.dataset.split(".") if only and only.dataset else ()), name)
        return NO_BASES

    def _qualified(self, column: exp.Column, name: str, scope: Scope) -> Bases:
        level: Scope | None = scope
        crossed: list[Scope] = []
        while level is not None:
            source = _named_source(column, level)
            if source is not None:
                for inner in crossed:
                    inner.correlated = True
                return self._of_source(column, name, source)
            crossed.append(level)
            level = level.outer
        self._findings.miss(*(part.name for part in column.parts))
        return NO_BASES

    def _of_source(self, column: exp.Column, name: str, source: Source) -> Bases:
        if name in source.repeated:
            raise InvalidQuery(Reason.QUERY_AMBIGUOUS, name)
        if name not in source.columns:
            if source.known:
                self._findings.miss(*(source.dataset or source.alias).split("."), name)
            return NO_BASES
        column.set("table", identifier(source.alias))
        column.set("db", None)
        return source.bases(name)

    def _unqualified(
        self, column: exp.Column, name: str, level: Scope, *, own: bool, aliases_first: bool
    ) -> Bases | None:
        """Return the bases of `name` at one level, None when the level does not have it.

        Only the column's own SELECT lends it projections; those of enclosing ones are not names inside.
        """
        owners = level.owners(name)
        projections = level.aliases.get(name) if own else None
        if len(owners) == 1 and projections and aliases_first:
            # Left as it is for the engine to decide; both meanings are noted.
            return NO_BASES.union(*projections, *(source.bases(name) for source in owners))
        merged = level.merged.get(name)
        if (
            merged is not None
            and not (projections and aliases_first)
            and merged.aliases == {source.alias for source in owners}
        ):
            column.replace(merged.value.copy())
            return NO_BASES.union(*(source.bases(name) for source in owners))
        if len(owners) > 1:
            raise InvalidQuery(Reason.QUERY_AMBIGUOUS, name)
        if owners:
            return self._of_source(column, name, owners[0])
        if projections:
            if len(set(projections)) > 1 or _is_visible_outside(name, level):
                raise InvalidQuery(Reason.QUERY_AMBIGUOUS, name)
            return projections[0]
        return None if level.knows_all_sources() else NO_BASES


def _named_source(column: exp.Column, level: Scope) -> Source | None:
    schema, table = column.text("db"), column.table
    source = level.sources.get(table)
    if not schema:
        return source
    return source if source and not source.aliased and source.dataset == f"{schema}.{table}" else None


def _is_visible_outside(name: str, level: Scope) -> bool:
    """Whether an enclosing SELECT has something called `name` too, which the engine might prefer to a projection."""
    outer = level.outer
    while outer is not None:
        if outer.owners(name) or name in outer.aliases:
            return True
        outer = outer.outer
    return False


def _children(node: exp.Expr, uses: Uses) -> Iterator[tuple[exp.Expr, Uses]]:
    """Yield the children of `node` with what a value is used for there."""
    if isinstance(node, _AGGREGATES):
        uses = uses | AGGREGATED
    elif isinstance(node, exp.Count):
        uses = (uses - SELECTED) | AGGREGATED | (NO_USES if _counts_column(node) else FILTERED)
    elif (
        isinstance(node, _COMPARISONS) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)
    ):
        uses = uses | JOINED
    for argument, value in node.args.items():
        if isinstance(value, exp.Expr):
            yield value, uses | _extra_uses(node, argument)
        elif isinstance(value, list):
            extra = uses | _extra_uses(node, argument)
            for item in value:
                yield item, extra


def _extra_uses(node: exp.Expr, argument: str) -> Uses:
    if isinstance(node, exp.Window):
        return {"partition_by": GROUPED, "order": ORDERED}.get(argument, NO_USES)
    return FILTERED if isinstance(node, exp.Where) else NO_USES


def _counts_column(node: exp.Count) -> bool:
    counted = node.this
    if isinstance(counted, exp.Distinct):
        counted = counted.expressions[0]
    return isinstance(counted, exp.Column | exp.Star)
