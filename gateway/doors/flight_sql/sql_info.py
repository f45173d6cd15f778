"""What the server tells of itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import pyarrow as pa

from gateway.doors.flight_sql.prepared import STATEMENT_SECONDS, STATEMENTS_PER_REQUESTER_MAX
from gateway.parse import QueryLimits
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from sharing_stubs.arrow.flight.sql.flight_sql_pb2 import SqlInfo

_VALUES: Final = (
    pa.field("string_value", pa.string()),
    pa.field("bool_value", pa.bool_()),
    pa.field("bigint_value", pa.int64()),
    pa.field("int32_bitmask", pa.int32()),
    pa.field("string_list", pa.list_(pa.field("string_data", pa.string()))),
    pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.field("$data$", pa.int32())))),
)
"""Kinds of values, in the order of the union."""
SQL_INFO = pa.schema(
    [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field("value", pa.dense_union(_VALUES), nullable=False),
    ]
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KEYWORDS: Final = _words(
    """
    ALL AND AS ASC BETWEEN BY CASE CAST CROSS CURRENT DATE DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXTRACT FALSE FILTER
    FIRST FOLLOWING FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE LIMIT NOT NULL NULLS
    OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE RIGHT ROW ROWS SELECT THEN TIMESTAMP TRUE TRY_CAST
    UNBOUNDED UNION USING WHEN WHERE WITH
    """
)
NUMERIC_FUNCTIONS: Final = ("abs", "ceil", "ceiling", "floor", "round")
STRING_FUNCTIONS: Final = _words(
    """
    concat concat_ws contains ends_with left length lower ltrim right rtrim starts_with strpos substring trim upper
    """
)
SYSTEM_FUNCTIONS: Final = ("coalesce", "greatest", "if", "ifnull", "least", "nullif")
DATETIME_FUNCTIONS: Final = _words(
    "current_date current_timestamp date_add date_diff date_trunc day extract month quarter year"
)

_TEXTS: Final[dict[SqlInfo, Any]] = {
    SqlInfo.FLIGHT_SQL_SERVER_NAME: "sharing-gateway",
    SqlInfo.FLIGHT_SQL_SERVER_ARROW_VERSION: pa.__version__,
    SqlInfo.SQL_IDENTIFIER_QUOTE_CHAR: '"',
    SqlInfo.SQL_SEARCH_STRING_ESCAPE: "\\",
    SqlInfo.SQL_EXTRA_NAME_CHARACTERS: "",
    SqlInfo.SQL_SCHEMA_TERM: "schema",
    SqlInfo.SQL_PROCEDURE_TERM: "",
    SqlInfo.SQL_CATALOG_TERM: "",
}
_TRUE: Final = (
    SqlInfo.FLIGHT_SQL_SERVER_READ_ONLY,
    SqlInfo.FLIGHT_SQL_SERVER_SQL,
    SqlInfo.FLIGHT_SQL_SERVER_CANCEL,
    SqlInfo.SQL_SUPPORTS_COLUMN_ALIASING,
    SqlInfo.SQL_NULL_PLUS_NULL_IS_NULL,
    SqlInfo.SQL_SUPPORTS_TABLE_CORRELATION_NAMES,
    SqlInfo.SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY,
    SqlInfo.SQL_SUPPORTS_ORDER_BY_UNRELATED,
    SqlInfo.SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE,
    SqlInfo.SQL_SUPPORTS_NON_NULLABLE_COLUMNS,
    SqlInfo.SQL_CORRELATED_SUBQUERIES_SUPPORTED,
)
_FALSE: Final = (
    SqlInfo.FLIGHT_SQL_SERVER_SUBSTRAIT,
    SqlInfo.FLIGHT_SQL_SERVER_BULK_INGESTION,
    SqlInfo.FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED,
    SqlInfo.SQL_DDL_CATALOG,
    SqlInfo.SQL_DDL_SCHEMA,
    SqlInfo.SQL_DDL_TABLE,
    SqlInfo.SQL_ALL_TABLES_ARE_SELECTABLE,  # the policy decides, query by query
    SqlInfo.SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES,
    SqlInfo.SQL_SUPPORTS_INTEGRITY_ENHANCEMENT_FACILITY,
    SqlInfo.SQL_CATALOG_AT_START,
    SqlInfo.SQL_SELECT_FOR_UPDATE_SUPPORTED,
    SqlInfo.SQL_STORED_PROCEDURES_SUPPORTED,
    SqlInfo.SQL_MAX_ROW_SIZE_INCLUDES_BLOBS,
    SqlInfo.SQL_TRANSACTIONS_SUPPORTED,
    SqlInfo.SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT,
    SqlInfo.SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED,
    SqlInfo.SQL_BATCH_UPDATES_SUPPORTED,
    SqlInfo.SQL_SAVEPOINTS_SUPPORTED,
    SqlInfo.SQL_NAMED_PARAMETERS_SUPPORTED,
    SqlInfo.SQL_LOCATORS_UPDATE_COPY,
    SqlInfo.SQL_STORED_FUNCTIONS_USING_CALL_SYNTAX_SUPPORTED,
)
_UNBOUNDED: Final = (
    SqlInfo.SQL_MAX_BINARY_LITERAL_LENGTH,
    SqlInfo.SQL_MAX_CHAR_LITERAL_LENGTH,
    SqlInfo.SQL_MAX_COLUMNS_IN_GROUP_BY,
    SqlInfo.SQL_MAX_COLUMNS_IN_INDEX,
    SqlInfo.SQL_MAX_COLUMNS_IN_ORDER_BY,
    SqlInfo.SQL_MAX_COLUMNS_IN_SELECT,
    SqlInfo.SQL_MAX_COLUMNS_IN_TABLE,
    SqlInfo.SQL_MAX_CONNECTIONS,
    SqlInfo.SQL_MAX_CURSOR_NAME_LENGTH,
    SqlInfo.SQL_MAX_INDEX_LENGTH,
    SqlInfo.SQL_MAX_PROCEDURE_NAME_LENGTH,
    SqlInfo.SQL_MAX_CATALOG_NAME_LENGTH,
    SqlInfo.SQL_MAX_ROW_SIZE,
    SqlInfo.SQL_MAX_TABLES_IN_SELECT,
    SqlInfo.SQL_MAX_USERNAME_LENGTH,
)
"""Without a bound of its own, or not there at all: 0 to JDBC, whose driver throws when a limit is missing."""
_LIMITS: Final[dict[SqlInfo, Any]] = {
    SqlInfo.SQL_MAX_COLUMN_NAME_LENGTH: 63,
    SqlInfo.SQL_DB_SCHEMA_NAME_LENGTH: 63,
    SqlInfo.SQL_MAX_TABLE_NAME_LENGTH: 63,
    SqlInfo.SQL_MAX_STATEMENT_LENGTH: QueryLimits().bytes_max,
    SqlInfo.SQL_MAX_STATEMENTS: STATEMENTS_PER_REQUESTER_MAX,
    SqlInfo.SQL_DEFAULT_TRANSACTION_ISOLATION: 0,
    **dict.fromkeys(_UNBOUNDED, 0),
}
"""Of 64 bits."""
_NUMBERS: Final[dict[SqlInfo, Any]] = {
    SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION: flight_sql_pb2.SQL_SUPPORTED_TRANSACTION_NONE,
    SqlInfo.FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT: STATEMENT_SECONDS * 1000,
    SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT: 0,
    SqlInfo.SQL_IDENTIFIER_CASE: flight_sql_pb2.SQL_CASE_SENSITIVITY_LOWERCASE,
    SqlInfo.SQL_QUOTED_IDENTIFIER_CASE: flight_sql_pb2.SQL_CASE_SENSITIVITY_CASE_INSENSITIVE,
    SqlInfo.SQL_NULL_ORDERING: flight_sql_pb2.SQL_NULLS_SORTED_AT_END,
    SqlInfo.SQL_SUPPORTED_GROUP_BY: 0b11,  # by what is not selected, and by more than that
    SqlInfo.SQL_SUPPORTED_GRAMMAR: 0,  # the least of ODBC's grammars writes
    SqlInfo.SQL_ANSI92_SUPPORTED_LEVEL: 0,  # so does the entry level
    SqlInfo.SQL_OUTER_JOINS_SUPPORT_LEVEL: flight_sql_pb2.SQL_FULL_OUTER_JOINS,
    SqlInfo.SQL_SCHEMAS_SUPPORTED_ACTIONS: 0,
    SqlInfo.SQL_CATALOGS_SUPPORTED_ACTIONS: 0,
    SqlInfo.SQL_SUPPORTED_POSITIONED_COMMANDS: 0,
    SqlInfo.SQL_SUPPORTED_SUBQUERIES: 0b111,  # in comparisons, EXISTS and IN; not with ANY and ALL
    SqlInfo.SQL_SUPPORTED_UNIONS: 0b11,  # UNION and UNION ALL
    SqlInfo.SQL_SUPPORTED_TRANSACTIONS_ISOLATION_LEVELS: 0b1,  # none
    SqlInfo.SQL_SUPPORTED_RESULT_SET_TYPES: 0b10,  # forward only
    SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_UNSPECIFIED: 0,
    SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_FORWARD_ONLY: 0b10,  # read only
    SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_SENSITIVE: 0,
    SqlInfo.SQL_SUPPORTED_CONCURRENCIES_FOR_RESULT_SET_SCROLL_INSENSITIVE: 0,
}
"""Of 32 bits."""
_LISTS: Final[dict[SqlInfo, Any]] = {
    SqlInfo.SQL_KEYWORDS: KEYWORDS,
    SqlInfo.SQL_NUMERIC_FUNCTIONS: NUMERIC_FUNCTIONS,
    SqlInfo.SQL_STRING_FUNCTIONS: STRING_FUNCTIONS,
    SqlInfo.SQL_SYSTEM_FUNCTIONS: SYSTEM_FUNCTIONS,
    SqlInfo.SQL_DATETIME_FUNCTIONS: DATETIME_FUNCTIONS,
}
_MAPS: Final[dict[SqlInfo, Any]] = {SqlInfo.SQL_SUPPORTS_CONVERT: []}  # there is CAST, but no function CONVERT


def sql_info(command: flight_sql_pb2.CommandGetSqlInfo) -> pa.Table:
    """Return the facts that are asked for, all when none is named, sorted by number; unknown ones are left out."""
    asked = set(command.info)
    texts: dict[SqlInfo, Any] = {**_TEXTS, SqlInfo.FLIGHT_SQL_SERVER_VERSION: version("sharing-gateway")}
    bools: dict[SqlInfo, Any] = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
    kinds: tuple[dict[SqlInfo, Any], ...] = (texts, bools, _LIMITS, _NUMBERS, _LISTS, _MAPS)
    chosen = [{id: facts[id] for id in sorted(facts) if not asked or id in asked} for facts in kinds]
    rows = sorted((id, kind, offset) for kind, facts in enumerate(chosen) for offset, id in enumerate(facts))
    values = pa.UnionArray.from_dense(
        pa.array([kind for _, kind, _ in rows], pa.int8()),
        pa.array([offset for _, _, offset in rows], pa.int32()),
        [pa.array(list(facts.values()), field.type) for field, facts in zip(_VALUES, chosen, strict=True)],
        [field.name for field in _VALUES],
    )
    return pa.table([pa.array([id for id, _, _ in rows], pa.uint32()), values], schema=SQL_INFO)
