"""Picks become SQL, and SQL becomes picks again."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from catalog.dataset import Text
from catalog.load import load_catalogue
from catalog.vocabulary import ColumnType
from gateway.doors.console.asking.build_sql import DIALECT, build_sql
from gateway.doors.console.asking.picks import (
    ColumnFacts,
    ColumnName,
    Condition,
    Facts,
    Filter,
    Join,
    Kind,
    Measure,
    Measured,
    Order,
    PickProblem,
    Picks,
)
from gateway.doors.console.asking.read_sql import place_of_mistake, read_sql

RESIDENT, DWELLING = "population.resident", "housing.dwelling"
_KINDS = {
    ColumnType.STRING: Kind.TEXT,
    ColumnType.BOOL: Kind.TRUTH,
    ColumnType.DATE: Kind.DATE,
    ColumnType.TIMESTAMP: Kind.MOMENT,
}
FACTS: Facts = {
    ColumnName(dataset=name, column=column.name): ColumnFacts(
        kind=_KINDS.get(column.type, Kind.NUMBER), title=column.title
    )
    for name, dataset in load_catalogue().datasets.items()
    for column in dataset.columns
}
NAME = ColumnName(dataset=RESIDENT, column="name")
BORN = ColumnName(dataset=RESIDENT, column="birth_date")
FLOOR = ColumnName(dataset=DWELLING, column="floor")
LIFT = ColumnName(dataset=DWELLING, column="has_elevator")
AT_HOME = Join(dataset=DWELLING, on=(("dwelling_code", "dwelling_code"),))


def sql_of(picks: Picks) -> str:
    return " ".join(build_sql(picks, facts=FACTS).split())


def where(column: ColumnName, condition: Condition, *values: str) -> str:
    picks = Picks(
        dataset=column.dataset, columns=(column,), filters=(Filter(column=column, condition=condition, values=values),)
    )
    return sql_of(picks).partition(" WHERE ")[2]


def test_columns_of_one_dataset_need_no_alias():
    """What is picked is what is selected."""
    assert sql_of(Picks(dataset=RESIDENT, columns=(NAME, BORN))) == "SELECT name, birth_date FROM population.resident"


def test_a_join_by_a_known_key():
    """Rows without a partner stay unless they are not wanted; conditions, order and limit follow."""
    picks = Picks(
        dataset=RESIDENT,
        joins=(AT_HOME,),
        columns=(NAME, FLOOR),
        filters=(Filter(column=FLOOR, condition=Condition.AT_LEAST, values=("4",)),),
        order=Order(by=FLOOR, descending=True),
        rows_max=50,
    )
    assert sql_of(picks) == (
        "SELECT r.name, d.floor FROM population.resident AS r "
        "LEFT JOIN housing.dwelling AS d ON d.dwelling_code = r.dwelling_code "
        "WHERE d.floor >= 4 ORDER BY d.floor DESC LIMIT 50"
    )


def test_groups_are_counted():
    """Columns make the groups, and measures have names."""
    picks = Picks(
        dataset=DWELLING,
        columns=(LIFT,),
        counting=True,
        measures=(Measured(measure=Measure.ROWS), Measured(measure=Measure.AVERAGE, column=FLOOR)),
        order=Order(by=Measured(measure=Measure.ROWS), descending=True),
    )
    assert sql_of(picks) == (
        'SELECT has_elevator, COUNT(*) AS "数量", AVG(floor) AS "所在层平均" FROM housing.dwelling '
        'GROUP BY has_elevator ORDER BY "数量" DESC'
    )


@pytest.mark.parametrize(
    ("column", "condition", "values", "expected"),
    [
        (NAME, Condition.EQUALS, ("O'Neill",), "name = 'O''Neill'"),
        (NAME, Condition.BEGINS, ("王",), "STARTS_WITH(name, '王')"),
        (NAME, Condition.ONE_OF, ("甲", "", "乙"), "name IN ('甲', '乙')"),
        (NAME, Condition.MISSING, (), "name IS NULL"),
        (NAME, Condition.PRESENT, (), "NOT name IS NULL"),
        (BORN, Condition.AT_MOST, ("1946-02-28",), "birth_date <= CAST('1946-02-28' AS DATE)"),
        (BORN, Condition.YEARS_AT_LEAST, ("80",), "birth_date <= CURRENT_DATE - INTERVAL '80' YEAR"),
        (FLOOR, Condition.EQUALS, ("-1",), "floor = -1"),
        (LIFT, Condition.EQUALS, ("false",), "has_elevator = FALSE"),
        (NAME, Condition.EQUALS, ("x'; DROP TABLE a; --",), "name = 'x''; DROP TABLE a; --'"),
        (NAME, Condition.EQUALS, ("\\'",), "name = '\\'''"),
        (NAME, Condition.EQUALS, ("  ",), ""),
    ],
)
def test_a_value_becomes_a_literal_of_its_column(column, condition, values, expected):
    """Texts are quoted, dates and numbers are checked; a condition without a value has no effect."""
    assert where(column, condition, *values) == expected


@pytest.mark.parametrize(
    ("column", "condition", "value"),
    [
        (BORN, Condition.AT_LEAST, "31.2.1950"),
        (BORN, Condition.YEARS_LESS, "1 OR 1=1"),
        (BORN, Condition.YEARS_LESS, "٨٠"),
        (FLOOR, Condition.EQUALS, "1 OR 1=1"),
        (FLOOR, Condition.EQUALS, "NaN"),
        (FLOOR, Condition.EQUALS, "1e400"),
        (LIFT, Condition.EQUALS, "TRUE OR TRUE"),
        (NAME, Condition.EQUALS, "a\x00b"),
        (ColumnName(dataset=RESIDENT, column='name" FROM x'), Condition.EQUALS, "1"),
    ],
)
def test_what_is_no_value_is_refused_in_words(column, condition, value):
    """The form says what is wrong with it; no SQL comes about."""
    with pytest.raises(PickProblem) as raised:
        where(column, condition, value)
    assert raised.value.text.zh
    assert raised.value.text.en


@given(value=st.text(min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_value_never_leaves_its_literal(value):
    """Whatever is typed, the statement stays one SELECT with one literal, which holds the value."""
    picks = Picks(
        dataset=RESIDENT, columns=(NAME,), filters=(Filter(column=NAME, condition=Condition.EQUALS, values=(value,)),)
    )
    try:
        sql = build_sql(picks, facts=FACTS)
    except PickProblem:
        return
    (tree,) = sqlglot.parse(sql, read=DIALECT)
    literals = [literal.this for literal in tree.find_all(exp.Literal)]
    assert literals == ([value.strip()] if value.strip() else [])
    assert {type(node) for node in tree.walk()} <= {
        exp.Select, exp.From, exp.Table, exp.Identifier, exp.Column, exp.Where, exp.EQ, exp.Literal,
    }  # fmt: skip


@given(name=st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_name_never_leaves_its_identifier(name):
    """Even a column with a hostile name is one identifier."""
    column = ColumnName(dataset=RESIDENT, column=name)
    facts = {column: ColumnFacts(kind=Kind.TEXT, title=Text(zh="列", en="column"))}
    (tree,) = sqlglot.parse(build_sql(Picks(dataset=RESIDENT, columns=(column,)), facts=facts), read=DIALECT)
    (found,) = tree.expressions
    assert isinstance(found, exp.Column)
    assert found.name == name


_TYPED = st.text(alphabet="王明' %_\\a-;", min_size=1).filter(str.strip).map(str.strip)


def _filters(column: ColumnName, conditions: list[Condition], values: st.SearchStrategy[tuple[str, ...]]):
    return st.builds(Filter, column=st.just(column), condition=st.sampled_from(conditions), values=values)


_FILTERS = st.one_of(
    _filters(NAME, [Condition.EQUALS, Condition.BEGINS, Condition.CONTAINS, Condition.DIFFERS], st.tuples(_TYPED)),
    _filters(NAME, [Condition.ONE_OF], st.just(("甲", "乙"))),
    _filters(BORN, [Condition.AT_LEAST, Condition.AT_MOST], st.tuples(st.dates().map(str))),
    _filters(BORN, [Condition.YEARS_AT_LEAST, Condition.YEARS_LESS], st.tuples(st.integers(0, 200).map(str))),
    _filters(FLOOR, [Condition.AT_LEAST, Condition.EQUALS], st.tuples(st.integers(-99, 99).map(str))),
    _filters(LIFT, [Condition.EQUALS], st.sampled_from([("true",), ("false",)])),
    _filters(LIFT, [Condition.MISSING, Condition.PRESENT], st.just(())),
)


@given(
    filters=st.lists(_FILTERS, max_size=4),
    columns=st.lists(st.sampled_from([NAME, BORN, FLOOR, LIFT]), min_size=1, unique=True),
    keep=st.booleans(),
    order=st.none() | st.builds(Order, by=st.sampled_from([NAME, FLOOR]), descending=st.booleans()),
    rows_max=st.none() | st.integers(1, 1000),
)
@settings(max_examples=150, deadline=None)
def test_what_was_picked_is_read_again(filters, columns, keep, order, rows_max):
    """The SQL of any picks is read as the same picks, so that a saved query opens as it was picked."""
    picks = Picks(
        dataset=RESIDENT,
        joins=(AT_HOME,),
        keep=keep,
        columns=tuple(columns),
        filters=tuple(filters),
        order=order,
        rows_max=rows_max,
    )
    assert read_sql(build_sql(picks, facts=FACTS), facts=FACTS) == picks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT upper(name) FROM population.resident",
        "SELECT name FROM population.resident WHERE sex = '1' OR sex = '2'",
        "SELECT DISTINCT name FROM population.resident",
        "SELECT name AS who FROM population.resident",
        "SELECT name FROM population.resident LIMIT 5 OFFSET 2",
        "SELECT name FROM population.resident ORDER BY name, birth_date",
        "SELECT name FROM population.resident QUALIFY row_number() OVER (ORDER BY name) = 1",
        "SELECT sex, count(*) FROM population.resident GROUP BY sex HAVING count(*) > 5",
        "SELECT name FROM (SELECT name FROM population.resident) x",
        "SELECT name FROM population.resident r, housing.dwelling d",
        "WITH x AS (SELECT name FROM population.resident) SELECT name FROM x",
        "SELECT name FROM population.resident UNION ALL SELECT owner_name FROM housing.dwelling",
        "SELECT unknown FROM population.resident",
        "DELETE FROM population.resident",
        "SELECT name FROM population.resident; SELECT 1",
        "SELECT (((",
        "'",
        "",
    ],
)  # fmt: skip
def test_what_picking_cannot_write_is_not_read_as_picks(sql):
    """Nothing of a statement is dropped silently: it is shown as SQL."""
    assert read_sql(sql, facts=FACTS) is None


@pytest.mark.parametrize(
    "example",
    [example for purpose in load_catalogue().purposes.values() for example in purpose.examples],
    ids=lambda one: one.title.en,
)
def test_ready_made_queries_open_as_picks(example):
    """Whoever begins with an example can go on by picking."""
    assert read_sql(example.sql, facts=FACTS) is not None


def test_the_place_of_a_mistake_is_told():
    """Line and column, from 1; none for what is SQL."""
    assert place_of_mistake("SELECT name,\nFROM population.resident WHERE (") == (2, 32)
    assert place_of_mistake("SELECT name FROM population.resident") is None
