"""Carry out a verified grant: ScanGrant + Dataset + the controller's ceiling → SourceScan, then raw batches → granted ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction
from connectors.sdk.batches import encode_batch
from connectors.sdk.grant import GrantCode, GrantRefused, ScanGrant, granted_schema
from connectors.sdk.masks import treat
from connectors.sdk.predicates import Predicate, PredicateOp, all_of, evaluate
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sdk.subject_sets import subject_columns

BATCH_ROWS_MAX = 8_192
"""Rows of one batch: some 1 MB of ordinary rows, so that few are held at a time."""
MESSAGE_BYTES_MAX = 2 << 20
"""Size of one encoded batch."""
_METADATA_BYTES = 16 << 10


def plan_scan(grant: ScanGrant, *, dataset: Dataset, ceiling: Mapping[str, ColumnAction]) -> SourceScan:
    """Return what must be read from the database: also whom the rows are about, for the department's own log.

    Args:
        grant: A verified grant on `dataset`.
        dataset: The catalogue's dataset.
        ceiling: The mildest treatment the controller allows, by column; others may be released clear.

    Raises:
        GrantRefused: The grant asks for more than the ceiling, or for what the dataset does not have.
    """
    granted_schema(grant.columns, dataset)
    for column in grant.columns:
        _hold_ceiling(column.action, ceiling.get(column.name))
    _check_pushed(grant, ceiling)
    predicates = [grant.row_filter]
    if grant.pushed_filter is not None:
        predicates.append(grant.pushed_filter)
    if grant.lookup is not None:
        _hold_ceiling(ColumnAction.LOOKUP, ceiling.get(grant.lookup.column))
        predicates.append(Predicate(op=PredicateOp.IN, column=grant.lookup.column, values=grant.lookup.values))
    predicate = all_of(*predicates)
    try:
        evaluate(predicate, pa.RecordBatch.from_pylist([], schema=dataset.schema))
    except ValueError:
        raise GrantRefused(GrantCode.PREDICATE) from None
    read = (column.name for column in grant.columns if column.action is not ColumnAction.NULL)
    return SourceScan(
        dataset=grant.dataset,
        columns=tuple(dict.fromkeys((*read, dataset.entity_key, *subject_columns(grant, dataset=dataset)))),
        predicate=predicate,
        rows_max=grant.rows_max,
        batch_rows=BATCH_ROWS_MAX,
    )


def _hold_ceiling(action: ColumnAction, ceiling: ColumnAction | None) -> None:
    if ceiling is not None and action.rank < ceiling.rank:
        raise GrantRefused(GrantCode.CEILING)


def _check_pushed(grant: ScanGrant, ceiling: Mapping[str, ColumnAction]) -> None:
    """Refuse predicates of the requester on a column that is not clear: they would tell its values one by one."""
    if grant.pushed_filter is None:
        return
    actions = {column.name: column.action for column in grant.columns}
    for name in grant.pushed_filter.columns():
        if actions.get(name, ColumnAction.CLEAR) is not ColumnAction.CLEAR:
            raise GrantRefused(GrantCode.PREDICATE)
        _hold_ceiling(ColumnAction.CLEAR, ceiling.get(name))


def treat_batch(batch: pa.RecordBatch, *, grant: ScanGrant, dataset: Dataset) -> pa.RecordBatch:
    """Return the rows as they may leave: granted columns in grant order, each treated.

    Args:
        batch: Raw rows with at least the columns that `plan_scan` named.
        grant: The verified grant.
        dataset: The catalogue's dataset.
    """
    schema = granted_schema(grant.columns, dataset)
    buckets = {column.name: column.buckets for column in dataset.columns}
    columns = []
    for column, field in zip(grant.columns, schema, strict=True):
        if column.action is ColumnAction.NULL:
            columns.append(pa.nulls(batch.num_rows, field.type))
            continue
        raw = batch.column(batch.schema.get_field_index(column.name))
        treated = treat(
            raw,
            action=column.action,
            mask=column.mask,
            pseudonym_key=grant.pseudonym_key,
            buckets=buckets[column.name],
        )
        columns.append(treated)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def encode_slices(batch: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
    """Yield the rows as messages within `BATCH_ROWS_MAX` and `MESSAGE_BYTES_MAX`, each with its number of rows.

    Raises:
        SourceError: One row alone is too large.
    """
    too_large = batch.nbytes + _METADATA_BYTES > MESSAGE_BYTES_MAX
    if batch.num_rows > BATCH_ROWS_MAX or (too_large and batch.num_rows > 1):
        half = batch.num_rows // 2
        yield from encode_slices(batch.slice(0, half))
        yield from encode_slices(batch.slice(half))
    elif too_large:
        raise SourceError(SourceCode.DRIFT, detail="a row is too large")
    elif batch.num_rows:
        yield batch.num_rows, encode_batch(batch)
