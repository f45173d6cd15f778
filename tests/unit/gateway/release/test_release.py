"""The second enforcement: what leaves is what was decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
import sqlglot

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction, Mask, OfficeKind, Role
from gateway.errors import Bug, TooLarge
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.decision import ColumnTreatment, DatasetDecision, Decision, ResultObligations
from gateway.model.plan import EnforcedPlan
from gateway.model.query import ResolvedQuery
from gateway.model.requester import CaseState, RequestContext, Requester, Standing, Usage
from gateway.model.result import BatchStream, ComputedResult, ReleasableResult
from gateway.model.rows import RowBudget
from gateway.model.statistic import PlannedStatistic
from gateway.release import StatisticsLedger, release

CATALOGUE = load_catalogue()
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(),
    agreements=(),
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)
REQUESTER = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
CONTEXT = RequestContext(purpose="elderly-care-visits", case="2024-街-17", channel="flight_sql", time=0)
INTENT = AuditEntry(sequence=1, entry_id="entry-1", kind=EntryKind.INTENT, time_micros=0, body={}, leaf=b"")


def plan_of(selected: str, *, rows_max: int = 1000, projection: tuple[tuple[str, str], ...] = ()) -> EnforcedPlan:
    decision = Decision(
        decision_id="decision-1",
        allow=True,
        datasets={
            "population.resident": DatasetDecision(
                name="population.resident",
                columns={
                    "sex": ColumnTreatment(action=ColumnAction.CLEAR),
                    "name": ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.NAME),
                },
                row_filter=None,
                lookup_values_max=None,
            )
        },
        people_min=None,
        obligations=ResultObligations(
            rows_max=rows_max,
            rows_per_day_max=None,
            lookups_per_day_max=None,
            retention_days=30,
            onward_sharing=False,
            grade="general-3",
            agreements=("a-1",),
            emergency=None,
        ),
        denials=(),
        determined_by=("rule",),
        policy_revision="revision-1",
        standing=STANDING,
        policy_input={},
        answer_sha256="0" * 64,
    )
    return EnforcedPlan(
        resolved=ResolvedQuery(
            sql="",
            tree=sqlglot.parse_one(f"SELECT {selected}"),
            datasets=(),
            unknown_names=(),
            source_filters=(),
            aggregate_only=False,
            normalised_sql="",
        ),
        decision=decision,
        scans=(),
        sql=None if projection else "SELECT",
        projection=projection,
        rows_max=rows_max,
    )


def released(plan: EnforcedPlan, *tables: pa.Table, schema: pa.Schema | None = None) -> ReleasableResult:
    batches = [batch for table in tables for batch in table.to_batches()]
    stream = BatchStream(schema=schema or tables[0].schema, batches=iter(batches), cancel=lambda: None)
    return released_stream(plan, stream)


def released_stream(plan: EnforcedPlan, stream: BatchStream) -> ReleasableResult:
    return release(
        ComputedResult(plan=plan, stream=stream),
        requester=REQUESTER,
        context=CONTEXT,
        intent=INTENT,
        catalogue=CATALOGUE,
        ledger=StatisticsLedger("sqlite://", clock_seconds=lambda: 0.0),
        mark_secret=bytes(32),
        rows=RowBudget(plan.rows_max).share(plan.rows_max),
    )


def rows(result: ReleasableResult) -> list[dict[str, object]]:
    return pa.Table.from_batches(list(result.stream.batches), schema=result.stream.schema).to_pylist()


def test_a_plan_that_counts_people_otherwise_than_decided_is_refused() -> None:
    """The second enforcement trusts the decision, not the plan."""
    plan = plan_of("sex")
    statistic = PlannedStatistic(definition="d", people=("people_0",), sketches=())
    for bad in (
        replace(plan, statistic=statistic),
        replace(plan, decision=replace(plan.decision, people_min=10)),
    ):
        with pytest.raises(Bug):
            released(bad, pa.table({"sex": ["1"]}))


def test_the_row_cap_is_inclusive() -> None:
    """As many rows as allowed may leave; the next one fails the query."""
    table = pa.table({"n": range(5)})
    assert len(rows(released(plan_of("n", rows_max=10), table, table))) == 10
    result = released(plan_of("n", rows_max=9), table, table)
    delivered = next(result.stream.batches).num_rows
    assert delivered == 5
    with pytest.raises(TooLarge) as raised:
        next(result.stream.batches)
    assert raised.value.reason is Reason.RESULT_TOO_LARGE
    assert raised.value.message.en == "The result exceeds the 9 rows that the purpose allows."


def test_rows_are_checked_as_they_come() -> None:
    """Nothing is read before it is asked for, and an error of the result passes through."""

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise TooLarge(Reason.ENGINE_MEMORY)

    stream = BatchStream(schema=pa.schema({"n": pa.int64()}), batches=failing(), cancel=lambda: None)
    result = released_stream(plan_of("n"), stream)
    assert next(result.stream.batches).num_rows == 1
    with pytest.raises(TooLarge):
        next(result.stream.batches)


def test_batches_without_rows_are_left_out() -> None:
    """An empty batch sends nothing."""
    empty = pa.table({"n": pa.array([], pa.int64())})
    result = released(plan_of("n"), empty, pa.table({"n": [1]}), empty)
    assert [batch.num_rows for batch in result.stream.batches] == [1]


def test_the_schema_says_for_what_and_how_the_values_were_treated() -> None:
    """The metadata names purpose, case, recipient, entry, expiry, decision, policy, treatment, obligations and sources."""
    result = released(plan_of("n"), pa.table({"n": [1]}))
    metadata = {key.decode(): value.decode() for key, value in result.stream.schema.metadata.items()}
    assert json.loads(metadata.pop("sharing.treatment")) == {"population.resident": {"name": "name", "sex": "clear"}}
    assert json.loads(metadata.pop("sharing.obligations")) == {
        "retention_days": 30,
        "onward_sharing": False,
        "grade": "general-3",
        "agreements": ["a-1"],
        "emergency": None,
    }
    assert [cut["column"] for cut in json.loads(metadata.pop("sharing.cuts"))] == ["name", "sex"]
    assert json.loads(metadata.pop("sharing.rows")) == []
    about = json.loads(metadata.pop("sharing.about"))
    assert about["purpose"] == CATALOGUE.purposes["elderly-care-visits"].title.model_dump()
    assert about["legal_basis"][0] == CATALOGUE.purposes["elderly-care-visits"].legal_basis[0].citation.model_dump()
    assert (about["recipient"]["zh"], about["grade"]["zh"]) == ("南京东路街道", "一般数据3级")
    resident = about["datasets"]["population.resident"]
    assert (resident["title"]["zh"], resident["controller"]["en"]) == (
        "实有人口基本信息",
        "Shanghai Public Security Bureau",
    )
    assert metadata == {
        "sharing.purpose": "elderly-care-visits",
        "sharing.case": "2024-街-17",
        "sharing.recipient": "310101002",
        "sharing.entry": "entry-1",
        "sharing.expires_at": str(30 * 86_400),
        "sharing.decision": "decision-1",
        "sharing.policy_revision": "revision-1",
        "sharing.missing": "[]",
    }
    assert next(result.stream.batches).schema.metadata == result.stream.schema.metadata


def test_metadata_of_the_engine_and_of_columns_is_removed() -> None:
    """Nothing that a connector or the engine attached to a schema is passed on."""
    schema = pa.schema([pa.field("n", pa.int64(), metadata={"canary": "1"})], metadata={"canary": "2"})
    result = released(plan_of("n"), pa.table({"n": [1]}, schema=schema))
    assert result.stream.schema.field("n").metadata is None
    assert b"canary" not in result.stream.schema.metadata


@pytest.mark.parametrize(
    ("selected", "names"),
    [
        ("a, b", ["a"]),
        ("a, b", ["a", "b", "c"]),
        ("a, b", ["b", "a"]),
        ("a, b", ["a", "B"]),
        ("a, b AS a", ["a"]),
    ],
)
def test_other_columns_than_planned_never_leave(selected: str, names: list[str]) -> None:
    """A result with missing, additional, exchanged or renamed columns is a fault of ours and not released."""
    with pytest.raises(Bug):
        released(plan_of(selected), pa.table([[1]] * len(names), names=names))
    projection = tuple(("n", name.split(" AS ")[-1]) for name in selected.split(", "))
    with pytest.raises(Bug):
        released(plan_of("x", projection=projection), pa.table([[1]] * len(names), names=names))


def test_equal_output_names_are_allowed() -> None:
    """`SELECT a.n, b.n` gives two columns of one name; the engine may tell them apart."""
    for names in (["n", "n"], ["n", "n_1"]):
        result = released(plan_of("n, n"), pa.table([[1], [2]], names=names))
        assert [batch.num_columns for batch in result.stream.batches] == [2]


def test_a_decision_without_obligations_releases_nothing() -> None:
    """What was not decided in full does not leave."""
    plan = plan_of("n")
    with pytest.raises(Bug):
        released(replace(plan, decision=replace(plan.decision, obligations=None)), pa.table({"n": [1]}))


def test_cancelling_the_release_cancels_the_result() -> None:
    """Cancel reaches the engine."""
    cancelled: list[bool] = []
    stream = BatchStream(schema=pa.schema({"n": pa.int64()}), batches=iter(()), cancel=lambda: cancelled.append(True))
    released_stream(plan_of("n"), stream).stream.cancel()
    assert cancelled == [True]
