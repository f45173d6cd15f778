"""Primary keys of tables and the foreign keys between them, as far as every column of theirs may be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from catalog.dataset import ForeignKey
from gateway.doors.flight_sql.shown_tables import CATALOG, ShownTable
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from sharing_stubs.arrow.flight.sql.flight_sql_pb2 import UpdateDeleteRules

PRIMARY_KEYS = pa.schema(
    [
        pa.field("catalog_name", pa.string()),
        pa.field("db_schema_name", pa.string()),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("column_name", pa.string(), nullable=False),
        pa.field("key_name", pa.string()),
        pa.field("key_sequence", pa.int32(), nullable=False),
    ]
)
FOREIGN_KEYS = pa.schema(
    [
        pa.field("pk_catalog_name", pa.string()),
        pa.field("pk_db_schema_name", pa.string()),
        pa.field("pk_table_name", pa.string(), nullable=False),
        pa.field("pk_column_name", pa.string(), nullable=False),
        pa.field("fk_catalog_name", pa.string()),
        pa.field("fk_db_schema_name", pa.string()),
        pa.field("fk_table_name", pa.string(), nullable=False),
        pa.field("fk_column_name", pa.string(), nullable=False),
        pa.field("key_sequence", pa.int32(), nullable=False),
        pa.field("fk_key_name", pa.string()),
        pa.field("pk_key_name", pa.string()),
        pa.field("update_rule", pa.uint8(), nullable=False),
        pa.field("delete_rule", pa.uint8(), nullable=False),
    ]
)
_Row = dict[str, str | int]
_Asked = Callable[[ShownTable], bool]


def primary_keys(command: flight_sql_pb2.CommandGetPrimaryKeys, *, shown: Sequence[ShownTable]) -> pa.Table:
    """Return the columns of a table's primary key."""
    asked = _table(command)
    rows = [
        {
            "db_schema_name": table.path[0],
            "table_name": table.path[1],
            "column_name": column,
            "key_name": _primary_key_name(table),
            "key_sequence": sequence,
        }
        for table in shown
        if asked(table) and table.shows(*table.dataset.primary_key)
        for sequence, column in enumerate(table.dataset.primary_key, 1)
    ]
    return pa.Table.from_pylist(rows, schema=PRIMARY_KEYS)


def exported_keys(command: flight_sql_pb2.CommandGetExportedKeys, *, shown: Sequence[ShownTable]) -> pa.Table:
    """Return the foreign keys that refer to a table, sorted by the table that refers."""
    return _foreign_keys(shown, referred=_table(command), referring=_any, first="fk")


def imported_keys(command: flight_sql_pb2.CommandGetImportedKeys, *, shown: Sequence[ShownTable]) -> pa.Table:
    """Return the foreign keys of a table, sorted by the table referred to."""
    return _foreign_keys(shown, referred=_any, referring=_table(command), first="pk")


def cross_reference(command: flight_sql_pb2.CommandGetCrossReference, *, shown: Sequence[ShownTable]) -> pa.Table:
    """Return the foreign keys of one table that refer to another, sorted like the imported ones."""
    referred, referring = _table(command, side="pk_"), _table(command, side="fk_")
    return _foreign_keys(shown, referred=referred, referring=referring, first="pk")


def _foreign_keys(shown: Sequence[ShownTable], *, referred: _Asked, referring: _Asked, first: str) -> pa.Table:
    by_name = {table.dataset.name: table for table in shown}
    rows = [
        row
        for table in shown
        if referring(table)
        for key in table.dataset.foreign_keys
        if key.references in by_name and referred(by_name[key.references])
        for row in _rows(key, table=table, referred=by_name[key.references])
    ]
    order = (f"{first}_db_schema_name", f"{first}_table_name", f"{first}_key_name", "fk_key_name", "key_sequence")
    rows.sort(key=lambda row: [row[name] for name in order])
    return pa.Table.from_pylist(rows, schema=FOREIGN_KEYS)


def _rows(key: ForeignKey, *, table: ShownTable, referred: ShownTable) -> Iterator[_Row]:
    if not table.shows(*key.columns) or not referred.shows(*referred.dataset.primary_key):
        return
    for sequence, (column, primary) in enumerate(zip(key.columns, referred.dataset.primary_key, strict=True), 1):
        yield {
            "pk_db_schema_name": referred.path[0],
            "pk_table_name": referred.path[1],
            "pk_column_name": primary,
            "fk_db_schema_name": table.path[0],
            "fk_table_name": table.path[1],
            "fk_column_name": column,
            "key_sequence": sequence,
            "fk_key_name": f"{table.path[1]}_{'_'.join(key.columns)}_fkey",
            "pk_key_name": _primary_key_name(referred),
            "update_rule": UpdateDeleteRules.NO_ACTION,
            "delete_rule": UpdateDeleteRules.NO_ACTION,
        }


def _primary_key_name(table: ShownTable) -> str:
    return f"{table.path[1]}_pkey"


def _table(
    command: flight_sql_pb2.CommandGetPrimaryKeys
    | flight_sql_pb2.CommandGetExportedKeys
    | flight_sql_pb2.CommandGetImportedKeys
    | flight_sql_pb2.CommandGetCrossReference,
    *,
    side: str = "",
) -> _Asked:
    """Return what tells whether a command asks for a table."""
    fields = {descriptor.name: value for descriptor, value in command.ListFields()}
    fields = {name.removeprefix(side): value for name, value in fields.items() if name.startswith(side)}
    return lambda table: (
        fields.get("catalog", CATALOG) == CATALOG
        and fields.get("db_schema", table.path[0]) == table.path[0]
        and fields.get("table", "") == table.path[1]
    )


def _any(_table: ShownTable) -> bool:
    return True
