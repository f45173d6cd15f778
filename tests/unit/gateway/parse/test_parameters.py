"""A statement with parameters is the statement with their values written in it, and nothing else."""

from __future__ import annotations

import datetime
import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse import EngineParser, Parameter, parse, probe

UTC = datetime.UTC
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, 500)
ENGINE_PARSER = EngineParser()
"""For `given`, which no fixture of a function may serve."""


def text_of(sql: str, *parameters: Parameter) -> str:
    return parse(sql, engine_parser=ENGINE_PARSER, parameters=parameters).tree.sql(dialect="duckdb")


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", "'plain'"),
        ("'; DROP TABLE t; --", "'''; DROP TABLE t; --'"),
        ("a' OR '1'='1", "'a'' OR ''1''=''1'"),
        ("back\\slash", "'back\\slash'"),
        ("?", "'?'"),
        ("$0 /* :x */", "'$0 /* :x */'"),
        ("王小明", "'王小明'"),
        ("", "''"),
        (None, "NULL"),
        (True, "TRUE"),
        (0, "0"),
        (-5, "(-5)"),
        (2**63, "9223372036854775808"),
        (0.1, "0.1"),
        (-1e22, "(-1e+22)"),
        (decimal.Decimal("-1E-7"), "(-0.0000001)"),
        (decimal.Decimal("12345678901234567890.5"), "12345678901234567890.5"),
        (decimal.Decimal(10**37 + 7), "10000000000000000000000000000000000007"),
        (datetime.date(1950, 2, 1), "CAST('1950-02-01' AS DATE)"),
        (NOON, "CAST('2026-01-02 12:00:00.000500' AS TIMESTAMP)"),
        (NOON.replace(tzinfo=UTC), "CAST('2026-01-02 12:00:00.000500+00:00' AS TIMESTAMPTZ)"),
        (
            NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=8))),
            "CAST('2026-01-02 04:00:00.000500+00:00' AS TIMESTAMPTZ)",
        ),
    ],
    ids=str,
)
def test_a_value_is_one_literal(value: Parameter, literal: str) -> None:
    """Whatever a value says, it is a value: the statement is the one with the literal in its place."""
    assert text_of("SELECT a FROM s.t WHERE a = ?", value) == text_of(f"SELECT a FROM s.t WHERE a = {literal}")


@given(st.text(max_size=40))
def test_any_text_is_the_same_text_or_refused(value: str) -> None:
    """Text comes through letter for letter, or is refused for characters that people cannot see."""
    try:
        tree = parse("SELECT a FROM s.t WHERE a = ?", engine_parser=ENGINE_PARSER, parameters=[value]).tree
    except InvalidQuery:
        assert not (value.isprintable() and value.isascii())
    else:
        assert tree.args["where"].this.expression.name == value


def test_values_go_where_they_stand_in_the_text() -> None:
    """First to the first `?`, wherever the parsers put it."""
    sql = "SELECT TRIM(? FROM a) FROM s.t WHERE position(? IN a) > ? AND a LIKE ? ORDER BY a OFFSET ? LIMIT ?"
    written = (
        "SELECT TRIM('x' FROM a) FROM s.t WHERE position('y' IN a) > 3 AND a LIKE 'z%' ORDER BY a OFFSET 5 LIMIT 6"
    )
    assert text_of(sql, "x", "y", 3, "z%", 5, 6) == text_of(written)


def test_a_question_mark_in_text_or_comment_is_no_parameter() -> None:
    """Only the sign itself takes a value."""
    assert text_of("SELECT '?' /* ? */ AS a -- ?\n FROM s.t WHERE \"a?\" = ?", 1) == text_of(
        "SELECT '?' AS a FROM s.t WHERE \"a?\" = 1"
    )


