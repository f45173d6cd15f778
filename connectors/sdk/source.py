"""The port to a department's database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from connectors.sdk.predicates import Predicate, evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A catalogue column and its name in the department's own table."""

    field: pa.Field
    """Catalogue name, type and nullability, which a scan delivers exactly."""
    own_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedTable:
    """A dataset and the department's own table or view behind it."""

    dataset: str
    table: str
    """Own name, with its schema when that is not the default one: `schema.table`."""
    columns: tuple[MappedColumn, ...]
    """Every column of the dataset, in catalogue order."""

    @property
    def schema(self) -> pa.Schema:
        """Schema of the dataset, as in the catalogue."""
        return pa.schema([column.field for column in self.columns])

    def projected(self, names: tuple[str, ...]) -> pa.Schema:
        """Return the schema of the named columns. Raises ValueError when one is unknown."""
        fields = {column.field.name: column.field for column in self.columns}
        if not set(names) <= set(fields):
            raise ValueError("a column does not exist")
        return pa.schema([fields[name] for name in names])

    def needed(self, request: SourceScan) -> tuple[MappedColumn, ...]:
        """Return the columns that a scan delivers or tests, in catalogue order. Raises ValueError when one is unknown.

        Every literal is checked too: see `connectors.sdk.predicates.evaluate`.
        """
        self.projected(request.columns)
        evaluate(request.predicate, pa.RecordBatch.from_pylist([], schema=self.schema))
        names = {*request.columns, *request.predicate.columns()}
        return tuple(column for column in self.columns if column.field.name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScan:
    """What is read from the database for one scan."""

    dataset: str
    columns: tuple[str, ...]
    """Catalogue names of the raw columns needed, at least one, in the order wanted."""
    predicate: Predicate
    """Row filter AND pushed filter AND look-up keys."""
    rows_max: int | None
    batch_rows: int
    """Rows of a batch, at most."""


class SourceCode(StrEnum):
    """Why a source cannot answer; sent to the gateway as it stands."""

    UNAVAILABLE = "SOURCE_UNAVAILABLE"
    """The database cannot be reached or is stopping."""
    DRIFT = "SCHEMA_DRIFT"
    """A table, column or value is not what the mapping says."""
    SLOW = "SOURCE_SLOW"
    """The database's own time limit ended the query."""
    CANCELLED = "CANCELLED"
    FAILED = "SOURCE_FAILED"


class SourceError(Exception):
    """The database cannot answer.

    `code` is public. `detail` is for the department's own log: an error class or SQLSTATE, never driver text, which may
    hold values.
    """

    def __init__(self, code: SourceCode, *, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class BatchStream(Protocol):
    """Rows of one scan, batch by batch. Closing it, which a `with` block does, ends the query in the database."""

    @property
    def as_of(self) -> int | None:
        """When the data was last changed, in seconds since 1970-01-01 UTC; None for a live database: now."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def __next__(self) -> pa.RecordBatch:
        """Return the next batch, which has at least one row. Raises SourceError, also once the stream is cancelled."""
        ...

    def cancel(self) -> None:
        """Stop the query in the database now. May be called from any thread, at any time, more than once."""
        ...

    def close(self) -> None:
        """End the query and give back what it holds. Only for the thread that reads."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class Source(Protocol):
    """A department's database. Its methods may be called from several threads at once."""

    def describe(self) -> Mapping[str, pa.Schema]:
        """Return the schema of every mapped dataset, in catalogue names, as a scan of the database really gives it.

        A dataset whose table does not exist is missing, and so is a mapped column that the database lacks; a column that
        cannot be converted keeps the database's type. Nullability is the catalogue's: only values can show whether it holds.

        Raises:
            SourceError: The database cannot be reached.
        """
        ...

    def scan(self, request: SourceScan) -> BatchStream:
        """Start reading; the database itself projects, filters and limits.

        Returns:
            Batches with exactly the requested columns and catalogue types, in no particular row order.

        Raises:
            SourceError: The database cannot be reached or refuses the query.
            ValueError: The dataset or a column is unknown, or a literal does not fit its column.
        """
        ...

    def close(self) -> None:
        """Close idle connections."""
        ...
