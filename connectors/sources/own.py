"""A department's own Python code as a source.

The code says which tables there are and gives rows; whatever it does not filter, project or limit itself is done here.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from connectors.sdk.config import OwnSettings
from connectors.sdk.predicates import Predicate
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import described, described_tables, in_catalogue_types
from connectors.sources.stream import Batches, ScanStream, kept


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable:
    """What own code says of one table."""

    schema: pa.Schema
    """Own column names and types."""
    as_of: int | None = None
    """When its data was last changed, in seconds since 1970-01-01 UTC; None when every scan reads live data."""


class OwnSource(Protocol):
    """What a department writes. Both methods may be called from several threads at once; errors are any exceptions."""

    def describe(self) -> Mapping[str, OwnTable]:
        """Return every table by its own name. Called before every scan."""
        ...

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        """Yield rows of a table, a moderate number at a time. A generator is closed when the scan ends early.

        Args:
            table: Own name.
            columns: Own names of the columns that are needed; more may come, in any order.
            predicate: About own names. Rows that it does not keep may come too, so it may be ignored or used in part.
        """
        ...


class PythonSource:
    """Serves an `OwnSource`; see `connectors.sdk.source.Source`."""

    def __init__(self, own: OwnSource, *, tables: Mapping[str, MappedTable]) -> None:
        self._own = own
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        own = self._described()
        return described_tables(self._tables, describe=lambda table: described(table, _table(own, table.table).schema))

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        return _table(self._described(), table).schema

    def scan(self, request: SourceScan) -> ScanStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        columns = table.needed(request)
        own = _table(self._described(), table.table)
        if described(table, own.schema) != table.schema:
            raise SourceError(SourceCode.DRIFT, detail=f"a column of '{table.dataset}' is missing or of another type")
        return ScanStream(
            self._batches(request, table=replace(table, columns=columns)),
            schema=table.projected(request.columns),
            request=request,
            as_of=own.as_of,
        )

    def close(self) -> None:
        """See `Source.close`."""

    def _described(self) -> Mapping[str, OwnTable]:
        try:
            return self._own.describe()
        except Exception as error:  # noqa: BLE001 - foreign code
            raise _source_error(error) from None

    def _batches(self, request: SourceScan, *, table: MappedTable) -> Batches:
        own_names = {column.field.name: column.own_name for column in table.columns}
        predicate = _in_own_names(request.predicate, own_names)
        with contextlib.ExitStack() as stack:
            try:
                rows = self._own.scan(table.table, columns=tuple(own_names.values()), predicate=predicate)
                if hasattr(rows, "close"):
                    stack.callback(rows.close)
                for batch in rows:
                    if described(table, batch.schema) != table.schema:
                        raise SourceError(SourceCode.DRIFT, detail="a batch lacks a column or has another type")
                    yield kept(in_catalogue_types(batch, table.columns), request)
            except pa.ArrowInvalid as error:
                raise SourceError(SourceCode.DRIFT, detail=type(error).__name__) from None
            except Exception as error:  # noqa: BLE001 - foreign code
                raise _source_error(error) from None


def load_own(settings: OwnSettings) -> OwnSource:
    """Return what the configured factory makes.

    Raises:
        ValueError: There is no such module or name, or it takes other options.
    """
    module, _, name = settings.factory.partition(":")
    try:
        own: OwnSource = getattr(importlib.import_module(module), name)(**settings.options)
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"{settings.factory}: {error}") from error
    return own


def _table(own: Mapping[str, OwnTable], name: str) -> OwnTable:
    if name not in own:
        raise SourceError(SourceCode.DRIFT, detail=f"the table '{name}' does not exist")
    return own[name]


def _in_own_names(predicate: Predicate, own_names: Mapping[str, str]) -> Predicate:
    if predicate.operands:
        return replace(predicate, operands=tuple(_in_own_names(o, own_names) for o in predicate.operands))
    return replace(predicate, column=own_names[predicate.column])


def _source_error(error: Exception) -> SourceError:
    """Drop the text of an unknown error, which may hold values."""
    if isinstance(error, SourceError):
        return error
    code = SourceCode.UNAVAILABLE if isinstance(error, OSError) else SourceCode.FAILED
    return SourceError(code, detail=type(error).__name__)
