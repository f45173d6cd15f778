"""What DuckDB answers: resolving keeps it, and what resolve tells is enough to keep it."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
import yaml

from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.errors import InvalidQuery
from gateway.model.query import ResolvedQuery
from gateway.parse import parse
from gateway.resolve import resolve
from tests.unit.gateway.resolve.made_up_tables import fill
from tests.unit.gateway.resolve.random_statements import StatementMaker

FOLDER = Path(__file__).parent
ANSWERS = yaml.safe_load((FOLDER / "answers.yaml").read_text("utf-8"))
STATEMENTS = ANSWERS + [
    case["sql"]
    for topic in ("columns", "flows", "filters", "aggregates")
    for case in yaml.safe_load((FOLDER / "cases" / f"{topic}.yaml").read_text("utf-8"))
]
RANDOM_STATEMENTS = int(os.environ.get("FUZZ_EXAMPLES", "150"))
SQL_OPERATORS = {
    PredicateOp.EQ: "=",
    PredicateOp.NE: "<>",
    PredicateOp.LT: "<",
    PredicateOp.LE: "<=",
    PredicateOp.GT: ">",
    PredicateOp.GE: ">=",
}


@pytest.fixture(scope="module")
def tables(catalogue):
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    fill(connection, catalogue.datasets)
    yield connection
    connection.close()


@pytest.fixture
def resolved(request, engine_parser, catalogue):
    made = resolve(parse(request.param, engine_parser=engine_parser), catalogue=catalogue)
    assert made.unknown_names == ()
    return made


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str] | str:
    try:
        return sorted(map(repr, connection.execute(sql).fetchall()))
    except duckdb.Error as error:
        return type(error).__name__


def condition(predicate: Predicate) -> tuple[str, list[object]]:
    values = list(predicate.values)
    if predicate.op is PredicateOp.IN:
        return f"{predicate.column} IN ({', '.join('?' for _ in values)})", values
    if predicate.op is PredicateOp.BETWEEN:
        return f"{predicate.column} BETWEEN ? AND ?", values
    if predicate.op is PredicateOp.PREFIX:
        return f"starts_with({predicate.column}, ?)", values
    return f"{predicate.column} {SQL_OPERATORS[predicate.op]} ?", values


def reduced(tables: duckdb.DuckDBPyConnection, resolved: ResolvedQuery) -> duckdb.DuckDBPyConnection:
    """A second database with nothing but the columns that are used and the rows that pass the source filters."""
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    for dataset in resolved.datasets:
        columns = ", ".join(column.name for column in dataset.columns) or "1 AS nothing"
        conditions = [condition(f.predicate) for f in resolved.source_filters if f.dataset == dataset.name]
        where = " AND ".join(text for text, _ in conditions) or "true"
        parameters = [value for _, values in conditions for value in values]
        sql = f"SELECT {columns} FROM {dataset.name} WHERE {where}"
        rows = tables.sql(sql, params=parameters).to_arrow_table()
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.name.split('.')[0]}")
        connection.register("rows", rows)
        connection.execute(f"CREATE TABLE {dataset.name} AS SELECT * FROM rows")
        connection.unregister("rows")
    return connection


each_statement = pytest.mark.parametrize("resolved", STATEMENTS, ids=[sql[:70] for sql in STATEMENTS], indirect=True)


@each_statement
def test_resolving_keeps_the_answer(resolved, tables):
    """The qualified statement answers what the requester's own text would have answered."""
    assert answer(tables, resolved.tree.sql(dialect="duckdb")) == answer(tables, resolved.sql)


@each_statement
def test_used_columns_and_filtered_rows_are_all_the_answer_needs(resolved, tables):
    """Columns that are not told as used, and rows that a source filter drops, do not matter to the answer."""
    assert_enough_is_told(tables, resolved)


def assert_enough_is_told(tables: duckdb.DuckDBPyConnection, resolved: ResolvedQuery) -> None:
    with reduced(tables, resolved) as small:
        assert answer(small, resolved.tree.sql(dialect="duckdb")) == answer(tables, resolved.sql), resolved.sql


def test_the_statements_do_answer_something(tables):
    """The comparison means something: the statements of `answers.yaml` run, and nearly all return rows."""
    found = [answer(tables, sql) for sql in ANSWERS]
    assert not [sql for sql, rows in zip(ANSWERS, found, strict=True) if isinstance(rows, str)]
    assert sum(bool(rows) for rows in found) >= 0.9 * len(found)


def test_random_statements_keep_their_answer_on_what_is_told(tables, engine_parser, catalogue):
    """For random statements too, the used columns and filtered rows are all that the answer needs."""
    answered = 0
    for seed in range(RANDOM_STATEMENTS):
        try:
            resolved = resolve(
                parse(StatementMaker(seed).statement(), engine_parser=engine_parser), catalogue=catalogue
            )
        except InvalidQuery:
            continue
        # DuckDB's own refusals and errors depend on what else a statement holds; only answers are compared.
        if not resolved.unknown_names and not isinstance(answer(tables, resolved.sql), str):
            assert_enough_is_told(tables, resolved)
            answered += 1
    assert answered > RANDOM_STATEMENTS // 5
