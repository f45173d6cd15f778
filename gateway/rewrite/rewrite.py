"""Turn a decision into the only thing that may run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.vocabulary import ColumnAction
from gateway.errors import Bug, Denied
from gateway.model.decision import Decision
from gateway.model.plan import EnforcedPlan
from gateway.model.query import SOURCE_FILTER, ResolvedQuery
from gateway.rewrite.scans import plan_scan
from gateway.rewrite.statistics import plan_statistic


def rewrite(resolved: ResolvedQuery, *, decision: Decision, catalogue: Catalogue) -> EnforcedPlan:
    """Return the scans to request and the SQL that may run over their results.

    The SQL names only `scan_n` tables, so whatever it says, it meets released values only.

    Raises:
        Denied: The decision does not allow the query.
    """
    if not decision.allow or decision.obligations is None:
        raise Denied(decision=decision)
    names = {dataset.name: f"scan_{i}" for i, dataset in enumerate(resolved.datasets)}
    once = _read_once(resolved)
    scans = tuple(
        plan_scan(
            decision.datasets[used.name],
            name=names[used.name],
            dataset=catalogue.datasets[used.name],
            people_counted=decision.people_min is not None,
            source_filters=[f for f in resolved.source_filters if f.dataset == used.name],
            read_once=used.name in once,
        )
        for used in resolved.datasets
    )
    plan = EnforcedPlan(
        resolved=resolved,
        decision=decision,
        scans=scans,
        sql=None,
        projection=(),
        rows_max=decision.obligations.rows_max,
    )
    enforce = _enforcement(plan, names=names)
    if decision.people_min is None:
        tree: exp.Expr = resolved.tree.copy()
        sql = tree.transform(enforce, copy=False).sql(dialect="duckdb", comments=False)
        return _pass_through(plan) or replace(plan, sql=sql)
    if resolved.statistic is None or not isinstance(resolved.tree, exp.Select):
        raise Bug("people are to be counted in what is no statistic")
    sql, statistic = plan_statistic(
        resolved.statistic, tree=resolved.tree, scans=scans, catalogue=catalogue, enforce=enforce
    )
    return replace(plan, sql=sql, statistic=statistic)


def _enforcement(plan: EnforcedPlan, *, names: Mapping[str, str]) -> Callable[[exp.Expr], exp.Expr]:
    """Return what makes a node of the statement one that may run: over scans, without the keys that never arrive."""
    lookups = {scan.dataset: scan.lookup_column for scan in plan.scans if scan.lookup_column}
    applied = {f.index for f in plan.resolved.source_filters if lookups.get(f.dataset) == f.predicate.column}

    def enforce(node: exp.Expr) -> exp.Expr:
        if node.meta.get(SOURCE_FILTER) in applied:
            return exp.true()
        if isinstance(node, exp.Table) and node.db:
            return exp.Table(this=exp.to_identifier(names[f"{node.db}.{node.name}"]), alias=node.args.get("alias"))
        return node

    return enforce


def _read_once(resolved: ResolvedQuery) -> frozenset[str]:
    """Return the datasets that one pass over their rows can answer; a CTE may be expanded more than once."""
    in_cte = {
        f"{table.db}.{table.name}" for cte in resolved.tree.find_all(exp.CTE) for table in cte.find_all(exp.Table)
    }
    return frozenset(d.name for d in resolved.datasets if d.occurrences == 1 and d.name not in in_cte)


def _pass_through(plan: EnforcedPlan) -> EnforcedPlan | None:
    """Return the plan without SQL when one scan, projected, is the answer: plain columns, filters all at the source, a limit."""
    tree, resolved = plan.resolved.tree, plan.resolved
    if len(plan.scans) != 1 or not isinstance(tree, exp.Select):
        return None
    if any(value for key, value in tree.args.items() if key not in ("expressions", "from_", "where", "limit", "kind")):
        return None
    (scan,) = plan.scans
    source = tree.args["from_"].this
    if not isinstance(source, exp.Table) or not source.db:
        return None
    projection = [(item.unalias(), item.alias_or_name) for item in tree.expressions]
    if not all(isinstance(column, exp.Column) for column, _ in projection):
        return None
    at_source = {
        f.index
        for f in resolved.source_filters
        if f.predicate.column == scan.lookup_column
        or any(c.name == f.predicate.column and c.action is ColumnAction.CLEAR for c in scan.columns)
    }
    where = tree.args.get("where")
    conjuncts = (
        list(where.this.flatten()) if where and isinstance(where.this, exp.And) else [where.this] if where else []
    )
    if not all(conjunct.unnest().meta.get(SOURCE_FILTER) in at_source for conjunct in conjuncts):
        return None
    limit = tree.args.get("limit")
    rows_max = None if limit is None else _literal_rows(limit)
    if limit is not None and rows_max is None:
        return None
    return replace(
        plan,
        scans=(replace(scan, rows_max=min(filter(None, (rows_max, plan.rows_max + 1)))),),
        projection=tuple((column.name, output) for column, output in projection),
    )


def _literal_rows(limit: exp.Expr) -> int | None:
    """Return a positive literal row limit, or None for anything else."""
    value = limit.args.get("expression")
    if isinstance(value, exp.Literal) and value.is_int and int(value.this) > 0:
        return int(value.this)
    return None
