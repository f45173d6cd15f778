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

    Only its own module is loaded: each brings a database's driver, and ODBC a library of the system.

    Raises:
        ValueError: A department's own code, or unixODBC, cannot be loaded.
    """
    name = _CLASSES[type(settings)]
    try:
        module = importlib.import_module(f"connectors.sources.{settings.kind if settings.kind != 'python' else 'own'}")
    except OSError as error:
        raise ValueError("请安装 unixodbc 及数据库的驱动 / install unixodbc and the database's driver") from error
    if isinstance(settings, OwnSettings):
        settings = module.load_own(settings)
    source: OwnTables = getattr(module, name)(settings, tables=tables)
    return source


_CLASSES: Mapping[type, str] = {
    PostgresqlSettings: "PostgresqlSource",
    ParquetSettings: "ParquetSource",
    CsvSettings: "CsvSource",
    SqliteSettings: "SqliteSource",
    DuckdbSettings: "DuckdbSource",
    OdbcSettings: "OdbcSource",
    OwnSettings: "PythonSource",
    AccessLogSettings: "AccessLogSource",
}