@pytest.mark.parametrize("parameters", [(), (1,), (1, 2, 3)])
def test_each_question_mark_takes_one_value(parameters: tuple[int, ...]) -> None:
    """Too few and too many are told with their numbers."""
    with pytest.raises(InvalidQuery) as refused:
        text_of("SELECT a FROM s.t WHERE a = ? OR a = ?", *parameters)
    assert (refused.value.reason, refused.value.detail) == (Reason.PARAMETERS_INVALID, f"? × 2, {len(parameters)}")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), decimal.Decimal("NaN")])
def test_numbers_that_sql_cannot_say_are_refused(value: Parameter) -> None:
    """Nothing that is no number is compared as one."""
    with pytest.raises(InvalidQuery) as refused:
        text_of("SELECT a FROM s.t WHERE a = ?", value)
    assert (refused.value.reason, refused.value.detail) == (Reason.PARAMETERS_INVALID, "? 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM ?",
        "SELECT a FROM s.?",
        "SELECT a AS ? FROM s.t",
        "SELECT a ? FROM s.t",
        "SELECT ?.a FROM s.t",
        "SELECT a FROM s.t AS ?",
        "SELECT a FROM s.t AS t(?)",
        "WITH ? AS (SELECT 1 AS a) SELECT a FROM s.t",
        "SELECT a FROM s.t JOIN s.u USING (?)",
        "SELECT a FROM s.t ORDER BY ?",
        "SELECT a FROM s.t ORDER BY (?)",
        "SELECT a FROM s.t GROUP BY ?",
        "SELECT a FROM s.t WHERE a IN ?",
        "SELECT CAST(a AS ?) FROM s.t",
        "SELECT ? FROM s.t LIMIT ? PERCENT",
    ],
)
@pytest.mark.parametrize("value", ["resident", "year", 1])
def test_a_value_is_never_a_name(sql: str, value: Parameter) -> None:
    """Tables, columns, aliases, types and positions are not parameters, so what is decided does not depend on them."""
    with pytest.raises(InvalidQuery):
        text_of(sql, *[value] * sql.count("?"))


@pytest.mark.parametrize("value", ["5", -1, 1.5, None, True, 10**16])
def test_a_row_bound_is_a_whole_number(value: Parameter) -> None:
    """As in a written statement."""
    with pytest.raises(InvalidQuery) as refused:
        text_of("SELECT a FROM s.t LIMIT ?", value)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED


@pytest.mark.parametrize("value", ["nul\0", "\x1b[31m", "zero\u200bwidth", "\u202egnal", "\ud800"])
def test_characters_that_people_cannot_see_are_refused(value: str) -> None:
    """Values obey the rules of the text they are put into."""
    with pytest.raises(InvalidQuery) as refused:
        text_of("SELECT a FROM s.t WHERE a = ?", value)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED


@pytest.mark.parametrize("values", [["x" * 65_536], ["x" * 9_000] * 8])
def test_large_values_are_refused(values: list[str]) -> None:
    """A statement with its values is bounded like one without."""
    with pytest.raises(InvalidQuery) as refused:
        text_of("SELECT a FROM s.t WHERE a IN (" + ", ".join("?" * len(values)) + ")", *values)
    assert refused.value.reason is Reason.QUERY_TOO_COMPLEX


def test_probes_can_be_found_again() -> None:
    """Each is a text that the statement does not have, or 1 where only whole numbers may stand."""
    assert probe("SELECT '?0' AS \"?2\" FROM s.t WHERE a = ? AND b = ? LIMIT ?") == ("?1", "?3", 1)
    assert probe("SELECT a FROM s.t") == ()


def test_probes_are_short_whatever_the_text() -> None:
    """A statement of the largest size, full of question marks, still fits with probes in it."""
    written, open_places = ", ".join(f"'?{number}'" for number in range(900)), ", ".join("?" * 900)
    found = probe(f"SELECT '{'?' * 40_000}' FROM s.t WHERE a IN ({written}, {open_places})")
    assert len(set(found)) == 900
    assert max(len(str(text)) for text in found) <= 5
