"""One suite over every source: the same rows, the same predicates, the same answers."""

from __future__ import annotations

import datetime
import os
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sdk.predicates import Predicate, PredicateOp, evaluate
from connectors.sdk.source import Source, SourceCode, SourceError, SourceScan
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, TEXTS
from tests.unit.connectors.sources.conftest import MISSING

EXAMPLES_MAX = 80 if os.environ.get("SOAK") else 30
ALL = tuple(ROWS.schema.names)
EVERY_ROW = Predicate(op=PredicateOp.GE, column="id", values=(0,))


def scan(source: Source, predicate: Predicate = EVERY_ROW, **changes: Any) -> pa.Table:
    request = {"dataset": NAME, "columns": ALL, "predicate": predicate, "rows_max": None, "batch_rows": 64, **changes}
    with source.scan(SourceScan(**request)) as stream:
        batches = list(stream)
    schema = pa.schema([ROWS.schema.field(name) for name in request["columns"]])
    assert all(batch.schema.equals(schema, check_metadata=True) for batch in batches)
    assert all(0 < batch.num_rows <= request["batch_rows"] for batch in batches)
    return pa.Table.from_batches(batches, schema=schema)


def expected(predicate: Predicate) -> pa.Table:
    return pa.Table.from_batches([ROWS.filter(evaluate(predicate, ROWS))])


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-5, 405),
    "division": st.sampled_from(["310101001001", "310101002", "3101", "", "4", "310101003003"]),
    "label": st.one_of(
        st.sampled_from(TEXTS), st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
    ),
    "small": st.integers(-(2**15), 2**15 - 1) | st.sampled_from([0, 1, 7.0]),
    "middle": st.integers(-(2**31), 2**31 - 1) | st.sampled_from([0, 5]),
    "large": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, 2**53 + 2]),
    "ratio": st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from([0, -0.0, 0.1, -1.5]),
    "flag": st.booleans(),
    "day": st.dates() | st.sampled_from([datetime.date(2024, 2, 29), "2024-02-29", "1969-12-31"]),
    "moment": st.datetimes(timezones=st.just(datetime.UTC))
    | st.sampled_from(
        ["1970-01-01T00:00:00Z", "1970-01-01", "2022-01-08T00:00:00.123456+00:00", "1970-01-01T08:00:00+08:00"]
    ),
}
_RANGE = [PredicateOp.LT, PredicateOp.LE, PredicateOp.GT, PredicateOp.GE]


@st.composite
def leaves(draw: st.DrawFn) -> Predicate:
    column = draw(st.sampled_from(ALL))
    ops = [PredicateOp.EQ, PredicateOp.NE, PredicateOp.IN, PredicateOp.IS_NULL]
    if column != "flag":
        ops += [*_RANGE, PredicateOp.BETWEEN]
    if column in {"division", "label"}:
        ops += [PredicateOp.PREFIX] * 3
    op = draw(st.sampled_from(ops))
    counts = {PredicateOp.IS_NULL: (0, 0), PredicateOp.BETWEEN: (2, 2), PredicateOp.IN: (1, 4)}
    low, high = counts.get(op, (1, 1))
    return Predicate(op=op, column=column, values=tuple(draw(st.lists(_VALUES[column], min_size=low, max_size=high))))


def _nested(inner: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        several.map(lambda operands: Predicate(op=PredicateOp.AND, operands=operands)),
        several.map(lambda operands: Predicate(op=PredicateOp.OR, operands=operands)),
        inner.map(lambda operand: Predicate(op=PredicateOp.NOT, operands=(operand,))),
    )


predicates = st.recursive(leaves(), _nested, max_leaves=6)


def test_a_source_describes_the_catalogued_schema(source: Source) -> None:
    """Mapped names and types are the catalogue's."""
    assert source.describe() == {NAME: DATASET.schema}


def test_a_scan_returns_every_value_unchanged(source: Source) -> None:
    """Every type survives, nulls and extremes included."""
    assert scan(source).sort_by("id").equals(pa.Table.from_batches([ROWS]))


@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(predicate=predicates)
def test_a_filter_keeps_the_rows_that_evaluation_keeps(source: Source, predicate: Predicate) -> None:
    """The database and `evaluate` agree on every predicate."""
    assert scan(source, predicate).sort_by("id").equals(expected(predicate))


