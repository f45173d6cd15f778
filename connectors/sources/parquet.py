"""Parquet files: row groups that their statistics rule out are skipped, the others are read one batch at a time.

(`pyarrow.dataset` scans faster than a slow reader takes and keeps what it has read; here memory is one batch.)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from connectors.sdk.config import ParquetSettings
from connectors.sdk.predicates import Predicate, PredicateOp, literals
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import described, described_tables, in_catalogue_types, prefix_end
from connectors.sources.stream import Batches, ScanStream, kept


class ParquetSource:
    """Folders or files of one root folder; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: ParquetSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._root = settings.path
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        return described_tables(self._tables, describe=lambda table: described(table, self._open(table.table).schema))

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        schema, columns = table.projected(request.columns), table.needed(request)
        files = self._open(table.table)
        if described(table, files.schema) != table.schema:
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing or of another type")
        as_of = max((int(Path(file).stat().st_mtime) for file in files.files), default=None)
        batches = _batches(request, table=table, columns=columns, files=files)
        return ScanStream(batches, schema=schema, request=request, as_of=as_of)

    def close(self) -> None:
        """See `Source.close`."""

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        return self._open(table).schema

    def _open(self, table: str) -> ds.FileSystemDataset:
        folder = self._root / table
        path = folder if folder.is_dir() else self._root / f"{table}.parquet"
        try:
            return ds.dataset(path, format="parquet", exclude_invalid_files=False)
        except FileNotFoundError:
            raise SourceError(SourceCode.DRIFT, detail=f"the files of '{table}' do not exist") from None
        except (pa.ArrowException, OSError) as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None


def _batches(
    request: SourceScan, *, table: MappedTable, columns: tuple[MappedColumn, ...], files: ds.FileSystemDataset
) -> Batches:
    """Yield the rows that the predicate keeps, in catalogue types."""
    same = {c.field.name for c in columns if files.schema.field(c.own_name).type == c.field.type}
    own_names = {column.field.name: column.own_name for column in columns if column.field.name in same}
    possible = _possible(request.predicate, own_names=own_names, schema=table.schema)
    try:
        for fragment in files.get_fragments(filter=possible):
            groups = [group.id for part in fragment.split_by_row_group(filter=possible) for group in part.row_groups]
            with pq.ParquetFile(fragment.path) as file:
                own_columns = [column.own_name for column in columns]
                for batch in file.iter_batches(request.batch_rows, row_groups=groups, columns=own_columns):
                    yield kept(in_catalogue_types(batch, columns), request)
    except FileNotFoundError as error:
        raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None
    except (pa.ArrowException, OSError) as error:
        raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None


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
