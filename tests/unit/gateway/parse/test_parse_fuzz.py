"""Random texts: parse and resolve end with a result or a GatewayError, and DuckDB agrees with every result."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import sqlglot.expressions as exp
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.load import load_catalogue
from gateway.errors import InvalidQuery
from gateway.model.query import ParsedQuery
from gateway.parse import parse
from gateway.resolve import resolve

EXAMPLES_MAX = int(os.environ.get("FUZZ_EXAMPLES", "150"))
FUZZ = settings(
    max_examples=EXAMPLES_MAX,
    deadline=5_000,
    derandomize=EXAMPLES_MAX == 150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SEEDS = [case["sql"] for case in yaml.safe_load((Path(__file__).parent / "accepted.yaml").read_text("utf-8"))] + [
    case[0] for case in yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text("utf-8"))
]
WORDS = sorted(
    {word for sql in SEEDS for word in sql.split()}
    | set("()[]{},.;*+-/%=<>|:?$@#!~^&\\`\"'")
    | {
        "population.resident",
        "housing.dwelling",
        "name",
        "r.",
        "lambda",
        "date(",
        "interval",
        "end",
        "->>",
        "/*",
        "*/",
        "--",
    }
)


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


def check(sql, engine_parser, catalogue):
    try:
        parsed = parse(sql, engine_parser=engine_parser)
    except InvalidQuery:
        return
    assert_duckdb_agrees(parsed, engine_parser)
    try:
        resolved = resolve(parsed, catalogue=catalogue)
    except InvalidQuery:
        return
    if not resolved.unknown_names:
        reading = engine_parser.read(resolved.tree.sql(dialect="duckdb"))
        assert not reading.refused
        used = Counter({tuple(dataset.name.split(".")): dataset.occurrences for dataset in resolved.datasets})
        assert Counter({name: n for name, n in reading.tables.items() if len(name) == 2}) == used


def assert_duckdb_agrees(parsed: ParsedQuery, engine_parser) -> None:
    reading = engine_parser.read(parsed.tree.sql(dialect="duckdb"))
    assert not reading.refused
    names = (tuple(part.name.lower() for part in table.parts) for table in parsed.tree.find_all(exp.Table))
    assert reading.tables == Counter(names)


@FUZZ
@given(words=st.lists(st.sampled_from(WORDS), max_size=40), glue=st.sampled_from([" ", "", "\n"]))
@example(words=["select", "name", "->>", "x"], glue=" ")
def test_word_soup_ends_in_a_result_or_a_refusal(words, glue, engine_parser, catalogue):
    """Words of SQL in any order never raise anything but InvalidQuery."""
    check("select " + glue.join(words), engine_parser, catalogue)


@FUZZ
@given(text=st.text(max_size=200))
def test_any_text_ends_in_a_result_or_a_refusal(text, engine_parser, catalogue):
    """Text of any characters never raises anything but InvalidQuery."""
    check(text, engine_parser, catalogue)
    check("select '" + text, engine_parser, catalogue)


@FUZZ
@given(data=st.data())
def test_mutated_statements_end_in_a_result_or_a_refusal(data, engine_parser, catalogue):
    """Statements with words dropped, doubled, swapped or replaced never raise anything but InvalidQuery."""
    words = data.draw(st.sampled_from(SEEDS)).split(" ")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(words) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "replace", "splice"]))
        if change == "drop" and len(words) > 1:
            del words[at]
        elif change == "double":
            words[at:at] = words[at : at + 3]
        elif change == "swap":
            words[at], words[-1] = words[-1], words[at]
        elif change == "replace":
            words[at] = data.draw(st.sampled_from(WORDS))
        else:
            words[at : at + 1] = ["(", *data.draw(st.sampled_from(SEEDS)).split(" "), ")"]
    check(" ".join(words), engine_parser, catalogue)


@FUZZ
@given(
    unit=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    closing=st.sampled_from(["", ")", "end", "on true", "as x"]),
    times=st.sampled_from([10, 23, 200, 900]),
)
@example(unit=["date", "("], closing=")", times=23)
@example(unit=["join", "s.t"], closing="on true", times=23)
def test_repetition_ends_in_a_result_or_a_refusal(unit, closing, times, engine_parser, catalogue):
    """No few words, repeated, keep the parsers busy for longer than the fuzzer's deadline."""
    sql = "select 1 from s.t where " + (" ".join(unit) + " ") * times + "1 " + (closing + " ") * times
    check(sql, engine_parser, catalogue)
