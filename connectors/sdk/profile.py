"""Count what is wrong with a dataset, batch by batch, inside the department; only numbers leave."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataset import Column, Dataset
from connectors.sdk.enforce import BATCH_ROWS_MAX
from connectors.sdk.identifiers import CHECKED, well_formed
from connectors.sdk.keyed_hash import KEY_BYTES, keyed_hash64
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.sketch import Sketch
from connectors.sdk.source import SourceScan
from sharing_stubs.sharing.connector.v1 import connector_pb2

_HASHES_AT_ONCE = 1 << 17


def every_row(column: str) -> Predicate:
    """Return a predicate that holds for every row, in terms of any one column."""
    null = Predicate(op=PredicateOp.IS_NULL, column=column)
    return Predicate(op=PredicateOp.OR, operands=(null, Predicate(op=PredicateOp.NOT, operands=(null,))))


def profile_scan(dataset: Dataset) -> SourceScan:
    """Return the scan of a whole dataset."""
    return SourceScan(
        dataset=dataset.name,
        columns=tuple(column.name for column in dataset.columns),
        predicate=every_row(dataset.primary_key[0]),
        rows_max=None,
        batch_rows=BATCH_ROWS_MAX,
    )


def take_profile(
    batches: Iterable[pa.RecordBatch], *, dataset: Dataset, sketch_key: bytes
) -> connector_pb2.ProfileResponse:
    """Count the rows of `profile_scan`, holding one batch at a time; entity keys are counted through a file of hashes.

    Args:
        batches: All columns of the dataset in catalogue order.
        dataset: The catalogue's dataset.
        sketch_key: Key of the sketch of the primary keys, 16 bytes.

    Returns:
        The profile without `as_of`.

    Raises:
        SourceError: The source cannot answer.
        OSError: The temporary directory is full.
    """
    sketch, hash_key = Sketch(key=sketch_key), os.urandom(KEY_BYTES)
    profiles = {column.name: connector_pb2.ColumnProfile(name=column.name) for column in dataset.columns}
    rows = 0
    with tempfile.TemporaryFile() as hashes:
        for batch in batches:
            rows += batch.num_rows
            sketch.add(batch.select(list(dataset.primary_key)))
            if dataset.primary_key == (dataset.entity_key,):
                keys = batch.column(dataset.entity_key).drop_null().cast(pa.string())
                hashes.write(keyed_hash64(keys, key=hash_key).data)
            for column in dataset.columns:
                _count(batch.column(column.name), column=column, profile=profiles[column.name])
        return connector_pb2.ProfileResponse(
            rows=rows,
            duplicate_keys=_repeated(hashes),
            columns=profiles.values(),
            sketch=sketch.to_bytes(),
        )


def _count(values: pa.Array, *, column: Column, profile: connector_pb2.ColumnProfile) -> None:
    profile.nulls += values.null_count
    present = values.drop_null()
    if column.identifier in CHECKED:
        profile.malformed += len(present) - int(np.count_nonzero(well_formed(present, kind=column.identifier)))
    if column.codes:
        known = pc.is_in(present.cast(pa.string()), value_set=pa.array([code.code for code in column.codes]))
        profile.outside_codes += len(present) - pc.sum(known, min_count=0).as_py()


def _repeated(hashes: IO[bytes]) -> int:
    """Return how many of the 64-bit numbers in a file stand there before, sorting it in place and not in memory."""
    hashes.flush()
    if not hashes.tell():
        return 0
    numbers = np.memmap(hashes, dtype=np.uint64, mode="r+")
    numbers.sort()
    chunks = (numbers[start : start + _HASHES_AT_ONCE + 1] for start in range(0, len(numbers), _HASHES_AT_ONCE))
    return sum(int(np.count_nonzero(chunk[1:] == chunk[:-1])) for chunk in chunks)
