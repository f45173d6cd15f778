"""Metadata commands of Flight SQL: what may be asked for, told only as far as the catalogue shows it to the requester.

Schemas and order of rows are those that Flight SQL fixes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import sqlglot.expressions as exp
from google.protobuf.message import Message

from gateway.doors.flight_sql import keys, tables
from gateway.doors.flight_sql.shown_tables import matching, shown_tables
from gateway.doors.flight_sql.sql_info import SQL_INFO, sql_info
from gateway.doors.flight_sql.type_info import XDBC_TYPE_INFO, xdbc_type_info
from gateway.doors.offers import Offers
from gateway.errors import Bug
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2 as sql

ACTIONS = {
    "CancelFlightInfo": "结束一次查询 / Ends a query that waits or runs",
    "CancelQuery": "结束一次查询（旧式） / Ends a query, the older way",
    "ClosePreparedStatement": "关闭预编译语句 / Closes a prepared statement",
    "CloseSession": "清除会话选项 / Forgets the session's options",
    "CreatePreparedStatement": "预编译语句，参数为“?” / Prepares a statement, with parameters written '?'",
    "GetSessionOptions": "查看会话选项 / Tells the session's options",
    "SetSessionOptions": "设置会话选项：目的、案件编号等 / Sets the session's options: purpose, case and others",
}


def schema_of(command: Message) -> pa.Schema:
    """Return the schema of a metadata command's answer. Raises Bug for any other command."""
    match command:
        case sql.CommandGetCatalogs():
            return tables.CATALOGS
        case sql.CommandGetDbSchemas():
            return tables.DB_SCHEMAS
        case sql.CommandGetTables():
            return tables.TABLES_WITH_SCHEMA if command.include_schema else tables.TABLES
        case sql.CommandGetTableTypes():
            return tables.TABLE_TYPES
        case sql.CommandGetPrimaryKeys():
            return keys.PRIMARY_KEYS
        case sql.CommandGetExportedKeys() | sql.CommandGetImportedKeys() | sql.CommandGetCrossReference():
            return keys.FOREIGN_KEYS
        case sql.CommandGetXdbcTypeInfo():
            return XDBC_TYPE_INFO
        case sql.CommandGetSqlInfo():
            return SQL_INFO
    raise Bug(f"no metadata command: {command.DESCRIPTOR.name}")


def answer(command: Message, *, offers: Offers, purpose: str) -> pa.Table:
    """Return the answer to a metadata command.

    Args:
        command: A message for which `schema_of` has a schema.
        offers: What the catalogue offers the requester now.
        purpose: Id of the declared purpose, which narrows tables and columns to its own; empty when none is declared.

    Raises:
        Bug: It is another command.
    """
    shown = shown_tables(offers, purpose=purpose)
    match command:
        case sql.CommandGetCatalogs():
            return tables.catalogs()
        case sql.CommandGetDbSchemas():
            return tables.db_schemas(command, shown=shown)
        case sql.CommandGetTables():
            return tables.tables(command, shown=shown, offers=offers)
        case sql.CommandGetTableTypes():
            return tables.table_types()
        case sql.CommandGetPrimaryKeys():
            return keys.primary_keys(command, shown=shown)
        case sql.CommandGetExportedKeys():
            return keys.exported_keys(command, shown=shown)
        case sql.CommandGetImportedKeys():
            return keys.imported_keys(command, shown=shown)
        case sql.CommandGetCrossReference():
            return keys.cross_reference(command, shown=shown)
        case sql.CommandGetXdbcTypeInfo():
            return xdbc_type_info(command)
        case sql.CommandGetSqlInfo():
            return sql_info(command)
    raise Bug(f"no metadata command: {command.DESCRIPTOR.name}")


def list_flights(offers: Offers, *, purpose: str, expression: bytes) -> Iterator[flight_pb2.FlightInfo]:
    """Yield each table as the statement that reads all of it, to be asked for with GetFlightInfo.

    Args:
        offers: What the catalogue offers the requester now.
        purpose: Id of the declared purpose, or empty.
        expression: Pattern of `schema.table` in UTF-8, as in metadata commands; empty for all.
    """
    shown = shown_tables(offers, purpose=purpose)
    names = [table.dataset.name for table in shown]
    kept = matching(names, pattern=expression.decode("utf-8", "replace") or "%")
    for table, is_kept in zip(shown, kept, strict=True):
        if is_kept:
            schema = tables.table_schema(table, offers=offers)
            db, name = table.path
            columns = [exp.column(column, quoted=True) for column in schema.names]
            statement = exp.select(*columns).from_(exp.table_(name, db=db, quoted=True)).sql(dialect="duckdb")
            yield flight_pb2.FlightInfo(
                schema=schema.serialize().to_pybytes(),
                flight_descriptor=flight_pb2.FlightDescriptor(
                    type=flight_pb2.FlightDescriptor.CMD, cmd=statement.encode()
                ),
                total_records=-1,
                total_bytes=-1,
            )


def list_actions() -> Iterator[flight_pb2.ActionType]:
    """Yield what DoAction does."""
    for name, description in ACTIONS.items():
        yield flight_pb2.ActionType(type=name, description=description)
