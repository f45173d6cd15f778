"""What the server tells of itself is true."""

from __future__ import annotations

import pytest

from catalog.vocabulary import ColumnType
from gateway.doors.flight_sql import sql_info as facts
from gateway.doors.flight_sql.sql_info import sql_info
from gateway.doors.flight_sql.type_info import DATA_TYPES, DataType, type_of, xdbc_type_info
from gateway.errors import InvalidQuery
from gateway.parse import EngineParser, QueryLimits, parse
from sharing_stubs.arrow.flight.sql import flight_sql_pb2 as sql

TABLE = "population.resident"
FUNCTIONS = (facts.NUMERIC_FUNCTIONS, facts.STRING_FUNCTIONS, facts.SYSTEM_FUNCTIONS, facts.DATETIME_FUNCTIONS)
CALLS = {
    **dict.fromkeys(("coalesce", "concat", "greatest", "ifnull", "least", "nullif", "contains"), "{}(a, 'x')"),
    **dict.fromkeys(("ends_with", "starts_with", "strpos", "left", "right", "round"), "{}(a, 1)"),
    **dict.fromkeys(("current_date", "current_timestamp"), "{}"),
    "concat_ws": "concat_ws(' ', a, b)",
    "if": "if(a = 1, a, b)",
    "substring": "substring(a, 1, 2)",
    "date_add": "date_add(a, INTERVAL 1 DAY)",
    "date_diff": "date_diff('year', a, b)",
    "date_trunc": "date_trunc('month', a)",
    "extract": "extract(dow FROM a)",
}
STATEMENTS = [
    f"SELECT DISTINCT a AS x FROM {TABLE} r INNER JOIN {TABLE} USING (a) WHERE NOT a BETWEEN 1 AND 2 OR a IS NULL "
    "ORDER BY a ASC NULLS FIRST, year(b) DESC NULLS LAST LIMIT 1 OFFSET 1",
    f"WITH t AS (SELECT a FROM {TABLE} GROUP BY a, b HAVING count(*) > 1) SELECT a FROM t EXCEPT SELECT a FROM t "
    "UNION ALL SELECT a FROM t INTERSECT SELECT a FROM t",
    f"SELECT CASE WHEN a LIKE 'x' ESCAPE '!' THEN TRUE ELSE FALSE END, CAST(a AS DATE), TRY_CAST(a AS TIMESTAMP) FROM {TABLE} "
    f"LEFT OUTER JOIN {TABLE} x ON x.a = 1 WHERE a ILIKE 'y' AND EXISTS (SELECT 1 FROM {TABLE} t WHERE t.a = x.a)",
    f"SELECT extract(dow FROM a), a - INTERVAL 1 DAY, count(*) FILTER (WHERE a = 1) FROM {TABLE} RIGHT JOIN {TABLE} y ON y.a = 1 "
    f"FULL JOIN {TABLE} z ON z.a = 1 CROSS JOIN {TABLE} u WHERE a IN (SELECT a FROM {TABLE})",
    "SELECT sum(a) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), "
    f"sum(a) OVER (ORDER BY b RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM {TABLE} QUALIFY rank() OVER (ORDER BY a) = 1",
    f"SELECT a FROM {TABLE} WHERE a = (SELECT max(a) FROM {TABLE})",
]
"""Together they use every keyword, and what the numbered facts say that there is."""
REFUSED = [
    f"SELECT a FROM {TABLE} WHERE a = ANY (SELECT a FROM {TABLE})",
    f"SELECT a FROM {TABLE} WHERE a > ALL (SELECT a FROM {TABLE})",
    f"SELECT a FROM {TABLE} FOR UPDATE",
    f"CREATE TABLE x AS SELECT a FROM {TABLE}",
    "BEGIN TRANSACTION",
]


@pytest.fixture(scope="module")
def engine_parser() -> EngineParser:
    return EngineParser()


