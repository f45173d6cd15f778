"""Parts of a result: disjoint, together the whole, and none where they would mean something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import Predicate, PredicateOp, evaluate
from gateway.model.decision import Decision
from gateway.model.plan import EnforcedPlan, PlannedScan, ScanColumn
from gateway.model.query import ResolvedQuery
from gateway.rewrite import split
from gateway.rewrite.parts import PARTS_MAX

CATALOGUE = load_catalogue()
COLUMN = "residence_division"
KNOWN = sorted(code for code in CATALOGUE.divisions if len(code) == 12)
codes = st.lists(
    st.one_of(st.none(), st.sampled_from(KNOWN), st.text("0123456789", max_size=12), st.just("310101")), max_size=50
)


def prefix(code: str, column: str = COLUMN) -> Predicate:
    return Predicate(op=PredicateOp.PREFIX, column=column, values=(code,))


def plan_of(row_filter: Predicate, *, sql: str = "SELECT name FROM r", action: ColumnAction = ColumnAction.CLEAR):
    columns = tuple(
        ScanColumn(name=name, action=how, mask=None, check_only=False)
        for name, how in ((COLUMN, ColumnAction.CLEAR), ("name", action))
    )
    scan = PlannedScan(
        name="scan_0",
        dataset="population.resident",
        controller="public_security",
        columns=columns,
        schema=pa.schema([(COLUMN, pa.string()), ("name", pa.string())]),
        row_filter=row_filter,
        pushed_filter=None,
        lookup_column=None,
        lookup_values=(),
        rows_max=None,
        read_once=True,
    )
    resolved = ResolvedQuery(
        sql=sql,
        tree=sqlglot.parse_one(sql),
        datasets=(),
        unknown_names=(),
        source_filters=(),
        aggregate_only=False,
        normalised_sql="",
    )
    decision = Decision(
        allow=True,
        decision_id="d",
        policy_revision="r",
        policy_input={},
        standing=None,
        datasets={},
        obligations=None,
        people_min=None,
        denials=(),
        determined_by=(),
        answer_sha256="",
    )
    return EnforcedPlan(
        resolved=resolved, decision=decision, scans=(scan,), sql=None, projection=(("name", "name"),), rows_max=10
    )


def rows_of(plan: EnforcedPlan, batch: pa.RecordBatch) -> list[bool]:
    return evaluate(plan.scans[0].row_filter, batch).to_pylist()


def batch_of(values: Sequence[str | None]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.string())], names=[COLUMN])


@pytest.mark.parametrize("own", ["31", "310101", "310101002"])
@settings(deadline=None, max_examples=30)
@given(values=codes)
def test_every_row_is_in_exactly_one_part(own: str, values: list[str | None]) -> None:
    """Rows with unknown, short or no division code are not lost, and none is delivered twice or from elsewhere."""
    plan, batch = plan_of(prefix(own)), batch_of(values)
    parts = split(plan, catalogue=CATALOGUE)
    assert 2 <= len(parts) <= PARTS_MAX
    held = [rows_of(part, batch) for part in parts.values()]
    assert [sum(row) for row in zip(*held, strict=True)] == [int(inside) for inside in rows_of(plan, batch)]


@pytest.mark.parametrize("other", ["310101013", "310101002001", "310101"])
def test_rows_of_former_divisions_are_split_too(other: str) -> None:
    """A row filter of several prefixes of one column is split as one, also when one division lies in the other."""
    either = Predicate(op=PredicateOp.OR, operands=(prefix("310101002"), prefix(other)))
    plan, batch = plan_of(either), batch_of(KNOWN)
    held = [rows_of(part, batch) for part in split(plan, catalogue=CATALOGUE).values()]
    assert [sum(row) for row in zip(*held, strict=True)] == [int(inside) for inside in rows_of(plan, batch)]


def test_keys_stay_the_same() -> None:
    """After a cut, the client finds the part that it lacks by its key."""
    assert list(split(plan_of(prefix("310101")), catalogue=CATALOGUE)) == list(
        split(plan_of(prefix("310101")), catalogue=CATALOGUE)
    )
    other = split(plan_of(prefix("310104")), catalogue=CATALOGUE)
    assert not other.keys() & split(plan_of(prefix("310101")), catalogue=CATALOGUE).keys()


@pytest.mark.parametrize(
    "plan",
    [
        plan_of(prefix("310101"), sql="SELECT name FROM r LIMIT 5"),
        plan_of(prefix("310101"), action=ColumnAction.PSEUDONYM),
        replace(plan_of(prefix("310101")), sql="SELECT count(*) FROM scan_0"),
        plan_of(prefix("310101002001")),
        plan_of(Predicate(op=PredicateOp.OR, operands=(prefix("310101"), prefix("310101", "registration_division")))),
        plan_of(Predicate(op=PredicateOp.EQ, column=COLUMN, values=("310101",))),
    ],
    ids=["a limit", "pseudonyms", "SQL", "no division below", "two columns", "no prefix"],
)
def test_other_results_stay_whole(plan: EnforcedPlan) -> None:
    """Where parts would have other rows, or pseudonyms that match nothing, there are none."""
    assert split(plan, catalogue=CATALOGUE) == {}
