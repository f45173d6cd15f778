"""Which class serves which kind of source."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from connectors.sdk.config import (
    AccessLogSettings,
    CsvSettings,
    DuckdbSettings,
    OdbcSettings,
    OwnSettings,
    ParquetSettings,
    PostgresqlSettings,
    SourceSettings,
    SqliteSettings,
)
from connectors.sdk.source import MappedTable, Source
from connectors.sources.access_log import AccessLogSource
from connectors.sources.csv import CsvSource
from connectors.sources.duckdb import DuckdbSource
from connectors.sources.own import PythonSource, load_own
from connectors.sources.parquet import ParquetSource
from connectors.sources.postgresql import PostgresqlSource
from connectors.sources.sqlite import SqliteSource


class OwnTables(Source, Protocol):
    """A source that can also tell what a table holds before anything is mapped."""

    def own_schema(self, table: str) -> pa.Schema:
        """Return the columns of a table in own names and order, with the nearest types the source knows.

        Raises:
            SourceError: The database cannot be reached, or the table does not exist.
        """
        ...


def open_source(settings: SourceSettings, *, tables: Mapping[str, MappedTable]) -> OwnTables:
    """Return the source of a configuration. It connects when it is first used.

    Raises:
        ValueError: A department's own code, or unixODBC, cannot be loaded.
    """
    match settings:
        case PostgresqlSettings():
            return PostgresqlSource(settings, tables=tables)
        case ParquetSettings():
            return ParquetSource(settings, tables=tables)
        case CsvSettings():
            return CsvSource(settings, tables=tables)
        case SqliteSettings():
            return SqliteSource(settings, tables=tables)
        case DuckdbSettings():
            return DuckdbSource(settings, tables=tables)
        case OdbcSettings():
            return _odbc_source(settings, tables=tables)
        case OwnSettings():
            return PythonSource(load_own(settings), tables=tables)
        case AccessLogSettings():
            return AccessLogSource(settings, tables=tables)


def _odbc_source(settings: OdbcSettings, *, tables: Mapping[str, MappedTable]) -> OwnTables:
    """Load the ODBC source only now: it needs a library of the system that every other source does without."""
    try:
        source: OwnTables = importlib.import_module("connectors.sources.odbc").OdbcSource(settings, tables=tables)
    except OSError as error:
        raise ValueError("请安装 unixodbc 及数据库的驱动 / install unixodbc and the database's driver") from error
    return source
