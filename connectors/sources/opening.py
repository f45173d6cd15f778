"""Which class serves which kind of source."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sdk.config import (
    AccessLogSettings,
    ParquetSettings,
    PostgresqlSettings,
    SourceSettings,
    SqliteSettings,
)
from connectors.sdk.source import MappedTable, Source
from connectors.sources.access_log import AccessLogSource
from connectors.sources.parquet import ParquetSource
from connectors.sources.postgresql import PostgresqlSource
from connectors.sources.sqlite import SqliteSource


def open_source(settings: SourceSettings, *, tables: Mapping[str, MappedTable]) -> Source:
    """Return the source of a configuration. It connects when it is first used."""
    match settings:
        case PostgresqlSettings():
            return PostgresqlSource(settings, tables=tables)
        case ParquetSettings():
            return ParquetSource(settings, tables=tables)
        case SqliteSettings():
            return SqliteSource(settings, tables=tables)
        case AccessLogSettings():
            return AccessLogSource(settings, tables=tables)
