"""A gateway's access log as three tables: entries, accessed columns, looked-up people.

Reads sealed segments by Parquet files whose SHA-256 the log holds, and the rest from the log itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
from sqlglot import exp

from connectors.sdk.access_log import EntryIndex, EntryQuery
from connectors.sdk.config import AccessLogSettings
from connectors.sdk.source import MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.conform import described_tables
from connectors.sources.duckdb import DuckdbDialect
from connectors.sources.select import SqlColumn, select, table_of
from connectors.sources.stream import Batches, ScanStream

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
        return described_tables(self._tables, describe=self._described)

    def _described(self, table: MappedTable) -> pa.Schema:
        own = self.own_schema(table.table)
        columns = [column for column in table.columns if column.own_name in own.names]
        return pa.schema([column.field.with_type(own.field(column.own_name).type) for column in columns])

    def own_schema(self, table: str) -> pa.Schema:
        """See `connectors.sources.opening.OwnTables`."""
        with self._start(f"SELECT * FROM {table_of(table).sql('duckdb')} LIMIT 0", ()) as found:  # noqa: S608 - quoted
            return found.reader(1).schema

    def scan(self, request: SourceScan) -> ScanStream:
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
        batches = _batches(found, batch_rows=request.batch_rows)
        return ScanStream(batches, schema=schema, request=request, interrupt=found.interrupt, close=found.close)

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


def _batches(found: EntryQuery, *, batch_rows: int) -> Batches:
    try:
        yield from found.reader(batch_rows)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise SourceError(SourceCode.UNAVAILABLE, detail=type(error).__name__) from None
