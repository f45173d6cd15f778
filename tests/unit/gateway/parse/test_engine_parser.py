"""DuckDB's own reading of a statement."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse import EngineParser, parse


def test_tables_are_told_with_their_schemas_and_how_often(engine_parser):
    """Every table name is told in lower case, wherever it stands, CTE references included."""
    reading = engine_parser.read(
        'WITH x AS (SELECT * FROM A."B") SELECT (SELECT 1 FROM a.b) FROM x WHERE EXISTS (SELECT 1 FROM c.d UNION SELECT 1 FROM e)'
    )
    assert not reading.refused
    assert reading.tables == Counter({("a", "b"): 2, ("x",): 1, ("c", "d"): 1, ("e",): 1})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT",
        "SELECT 1; SELECT 2",
        "INSERT INTO a.b SELECT 1",
        "COPY a.b TO 'x'",
        "EXPLAIN SELECT 1",
        "SELECT error('x')",
        "SELECT main.upper('x')",
        "SELECT * FROM read_csv('x')",
        "SELECT * FROM range(3)",
        "SELECT * FROM (VALUES (1))",
        "SELECT COLUMNS(*) FROM a.b",
        "SELECT * EXCLUDE (a) FROM a.b",
        "SELECT * REPLACE (1 AS a) FROM a.b",
        "SELECT * RENAME (a AS b) FROM a.b",
        "SELECT #1 FROM a.b",
        "SELECT $1",
        "SELECT x -> y FROM a.b",
        "SELECT [1]",
        "SELECT a COLLATE nocase FROM a.b",
        "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t",
        "PIVOT a.b ON c",
        "SHOW TABLES",
    ],
)
def test_what_duckdb_reads_is_held_against_the_lists_too(sql, engine_parser):
    """A statement is refused when DuckDB sees a kind of node or a function that is not listed, whatever sqlglot saw."""
    assert engine_parser.read(sql).refused


def test_nothing_is_bound_or_run(engine_parser):
    """Names that do not exist and operations that would fail do not matter: DuckDB only parses."""
    assert not engine_parser.read("SELECT CAST('x' AS INT) / 0 FROM no.such WHERE nor = this").refused


def test_one_parser_serves_many_threads(engine_parser):
    """Threads get their own statement's tables."""
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(engine_parser.read, [f"SELECT 1 FROM s.t{i}" for i in range(200)]))
    assert [set(reading.tables) for reading in readings] == [{("s", f"t{i}")} for i in range(200)]


class DisagreeingParser(EngineParser):
    """A DuckDB that reads one table more than sqlglot does."""

    def read(self, sql):
        reading = super().read(sql)
        reading.tables["health", "health_code"] += 1
        return reading


def test_disagreement_about_tables_refuses_the_statement():
    """When the two parsers do not find the same tables nothing goes on."""
    engine_parser = DisagreeingParser()
    with pytest.raises(InvalidQuery) as refused:
        parse("select name from population.resident", engine_parser=engine_parser)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED
    engine_parser.close()
