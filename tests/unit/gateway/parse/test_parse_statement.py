"""What parse accepts, as data in `accepted.yaml`, and refuses, in `refused.yaml`."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import sqlglot.expressions as exp
import yaml

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.query import SOURCE_FILTER
from gateway.parse import QueryLimits, parse

FOLDER = Path(__file__).parent
ACCEPTED = yaml.safe_load((FOLDER / "accepted.yaml").read_text("utf-8"))
REFUSED = yaml.safe_load((FOLDER / "refused.yaml").read_text("utf-8"))


def write(tree: exp.Query) -> str:
    return tree.sql(dialect="duckdb")


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["sql"][:60])
def test_accepted_sql_becomes_its_canonical_form(case, engine_parser):
    """Accepted SQL goes on as its canonical form, and the requester's text stays beside it."""
    parsed = parse(case["sql"], engine_parser=engine_parser)
    assert write(parsed.tree) == case["canonical"]
    assert parsed.sql == case["sql"]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case["sql"][:60])
def test_canonical_sql_is_a_fixed_point(case, engine_parser):
    """Parsing canonical SQL gives the same tree again."""
    first = parse(case["sql"], engine_parser=engine_parser).tree
    second = parse(write(first), engine_parser=engine_parser).tree
    assert second == first


@pytest.mark.parametrize(("sql", "reason", "detail"), REFUSED, ids=[case[0][:60] or "empty" for case in REFUSED])
def test_other_sql_is_refused_with_its_reason(sql, reason, detail, engine_parser):
    """What is not listed is refused and the requester is told what it was."""
    with pytest.raises(InvalidQuery) as refused:
        parse(sql, engine_parser=engine_parser)
    assert (refused.value.reason, refused.value.detail) == (Reason(reason), detail)


def test_refused_sql_does_not_reach_the_log(engine_parser, caplog):
    """sqlglot's warnings, which quote the text, do not appear."""
    caplog.set_level(logging.DEBUG)
    for sql, _, _ in REFUSED:
        with pytest.raises(InvalidQuery):
            parse(sql, engine_parser=engine_parser)
    assert caplog.messages == []


def test_comments_leave_no_trace_in_the_tree(engine_parser):
    """A comment cannot set the notes that later stages read, such as the mark of a source filter."""
    sql = "select /* sqlglot.meta source_filter=0, case_sensitive */ name from population.resident -- sqlglot.meta source_filter=0"
    tree = parse(sql, engine_parser=engine_parser).tree
    assert not any(node.comments or SOURCE_FILTER in node.meta or node.meta for node in tree.walk())


@pytest.mark.parametrize(
    ("limits", "detail"),
    [
        (QueryLimits(bytes_max=20), "bytes > 20"),
        (QueryLimits(tokens_max=5), "tokens > 5"),
        (QueryLimits(nesting_max=2), "nesting > 2"),
        (QueryLimits(nodes_max=10), "nodes > 10"),
        (QueryLimits(depth_max=3), "depth > 3"),
    ],
)
def test_every_bound_refuses(limits, detail, engine_parser):
    """Each bound stops a statement one over it, and names itself."""
    with pytest.raises(InvalidQuery) as refused:
        parse("select abs(((1 + 2))) from population.resident", engine_parser=engine_parser, limits=limits)
    assert (refused.value.reason, refused.value.detail) == (Reason.QUERY_TOO_COMPLEX, detail)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from population.resident where " + " and ".join(["sex = '1'"] * 4000),
        "select 1 from population.resident where " + " or ".join(["sex = '1'"] * 600),
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select * from " + "(select * from " * 30 + "population.resident" + ")" * 30,
        "select " + "not " * 500 + "true",
        "select " + "case when true then " * 30 + "1" + " end" * 30,
        "select " + "+".join(["1"] * 500),
        " union ".join(["select 1"] * 500),
        "select " + "date(" * 22 + "1" + ")" * 22,
        "select 1 from a" + " join b" * 30,
        "select 1 from a" + " join b join b join b on true" * 12,
        "select 1 from a" + " join (select distinct on (x) 1) b" * 12,
        "from " * 3000,
        "select " * 3000,
        "select case " + "when case " * 300,
    ],
    ids=lambda sql: sql[:40] + "…",
)
def test_statements_that_keep_a_parser_busy_are_refused_as_too_complex(sql, engine_parser):
    """Statements that took sqlglot seconds or minutes, or ended the process, are stopped before it or by a bound of the tree."""
    with pytest.raises(InvalidQuery) as refused:
        parse(sql, engine_parser=engine_parser)
    assert refused.value.reason is Reason.QUERY_TOO_COMPLEX


@pytest.mark.parametrize(
    "sql",
    ["select name from population.resident |> " + "select name |> " * 300 + "select 1", "select a" + "[1]" * 1300],
    ids=["pipes", "subscripts"],
)
def test_chains_that_sqlglot_reads_in_quadratic_time_are_not_supported(sql, engine_parser):
    """Pipes and subscripts stop at their first sign."""
    with pytest.raises(InvalidQuery) as refused:
        parse(sql, engine_parser=engine_parser)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED


def test_a_statement_as_large_as_allowed_is_accepted(engine_parser):
    """Bounds leave room for long lists of keys and a hundred conditions."""
    keys = ",".join(f"'{key:018d}'" for key in range(1500))
    conditions = " and ".join(f"name <> 'n{i}'" for i in range(100))
    parse(
        f"select name from population.resident where resident_id in ({keys}) and {conditions}",
        engine_parser=engine_parser,
    )
