"""Catalogs, database schemas, tables with their columns, and types of table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import compress

import pyarrow as pa

from catalog.dataset import Column
from catalog.vocabulary import ColumnAction
from gateway.doors.dataset_messages import treatments
from gateway.doors.flight_sql.shown_tables import CATALOG, ShownTable, matching
from gateway.doors.flight_sql.type_info import type_of
from gateway.doors.offers import Offers
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

TABLE = "TABLE"
CATALOGS = pa.schema([pa.field("catalog_name", pa.string(), nullable=False)])
DB_SCHEMAS = pa.schema([pa.field("catalog_name", pa.string()), pa.field("db_schema_name", pa.string(), nullable=False)])
TABLES = pa.schema(
    [
        pa.field("catalog_name", pa.string()),
        pa.field("db_schema_name", pa.string()),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("table_type", pa.string(), nullable=False),
    ]
)
TABLES_WITH_SCHEMA = TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
TABLE_TYPES = pa.schema([pa.field("table_type", pa.string(), nullable=False)])
_KEY = "ARROW:FLIGHT:SQL:"


def catalogs() -> pa.Table:
    """Return the empty list of catalogs."""
    return CATALOGS.empty_table()


def table_types() -> pa.Table:
    """Return the one type of table."""
    return pa.table({"table_type": [TABLE]}, schema=TABLE_TYPES)


def db_schemas(command: flight_sql_pb2.CommandGetDbSchemas, *, shown: Sequence[ShownTable]) -> pa.Table:
    """Return the database schemas that have a table to show."""
    pattern = command.db_schema_filter_pattern if command.HasField("db_schema_filter_pattern") else "%"
    names = sorted({table.path[0] for table in shown if in_catalog(command)})
    kept = compress(names, matching(names, pattern=pattern))
    return pa.Table.from_pylist([{"db_schema_name": name} for name in kept], schema=DB_SCHEMAS)


def tables(command: flight_sql_pb2.CommandGetTables, *, shown: Sequence[ShownTable], offers: Offers) -> pa.Table:
    """Return the tables, with the schema of each when it is asked for."""
    wanted = in_catalog(command) and (not command.table_types or TABLE in command.table_types)
    found = list(shown) if wanted else []
    for part, field in enumerate(("db_schema_filter_pattern", "table_name_filter_pattern")):
        if command.HasField(field):
            names = [table.path[part] for table in found]
            found = list(compress(found, matching(names, pattern=getattr(command, field))))
    rows = [
        {"db_schema_name": table.path[0], "table_name": table.path[1], "table_type": TABLE}
        | (
            {"table_schema": table_schema(table, offers=offers).serialize().to_pybytes()}
            if command.include_schema
            else {}
        )
        for table in found
    ]
    return pa.Table.from_pylist(rows, schema=TABLES_WITH_SCHEMA if command.include_schema else TABLES)


def table_schema(table: ShownTable, *, offers: Offers) -> pa.Schema:
    """Return the columns that may be shown, in the catalogue's order, with what the catalogue says of them as metadata."""
    dataset = table.dataset
    controller = offers.catalogue.departments[dataset.controller].title
    return pa.schema(
        [_field(column, table=table, offers=offers) for column in dataset.columns if table.shows(column.name)],
        metadata={
            "sharing.title_zh": dataset.title.zh,
            "sharing.title_en": dataset.title.en,
            "sharing.controller_zh": controller.zh,
            "sharing.controller_en": controller.en,
            "sharing.update_cycle": str(dataset.update_cycle),
            "sharing.version": dataset.version,
        },
    )


def in_catalog(command: flight_sql_pb2.CommandGetDbSchemas | flight_sql_pb2.CommandGetTables) -> bool:
    """Tell whether a command asks for tables outside of any catalog, or of whatever catalog."""
    return not command.HasField("catalog") or command.catalog == CATALOG


def _field(column: Column, *, table: ShownTable, offers: Offers) -> pa.Field:
    schema, name = table.path
    treated = [need.columns[column.name].action for need in table.needs.values() if column.name in need.columns]
    kind = type_of(column.type)
    numbers = {"PRECISION": kind.column_size, "SCALE": kind.maximum_scale}
    metadata = {
        f"{_KEY}DB_SCHEMA_NAME": schema,
        f"{_KEY}TABLE_NAME": name,
        f"{_KEY}TYPE_NAME": kind.type_name,
        **{f"{_KEY}{key}": str(number) for key, number in numbers.items() if number is not None},
        f"{_KEY}IS_AUTO_INCREMENT": "0",
        f"{_KEY}IS_CASE_SENSITIVE": str(int(kind.case_sensitive)),
        f"{_KEY}IS_READ_ONLY": "1",
        f"{_KEY}IS_SEARCHABLE": "1",
        f"{_KEY}REMARKS": f"{column.title.zh} / {column.title.en}",
        "sharing.title_zh": column.title.zh,
        "sharing.title_en": column.title.en,
        "sharing.grade": column.grade,
        "sharing.treatments": json.dumps(
            treatments(table.dataset.name, column.name, needs=table.needs, offers=offers), sort_keys=True
        ),
    }
    nullable = column.nullable or ColumnAction.NULL in treated
    return pa.field(column.name, column.arrow_type, nullable=nullable, metadata=metadata)
