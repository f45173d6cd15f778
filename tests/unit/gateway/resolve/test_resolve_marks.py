"""Marks in the tree that say which condition is which source filter."""

from __future__ import annotations

import sqlglot.expressions as exp

from gateway.model.query import SOURCE_FILTER
from gateway.parse import parse
from gateway.resolve import resolve

SQL = (
    "select name from population.resident where (sex = '1' and (birth_date < '1950-01-01')) and phone is null "
    "and household_id in (select household_id from population.household where member_count > 3)"
)


def marks(tree: exp.Expr) -> dict[int, str]:
    return {
        node.meta[SOURCE_FILTER]: node.sql(dialect="duckdb").replace('"', "")
        for node in tree.walk()
        if SOURCE_FILTER in node.meta
    }


def test_every_filter_marks_its_own_condition(engine_parser, catalogue):
    """A source filter's index is on the condition it stands for, and on no other node."""
    resolved = resolve(parse(SQL, engine_parser=engine_parser), catalogue=catalogue)
    found = marks(resolved.tree)
    assert [found[f.index] for f in resolved.source_filters] == [
        "resident.sex = '1'",
        "resident.birth_date < '1950-01-01'",
        "household.member_count > 3",
    ]
    assert len(found) == len(resolved.source_filters)


def test_marks_survive_a_copy(engine_parser, catalogue):
    """Copying the tree, as later stages do before they change it, keeps the marks."""
    tree = resolve(parse(SQL, engine_parser=engine_parser), catalogue=catalogue).tree
    assert marks(tree.copy()) == marks(tree) != {}


def test_a_comment_marks_nothing(engine_parser, catalogue):
    """A requester cannot mark a condition as applied at the source."""
    sql = "select name from population.resident where /* sqlglot.meta source_filter=0 */ (name = 'x' or sex = '1')"
    assert marks(resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue).tree) == {}
