"""What each connector may send for one decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import Predicate, PredicateOp, Scalar, all_of
from gateway.errors import Bug
from gateway.model.decision import ColumnTreatment, DatasetDecision
from gateway.model.plan import PlannedScan, ScanColumn
from gateway.model.query import SourceFilter


def plan_scan(
    decided: DatasetDecision,
    *,
    name: str,
    dataset: Dataset,
    people_counted: bool,
    source_filters: Iterable[SourceFilter],
    read_once: bool,
) -> PlannedScan:
    """Return the scan of one dataset: only decided columns, only decided rows.

    Args:
        decided: The decision on the dataset.
        name: Name of the table in the engine.
        dataset: Its catalogue entry.
        people_counted: Whether the result counts data subjects, which needs the entity key; it is sent as a pseudonym.
        source_filters: The query's own filters on this dataset.
        read_once: Whether the SQL reads the table once.

    Raises:
        Bug: The decision does not cover the dataset, which `decide` must have refused.
    """
    if decided.row_filter is None:
        raise Bug(f"no row filter for {dataset.name}")
    columns = dict(decided.columns)
    if people_counted:
        columns.setdefault(dataset.entity_key, ColumnTreatment(action=ColumnAction.PSEUDONYM))
    lookup_column = next((column for column, t in columns.items() if t.action is ColumnAction.LOOKUP), None)
    scan_columns = _scan_columns(columns, row_filter=decided.row_filter, dataset=dataset)
    filters = list(source_filters)
    pushed = [f.predicate for f in filters if columns[f.predicate.column].action is ColumnAction.CLEAR]
    return PlannedScan(
        name=name,
        dataset=dataset.name,
        controller=dataset.controller,
        columns=scan_columns,
        schema=_schema(scan_columns, dataset=dataset),
        row_filter=decided.row_filter,
        pushed_filter=all_of(*pushed) if pushed else None,
        lookup_column=lookup_column,
        lookup_values=() if lookup_column is None else _lookup_values(lookup_column, filters, decided=decided),
        rows_max=None,
        read_once=read_once,
    )


def _scan_columns(
    columns: Mapping[str, ColumnTreatment], *, row_filter: Predicate, dataset: Dataset
) -> tuple[ScanColumn, ...]:
    """Return the columns to send, and after them those that only the re-check of the row filter needs."""
    sent = []
    for name, treatment in sorted(columns.items()):
        if treatment.action is ColumnAction.DENY:
            raise Bug(f"{dataset.name}.{name} is denied in an allowed decision")
        if treatment.action is not ColumnAction.LOOKUP:
            sent.append(ScanColumn(name=name, action=treatment.action, mask=treatment.mask, check_only=False))
    nothing_used = not sent
    for name in sorted(set(row_filter.columns())):
        if name not in columns:
            sent.append(ScanColumn(name=name, action=ColumnAction.CLEAR, mask=None, check_only=not nothing_used))
        elif columns[name].action is not ColumnAction.CLEAR:
            raise Bug(f"row filter column {dataset.name}.{name} is not clear")
    return tuple(sent)


def _schema(columns: Iterable[ScanColumn], *, dataset: Dataset) -> pa.Schema:
    fields = []
    for column in columns:
        catalogued = dataset.column(column.name)
        if catalogued is None:
            raise Bug(f"{dataset.name}.{column.name} is not catalogued")
        if not column.check_only:
            nullable = catalogued.nullable or column.action is ColumnAction.NULL
            fields.append(pa.field(column.name, catalogued.arrow_type, nullable=nullable))
    return pa.schema(fields)


def _lookup_values(column: str, filters: Iterable[SourceFilter], *, decided: DatasetDecision) -> tuple[Scalar, ...]:
    """Return the keys that satisfy every look-up condition on `column`; never more than the decision allows."""
    keys: list[Scalar] | None = None
    for found in filters:
        if found.predicate.column == column and found.predicate.op in (PredicateOp.EQ, PredicateOp.IN):
            values = found.predicate.values
            keys = list(values) if keys is None else [key for key in keys if key in values]
    if keys is None or decided.lookup_values_max is None or len(keys) > decided.lookup_values_max:
        raise Bug("a look-up is not bound as decided")
    return tuple(keys)
