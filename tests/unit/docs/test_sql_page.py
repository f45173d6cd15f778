"""docs/sql.md says what `gateway.parse` does."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from sqlglot.dialects.duckdb import DuckDB

from catalog.load import load_catalogue
from gateway.errors import InvalidQuery
from gateway.parse import EngineParser, QueryLimits, parse
from gateway.parse.allowed import NODES, TYPES, UNITS
from gateway.resolve import resolve
from tests.unit.docs.pages import code, read, section, table, without_blocks

PAGE = read("sql.md")
STATEMENTS = [
    span
    for row in table(section(PAGE, "Statements"))
    for span in code(row[1])
    if span.startswith(("SELECT", "FROM", "WITH"))
]
EXPRESSIONS = [span for row in table(section(PAGE, "Functions")) for span in code(row[1])]
REFUSED = [(code(row[0])[0], code(row[1])[0]) for row in table(section(PAGE, "What is refused, and why"))]


@pytest.fixture(scope="module")
def engine_parser() -> Iterator[EngineParser]:
    parser = EngineParser()
    yield parser
    parser.close()


def of_expression(expression: str) -> str:
    """Return a statement that uses an expression over columns of all three tables."""
    tables = "population.resident JOIN population.household USING (household_id) JOIN housing.dwelling ON true"
    return f"SELECT {expression} FROM {tables}"


@pytest.mark.parametrize("sql", STATEMENTS)
def test_statements_of_the_page_are_accepted(engine_parser, sql):
    """Each example parses and names only what the catalogue has."""
    resolved = resolve(parse(sql, engine_parser=engine_parser), catalogue=load_catalogue())
    assert resolved.unknown_names == ()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_of_the_page_are_accepted(engine_parser, expression):
    """Each example parses."""
    parse(of_expression(expression), engine_parser=engine_parser)


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_refusals_of_the_page_are_refused(engine_parser, sql, reason):
    """Each counter-example is answered as the page says."""
    with pytest.raises(InvalidQuery) as refused:
        parse(sql, engine_parser=engine_parser)
    assert str(refused.value.reason) == reason


def test_the_examples_show_everything_that_is_allowed():
    """A node that `allowed` gains or loses must be shown on, or leave, the page."""
    shown = set()
    for sql in [*STATEMENTS, *map(of_expression, EXPRESSIONS)]:
        (tree,) = DuckDB().parse(sql)
        shown |= {type(node) for node in tree.walk()}
    assert {node.__name__ for node in shown} == {node.__name__ for node in NODES}


def test_types_and_units_are_all_named():
    """The lists of types and units are those of `allowed`."""
    text = section(PAGE, "Functions")
    listed = re.search(r"Types to cast to: (.*)\.\nUnits of dates: (.*)\.\n", text)
    assert set(code(listed[1])) == {kind.value for kind in TYPES}
    assert set(code(listed[2])) == set(UNITS)


def test_limits_are_those_of_the_parser():
    """The numbers of the table are the defaults, in the order of `QueryLimits`."""
    numbers = [int(row[1].replace(",", "")) for row in table(section(PAGE, "Limits"))]
    assert numbers == list(dataclasses.astuple(QueryLimits()))


def test_the_chinese_alias_of_the_page_is_accepted(engine_parser):
    """Quoted Chinese aliases work as written."""
    (sql,) = [span for span in code(without_blocks(PAGE)) if 'AS "姓名"' in span]
    assert parse(sql, engine_parser=engine_parser).tree.named_selects == ["姓名", "电话"]
