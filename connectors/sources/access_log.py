"""A gateway's access log as three tables: entries, accessed columns, looked-up people.

Reads sealed segments by Parquet files whose SHA-256 the log holds, and the rest from the log itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
from sqlglot import exp

from connectors.sdk.access_log import EntryIndex, EntryQuery
from connectors.sdk.config import AccessLogSettings
from connectors.sdk.predicates import Scalar
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import conform, prefix_end
from connectors.sources.select import Bind, SqlColumn, select

_WHO_AND_WHY = (
    "sequence, entry_id, kind, recorded_at, recorded_on, "
    "requester, office, office_kind, division_code, purpose, case_number"
)
_TABLES: Mapping[str, str] = {
    "entry": "SELECT * FROM entries",
    "accessed_column": f"""
SELECT * EXCLUDE (used), unnest(used) FROM (SELECT {_WHO_AND_WHY}, unnest(accessed) AS used FROM entries)""",  # noqa: S608
    "looked_up_person": f"""
SELECT * EXCLUDE (named), unnest(named) FROM (SELECT {_WHO_AND_WHY}, unnest(people) AS named FROM entries)""",  # noqa: S608
}
_VIEWS = ";".join(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}" for name, query in _TABLES.items())


class AccessLogSource:
    """The tables `entry`, `accessed_column` and `looked_up_person`; see `connectors.sdk.source.Source`."""

    def __init__(self, settings: AccessLogSettings, *, tables: Mapping[str, MappedTable]) -> None:
        self._index = EntryIndex(settings.path)
        self._tables = tables

    def describe(self) -> Mapping[str, pa.Schema]:
        """See `Source.describe`."""
        described = {}
        for dataset, table in self._tables.items():
            with self._start(f'SELECT * FROM "{table.table}" LIMIT 0', ()) as found:  # noqa: S608 - own names
                own = found.reader(1).schema
            columns = [column for column in table.columns if column.own_name in own.names]
            described[dataset] = pa.schema(
                [column.field.with_type(own.field(column.own_name).type) for column in columns]
            )
        return described

    def scan(self, request: SourceScan) -> AccessLogStream:
        """See `Source.scan`."""
        table = self._tables.get(request.dataset)
        if table is None:
            raise ValueError("the dataset does not exist")
        schema = table.projected(request.columns)
        quoted = {column.field.name: exp.column(column.own_name, quoted=True) for column in table.columns}
        columns = {name: SqlColumn(value=column, tested=column) for name, column in quoted.items()}
        query, parameters = select(request, table=table, columns=columns, dialect=DuckdbDialect())
        values = [] if parameters is None else [column[0].as_py() for column in parameters.columns]
        found = self._start(query.sql("duckdb", copy=False), values)
        return AccessLogStream(found, schema=schema, batch_rows=request.batch_rows)

    def close(self) -> None:
        """See `Source.close`."""
        self._index.close()

    def _start(self, sql: str, values: list[object] | tuple[()]) -> EntryQuery:
        try:
            return self._index.query(sql, values, views=_VIEWS)
        except duckdb.CatalogException:
            raise SourceError(SourceCode.DRIFT, detail="the access log has no such table") from None
        except duckdb.BinderException:
            raise SourceError(SourceCode.DRIFT, detail="the access log has no such column") from None
        except (duckdb.Error, OSError) as error:
            raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None
        except ValueError:
            raise SourceError(SourceCode.FAILED, detail="the access log is damaged") from None


class DuckdbDialect:
    """What DuckDB does its own way; see `SqlDialect`."""

    name = "duckdb"

    def operands(self, values: tuple[Scalar, ...], arrow_type: pa.DataType) -> pa.Array:
        """See `SqlDialect.operands`."""
        return pa.array(values, type=arrow_type)

    def placeholder(self, position: int) -> exp.Expr:
        """See `SqlDialect.placeholder`."""
        return exp.Placeholder()

    def by_code_point(self, text: exp.Expr) -> exp.Expr:
        """See `SqlDialect.by_code_point`. Text is compared as UTF-8, whose order is that of code points."""
        return text

    def starts_with(self, text: exp.Expr, prefix: str, bind: Bind) -> exp.Expr:
        """See `SqlDialect.starts_with`."""
        end = prefix_end(prefix)
        start = exp.GTE(this=text.copy(), expression=bind(pa.array([prefix])))
        return (
            start if end is None else exp.and_(start, exp.LT(this=text, expression=bind(pa.array([end]))), copy=False)
        )

    def among(self, column: exp.Expr, operands: pa.Array, bind: Bind) -> exp.Expr:
        """See `SqlDialect.among`."""
        values = bind(pa.array([operands.to_pylist()], type=pa.list_(operands.type)))
        return exp.func("list_contains", values, column)


class AccessLogStream:
    """Rows of one query; see `connectors.sdk.source.BatchStream`."""

    as_of: int | None = None

    def __init__(self, found: EntryQuery, *, schema: pa.Schema, batch_rows: int) -> None:
        self._found = found
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._schema = schema
        self._batch_rows = batch_rows
        self._started = self._cancelled = self._closed = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Return itself."""
        return self

    def __next__(self) -> pa.RecordBatch:
        """See `BatchStream.__next__`."""
        while not self._closed:
            if self._cancelled:
                raise SourceError(SourceCode.CANCELLED)
            try:
                if not self._started:
                    self._batches, self._started = iter(self._found.reader(self._batch_rows)), True
                batch = next(self._batches)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                code = SourceCode.CANCELLED if self._cancelled else SourceCode.UNAVAILABLE
                raise SourceError(code, detail=type(error).__name__) from None
            if batch.num_rows:
                return conform(batch.columns, schema=self._schema)
        raise StopIteration

    def cancel(self) -> None:
        """See `BatchStream.cancel`."""
        self._cancelled = True
        self._found.interrupt()

    def close(self) -> None:
        """See `BatchStream.close`."""
        if not self._closed:
            self._closed = True
            self._batches = iter(())
            self._found.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
