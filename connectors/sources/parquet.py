"""Parquet files: row groups that their statistics rule out are skipped, the others are read one batch at a time.

(`pyarrow.dataset` scans faster than a slow reader takes and keeps what it has read; here memory is one batch.)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from connectors.sdk.config import ParquetSettings
from connectors.sdk.predicates import Predicate, PredicateOp, evaluate, literals
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import LOCAL_TIME_ZONE, conform, prefix_end


class ParquetSource:
    """Folders or files of one root folder; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: ParquetSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._root = settings.path
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        return {dataset: _described(table, self._open(table).schema) for dataset, table in self._tables.items()}

    def scan(self, request: SourceScan) -> ParquetStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        schema = table.projected(request.columns)
        evaluate(request.predicate, pa.RecordBatch.from_pylist([], schema=table.schema))
        files = self._open(table)
        if _described(table, files.schema) != table.schema:
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing or of another type")
        as_of = max((int(Path(file).stat().st_mtime) for file in files.files), default=None)
        batches = _batches(request, table=table, files=files)
        return ParquetStream(batches=batches, schema=schema, rows_max=request.rows_max, as_of=as_of)

    def close(self) -> None:
        """See `Source.close`."""

    def _open(self, table: MappedTable) -> ds.FileSystemDataset:
        folder = self._root / table.table
        path = folder if folder.is_dir() else self._root / f"{table.table}.parquet"
        try:
            return ds.dataset(path, format="parquet", exclude_invalid_files=False)
        except FileNotFoundError:
            raise SourceError(SourceCode.DRIFT, detail=f"the files of '{table.dataset}' do not exist") from None
        except (pa.ArrowException, OSError) as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None


def _described(table: MappedTable, own: pa.Schema) -> pa.Schema:
    fields = []
    for column in table.columns:
        index = own.get_field_index(column.own_name)
        if index >= 0:
            own_type, wanted = own.field(index).type, column.field.type
            fields.append(column.field.with_type(wanted if _is_convertible(own_type, wanted) else own_type))
    return pa.schema(fields)


def _is_convertible(own: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether a safe cast keeps every value or fails."""
    plain = own.value_type if pa.types.is_dictionary(own) else own
    if plain == wanted:
        return True
    if pa.types.is_string(wanted):
        return bool(pa.types.is_large_string(plain) or pa.types.is_string_view(plain) or pa.types.is_integer(plain))
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(plain))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(plain) or pa.types.is_decimal(plain) or pa.types.is_integer(plain))
    return bool(pa.types.is_timestamp(wanted) and pa.types.is_timestamp(plain))


def _batches(request: SourceScan, *, table: MappedTable, files: ds.FileSystemDataset) -> Iterator[pa.RecordBatch]:
    """Yield the rows that the predicate keeps, in catalogue types, some batches empty."""
    needed = {*request.columns, *request.predicate.columns()}
    columns = [column for column in table.columns if column.field.name in needed]
    same = {c.field.name for c in columns if files.schema.field(c.own_name).type == c.field.type}
    own_names = {column.field.name: column.own_name for column in columns if column.field.name in same}
    possible = _possible(request.predicate, own_names=own_names, schema=table.schema)
    for fragment in files.get_fragments(filter=possible):
        groups = [group.id for part in fragment.split_by_row_group(filter=possible) for group in part.row_groups]
        with pq.ParquetFile(fragment.path) as file:
            read = file.iter_batches(request.batch_rows, row_groups=groups, columns=[c.own_name for c in columns])
            for batch in read:
                converted = _converted(batch, columns)
                kept = evaluate(request.predicate, converted)
                whole = kept.true_count == len(kept)
                yield (converted if whole else converted.filter(kept)).select(list(request.columns))


def _converted(batch: pa.RecordBatch, columns: list[MappedColumn]) -> pa.RecordBatch:
    """Return the columns under catalogue names and types."""
    arrays = []
    for column in columns:
        array = batch.column(column.own_name)
        if pa.types.is_timestamp(array.type) and array.type.tz is None:
            array = pc.assume_timezone(array, LOCAL_TIME_ZONE, ambiguous="earliest", nonexistent="earliest")
        arrays.append(array.cast(column.field.type))
    return pa.RecordBatch.from_arrays(arrays, names=[column.field.name for column in columns])


def _possible(predicate: Predicate, *, own_names: Mapping[str, str], schema: pa.Schema) -> pc.Expression:
    """Return a condition that holds wherever the predicate does, and that row-group statistics can answer.

    Args:
        predicate: What rows must satisfy.
        own_names: Columns whose stored type is the catalogue's.
        schema: The catalogue's schema.
    """
    operands = [_possible(operand, own_names=own_names, schema=schema) for operand in predicate.operands]
    match predicate.op:
        case PredicateOp.AND:
            return functools.reduce(lambda left, right: left & right, operands)
        case PredicateOp.OR:
            return functools.reduce(lambda left, right: left | right, operands)
    if predicate.column not in own_names or predicate.op not in _ANSWERED:
        return pc.scalar(True)
    arrow_type = schema.field(predicate.column).type
    scalars = [pa.scalar(value, type=arrow_type) for value in literals(predicate, schema)]
    return _range(pc.field(own_names[predicate.column]), predicate.op, scalars)


_ANSWERED = frozenset(
    {
        PredicateOp.EQ,
        PredicateOp.IN,
        PredicateOp.PREFIX,
        PredicateOp.BETWEEN,
        PredicateOp.LT,
        PredicateOp.LE,
        PredicateOp.GT,
        PredicateOp.GE,
    }
)


def _range(column: pc.Expression, op: PredicateOp, scalars: list[pa.Scalar]) -> pc.Expression:
    match op:
        case PredicateOp.PREFIX:
            end = prefix_end(scalars[0].as_py())
            return (column >= scalars[0]) & (column < pa.scalar(end)) if end else column >= scalars[0]
        case PredicateOp.LT | PredicateOp.LE:
            return column <= scalars[0]
        case PredicateOp.GT | PredicateOp.GE:
            return column >= scalars[0]
        case PredicateOp.IN:
            bounds = pc.min_max(pa.array(scalars))
            return (column >= bounds["min"]) & (column <= bounds["max"])
    return (column >= scalars[0]) & (column <= scalars[-1])


class ParquetStream:
    """Rows of one scan of files; see `connectors.sdk.source.BatchStream`."""

    def __init__(
        self, *, batches: Iterator[pa.RecordBatch], schema: pa.Schema, rows_max: int | None, as_of: int | None
    ) -> None:
        self.as_of = as_of
        self._batches: Iterator[pa.RecordBatch] | None = batches
        self._schema = schema
        self._rows_left = rows_max
        self._cancelled = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Return itself."""
        return self

    def __next__(self) -> pa.RecordBatch:
        """See `BatchStream.__next__`."""
        while self._batches is not None and self._rows_left != 0:
            if self._cancelled:
                raise SourceError(SourceCode.CANCELLED)
            try:
                batch = next(self._batches)
            except FileNotFoundError as error:
                raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None
            except (pa.ArrowException, OSError) as error:
                raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None
            if batch.num_rows:
                batch = batch if self._rows_left is None else batch.slice(0, self._rows_left)
                self._rows_left = None if self._rows_left is None else self._rows_left - batch.num_rows
                return conform(batch.columns, schema=self._schema)
        raise StopIteration

    def cancel(self) -> None:
        """See `BatchStream.cancel`. Reading stops at the next batch."""
        self._cancelled = True

    def close(self) -> None:
        """See `BatchStream.close`."""
        self._batches = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