@pytest.mark.parametrize("op", [PredicateOp.EQ, PredicateOp.NE, PredicateOp.IN, PredicateOp.PREFIX, PredicateOp.LT])
def test_text_is_data_whatever_it_looks_like(source: Source, op: PredicateOp) -> None:
    """Quotes, placeholders, wildcards and statements in a literal are compared, never run."""
    for text in TEXTS:
        predicate = Predicate(op=op, column="label", values=(text,))
        assert scan(source, predicate).sort_by("id").equals(expected(predicate))
    assert scan(source).num_rows == ROWS.num_rows


def test_columns_come_in_the_order_asked_for(source: Source) -> None:
    """Only the named columns are sent."""
    assert scan(source, columns=("moment", "id")).column_names == ["moment", "id"]


def test_at_most_the_allowed_rows_are_read(source: Source) -> None:
    """A row limit holds over several batches, and zero matches stay zero."""
    assert scan(source, rows_max=100).num_rows == 100
    assert scan(source, Predicate(op=PredicateOp.EQ, column="id", values=(-1,)), rows_max=100).num_rows == 0


def test_a_filter_column_need_not_be_read(source: Source) -> None:
    """A predicate may test a column that is not selected."""
    predicate = Predicate(op=PredicateOp.PREFIX, column="division", values=("310101002",))
    assert scan(source, predicate, columns=("id",)).num_rows == expected(predicate).num_rows


def test_thousands_of_keys_are_one_parameter(source: Source) -> None:
    """Long lists do not meet a limit on parameters."""
    predicate = Predicate(op=PredicateOp.IN, column="id", values=tuple(range(100, 50_000)))
    assert scan(source, predicate).num_rows == 300


@pytest.mark.parametrize(
    "predicate",
    [
        Predicate(op=PredicateOp.EQ, column="nothing", values=(1,)),
        Predicate(op=PredicateOp.EQ, column="small", values=(70_000,)),
        Predicate(op=PredicateOp.EQ, column="small", values=(1.5,)),
        Predicate(op=PredicateOp.EQ, column="id", values=("1",)),
        Predicate(op=PredicateOp.EQ, column="label", values=("\0",)),
        Predicate(op=PredicateOp.EQ, column="label", values=("\ud800",)),
        Predicate(op=PredicateOp.EQ, column="ratio", values=(float("nan"),)),
        Predicate(op=PredicateOp.LT, column="flag", values=(True,)),
        Predicate(op=PredicateOp.PREFIX, column="id", values=("1",)),
        Predicate(op=PredicateOp.EQ, column="day", values=("yesterday",)),
        Predicate(op=PredicateOp.EQ, column="moment", values=(datetime.datetime(2024, 1, 1),)),
    ],
)
def test_a_literal_that_does_not_fit_is_refused_alike(source: Source, predicate: Predicate) -> None:
    """The source and `evaluate` refuse the same predicates."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the same text is compared
        scan(source, predicate)
    with pytest.raises(ValueError, match=re.escape(str(refused.value))):
        evaluate(predicate, ROWS)


@pytest.mark.parametrize("changes", [{"dataset": "testing.other"}, {"columns": ("id", "nothing")}])
def test_an_unknown_name_is_refused(source: Source, changes: dict[str, Any]) -> None:
    """Names outside the mapping never reach the database."""
    with pytest.raises(ValueError, match="does not exist"):
        scan(source, **changes)


def test_a_missing_table_is_the_drift_of_its_own_dataset(source: Source) -> None:
    """`describe` leaves out the dataset whose table is not there, which cannot be scanned; the others are served."""
    assert set(source.describe()) == {NAME}
    with pytest.raises(SourceError) as caught:
        scan(source, dataset=MISSING)
    assert caught.value.code is SourceCode.DRIFT
    assert scan(source, rows_max=1).num_rows == 1


def test_a_cancelled_stream_ends_with_an_error(source: Source) -> None:
    """Rows that were not read are never mistaken for the end."""
    request = SourceScan(dataset=NAME, columns=ALL, predicate=EVERY_ROW, rows_max=None, batch_rows=64)
    with source.scan(request) as stream:
        next(iter(stream))
        stream.cancel()
        stream.cancel()
        with pytest.raises(SourceError) as caught:
            next(stream)
    assert caught.value.code is SourceCode.CANCELLED
    assert scan(source).num_rows == ROWS.num_rows
