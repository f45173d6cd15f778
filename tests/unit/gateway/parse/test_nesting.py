"""How deep a statement goes, told from its tokens."""

from __future__ import annotations

import pytest
from sqlglot.dialects.duckdb import DuckDB

from gateway.parse.nesting import measure_nesting


def nesting(sql: str) -> tuple[int, int, int]:
    found = measure_nesting([token.token_type for token in DuckDB().tokenize(sql)])
    return found.levels, found.types, found.joins


@pytest.mark.parametrize(
    ("sql", "levels"),
    [
        ("select a", 1),
        ("select a from b where not not a", 3),
        ("select ((a))", 2),
        ("select (case when (a) then b end)", 3),
        ("(((a)))))) ((a))", 3),
        ("(end (end (end (a", 4),
        ("case when (a end) end", 3),
        ("from from from a", 3),
    ],
)
def test_levels_count_what_is_open_at_once(sql, levels):
    """Parentheses, CASE and words in a row count; closing what is not open, or END inside parentheses, takes nothing off."""
    assert nesting(sql)[0] == levels


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("date(a)", 1),
        ("date(int(a))", 2),
        ("date(abs(int(a)))", 2),
        ("date(a), date(a)", 1),
        ("decimal(1) (a)", 1),
        ("abs(a)", 0),
    ],
)
def test_types_count_inside_each_other(sql, types):
    """Parentheses after a type's name count as long as they are open."""
    assert nesting(sql)[1] == types


@pytest.mark.parametrize(
    ("sql", "joins"),
    [
        ("a join b on x join c using (x)", 1),
        ("a join b join c on x on x", 2),
        ("a cross join b cross join c", 0),
        ("a join b, c join d, e join f", 3),
        ("a join (select distinct on (x) 1) join (select distinct on (x) 1)", 2),
        ("a join b using sample 3 join c using sample 3", 2),
        ("a join (b join (c join d", 3),
        ("a join (b join c) on x join d on x", 2),
    ],
)
def test_joins_count_until_their_own_condition(sql, joins):
    """Only an ON or USING (…) at the level of a JOIN belongs to it."""
    assert nesting(sql)[2] == joins
