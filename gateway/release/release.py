"""Check and finish a result before any of it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Bug, TooLarge
from gateway.messages import Reason
from gateway.model.audit import AuditEntry
from gateway.model.plan import EnforcedPlan
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import BatchStream, ComputedResult, ReleasableResult


def release(
    computed: ComputedResult, *, requester: Requester, context: RequestContext, intent: AuditEntry
) -> ReleasableResult:
    """Return the result as it may leave.

    Groups of fewer than `people_min` data subjects are dropped with the column that counts them, the row cap of the decision
    holds, and the schema metadata says for what and how the values were treated (keys `sharing.*`, UTF-8 text or JSON).

    Args:
        computed: What the engine, or the one scan, gives.
        requester: Its office is named as the recipient.
        context: Holds purpose and case.
        intent: The entry under which the result is released.

    Raises:
        Bug: The result has other columns than the plan, or the plan does not count people where the decision asks for it.
    """
    plan = computed.plan
    _check_people_counted(computed.stream.schema, plan=plan)
    _check_columns(computed.stream.schema, plan=plan)
    fields = [f.remove_metadata() for f in computed.stream.schema if f.name != plan.people_column]
    schema = pa.schema(fields, metadata=_metadata(plan, requester=requester, context=context, intent=intent))
    stream = BatchStream(
        schema=schema,
        batches=_released(computed.stream.batches, schema=schema, plan=plan),
        cancel=computed.stream.cancel,
    )
    return ReleasableResult(plan=plan, stream=stream)


def suppress_small_groups(batch: pa.RecordBatch, *, count_column: str, people_min: int) -> pa.RecordBatch:
    """Drop groups that describe fewer than `people_min` data subjects, and the column that counts them.

    Args:
        batch: One row per group; `count_column` is an integer, null counts as none.
        count_column: Number of distinct data subjects in the group.
        people_min: Smallest group that may be released, in people; at least 2.

    Returns:
        Same row order, small groups and `count_column` removed.
    """
    large = pc.greater_equal(pc.fill_null(batch.column(count_column), 0), people_min)
    return batch.filter(large).drop_columns([count_column])


def _check_people_counted(schema: pa.Schema, *, plan: EnforcedPlan) -> None:
    if plan.people_min != plan.decision.people_min or (plan.people_min is None) != (plan.people_column is None):
        raise Bug("the plan counts people otherwise than decided")
    # A column of the requester's with the same name could stand in for the count.
    if plan.people_column is not None and schema.get_all_field_indices(plan.people_column) != [len(schema) - 1]:
        raise Bug("the column that counts people is not the last one, once")


def _check_columns(schema: pa.Schema, *, plan: EnforcedPlan) -> None:
    expected = (
        [output for _, output in plan.projection]
        if plan.sql is None
        else plan.resolved.tree.named_selects + ([plan.people_column] if plan.people_column else [])
    )
    # The engine may tell equal output names apart, so only the number is compared then.
    if len(schema.names) != len(expected) or (len(set(expected)) == len(expected) and schema.names != expected):
        raise Bug("the result has other columns than the plan")


def _released(batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, plan: EnforcedPlan) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        if plan.people_column is not None and plan.people_min is not None:
            batch = suppress_small_groups(batch, count_column=plan.people_column, people_min=plan.people_min)
        rows += batch.num_rows
        if rows > plan.rows_max:
            raise TooLarge(Reason.RESULT_TOO_LARGE, str(plan.rows_max))
        if batch.num_rows:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _metadata(
    plan: EnforcedPlan, *, requester: Requester, context: RequestContext, intent: AuditEntry
) -> dict[str, str]:
    decision = plan.decision
    if decision.obligations is None:
        raise Bug("an allowed decision has no obligations")
    treatment = {
        name: {column: str(t.mask or t.action) for column, t in sorted(dataset.columns.items())}
        for name, dataset in sorted(decision.datasets.items())
    }
    obligations = {
        "retention_days": decision.obligations.retention_days,
        "onward_sharing": decision.obligations.onward_sharing,
    }
    return {
        "sharing.purpose": context.purpose,
        "sharing.case": context.case,
        "sharing.recipient": requester.office,
        "sharing.entry": intent.entry_id,
        "sharing.decision": decision.decision_id,
        "sharing.policy_revision": decision.policy_revision,
        "sharing.treatment": json.dumps(treatment, ensure_ascii=False, sort_keys=True),
        "sharing.obligations": json.dumps(obligations, sort_keys=True),
    }
