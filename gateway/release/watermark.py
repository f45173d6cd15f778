"""Mark text that leaves with the requester who receives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.vocabulary import ColumnAction, IdentifierKind
from connectors.sdk.watermark import mark_texts
from gateway.model.plan import EnforcedPlan

Origins = frozenset[tuple[str, str]]
"""Columns of datasets, as (dataset, column), whose values stand in an output as they are; empty for other outputs."""
_Outputs = Sequence[tuple[str, Origins]]
_COMPUTED: Origins = frozenset()
_DESCRIBING = frozenset({None, IdentifierKind.PERSON_NAME, IdentifierKind.ADDRESS, IdentifierKind.PHONE})
"""What a column may identify and be marked nevertheless: rows are not joined by it."""


def marked_positions(plan: EnforcedPlan, *, catalogue: Catalogue) -> tuple[int, ...]:
    """Return the positions of the result's columns whose texts are marked.

    Only columns of datasets as they are: partly masked text, and clear text that its controller lets be marked
    (`watermark: true`). Nothing that rows are joined or grouped by: pseudonyms, keys, codes, divisions, identifiers other
    than names, addresses and phones. Nothing in statistics, and nothing in answers to look-ups: those few rows are to be
    compared exactly, and the log names who asked for them.
    """
    if plan.statistic is not None or any(scan.lookup_column for scan in plan.scans):
        return ()
    return tuple(
        position
        for position, origins in enumerate(_origins(plan))
        if origins and all(_may_mark(origin, plan=plan, catalogue=catalogue) for origin in origins)
    )


def mark_batches(
    batches: Iterator[pa.RecordBatch], *, positions: Sequence[int], key: bytes
) -> Iterator[pa.RecordBatch]:
    """Yield the batches with the texts at `positions` marked for the requester with this key."""
    for batch in batches:
        for position in positions:
            batch = batch.set_column(position, batch.schema.field(position), mark_texts(batch[position], key=key))
        yield batch


def _may_mark(origin: tuple[str, str], *, plan: EnforcedPlan, catalogue: Catalogue) -> bool:
    dataset, name = origin
    entry = catalogue.datasets[dataset]
    column = entry.column(name)
    if column is None or not pa.types.is_string(column.arrow_type):
        return False
    keys = {entry.entity_key, *entry.primary_key, *entry.jurisdiction.values()}
    if name in keys or column.codes or column.identifier not in _DESCRIBING:
        return False
    match plan.decision.datasets[dataset].columns[name].action:
        case ColumnAction.PARTIAL:
            return True
        case ColumnAction.CLEAR:
            return column.watermark
    return False


def _origins(plan: EnforcedPlan) -> list[Origins]:
    if plan.sql is None:
        return [frozenset({(plan.scans[0].dataset, column)}) for column, _ in plan.projection]
    return [origins for _, origins in _outputs(plan.resolved.tree, ctes={})]


def _outputs(query: exp.Expr, *, ctes: Mapping[str, _Outputs]) -> _Outputs:
    """Return name and origins of every output of a qualified query."""
    query = query.unnest()
    with_ = query.args.get("with_")
    for cte in with_.expressions if with_ else ():
        ctes = {**ctes, cte.alias: _renamed(_outputs(cte.this, ctes=ctes), cte)}
    if isinstance(query, exp.SetOperation):
        sides = zip(_outputs(query.this, ctes=ctes), _outputs(query.expression, ctes=ctes), strict=False)
        return [(name, left | right if left and right else _COMPUTED) for (name, left), (_, right) in sides]
    from_ = query.args.get("from_")
    tables = [from_.this, *(join.this for join in query.args.get("joins") or ())] if from_ else []
    sources = {table.alias: _source(table, ctes=ctes) for table in tables}
    return [(item.alias_or_name, _origins_of(item.unalias().unnest(), sources=sources)) for item in query.expressions]


def _origins_of(value: exp.Expr, *, sources: Mapping[str, str | _Outputs]) -> Origins:
    source = sources.get(value.table) if isinstance(value, exp.Column) else None
    if source is None:
        return _COMPUTED
    if isinstance(source, str):
        return frozenset({(source, value.name)})
    return dict(source).get(value.name, _COMPUTED)


def _source(table: exp.Expr, *, ctes: Mapping[str, _Outputs]) -> str | _Outputs:
    """Return the dataset's name, or the outputs of the query that stands in its place."""
    if not isinstance(table, exp.Table):
        return _renamed(_outputs(table.this, ctes=ctes), table)
    return f"{table.db}.{table.name}" if table.db else _renamed(ctes[table.name], table)


def _renamed(outputs: _Outputs, aliased: exp.Expr) -> _Outputs:
    """Apply the column list of an alias, which may be shorter than the outputs."""
    names = [column.name for column in aliased.args["alias"].columns]
    return [(names[i] if i < len(names) else name, origins) for i, (name, origins) in enumerate(outputs)]