def told(*numbers: int) -> dict[int, object]:
    return {row["info_name"]: row["value"] for row in sql_info(sql.CommandGetSqlInfo(info=numbers)).to_pylist()}


def test_only_what_is_asked_for_is_told() -> None:
    """Numbers choose facts; one that this server has no fact for is left out."""
    names = (sql.FLIGHT_SQL_SERVER_NAME, sql.SQL_SUPPORTED_UNIONS, sql.SQL_SUPPORTS_CONVERT, 99_999)
    assert told(*names) == {0: "sharing-gateway", 517: [], 540: 3}
    everything = sql_info(sql.CommandGetSqlInfo())["info_name"].to_pylist()
    assert everything == sorted(everything)
    assert set(everything) <= set(sql.SqlInfo.values())


def test_reading_only() -> None:
    """The server says that it reads only, without transactions, and that queries can be cancelled."""
    assert told(3, 4, 8, 9, 10, 502, 563) == {3: True, 4: True, 8: 0, 9: True, 10: False, 502: False, 563: False}


def test_limits() -> None:
    """The longest statement is that of the parser."""
    assert told(sql.SQL_MAX_STATEMENT_LENGTH) == {557: QueryLimits().bytes_max}


def test_every_limit_is_told() -> None:
    """0 where there is none: the JDBC driver throws when a limit is missing."""
    limits = [number for name, number in sql.SqlInfo.items() if name.startswith("SQL_MAX_")]
    assert told(*limits).keys() == set(limits)


@pytest.mark.parametrize("name", sorted({name for names in FUNCTIONS for name in names}))
def test_every_function_told_is_accepted(engine_parser: EngineParser, name: str) -> None:
    """A function in the lists can be called."""
    parse(f"SELECT {CALLS.get(name, '{}(a)').format(name)} FROM {TABLE}", engine_parser=engine_parser)


def test_every_keyword_told_is_accepted(engine_parser: EngineParser) -> None:
    """A keyword in the list has its place in some statement."""
    words: set[str] = set()
    for statement in STATEMENTS:
        parse(statement, engine_parser=engine_parser)
        words |= set(statement.replace("(", " ").replace(")", " ").replace(",", " ").upper().split())
    assert set(facts.KEYWORDS) <= words


@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_told_not_to_exist_is_refused(engine_parser: EngineParser, statement: str) -> None:
    """Quantified subqueries, locks, definitions and transactions are refused, as the numbered facts say."""
    with pytest.raises(InvalidQuery):
        parse(statement, engine_parser=engine_parser)


@pytest.mark.parametrize("kind", DATA_TYPES)
def test_every_type_told_is_accepted(engine_parser: EngineParser, kind: DataType) -> None:
    """One can cast to each type, and write its literals."""
    name, prefix, suffix = kind.type_name, kind.literal_prefix, kind.literal_suffix
    literal = f"{prefix}2026-01-01{suffix}" if prefix else "1"
    parse(f"SELECT CAST(a AS {name}), {literal} FROM {TABLE}", engine_parser=engine_parser)


def test_types_are_sorted_and_chosen_by_number() -> None:
    """Types come by number and name, as Flight SQL fixes; a number chooses those that have it."""
    rows = xdbc_type_info(sql.CommandGetXdbcTypeInfo()).to_pylist()
    assert [(r["data_type"], r["type_name"]) for r in rows] == sorted((r["data_type"], r["type_name"]) for r in rows)
    chosen = xdbc_type_info(sql.CommandGetXdbcTypeInfo(data_type=sql.XDBC_TIMESTAMP)).to_pylist()
    assert [row["type_name"] for row in chosen] == ["TIMESTAMP", "TIMESTAMPTZ"]
    assert xdbc_type_info(sql.CommandGetXdbcTypeInfo(data_type=0)).num_rows == 0


def test_every_column_has_a_type() -> None:
    """Whatever type the catalogue gives a column has a row in the type information."""
    assert {type_of(column) for column in ColumnType} <= set(DATA_TYPES)
