"""One stream for every source whose rows come from an iterator."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Self

import pyarrow as pa

from connectors.sdk.predicates import evaluate
from connectors.sdk.source import SourceCode, SourceError, SourceScan
from connectors.sources.conform import conform

Batches = Generator[pa.RecordBatch, None, None]
"""Rows as a source reads them: catalogue order of the columns asked for, some batches empty or too long."""


class ScanStream:
    """Rows of one scan; see `connectors.sdk.source.BatchStream`.

    Args:
        batches: Raises SourceError only.
        schema: What is delivered.
        request: Limits rows and batches.
        as_of: When the data was last changed; None for a live database.
        interrupt: Stops the query in the database from any thread; without it reading stops at the next batch.
        close: Gives back what was opened before the first batch.
    """

    def __init__(
        self,
        batches: Batches,
        *,
        schema: pa.Schema,
        request: SourceScan,
        as_of: int | None = None,
        interrupt: Callable[[], None] = lambda: None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.as_of = as_of
        self._batches = batches
        self._schema = schema
        self._batch_rows = request.batch_rows
        self._rows_left = request.rows_max
        self._interrupt = interrupt
        self._close = close
        self._rest: pa.RecordBatch | None = None
        self._open = threading.Lock()
        self._cancelled = self._closed = False

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> pa.RecordBatch:
        """See `BatchStream.__next__`."""
        while self._rows_left != 0:
            if self._cancelled:
                raise SourceError(SourceCode.CANCELLED)
            batch = self._read() if self._rest is None else self._rest
            self._rest = None
            if not batch.num_rows:
                continue
            rows = self._batch_rows if self._rows_left is None else min(self._batch_rows, self._rows_left)
            if batch.num_rows > rows:
                batch, self._rest = batch.slice(0, rows), batch.slice(rows)
            if self._rows_left is not None:
                self._rows_left -= batch.num_rows
            return conform(batch.columns, schema=self._schema)
        raise StopIteration

    def _read(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except SourceError:
            if self._cancelled:
                raise SourceError(SourceCode.CANCELLED) from None
            raise

    def cancel(self) -> None:
        """See `BatchStream.cancel`."""
        with self._open:
            if not self._closed:
                self._cancelled = True
                self._interrupt()

    def close(self) -> None:
        """See `BatchStream.close`."""
        with self._open:
            if self._closed:
                return
            self._closed = True
        self._rest = None
        self._batches.close()
        self._close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def kept(batch: pa.RecordBatch, request: SourceScan) -> pa.RecordBatch:
    """Return the rows of `batch` that the predicate keeps, with the columns asked for.

    Args:
        batch: Catalogue names and types; holds every column that is asked for or tested.
        request: What is read.
    """
    held = evaluate(request.predicate, batch)
    rows = batch if held.true_count == len(held) else batch.filter(held)
    return rows.select(list(request.columns))
